//! A job ring's line to the [`Tracer`].

use super::{Level, RingEvent, Tracer, What};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

/// See the module. Used under the ring's lock only, so a ring's events are in order.
#[derive(Debug, Clone, Default)]
pub struct Tap {
    tracer: Arc<Tracer>,
    ring: u8,
    sequence: Cell<u64>,
    /// The level last told.
    level: Cell<Level>,
    /// A ring error that has not been told.
    error: Cell<Option<u8>>,
}

impl Tap {
    /// Of ring `ring`.
    #[must_use]
    pub fn new(tracer: Arc<Tracer>, ring: usize) -> Self {
        Self { tracer, ring: ring as u8, ..Self::default() }
    }

    /// Whether anybody listens.
    #[inline]
    #[must_use]
    pub fn on(&self) -> bool {
        self.tracer.on()
    }

    /// Tells that something has happened, and what the ring is like now.
    #[cold]
    pub fn tell(&self, now: Duration, what: RingEvent, level: Level) {
        // A new trace begins with this: numbers are from 1 in each.
        let before = if what == RingEvent::Seen { 0 } else { self.sequence.get() };
        let sequence = before + 1;
        self.sequence.set(sequence);
        self.level.set(level);
        self.tracer.tell(now, What::Ring { ring: self.ring, sequence, what, level });
    }

    /// There was a ring error; [`Self::settle`] tells it.
    pub fn error(&self, error: u8) {
        self.error.set(Some(error));
    }

    /// The ring has settled after a change.
    #[cold]
    pub fn settle(&self, now: Duration, level: Level) {
        if let Some(error) = self.error.take() {
            self.tell(now, RingEvent::Error { error }, level);
        } else if level != self.level.get() {
            self.tell(now, RingEvent::Changed, level);
        }
    }
}
