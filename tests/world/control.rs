//! Control clients that go, that do not read, and that are far too many, while jobs run.

use crate::curve::Curve;
use crate::machine::*;
use crate::support::*;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const STATS: &[u8] = b"{\"v\":1,\"do\":\"stats\"}\n";

fn connect(control: &Path) -> UnixStream {
    let stream = UnixStream::connect(control).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Goes in the middle of an answer, or of a question, or with more of both than fit.
fn go(way: u64, control: &Path) {
    let mut stream = connect(control);
    match way {
        0 => {
            stream.write_all(STATS).unwrap();
            stream.read_exact(&mut [0; 10]).unwrap();
        }
        1 => stream.write_all(&STATS[..7]).unwrap(),
        // It is closed for another if that one needs the place.
        2 => drop(stream.write_all(&STATS.repeat(200))),
        3 => stream.write_all(b"{\"v\":1,\"do\":\"fault-add\",\"rule\":\"stall:").unwrap(),
        _ => {}
    }
}

/// As many as there are at once: each has its answer, or is told why not.
fn crowd(control: &Path, count: usize) -> usize {
    let mut all: Vec<_> = (0..count).map(|_| BufReader::new(connect(control))).collect();
    let mut served = 0;
    for client in &mut all {
        // One that was refused is closed already.
        let _ = client.get_mut().write_all(STATS);
        let mut line = String::new();
        let read = client.read_line(&mut line);
        served += usize::from(line.contains("\"ok\":true"));
        let refused = line.contains("control clients are connected already");
        let reset = read.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset);
        assert!(line.contains("\"ok\":true") || refused || reset, "{line:?}");
    }
    served
}

/// `ctl watch`, killed while it watches.
fn watch(control: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caam-emu"));
    command.args(["ctl", "--control"]).arg(control);
    command.args(["--json", "watch", "--interval", "0.01"]);
    let mut watch = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        assert!(lines.next().unwrap().unwrap().contains("\"rings\""));
    }
    signal(&watch, libc::SIGKILL);
    wait(&mut watch);
}

#[test]
fn jobs_do_not_notice_control_clients_of_any_kind() {
    let rounds = 10 * times();
    let (emulator, control) = emulator(&["--decos".into(), "2".into()]);
    let mut machine = Machine::new(&emulator.socket, 16, false);
    let mut draw = Draw::new(1);
    let mut curve = Curve::new("Control clients that go, 200 at once among them");
    // Reads a byte now and then, from beginning to end.
    let mut slow = connect(&control);
    slow.set_nonblocking(true).unwrap();
    for round in 0..rounds {
        let _ = slow.write(STATS);
        let _ = slow.read(&mut [0; 100]);
        for way in 0..40 {
            go(way % 5, &control);
            let ring = draw.below(RINGS) as usize;
            machine.submit(ring, 4, &mut draw);
            machine.reap(ring);
        }
        watch(&control);
        // Eight places, of which the slow one may have one, and those that have just gone others.
        assert!(crowd(&control, 200) > 0);
        machine.drain();
        machine.settle(&control);
        // The crowd has gone: its end has been seen when the next one is served alone.
        std::thread::sleep(Duration::from_millis(5));
        machine.settle(&control);
        curve.measure(&emulator, round);
    }
    curve.judge();
}
