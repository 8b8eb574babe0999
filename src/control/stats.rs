//! Statistics as JSON: what `--stats FILE` holds and `caam-emu ctl stats --json` prints. The
//! format is documented in `docs/statistics.md`.

use super::counters::OperationCount;
use crate::fault::{Faults, RuleReport};
use crate::jobring::JobRing;
use crate::jobring::interrupt::Halt;
use crate::jobring::meter::{self, Meter, Times};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::time::Duration;

/// Version of the format. It changes when a field changes its meaning or goes away.
pub const VERSION: u32 = 1;

/// A name: ours, or read from JSON.
pub type Name = Cow<'static, str>;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Statistics {
    pub version: u32,
    pub soc: Name,
    pub decos: usize,
    /// DECOs that have a job.
    pub decos_busy: usize,
    /// Time since the device was created; all moments are told on this clock.
    pub uptime_ns: u64,
    pub rings: Vec<Ring>,
    /// All rings and DECO 0.
    pub operations: Vec<Operation>,
    pub interrupts: Interrupts,
    pub faults: FaultList,
    /// Of the trace that is being written, or the last one.
    #[serde(default)]
    pub trace: Trace,
    /// The last jobs that did not end with status 0, the oldest first.
    pub failures: Vec<Failure>,
}

/// A job of a ring that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Failure {
    pub ring: usize,
    /// Its number in the ring, from 1.
    pub job: u64,
    /// Bus address, in hexadecimal.
    pub descriptor: Name,
    /// Status word, in hexadecimal.
    pub status: Name,
    /// The error's name, as fault rules write it.
    pub meaning: Name,
    /// Whether a fault rule did something to it.
    pub fault: bool,
    pub at_ns: u64,
}

/// How much is told to a trace, and how much of that found its queue full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Trace {
    pub on: bool,
    pub events: u64,
    pub dropped: u64,
}

/// The fault rules, as `fault list` shows them too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct FaultList {
    /// What makes them repeatable.
    pub seed: u64,
    pub rules: Vec<RuleReport>,
}

impl FaultList {
    /// As they are now.
    #[must_use]
    pub fn new(faults: &Faults) -> Self {
        Self { seed: faults.seed(), rules: faults.list() }
    }
}

/// One job ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Ring {
    pub ring: usize,
    /// Added by the driver.
    pub added: u64,
    /// Taken from the input ring.
    pub jobs: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub flushed: u64,
    pub lost: u64,
    pub errors: u64,
    pub occupancy: u32,
    pub max_occupancy: u32,
    /// Entries of the input and output ring; 0: not set up.
    pub input_size: u32,
    pub output_size: u32,
    /// Where the jobs of `occupancy` are.
    pub pending: u32,
    pub in_flight: u32,
    pub waiting: u32,
    pub state: State,
    /// Time by number of jobs in the ring; bands never reached are left out.
    pub occupancy_time: Vec<Band>,
    /// Whether the driver could add no more, how often that came about, and for how long in all.
    pub full: bool,
    pub became_full: u64,
    pub full_ns: u64,
    /// Writes to IRJAR, and when the last was.
    pub doorbells: u64,
    pub last_doorbell_ns: Option<u64>,
    /// Reads of IRSAR, and those that gave 0.
    pub slot_reads: u64,
    pub slot_refusals: u64,
    /// Of all the ring's registers.
    pub accesses: Accesses,
    pub interrupts: RingInterrupts,
    /// From doorbell to taken.
    pub queue_wait: Percentiles,
    /// From taken to the output entry.
    pub service_time: Percentiles,
    pub last_job: Option<LastJob>,
    pub operations: Vec<Operation>,
}

/// What a ring is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It has no size.
    NotSetUp,
    /// It takes jobs.
    Running,
    /// A fault rule keeps it from taking jobs.
    Stalled,
    /// A flush or park waits for running jobs.
    Halting,
    /// Flushed or parked.
    Halted,
    /// An error has stopped it until it is reset.
    Broken,
}

/// Time with so many jobs in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Band {
    pub from: u32,
    pub to: u32,
    pub ns: u64,
}

/// A ring's interrupt line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct RingInterrupts {
    pub raised: u64,
    pub merged: u64,
    /// By fault rules.
    pub lost: u64,
}

/// How often registers were read and written: a message each, and the guest waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Accesses {
    pub reads: u64,
    pub writes: u64,
}

/// How durations are spread. Each is at most 1/16 too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Percentiles {
    pub count: u64,
    pub sum_ns: u64,
    /// How many were longer than the bound before and at most this one, for each of [`BOUNDS`].
    pub buckets: [u64; BOUNDS.len()],
    pub p50_ns: u64,
    pub p90_ns: u64,
    pub p99_ns: u64,
    pub max_ns: u64,
}

/// The job whose output entry was written last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct LastJob {
    /// Bus address, in hexadecimal.
    pub descriptor: Name,
    /// Status word, in hexadecimal.
    pub status: Name,
    pub at_ns: u64,
}

/// A duration as nanoseconds in 64 bits: 584 years.
#[must_use]
pub fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Bounds of the buckets of durations, in nanoseconds: each four times that before, from 1.023 us
/// to 17.2 s. A power of two less one is where the meter's finer buckets end, too.
pub const BOUNDS: [u64; 13] = {
    let mut bounds = [0; 13];
    let mut i = 0;
    while i < bounds.len() {
        bounds[i] = (1 << (10 + 2 * i)) - 1;
        i += 1;
    }
    bounds
};

impl Percentiles {
    fn new(times: &Times) -> Self {
        let at = |share| nanoseconds(times.quantile(share));
        Self {
            count: times.count(),
            sum_ns: nanoseconds(times.sum()),
            buckets: times.between(&BOUNDS),
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            max_ns: nanoseconds(times.max()),
        }
    }
}

fn bands(meter: &Meter, now: Duration) -> Vec<Band> {
    let times = meter.occupied(now).into_iter().enumerate();
    times
        .filter(|(_, time)| !time.is_zero())
        .map(|(band, time)| {
            let (from, to) = meter::band_limits(band);
            Band { from, to, ns: nanoseconds(time) }
        })
        .collect()
}

impl Ring {
    /// Of a ring, as it is at `now`.
    #[must_use]
    pub fn new(number: usize, ring: &JobRing, operations: Vec<Operation>, now: Duration) -> Self {
        let (stats, view, meter) = (ring.stats(), ring.view(), ring.meter());
        let (slot_reads, slot_refusals) = meter.slot_reads();
        Self {
            ring: number,
            added: stats.added,
            jobs: stats.taken,
            succeeded: stats.succeeded,
            failed: stats.failed,
            flushed: stats.flushed,
            lost: stats.lost,
            errors: stats.errors,
            occupancy: ring.occupancy(),
            max_occupancy: stats.max_occupancy,
            input_size: view.size_in,
            output_size: view.size_out,
            pending: view.pending,
            in_flight: view.in_flight,
            waiting: view.waiting,
            state: match view.halt {
                _ if view.broken => State::Broken,
                Halt::InProgress => State::Halting,
                Halt::Complete => State::Halted,
                Halt::None if view.size_in == 0 => State::NotSetUp,
                Halt::None if ring.stalled().is_some() => State::Stalled,
                Halt::None => State::Running,
            },
            occupancy_time: bands(meter, now),
            full: meter.full(),
            became_full: meter.became_full,
            full_ns: nanoseconds(meter.full_time(now)),
            doorbells: meter.doorbells,
            last_doorbell_ns: meter.last_doorbell.map(nanoseconds),
            slot_reads,
            slot_refusals,
            accesses: Accesses { reads: meter.register_reads(), writes: meter.writes },
            interrupts: RingInterrupts {
                raised: meter.interrupts,
                merged: meter.merged,
                lost: stats.interrupts_lost,
            },
            queue_wait: Percentiles::new(&meter.queue_wait),
            service_time: Percentiles::new(&meter.service),
            last_job: meter.last_job.map(|job| LastJob {
                descriptor: format!("{:#x}", job.descriptor).into(),
                status: format!("{:#010x}", job.status).into(),
                at_ns: nanoseconds(job.at),
            }),
            operations,
        }
    }
}

/// Successful jobs of one algorithm and direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Operation {
    pub name: Name,
    pub direction: Name,
    pub jobs: u64,
    pub bytes: u64,
}

/// The INTx pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Interrupts {
    /// Times the client was signalled.
    pub raised: u64,
}

/// The operations that were used at least once.
#[must_use]
pub fn operations(counts: impl Iterator<Item = OperationCount>) -> Vec<Operation> {
    counts
        .filter(|c| c.jobs > 0)
        .map(|c| Operation {
            name: c.work.name().into(),
            direction: c.direction.name().into(),
            jobs: c.jobs,
            bytes: c.bytes,
        })
        .collect()
}
