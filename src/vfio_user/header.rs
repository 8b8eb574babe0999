//! The sixteen bytes in front of every message.

use super::Errno;

/// Size of a header in bytes.
pub const BYTES: usize = 16;

/// Bits 3:0 of the flags: what the message is.
const TYPE: u32 = 0xf;
const TYPE_REPLY: u32 = 1;
/// Bit 4, in a command: no reply is wanted.
pub const NO_REPLY: u32 = 1 << 4;
/// Bit 5, in a reply: the command failed, and the error field says why.
pub const ERROR: u32 = 1 << 5;

/// The commands of the protocol, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
#[allow(missing_docs)]
pub enum Command {
    Version = 1,
    DmaMap = 2,
    DmaUnmap = 3,
    DeviceGetInfo = 4,
    DeviceGetRegionInfo = 5,
    DeviceGetRegionIoFds = 6,
    DeviceGetIrqInfo = 7,
    DeviceSetIrqs = 8,
    RegionRead = 9,
    RegionWrite = 10,
    DmaRead = 11,
    DmaWrite = 12,
    DeviceReset = 13,
    /// Gone from the specification; QEMU's header still has it.
    DirtyPages = 14,
    RegionWriteMulti = 15,
    DeviceFeature = 16,
    MigDataRead = 17,
    MigDataWrite = 18,
}

impl Command {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Version,
        Self::DmaMap,
        Self::DmaUnmap,
        Self::DeviceGetInfo,
        Self::DeviceGetRegionInfo,
        Self::DeviceGetRegionIoFds,
        Self::DeviceGetIrqInfo,
        Self::DeviceSetIrqs,
        Self::RegionRead,
        Self::RegionWrite,
        Self::DmaRead,
        Self::DmaWrite,
        Self::DeviceReset,
        Self::DirtyPages,
        Self::RegionWriteMulti,
        Self::DeviceFeature,
        Self::MigDataRead,
        Self::MigDataWrite,
    ];

    /// The command with that number, if there is one.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

/// A message's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// Chosen by the sender of the command, echoed in its reply.
    pub id: u16,
    /// Number of the command.
    pub command: u16,
    /// Of the whole message in bytes, this header included.
    pub size: u32,
    /// Type in bits 3:0, [`NO_REPLY`], [`ERROR`].
    pub flags: u32,
    /// An errno, in a reply with [`ERROR`].
    pub error: u32,
}

impl Header {
    /// From the wire.
    #[must_use]
    pub fn from_bytes(bytes: [u8; BYTES]) -> Self {
        let [a, b, c, d, e @ ..] = bytes;
        let word = |at: usize| u32::from_ne_bytes([e[at], e[at + 1], e[at + 2], e[at + 3]]);
        Self {
            id: u16::from_ne_bytes([a, b]),
            command: u16::from_ne_bytes([c, d]),
            size: word(0),
            flags: word(4),
            error: word(8),
        }
    }

    /// To the wire.
    #[must_use]
    pub fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..2].copy_from_slice(&self.id.to_ne_bytes());
        bytes[2..4].copy_from_slice(&self.command.to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.size.to_ne_bytes());
        bytes[8..12].copy_from_slice(&self.flags.to_ne_bytes());
        bytes[12..].copy_from_slice(&self.error.to_ne_bytes());
        bytes
    }

    /// Of a command of ours with a body of `length` bytes.
    #[must_use]
    pub fn of_command(id: u16, command: Command, length: usize) -> Self {
        Self { id, command: command as u16, size: size(length), flags: 0, error: 0 }
    }

    /// Of the reply to this command with a body of `length` bytes.
    #[must_use]
    pub fn reply(self, length: usize) -> Self {
        Self { size: size(length), flags: TYPE_REPLY, error: 0, ..self }
    }

    /// Of the reply that says the command failed.
    #[must_use]
    pub fn refusal(self, why: Errno) -> Self {
        Self {
            flags: TYPE_REPLY | ERROR,
            error: why.raw_os_error().unsigned_abs(),
            ..self.reply(0)
        }
    }

    /// Whether this is a command.
    #[must_use]
    pub fn is_command(self) -> bool {
        self.flags & TYPE == 0
    }

    /// Whether this is a reply.
    #[must_use]
    pub fn is_reply(self) -> bool {
        self.flags & TYPE == TYPE_REPLY
    }

    /// Whether the sender of this command wants no reply.
    #[must_use]
    pub fn is_posted(self) -> bool {
        self.flags & NO_REPLY != 0
    }

    /// What a reply says of its command. An error without a number, which the specification
    /// allows, is EIO.
    ///
    /// # Errors
    /// The client's.
    pub fn result(self) -> Result<(), Errno> {
        if self.flags & ERROR == 0 {
            return Ok(());
        }
        // Beyond the largest errno the kernel has (MAX_ERRNO) a number means nothing.
        let number = i32::try_from(self.error).ok().filter(|n| (1..4096).contains(n));
        Err(number.map_or(Errno::IO, Errno::from_raw_os_error))
    }
}

/// A message's size, of its body's.
fn size(length: usize) -> u32 {
    u32::try_from(BYTES + length).expect("no message comes near 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_come_back(bytes: [u8; BYTES]) {
            prop_assert_eq!(Header::from_bytes(bytes).to_bytes(), bytes);
        }
    }

    #[test]
    fn commands_have_their_numbers() {
        for number in 0..=u16::MAX {
            let command = Command::from_number(number);
            assert_eq!(command.is_some(), (1..=18).contains(&number));
            assert!(command.is_none_or(|command| command as u16 == number));
        }
    }

    #[test]
    fn a_refusal_says_why_and_an_error_without_a_number_is_an_error_too() {
        let command = Header::of_command(7, Command::RegionRead, 16);
        let refusal = command.refusal(Errno::INVAL);
        assert_eq!((refusal.id, refusal.command, refusal.size), (7, 9, 16));
        assert_eq!((refusal.flags, refusal.error), (0x21, 22));
        assert_eq!(refusal.result(), Err(Errno::INVAL));
        assert_eq!(command.reply(4).result(), Ok(()));
        for error in [0, 4096, u32::MAX] {
            assert_eq!(Header { error, ..refusal }.result(), Err(Errno::IO));
        }
    }
}
