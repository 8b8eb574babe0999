//! How long to look for the next message before sleeping.
//!
//! Sleeping and waking cost more than most answers. A client that asks again soon is worth looking
//! out for; one that has gone quiet must not cost processor time. So the wait before decides: was
//! it about as short as a look-out may be, there is one again, else none until the next short one.

use std::time::Duration;

/// A wait that ended with a sleep is still called short up to so many times the limit: it
/// contains the waking, which a look-out saves.
const SLEEP: u32 = 2;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Spin {
    limit: Duration,
    quick: bool,
}

impl Spin {
    /// Look out for at most `limit`; zero: never.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self { limit, quick: false }
    }

    /// How long to look out now.
    #[must_use]
    pub fn window(&self) -> Duration {
        if self.quick { self.limit } else { Duration::ZERO }
    }

    /// So long it has taken until something came, look-out and sleep together.
    pub fn waited(&mut self, time: Duration) {
        self.quick = time <= self.limit.saturating_mul(SLEEP);
    }

    /// Whether there may ever be a look-out: without one nobody need measure.
    #[must_use]
    pub fn enabled(&self) -> bool {
        !self.limit.is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_micros(50);

    #[test]
    fn a_short_wait_begins_a_look_out_and_a_long_one_ends_it() {
        let mut spin = Spin::new(LIMIT);
        assert_eq!(spin.window(), Duration::ZERO, "nothing is known yet");
        for (wait, window) in [(1, 50), (99, 50), (101, 0), (1_000_000, 0), (100, 50)] {
            spin.waited(Duration::from_micros(wait));
            assert_eq!(spin.window(), Duration::from_micros(window), "after {wait} us");
        }
    }

    #[test]
    fn who_is_idle_looks_out_once_and_never_again() {
        let mut spin = Spin::new(LIMIT);
        spin.waited(Duration::ZERO);
        let looks = (0..1000).map(|_| {
            let window = spin.window();
            spin.waited(window + Duration::from_millis(1));
            window
        });
        assert_eq!(looks.sum::<Duration>(), LIMIT);
    }

    #[test]
    fn off_is_off() {
        let mut spin = Spin::new(Duration::ZERO);
        spin.waited(Duration::ZERO);
        assert!(spin.window().is_zero() && !spin.enabled());
    }
}
