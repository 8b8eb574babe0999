//! Traces: what a guest's life is told as can have happened, and both formats tell the same; a
//! trace that was changed, or is none, is read without a panic.
#![no_main]

use caam_emu::descriptors::flow::Budget;
use caam_emu::trace::check::{RingSummary, Summary, check};
use caam_emu::trace::format::{Footer, Format, Header, Renderer};
use caam_emu_fuzz::guest::{Guest, SETUP};
use libfuzzer_sys::fuzz_target;

const BUDGET: Budget = Budget { commands: 200, entries: 200, bytes: 1 << 16 };
/// Bytes of a change.
const CHANGE: usize = 5;
/// Longest trace that is changed and read again: reading takes longer than the life did.
const LONGEST: usize = 256 * 1024;
/// Numbers at which something ends.
const NUMBERS: [&str; 12] = [
    "0",
    "1",
    "255",
    "1024",
    "65536",
    "4294967295",
    "18446744073709551614",
    "18446744073709551615",
    "18446744073709551616",
    "-1",
    "0.001",
    "1e300",
];

/// The trace of a life in both formats; `queue` events may wait at once.
fn traces(life: &[u8], queue: usize, registers: bool) -> [String; 2] {
    let mut listener = None;
    let mut guest = Guest::new(BUDGET, |device| {
        listener = device.start_trace(queue, registers, Default::default());
    });
    guest.live(life);
    guest.device.trace.stop();
    let events: Vec<_> = listener.expect("nobody listens yet").iter().collect();
    let (told, dropped) = guest.device.trace.counts();
    assert_eq!(events.len() as u64, told - dropped);
    let header = Header {
        version: "0".into(),
        soc: SETUP.soc.name.into(),
        rings: SETUP.rings,
        decos: SETUP.decos,
        fault_seed: SETUP.fault_seed,
        registers,
    };
    let footer = Footer { reason: "stopped".into(), events: events.len() as u64, dropped };
    [Format::Perfetto, Format::Jsonl].map(|format| {
        let mut out = Vec::new();
        let mut renderer = Renderer::new(format, &header, &mut out);
        events.iter().for_each(|event| renderer.event(event, &mut out));
        renderer.end(&footer, &mut out);
        String::from_utf8(out).expect("a trace is text")
    })
}

fn good(trace: &str) -> Summary {
    let (summary, result) = check(trace.as_bytes());
    result.unwrap_or_else(|e| panic!("{e}\n{summary}\n{trace}"));
    summary
}

fn same(a: &Summary, b: &Summary) {
    assert_eq!((&a.faults, a.last_ns, a.signalled), (&b.faults, b.last_ns, b.signalled));
    let none = RingSummary::default();
    for n in 0..SETUP.rings {
        let name = format!("jr{n}");
        let ring = |summary: &Summary| {
            let ring = summary.rings.get(&name).unwrap_or(&none).clone();
            let longest = ring.longest.map(|longest| longest.ns);
            (ring.jobs, ring.removed, ring.open, ring.most, longest, ring.states)
        };
        assert_eq!(ring(a), ring(b), "{name}");
    }
}

/// The line that `at` is in, with its end.
fn line(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let start = bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    let end = bytes[at..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| at + n + 1);
    start..end
}

/// What, where, with what.
fn change(trace: &mut Vec<u8>, change: &[u8; CHANGE]) {
    let [what, a, b, c, value] = *change;
    if trace.is_empty() {
        return;
    }
    let at = u32::from_le_bytes([a, b, c, 0]) as usize % trace.len();
    match what % 8 {
        0 => trace[at] = value,
        1 => {
            let line: Vec<u8> = trace.drain(line(trace, at)).collect();
            let to = usize::from(value) * trace.len() / 256;
            let to = if trace.is_empty() { 0 } else { self::line(trace, to).start };
            trace.splice(to..to, line);
        }
        2 => _ = trace.drain(line(trace, at)),
        3 => {
            let line = line(trace, at);
            let copy = trace[line.clone()].to_vec();
            trace.splice(line.start..line.start, copy);
        }
        // The next number becomes another.
        _ => {
            let Some(start) = trace[at..].iter().position(u8::is_ascii_digit) else { return };
            let start = at + start;
            let digits = trace[start..].iter().take_while(|b| b.is_ascii_digit()).count();
            let number = NUMBERS[usize::from(value) % NUMBERS.len()];
            trace.splice(start..start + digits, number.bytes());
        }
    }
}

// The first byte: bytes of a file, or a life, with registers or without, and a queue that may be
// short. The second: so many changes, which come before it.
fuzz_target!(|data: &[u8]| {
    let [what, count, rest @ ..] = data else { return };
    if what & 1 != 0 {
        let _ = check(rest).0.to_string();
        return;
    }
    let count = usize::from(count % 16).min(rest.len() / CHANGE);
    let (changes, life) = rest.split_at(count * CHANGE);
    let queue = if what & 4 != 0 { 1 + usize::from(what >> 4) } else { 8192 };
    let traces = traces(life, queue, what & 2 != 0);
    if changes.is_empty() {
        let [perfetto, lines] = traces.map(|trace| good(&trace));
        same(&perfetto, &lines);
        return;
    }
    let format = usize::from(what & 8 != 0);
    let mut trace = traces[format].clone().into_bytes();
    if trace.len() <= LONGEST {
        changes.as_chunks().0.iter().for_each(|piece| change(&mut trace, piece));
        let _ = check(&trace[..]).0.to_string();
    }
});
