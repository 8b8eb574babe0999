//! Control commands, done: a line in, a line out.

use super::protocol::{self, Command, Request};
use super::stats::FaultList;
use crate::device::{Device, Outcome};
use crate::trace::file as trace;
use crate::trace::format::Format;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// The reply, without its end of line, and what the shell has to do.
#[derive(Debug)]
pub struct Answer {
    /// A reply of the protocol.
    pub reply: String,
    /// As for an access.
    pub outcome: Outcome,
}

impl Answer {
    fn done(id: &Value, result: &impl Serialize) -> Self {
        Self { reply: protocol::done(id, result), outcome: Outcome::default() }
    }

    fn refused(id: &Value, error: &str) -> Self {
        Self { reply: protocol::refused(id, error), outcome: Outcome::default() }
    }
}

/// What commands need of the process around the device: files. An error is for people.
pub trait Host {
    /// Begins to write a trace.
    ///
    /// # Errors
    /// Why not.
    fn start_trace(&self, options: &trace::Options) -> Result<(), trace::Error>;
    /// Ends it.
    ///
    /// # Errors
    /// Why not.
    fn stop_trace(&self) -> Result<trace::Status, trace::Error>;
    /// The trace that goes on, or the last one.
    fn trace_status(&self) -> Option<trace::Status>;
}

/// Does what a line asks. It waits for locks that are held for moments only, never for a job; the
/// end of a trace waits for its file, for a few seconds at most.
#[must_use]
pub fn answer(device: &Device, host: &dyn Host, line: &[u8], now: Duration) -> Answer {
    let Request { id, command } = match Request::parse(line) {
        Ok(request) => request,
        Err(bad) => return Answer::refused(&bad.id, &bad.cause.to_string()),
    };
    match command {
        Command::Stats {} => Answer::done(&id, &device.statistics(now)),
        Command::Reset {} => {
            log::info!(by = "control"; "device reset");
            Answer { outcome: device.reset(now), ..Answer::done(&id, &json!({})) }
        }
        Command::FaultAdd { rule } => match device.add_fault(&rule, now) {
            Ok(name) => Answer::done(&id, &json!({ "name": name })),
            Err((problem, _)) => Answer::refused(&id, &problem.to_string()),
        },
        Command::FaultList {} => Answer::done(&id, &FaultList::new(&device.faults)),
        Command::FaultClear { name, all } => {
            let cleared = match (&name, all) {
                (Some(_), false) | (None, true) => device.clear_faults(name.as_deref(), now),
                _ => Err("fault-clear needs either \"name\" or \"all\":true".into()),
            };
            match cleared {
                Ok(count) => {
                    log::info!(by = "control", count; "fault rules cleared");
                    Answer::done(&id, &json!({ "cleared": count }))
                }
                Err(error) => Answer::refused(&id, &error),
            }
        }
        Command::Job { number } => match device.autopsies.report(number, device.setup().soc) {
            Ok(autopsy) => Answer::done(&id, &autopsy),
            Err(error) => Answer::refused(&id, &error),
        },
        Command::Jobs {} => Answer::done(&id, &device.autopsies.list()),
        Command::Resume { ring } => {
            let rings = device.setup().rings;
            if ring.is_some_and(|ring| ring >= rings) {
                return Answer::refused(&id, &format!("the device has {rings} job rings, from 0"));
            }
            let (count, outcome) = device.resume(ring, now);
            Answer { outcome, ..Answer::done(&id, &json!({ "resumed": count })) }
        }
        Command::TraceStart { file, format, registers, limit } => {
            let path = PathBuf::from(file);
            let format = Format::of(format, &path);
            let limit = limit.unwrap_or(trace::LIMIT);
            match host.start_trace(&trace::Options { path, format, registers, limit }) {
                Ok(()) => Answer::done(&id, &host.trace_status()),
                Err(e) => Answer::refused(&id, &e.to_string()),
            }
        }
        Command::TraceStop {} => match host.stop_trace() {
            Ok(status) => Answer::done(&id, &status),
            Err(e) => Answer::refused(&id, &e.to_string()),
        },
        Command::TraceStatus {} => match host.trace_status() {
            Some(status) => Answer::done(&id, &status),
            None => Answer::done(&id, &json!({ "on": false })),
        },
    }
}

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
