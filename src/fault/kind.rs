//! The kinds of faults as typed values. [`super::table`] has what is known of each.

use super::table::{Info, TABLE};
use super::values::{Range, show_duration};
use crate::descriptors::status::JobStatus;
use crate::jobring::interrupt::RingError;
use crate::memory::Purpose;
use std::fmt;
use std::time::Duration;

/// Where in the device a kind is asked for: the event that a rule matches and fires at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Site {
    /// IRSAR is read.
    Slots,
    /// A DECO looks for a job.
    Deco,
    /// A job is about to be taken from its ring.
    Take,
    /// A job has been taken.
    Job,
    /// A scatter/gather group was read past its table's page.
    Table,
    /// A ring's interrupt line is about to rise.
    Interrupt,
    /// JRCR.RESET asks for a flush.
    Flush,
    /// JRCR.RESET asks for a reset of a flushed ring.
    Reset,
    /// The TRNG has collected entropy, or a DECO uses the RNG.
    Rng,
    /// A register of BAR 0 is accessed.
    Register,
}

impl Site {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Slots,
        Self::Deco,
        Self::Take,
        Self::Job,
        Self::Table,
        Self::Interrupt,
        Self::Flush,
        Self::Reset,
        Self::Rng,
        Self::Register,
    ];

    /// What happens there, to follow "at each".
    #[must_use]
    pub fn event(self) -> &'static str {
        match self {
            Self::Slots => "read of IRSAR",
            Self::Deco => "look of a DECO for work",
            Self::Take => "job about to be taken",
            Self::Job => "job taken",
            Self::Table => "group of table entries that leaves its page",
            Self::Interrupt => "rise of a ring's interrupt",
            Self::Flush => "flush of a ring",
            Self::Reset => "reset of a ring",
            Self::Rng => "use of the RNG",
            Self::Register => "register access",
        }
    }

    /// Whether the event belongs to a ring.
    #[must_use]
    pub fn has_ring(self) -> bool {
        !matches!(self, Self::Deco | Self::Rng | Self::Register)
    }

    /// Whether the event belongs to a job.
    #[must_use]
    pub fn has_job(self) -> bool {
        matches!(self, Self::Take | Self::Job | Self::Table)
    }
}

/// What ends a stall, beside `caam-emu ctl resume`. With neither, only that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// At the latest after this time.
    pub after: Option<Duration>,
    /// When the ring is full.
    pub when_full: bool,
}

/// How long a job takes, from being taken to being written back. The parts add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// Always as long.
    pub fixed: Option<Duration>,
    /// Between two durations, each as likely.
    pub uniform: Option<(Duration, Duration)>,
    /// Exponentially distributed with this mean, cut at twenty times as much.
    pub exponential: Option<Duration>,
    /// By size: so many 10^6 bytes a second.
    pub bandwidth: Option<u64>,
}

/// What stands in an output ring entry instead of the job's descriptor address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryAddress {
    /// An address no job has.
    Wrong,
    /// 0.
    Zero,
    /// That of the job completed before it.
    Duplicate,
    /// The entry is not written: what was there stays.
    Missing,
}

/// What becomes of a flush or reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HaltOutcome {
    /// It takes that long.
    Slow(Duration),
    /// It ends without being complete.
    Fail,
    /// It never ends.
    Never,
}

/// A kind of fault with its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // TABLE says what each is
pub enum Kind {
    RingDepth { slots: u32 },
    Stall { release: Release, all_rings: bool },
    Latency(Latency),
    Reorder { window: u32, within: Duration },
    Decos { count: u32 },
    IrqDelay { by: Duration },
    IrqCoalesce { count: u32, within: Duration },
    IrqLost,
    IrqSpurious,
    IrqStuck { length: Duration },
    Status(JobStatus),
    DataFlip { bits: u32 },
    DataTruncate { bytes: u64 },
    DataSkip,
    DmaError { of: Purpose, access: u32 },
    OutputEntry { address: Option<EntryAddress>, late: Option<Duration> },
    JrError(RingError),
    Flush(HaltOutcome),
    ResetRing(HaltOutcome),
    Watchdog,
    DecoHang { length: Option<Duration> },
    RngEntropy,
    RngHandle,
    Vanish { length: Duration },
    MmioSlow { by: Duration, at: Option<Range> },
    TableOverread { fail: bool },
}

impl Kind {
    /// Its line of [`TABLE`].
    #[must_use]
    pub fn info(&self) -> &'static Info {
        &TABLE[match self {
            Self::RingDepth { .. } => 0,
            Self::Stall { .. } => 1,
            Self::Latency(_) => 2,
            Self::Reorder { .. } => 3,
            Self::Decos { .. } => 4,
            Self::IrqDelay { .. } => 5,
            Self::IrqCoalesce { .. } => 6,
            Self::IrqLost => 7,
            Self::IrqSpurious => 8,
            Self::IrqStuck { .. } => 9,
            Self::Status(_) => 10,
            Self::DataFlip { .. } => 11,
            Self::DataTruncate { .. } => 12,
            Self::DataSkip => 13,
            Self::DmaError { .. } => 14,
            Self::OutputEntry { .. } => 15,
            Self::JrError(_) => 16,
            Self::Flush(_) => 17,
            Self::ResetRing(_) => 18,
            Self::Watchdog => 19,
            Self::DecoHang { .. } => 20,
            Self::RngEntropy => 21,
            Self::RngHandle => 22,
            Self::Vanish { .. } => 23,
            Self::MmioSlow { .. } => 24,
            Self::TableOverread { .. } => 25,
        }]
    }

    /// Where it is asked for.
    #[must_use]
    pub fn site(&self) -> Site {
        match self {
            Self::RingDepth { .. } => Site::Slots,
            Self::Decos { .. } => Site::Deco,
            // Both act before there is a job outside the ring.
            Self::Stall { .. } | Self::DmaError { of: Purpose::InputRing, .. } => Site::Take,
            Self::IrqDelay { .. }
            | Self::IrqCoalesce { .. }
            | Self::IrqLost
            | Self::IrqSpurious
            | Self::IrqStuck { .. } => Site::Interrupt,
            Self::Latency(_)
            | Self::Reorder { .. }
            | Self::Status(_)
            | Self::DataFlip { .. }
            | Self::DataTruncate { .. }
            | Self::DataSkip
            | Self::DmaError { .. }
            | Self::OutputEntry { .. }
            | Self::JrError(_)
            | Self::Watchdog
            | Self::DecoHang { .. }
            | Self::Vanish { .. } => Site::Job,
            Self::Flush(_) => Site::Flush,
            Self::ResetRing(_) => Site::Reset,
            Self::RngEntropy | Self::RngHandle => Site::Rng,
            Self::MmioSlow { .. } => Site::Register,
            Self::TableOverread { .. } => Site::Table,
        }
    }

    /// Whether it needs to know what only the descriptor tells.
    #[must_use]
    pub fn needs_facts(&self) -> bool {
        matches!(self, Self::Latency(Latency { bandwidth: Some(_), .. }))
    }
}

/// JRINTR's error types by name (Linux `regs.h`, `JRINT_ERR_TYPE_*`).
pub const RING_ERRORS: &[(&str, RingError)] = &[
    ("output-write", RingError::OutputWrite),
    ("bad-input-base", RingError::BadInputBase),
    ("bad-output-base", RingError::BadOutputBase),
    ("input-invalid-write", RingError::InputInvalidWrite),
    ("output-invalid-write", RingError::OutputInvalidWrite),
    ("early-reset", RingError::EarlyReset),
    ("remove-overflow", RingError::RemoveOverflow),
    ("add-overflow", RingError::AddOverflow),
    ("orsf-too-large", RingError::OrsfTooLarge),
    ("irsa-too-large", RingError::IrsaTooLarge),
    ("orwi-invalid", RingError::OrwiInvalid),
    ("irri-invalid", RingError::IrriInvalid),
    ("write-irsa", RingError::WriteIrsa),
    ("write-irri", RingError::WriteIrri),
    ("write-orsf", RingError::WriteOrsf),
    ("write-orwi", RingError::WriteOrwi),
];

/// Sorts of memory access by name.
pub const PURPOSES: &[(&str, Purpose)] = &[
    ("descriptor", Purpose::Descriptor),
    ("shared-descriptor", Purpose::SharedDescriptor),
    ("table", Purpose::Table),
    ("input", Purpose::Input),
    ("output", Purpose::Output),
    ("input-ring", Purpose::InputRing),
    ("output-ring", Purpose::OutputRing),
];

/// What [`EntryAddress`] is called.
pub const ENTRY_ADDRESSES: &[(&str, EntryAddress)] = &[
    ("wrong", EntryAddress::Wrong),
    ("zero", EntryAddress::Zero),
    ("duplicate", EntryAddress::Duplicate),
    ("missing", EntryAddress::Missing),
];

/// The name of `value` in one of the tables above.
fn name_in<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    table.iter().find(|(_, v)| v == value).map_or("?", |(name, _)| name)
}

/// Writes the kind and its own keys as the grammar reads them.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = ':';
        let mut put = |f: &mut fmt::Formatter<'_>, key: &str, value: &dyn fmt::Display| {
            let written = write!(f, "{separator}{key}={value}");
            separator = ',';
            written
        };
        let time = |d: &Duration| show_duration(*d);
        f.write_str(self.info().name)?;
        match self {
            Self::RingDepth { slots } => put(f, "slots", slots),
            Self::Stall { release, all_rings } => {
                if let Some(after) = &release.after {
                    put(f, "for", &time(after))?;
                }
                if release.when_full {
                    put(f, "release", &"full")?;
                }
                if release.after.is_none() && !release.when_full {
                    put(f, "release", &"manual")?;
                }
                if *all_rings { put(f, "rings", &"all") } else { Ok(()) }
            }
            Self::Latency(latency) => {
                if let Some(fixed) = &latency.fixed {
                    put(f, "fixed", &time(fixed))?;
                }
                if let Some((least, most)) = &latency.uniform {
                    put(f, "uniform", &format!("{}..{}", time(least), time(most)))?;
                }
                if let Some(mean) = &latency.exponential {
                    put(f, "exponential", &time(mean))?;
                }
                latency.bandwidth.map_or(Ok(()), |rate| put(f, "bandwidth", &rate))
            }
            Self::Reorder { window, within } => {
                put(f, "window", window)?;
                put(f, "within", &time(within))
            }
            Self::Decos { count } => put(f, "count", count),
            Self::IrqDelay { by } => put(f, "by", &time(by)),
            Self::IrqCoalesce { count, within } => {
                put(f, "count", count)?;
                put(f, "within", &time(within))
            }
            Self::IrqStuck { length } | Self::Vanish { length } => put(f, "for", &time(length)),
            Self::Status(status) => put(f, "value", status),
            Self::DataFlip { bits } => put(f, "bits", bits),
            Self::DataTruncate { bytes } => put(f, "bytes", bytes),
            Self::DmaError { of, access } => {
                put(f, "of", &name_in(PURPOSES, of))?;
                put(f, "access", access)
            }
            Self::OutputEntry { address, late } => {
                if let Some(address) = address {
                    put(f, "entry", &name_in(ENTRY_ADDRESSES, address))?;
                }
                late.as_ref().map_or(Ok(()), |late| put(f, "late", &time(late)))
            }
            Self::JrError(error) => put(f, "type", &name_in(RING_ERRORS, error)),
            Self::Flush(outcome) | Self::ResetRing(outcome) => match outcome {
                HaltOutcome::Slow(by) => {
                    put(f, "outcome", &"slow")?;
                    put(f, "by", &time(by))
                }
                HaltOutcome::Fail => put(f, "outcome", &"fail"),
                HaltOutcome::Never => put(f, "outcome", &"never"),
            },
            Self::DecoHang { length } => {
                length.as_ref().map_or(Ok(()), |length| put(f, "for", &time(length)))
            }
            Self::MmioSlow { by, at } => {
                put(f, "by", &time(by))?;
                at.as_ref().map_or(Ok(()), |at| put(f, "at", at))
            }
            Self::TableOverread { fail } => {
                put(f, "action", if *fail { &"fail" } else { &"report" })
            }
            Self::IrqLost
            | Self::IrqSpurious
            | Self::DataSkip
            | Self::Watchdog
            | Self::RngEntropy
            | Self::RngHandle => Ok(()),
        }
    }
}
