//! What a register access costs through the socket.
//!
//! `cargo bench --bench transport`. One client, which sleeps until a reply comes, as QEMU's does,
//! asks: `caam-emu` as it is by default, `caam-emu-blocking` (`--spin 0`), `bare-socket`, a thread
//! that answers a fixed reply to whatever comes and so is what any server must cost that sleeps, and
//! `libvfio-user`, if LIBVFIO_USER_SERVER names its sample `server`.
//!
//! Last comes the processor time of a second in which nothing is asked.

#![allow(missing_docs)]

use criterion::{Criterion, criterion_group};
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use vfio_client::{BAR0, DEADLINE, Raw};

#[path = "../tests/common/vfio_client.rs"]
mod vfio_client;

/// A register that is memory and nothing more.
const REGISTER: u64 = 0x10;
/// Of libvfio-user's sample: BAR 1 is plain memory, the page in the middle of which is not mapped.
const SAMPLE_REGION: u32 = 1;
const SAMPLE_OFFSET: u64 = 0x1000;

/// A server in a process of its own.
struct Server {
    process: Child,
    directory: TempDir,
}

impl Server {
    fn start(command: &mut Command) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let process = command
            .arg(directory.path().join("socket"))
            .env("RUST_LOG", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, directory };
        let start = Instant::now();
        while !server.socket().exists() {
            assert!(start.elapsed() < DEADLINE, "the server does not listen");
            thread::sleep(Duration::from_millis(1));
        }
        server
    }

    /// Ours; `spin` as on its command line.
    fn ours(spin: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_caam-emu"));
        command.arg("serve");
        if let Some(spin) = spin {
            command.args(["--spin", spin]);
        }
        Self::start(command.arg("--socket-path"))
    }

    fn sample(program: &OsStr) -> Self {
        Self::start(&mut Command::new(program))
    }

    fn socket(&self) -> std::path::PathBuf {
        self.directory.path().join("socket")
    }

    fn client(&mut self) -> Raw {
        let start = Instant::now();
        // It has bound its socket, but may not listen yet. The first connection is the one: the
        // sample ends with its client.
        let stream = loop {
            if let Ok(stream) = UnixStream::connect(self.socket()) {
                break stream;
            }
            assert!(start.elapsed() < DEADLINE, "the server does not listen");
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "the server has ended, {ended:?}: see what it says");
            thread::sleep(Duration::from_millis(1));
        };
        let mut client = Raw::new(stream);
        client.handshake();
        client
    }

    /// Processor time of all its threads so far, in nanoseconds.
    fn processor_time(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        let one = |path: &Path| {
            let schedstat = fs::read_to_string(path.join("schedstat")).ok()?;
            schedstat.split_whitespace().next()?.parse::<u64>().ok()
        };
        tasks.filter_map(|task| one(&task.unwrap().path())).sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Answers each message with the reply to a read of four bytes.
fn bare() -> Raw {
    let (client, mut server) = UnixStream::pair().unwrap();
    thread::spawn(move || {
        let mut message = [0; 36];
        let mut reply = [0; 36];
        while let Ok(n @ 1..) = server.read(&mut message) {
            // A posted write has no reply.
            if n == 36 && message[8] & 0x10 != 0 {
                continue;
            }
            reply[..4].copy_from_slice(&message[..4]);
            (reply[4], reply[8]) = (36, 1);
            if server.write_all(&reply).is_err() {
                return;
            }
        }
    });
    Raw::new(client)
}

fn round_trips(c: &mut Criterion) {
    let mut servers = [("caam-emu", None), ("caam-emu-blocking", Some("0"))]
        .map(|(name, spin)| (name, Server::ours(spin)));
    let mut sample =
        std::env::var_os("LIBVFIO_USER_SERVER").map(|program| Server::sample(&program));
    let mut clients: Vec<_> =
        servers.iter_mut().map(|(name, server)| (*name, server.client(), BAR0, REGISTER)).collect();
    clients.push(("bare-socket", bare(), BAR0, REGISTER));
    if let Some(sample) = &mut sample {
        clients.push(("libvfio-user", sample.client(), SAMPLE_REGION, SAMPLE_OFFSET));
    }
    let mut group = c.benchmark_group("transport/register-read");
    for (name, client, region, offset) in &mut clients {
        group.bench_function(*name, |b| b.iter(|| client.read32(*region, *offset)));
    }
    group.finish();
    let mut group = c.benchmark_group("transport/posted-write-and-read");
    for (name, client, region, offset) in &mut clients {
        group.bench_function(*name, |b| {
            b.iter(|| {
                client.region_post(*region, *offset, &[1, 2, 3, 4]);
                client.read32(*region, *offset)
            });
        });
    }
    group.finish();
}

/// What the servers cost whose client asks nothing for a second.
fn idle() {
    for (name, spin) in [("caam-emu", None), ("caam-emu-blocking", Some("0"))] {
        let mut server = Server::ours(spin);
        let mut client = server.client();
        for _ in 0..1000 {
            client.read32(BAR0, REGISTER);
        }
        let (before, start) = (server.processor_time(), Instant::now());
        thread::sleep(Duration::from_secs(1));
        let used = server.processor_time() - before;
        let percent = used as f64 / start.elapsed().as_nanos() as f64 * 100.0;
        println!("{name}, idle for a second after 1000 reads: {percent:.3} % CPU");
    }
}

criterion_group!(benches, round_trips);

fn main() {
    benches();
    idle();
    Criterion::default().configure_from_args().final_summary();
}
