//! Guest memory as a job sees it to which something happens: accesses that fail, output that is
//! changed, cut or lost, tables whose over-read is looked at.
//!
//! A data fault is about all of the job's output, whose length is known only when the job has
//! ended. So the output is held back until then; the job itself reads what it has written, as
//! ever, and a place that cannot be written fails when the job writes it.

use super::engine::{Event, Faults};
use super::job::{DataFault, JobFaults};
use super::kind::{Kind, Site};
use super::random::Stream;
use crate::descriptors::deco::Report;
use crate::descriptors::sgt::WalkError;
use crate::device::worth_a_line;
use crate::logging::line::Hex;
use crate::memory::{Access, DmaError, GuestMemory, Purpose, TableOverread};
use std::cell::{Cell, RefCell};

/// Most output that is held back. A job with more of it (no Linux driver makes one) stays whole.
const MOST_HELD: usize = 64 << 20;

/// Asks the rules of [`Site::Table`] about a job's tables.
#[derive(Debug, Clone, Copy)]
pub struct TableRules<'a> {
    faults: &'a Faults,
    event: Event<'a>,
}

impl<'a> TableRules<'a> {
    /// For the job, the ring and the time that `event` names.
    #[must_use]
    pub fn new(faults: &'a Faults, event: Event<'a>) -> Self {
        Self { faults, event }
    }

    fn ask(&self, overread: &TableOverread) -> Result<(), DmaError> {
        let mut result = Ok(());
        for firing in self.faults.at(Site::Table, &self.event) {
            let Kind::TableOverread { fail } = firing.kind else { continue };
            let (matched, fired) = firing.counts;
            if worth_a_line(fired - 1) {
                log::warn!(
                    ring = self.event.ring,
                    job = self.event.job.map(|job| job.number),
                    descriptor:% = Hex(self.event.job.map_or(0, |job| job.descriptor)),
                    table:% = Hex(overread.table),
                    last_entry:% = Hex(overread.last),
                    page:% = Hex(overread.page),
                    kind:% = firing.kind,
                    matched,
                    fired;
                    "the table ends, but reading four entries at a time goes on into the next page"
                );
            }
            if fail {
                // Bus transfers do not cross pages: the one that fails begins at the page.
                let (address, length) = (overread.page, overread.length);
                let (purpose, access) = (Purpose::Table, Access::Read);
                result = Err(DmaError { purpose, address, length, access });
            }
        }
        result
    }
}

/// Output that has not been written yet.
#[derive(Debug, Default)]
struct Held {
    /// In the order of the writes.
    bytes: Vec<u8>,
    /// Of each write its address, and where in `bytes` it ends.
    writes: Vec<(u64, usize)>,
}

impl Held {
    fn push(&mut self, address: u64, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.bytes.extend_from_slice(bytes);
            self.writes.push((address, self.bytes.len()));
        }
    }

    /// Address and bytes of each write, as far as the bytes are still there.
    fn pieces(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut start = 0;
        self.writes.iter().map_while(move |&(address, end)| {
            let piece = self.bytes.get(start..end.min(self.bytes.len()))?;
            start = end;
            (!piece.is_empty()).then_some((address, piece))
        })
    }

    /// Puts what is held over `buf`, as read from `address`.
    fn lay_over(&self, address: u64, buf: &mut [u8]) {
        let end = address.saturating_add(buf.len() as u64);
        for (at, piece) in self.pieces() {
            let from = at.max(address);
            let to = at.saturating_add(piece.len() as u64).min(end);
            if from < to {
                let part = &piece[(from - at) as usize..(to - at) as usize];
                buf[(from - address) as usize..(to - address) as usize].copy_from_slice(part);
            }
        }
    }

    fn apply(&mut self, fault: &DataFault) {
        match *fault {
            DataFault::Flip(bits, draw) => self.flip(bits, draw),
            DataFault::Truncate(bytes) => {
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                self.bytes.truncate(self.bytes.len().saturating_sub(bytes));
            }
            DataFault::Skip => self.bytes.clear(),
        }
    }

    /// Inverts `count` different bits, or all if there are fewer (Floyd's sampling: Bentley and
    /// Floyd, "A sample of brilliance", 1987).
    fn flip(&mut self, count: u32, mut draw: Stream) {
        let all = self.bytes.len() as u64 * 8;
        let mut chosen = Vec::new();
        for last in all - u64::from(count).min(all)..all {
            let place = draw.below(last + 1);
            let place = if chosen.contains(&place) { last } else { place };
            chosen.push(place);
            self.bytes[(place / 8) as usize] ^= 1 << (place % 8);
        }
    }

    fn write_to<M: GuestMemory>(&self, memory: &M) -> Result<(), DmaError> {
        self.pieces().try_for_each(|(at, piece)| memory.write(Purpose::Output, at, piece))
    }
}

/// See the module. For one job; [`Self::finish`] has to be called when it has ended.
///
/// Accesses are counted as this device makes them: one for each descriptor, for each group of
/// table entries, and for each piece of data that is in one place, at most 64 KiB.
#[derive(Debug)]
#[must_use = "output may be held back until it is finished"]
pub struct FaultyMemory<'a, M> {
    inner: &'a M,
    /// The n-th access of a purpose fails.
    dma: &'a [(Purpose, u32)],
    data: &'a [DataFault],
    tables: Option<TableRules<'a>>,
    accesses: [Cell<u32>; Purpose::COUNT],
    /// A prefetch that failed: its reader will read the place again to learn why.
    failed: Cell<Option<(Purpose, u64)>>,
    /// `None`: output is not held back (any more).
    held: RefCell<Option<Held>>,
}

impl<'a, M: GuestMemory> FaultyMemory<'a, M> {
    /// What `job` and the rules for tables do with `inner`.
    pub fn new(inner: &'a M, job: Option<&'a JobFaults>, tables: Option<TableRules<'a>>) -> Self {
        let (dma, data) = job.map_or((&[][..], &[][..]), |job| (&job.dma, &job.data));
        let held = (!data.is_empty()).then(Held::default);
        Self {
            inner,
            dma,
            data,
            tables,
            accesses: Default::default(),
            failed: Cell::new(None),
            held: RefCell::new(held),
        }
    }

    /// The job has ended like this: does to its output what is to be done, and writes it.
    pub fn finish(self, report: Report) -> Report {
        for &(purpose, access) in self.dma {
            let made = self.accesses[purpose as usize].get();
            if made < access {
                log::debug!(purpose:%, access, made; "no DMA error: the job made no such access");
            }
        }
        let Some(mut held) = self.held.into_inner() else { return report };
        for fault in self.data {
            held.apply(fault);
        }
        match held.write_to(self.inner) {
            // Unmapped since the job wrote it. What ended the job before that stays.
            Err(error) if report.status.is_ok() => {
                let Report { operations, table_overreads, .. } = report;
                Report { operations, table_overreads, ..Report::of_walk(WalkError::Dma(error)) }
            }
            _ => report,
        }
    }

    /// Counts an access. Says whether it is to fail.
    fn fails(&self, purpose: Purpose) -> bool {
        let accesses = &self.accesses[purpose as usize];
        accesses.set(accesses.get().saturating_add(1));
        self.dma.contains(&(purpose, accesses.get()))
    }

    fn lay_over(&self, address: u64, buf: &mut [u8]) {
        if let Some(held) = &*self.held.borrow() {
            held.lay_over(address, buf);
        }
    }
}

impl<M: GuestMemory> GuestMemory for FaultyMemory<'_, M> {
    fn read(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> Result<(), DmaError> {
        let again = self.failed.take() == Some((purpose, address));
        if again || self.fails(purpose) {
            let (length, access) = (buf.len(), Access::Read);
            return Err(DmaError { purpose, address, length, access });
        }
        self.inner.read(purpose, address, buf)?;
        self.lay_over(address, buf);
        Ok(())
    }

    fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError> {
        if self.fails(purpose) {
            let (length, access) = (buf.len(), Access::Write);
            return Err(DmaError { purpose, address, length, access });
        }
        let mut output = self.held.borrow_mut();
        let Some(held) = output.as_mut() else { return self.inner.write(purpose, address, buf) };
        if held.bytes.len() + buf.len() > MOST_HELD {
            log::warn!(most = MOST_HELD; "too much output to hold: the job's data faults do nothing");
            held.write_to(self.inner)?;
            *output = None;
            return self.inner.write(purpose, address, buf);
        }
        self.inner.writable(purpose, address, buf.len())?;
        held.push(address, buf);
        Ok(())
    }

    fn read_available(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> usize {
        if self.fails(purpose) {
            self.failed.set(Some((purpose, address)));
            return 0;
        }
        let n = self.inner.read_available(purpose, address, buf);
        self.lay_over(address, &mut buf[..n]);
        n
    }

    fn writable(&self, purpose: Purpose, address: u64, length: usize) -> Result<(), DmaError> {
        self.inner.writable(purpose, address, length)
    }

    fn pause(&self) {
        self.inner.pause();
    }

    fn table_overread(&self, overread: &TableOverread) -> Result<(), DmaError> {
        self.tables.map_or(Ok(()), |rules| rules.ask(overread))
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
