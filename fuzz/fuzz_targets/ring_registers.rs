//! A guest's life in steps of seven bytes: registers and configuration space read and written,
//! memory changed, time passing, jobs run.
#![no_main]

use caam_emu::descriptors::flow::{Budget, Scratch};
use caam_emu::device::platform::Secrets;
use caam_emu::device::soc::VIRT_ERA9;
use caam_emu::device::{Device, Job, Setup};
use caam_emu::memory::{GuestMemory, Purpose};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::time::Duration;

/// As in `tests/fuzz_seeds.rs`.
const BASE: u64 = 0x1_0000;
const SIZE: usize = 0x4000;
const BUDGET: Budget = Budget { commands: 200, entries: 200, bytes: 1 << 16 };
const SETUP: Setup = Setup { soc: &VIRT_ERA9, rings: 2, decos: 2, fault_seed: 0 };

struct Guest {
    device: Device,
    scratch: Scratch,
    now: Duration,
    /// Jobs that have been taken and not been completed: one more than there are DECOs.
    taken: Vec<Job>,
}

impl Guest {
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
            0xa => {
                let _ = device.memory.write(Purpose::Output, BASE + at, &value.to_le_bytes());
            }
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
            _ => self.run(),
        }
    }

    /// Runs a job: the oldest that has been taken, or else the next one.
    fn run(&mut self) {
        let device = &self.device;
        let job = match self.taken.is_empty() {
            false => self.taken.remove(0),
            true => match device.take_job(self.now).0 {
                Some(job) => job,
                None => return,
            },
        };
        let report = device.run_job(&job, &mut self.scratch, BUDGET);
        let _ = device.complete_job(job, report, self.now);
    }
}

thread_local!(static MEMORY: RefCell<File> = {
    let file = tempfile::tempfile().expect("a temporary file");
    file.set_len(SIZE as u64).expect("room for it");
    RefCell::new(file)
});

fuzz_target!(|data: &[u8]| {
    let secrets = Secrets { seed: Some(1), master_key: None };
    let device = Device::new(SETUP, secrets).expect("a seed always has bytes");
    MEMORY.with_borrow_mut(|file| {
        use std::io::Seek;
        file.rewind().expect("seek");
        file.write_all(&[0; SIZE]).expect("clear the memory");
        let file = file.try_clone().expect("another handle");
        device.memory.map(BASE, SIZE as u64, true, true, Some((file, 0))).expect("map");
    });
    let _ = device.write_config(4, &6_u16.to_le_bytes());
    let scratch = Scratch::default();
    let mut guest = Guest { device, scratch, now: Duration::ZERO, taken: Vec::new() };
    for step in data.chunks_exact(7).take(2000) {
        let value = u32::from_le_bytes([step[3], step[4], step[5], step[6]]);
        guest.step(step[0], u16::from_le_bytes([step[1], step[2]]), value);
    }
    while !guest.taken.is_empty() {
        guest.run();
    }
    // Whatever happened, the statistics can be had, and rings do not hold more than they can.
    let _ = guest.device.statistics(guest.now);
    for ring in 0..SETUP.rings as u64 {
        let mut size = [0; 4];
        guest.device.read_bar(0x1000 * (ring + 1) + 0x0c, &mut size, guest.now).expect("IRSR");
        assert!(u32::from_le_bytes(size) <= 1024);
    }
});
