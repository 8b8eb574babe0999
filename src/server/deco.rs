//! A DECO thread: takes jobs while there are any, then sleeps on the doorbell.

use super::Error;
use super::shell::Shell;
use crate::descriptors::deco::Report;
use crate::descriptors::flow::{Budget, Scratch};
use crate::fault::job::watchdog;
use event_manager::{EventManager, EventOps, EventSet, Events, MutEventSubscriber, SubscriberOps};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

struct Doorbell(Arc<Shell>);

impl MutEventSubscriber for Doorbell {
    fn process(&mut self, _: Events, _: &mut EventOps) {
        // Another DECO may have been quicker; then there is nothing to read, and no harm done.
        let _ = self.0.doorbell.read();
    }

    fn init(&mut self, ops: &mut EventOps) {
        if let Err(e) = ops.add(Events::new(&self.0.doorbell, EventSet::IN)) {
            log::error!(error:% = e; "doorbell");
        }
    }
}

/// Starts DECO `n`.
///
/// # Errors
/// If the thread or its event loop cannot be had.
pub fn spawn(n: usize, shell: Arc<Shell>) -> Result<JoinHandle<()>, Error> {
    thread::Builder::new()
        .name(format!("deco{n}"))
        .spawn(move || {
            if let Err(e) = run(&shell) {
                log::error!(deco = n, error:% = e; "DECO stopped");
            }
        })
        .map_err(Error::setup("a DECO thread"))
}

fn run(shell: &Arc<Shell>) -> Result<(), event_manager::Error> {
    let mut events = EventManager::<Doorbell>::new()?;
    events.add_subscriber(Doorbell(Arc::clone(shell)));
    let mut scratch = Scratch::default();
    while !shell.stopping() {
        run_jobs(shell, &mut scratch);
        scratch.forget_keys();
        // Announce the sleep, then look once more: a doorbell that came in between either sees
        // the announcement or is seen here.
        shell.sleeping.fetch_add(1, Ordering::SeqCst);
        let result = if shell.device.has_work() || shell.stopping() { Ok(0) } else { events.run() };
        shell.sleeping.fetch_sub(1, Ordering::SeqCst);
        result?;
    }
    Ok(())
}

fn run_jobs(shell: &Shell, scratch: &mut Scratch) {
    let device = &shell.device;
    // The clock costs as much as a register access. When a job is given back the next is taken.
    let mut now = shell.now();
    loop {
        while device.tape.crowded() && !shell.stopping() {
            // The file is behind, and nothing of a recording may be missing.
            thread::sleep(Duration::from_millis(1));
        }
        let (job, outcome) = device.take_job(now);
        shell.apply(outcome);
        let Some(job) = job else { return };
        if device.setup().decos > 1 && device.has_work() {
            shell.ring_doorbell();
        }
        let report = guarded(scratch, |scratch| device.run_job(&job, scratch, Budget::default()));
        now = shell.now();
        shell.apply(device.complete_job(job, report, now));
        if shell.stopping() {
            return;
        }
    }
}

/// Runs a job. A panic is a bug of ours, which the panic hook tells; it costs the job and not the
/// DECO, which a guest would have lost for good.
fn guarded(scratch: &mut Scratch, run: impl FnOnce(&mut Scratch) -> Report) -> Report {
    // What the job leaves in guest memory may be half done, as for any that fails; the scratch is
    // thrown away; locks are let go, and what is under them is whole after each call.
    let caught = catch_unwind(AssertUnwindSafe(|| run(scratch)));
    caught.unwrap_or_else(|_| {
        log::error!("a job ended with a panic; its status says watchdog. Please report it");
        *scratch = Scratch::default();
        Report::of_status(watchdog())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptors::status::JobStatus;

    #[test]
    fn a_panic_costs_the_job_only() {
        let mut scratch = Scratch::default();
        let report = guarded(&mut scratch, |_| panic!("on purpose"));
        assert_eq!(report, Report::of_status(watchdog()));
        let report = guarded(&mut scratch, |_| Report::of_status(JobStatus::OK));
        assert!(report.status.is_ok());
    }
}
