//! The rule grammar: `KIND[:KEY=VALUE[,KEY=VALUE]...]`, and the same keys in plan files.
//!
//! Text and plan files both become [`Fields`]; [`Fields::rule`] makes the rule, and is the only
//! place that knows what the keys mean.

use super::condition::{AfterRule, Matching, Occupancy, When};
use super::kind::{
    ENTRY_ADDRESSES, HaltOutcome, Kind, Latency, PURPOSES, RING_ERRORS, Release, Site,
};
use super::rule::Rule;
use super::table::{Info, TABLE, Toll};
use super::values::{Range, duration, number, size};
use crate::crypto::Direction;
use crate::descriptors::ccb::work::Work;
use crate::descriptors::status::JobStatus;
use crate::descriptors::status_names;
use crate::jobring::MAX_ENTRIES;
use crate::memory::Purpose;
use crate::suggest::did_you_mean;
use std::time::Duration;
use thiserror::Error;

/// QEMU gives up on an answer after 5 s; what is slower than this would test QEMU.
pub const SLOWEST_ANSWER: Duration = Duration::from_secs(4);
/// Most jobs of a reorder window, and longest that one waits by default.
const WINDOW: u64 = 64;
const WITHIN: Duration = Duration::from_millis(5);
/// Longest name of a rule.
const NAME: usize = 40;

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// No such kind.
    #[error("there is no kind '{name}'{}; the kinds are: {}", did_you_mean(.name, &kinds()), kinds().join(", "))]
    Kind {
        /// What was written.
        name: String,
    },
    /// No such key of this kind.
    #[error("{kind} has no key '{key}'{}; its keys are: {}", did_you_mean(.key, .known), .known.join(", "))]
    Key {
        /// The kind.
        kind: &'static str,
        /// What was written.
        key: String,
        /// What could have been.
        known: Vec<&'static str>,
    },
    /// A key twice.
    #[error("'{0}' stands twice")]
    Twice(String),
    /// A value that is none.
    #[error("{key}={value}: {expected}")]
    Value {
        /// The key.
        key: String,
        /// What was written.
        value: String,
        /// What it should be.
        expected: String,
    },
    /// Something that the kind needs.
    #[error("{kind} needs {what}, as in {}", example(.kind))]
    Missing {
        /// The kind.
        kind: &'static str,
        /// Key, or a choice of keys.
        what: &'static str,
    },
    /// The rule could never fire.
    #[error("the rule can never match: {0}")]
    Never(String),
}

fn kinds() -> Vec<&'static str> {
    TABLE.iter().map(|info| info.name).collect()
}

fn example(kind: &str) -> &'static str {
    TABLE.iter().find(|info| info.name == kind).map_or("", |info| info.example)
}

/// The keys of [`Matching`], by the sites that have them, and of [`When`].
const RING_KEYS: &[&str] = &["ring", "occupancy"];
const JOB_KEYS: &[&str] = &["job", "alg", "dir", "length", "descriptor", "shared"];
const COMMON_KEYS: &[&str] = &[
    "name",
    "after",
    "every",
    "nth",
    "once",
    "times",
    "probability",
    "from",
    "until",
    "after-rule",
];

/// Kind, keys and values, not yet understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields {
    /// The kind's name.
    pub kind: String,
    /// Keys and values in the order written.
    pub pairs: Vec<(String, String)>,
}

impl Fields {
    /// From text. Every text is fields; what they mean is [`Self::rule`]'s to judge.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let pairs = rest.split(',').map(str::trim).filter(|part| !part.is_empty());
        let pair = |part: &str| match part.split_once('=') {
            Some((key, value)) => (key.trim().to_owned(), value.trim().to_owned()),
            // A flag.
            None => (part.to_owned(), "true".to_owned()),
        };
        Self { kind: kind.trim().to_owned(), pairs: pairs.map(pair).collect() }
    }

    /// The rule. `default_name` is its name if it has none.
    ///
    /// # Errors
    /// The first [`Problem`], and the key it is about, if it is about one.
    pub fn rule(&self, default_name: &str) -> Result<Rule, (Problem, Option<String>)> {
        let info = TABLE.iter().find(|info| info.name == self.kind);
        let info = info.ok_or_else(|| (Problem::Kind { name: self.kind.clone() }, None))?;
        let mut reader = Reader { info, left: Vec::new(), at: None };
        for (key, value) in &self.pairs {
            if reader.left.iter().any(|(k, _)| k == key) {
                return Err((Problem::Twice(key.clone()), Some(key.clone())));
            }
            reader.left.push((key, value));
        }
        let rule = reader.rule(default_name);
        rule.map_err(|problem| (problem, reader.at.map(str::to_owned)))
    }
}

/// What jobs must be like, by the keys that rules have for that: `alg=aes-xts,ring=1`.
///
/// # Errors
/// [`Problem`]: a key that is not about a job, or a value that is not one of its.
pub fn matching(text: &str) -> Result<Matching, Problem> {
    const ANY: Info =
        Info { name: "job", summary: "", keys: &[], example: "", toll: Toll::Time, random: &[] };
    let fields = Fields::from_text(&format!(":{text}"));
    let mut reader = Reader { info: &ANY, left: Vec::new(), at: None };
    for (key, value) in &fields.pairs {
        let known: Vec<_> = ["ring"].into_iter().chain(JOB_KEYS.iter().copied()).collect();
        if !known.contains(&key.as_str()) {
            return Err(Problem::Key { kind: ANY.name, key: key.clone(), known });
        }
        if reader.left.iter().any(|(k, _)| k == key) {
            return Err(Problem::Twice(key.clone()));
        }
        reader.left.push((key, value));
    }
    reader.matching()
}

struct Reader<'a> {
    info: &'static Info,
    left: Vec<(&'a str, &'a str)>,
    /// The key that was looked at last.
    at: Option<&'a str>,
}

impl<'a> Reader<'a> {
    fn take(&mut self, key: &str) -> Option<&'a str> {
        let at = self.left.iter().position(|(k, _)| *k == key)?;
        let (key, value) = self.left.remove(at);
        self.at = Some(key);
        Some(value)
    }

    /// The value of `key` as `parse` reads it.
    fn value<T>(
        &mut self,
        key: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.take(key) else { return Ok(None) };
        match parse(text) {
            Some(value) => Ok(Some(value)),
            None => Err(Problem::Value {
                key: key.to_owned(),
                value: text.to_owned(),
                expected: format!("expected {expected}"),
            }),
        }
    }

    fn missing(&self, what: &'static str) -> Problem {
        Problem::Missing { kind: self.info.name, what }
    }

    fn duration(&mut self, key: &str) -> Result<Option<Duration>, Problem> {
        self.value(key, "a duration: a number with ns, us, ms or s", duration)
    }

    /// A duration that is not 0.
    fn span(&mut self, key: &str) -> Result<Option<Duration>, Problem> {
        let positive = |text: &str| duration(text).filter(|d| !d.is_zero());
        self.value(key, "a duration above 0: a number with ns, us, ms or s", positive)
    }

    fn between(&mut self, key: &str, least: u64, most: u64) -> Result<Option<u64>, Problem> {
        let expected = match (least, most) {
            (0, u64::MAX) => "a number".to_owned(),
            (least, u64::MAX) => format!("a number, {least} or more"),
            _ => format!("a number from {least} to {most}"),
        };
        self.value(key, &expected, |t| number(t).filter(|n| (least..=most).contains(n)))
    }

    /// A number that fits 32 bits.
    fn small(&mut self, key: &str, least: u32, most: u32) -> Result<Option<u32>, Problem> {
        Ok(self.between(key, least.into(), most.into())?.map(|n| n as u32))
    }

    fn word<T: Copy>(&mut self, key: &str, table: &[(&str, T)]) -> Result<Option<T>, Problem> {
        let names: Vec<_> = table.iter().map(|(name, _)| *name).collect();
        let Some(text) = self.take(key) else { return Ok(None) };
        let found = table.iter().find(|(name, _)| *name == text);
        found.map(|(_, value)| Some(*value)).ok_or_else(|| Problem::Value {
            key: key.to_owned(),
            value: text.to_owned(),
            expected: format!("expected one of {}{}", names.join(", "), did_you_mean(text, &names)),
        })
    }

    /// Refuses keys that this kind does not have, before anything is missed that was misspelt.
    fn refuse_unknown_keys(&mut self) -> Result<(), Problem> {
        let own = self.info.keys.iter().map(|key| key.name);
        let groups = [COMMON_KEYS, RING_KEYS, JOB_KEYS];
        let known: Vec<_> = own.chain(groups.into_iter().flatten().copied()).collect();
        match self.left.iter().find(|(key, _)| !known.contains(key)) {
            None => Ok(()),
            Some((key, _)) => {
                self.at = Some(key);
                Err(Problem::Key { kind: self.info.name, key: (*key).to_owned(), known })
            }
        }
    }

    fn rule(&mut self, default_name: &str) -> Result<Rule, Problem> {
        self.refuse_unknown_keys()?;
        let kind = self.kind()?;
        let site = kind.site();
        let name = self.value("name", "letters, digits, '-', '_' and '.', up to 40", |text| {
            let fits = (1..=NAME).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            fits.then(|| text.to_owned())
        })?;
        self.refuse_what_the_site_lacks(site)?;
        let matching = self.matching()?;
        let when = self.when()?;
        self.at = None;
        Ok(Rule { name: name.unwrap_or_else(|| default_name.to_owned()), kind, matching, when })
    }

    /// A key that exists, but asks for what the events of this kind do not have.
    fn refuse_what_the_site_lacks(&mut self, site: Site) -> Result<(), Problem> {
        let lacks = |key: &str| {
            (JOB_KEYS.contains(&key) && !site.has_job())
                || (RING_KEYS.contains(&key) && !site.has_ring())
        };
        let Some((key, _)) = self.left.iter().find(|(key, _)| lacks(key)) else { return Ok(()) };
        self.at = Some(key);
        let (name, event) = (self.info.name, site.event());
        Err(Problem::Never(format!("{name} is asked for at each {event}, which has no '{key}'")))
    }

    fn matching(&mut self) -> Result<Matching, Problem> {
        let range = |end: fn(&str) -> Option<u64>| move |text: &str| Range::parse(text, end);
        let bytes = "a range of sizes: 512, 1K..4K, 1K.., ..4K";
        let directions = [("encrypt", Direction::Encrypt), ("decrypt", Direction::Decrypt)];
        let algorithms: Vec<_> = Work::ALL.iter().map(|(work, name)| (*name, *work)).collect();
        let job = self.value("job", "a range of numbers: 5, 5..9, 5.., ..9", range(number))?;
        self.range_holds(job.as_ref(), 1, "jobs are numbered from 1")?;
        let length = self.value("length", bytes, range(size))?;
        self.range_holds(length.as_ref(), 0, "")?;
        let hash = |text: &str| number(text).and_then(|n| u32::try_from(n).ok());
        Ok(Matching {
            ring: self.between("ring", 0, 3)?.map(|n| n as usize),
            job,
            algorithm: self.word("alg", &algorithms)?,
            direction: self.word("dir", &directions)?,
            length,
            descriptor: self.value("descriptor", "a bus address", number)?,
            shared: self.value("shared", "a hash of 32 bits, as the log shows it", hash)?,
        })
    }

    fn range_holds(&self, range: Option<&Range>, least: u64, why: &str) -> Result<(), Problem> {
        match range {
            Some(range) if range.is_empty() => Err(Problem::Never(format!("{range} is empty"))),
            Some(range) if range.last < least => Err(Problem::Never(why.to_owned())),
            _ => Ok(()),
        }
    }

    fn when(&mut self) -> Result<When, Problem> {
        let most = u64::MAX;
        let mut when = When {
            after: self.between("after", 0, most)?.unwrap_or(0),
            every: self.between("every", 1, most)?,
            probability: self.value("probability", "a number above 0, at most 1", |text| {
                let value: f64 = text.parse().ok()?;
                (value > 0.0 && value <= 1.0).then_some(value)
            })?,
            times: self.between("times", 1, most)?,
            from: self.duration("from")?,
            until: self.duration("until")?,
            occupancy: self.value("occupancy", "a number from 1 to 1024, or 'full'", |text| {
                let number = number(text).filter(|n| (1..=u64::from(MAX_ENTRIES)).contains(n));
                match text {
                    "full" => Some(Occupancy::Full),
                    _ => number.map(|n| Occupancy::AtLeast(n as u32)),
                }
            })?,
            after_rule: self.value("after-rule", "the name of a rule, or NAME:TIMES", |text| {
                let (name, times) = text.split_once(':').unwrap_or((text, "1"));
                let times = number(times).filter(|&n| n > 0)?;
                Some(AfterRule { name: name.to_owned(), times })
            })?,
        };
        if self.value("once", "no value", |text| (text == "true").then_some(()))?.is_some() {
            self.alone(when.times.is_some(), "once", "times")?;
            when.times = Some(1);
        }
        if let Some(nth) = self.between("nth", 1, most)? {
            let taken = when.times.is_some() || when.after > 0 || when.every.is_some();
            self.alone(taken, "nth", "after, every, once or times")?;
            when.after = nth - 1;
            when.times = Some(1);
        }
        match (when.from.unwrap_or_default(), when.until) {
            (from, Some(until)) if from >= until => {
                Err(Problem::Never("'until' is not after 'from'".to_owned()))
            }
            _ => Ok(when),
        }
    }

    fn alone(&self, taken: bool, key: &str, other: &str) -> Result<(), Problem> {
        if !taken {
            return Ok(());
        }
        let expected = format!("says the same as {other}: give one of them");
        Err(Problem::Value { key: key.to_owned(), value: "...".to_owned(), expected })
    }

    fn kind(&mut self) -> Result<Kind, Problem> {
        let slots = MAX_ENTRIES;
        Ok(match self.info.name {
            "ring-depth" => {
                let slots = self.small("slots", 1, slots)?;
                Kind::RingDepth { slots: slots.ok_or_else(|| self.missing("slots=N"))? }
            }
            "stall" => self.stall()?,
            "latency" => self.latency()?,
            "reorder" => Kind::Reorder {
                window: self
                    .between("window", 2, WINDOW)?
                    .ok_or_else(|| self.missing("window=N"))? as u32,
                within: self.span("within")?.unwrap_or(WITHIN),
            },
            "decos" => {
                let count = self.small("count", 1, u32::MAX)?;
                Kind::Decos { count: count.ok_or_else(|| self.missing("count=N"))? }
            }
            "irq-delay" => Kind::IrqDelay { by: self.needed_span("by", "by=DURATION")? },
            "irq-coalesce" => Kind::IrqCoalesce {
                count: self.small("count", 2, slots)?.ok_or_else(|| self.missing("count=N"))?,
                within: self.needed_span("within", "within=DURATION")?,
            },
            "irq-lost" => Kind::IrqLost,
            "irq-spurious" => Kind::IrqSpurious,
            "irq-stuck" => Kind::IrqStuck { length: self.needed_span("for", "for=DURATION")? },
            "status" => self.status()?,
            "data-flip" => Kind::DataFlip { bits: self.small("bits", 1, 64)?.unwrap_or(1) },
            "data-truncate" => {
                let expected = "a size above 0: 16, 4K, 1M";
                let bytes = self.value("bytes", expected, |t| size(t).filter(|&n| n > 0))?;
                Kind::DataTruncate { bytes: bytes.ok_or_else(|| self.missing("bytes=SIZE"))? }
            }
            "data-skip" => Kind::DataSkip,
            "dma-error" => self.dma_error()?,
            "output-entry" => {
                let address = self.word("entry", ENTRY_ADDRESSES)?;
                let late = self.span("late")?;
                if address.is_none() && late.is_none() {
                    return Err(self.missing("entry=... or late=DURATION"));
                }
                Kind::OutputEntry { address, late }
            }
            "jr-error" => self.ring_error()?,
            "flush" => Kind::Flush(self.halt(&["slow", "fail", "never"])?),
            "reset-ring" => Kind::ResetRing(self.halt(&["slow", "never"])?),
            "watchdog" => Kind::Watchdog,
            "deco-hang" => Kind::DecoHang { length: self.span("for")? },
            "rng-entropy" => Kind::RngEntropy,
            "rng-handle" => Kind::RngHandle,
            "vanish" => Kind::Vanish { length: self.needed_span("for", "for=DURATION")? },
            "mmio-slow" => self.slow_answers()?,
            "table-overread" => {
                let actions = [("report", false), ("fail", true)];
                Kind::TableOverread { fail: self.word("action", &actions)?.unwrap_or(false) }
            }
            _ => return Err(Problem::Kind { name: self.info.name.to_owned() }),
        })
    }

    fn needed_span(&mut self, key: &str, what: &'static str) -> Result<Duration, Problem> {
        self.span(key)?.ok_or_else(|| self.missing(what))
    }

    fn stall(&mut self) -> Result<Kind, Problem> {
        let after = self.span("for")?;
        let when_full = self.word("release", &[("full", true), ("manual", false)])?;
        if after.is_none() && when_full.is_none() {
            return Err(self.missing("for=DURATION, release=full or release=manual"));
        }
        if after.is_some() && when_full == Some(false) {
            return Err(Problem::Value {
                key: "release".to_owned(),
                value: "manual".to_owned(),
                expected: "means that no time ends it: leave for= out".to_owned(),
            });
        }
        let release = Release { after, when_full: when_full.unwrap_or(false) };
        let all_rings = self.word("rings", &[("this", false), ("all", true)])?.unwrap_or(false);
        Ok(Kind::Stall { release, all_rings })
    }

    fn latency(&mut self) -> Result<Kind, Problem> {
        let latency = Latency {
            fixed: self.span("fixed")?,
            uniform: self.value("uniform", "DURATION..DURATION, the shorter first", |text| {
                let (least, most) = text.split_once("..")?;
                let (least, most) = (duration(least)?, duration(most)?);
                (least <= most && !most.is_zero()).then_some((least, most))
            })?,
            exponential: self.span("exponential")?,
            bandwidth: self.between("bandwidth", 1, 1_000_000)?,
        };
        if latency == Latency::default() {
            return Err(self.missing("fixed=, uniform=, exponential= or bandwidth="));
        }
        Ok(Kind::Latency(latency))
    }

    fn status(&mut self) -> Result<Kind, Problem> {
        let expected = "a status word other than 0, or a name such as ccb/aes/icv-check, \
                        deco/watchdog, jump-user/7, jr/1 (docs/faults.md lists them)";
        let status = self.value("value", expected, |text| {
            let word = number(text).and_then(|n| u32::try_from(n).ok()).map(JobStatus);
            word.or_else(|| status_names::parse(text)).filter(|status| !status.is_ok())
        })?;
        Ok(Kind::Status(status.ok_or_else(|| self.missing("value=STATUS"))?))
    }

    fn dma_error(&mut self) -> Result<Kind, Problem> {
        let of = self.word("of", PURPOSES)?.ok_or_else(|| self.missing("of=WHAT"))?;
        let access = self.small("access", 1, u32::MAX)?.unwrap_or(1);
        let single = matches!(of, Purpose::InputRing | Purpose::OutputRing);
        if single && access > 1 {
            let why = "a job has one entry in each ring: access=1";
            return Err(Problem::Never(why.to_owned()));
        }
        Ok(Kind::DmaError { of, access })
    }

    fn ring_error(&mut self) -> Result<Kind, Problem> {
        let by_number = |text: &str| {
            let wanted = number(text)?;
            RING_ERRORS.iter().find(|(_, e)| *e as u64 == wanted).map(|(_, error)| *error)
        };
        let given = self.left.iter().find(|(key, _)| *key == "type").map(|(_, value)| *value);
        let error = match given.and_then(by_number) {
            Some(error) => {
                self.take("type");
                Some(error)
            }
            None => self.word("type", RING_ERRORS)?,
        };
        Ok(Kind::JrError(error.ok_or_else(|| self.missing("type=ERROR"))?))
    }

    fn halt(&mut self, outcomes: &[&str]) -> Result<HaltOutcome, Problem> {
        let by = self.span("by")?;
        let table: Vec<_> = outcomes.iter().map(|o| (*o, *o)).collect();
        let outcome = self.word("outcome", &table)?.ok_or_else(|| self.missing("outcome=..."))?;
        Ok(match (outcome, by) {
            ("slow", Some(by)) => HaltOutcome::Slow(by),
            ("slow", None) => return Err(self.missing("by=DURATION with outcome=slow")),
            (_, Some(_)) => {
                return Err(Problem::Value {
                    key: "by".to_owned(),
                    value: "...".to_owned(),
                    expected: "goes with outcome=slow only".to_owned(),
                });
            }
            ("fail", None) => HaltOutcome::Fail,
            _ => HaltOutcome::Never,
        })
    }

    fn slow_answers(&mut self) -> Result<Kind, Problem> {
        let expected = "a duration above 0, at most 4s: QEMU gives up after 5 s";
        let fits = |d: &Duration| !d.is_zero() && *d <= SLOWEST_ANSWER;
        let by = self.value("by", expected, |text| duration(text).filter(fits))?;
        let at =
            self.value("at", "a range of offsets in BAR 0: 0x1044, 0x1000..0x1fff", |text| {
                Range::parse(text, number)
            })?;
        self.range_holds(at.as_ref(), 0, "")?;
        if at.is_some_and(|at| at.first >= crate::device::pci::BAR0_BYTES) {
            return Err(Problem::Never("BAR 0 ends before that offset".to_owned()));
        }
        Ok(Kind::MmioSlow { by: by.ok_or_else(|| self.missing("by=DURATION"))?, at })
    }
}

#[cfg(test)]
#[path = "grammar_tests.rs"]
mod tests;
