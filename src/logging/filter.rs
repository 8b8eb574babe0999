//! `--log FILTER`: which events are logged.

use crate::descriptors::status::JobStatus;
use crate::descriptors::status_names;
use crate::device::registers::place::Class;
use crate::fault::values::{Range, number};
use crate::suggest::did_you_mean;
use log::LevelFilter;
use log::kv::{Key, Source};
use std::str::FromStr;
use thiserror::Error;

/// Explains the grammar, for `--help` and for errors.
pub const HELP: &str = "\
FILTER is a list of LEVEL and KEY=VALUE, separated by commas:

  error, warn, info, debug, trace, off   how much (default info)
  ring=N            of lines about a ring, only those about this one (from 0)
  job=N, N..M, N..  of lines about a job, only those about these: the ring's N-th job, from 1
  status=WORD       of lines with a job's status, only those with this: failed, ok, 0x2000001a,
                    ccb/aes/icv-check, deco/watchdog
  registers=CLASS   also accesses to these registers: jobring, rng, ctrl, deco, version, config, all

A value may be several, with | between them. Lines without the key stay. Examples:

  --log debug                              a line a job
  --log debug,ring=1,status=failed         all of ring 1's jobs that fail
  --log 'debug,job=100..200'               these jobs
  --log 'registers=jobring|rng'            what the driver reads and writes there

Without --log, RUST_LOG says what (error, warn, info, debug, trace, or TARGET=LEVEL); with it,
RUST_LOG is not looked at.";

const LEVELS: &[(&str, LevelFilter)] = &[
    ("off", LevelFilter::Off),
    ("error", LevelFilter::Error),
    ("warn", LevelFilter::Warn),
    ("info", LevelFilter::Info),
    ("debug", LevelFilter::Debug),
    ("trace", LevelFilter::Trace),
];
const KEYS: &[&str] = &["ring", "job", "status", "registers"];
/// Where an error's code stands in a status word; between them is the place in the descriptor.
const SOURCE_AND_CODE: u32 = 0xf000_00ff;

/// Why a filter is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// Neither a level nor `KEY=VALUE`.
    #[error("'{0}' is neither a level (off, error, warn, info, debug, trace) nor KEY=VALUE{1}")]
    Item(String, String),
    /// No such key.
    #[error("there is no key '{0}'{1}; the keys are: ring, job, status, registers")]
    Key(String, String),
    /// Not what the key takes.
    #[error("{key}={value}: {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was written.
        value: String,
        /// What it should be.
        expected: String,
    },
    /// Two levels.
    #[error("two levels: '{0}' is the second")]
    Levels(String),
}

/// A condition on a status word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    Failed,
    /// This very word.
    Word(u32),
    /// This error, wherever in the descriptor.
    Error(u32),
}

impl Status {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "ok" => Self::Ok,
            "failed" => Self::Failed,
            _ if text.contains('/') => Self::Error(status_names::parse(text)?.0),
            _ => Self::Word(u32::try_from(number(text)?).ok()?),
        })
    }

    fn holds(self, status: JobStatus) -> bool {
        match self {
            Self::Ok => status.is_ok(),
            Self::Failed => !status.is_ok(),
            Self::Word(word) => status.0 == word,
            Self::Error(word) => status.0 & SOURCE_AND_CODE == word,
        }
    }
}

/// See the module. Empty lists are no conditions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    level: Option<LevelFilter>,
    rings: Vec<Range>,
    jobs: Vec<Range>,
    statuses: Vec<Status>,
    registers: Vec<Class>,
}

impl Filter {
    /// Targets and the most detailed level of each that is logged; `None`: of all others.
    pub fn levels(&self) -> impl Iterator<Item = (Option<&'static str>, LevelFilter)> + '_ {
        let level = self.level.unwrap_or(LevelFilter::Info);
        std::iter::once((None, level))
            .chain(self.registers.iter().map(|class| (Some(class.target()), LevelFilter::Trace)))
    }

    /// Whether an event about this is wanted, as far as conditions go.
    #[must_use]
    pub fn passes(&self, about: &dyn Source) -> bool {
        let value = |key: &str| {
            let value = about.get(Key::from_str(key))?;
            value.to_u64().or_else(|| number(&value.to_string()))
        };
        let is_in = |ranges: &[Range], key: &str| {
            let holds = |value| ranges.iter().any(|range| range.contains(value));
            ranges.is_empty() || value(key).is_none_or(holds)
        };
        let status = |word: u64| {
            let status = JobStatus(u32::try_from(word).unwrap_or(u32::MAX));
            self.statuses.iter().any(|wanted| wanted.holds(status))
        };
        is_in(&self.rings, "ring")
            && is_in(&self.jobs, "job")
            && (self.statuses.is_empty() || value("status").is_none_or(status))
    }

    fn add(&mut self, key: &'static str, value: &str) -> Result<(), Problem> {
        for word in value.split('|') {
            let wrong = |expected: String| Problem::Value { key, value: word.into(), expected };
            let range = || Range::parse(word, number).filter(|range| !range.is_empty());
            match key {
                "ring" => self.rings.push(range().ok_or_else(|| {
                    wrong("expected a ring's number, from 0, or a range of them".into())
                })?),
                "job" => self.jobs.push(range().ok_or_else(|| {
                    wrong("expected a job's number, from 1, or a range such as 100..200".into())
                })?),
                "status" => self.statuses.push(Status::parse(word).ok_or_else(|| {
                    let near = did_you_mean(word, &["failed", "ok"]);
                    wrong(format!(
                        "expected failed, ok, a word such as 0x2000001a, or a name such as \
                         ccb/aes/icv-check{near}"
                    ))
                })?),
                _ => {
                    let classes = Class::ALL.iter().map(|(class, name, _)| (*class, *name));
                    let found: Vec<_> = classes
                        .clone()
                        .filter(|(_, name)| word == "all" || *name == word)
                        .map(|(class, _)| class)
                        .collect();
                    if found.is_empty() {
                        let mut names: Vec<_> = classes.map(|(_, name)| name).collect();
                        names.push("all");
                        let near = did_you_mean(word, &names);
                        return Err(wrong(format!("expected one of {}{near}", names.join(", "))));
                    }
                    self.registers.extend(found);
                }
            }
        }
        Ok(())
    }
}

impl FromStr for Filter {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let mut filter = Self::default();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            if let Some((key, value)) = item.split_once('=') {
                let key = key.trim();
                let known = KEYS.iter().find(|known| **known == key);
                let unknown = || Problem::Key(key.to_owned(), did_you_mean(key, KEYS));
                filter.add(known.ok_or_else(unknown)?, value.trim())?;
                continue;
            }
            let Some((_, level)) = LEVELS.iter().find(|(name, _)| *name == item) else {
                let words: Vec<_> = LEVELS.iter().map(|(n, _)| *n).chain(KEYS.to_vec()).collect();
                return Err(Problem::Item(item.to_owned(), did_you_mean(item, &words)));
            };
            if filter.level.replace(*level).is_some() {
                return Err(Problem::Levels(item.to_owned()));
            }
        }
        Ok(filter)
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
