//! Counters of jobs and bytes, shared by all DECOs.

use crate::crypto::Direction;
use crate::descriptors::ccb::work::Work;
use crate::descriptors::deco::Report;
use crate::device::MAX_RINGS;
use crate::device::registers::version::Performance;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Jobs and message bytes of one mode in one direction.
#[derive(Debug, Default)]
struct Pair {
    jobs: AtomicU64,
    bytes: AtomicU64,
}

/// Where jobs come from: the job rings, then DECO 0 by software.
const SOURCES: usize = MAX_RINGS + 1;

/// Adds to a counter that one thread at a time writes to.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// See the module. All counters only grow while the device exists.
///
/// Each source has counters of its own, and whoever counts holds that source's lock, a ring's or
/// DECO 0's: so DECOs do not wait for one another here. Anybody may read.
#[derive(Debug, Default)]
pub struct Counters {
    /// By source.
    dequeued: [AtomicU64; SOURCES],
    /// By source, then by algorithm, then encrypt and decrypt.
    operations: [[[Pair; 2]; Work::ALL.len()]; SOURCES],
}

/// Jobs and bytes of one kind, as statistics show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationCount {
    /// Algorithm and mode.
    pub work: Work,
    /// Encryption or decryption; of what has no direction, as the ENC bit says.
    pub direction: Direction,
    /// Jobs that ended without an error.
    pub jobs: u64,
    /// Message bytes they processed.
    pub bytes: u64,
}

const fn row(direction: Direction) -> usize {
    match direction {
        Direction::Encrypt => 0,
        Direction::Decrypt => 1,
    }
}

impl Counters {
    /// A job was taken from a ring. The ring's lock is held.
    pub fn dequeued(&self, ring: usize) {
        add(&self.dequeued[ring.min(MAX_RINGS)], 1);
    }

    /// A job of this ring, or of none, has ended. The source's lock is held. Failed jobs do not
    /// count as work done.
    pub fn finished(&self, ring: Option<usize>, report: &Report) {
        if !report.status.is_ok() {
            return;
        }
        let source = ring.unwrap_or(MAX_RINGS).min(MAX_RINGS);
        for (work, direction, bytes) in report.operations.into_iter().flatten() {
            let pair = &self.operations[source][work as usize][row(direction)];
            add(&pair.jobs, 1);
            add(&pair.bytes, bytes);
        }
    }

    /// Every algorithm and direction, also those never used; of all jobs.
    pub fn operations(&self) -> impl Iterator<Item = OperationCount> + '_ {
        self.of(0..SOURCES)
    }

    /// As [`Self::operations`], of one ring's jobs.
    pub fn of_ring(&self, ring: usize) -> impl Iterator<Item = OperationCount> + '_ {
        let ring = ring.min(MAX_RINGS);
        self.of(ring..ring + 1)
    }

    fn of(&self, sources: Range<usize>) -> impl Iterator<Item = OperationCount> + '_ {
        Work::ALL.iter().flat_map(move |&(work, _)| {
            [Direction::Encrypt, Direction::Decrypt].map(|direction| {
                let mut count = OperationCount { work, direction, jobs: 0, bytes: 0 };
                for source in &self.operations[sources.clone()] {
                    let pair = &source[work as usize][row(direction)];
                    count.jobs += pair.jobs.load(Ordering::Relaxed);
                    count.bytes += pair.bytes.load(Ordering::Relaxed);
                }
                count
            })
        })
    }

    fn sum(&self, direction: Direction, field: fn(&OperationCount) -> u64, aead: bool) -> u64 {
        let counts = |c: &OperationCount| {
            c.direction == direction && c.work.is_cipher() && (!aead || c.work.is_aead())
        };
        self.operations().filter(counts).map(|c| field(&c)).sum()
    }

    /// What a performance register shows. "Protected" and "validated" are the bytes of AEADs.
    #[must_use]
    pub fn performance(&self, counter: Performance) -> u64 {
        use Direction::{Decrypt, Encrypt};
        match counter {
            Performance::RequestsDequeued => {
                self.dequeued.iter().map(|n| n.load(Ordering::Relaxed)).sum()
            }
            Performance::OutboundEncryptRequests => self.sum(Encrypt, |c| c.jobs, false),
            Performance::InboundDecryptRequests => self.sum(Decrypt, |c| c.jobs, false),
            Performance::OutboundBytesEncrypted => self.sum(Encrypt, |c| c.bytes, false),
            Performance::OutboundBytesProtected => self.sum(Encrypt, |c| c.bytes, true),
            Performance::InboundBytesDecrypted => self.sum(Decrypt, |c| c.bytes, false),
            Performance::InboundBytesValidated => self.sum(Decrypt, |c| c.bytes, true),
        }
    }
}
