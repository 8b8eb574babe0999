//! The jobs in `tests/golden/`: reading them, and the memory they run in.
#![allow(dead_code)] // each test uses its own part of this

use caam_emu::crypto::keywrap::black::{self, Encryption, NONCE};
use caam_emu::descriptors::command::{Command, Operand, Operation, decode};
use caam_emu::descriptors::deco::{self, Report};
use caam_emu::descriptors::flow::{Budget, Scratch};
use caam_emu::device::platform::{Platform, Secrets};
use caam_emu::device::rng4::{RTMCTL, Request};
use caam_emu::device::soc::SocProfile;
use caam_emu::memory::{Access, DmaError, GuestMemory, Purpose};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// What a section of a fixture holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Descriptor words.
    Words,
    /// Scatter/gather entries.
    Table,
    /// Data the job reads.
    Input,
    /// What the job is to leave behind.
    Output,
    /// Where the job is to leave random bytes, or what depends on them. They may be any.
    Random,
}

/// Bytes at an address.
#[derive(Debug, Clone)]
pub struct Section {
    pub kind: Kind,
    pub address: u64,
    pub bytes: Vec<u8>,
}

impl Section {
    pub fn contains(&self, address: u64) -> bool {
        (self.address..self.address + self.bytes.len() as u64).contains(&address)
    }

    /// What it says is there after the job only.
    pub fn is_result(&self) -> bool {
        matches!(self.kind, Kind::Output | Kind::Random)
    }

    /// The section's bytes as words.
    pub fn words(&self) -> Vec<u32> {
        let (words, rest) = self.bytes.as_chunks();
        assert!(rest.is_empty());
        words.iter().map(|w| u32::from_le_bytes(*w)).collect()
    }
}

/// One file of `tests/golden/`.
#[derive(Debug, Clone)]
pub struct Fixture {
    pub name: String,
    pub title: String,
    pub soc: &'static SocProfile,
    pub job: u64,
    pub sections: Vec<Section>,
    pub status: u32,
}

pub fn golden_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// All fixtures, by name.
pub fn fixtures() -> Vec<Fixture> {
    let mut paths: Vec<_> = fs::read_dir(golden_dir())
        .expect("tests/golden")
        .map(|entry| entry.expect("directory entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    paths.sort();
    paths.iter().map(|path| parse(path)).collect()
}

fn parse(path: &Path) -> Fixture {
    let text = fs::read_to_string(path).expect("a readable fixture");
    let mut fixture = Fixture {
        name: path.file_stem().unwrap().to_string_lossy().into_owned(),
        title: String::new(),
        soc: &caam_emu::device::soc::PROFILES[0],
        job: 0,
        sections: Vec::new(),
        status: 0,
    };
    let mut seen = Vec::new();
    // Keys in the clear that stand encrypted in memory.
    let mut black = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let wrong = |what: &str| -> ! { panic!("{}:{}: {what}", path.display(), number + 1) };
        let hex = |s: &str| u64::from_str_radix(s, 16).unwrap_or_else(|_| wrong("not hexadecimal"));
        if let Some(title) = line.strip_prefix("# ") {
            fixture.title = title.to_string();
            continue;
        }
        // Two spaces end what counts; the rest of the line is for the reader.
        let fields: Vec<&str> = line.split("  ").next().unwrap_or("").split(' ').collect();
        let kind = match fields[0] {
            "" => continue,
            "soc" => {
                fixture.soc =
                    SocProfile::by_name(fields[1]).unwrap_or_else(|| wrong("no such SoC"));
                continue;
            }
            "job" => {
                fixture.job = hex(fields[1]);
                continue;
            }
            "status" => {
                fixture.status = hex(fields[1]) as u32;
                seen.push("status");
                continue;
            }
            "words" => Kind::Words,
            "table" => Kind::Table,
            "input" => Kind::Input,
            "output" => Kind::Output,
            "input-black" | "output-black" => {
                black.push(fixture.sections.len());
                if fields[0] == "input-black" { Kind::Input } else { Kind::Output }
            }
            "random" => Kind::Random,
            _ => {
                let Some(section) = fixture.sections.last_mut() else { wrong("no section") };
                match section.kind {
                    Kind::Words | Kind::Table => {
                        let words = fields.iter().map(|f| hex(f) as u32);
                        section.bytes.extend(words.flat_map(u32::to_le_bytes));
                    }
                    Kind::Input | Kind::Output => {
                        let digits = fields[0].as_bytes();
                        if !digits.len().is_multiple_of(2) {
                            wrong("half a byte");
                        }
                        let byte = |d: &[u8]| hex(std::str::from_utf8(d).unwrap()) as u8;
                        section.bytes.extend(digits.chunks(2).map(byte));
                    }
                    Kind::Random => section.bytes = vec![FILLER; hex(fields[0]) as usize],
                }
                continue;
            }
        };
        fixture.sections.push(Section { kind, address: hex(fields[1]), bytes: Vec::new() });
    }
    assert_eq!(seen, ["status"], "{}: cut short", path.display());
    for n in black {
        let bytes = &mut fixture.sections[n].bytes;
        let kek = platform(fixture.soc).kek(false).expect("secure keys");
        *bytes = black::wrap(&kek, Encryption::Ecb, bytes, [0; NONCE]).expect("a key");
    }
    fixture
}

/// Memory that has only the bytes it was given: any other access is a DMA error.
#[derive(Debug, Default)]
pub struct SparseMemory(RefCell<BTreeMap<u64, u8>>);

impl SparseMemory {
    pub fn put(&self, address: u64, bytes: &[u8]) {
        let mut map = self.0.borrow_mut();
        map.extend((address..).zip(bytes.iter().copied()));
    }

    pub fn get(&self, address: u64, length: usize) -> Vec<u8> {
        let map = self.0.borrow();
        (address..address + length as u64).map(|a| map[&a]).collect()
    }

    pub fn all(&self) -> BTreeMap<u64, u8> {
        self.0.borrow().clone()
    }
}

impl GuestMemory for SparseMemory {
    fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError> {
        self.writable(purpose, address, buf.len())?;
        self.put(address, buf);
        Ok(())
    }

    fn read_available(&self, _: Purpose, address: u64, buf: &mut [u8]) -> usize {
        let map = self.0.borrow();
        for (i, byte) in buf.iter_mut().enumerate() {
            match address.checked_add(i as u64).and_then(|a| map.get(&a)) {
                Some(b) => *byte = *b,
                None => return i,
            }
        }
        buf.len()
    }

    fn writable(&self, purpose: Purpose, address: u64, length: usize) -> Result<(), DmaError> {
        let map = self.0.borrow();
        let there = |i| address.checked_add(i as u64).is_some_and(|a| map.contains_key(&a));
        if (0..length).all(there) {
            Ok(())
        } else {
            Err(DmaError { purpose, address, length, access: Access::Write })
        }
    }
}

/// What stands in output places before the job.
pub const FILLER: u8 = 0xa5;

impl Fixture {
    /// The memory before the job, without the sections that `leave_out` names.
    pub fn memory_without(&self, leave_out: impl Fn(&Section) -> bool) -> SparseMemory {
        let memory = SparseMemory::default();
        let kept = || self.sections.iter().filter(|s| !leave_out(s));
        for section in kept().filter(|s| s.is_result()) {
            memory.put(section.address, &vec![FILLER; section.bytes.len()]);
        }
        for section in kept().filter(|s| !s.is_result()) {
            memory.put(section.address, &section.bytes);
        }
        memory
    }

    pub fn memory(&self) -> SparseMemory {
        self.memory_without(|_| false)
    }

    /// Whether the job's outcome does not depend on random bytes there.
    pub fn is_determined(&self, address: u64) -> bool {
        !self.sections.iter().any(|s| s.kind == Kind::Random && s.contains(address))
    }

    /// Memory after the job as the fixture has it: as before, but for the output.
    pub fn memory_after(&self) -> BTreeMap<u64, u8> {
        let memory = self.memory();
        for section in self.sections.iter().filter(|s| s.kind == Kind::Output) {
            memory.put(section.address, &section.bytes);
        }
        memory.all()
    }

    pub fn run(&self, memory: &impl GuestMemory) -> Report {
        run(memory, self.soc, self.job, Budget::default())
    }

    pub fn section_mut(&mut self, kind: Kind, n: usize) -> &mut Section {
        self.sections.iter_mut().filter(|s| s.kind == kind).nth(n).expect("such a section")
    }

    /// Whether there is a shared descriptor.
    pub fn is_shared(&self) -> bool {
        self.sections.iter().any(|s| s.kind == Kind::Words && s.address != self.job)
    }

    /// The shared descriptor's words, or the job's.
    pub fn descriptor(&self, shared: bool) -> Vec<u32> {
        let words = |s: &&Section| s.kind == Kind::Words && (s.address == self.job) != shared;
        self.sections.iter().find(words).expect("a descriptor").words()
    }

    /// The commands of the shared descriptor, or the job's, each with its place.
    pub fn commands(&self, shared: bool) -> Vec<(usize, Command)> {
        let words = self.descriptor(shared);
        let header = words[0];
        // A job with a shared descriptor has its pointer behind the header; a protocol's data
        // block is skipped by the start index.
        let start = ((header >> 16 & 0x3f) as usize).max(1);
        let mut at = if !shared && self.is_shared() { 2 } else { start };
        let mut commands = Vec::new();
        while at < words.len() {
            let decoded = decode(&words[at..], self.soc).expect("the driver's command");
            commands.push((at, decoded.command));
            at += usize::from(decoded.words);
        }
        commands
    }

    /// Whether the only pointers in it are the job's: to the shared descriptor and to both
    /// sequences, which stand right behind.
    pub fn has_only_sequences(&self) -> bool {
        let fixed = |operand: &Operand| !matches!(operand, Operand::Pointer { .. });
        let job = self.descriptor(false);
        self.is_shared()
            && job[2] >> 27 == 0x1e
            && job[5] >> 27 == 0x1f
            && self.commands(true).iter().all(|(_, command)| match command {
                Command::Key(key) => fixed(&key.operand),
                Command::Load(load) | Command::Store(load) => fixed(&load.operand),
                Command::FifoLoad(load) => fixed(&load.operand),
                Command::FifoStore(store) => fixed(&store.operand),
                Command::Operation(Operation::DerivedKey(key)) => fixed(&key.source),
                _ => true,
            })
    }
}

/// A seeded platform with its RNG as Linux' driver leaves it: both handles with prediction
/// resistance, and the keys for black keys.
pub fn platform(soc: &'static SocProfile) -> Platform {
    let platform = Platform::new(soc, Secrets { seed: Some(1), master_key: None })
        .expect("a seeded platform needs no entropy");
    // Out of program mode: the TRNG runs.
    platform.rng().write(RTMCTL, 0).expect("a register");
    for handle in 0..2 {
        let request = Request { handle, test: false, prediction_resistance: true };
        platform.rng().instantiate(request).expect("a new handle");
        if handle == 0 {
            platform.rng().generate_secure_keys().expect("the first time");
        }
    }
    platform
}

pub fn run(
    memory: &impl GuestMemory,
    soc: &'static SocProfile,
    job: u64,
    budget: Budget,
) -> Report {
    let stop = AtomicBool::new(false);
    deco::run(memory, &platform(soc), job, &mut Scratch::default(), budget, &stop)
}
