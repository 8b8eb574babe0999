//! The main thread's loop: signals and the timer.

use super::Error;
use super::shell::Shell;
use super::signals::{Request, Signals};
use event_manager::{EventManager, EventOps, EventSet, Events, MutEventSubscriber, SubscriberOps};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use vmm_sys_util::timerfd::TimerFd;

const SIGNAL: u32 = 0;
const ALARM: u32 = 1;
const TIMER: u32 = 2;

struct Supervisor {
    shell: Arc<Shell>,
    signals: Signals,
    timer: TimerFd,
    stats: Option<PathBuf>,
    stop: Arc<AtomicBool>,
}

impl Supervisor {
    /// Lets the timer run out at the device's next deadline, if it has one.
    fn set_timer(&mut self) {
        let deadline = self.shell.next_alarm(|| self.shell.device.deadline());
        let result = match deadline {
            // A timer of zero would be no timer.
            Some(at) => {
                let wait = at.saturating_sub(self.shell.now()).max(Duration::from_nanos(1));
                self.timer.reset(wait, None)
            }
            None => self.timer.clear(),
        };
        if let Err(e) = result {
            log::error!(error:% = e; "timer");
        }
    }

    /// The timer has run out. It is not read: that would wait if it had been set anew since, by an
    /// alarm that came with it, and for ever if it had been cleared. To set it takes the event away.
    fn tick(&mut self) {
        let outcome = self.shell.device.tick(self.shell.now());
        self.shell.apply(outcome);
        self.set_timer();
    }
}

impl MutEventSubscriber for Supervisor {
    fn process(&mut self, events: Events, _: &mut EventOps) {
        match events.data() {
            SIGNAL => {
                while let Some(request) = self.signals.take() {
                    match (request, self.stats.as_deref()) {
                        (Request::Stop, _) => self.stop.store(true, Ordering::Release),
                        (Request::WriteStatistics, Some(path)) => {
                            if let Err(e) = write(&self.shell, path) {
                                log::error!(error:% = e; "cannot write statistics");
                            }
                        }
                        (Request::WriteStatistics, None) => {
                            log::warn!("SIGUSR1: there is no --stats FILE to write");
                        }
                    }
                }
            }
            ALARM => {
                let _ = self.shell.alarm.read();
                self.set_timer();
            }
            _ => self.tick(),
        }
    }

    fn init(&mut self, ops: &mut EventOps) {
        let sources = [
            Events::with_data(&self.signals, SIGNAL, EventSet::IN),
            Events::with_data(&self.shell.alarm, ALARM, EventSet::IN),
            Events::with_data(&self.timer, TIMER, EventSet::IN),
        ];
        for source in sources {
            if let Err(e) = ops.add(source) {
                log::error!(error:% = e; "event loop");
            }
        }
    }
}

/// Runs until a signal asks to stop, or no client can come any more.
///
/// # Errors
/// If the event loop cannot be set up or fails.
pub fn run(signals: Signals, shell: &Arc<Shell>, stats: Option<&Path>) -> Result<(), Error> {
    let timer = TimerFd::new().map_err(|e| Error::Setup { what: "a timer", source: e.into() })?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut events = EventManager::<Supervisor>::new().map_err(Error::Events)?;
    events.add_subscriber(Supervisor {
        shell: Arc::clone(shell),
        signals,
        timer,
        stats: stats.map(Path::to_owned),
        stop: Arc::clone(&stop),
    });
    while !stop.load(Ordering::Acquire) && !shell.finished() {
        events.run().map_err(Error::Events)?;
    }
    log::info!("stopping");
    Ok(())
}

/// The file that becomes the statistics when it is complete.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Whether statistics can be written there: better known now than at the end.
///
/// # Errors
/// [`Error::Stats`].
pub fn probe(path: &Path) -> Result<(), Error> {
    let error = |source| Error::Stats { path: path.to_owned(), source };
    fs::write(temporary(path), "").map_err(error)?;
    fs::remove_file(temporary(path)).map_err(error)
}

/// Writes the statistics, whole or not at all.
///
/// # Errors
/// [`Error::Stats`].
pub fn write(shell: &Shell, path: &Path) -> Result<(), Error> {
    let error = |source| Error::Stats { path: path.to_owned(), source };
    let json = serde_json::to_string_pretty(&shell.device.statistics(shell.now()))
        .map_err(|e| error(io::Error::other(e)))?;
    let written = fs::write(temporary(path), json + "\n");
    written.and_then(|()| fs::rename(temporary(path), path)).map_err(|e| {
        // A part of it is of use to nobody, least of all on a full disk.
        let _ = fs::remove_file(temporary(path));
        error(e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::platform::Secrets;
    use crate::device::soc::VIRT_ERA9;
    use crate::device::{Device, Setup};

    #[test]
    fn a_timer_that_runs_out_beside_an_alarm_keeps_nobody_waiting() {
        let setup = Setup { soc: &VIRT_ERA9, rings: 1, decos: 1, fault_seed: 0 };
        let secrets = Secrets { seed: Some(1), master_key: None };
        let device = Arc::new(Device::new(setup, secrets).unwrap());
        let mut supervisor = Supervisor {
            shell: Arc::new(Shell::new(device).unwrap()),
            signals: Signals::block().unwrap(),
            timer: TimerFd::new().unwrap(),
            stats: None,
            stop: Arc::default(),
        };
        supervisor.timer.reset(Duration::from_nanos(1), None).unwrap();
        // Both have come; the alarm is handled first, and there is no deadline any more.
        supervisor.set_timer();
        supervisor.tick();
    }
}
