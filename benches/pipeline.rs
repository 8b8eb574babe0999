//! A job's whole way through the core, from the doorbell to the output ring and its removal,
//! without a socket and without a VM. Jobs are those that Linux' driver builds.
//!
//! `cargo bench --bench pipeline`. All figures are for one job. Those of a group `pipeline/...` are
//! processor time of the one thread there is, so that they are those of a core by itself even
//! where others want it too. There
//! `engine` is the cipher alone, on the same data, with the key expanded beforehand; what `direct`
//! and `tables` take beyond it is the overhead. `tables` are the driver's own jobs, which bring
//! the IV by a scatter/gather table; in `direct` jobs it stands before the data.
//!
//! `pipeline-scaling/...`: rings that are full already, emptied by one or two DECO threads, by the
//! clock on the wall. Here the doorbell and the removal are not measured.
//!
//! Instructions instead of time, the same on a busy machine (docs/performance.md):
//! `ring_doorbells`, `run_jobs` and `remove` are functions of their own, so that callgrind can
//! count them and nothing else.

#![allow(missing_docs)]

use std::fs::File;
use std::hint::{black_box, spin_loop};
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use caam_emu::crypto::Direction;
use caam_emu::crypto::aes::{Key, Xts, XtsKey, cbc};
use caam_emu::descriptors::build::linux::{Cipher, Request, skcipher_job, skcipher_shared};
use caam_emu::descriptors::build::{Assembler, place};
use caam_emu::descriptors::flow::{Budget, Scratch};
use caam_emu::device::platform::Secrets;
use caam_emu::device::soc::{SocProfile, VIRT_ERA9};
use caam_emu::device::{Device, Setup};
use caam_emu::jobring::registers::{MAP, Register};
use caam_emu::memory::{GuestMemory, Purpose};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

static SOC: SocProfile = VIRT_ERA9;
/// Entries of a ring, as in Linux (`CAAM_CMDRING_LENGTH`'s default).
const DEPTH: u32 = 512;
const KEY: [u8; 64] = *b"the data key, of thirty-two byte, and the tweak key, as long too";
const IV: [u8; 16] = *b"an initial value";

const RAM: u64 = 0x4000_0000;
const RAM_BYTES: u64 = 0x100_0000;
const SHARED: u64 = RAM + 0xf000;
/// Job descriptor, IV and table of each job.
const JOBS: u64 = RAM + 0x1_0000;
const JOB_BYTES: u64 = 0x200;
const IV_AT: u64 = 0x80;
const TABLE_AT: u64 = 0xc0;
/// Data, with room for an IV before and behind it.
const DATA: u64 = RAM + 0x20_0000;

const fn rings_at(ring: u32) -> (u64, u64) {
    let input = RAM + ring as u64 * 0x3000;
    (input, input + 0x1000)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Direct,
    Tables,
}

/// What all jobs of a run are.
#[derive(Debug, Clone, Copy)]
struct Work {
    cipher: Cipher,
    direction: Direction,
    bytes: u32,
    layout: Layout,
}

impl Work {
    fn key(&self) -> &'static [u8] {
        if self.cipher == Cipher::Xts { &KEY } else { &KEY[..32] }
    }
}

fn memfd(size: u64) -> File {
    // SAFETY: the name is a string with a NUL at its end.
    let fd = unsafe { libc::memfd_create(c"guest".as_ptr(), libc::MFD_CLOEXEC) };
    assert!(fd >= 0, "memfd_create: {}", std::io::Error::last_os_error());
    // SAFETY: the call above returned a descriptor nobody else owns.
    let file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
    file.set_len(size).expect("memory for the guest");
    file
}

fn offset(ring: u32, register: Register) -> u64 {
    let (offset, ..) = MAP.iter().find(|(_, r, _)| *r == register).expect("it is in the map");
    u64::from((ring + 1) * 0x1000 + offset)
}

/// A device, its guest's memory, and a driver that has `jobs` jobs for each ring.
struct Rig {
    device: Device,
    start: Instant,
    jobs: u32,
    irjar: Vec<u64>,
    orsfr: Vec<u64>,
    orjrr: Vec<u64>,
}

impl Rig {
    /// The jobs stand in memory and in the input rings for good: only doorbells are missing.
    /// All slots of a ring are used, as `jobs` may be less than its depth.
    fn new(work: Work, rings: u32, decos: usize, jobs: u32) -> Self {
        let secrets = Secrets { seed: Some(1), master_key: None };
        let setup = Setup { soc: &SOC, rings: rings as usize, decos, fault_seed: 0 };
        let device = Device::new(setup, secrets).expect("a seeded device needs no entropy");
        let file = Some((memfd(RAM_BYTES), 0));
        device.memory.map(RAM, RAM_BYTES, true, true, file).expect("the memory is mapped");
        device.write_config(4, &[6, 0]).expect("COMMAND is there");
        let all = |register| (0..rings).map(|ring| offset(ring, register)).collect();
        let (irjar, orsfr) = (all(Register::Irjar), all(Register::Orsfr));
        let orjrr = all(Register::Orjrr);
        let rig = Self { device, start: Instant::now(), jobs, irjar, orsfr, orjrr };
        let shared = skcipher_shared(&SOC, work.cipher, work.direction, work.key());
        place(&rig.device.memory, &SOC, SHARED, &shared);
        for job in 0..u64::from(rings * jobs) {
            rig.place(work, job, shared.len());
        }
        for ring in 0..rings {
            rig.set_up(ring);
        }
        rig
    }

    fn place(&self, work: Work, job: u64, shared_words: usize) {
        let at = JOBS + job * JOB_BYTES;
        let data = DATA + job * u64::from(work.bytes + 64) + 32;
        let memory = &self.device.memory;
        let shared = (SHARED, shared_words);
        if work.layout == Layout::Direct {
            let mut words = Assembler::job_sharing(&SOC, shared.0, shared.1);
            words.sequence_in(data - 16, work.bytes + 16, false);
            words.sequence_out(data, work.bytes + 16, false);
            place(memory, &SOC, at, &words.finish());
            memory.write(Purpose::Input, data - 16, &IV).expect("memory for the IV");
        } else {
            let request = Request { source: &[(data, work.bytes)], destination: None, iv: &IV };
            let (iv, table) = (at + IV_AT, at + TABLE_AT);
            let (words, entries) = skcipher_job(&SOC, shared, table, iv, &request);
            place(memory, &SOC, at, &words);
            place(memory, &SOC, table, entries.as_flattened());
            memory.write(Purpose::Input, iv, &IV).expect("memory for the IV");
        }
    }

    fn set_up(&self, ring: u32) {
        let (input, output) = rings_at(ring);
        let now = self.now();
        // The driver masks the interrupt while it empties the ring; this one always does.
        let set_up = [
            (Register::JrcfgrLs, 1),
            (Register::Irbar0, input as u32),
            (Register::Orbar0, output as u32),
            (Register::Irsr, DEPTH),
            (Register::Orsr, DEPTH),
        ];
        for (register, value) in set_up {
            let bytes = value.to_le_bytes();
            let written = self.device.write_bar(offset(ring, register), &bytes, now);
            written.expect("the register is there");
        }
        for slot in 0..DEPTH {
            let job = u64::from(ring * self.jobs + slot % self.jobs);
            let address = ((JOBS + job * JOB_BYTES) as u32).to_le_bytes();
            let at = input + u64::from(slot) * 4;
            self.device.memory.write(Purpose::Input, at, &address).expect("the input ring");
        }
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Adds all jobs, one by one as drivers do.
    #[inline(never)]
    fn ring_doorbells(&self) {
        for irjar in &self.irjar {
            for _ in 0..self.jobs {
                let _ = self.device.write_bar(*irjar, &1_u32.to_le_bytes(), self.now());
            }
        }
    }

    /// Removes all results, one by one as drivers do; they must all be good.
    #[inline(never)]
    fn remove(&self) {
        for (orsfr, orjrr) in self.orsfr.iter().zip(&self.orjrr) {
            let mut waiting = [0; 4];
            let _ = self.device.read_bar(*orsfr, &mut waiting, self.now());
            assert_eq!(u32::from_le_bytes(waiting), self.jobs, "jobs came back");
            for _ in 0..self.jobs {
                let _ = self.device.write_bar(*orjrr, &1_u32.to_le_bytes(), self.now());
            }
        }
    }

    /// What a DECO thread does.
    #[inline(never)]
    fn run_jobs(&self, scratch: &mut Scratch) {
        let mut now = self.now();
        while let (Some(job), _) = self.device.take_job(now) {
            let report = self.device.run_job(&job, scratch, Budget::default());
            now = self.now();
            let _ = self.device.complete_job(job, report, now);
        }
    }

    fn check(&self) {
        let statistics = self.device.statistics(self.now());
        assert!(statistics.rings.iter().all(|r| r.jobs == r.succeeded));
    }
}

/// Repeats `batch`, of `jobs` jobs, until `wanted` jobs are done; for that many it says the time.
fn for_jobs(wanted: u64, jobs: u32, mut batch: impl FnMut() -> Duration) -> Duration {
    let batches = wanted.div_ceil(u64::from(jobs));
    let time: Duration = (0..batches).map(|_| batch()).sum();
    time.mul_f64(wanted as f64 / (batches * u64::from(jobs)) as f64)
}

/// Processor time of this thread that `f` takes.
fn busy(f: impl FnOnce()) -> Duration {
    let clock = || {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is there to be written to.
        let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
        assert_eq!(failed, 0, "clock_gettime: {}", std::io::Error::last_os_error());
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    let start = clock();
    f();
    clock() - start
}

fn timed(f: impl FnOnce()) -> Duration {
    let start = Instant::now();
    f();
    start.elapsed()
}

/// Jobs of a batch: a queue of 64, as a fast disk has; and their data stay in the cache.
const BATCH: u32 = 64;

fn pipeline(c: &mut Criterion) {
    let ciphers = [
        ("xts-256", Cipher::Xts, Direction::Encrypt),
        ("cbc-256", Cipher::Cbc, Direction::Decrypt),
        ("cbc-256", Cipher::Cbc, Direction::Encrypt),
    ];
    for (name, cipher, direction) in ciphers {
        for bytes in [512, 4096] {
            let mut group = c.benchmark_group(format!("pipeline/{name}/{direction:?}/{bytes}"));
            group.throughput(Throughput::Elements(1));
            group.bench_function("engine", |b| {
                let mut data = vec![0; BATCH as usize * bytes];
                let mut run = engine(cipher, direction);
                b.iter_custom(|wanted| {
                    for_jobs(wanted, BATCH, || {
                        busy(|| data.chunks_mut(bytes).for_each(|data| run(black_box(data))))
                    })
                });
            });
            for (name, layout) in [("direct", Layout::Direct), ("tables", Layout::Tables)] {
                let work = Work { cipher, direction, bytes: bytes as u32, layout };
                let rig = Rig::new(work, 1, 1, BATCH);
                let mut scratch = Scratch::default();
                group.bench_function(name, |b| {
                    b.iter_custom(|wanted| {
                        for_jobs(wanted, BATCH, || {
                            busy(|| {
                                rig.ring_doorbells();
                                rig.run_jobs(&mut scratch);
                                rig.remove();
                            })
                        })
                    });
                });
                rig.check();
            }
            group.finish();
        }
    }
}

type Run = Box<dyn FnMut(&mut [u8])>;

/// The cipher alone, with its key expanded.
fn engine(cipher: Cipher, direction: Direction) -> Run {
    if cipher == Cipher::Xts {
        let key = XtsKey::new(&KEY).expect("two keys");
        return Box::new(move |data| {
            let mut xts = Xts::with_key(&key, direction, IV, 0x8000).expect("whole blocks");
            xts.finish(data).expect("whole blocks");
        });
    }
    let key = Key::new(&KEY[..32]).expect("a key");
    Box::new(move |data| cbc(&key, direction, &mut IV.clone(), data).expect("whole blocks"))
}

/// Jobs in each ring when DECOs start on them.
const FULL: u32 = DEPTH - 1;

fn scaling(c: &mut Criterion) {
    for bytes in [512, 4096] {
        let mut group = c.benchmark_group(format!("pipeline-scaling/xts-256/{bytes}"));
        group.throughput(Throughput::Elements(1));
        for rings in [1, 2, 4] {
            for decos in [1, 2] {
                let (cipher, direction) = (Cipher::Xts, Direction::Encrypt);
                let work = Work { cipher, direction, bytes, layout: Layout::Tables };
                let rig = Rig::new(work, rings, decos, FULL);
                group.bench_function(format!("{rings}-rings-{decos}-decos"), |b| {
                    b.iter_custom(|wanted| drained(&rig, rings * FULL, decos, wanted));
                });
                rig.check();
            }
        }
        group.finish();
    }
}

/// The time that DECOs need for full rings. They are awake already, and this thread is one.
fn drained(rig: &Rig, jobs: u32, decos: usize, wanted: u64) -> Duration {
    const ENOUGH: u32 = u32::MAX;
    let (turn, at_it) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 1..decos {
            scope.spawn(|| {
                let mut scratch = Scratch::default();
                let mut seen = 0;
                loop {
                    match turn.load(Ordering::Acquire) {
                        ENOUGH => return,
                        now if now == seen => spin_loop(),
                        now => {
                            seen = now;
                            rig.run_jobs(&mut scratch);
                            at_it.fetch_sub(1, Ordering::Release);
                        }
                    }
                }
            });
        }
        let mut scratch = Scratch::default();
        let time = for_jobs(wanted, jobs, || {
            rig.ring_doorbells();
            at_it.store(decos as u32 - 1, Ordering::Relaxed);
            let time = timed(|| {
                turn.fetch_add(1, Ordering::Release);
                rig.run_jobs(&mut scratch);
                while at_it.load(Ordering::Acquire) > 0 {
                    spin_loop();
                }
            });
            rig.remove();
            time
        });
        turn.store(ENOUGH, Ordering::Release);
        time
    })
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(40);
    targets = pipeline, scaling
}
criterion_main!(benches);
