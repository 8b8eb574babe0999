//! Clients that go, in the middle of whatever it is, and the next one that comes.

use crate::curve::Curve;
use crate::machine::*;
use crate::support::*;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

const SIZE: u64 = 16;

/// The ways to go.
const WAYS: u64 = 8;

fn go(way: u64, socket: &Path, draw: &mut Draw) {
    let unshared = matches!(way, 3 | 4);
    let mut machine = Machine::new(socket, SIZE, unshared);
    let Machine { rings, client, .. } = &mut machine;
    for ring in rings {
        ring.post(client, 8, draw);
    }
    match way {
        // With jobs running, and nothing read of what has been said.
        0 => {}
        // In a message's header; in a write's data.
        1 => client.bytes(&[1, 0, 10, 0, 32]),
        2 => {
            let header = Header { id: 1, command: REGION_WRITE, size: 96, flags: 0, error: 0 };
            client.bytes(&[&header.bytes()[..], &words(&[0, 0, BAR0, 64, 1, 2])].concat());
        }
        // Asked for its memory, and gone; or in the middle of the answer.
        3 | 4 => {
            let mut question = [0; 16];
            client.stream.read_exact(&mut question).unwrap();
            if way == 4 {
                question[8] = 1;
                client.bytes(&question[..10]);
            }
        }
        // With hundreds of answers that nobody reads.
        5 => {
            let read = |id| Header { id, command: REGION_READ, size: 32, flags: 0, error: 0 };
            for id in 0..300 {
                let access = words(&[0, 0, BAR0, 256]);
                client.bytes(&[&read(id).bytes()[..], &access].concat());
            }
        }
        // It has said its last word, but listens.
        6 => {
            client.stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut rest = Vec::new();
            let _ = client.stream.read_to_end(&mut rest);
        }
        // Before it has said anything at all.
        _ => drop(Raw::connect(socket)),
    }
}

#[test]
fn clients_that_go_in_the_middle_of_anything_leave_nothing_behind() {
    let cycles = 200 * times();
    let (emulator, control) = emulator(&["--decos".into(), "3".into()]);
    let mut draw = Draw::new(setting("CAAM_WORLD_SEED", 1));
    let mut curve = Curve::new("Clients that go");
    for cycle in 0..=cycles {
        go(cycle % WAYS, &emulator.socket, &mut draw);
        if cycle % (cycles / 10) == 0 {
            let mut machine = Machine::new(&emulator.socket, SIZE, false);
            machine.works(&mut draw);
            machine.idle();
            let stats = ask(&control, "stats");
            for ring in stats["rings"].as_array().unwrap() {
                assert_eq!((&ring["pending"], &ring["in_flight"]), (&0.into(), &0.into()));
            }
            curve.measure(&emulator, cycle);
        }
    }
    curve.judge();
    assert!(!emulator.log().contains("panic"), "{}", emulator.log());
}

/// Which emulator the process that is to be killed plays client of.
const VICTIM: &str = "CAAM_WORLD_VICTIM";

#[test]
fn a_client_that_is_killed_makes_room_for_the_next() {
    if let Some(socket) = std::env::var_os(VICTIM) {
        let mut draw = Draw::new(u64::from(std::process::id()));
        let mut machine =
            Machine::new(Path::new(&socket), SIZE, std::process::id().is_multiple_of(2));
        loop {
            let ring = draw.below(RINGS) as usize;
            machine.submit(ring, 8, &mut draw);
            machine.reap(ring);
        }
    }
    let kills = 12 * times();
    let (emulator, control) = emulator(&["--decos".into(), "2".into()]);
    let mut draw = Draw::new(setting("CAAM_WORLD_SEED", 1));
    let mut curve = Curve::new("Clients killed by SIGKILL");
    let jobs = || {
        let stats = ask(&control, "stats");
        let rings = stats["rings"].as_array().unwrap().iter();
        rings.map(|ring| ring["jobs"].as_u64().unwrap()).sum::<u64>()
    };
    for kill in 0..kills {
        let before = jobs();
        let this = std::env::current_exe().unwrap();
        let name = "clients::a_client_that_is_killed_makes_room_for_the_next";
        let mut victim = Command::new(this)
            .args(["--exact", name])
            .env(VICTIM, &emulator.socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let enough = before + 20 + draw.below(200);
        until("jobs of the process", || jobs() > enough);
        signal(&victim, libc::SIGKILL);
        assert_eq!(wait(&mut victim).code(), None, "killed");
        let mut machine = Machine::new(&emulator.socket, SIZE, false);
        machine.works(&mut draw);
        machine.idle();
        curve.measure(&emulator, kill);
    }
    curve.judge();
}
