//! What a DECO keeps from job to job: buffers, and keys that are expanded already.
//!
//! No job sees anything of one before it: [`Scratch::reset`] clears what a job can reach.

use super::ccb::class1::{CARRY_BYTES, Class1};
use super::ccb::class2::Class2;
use super::command::Memo;
use super::flow::{BACKLOG, InputTransfer, OutputTransfer, PIECE};
use super::remains::{Keep, Remains};
use super::witness::AccessLog;
use std::collections::VecDeque;
use std::fmt;

/// Queued transfers of which the memory is kept. No driver's job has more.
const TRANSFERS: usize = 64;

/// Data on its way.
pub(super) struct Buffers {
    /// A piece of data, behind the place of a carry.
    pub staging: Vec<u8>,
    /// The output FIFO, and how much of it has been taken.
    pub output: Vec<u8>,
    pub output_read: usize,
}

impl Buffers {
    /// Bytes in the output FIFO.
    pub fn waiting(&self) -> usize {
        self.output.len() - self.output_read
    }

    /// Forgets output that has been taken, once there is nothing else or a lot of it.
    pub fn compact(&mut self) {
        if self.waiting() == 0 {
            self.output.clear();
            self.output_read = 0;
        } else if self.output_read >= BACKLOG {
            self.output.drain(..self.output_read);
            self.output_read = 0;
        }
    }
}

/// See the module.
pub struct Scratch {
    pub(super) buffers: Buffers,
    pub(super) class1: Class1,
    pub(super) class2: Class2,
    pub(super) inputs: VecDeque<InputTransfer>,
    pub(super) outputs: VecDeque<OutputTransfer>,
    pub(super) memo: Memo,
    /// Of which jobs [`Self::remains`] are wanted.
    pub keep: Keep,
    /// What is left of the last job, if it was one of those.
    pub remains: Option<Box<Remains>>,
    pub(super) accesses: Option<AccessLog>,
}

impl Default for Scratch {
    fn default() -> Self {
        let staging = vec![0; CARRY_BYTES + PIECE];
        Self {
            buffers: Buffers { staging, output: Vec::new(), output_read: 0 },
            class1: Class1::new(),
            class2: Class2::new(),
            inputs: VecDeque::new(),
            outputs: VecDeque::new(),
            memo: Memo::default(),
            keep: Keep::Nothing,
            remains: None,
            accesses: None,
        }
    }
}

impl Scratch {
    /// Clears all that a job can see or has left. Each job ends with it, so that keys and contexts
    /// do not stay behind, and the next one finds all clear.
    pub(super) fn reset(&mut self) {
        self.buffers.output.clear();
        self.buffers.output_read = 0;
        self.class1.reset();
        self.class2.reset();
        self.inputs.clear();
        self.inputs.shrink_to(TRANSFERS);
        self.outputs.clear();
        self.outputs.shrink_to(TRANSFERS);
    }

    /// Forgets all keys. A DECO does it before it sleeps: then no key outlives the work it was
    /// for, and none the client.
    pub fn forget_keys(&mut self) {
        self.class1.forget_keys();
    }

    /// How many keys are kept.
    #[must_use]
    pub fn keys_kept(&self) -> usize {
        self.class1.keys_kept()
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}
