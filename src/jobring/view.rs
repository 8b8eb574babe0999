//! What a ring shows of itself: its counters and where its jobs are.

use super::interrupt::Halt;

/// What a ring has done since the device was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RingStats {
    /// Jobs that the driver has added (IRJAR). Each is one of those that succeeded, failed or were lost, or
    /// is pending or in flight still.
    pub added: u64,
    /// Jobs taken from the input ring.
    pub taken: u64,
    /// Output entries with status 0.
    pub succeeded: u64,
    /// Output entries with another status, flushed jobs among them.
    pub failed: u64,
    /// Jobs given back by a flush without having run.
    pub flushed: u64,
    /// Jobs whose result had nowhere to go: the ring was reset, or its output not writable.
    pub lost: u64,
    /// Most jobs ever in the ring at once: added, and not yet removed from the output ring.
    pub max_occupancy: u32,
    /// Ring errors raised (JRINTR.JRE).
    pub errors: u64,
    /// Interrupts lost on purpose.
    pub interrupts_lost: u64,
}

/// Where a ring's jobs are, and what state it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingView {
    /// Entries of the input ring; 0: not set up.
    pub size_in: u32,
    /// Entries of the output ring.
    pub size_out: u32,
    /// Jobs added and not yet taken.
    pub pending: u32,
    /// Jobs taken and not yet completed.
    pub in_flight: u32,
    /// Jobs completed and not yet removed.
    pub waiting: u32,
    /// Flush or park.
    pub halt: Halt,
    /// Whether an error has stopped it until it is reset.
    pub broken: bool,
}
