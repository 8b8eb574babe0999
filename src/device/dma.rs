//! The guest's memory as the client has mapped it for us (`VFIO_USER_DMA_MAP`).
//!
//! An access copies under a read lock, piece by piece, and unmapping takes the write lock: when
//! an unmap has been answered no access to the region is under way, and the answering thread has
//! waited for one copy at most, never for a job, although a job may keep the lock from one access
//! to the next ([`super::session`]). A copy goes through `vm-memory`'s volatile
//! slices, so no Rust reference to guest RAM ever exists.
//!
//! A region that came without a file is reached by asking the client ([`ClientMemory`]), which takes a
//! round trip and no lock of ours. The thread that receives the client's answers cannot wait for
//! one, and no thread may while it holds a lock that this one takes: [`GuestMemory::waits`] tells.
//!
//! The client must not truncate a file it has mapped; the kernel would answer our access with
//! SIGBUS. A guest cannot make it do so.

use super::session::Session;
use crate::logging::line::Hex;
use crate::memory::{Access, DmaError, GuestMemory, Purpose};
use crate::record::Tape;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use thiserror::Error;
use vm_memory::mmap::MmapRegionError;
use vm_memory::{FileOffset, MmapRegion, VolatileMemory, VolatileSlice};

/// Most regions a client may map. QEMU's `virt` board has fewer than ten.
pub const MAX_REGIONS: usize = 4096;
/// Longest copy made under the lock.
pub(super) const PIECE: usize = 64 * 1024;

/// Why a mapping request was refused.
#[derive(Debug, Error)]
pub enum MapError {
    /// Empty, or past the end of the address space.
    #[error("address {address:#x}, size {size:#x}: not a range")]
    Range {
        /// Bus address.
        address: u64,
        /// Bytes.
        size: u64,
    },
    /// Overlaps an existing region.
    #[error("{address:#x}, size {size:#x}, overlaps a region that is mapped already")]
    Overlap {
        /// Bus address.
        address: u64,
        /// Bytes.
        size: u64,
    },
    /// No such region.
    #[error("nothing is mapped at exactly {address:#x}, size {size:#x}")]
    NotMapped {
        /// Bus address.
        address: u64,
        /// Bytes.
        size: u64,
    },
    /// Too many regions.
    #[error("more than {MAX_REGIONS} regions")]
    TooMany,
    /// The file could not be mapped.
    #[error("cannot map the client's memory at {address:#x}")]
    Map {
        /// Bus address.
        address: u64,
        /// Why.
        #[source]
        source: MmapRegionError,
    },
}

/// Memory that the client keeps for itself, reached by asking it.
pub trait ClientMemory: fmt::Debug + Send + Sync {
    /// Reads at a bus address.
    ///
    /// # Errors
    /// The client's, or why it has not answered.
    fn read(&self, address: u64, buf: &mut [u8]) -> io::Result<()>;

    /// Writes at a bus address.
    ///
    /// # Errors
    /// The client's, or why it has not answered. Some may have been written.
    fn write(&self, address: u64, buf: &[u8]) -> io::Result<()>;
}

/// Where a piece of guest memory is that lies in one region.
pub(super) enum Piece<'a> {
    Mapped(VolatileSlice<'a>),
    /// With the client; at this bus address.
    Asked(&'a dyn ClientMemory, u64),
}

#[derive(Debug)]
struct Region {
    address: u64,
    size: u64,
    readable: bool,
    writable: bool,
    /// `None`: the client shared no memory for it.
    memory: Option<MmapRegion>,
}

impl Region {
    fn end(&self) -> u64 {
        self.address + self.size
    }

    fn allows(&self, access: Access) -> bool {
        match access {
            Access::Read => self.readable,
            Access::Write => self.writable,
        }
    }
}

/// The regions, which stay as they are meanwhile.
pub(super) struct Held<'a> {
    regions: RwLockReadGuard<'a, Vec<Region>>,
    /// The one that was found last.
    last: usize,
}

impl Held<'_> {
    /// The region that `address` is in.
    fn region(&mut self, address: u64) -> Option<&Region> {
        let has = |region: &&Region| region.address <= address && address < region.end();
        if self.regions.get(self.last).filter(has).is_none() {
            self.last = self.regions.partition_point(|r| r.end() <= address);
        }
        self.regions.get(self.last).filter(has)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct DmaSpace {
    /// What is told of each access.
    pub(super) tape: Arc<Tape>,
    /// Ascending by address, not overlapping.
    regions: RwLock<Vec<Region>>,
    /// Who has the memory of regions without.
    client: RwLock<Option<Arc<dyn ClientMemory>>>,
    /// Where they are, all together: first address, and the one behind the last, or 0.
    asked_from: AtomicU64,
    asked_to: AtomicU64,
    /// Threads that want to change them.
    wanted: AtomicU32,
    master: AtomicBool,
    complaints: AtomicU64,
}

impl DmaSpace {
    /// Nothing is mapped; accesses go by `tape`.
    #[must_use]
    pub fn new(tape: Arc<Tape>) -> Self {
        Self { tape, ..Self::default() }
    }

    /// PCI COMMAND's bus master bit: without it no access reaches memory.
    pub fn set_master(&self, enabled: bool) {
        self.master.store(enabled, Ordering::Release);
    }

    /// Whom to ask for memory that is not shared.
    pub fn set_client(&self, client: Option<Arc<dyn ClientMemory>>) {
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
    }

    /// Maps `size` bytes of `file` at `offset` to bus address `address`. Without a file the client
    /// is asked.
    ///
    /// # Errors
    /// [`MapError`]; nothing is mapped then.
    pub fn map(
        &self,
        address: u64,
        size: u64,
        readable: bool,
        writable: bool,
        file: Option<(File, u64)>,
    ) -> Result<(), MapError> {
        let range = || MapError::Range { address, size };
        let end = address.checked_add(size).ok_or_else(range)?;
        let length = usize::try_from(size).map_err(|_| range())?;
        if size == 0 {
            return Err(range());
        }
        let memory = match file {
            None => None,
            Some((file, offset)) => {
                check_length(&file, offset, size)
                    .map_err(|source| MapError::Map { address, source })?;
                let prot = libc::PROT_READ | if writable { libc::PROT_WRITE } else { 0 };
                let flags = libc::MAP_SHARED | libc::MAP_NORESERVE;
                let file = FileOffset::new(file, offset);
                let region = MmapRegion::build(Some(file), length, prot, flags)
                    .map_err(|source| MapError::Map { address, source })?;
                Some(region)
            }
        };
        let mut regions = self.write_lock();
        if regions.len() >= MAX_REGIONS {
            return Err(MapError::TooMany);
        }
        let at = regions.partition_point(|r| r.end() <= address);
        if regions.get(at).is_some_and(|r| r.address < end) {
            return Err(MapError::Overlap { address, size });
        }
        regions.insert(at, Region { address, size, readable, writable, memory });
        self.note_asked(&regions);
        Ok(())
    }

    /// Unmaps the regions that make up exactly this range.
    ///
    /// # Errors
    /// [`MapError::NotMapped`]; nothing is unmapped then.
    pub fn unmap(&self, address: u64, size: u64) -> Result<(), MapError> {
        let error = || MapError::NotMapped { address, size };
        let end = address.checked_add(size).ok_or_else(error)?;
        let mut regions = self.write_lock();
        let from = regions.partition_point(|r| r.address < address);
        let to = regions.partition_point(|r| r.address < end);
        // The last region must end where the range ends, and no earlier one reach into it.
        let ends_right = to > from && regions[to - 1].end() == end;
        let starts_right = from < to && regions[from].address == address;
        if !ends_right || !starts_right {
            return Err(error());
        }
        regions.drain(from..to);
        self.note_asked(&regions);
        Ok(())
    }

    /// Unmaps everything.
    pub fn unmap_all(&self) {
        let mut regions = self.write_lock();
        regions.clear();
        self.note_asked(&regions);
    }

    /// Number of regions mapped.
    #[must_use]
    pub fn len(&self) -> usize {
        self.regions.read().map_or(0, |r| r.len())
    }

    /// Whether nothing is mapped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is any memory that [`GuestMemory::waits`].
    #[must_use]
    pub fn asks(&self) -> bool {
        self.asked_to.load(Ordering::Acquire) != 0
    }

    /// Keeps [`GuestMemory::waits`] quick where all that matters is shared.
    fn note_asked(&self, regions: &[Region]) {
        let mut asked = regions.iter().filter(|region| region.memory.is_none());
        let first = asked.next();
        let last = asked.next_back().or(first);
        self.asked_from.store(first.map_or(0, |region| region.address), Ordering::Release);
        self.asked_to.store(last.map_or(0, Region::end), Ordering::Release);
    }

    fn write_lock(&self) -> RwLockWriteGuard<'_, Vec<Region>> {
        // Jobs that hold on to the lock let go at their next access; the lock then prefers us.
        self.wanted.fetch_add(1, Ordering::Relaxed);
        // Nothing under this lock can panic between two consistent states.
        let regions = self.regions.write().unwrap_or_else(PoisonError::into_inner);
        self.wanted.fetch_sub(1, Ordering::Relaxed);
        regions
    }

    /// Waits until no access is under way. A job that was told to stop before this makes none
    /// afterwards ([`super::session`]); memory that the client is asked for is not waited for.
    pub fn settle(&self) {
        drop(self.write_lock());
    }

    /// Calls `copy` with one piece of `address..address + length` after the other, and where in the
    /// whole it lies. Returns how many bytes were done. `held` is the lock, if it is had already, and
    /// stays, unless the client has to be asked. Nothing is reached once `stopped` says so.
    pub(super) fn walk<'s>(
        &'s self,
        held: &mut Option<Held<'s>>,
        address: u64,
        length: usize,
        access: Access,
        stopped: impl Fn() -> bool,
        mut copy: impl FnMut(Piece<'_>, Range<usize>) -> io::Result<()>,
    ) -> usize {
        if !self.master.load(Ordering::Acquire) {
            self.complain("bus mastering is off (PCI COMMAND bit 2)", address);
            return 0;
        }
        let mut done = 0;
        while done < length {
            let Some(at) = address.checked_add(done as u64) else { break };
            if self.wanted.load(Ordering::Relaxed) > 0 {
                *held = None;
            }
            let lock = held.get_or_insert_with(|| Held {
                regions: self.regions.read().unwrap_or_else(PoisonError::into_inner),
                last: 0,
            });
            if stopped() {
                break;
            }
            let Some(region) = lock.region(at) else { break };
            if !region.allows(access) {
                break;
            }
            let n = (region.end() - at).min((length - done).min(PIECE) as u64) as usize;
            let range = done..done + n;
            let result = if let Some(memory) = &region.memory {
                let Ok(slice) = memory.get_slice((at - region.address) as usize, n) else { break };
                copy(Piece::Mapped(slice), range)
            } else {
                // Under the lock: a job that has not been told to stop by now has not got the next
                // client.
                let client = self.client.read().unwrap_or_else(PoisonError::into_inner).clone();
                // The client may want to change the mappings before it answers.
                *held = None;
                // The calls of a recording are in one order, by a lock that the client's thread takes.
                let Some(client) = client.filter(|_| !self.tape.on()) else { break };
                copy(Piece::Asked(&*client, at), range)
            };
            if let Err(error) = result {
                self.complain(&format!("the client, asked for it, says: {error}"), at);
                break;
            }
            done += n;
        }
        done
    }

    /// Where `length` bytes at `address` are, if to look is enough: the lock is had already, nobody
    /// else wants it, `stopped` does not say that nothing is reached, and they lie in the region that
    /// was used last. So it is with most accesses of a job; for all others, [`Self::walk`] finds out.
    #[inline]
    pub(super) fn at_hand<'h>(
        &self,
        held: Option<&'h Held<'_>>,
        address: u64,
        length: usize,
        access: Access,
        stopped: impl Fn() -> bool,
    ) -> Option<VolatileSlice<'h>> {
        let held = held?;
        let region = held.regions.get(held.last)?;
        let free = self.master.load(Ordering::Acquire) && self.wanted.load(Ordering::Relaxed) == 0;
        if !free || stopped() || length > PIECE || !region.allows(access) {
            return None;
        }
        let offset = usize::try_from(address.checked_sub(region.address)?).ok()?;
        region.memory.as_ref()?.get_slice(offset, length).ok()
    }

    fn complain(&self, what: &str, address: u64) {
        let before = self.complaints.fetch_add(1, Ordering::Relaxed);
        if super::worth_a_line(before) {
            log::warn!(address:% = Hex(address), cause = what; "no DMA");
        }
    }
}

/// Refuses a range that is not all in the file: the first access behind its end would be a
/// SIGBUS. `vm-memory` does not look (0.18).
fn check_length(file: &File, offset: u64, size: u64) -> Result<(), MmapRegionError> {
    let metadata = file.metadata().map_err(MmapRegionError::Mmap)?;
    let end = offset.checked_add(size).ok_or(MmapRegionError::InvalidOffsetLength)?;
    if metadata.is_file() && end > metadata.len() {
        return Err(MmapRegionError::MappingPastEof);
    }
    Ok(())
}

/// One access, and the lock for it alone.
impl GuestMemory for DmaSpace {
    fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError> {
        Session::new(self).write(purpose, address, buf)
    }

    fn read_available(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> usize {
        Session::new(self).read_available(purpose, address, buf)
    }

    fn writable(&self, purpose: Purpose, address: u64, length: usize) -> Result<(), DmaError> {
        Session::new(self).writable(purpose, address, length)
    }

    fn waits(&self, address: u64, length: usize) -> bool {
        let end = address.saturating_add(length as u64);
        let near = address < self.asked_to.load(Ordering::Acquire)
            && end > self.asked_from.load(Ordering::Acquire);
        // Where nobody is asked, nobody waits.
        near && !self.tape.on() && {
            let regions = self.regions.read().unwrap_or_else(PoisonError::into_inner);
            let from = regions.partition_point(|r| r.end() <= address);
            let mut touched = regions[from..].iter().take_while(|r| r.address < end);
            touched.any(|r| r.memory.is_none())
        }
    }
}

#[cfg(test)]
#[path = "dma_tests.rs"]
mod tests;
