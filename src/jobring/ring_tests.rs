//! Every rule of the ring: sizes, indices, counts, errors. Halts, the drivers' view, and random
//! sequences are in the submodules.

#[path = "ring_tests/halt.rs"]
mod halt;
#[path = "ring_tests/properties.rs"]
mod properties;

use crate::descriptors::status::JobStatus;
use crate::jobring::fake_driver::*;
use crate::jobring::registers::JRCFGR_INCL_SEQ_OUT;
use crate::jobring::registers::Register::{self, *};
use crate::jobring::{Effects, MAX_ENTRIES};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Powers of two, and what is not: OP-TEE's 80 on LX2160A, and neighbours of all sorts.
const SIZES: [u32; 16] = [1, 2, 3, 4, 5, 7, 8, 10, 16, 33, 80, 255, 512, 1000, 1023, 1024];

const SOCS: [&crate::device::soc::SocProfile; 3] = [&NARROW, &WIDE, &WIDE_HIGH_FIRST];

/// A high address for profiles that have them, so that a lost half shows.
fn descriptor(bench: &Bench, n: u64) -> u64 {
    let high = if bench.soc.pointer.bytes() == 8 { 0xd_1234_0000_0000 } else { 0 };
    high + DESCRIPTORS + n * 64
}

#[test]
fn the_reset_state_is_empty() {
    let bench = Bench::new(&NARROW);
    for (_, register, name) in crate::jobring::registers::MAP {
        assert_eq!(bench.read(*register), 0, "{name}");
    }
    assert!(!bench.ring.line() && !bench.ring.ready());
    assert_eq!(bench.ring.deadline(), None);
    assert_eq!(bench.ring.occupancy(), 0);
}

#[test]
fn sizes_bases_and_configuration_read_back() {
    for soc in SOCS {
        let mut bench = Bench::new(soc);
        bench.set_up(80, 16);
        assert_eq!(soc.join(bench.read(Irbar0), bench.read(Irbar4)), INPUT);
        assert_eq!(soc.join(bench.read(Orbar0), bench.read(Orbar4)), OUTPUT);
        assert_eq!((bench.read(Irsr), bench.read(Orsr)), (80, 16));
        assert_eq!((bench.read(Irsar), bench.read(Orsfr)), (80, 0));
        bench.write(JrcfgrMs, 0x4003_7777);
        bench.write(JrcfgrLs, 0xffff_ffff);
        assert_eq!(bench.read(JrcfgrMs), 0x4003_7777);
        assert_eq!(bench.read(JrcfgrLs), 0xffff_ff07, "IMSK, ICEN, SOE, ICDCT, ICTT");
        assert_eq!(bench.error(), None);
    }
}

#[test]
fn write_only_registers_read_zero() {
    let mut bench = Bench::with_sizes(&NARROW, 8, 8);
    bench.add(0, &[0x1000, 0x2000]);
    bench.run_one(0);
    bench.write(Orjrr, 1);
    for register in [Irjar, Orjrr, Jrcr] {
        assert_eq!(bench.read(register), 0, "{register:?}");
    }
}

#[test]
fn all_of_a_ring_can_be_used_at_every_size() {
    for soc in SOCS {
        for size in SIZES {
            let mut bench = Bench::with_sizes(soc, size, size);
            for i in 0..size {
                let job = descriptor(&bench, u64::from(i));
                bench.slot(i, job);
            }
            assert_eq!(bench.read(Irsar), size);
            assert_eq!(bench.write(Irjar, size), Effects::DOORBELL);
            assert_eq!(bench.read(Irsar), 0, "size {size}");
            for i in 0..size {
                let job = bench.take().expect("every slot holds a job");
                assert_eq!(job.descriptor, descriptor(&bench, u64::from(i)));
                assert_eq!(job.slot, i);
                assert_eq!(bench.read(Irsar), i + 1, "a fetched slot is free");
                bench.complete(&job, i);
                assert_eq!(bench.read(Orsfr), i + 1);
                assert_eq!(bench.entry(i), (job.descriptor, i));
            }
            assert!(bench.take().is_none());
            // Both rings have gone round exactly once.
            assert_eq!((bench.read(Irrir), bench.read(Orwir)), (0, 0), "size {size}");
            bench.write(Orjrr, size);
            assert_eq!(bench.read(Orsfr), 0);
            assert_eq!(bench.error(), None);
        }
    }
}

#[test]
fn indices_count_bytes_and_wrap_exactly_at_the_end() {
    for soc in SOCS {
        let (entry_in, entry_out) = (soc.pointer.bytes() as u32, soc.pointer.bytes() as u32 + 4);
        for size in SIZES {
            let mut bench = Bench::with_sizes(soc, size, size);
            for i in 0..size * 2 + 3 {
                let job = descriptor(&bench, u64::from(i));
                bench.add(i % size, &[job]);
                bench.run_one(0);
                assert_eq!(bench.entry(i % size).0, job);
                assert_eq!(bench.read(Irrir), (i + 1) % size * entry_in);
                assert_eq!(bench.read(Orwir), (i + 1) % size * entry_out);
                bench.write(Orjrr, 1);
            }
        }
    }
}

#[test]
fn rings_of_different_sizes_wrap_each_at_its_own_end() {
    let mut bench = Bench::with_sizes(&NARROW, 3, 5);
    for i in 0..31 {
        bench.add(i % 3, &[u64::from(i) * 4 + 4]);
        bench.run_one(i);
        assert_eq!(bench.entry(i % 5), (u64::from(i) * 4 + 4, i));
        bench.write(Orjrr, 1);
    }
}

#[test]
fn sizes_beyond_the_registers_are_cut() {
    let mut bench = Bench::new(&NARROW);
    bench.set_up(MAX_ENTRIES + 1, u32::MAX);
    assert_eq!((bench.read(Irsr), bench.read(Orsr)), (MAX_ENTRIES, MAX_ENTRIES));
    assert_eq!(bench.read(Irsar), MAX_ENTRIES);
}

#[test]
fn a_size_written_again_starts_the_ring_over() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000, 0x2000]);
    bench.run_one(0);
    bench.run_one(0);
    bench.write(Orjrr, 2);
    assert_eq!((bench.read(Irrir), bench.read(Orwir)), (8, 16));
    bench.write(Irsr, 6);
    bench.write(Orsr, 7);
    assert_eq!((bench.read(Irrir), bench.read(Orwir)), (0, 0));
    assert_eq!((bench.read(Irsar), bench.read(Orsfr)), (6, 0));
}

#[test]
fn without_an_output_ring_nothing_is_taken() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 0);
    bench.add(0, &[0x1000]);
    assert!(!bench.ring.ready());
    assert!(bench.take().is_none());
    bench.write(Irjar, 0);
    assert_eq!(bench.error(), None);
}

#[test]
fn a_job_added_to_no_ring_is_an_overflow() {
    let mut bench = Bench::new(&NARROW);
    assert_eq!(bench.write(Irjar, 1), Effects::NONE);
    assert_eq!(bench.error(), Some(9));
}

/// Everything a rejected write must leave alone.
fn snapshot(bench: &Bench) -> Vec<u32> {
    use crate::jobring::registers::MAP;
    MAP.iter().filter(|(_, r, _)| *r != Jrintr).map(|(_, r, _)| bench.read(*r)).collect()
}

/// The write is refused with this error, changes nothing, and raises the line.
fn refused(bench: &mut Bench, register: Register, value: u32, error: u32) {
    let (before, errors) = (snapshot(bench), bench.ring.stats().errors);
    assert_eq!(bench.write(register, value), Effects::NONE);
    assert_eq!(bench.error(), Some(error), "{register:?} = {value:#x}");
    assert_eq!(snapshot(bench), before, "{register:?} = {value:#x} changed something");
    assert!(bench.ring.line(), "JRE interrupts");
    assert_eq!(bench.ring.stats().errors, errors + 1);
    bench.write(Jrintr, 2);
    assert_eq!(bench.error(), None, "JRE is write-1-clear");
}

#[test]
fn more_jobs_than_slots_is_error_9() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    for too_many in [5, 6, 0x400, u32::MAX] {
        refused(&mut bench, Irjar, too_many, 9);
    }
    bench.add(0, &[0x1000, 0x2000, 0x3000]);
    refused(&mut bench, Irjar, 2, 9);
    refused(&mut bench, Irjar, u32::MAX, 9);
    // What was added before still runs, and one slot is still free.
    bench.add(3, &[0x4000]);
    refused(&mut bench, Irjar, 1, 9);
    for i in 0..4 {
        bench.run_one(0);
        assert_eq!(bench.entry(i).0, (u64::from(i) + 1) * 0x1000);
    }
}

#[test]
fn more_removed_than_waiting_is_error_8() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    refused(&mut bench, Orjrr, 1, 8);
    bench.add(0, &[0x1000, 0x2000]);
    refused(&mut bench, Orjrr, 1, 8);
    bench.run_one(0);
    bench.write(Jrintr, 1);
    refused(&mut bench, Orjrr, 2, 8);
    refused(&mut bench, Orjrr, u32::MAX, 8);
    bench.write(Orjrr, 1);
    assert_eq!(bench.error(), None);
    assert_eq!(bench.read(Orsfr), 0);
}

#[test]
fn misaligned_bases_are_errors_3_and_4() {
    for soc in SOCS {
        let (in_low, in_high, out_low, out_high) = if soc.high_word_first {
            (Irbar4, Irbar0, Orbar4, Orbar0)
        } else {
            (Irbar0, Irbar4, Orbar0, Orbar4)
        };
        let mut bench = Bench::with_sizes(soc, 4, 4);
        for bad in 1..4 {
            refused(&mut bench, in_low, 0x1000 + bad, 3);
            refused(&mut bench, out_low, 0x2000 + bad, 4);
        }
        // The high half has no alignment.
        bench.write(in_high, 7);
        bench.write(out_high, 5);
        bench.write(in_low, 0x1004);
        bench.write(out_low, 0x2004);
        assert_eq!(bench.error(), None);
        assert_eq!((bench.read(in_high), bench.read(out_high)), (7, 5));
        assert_eq!((bench.read(in_low), bench.read(out_low)), (0x1004, 0x2004));
    }
}

#[test]
fn base_halves_are_stored_in_either_order() {
    for soc in SOCS {
        let (at0, at4) = soc.split(0x12_3456_7890);
        let mut bench = Bench::new(soc);
        bench.write(Irbar4, at4);
        bench.write(Irbar0, at0);
        bench.write(Orbar0, at0);
        bench.write(Orbar4, at4);
        assert_eq!(soc.join(bench.read(Irbar0), bench.read(Irbar4)), 0x12_3456_7890);
        assert_eq!(soc.join(bench.read(Orbar0), bench.read(Orbar4)), 0x12_3456_7890);
    }
}

#[test]
fn with_32_bit_pointers_the_high_half_does_not_count() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.write(Irbar4, 0xdead);
    bench.write(Orbar4, 0xbeef);
    bench.add(0, &[0x1000]);
    bench.run_one(0);
    assert_eq!(bench.entry(0), (0x1000, 0));
}

#[test]
fn the_input_ring_cannot_be_moved_while_busy() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000]);
    let input = [Irbar0, Irbar4, Irsr];
    for register in input {
        refused(&mut bench, register, 0x40, 5); // pending
    }
    let job = bench.take().unwrap();
    for register in input {
        refused(&mut bench, register, 0x40, 5); // in flight
    }
    bench.complete(&job, 0);
    bench.write(Jrintr, 1);
    // A result that waits is no business of the input ring.
    for register in input {
        bench.write(register, 0x40);
        assert_eq!(bench.error(), None, "{register:?}");
        assert_eq!(bench.read(register), 0x40);
    }
}

#[test]
fn the_output_ring_cannot_be_moved_while_busy() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000]);
    let output = [Orbar0, Orbar4, Orsr];
    for register in output {
        refused(&mut bench, register, 0x40, 6); // pending
    }
    let job = bench.take().unwrap();
    for register in output {
        refused(&mut bench, register, 0x40, 6); // in flight
    }
    bench.complete(&job, 0);
    for register in output {
        refused(&mut bench, register, 0x40, 6); // waiting
    }
    bench.write(Orjrr, 1);
    for register in output {
        bench.write(register, 0x40);
        assert_eq!(bench.error(), None, "{register:?}");
    }
}

#[test]
fn the_hardware_s_own_registers_may_be_written_only_when_idle() {
    let codes = [(Irsar, 0xe), (Irrir, 0xf), (Orsfr, 0x10), (Orwir, 0x11)];
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    for (register, _) in codes {
        let before = snapshot(&bench);
        bench.write(register, 4); // tamago writes the ring size to ORSFR
        assert_eq!(bench.error(), None, "{register:?} when idle");
        assert_eq!(snapshot(&bench), before);
    }
    bench.add(0, &[0x1000]);
    for (register, code) in codes {
        refused(&mut bench, register, 4, code); // pending
    }
    let job = bench.take().unwrap();
    for (register, code) in codes {
        refused(&mut bench, register, 4, code); // in flight
    }
    bench.complete(&job, 0);
    for (register, code) in codes {
        refused(&mut bench, register, 4, code); // waiting
    }
    bench.write(Orjrr, 1);
    for (register, _) in codes {
        bench.write(register, 4);
        assert_eq!(bench.error(), None, "{register:?} when idle again");
    }
}

#[test]
fn jrstar_shows_the_last_status_and_cannot_be_written() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000, 0x2000]);
    bench.run_one(0x2000_0a1a);
    assert_eq!(bench.read(Jrstar), 0x2000_0a1a);
    bench.write(Jrstar, 0);
    assert_eq!(bench.read(Jrstar), 0x2000_0a1a);
    bench.run_one(0);
    assert_eq!(bench.read(Jrstar), 0);
    assert_eq!(bench.error(), None);
}

#[test]
fn the_first_error_stays_until_it_is_acknowledged() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000, 0x2000, 0x3000]);
    for _ in 0..3 {
        bench.run_one(0);
    }
    bench.write(Irjar, 5);
    bench.write(Orjrr, 9);
    assert_eq!(bench.read(Jrintr), 1 | 2 | 9 << 8 | 3 << 16, "error 9 at output index 3");
    bench.write(Jrintr, 2);
    bench.write(Orjrr, 9);
    assert_eq!(bench.error(), Some(8));
    assert_eq!(bench.ring.stats().errors, 3);
}

#[test]
fn an_input_ring_that_is_not_mapped_is_error_3_and_stops_the_ring() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000, 0x2000]);
    let job = bench.take().unwrap();
    bench.ram.readable.set(false);
    assert!(bench.ring.ready());
    assert!(bench.take().is_none());
    assert_eq!(bench.error(), Some(3));
    assert!(bench.ring.line());
    assert!(!bench.ring.ready(), "no busy loop on a ring that cannot be read");
    // The job that runs already ends well, and no other is taken, even if it could be now.
    bench.ram.readable.set(true);
    bench.complete(&job, 0);
    assert_eq!(bench.entry(0), (0x1000, 0));
    bench.write(Jrintr, 3);
    assert!(bench.take().is_none());
    assert_eq!(bench.ring.stats().errors, 1);
    revived_by_reset(&mut bench);
}

#[test]
fn an_output_ring_that_is_not_writable_is_error_1_and_stops_the_ring() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000, 0x2000]);
    bench.ram.writable.set(false);
    bench.run_one(0);
    assert_eq!(bench.error(), Some(1));
    assert_eq!((bench.read(Orsfr), bench.read(Orwir)), (0, 0), "no result is announced");
    assert_eq!(bench.read(Jrintr) & 1, 0, "no job interrupt without a result");
    assert_eq!(bench.ring.stats().lost, 1);
    bench.ram.writable.set(true);
    assert!(bench.take().is_none());
    revived_by_reset(&mut bench);
}

fn revived_by_reset(bench: &mut Bench) {
    bench.write(Jrcr, 1);
    assert_eq!(bench.halt(), 2);
    bench.write(Jrcr, 1);
    assert_eq!(bench.read(Jrintr), 0);
    bench.set_up(4, 4);
    bench.add(0, &[0x5000]);
    bench.run_one(0);
    assert_eq!(bench.entry(0), (0x5000, 0));
    assert_eq!(bench.error(), None);
}

#[test]
fn a_full_output_ring_stops_the_input_ring_until_there_is_room() {
    let mut bench = Bench::with_sizes(&NARROW, 8, 2);
    bench.add(0, &[0x1000, 0x2000, 0x3000, 0x4000]);
    let first = bench.take().unwrap();
    let second = bench.take().unwrap();
    // Jobs in flight have their output slots reserved.
    assert!(!bench.ring.ready() && bench.take().is_none());
    bench.complete(&second, 0);
    assert!(bench.take().is_none());
    assert_eq!(bench.read(Irsar), 6);
    assert_eq!(bench.write(Orjrr, 1), Effects::DOORBELL, "who waits must be woken");
    let third = bench.take().unwrap();
    assert_eq!(third.descriptor, 0x3000);
    bench.complete(&first, 0);
    bench.complete(&third, 0);
    assert_eq!(bench.read(Orsfr), 2);
    assert_eq!([bench.entry(1), bench.entry(0)], [(0x1000, 0), (0x3000, 0)]);
    bench.write(Orjrr, 2);
    bench.run_one(0);
    assert_eq!(bench.write(Orjrr, 1), Effects::NONE, "nothing is waiting to be taken");
    assert_eq!(bench.error(), None);
}

#[test]
fn completions_out_of_order_write_each_descriptor_once() {
    let mut bench = Bench::with_sizes(&NARROW, 8, 8);
    let jobs: Vec<u64> = (1..=8).map(|n| n * 0x1000).collect();
    bench.add(0, &jobs);
    let taken: Vec<_> = (0..8).map(|_| bench.take().unwrap()).collect();
    let order = [5, 0, 7, 2, 1, 6, 3, 4];
    for (place, n) in order.into_iter().enumerate() {
        bench.complete(&taken[n], n as u32);
        assert_eq!(bench.entry(place as u32), (jobs[n], n as u32));
        assert_eq!(bench.read(Orsfr), place as u32 + 1);
    }
    assert_eq!(bench.ram.writes.get(), 8);
    let stats = bench.ring.stats();
    assert_eq!((stats.taken, stats.succeeded, stats.failed), (8, 1, 7));
    assert_eq!(stats.max_occupancy, 8);
}

#[test]
fn entries_grow_by_a_word_with_incl_seq_out() {
    for soc in SOCS {
        let size = soc.pointer.bytes() as u32 + 8;
        let mut bench = Bench::with_sizes(soc, 4, 4);
        bench.write(JrcfgrMs, JRCFGR_INCL_SEQ_OUT);
        let jobs: Vec<u64> = (0..3).map(|n| descriptor(&bench, n)).collect();
        bench.add(0, &jobs);
        for (i, job) in jobs.iter().enumerate() {
            bench.run_one(i as u32);
            let at = OUTPUT + i as u64 * u64::from(size);
            let bytes = bench.ram.flat.peek(at, size as usize);
            assert_eq!(soc.pointer_from_bytes(&bytes), *job);
            let status = &bytes[soc.pointer.bytes()..soc.pointer.bytes() + 4];
            assert_eq!(status, (i as u32).to_le_bytes());
            assert_eq!(bench.read(Orwir), (i as u32 + 1) * size);
        }
    }
}

#[test]
fn results_after_a_reset_go_nowhere() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000, 0x2000]);
    let job = bench.take().unwrap();
    assert!(!job.stop.load(Ordering::Relaxed));
    bench.ring.reset(bench.now);
    assert!(job.stop.load(Ordering::Relaxed), "a job nobody waits for should end");
    assert_eq!(bench.ring.stats().lost, 2);
    bench.set_up(4, 4);
    bench.add(0, &[0x3000]);
    let new = bench.take().unwrap();
    let before = bench.ram.writes.get();
    assert_eq!(bench.complete(&job, 0), Effects::NONE);
    assert_eq!(bench.ram.writes.get(), before);
    assert_eq!((bench.read(Orsfr), bench.read(Jrintr)), (0, 0));
    assert!(!new.stop.load(Ordering::Relaxed), "the old stop is not the new one");
    bench.complete(&new, 0);
    assert_eq!(bench.entry(0), (0x3000, 0));
    assert_eq!(bench.ring.stats().lost, 2);
}

#[test]
fn the_pointer_comes_back_bit_for_bit() {
    // Linux compares it with what it wrote; low bits are the driver's affair.
    for soc in SOCS {
        let mut bench = Bench::with_sizes(soc, 4, 4);
        for (i, low) in [0x1u64, 0xffff_ffff, 0x8000_0003, 0xdead_beef].into_iter().enumerate() {
            let high = if soc.pointer.bytes() == 8 { 0xffff_0001_u64 << 32 } else { 0 };
            bench.add(i as u32, &[high | low]);
            bench.run_one(0);
            assert_eq!(bench.entry(i as u32).0, high | low);
        }
    }
}

#[test]
fn a_ring_at_the_end_of_the_address_space_does_not_panic() {
    for soc in SOCS {
        let mut bench = Bench::new(soc);
        for base in [u64::from(u32::MAX) & !3, !3_u64] {
            let (at0, at4) = soc.split(base);
            bench.write(Irbar0, at0);
            bench.write(Irbar4, at4);
            bench.write(Orbar0, at0);
            bench.write(Orbar4, at4);
            bench.write(Irsr, 8);
            bench.write(Orsr, 8);
            bench.write(Irjar, 8);
            assert!(bench.take().is_none());
            assert_eq!(bench.error(), Some(3));
            bench.ring.reset(bench.now);
        }
    }
}

#[test]
fn statistics_outlive_a_reset() {
    let mut bench = Bench::with_sizes(&NARROW, 4, 4);
    bench.add(0, &[0x1000, 0x2000]);
    bench.run_one(JobStatus::OK.0);
    bench.run_one(0x4000_0004);
    let before = bench.ring.stats();
    bench.ring.reset(bench.now);
    assert_eq!(bench.ring.stats(), before);
    assert_eq!(bench.ring.deadline(), None::<Duration>);
}
