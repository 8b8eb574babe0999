//! DECO 0 under software's direct control: its register page, and the descriptor it is given.
//!
//! Linux instantiates the RNG like this (`ctrl.c`, `run_descriptor_deco0`): request the DECO with
//! DECORR, write the descriptor buffer, set JQCR.WHL, poll DDDR until it is not valid, read DOPSTA.

use crate::descriptors::buffer::WORDS;
use crate::descriptors::status::JobStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// JQCR, most significant word.
const JQCR_MS: u32 = 0x800;
/// DOPSTA, most significant word: how the descriptor ended.
const DOPSTA_MS: u32 = 0x810;
/// The descriptor buffer.
const DESCBUF: u32 = 0xa00;
/// DDDR: debug register with VALID and, before Era 10, the state.
const DDDR: u32 = 0xe04;
/// DER: execution state, from Era 10 on.
const DER: u32 = 0xe3c;

/// JQCR: the whole descriptor is in the buffer, run it.
const JQCR_WHL: u32 = 1 << 29;
/// DDDR: a descriptor is being executed.
const DDDR_VALID: u32 = 1 << 31;
/// The state of a DECO that stopped on an error.
const STATE_HOST_ERROR: u32 = 0xd;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Idle,
    Queued,
    Running,
}

/// See the module.
#[derive(Debug)]
pub struct Direct {
    buffer: [u32; WORDS],
    state: State,
    status: JobStatus,
    failed: bool,
    stop: Arc<AtomicBool>,
    epoch: u32,
}

/// A descriptor to run, as [`Direct::take`] hands it out.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct DirectJob {
    /// The descriptor buffer.
    pub words: [u32; WORDS],
    /// Set when the DECO is taken away or reset.
    pub stop: Arc<AtomicBool>,
    epoch: u32,
}

impl DirectJob {
    /// How often DECO 0 had been released before.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }
}

impl Direct {
    /// Idle, with an empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self {
            buffer: [0; WORDS],
            state: State::Idle,
            status: JobStatus::OK,
            failed: false,
            stop: Arc::new(AtomicBool::new(false)),
            epoch: 0,
        }
    }

    /// Reads a register of the page. `None`: there is none at this offset.
    #[must_use]
    pub fn read(&self, offset: u32, era: u8) -> Option<u32> {
        let state = if self.failed { STATE_HOST_ERROR } else { 0 };
        Some(match offset {
            JQCR_MS => 0,
            DOPSTA_MS => self.status.0,
            DESCBUF..0xb00 => self.buffer[((offset - DESCBUF) / 4) as usize],
            DDDR => {
                let valid = if self.state == State::Idle { 0 } else { DDDR_VALID };
                valid | if era < 10 { state << 20 } else { 0 }
            }
            DER if era >= 10 => state << 16,
            _ => return None,
        })
    }

    /// Writes a register of the page. Says whether a descriptor is now ready to run; `None`:
    /// there is no register at this offset.
    pub fn write(&mut self, offset: u32, value: u32) -> Option<bool> {
        match offset {
            DESCBUF..0xb00 if self.state == State::Idle => {
                self.buffer[((offset - DESCBUF) / 4) as usize] = value;
                Some(false)
            }
            JQCR_MS if self.state == State::Idle && value & JQCR_WHL != 0 => {
                self.state = State::Queued;
                self.failed = false;
                self.status = JobStatus::OK;
                Some(true)
            }
            DESCBUF..0xb00 | JQCR_MS => Some(false),
            _ => None,
        }
    }

    /// Whether a descriptor waits to be run.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.state == State::Queued
    }

    /// Takes the descriptor that waits.
    pub fn take(&mut self) -> Option<DirectJob> {
        if self.state != State::Queued {
            return None;
        }
        self.state = State::Running;
        Some(DirectJob { words: self.buffer, stop: Arc::clone(&self.stop), epoch: self.epoch })
    }

    /// The descriptor has ended.
    pub fn complete(&mut self, job: &DirectJob, status: JobStatus) {
        if job.epoch == self.epoch {
            self.state = State::Idle;
            self.status = status;
            // Sources CCB and DECO are errors; a JUMP HALT is how descriptors end here.
            self.failed = matches!(status.0 >> 28, 2 | 4);
        }
    }

    /// Software gives the DECO back, or a reset takes it.
    pub fn release(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        *self = Self { epoch: self.epoch.wrapping_add(1), ..Self::new() };
    }
}

impl Default for Direct {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_runs_once_and_leaves_its_status() {
        let mut direct = Direct::new();
        assert_eq!(direct.write(DESCBUF, 0xb080_0001), Some(false));
        assert_eq!(direct.write(JQCR_MS, JQCR_WHL), Some(true));
        assert_eq!(direct.read(DDDR, 9), Some(DDDR_VALID));
        let job = direct.take().unwrap();
        assert_eq!(job.words[0], 0xb080_0001);
        assert!(direct.take().is_none());
        assert_eq!(direct.read(DDDR, 9), Some(DDDR_VALID));
        direct.complete(&job, JobStatus(0x7000_0000));
        assert_eq!(direct.read(DDDR, 9), Some(0));
        assert_eq!(direct.read(DOPSTA_MS, 9), Some(0x7000_0000));
    }

    #[test]
    fn an_error_shows_in_the_state_where_the_era_has_it() {
        let mut direct = Direct::new();
        direct.write(JQCR_MS, JQCR_WHL);
        let job = direct.take().unwrap();
        direct.complete(&job, JobStatus(0x2000_0054));
        assert_eq!(direct.read(DDDR, 9), Some(0x00d0_0000));
        assert_eq!(direct.read(DDDR, 10), Some(0));
        assert_eq!(direct.read(DER, 10), Some(0x000d_0000));
        assert_eq!(direct.read(DER, 9), None);
    }

    #[test]
    fn a_released_deco_forgets_what_it_ran() {
        let mut direct = Direct::new();
        direct.write(JQCR_MS, JQCR_WHL);
        let job = direct.take().unwrap();
        direct.release();
        assert!(job.stop.load(Ordering::Relaxed));
        direct.complete(&job, JobStatus(0x2000_0054));
        assert_eq!(direct.read(DOPSTA_MS, 9), Some(0));
    }
}
