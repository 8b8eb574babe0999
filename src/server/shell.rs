//! What the threads share: the device, and the descriptors through which they wake each other.

use super::trace::Traces;
use crate::control::commands::Host;
use crate::control::stats::nanoseconds;
use crate::device::{Device, Outcome};
use crate::trace::{What, file as trace};
use crate::vfio_user::Connection;
use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EFD_SEMAPHORE, EventFd};

/// See the module.
#[derive(Debug)]
pub struct Shell {
    /// The device.
    pub device: Arc<Device>,
    start: Instant,
    /// Wakes DECO threads, one a count.
    pub doorbell: EventFd,
    /// DECO threads that sleep, or are about to.
    pub sleeping: AtomicUsize,
    /// Wakes the main thread to set its timer.
    pub alarm: EventFd,
    /// When the timer is set for, in nanoseconds since `start`; `u64::MAX`: it is not.
    pub alarm_at: AtomicU64,
    stopping: AtomicBool,
    interrupt: Mutex<Option<File>>,
    /// The client that is served.
    connection: Mutex<Option<Arc<Connection>>>,
    /// There will be no further client.
    finished: AtomicBool,
    /// What is written to a file of what happens.
    pub traces: Traces,
    /// No client is served before then, in nanoseconds since `start`.
    away_until: AtomicU64,
}

impl Shell {
    /// Around a device; the clock starts now.
    ///
    /// # Errors
    /// If there are no descriptors left.
    pub fn new(device: Arc<Device>) -> io::Result<Self> {
        Ok(Self {
            device,
            start: Instant::now(),
            doorbell: EventFd::new(EFD_NONBLOCK | EFD_SEMAPHORE)?,
            sleeping: AtomicUsize::new(0),
            alarm: EventFd::new(EFD_NONBLOCK)?,
            alarm_at: AtomicU64::new(u64::MAX),
            stopping: AtomicBool::new(false),
            interrupt: Mutex::new(None),
            connection: Mutex::new(None),
            finished: AtomicBool::new(false),
            traces: Traces::default(),
            away_until: AtomicU64::new(0),
        })
    }

    /// The device's time.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Whether the process is ending.
    #[must_use]
    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Ends the DECO threads. Jobs they run are told to stop, and do not wait for the client.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.hang_up();
        let _ = self.device.reset(self.now());
        for _ in 0..self.device.setup().decos {
            notify(&self.doorbell);
        }
    }

    /// The client's INTx eventfd, or none. It must not block.
    pub fn set_interrupt(&self, eventfd: Option<File>) {
        *self.interrupt.lock().unwrap_or_else(PoisonError::into_inner) = eventfd;
    }

    /// Signals the client's INTx eventfd.
    pub fn signal(&self) {
        let mut guard = self.interrupt.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(eventfd) = guard.as_mut()
            && let Err(e) = eventfd.write_all(&1_u64.to_ne_bytes())
            // It is full, so the client has been told.
            && e.kind() != io::ErrorKind::WouldBlock
        {
            log::warn!(error:% = e; "cannot signal the client's interrupt");
            // Once is enough.
            *guard = None;
        }
    }

    /// The client that is served now, if one is.
    pub fn set_connection(&self, connection: Option<Arc<Connection>>) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
        // Or whoever stops or vanishes has found nobody to hang up on.
        if self.stopping() || self.away().is_some() {
            self.hang_up();
        }
    }

    /// Closes the client's connection.
    fn hang_up(&self) {
        let guard = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = &*guard {
            connection.shut_down();
        }
    }

    /// There will be no further client: the process may end.
    pub fn finish(&self) {
        log::info!("the client of the inherited connection has gone");
        self.finished.store(true, Ordering::Release);
        notify(&self.alarm);
    }

    /// Whether there will be no further client.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// The device goes away: the client's connection is closed, and none accepted for `length`.
    fn vanish(&self, length: Duration) {
        let until = nanoseconds(self.now().saturating_add(length));
        // First this, so that the client thread sees it when it has lost its client.
        self.away_until.fetch_max(until, Ordering::SeqCst);
        log::info!(length:? = length; "the device vanishes");
        self.hang_up();
    }

    /// How long the device stays away, if it is.
    #[must_use]
    pub fn away(&self) -> Option<Duration> {
        let until = Duration::from_nanos(self.away_until.load(Ordering::SeqCst));
        until.checked_sub(self.now()).filter(|left| !left.is_zero())
    }

    /// Wakes a DECO thread, if one sleeps. One that does not looks for jobs before it does.
    pub fn ring_doorbell(&self) {
        if self.sleeping.load(Ordering::SeqCst) > 0 {
            notify(&self.doorbell);
        }
    }

    /// The time that the timer is to be set for, which is `deadline`'s, found out meanwhile.
    pub fn next_alarm(&self, deadline: impl FnOnce() -> Option<Duration>) -> Option<Duration> {
        // Until it is known, whoever has a deadline rings the alarm: one that `deadline` has just
        // missed must not take the timer, as it was, for early enough.
        self.alarm_at.store(u64::MAX, Ordering::SeqCst);
        let at = deadline();
        self.alarm_at.store(at.map_or(u64::MAX, nanoseconds), Ordering::SeqCst);
        at
    }

    /// Does what an access asks for.
    pub fn apply(&self, outcome: Outcome) {
        if outcome.interrupt {
            if self.device.trace.on() {
                self.device.trace.tell(self.now(), What::Signalled);
            }
            self.signal();
        }
        if outcome.doorbell {
            self.ring_doorbell();
        }
        if let Some(length) = outcome.vanish {
            self.vanish(length);
        }
        if outcome.timer
            && let Some(at) = self.device.deadline()
            && nanoseconds(at) < self.alarm_at.load(Ordering::SeqCst)
        {
            notify(&self.alarm);
        }
    }
}

impl Host for Shell {
    fn start_trace(&self, options: &trace::Options) -> Result<(), trace::Error> {
        self.traces.start(&self.device, options, self.now())
    }

    fn stop_trace(&self) -> Result<trace::Status, trace::Error> {
        self.traces.stop(&self.device)
    }

    fn trace_status(&self) -> Option<trace::Status> {
        self.traces.status(&self.device)
    }
}

fn notify(eventfd: &EventFd) {
    // EAGAIN: the counter is full, so whoever sleeps on it is awake already.
    if let Err(e) = eventfd.write(1)
        && e.kind() != io::ErrorKind::WouldBlock
    {
        log::error!(error:% = e; "cannot wake a thread");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Setup;
    use crate::device::platform::Secrets;
    use crate::device::soc::VIRT_ERA9;
    use crate::fault::grammar::Fields;

    fn shell() -> Shell {
        let setup = Setup { soc: &VIRT_ERA9, rings: 1, decos: 1, fault_seed: 0 };
        let secrets = Secrets { seed: Some(1), master_key: None };
        let device = Device::new(setup, secrets).expect("a seeded device needs no entropy");
        Shell::new(Arc::new(device)).expect("event descriptors")
    }

    /// Gives the device a deadline: a reset of its ring that takes a while.
    fn begin_slow_reset(shell: &Shell) -> Outcome {
        let rule = Fields::from_text("reset-ring:outcome=slow,by=1ms");
        shell.device.faults.add(&rule).expect("a rule");
        let jrcr = |value: u32| {
            shell.device.write_bar(0x106c, &value.to_le_bytes(), shell.now()).expect("JRCR")
        };
        // Flush, then reset.
        let _ = jrcr(1);
        jrcr(1)
    }

    fn rung(shell: &Shell) -> bool {
        shell.alarm.read().is_ok()
    }

    #[test]
    fn a_deadline_that_the_timer_has_just_missed_rings_the_alarm() {
        let shell = shell();
        // The timer has run out: it was set for a moment that has passed.
        shell.alarm_at.store(1, Ordering::SeqCst);
        let at = shell.next_alarm(|| {
            let before = shell.device.deadline();
            let outcome = begin_slow_reset(&shell);
            assert!(outcome.timer && shell.device.deadline().is_some());
            shell.apply(outcome);
            before
        });
        assert_eq!(at, None);
        assert!(rung(&shell), "nobody would look again");
        // Having looked again, the timer is early enough for all there is.
        assert!(shell.next_alarm(|| shell.device.deadline()).is_some());
        shell.apply(Outcome { timer: true, ..Outcome::default() });
        assert!(!rung(&shell));
    }
}
