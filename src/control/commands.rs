//! Control commands, done: a line in, a line out.

use super::protocol::{self, Command, Request};
use super::stats::FaultList;
use crate::device::{Device, Outcome};
use crate::fault::grammar::Fields;
use serde::Serialize;
use serde_json::{Value, json};
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

/// Does what a line asks. It waits for locks that are held for moments only, never for a job.
#[must_use]
pub fn answer(device: &Device, line: &[u8], now: Duration) -> Answer {
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
        Command::FaultAdd { rule } => match device.faults.add(&Fields::from_text(&rule)) {
            Ok(name) => Answer::done(&id, &json!({ "name": name })),
            Err((problem, _)) => Answer::refused(&id, &problem.to_string()),
        },
        Command::FaultList {} => Answer::done(&id, &FaultList::new(&device.faults)),
        Command::FaultClear { name, all } => {
            let cleared = match (&name, all) {
                (Some(_), false) | (None, true) => device.faults.clear(name.as_deref()),
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
        Command::Resume { ring } => {
            let rings = device.setup().rings;
            if ring.is_some_and(|ring| ring >= rings) {
                return Answer::refused(&id, &format!("the device has {rings} job rings, from 0"));
            }
            let (count, outcome) = device.resume(ring, now);
            Answer { outcome, ..Answer::done(&id, &json!({ "resumed": count })) }
        }
    }
}

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
