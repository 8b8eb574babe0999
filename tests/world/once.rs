//! Exactly once: whatever goes wrong on purpose, and however rings are flushed, parked and reset
//! meanwhile, each job comes back once, or is known to be lost; by the client's count and by the
//! emulator's.

use crate::machine::*;
use std::path::Path;

/// What may go wrong without a job being lost: several at a time, by chance.
const RULES: [&str; 23] = [
    "stall:for=1ms,every=23",
    "stall:for=1ms,rings=all,every=61",
    "stall:release=full,for=2ms,every=47",
    "latency:uniform=0us..400us,probability=0.3",
    "latency:fixed=1ms,every=17",
    "reorder:window=4,within=1ms",
    "reorder:window=8,within=2ms,probability=0.5",
    "decos:count=1,probability=0.3",
    "status:value=ccb/aes/icv-check,every=29",
    "watchdog:every=37",
    "deco-hang:for=1ms,every=31",
    "dma-error:of=descriptor,every=27",
    "dma-error:of=input,every=33",
    "dma-error:of=output,every=19",
    "output-entry:late=200us,every=13",
    "irq-lost:every=7",
    "irq-delay:by=1ms,every=9",
    "irq-coalesce:count=4,within=1ms",
    "flush:outcome=slow,by=1ms,every=2",
    "flush:outcome=fail,every=3",
    "reset-ring:outcome=slow,by=1ms,every=2",
    // The ring breaks, and has to be reset.
    "dma-error:of=output-ring,every=149",
    "dma-error:of=input-ring,every=211",
];

/// Only a flush or reset ends these.
const HANG: &str = "deco-hang:probability=0.01";

/// Says how to repeat a run that fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("CAAM_WORLD_SEED={} repeats this", self.0);
        }
    }
}

/// A life of `steps` steps. How many jobs there were.
fn live(seed: u64, steps: u64) -> u64 {
    let _seed = Seed(seed);
    let mut draw = Draw::new(seed);
    let decos = 1 + draw.below(4);
    let size = 4 + draw.below(29);
    let unshared = draw.below(4) == 0;
    let hangs = draw.below(5) == 0;
    let mut rules: Vec<&str> = RULES.into_iter().filter(|_| draw.below(4) == 0).collect();
    // The message with an entry that comes late may come behind a reset: see `Machine::quiet`.
    rules.retain(|rule| !(unshared && rule.contains("late=")));
    rules.extend(hangs.then_some(HANG));
    let mut arguments =
        vec!["--decos".to_owned(), decos.to_string(), "--seed".into(), seed.to_string()];
    for rule in &rules {
        arguments.extend(["--fault".to_owned(), (*rule).to_owned()]);
    }
    let (emulator, control) = emulator(&arguments);
    let mut machine = Machine::new(&emulator.socket, size, unshared);
    for _ in 0..steps {
        step(&mut machine, &mut draw, &control, hangs);
    }
    if hangs {
        for ring in &mut machine.rings {
            ring.halt(&mut machine.client, false);
        }
    } else {
        machine.drain();
    }
    machine.settle(&control);
    // Gone in the middle of it, too: nobody will ever see these, but they are counted.
    for ring in 0..machine.rings.len() {
        machine.submit(ring, size, &mut draw);
    }
    machine.reconnect();
    machine.settle(&control);
    let log = emulator.log();
    assert!(!log.contains("panic") && !log.contains("ERROR"), "{rules:?}: {log}");
    machine.rings.iter().map(|ring| ring.ledger.accepted).sum()
}

fn step(machine: &mut Machine, draw: &mut Draw, control: &Path, hangs: bool) {
    let n = draw.below(machine.rings.len() as u64) as usize;
    match draw.below(100) {
        0 => machine.reset_core(),
        1 if draw.below(2) == 0 => machine.reset_function(),
        1 => machine.reconnect(),
        // Somebody else resets it, and the guest finds out.
        2 if draw.below(4) == 0 => {
            ask(control, "reset");
            machine.reset_function();
        }
        2..=5 => {
            let reset = draw.below(2) == 0;
            let Machine { rings, client, .. } = machine;
            rings[n].halt(client, reset);
        }
        // It would wait for a DECO that hangs.
        6..=8 if !hangs => {
            let Machine { rings, client, .. } = machine;
            rings[n].park(client);
        }
        9..=60 => {
            let count = 1 + draw.below(8);
            machine.submit(n, count, draw);
        }
        _ => {
            machine.reap(n);
            let Machine { rings, client, .. } = machine;
            rings[n].mend(client);
        }
    }
}

#[test]
fn every_job_is_accounted_for_once() {
    let first = setting("CAAM_WORLD_SEED", 1);
    let lives = 12 * times();
    let jobs: u64 = (first..first + lives).map(|seed| live(seed, 300)).sum();
    eprintln!("{jobs} jobs in {lives} lives: each accounted for once");
    assert!(jobs > lives * 300, "{jobs} jobs only");
}
