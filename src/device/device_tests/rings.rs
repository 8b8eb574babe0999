//! Job rings through the BAR: doorbells, turns, the shared pin, timers, statistics.

use super::*;
use crate::jobring::fake_driver::{FakeDriver, Kind};
use crate::jobring::registers::{JRCFGR_ICEN, JRCFGR_IMSK};

/// A rig whose rings have 16 entries.
fn rig(rings: usize) -> Rig {
    let rig = Rig::new(&NARROW, rings);
    for n in 0..rings {
        rig.ring(n).set_up(16);
    }
    rig
}

/// Takes the next job; there must be one.
fn take(rig: &Rig) -> Job {
    rig.device.take_job(rig.now).0.expect("a job")
}

#[test]
fn every_driver_works_on_every_ring_at_once() {
    for soc in [&NARROW, &WIDE, &WIDE_HIGH_FIRST] {
        let rig = Rig::new(soc, 4);
        let kinds = [Kind::Linux, Kind::Linux2015, Kind::UBoot, Kind::OpTee];
        let mut drivers: Vec<_> = (0..4)
            .map(|n| {
                let mut port = rig.ring(n);
                let depth = [4, 5, 16, 80][n];
                let mut driver = FakeDriver::new(kinds[n], soc, depth, port.input(), port.output());
                driver.initialise(&mut port);
                driver
            })
            .collect();
        for round in 0..50 {
            for (n, driver) in drivers.iter_mut().enumerate() {
                for _ in 0..=round % 3 {
                    let _ = driver.enqueue(&mut rig.ring(n));
                }
            }
            // Two at a time, the younger ends first.
            while let Some(first) = rig.device.take_job(rig.now).0 {
                let second = rig.device.take_job(rig.now).0;
                for job in second.iter().chain([&first]) {
                    rig.complete(job, 0);
                }
            }
            for (n, driver) in drivers.iter_mut().enumerate() {
                let line = rig.ring(n).read(Register::Jrintr) & 1 != 0;
                driver.service(&mut rig.ring(n), line, usize::MAX);
            }
        }
        for (n, driver) in drivers.iter().enumerate() {
            assert_eq!(driver.outstanding(), 0);
            assert_eq!(driver.finished.len() as u64, driver.accepted);
            let stats = &rig.device.statistics(rig.now).rings[n];
            assert_eq!((stats.jobs, stats.succeeded), (driver.accepted, driver.accepted));
            assert!(driver.accepted >= 50);
        }
    }
}

#[test]
fn adding_jobs_rings_the_doorbell_and_removing_results_may() {
    let rig = Rig::new(&NARROW, 1);
    let mut ring = rig.ring(0);
    ring.set_up(2);
    assert!(!rig.device.has_work());
    assert!(ring.add(2).doorbell);
    assert!(rig.device.has_work());
    rig.complete(&take(&rig), 0);
    rig.complete(&take(&rig), 0);
    assert!(!rig.device.has_work());
    assert!(ring.outcome(Register::Irjar, 1).doorbell);
    assert!(!rig.device.has_work(), "the output ring is full");
    assert!(ring.outcome(Register::Orjrr, 1).doorbell);
    assert!(rig.device.has_work());
}

#[test]
fn rings_take_turns() {
    // Which rings have jobs, out of four.
    for busy in [vec![0], vec![0, 1], vec![0, 3], vec![1, 2], vec![0, 1, 2], vec![0, 1, 2, 3]] {
        let rig = rig(4);
        for n in &busy {
            rig.ring(*n).add(12);
        }
        let mut served = Vec::new();
        while let Some(job) = rig.device.take_job(rig.now).0 {
            served.push(job.ring());
            rig.complete(&job, 0);
        }
        assert_eq!(served.len(), 12 * busy.len());
        for turn in served.chunks(busy.len()) {
            let mut turn = turn.to_vec();
            turn.sort_unstable();
            assert_eq!(turn, busy, "each once before any twice: {served:?}");
        }
    }
}

#[test]
fn looking_for_jobs_in_vain_favours_nobody() {
    let rig = rig(2);
    for _ in 0..4 {
        rig.ring(0).add(1);
        rig.ring(1).add(1);
        let first = take(&rig);
        assert!(first.ring() < 2);
        let second = take(&rig);
        assert_ne!(first.ring(), second.ring());
        for _ in 0..3 {
            assert!(rig.device.take_job(rig.now).0.is_none());
        }
        rig.complete(&first, 0);
        rig.complete(&second, 0);
    }
}

#[test]
fn no_more_jobs_are_taken_than_there_are_decos() {
    let rig = rig(2);
    rig.ring(0).add(3);
    let (first, _second) = (take(&rig), take(&rig));
    assert!(rig.device.take_job(rig.now).0.is_none());
    assert!(!rig.device.has_work(), "or its threads would go round and round");
    rig.complete(&first, 0);
    assert!(rig.device.has_work());
    assert_eq!(take(&rig).taken().number, 3);
}

#[test]
fn jobs_come_in_the_order_of_their_ring() {
    let rig = rig(2);
    rig.ring(0).add(10);
    rig.ring(1).add(10);
    let mut last = [0, 0];
    for _ in 0..20 {
        let job = take(&rig);
        assert_eq!(job.taken().descriptor, last[job.ring()] + 4);
        last[job.ring()] += 4;
        rig.complete(&job, 0);
    }
}

#[test]
fn a_ring_in_trouble_does_not_hold_up_the_others() {
    let rig = rig(2);
    rig.ring(0).write(Register::Irbar0, 0); // not mapped
    rig.ring(0).add(2);
    rig.ring(1).add(2);
    let mut signalled = false;
    let mut served = Vec::new();
    for _ in 0..4 {
        let (job, outcome) = rig.device.take_job(rig.now);
        signalled |= outcome.interrupt;
        served.extend(job.map(|j| j.ring()));
    }
    assert_eq!(served, [1, 1]);
    assert!(signalled, "the ring error interrupts");
    assert_eq!(rig.ring(0).read(Register::Jrintr) & 0x1f02, 0x302);
    assert_eq!(rig.ring(1).read(Register::Jrintr), 0);
}

#[test]
fn without_bus_mastering_rings_cannot_be_read() {
    let rig = rig(1);
    rig.device.write_config(4, &[2, 0]).unwrap();
    rig.ring(0).add(1);
    assert!(rig.device.take_job(rig.now).0.is_none());
    assert_eq!(rig.ring(0).read(Register::Jrintr) & 0x1f02, 0x302);
}

#[test]
fn the_pin_is_shared_and_signalled_once_until_unmasked() {
    let rig = rig(3);
    for n in 0..3 {
        rig.ring(n).add(1);
    }
    let signals: Vec<_> = (0..3).map(|_| rig.complete(&take(&rig), 0).interrupt).collect();
    assert_eq!(signals, [true, false, false]);
    for n in 0..3 {
        // Each ring's handler: acknowledge, remove. The level stays for the others.
        let mut ring = rig.ring(n);
        assert!(!ring.outcome(Register::Jrintr, 1).interrupt);
        assert!(!ring.outcome(Register::Orjrr, 1).interrupt);
        assert_eq!(ring.read(Register::Jrintr), 0);
        assert_eq!(rig.device.unmask_interrupt(rig.now).interrupt, n < 2, "ring {n} done");
        ring.write(Register::JrcfgrLs, 0);
    }
    assert_eq!(rig.device.statistics(rig.now).interrupts.raised, 3);
    // Quiet now; the next job signals again.
    rig.ring(1).add(1);
    assert!(rig.complete(&take(&rig), 0).interrupt);
}

#[test]
fn a_masked_ring_signals_when_it_is_unmasked() {
    let rig = rig(1);
    let ring = rig.ring(0);
    ring.outcome(Register::JrcfgrLs, JRCFGR_IMSK);
    rig.ring(0).add(1);
    assert!(!rig.complete(&take(&rig), 0).interrupt);
    assert_eq!(ring.read(Register::Jrintr), 1, "it accumulates, and can be polled");
    assert!(ring.outcome(Register::JrcfgrLs, 0).interrupt);
}

#[test]
fn a_masked_pin_signals_when_it_is_unmasked() {
    let rig = rig(1);
    rig.device.mask_interrupt();
    rig.ring(0).add(1);
    assert!(!rig.complete(&take(&rig), 0).interrupt);
    assert!(rig.device.unmask_interrupt(rig.now).interrupt);
    assert!(!rig.ring(0).outcome(Register::Orjrr, 0).interrupt, "masked by its own signal");
}

#[test]
fn an_error_interrupts_at_once() {
    let rig = rig(1);
    assert!(rig.ring(0).outcome(Register::Orjrr, 1).interrupt);
    assert_eq!(rig.ring(0).read(Register::Jrintr), 0x802);
    assert!(!rig.ring(0).outcome(Register::Jrintr, 2).interrupt);
    assert!(!rig.device.unmask_interrupt(rig.now).interrupt);
}

#[test]
fn the_deadline_is_the_earliest_of_the_rings() {
    let mut rig = rig(3);
    let micros = |n: u64| u64::from(VIRT_CLOCKS_PER_64) * n;
    assert_eq!(rig.device.deadline(), None);
    for (n, time) in [(0, 300), (1, 100), (2, 200)] {
        rig.ring(n).write(Register::JrcfgrLs, JRCFGR_ICEN | 9 << 8 | time << 16);
        rig.ring(n).add(1);
    }
    for _ in 0..3 {
        let outcome = rig.complete(&take(&rig), 0);
        assert!(outcome.timer && !outcome.interrupt, "{outcome:?}");
    }
    let mut fired = Vec::new();
    while let Some(at) = rig.device.deadline() {
        fired.push(at.as_nanos() as u64);
        assert!(!rig.device.tick(at.saturating_sub(Duration::from_nanos(1))).interrupt);
        let outcome = rig.device.tick(at);
        assert_eq!(outcome.interrupt, fired.len() == 1, "once, until unmasked");
    }
    assert_eq!(fired, [micros(100), micros(200), micros(300)].map(|p| p / 1000));
    for n in 0..3 {
        assert_eq!(rig.ring(n).read(Register::Jrintr), 1);
    }
    // An acknowledge that leaves the result behind sets the timer again.
    rig.now = Duration::from_secs(1);
    assert!(rig.ring(0).outcome(Register::Jrintr, 1).timer);
    assert!(rig.device.deadline() > Some(rig.now));
}

/// Picoseconds that 64 clocks of the profile take, rounded as the timer does.
const VIRT_CLOCKS_PER_64: u32 = (64_000_000_000_000_u64 / 266_000_000) as u32;

#[test]
fn faults_show_address_and_ring_until_reset() {
    let rig = rig(2);
    rig.ring(1).add(1);
    let job = take(&rig);
    let (purpose, access) = (Purpose::Output, Access::Write);
    let error = DmaError { purpose, address: 0xdead_0000, length: 16, access };
    rig.complete_with(&job, &Report { dma_error: Some(error), ..report(0x4000_0016) });
    assert_eq!(rig.read64(0xfc0), 0xdead_0000);
    assert_eq!(rig.read32(0xfcc), 0xc000_9890);
    assert_eq!(rig.ring(1).read(Register::Jrstar), 0x4000_0016);
    // A later job without a fault does not hide it.
    rig.ring(1).add(1);
    rig.complete(&take(&rig), 0);
    assert_eq!(rig.read64(0xfc0), 0xdead_0000);
    let _ = rig.device.reset(rig.now);
    assert_eq!((rig.read64(0xfc0), rig.read32(0xfcc)), (0, 0));
}

#[test]
fn statistics_are_json_with_these_fields() {
    let mut rig = rig(2);
    let at = Duration::from_nanos;
    rig.now = at(100);
    rig.ring(1).add(4);
    let work = crate::descriptors::ccb::work::Work::AesCbc;
    let operations = [Some((work, crate::crypto::Direction::Decrypt, 512)), None];
    let taken = take(&rig);
    rig.now = at(108);
    rig.complete_with(&taken, &Report { operations, ..report(0) });
    rig.complete_with(&take(&rig), &Report { operations, ..report(0) });
    rig.complete_with(&take(&rig), &Report { operations, ..report(0x4000_0004) });
    rig.ring(1).write(Register::Jrcr, 1);
    rig.ring(0).write(Register::Orjrr, 1);
    rig.now = at(109);
    rig.ring(1).write(Register::Orjrr, 1);
    assert_eq!(rig.ring(1).read(Register::Irsar), 16);
    rig.now = at(110);
    let json = serde_json::to_value(rig.device.statistics(rig.now)).unwrap();
    let no_times = serde_json::json!({
        "count": 0, "sum_ns": 0, "p50_ns": 0, "p90_ns": 0, "p99_ns": 0, "max_ns": 0,
        "buckets": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    });
    let three = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let aes = serde_json::json!([
        { "name": "aes-cbc", "direction": "decrypt", "jobs": 2, "bytes": 1024 },
    ]);
    let queue_wait = serde_json::json!({
        "count": 3, "sum_ns": 16, "p50_ns": 8, "p90_ns": 8, "p99_ns": 8, "max_ns": 8,
        "buckets": three,
    });
    let service_time = serde_json::json!({
        "count": 3, "sum_ns": 8, "p50_ns": 0, "p90_ns": 8, "p99_ns": 8, "max_ns": 8,
        "buckets": three,
    });
    let failures = serde_json::json!([{
        "ring": 1, "job": 3, "descriptor": "0xc", "status": "0x40000004",
        "meaning": "deco/invalid-command", "fault": false, "at_ns": 108,
    }]);
    let expected = serde_json::json!({
        "version": 1,
        "soc": "virt-era9",
        "decos": 2,
        "decos_busy": 0,
        "uptime_ns": 110,
        "rings": [
            {
                "ring": 0, "added": 0, "jobs": 0, "succeeded": 0, "failed": 0, "flushed": 0, "lost": 0,
                "errors": 1, "occupancy": 0, "max_occupancy": 0,
                "input_size": 16, "output_size": 16, "pending": 0, "in_flight": 0, "waiting": 0,
                "state": "running", "occupancy_time": [{ "from": 0, "to": 0, "ns": 110 }],
                "full": false, "became_full": 0, "full_ns": 0, "doorbells": 0, "last_doorbell_ns": null,
                "slot_reads": 0, "slot_refusals": 0, "accesses": { "reads": 0, "writes": 7 }, "interrupts": { "raised": 1, "merged": 0, "lost": 0 },
                "queue_wait": no_times, "service_time": no_times, "last_job": null,
                "operations": [],
            },
            {
                "ring": 1, "added": 4, "jobs": 3, "succeeded": 2, "failed": 2, "flushed": 1, "lost": 0,
                "errors": 0, "occupancy": 3, "max_occupancy": 4,
                "input_size": 16, "output_size": 16, "pending": 0, "in_flight": 0, "waiting": 3,
                "state": "halted",
                "occupancy_time": [
                    { "from": 0, "to": 0, "ns": 100 },
                    { "from": 2, "to": 3, "ns": 1 },
                    { "from": 4, "to": 7, "ns": 9 },
                ],
                "full": false, "became_full": 0, "full_ns": 0, "doorbells": 1, "last_doorbell_ns": 100,
                "slot_reads": 1, "slot_refusals": 0, "accesses": { "reads": 1, "writes": 9 }, "interrupts": { "raised": 1, "merged": 3, "lost": 0 },
                "queue_wait": queue_wait,
                "service_time": service_time,
                "last_job": { "descriptor": "0x10", "status": "0x4000001a", "at_ns": 108 },
                "operations": aes,
            },
        ],
        "operations": aes,
        "interrupts": { "raised": 1 },
        "failures": failures,
        "faults": { "seed": rig.device.setup().fault_seed, "rules": [] },
        "trace": { "on": false, "events": 0, "dropped": 0 },
    });
    assert_eq!(json, expected);
    let read: crate::control::stats::Statistics = serde_json::from_value(json).unwrap();
    assert_eq!(read, rig.device.statistics(rig.now), "what was written can be read");
}
