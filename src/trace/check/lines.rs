//! JSON lines, line by line.

use super::{Problem, Summary};
use crate::trace::lines::{First, Last, VERSION};
use crate::trace::{Event, Level, RingEvent, What};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::io::BufRead;

/// Longest line that is read.
const LONGEST: u64 = 1 << 20;

/// More jobs than any ring holds.
const MOST: u32 = 1 << 16;

/// A ring as its events tell it.
#[derive(Debug, Default)]
struct Ring {
    sequence: u64,
    last: u64,
    /// None: not known, after the beginning or a gap.
    level: Option<Level>,
    /// When each job was added; none if that is not known. In the order of the input ring.
    pending: VecDeque<Option<u64>>,
    in_flight: BTreeMap<u64, Option<u64>>,
    waiting: VecDeque<Option<u64>>,
    /// Number of the job taken last.
    taken: u64,
    since: [u64; Level::STATES.len()],
}

/// Checks all of it.
pub fn check(mut input: impl BufRead, summary: &mut Summary) -> Result<(), Problem> {
    let mut rings: BTreeMap<u8, Ring> = BTreeMap::new();
    let mut text = Vec::new();
    for line in 1_usize.. {
        text.clear();
        std::io::Read::take(&mut input, LONGEST).read_until(b'\n', &mut text)?;
        let events = summary.events;
        let ended = summary.footer.is_some();
        if text.is_empty() {
            close(&rings, summary);
            return if ended { Ok(()) } else { Err(Problem::Truncated { events, line }) };
        }
        let result = match text.strip_suffix(b"\n") {
            None => Err(Problem::Truncated { events, line }),
            Some(_) if ended => {
                let what = "it comes behind the end of the trace".to_owned();
                Err(Problem::Impossible { event: events + 1, what })
            }
            Some(text) if line == 1 => first(text, summary),
            Some(text) => one(text, line, &mut rings, summary),
        };
        if result.is_err() {
            close(&rings, summary);
            return result;
        }
    }
    Ok(())
}

fn first(text: &[u8], summary: &mut Summary) -> Result<(), Problem> {
    let first: First = serde_json::from_slice(text)
        .map_err(|e| Problem::Foreign(format!("its first line is not ours: {e}")))?;
    if first.caam_emu_trace != VERSION {
        let version = first.caam_emu_trace;
        return Err(Problem::Foreign(format!("version {version}, and this reads {VERSION}")));
    }
    summary.header = Some(first.header);
    Ok(())
}

fn one(
    text: &[u8],
    line: usize,
    rings: &mut BTreeMap<u8, Ring>,
    summary: &mut Summary,
) -> Result<(), Problem> {
    let syntax = |e: serde_json::Error| match Problem::json(&e, 0, line) {
        // It has an end of line, so it is all there.
        Problem::Truncated { .. } => {
            Problem::Syntax { line, column: e.column(), what: "not a whole JSON object".into() }
        }
        problem => problem,
    };
    let value: Value = serde_json::from_slice(text).map_err(syntax)?;
    if value.get("end").is_some() {
        let Last { end } = serde_json::from_value(value).map_err(syntax)?;
        summary.footer = Some(end);
        return Ok(());
    }
    let event: Event = serde_json::from_value(value).map_err(syntax)?;
    summary.events += 1;
    summary.at(event.at);
    let impossible = |what| Problem::Impossible { event: summary.events, what };
    match event.what {
        What::Ring { ring, sequence, what, level } => {
            let known = summary.header.as_ref().map_or(0, |header| header.rings);
            if usize::from(ring) >= known {
                return Err(impossible(format!("ring {ring} of {known}")));
            }
            let mut numbers = summary.rings.remove(&format!("jr{ring}")).unwrap_or_default();
            let of = rings.entry(ring).or_default();
            let result = of.event(event.at, sequence, what, level, &mut numbers);
            summary.rings.insert(format!("jr{ring}"), numbers);
            result.map_err(|what| Problem::Impossible {
                event: summary.events,
                what: format!("jr{ring}: {what}"),
            })?;
        }
        What::Fault { rule, .. } => {
            *summary.faults.entry(rule.into()).or_default() += 1;
        }
        What::Signalled => summary.signalled += 1,
        What::Register { .. } => summary.registers += 1,
        What::Executed { .. } | What::Direct { .. } | What::Reset => {}
    }
    Ok(())
}

fn close(rings: &BTreeMap<u8, Ring>, summary: &mut Summary) {
    for (number, ring) in rings {
        let level = ring.level.unwrap_or_default();
        let last = summary.last_ns;
        let numbers = summary.rings.entry(format!("jr{number}")).or_default();
        numbers.open = level.occupancy();
        for (i, (bit, name)) in Level::STATES.iter().enumerate() {
            if level.states & bit != 0 {
                let lasted = &mut numbers.states.entry((*name).to_owned()).or_default().1;
                *lasted = lasted.saturating_add(last.saturating_sub(ring.since[i]));
            }
        }
    }
}

impl Ring {
    fn event(
        &mut self,
        at: u64,
        sequence: u64,
        what: RingEvent,
        level: Level,
        numbers: &mut super::RingSummary,
    ) -> Result<(), String> {
        // Threads look at the clock before they have the ring's lock.
        let at = at.max(self.last);
        self.last = at;
        if level.occupancy() > u64::from(MOST) {
            return Err(format!("there are {} jobs in it", level.occupancy()));
        }
        let follows = Some(sequence) == self.sequence.checked_add(1) && self.level.is_some();
        if !follows && sequence <= self.sequence && what != RingEvent::Seen {
            return Err(format!("its event {sequence} comes behind {}", self.sequence));
        }
        self.sequence = sequence;
        if follows && what != RingEvent::Seen {
            self.happened(at, what, numbers)?;
            self.compare(what, level, numbers)?;
        } else {
            self.go_on_from(level, numbers);
        }
        self.states(at, level, numbers);
        numbers.most = numbers.most.max(level.occupancy());
        self.level = Some(level);
        Ok(())
    }

    fn go_on_from(&mut self, level: Level, numbers: &mut super::RingSummary) {
        if self.level.is_some() {
            let there = self.pending.len() + self.in_flight.len() + self.waiting.len();
            numbers.vanished += there as u64;
        }
        numbers.jobs += level.occupancy();
        self.pending = vec![None; level.pending as usize].into();
        self.waiting = vec![None; level.waiting as usize].into();
        // Their numbers are not known; no job has one of these.
        self.in_flight = (0..u64::from(level.in_flight)).map(|n| (u64::MAX - n, None)).collect();
    }

    fn ended(&mut self, job: u64) -> Result<Option<u64>, String> {
        let stranger = || {
            let (number, _) = self.in_flight.last_key_value()?;
            (*number > u64::MAX / 2).then_some(*number)
        };
        let key = if self.in_flight.contains_key(&job) { Some(job) } else { stranger() };
        let found = key.and_then(|key| self.in_flight.remove(&key));
        found.ok_or_else(|| format!("job {job} ends and is not in flight"))
    }

    fn happened(
        &mut self,
        at: u64,
        what: RingEvent,
        numbers: &mut super::RingSummary,
    ) -> Result<(), String> {
        match what {
            RingEvent::Added { count } => {
                numbers.jobs += u64::from(count);
                self.pending.extend((0..count.min(MOST)).map(|_| Some(at)));
            }
            RingEvent::Taken { job, .. } => {
                if job <= self.taken {
                    return Err(format!("job {job} is taken behind {}", self.taken));
                }
                self.taken = job;
                let added = self.pending.pop_front();
                let added = added.ok_or_else(|| format!("job {job} is taken and none pends"))?;
                self.in_flight.insert(job, added);
            }
            RingEvent::Written { job, status, .. } => {
                numbers.failed += u64::from(status != 0);
                let added = match job {
                    Some(job) => self.ended(job)?,
                    None => {
                        self.pending.pop_front().ok_or("a flush gives back what is not there")?
                    }
                };
                self.waiting.push_back(added);
            }
            RingEvent::Lost { job } => {
                self.ended(job)?;
                numbers.vanished += 1;
            }
            RingEvent::Removed { count } => {
                for _ in 0..count {
                    let added = self.waiting.pop_front().ok_or("more are removed than wait")?;
                    let first = numbers.removed;
                    match added {
                        Some(added) => numbers.removed(at - added.min(at), || {
                            format!("the {}th that was removed, at {at} ns", first + 1)
                        }),
                        None => numbers.removed += 1,
                    }
                }
            }
            RingEvent::Reset => {
                let there = self.pending.len() + self.in_flight.len() + self.waiting.len();
                numbers.vanished += there as u64;
                (self.pending, self.waiting) = Default::default();
                self.in_flight.clear();
            }
            RingEvent::Seen | RingEvent::Changed | RingEvent::Error { .. } | RingEvent::Resized => {
            }
        }
        Ok(())
    }

    /// Holds the level against the jobs. A new size, or a flush without room in the output ring,
    /// makes jobs disappear.
    fn compare(
        &mut self,
        what: RingEvent,
        level: Level,
        numbers: &mut super::RingSummary,
    ) -> Result<(), String> {
        let (pending, waiting) = (level.pending as usize, level.waiting as usize);
        let resized = what == RingEvent::Resized;
        let halted = level.states & Level::HALTED != 0;
        if resized || halted {
            let gone = self.pending.len().saturating_sub(pending);
            self.pending.drain(..gone);
            numbers.vanished += gone as u64;
        }
        if resized {
            let gone = self.waiting.len().saturating_sub(waiting);
            self.waiting.drain(..gone);
            numbers.vanished += gone as u64;
        }
        for (name, told, counted) in [
            ("pending", pending, self.pending.len()),
            ("in flight", level.in_flight as usize, self.in_flight.len()),
            ("waiting", waiting, self.waiting.len()),
        ] {
            if told != counted {
                return Err(format!("{name} is {told}, and the events make {counted}"));
            }
        }
        Ok(())
    }

    fn states(&mut self, at: u64, level: Level, numbers: &mut super::RingSummary) {
        let before = self.level.unwrap_or_default().states;
        for (i, (bit, name)) in Level::STATES.iter().enumerate() {
            let of = (before & bit != 0, level.states & bit != 0);
            if of == (false, true) {
                self.since[i] = at;
                numbers.states.entry((*name).to_owned()).or_default().0 += 1;
            }
            if of == (true, false) {
                let lasted = &mut numbers.states.entry((*name).to_owned()).or_default().1;
                *lasted = lasted.saturating_add(at.saturating_sub(self.since[i]));
            }
        }
    }
}
