//! What a client asks for, typed; and the structures of the replies.

use super::header::Command;
use super::{Errno, MAX_DATA};

/// Bytes of offset, region and count, in front of a region access' data.
pub const ACCESS: usize = 16;
/// Bytes of one write of several: offset, region, count, and eight of data.
const ONE_WRITE: usize = 24;
/// Bytes of `struct vfio_region_info`, and of what else has no more than four words.
const REGION_INFO: u32 = 32;
const FOUR_WORDS: u32 = 16;
/// Bytes of `struct vfio_irq_set` without data.
const IRQ_SET: u32 = 20;

const MAP_READ: u32 = 1 << 0;
const MAP_WRITE: u32 = 1 << 1;
/// `VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP` and `VFIO_DMA_UNMAP_FLAG_ALL` of <linux/vfio.h>.
const UNMAP_DIRTY: u32 = 1 << 0;
const UNMAP_ALL: u32 = 1 << 1;

/// DMA_MAP: a range of bus addresses that the device may access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DmaMap {
    /// The device may read it.
    pub readable: bool,
    /// The device may write it.
    pub writable: bool,
    /// Where in the file that came with the message, if one did; else 0.
    pub offset: u64,
    /// First bus address.
    pub address: u64,
    /// Bytes.
    pub size: u64,
}

/// DMA_UNMAP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DmaUnmap {
    /// All that is mapped.
    All,
    /// One range.
    Range {
        /// First bus address.
        address: u64,
        /// Bytes.
        size: u64,
    },
}

/// Where a region is accessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Offset in the region.
    pub offset: u64,
    /// Number of the region.
    pub region: u32,
    /// Bytes; at most [`MAX_DATA`].
    pub count: u32,
}

/// What DEVICE_SET_IRQS is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum IrqAction {
    Mask,
    Unmask,
    Trigger,
}

/// For which interrupts of an index DEVICE_SET_IRQS is to do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IrqData<'a> {
    /// All of the range.
    None,
    /// Those whose byte is not 0; one byte for each of the range.
    Bool(&'a [u8]),
    /// Whenever it happens by itself, the eventfd that came with the message is to tell.
    EventFd,
}

/// DEVICE_SET_IRQS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IrqSet<'a> {
    /// Kind of interrupt, such as INTx.
    pub index: u32,
    /// First of the range.
    pub start: u32,
    /// How many.
    pub count: u32,
    /// What to do.
    pub action: IrqAction,
    /// For which.
    pub data: IrqData<'a>,
}

/// The writes of REGION_WRITE_MULTI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writes<'a>(&'a [[u8; ONE_WRITE]]);

impl<'a> Writes<'a> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them; an error in place of one with more than eight bytes.
    pub fn iter(&self) -> impl Iterator<Item = Result<(Access, &'a [u8]), Errno>> {
        self.0.iter().map(|write| {
            let mut fields = Fields(write);
            let access = fields.access()?;
            let data = fields.0.get(..access.count as usize).ok_or(Errno::INVAL)?;
            Ok((access, data))
        })
    }
}

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Request<'a> {
    Version { major: u16, minor: u16, data: &'a [u8] },
    DmaMap(DmaMap),
    DmaUnmap(DmaUnmap),
    GetInfo,
    GetRegionInfo { index: u32 },
    GetRegionIoFds { index: u32 },
    GetIrqInfo { index: u32 },
    SetIrqs(IrqSet<'a>),
    RegionRead(Access),
    RegionWrite(Access, &'a [u8]),
    RegionWriteMulti(Writes<'a>),
    Reset,
}

impl<'a> Request<'a> {
    /// From a command's number and body. Structures may be longer than they are today.
    ///
    /// # Errors
    /// `EINVAL`: the body is too short or contradicts itself. `E2BIG`: more data than
    /// [`MAX_DATA`]. `ENOTSUP`: a command that this server does not have, or that only servers
    /// send.
    pub fn decode(command: u16, body: &'a [u8]) -> Result<Self, Errno> {
        let mut fields = Fields(body);
        Ok(match Command::from_number(command).ok_or(Errno::NOTSUP)? {
            Command::Version => {
                Self::Version { major: fields.u16()?, minor: fields.u16()?, data: fields.0 }
            }
            Command::DmaMap => Self::DmaMap(DmaMap::decode(fields)?),
            Command::DmaUnmap => Self::DmaUnmap(DmaUnmap::decode(fields)?),
            Command::DeviceGetInfo => {
                fields.query(FOUR_WORDS)?;
                Self::GetInfo
            }
            Command::DeviceGetRegionInfo => {
                Self::GetRegionInfo { index: fields.query(REGION_INFO)? }
            }
            Command::DeviceGetRegionIoFds => {
                Self::GetRegionIoFds { index: fields.query(FOUR_WORDS)? }
            }
            Command::DeviceGetIrqInfo => Self::GetIrqInfo { index: fields.query(FOUR_WORDS)? },
            Command::DeviceSetIrqs => Self::SetIrqs(IrqSet::decode(fields)?),
            Command::RegionRead => Self::RegionRead(fields.access()?),
            Command::RegionWrite => {
                let access = fields.access()?;
                if fields.0.len() != access.count as usize {
                    return Err(Errno::INVAL);
                }
                Self::RegionWrite(access, fields.0)
            }
            Command::RegionWriteMulti => {
                let count = fields.u64()?;
                let (writes, rest) = fields.0.as_chunks();
                if !rest.is_empty() || writes.len() as u64 != count {
                    return Err(Errno::INVAL);
                }
                Self::RegionWriteMulti(Writes(writes))
            }
            Command::DeviceReset => Self::Reset,
            Command::DmaRead
            | Command::DmaWrite
            | Command::DirtyPages
            | Command::DeviceFeature
            | Command::MigDataRead
            | Command::MigDataWrite => return Err(Errno::NOTSUP),
        })
    }

    /// Most descriptors that may come with it. More would be closed behind the client's back.
    #[must_use]
    pub fn max_fds(&self) -> usize {
        match self {
            Self::DmaMap(_) => 1,
            Self::SetIrqs(IrqSet { data: IrqData::EventFd, count, .. }) => *count as usize,
            _ => 0,
        }
    }
}

impl DmaMap {
    fn decode(mut fields: Fields<'_>) -> Result<Self, Errno> {
        fields.argsz(REGION_INFO)?;
        let flags = fields.u32()?;
        let (offset, address, size) = (fields.u64()?, fields.u64()?, fields.u64()?);
        if flags & !(MAP_READ | MAP_WRITE) != 0 {
            return Err(Errno::INVAL);
        }
        let (readable, writable) = (flags & MAP_READ != 0, flags & MAP_WRITE != 0);
        Ok(Self { readable, writable, offset, address, size })
    }
}

impl DmaUnmap {
    fn decode(mut fields: Fields<'_>) -> Result<Self, Errno> {
        fields.argsz(24)?;
        let flags = fields.u32()?;
        let (address, size) = (fields.u64()?, fields.u64()?);
        match flags {
            0 => Ok(Self::Range { address, size }),
            UNMAP_ALL if address == 0 && size == 0 => Ok(Self::All),
            UNMAP_DIRTY => Err(Errno::NOTSUP),
            _ => Err(Errno::INVAL),
        }
    }
}

impl<'a> IrqSet<'a> {
    fn decode(mut fields: Fields<'a>) -> Result<Self, Errno> {
        fields.argsz(IRQ_SET)?;
        let flags = fields.u32()?;
        let (index, start, count) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let action = match flags >> 3 {
            0b001 => IrqAction::Mask,
            0b010 => IrqAction::Unmask,
            0b100 => IrqAction::Trigger,
            _ => return Err(Errno::INVAL),
        };
        let data = match flags & 0b111 {
            0b001 => IrqData::None,
            0b010 => IrqData::Bool(fields.0.get(..count as usize).ok_or(Errno::INVAL)?),
            0b100 => IrqData::EventFd,
            _ => return Err(Errno::INVAL),
        };
        Ok(Self { index, start, count, action, data })
    }
}

/// A body, read from the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Errno> {
        let (first, rest) = self.0.split_first_chunk().ok_or(Errno::INVAL)?;
        self.0 = rest;
        Ok(*first)
    }

    fn u16(&mut self) -> Result<u16, Errno> {
        self.bytes().map(u16::from_ne_bytes)
    }

    fn u32(&mut self) -> Result<u32, Errno> {
        self.bytes().map(u32::from_ne_bytes)
    }

    fn u64(&mut self) -> Result<u64, Errno> {
        self.bytes().map(u64::from_ne_bytes)
    }

    /// `argsz`, which says that there is room for, or that there are, `least` bytes.
    fn argsz(&mut self, least: u32) -> Result<(), Errno> {
        if self.u32()? < least { Err(Errno::INVAL) } else { Ok(()) }
    }

    /// A question whose reply has `length` bytes and so has it: the index in its third word.
    fn query(&mut self, length: u32) -> Result<u32, Errno> {
        if self.0.len() < length as usize {
            return Err(Errno::INVAL);
        }
        self.argsz(length)?;
        let _flags = self.u32()?;
        self.u32()
    }

    fn access(&mut self) -> Result<Access, Errno> {
        let access = Access { offset: self.u64()?, region: self.u32()?, count: self.u32()? };
        if access.count as usize > MAX_DATA { Err(Errno::TOOBIG) } else { Ok(access) }
    }
}

impl Access {
    /// To the wire.
    #[must_use]
    pub fn to_bytes(self) -> [u8; ACCESS] {
        let mut bytes = [0; ACCESS];
        bytes[..8].copy_from_slice(&self.offset.to_ne_bytes());
        bytes[8..12].copy_from_slice(&self.region.to_ne_bytes());
        bytes[12..].copy_from_slice(&self.count.to_ne_bytes());
        bytes
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
