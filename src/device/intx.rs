//! The INTx pin as VFIO sees it: level-triggered, masked automatically when signalled.
//!
//! The client gets one eventfd signal when the level rises while unmasked, and unmasks when its
//! guest has been at the device; if the level is still asserted then, it is signalled again.
//! QEMU: `hw/vfio/pci.c`, `vfio_intx_interrupt` and `vfio_intx_eoi`.
//!
//! "Has been at the device" is the guest's first access to it: the handler's read of JRINTR, before
//! it can have done anything about the level. Signalled at once, QEMU raises its pin anew, and the
//! guest takes a second interrupt that finds nothing. In silicon the level is still the same one.
//! So a ring whose JRINTR the guest has read since its line rose is given [`PATIENCE`] to lower it.

use std::time::Duration;

/// So long after an unmask a level that the guest has read about is signalled again. Linux' handler
/// lowers it with the next write; in a guest that QEMU emulates, that is a fraction of a millisecond
/// later, on a busy host some.
pub const PATIENCE: Duration = Duration::from_millis(10);

/// State of the pin. The four job rings share it.
#[derive(Debug, Clone, Default)]
pub struct Intx {
    /// One bit a job ring.
    asserted: u32,
    /// Those of which the guest knows: it has read the reason.
    seen: u32,
    /// When the client is signalled all the same, after an unmask.
    due: Option<Duration>,
    masked: bool,
    /// PCI COMMAND, interrupt disable.
    disabled: bool,
    /// Times the client was signalled.
    pub raised: u64,
}

impl Intx {
    /// Whether any ring asserts the pin (PCI STATUS, interrupt status).
    #[must_use]
    pub fn level(&self) -> bool {
        self.asserted != 0
    }

    /// Back to the reset state; the counter goes on.
    pub fn reset(&mut self) {
        *self = Self { raised: self.raised, ..Self::default() };
    }

    fn evaluate(&mut self) -> bool {
        let fire = self.asserted & !self.seen != 0 && !self.masked && !self.disabled;
        if fire {
            self.masked = true;
            self.due = None;
            self.raised += 1;
        }
        fire
    }

    /// Sets one ring's line. `true`: signal the client now.
    #[must_use]
    pub fn set(&mut self, ring: usize, asserted: bool) -> bool {
        let bit = 1 << ring;
        if asserted {
            self.asserted |= bit;
        } else {
            self.asserted &= !bit;
            self.seen &= self.asserted;
        }
        if !self.level() {
            self.due = None;
        }
        self.evaluate()
    }

    /// The guest has read why this ring asserts the pin, if it does.
    pub fn seen(&mut self, ring: usize) {
        self.seen |= self.asserted & 1 << ring;
    }

    /// The client masks the interrupt.
    pub fn mask(&mut self) {
        self.masked = true;
        self.due = None;
    }

    /// The client unmasks, or [`Self::due`] has come. `true`: signal it now, the level is still
    /// asserted.
    #[must_use]
    pub fn unmask(&mut self, now: Duration) -> bool {
        self.masked = false;
        if self.due.is_some_and(|due| due <= now) {
            self.seen = 0;
        }
        let fire = self.evaluate();
        if self.level() && !fire && !self.disabled {
            self.due.get_or_insert(now.saturating_add(PATIENCE));
        }
        fire
    }

    /// When to [`Self::unmask`] once more, if nothing happens.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.due
    }

    /// PCI COMMAND's interrupt disable bit changed. `true`: signal the client now.
    #[must_use]
    pub fn disable(&mut self, disabled: bool) -> bool {
        self.disabled = disabled;
        // Nobody waits for a handler whose interrupt has been taken away from it.
        self.seen = 0;
        self.due = None;
        self.evaluate()
    }
}

#[cfg(test)]
#[path = "intx_tests.rs"]
mod tests;
