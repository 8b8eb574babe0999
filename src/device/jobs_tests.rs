//! Faults that happen to jobs, at the device, with the time injected.

use super::super::tests::{Rig, RingPort};
use super::*;
use crate::fault::grammar::Fields;
use crate::jobring::fake_driver::{NARROW, Port};
use crate::jobring::registers::Register;

const MS: Duration = Duration::from_millis(1);

/// A rig with two rings of 16 entries, and these rules.
fn rig(rules: &[&str]) -> Rig {
    let rig = Rig::new(&NARROW, 2);
    for n in 0..2 {
        rig.ring(n).set_up(16);
    }
    for rule in rules {
        let added = rig.device.faults.add(&Fields::from_text(rule));
        added.unwrap_or_else(|(problem, _)| panic!("{rule}: {problem}"));
    }
    rig
}

fn take(rig: &Rig) -> Option<Job> {
    rig.device.take_job(rig.now).0
}

/// Takes and ends jobs as one DECO after the other would, until none can be had. How many.
fn work(rig: &Rig) -> usize {
    let mut done = 0;
    while let Some(job) = take(rig) {
        rig.complete(&job, 0);
        done += 1;
    }
    done
}

/// Lets time pass up to the device's next deadline. What has to be done then.
fn wait(rig: &mut Rig) -> Outcome {
    rig.now = rig.device.deadline().expect("a deadline");
    rig.device.tick(rig.now)
}

/// Results that wait in a ring's output ring.
fn waiting(rig: &Rig, ring: usize) -> u32 {
    rig.ring(ring).read(Register::Orsfr)
}

fn counts(rig: &Rig) -> Vec<(u64, u64)> {
    rig.device.faults.list().iter().map(|r| (r.matched, r.fired)).collect()
}

/// The jobs, by their place in the ring, in the order in which they were given back.
fn order(ring: &RingPort<'_>, count: u64) -> Vec<u32> {
    let entry = |i| ring.peek(ring.output() + i * 8, 4);
    // `RingPort` counts descriptor addresses in fours, from 4.
    let place = |i| u32::from_le_bytes(entry(i).try_into().unwrap()).wrapping_sub(4) / 4;
    (0..count).map(place).collect()
}

#[test]
fn a_stall_every_fourth_job() {
    let mut rig = rig(&["stall:for=20ms,every=4"]);
    rig.ring(0).add(10);
    assert_eq!(work(&rig), 3);
    assert_eq!(rig.device.deadline(), Some(20 * MS));
    assert!(!rig.device.has_work());
    assert!(wait(&mut rig).doorbell);
    assert_eq!((work(&rig), rig.device.deadline()), (4, Some(40 * MS)));
    assert!(wait(&mut rig).doorbell);
    assert_eq!((work(&rig), rig.device.deadline()), (3, None));
    assert_eq!(counts(&rig), [(10, 2)]);
}

#[test]
fn a_breakpoint_holds_one_job_until_it_is_released() {
    let rig = rig(&["stall:release=manual,ring=1,job=3"]);
    rig.ring(0).add(5);
    rig.ring(1).add(5);
    assert_eq!(work(&rig), 7, "five of ring 0, two of ring 1");
    assert_eq!((waiting(&rig, 1), rig.device.deadline()), (2, None));
    assert_eq!(rig.device.resume(Some(0), rig.now).0, 0);
    let (count, outcome) = rig.device.resume(None, rig.now);
    assert_eq!((count, outcome.doorbell), (1, true));
    assert_eq!((work(&rig), waiting(&rig, 1)), (3, 5));
}

#[test]
fn a_stall_of_all_rings() {
    let mut rig = rig(&["stall:for=1ms,rings=all,ring=0,nth=2"]);
    rig.ring(0).add(4);
    let job = take(&rig).expect("a job");
    rig.complete(&job, 0);
    rig.ring(1).add(4);
    // The other ring may have had its turn before.
    let before = work(&rig);
    assert!(before <= 1, "{before}");
    assert!(!rig.device.has_work());
    assert!(wait(&mut rig).doorbell);
    assert_eq!(work(&rig), 7 - before);
}

#[test]
fn a_stall_until_the_ring_is_full() {
    let rig = rig(&["stall:release=full,once"]);
    rig.ring(0).add(14);
    assert_eq!(work(&rig), 0);
    // Linux leaves one slot of its 16 empty.
    rig.ring(0).add(1);
    assert_eq!(work(&rig), 15);
}

#[test]
fn rules_see_what_a_job_is() {
    // No descriptor is there: nothing is known of the job but number and address.
    let rig = rig(&["stall:release=manual,alg=aes-xts", "stall:release=manual,descriptor=8"]);
    rig.ring(0).add(3);
    assert_eq!(work(&rig), 1, "the second one has the address 8");
    assert_eq!(counts(&rig), [(0, 0), (1, 1)]);
}

#[test]
fn latency_occupies_a_deco_until_it_is_over() {
    let mut rig = rig(&["latency:fixed=2ms"]);
    rig.ring(0).add(4);
    // Two DECOs.
    assert_eq!(work(&rig), 2);
    assert_eq!((waiting(&rig, 0), rig.device.has_work()), (0, false));
    rig.now = MS;
    assert!(take(&rig).is_none());
    assert_eq!(rig.device.deadline(), Some(2 * MS));
    let outcome = wait(&mut rig);
    assert!(outcome.doorbell && outcome.interrupt);
    assert_eq!(waiting(&rig, 0), 2);
    assert_eq!(work(&rig), 2);
    wait(&mut rig);
    assert_eq!((rig.now, waiting(&rig, 0), rig.device.deadline()), (4 * MS, 4, None));
}

#[test]
fn a_job_that_took_longer_than_its_latency_is_not_held() {
    let mut rig = rig(&["latency:fixed=2ms"]);
    rig.ring(0).add(1);
    let job = take(&rig).expect("a job");
    rig.now = 3 * MS;
    rig.complete(&job, 0);
    assert_eq!(waiting(&rig, 0), 1);
}

#[test]
fn fewer_decos() {
    let rig = rig(&["decos:count=1,name=few"]);
    rig.ring(0).add(3);
    let first = take(&rig).expect("a job");
    assert!(take(&rig).is_none() && !rig.device.has_work());
    rig.complete(&first, 0);
    let second = take(&rig).expect("a job");
    rig.device.faults.clear(Some("few")).expect("the rule");
    let third = take(&rig).expect("the other DECO");
    rig.complete(&third, 0);
    rig.complete(&second, 0);
    assert_eq!(waiting(&rig, 0), 3);
}

#[test]
fn a_window_is_given_back_in_another_order() {
    let rig = rig(&["reorder:window=8"]);
    rig.ring(0).add(15);
    assert_eq!(work(&rig), 15);
    // The second window was not filled; nothing more can come into it.
    assert_eq!(waiting(&rig, 0), 15);
    let order = order(&rig.ring(0), 15);
    let (mut first, mut second) = (order[..8].to_vec(), order[8..].to_vec());
    assert!(first.windows(2).any(|w| w[0] > w[1]), "{order:?}");
    first.sort_unstable();
    second.sort_unstable();
    assert_eq!((first, second), ((0..8).collect(), (8..15).collect()));
}

#[test]
fn the_order_comes_from_the_seed() {
    let run = || {
        let rig = rig(&["reorder:window=8"]);
        rig.ring(0).add(8);
        work(&rig);
        order(&rig.ring(0), 8)
    };
    assert_eq!(run(), run());
}

#[test]
fn nothing_waits_longer_in_a_window_than_it_says() {
    let mut rig = rig(&["reorder:window=8,within=3ms", "stall:release=manual,job=4"]);
    rig.ring(0).add(3);
    let jobs = [take(&rig).expect("a job"), take(&rig).expect("another")];
    rig.complete(&jobs[0], 0);
    // The second one still runs, so more may come.
    assert_eq!((waiting(&rig, 0), rig.device.deadline()), (0, Some(3 * MS)));
    wait(&mut rig);
    assert_eq!(waiting(&rig, 0), 1);
    rig.complete(&jobs[1], 0);
    assert_eq!(work(&rig), 1);
    assert_eq!(waiting(&rig, 0), 3);
}

#[test]
fn a_status_instead_of_a_run() {
    let rig = rig(&["status:value=ccb/aes/icv-check,nth=2", "watchdog:nth=3"]);
    rig.ring(0).add(3);
    let mut scratch = Scratch::default();
    let mut statuses = Vec::new();
    while let Some(job) = take(&rig) {
        let report = rig.device.run_job(&job, &mut scratch, Budget::default());
        statuses.push(report.status.0);
        rig.complete_with(&job, &report);
    }
    // The first one is run: address 0 holds no descriptor.
    assert_eq!(statuses[1..], [0x2000_001a, 0x4000_001c]);
    assert_eq!(statuses[0] >> 28, 4);
}

#[test]
fn a_hung_deco() {
    let mut rig = rig(&["deco-hang:for=5ms,nth=1", "deco-hang:nth=2"]);
    rig.ring(0).add(3);
    let mut scratch = Scratch::default();
    let mut run = |rig: &Rig| {
        let job = take(rig)?;
        let report = rig.device.run_job(&job, &mut scratch, Budget::default());
        rig.complete_with(&job, &report);
        Some(report.status.0)
    };
    assert_eq!((run(&rig), run(&rig)), (Some(0x4000_001c), Some(0x4000_001c)));
    assert!(run(&rig).is_none(), "both DECOs hang");
    assert!(wait(&mut rig).doorbell);
    assert_eq!((rig.now, waiting(&rig, 0)), (5 * MS, 1));
    assert_eq!(run(&rig).map(|status| status >> 28), Some(4));
    assert_eq!((waiting(&rig, 0), rig.device.deadline()), (2, None));
    // Only a flush ends the other.
    rig.ring(0).write(Register::Jrcr, 1);
    assert_eq!((waiting(&rig, 0), rig.ring(0).read(Register::Jrintr) >> 2 & 3), (3, 2));
    let entry = rig.ring(0).peek(rig.ring(0).output() + 2 * 8, 8);
    assert_eq!(u32::from_le_bytes(entry[4..].try_into().unwrap()), JobStatus::FLUSHED.0);
}

#[test]
fn a_flush_gives_back_what_is_held_and_a_reset_drops_it() {
    for reset in [false, true] {
        let rig = rig(&["latency:fixed=1s,job=1,ring=0", "reorder:window=8,job=2.."]);
        rig.ring(0).add(3);
        rig.ring(1).add(1);
        assert_eq!(work(&rig), 4);
        if reset {
            let _ = rig.device.reset(rig.now);
            assert_eq!(waiting(&rig, 0), 0);
        } else {
            rig.ring(0).write(Register::Jrcr, 1);
            assert_eq!((waiting(&rig, 0), rig.ring(0).read(Register::Jrintr) >> 2 & 3), (3, 2));
        }
        let stats = rig.device.statistics(rig.now);
        let ended = stats.rings[0].succeeded + stats.rings[0].failed + stats.rings[0].lost;
        assert_eq!(ended, 3, "each once");
        if reset {
            assert_eq!(rig.device.deadline(), None);
        }
    }
}

#[test]
fn a_job_that_runs_on_behind_a_reset_neither_fails_nor_writes() {
    let rig = rig(&[]);
    let mut ring = rig.ring(0);
    // Header, LOAD of four immediate bytes to the output FIFO, FIFO STORE: a write to see.
    let (descriptor, target) = (ring.input() + 0x1000, ring.output() + 0x1000);
    let words = [0xb080_0005, 0x10fe_0004, 0x600d_f00d, 0x6030_0004, target as u32];
    let words: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    ring.poke(descriptor, &words);
    let run = |reset: bool| {
        let mut ring = rig.ring(0);
        ring.set_up(16);
        ring.poke(target, &[0; 4]);
        ring.poke(ring.input(), &(descriptor as u32).to_le_bytes());
        ring.write(Register::Irjar, 1);
        let job = take(&rig).expect("a job");
        if reset {
            let _ = rig.device.reset(rig.now);
            // As the next driver does.
            rig.device.write_config(4, &[6, 0]).expect("COMMAND");
        }
        let report = rig.device.run_job(&job, &mut Scratch::default(), Budget::default());
        rig.complete_with(&job, &report);
        (report.status.0, report.dma_error, rig.ring(0).peek(target, 4))
    };
    assert_eq!(run(false), (0, None, vec![0x0d, 0xf0, 0x0d, 0x60]));
    assert_eq!(run(true), (JobStatus::FLUSHED.0, None, vec![0; 4]));
    let fault = rig.read32(0xfcc);
    assert_eq!(fault, 0, "FADR");
}

#[test]
fn each_fault_with_a_job_is_counted_and_told() {
    let rig = rig(&["output-entry:entry=zero,nth=2", "vanish:for=1s,nth=3"]);
    rig.ring(0).add(3);
    let vanished: Vec<_> = (0..3)
        .map(|_| {
            let (job, outcome) = rig.device.take_job(rig.now);
            rig.complete(&job.expect("a job"), 0);
            outcome.vanish
        })
        .collect();
    assert_eq!(vanished, [None, None, Some(1000 * MS)]);
    assert_eq!(order(&rig.ring(0), 3), [0, u32::MAX / 4, 2], "the second has the address 0");
    assert_eq!(counts(&rig), [(3, 1), (3, 1)]);
}

#[test]
fn the_depth_that_irsar_shows_changes_at_run_time() {
    let mut rig = rig(&["ring-depth:slots=4,ring=0,name=a", "ring-depth:slots=9,from=1ms,name=b"]);
    let free = |rig: &Rig, n| rig.ring(n).read(Register::Irsar);
    assert_eq!((free(&rig, 0), free(&rig, 1)), (4, 16));
    rig.now = MS;
    assert_eq!((free(&rig, 0), free(&rig, 1)), (4, 9));
    rig.device.faults.clear(Some("a")).expect("the rule");
    assert_eq!(free(&rig, 0), 9);
    rig.device.faults.clear(None).expect("all rules");
    assert_eq!((free(&rig, 0), free(&rig, 1)), (16, 16));
}

#[test]
fn a_deco_is_busy_until_the_result_is_there() {
    // Two threads: whoever sees CSTA idle with the input ring empty must see the result.
    let rig = rig(&[]);
    for count in 1..=15 {
        rig.ring(0).add(1);
        let job = take(&rig).expect("a job");
        std::thread::scope(|scope| {
            scope.spawn(|| rig.complete(&job, 0));
            while rig.read32(0xfd4) & 3 == 1 {
                std::hint::spin_loop();
            }
            assert_eq!(waiting(&rig, 0), count);
        });
    }
}

#[test]
fn without_rules_nothing_is_asked() {
    let rig = rig(&[]);
    rig.ring(0).add(1);
    let (job, _) = rig.device.take_job(rig.now);
    assert!(job.expect("a job").faults().is_none());
}
