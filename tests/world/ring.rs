//! One ring of a [`Machine`](crate::machine::Machine), and what became of each of its jobs.

use crate::machine::{AREA, Draw, RAM, until};
use crate::support::*;
use crate::vfio_client::ring::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::os::unix::fs::FileExt;

const RESET: u32 = 1;
const PARK: u32 = 2;
/// JRINTR: an error; HALT complete, which a 1 ends.
const JRE: u32 = 2;
const HALTED: u32 = 8;

/// In a ring's area: input, output, jobs.
const OUTPUT: u64 = 0x1000;
const JOBS: u64 = 0x2000;
const PLACE: u64 = 0x100;
const PLACES: u64 = (AREA - JOBS) / PLACE;
/// In a job's place.
const TEXT: u64 = 0x40;
const TEXT_BYTES: usize = 64;
const HASH: u64 = 0x80;
/// What stands where nobody may have written.
const POISON: [u8; 32] = [0x5a; 32];
const EMPTY: [u8; 8] = [0xff; 8];
/// Status of a job that a flush has ended; bits 15:8 say at which command.
const FLUSHED: u32 = 0x4000_001a;

/// What became of the jobs.
#[derive(Debug, Default, Clone, Copy)]
pub struct Ledger {
    /// Announced by IRJAR.
    pub accepted: u64,
    pub succeeded: u64,
    /// With another status than 0, flushed ones among them.
    pub failed: u64,
    pub flushed: u64,
    /// Never seen again: a reset, or a ring that had broken.
    pub gone: u64,
}

/// A job in the ring.
#[derive(Debug)]
pub struct Job {
    place: u64,
    hash: [u8; 32],
}

/// See the module.
pub struct Ring {
    pub number: u64,
    size: u64,
    ram: File,
    /// Jobs put in, and results taken out, since the ring was set up.
    put: u64,
    got: u64,
    /// By the bus address of the descriptor.
    pub outstanding: HashMap<u64, Job>,
    /// Places of jobs, the one that was used longest ago first.
    free: VecDeque<u64>,
    /// Places of jobs that a reset has taken: nothing may be written there.
    poisoned: Vec<u64>,
    /// JRINTR has shown an error since the ring was set up.
    broken: bool,
    pub ledger: Ledger,
}

impl Ring {
    pub fn new(number: u64, size: u64, ram: File) -> Self {
        assert!(size * 8 <= JOBS - OUTPUT && 2 * size < PLACES, "a ring of {size}");
        Self {
            number,
            size,
            ram,
            put: 0,
            got: 0,
            outstanding: HashMap::new(),
            free: (0..PLACES).collect(),
            poisoned: Vec::new(),
            broken: false,
            ledger: Ledger::default(),
        }
    }

    fn poke(&self, at: u64, bytes: &[u8]) {
        self.ram.write_all_at(bytes, self.number * AREA + at).unwrap();
    }

    fn peek<const N: usize>(&self, at: u64) -> [u8; N] {
        let mut bytes = [0; N];
        self.ram.read_exact_at(&mut bytes, self.number * AREA + at).unwrap();
        bytes
    }

    fn bus(&self, at: u64) -> u64 {
        RAM + self.number * AREA + at
    }

    fn page(&self, register: u64) -> u64 {
        0x1000 * (self.number + 1) + register
    }

    fn read(&self, client: &mut Raw, register: u64) -> u32 {
        client.read32(BAR0, self.page(register))
    }

    fn write(&self, client: &mut Raw, register: u64, value: u32) {
        client.write(BAR0, self.page(register), &value.to_le_bytes());
    }

    /// Of a ring in its reset state.
    pub fn set_up(&mut self, client: &mut Raw) {
        for slot in 0..self.size {
            self.poke(OUTPUT + slot * 8, &EMPTY);
        }
        for (register, at) in [(IRBAR, 0), (ORBAR, OUTPUT)] {
            client.write(BAR0, self.page(register), &self.bus(at).to_le_bytes());
        }
        self.write(client, IRSR, self.size as u32);
        self.write(client, ORSR, self.size as u32);
        (self.put, self.got, self.broken) = (0, 0, false);
    }

    /// Puts a hash job into the next input slot.
    fn put(&mut self, draw: &mut Draw) {
        let place = self.free.pop_front().expect("more places than jobs");
        let base = JOBS + place * PLACE;
        if let Some(at) = self.poisoned.iter().position(|poisoned| *poisoned == place) {
            self.poisoned.swap_remove(at);
            assert_eq!(self.peek(base + HASH), POISON, "written behind a reset");
        }
        let mut text = [0; TEXT_BYTES];
        text.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&draw.next().to_le_bytes()));
        let (text_at, hash_at) = (self.bus(base + TEXT) as u32, self.bus(base + HASH) as u32);
        let descriptor = [
            0xb080_0006,                     // header, 6 words
            0x8443_000d,                     // OPERATION, SHA-256, from the beginning to the end
            0x2414_0000 | TEXT_BYTES as u32, // FIFO LOAD, the last message for class 2
            text_at,
            0x5420_0000 | 32, // STORE, class 2 context
            hash_at,
        ];
        self.poke(base, &words(&descriptor));
        self.poke(base + TEXT, &text);
        self.poke(base + HASH, &[0; 32]);
        let address = self.bus(base);
        self.poke(self.put % self.size * 4, &(address as u32).to_le_bytes());
        self.put += 1;
        let job = Job { place, hash: Sha256::digest(text).into() };
        assert!(self.outstanding.insert(address, job).is_none());
    }

    /// Puts up to `count` jobs in, as many as there is room for. How many.
    pub fn submit(&mut self, client: &mut Raw, count: u64, draw: &mut Draw) -> u64 {
        let count = count.min(self.size - self.outstanding.len() as u64);
        (0..count).for_each(|_| self.put(draw));
        if count > 0 {
            self.write(client, IRJAR, count as u32);
            self.ledger.accepted += count;
        }
        count
    }

    /// The same, and waits for no answer: who goes now goes in the middle of it.
    pub fn post(&mut self, client: &mut Raw, count: u64, draw: &mut Draw) {
        let count = count.min(self.size - self.outstanding.len() as u64);
        (0..count).for_each(|_| self.put(draw));
        client.region_post(BAR0, self.page(IRJAR), &(count as u32).to_le_bytes());
        self.ledger.accepted += count;
    }

    /// Takes what results there are. How many.
    pub fn reap(&mut self, client: &mut Raw) -> u64 {
        let count = u64::from(self.read(client, ORSFR));
        assert!(count <= self.outstanding.len() as u64, "{count} results for {self:?}");
        for _ in 0..count {
            self.reap_one(client);
        }
        if count > 0 {
            self.write(client, ORJRR, count as u32);
        }
        self.broken |= self.read(client, JRINTR) & JRE != 0;
        count
    }

    fn reap_one(&mut self, client: &mut Raw) {
        let slot = OUTPUT + self.got % self.size * 8;
        // A fault may have it come later than its count.
        until("an output entry", || {
            let there = self.peek(slot) != EMPTY;
            if !there && client.own.is_some() {
                // It comes as a question.
                self.read(client, JRINTR);
            }
            there
        });
        let [address, status] = [0, 4].map(|at| u32::from_le_bytes(self.peek(slot + at)));
        self.poke(slot, &EMPTY);
        self.got += 1;
        let job = self.outstanding.remove(&u64::from(address));
        let job = job.unwrap_or_else(|| panic!("{address:#x} was not there, or twice: {self:?}"));
        if status == 0 {
            assert_eq!(self.peek(JOBS + job.place * PLACE + HASH), job.hash, "{address:#x}");
            self.ledger.succeeded += 1;
        } else {
            self.ledger.failed += 1;
            self.ledger.flushed += u64::from(status & !0xff00 == FLUSHED);
        }
        self.free.push_back(job.place);
    }

    /// A reset has taken the jobs in the ring. `poison`: what is written of them now is found.
    pub fn forget(&mut self, poison: bool) {
        self.ledger.gone += self.outstanding.len() as u64;
        for job in std::mem::take(&mut self.outstanding).into_values() {
            if poison {
                self.poke(JOBS + job.place * PLACE + HASH, &POISON);
                self.poisoned.push(job.place);
            }
            self.free.push_back(job.place);
        }
    }

    /// Flushes it, and takes what comes of it: everything, unless the ring has broken.
    pub fn flush(&mut self, client: &mut Raw) {
        self.write(client, JRCR, RESET);
        until("the end of a flush", || {
            let jrintr = self.read(client, JRINTR);
            self.broken |= jrintr & JRE != 0;
            if jrintr & 0xc == 0 {
                // It has failed.
                self.write(client, JRCR, RESET);
            }
            jrintr & 0xc == HALTED
        });
        self.reap(client);
        assert!(self.broken || self.outstanding.is_empty(), "neither done nor flushed: {self:?}");
    }

    /// Flushes it, and lets it go on; or resets it, as it must be if it has broken.
    pub fn halt(&mut self, client: &mut Raw, reset: bool) {
        self.flush(client);
        if !reset && !self.broken {
            self.write(client, JRINTR, HALTED | 1);
            return;
        }
        self.write(client, JRCR, RESET);
        until("the end of a reset", || self.read(client, JRCR) == 0);
        assert_eq!(self.read(client, JRINTR) & 0xe, 0, "neither halted nor in error");
        self.forget(client.own.is_none());
        self.set_up(client);
    }

    /// Parks it until its jobs have ended, and lets it go on.
    pub fn park(&mut self, client: &mut Raw) {
        self.write(client, JRCR, PARK);
        until("a parked ring", || self.read(client, JRINTR) & 0xc == HALTED);
        self.write(client, JRINTR, HALTED | 1);
    }

    /// Resets it if it has broken.
    pub fn mend(&mut self, client: &mut Raw) {
        if self.broken {
            self.halt(client, true);
        }
    }

    /// Waits until all its jobs have come back.
    pub fn drain(&mut self, client: &mut Raw) {
        let mut jobs = String::new();
        until("all jobs", || {
            self.reap(client);
            self.mend(client);
            if !self.outstanding.is_empty() {
                jobs = format!("{self:?}");
            }
            self.outstanding.is_empty()
        });
    }

    /// Holds the ledger against the emulator's statistics. Nothing runs any more.
    pub fn settle(&mut self, stats: &Value) {
        let count = |field: &str| stats[field].as_u64().unwrap_or_else(|| panic!("{stats}"));
        let Ledger { accepted, succeeded, failed, flushed, gone } = self.ledger;
        assert_eq!(accepted, succeeded + failed + gone + self.outstanding.len() as u64);
        let inside = count("pending") + count("in_flight");
        let [their_succeeded, their_failed] = [count("succeeded"), count("failed")];
        let ended = their_succeeded + their_failed + count("lost");
        let known = (accepted, accepted);
        assert_eq!((ended + inside, count("added")), known, "{:?}: {stats}", self.ledger);
        // What a reset took may have been done, unseen.
        assert!(
            succeeded <= their_succeeded && failed <= their_failed,
            "{:?}: {stats}",
            self.ledger
        );
        if gone == 0 {
            assert_eq!((succeeded, failed), (their_succeeded, their_failed), "{stats}");
            assert!(count("flushed") <= flushed, "{:?}: {stats}", self.ledger);
        }
        for slot in 0..self.size {
            assert_eq!(self.peek(OUTPUT + slot * 8), EMPTY, "an entry that was not counted");
        }
        for place in &self.poisoned {
            assert_eq!(self.peek(JOBS + place * PLACE + HASH), POISON, "written behind a reset");
        }
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let outstanding: Vec<_> = self.outstanding.keys().map(|at| format!("{at:#x}")).collect();
        f.debug_struct("Ring")
            .field("number", &self.number)
            .field("put", &self.put)
            .field("got", &self.got)
            .field("broken", &self.broken)
            .field("ledger", &self.ledger)
            .field("outstanding", &outstanding)
            .finish_non_exhaustive()
    }
}
