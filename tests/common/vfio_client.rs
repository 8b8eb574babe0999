//! A vfio-user client for tests and benchmarks: it sends whatever it is told to.
#![allow(dead_code)] // each user has its own part of this

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::RawFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;
use vmm_sys_util::sock_ctrl_msg::ScmSocket;

/// After this long a test has failed.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub const BAR0: u32 = 0;
pub const CONFIG: u32 = 7;

/// Offsets in a job ring's page, written again on purpose, as [`Header`] is.
pub mod ring {
    pub const IRBAR: u64 = 0x00;
    pub const IRSR: u64 = 0x0c;
    pub const IRJAR: u64 = 0x1c;
    pub const ORBAR: u64 = 0x20;
    pub const ORSR: u64 = 0x2c;
    pub const ORJRR: u64 = 0x34;
    pub const ORSFR: u64 = 0x3c;
    pub const JRINTR: u64 = 0x4c;
    pub const JRCR: u64 = 0x6c;
}

/// A message header, as on the wire. Written again on purpose: a mistake in the server's must not be
/// in both.
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
pub const GET_REGION_IO_FDS: u16 = 6;
pub const GET_IRQ_INFO: u16 = 7;
pub const SET_IRQS: u16 = 8;
pub const REGION_READ: u16 = 9;
pub const REGION_WRITE: u16 = 10;
pub const DMA_READ: u16 = 11;
pub const RESET: u16 = 13;
pub const REGION_WRITE_MULTI: u16 = 15;

/// A client that sends whatever it is told to.
pub struct Raw {
    pub stream: UnixStream,
    id: u16,
    /// Memory that it keeps for itself, and answers the server's questions for.
    pub own: Option<OwnMemory>,
}

/// See [`Raw::own`].
pub struct OwnMemory {
    /// Bus address.
    pub base: u64,
    pub bytes: File,
    /// In its messages four bytes of count stand before the data, as in QEMU's, not eight.
    pub short: bool,
    /// Asked so often.
    pub asked: usize,
}

impl OwnMemory {
    /// The reply to a DMA_READ or DMA_WRITE.
    fn answer(&mut self, header: Header, body: &[u8]) -> Vec<u8> {
        self.asked += 1;
        let at = u64::from_le_bytes(body[..8].try_into().unwrap()).wrapping_sub(self.base);
        let count = u32::from_le_bytes(body[8..12].try_into().unwrap()) as usize;
        let front = if self.short { 12 } else { 16 };
        let mut reply = body[..front].to_vec();
        let done = if at > 1 << 30 {
            false
        } else if header.command == DMA_READ {
            reply.resize(16 + count, 0);
            self.bytes.read_exact_at(&mut reply[front..front + count], at).is_ok()
        } else {
            self.bytes.write_all_at(&body[front..front + count], at).is_ok()
        };
        let (flags, error) = if done { (1, 0) } else { (0x21, libc::EFAULT as u32) };
        if !done {
            reply.clear();
        }
        let size = 16 + reply.len() as u32;
        [&Header { size, flags, error, ..header }.bytes()[..], &reply].concat()
    }
}

/// Little-endian words one after the other.
pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

impl Raw {
    pub fn connect(socket: &Path) -> Self {
        Self::new(UnixStream::connect(socket).unwrap())
    }

    /// Of a connection.
    pub fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Self { stream, id: 0, own: None }
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

    /// The next reply; `None`: the connection is closed. Questions are answered meanwhile.
    pub fn reply(&mut self) -> Option<(Header, Vec<u8>)> {
        loop {
            let (header, body) = self.next()?;
            if header.flags & 0xf == 1 {
                return Some((header, body));
            }
            self.answer(header, &body);
        }
    }

    fn answer(&mut self, header: Header, body: &[u8]) {
        let own = self.own.as_mut().expect("a question, where there is nothing to ask for");
        let reply = own.answer(header, body);
        let _ = self.stream.write_all(&reply);
    }

    /// Answers one question that has come.
    pub fn answer_one(&mut self) {
        let (header, body) = self.next().expect("a question");
        assert_eq!(header.flags & 0xf, 0, "a reply nobody waits for");
        self.answer(header, &body);
    }

    fn next(&mut self) -> Option<(Header, Vec<u8>)> {
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

    /// Reads bytes that are there.
    pub fn read<const N: usize>(&mut self, region: u32, offset: u64) -> [u8; N] {
        let (header, body) = self.region_read(region, offset, N as u32);
        assert!(!header.is_error(), "region {region}, {offset:#x}: error {}", header.error);
        body[16..].try_into().unwrap()
    }

    pub fn read32(&mut self, region: u32, offset: u64) -> u32 {
        u32::from_ne_bytes(self.read(region, offset))
    }

    /// Writes bytes, and waits until that is done.
    pub fn write(&mut self, region: u32, offset: u64, data: &[u8]) {
        let (header, _) = self.region_write(region, offset, data);
        assert!(!header.is_error(), "region {region}, {offset:#x}: error {}", header.error);
    }

    /// Sends a write; `false`: the connection is closed, now or before the reply.
    pub fn try_write(&mut self, region: u32, offset: u64, data: &[u8]) -> bool {
        let body = [&Self::access(region, offset, data.len() as u32)[..], data].concat();
        let message = self.message(REGION_WRITE, 0, &body);
        self.stream.write_all(&message).is_ok() && self.reply().is_some()
    }
}
