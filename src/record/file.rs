//! A recording as a file: eight bytes that say what it is, the version, then frames: length, CRC-32,
//! and an [`Entry`] in the `postcard` encoding. All numbers of the frame are little-endian, 32 bits.

use super::entry::Entry;
use std::io::{self, Read};
use thiserror::Error;

/// The first bytes.
const MAGIC: [u8; 8] = *b"CAAMEMUr";
/// Changes when the meaning of anything changes.
pub const VERSION: u32 = 2;
/// Room for the end of a recording.
pub const RESERVE: u64 = 1024;
/// Longest entry that is read: an access of a job is at most as long as its budget of bytes.
const LONGEST: u32 = 1 << 30;

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Of the frame, in bytes from the beginning of the file.
    pub offset: u64,
    /// The entry's number, from 1.
    pub number: u64,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "entry {} at byte {:#x}", self.number, self.offset)
    }
}

/// Why a recording cannot be read, or not further.
#[derive(Debug, Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("{0}")]
    Read(#[from] io::Error),
    #[error("not a recording of caam-emu")]
    Foreign,
    #[error("a recording of version {0}, and this reads {VERSION}: take the emulator that made it")]
    Version(u32),
    #[error("cut short at {0}: the emulator was killed, or the disk full")]
    Truncated(Position),
    #[error("damaged at {at}: {what}")]
    Damaged { at: Position, what: String },
}

/// The file's beginning.
#[must_use]
pub fn beginning() -> Vec<u8> {
    [&MAGIC[..], &VERSION.to_le_bytes()].concat()
}

/// Appends an entry.
pub fn append(out: &mut Vec<u8>, entry: &Entry) {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    // A Vec takes all that it is given, and nothing in an entry has no encoding.
    let mut bytes = postcard::to_extend(entry, std::mem::take(out)).unwrap_or_default();
    let length = (bytes.len() - start - 8) as u32;
    let crc = crc32fast::hash(&bytes[start + 8..]);
    bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
    bytes[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    *out = bytes;
}

/// How many of the bytes, which begin with the file or an entry, are within `room` up to the end of
/// an entry, or of the file's beginning.
#[must_use]
pub fn whole(bytes: &[u8], room: usize) -> usize {
    let mut end = if bytes.starts_with(&MAGIC) { MAGIC.len() + 4 } else { 0 };
    while let Some(head) = bytes.get(end..).and_then(<[u8]>::first_chunk::<4>) {
        let next = end + 8 + u32::from_le_bytes(*head) as usize;
        if next > room.min(bytes.len()) {
            break;
        }
        end = next;
    }
    if end <= room { end } else { 0 }
}

/// Reads entries.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    next: Position,
    bytes: Vec<u8>,
}

impl<R: Read> Reader<R> {
    /// Reads the file's beginning.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn new(mut input: R) -> Result<Self, Error> {
        let mut start = [0; MAGIC.len() + 4];
        let n = fill(&mut input, &mut start)?;
        if n < start.len() || start[..MAGIC.len()] != MAGIC {
            return Err(Error::Foreign);
        }
        let version = u32::from_le_bytes([start[8], start[9], start[10], start[11]]);
        if version != VERSION {
            return Err(Error::Version(version));
        }
        let next = Position { offset: start.len() as u64, number: 1 };
        Ok(Self { input, next, bytes: Vec::new() })
    }

    /// Where the next entry is, or would be.
    #[must_use]
    pub fn position(&self) -> Position {
        self.next
    }

    /// The next entry, and where it is. `None`: the file ends.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn entry(&mut self) -> Result<Option<(Position, Entry)>, Error> {
        let at = self.next;
        let mut head = [0; 8];
        match fill(&mut self.input, &mut head)? {
            0 => return Ok(None),
            8 => {}
            _ => return Err(Error::Truncated(at)),
        }
        let word = |i: usize| u32::from_le_bytes([head[i], head[i + 1], head[i + 2], head[i + 3]]);
        let (length, crc) = (word(0), word(4));
        let damaged = |what: String| Error::Damaged { at, what };
        if length > LONGEST {
            return Err(damaged(format!("an entry of {length} bytes")));
        }
        self.bytes.clear();
        // Not more memory than the file has bytes.
        let read = (&mut self.input).take(length.into()).read_to_end(&mut self.bytes)?;
        if read < length as usize {
            return Err(Error::Truncated(at));
        }
        if crc32fast::hash(&self.bytes) != crc {
            return Err(damaged("the checksum is wrong".into()));
        }
        let entry = match postcard::take_from_bytes(&self.bytes) {
            Ok((entry, [])) => entry,
            Ok((_, rest)) => return Err(damaged(format!("{} bytes too many", rest.len()))),
            Err(e) => return Err(damaged(e.to_string())),
        };
        self.next = Position { offset: at.offset + 8 + u64::from(length), number: at.number + 1 };
        Ok(Some((at, entry)))
    }
}

/// Reads until the buffer is full or the input ends. Says how many bytes.
fn fill(input: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buf.len() {
        match input.read(&mut buf[done..]) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Access, Answer, Call, What};
    use super::super::golden;
    use super::super::replay::replay;
    use super::super::{Key, entry::Ran};
    use super::*;
    use crate::record::entry::Header;
    use proptest::prelude::*;
    use serde_bytes::ByteBuf;

    fn header() -> Header {
        Header {
            version: "0".into(),
            soc: "virt-era9".into(),
            rings: 2,
            decos: 1,
            fault_seed: 1,
            seed: 2,
            master_key: None,
            faults: vec!["stall:for=1ms,every=3".into()],
        }
    }

    fn written(entries: &[Entry]) -> Vec<u8> {
        let mut bytes = beginning();
        entries.iter().for_each(|entry| append(&mut bytes, entry));
        bytes
    }

    fn bytes() -> impl Strategy<Value = ByteBuf> {
        prop::collection::vec(any::<u8>(), 0..20).prop_map(ByteBuf::from)
    }

    fn key() -> impl Strategy<Value = Key> {
        (prop::option::of(0..3_u8), 0..4_u64).prop_map(|(ring, number)| Key { ring, number })
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let offset = || prop_oneof![0..0x2100_u64, any::<u64>()];
        let call = prop_oneof![
            (offset(), any::<u32>())
                .prop_map(|(offset, n)| Call::ReadBar { offset, length: n % 9 }),
            (offset(), any::<u32>()).prop_map(|(offset, length)| Call::ReadBar { offset, length }),
            (offset(), bytes()).prop_map(|(offset, bytes)| Call::WriteBar { offset, bytes }),
            (offset(), bytes()).prop_map(|(offset, bytes)| Call::WriteConfig { offset, bytes }),
            Just(Call::TakeJob),
            Just(Call::Reset),
            Just(Call::Tick),
            prop::option::of(any::<u8>()).prop_map(|ring| Call::Resume { ring }),
            "[a-z-]{0,9}:?.{0,9}".prop_map(|rule| Call::AddFault { rule }),
            key().prop_map(|job| Call::CompleteJob { job }),
        ];
        let what = prop_oneof![
            (0..40_u64, bytes()).prop_map(|(asked, got)| What::Read { asked, got }),
            (bytes(), any::<bool>()).prop_map(|(bytes, done)| What::Write { bytes, done }),
            (any::<u64>(), any::<bool>()).prop_map(|(length, yes)| What::Writable { length, yes }),
        ];
        let access = (any::<u8>(), any::<u64>(), what)
            .prop_map(|(purpose, address, what)| Access { purpose, address, what });
        prop_oneof![
            (any::<u64>(), call).prop_map(|(at, call)| Entry::Call { at, call }),
            (prop::option::of(key()), access)
                .prop_map(|(job, access)| Entry::Access { job, access }),
            bytes().prop_map(|bytes| Entry::Answer(Answer { bytes, ..Answer::default() })),
            (key(), any::<u32>(), any::<bool>()).prop_map(|(job, status, stopped)| {
                Entry::Ran { job, ran: Ran { status, sequence_out: 0, stopped } }
            }),
        ]
    }

    proptest! {
        #[test]
        fn entries_are_read_as_they_were_written(entries in prop::collection::vec(entry(), 0..20)) {
            let bytes = written(&entries);
            let mut reader = Reader::new(&bytes[..]).unwrap();
            for wanted in &entries {
                prop_assert_eq!(&reader.entry().unwrap().unwrap().1, wanted);
            }
            prop_assert!(reader.entry().unwrap().is_none());
        }

        /// Whatever the entries say, replaying ends, in a line and without a panic.
        #[test]
        fn any_entries_can_be_replayed(entries in prop::collection::vec(entry(), 0..40)) {
            let mut all = vec![Entry::Begin(header())];
            all.extend(entries);
            let (_, result) = replay(&written(&all)[..], |job| drop(golden::fixture(job)));
            let problem = result.expect_err("there is no end").to_string();
            prop_assert!(!problem.contains('\n'), "{}", problem);
        }

        /// Wherever a file's bytes end, what is kept of them ends with an entry, the last there is.
        #[test]
        fn what_is_whole_is_kept(entries in prop::collection::vec(entry(), 0..10), cut in 0..1000_usize) {
            let (bytes, rest) = (written(&entries), written(&entries).split_off(beginning().len()));
            for (bytes, from) in [(bytes, beginning().len()), (rest, 0)] {
                let room = cut % (bytes.len() + 1);
                let mut ends = vec![from];
                for entry in &entries {
                    let mut one = Vec::new();
                    append(&mut one, entry);
                    ends.push(ends.last().unwrap() + one.len());
                }
                let last = ends.iter().rev().find(|end| **end <= room).copied().unwrap_or(0);
                prop_assert_eq!(whole(&bytes, room), last);
                prop_assert_eq!(whole(&bytes[..room], room), last);
            }
        }

        #[test]
        fn any_bytes_are_said_to_be_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut input = beginning();
            input.extend(bytes);
            let (_, result) = replay(&input[..], |_| {});
            prop_assert!(result.is_err());
        }
    }

    #[test]
    fn a_name_in_a_damaged_file_says_nothing_to_a_terminal() {
        let header = Header { soc: "virt\n\x1b[2J".into(), ..header() };
        let (_, result) = replay(&written(&[Entry::Begin(header)])[..], |_| {});
        let problem = result.expect_err("no such SoC").to_string();
        assert!(!problem.chars().any(char::is_control), "{problem:?}");
        assert!(problem.contains(r#"profile "virt\n"#), "{problem}");
    }
}
