//! Control commands, done: a line in, a line out.

use super::protocol::{self, Command, Request};
use crate::device::{Device, Outcome};
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

/// Does what a line asks. It waits for locks that are held for moments only, never for a job.
#[must_use]
pub fn answer(device: &Device, line: &[u8], now: Duration) -> Answer {
    let nothing = Outcome::default();
    let Request { id, command } = match Request::parse(line) {
        Ok(request) => request,
        Err(bad) => {
            let reply = protocol::refused(&bad.id, &bad.cause.to_string());
            return Answer { reply, outcome: nothing };
        }
    };
    let done = |result: &Value| protocol::done(&id, result);
    match command {
        Command::Stats {} => {
            Answer { reply: protocol::done(&id, &device.statistics(now)), outcome: nothing }
        }
        Command::Reset {} => {
            log::info!("control: device reset");
            Answer { outcome: device.reset(now), reply: done(&json!({})) }
        }
    }
}
