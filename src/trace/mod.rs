//! What happens in the device, told while it happens: jobs, rings, faults, register accesses.
//!
//! Whoever has something to tell asks a [`Tracer`] whether anybody listens, which is one atomic
//! load, and hands it an [`Event`] if so. The events go through a bounded queue to whoever took
//! the other end ([`Tracer::start`]); the teller never waits: what does not fit is dropped and
//! counted. Events of one ring carry a number each, so that the listener sees where one is
//! missing, and the ring's level, so that it can go on from there.
//!
//! [`perfetto`] makes Chrome trace events of them, which `ui.perfetto.dev` shows, [`lines`] JSON
//! lines; [`check`] reads both again.

pub mod check;
pub mod file;
pub mod format;
pub mod lines;
pub mod perfetto;
mod tap;

pub use tap::Tap;

use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// Events that may wait for the listener: about 6 MB.
pub const QUEUE: usize = 64 * 1024;

/// Something has happened. Rings, jobs and their numbers are as in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, since the device was created, in nanoseconds.
    #[serde(rename = "ns")]
    pub at: u64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// Something about a job ring.
    Ring {
        /// Its number.
        ring: u8,
        /// Of the ring's events, from 1, since the trace was started.
        sequence: u64,
        /// What.
        #[serde(flatten)]
        what: RingEvent,
        /// How full the ring is after that.
        #[serde(flatten)]
        level: Level,
    },
    /// A DECO has executed a job, or done whatever else it was told to do with it. The result is
    /// not in the output ring yet.
    Executed {
        /// The job's ring.
        ring: u8,
        /// The job's number.
        job: u64,
        /// Its status word.
        status: u32,
    },
    /// DECO 0 under software's control has ended a descriptor.
    Direct {
        /// The status word.
        status: u32,
    },
    /// A fault rule has fired.
    Fault {
        /// The rule's name.
        rule: Box<str>,
        /// What it does.
        kind: Box<str>,
        /// The ring, if it is about one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        ring: Option<u8>,
        /// The job, if it is about one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        job: Option<u64>,
        /// Events that it has matched.
        matched: u64,
        /// Times it has fired.
        fired: u64,
    },
    /// The client has been signalled: INTx.
    Signalled,
    /// The device has been reset, and all rings.
    Reset,
    /// A register was read or written.
    Register {
        /// Whether written.
        write: bool,
        /// Offset in BAR 0.
        offset: u32,
        /// The value; none if it is no matter for a trace: keys, entropy.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        value: Option<u32>,
    },
}

/// What has happened to a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum RingEvent {
    /// What it was like when the trace began.
    Seen,
    /// The driver has added jobs: the doorbell, IRJAR.
    Added {
        /// How many.
        count: u32,
    },
    /// A job was taken for a DECO.
    Taken {
        /// Its number in the ring.
        job: u64,
        /// Bus address of its descriptor.
        descriptor: u64,
    },
    /// A job's result is in the output ring.
    Written {
        /// Its number; none for one that a flush gave back without having taken it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        job: Option<u64>,
        /// Bus address of its descriptor.
        descriptor: u64,
        /// Its status word.
        status: u32,
    },
    /// The result of a job that was taken had nowhere to go.
    Lost {
        /// Its number.
        job: u64,
    },
    /// The driver has removed results: ORJRR.
    Removed {
        /// How many.
        count: u32,
    },
    /// The driver has given the ring another size: what was queued there is gone, or what waited.
    Resized,
    /// The ring has been reset: no job is in it any more.
    Reset,
    /// A ring error: JRINTR.JRE.
    Error {
        /// JRINTR bits 12:8.
        error: u8,
    },
    /// Something else has changed: see [`Level`].
    Changed,
}

/// A ring between two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Level {
    /// Jobs added and not taken.
    pub pending: u32,
    /// Jobs taken and without a result.
    pub in_flight: u32,
    /// Results that the driver has not removed.
    pub waiting: u32,
    /// What holds: a bit for each of [`Level::STATES`].
    #[serde(with = "states")]
    pub states: u8,
}

impl Level {
    /// The interrupt line is up.
    pub const LINE: u8 = 1 << 0;
    /// The driver could add no more.
    pub const FULL: u8 = 1 << 1;
    /// A fault rule keeps the ring from giving jobs.
    pub const STALLED: u8 = 1 << 2;
    /// A flush or park is under way or complete, or the ring is broken.
    pub const HALTED: u8 = 1 << 3;
    /// Names of the bits.
    pub const STATES: [(u8, &'static str); 4] = [
        (Self::LINE, "interrupt"),
        (Self::FULL, "full"),
        (Self::STALLED, "stalled"),
        (Self::HALTED, "halted"),
    ];

    /// Jobs in the ring.
    #[must_use]
    pub fn occupancy(&self) -> u64 {
        u64::from(self.pending) + u64::from(self.in_flight) + u64::from(self.waiting)
    }
}

/// The bits by name.
mod states {
    use super::Level;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref)] // serde's way
    pub fn serialize<S: Serializer>(states: &u8, serializer: S) -> Result<S::Ok, S::Error> {
        let names = Level::STATES.iter().filter(|(bit, _)| states & bit != 0);
        serializer.collect_seq(names.map(|(_, name)| name))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().try_fold(0, |states, wanted| {
            let found = Level::STATES.iter().find(|(_, name)| name == wanted);
            found.map(|(bit, _)| states | bit).ok_or_else(|| D::Error::custom("unknown state"))
        })
    }
}

/// Somebody listens.
const ON: u8 = 1 << 0;
/// And wants register accesses.
const REGISTERS: u8 = 1 << 1;

/// See the module. One a device, shared by all threads.
#[derive(Debug, Default)]
pub struct Tracer {
    wanted: AtomicU8,
    queue: RwLock<Option<SyncSender<Event>>>,
    told: AtomicU64,
    dropped: AtomicU64,
}

impl Tracer {
    /// Whether anybody listens.
    #[must_use]
    #[inline]
    pub fn on(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) & ON != 0
    }

    /// Whether anybody wants to hear of register accesses.
    #[must_use]
    #[inline]
    pub fn registers(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) & REGISTERS != 0
    }

    /// The other end of a new queue of `length` events, and listening has begun. `None`: somebody
    /// listens already.
    pub fn start(&self, length: usize, registers: bool) -> Option<Receiver<Event>> {
        let mut queue = self.queue.write().unwrap_or_else(PoisonError::into_inner);
        if queue.is_some() {
            return None;
        }
        let (sender, receiver) = sync_channel(length);
        *queue = Some(sender);
        self.told.store(0, Ordering::Relaxed);
        self.dropped.store(0, Ordering::Relaxed);
        let wanted = if registers { ON | REGISTERS } else { ON };
        self.wanted.store(wanted, Ordering::Relaxed);
        Some(receiver)
    }

    /// Nobody listens any more: the queue has an end. `false`: nobody did.
    pub fn stop(&self) -> bool {
        self.wanted.store(0, Ordering::Relaxed);
        self.queue.write().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    /// Events told since the start, and those of them that found the queue full.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.told.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed))
    }

    /// Tells what has happened. Never waits.
    #[cold]
    pub fn tell(&self, now: Duration, what: What) {
        let at = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = &*queue else { return };
        self.told.fetch_add(1, Ordering::Relaxed);
        if sender.try_send(Event { at, what }).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
