//! The control socket: what it answers, and what it does not let its clients do.

use super::job::{Guest, PLAIN};
use super::support::*;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

const MAX_CLIENTS: usize = 8;
const MAX_LINE: usize = 16 * 1024;
const STATS: &str = r#"{"v":1,"id":1,"do":"stats"}"#;

/// An emulator with a control socket in the directory of its other one.
pub fn with_control(arguments: &[&str]) -> (Emulator, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("caam.sock");
    let control = directory.path().join("control.sock");
    let own = [
        ["--socket-path", socket.to_str().unwrap()],
        ["--control", control.to_str().unwrap()],
        ["--trace-dir", directory.path().to_str().unwrap()],
    ];
    let own = own.concat();
    let emulator = Emulator::spawn(serve(own.iter().chain(arguments)), directory, socket);
    (emulator, control)
}

/// A client that sends whatever it is told to.
struct Client(BufReader<UnixStream>);

impl Client {
    fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// The next line; `None`: the connection is closed.
    fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_str(&line).unwrap()),
            Err(e) if e.kind() == ErrorKind::ConnectionReset => None,
            Err(e) => panic!("{e}"),
        }
    }

    fn call(&mut self, line: &str) -> Value {
        self.send(format!("{line}\n").as_bytes());
        let reply = self.line().expect("a reply");
        assert_eq!(reply["v"], 1, "{reply}");
        reply
    }

    fn result(&mut self, line: &str) -> Value {
        let reply = self.call(line);
        assert_eq!(reply["ok"], true, "{reply}");
        reply["result"].clone()
    }

    /// The next line is an error with these words.
    fn refused(&mut self, words: &[&str]) {
        let reply = self.line().expect("an error");
        assert_eq!(reply["ok"], false, "{reply}");
        let error = reply["error"].as_str().unwrap();
        for word in words {
            assert!(error.contains(word), "{word} is not in: {error}");
        }
    }

    /// It is still served as well as the first.
    fn check(&mut self) {
        assert_eq!(self.result(STATS)["soc"], "virt-era9");
    }
}

#[test]
fn the_socket_is_the_owner_s_and_gone_at_the_end() {
    let (mut emulator, control) = with_control(&[]);
    let mode = fs::metadata(&control).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut idle = Client::connect(&control);
    let mut busy = Client::connect(&control);
    busy.check();
    busy.send(b"{\"v\":1,");
    let ended = emulator.stop(libc::SIGTERM);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!control.exists() && !emulator.socket.exists());
    assert_eq!((idle.line(), busy.line()), (None, None));
}

#[test]
fn a_stale_socket_is_replaced_and_anything_else_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("caam.sock");
    let control = directory.path().join("control.sock");
    let arguments =
        ["--socket-path", socket.to_str().unwrap(), "--control", control.to_str().unwrap()];
    let fails = |words: &[&str]| {
        let ended = run(&mut serve(arguments));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        for word in words {
            assert!(ended.stderr.contains(word), "{word} is not in: {}", ended.stderr);
        }
        assert!(!socket.exists(), "nothing is left behind");
    };
    fs::write(&control, "notes").unwrap();
    fails(&["control.sock", "not a socket"]);
    fs::remove_file(&control).unwrap();
    let other = UnixListener::bind(&control).unwrap();
    fails(&["control.sock", "in use"]);
    drop(other);
    assert!(control.exists(), "stale");
    let _emulator = Emulator::spawn(serve(arguments), directory, socket.clone());
    Client::connect(&control).check();
}

#[test]
fn both_sockets_in_one_place_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("one.sock");
    let path = path.to_str().unwrap();
    let ended = run(&mut serve(["--socket-path", path, "--control", path]));
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--control") && ended.stderr.contains("path of its own"));
}

#[test]
fn statistics_tell_of_jobs_as_the_file_does() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("stats.json");
    let (mut emulator, control) = with_control(&["--stats", file.to_str().unwrap()]);
    let mut client = Client::connect(&control);
    let mut guest = Guest::new(&emulator, 1, 4);
    guest.shared_descriptor();
    let descriptor = guest.job(0, &PLAIN);
    assert_eq!(guest.read32(0x2014), 4, "IRSAR");
    guest.submit(1, 0, descriptor);
    guest.wait();
    let stats = client.result(STATS);
    let ring = &stats["rings"][1];
    let aes = json!([{ "name": "aes-cbc", "direction": "encrypt", "jobs": 1, "bytes": 64 }]);
    for (field, value) in [
        ("jobs", json!(1)),
        ("succeeded", json!(1)),
        ("occupancy", json!(1)),
        ("waiting", json!(1)),
        ("input_size", json!(4)),
        ("state", json!("running")),
        ("doorbells", json!(1)),
        ("slot_reads", json!(1)),
        ("slot_refusals", json!(0)),
        ("interrupts", json!({ "raised": 1, "merged": 0, "lost": 0 })),
        ("operations", aes),
    ] {
        assert_eq!(ring[field], value, "{field}: {ring}");
    }
    // Six to set it up, one job, and what the client reset before; how often it had to look is chance.
    assert_eq!(ring["accesses"]["writes"], 9);
    assert!(ring["accesses"]["reads"].as_u64() >= Some(2));
    assert_eq!(ring["last_job"]["descriptor"], format!("{descriptor:#x}"));
    assert_eq!(ring["last_job"]["status"], "0x00000000");
    assert_eq!(
        (&ring["queue_wait"]["count"], &ring["service_time"]["count"]),
        (&json!(1), &json!(1))
    );
    let time = |field: &Value| field.as_u64().unwrap();
    assert!(time(&ring["last_doorbell_ns"]) <= time(&ring["last_job"]["at_ns"]));
    assert!(time(&ring["last_job"]["at_ns"]) <= time(&stats["uptime_ns"]));
    assert_eq!(stats["rings"][0]["operations"], json!([]));
    drop(guest);
    assert_eq!(emulator.stop(libc::SIGTERM).code, Some(0));
    let written: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let keys = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&written), keys(&stats), "one format");
    assert_eq!(keys(&written["rings"][1]), keys(ring));
    assert_eq!(written["rings"][1]["service_time"], ring["service_time"]);
}

#[test]
fn a_reset_is_as_good_as_the_client_s_own() {
    let (emulator, control) = with_control(&[]);
    let mut client = Client::connect(&control);
    let mut guest = Guest::new(&emulator, 0, 8);
    assert_eq!(guest.read32(0x100c), 8, "IRSR");
    assert_eq!(client.result(r#"{"v":1,"do":"reset"}"#), json!({}));
    assert_eq!(guest.read32(0x100c), 0);
    drop(guest);
    emulator.check();
}

#[test]
fn faults_can_be_made_while_it_runs() {
    let (_emulator, control) = with_control(&["--seed", "5", "--fault", "irq-lost:name=first"]);
    let mut client = Client::connect(&control);
    let add = r#"{"v":1,"do":"fault-add","rule":"stall:for=20ms,times=2"}"#;
    assert_eq!(client.result(add), json!({ "name": "stall-1" }));
    let list = Client::connect(&control).result(r#"{"v":1,"do":"fault-list"}"#);
    let names: Vec<_> = list["rules"].as_array().unwrap().iter().map(|r| &r["name"]).collect();
    assert_eq!((names, &list["seed"]), (vec![&json!("first"), &json!("stall-1")], &json!(5)));
    assert_eq!(client.result(r#"{"v":1,"do":"fault-clear","all":true}"#), json!({ "cleared": 2 }));
}

#[test]
fn lost_interrupts_are_told_from_raised_ones() {
    let (emulator, control) = with_control(&["--fault", "irq-lost:ring=0,once"]);
    let mut guest = Guest::new(&emulator, 0, 4);
    guest.shared_descriptor();
    let descriptor = guest.job(0, &PLAIN);
    guest.submit(0, 0, descriptor);
    let start = std::time::Instant::now();
    while guest.read32(0x103c) == 0 {
        assert!(start.elapsed() < DEADLINE, "ORSFR stays 0");
    }
    let mut client = Client::connect(&control);
    let mut interrupts = || client.result(STATS)["rings"][0]["interrupts"].clone();
    assert_eq!(interrupts(), json!({ "raised": 0, "merged": 0, "lost": 1 }));
    guest.submit(0, 1, descriptor);
    guest.wait();
    assert_eq!(interrupts(), json!({ "raised": 1, "merged": 1, "lost": 1 }));
}

#[test]
fn a_stalled_ring_goes_on_when_it_is_told_to() {
    let (emulator, control) = with_control(&["--stall", "release=manual,once,ring=0"]);
    let mut client = Client::connect(&control);
    let mut guest = Guest::new(&emulator, 0, 4);
    guest.shared_descriptor();
    for n in 0..3 {
        let descriptor = guest.job(n, &PLAIN);
        guest.submit(0, n, descriptor);
    }
    // A DECO has to come by before the stall begins.
    let start = std::time::Instant::now();
    loop {
        let ring = &client.result(STATS)["rings"][0];
        if ring["state"] == "stalled" {
            assert_eq!((&ring["pending"], &ring["full"]), (&json!(3), &json!(true)));
            break;
        }
        assert!(start.elapsed() < DEADLINE, "no stall: {ring}");
    }
    assert_eq!(guest.read32(0x103c), 0, "ORSFR: nothing has been done");
    assert_eq!(client.result(r#"{"v":1,"do":"resume","ring":1}"#), json!({ "resumed": 0 }));
    assert_eq!(client.result(r#"{"v":1,"do":"resume","ring":0}"#), json!({ "resumed": 1 }));
    guest.wait();
    while guest.read32(0x103c) < 3 {
        assert!(start.elapsed() < DEADLINE, "jobs are missing");
    }
    let ring = &client.result(STATS)["rings"][0];
    assert_eq!((&ring["state"], &ring["succeeded"]), (&json!("running"), &json!(3)));
}

#[test]
fn bad_lines_are_answered_and_the_next_one_is_heard() {
    let (emulator, control) = with_control(&[]);
    let mut client = Client::connect(&control);
    for (line, words) in [
        (&b"stats\n"[..], &["not JSON", "{\"v\":1"][..]),
        (b"{\"v\":1,\"do\":\n", &["not JSON"]),
        (b"\xff\x00\n", &["not JSON"]),
        (b"[]\n", &["not a JSON object"]),
        (b"{\"do\":\"stats\"}\n", &["\"v\":1"]),
        (b"{\"v\":9,\"do\":\"stats\"}\n", &["version 1"]),
        (b"{\"v\":1,\"do\":\"explode\"}\n", &["\"explode\"", "stats"]),
        (b"{\"v\":1,\"do\":\"fault-add\",\"rule\":\"nonsense\"}\n", &["no kind 'nonsense'"]),
    ] {
        client.send(line);
        client.refused(words);
        client.check();
    }
    // Empty lines are no commands, and commands may come many at once or in pieces.
    client.send(b"\n \r\n");
    client.check();
    client.send(format!("{STATS}\r\n{STATS}\n{STATS}\n").as_bytes());
    for _ in 0..3 {
        assert_eq!(client.line().unwrap()["ok"], true);
    }
    for byte in format!("{STATS}\n").bytes() {
        client.send(&[byte]);
    }
    assert_eq!(client.line().unwrap()["ok"], true);
    emulator.check();
}

#[test]
fn a_line_that_is_too_long_is_refused_once_however_long_it_gets() {
    let (emulator, control) = with_control(&[]);
    let mut client = Client::connect(&control);
    client.check();
    let before = emulator.resident();
    for _ in 0..(64 << 20) / MAX_LINE {
        client.send(&[b'x'; MAX_LINE]);
    }
    client.send(b"\n");
    client.refused(&[&format!("longer than {MAX_LINE} bytes")]);
    client.check();
    let grown = emulator.resident().saturating_sub(before);
    assert!(grown < 8 << 10, "{grown} KiB were kept of it");
}

#[test]
fn what_comes_before_the_end_of_the_stream_is_answered() {
    let (_emulator, control) = with_control(&[]);
    // A whole object cannot be half of a longer one, so its end of line may be missing.
    for (sent, ok) in [(STATS, true), (&STATS[..STATS.len() - 1], false)] {
        let mut client = Client::connect(&control);
        client.send(sent.as_bytes());
        client.0.get_mut().shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.line().unwrap()["ok"], ok);
        assert_eq!(client.line(), None, "and closed");
    }
    // Nobody is there any more to hear the answers.
    for _ in 0..100 {
        Client::connect(&control).send(format!("{STATS}\n{STATS}\n{{").as_bytes());
    }
    Client::connect(&control).check();
}

#[test]
fn eight_are_served_and_the_ninth_is_told_why_not() {
    let (emulator, control) = with_control(&[]);
    // While it is connected and has had a reply, its thread opens no sockets.
    let mut vmm = Raw::connect(&emulator.socket);
    vmm.handshake();
    let before = emulator.sockets();
    let mut clients: Vec<_> = (0..MAX_CLIENTS).map(|_| Client::connect(&control)).collect();
    clients.iter_mut().for_each(Client::check);
    let mut ninth = Client::connect(&control);
    ninth.refused(&["8 control clients"]);
    assert_eq!(ninth.line(), None, "and closed");
    clients.iter_mut().for_each(Client::check);
    // The place of one that goes is free for the next.
    for _ in 0..100 {
        clients.remove(3);
        clients.push(Client::connect(&control));
    }
    clients.iter_mut().for_each(Client::check);
    assert_eq!(emulator.sockets(), before + MAX_CLIENTS);
}

/// Asks until nothing more can be sent, and reads no answer.
fn deafen(client: &mut Client) {
    let stream = client.0.get_mut();
    stream.set_nonblocking(true).unwrap();
    let requests = format!("{STATS}\n").repeat(1000);
    let mut rest: &[u8] = requests.as_bytes();
    let start = std::time::Instant::now();
    let mut idle = 0;
    // Full, and it stays full though there was time to empty it.
    while idle < 1000 {
        assert!(start.elapsed() < DEADLINE, "it takes requests without end");
        match stream.write(rest) {
            Ok(n) => {
                rest = if n == rest.len() { requests.as_bytes() } else { &rest[n..] };
                idle = 0;
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                idle += 1;
                std::thread::yield_now();
            }
            Err(e) => panic!("{e}"),
        }
    }
}

#[test]
fn who_does_not_read_holds_up_nobody() {
    let (emulator, control) = with_control(&[]);
    let mut hears = Client::connect(&control);
    hears.check();
    let mut deaf: Vec<_> = (0..3).map(|_| Client::connect(&control)).collect();
    let before = emulator.resident();
    deaf.iter_mut().for_each(deafen);
    hears.check();
    emulator.check();
    let grown = emulator.resident().saturating_sub(before);
    assert!(grown < 8 << 10, "{grown} KiB of answers were kept");
    // One that reads again goes on as if nothing had been.
    let stream = deaf[0].0.get_mut();
    stream.set_nonblocking(false).unwrap();
    for _ in 0..1000 {
        assert_eq!(deaf[0].line().unwrap()["ok"], true);
    }
    drop(deaf);
    hears.check();
}

#[test]
fn who_does_not_read_makes_room_for_the_ninth() {
    let (mut emulator, control) = with_control(&[]);
    let mut deaf = Client::connect(&control);
    deafen(&mut deaf);
    let mut others: Vec<_> = (1..MAX_CLIENTS).map(|_| Client::connect(&control)).collect();
    others.iter_mut().for_each(Client::check);
    let mut ninth = Client::connect(&control);
    ninth.check();
    others.iter_mut().for_each(Client::check);
    deaf.0.get_mut().set_nonblocking(false).unwrap();
    let mut rest = Vec::new();
    // It ends, with or without ECONNRESET for what it had sent in vain.
    let _ = deaf.0.read_to_end(&mut rest);
    let ended = emulator.stop(libc::SIGTERM);
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("does not read its answers"), "{}", ended.stderr);
}

#[test]
fn jobs_go_on_while_control_clients_come_and_go() {
    let (emulator, control) = with_control(&["--decos", "2"]);
    let mut guest = Guest::new(&emulator, 0, 8);
    guest.shared_descriptor();
    let descriptor = guest.job(0, &PLAIN);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let asked = std::thread::scope(|scope| {
        let asker = scope.spawn(|| {
            let mut asked = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let mut client = Client::connect(&control);
                client.check();
                client.send(b"{\"v\"");
                asked += 1;
            }
            asked
        });
        for n in 0..200 {
            guest.submit(0, n, descriptor);
            guest.wait();
            guest.write32(0x104c, 1);
            guest.write32(0x1034, 1);
            guest.unmask();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        asker.join().unwrap()
    });
    assert!(asked > 0);
    let stats = Client::connect(&control).result(STATS);
    let ring = &stats["rings"][0];
    assert_eq!((&ring["jobs"], &ring["failed"]), (&json!(200), &json!(0)));
}
