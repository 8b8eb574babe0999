//! A guest that means harm, or a driver that is very wrong, without the guest: a vfio-user client
//! that writes random and adversarial values to all registers while jobs run, and meanwhile rewrites
//! the descriptors, keys, tables, rings and data that these jobs are made of. Rings are pointed at the
//! BAR, at each other, at the end of RAM and at nothing; memory is unmapped under running jobs; the
//! bus master bit goes off and on; the device is reset in every state.
//!
//! Every so often it stops, resets the device, and has it hash a message. A device that has lost
//! a DECO, a ring or its mind is found there.
//!
//! ```text
//! attack SOCKET [--operations N] [--seed N] [--pid N]
//! ```
//!
//! With `--pid` it shows what the emulator's memory and descriptors come to, and ends with 1 if they
//! have grown. `scripts/vm.sh attack` runs it, and then lets the driver of a real guest use the
//! same emulator. It cannot be done from within a guest: the jobs write anywhere in its memory.

#![allow(missing_docs)]

#[path = "../tests/common/vfio_client.rs"]
mod vfio_client;

use sha2::{Digest, Sha256};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use vfio_client::ring::*;
use vfio_client::{BAR0, CONFIG, RESET, Raw};

/// Guest memory: what is always there, and what comes and goes.
const RAM: u64 = 0x8000_0000;
const RAM_BYTES: u64 = 0x4_0000;
const LOOSE: u64 = RAM + RAM_BYTES;
const LOOSE_BYTES: u64 = 0x1_0000;
/// The question that only a sane device answers; nobody scribbles there.
const QUESTION: u64 = 0xa000_0000;
const QUESTION_BYTES: u64 = 0x1000;
/// Where QEMU would have placed the BAR.
const BAR: u64 = 0x1000_0000;
const BAR_BYTES: u32 = 0x1_0000;

const MCFGR: u64 = 4;
const SWRST: u32 = 1 << 31;
const RINGS: u32 = 4;
const REGISTERS: [u64; 17] = [
    0x00, 0x04, 0x0c, 0x14, 0x1c, 0x20, 0x24, 0x2c, 0x34, 0x3c, 0x44, 0x4c, 0x50, 0x54, 0x5c, 0x64,
    0x6c,
];
const SLOTS: u32 = 64;
/// Operations from one question to the next.
const INTERVAL: u64 = 2500;
/// How long the device may take for the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Growth that is no leak: buffers of the size that the longest job needed, histograms.
const GROWTH_KIB: u64 = 8 * 1024;

/// What descriptors and tables are made of; most of them whole.
const WORDS: [u32; 32] = [
    0xb080_0007, // job descriptor header, 7 words
    0xb080_1000, // with a shared descriptor
    0xb880_0010, // shared descriptor header, 16 words
    0x0200_0010, // KEY, class 1, by pointer
    0x0300_0020, // KEY from a table
    0x0280_0010, // KEY, immediate
    0x1220_0010, // LOAD, class 1 context
    0x1040_0008, // LOAD to the descriptor buffer
    0x2210_0040, // FIFO LOAD, message
    0x2c18_0040, // SEQ FIFO LOAD
    0x5220_0010, // STORE, class 1 context
    0x6030_0040, // FIFO STORE, message
    0x6830_0040, // SEQ FIFO STORE
    0x7800_0010, // MOVE
    0x7834_0040, // MOVE to the descriptor buffer
    0x8210_010d, // OPERATION, AES-CBC, encrypt
    0x8210_0200, // OPERATION, AES-ECB
    0x8210_090d, // OPERATION, AES-GCM
    0x8443_000d, // OPERATION, SHA-256
    0x8250_0000, // OPERATION, RNG
    0x870d_0000, // OPERATION, a protocol (blob)
    0x8016_0000, // OPERATION, a unidirectional protocol
    0xa000_0000, // JUMP
    0xa000_00ff, // JUMP backwards
    0xa808_0304, // MATH
    0xf000_0040, // SEQ IN PTR
    0xf100_0040, // SEQ IN PTR, a table
    0xf800_ffff, // SEQ OUT PTR
    0xf900_0040, // SEQ OUT PTR, a table
    0x8000_0001, // table entry: another table
    0x4000_0040, // table entry: the last, 64 bytes
    0x3fff_ffff, // table entry: a gigabyte
];

/// Marsaglia's xorshift with a multiplier: the same accesses for the same seed.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }

    fn below(&mut self, bound: u32) -> u32 {
        self.next() % bound
    }

    /// A bus address that somebody with bad intentions would try.
    fn address(&mut self) -> u32 {
        let all = RAM_BYTES + LOOSE_BYTES;
        let at = match self.below(10) {
            0 => BAR + u64::from(self.below(BAR_BYTES) & !3),
            1 => RAM + all - u64::from(4 * self.below(32)),
            2 => u64::from(if self.below(2) == 0 { 0 } else { !self.below(64) }),
            3 => u64::from(self.next()),
            4 => RAM + u64::from(self.below(all as u32)),
            5 => LOOSE + u64::from(self.below(LOOSE_BYTES as u32) & !63),
            _ => RAM + u64::from(self.below(RAM_BYTES as u32) & !63),
        };
        at as u32
    }

    fn word(&mut self) -> u32 {
        match self.below(8) {
            0 => self.address(),
            1 => self.next(),
            2 => self.below(128),
            3 => self.known() ^ 1 << self.below(32),
            _ => self.known(),
        }
    }

    fn known(&mut self) -> u32 {
        WORDS[self.below(WORDS.len() as u32) as usize]
    }

    /// A descriptor that reads, encrypts and writes, if it is left alone.
    fn job(&mut self) -> [u32; 11] {
        let length = if self.below(4) == 0 { self.next() } else { 16 * self.below(256) } & 0xffff;
        let table = |draw: &mut Self| if draw.below(3) == 0 { 1 << 24 } else { 0 };
        let key = RAM as u32 + (self.below(RAM_BYTES as u32) & !63);
        let [from_table, to_table] = [table(self), table(self)];
        [
            0xb080_000b,
            0x0200_0010,
            key,
            0xf000_0000 | from_table | length,
            self.address(),
            0xf800_0000 | to_table | length,
            self.address(),
            0x8210_020d,
            0x2b13_0000 | length,
            0x6830_0000 | length,
            0xa000_0001,
        ]
    }
}

fn memfd(name: &str, bytes: u64) -> File {
    let name = std::ffi::CString::new(name).expect("no zero in it");
    // SAFETY: the name is a C string that outlives the call.
    let fd = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
    assert!(fd >= 0, "memfd_create: {}", std::io::Error::last_os_error());
    // SAFETY: the call above returned a descriptor that nobody else owns.
    let file =
        File::from(unsafe { <std::os::fd::OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(fd) });
    file.set_len(bytes).expect("memory");
    file
}

#[derive(Default)]
struct Count {
    writes: u64,
    reads: u64,
    resets: u64,
    unmaps: u64,
    jobs: u64,
    questions: u64,
    wrong: u64,
    late: u64,
}

struct Attack {
    client: Raw,
    draw: Draw,
    ram: File,
    loose: File,
    loose_mapped: bool,
    question: File,
    count: Count,
}

impl Attack {
    fn new(socket: &Path, seed: u64) -> Self {
        let mut client = Raw::connect(socket);
        client.handshake();
        let (ram, loose) = (memfd("ram", RAM_BYTES), memfd("loose", LOOSE_BYTES));
        let question = memfd("question", QUESTION_BYTES);
        for (file, at, bytes) in [(&ram, RAM, RAM_BYTES), (&question, QUESTION, QUESTION_BYTES)] {
            let header = client.dma_map(3, 0, at, bytes, &[file.as_raw_fd()]);
            assert!(!header.is_error(), "mapping refused: {}", header.error);
        }
        let draw = Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let count = Count::default();
        Self { client, draw, ram, loose, loose_mapped: false, question, count }
    }

    fn put(&mut self, offset: u64, value: u32) {
        self.client.region_post(BAR0, offset, &value.to_le_bytes());
        self.count.writes += 1;
    }

    fn get(&mut self, offset: u64) -> u32 {
        self.count.reads += 1;
        self.client.read32(BAR0, offset)
    }

    fn done(&self) -> u64 {
        self.count.writes + self.count.reads
    }

    fn page(&mut self) -> u64 {
        0x1000 * (1 + u64::from(self.draw.below(RINGS)))
    }

    fn set_up(&mut self, page: u64, rings: [u32; 2], size: u32) {
        for (register, value) in [(IRBAR, rings[0]), (ORBAR, rings[1])] {
            let wide = u64::from(value).to_le_bytes();
            self.client.region_post(BAR0, page + register, &wide);
            self.count.writes += 1;
        }
        self.put(page + IRSR, size);
        self.put(page + ORSR, size);
    }

    /// Sets a ring up, sensibly or not, and gives it jobs.
    fn start_ring(&mut self) {
        let page = self.page();
        let size = if self.draw.below(8) == 0 { self.draw.word() } else { SLOTS };
        let jobs = 1 + self.draw.below(SLOTS);
        let ring = |attack: &mut Self| match attack.draw.below(6) {
            0 => attack.draw.address(),
            _ => RAM as u32 + (attack.draw.below(RAM_BYTES as u32) & !255),
        };
        let rings = [ring(self), ring(self)];
        self.set_up(page, rings, size);
        for i in 0..jobs {
            let job = self.draw.job();
            let at = u64::from(self.draw.below(RAM_BYTES as u32 - 64) & !63);
            self.poke(at, &vfio_client::words(&job));
            let slot = u64::from(rings[0]).wrapping_sub(RAM).wrapping_add(4 * u64::from(i));
            if slot < RAM_BYTES - 4 {
                self.poke(slot, &(RAM as u32 + at as u32).to_le_bytes());
            }
        }
        let added = if self.draw.below(8) == 0 { self.draw.word() } else { jobs };
        self.put(page + IRJAR, added);
        self.count.jobs += u64::from(jobs);
    }

    fn poke(&self, at: u64, bytes: &[u8]) {
        self.ram.write_all_at(bytes, at).expect("guest memory");
    }

    /// Memory comes and goes, whatever works on it.
    fn remap(&mut self) {
        let header = if self.loose_mapped {
            self.count.unmaps += 1;
            self.client.dma_unmap(0, LOOSE, LOOSE_BYTES)
        } else {
            self.client.dma_map(3, 0, LOOSE, LOOSE_BYTES, &[self.loose.as_raw_fd()])
        };
        assert!(!header.is_error(), "mapping: error {}", header.error);
        self.loose_mapped = !self.loose_mapped;
    }

    fn attack(&mut self) {
        let page = self.page();
        match self.draw.below(33) {
            0 => self.start_ring(),
            1 if self.draw.below(16) == 0 => {
                let rest = if self.draw.below(2) == 0 { 0 } else { self.draw.word() };
                self.put(MCFGR, SWRST | rest);
                self.count.resets += 1;
            }
            1 if self.draw.below(32) == 0 => {
                self.client.call(RESET, &[], &[]);
                self.count.resets += 1;
            }
            // Flush, and sometimes reset behind it.
            2 => {
                self.put(page + JRCR, 1);
                if self.draw.below(2) == 0 {
                    self.put(page + JRCR, 1);
                    self.count.resets += 1;
                }
            }
            3 if self.draw.below(16) == 0 => {
                let command = [self.draw.next() as u8 | 2, 0];
                self.client.region_post(CONFIG, 4, &command);
                self.count.writes += 1;
            }
            4 if self.draw.below(4) == 0 => self.remap(),
            4..=5 => {
                let at = u64::from(self.draw.below(BAR_BYTES) & !3);
                self.get(at);
            }
            6 => {
                let (at, value) = (u64::from(self.draw.below(BAR_BYTES) & !3), self.draw.word());
                self.put(at, value);
            }
            // The controller, the RNG, DECO 0.
            7 => {
                let at = match self.draw.below(4) {
                    0 => 0x8000 + (self.draw.below(0x1000) & !3),
                    _ => self.draw.below(0x800) & !3,
                };
                let value = self.draw.word();
                self.put(u64::from(at), value);
            }
            8..=11 => {
                let count =
                    if self.draw.below(4) == 0 { self.draw.word() } else { 1 + self.draw.below(4) };
                self.put(page + ORJRR, count);
            }
            12..=17 => {
                let count =
                    if self.draw.below(8) == 0 { self.draw.word() } else { 1 + self.draw.below(8) };
                self.put(page + IRJAR, count);
            }
            18..=19 => self.put(page + JRINTR, !0),
            // Wide, narrow and odd accesses, and such as leave the region.
            20 => {
                let (at, length) = (u64::from(self.draw.below(BAR_BYTES + 8)), self.draw.below(17));
                let data: Vec<u8> = (0..length).map(|_| self.draw.next() as u8).collect();
                self.client.region_post(BAR0, at, &data);
                self.count.writes += 1;
            }
            21 => {
                let (at, data) =
                    (u64::from(self.draw.below(0x110)), self.draw.next().to_le_bytes());
                let length = self.draw.below(5) as usize;
                if !(4..6).contains(&at) {
                    self.client.region_post(CONFIG, at, &data[..length]);
                    self.count.writes += 1;
                }
            }
            _ => {
                let register = REGISTERS[self.draw.below(REGISTERS.len() as u32) as usize];
                let value = self.draw.word();
                self.put(page + register, value);
            }
        }
    }

    /// Resets the device and has it hash a message, in one of its rings.
    fn ask(&mut self) {
        let [input, output, descriptor, text, hash]: [u64; 5] = [0, 0x40, 0x80, 0x100, 0x200];
        self.client.write(CONFIG, 4, &[6, 0]);
        self.put(MCFGR, SWRST);
        let message: Vec<u8> = (0..64).map(|_| self.draw.next() as u8).collect();
        let at = |offset: u64| (QUESTION + offset) as u32;
        let job = [
            0xb080_0006,      // header, 6 words
            0x8443_000d,      // OPERATION, SHA-256, from the beginning to the end
            0x2414_0000 | 64, // FIFO LOAD, the last message for class 2
            at(text),
            0x5420_0000 | 32, // STORE, class 2 context
            at(hash),
        ];
        let poke =
            |offset, bytes: &[u8]| self.question.write_all_at(bytes, offset).expect("memory");
        poke(input, &at(descriptor).to_le_bytes());
        poke(output, &[0xff; 16]);
        poke(descriptor, &vfio_client::words(&job));
        poke(text, &message);
        poke(hash, &[0; 32]);
        let page = self.page();
        self.set_up(page, [at(input), at(output)], 2);
        self.put(page + IRJAR, 1);
        self.count.questions += 1;
        let asked = Instant::now();
        while self.get(page + ORSFR) != 1 {
            if asked.elapsed() > PATIENCE {
                self.count.late += 1;
                eprintln!(
                    "attack: ring page {page:#x}: no result; JRINTR {:08x}",
                    self.get(page + JRINTR)
                );
                return;
            }
            thread::yield_now();
        }
        let mut answer = [0; 8 + 32];
        let (entry, digest) = answer.split_at_mut(8);
        self.question.read_exact_at(entry, output).expect("memory");
        self.question.read_exact_at(digest, hash).expect("memory");
        if entry[4..] != [0; 4] || *digest != *Sha256::digest(&message) {
            self.count.wrong += 1;
            eprintln!("attack: ring page {page:#x}: entry {entry:02x?}, digest {digest:02x?}");
        }
        self.put(page + ORJRR, 1);
    }
}

/// Changes memory that jobs work on, until told to stop.
fn scribble(ram: &File, loose: &File, seed: u64, stop: &AtomicBool) {
    let mut draw = Draw(seed | 1);
    while !stop.load(Ordering::Relaxed) {
        let word = if draw.below(4) == 0 { draw.address() } else { draw.known() };
        let (file, bytes) =
            if draw.below(4) == 0 { (loose, LOOSE_BYTES) } else { (ram, RAM_BYTES) };
        let at = u64::from(draw.below(bytes as u32 - 4) & !3);
        file.write_all_at(&word.to_le_bytes(), at).expect("guest memory");
    }
}

/// Says "stop" when it goes, by a panic, too.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Resident memory in KiB, and open descriptors, of a process.
fn footprint(pid: u32) -> Option<(u64, usize)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let anonymous = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib = anonymous.split_whitespace().next()?.parse().ok()?;
    Some((kib, std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count()))
}

fn main() -> ExitCode {
    let (mut socket, mut operations, mut seed, mut pid) = (None, 1_000_000_u64, 1_u64, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|n| n.parse::<u64>().ok());
        let taken = match argument.as_str() {
            "--operations" => number().map(|n| operations = n),
            "--seed" => number().map(|n| seed = n),
            "--pid" => number().map(|n| pid = Some(n as u32)),
            path => (socket.is_none() && !path.starts_with('-'))
                .then(|| socket = Some(PathBuf::from(path))),
        };
        if taken.is_none() {
            eprintln!("attack: usage: attack SOCKET [--operations N] [--seed N] [--pid N]");
            return ExitCode::from(2);
        }
    }
    let Some(socket) = socket else {
        eprintln!("attack: no socket; usage: attack SOCKET [--operations N] [--seed N] [--pid N]");
        return ExitCode::from(2);
    };

    let mut attack = Attack::new(&socket, seed);
    let stop = AtomicBool::new(false);
    let handles =
        || (attack.ram.try_clone().expect("a handle"), attack.loose.try_clone().expect("a handle"));
    let (ram, loose) = handles();
    let mut baseline = None;
    let mut grown = false;
    thread::scope(|scope| {
        scope.spawn(|| scribble(&ram, &loose, seed + 1, &stop));
        // However it ends: the scope waits for the other thread.
        let _ends = Ends(&stop);
        let mut tenth = 1;
        while attack.done() < operations {
            let until = attack.done() + INTERVAL;
            while attack.done() < until {
                attack.attack();
            }
            attack.ask();
            if attack.done() >= operations * tenth / 10 {
                // The first tenth is for what a device needs once.
                let now = pid.and_then(footprint);
                if let Some((kib, descriptors)) = now {
                    let Count { questions, wrong, late, .. } = attack.count;
                    println!(
                        "{} operations, {questions} questions, {wrong} wrong, {late} late; {kib} KiB, {descriptors} descriptors",
                        attack.done()
                    );
                }
                baseline = baseline.or(now);
                tenth = attack.done() * 10 / operations + 1;
            }
        }
    });
    if attack.loose_mapped {
        attack.remap();
    }
    let Count { writes, reads, resets, unmaps, jobs, questions, wrong, late } = attack.count;
    println!(
        "seed {seed}: {} operations ({writes} writes, {reads} reads), {jobs} jobs added, {resets} resets, \
         {unmaps} regions unmapped; {questions} questions, {wrong} wrong, {late} late",
        writes + reads
    );
    if let (Some((before, open)), Some((after, still))) = (baseline, pid.and_then(footprint)) {
        grown = after > before + GROWTH_KIB || still > open + 1;
        if grown {
            eprintln!(
                "attack: {before} KiB and {open} descriptors have become {after} KiB and {still}"
            );
        }
    }
    if pid.is_some() && baseline.is_none() {
        eprintln!("attack: --pid: no such process, or it has ended");
        return ExitCode::FAILURE;
    }
    if wrong + late > 0 || grown || questions == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
