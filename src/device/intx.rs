//! The INTx pin as VFIO sees it: level-triggered, masked automatically when signalled.
//!
//! The client gets one eventfd signal when the level rises while unmasked, and unmasks when its
//! guest has been at the device; if the level is still asserted then, it is signalled again.
//! QEMU: `hw/vfio/pci.c`, `vfio_intx_interrupt` and `vfio_intx_eoi`.

/// State of the pin. The four job rings share it.
#[derive(Debug, Clone, Default)]
pub struct Intx {
    /// One bit a job ring.
    asserted: u32,
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
        let fire = self.level() && !self.masked && !self.disabled;
        if fire {
            self.masked = true;
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
        }
        self.evaluate()
    }

    /// The client masks the interrupt.
    pub fn mask(&mut self) {
        self.masked = true;
    }

    /// The client unmasks. `true`: signal it now, the level is still asserted.
    #[must_use]
    pub fn unmask(&mut self) -> bool {
        self.masked = false;
        self.evaluate()
    }

    /// PCI COMMAND's interrupt disable bit changed. `true`: signal the client now.
    #[must_use]
    pub fn disable(&mut self, disabled: bool) -> bool {
        self.disabled = disabled;
        self.evaluate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_once_until_unmasked() {
        let mut pin = Intx::default();
        assert!(pin.set(0, true));
        assert!(!pin.set(1, true));
        assert!(!pin.set(0, false));
        // Ring 1 still asserts.
        assert!(pin.unmask());
        assert!(!pin.set(1, false));
        assert!(!pin.unmask());
        assert!(pin.set(2, true));
        assert_eq!(pin.raised, 3);
    }

    #[test]
    fn masked_or_disabled_keeps_the_level_for_later() {
        let mut pin = Intx::default();
        pin.mask();
        assert!(!pin.set(0, true));
        assert!(pin.level());
        assert!(!pin.disable(true));
        assert!(!pin.unmask());
        assert!(pin.disable(false));
    }
}
