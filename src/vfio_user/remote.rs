//! The client's memory, reached by DMA_READ and DMA_WRITE: slow, but without a file to map.
//!
//! QEMU (10.1 to today) and the specification disagree about these messages. Behind the address
//! the specification has a count of eight bytes and then the data; QEMU's `VFIOUserDMARW` has four
//! bytes and then the data, and counts four bytes at the end that are padding. Requests for
//! reading and all sizes come out the same, so a client's layout shows only in a reply's data: what
//! is the upper, zero half of the count to one is data to the other, and the last four bytes are data
//! to one and zero to the other. Where that leaves a doubt four bytes are read again, whose
//! reply has no room for one; where all is zero, either reading gives zeros.

use super::Errno;
use super::calls::Answer;
use super::connection::Connection;
use super::header::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Bytes in front of the data by the specification: address and count.
const LONG: usize = 16;
/// By QEMU.
const SHORT: usize = 12;
/// Most bytes asked for at once, to be fair to others.
const PIECE: usize = 64 * 1024;

/// Who takes commands.
pub trait Client {
    /// Sends a command and waits for the answer.
    ///
    /// # Errors
    /// What the client answers, or why it does not.
    fn call(&self, command: Command, body: &[u8]) -> Answer;
    /// Most bytes of data in one command or its answer.
    fn max_data(&self) -> usize;
}

impl Client for Arc<Connection> {
    fn call(&self, command: Command, body: &[u8]) -> Answer {
        Connection::call(self, command, body)
    }

    fn max_data(&self) -> usize {
        Connection::max_data(self)
    }
}

/// What is known of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Layout {
    Unknown,
    Long,
    Short,
}

/// See the module.
#[derive(Debug)]
pub struct RemoteMemory<C> {
    client: C,
    layout: AtomicU8,
}

impl<C: Client> RemoteMemory<C> {
    /// Of a client of which nothing is known.
    pub fn new(client: C) -> Self {
        Self { client, layout: AtomicU8::new(Layout::Unknown as u8) }
    }

    /// The client.
    pub fn client(&self) -> &C {
        &self.client
    }

    fn layout(&self) -> Layout {
        match self.layout.load(Ordering::Relaxed) {
            1 => Layout::Long,
            2 => Layout::Short,
            _ => Layout::Unknown,
        }
    }

    fn learn(&self, layout: Layout) {
        if self.layout.swap(layout as u8, Ordering::Relaxed) != layout as u8 {
            log::debug!(layout:?; "the client's DMA messages");
        }
    }

    fn piece(&self) -> Result<usize, Errno> {
        match self.client.max_data().min(PIECE) & !3 {
            0 => Err(Errno::MSGSIZE),
            piece => Ok(piece),
        }
    }

    /// Reads memory at bus address `address`.
    ///
    /// # Errors
    /// The client's, or why it did not answer. `EPROTO`: its answer is none.
    pub fn read(&self, address: u64, buf: &mut [u8]) -> Result<(), Errno> {
        let mut at = address;
        for piece in buf.chunks_mut(self.piece()?) {
            self.read_piece(at, piece)?;
            at = at.wrapping_add(piece.len() as u64);
        }
        Ok(())
    }

    fn read_piece(&self, address: u64, buf: &mut [u8]) -> Result<(), Errno> {
        let reply = self.ask(address, buf.len())?;
        let from = match self.layout() {
            Layout::Unknown => self.find_out(address, &reply)?,
            known => known,
        };
        let from = if from == Layout::Short { SHORT } else { LONG };
        buf.copy_from_slice(&reply[from..from + buf.len()]);
        Ok(())
    }

    /// One DMA_READ; the whole reply, which has room for the data in both layouts.
    fn ask(&self, address: u64, length: usize) -> Result<Vec<u8>, Errno> {
        let reply = self.client.call(Command::DmaRead, &request(address, length, Layout::Long))?;
        if reply.len() == LONG + length { Ok(reply) } else { Err(Errno::PROTO) }
    }

    /// Which layout a reply has. Unknown: all its data is zero in either.
    fn find_out(&self, address: u64, reply: &[u8]) -> Result<Layout, Errno> {
        let (data, padding) = (&reply[SHORT..], &reply[reply.len() - 4..]);
        let layout = if data[..4] != [0; 4] {
            Layout::Short
        } else if padding != [0; 4] {
            Layout::Long
        } else {
            let Some(at) = reply[LONG..].iter().position(|byte| *byte != 0) else {
                return Ok(Layout::Unknown);
            };
            // If the data is where the specification has it, these four are not all zero. (Of
            // fewer than eight bytes none could be in doubt.)
            let at = at.min((reply.len() - LONG).saturating_sub(4));
            let probe = self.ask(address.wrapping_add(at as u64), 4)?;
            if probe[LONG..] == [0; 4] { Layout::Short } else { Layout::Long }
        };
        self.learn(layout);
        Ok(layout)
    }

    /// Writes memory at bus address `address`.
    ///
    /// # Errors
    /// The client's, or why it did not answer. Some may have been written.
    pub fn write(&self, address: u64, buf: &[u8]) -> Result<(), Errno> {
        let mut at = address;
        for piece in buf.chunks(self.piece()?) {
            self.write_piece(at, piece)?;
            at = at.wrapping_add(piece.len() as u64);
        }
        Ok(())
    }

    fn write_piece(&self, address: u64, buf: &[u8]) -> Result<(), Errno> {
        let layout = self.layout();
        self.tell(address, buf, layout)?;
        if layout == Layout::Unknown {
            // To learn it. What is all zero has arrived in either layout; anything else that can
            // be read as zeros only has not.
            self.read_piece(address, &mut vec![0; buf.len()])?;
            if self.layout() == Layout::Unknown && buf.iter().any(|byte| *byte != 0) {
                self.learn(Layout::Short);
            }
            if self.layout() == Layout::Short {
                self.tell(address, buf, Layout::Short)?;
            }
        }
        Ok(())
    }

    /// One DMA_WRITE.
    fn tell(&self, address: u64, buf: &[u8], layout: Layout) -> Result<(), Errno> {
        let mut body = request(address, buf.len(), layout);
        body.extend(buf);
        body.resize(LONG + buf.len(), 0);
        // What comes back besides differs, and tells nothing.
        self.client.call(Command::DmaWrite, &body).map(drop)
    }
}

/// Address and count.
fn request(address: u64, length: usize, layout: Layout) -> Vec<u8> {
    let mut body = Vec::with_capacity(LONG + length);
    body.extend(address.to_ne_bytes());
    body.extend((length as u64).to_ne_bytes());
    if layout == Layout::Short {
        // Counts are far below 4 GiB.
        body.truncate(8);
        body.extend((length as u32).to_ne_bytes());
    }
    body
}

#[cfg(test)]
#[path = "remote_tests.rs"]
mod tests;
