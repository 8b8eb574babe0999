//! What the rules that fire for a job do to it, put together.

use super::engine::{Facts, Firing};
use super::kind::{EntryAddress, Kind, Latency};
use super::random::Stream;
use crate::descriptors::status::{DecoError, Failure, JobStatus, Position};
use crate::jobring::interrupt::RingError;
use crate::memory::Purpose;
use std::time::Duration;

/// Most that an exponential latency may be, in means: e^-20 is one in 500 million.
const LONGEST_IN_MEANS: f64 = 20.0;

/// What a DECO does instead of running a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instead {
    /// It ends the job with this status.
    Status(JobStatus),
    /// It hangs: for that long, then the watchdog ends the job; or until the ring is flushed.
    Hang(Option<Duration>),
}

/// A place in a window of jobs that are given back in another order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reorder {
    /// Jobs.
    pub window: u32,
    /// Longest wait.
    pub within: Duration,
    /// Orders the window that this job fills.
    pub draw: Stream,
}

/// What happens to a job's output data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFault {
    /// So many bits are inverted, at places that the stream draws.
    Flip(u32, Stream),
    /// So many bytes at the end are not written.
    Truncate(u64),
    /// Nothing is written.
    Skip,
}

/// What happens to a job's output ring entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EntryFault {
    /// Its descriptor address.
    pub address: Option<EntryAddress>,
    /// It is written so long after it was counted.
    pub late: Option<Duration>,
    /// Writing it fails.
    pub unwritable: bool,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobFaults {
    /// How long the job occupies its DECO at least.
    pub delay: Duration,
    /// It is given back out of order.
    pub reorder: Option<Reorder>,
    /// It is not run.
    pub instead: Option<Instead>,
    /// To its output, in this order.
    pub data: Vec<DataFault>,
    /// The n-th access of a sort fails.
    pub dma: Vec<(Purpose, u32)>,
    /// To its output ring entry.
    pub entry: EntryFault,
    /// JRINTR shows this error when it ends.
    pub ring_error: Option<RingError>,
    /// The client is disconnected, and none accepted for that long.
    pub vanish: Option<Duration>,
}

impl JobFaults {
    /// Of the rules that fired when the job was taken. Latencies add up; of what cannot, the first
    /// rule's stays.
    #[must_use]
    pub fn new(firings: Vec<Firing>, facts: &Facts) -> Self {
        let mut faults = Self::default();
        for Firing { kind, draw, .. } in firings {
            match kind {
                Kind::Latency(latency) => {
                    faults.delay = faults.delay.saturating_add(delay(&latency, facts, draw));
                }
                Kind::Reorder { window, within } => {
                    faults.reorder.get_or_insert(Reorder { window, within, draw });
                }
                Kind::Status(status) => faults.replace(Instead::Status(status)),
                Kind::Watchdog => faults.replace(Instead::Status(watchdog())),
                Kind::DecoHang { length } => faults.replace(Instead::Hang(length)),
                Kind::DataFlip { bits } => faults.data.push(DataFault::Flip(bits, draw)),
                Kind::DataTruncate { bytes } => faults.data.push(DataFault::Truncate(bytes)),
                Kind::DataSkip => faults.data.push(DataFault::Skip),
                Kind::DmaError { of: Purpose::OutputRing, .. } => faults.entry.unwritable = true,
                Kind::DmaError { of, access } => faults.dma.push((of, access)),
                Kind::OutputEntry { address, late } => {
                    faults.entry.address = faults.entry.address.or(address);
                    faults.entry.late = faults.entry.late.or(late);
                }
                Kind::JrError(error) => {
                    faults.ring_error.get_or_insert(error);
                }
                Kind::Vanish { length } => {
                    faults.vanish.get_or_insert(length);
                }
                // Asked for elsewhere: see `Kind::site`.
                Kind::RingDepth { .. }
                | Kind::Stall { .. }
                | Kind::Decos { .. }
                | Kind::IrqDelay { .. }
                | Kind::IrqCoalesce { .. }
                | Kind::IrqLost
                | Kind::IrqSpurious
                | Kind::IrqStuck { .. }
                | Kind::Flush(_)
                | Kind::ResetRing(_)
                | Kind::RngEntropy
                | Kind::RngHandle
                | Kind::MmioSlow { .. }
                | Kind::TableOverread { .. } => {}
            }
        }
        faults
    }

    /// Whether the memory that the job works on has to be a [`super::memory::FaultyMemory`].
    #[must_use]
    pub fn are_of_memory(&self) -> bool {
        !self.data.is_empty() || !self.dma.is_empty()
    }

    /// What rules did to the job, in words.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let Self { delay, reorder, instead, data, dma, entry, ring_error, vanish } = self;
        let mut all = Vec::new();
        all.extend((!delay.is_zero()).then(|| format!("takes {delay:?} at least")));
        all.extend(
            reorder.map(|r| format!("given back out of order, in a window of {}", r.window)),
        );
        all.extend(instead.map(|instead| match instead {
            Instead::Status(status) => format!("not run, but ended with status {status}"),
            Instead::Hang(_) => "not run: its DECO hangs".into(),
        }));
        all.extend(data.iter().map(|fault| match fault {
            DataFault::Flip(bits, _) => format!("{bits} bits of its output inverted"),
            DataFault::Truncate(bytes) => {
                format!("the last {bytes} bytes of its output not written")
            }
            DataFault::Skip => "its output not written".into(),
        }));
        all.extend(dma.iter().map(|(of, n)| format!("access {n} of sort \"{of}\" fails")));
        all.extend(
            (*entry != EntryFault::default()).then(|| "its output ring entry changed".into()),
        );
        all.extend(ring_error.map(|error| format!("JRINTR shows {error:?}")));
        all.extend(vanish.map(|length| format!("the device vanishes for {length:?}")));
        all
    }

    fn replace(&mut self, instead: Instead) {
        self.instead.get_or_insert(instead);
    }
}

/// The DECO watchdog's status, at no command in particular.
#[must_use]
pub fn watchdog() -> JobStatus {
    Failure::Deco(DecoError::Watchdog).status(Position::default())
}

fn delay(latency: &Latency, facts: &Facts, mut draw: Stream) -> Duration {
    let fixed = latency.fixed.unwrap_or_default();
    let uniform = latency.uniform.map_or(Duration::ZERO, |(least, most)| {
        let span = u64::try_from((most - least).as_nanos()).unwrap_or(u64::MAX);
        least + Duration::from_nanos(draw.below(span.saturating_add(1)))
    });
    let exponential = latency.exponential.map_or(Duration::ZERO, |mean| {
        // 1 - unit is above 0.
        let factor = -(1.0 - draw.unit()).ln();
        mean.mul_f64(factor.clamp(0.0, LONGEST_IN_MEANS))
    });
    let size = latency.bandwidth.map_or(Duration::ZERO, |rate| {
        // 10^6 bytes a second are a byte a microsecond.
        Duration::from_nanos(facts.length.saturating_mul(1000) / rate.max(1))
    });
    fixed.saturating_add(uniform).saturating_add(exponential).saturating_add(size)
}

#[cfg(test)]
mod tests {
    use super::super::rule::Rule;
    use super::*;

    fn faults(rules: &[&str], number: u64, length: u64) -> JobFaults {
        let firing = |text: &&str| {
            let rule: Rule = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            let draw = Stream::of(7, &rule.name, number);
            Firing { kind: rule.kind, draw, counts: (number, number) }
        };
        let facts = Facts { number, length, ..Facts::default() };
        JobFaults::new(rules.iter().map(firing).collect(), &facts)
    }

    #[test]
    fn latencies_add_up() {
        let rules = ["latency:fixed=1ms,bandwidth=2", "latency:fixed=500us"];
        assert_eq!(faults(&rules, 1, 4096).delay, Duration::from_micros(1500 + 2048));
    }

    #[test]
    fn latencies_are_drawn_as_they_say() {
        let mean = |rule: &str| {
            let delays = (1..=4000).map(|n| faults(&[rule], n, 0).delay.as_nanos());
            let delays: Vec<_> = delays.collect();
            let (least, most) = (delays.iter().min().copied(), delays.iter().max().copied());
            (delays.iter().sum::<u128>() / 4000, least.unwrap_or(0), most.unwrap_or(0))
        };
        let (average, least, most) = mean("latency:uniform=1ms..3ms");
        assert!((1_950_000..2_050_000).contains(&average), "{average}");
        assert!(least >= 1_000_000 && most <= 3_000_000, "{least} {most}");
        let (average, _, most) = mean("latency:exponential=1ms");
        assert!((950_000..1_050_000).contains(&average), "{average}");
        assert!(most <= 20_000_000, "{most}");
        assert_eq!(mean("latency:uniform=2ms..2ms").0, 2_000_000);
    }

    #[test]
    fn the_first_of_what_cannot_be_added_stays() {
        let rules = ["status:value=jr/1", "watchdog", "deco-hang"];
        assert_eq!(faults(&rules, 1, 0).instead, Some(Instead::Status(JobStatus(0x6000_0001))));
        assert_eq!(
            faults(&rules[1..], 1, 0).instead,
            Some(Instead::Status(JobStatus(0x4000_001c)))
        );
        assert_eq!(faults(&rules[2..], 1, 0).instead, Some(Instead::Hang(None)));
    }

    #[test]
    fn entry_faults_join() {
        let rules =
            ["output-entry:entry=zero", "output-entry:late=1ms", "dma-error:of=output-ring"];
        let entry = faults(&rules, 1, 0).entry;
        assert_eq!(entry.address, Some(EntryAddress::Zero));
        assert_eq!(entry.late, Some(Duration::from_millis(1)));
        assert!(entry.unwritable);
    }
}
