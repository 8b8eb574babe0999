//! A job on its way through a ring: taken from the input, given back to the output.

use super::interrupt::RingError;
use crate::descriptors::status::JobStatus;
use crate::fault::job::EntryFault;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// A job taken from the input ring: the caller owes [`JobRing::complete`] for it.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
#[must_use = "a taken job holds an output slot until it is completed"]
pub struct TakenJob {
    /// Bus address of the job descriptor, bit for bit as the driver wrote it.
    pub descriptor: u64,
    /// Number of the job in its ring, from 1.
    pub number: u64,
    /// Set when the ring is flushed: the job should end early.
    pub stop: Arc<AtomicBool>,
    /// Input ring index of the slot it came from, for logs.
    pub slot: u32,
    /// When.
    pub taken: Duration,
    /// Jobs in the ring then, and whether it was full.
    pub occupancy: u32,
    /// See `occupancy`.
    pub full: bool,
    /// Of the ring when it was taken.
    pub(super) epoch: u32,
}

/// What goes into the output ring for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobResult {
    /// Status word.
    pub status: JobStatus,
    /// Bytes stored to the output sequence.
    pub sequence_out: u32,
    /// What happens to the entry on purpose.
    pub entry: EntryFault,
    /// A ring error raised on purpose behind it.
    pub error: Option<RingError>,
}

impl JobResult {
    pub(super) const FLUSHED: Self = Self::new(JobStatus::FLUSHED, 0);

    /// Of a job with nothing done to its entry.
    #[must_use]
    pub const fn new(status: JobStatus, sequence_out: u32) -> Self {
        let entry = EntryFault { address: None, late: None, unwritable: false };
        Self { status, sequence_out, entry, error: None }
    }
}
