//! What the core asks of guest memory, and what can go wrong with it.
//!
//! The core never holds a Rust reference to guest RAM: it copies bytes in and out through
//! [`GuestMemory`], because the guest may change any byte at any time.

use std::fmt;

/// Direction of a failed access, as `FADR.TYP` reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The device was reading guest memory.
    Read,
    /// The device was writing guest memory.
    Write,
}

/// What an access to guest memory is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Purpose {
    Descriptor,
    SharedDescriptor,
    /// A scatter/gather table.
    Table,
    /// What a job reads: messages, keys, contexts.
    Input,
    /// What a job writes.
    Output,
    InputRing,
    OutputRing,
}

impl Purpose {
    /// How many there are.
    pub const COUNT: usize = 7;
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Descriptor => "job descriptor",
            Self::SharedDescriptor => "shared descriptor",
            Self::Table => "scatter/gather table",
            Self::Input => "input",
            Self::Output => "output",
            Self::InputRing => "input ring",
            Self::OutputRing => "output ring",
        })
    }
}

/// A DMA access that did not reach guest memory: no mapping there, a mapping without the
/// permission, or one that the client, asked for it, refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DmaError {
    /// What it was for.
    pub purpose: Purpose,
    /// The first bus address of the access.
    pub address: u64,
    /// Its length in bytes.
    pub length: usize,
    /// Whether it was a read or a write.
    pub access: Access,
}

impl fmt::Display for DmaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.access {
            Access::Read => "read",
            Access::Write => "write",
        };
        let Self { purpose, address, length, .. } = self;
        write!(f, "DMA {verb} of {length} bytes at {address:#x} ({purpose}) not possible")
    }
}

impl std::error::Error for DmaError {}

/// A group of scatter/gather entries, read at once, that goes on behind the last entry of its
/// table into another 4 KiB page. The driver may have allocated nothing there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableOverread {
    /// Bus address of the table.
    pub table: u64,
    /// Of its last entry, F or E.
    pub last: u64,
    /// Of the first page that was read without need.
    pub page: u64,
    /// Bytes from there on.
    pub length: usize,
}

/// Guest memory as the device's bus master sees it.
pub trait GuestMemory {
    /// Copies `buf.len()` bytes from bus address `address`.
    ///
    /// # Errors
    /// [`DmaError`] if any byte of the range cannot be read; `buf` is then unspecified.
    fn read(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> Result<(), DmaError> {
        let length = buf.len();
        if self.read_available(purpose, address, buf) == length {
            Ok(())
        } else {
            Err(DmaError { purpose, address, length, access: Access::Read })
        }
    }

    /// Copies `buf` to bus address `address`, in ascending order.
    ///
    /// # Errors
    /// [`DmaError`] if any byte of the range cannot be written; some may have been.
    fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError>;

    /// Copies as many bytes as are readable from `address` on, at most `buf.len()`, and says how
    /// many. For prefetches, which must not fault past the end of what they need.
    fn read_available(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> usize;

    /// Whether `length` bytes at `address` could be written now. Nothing is written.
    ///
    /// # Errors
    /// The [`DmaError`] that writing them would end with.
    fn writable(&self, purpose: Purpose, address: u64, length: usize) -> Result<(), DmaError>;

    /// The job does something that takes longer than a few accesses, or may: it lets go of what it
    /// holds for the sake of quick accesses. The next one takes it again.
    fn pause(&self) {}

    /// Whether an access to any of `length` bytes at `address` would have to wait for somebody:
    /// for the VMM, which may itself be waiting for a register access. So no lock that such an
    /// access takes may be held meanwhile.
    fn waits(&self, _address: u64, _length: usize) -> bool {
        false
    }

    /// A table has been read beyond its end and its page. RAM does not care.
    ///
    /// # Errors
    /// [`DmaError`] if that read is to fail, as behind an IOMMU.
    fn table_overread(&self, _overread: &TableOverread) -> Result<(), DmaError> {
        Ok(())
    }
}

impl<M: GuestMemory + ?Sized> GuestMemory for &M {
    fn read(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> Result<(), DmaError> {
        (**self).read(purpose, address, buf)
    }
    fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError> {
        (**self).write(purpose, address, buf)
    }
    fn read_available(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> usize {
        (**self).read_available(purpose, address, buf)
    }
    fn writable(&self, purpose: Purpose, address: u64, length: usize) -> Result<(), DmaError> {
        (**self).writable(purpose, address, length)
    }
    fn pause(&self) {
        (**self).pause();
    }
    fn waits(&self, address: u64, length: usize) -> bool {
        (**self).waits(address, length)
    }
    fn table_overread(&self, overread: &TableOverread) -> Result<(), DmaError> {
        (**self).table_overread(overread)
    }
}

/// One flat piece of RAM for tests and benchmarks, `base..base + size`.
pub mod flat {
    use super::{Access, DmaError, GuestMemory, Purpose};
    use std::cell::RefCell;

    /// See the module.
    #[derive(Debug)]
    pub struct FlatMemory {
        base: u64,
        bytes: RefCell<Vec<u8>>,
    }

    impl FlatMemory {
        /// `size` zero bytes at `base`.
        #[must_use]
        pub fn new(base: u64, size: usize) -> Self {
            Self { base, bytes: RefCell::new(vec![0; size]) }
        }

        fn range(&self, address: u64, len: usize) -> Option<std::ops::Range<usize>> {
            let start = usize::try_from(address.checked_sub(self.base)?).ok()?;
            let end = start.checked_add(len)?;
            (end <= self.bytes.borrow().len()).then_some(start..end)
        }

        /// The bytes at `address`, for assertions.
        ///
        /// # Panics
        /// If the range is not inside this memory.
        #[must_use]
        pub fn peek(&self, address: u64, len: usize) -> Vec<u8> {
            let range = self.range(address, len).expect("peek inside the memory");
            self.bytes.borrow()[range].to_vec()
        }

        /// Sets the bytes at `address`.
        ///
        /// # Panics
        /// If the range is not inside this memory.
        pub fn poke(&self, address: u64, bytes: &[u8]) {
            let range = self.range(address, bytes.len()).expect("poke inside the memory");
            self.bytes.borrow_mut()[range].copy_from_slice(bytes);
        }

        /// Sets little-endian 32-bit words at `address`.
        pub fn poke_words(&self, address: u64, words: &[u32]) {
            let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
            self.poke(address, &bytes);
        }
    }

    impl GuestMemory for FlatMemory {
        fn read(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> Result<(), DmaError> {
            let (length, access) = (buf.len(), Access::Read);
            let error = DmaError { purpose, address, length, access };
            let range = self.range(address, length).ok_or(error)?;
            buf.copy_from_slice(&self.bytes.borrow()[range]);
            Ok(())
        }

        fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError> {
            self.writable(purpose, address, buf.len())?;
            self.poke(address, buf);
            Ok(())
        }

        fn read_available(&self, _: Purpose, address: u64, buf: &mut [u8]) -> usize {
            let Some(start) = address.checked_sub(self.base) else { return 0 };
            let bytes = self.bytes.borrow();
            let Some(tail) = usize::try_from(start).ok().and_then(|s| bytes.get(s..)) else {
                return 0;
            };
            let n = tail.len().min(buf.len());
            buf[..n].copy_from_slice(&tail[..n]);
            n
        }

        fn writable(&self, purpose: Purpose, address: u64, length: usize) -> Result<(), DmaError> {
            let error = DmaError { purpose, address, length, access: Access::Write };
            self.range(address, length).map(|_| ()).ok_or(error)
        }
    }
}
