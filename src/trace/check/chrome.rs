//! Chrome trace events, event by event.

use super::{Problem, Summary};
use crate::trace::Level;
use crate::trace::format::{Footer, Header};
use crate::trace::perfetto::{BEGIN, COUNTER, END, JOB, SPANS};
use serde::de::{DeserializeSeed, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::{BufRead, Read};
use std::rc::Rc;

/// An event, as far as the format fixes it.
#[derive(Debug, Deserialize)]
struct Chrome {
    ph: String,
    name: String,
    pid: u64,
    #[serde(default)]
    tid: u64,
    /// Microseconds.
    ts: Option<f64>,
    cat: Option<String>,
    id: Option<String>,
    #[serde(default)]
    args: Value,
}

/// Slices that are open, the innermost last: name, since when, in nanoseconds.
type Stack = Vec<(String, u64)>;

#[derive(Debug, Default)]
struct Async {
    open: Stack,
    last: u64,
    ended: bool,
    /// Nobody knows when it really began.
    before: bool,
}

/// Jobs of a ring by what is open of them.
#[derive(Debug, Default)]
struct Open {
    spans: [u64; SPANS.len()],
}

#[derive(Debug)]
struct Checker<'a> {
    summary: &'a mut Summary,
    asyncs: HashMap<(String, String), Async>,
    threads: HashMap<(u64, u64), Stack>,
    open: BTreeMap<u64, Open>,
    names: HashMap<u64, String>,
    /// Nothing may follow the end.
    ended: bool,
    problem: Option<String>,
}

/// Counts lines, for where a parser stands.
struct Lines<R> {
    inner: R,
    line: Rc<Cell<usize>>,
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buf)?;
        let lines = buf[..n].iter().filter(|b| **b == b'\n').count();
        self.line.set(self.line.get() + lines);
        Ok(n)
    }
}

/// Checks all of it.
pub fn check(input: impl BufRead, summary: &mut Summary) -> Result<(), Problem> {
    let line = Rc::new(Cell::new(1));
    let input = Lines { inner: input, line: Rc::clone(&line) };
    let mut parser = serde_json::Deserializer::from_reader(std::io::BufReader::new(input));
    let mut checker = Checker {
        summary,
        asyncs: HashMap::new(),
        threads: HashMap::new(),
        open: BTreeMap::new(),
        names: HashMap::new(),
        ended: false,
        problem: None,
    };
    let parsed = (&mut checker).deserialize(&mut parser).and_then(|()| parser.end());
    let (problem, ended) = (checker.problem.take(), checker.ended);
    checker.close();
    let events = summary.events;
    if let Some(what) = problem {
        return Err(Problem::Impossible { event: events, what });
    }
    parsed.map_err(|e| Problem::json(&e, events, e.line().max(1)))?;
    match (&summary.header, ended) {
        (None, _) => Err(Problem::Foreign("a JSON array, but not of ours".into())),
        (Some(_), false) => Err(Problem::Truncated { events, line: line.get() }),
        _ => Ok(()),
    }
}

impl<'de> DeserializeSeed<'de> for &mut Checker<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Checker<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of trace events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<(), A::Error> {
        while let Some(event) = events.next_element::<Chrome>()? {
            self.summary.events += 1;
            if let Err(what) = self.event(&event) {
                let error = A::Error::custom(&what);
                self.problem = Some(what);
                return Err(error);
            }
        }
        Ok(())
    }
}

fn ns(us: f64) -> u64 {
    // Times are not negative; what is too large is the largest.
    (us * 1000.0).round() as u64
}

impl Checker<'_> {
    fn event(&mut self, event: &Chrome) -> Result<(), String> {
        if self.ended {
            return Err("it comes behind the end of the trace".into());
        }
        if event.ph == "M" {
            if event.name == "process_name" {
                let name = event.args["name"].as_str().unwrap_or_default();
                self.names.insert(event.pid, name.to_owned());
            }
            return Ok(());
        }
        let us = event.ts.ok_or("it has no time (ts)")?;
        if !us.is_finite() || us < 0.0 {
            return Err(format!("its time is {us}"));
        }
        let at = ns(us);
        if event.name != BEGIN {
            self.summary.at(at);
        }
        match event.ph.as_str() {
            "b" | "e" | "n" => self.asynchronous(event, at),
            "B" | "E" => self.synchronous(event, at),
            "C" => self.counter(event),
            "i" => self.instant(event),
            other => Err(format!("its phase is \"{other}\"")),
        }
    }

    fn ring(&mut self, process: u64) -> &mut super::RingSummary {
        let name = self.names.get(&process).cloned();
        let name = name.unwrap_or_else(|| format!("process {process}"));
        self.summary.rings.entry(name).or_default()
    }

    fn asynchronous(&mut self, event: &Chrome, at: u64) -> Result<(), String> {
        let (Some(cat), Some(id)) = (&event.cat, &event.id) else {
            return Err("an asynchronous event without category or id".into());
        };
        let slice = self.asyncs.entry((cat.clone(), id.clone())).or_default();
        if at < slice.last {
            return Err(format!("{id} goes back in time, to {at} ns from {} ns", slice.last));
        }
        slice.last = at;
        let span = SPANS.iter().position(|name| *name == event.name).filter(|_| cat == JOB);
        match event.ph.as_str() {
            "b" => {
                if slice.ended {
                    return Err(format!("{id} has ended before: ids are not used twice"));
                }
                // All of a job is inside the job.
                let outermost = slice.open.is_empty();
                if span.is_some_and(|span| outermost != (span == 0)) || slice.open.len() > 1 {
                    return Err(format!("{id}: {} begins in the wrong place", event.name));
                }
                slice.before |= event.args.get("before").is_some();
                slice.open.push((event.name.clone(), at));
                let Some(span) = span else { return Ok(()) };
                self.open.entry(event.pid).or_default().spans[span] += 1;
                let ring = self.ring(event.pid);
                ring.jobs += u64::from(span == 0);
                let status = event.args["status"].as_str();
                ring.failed += u64::from(span == 3 && status.is_some_and(|s| s != "0x0"));
            }
            "e" => {
                let Some((name, since)) = slice.open.pop() else {
                    return Err(format!("{id}: {} ends and has not begun", event.name));
                };
                if name != event.name {
                    return Err(format!("{id}: {} ends inside of {name}", event.name));
                }
                slice.ended = slice.open.is_empty();
                let before = slice.before;
                let Some(span) = span else { return Ok(()) };
                let open = &mut self.open.entry(event.pid).or_default().spans[span];
                *open = open.checked_sub(1).ok_or("more jobs end than have begun")?;
                if span == 0 {
                    let ring = self.ring(event.pid);
                    if event.args.get("ended by").is_some() {
                        ring.vanished += 1;
                    } else if before {
                        ring.removed += 1;
                    } else {
                        ring.removed(at - since, || format!("id {id}"));
                    }
                }
            }
            _ if slice.open.is_empty() => {
                return Err(format!("{id}: {} and nothing is open", event.name));
            }
            _ => {}
        }
        Ok(())
    }

    fn synchronous(&mut self, event: &Chrome, at: u64) -> Result<(), String> {
        let stack = self.threads.entry((event.pid, event.tid)).or_default();
        if event.ph == "B" {
            if !stack.is_empty() {
                return Err(format!("{} begins twice", event.name));
            }
            stack.push((event.name.clone(), at));
            self.ring(event.pid).states.entry(event.name.clone()).or_default().0 += 1;
            return Ok(());
        }
        let Some((name, since)) = stack.pop().filter(|(name, _)| *name == event.name) else {
            return Err(format!("{} ends and has not begun", event.name));
        };
        let length = at.checked_sub(since).ok_or("it ends before it begins")?;
        let lasted = &mut self.ring(event.pid).states.entry(name).or_default().1;
        *lasted = lasted.saturating_add(length);
        Ok(())
    }

    fn counter(&mut self, event: &Chrome) -> Result<(), String> {
        if event.name != COUNTER {
            return Ok(());
        }
        let count =
            |name: &str| event.args[name].as_u64().ok_or_else(|| format!("\"{name}\" is no count"));
        let (pending, in_flight, waiting) =
            (count("pending")?, count("in flight")?, count("waiting")?);
        let occupancy = count("occupancy")?;
        let [jobs, queued, _, done] = self.open.entry(event.pid).or_default().spans;
        for (name, counted, open) in [
            ("pending", pending, queued),
            ("waiting", waiting, done),
            ("occupancy", occupancy, jobs),
            ("sum", pending.saturating_add(in_flight).saturating_add(waiting), jobs),
        ] {
            if counted != open {
                return Err(format!("{name} is {counted}, and the jobs make {open}"));
            }
        }
        let ring = self.ring(event.pid);
        ring.most = ring.most.max(occupancy);
        Ok(())
    }

    fn instant(&mut self, event: &Chrome) -> Result<(), String> {
        let args = || event.args.clone();
        match event.name.as_str() {
            BEGIN => {
                let header: Header =
                    serde_json::from_value(args()).map_err(|e| format!("its header: {e}"))?;
                self.summary.header = Some(header);
            }
            END => {
                let footer: Footer =
                    serde_json::from_value(args()).map_err(|e| format!("its end: {e}"))?;
                self.summary.footer = Some(footer);
                self.ended = true;
            }
            "INTx signalled" => self.summary.signalled += 1,
            name => {
                if let Some(rule) = name.strip_prefix("fault ") {
                    *self.summary.faults.entry(rule.to_owned()).or_default() += 1;
                }
                let register = name.starts_with("read ") || name.starts_with("write ");
                self.summary.registers += u64::from(register);
            }
        }
        Ok(())
    }

    /// What is open at the end lasts until then.
    fn close(mut self) {
        let last = self.summary.last_ns;
        for ((process, _), stack) in std::mem::take(&mut self.threads) {
            for (name, since) in stack {
                let known = Level::STATES.iter().any(|(_, state)| *state == name);
                if known && let Some((_, ns)) = self.ring(process).states.get_mut(&name) {
                    *ns = ns.saturating_add(last.saturating_sub(since));
                }
            }
        }
        for (process, open) in std::mem::take(&mut self.open) {
            self.ring(process).open = open.spans[0];
        }
    }
}
