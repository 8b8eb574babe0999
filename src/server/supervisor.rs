//! The main thread's loop: signals and the timer.

use super::Error;
use super::shell::Shell;
use super::signals::{Request, Signals};
use crate::control::stats::nanoseconds;
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
        // First this: a deadline that comes too late to be seen below then rings the alarm.
        self.shell.alarm_at.store(u64::MAX, Ordering::Release);
        let deadline = self.shell.device.deadline();
        let at = deadline.map_or(u64::MAX, nanoseconds);
        self.shell.alarm_at.store(at, Ordering::Release);
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
            _ => {
                // Not read: ALARM, just before, may have set it anew, and reading would wait for
                // that. To set it, below, takes the expiry back.
                let outcome = self.shell.device.tick(self.shell.now());
                self.shell.apply(outcome);
                self.set_timer();
            }
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
    fs::write(temporary(path), json + "\n").map_err(error)?;
    fs::rename(temporary(path), path).map_err(error)
}
