//! A job ring behind its lock, and beside it what may be known without it.

use super::lock;
use crate::jobring::JobRing;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

/// A ring and, for threads that look for work, whether it has any.
#[derive(Debug)]
pub(super) struct Slot {
    ring: Mutex<JobRing>,
    ready: AtomicBool,
    /// Taken before the ring's lock by who waits for memory: see [`super::ahead`].
    pub(super) turn: Mutex<()>,
}

impl Slot {
    pub(super) fn new(ring: JobRing) -> Self {
        Self { ring: Mutex::new(ring), ready: AtomicBool::new(false), turn: Mutex::default() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, JobRing> {
        lock(&self.ring)
    }

    /// The ring may have become ready, or no longer be.
    pub(super) fn note(&self, ring: &JobRing) {
        let ready = ring.ready();
        if self.ready.load(Ordering::Relaxed) != ready {
            // As for DECO 0: a thread that is about to sleep sees it, or is seen.
            self.ready.store(ready, Ordering::SeqCst);
        }
    }

    /// Whether it may have a job.
    pub(super) fn ready(&self) -> bool {
        self.ready.load(Ordering::SeqCst)
    }
}
