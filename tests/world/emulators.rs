//! Emulators: eight at once, killed in the middle of it, and stopped for a while.

use crate::machine::*;
use crate::support::*;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

#[test]
fn eight_devices_at_once_do_each_their_own_jobs() {
    let rounds = 20 * times();
    std::thread::scope(|scope| {
        for n in 1..=8 {
            scope.spawn(move || {
                let rules = ["--fault", "latency:uniform=0us..200us,probability=0.2"];
                let arguments = ["--decos", "2"].into_iter().chain(rules).map(str::to_owned);
                let (emulator, control) = emulator(&arguments.collect::<Vec<_>>());
                // Other texts, at the same addresses.
                let mut draw = Draw::new(n);
                let mut machine = Machine::new(&emulator.socket, 16, false);
                for _ in 0..rounds {
                    for ring in 0..machine.rings.len() {
                        machine.submit(ring, 8, &mut draw);
                    }
                    machine.drain();
                }
                machine.settle(&control);
                let done: u64 = machine.rings.iter().map(|ring| ring.ledger.succeeded).sum();
                assert_eq!(done, rounds * RINGS * 8);
            });
        }
    });
}

/// One that listens there; its log is elsewhere.
fn listening(socket: &Path, control: &Path) -> Emulator {
    let arguments = ["--socket-path", socket.to_str().unwrap(), "--control"];
    let mut command = serve(arguments);
    command.arg(control).args(["--decos", "2", "--fault", "deco-hang:probability=0.01"]);
    Emulator::spawn(command, TempDir::new().unwrap(), PathBuf::from(socket))
}

#[test]
fn an_emulator_that_is_killed_is_followed_by_the_next_at_the_same_place() {
    let folder = TempDir::new().unwrap();
    let (socket, control) = (folder.path().join("caam.sock"), folder.path().join("control.sock"));
    let mut draw = Draw::new(setting("CAAM_WORLD_SEED", 1));
    for n in 0..6 * times() {
        let mut emulator = listening(&socket, &control);
        let mut machine = Machine::new(&socket, 16, n % 3 == 2);
        for _ in 0..20 {
            let ring = draw.below(RINGS) as usize;
            machine.submit(ring, 8, &mut draw);
        }
        let (number, code) =
            if n % 2 == 0 { (libc::SIGKILL, None) } else { (libc::SIGTERM, Some(0)) };
        let ended = emulator.stop(number);
        assert_eq!(ended.code, code, "{}", ended.stderr);
        // A stale socket is left behind, or none.
        assert_eq!((socket.exists(), control.exists()), (n % 2 == 0, n % 2 == 0));
        // The client is told at once: it does not wait for a device that is not there.
        until("the end of the connection", || !machine.client.try_write(BAR0, 0x10, &[0; 4]));
    }
    let _emulator = listening(&socket, &control);
    let mut machine = Machine::new(&socket, 16, false);
    for ring in 0..machine.rings.len() {
        machine.submit(ring, 16, &mut draw);
    }
    for ring in &mut machine.rings {
        // Some may hang, which a flush ends.
        ring.halt(&mut machine.client, true);
    }
    machine.settle(&control);
}

/// As when the host is suspended.
#[test]
fn an_emulator_that_was_stopped_goes_on_with_jobs_and_timers() {
    const LONG: Duration = Duration::from_millis(100);
    let rules = [
        "stall:for=30ms,every=9",
        "latency:fixed=20ms,every=5",
        "deco-hang:for=50ms,every=21",
        "irq-delay:by=20ms,every=3",
        "output-entry:late=10ms,every=7",
        "reorder:window=4,within=20ms",
        "flush:outcome=slow,by=20ms",
    ];
    let arguments: Vec<_> =
        rules.iter().flat_map(|rule| ["--fault".into(), (*rule).into()]).collect();
    let (emulator, control) = emulator(&arguments);
    let mut machine = Machine::new(&emulator.socket, 16, false);
    let mut draw = Draw::new(1);
    for round in 0..5 * times() {
        for ring in 0..machine.rings.len() {
            machine.submit(ring, 12, &mut draw);
        }
        signal(&emulator.child, libc::SIGSTOP);
        // What is asked now is answered then, and not forgotten.
        machine.client.region_post(BAR0, 0x10, &(round as u32).to_le_bytes());
        std::thread::sleep(LONG);
        signal(&emulator.child, libc::SIGCONT);
        assert_eq!(machine.read(0x10), round as u32);
        // Not one timer is lost: all that was held back comes.
        machine.drain();
        for ring in &mut machine.rings {
            ring.halt(&mut machine.client, round % 2 == 0);
        }
        machine.settle(&control);
    }
    let mut emulator = emulator;
    signal(&emulator.child, libc::SIGSTOP);
    std::thread::sleep(LONG);
    signal(&emulator.child, libc::SIGCONT);
    assert_eq!(emulator.stop(libc::SIGTERM).code, Some(0));
}
