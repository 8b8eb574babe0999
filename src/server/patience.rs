//! How late the client thread may answer on purpose.
//!
//! A client posts its writes and waits for its reads. Whatever it waits for stands behind all the
//! writes it has posted, so their delays add up; QEMU gives up on a device that makes it wait for
//! more than 5 s.

use crate::fault::grammar::SLOWEST_ANSWER;
use std::time::Duration;

/// Delays since the last read was answered: [`SLOWEST_ANSWER`] all together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Patience(Duration);

impl Patience {
    /// As much of `delay` as there may be.
    pub fn spend(&mut self, delay: Duration) -> Duration {
        let allowed = delay.min(SLOWEST_ANSWER.saturating_sub(self.0));
        self.0 += allowed;
        allowed
    }

    /// A read is answered: the client waits for nothing any more.
    pub fn answered(&mut self) {
        self.0 = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_a_client_waits_for_together_is_bounded() {
        let second = Duration::from_secs(1);
        let mut patience = Patience::default();
        let spent: Vec<_> = (0..7).map(|_| patience.spend(second * 3 / 2).as_millis()).collect();
        assert_eq!(spent, [1500, 1500, 1000, 0, 0, 0, 0]);
        patience.answered();
        assert_eq!(patience.spend(second), second);
        assert_eq!(patience.spend(Duration::MAX), second * 3);
        assert_eq!(patience.spend(Duration::ZERO), Duration::ZERO);
    }
}
