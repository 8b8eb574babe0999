//! One job ring: its registers, the rings in guest memory, its interrupt, flush and reset.
//!
//! Pure: a [`JobRing`] takes register accesses, guest memory and the time, and says through
//! [`Effects`] what the shell has to do. Register facts are from Linux `regs.h` and NXP's
//! `PERI_CAAM.h`, the rules of use from the drivers (`jr.c` of Linux and U-Boot, OP-TEE, DPDK).

pub mod entries;
#[cfg(test)]
#[allow(missing_docs)]
pub(crate) mod fake_driver;
pub mod faults;
mod halt;
pub mod interrupt;
mod job;
pub mod line;
pub mod meter;
pub mod registers;
mod ring;
mod tell;
mod times;
mod view;

pub use job::{JobResult, TakenJob};
pub use ring::JobRing;
pub use view::{RingStats, RingView};

/// What has to happen after an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effects {
    /// Jobs may be ready to be taken: wake a DECO.
    pub doorbell: bool,
    /// There may be an earlier deadline than before: set the timer again.
    pub timer: bool,
}

impl Effects {
    /// Nothing to do.
    pub const NONE: Self = Self { doorbell: false, timer: false };
    /// Wake a DECO.
    pub const DOORBELL: Self = Self { doorbell: true, timer: false };
    /// Set the timer again.
    pub const TIMER: Self = Self { doorbell: false, timer: true };
}

/// Most entries a ring can have: the index registers count bytes in 13 (input, 8-byte entries)
/// and 14 bits (output), which is enough for 1024.
pub const MAX_ENTRIES: u32 = 1024;
