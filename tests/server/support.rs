//! Starting the program, and talking to it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;
use tempfile::TempDir;

pub use crate::vfio_client::*;

/// Signals a process. The number is of a child that has not been waited for.
pub fn signal(child: &Child, number: i32) {
    // SAFETY: kill has no memory effects; the child is ours and not yet reaped.
    assert_eq!(unsafe { libc::kill(child.id() as i32, number) }, 0);
}

/// Waits until the descriptor is readable.
pub fn wait_readable(fd: RawFd) {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd that lives over the call.
    let ready = unsafe { libc::poll(&raw mut poll, 1, DEADLINE.as_millis() as i32) };
    assert_eq!(ready, 1, "nothing happened within {DEADLINE:?}");
}

/// Waits for a child to end; kills it at the deadline.
pub fn wait(child: &mut Child) -> ExitStatus {
    // SAFETY: pidfd_open takes a process number and flags; the child is not yet reaped.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.id(), 0) };
    assert!(fd >= 0, "pidfd_open: {}", std::io::Error::last_os_error());
    // SAFETY: the call above returned a descriptor nobody else owns.
    let fd = unsafe { OwnedFd::from_raw_fd(fd as RawFd) };
    wait_readable(fd.as_raw_fd());
    child.wait().unwrap()
}

/// Lets a command's process keep descriptor `fd`.
pub fn inherit(command: &mut Command, fd: RawFd) {
    let keep = move || {
        // SAFETY: fcntl touches no memory, and may be called between fork and exec.
        match unsafe { libc::fcntl(fd, libc::F_SETFD, 0) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: the closure makes one system call and allocates nothing.
    unsafe { command.pre_exec(keep) };
}

/// `caam-emu serve` with these arguments.
pub fn serve<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(arguments: I) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caam-emu"));
    command.arg("serve").args(arguments).stdin(Stdio::null()).env_remove("RUST_LOG");
    command
}

/// How a run ended.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command that should end by itself.
pub fn run(command: &mut Command) -> Ended {
    let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    command.stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
    let mut child = command.env("RUST_LOG", "off").spawn().unwrap();
    let status = wait(&mut child);
    Ended { code: status.code(), stdout: text(out), stderr: text(err) }
}

fn text(mut file: File) -> String {
    use std::io::Seek;
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

/// A running emulator; killed when dropped.
pub struct Emulator {
    pub child: Child,
    pub socket: PathBuf,
    stdout: BufReader<std::process::ChildStdout>,
    stderr: PathBuf,
    // Removed last.
    pub directory: TempDir,
}

impl Emulator {
    /// With a socket of its own, ready.
    pub fn start(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("caam.sock");
        let mut all = vec![OsString::from("--socket-path"), socket.clone().into()];
        all.extend(arguments.iter().map(OsString::from));
        Self::spawn(serve(all), directory, socket)
    }

    /// From a command that will listen at `socket`, ready.
    pub fn spawn(mut command: Command, directory: TempDir, socket: PathBuf) -> Self {
        let stderr = directory.path().join("stderr");
        command.stdout(Stdio::piped()).stderr(File::create(&stderr).unwrap());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let emulator = Self { child, socket, stdout, stderr, directory };
        assert!(line.starts_with("caam-emu: ready on "), "{line}{}", emulator.log());
        emulator
    }

    /// What it has said on stderr so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap()
    }

    /// A well-behaved client.
    pub fn client(&self) -> Raw {
        let mut raw = Raw::connect(&self.socket);
        raw.handshake();
        raw
    }

    /// Fails unless the next client is served as the first was.
    pub fn check(&self) {
        let mut raw = Raw::connect(&self.socket);
        raw.handshake();
        let (header, body) = raw.region_read(CONFIG, 0, 4);
        assert_eq!((header.flags, &body[16..]), (1, &[0x57, 0x19, 0xa0, 0xca][..]));
        // A DECO may still be in the job that the last client's end has told it to stop.
        let start = Instant::now();
        while raw.region_read(BAR0, 0xfd4, 4).1[16..] != [2, 0, 0, 0] {
            assert!(start.elapsed() < DEADLINE, "CSTA: never idle");
        }
    }

    /// What its open descriptors are: the links of /proc.
    fn links(&self) -> Vec<String> {
        let directory = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let links = directory.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
        links.map(|link| link.to_string_lossy().into_owned()).collect()
    }

    /// Its open sockets. They are the client thread's affair, and so do not change while a
    /// client is connected that has had a reply.
    pub fn sockets(&self) -> usize {
        self.links().iter().filter(|link| link.starts_with("socket:")).count()
    }

    /// How many descriptors it has of this file, or of this end's pipe.
    pub fn holds(&self, file: &impl AsRawFd) -> usize {
        let inode = |path: String| std::fs::metadata(path).ok().map(|m| (m.dev(), m.ino()));
        let wanted = inode(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
        let directory = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let paths = directory.map(|entry| entry.unwrap().path().to_string_lossy().into_owned());
        paths.filter_map(inode).filter(|found| *found == wanted).count()
    }

    /// Resident memory in KiB.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Ends it with a signal.
    pub fn stop(&mut self, number: i32) -> Ended {
        signal(&self.child, number);
        let status = wait(&mut self.child);
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).unwrap();
        Ended { code: status.code(), stdout, stderr: self.log() }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A memfd of `size` zero bytes.
pub fn memfd(size: u64) -> File {
    // SAFETY: the name is a string with a NUL at its end.
    let fd = unsafe { libc::memfd_create(c"guest".as_ptr(), libc::MFD_CLOEXEC) };
    assert!(fd >= 0, "memfd_create: {}", std::io::Error::last_os_error());
    // SAFETY: the call above returned a descriptor nobody else owns.
    let file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
    file.set_len(size).unwrap();
    file
}
