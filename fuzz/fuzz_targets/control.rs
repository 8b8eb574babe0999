//! The control socket: bytes in pieces, a reply to every line, each a line of JSON; the device
//! lives on.
#![no_main]

use caam_emu::control::commands::{Host, answer};
use caam_emu::control::lines::{Lines, MAX_LINE};
use caam_emu::device::platform::Secrets;
use caam_emu::device::soc::VIRT_ERA9;
use caam_emu::device::{Device, Setup};
use caam_emu::trace::file::{Error, Options, Status};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::time::Duration;

const SETUP: Setup = Setup { soc: &VIRT_ERA9, rings: 2, decos: 1, fault_seed: 0 };

/// No files are made here.
struct NoFiles;

impl Host for NoFiles {
    fn start_trace(&self, options: &Options) -> Result<(), Error> {
        Err(Error::Running(options.path.clone()))
    }

    fn stop_trace(&self) -> Result<Status, Error> {
        Err(Error::NotRunning)
    }

    fn trace_status(&self) -> Option<Status> {
        None
    }
}

fn ask(device: &Device, line: &[u8], now: Duration) {
    let reply = answer(device, &NoFiles, line, now).reply;
    assert!(!reply.contains('\n'), "a reply of several lines: {reply}");
    let reply: Value = serde_json::from_str(&reply).expect("a reply is JSON");
    let (done, refused) = (reply.get("result").is_some(), reply["error"].is_string());
    assert_eq!((reply["ok"] == true, reply["ok"] == false), (done, refused), "{reply}");
    if let Ok(Value::Object(request)) = serde_json::from_slice(line)
        && let Some(id) = request.get("id")
    {
        let exact = id.is_string() || id.is_i64() || id.is_u64();
        assert_eq!(&reply["id"], if exact { id } else { &Value::Null });
    }
}

// The first byte is the size of the pieces.
fuzz_target!(|data: &[u8]| {
    let Some((piece, bytes)) = data.split_first() else { return };
    let secrets = Secrets { seed: Some(1), master_key: None };
    let device = Device::new(SETUP, secrets).expect("a seed always has bytes");
    let mut lines = Lines::default();
    let mut now = Duration::ZERO;
    for bytes in bytes.chunks(usize::from(*piece).max(1)) {
        lines.push(bytes);
        while let Some(line) = lines.next_line() {
            now += Duration::from_millis(1);
            if let Ok(line) = line {
                assert!(line.len() <= MAX_LINE);
                ask(&device, &line, now);
            }
        }
    }
    if let Some(rest) = lines.rest() {
        ask(&device, &rest, now);
    }
});
