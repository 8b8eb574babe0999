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

/// A DMA access that did not reach guest memory: no mapping there, a mapping without the
/// permission, or one whose memory the client did not share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DmaError {
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
        write!(f, "DMA {verb} of {} bytes at {:#x} not possible", self.length, self.address)
    }
}

impl std::error::Error for DmaError {}

/// Guest memory as the device's bus master sees it.
pub trait GuestMemory {
    /// Copies `buf.len()` bytes from bus address `address`.
    ///
    /// # Errors
    /// [`DmaError`] if any byte of the range cannot be read; `buf` is then unspecified.
    fn read(&self, address: u64, buf: &mut [u8]) -> Result<(), DmaError>;

    /// Copies `buf` to bus address `address`, in ascending order.
    ///
    /// # Errors
    /// [`DmaError`] if any byte of the range cannot be written; some may have been.
    fn write(&self, address: u64, buf: &[u8]) -> Result<(), DmaError>;

    /// Copies as many bytes as are readable from `address` on, at most `buf.len()`, and says how
    /// many. For prefetches, which must not fault past the end of what they need.
    fn read_available(&self, address: u64, buf: &mut [u8]) -> usize;
}

impl<M: GuestMemory + ?Sized> GuestMemory for &M {
    fn read(&self, address: u64, buf: &mut [u8]) -> Result<(), DmaError> {
        (**self).read(address, buf)
    }
    fn write(&self, address: u64, buf: &[u8]) -> Result<(), DmaError> {
        (**self).write(address, buf)
    }
    fn read_available(&self, address: u64, buf: &mut [u8]) -> usize {
        (**self).read_available(address, buf)
    }
}

/// One flat piece of RAM for tests and benchmarks, `base..base + size`.
pub mod flat {
    use super::{Access, DmaError, GuestMemory};
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
        fn read(&self, address: u64, buf: &mut [u8]) -> Result<(), DmaError> {
            let range = self.range(address, buf.len()).ok_or(DmaError {
                address,
                length: buf.len(),
                access: Access::Read,
            })?;
            buf.copy_from_slice(&self.bytes.borrow()[range]);
            Ok(())
        }

        fn write(&self, address: u64, buf: &[u8]) -> Result<(), DmaError> {
            let range = self.range(address, buf.len()).ok_or(DmaError {
                address,
                length: buf.len(),
                access: Access::Write,
            })?;
            self.bytes.borrow_mut()[range].copy_from_slice(buf);
            Ok(())
        }

        fn read_available(&self, address: u64, buf: &mut [u8]) -> usize {
            let Some(start) = address.checked_sub(self.base) else { return 0 };
            let bytes = self.bytes.borrow();
            let Some(tail) = usize::try_from(start).ok().and_then(|s| bytes.get(s..)) else {
                return 0;
            };
            let n = tail.len().min(buf.len());
            buf[..n].copy_from_slice(&tail[..n]);
            n
        }
    }
}
