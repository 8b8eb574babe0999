//! What the device tells a trace, besides what its rings and the fault rules do.

use super::registers::place::place;
use super::{Device, Job};
use crate::descriptors::deco::Report;
use crate::trace::{Event, What};
use std::sync::mpsc::Receiver;
use std::time::Duration;

impl Device {
    /// Begins to tell what happens, from what the rings are like now; also of register accesses,
    /// if so wanted. The queue holds `length` events. `None`: somebody listens already.
    pub fn start_trace(
        &self,
        length: usize,
        registers: bool,
        now: Duration,
    ) -> Option<Receiver<Event>> {
        let events = self.trace.start(length, registers)?;
        for ring in &self.rings {
            ring.lock().tell_seen(now);
        }
        Some(events)
    }

    pub(super) fn tell_executed(&self, job: &Job, report: &Report, now: Duration) {
        let status = report.status.0;
        let what = match job {
            Job::Ring { ring, taken, .. } => {
                What::Executed { ring: *ring as u8, job: taken.number, status }
            }
            Job::Direct(_) => What::Direct { status },
        };
        self.trace.tell(now, what);
    }

    pub(super) fn tell_register(&self, write: bool, offset: u32, value: u32, now: Duration) {
        let secret = place(offset, self.rings.len()).secret;
        let value = (!secret).then_some(value);
        self.trace.tell(now, What::Register { write, offset, value });
    }
}

#[cfg(test)]
#[path = "tell_tests.rs"]
mod tests;
