//! All that reaches the device from outside, written down so that it can be run again without a
//! guest: register accesses, resets, the passing of time, which job was taken when, and every
//! byte that the device read from guest memory, beside what it answered and wrote.
//!
//! The core is a function of these, so [`replay`] calls the same methods in the same order, with
//! the recorded bytes for guest memory ([`Tape`]), and compares. What happens in several threads
//! is put in one order while a recording goes on: calls of the core one at a time, and jobs one at
//! a time ([`Tape::call`], [`Tape::run`]); the thread of the client still waits for no job. Random
//! numbers come from a seed that is part of the recording.
//!
//! A job is replayed as a whole when it has ended. So what the guest reads of RNG4's registers
//! while a job uses RNG4 may differ; no driver does so.
//!
//! **A recording holds keys and plaintext**, and the seed or master key of the device.

pub mod entry;
pub mod file;
pub mod golden;
pub mod replay;
mod tape;

pub use tape::{Backlog, Tape};

use crate::device::Job;

/// A job that has been taken and not given back, by where it came from.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Key {
    /// The ring; none: DECO 0 under software's control.
    pub ring: Option<u8>,
    /// The job's number in the ring; how often DECO 0 was released before.
    pub number: u64,
}

impl Key {
    /// Of this job.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        match job {
            Job::Ring { ring, taken, .. } => Self { ring: Some(*ring as u8), number: taken.number },
            Job::Direct(direct) => Self { ring: None, number: u64::from(direct.epoch()) },
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.ring {
            Some(ring) => write!(f, "jr{ring}:{}", self.number),
            None => f.write_str("DECO 0"),
        }
    }
}
