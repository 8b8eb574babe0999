//! Who touched what: the last accesses of a job to guest memory.
//!
//! A [`Witness`] stands before the memory that a job works on and notes each access, without its
//! bytes, in an [`AccessLog`] of fixed size. It costs about a store an access.

use crate::memory::{Access, DmaError, GuestMemory, Purpose, TableOverread};
use std::cell::Cell;

/// Accesses that are kept, the last ones.
pub const KEPT: usize = 64;

/// One access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touched {
    /// Bus address.
    pub address: u64,
    /// Bytes; of a prefetch those that were there.
    pub length: u32,
    /// What for.
    pub purpose: Purpose,
    /// Read or write.
    pub access: Access,
}

const NOTHING: Touched =
    Touched { address: 0, length: 0, purpose: Purpose::Descriptor, access: Access::Read };

/// The last accesses, and how many there were.
#[derive(Debug)]
pub(super) struct AccessLog {
    entries: Box<[Cell<Touched>; KEPT]>,
    count: Cell<u64>,
}

impl Default for AccessLog {
    fn default() -> Self {
        Self { entries: Box::new([const { Cell::new(NOTHING) }; KEPT]), count: Cell::new(0) }
    }
}

impl AccessLog {
    pub fn clear(&self) {
        self.count.set(0);
    }

    fn note(&self, purpose: Purpose, address: u64, length: usize, access: Access) {
        let count = self.count.get();
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let at = (count % KEPT as u64) as usize;
        self.entries[at].set(Touched { address, length, purpose, access });
        self.count.set(count + 1);
    }

    /// How many accesses there were, and the last ones in their order.
    pub fn last(&self) -> (u64, Vec<Touched>) {
        let count = self.count.get();
        let kept = count.min(KEPT as u64);
        let entry = |n: u64| self.entries[(n % KEPT as u64) as usize].get();
        (count, (count - kept..count).map(entry).collect())
    }
}

/// Guest memory, watched.
#[derive(Debug)]
pub(super) struct Witness<'a, M> {
    pub memory: &'a M,
    pub log: &'a AccessLog,
}

impl<M: GuestMemory> GuestMemory for Witness<'_, M> {
    fn read(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> Result<(), DmaError> {
        self.log.note(purpose, address, buf.len(), Access::Read);
        self.memory.read(purpose, address, buf)
    }

    fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError> {
        self.log.note(purpose, address, buf.len(), Access::Write);
        self.memory.write(purpose, address, buf)
    }

    fn read_available(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> usize {
        let n = self.memory.read_available(purpose, address, buf);
        self.log.note(purpose, address, n, Access::Read);
        n
    }

    fn writable(&self, purpose: Purpose, address: u64, length: usize) -> Result<(), DmaError> {
        self.memory.writable(purpose, address, length)
    }

    fn pause(&self) {
        self.memory.pause();
    }

    fn waits(&self, address: u64, length: usize) -> bool {
        self.memory.waits(address, length)
    }

    fn table_overread(&self, overread: &TableOverread) -> Result<(), DmaError> {
        self.memory.table_overread(overread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::flat::FlatMemory;

    /// Memory that counts pauses.
    struct Paused(FlatMemory, Cell<u32>);

    impl GuestMemory for Paused {
        fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError> {
            self.0.write(purpose, address, buf)
        }

        fn read_available(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> usize {
            self.0.read_available(purpose, address, buf)
        }

        fn writable(&self, purpose: Purpose, at: u64, length: usize) -> Result<(), DmaError> {
            self.0.writable(purpose, at, length)
        }

        fn pause(&self) {
            self.1.set(self.1.get() + 1);
        }

        fn waits(&self, address: u64, _length: usize) -> bool {
            address == 7
        }
    }

    #[test]
    fn what_is_watched_lets_go_and_waits_as_before() {
        let memory = Paused(FlatMemory::new(0x1000, 0x1000), Cell::new(0));
        let log = AccessLog::default();
        let witness = Witness { memory: &memory, log: &log };
        witness.pause();
        assert_eq!(memory.1.get(), 1);
        assert_eq!((witness.waits(7, 1), witness.waits(8, 1)), (true, false));
    }

    #[test]
    fn the_last_accesses_are_kept_and_nothing_is_changed() {
        let memory = FlatMemory::new(0x1000, 0x1000);
        let log = AccessLog::default();
        let witness = Witness { memory: &memory, log: &log };
        assert_eq!(log.last(), (0, vec![]));
        witness.write(Purpose::Output, 0x1000, b"abc").unwrap();
        let mut buf = [0; 8];
        assert_eq!(witness.read_available(Purpose::Table, 0x1ffc, &mut buf), 4);
        assert!(witness.read(Purpose::Input, 0x1ffc, &mut buf).is_err());
        let (count, last) = log.last();
        let seen: Vec<_> = last.iter().map(|t| (t.purpose, t.address, t.length)).collect();
        assert_eq!(count, 3);
        assert_eq!(
            seen,
            [
                (Purpose::Output, 0x1000, 3),
                (Purpose::Table, 0x1ffc, 4),
                (Purpose::Input, 0x1ffc, 8)
            ]
        );
        assert_eq!(last[0].access, Access::Write);
        assert_eq!(memory.peek(0x1000, 3), b"abc");
        for n in 0..100 {
            witness.read(Purpose::Input, 0x1000 + n, &mut buf).unwrap();
        }
        let (count, last) = log.last();
        assert_eq!((count, last.len()), (103, KEPT));
        assert_eq!((last[0].address, last[KEPT - 1].address), (0x1000 + 36, 0x1000 + 99));
        log.clear();
        assert_eq!(log.last(), (0, vec![]));
    }
}
