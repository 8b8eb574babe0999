//! Starting the program, and talking to it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use vfio_user::Client;
use vmm_sys_util::sock_ctrl_msg::ScmSocket;

/// After this long a test has failed.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub const BAR0: u32 = 0;
pub const CONFIG: u32 = 7;

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
    pub fn client(&self) -> Client {
        Client::new(&self.socket).expect("a client can connect")
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

/// A message header, as on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub id: u16,
    pub command: u16,
    pub size: u32,
    pub flags: u32,
    pub error: u32,
}

impl Header {
    pub fn bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&self.id.to_le_bytes());
        bytes[2..4].copy_from_slice(&self.command.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.size.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.flags.to_le_bytes());
        bytes[12..].copy_from_slice(&self.error.to_le_bytes());
        bytes
    }

    fn parse(b: [u8; 16]) -> Self {
        let word = |at: usize| u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
        Self {
            id: word(0) as u16,
            command: (word(0) >> 16) as u16,
            size: word(4),
            flags: word(8),
            error: word(12),
        }
    }

    pub fn is_error(self) -> bool {
        self.flags & 0x20 != 0
    }
}

pub const VERSION: u16 = 1;
pub const DMA_MAP: u16 = 2;
pub const DMA_UNMAP: u16 = 3;
pub const GET_INFO: u16 = 4;
pub const GET_REGION_INFO: u16 = 5;
pub const GET_IRQ_INFO: u16 = 7;
pub const SET_IRQS: u16 = 8;
pub const REGION_READ: u16 = 9;
pub const REGION_WRITE: u16 = 10;
pub const RESET: u16 = 13;

/// A client that sends whatever it is told to.
pub struct Raw {
    pub stream: UnixStream,
    id: u16,
}

/// Little-endian words one after the other.
pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

impl Raw {
    pub fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Self { stream, id: 0 }
    }

    /// Sends bytes. The server may have closed already.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    fn message(&mut self, command: u16, flags: u32, body: &[u8]) -> Vec<u8> {
        self.id = self.id.wrapping_add(1);
        let size = 16 + body.len() as u32;
        let header = Header { id: self.id, command, size, flags, error: 0 };
        [&header.bytes()[..], body].concat()
    }

    /// Sends one message and receives its reply.
    pub fn call(&mut self, command: u16, body: &[u8], fds: &[RawFd]) -> (Header, Vec<u8>) {
        let message = self.message(command, 0, body);
        if fds.is_empty() {
            self.stream.write_all(&message).unwrap();
        } else {
            self.stream.send_with_fds(&[&message[..]], fds).unwrap();
        }
        let reply = self.reply().expect("a reply");
        assert_eq!((reply.0.id, reply.0.command), (self.id, command));
        reply
    }

    /// Sends one message that asks for no reply.
    pub fn post(&mut self, command: u16, body: &[u8]) {
        let message = self.message(command, 0x10, body);
        self.stream.write_all(&message).unwrap();
    }

    /// The next reply; `None`: the connection is closed.
    pub fn reply(&mut self) -> Option<(Header, Vec<u8>)> {
        let mut header = [0; 16];
        if let Err(e) = self.stream.read_exact(&mut header) {
            assert_ne!(e.kind(), std::io::ErrorKind::WouldBlock, "no reply within {DEADLINE:?}");
            return None;
        }
        let header = Header::parse(header);
        let mut body = vec![0; header.size as usize - 16];
        self.stream.read_exact(&mut body).ok()?;
        Some((header, body))
    }

    /// A version exchange as QEMU does it.
    pub fn handshake(&mut self) {
        let json = b"{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":1048576}}\0";
        let (header, body) = self.call(VERSION, &[&[0, 0, 1, 0], &json[..]].concat(), &[]);
        assert_eq!(header.flags, 1);
        assert_eq!(body[..2], [0, 0], "major version 0");
        assert_eq!(body.last(), Some(&0));
    }

    fn access(region: u32, offset: u64, count: u32) -> Vec<u8> {
        [&offset.to_le_bytes()[..], &words(&[region, count])].concat()
    }

    pub fn region_read(&mut self, region: u32, offset: u64, count: u32) -> (Header, Vec<u8>) {
        self.call(REGION_READ, &Self::access(region, offset, count), &[])
    }

    pub fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> (Header, Vec<u8>) {
        let access = Self::access(region, offset, data.len() as u32);
        self.call(REGION_WRITE, &[&access[..], data].concat(), &[])
    }

    /// A posted write, as QEMU sends them.
    pub fn region_post(&mut self, region: u32, offset: u64, data: &[u8]) {
        let access = Self::access(region, offset, data.len() as u32);
        self.post(REGION_WRITE, &[&access[..], data].concat());
    }

    pub fn dma_map(
        &mut self,
        flags: u32,
        offset: u64,
        address: u64,
        size: u64,
        fds: &[RawFd],
    ) -> Header {
        let mut body = words(&[32, flags]);
        for value in [offset, address, size] {
            body.extend(value.to_le_bytes());
        }
        self.call(DMA_MAP, &body, fds).0
    }

    pub fn dma_unmap(&mut self, flags: u32, address: u64, size: u64) -> Header {
        let mut body = words(&[24, flags]);
        body.extend(address.to_le_bytes());
        body.extend(size.to_le_bytes());
        self.call(DMA_UNMAP, &body, &[]).0
    }

    pub fn set_irqs(
        &mut self,
        index: u32,
        flags: u32,
        start: u32,
        count: u32,
        fds: &[RawFd],
    ) -> Header {
        self.call(SET_IRQS, &words(&[20, flags, index, start, count]), fds).0
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
