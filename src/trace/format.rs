//! What a trace file is written in.

use super::Event;
use super::lines::Lines;
use super::perfetto::Perfetto;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The kinds of trace file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Chrome trace events as a JSON array: opens in ui.perfetto.dev
    Perfetto,
    /// One JSON object a line, an event each
    Jsonl,
}

impl Format {
    /// What `wanted` says; else by the name of the file: `.jsonl` is JSON lines, all others Perfetto.
    #[must_use]
    pub fn of(wanted: Option<Self>, path: &Path) -> Self {
        let lines = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jsonl"));
        wanted.unwrap_or(if lines { Self::Jsonl } else { Self::Perfetto })
    }
}

/// What stands at the beginning of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Header {
    /// Version of the emulator.
    pub version: String,
    pub soc: String,
    pub rings: usize,
    pub decos: usize,
    /// What makes faults repeatable.
    pub fault_seed: u64,
    pub registers: bool,
}

/// What stands at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footer {
    /// Why it ends.
    pub reason: String,
    /// Events written.
    pub events: u64,
    /// Events that found the queue full, and are missing.
    pub dropped: u64,
}

/// Makes text of events.
#[derive(Debug)]
pub enum Renderer {
    /// [`Format::Perfetto`]
    Perfetto(Box<Perfetto>),
    /// [`Format::Jsonl`]
    Lines(Lines),
}

impl Renderer {
    /// Writes the beginning.
    #[must_use]
    pub fn new(format: Format, header: &Header, out: &mut Vec<u8>) -> Self {
        match format {
            Format::Perfetto => Self::Perfetto(Box::new(Perfetto::new(header, out))),
            Format::Jsonl => Self::Lines(Lines::new(header, out)),
        }
    }

    /// Writes an event.
    pub fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        match self {
            Self::Perfetto(perfetto) => perfetto.event(event, out),
            Self::Lines(lines) => lines.event(event, out),
        }
    }

    /// Writes the end; nothing may follow.
    pub fn end(&mut self, footer: &Footer, out: &mut Vec<u8>) {
        match self {
            Self::Perfetto(perfetto) => perfetto.end(footer, out),
            Self::Lines(lines) => lines.end(footer, out),
        }
    }
}
