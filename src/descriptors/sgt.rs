//! Walking data in guest memory: one address range, or a scatter/gather table.
//!
//! Table entries are 16 bytes (Linux `regs.h`/`sg_sw_sec4.h`, `struct sec4_sg_entry`): pointer,
//! then a word of E (31: the entry points to another table), F (30: last entry) and length 29:0,
//! then a word with the offset in 12:0. The hardware reads entries four at a time, and so does
//! this: a group is copied once, used from the copy, and may reach past what is mapped, because
//! the prefetch of entries nobody needs must not fault. Where it leaves the page of the table's
//! last entry it is counted, and the memory is told ([`GuestMemory::table_overread`]): the driver
//! may not know what lies there. Only F and E entries are known to be last; that a job needs no
//! more of a table without F is not known when the group is read.

use super::status::{DecoError, Failure};
use crate::device::soc::{PointerSize, SocProfile};
use crate::memory::{DmaError, GuestMemory, Purpose, TableOverread};

const ENTRY: usize = 16;
/// Entries read at once. Linux aligns its tables to this (`sg_sw_sec4.h`, `pad_sg_nents`).
const GROUP: usize = 4;
const PAGE: u64 = 4096;
/// E and F, the bits of an entry's third word that make it the last of its table.
const EXTENSION: u32 = 1 << 31;
const FINAL: u32 = 1 << 30;

/// What ended a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalkError {
    /// The table is malformed, or there are too many entries.
    Deco(DecoError),
    /// The table or the data could not be reached.
    Dma(DmaError),
}

impl From<DmaError> for WalkError {
    fn from(error: DmaError) -> Self {
        Self::Dma(error)
    }
}

impl WalkError {
    /// The job failure this makes.
    #[must_use]
    pub fn failure(self) -> Failure {
        match self {
            Self::Deco(error) => Failure::Deco(error),
            Self::Dma(_) => Failure::Deco(DecoError::Dma),
        }
    }
}

/// What a walk needs besides its own position: the memory, the word order, and the number of
/// table entries the job may still read. The latter ends self-linked tables.
#[derive(Debug)]
pub struct WalkContext<'a, M> {
    /// Guest memory.
    pub memory: &'a M,
    /// Byte order and pointer width.
    pub soc: &'a SocProfile,
    /// Table entries left before the watchdog.
    pub entries_left: u32,
    /// Groups read so far that left the page of their table's last entry.
    pub overreads: u32,
}

impl<'a, M> WalkContext<'a, M> {
    /// At the start of a job that may read `entries` table entries.
    #[must_use]
    pub fn new(memory: &'a M, soc: &'a SocProfile, entries: u32) -> Self {
        Self { memory, soc, entries_left: entries, overreads: 0 }
    }
}

#[derive(Debug, Clone, Copy)]
struct Table {
    /// Its address.
    start: u64,
    /// Address of the next group.
    next_group: u64,
    group: [[u8; ENTRY]; GROUP],
    /// Entries of `group` that could be read, and the next one to look at.
    readable: u8,
    next: u8,
    /// The F entry has been taken: nothing follows.
    ended: bool,
}

/// A position in data. Cheap to clone: a clone walks on by itself.
#[derive(Debug, Clone, Copy)]
pub struct Cursor {
    address: u64,
    /// Bytes left in the current piece.
    left: u64,
    table: Option<Table>,
}

impl Cursor {
    /// `length` bytes at `address`.
    #[must_use]
    pub fn direct(address: u64, length: u64) -> Self {
        Self { address, left: length, table: None }
    }

    /// The data that the table at `address` describes.
    #[must_use]
    pub fn table(address: u64) -> Self {
        let table = Table {
            start: address,
            next_group: address,
            group: [[0; ENTRY]; GROUP],
            readable: 0,
            next: 0,
            ended: false,
        };
        Self { address: 0, left: 0, table: Some(table) }
    }

    /// The address it has come to (of a table that nothing was taken from, 0), and the table's.
    #[must_use]
    pub fn position(&self) -> (u64, Option<u64>) {
        (self.address, self.table.as_ref().map(|table| table.start))
    }

    /// Lets a direct piece reach `more` bytes further (the PRE flag of sequence pointers).
    pub fn extend(&mut self, more: u64) {
        if self.table.is_none() {
            self.left = self.left.saturating_add(more);
        }
    }

    /// Makes the current piece non-empty, walking the table as needed.
    fn advance<M: GuestMemory>(&mut self, cx: &mut WalkContext<'_, M>) -> Result<(), WalkError> {
        while self.left == 0 {
            let table = self.table.as_mut().ok_or(WalkError::Deco(DecoError::SgtTooShort))?;
            if table.ended {
                return Err(WalkError::Deco(DecoError::SgtTooShort));
            }
            if table.next >= table.readable {
                table.fetch(cx)?;
            }
            let entry = Entry::new(&table.group[usize::from(table.next)], cx.soc);
            table.next += 1;
            cx.entries_left =
                cx.entries_left.checked_sub(1).ok_or(WalkError::Deco(DecoError::Watchdog))?;

            let address = entry.pointer.wrapping_add(entry.offset);
            if entry.control & EXTENSION != 0 {
                // E: go on in another table. Its own entries count against the budget.
                (table.start, table.next_group) = (address, address);
                (table.readable, table.next) = (0, 0);
                continue;
            }
            let length = u64::from(entry.control & 0x3fff_ffff);
            if length != 0 && entry.pointer == 0 {
                return Err(WalkError::Deco(DecoError::SgtNullEntry));
            }
            table.ended = entry.control & FINAL != 0;
            self.address = address;
            self.left = length;
        }
        Ok(())
    }

    /// Reads the next `buf.len()` bytes.
    ///
    /// # Errors
    /// [`WalkError`]; how much of `buf` was filled is then unspecified.
    pub fn read<M: GuestMemory>(
        &mut self,
        cx: &mut WalkContext<'_, M>,
        mut buf: &mut [u8],
    ) -> Result<(), WalkError> {
        while !buf.is_empty() {
            self.advance(cx)?;
            let n = self.take(buf.len());
            let (piece, rest) = buf.split_at_mut(n);
            cx.memory.read(Purpose::Input, self.address, piece)?;
            self.consume(n);
            buf = rest;
        }
        Ok(())
    }

    /// Writes `buf` to the next `buf.len()` bytes.
    ///
    /// # Errors
    /// [`WalkError`]; some of `buf` may have been written.
    pub fn write<M: GuestMemory>(
        &mut self,
        cx: &mut WalkContext<'_, M>,
        mut buf: &[u8],
    ) -> Result<(), WalkError> {
        while !buf.is_empty() {
            self.advance(cx)?;
            let n = self.take(buf.len());
            let (piece, rest) = buf.split_at(n);
            cx.memory.write(Purpose::Output, self.address, piece)?;
            self.consume(n);
            buf = rest;
        }
        Ok(())
    }

    /// Steps over the next `length` bytes without touching them.
    ///
    /// # Errors
    /// [`WalkError`] if the data ends before.
    pub fn skip<M: GuestMemory>(
        &mut self,
        cx: &mut WalkContext<'_, M>,
        mut length: u64,
    ) -> Result<(), WalkError> {
        while length > 0 {
            self.advance(cx)?;
            let n = self.left.min(length);
            self.address = self.address.wrapping_add(n);
            self.left -= n;
            length -= n;
        }
        Ok(())
    }

    fn take(&self, wanted: usize) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX).min(wanted)
    }

    fn consume(&mut self, n: usize) {
        self.address = self.address.wrapping_add(n as u64);
        self.left -= n as u64;
    }
}

/// A table entry: its words, and of them the pointer put together.
struct Entry {
    pointer: u64,
    control: u32,
    offset: u64,
}

impl Entry {
    #[inline]
    fn new(bytes: &[u8; ENTRY], soc: &SocProfile) -> Self {
        let [at0, at4, control, offset] = words(bytes, soc);
        let pointer = match soc.pointer {
            // Linux fills a 64-bit field, whose low word is at +0 on low-word-first parts and at +4
            // otherwise.
            PointerSize::Bits32 if soc.high_word_first => u64::from(at4),
            PointerSize::Bits32 => u64::from(at0),
            PointerSize::Bits64 => soc.join(at0, at4),
        };
        Self { pointer, control, offset: u64::from(offset & 0x1fff) }
    }
}

/// The four words of an entry.
#[inline]
fn words(entry: &[u8; ENTRY], soc: &SocProfile) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(entry.as_chunks::<4>().0) {
        *word = soc.word(*bytes);
    }
    words
}

impl Table {
    fn fetch<M: GuestMemory>(&mut self, cx: &mut WalkContext<'_, M>) -> Result<(), WalkError> {
        let group = self.next_group;
        let got = cx.memory.read_available(Purpose::Table, group, self.group.as_flattened_mut());
        if got < ENTRY {
            // The entry that is needed is not there: this read is the one that fails.
            cx.memory.read(Purpose::Table, group, &mut self.group[0])?;
        }
        let readable = (got / ENTRY).max(1);
        self.readable = readable as u8;
        self.next = 0;
        // Behind a group that was cut short, the entry that was not there is the next one.
        self.next_group = group.wrapping_add((readable * ENTRY) as u64);
        if let Some(overread) = self.overread(group, cx.soc) {
            cx.overreads += 1;
            cx.memory.table_overread(&overread)?;
        }
        Ok(())
    }

    /// Whether the group just read, at `group`, left the page of the table's last entry.
    fn overread(&self, group: u64, soc: &SocProfile) -> Option<TableOverread> {
        let end = group.checked_add((GROUP * ENTRY) as u64)?;
        if group / PAGE == (end - 1) / PAGE {
            return None;
        }
        let is_last = |entry: &[u8; ENTRY]| words(entry, soc)[2] & (EXTENSION | FINAL) != 0;
        let mut entries = self.group.iter().take(usize::from(self.readable));
        let last = group + (entries.position(is_last)? * ENTRY) as u64;
        let page = ((last + ENTRY as u64 - 1) / PAGE + 1).checked_mul(PAGE)?;
        let length = end.checked_sub(page).filter(|&n| n > 0)? as usize;
        Some(TableOverread { table: self.start, last, page, length })
    }
}

#[cfg(test)]
#[path = "sgt_tests.rs"]
mod tests;
