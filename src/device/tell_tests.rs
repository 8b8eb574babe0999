//! Traces of what a device does, in both formats, held against the check that knows neither.

use super::super::tests::{Rig, RingPort};
use super::super::{Device, Job};
use crate::fault::grammar::Fields;
use crate::jobring::fake_driver::{NARROW, Port};
use crate::jobring::registers::{JRCR_RESET, Register};
use crate::trace::check::{Problem, Summary, check};
use crate::trace::format::{Footer, Format, Header, Renderer};
use crate::trace::{Event, RingEvent, What};
use proptest::prelude::*;
use serde_json::Value;
use std::sync::mpsc::Receiver;
use std::time::Duration;

const RINGS: usize = 2;
const SIZE: u32 = 8;

/// A rig whose rings are set up, and what it tells.
struct Traced {
    rig: Rig,
    events: Receiver<Event>,
    taken: Vec<Job>,
}

impl Traced {
    fn new(rules: &[&str], queue: usize) -> Self {
        let rig = Rig::new(&NARROW, RINGS);
        for rule in rules {
            rig.device.faults.add(&Fields::from_text(rule)).unwrap();
        }
        for n in 0..RINGS {
            rig.ring(n).set_up(SIZE);
        }
        let events = rig.device.start_trace(queue, true, rig.now).unwrap();
        Self { rig, events, taken: Vec::new() }
    }

    fn ring(&self, n: usize) -> RingPort<'_> {
        self.rig.ring(n)
    }

    fn take(&mut self) {
        let (job, _) = self.rig.device.take_job(self.rig.now);
        self.taken.extend(job);
    }

    fn finish(&mut self, index: usize, status: u32) {
        if !self.taken.is_empty() {
            let job = self.taken.remove(index % self.taken.len());
            self.rig.complete(&job, status);
        }
    }

    /// The trace in both formats.
    fn end(self) -> [String; 2] {
        self.rig.device.trace.stop();
        let events: Vec<_> = self.events.iter().collect();
        let (_, dropped) = self.rig.device.trace.counts();
        write(&self.rig.device, &events, dropped)
    }
}

fn write(device: &Device, events: &[Event], dropped: u64) -> [String; 2] {
    let setup = device.setup();
    let header = Header {
        version: "0".into(),
        soc: setup.soc.name.into(),
        rings: setup.rings,
        decos: setup.decos,
        fault_seed: setup.fault_seed,
        registers: true,
    };
    let footer = Footer { reason: "stopped".into(), events: events.len() as u64, dropped };
    [Format::Perfetto, Format::Jsonl].map(|format| {
        let mut out = Vec::new();
        let mut renderer = Renderer::new(format, &header, &mut out);
        events.iter().for_each(|event| renderer.event(event, &mut out));
        renderer.end(&footer, &mut out);
        String::from_utf8(out).unwrap()
    })
}

fn good(trace: &str) -> Summary {
    let (summary, result) = check(trace.as_bytes());
    result.unwrap_or_else(|e| panic!("{e}\n{summary}\n{trace}"));
    summary
}

/// Trace events of a Perfetto trace.
fn chrome(trace: &str) -> Vec<Value> {
    serde_json::from_str(trace).expect("JSON")
}

/// Phase and name of the events of a job, with its time in milliseconds.
fn life(trace: &str, id: &str) -> Vec<(String, String, f64)> {
    let text = |event: &Value, key: &str| event[key].as_str().unwrap().to_owned();
    let of_job = |event: &&Value| event["id"] == id;
    let events = chrome(trace);
    let tell = |e: &Value| (text(e, "ph"), text(e, "name"), e["ts"].as_f64().unwrap() / 1000.0);
    events.iter().filter(of_job).map(tell).collect()
}

#[test]
fn a_job_s_life_is_a_slice_of_slices() {
    let mut traced = Traced::new(&[], 1000);
    let ms = Duration::from_millis(1);
    traced.ring(1).add(2);
    traced.rig.now += ms;
    traced.take();
    traced.rig.now += ms;
    traced.finish(0, 0x2000_001a);
    traced.rig.now += ms;
    traced.ring(1).write(Register::Orjrr, 1);
    let [perfetto, lines] = traced.end();
    let expected = [
        ("b", "job", 0.0),
        ("b", "queued", 0.0),
        ("e", "queued", 1.0),
        ("b", "running", 1.0),
        ("e", "running", 2.0),
        ("b", "done", 2.0),
        ("n", "interrupt", 2.0),
        ("e", "done", 3.0),
        ("e", "job", 3.0),
    ];
    let expected = expected.map(|(ph, name, at)| (ph.to_owned(), name.to_owned(), at));
    assert_eq!(life(&perfetto, "jr1.1"), expected);
    assert_eq!(life(&perfetto, "jr1.2").len(), 2, "it waits when the trace ends");
    for trace in [&perfetto, &lines] {
        let ring = &good(trace).rings["jr1"];
        assert_eq!((ring.jobs, ring.removed, ring.failed, ring.open), (2, 1, 1, 1));
        assert_eq!((ring.most, ring.longest.as_ref().unwrap().ns), (2, 3_000_000));
        // From the result on: nobody has acknowledged it.
        assert_eq!(ring.states["interrupt"], (1, 1_000_000));
    }
}

#[test]
fn a_full_ring_a_stall_and_the_rules_are_there() {
    let mut traced = Traced::new(&["stall:for=5ms,nth=2,name=pause"], 1000);
    traced.ring(0).add(SIZE - 1);
    for _ in 0..3 {
        traced.take();
        traced.finish(0, 0);
    }
    traced.rig.now += Duration::from_millis(5);
    let _ = traced.rig.device.tick(traced.rig.now);
    traced.ring(0).write(Register::Orjrr, 1);
    for trace in traced.end() {
        let summary = good(&trace);
        let ring = &summary.rings["jr0"];
        assert_eq!(ring.states["full"], (1, 5_000_000), "{trace}");
        assert_eq!(ring.states["stalled"], (1, 5_000_000), "{trace}");
        assert_eq!(summary.faults["pause"], 1);
        assert!(summary.registers > 0);
    }
}

#[test]
fn flush_and_reset_end_what_they_end() {
    let mut traced = Traced::new(&[], 1000);
    traced.ring(0).add(5);
    traced.take();
    traced.take();
    traced.ring(0).write(Register::Jrcr, JRCR_RESET);
    traced.finish(0, 0x6000_0000);
    traced.finish(0, 0x6000_0000);
    traced.ring(0).write(Register::Jrcr, JRCR_RESET);
    for trace in traced.end() {
        let ring = &good(&trace).rings["jr0"];
        assert_eq!((ring.jobs, ring.removed, ring.vanished, ring.open), (5, 0, 5, 0));
        assert_eq!((ring.failed, ring.most), (5, 5));
    }
}

#[test]
fn a_trace_begins_with_what_is_there() {
    let mut traced = Traced::new(&[], 1000);
    traced.ring(0).add(4);
    traced.take();
    traced.take();
    traced.finish(0, 0);
    // Another trace, from here on.
    traced.rig.device.trace.stop();
    let Some(events) = traced.rig.device.start_trace(1000, false, traced.rig.now) else {
        panic!("nobody listens any more")
    };
    traced.events = events;
    traced.finish(0, 0);
    traced.take();
    traced.ring(0).write(Register::Orjrr, 2);
    for trace in traced.end() {
        let ring = &good(&trace).rings["jr0"];
        assert_eq!((ring.jobs, ring.removed, ring.open, ring.most), (4, 2, 2, 4));
    }
}

#[test]
fn keys_and_entropy_are_not_in_a_trace() {
    let traced = Traced::new(&[], 1000);
    let _ = traced.rig.device.write_bar(0xb8, &1_u32.to_le_bytes(), traced.rig.now); // DECORR
    let _ = traced.rig.device.write_bar(0x8a04, &0xdead_beef_u32.to_le_bytes(), traced.rig.now);
    let mut word = [0; 4];
    traced.rig.device.read_bar(0x101c, &mut word, traced.rig.now).unwrap();
    let [perfetto, lines] = traced.end();
    assert!(perfetto.contains("write D0DESB") && perfetto.contains("read IRJAR"), "{perfetto}");
    for trace in [perfetto, lines] {
        assert!(!trace.contains("deadbeef") && !trace.contains(&0xdead_beef_u32.to_string()));
    }
}

#[test]
fn only_one_listens_and_nobody_else_pays() {
    let rig = Rig::new(&NARROW, 1);
    assert!(!rig.device.trace.on() && !rig.device.trace.stop());
    let events = rig.device.start_trace(10, false, rig.now).unwrap();
    assert!(rig.device.start_trace(10, false, rig.now).is_none());
    assert!(rig.device.trace.on() && !rig.device.trace.registers());
    // Nobody takes anything out: the rest is dropped and counted.
    rig.ring(0).set_up(16);
    (0..16).for_each(|_| assert_eq!(rig.ring(0).add(1).vanish, None));
    let (told, dropped) = rig.device.trace.counts();
    assert_eq!((told - dropped, dropped > 0), (10, true));
    drop(events);
    rig.ring(0).write(Register::Orjrr, 0);
    assert!(rig.device.trace.stop());
}

#[derive(Debug, Clone)]
enum Action {
    Add(usize, u32),
    Take,
    Finish(usize, u32),
    Remove(usize, u32),
    Acknowledge(usize),
    Flush(usize),
    Resize(usize, u32),
    Reset,
    Wait(u64),
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let ring = 0..RINGS;
    let action = prop_oneof![
        4 => (ring.clone(), 0..4_u32).prop_map(|(ring, count)| Action::Add(ring, count)),
        6 => Just(Action::Take),
        6 => (0..4_usize, prop_oneof![Just(0), Just(0x4000_001c)])
            .prop_map(|(index, status)| Action::Finish(index, status)),
        4 => (ring.clone(), 0..5_u32).prop_map(|(ring, count)| Action::Remove(ring, count)),
        3 => ring.clone().prop_map(Action::Acknowledge),
        1 => ring.clone().prop_map(Action::Flush),
        1 => (ring, 0..SIZE).prop_map(|(ring, size)| Action::Resize(ring, size)),
        1 => Just(Action::Reset),
        3 => (0..3000_u64).prop_map(Action::Wait),
    ];
    prop::collection::vec(action, 0..150)
}

fn act(traced: &mut Traced, action: &Action) {
    let now = traced.rig.now;
    match *action {
        Action::Add(ring, count) => {
            let _ = traced.ring(ring).add(count);
        }
        Action::Take => traced.take(),
        Action::Finish(index, status) => traced.finish(index, status),
        Action::Remove(ring, count) => {
            traced.ring(ring).write(Register::Orjrr, count);
        }
        Action::Acknowledge(ring) => {
            traced.ring(ring).write(Register::Jrintr, 0xb);
        }
        Action::Flush(ring) => {
            traced.ring(ring).write(Register::Jrcr, JRCR_RESET);
        }
        Action::Resize(ring, size) => {
            traced.ring(ring).write(Register::Irsr, size);
            traced.ring(ring).write(Register::Orsr, size);
        }
        Action::Reset => {
            let _ = traced.rig.device.reset(now);
            let _ = traced.rig.device.write_config(4, &[6, 0]);
        }
        Action::Wait(us) => {
            traced.rig.now += Duration::from_micros(us);
            let _ = traced.rig.device.tick(traced.rig.now);
        }
    }
}

const RULES: [&str; 4] = [
    "stall:for=1ms,every=5",
    "latency:fixed=500us,every=3",
    "reorder:window=3,within=1ms,every=2",
    "irq-lost:every=4",
];

proptest! {
    /// Whatever happens to the rings, and whatever is dropped, what is told can have happened;
    /// and both formats tell the same.
    #[test]
    fn every_trace_can_have_happened(
        actions in actions(),
        rules in prop::sample::subsequence(&RULES[..], 0..=4),
        queue in prop_oneof![3 => Just(100_000_usize), 1 => 1..60_usize],
    ) {
        let mut traced = Traced::new(&rules, queue);
        let mut got = Vec::new();
        for action in &actions {
            act(&mut traced, action);
            // With a short queue: sometimes somebody takes something out.
            if matches!(action, Action::Wait(_)) {
                got.extend(traced.events.try_iter());
            }
        }
        traced.rig.device.trace.stop();
        got.extend(traced.events.iter());
        let (told, dropped) = traced.rig.device.trace.counts();
        prop_assert_eq!(got.len() as u64, told - dropped);
        let [perfetto, lines] = write(&traced.rig.device, &got, dropped);
        let (a, b) = (good(&perfetto), good(&lines));
        prop_assert_eq!(&a.faults, &b.faults);
        prop_assert_eq!((a.last_ns, a.signalled), (b.last_ns, b.signalled));
        let empty = crate::trace::check::RingSummary::default();
        for n in 0..RINGS {
            let name = format!("jr{n}");
            let ring = |summary: &Summary| {
                let ring = summary.rings.get(&name).unwrap_or(&empty).clone();
                let longest = ring.longest.map(|longest| longest.ns);
                (ring.jobs, ring.removed, ring.open, ring.most, longest, ring.states)
            };
            prop_assert_eq!(ring(&a), ring(&b), "{}\n{}\n{}", name, perfetto, lines);
        }
        // What is told last of a ring is what it is.
        if dropped == 0 {
            for n in 0..RINGS {
                let view = traced.rig.device.rings[n].lock().view();
                let at_end = u64::from(view.pending + view.in_flight + view.waiting);
                prop_assert_eq!(a.rings.get(&format!("jr{n}")).map_or(0, |r| r.open), at_end);
            }
        }
    }

    /// A piece of a trace is told from the whole, and a changed one does not make it panic.
    #[test]
    fn what_is_no_trace_is_said(
        actions in actions(),
        cut in 0.0..1.0_f64,
        byte in any::<u8>(),
        format in 0..2_usize,
    ) {
        let mut traced = Traced::new(&RULES, 1000);
        actions.iter().for_each(|action| act(&mut traced, action));
        let traces = traced.end();
        let trace = &traces[format];
        let at = (cut * (trace.trim_end().len() - 1) as f64) as usize;
        let (_, result) = check(&trace.as_bytes()[..at]);
        prop_assert!(
            matches!(result, Err(Problem::Truncated { .. } | Problem::Foreign(_))),
            "cut at {at}: {result:?}"
        );
        let mut changed = trace.clone().into_bytes();
        changed[at] = byte;
        let _ = check(&changed[..]);
    }

    #[test]
    fn any_bytes_are_no_trace(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(check(&bytes[..]).1.is_err());
    }

    /// Leaving out or swapping what happened to a ring is seen.
    #[test]
    fn what_cannot_have_happened_is_said(skip in 1..6_usize) {
        let mut traced = Traced::new(&[], 1000);
        traced.ring(0).add(3);
        traced.take();
        traced.finish(0, 0);
        traced.ring(0).write(Register::Orjrr, 1);
        traced.ring(0).add(1);
        let [_, lines] = traced.end();
        let told: Vec<_> = lines
            .lines()
            .enumerate()
            .filter(|(_, l)| l.contains(r#""event":"ring","ring":0"#))
            .filter(|(_, l)| !l.contains("seen") && !l.contains("changed"))
            .map(|(i, _)| i)
            .collect();
        prop_assert_eq!(told.len(), 5);
        // The numbers of what comes behind do not show that it is missing.
        let gone = told[skip - 1];
        let mut sequence = 1;
        let kept = lines.lines().enumerate().filter(|(i, _)| *i != gone);
        let renumbered: Vec<String> = kept
            .map(|(_, line)| {
                let Ok(mut event) = serde_json::from_str::<Event>(line) else { return line.into() };
                if let What::Ring { ring: 0, sequence: number, what, .. } = &mut event.what {
                    sequence = if *what == RingEvent::Seen { 1 } else { sequence + 1 };
                    *number = sequence;
                }
                serde_json::to_string(&event).unwrap()
            })
            .collect();
        let (_, result) = check((renumbered.join("\n") + "\n").as_bytes());
        let last = skip == 5;
        prop_assert_eq!(result.is_err(), !last, "without line {}: {:?}", gone, renumbered);
    }
}
