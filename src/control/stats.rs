//! Statistics as JSON: what `--stats FILE` holds. The format is documented in `docs/statistics.md`.

use super::counters::Counters;
use crate::crypto::Direction;
use crate::jobring::RingStats;
use serde::Serialize;

/// Version of the format. It changes when a field changes its meaning or goes away.
pub const VERSION: u32 = 1;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Statistics {
    pub version: u32,
    pub soc: &'static str,
    pub decos: usize,
    pub rings: Vec<Ring>,
    pub operations: Vec<Operation>,
    pub interrupts: Interrupts,
}

/// One job ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Ring {
    pub ring: usize,
    /// Taken from the input ring.
    pub jobs: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub flushed: u64,
    pub lost: u64,
    pub errors: u64,
    pub occupancy: u32,
    pub max_occupancy: u32,
}

impl Ring {
    /// From a ring's counters.
    #[must_use]
    pub fn new(ring: usize, occupancy: u32, s: RingStats) -> Self {
        Self {
            ring,
            jobs: s.taken,
            succeeded: s.succeeded,
            failed: s.failed,
            flushed: s.flushed,
            lost: s.lost,
            errors: s.errors,
            occupancy,
            max_occupancy: s.max_occupancy,
        }
    }
}

/// Successful jobs of one algorithm and direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Operation {
    pub name: &'static str,
    pub direction: &'static str,
    pub jobs: u64,
    pub bytes: u64,
}

/// The INTx pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[allow(missing_docs)]
pub struct Interrupts {
    /// Times the client was signalled.
    pub raised: u64,
}

/// The operations that were used at least once.
#[must_use]
pub fn operations(counters: &Counters) -> Vec<Operation> {
    counters
        .operations()
        .filter(|c| c.jobs > 0)
        .map(|c| Operation {
            name: c.work.name(),
            direction: match c.direction {
                Direction::Encrypt => "encrypt",
                Direction::Decrypt => "decrypt",
            },
            jobs: c.jobs,
            bytes: c.bytes,
        })
        .collect()
}
