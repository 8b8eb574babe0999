//! Reading a trace again: whether it is one, whether what it tells can have happened, and what
//! that was in a few numbers.
//!
//! Independent of what wrote it: a Perfetto trace is read as any reader of Chrome trace events
//! reads it, and nothing is taken for granted. What must hold: slices begin before they end, end
//! in the order they were opened, and have ids of their own; a ring's counter is never below 0
//! and says what its jobs' slices say.

mod chrome;
mod lines;

use super::format::{Footer, Header};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};
use std::io::{self, BufRead};
use thiserror::Error;

/// What is wrong with a trace.
#[derive(Debug, Error)]
pub enum Problem {
    /// It cannot be read.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("not a trace of caam-emu: {0}")]
    Foreign(String),
    /// It is not JSON any more from here on.
    #[error("line {line}, column {column}: {what}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the parser says.
        what: String,
    },
    /// It stops without an end.
    #[error(
        "cut short behind {events} events, at line {line}: the emulator was killed, or the disk full"
    )]
    Truncated {
        /// Whole events before that.
        events: u64,
        /// The line that is not there, or not all of it.
        line: usize,
    },
    /// What it tells cannot have happened.
    #[error("event {event}: {what}")]
    Impossible {
        /// Its number in the file, from 1.
        event: u64,
        /// Why not.
        what: String,
    },
}

impl Problem {
    /// Whether the file could be read to its end, and tells what cannot be.
    #[must_use]
    pub fn is_impossible(&self) -> bool {
        matches!(self, Self::Impossible { .. })
    }

    fn json(error: &serde_json::Error, events: u64, line: usize) -> Self {
        if error.is_eof() {
            return Self::Truncated { events, line };
        }
        let (column, what) = (error.column(), error.to_string());
        // It says the place itself, but of its own piece of the file.
        let what = what.split(" at line ").next().unwrap_or_default().to_owned();
        Self::Syntax { line, column, what }
    }
}

/// A job, by ring and id or number.
#[derive(Debug, Clone, PartialEq)]
pub struct Longest {
    /// What to search for in the trace.
    pub job: String,
    /// Nanoseconds from doorbell to removal.
    pub ns: u64,
}

/// What a ring did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RingSummary {
    /// Jobs seen.
    pub jobs: u64,
    /// Of these, removed by the driver.
    pub removed: u64,
    /// Ended by a reset, a new size or a gap in the trace.
    pub vanished: u64,
    /// Results with another status than 0.
    pub failed: u64,
    /// Still in the ring when the trace ends.
    pub open: u64,
    /// Most jobs at once.
    pub most: u64,
    /// The one that was there longest, of those removed.
    pub longest: Option<Longest>,
    /// How often each state began, and how many nanoseconds it lasted.
    pub states: BTreeMap<String, (u64, u64)>,
}

impl RingSummary {
    fn removed(&mut self, ns: u64, job: impl FnOnce() -> String) {
        self.removed += 1;
        if self.longest.as_ref().is_none_or(|longest| longest.ns < ns) {
            self.longest = Some(Longest { job: job(), ns });
        }
    }
}

/// A trace in numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Of what.
    pub header: Option<Header>,
    /// Lines or trace events that are whole.
    pub events: u64,
    /// Nanoseconds from the first event to the last.
    pub first_ns: Option<u64>,
    /// The last event.
    pub last_ns: u64,
    /// By name: jr0, jr1, ...
    pub rings: BTreeMap<String, RingSummary>,
    /// How often each fault rule fired.
    pub faults: BTreeMap<String, u64>,
    /// Register accesses.
    pub registers: u64,
    /// Times the client was signalled.
    pub signalled: u64,
    /// What stands at its end.
    pub footer: Option<Footer>,
}

impl Summary {
    fn at(&mut self, ns: u64) {
        let first = self.first_ns.get_or_insert(ns);
        *first = ns.min(*first);
        self.last_ns = self.last_ns.max(ns);
    }
}

fn time(ns: u64) -> String {
    match ns {
        0..10_000 => format!("{ns} ns"),
        10_000..10_000_000 => format!("{:.1} us", ns as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => format!("{:.1} s", ns as f64 / 1e9),
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(header) = &self.header {
            let Header { version, soc, rings, decos, .. } = header;
            writeln!(f, "caam-emu {version}, {soc}, {rings} job rings, {decos} DECOs")?;
        }
        let length = self.last_ns.saturating_sub(self.first_ns.unwrap_or(self.last_ns));
        writeln!(f, "{} events in {}", self.events, time(length))?;
        for (name, ring) in self.rings.iter().filter(|(_, ring)| ring.jobs > 0) {
            let RingSummary { jobs, removed, vanished, failed, open, most, .. } = ring;
            let mut parts = format!("{removed} removed by the driver");
            let mut part = |count: &u64, what: &str| {
                if *count > 0 {
                    // Writing to a string cannot fail.
                    let _ = write!(parts, ", {count} {what}");
                }
            };
            part(open, "still in the ring at the end");
            part(vanished, "gone by reset or gap");
            part(failed, "with an error status");
            writeln!(f, "{name}: {jobs} jobs: {parts}; at most {most} at once")?;
            if let Some(Longest { job, ns }) = &ring.longest {
                writeln!(f, "{name}: longest from doorbell to removal: {}, {job}", time(*ns))?;
            }
            for (state, (times, ns)) in &ring.states {
                writeln!(f, "{name}: {state} {times} times, for {}", time(*ns))?;
            }
        }
        for (rule, fired) in &self.faults {
            writeln!(f, "fault {rule}: fired {fired} times")?;
        }
        if self.registers > 0 {
            writeln!(f, "{} register accesses", self.registers)?;
        }
        if let Some(Footer { reason, dropped, .. }) = &self.footer {
            writeln!(f, "ended: {reason}; {dropped} events dropped")?;
        }
        Ok(())
    }
}

/// Reads a trace of either format. What is wrong with it comes beside what could be read.
pub fn check(mut input: impl BufRead) -> (Summary, Result<(), Problem>) {
    let mut summary = Summary::default();
    let first = match input.fill_buf() {
        Ok(buffer) => buffer.iter().copied().find(|b| !b.is_ascii_whitespace()),
        Err(e) => return (summary, Err(e.into())),
    };
    let result = match first {
        Some(b'[') => chrome::check(input, &mut summary),
        Some(b'{') => lines::check(input, &mut summary),
        Some(_) => Err(Problem::Foreign("neither a JSON array nor JSON lines".into())),
        None => Err(Problem::Foreign("it is empty".into())),
    };
    (summary, result)
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
