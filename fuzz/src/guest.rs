//! A guest's life in steps of seven bytes: registers and configuration space read and written,
//! memory changed, mapped and unmapped, time passing, jobs taken and run, faults.

use caam_emu::descriptors::flow::{Budget, Scratch};
use caam_emu::device::platform::Secrets;
use caam_emu::device::soc::VIRT_ERA9;
use caam_emu::device::{Device, Job, Setup};
use caam_emu::fault::table::TABLE;
use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// As in `tests/fuzz_seeds.rs`.
const BASE: u64 = 0x1_0000;
const SIZE: usize = 0x4000;
/// How the device is built.
pub const SETUP: Setup = Setup { soc: &VIRT_ERA9, rings: 2, decos: 2, fault_seed: 0 };
/// Makes its random bytes repeatable.
pub const SEED: u64 = 1;
/// Bytes of a step.
pub const STEP: usize = 7;
/// Most steps of a life.
const STEPS: usize = 2000;

thread_local!(static MEMORY: RefCell<File> = {
    let file = tempfile::tempfile().expect("a temporary file");
    file.set_len(SIZE as u64).expect("room for it");
    RefCell::new(file)
});

/// See the module.
pub struct Guest {
    /// Of which it is the guest.
    pub device: Device,
    /// The device's time.
    pub now: Duration,
    memory: File,
    budget: Budget,
    scratch: Scratch,
    /// Jobs that have been taken and not been completed: one more than there are DECOs.
    taken: Vec<Job>,
}

impl Guest {
    /// At a device to which `before` has been done; whose jobs may do as much as `budget` says.
    pub fn new(budget: Budget, before: impl FnOnce(&Device)) -> Self {
        let secrets = Secrets { seed: Some(SEED), master_key: None };
        let device = Device::new(SETUP, secrets).expect("a seed always has bytes");
        before(&device);
        let memory = MEMORY.with_borrow_mut(|file| {
            file.write_all_at(&[0; SIZE], 0).expect("clear the memory");
            file.try_clone().expect("another handle")
        });
        let (now, scratch) = (Duration::ZERO, Scratch::default());
        let guest = Self { device, now, memory, budget, scratch, taken: Vec::new() };
        guest.map(0, SIZE as u64, 3);
        let _ = guest.device.write_config(4, &6_u16.to_le_bytes());
        guest
    }

    fn map(&self, offset: u64, size: u64, access: u32) {
        let file = self.memory.try_clone().expect("another handle");
        let (readable, writable) = (access & 1 != 0, access & 2 != 0);
        // What overlaps is refused.
        let file = Some((file, offset));
        let _ = self.device.memory.map(BASE + offset, size, readable, writable, file);
    }

    /// All steps in `data`; then what has been taken is run.
    pub fn live(&mut self, data: &[u8]) {
        for step in data.chunks_exact(STEP).take(STEPS) {
            let value = u32::from_le_bytes([step[3], step[4], step[5], step[6]]);
            self.step(step[0], u16::from_le_bytes([step[1], step[2]]), value);
        }
        while !self.taken.is_empty() {
            self.run();
        }
    }

    fn step(&mut self, kind: u8, offset: u16, value: u32) {
        let device = &self.device;
        // Mostly registers that exist: a page for each ring, and the page before them.
        let at = u64::from(offset);
        let register = u64::from(offset >> 8 & 3) * 0x1000 + u64::from(offset & 0x7c);
        match kind & 0xf {
            0..=3 => {
                let _ = device.write_bar(register, &value.to_le_bytes(), self.now);
            }
            // anywhere: the registers of the RNG and of DECO 0, say
            4 => {
                let _ = device.write_bar(at & !3, &value.to_le_bytes(), self.now);
            }
            5 => {
                let wide = u64::from(value) | u64::from(value) << 40;
                let _ = device.write_bar(register & !7, &wide.to_le_bytes(), self.now);
            }
            6 => {
                let length = value as usize % 17;
                let _ = device.write_bar(at, &[kind; 17][..length], self.now);
            }
            7 => {
                let mut data = [0; 17];
                let length = value as usize % 18;
                let _ = device.read_bar(at, &mut data[..length], self.now);
            }
            8 => {
                let n = value as usize % 5;
                let _ = device.write_config(at % 0x140, &value.to_le_bytes()[..n]);
                let _ = device.read_config(at % 0x140, &mut [0; 4][..n]);
            }
            9 => {
                self.now += Duration::from_nanos(u64::from(value));
                let _ = device.tick(self.now);
                let _ = device.deadline();
            }
            0xa if at as usize <= SIZE - 4 => {
                self.memory.write_all_at(&value.to_le_bytes(), at).expect("the guest's memory");
            }
            0xa => {}
            0xb => device.mask_interrupt(),
            0xc => _ = device.unmask_interrupt(self.now),
            0xd if value == 0 => _ = device.reset(self.now),
            0xd => {
                if self.taken.len() < SETUP.decos + 1
                    && let (Some(job), _) = device.take_job(self.now)
                {
                    self.taken.push(job);
                }
            }
            0xe => self.run(),
            _ => self.rare(kind >> 4, at, value),
        }
    }

    fn rare(&mut self, kind: u8, at: u64, value: u32) {
        let device = &self.device;
        let page = |n: u64| n % 4 * 0x1000;
        match kind {
            0..=3 => self.run(),
            4 | 5 => {
                let rule = TABLE[value as usize % TABLE.len()].example;
                let _ = device.add_fault(rule, self.now);
            }
            6 => _ = device.clear_faults(None, self.now),
            7 => _ = device.resume(None, self.now),
            8 => _ = device.resume(Some(value as usize % SETUP.rings), self.now),
            9 => _ = device.disconnect(self.now),
            0xa => device.memory.unmap_all(),
            0xb => _ = device.memory.unmap(BASE + page(at), page(u64::from(value)) + 0x1000),
            0xc..=0xe => self.map(page(at), page(at >> 8) + 0x1000, value),
            // by the other end: the oldest waits
            _ => {
                if let Some(job) = self.taken.pop() {
                    self.complete(job);
                }
            }
        }
    }

    /// Runs a job: the oldest that has been taken, or else the next one.
    fn run(&mut self) {
        let job = match self.taken.is_empty() {
            false => self.taken.remove(0),
            true => match self.device.take_job(self.now).0 {
                Some(job) => job,
                None => return,
            },
        };
        self.complete(job);
    }

    fn complete(&mut self, job: Job) {
        let report = self.device.run_job(&job, &mut self.scratch, self.budget);
        let _ = self.device.complete_job(job, report, self.now);
    }

    /// Registers of ring `ring`.
    pub fn ring_register(&self, ring: usize, offset: u64) -> u32 {
        let mut bytes = [0; 4];
        let at = 0x1000 * (ring as u64 + 1) + offset;
        self.device.read_bar(at, &mut bytes, self.now).expect("a register of a ring");
        u32::from_le_bytes(bytes)
    }
}
