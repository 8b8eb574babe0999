//! Jobs through the socket, as a VMM with Linux in it would bring them.

use super::support::*;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use vmm_sys_util::eventfd::EventFd;

const RAM: u64 = 0x8000_0000;
const RAM_BYTES: u64 = 0x10_0000;

// NIST SP 800-38A, F.2.1.
const KEY: [u8; 16] = *b"\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c";
const IV: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
pub const PLAIN: [u8; 64] = *b"\x6b\xc1\xbe\xe2\x2e\x40\x9f\x96\xe9\x3d\x7e\x11\x73\x93\x17\x2a\
    \xae\x2d\x8a\x57\x1e\x03\xac\x9c\x9e\xb7\x6f\xac\x45\xaf\x8e\x51\
    \x30\xc8\x1c\x46\xa3\x5c\xe4\x11\xe5\xfb\xc1\x19\x1a\x0a\x52\xef\
    \xf6\x9f\x24\x45\xdf\x4f\x9b\x17\xad\x2b\x41\x7b\xe6\x6c\x37\x10";
const CIPHER: [u8; 64] = *b"\x76\x49\xab\xac\x81\x19\xb2\x46\xce\xe9\x8e\x9b\x12\xe9\x19\x7d\
    \x50\x86\xcb\x9b\x50\x72\x19\xee\x95\xdb\x11\x3a\x91\x76\x78\xb2\
    \x73\xbe\xd6\xb8\xe3\xc1\x74\x3b\x71\x16\xe6\x9e\x22\x22\x95\x16\
    \x3f\xf1\xca\xa1\x68\x1f\xac\x09\x12\x0e\xca\x30\x75\x86\xe1\xa7";

/// Offsets in RAM.
const INPUT: u64 = 0x1000;
const OUTPUT: u64 = 0x2000;
const SHARED: u64 = 0x3000;
/// One block of memory a job.
const JOBS: u64 = 0x1_0000;
const JOB_BYTES: u64 = 0x400;

/// A guest with one job ring set up and its interrupt connected.
pub struct Guest {
    pub client: Raw,
    ram: std::fs::File,
    interrupt: EventFd,
    size: u32,
    /// Jobs done by [`Self::work`]: the ring goes on behind them.
    done: u64,
}

impl Guest {
    pub fn new(emulator: &Emulator, ring: u64, size: u32) -> Self {
        Self::with_memory(emulator, ring, size, None)
    }

    /// With memory that the emulator has to ask for; `short`: see `OwnMemory`.
    fn unshared(emulator: &Emulator, ring: u64, size: u32, short: bool) -> Self {
        Self::with_memory(emulator, ring, size, Some(short))
    }

    fn with_memory(emulator: &Emulator, ring: u64, size: u32, unshared: Option<bool>) -> Self {
        let ram = memfd(RAM_BYTES);
        let interrupt = EventFd::new(libc::EFD_NONBLOCK).unwrap();
        let mut client = emulator.client();
        let fds = if unshared.is_some() { &[][..] } else { &[ram.as_raw_fd()] };
        assert!(!client.dma_map(3, 0, RAM, RAM_BYTES, fds).is_error());
        client.own = unshared.map(|short| OwnMemory {
            base: RAM,
            bytes: ram.try_clone().unwrap(),
            short,
            asked: 0,
        });
        client.write(CONFIG, 4, &[6, 0]);
        assert!(!client.set_irqs(0, 4 | 32, 0, 1, &[interrupt.as_raw_fd()]).is_error());
        let mut guest = Self { client, ram, interrupt, size, done: 0 };
        let page = 0x1000 * (ring + 1);
        // Flush, reset, set up: `caam_reset_hw_jr`, `caam_jr_init`.
        guest.write32(page + 0x6c, 1);
        assert_eq!(guest.read32(page + 0x4c) & 0xc, 8);
        guest.write32(page + 0x6c, 1);
        guest.write64(page, RAM + INPUT);
        guest.write64(page + 0x20, RAM + OUTPUT);
        guest.write32(page + 0x0c, size);
        guest.write32(page + 0x2c, size);
        guest
    }

    /// Flushes a ring. As drivers do: until HALT (bits 3:2) no longer says "in progress".
    fn halt(&mut self, ring: u64) {
        let page = 0x1000 * (ring + 1);
        self.write32(page + 0x6c, 1);
        let start = std::time::Instant::now();
        while self.read32(page + 0x4c) & 0xc != 8 {
            assert!(start.elapsed() < DEADLINE, "the flush never ends");
        }
    }

    pub fn read32(&mut self, offset: u64) -> u32 {
        self.client.read32(BAR0, offset)
    }

    fn read64(&mut self, offset: u64) -> u64 {
        u64::from_le_bytes(self.client.read(BAR0, offset))
    }

    pub fn write32(&mut self, offset: u64, value: u32) {
        self.client.write(BAR0, offset, &value.to_le_bytes());
    }

    fn write64(&mut self, offset: u64, value: u64) {
        self.client.write(BAR0, offset, &value.to_le_bytes());
    }

    fn poke(&self, offset: u64, bytes: &[u8]) {
        self.ram.write_all_at(bytes, offset).unwrap();
    }

    fn peek<const N: usize>(&self, offset: u64) -> [u8; N] {
        let mut bytes = [0; N];
        self.ram.read_exact_at(&mut bytes, offset).unwrap();
        bytes
    }

    /// Linux's shared descriptor for cbc(aes) encryption, `cnstr_shdsc_skcipher_encap`.
    pub fn shared_descriptor(&self) {
        self.poke(SHARED, &words(&[0xb880_120e, 0xa100_4006, 0x0280_0010]));
        self.poke(SHARED + 12, &KEY);
        let rest = [
            0x1a20_0010, // SEQ LOAD class 1 context, 16: the IV
            0x8210_0105, // OPERATION AES-CBC encrypt, init
            0xa808_0b04, // MATH VSOL = SIL + 0
            0xa808_0a04, // MATH VSIL = SIL + 0
            0x2b12_0000, // SEQ FIFO LOAD message, VLF, LAST1
            0x6930_0000, // SEQ FIFO STORE message, VLF
            0x5a20_0010, // SEQ STORE class 1 context: the next IV
        ];
        self.poke(SHARED + 28, &words(&rest));
    }

    /// Writes job `n`: descriptor, tables, IV, data. Returns its descriptor's bus address.
    pub fn job(&self, n: u64, data: &[u8]) -> u64 {
        let base = JOBS + n * JOB_BYTES;
        let (tables, iv, source, target) = (base + 0x40, base + 0x80, base + 0x100, base + 0x200);
        let length = data.len() as u32;
        let entry = |at: u64, length: u32, last: bool| {
            [(RAM + at) as u32, 0, length | u32::from(last) << 30, 0]
        };
        self.poke(iv, &IV);
        self.poke(source, data);
        self.poke(target, &[0; 0x100]);
        self.poke(tables, &words(&entry(iv, 16, false)));
        self.poke(tables + 16, &words(&entry(source, length, true)));
        self.poke(tables + 32, &words(&entry(target, length, false)));
        self.poke(tables + 48, &words(&entry(iv, 16, true)));
        let descriptor = [
            0xb08e_1c08, // job header: shared descriptor of 14 words, REO, share defer, 8 words
            (RAM + SHARED) as u32,
            0xf140_0000, // SEQ IN PTR, table, extended length
            (RAM + tables) as u32,
            16 + length,
            0xf940_0000, // SEQ OUT PTR
            (RAM + tables + 32) as u32,
            length + 16,
        ];
        self.poke(base, &words(&descriptor));
        RAM + base
    }

    /// Puts a job into slot `n`.
    pub fn put(&self, n: u64, descriptor: u64) {
        let slot = n % u64::from(self.size);
        self.poke(INPUT + slot * 4, &(descriptor as u32).to_le_bytes());
    }

    /// Puts a job into slot `n` and announces it.
    pub fn submit(&mut self, ring: u64, n: u64, descriptor: u64) {
        self.put(n, descriptor);
        self.write32(0x1000 * (ring + 1) + 0x1c, 1);
    }

    /// Waits for the interrupt line to be signalled.
    pub fn wait(&mut self) {
        while self.client.own.is_some() && self.interrupt_or_question() {
            self.client.answer_one();
        }
        wait_readable(self.interrupt.as_raw_fd());
        assert_eq!(self.interrupt.read().unwrap(), 1);
    }

    /// Waits for either; `true`: it is a question.
    fn interrupt_or_question(&self) -> bool {
        let fds = [self.interrupt.as_raw_fd(), self.client.stream.as_raw_fd()];
        let mut polls = fds.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
        // SAFETY: two pollfds that live over the call.
        let ready = unsafe { libc::poll(polls.as_mut_ptr(), 2, DEADLINE.as_millis() as i32) };
        assert!(ready > 0, "nothing happened within {DEADLINE:?}");
        polls[0].revents == 0
    }

    pub fn unmask(&mut self) {
        assert!(!self.client.set_irqs(0, 1 | 16, 0, 1, &[]).is_error());
    }

    /// Has `total` jobs done, as many at a time as the ring takes, and looks at the results.
    pub fn work(&mut self, ring: u64, total: u64) {
        self.shared_descriptor();
        let (page, depth) = (0x1000 * (ring + 1), u64::from(self.size));
        let (mut submitted, mut finished) = (self.done, self.done);
        let total = self.done + total;
        self.done = total;
        let mut jobs: Vec<u64> = Vec::new();
        while finished < total {
            while submitted < total && submitted - finished < depth {
                // A slot of memory no job in the ring uses.
                let free = (0..depth).find(|n| !jobs.contains(&(RAM + JOBS + n * JOB_BYTES)));
                let descriptor = self.job(free.unwrap(), &PLAIN);
                jobs.push(descriptor);
                self.submit(ring, submitted, descriptor);
                submitted += 1;
            }
            self.wait();
            self.write32(page + 0x4c, 1);
            let waiting = self.read32(page + 0x3c);
            for _ in 0..waiting {
                let (descriptor, status) = self.entry(finished);
                assert_eq!(status, 0);
                let place = jobs.iter().position(|j| *j == descriptor).expect("a job of ours");
                jobs.swap_remove(place);
                assert_eq!(self.peek::<64>(descriptor - RAM + 0x200), CIPHER);
                finished += 1;
            }
            self.write32(page + 0x34, waiting);
            self.unmask();
        }
        assert!(jobs.is_empty());
    }

    /// The output entry in slot `n`.
    fn entry(&self, n: u64) -> (u64, u32) {
        let bytes: [u8; 8] = self.peek(OUTPUT + n % u64::from(self.size) * 8);
        let value = u64::from_le_bytes(bytes);
        (value & 0xffff_ffff, (value >> 32) as u32)
    }
}

#[test]
fn an_aes_cbc_job_of_linux_runs_from_ring_to_interrupt() {
    let emulator = Emulator::start(&[]);
    let mut guest = Guest::new(&emulator, 0, 4);
    guest.shared_descriptor();
    let descriptor = guest.job(0, &PLAIN);
    assert_eq!((guest.read32(0x1014), guest.read32(0x103c)), (4, 0));
    guest.submit(0, 0, descriptor);
    guest.wait();
    assert_eq!(guest.read32(0x104c), 1, "JRINTR");
    assert_eq!(guest.read32(0x103c), 1, "ORSFR");
    assert_eq!(guest.entry(0), (descriptor, 0));
    assert_eq!(guest.peek::<64>(JOBS + 0x200), CIPHER);
    assert_eq!(guest.peek::<16>(JOBS + 0x80), CIPHER[48..], "the next IV");
    assert_eq!(guest.peek::<16>(JOBS + 0x240), [0; 16], "and not a byte more");
    assert_eq!((guest.read32(0x1044), guest.read32(0x1014)), (0, 4), "JRSTAR, IRSAR");
    assert_eq!((guest.read32(0x105c), guest.read32(0x1064)), (4, 8), "IRRIR, ORWIR");
    guest.write32(0x104c, 1);
    guest.write32(0x1034, 1);
    assert_eq!((guest.read32(0x104c), guest.read32(0x103c)), (0, 0));
    guest.unmask();
    assert!(guest.interrupt.read().is_err(), "the line is quiet");
    let counters = [0xf00, 0xf08, 0xf10, 0xf18, 0xf28].map(|at| guest.read64(at));
    assert_eq!(counters, [1, 1, 0, 64, 0]);
    // The interrupt comes before the DECO is done with itself.
    let start = std::time::Instant::now();
    while guest.read32(0xfd4) != 2 {
        assert!(start.elapsed() < DEADLINE, "CSTA: never idle");
    }
}

#[test]
fn a_result_that_was_left_behind_interrupts_again() {
    let emulator = Emulator::start(&[]);
    let mut guest = Guest::new(&emulator, 2, 8);
    guest.shared_descriptor();
    let descriptor = guest.job(0, &PLAIN);
    guest.submit(2, 0, descriptor);
    guest.wait();
    guest.write32(0x304c, 1); // acknowledged, not removed
    guest.unmask();
    guest.wait();
    guest.write32(0x3034, 1);
    guest.unmask();
    assert!(guest.interrupt.read().is_err());
}

/// What Linux' handler does on QEMU, which unmasks after the handler's first access.
#[test]
fn a_handler_at_work_is_not_interrupted_and_one_that_does_nothing_is_again() {
    for arguments in [&[][..], &["--spin", "0"]] {
        let emulator = Emulator::start(arguments);
        let mut guest = Guest::new(&emulator, 0, 8);
        guest.shared_descriptor();
        let descriptor = guest.job(0, &PLAIN);
        guest.submit(0, 0, descriptor);
        guest.wait();
        assert_eq!(guest.read32(0x104c), 1, "JRINTR");
        guest.unmask();
        // Nothing more comes from the guest.
        guest.wait();
        assert_eq!(guest.read32(0x104c), 1);
        guest.unmask();
        // Much comes from it, but nothing about the interrupt.
        let start = std::time::Instant::now();
        while guest.interrupt.read().is_err() {
            assert_eq!(guest.read32(0x103c), 1, "ORSFR");
            assert!(start.elapsed() < DEADLINE, "not interrupted again");
        }
        assert_eq!(guest.read32(0x104c), 1);
        guest.unmask();
        guest.write32(0x1054, 1); // IMSK
        guest.write32(0x104c, 1);
        guest.write32(0x1034, 1);
        // It has been lowered within the time a handler has, or signalled at the end of that: a
        // machine that is busy may be as slow as that.
        let _ = guest.interrupt.read();
        guest.unmask();
        guest.write32(0x1054, 0);
        assert_eq!(guest.read32(0x104c), 0);
        assert!(guest.interrupt.read().is_err(), "the line is quiet");
        let next = guest.job(1, &PLAIN);
        guest.submit(0, 1, next);
        guest.wait();
    }
}

#[test]
fn hundreds_of_jobs_on_four_decos_all_come_back() {
    const TOTAL: u64 = 400;
    let emulator = Emulator::start(&["--decos", "4"]);
    let mut guest = Guest::new(&emulator, 1, 16);
    guest.work(1, TOTAL);
    assert_eq!((guest.read64(0xf00), guest.read64(0xf18)), (TOTAL, TOTAL * 64));
}

#[test]
fn pointers_outside_memory_are_a_status_and_the_device_goes_on() {
    let emulator = Emulator::start(&[]);
    let mut guest = Guest::new(&emulator, 0, 8);
    guest.shared_descriptor();
    let good = guest.job(0, &PLAIN);
    // Descriptor, shared descriptor, table: each where there is nothing.
    let no_shared = guest.job(1, &PLAIN);
    guest.poke(no_shared - RAM + 4, &0x10_u32.to_le_bytes());
    let no_table = guest.job(2, &PLAIN);
    guest.poke(no_table - RAM + 12, &0xffff_fff0_u32.to_le_bytes());
    for (n, descriptor) in [0x4000_0000, no_shared, no_table].into_iter().enumerate() {
        guest.submit(0, n as u64, descriptor);
        guest.wait();
        let (pointer, status) = guest.entry(n as u64);
        assert_eq!(pointer, descriptor);
        assert_eq!(status & 0xf000_00ff, 0x4000_0016, "DECO, DMA error: {status:#x}");
        assert_ne!(guest.read32(0xfcc), 0, "FADR");
        guest.write32(0x104c, 1);
        guest.write32(0x1034, 1);
        guest.unmask();
    }
    guest.submit(0, 3, good);
    guest.wait();
    assert_eq!(guest.entry(3), (good, 0));
    assert_eq!(guest.peek::<64>(JOBS + 0x200), CIPHER);
}

#[test]
fn a_ring_base_that_is_not_mapped_is_a_ring_error_and_a_reset_revives_it() {
    let emulator = Emulator::start(&[]);
    let mut guest = Guest::new(&emulator, 0, 8);
    guest.shared_descriptor();
    guest.write64(0x1000, 0x1000);
    guest.write32(0x101c, 1);
    guest.wait();
    assert_eq!(guest.read32(0x104c), 0x302, "JRE, type 3");
    drop(guest);
    let mut guest = Guest::new(&emulator, 0, 8);
    guest.shared_descriptor();
    let descriptor = guest.job(0, &PLAIN);
    guest.submit(0, 0, descriptor);
    guest.wait();
    assert_eq!(guest.entry(0), (descriptor, 0));
}

#[test]
fn memory_taken_away_under_the_jobs_kills_nobody() {
    let emulator = Emulator::start(&["--decos", "2"]);
    for _ in 0..20 {
        let mut guest = Guest::new(&emulator, 0, 64);
        guest.shared_descriptor();
        for n in 0..60 {
            let descriptor = guest.job(n, &PLAIN);
            guest.submit(0, n, descriptor);
        }
        assert!(!guest.client.dma_unmap(0, RAM, RAM_BYTES).is_error());
        let before: [u8; 4096] = guest.peek(JOBS);
        assert!(!guest.client.call(RESET, &[], &[]).0.is_error());
        assert_eq!(guest.peek::<4096>(JOBS), before, "nothing is written after an unmap");
    }
    emulator.check();
}

/// All of a job's memory is reached by messages, in either layout, while the registers answer.
#[test]
fn jobs_run_in_memory_that_has_to_be_asked_for() {
    for (short, decos) in [(false, "1"), (true, "1"), (true, "3")] {
        let emulator = Emulator::start(&["--decos", decos]);
        let mut guest = Guest::unshared(&emulator, 0, 8, short);
        guest.shared_descriptor();
        for round in 0..20_u64 {
            let descriptor = guest.job(round % 4, &PLAIN);
            guest.submit(0, round, descriptor);
            // Answered whatever the DECO waits for.
            guest.read32(0x103c);
            guest.wait();
            assert_eq!(guest.entry(round), (descriptor, 0));
            assert_eq!(guest.peek::<64>(descriptor - RAM + 0x200), CIPHER, "{short}");
            assert_eq!(guest.peek::<16>(descriptor - RAM + 0x240), [0; 16]);
            guest.write32(0x104c, 1);
            guest.write32(0x1034, 1);
            guest.unmask();
        }
        let asked = guest.client.own.as_ref().unwrap().asked;
        assert!(asked > 20 * 6, "{asked} questions");
        assert!(!emulator.log().contains("no DMA"), "{}", emulator.log());
    }
}

/// A flush gives back what is queued, and ends when that has been written.
#[test]
fn a_flush_in_memory_that_has_to_be_asked_for() {
    let emulator = Emulator::start(&["--stall", "release=manual"]);
    for _ in 0..3 {
        let mut guest = Guest::unshared(&emulator, 1, 8, true);
        guest.shared_descriptor();
        let jobs: Vec<_> = (0..5).map(|n| guest.job(n, &PLAIN)).collect();
        for (n, descriptor) in jobs.iter().enumerate() {
            guest.submit(1, n as u64, *descriptor);
        }
        guest.halt(1);
        assert_eq!(guest.read32(0x203c), 5);
        for (n, descriptor) in jobs.iter().enumerate() {
            let (pointer, status) = guest.entry(n as u64);
            assert_eq!(pointer, *descriptor);
            assert_ne!(status, 0, "flushed");
        }
    }
    emulator.check();
}

/// The ring goes on behind a flush, with jobs that are executed; and a ring that has failed can be
/// flushed and reset, whatever it had queued.
#[test]
fn behind_a_flush_in_memory_that_has_to_be_asked_for() {
    let emulator = Emulator::start(&[]);
    let stalled = Emulator::start(&["--stall", "release=manual,once"]);
    let mut guest = Guest::unshared(&stalled, 0, 8, true);
    guest.shared_descriptor();
    let job = guest.job(0, &PLAIN);
    guest.submit(0, 0, job);
    // A DECO asks for the entry, and then the ring stalls.
    let start = std::time::Instant::now();
    while !stalled.log().contains("the ring stalls") {
        guest.read32(0x104c);
        assert!(start.elapsed() < DEADLINE, "no stall");
    }
    guest.halt(0);
    guest.wait();
    assert_ne!(guest.entry(0).1, 0, "flushed");
    guest.write32(0x1034, 1);
    // HALT is ended by writing "complete".
    guest.write32(0x104c, 8 | 1);
    guest.unmask();
    guest.submit(0, 1, job);
    guest.wait();
    assert_eq!(guest.entry(1), (job, 0));
    drop(guest);
    stalled.check();

    let mut guest = Guest::unshared(&emulator, 0, 8, true);
    guest.shared_descriptor();
    let job = guest.job(0, &PLAIN);
    guest.client.write(CONFIG, 4, &[2, 0]);
    guest.submit(0, 0, job);
    guest.submit(0, 1, job);
    // No bus master: the first entry cannot be read.
    guest.wait();
    assert_ne!(guest.read32(0x104c) & 2, 0, "JRE");
    guest.client.write(CONFIG, 4, &[6, 0]);
    guest.halt(0);
    guest.write32(0x106c, 1);
    guest.write64(0x1000, RAM + INPUT);
    guest.write64(0x1020, RAM + OUTPUT);
    guest.write32(0x100c, 8);
    guest.write32(0x102c, 8);
    guest.unmask();
    guest.submit(0, 0, job);
    guest.wait();
    assert_eq!(guest.entry(0), (job, 0));
    drop(guest);
    emulator.check();
}

/// What the client does not give is a DMA error, and the device goes on.
#[test]
fn a_client_that_refuses_to_read_its_memory() {
    let emulator = Emulator::start(&[]);
    let mut guest = Guest::unshared(&emulator, 0, 8, false);
    guest.shared_descriptor();
    let good = guest.job(0, &PLAIN);
    // A range that is mapped, and that the client knows nothing of.
    assert!(!guest.client.dma_map(3, 0, 0x1000, 0x1000, &[]).is_error());
    let bad = guest.job(1, &PLAIN);
    guest.poke(bad - RAM + 4, &0x1000_u32.to_le_bytes());
    guest.submit(0, 0, bad);
    guest.wait();
    assert_eq!(guest.entry(0).1 & 0xf000_00ff, 0x4000_0016, "DECO, DMA error");
    assert_ne!(guest.read32(0xfcc), 0, "FADR");
    guest.write32(0x104c, 1);
    guest.write32(0x1034, 1);
    guest.unmask();
    guest.submit(0, 1, good);
    guest.wait();
    assert_eq!(guest.entry(1), (good, 0));
}
