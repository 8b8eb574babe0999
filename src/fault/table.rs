//! The table of kinds: what the grammar, the help and random plans know of each.

use serde::{Deserialize, Serialize};

/// A key of a kind.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Name.
    pub name: &'static str,
    /// Value and meaning, in a line.
    pub help: &'static str,
}

/// What the grammar and the help know of a kind.
#[derive(Debug, Clone, Copy)]
pub struct Info {
    /// Name.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The keys of its own.
    pub keys: &'static [Key],
    /// A rule of this kind that can be used as it stands.
    pub example: &'static str,
    /// What it costs a driver without a bug, at worst.
    pub toll: Toll,
    /// What [`super::draw`] makes random rules of: keys and values, with `{1ms..20ms}` for what lies
    /// between, and `{a|b}` for either. Bounded, so that a load on dm-crypt goes on: no access, job or
    /// interrupt is held for more than half a second. Empty: not for random plans.
    pub random: &'static [&'static str],
}

/// What a kind costs a driver without a bug, and those who wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Toll {
    /// Time or order: all that was asked for is done in the end.
    Time,
    /// Jobs: they end with an error, and whoever asked is told.
    Job,
    /// Data: it is wrong, and nobody says so.
    Data,
    /// A ring or the device: the driver waits for ever, or gives up.
    Device,
}

impl Toll {
    /// In a line.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Time => "time or order; all that was asked for is done in the end",
            Self::Job => "jobs, which end with an error; whoever asked must be told",
            Self::Data => "data, which is wrong, and nobody says so",
            Self::Device => "a ring or the device: it waits for ever, or gives up",
        }
    }
}

const fn key(name: &'static str, help: &'static str) -> Key {
    Key { name, help }
}

/// All kinds, in the order of [`super::kind::Kind`].
pub const TABLE: &[Info] = &[
    Info {
        name: "ring-depth",
        summary: "IRSAR shows as if the input ring had fewer slots (never 0 to a driver that caches it)",
        keys: &[key("slots", "N: slots of the ring as the device reports them")],
        example: "ring-depth:slots=16",
        toll: Toll::Time,
        random: &["slots={4..256},probability={0.05..1}"],
    },
    Info {
        name: "stall",
        summary: "the ring stops giving jobs to DECOs",
        keys: &[
            key("for", "DURATION: at most so long"),
            key(
                "release",
                "full: when the ring is full, or after for=, if that is first; manual: by 'ctl resume' only",
            ),
            key("rings", "this (default) or all: which rings stop"),
        ],
        example: "stall:for=20ms,every=100",
        toll: Toll::Time,
        random: &[
            "for={1ms..400ms},probability={0.0001..0.002},times={5..50}",
            "release=full,for={10ms..500ms},probability={0.0001..0.001},times={3..30}",
            "for={1ms..300ms},occupancy={2..64},probability={0.0002..0.005},times={5..50}{|,rings=all}",
        ],
    },
    Info {
        name: "latency",
        summary: "jobs take longer; the DECO is occupied meanwhile",
        keys: &[
            key("fixed", "DURATION"),
            key("uniform", "DURATION..DURATION"),
            key("exponential", "DURATION: the mean"),
            key("bandwidth", "MB/S: by the length of the input, in 10^6 bytes a second"),
        ],
        example: "latency:exponential=200us,bandwidth=50",
        toll: Toll::Time,
        random: &[
            "fixed={1us..200us},probability={0.01..1}",
            "exponential={10us..300us},probability={0.05..1}",
            "uniform=1ms..{2ms..30ms},probability={0.0005..0.01}",
            "bandwidth={5..500}",
            "bandwidth={10..500},exponential={5us..100us}",
        ],
    },
    Info {
        name: "reorder",
        summary: "finished jobs wait until a window of them is full, and are given back in random order",
        keys: &[
            key("window", "N: 2 to 64 jobs"),
            key("within", "DURATION: none waits longer (default 5ms)"),
        ],
        example: "reorder:window=8",
        toll: Toll::Time,
        random: &["window={2..64},within={100us..20ms},probability={0.1..1}"],
    },
    Info {
        name: "decos",
        summary: "no more DECOs work at once than that",
        keys: &[key("count", "N, 1 or more (--decos says how many there are)")],
        example: "decos:count=1",
        toll: Toll::Time,
        random: &["count={1..4},probability={0.1..1}"],
    },
    Info {
        name: "irq-delay",
        summary: "the interrupt line rises later",
        keys: &[key("by", "DURATION")],
        example: "irq-delay:by=5ms",
        toll: Toll::Time,
        random: &["by={50us..10ms},probability={0.005..0.1}"],
    },
    Info {
        name: "irq-coalesce",
        summary: "the interrupt line rises when so many results wait, or after a time",
        keys: &[key("count", "N results"), key("within", "DURATION: not later")],
        example: "irq-coalesce:count=16,within=2ms",
        toll: Toll::Time,
        random: &["count={2..64},within={50us..2ms},probability={0.05..0.5}"],
    },
    Info {
        name: "irq-lost",
        summary: "the interrupt line stays down, although JRINTR is set, until another job has finished",
        keys: &[],
        example: "irq-lost:every=50",
        toll: Toll::Device,
        random: &[],
    },
    Info {
        name: "irq-spurious",
        summary: "one more interrupt, once JRINTR is clear again: nothing is there to be done",
        keys: &[],
        example: "irq-spurious:every=10",
        toll: Toll::Time,
        random: &["probability={0.01..0.5}"],
    },
    Info {
        name: "irq-stuck",
        summary: "the interrupt line stays up although JRINTR was acknowledged",
        keys: &[key("for", "DURATION")],
        example: "irq-stuck:for=1ms,every=100",
        toll: Toll::Time,
        random: &["for={50us..2ms},probability={0.001..0.02}"],
    },
    Info {
        name: "status",
        summary: "the job is not run, and ends with this status word",
        keys: &[key(
            "value",
            "0xN, or a name: ccb/aes/icv-check, deco/dma, jump-user/7, jump-condition/1, jr/N, qi/N",
        )],
        example: "status:value=ccb/aes/icv-check,alg=aes-gcm,dir=decrypt,nth=5",
        toll: Toll::Job,
        random: &[
            "value={ccb/aes/hardware|ccb/aes/data-size|ccb/aes/mode|deco/header|deco/dma|deco/invalid-command|jump-user/7|jump-condition/1|qi/0x20|jr/0x1e|0x80000001},probability={0.0001..0.002},times={1..40}",
        ],
    },
    Info {
        name: "data-flip",
        summary: "bits of the job's output are inverted",
        keys: &[key("bits", "N, 1 (default) to 64, at random places")],
        example: "data-flip:bits=3,once",
        toll: Toll::Data,
        random: &[],
    },
    Info {
        name: "data-truncate",
        summary: "the end of the job's output is not written; the status says success",
        keys: &[key("bytes", "SIZE")],
        example: "data-truncate:bytes=16,once",
        toll: Toll::Data,
        random: &[],
    },
    Info {
        name: "data-skip",
        summary: "nothing of the job's output is written; the status says success",
        keys: &[],
        example: "data-skip:once",
        toll: Toll::Data,
        random: &[],
    },
    Info {
        name: "dma-error",
        summary: "an access of the device to memory fails",
        keys: &[
            key(
                "of",
                "descriptor, shared-descriptor, table, input, output, input-ring or output-ring",
            ),
            key("access", "N: the N-th access of that sort that the job makes (default 1)"),
        ],
        example: "dma-error:of=output,access=2,nth=10",
        toll: Toll::Job,
        random: &[
            "of={descriptor|shared-descriptor|table|input|output},access={1..2},probability={0.0001..0.002},times={1..40}",
        ],
    },
    Info {
        name: "output-entry",
        summary: "the output ring's entry is wrong, missing or late",
        keys: &[
            key(
                "entry",
                "wrong, zero, duplicate (the address in it) or missing (it is not written)",
            ),
            key(
                "late",
                "DURATION: it is written so long after it was counted and the interrupt raised",
            ),
        ],
        example: "output-entry:entry=zero,once",
        toll: Toll::Device,
        random: &[],
    },
    Info {
        name: "jr-error",
        summary: "the job ring raises an error in JRINTR (Linux: BUG())",
        keys: &[key(
            "type",
            "name or number of JRINTR's ERR_TYPE: output-write, bad-input-base, ...",
        )],
        example: "jr-error:type=output-write,nth=100",
        toll: Toll::Device,
        random: &[],
    },
    Info {
        name: "flush",
        summary: "the flush of a ring is slow, fails or never ends",
        keys: &[key("outcome", "slow, fail or never"), key("by", "DURATION, with slow")],
        example: "flush:outcome=slow,by=50ms",
        toll: Toll::Device,
        random: &[],
    },
    Info {
        name: "reset-ring",
        summary: "the reset of a flushed ring is slow or never ends",
        keys: &[key("outcome", "slow or never"), key("by", "DURATION, with slow")],
        example: "reset-ring:outcome=never,once",
        toll: Toll::Device,
        random: &[],
    },
    Info {
        name: "watchdog",
        summary: "the job is not run, and ends with the DECO watchdog's status",
        keys: &[],
        example: "watchdog:nth=3",
        toll: Toll::Job,
        random: &["probability={0.0001..0.002},times={1..40}"],
    },
    Info {
        name: "deco-hang",
        summary: "the job is not run, and its DECO hangs",
        keys: &[key(
            "for",
            "DURATION; then the watchdog ends it (default: until the ring is flushed)",
        )],
        example: "deco-hang:for=2s,once",
        toll: Toll::Job,
        random: &["for={1ms..300ms},probability={0.0001..0.001},times={1..10}"],
    },
    Info {
        name: "rng-entropy",
        summary: "the entropy source fails: ENT_VAL stays clear, RNG operations end with the hardware error",
        keys: &[],
        example: "rng-entropy:times=3",
        toll: Toll::Job,
        random: &[],
    },
    Info {
        name: "rng-handle",
        summary: "the RNG's state handles are lost: RDSTA shows them uninstantiated",
        keys: &[],
        example: "rng-handle:nth=20",
        toll: Toll::Job,
        random: &[],
    },
    Info {
        name: "vanish",
        summary: "the device closes its client's connection when the job is taken, and takes none for a while",
        keys: &[key("for", "DURATION")],
        example: "vanish:for=1s,nth=1000",
        toll: Toll::Device,
        random: &[],
    },
    Info {
        name: "mmio-slow",
        summary: "accesses to registers are answered late (QEMU gives up after 5 s)",
        keys: &[
            key("by", "DURATION, at most 4s"),
            key("at", "RANGE of offsets in BAR 0 (default: all)"),
        ],
        example: "mmio-slow:by=2ms,at=0x1044,every=10",
        toll: Toll::Time,
        random: &["by={20us..3ms},probability={0.0005..0.01}"],
    },
    Info {
        name: "table-overread",
        summary: "says when the four-entry prefetch of a scatter/gather table leaves the page of the table's last entry",
        keys: &[key(
            "action",
            "report (default: a line in the log, a count here) or fail (DMA error)",
        )],
        example: "table-overread:action=report",
        toll: Toll::Job,
        random: &["action={report|fail}"],
    },
];
