//! A trace as Chrome trace events, the JSON that `ui.perfetto.dev` and `chrome://tracing` open
//! ("Trace Event Format", the Chromium project's description of it).
//!
//! The device and each ring is a *process*. A ring's jobs are asynchronous slices named `job`,
//! from doorbell to removal, each with an id of its own; nested in them are `queued`, `running`
//! and `done` (in the output ring, and the driver has not removed it). What holds for a while -
//! interrupt line up, ring full, stalled, halted - are slices of a *thread* each; faults, ring
//! errors and resets are instants; how many jobs are where is a counter.
//!
//! A job that is still in the ring when the trace ends has no end.

use super::format::{Footer, Header};
use super::{Event, Level, RingEvent, What};
use crate::device::registers::place::place;
use crate::device::worth_a_line;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;

/// Category of the events of jobs.
pub const JOB: &str = "job";
/// A job, from doorbell to removal, and the parts of its life.
pub const SPANS: [&str; 4] = ["job", "queued", "running", "done"];
/// Name of the counter of a ring's jobs.
pub const COUNTER: &str = "jobs";
/// The first event after the names: what is traced.
pub const BEGIN: &str = "trace begins";
/// The last event.
pub const END: &str = "trace ends";

const DEVICE: usize = 1;
const RING: usize = 2;
/// Threads of a process: [`Level::STATES`] have 1 to 4.
const FAULTS: usize = 5;
const REGISTERS: usize = 6;
const OTHER: usize = 7;

/// A job between two events.
#[derive(Debug, Clone, Copy)]
struct Job {
    id: u64,
    running: bool,
    /// It has had its interrupt.
    interrupted: bool,
}

/// A ring as its events tell it.
#[derive(Debug, Default)]
struct Ring {
    /// Number of the last event; 0: none yet.
    sequence: u64,
    /// Time of the last event: threads look at the clock before they have the ring's lock.
    at: u64,
    jobs: u64,
    pending: VecDeque<Job>,
    /// By number in the ring.
    in_flight: BTreeMap<u64, Job>,
    /// Taken before the trace began, or while events were dropped.
    strangers: Vec<Job>,
    waiting: VecDeque<Job>,
    level: Option<Level>,
}

impl Ring {
    fn job(&mut self) -> Job {
        self.jobs += 1;
        Job { id: self.jobs, running: false, interrupted: false }
    }

    fn all(&mut self) -> Vec<Job> {
        let in_flight = std::mem::take(&mut self.in_flight).into_values();
        let all = self.waiting.drain(..).chain(in_flight).chain(self.strangers.drain(..));
        all.chain(self.pending.drain(..)).collect()
    }

    /// The job numbered `number`, or one that has none.
    fn taken(&mut self, number: u64) -> Option<Job> {
        self.in_flight.remove(&number).or_else(|| self.strangers.pop())
    }
}

/// See the module.
#[derive(Debug)]
pub struct Perfetto {
    rings: Vec<Ring>,
    /// Reads and writes of registers that have no name are told a few times only.
    nameless: u64,
    at: u64,
}

/// Where and when.
#[derive(Debug, Clone, Copy)]
struct Spot {
    process: usize,
    thread: usize,
    at: u64,
}

fn hex(value: impl Into<u64>) -> String {
    format!("{:#x}", value.into())
}

/// An event of phase `ph`; `more` are further members, with a comma before each.
fn put(out: &mut Vec<u8>, ph: &str, name: &str, spot: Spot, more: &str, args: &Value) {
    let Spot { process, thread, at } = spot;
    let (us, ns) = (at / 1000, at % 1000);
    let name = Value::from(name);
    // Writing to a Vec cannot fail.
    let _ = write!(
        out,
        ",\n{{\"ph\":\"{ph}\",\"ts\":{us}.{ns:03},\"pid\":{process},\"tid\":{thread},\"name\":{name}{more}",
    );
    let _ = match args {
        Value::Null => write!(out, "}}"),
        args => write!(out, ",\"args\":{args}}}"),
    };
}

fn instant(out: &mut Vec<u8>, name: &str, spot: Spot, args: &Value) {
    // Scope: the whole process.
    put(out, "i", name, spot, ",\"s\":\"p\"", args);
}

impl Perfetto {
    /// Writes the beginning.
    #[must_use]
    pub fn new(header: &Header, out: &mut Vec<u8>) -> Self {
        let mut names = Vec::new();
        let mut name = |what: &str, process: usize, thread: usize, name: &str| {
            let value = Value::from(name);
            names.push(format!(
                "{{\"ph\":\"M\",\"pid\":{process},\"tid\":{thread},\"name\":\"{what}\",\
                 \"args\":{{\"name\":{value}}}}}"
            ));
        };
        let threads = |name: &mut dyn FnMut(&str, usize, usize, &str), process| {
            name("thread_name", process, FAULTS, "faults");
            if header.registers {
                name("thread_name", process, REGISTERS, "registers");
            }
            name("thread_name", process, OTHER, "events");
        };
        name("process_name", DEVICE, 0, &format!("caam-emu, {}", header.soc));
        threads(&mut name, DEVICE);
        for ring in 0..header.rings {
            name("process_name", RING + ring, 0, &format!("jr{ring}"));
            for (i, (_, state)) in Level::STATES.iter().enumerate() {
                name("thread_name", RING + ring, i + 1, state);
            }
            threads(&mut name, RING + ring);
        }
        let _ = write!(out, "[\n{}", names.join(",\n"));
        let args = serde_json::to_value(header).unwrap_or_default();
        instant(out, BEGIN, Spot { process: DEVICE, thread: OTHER, at: 0 }, &args);
        let rings = (0..header.rings).map(|_| Ring::default()).collect();
        Self { rings, nameless: 0, at: 0 }
    }

    /// Writes an event.
    pub fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        let at = event.at;
        self.at = self.at.max(at);
        let device = Spot { process: DEVICE, thread: OTHER, at };
        match &event.what {
            What::Ring { ring, sequence, what, level } => {
                let number = usize::from(*ring);
                if let Some(ring) = self.rings.get_mut(number) {
                    Writer { ring, number, out }.event(at, *sequence, *what, *level);
                }
            }
            What::Executed { ring, job, status } => {
                let number = usize::from(*ring);
                if let Some(ring) = self.rings.get_mut(number) {
                    Writer { ring, number, out }.executed(at, *job, *status);
                }
            }
            What::Direct { status } => {
                instant(out, "DECO 0, direct", device, &json!({ "status": hex(*status) }));
            }
            What::Fault { rule, kind, ring, job, matched, fired } => {
                let process = ring.map_or(DEVICE, |ring| RING + usize::from(ring));
                let spot = Spot { process, thread: FAULTS, at };
                let args = json!({
                    "rule": rule, "kind": kind, "job": job, "matched": matched, "fired": fired,
                });
                instant(out, &format!("fault {rule}"), spot, &args);
            }
            What::Signalled => instant(out, "INTx signalled", device, &Value::Null),
            What::Reset => instant(out, "device reset", device, &Value::Null),
            What::Register { write, offset, value } => {
                self.register(*write, *offset, *value, at, out);
            }
        }
    }

    fn register(
        &mut self,
        write: bool,
        offset: u32,
        value: Option<u32>,
        at: u64,
        out: &mut Vec<u8>,
    ) {
        let place = place(offset, self.rings.len());
        if place.name.is_none() {
            self.nameless += 1;
            if !worth_a_line(self.nameless) {
                return;
            }
        }
        let process = place.ring.map_or(DEVICE, |ring| RING + ring);
        let name = place.name.map_or_else(|| hex(offset), str::to_owned);
        let verb = if write { "write" } else { "read" };
        let args = json!({ "value": value.map(hex), "offset": hex(offset) });
        instant(out, &format!("{verb} {name}"), Spot { process, thread: REGISTERS, at }, &args);
    }

    /// Writes the end.
    pub fn end(&mut self, footer: &Footer, out: &mut Vec<u8>) {
        let args = serde_json::to_value(footer).unwrap_or_default();
        instant(out, END, Spot { process: DEVICE, thread: OTHER, at: self.at }, &args);
        out.extend_from_slice(b"\n]\n");
    }
}

/// Writes what happens to one ring.
struct Writer<'a> {
    ring: &'a mut Ring,
    number: usize,
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn spot(&self, thread: usize) -> Spot {
        Spot { process: RING + self.number, thread, at: self.ring.at }
    }

    fn put(&mut self, ph: &str, name: &str, job: Job, args: &Value) {
        let more = format!(",\"cat\":\"{JOB}\",\"id\":\"jr{}.{}\"", self.number, job.id);
        let spot = self.spot(0);
        put(self.out, ph, name, spot, &more, args);
    }

    fn event(&mut self, at: u64, sequence: u64, what: RingEvent, level: Level) {
        self.ring.at = self.ring.at.max(at);
        let expected = self.ring.sequence + 1;
        self.ring.sequence = sequence;
        if sequence == expected && what != RingEvent::Seen {
            self.happened(what);
        } else {
            self.lost_sight(sequence.saturating_sub(expected), level);
        }
        if what == RingEvent::Resized || level.states & Level::HALTED != 0 {
            self.drop_what_is_gone(level);
        }
        self.level(level);
    }

    /// Events are missing, or there were none yet: go on from `level`.
    fn lost_sight(&mut self, missing: u64, level: Level) {
        if self.ring.level.is_some() {
            let args = json!({ "missing": missing });
            let spot = self.spot(OTHER);
            instant(self.out, "events dropped", spot, &args);
            self.end_all("events dropped");
        }
        for _ in 0..level.waiting {
            let job = self.begin(&json!({ "before": true }));
            self.put("b", SPANS[3], job, &Value::Null);
            self.ring.waiting.push_back(job);
        }
        for _ in 0..level.in_flight {
            let job = self.begin(&json!({ "before": true }));
            self.put("b", SPANS[2], job, &Value::Null);
            self.ring.strangers.push(Job { running: true, ..job });
        }
        for _ in 0..level.pending {
            let job = self.begin(&json!({ "before": true }));
            self.put("b", SPANS[1], job, &Value::Null);
            self.ring.pending.push_back(job);
        }
    }

    fn begin(&mut self, args: &Value) -> Job {
        let job = self.ring.job();
        self.put("b", SPANS[0], job, args);
        job
    }

    /// Every job of the ring ends, for the same reason.
    fn end_all(&mut self, reason: &str) {
        let (waiting, taken) =
            (self.ring.waiting.len(), self.ring.in_flight.len() + self.ring.strangers.len());
        for (i, job) in self.ring.all().into_iter().enumerate() {
            if i < waiting {
                self.put("e", SPANS[3], job, &Value::Null);
            } else if i >= waiting + taken {
                self.put("e", SPANS[1], job, &Value::Null);
            }
            self.end(job, reason);
        }
    }

    /// A job ends before its time.
    fn end(&mut self, job: Job, reason: &str) {
        if job.running {
            self.put("e", SPANS[2], job, &Value::Null);
        }
        self.put("e", SPANS[0], job, &json!({ "ended by": reason }));
    }

    fn happened(&mut self, what: RingEvent) {
        match what {
            RingEvent::Seen | RingEvent::Changed => {}
            RingEvent::Added { count } => {
                for _ in 0..count {
                    let job = self.begin(&Value::Null);
                    self.put("b", SPANS[1], job, &Value::Null);
                    self.ring.pending.push_back(job);
                }
            }
            RingEvent::Taken { job: number, descriptor } => {
                let Some(job) = self.ring.pending.pop_front() else { return };
                self.put("e", SPANS[1], job, &Value::Null);
                let args = json!({ "job": number, "descriptor": hex(descriptor) });
                self.put("b", SPANS[2], job, &args);
                self.ring.in_flight.insert(number, Job { running: true, ..job });
            }
            RingEvent::Written { job: number, descriptor, status } => {
                self.written(number, descriptor, status);
            }
            RingEvent::Lost { job: number } => {
                if let Some(job) = self.ring.taken(number) {
                    self.end(job, "result lost");
                }
            }
            RingEvent::Removed { count } => {
                for _ in 0..count {
                    let Some(job) = self.ring.waiting.pop_front() else { return };
                    self.put("e", SPANS[3], job, &Value::Null);
                    self.put("e", SPANS[0], job, &Value::Null);
                }
            }
            // What exactly is gone, the level tells.
            RingEvent::Resized => {}
            RingEvent::Reset => {
                let spot = self.spot(OTHER);
                instant(self.out, "ring reset", spot, &Value::Null);
                self.end_all("reset");
            }
            RingEvent::Error { error } => {
                let spot = self.spot(OTHER);
                instant(self.out, "ring error", spot, &json!({ "error": hex(error) }));
            }
        }
    }

    fn written(&mut self, number: Option<u64>, descriptor: u64, status: u32) {
        let job = match number {
            Some(number) => self.ring.taken(number),
            None => self.ring.pending.pop_front(),
        };
        let Some(mut job) = job else { return };
        let args = match number {
            // A flush gave it back as it was.
            None => {
                self.put("e", SPANS[1], job, &Value::Null);
                json!({ "status": hex(status), "descriptor": hex(descriptor), "flushed": true })
            }
            Some(_) => json!({ "status": hex(status) }),
        };
        if job.running {
            self.put("e", SPANS[2], job, &Value::Null);
            job.running = false;
        }
        self.put("b", SPANS[3], job, &args);
        self.ring.waiting.push_back(job);
    }

    fn executed(&mut self, at: u64, number: u64, status: u32) {
        self.ring.at = self.ring.at.max(at);
        let Some(job) = self.ring.in_flight.get_mut(&number) else { return };
        if std::mem::take(&mut job.running) {
            let job = *job;
            self.put("e", SPANS[2], job, &json!({ "status": hex(status) }));
        }
    }

    /// The ring is now like this.
    fn level(&mut self, level: Level) {
        let before = self.ring.level.unwrap_or_default();
        for (i, (bit, name)) in Level::STATES.iter().enumerate() {
            let spot = self.spot(i + 1);
            match (before.states & bit != 0, level.states & bit != 0) {
                (false, true) => put(self.out, "B", name, spot, "", &Value::Null),
                (true, false) => put(self.out, "E", name, spot, "", &Value::Null),
                _ => {}
            }
        }
        if level.states & !before.states & Level::LINE != 0 {
            for i in 0..self.ring.waiting.len() {
                let job = &mut self.ring.waiting[i];
                if !std::mem::replace(&mut job.interrupted, true) {
                    let job = *job;
                    self.put("n", "interrupt", job, &Value::Null);
                }
            }
        }
        let counts = |level: Level| (level.pending, level.in_flight, level.waiting);
        if self.ring.level.is_none() || counts(before) != counts(level) {
            let args = json!({
                "pending": level.pending,
                "in flight": level.in_flight,
                "waiting": level.waiting,
                "occupancy": level.occupancy(),
            });
            let spot = self.spot(0);
            put(self.out, "C", COUNTER, spot, "", &args);
        }
        self.ring.level = Some(level);
    }

    /// A new size, or a flush without room in the output ring, makes jobs disappear.
    fn drop_what_is_gone(&mut self, level: Level) {
        while self.ring.pending.len() > level.pending as usize {
            let Some(job) = self.ring.pending.pop_front() else { break };
            self.put("e", SPANS[1], job, &Value::Null);
            self.end(job, "dropped");
        }
        while self.ring.waiting.len() > level.waiting as usize {
            let Some(job) = self.ring.waiting.pop_front() else { break };
            self.put("e", SPANS[3], job, &Value::Null);
            self.end(job, "dropped");
        }
    }
}
