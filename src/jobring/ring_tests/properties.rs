//! Random sequences: no correct driver is ever stuck, and no job is done twice or forgotten.

use super::*;
use crate::jobring::TakenJob;
use crate::jobring::registers::{JRCFGR_ICEN, JRCR_PARK, JRCR_RESET};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::HashSet;

/// The same cases at every run. (Thousands of others have passed, too.)
fn config(cases: u32) -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(0xcaa0);
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

/// One step of driver or device.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The driver tries to add up to so many jobs.
    Enqueue(usize),
    /// DECOs take up to so many.
    Take(usize),
    /// Of the jobs in flight, the one at this place (modulo their number) ends.
    Complete(usize),
    /// The driver looks, and takes up to so many results.
    Service(usize),
    /// Time passes.
    Wait(u64),
}

fn step(depth: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..=depth + 1).prop_map(Step::Enqueue),
        3 => (1..=depth).prop_map(Step::Take),
        4 => any::<usize>().prop_map(Step::Complete),
        2 => (1..=depth + 1).prop_map(Step::Service),
        1 => (1..1_000_000_u64).prop_map(Step::Wait),
    ]
}

fn depths() -> impl Strategy<Value = u32> {
    prop_oneof![9 => 2..20_u32, 1 => prop::sample::select(vec![64_u32, 80, 512, 1000, 1023, 1024])]
}

fn scenario() -> impl Strategy<Value = (u32, Vec<Step>)> {
    depths().prop_flat_map(|depth| {
        (Just(depth), prop::collection::vec(step(depth.min(64) as usize), 1..150))
    })
}

fn sequence_of(kind: Kind) -> impl Strategy<Value = (Kind, u32, Vec<Step>)> {
    scenario().prop_map(move |(depth, steps)| (kind, depth, steps))
}

struct World {
    bench: Bench,
    driver: FakeDriver,
    in_flight: Vec<TakenJob>,
}

impl World {
    fn new(kind: Kind, depth: u32, coalescing: u32) -> Self {
        let mut bench = Bench::new(&NARROW);
        let mut driver = FakeDriver::new(kind, &NARROW, depth, INPUT, OUTPUT);
        driver.initialise(&mut bench);
        bench.write(JrcfgrLs, coalescing);
        Self { bench, driver, in_flight: Vec::new() }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Enqueue(n) => {
                for _ in 0..n {
                    if self.driver.enqueue(&mut self.bench).is_err() {
                        break;
                    }
                }
            }
            Step::Take(n) => {
                for _ in 0..n {
                    let Some(job) = self.bench.take() else { break };
                    self.in_flight.push(job);
                }
            }
            Step::Complete(n) if !self.in_flight.is_empty() => {
                let job = self.in_flight.swap_remove(n % self.in_flight.len());
                self.bench.complete(&job, 0);
            }
            Step::Complete(_) => {}
            Step::Service(limit) => {
                let line = self.bench.ring.line();
                self.driver.service(&mut self.bench, line, limit);
            }
            Step::Wait(ns) => {
                self.bench.now += Duration::from_nanos(ns);
                let _ = self.bench.ring.tick(&self.bench.ram, self.bench.now);
            }
        }
    }

    /// Lets everything that is under way come to its end.
    fn drain(&mut self) {
        for _ in 0..self.driver.accepted * 2 + 8 {
            self.step(Step::Take(usize::MAX));
            for job in self.in_flight.drain(..) {
                self.bench.complete(&job, 0);
            }
            if let Some(at) = self.bench.ring.deadline() {
                self.bench.now = at;
                let _ = self.bench.ring.tick(&self.bench.ram, at);
            }
            self.step(Step::Service(usize::MAX));
            if self.driver.outstanding() == 0 {
                return;
            }
        }
        panic!("wedged: {:?}", self.bench.ring);
    }

    fn check(&self) {
        let bench = &self.bench;
        let pending = bench.ring.occupancy() - self.in_flight.len() as u32 - bench.read(Orsfr);
        assert_eq!(bench.read(Irsar), bench.read(Irsr) - pending, "IRSAR = IRS - pending");
        assert_eq!(bench.error(), None);
        // A result that waits has raised JRI, or a timer will.
        let waiting = bench.read(Orsfr) > 0;
        let told = bench.read(Jrintr) & 1 != 0 || bench.ring.deadline().is_some();
        assert!(!waiting || told, "a forgotten result: {bench:?}");
        assert!(!bench.ring.line() || bench.read(Jrintr) != 0);
    }
}

/// Runs a sequence, drains, and goes once round the ring more: a driver that is stuck shows.
fn survives(kind: Kind, depth: u32, coalescing: u32, steps: &[Step]) -> World {
    let mut world = World::new(kind, depth, coalescing);
    for step in steps {
        world.step(*step);
        world.check();
    }
    world.drain();
    for _ in 0..2 {
        for _ in 0..depth - 1 {
            world.driver.enqueue(&mut world.bench).expect("an empty ring takes depth - 1 jobs");
            world.check();
        }
        assert_eq!(world.driver.enqueue(&mut world.bench), Err(Refused::OwnRing));
        world.drain();
    }
    let ended: HashSet<u64> = world.driver.finished.iter().map(|(d, _)| *d).collect();
    assert_eq!(world.driver.finished.len() as u64, world.driver.accepted);
    assert_eq!(ended.len() as u64, world.driver.accepted, "no job ended twice");
    let stats = world.bench.ring.stats();
    assert_eq!((stats.taken, stats.succeeded), (world.driver.accepted, world.driver.accepted));
    assert!(stats.max_occupancy <= depth);
    world
}

proptest! {
    #![proptest_config(config(128))]

    /// The IRSA trap: a 0 read at the wrong moment stops Linux 6.1 for good.
    #[test]
    fn linux_never_reads_zero_free_slots((kind, depth, steps) in sequence_of(Kind::Linux)) {
        let world = survives(kind, depth, 0, &steps);
        prop_assert!(!world.driver.slots_seen.contains(&0), "{:?}", world.driver.slots_seen);
        prop_assert!(!world.driver.slots_seen.is_empty());
    }

    #[test]
    fn linux_with_coalescing_loses_no_result(
        (kind, depth, steps) in sequence_of(Kind::Linux),
        count in 0..=255_u32,
        time in 0..=0xffff_u32,
    ) {
        survives(kind, depth, JRCFGR_ICEN | count << 8 | time << 16, &steps);
    }

    #[test]
    fn every_driver_gets_every_job_back_once(
        kind in prop::sample::select(Kind::ALL.to_vec()),
        (depth, steps) in scenario(),
    ) {
        survives(kind, depth, 0, &steps);
    }
}

/// Anything a guest, good or bad, can do to a ring.
#[derive(Debug, Clone, Copy)]
enum Abuse {
    Add(u32),
    Remove(u32),
    Take,
    Complete(usize),
    Command(u32),
    Acknowledge(u32),
    Write(usize, u32),
    Reset,
    Memory(bool, bool),
    Tick(u64),
}

fn abuse() -> impl Strategy<Value = Abuse> {
    let small = prop_oneof![8 => 0..6_u32, 1 => any::<u32>()];
    let commands = vec![JRCR_RESET, JRCR_RESET, JRCR_PARK, 3, 0];
    prop_oneof![
        6 => small.clone().prop_map(Abuse::Add),
        4 => small.clone().prop_map(Abuse::Remove),
        6 => Just(Abuse::Take),
        5 => any::<usize>().prop_map(Abuse::Complete),
        2 => prop::sample::select(commands).prop_map(Abuse::Command),
        2 => (0..16_u32).prop_map(Abuse::Acknowledge),
        1 => (any::<usize>(), prop_oneof![0..40_u32, any::<u32>()])
            .prop_map(|(r, v)| Abuse::Write(r, v)),
        1 => Just(Abuse::Reset),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(r, w)| Abuse::Memory(r, w)),
        1 => any::<u64>().prop_map(Abuse::Tick),
    ]
}

proptest! {
    #![proptest_config(config(256))]

    /// added == succeeded + failed + lost + pending + in flight, whatever happens.
    #[test]
    fn no_job_is_created_or_forgotten(steps in prop::collection::vec(abuse(), 1..200)) {
        let mut bench = Bench::with_sizes(&NARROW, 8, 8);
        let mut in_flight: Vec<(u32, TakenJob)> = Vec::new();
        // Those taken before the last reset: their results go nowhere.
        let (mut added, mut epoch) = (0_u64, 0_u32);
        for step in steps {
            let errors = bench.ring.stats().errors;
            match step {
                Abuse::Add(n) => {
                    bench.write(Irjar, n);
                    if bench.ring.stats().errors == errors {
                        added += u64::from(n);
                    }
                }
                Abuse::Remove(n) => { bench.write(Orjrr, n); }
                Abuse::Take => {
                    if let Some(job) = bench.take() {
                        in_flight.push((epoch, job));
                    }
                }
                Abuse::Complete(n) if !in_flight.is_empty() => {
                    let (_, job) = in_flight.swap_remove(n % in_flight.len());
                    bench.complete(&job, (n & 1) as u32);
                }
                Abuse::Complete(_) => {}
                Abuse::Command(value) => {
                    let reset = value & JRCR_RESET != 0 && bench.halt() == 2;
                    bench.write(Jrcr, value);
                    if reset && bench.halt() == 0 {
                        epoch += 1;
                        bench.set_up(8, 8);
                    }
                }
                Abuse::Acknowledge(value) => { bench.write(Jrintr, value); }
                Abuse::Write(r, value) => {
                    let all = [Irsr, Orsr, Irsar, Orsfr, Irrir, Orwir, Jrstar, JrcfgrLs, JrcfgrMs];
                    bench.write(all[r % all.len()], value);
                }
                Abuse::Reset => {
                    bench.ring.reset(bench.now);
                    epoch += 1;
                    bench.set_up(8, 8);
                }
                Abuse::Memory(readable, writable) => {
                    bench.ram.readable.set(readable);
                    bench.ram.writable.set(writable);
                }
                Abuse::Tick(ns) => {
                    let _ = bench.ring.tick(&bench.ram, Duration::from_nanos(ns));
                }
            }
            let stats = bench.ring.stats();
            prop_assert_eq!(stats.added, added);
            let running = in_flight.iter().filter(|(e, _)| *e == epoch).count() as u64;
            let pending = u64::from(bench.ring.occupancy() - bench.read(Orsfr)) - running;
            prop_assert_eq!(
                added,
                stats.succeeded + stats.failed + stats.lost + pending + running,
                "{:?} after {:?}", bench.ring, step
            );
            prop_assert_eq!(
                u64::from(bench.read(Irsar)) + pending,
                u64::from(bench.read(Irsr)),
            );
            prop_assert!(bench.read(Orsfr) <= bench.read(Orsr));
            prop_assert!(stats.flushed <= stats.failed);
            prop_assert!(!bench.ring.line() || bench.read(Jrintr) & 3 != 0);
            if bench.halt() == 2 {
                prop_assert_eq!(running, 0);
            }
            prop_assert!(!bench.ring.ready() || bench.halt() == 0);
        }
    }
}

#[test]
fn depths_of_two_to_1024_go_round_twice() {
    for depth in (2..=33).chain([63, 64, 65, 80, 127, 128, 255, 256, 511, 512, 1000, 1023, 1024]) {
        let world = survives(Kind::Linux, depth, 0, &[]);
        let least = world.driver.slots_seen.iter().min();
        assert!(least.is_none_or(|n| *n >= 1), "depth {depth}");
    }
}

#[test]
fn nothing_fetched_still_leaves_linux_one_slot() {
    // The worst moment: depth - 1 jobs queued, none fetched, right when the cache runs out.
    for depth in [2, 3, 4, 16, 512, 1024] {
        let mut world = World::new(Kind::Linux, depth, 0);
        world.driver.enqueue(&mut world.bench).unwrap();
        world.drain();
        for _ in 0..depth - 1 {
            world.driver.enqueue(&mut world.bench).unwrap();
        }
        assert_eq!(world.driver.slots_seen, [1], "depth {depth}");
        world.drain();
        world.driver.enqueue(&mut world.bench).expect("not wedged");
    }
}
