//! One client's conversation: messages in, replies out. No socket, no clock.

use super::Errno;
use super::header::{self, Header};
use super::inbox::{BadSize, Message};
use super::message::{ACCESS, Access, DmaMap, DmaUnmap, IrqSet, Request, Writes};
use super::version::{Limits, Maps, Proposal};
use std::os::fd::OwnedFd;
use std::time::Duration;
use thiserror::Error;
use vfio_bindings::bindings::vfio::{VFIO_DEVICE_FLAGS_PCI, VFIO_DEVICE_FLAGS_RESET};

/// What a client is told of a region (`struct vfio_region_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Region {
    /// `VFIO_REGION_INFO_FLAG_*`.
    pub flags: u32,
    /// Bytes; 0: there is none.
    pub size: u64,
}

/// What a client is told of a kind of interrupt (`struct vfio_irq_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interrupt {
    /// `VFIO_IRQ_INFO_*`.
    pub flags: u32,
    /// How many there are.
    pub count: u32,
}

/// What a client is told of a PCI device that can be reset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// By index.
    pub regions: Vec<Region>,
    /// By index.
    pub interrupts: Vec<Interrupt>,
    /// Of the client's memory.
    pub maps: Maps,
}

/// The device behind the protocol. An error becomes the error of the reply.
#[allow(clippy::missing_errors_doc)] // the same for all: see above
pub trait Backend {
    /// Reads a region, inside its bounds.
    fn region_read(&mut self, access: Access, data: &mut [u8]) -> Result<(), Errno>;
    /// Writes a region, inside its bounds.
    fn region_write(&mut self, access: Access, data: &[u8]) -> Result<(), Errno>;
    /// The device may access a range; without a file, through messages to the client.
    fn dma_map(&mut self, map: DmaMap, file: Option<OwnedFd>) -> Result<(), Errno>;
    /// It may no longer. When this returns it does not.
    fn dma_unmap(&mut self, unmap: DmaUnmap) -> Result<(), Errno>;
    /// Interrupts are connected, masked, unmasked, triggered.
    fn set_irqs(&mut self, set: IrqSet<'_>, fds: Vec<OwnedFd>) -> Result<(), Errno>;
    /// Resets the device.
    fn reset(&mut self) -> Result<(), Errno>;
    /// How long to wait for the next message at most; then comes [`Self::wake`].
    fn wait(&self) -> Option<Duration> {
        None
    }
    /// That time is over. It may come too early.
    fn wake(&mut self) {}
}

/// The client, as far as it is more than messages to be answered.
pub trait Peer {
    /// What the client can do. Gives its end of a second socket, if it takes commands by that.
    fn agreed(&self, limits: Limits) -> Option<OwnedFd>;
    /// It has answered a command of ours.
    fn answered(&self, header: Header, body: &[u8]);
}

/// Why a connection cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Violation {
    /// Where the next message begins is not known.
    #[error(transparent)]
    Size(#[from] BadSize),
    /// Neither a command nor a reply.
    #[error("a message is neither a command nor a reply: flags {0:#x}")]
    Type(u32),
    /// The version comes first.
    #[error("command {0} came before the version")]
    NoVersion(u16),
    /// No version to agree on.
    #[error("the version message is refused: {0}")]
    Version(Errno),
}

/// What is to be sent.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Whole messages.
    pub bytes: Vec<u8>,
    /// Descriptors that go with them.
    pub fds: Vec<OwnedFd>,
}

impl Outbox {
    fn message(&mut self, header: Header, body: &[u8]) {
        self.bytes.extend(header.to_bytes());
        self.bytes.extend(body);
    }
}

/// See the module.
#[derive(Debug)]
pub struct Session<'a, B, P> {
    description: &'a Description,
    backend: &'a mut B,
    peer: &'a P,
    greeted: bool,
    /// Posted commands that failed, which nobody has been told.
    unheard: u64,
}

impl<'a, B: Backend, P: Peer> Session<'a, B, P> {
    /// Before the client's first message.
    pub fn new(description: &'a Description, backend: &'a mut B, peer: &'a P) -> Self {
        Self { description, backend, peer, greeted: false, unheard: 0 }
    }

    /// Does what a message asks for and appends the reply, if one is wanted.
    ///
    /// # Errors
    /// [`Violation`]: the connection is to be closed when what is in `out` has been sent.
    pub fn handle(&mut self, message: Message<'_>, out: &mut Outbox) -> Result<(), Violation> {
        let Message { header, body, fds, too_many_fds } = message;
        if header.is_reply() {
            self.peer.answered(header, body);
            return Ok(());
        }
        if !header.is_command() {
            return Err(Violation::Type(header.flags));
        }
        let request = Request::decode(header.command, body);
        let first = !self.greeted;
        if first && !matches!(request, Ok(Request::Version { .. })) {
            out.message(header.refusal(Errno::INVAL), &[]);
            return Err(Violation::NoVersion(header.command));
        }
        let begin = (out.bytes.len(), out.fds.len());
        let result = request.and_then(|request| {
            if too_many_fds || fds.len() > request.max_fds() {
                return Err(Errno::INVAL);
            }
            self.answer(header, request, fds, out)
        });
        if result.is_err() || header.is_posted() {
            out.bytes.truncate(begin.0);
            // They would go with the reply to another command.
            out.fds.truncate(begin.1);
        }
        if let Err(error) = result {
            if header.is_posted() && !first {
                self.complain(header, error);
            } else {
                out.message(header.refusal(error), &[]);
            }
            if first {
                return Err(Violation::Version(error));
            }
        }
        Ok(())
    }

    /// How long to wait for the next message at most: what [`Backend::wait`] says.
    pub fn wait(&self) -> Option<Duration> {
        self.backend.wait()
    }

    /// That time is over.
    pub fn wake(&mut self) {
        self.backend.wake();
    }

    /// A message of a size that cannot be: the reply that says so.
    pub fn refuse(&self, bad: BadSize, out: &mut Outbox) -> Violation {
        if bad.header.is_command() && bad.header.size as usize >= header::BYTES {
            out.message(bad.header.refusal(Errno::TOOBIG), &[]);
        }
        bad.into()
    }

    fn complain(&mut self, header: Header, error: Errno) {
        if crate::device::worth_a_line(self.unheard) {
            log::warn!(command = header.command, error:%; "a posted command failed");
        }
        self.unheard += 1;
    }

    fn answer(
        &mut self,
        header: Header,
        request: Request<'_>,
        fds: Vec<OwnedFd>,
        out: &mut Outbox,
    ) -> Result<(), Errno> {
        match request {
            Request::Version { major, minor, data } => {
                if self.greeted {
                    return Err(Errno::INVAL);
                }
                let proposal = Proposal::decode(major, minor, data)?;
                let twin = self.peer.agreed(proposal.limits());
                let body = proposal.reply(self.description.maps, twin.is_some());
                out.message(header.reply(body.len()), &body);
                out.fds.extend(twin);
                self.greeted = true;
            }
            Request::DmaMap(map) => {
                self.backend.dma_map(map, fds.into_iter().next())?;
                out.message(header.reply(0), &[]);
            }
            Request::DmaUnmap(unmap) => {
                self.backend.dma_unmap(unmap)?;
                let (address, size, flags) = match unmap {
                    DmaUnmap::All => (0, 0, 2),
                    DmaUnmap::Range { address, size } => (address, size, 0),
                };
                let mut body = words(&[24, flags]);
                body.extend(address.to_ne_bytes());
                body.extend(size.to_ne_bytes());
                out.message(header.reply(body.len()), &body);
            }
            Request::GetInfo => {
                let flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI;
                let (regions, interrupts) =
                    (&self.description.regions, &self.description.interrupts);
                let body = words(&[16, flags, regions.len() as u32, interrupts.len() as u32]);
                out.message(header.reply(body.len()), &body);
            }
            Request::GetRegionInfo { index } => {
                let region = self.region(index)?;
                let mut body = words(&[32, region.flags, index, 0]);
                body.extend(region.size.to_ne_bytes());
                body.extend(0_u64.to_ne_bytes());
                out.message(header.reply(body.len()), &body);
            }
            Request::GetRegionIoFds { index } => {
                // No part of a region is accessed through a descriptor.
                self.region(index)?;
                let body = words(&[16, 0, index, 0]);
                out.message(header.reply(body.len()), &body);
            }
            Request::GetIrqInfo { index } => {
                let interrupts = &self.description.interrupts;
                let interrupt = interrupts.get(index as usize).ok_or(Errno::INVAL)?;
                let body = words(&[16, interrupt.flags, index, interrupt.count]);
                out.message(header.reply(body.len()), &body);
            }
            Request::SetIrqs(set) => {
                let kind = self.description.interrupts.get(set.index as usize);
                let end = set.start.checked_add(set.count);
                if kind.zip(end).is_none_or(|(kind, end)| end > kind.count) {
                    return Err(Errno::INVAL);
                }
                self.backend.set_irqs(set, fds)?;
                out.message(header.reply(0), &[]);
            }
            Request::RegionRead(access) => {
                self.inside(access)?;
                out.message(header.reply(ACCESS + access.count as usize), &access.to_bytes());
                let at = out.bytes.len();
                out.bytes.resize(at + access.count as usize, 0);
                self.backend.region_read(access, &mut out.bytes[at..])?;
            }
            Request::RegionWrite(access, data) => {
                self.inside(access)?;
                self.backend.region_write(access, data)?;
                out.message(header.reply(ACCESS), &access.to_bytes());
            }
            Request::RegionWriteMulti(writes) => {
                self.write_all(writes)?;
                out.message(header.reply(8), &(writes.len() as u64).to_ne_bytes());
            }
            Request::Reset => {
                self.backend.reset()?;
                out.message(header.reply(0), &[]);
            }
        }
        Ok(())
    }

    /// Many writes. What stands behind one that fails is not done: a reply has one error.
    fn write_all(&mut self, writes: Writes<'_>) -> Result<(), Errno> {
        for write in writes.iter() {
            let (access, data) = write?;
            self.inside(access)?;
            self.backend.region_write(access, data)?;
        }
        Ok(())
    }

    /// Before anything is allocated for it.
    fn inside(&self, access: Access) -> Result<(), Errno> {
        let end = access.offset.checked_add(u64::from(access.count)).ok_or(Errno::INVAL)?;
        if end > self.region(access.region)?.size { Err(Errno::INVAL) } else { Ok(()) }
    }

    fn region(&self, index: u32) -> Result<Region, Errno> {
        self.description.regions.get(index as usize).copied().ok_or(Errno::INVAL)
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
