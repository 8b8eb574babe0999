//! What a ring tells a trace.

use super::interrupt::Halt;
use super::ring::JobRing;
use crate::descriptors::status::JobStatus;
use crate::trace::{Level, RingEvent};
use std::time::Duration;

impl JobRing {
    pub(super) fn trace_level(&self) -> Level {
        let states = [
            (self.line(), Level::LINE),
            (self.full(), Level::FULL),
            (self.stalled().is_some(), Level::STALLED),
            (self.interrupt.halt != Halt::None || self.broken, Level::HALTED),
        ];
        Level {
            pending: self.pending,
            in_flight: self.in_flight,
            waiting: self.waiting,
            states: states.iter().fold(0, |all, (holds, bit)| all | if *holds { *bit } else { 0 }),
        }
    }

    /// Tells a trace, if there is one, what has just happened.
    #[inline]
    pub(super) fn tell(&self, now: Duration, what: RingEvent) {
        if self.tap.on() {
            self.tap.tell(now, what, self.trace_level());
        }
    }

    /// Tells that a job's result is in the output ring; without a number that a flush gave it
    /// back.
    #[inline]
    pub(super) fn tell_written(
        &self,
        job: Option<u64>,
        descriptor: u64,
        status: JobStatus,
        now: Duration,
    ) {
        self.tell(now, RingEvent::Written { job, descriptor, status: status.0 });
    }

    /// Tells a trace what has changed, if nobody has.
    #[inline]
    pub fn tell_settled(&self, now: Duration) {
        if self.tap.on() {
            self.tap.settle(now, self.trace_level());
        }
    }

    /// Tells a trace that has begun what the ring is like.
    pub fn tell_seen(&self, now: Duration) {
        self.tell(now, RingEvent::Seen);
    }
}
