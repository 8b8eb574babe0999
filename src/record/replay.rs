//! A recording, run again.

use super::Key;
use super::entry::{Access, Answer, Call, Entry, Header, Ran};
use super::file::{self, Position, Reader};
use crate::descriptors::deco::Report;
use crate::descriptors::flow::{Budget, Scratch};
use crate::descriptors::status::JobStatus;
use crate::device::platform::Secrets;
use crate::device::soc::SocProfile;
use crate::device::{Device, Job, MAX_DECOS, MAX_RINGS, Outcome, Setup, pci};
use crate::fault::grammar::Fields;
use serde_bytes::ByteBuf;
use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::time::Duration;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a recording is not run again to its end.
#[derive(Debug, Error)]
pub enum Problem {
    /// It cannot be read, or not further.
    #[error(transparent)]
    File(#[from] file::Error),
    /// The device does something else than it did.
    #[error("different at {at}, {time:?} after the start: {what}")]
    Different {
        /// The entry that tells what it did.
        at: Position,
        /// When.
        time: Duration,
        /// What is different.
        what: String,
    },
}

/// A job that has been run again.
#[derive(Debug)]
pub struct RunJob<'a> {
    /// Which.
    pub key: Key,
    /// Bus address of its descriptor; 0 for one that software wrote into DECO 0.
    pub descriptor: u64,
    /// When it was taken.
    pub taken: Duration,
    /// Its accesses to guest memory, in their order.
    pub accesses: &'a [Access],
    /// How it ended.
    pub ran: Ran,
}

/// What was run again.
#[derive(Debug, Default)]
pub struct Summary {
    /// How the device was built.
    pub header: Option<Header>,
    /// Entries read.
    pub entries: u64,
    /// Calls of the core, register accesses among them.
    pub calls: u64,
    /// Reads and writes of registers.
    pub registers: u64,
    /// Jobs run.
    pub jobs: u64,
    /// Of these, by status words other than 0.
    pub failed: BTreeMap<u32, u64>,
    /// Bytes read from and written to guest memory.
    pub bytes: u64,
    /// Time of the last call.
    pub last: Duration,
    /// Why the recording ends.
    pub reason: Option<String>,
}

type Accesses = VecDeque<(Position, Access)>;

/// A job between being taken and being given back.
struct Flying {
    job: Job,
    descriptor: u64,
    taken: Duration,
    accesses: Accesses,
    report: Option<Report>,
}

struct Player<'a> {
    device: Device,
    scratch: Scratch,
    call: Option<(Duration, Call)>,
    accesses: Accesses,
    flying: BTreeMap<Key, Flying>,
    summary: &'a mut Summary,
    seen: &'a mut dyn FnMut(&RunJob<'_>),
}

fn damaged(at: Position, what: impl Into<String>) -> Problem {
    file::Error::Damaged { at, what: what.into() }.into()
}

/// Runs a recording again, up to the first difference; each job that has been run is shown to
/// `seen`. What is wrong comes beside what has been done.
pub fn replay(
    input: impl Read,
    mut seen: impl FnMut(&RunJob<'_>),
) -> (Summary, Result<(), Problem>) {
    let mut summary = Summary::default();
    let result = all(input, &mut summary, &mut seen);
    (summary, result)
}

fn all(
    input: impl Read,
    summary: &mut Summary,
    seen: &mut dyn FnMut(&RunJob<'_>),
) -> Result<(), Problem> {
    let mut reader = Reader::new(input)?;
    let Some((at, Entry::Begin(header))) = reader.entry()? else {
        return Err(file::Error::Foreign.into());
    };
    let device = device(&header, at)?;
    summary.entries = 1;
    summary.header = Some(header);
    let mut player = Player {
        device,
        scratch: Scratch::default(),
        call: None,
        accesses: Accesses::new(),
        flying: BTreeMap::new(),
        summary,
        seen,
    };
    while let Some((at, entry)) = reader.entry()? {
        if player.summary.reason.is_some() {
            return Err(damaged(at, "it comes behind the end"));
        }
        player.summary.entries += 1;
        player.entry(at, entry)?;
    }
    match player.summary.reason {
        Some(_) => Ok(()),
        None => Err(file::Error::Truncated(reader.position()).into()),
    }
}

/// The device as it was built.
fn device(header: &Header, at: Position) -> Result<Device, Problem> {
    let soc = SocProfile::by_name(&header.soc)
        .ok_or_else(|| damaged(at, format!("there is no SoC profile {:?}", header.soc)))?;
    let (rings, decos) = (usize::from(header.rings), usize::from(header.decos));
    if !(1..=MAX_RINGS).contains(&rings) || !(1..=MAX_DECOS).contains(&decos) {
        return Err(damaged(at, format!("{rings} job rings and {decos} DECOs")));
    }
    let setup = Setup { soc, rings, decos, fault_seed: header.fault_seed };
    let master_key = header.master_key.map(Zeroizing::new);
    let secrets = Secrets { seed: Some(header.seed), master_key };
    let device = Device::new(setup, secrets).map_err(|e| damaged(at, e.to_string()))?;
    let faults: Vec<_> = header.faults.iter().map(|rule| Fields::from_text(rule)).collect();
    device.faults.add_all(&faults).map_err(|(i, problem, _)| {
        damaged(at, format!("fault rule {}: {problem}", header.faults[i]))
    })?;
    device.tape.play();
    Ok(device)
}

impl Player<'_> {
    fn entry(&mut self, at: Position, entry: Entry) -> Result<(), Problem> {
        match entry {
            Entry::Begin(_) => Err(damaged(at, "a second beginning")),
            Entry::Call { at: ns, call } => {
                self.call = Some((Duration::from_nanos(ns), call));
                self.accesses.clear();
                Ok(())
            }
            Entry::Access { job, access } => {
                self.summary.bytes += match &access.what {
                    super::entry::What::Read { got, .. } => got.len() as u64,
                    super::entry::What::Write { bytes, .. } => bytes.len() as u64,
                    super::entry::What::Writable { .. } => 0,
                };
                let accesses = match job {
                    None => &mut self.accesses,
                    Some(key) => match self.flying.get_mut(&key) {
                        Some(flying) => &mut flying.accesses,
                        None => return Err(damaged(at, format!("{key} is not running"))),
                    },
                };
                accesses.push_back((at, access));
                Ok(())
            }
            Entry::Answer(recorded) => {
                let (now, call) =
                    self.call.take().ok_or_else(|| damaged(at, "an answer without a call"))?;
                self.summary.calls += 1;
                self.summary.last = now;
                self.device.tape.load(std::mem::take(&mut self.accesses), false);
                let answer = self.perform(at, now, &call)?;
                self.compare(at, now, || different_answer(&call, &recorded, &answer))
            }
            Entry::Ran { job, ran } => self.run(at, job, ran),
            Entry::End { reason } => {
                self.summary.reason = Some(reason);
                Ok(())
            }
        }
    }

    fn compare(
        &self,
        at: Position,
        time: Duration,
        then: impl FnOnce() -> Option<String>,
    ) -> Result<(), Problem> {
        let memory = self.device.tape.unload();
        let found = memory.or_else(|| Some((None, then()?)));
        match found {
            None => Ok(()),
            Some((place, what)) => Err(Problem::Different { at: place.unwrap_or(at), time, what }),
        }
    }

    fn perform(&mut self, at: Position, now: Duration, call: &Call) -> Result<Answer, Problem> {
        let device = &self.device;
        let of = |outcome: Outcome| Answer { interrupt: outcome.interrupt, ..Answer::default() };
        let buffer = |length: u32| match u64::from(length) {
            0..=pci::BAR0_BYTES => Ok(vec![0; length as usize]),
            _ => Err(damaged(at, format!("a read of {length} bytes"))),
        };
        Ok(match call {
            Call::ReadBar { offset, length } => {
                self.summary.registers += 1;
                let mut bytes = buffer(*length)?;
                let result = device.read_bar(*offset, &mut bytes, now);
                Answer {
                    bytes: ByteBuf::from(bytes),
                    ..result.map_or(Answer { refused: true, ..Answer::default() }, of)
                }
            }
            Call::WriteBar { offset, bytes } => {
                self.summary.registers += 1;
                let result = device.write_bar(*offset, bytes, now);
                result.map_or(Answer { refused: true, ..Answer::default() }, of)
            }
            Call::ReadConfig { offset, length } => {
                let mut bytes = buffer(*length)?;
                let refused = device.read_config(*offset, &mut bytes).is_err();
                Answer { bytes: ByteBuf::from(bytes), refused, ..Answer::default() }
            }
            Call::WriteConfig { offset, bytes } => {
                let result = device.write_config(*offset, bytes);
                result.map_or(Answer { refused: true, ..Answer::default() }, of)
            }
            Call::MaskInterrupt => {
                device.mask_interrupt();
                Answer::default()
            }
            Call::UnmaskInterrupt => of(device.unmask_interrupt(now)),
            Call::Reset => of(device.reset(now)),
            Call::Disconnect => of(device.disconnect(now)),
            Call::Tick => of(device.tick(now)),
            Call::Resume { ring } => of(device.resume(ring.map(usize::from), now).1),
            Call::AddFault { rule } => {
                let refused = device.add_fault(rule, now).is_err();
                Answer { refused, ..Answer::default() }
            }
            Call::ClearFaults { name } => {
                let refused = device.clear_faults(name.as_deref(), now).is_err();
                Answer { refused, ..Answer::default() }
            }
            Call::TakeJob => {
                let (job, outcome) = device.take_job(now);
                let job = job.map(|job| {
                    let key = Key::of(&job);
                    let descriptor = job.descriptor();
                    let accesses = Accesses::new();
                    let flying = Flying { job, descriptor, taken: now, accesses, report: None };
                    self.flying.insert(key, flying);
                    (key, descriptor)
                });
                Answer { job, ..of(outcome) }
            }
            Call::CompleteJob { job } => {
                let flying = self.flying.remove(job);
                let Some((flying, report)) = flying.and_then(|f| f.report.map(|r| (f, r))) else {
                    return Err(damaged(at, format!("{job} ends and has not run")));
                };
                of(device.complete_job(flying.job, report, now))
            }
        })
    }

    fn run(&mut self, at: Position, key: Key, recorded: Ran) -> Result<(), Problem> {
        let Some(flying) = self.flying.get_mut(&key).filter(|flying| flying.report.is_none())
        else {
            return Err(damaged(at, format!("{key} runs and has not been taken")));
        };
        let accesses: Vec<_> = flying.accesses.iter().map(|(_, access)| access.clone()).collect();
        self.device.tape.load(std::mem::take(&mut flying.accesses), recorded.stopped);
        let mut report = self.device.run_job(&flying.job, &mut self.scratch, Budget::default());
        self.summary.jobs += 1;
        if recorded.status != 0 {
            *self.summary.failed.entry(recorded.status).or_default() += 1;
        }
        // At which command a job was when it was told to stop is not ours to say.
        let mask = if recorded.stopped { !0xff00 } else { !0 };
        let same = report.status.0 & mask == recorded.status & mask
            && (recorded.stopped || report.sequence_out == recorded.sequence_out);
        let status = report.status;
        let taken = flying.taken;
        if same {
            report.status = JobStatus(recorded.status);
            report.sequence_out = recorded.sequence_out;
        }
        flying.report = Some(report);
        (self.seen)(&RunJob {
            key,
            descriptor: flying.descriptor,
            taken,
            accesses: &accesses,
            ran: recorded,
        });
        self.compare(at, taken, || {
            let before = JobStatus(recorded.status);
            let text = format!("job {key} ended with {before}, now it ends with {status}");
            (!same).then_some(text)
        })
    }
}

fn different_answer(call: &Call, recorded: &Answer, now: &Answer) -> Option<String> {
    if recorded == now {
        return None;
    }
    let hex = |bytes: &[u8]| bytes.iter().rev().map(|b| format!("{b:02x}")).collect::<String>();
    Some(match call {
        Call::ReadBar { offset, .. } | Call::ReadConfig { offset, .. }
            if recorded.bytes != now.bytes =>
        {
            let (a, b) = (hex(&recorded.bytes), hex(&now.bytes));
            format!("the register at {offset:#x} read 0x{a}, now it reads 0x{b}")
        }
        Call::TakeJob if recorded.job != now.job => {
            let shown = |job: &Option<(Key, u64)>| {
                job.map_or_else(|| "none".into(), |(key, at)| format!("{key} at {at:#x}"))
            };
            format!("the job taken was {}, now it is {}", shown(&recorded.job), shown(&now.job))
        }
        _ if recorded.refused != now.refused => {
            let word = |refused| if refused { "refused" } else { "done" };
            format!("{call:?} was {}, now it is {}", word(recorded.refused), word(now.refused))
        }
        _ => {
            let word = |interrupt| if interrupt { "an interrupt" } else { "none" };
            format!(
                "{call:?} raised {}, now it raises {}",
                word(recorded.interrupt),
                word(now.interrupt)
            )
        }
    })
}
