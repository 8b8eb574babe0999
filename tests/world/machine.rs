//! A client with rings in its memory that keeps a ledger of its jobs.

use crate::ring::Ring;
use crate::support::*;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Instant;

pub const RAM: u64 = 0x8000_0000;
/// Of each ring: its entries, its jobs.
pub const AREA: u64 = 0x2_0000;
pub const RINGS: u64 = 4;
pub const RAM_BYTES: u64 = RINGS * AREA;

const MCFGR: u64 = 4;
const SWRST: u32 = 1 << 31;
const CSTA: u64 = 0xfd4;

/// Marsaglia's xorshift with a multiplier: the same world for the same seed.
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound
    }
}

/// A number of the environment, or what CI uses.
pub fn setting(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")))
}

/// How many times as long as in CI.
pub fn times() -> u64 {
    setting("CAAM_WORLD_TIMES", 1)
}

/// Calls `done` until it says so; fails with `what` at the deadline.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        std::thread::yield_now();
    }
}

/// An emulator with a control socket, and folders it may write to.
pub fn emulator(arguments: &[String]) -> (Emulator, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("caam.sock");
    let control = directory.path().join("control.sock");
    let own = [("--socket-path", &socket), ("--control", &control)];
    let own = own.map(|(option, path)| [option.to_owned(), path.to_str().unwrap().to_owned()]);
    let mut command = serve(own.concat().iter().chain(arguments));
    command.env("RUST_LOG", "warn");
    (Emulator::spawn(command, directory, socket), control)
}

/// The result of a control command.
pub fn ask(control: &Path, command: &str) -> Value {
    let mut stream = BufReader::new(UnixStream::connect(control).unwrap());
    stream.get_ref().set_read_timeout(Some(DEADLINE)).unwrap();
    stream.get_mut().write_all(format!("{{\"v\":1,\"do\":\"{command}\"}}\n").as_bytes()).unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let reply: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(reply["ok"], true, "{reply}");
    reply["result"].clone()
}

/// See the module.
pub struct Machine {
    pub client: Raw,
    socket: PathBuf,
    ram: File,
    pub rings: Vec<Ring>,
    /// The emulator has to ask for the memory.
    unshared: bool,
}

impl Machine {
    /// With `RINGS` rings of that size.
    pub fn new(socket: &Path, size: u64, unshared: bool) -> Self {
        let ram = memfd(RAM_BYTES);
        let client = Self::connect(socket, &ram, unshared);
        let rings = (0..RINGS).map(|n| Ring::new(n, size, ram.try_clone().unwrap())).collect();
        let mut machine = Self { client, socket: socket.to_owned(), ram, rings, unshared };
        machine.set_up();
        machine
    }

    fn connect(socket: &Path, ram: &File, unshared: bool) -> Raw {
        let mut client = Raw::connect(socket);
        client.handshake();
        let fds = [ram.as_raw_fd()];
        let fds = if unshared { &[][..] } else { &fds };
        assert!(!client.dma_map(3, 0, RAM, RAM_BYTES, fds).is_error());
        if unshared {
            let bytes = ram.try_clone().unwrap();
            client.own = Some(OwnMemory { base: RAM, bytes, short: false, asked: 0 });
        }
        client.write(CONFIG, 4, &[6, 0]);
        client
    }

    pub fn read(&mut self, offset: u64) -> u32 {
        self.client.read32(BAR0, offset)
    }

    pub fn write(&mut self, offset: u64, value: u32) {
        self.client.write(BAR0, offset, &value.to_le_bytes());
    }

    fn set_up(&mut self) {
        for ring in &mut self.rings {
            ring.set_up(&mut self.client);
        }
    }

    /// A reset waits for the accesses that are under way, but not for messages, which the client
    /// answers when it likes.
    fn quiet(&mut self) {
        if self.unshared {
            self.idle();
        }
    }

    /// All jobs in the rings are no longer ours to wait for: a reset of the device has taken them.
    fn forget(&mut self) {
        for ring in &mut self.rings {
            ring.forget(!self.unshared);
        }
    }

    /// Resets everything through MCFGR, with whatever is running.
    pub fn reset_core(&mut self) {
        self.write(MCFGR, SWRST);
        self.quiet();
        self.forget();
        self.set_up();
    }

    /// Resets the PCI function.
    pub fn reset_function(&mut self) {
        assert!(!self.client.call(RESET, &[], &[]).0.is_error());
        self.client.write(CONFIG, 4, &[6, 0]);
        self.quiet();
        self.forget();
        self.set_up();
    }

    /// Goes, with whatever is running, and comes back with the same memory.
    pub fn reconnect(&mut self) {
        // Not to be served behind itself.
        let (nobody, _) = UnixStream::pair().unwrap();
        self.client = Raw::new(nobody);
        self.client = Self::connect(&self.socket, &self.ram, self.unshared);
        self.forget();
        self.set_up();
    }

    pub fn submit(&mut self, ring: usize, count: u64, draw: &mut Draw) -> u64 {
        self.rings[ring].submit(&mut self.client, count, draw)
    }

    pub fn reap(&mut self, ring: usize) -> u64 {
        self.rings[ring].reap(&mut self.client)
    }

    /// Waits until all jobs have come back, one way or another.
    pub fn drain(&mut self) {
        for ring in &mut self.rings {
            ring.drain(&mut self.client);
        }
    }

    /// Has a few jobs done in each ring, and finds them done.
    pub fn works(&mut self, draw: &mut Draw) {
        for ring in 0..self.rings.len() {
            let before = self.rings[ring].ledger.succeeded;
            let count = self.submit(ring, 4, draw);
            self.drain();
            assert_eq!(self.rings[ring].ledger.succeeded - before, count);
        }
    }

    /// Waits until no DECO has a job.
    pub fn idle(&mut self) {
        until("CSTA says idle", || self.read(CSTA) & 3 == 2);
    }

    /// Holds the ledger against the emulator's statistics.
    pub fn settle(&mut self, control: &Path) {
        self.idle();
        let stats = ask(control, "stats");
        for ring in &mut self.rings {
            ring.settle(&stats["rings"][ring.number as usize]);
        }
    }
}
