//! Autopsies: what a job that failed has left in its DECO, kept for whoever asks.
//!
//! A DECO thread files a [`Case`] when a job ends that is wanted; nothing is put into words before
//! somebody looks. The store is bounded, the oldest case goes first. Keys, messages and contexts
//! are shown only where that was asked for when the emulator was started.

use crate::descriptors::buffer::{DescriptorBuffer, WORDS};
use crate::descriptors::facts;
use crate::descriptors::remains::{ClassRemains, InputLeft, Keep, OutputLeft, Remains, State};
use crate::descriptors::status::JobStatus;
use crate::descriptors::status_text::explain;
use crate::descriptors::text::listing::{bare, descriptor};
use crate::descriptors::text::render::Style;
use crate::descriptors::witness::Touched;
use crate::device::soc::SocProfile;
use crate::fault::condition::Matching;
use crate::fault::grammar::{Problem, matching};
use crate::fault::{Event, Facts};
use crate::memory::{Access, DmaError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use thiserror::Error;

/// Cases that are kept.
pub const CASES: usize = 64;

/// Which jobs are wanted: `off`, or `failed` or `all`, and conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// How they ended.
    pub keep: Keep,
    /// What they are.
    pub matching: Matching,
}

/// Why a text does not say which jobs are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotWanted {
    /// Nothing can be wanted with conditions.
    #[error("off stands alone")]
    Off,
    /// A condition.
    #[error("{0} (as in failed, all, off, failed,alg=aes-xts or ring=1,job=5..9)")]
    Condition(Problem),
}

impl FromStr for Wanted {
    type Err = NotWanted;

    fn from_str(text: &str) -> Result<Self, NotWanted> {
        let (first, rest) = text.split_once(',').unwrap_or((text, ""));
        let (keep, conditions) = match first.trim() {
            "off" if rest.is_empty() => return Ok(Self::default()),
            "off" => return Err(NotWanted::Off),
            "failed" => (Keep::Failed, rest),
            "all" => (Keep::All, rest),
            _ => (Keep::All, text),
        };
        let matching = matching(conditions).map_err(NotWanted::Condition)?;
        Ok(Self { keep, matching })
    }
}

/// A job, and what is left of it.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Case {
    pub ring: usize,
    /// Its number in the ring, from 1.
    pub job: u64,
    /// Bus address of its descriptor.
    pub descriptor: u64,
    pub status: JobStatus,
    pub dma_error: Option<DmaError>,
    /// When it was taken, since the device was started.
    pub taken: Duration,
    /// What fault rules did to it, in words.
    pub faults: Vec<String>,
    pub remains: Remains,
}

impl Case {
    /// What rules may ask of it: from the descriptor as it was executed.
    fn facts(&self, soc: &SocProfile) -> Facts {
        let Self { job: number, descriptor, .. } = *self;
        let mut known = Facts { number, descriptor, ..Facts::default() };
        if let Some(State { words, length, parts, .. }) = &self.remains.state {
            let buffer = DescriptorBuffer { words: **words, length: *length, parts: *parts };
            facts::add(&mut known, &buffer, soc);
        }
        known
    }
}

#[derive(Debug, Default)]
struct Store {
    wanted: Wanted,
    secrets: bool,
    /// Cases so far: the number of the last one.
    count: u64,
    cases: VecDeque<(u64, Arc<Case>)>,
}

/// The cases of a device.
#[derive(Debug)]
pub struct Autopsies {
    /// [`Keep`], for a look without the lock.
    keep: AtomicU8,
    store: Mutex<Store>,
}

impl Default for Autopsies {
    /// Of jobs that fail, without secrets.
    fn default() -> Self {
        let autopsies = Self { keep: AtomicU8::new(0), store: Mutex::new(Store::default()) };
        autopsies.want(Wanted { keep: Keep::Failed, ..Wanted::default() }, false);
        autopsies
    }
}

impl Autopsies {
    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says which jobs are wanted, and whether secrets are shown.
    pub fn want(&self, wanted: Wanted, secrets: bool) {
        let mut store = self.lock();
        store.wanted = wanted;
        store.secrets = secrets;
        self.keep.store(wanted.keep as u8, Ordering::Relaxed);
    }

    /// Of which jobs something is to be kept.
    #[must_use]
    pub fn keep(&self) -> Keep {
        let keep = self.keep.load(Ordering::Relaxed);
        let all = [Keep::Nothing, Keep::Failed, Keep::All];
        all.into_iter().find(|k| *k as u8 == keep).unwrap_or_default()
    }

    /// Keeps a case, if it is wanted; its number.
    pub fn file(&self, case: Case, soc: &SocProfile) -> Option<u64> {
        let wanted = self.lock().wanted;
        if !wanted.keep.wants(case.status) {
            return None;
        }
        if wanted.matching != Matching::default() {
            let facts = case.facts(soc);
            let event = Event { ring: Some(case.ring), job: Some(&facts), ..Event::default() };
            if !wanted.matching.holds(&event) {
                return None;
            }
        }
        let case = Arc::new(case);
        let mut store = self.lock();
        store.count += 1;
        let number = store.count;
        if store.cases.len() >= CASES {
            store.cases.pop_front();
        }
        store.cases.push_back((number, case));
        Some(number)
    }

    /// The case of that number, or the last one.
    ///
    /// # Errors
    /// What to tell whoever asked.
    pub fn report(&self, number: Option<u64>, soc: &SocProfile) -> Result<Autopsy, String> {
        let store = self.lock();
        let found = match number {
            None => store.cases.back(),
            Some(number) => store.cases.iter().find(|(n, _)| *n == number),
        };
        let Some((number, case)) = found.cloned() else {
            return Err(match (store.wanted.keep, store.cases.front()) {
                (Keep::Nothing, _) => "no autopsies are made: serve --autopsy off".into(),
                (_, None) => "no job has had an autopsy yet".into(),
                (_, Some((first, _))) => {
                    format!("there is none of that number; there are {first} to {}", store.count)
                }
            });
        };
        let secrets = store.secrets;
        drop(store);
        Ok(Autopsy::new(number, &case, soc, secrets))
    }

    /// All cases that are kept, in a line each.
    #[must_use]
    pub fn list(&self) -> Vec<Summary> {
        let cases = self.lock().cases.clone();
        cases.iter().map(|(number, case)| Summary::new(*number, case)).collect()
    }
}

/// A case in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Summary {
    pub number: u64,
    pub ring: usize,
    pub job: u64,
    pub descriptor: String,
    pub status: String,
    /// The error's name.
    pub meaning: String,
    /// When the job was taken, since the device was started.
    pub taken_ns: u64,
}

impl Summary {
    fn new(number: u64, case: &Case) -> Self {
        Self {
            number,
            ring: case.ring,
            job: case.job,
            descriptor: format!("{:#x}", case.descriptor),
            status: case.status.to_string(),
            meaning: explain(case.status).name,
            taken_ns: u64::try_from(case.taken.as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

/// A case in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Autopsy {
    #[serde(flatten)]
    pub summary: Summary,
    /// The status word's fields: name, value, meaning.
    pub explanation: Vec<(String, String, String)>,
    /// What the Linux driver makes of it.
    pub linux: String,
    pub dma_error: Option<String>,
    pub faults: Vec<String>,
    /// Number of the last command's word in the buffer.
    pub stopped_at: Option<usize>,
    /// The descriptors in the buffer, in the order in which they stand there.
    pub descriptors: Vec<Descriptor>,
    /// What the DECO held; none if there was no descriptor to execute.
    pub deco: Option<Deco>,
    /// Accesses to guest memory, all.
    pub accesses: u64,
    /// The last of them.
    pub touched: Vec<Touch>,
    /// Keys, messages and contexts are left out.
    pub redacted: bool,
}

/// A descriptor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Descriptor {
    pub kind: String,
    /// Number of its first word in the buffer.
    pub base: usize,
    /// As `caam-emu disasm` shows it.
    pub text: String,
    pub listing: Value,
}

/// The registers of a DECO.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Deco {
    pub math: [String; 4],
    pub dpovrd: String,
    pub sil: u32,
    pub sol: u32,
    pub vsil: u32,
    pub vsol: u32,
    /// MATH flags that are set.
    pub flags: Vec<String>,
    pub classes: Vec<Class>,
    /// Bytes in the output FIFO.
    pub output_fifo: usize,
    pub info_entries: usize,
    /// Input transfers that were not done, in words, and how many there were.
    pub inputs: Vec<String>,
    pub input_count: usize,
    pub outputs: Vec<String>,
    pub output_count: usize,
    /// Where the sequences go on.
    pub sequence_in: Option<Sequence>,
    pub sequence_out: Option<Sequence>,
    /// Bytes stored to the output sequence.
    pub stored: u32,
    pub commands: u32,
    pub table_entries: u32,
    pub bytes: u64,
}

/// A class of the CCB.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Class {
    /// As an OPERATION's fields.
    pub mode: Option<String>,
    pub key_size: usize,
    pub icv_size: usize,
    pub carried: usize,
    pub processed: u64,
    pub done: bool,
    /// Hexadecimal, where secrets are shown.
    pub context: Option<String>,
}

/// Where a sequence goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Sequence {
    pub address: String,
    pub table: Option<String>,
}

/// An access to guest memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Touch {
    pub access: String,
    pub purpose: String,
    pub address: String,
    pub length: u32,
    /// It is the one that could not be made.
    pub failed: bool,
}

impl Autopsy {
    fn new(number: u64, case: &Case, soc: &SocProfile, secrets: bool) -> Self {
        let explanation = explain(case.status);
        let state = case.remains.state.as_ref();
        let failed = |touched: &Touched| {
            let is_it = |error: DmaError| {
                error.address == touched.address && error.access == touched.access
            };
            case.dma_error.is_some_and(is_it)
        };
        let last_failed = case.remains.touched.iter().rposition(failed);
        let touch = |(n, touched): (usize, &Touched)| Touch {
            access: match touched.access {
                Access::Read => "read".into(),
                Access::Write => "write".into(),
            },
            purpose: touched.purpose.to_string(),
            address: format!("{:#x}", touched.address),
            length: touched.length,
            failed: Some(n) == last_failed,
        };
        let at = |status: JobStatus| {
            state.filter(|_| !status.is_ok()).map(|state| usize::from(state.position.index))
        };
        let stopped_at = at(case.status);
        let fields = explanation.fields.into_iter();
        Self {
            summary: Summary::new(number, case),
            explanation: fields
                .map(|f| (f.name.to_owned(), format!("{:#x}", f.value), f.meaning))
                .collect(),
            linux: format!("{}: {}", explanation.errno, explanation.linux),
            dma_error: case.dma_error.map(|error| error.to_string()),
            faults: case.faults.clone(),
            stopped_at,
            descriptors: state
                .map(|state| descriptors(state, stopped_at, soc, secrets))
                .unwrap_or_default(),
            deco: state.map(|state| Deco::new(state, secrets)),
            accesses: case.remains.accesses,
            touched: case.remains.touched.iter().enumerate().map(touch).collect(),
            redacted: !secrets,
        }
    }
}

fn descriptors(
    state: &State,
    stopped_at: Option<usize>,
    soc: &SocProfile,
    secrets: bool,
) -> Vec<Descriptor> {
    let mut parts: Vec<_> = state.parts.into_iter().flatten().collect();
    parts.sort_by_key(|part| part.base);
    let one = |part: crate::descriptors::buffer::Part| {
        let end = part.end.min(state.length).min(WORDS);
        let words = state.words.get(part.base..end)?;
        // A MOVE may have gone over the header.
        let listing = descriptor(words, soc).unwrap_or_else(|| bare(words, soc));
        let marked = stopped_at.and_then(|at| at.checked_sub(part.base));
        let style = Style { redacted: !secrets, marked, base: part.base };
        Some(Descriptor {
            kind: listing.kind.name().into(),
            base: part.base,
            text: listing.text(&style),
            listing: listing.json(&style),
        })
    };
    parts.into_iter().filter_map(one).collect()
}

impl Deco {
    fn new(state: &State, secrets: bool) -> Self {
        let registers = &state.registers;
        let flags = registers.flags;
        let set =
            [(flags.negative, "N"), (flags.zero, "Z"), (flags.carry, "C"), (flags.less, "N^V")];
        let sequence = |position: Option<(u64, Option<u64>)>| {
            position.map(|(address, table)| Sequence {
                address: format!("{address:#x}"),
                table: table.map(|table| format!("{table:#x}")),
            })
        };
        Self {
            math: registers.math.map(|value| format!("{value:#018x}")),
            dpovrd: format!("{:#010x}", registers.protocol_override),
            sil: registers.sequence_in,
            sol: registers.sequence_out,
            vsil: registers.variable_in,
            vsol: registers.variable_out,
            flags: set.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).into()).collect(),
            classes: state.classes.iter().map(|class| Class::new(class, secrets)).collect(),
            output_fifo: state.output_fifo,
            info_entries: state.info_entries,
            inputs: state.inputs.iter().map(input).collect(),
            input_count: state.input_count,
            outputs: state.outputs.iter().map(output).collect(),
            output_count: state.output_count,
            sequence_in: sequence(state.sequences[0]),
            sequence_out: sequence(state.sequences[1]),
            stored: state.stored,
            commands: state.commands,
            table_entries: state.table_entries,
            bytes: state.bytes,
        }
    }
}

impl Class {
    fn new(class: &ClassRemains, secrets: bool) -> Self {
        let context = secrets.then(|| {
            class.context.iter().fold(String::new(), |mut text, byte| {
                // Writing to a string cannot fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
        });
        Self {
            mode: class.mode.map(crate::descriptors::text::mode),
            key_size: class.key_size,
            icv_size: class.icv_size,
            carried: class.carried,
            processed: class.processed,
            done: class.done,
            context,
        }
    }
}

fn input(transfer: &InputLeft) -> String {
    let InputLeft { kind, left, class1, class2, sequence } = transfer;
    let to = match (class1, class2) {
        (true, true) => "classes 1 and 2",
        (true, false) => "class 1",
        (false, true) => "class 2",
        (false, false) => "nobody",
    };
    let from = if *sequence { "the input sequence" } else { "memory or the descriptor" };
    format!("{left} bytes of {kind:?} from {from} to {to}")
}

fn output(transfer: &OutputLeft) -> String {
    let OutputLeft { left, fifo, sequence } = transfer;
    let from = if *fifo { "the output FIFO" } else { "a register" };
    let to = if *sequence { "the output sequence" } else { "memory" };
    format!("{left} bytes from {from} to {to}")
}

#[cfg(test)]
#[path = "autopsy_tests.rs"]
mod tests;
