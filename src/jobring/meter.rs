//! What a job ring measures about itself: how full it is and for how long, how long jobs wait and
//! run, what its driver asks of it.
//!
//! All of it in constant memory and a few additions a job: the ring's lock is held meanwhile.

use super::MAX_ENTRIES;
pub use super::times::Times;
use std::cell::Cell;
use std::time::Duration;

/// Bands of the occupancy histogram: 0, 1, 2-3, 4-7, ... A ring holds at most the jobs of a full
/// input ring and of a full output ring.
pub const BANDS: usize = (2 * MAX_ENTRIES).ilog2() as usize + 2;

/// The band an occupancy belongs to.
#[must_use]
pub fn band(occupancy: u32) -> usize {
    ((u32::BITS - occupancy.leading_zeros()) as usize).min(BANDS - 1)
}

/// Lowest and highest occupancy of a band.
#[must_use]
pub fn band_limits(band: usize) -> (u32, u32) {
    if band == 0 { (0, 0) } else { (1 << (band - 1), (1 << band) - 1) }
}

/// What a ring is like between two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    /// Whether the driver has given it a size.
    pub set_up: bool,
    /// Jobs added and not yet removed.
    pub occupancy: u32,
    /// Whether the driver could add no more.
    pub full: bool,
    /// Whether the interrupt line is asserted.
    pub line: bool,
}

/// The last job that came to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastJob {
    /// Bus address of its descriptor.
    pub descriptor: u64,
    /// Its status word.
    pub status: u32,
    /// When its output entry was written.
    pub at: Duration,
}

/// See the module. Times are since the device was created.
#[derive(Debug, Clone)]
pub struct Meter {
    level: Level,
    /// Since when the level is what it is.
    since: Duration,
    occupied: [Duration; BANDS],
    full_time: Duration,
    /// Times the ring became full.
    pub became_full: u64,
    /// Writes to IRJAR that added jobs.
    pub doorbells: u64,
    /// When the last of them was.
    pub last_doorbell: Option<Duration>,
    /// Reads of the ring's registers.
    reads: Cell<u64>,
    /// Writes of the ring's registers.
    pub writes: u64,
    /// Reads of IRSAR, and those that gave 0.
    slots_read: Cell<u64>,
    slots_refused: Cell<u64>,
    /// Times the interrupt line rose.
    pub interrupts: u64,
    /// Results that came while the interrupt was set already or that coalescing held back: they
    /// share one with others.
    pub merged: u64,
    /// From doorbell to taken.
    pub queue_wait: Times,
    /// From taken to the output entry.
    pub service: Times,
    /// The last job that ended.
    pub last_job: Option<LastJob>,
    /// When the job in each input slot was added.
    added: Box<[Duration]>,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            level: Level::default(),
            since: Duration::ZERO,
            occupied: [Duration::ZERO; BANDS],
            full_time: Duration::ZERO,
            became_full: 0,
            doorbells: 0,
            last_doorbell: None,
            reads: Cell::new(0),
            writes: 0,
            slots_read: Cell::new(0),
            slots_refused: Cell::new(0),
            interrupts: 0,
            merged: 0,
            queue_wait: Times::default(),
            service: Times::default(),
            last_job: None,
            added: vec![Duration::ZERO; MAX_ENTRIES as usize].into(),
        }
    }
}

impl Meter {
    /// The ring has changed. What it was until now has lasted since the last change.
    pub fn level(&mut self, level: Level, now: Duration) {
        if level == self.level {
            return;
        }
        let (time, before) = (self.elapsed(now), self.level);
        if before.set_up {
            self.occupied[band(before.occupancy)] += time;
        }
        if before.full {
            self.full_time += time;
        }
        self.became_full += u64::from(level.full && !before.full);
        self.interrupts += u64::from(level.line && !before.line);
        self.level = level;
        // Threads look at the clock before they have the ring's lock.
        self.since = self.since.max(now);
    }

    fn elapsed(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }

    /// Time spent at each band of occupancy while the ring was set up.
    #[must_use]
    pub fn occupied(&self, now: Duration) -> [Duration; BANDS] {
        let mut occupied = self.occupied;
        if self.level.set_up {
            occupied[band(self.level.occupancy)] += self.elapsed(now);
        }
        occupied
    }

    /// Whether the driver could add no more now.
    #[must_use]
    pub fn full(&self) -> bool {
        self.level.full
    }

    /// Time spent full.
    #[must_use]
    pub fn full_time(&self, now: Duration) -> Duration {
        let open = if self.level.full { self.elapsed(now) } else { Duration::ZERO };
        self.full_time + open
    }

    /// Jobs were added to `count` slots from `first` on, in a ring of `size`.
    pub fn added(&mut self, first: u32, count: u32, size: u32, now: Duration) {
        if count == 0 {
            return;
        }
        self.doorbells += 1;
        self.last_doorbell = Some(now);
        for i in 0..count {
            let slot = (first + i) % size.max(1);
            if let Some(added) = self.added.get_mut(slot as usize) {
                *added = now;
            }
        }
    }

    /// The job in input slot `slot` was taken.
    pub fn taken(&mut self, slot: u32, now: Duration) {
        if let Some(added) = self.added.get(slot as usize) {
            self.queue_wait.record(now.saturating_sub(*added));
        }
    }

    /// A job taken at `taken` has its output entry.
    pub fn served(&mut self, taken: Duration, now: Duration) {
        self.service.record(now.saturating_sub(taken));
    }

    /// One of the ring's registers was read.
    pub fn register_read(&self) {
        self.reads.set(self.reads.get() + 1);
    }

    /// Reads of the ring's registers.
    #[must_use]
    pub fn register_reads(&self) -> u64 {
        self.reads.get()
    }

    /// IRSAR was read.
    pub fn slots_read(&self, free: u32) {
        self.slots_read.set(self.slots_read.get() + 1);
        self.slots_refused.set(self.slots_refused.get() + u64::from(free == 0));
    }

    /// Reads of IRSAR, and how many of them gave 0: no slot free.
    #[must_use]
    pub fn slot_reads(&self) -> (u64, u64) {
        (self.slots_read.get(), self.slots_refused.get())
    }
}

#[cfg(test)]
#[path = "meter_tests.rs"]
mod tests;
