//! What a recording is made of.

use super::Key;
use crate::memory::Purpose;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// How the device was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the emulator.
    pub version: String,
    /// Name of the SoC profile.
    pub soc: String,
    /// Job rings.
    pub rings: u8,
    /// DECOs.
    pub decos: u8,
    /// Makes faults repeatable.
    pub fault_seed: u64,
    /// Makes random bytes repeatable.
    pub seed: u64,
    /// The master key, if it is not made from the seed.
    pub master_key: Option<[u8; 32]>,
    /// Fault rules from the beginning, with their names.
    pub faults: Vec<String>,
}

/// A call of the core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Call {
    ReadBar { offset: u64, length: u32 },
    WriteBar { offset: u64, bytes: ByteBuf },
    ReadConfig { offset: u64, length: u32 },
    WriteConfig { offset: u64, bytes: ByteBuf },
    MaskInterrupt,
    UnmaskInterrupt,
    Reset,
    Disconnect,
    Tick,
    Resume { ring: Option<u8> },
    AddFault { rule: String },
    ClearFaults { name: Option<String> },
    TakeJob,
    CompleteJob { job: Key },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answer {
    /// Bytes read.
    pub bytes: ByteBuf,
    /// The client is to be signalled.
    pub interrupt: bool,
    /// It was refused.
    pub refused: bool,
    /// The job taken, and its descriptor's address.
    pub job: Option<(Key, u64)>,
}

/// An access to guest memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// [`Purpose`] as a number.
    pub purpose: u8,
    /// Bus address.
    pub address: u64,
    /// What was done.
    pub what: What,
}

/// What an access does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// So many bytes were asked for, and these were there.
    Read {
        /// Bytes.
        asked: u64,
        /// From the address on.
        got: ByteBuf,
    },
    /// These were written, or could not all be.
    Write {
        /// Bytes.
        bytes: ByteBuf,
        /// Whether all were.
        done: bool,
    },
    /// Whether so many could be written.
    Writable {
        /// Bytes.
        length: u64,
        /// Whether all.
        yes: bool,
    },
}

/// How a job's run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// The status word.
    pub status: u32,
    /// Bytes of the output sequence.
    pub sequence_out: u32,
    /// It was told to stop, and did.
    pub stopped: bool,
}

/// A piece of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// The first.
    Begin(Header),
    /// A call begins; times are nanoseconds since the device was created.
    Call {
        /// When.
        at: u64,
        /// Which.
        call: Call,
    },
    /// Of the call that has begun, or of a job that runs.
    Access {
        /// The job.
        job: Option<Key>,
        /// What.
        access: Access,
    },
    /// The call has ended.
    Answer(Answer),
    /// A job has been run.
    Ran {
        /// Which.
        job: Key,
        /// How it ended.
        ran: Ran,
    },
    /// The last.
    End {
        /// Why.
        reason: String,
    },
}

/// Names of purposes by their number.
#[must_use]
pub fn purpose(number: u8) -> Option<Purpose> {
    use Purpose::{Descriptor, Input, InputRing, Output, OutputRing, SharedDescriptor, Table};
    [Descriptor, SharedDescriptor, Table, Input, Output, InputRing, OutputRing]
        .into_iter()
        .find(|purpose| *purpose as u8 == number)
}
