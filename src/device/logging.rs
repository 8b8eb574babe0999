//! The device's log lines about jobs and registers, with the keys that `--log` filters by.

use super::registers::place::{self, Class, Place};
use super::session::Session;
use super::{Device, Job, lock, worth_a_line};
use crate::control::stats;
use crate::crypto::Direction;
use crate::descriptors::ccb::work::Work;
use crate::descriptors::deco::Report;
use crate::descriptors::status::JobStatus;
use crate::descriptors::status_names;
use crate::fault::Facts;
use crate::logging::line::Hex;
use log::Level;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How many jobs that failed are remembered.
const REMEMBERED: usize = 16;

/// A job of a ring that failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    ring: usize,
    job: u64,
    descriptor: u64,
    status: JobStatus,
    fault: bool,
    at: Duration,
}

impl Failure {
    /// As statistics have it.
    pub(super) fn shown(&self) -> stats::Failure {
        stats::Failure {
            ring: self.ring,
            job: self.job,
            descriptor: format!("{:#x}", self.descriptor).into(),
            status: self.status.to_string().into(),
            meaning: status_names::name(self.status).into(),
            fault: self.fault,
            at_ns: stats::nanoseconds(self.at),
        }
    }
}

impl Device {
    /// A line for a word of BAR 0 at level trace, with a target by the register's class.
    pub(super) fn log_access(&self, what: &str, offset: u32, value: u32) {
        // One load, where nobody wants that much.
        if log::max_level() < Level::Trace {
            return;
        }
        let Place { class, ring, name, secret } = place::place(offset, self.rings.len());
        let value = (!secret).then(|| format!("{value:#010x}"));
        let value = value.as_deref().unwrap_or("not-logged");
        let offset = Hex(offset.into());
        log::trace!(target: class.target(), ring, register = name, offset:%, value; "{what}");
    }

    /// Remembers a job that has failed, for the statistics, in place of the oldest.
    fn remember(&self, failure: Failure) {
        let mut recent = lock(&self.recent);
        if recent.len() >= REMEMBERED {
            recent.pop_front();
        }
        recent.push_back(failure);
    }

    /// Tells of a job that has ended: a line, a warning for some of those that failed, so that a guest
    /// cannot fill the disk; at level debug all.
    pub(super) fn log_end(&self, job: &Job, report: &Report, now: Duration) {
        let failed = !report.status.is_ok();
        if let (true, Job::Ring { ring, taken, faults }) = (failed, job) {
            self.remember(Failure {
                ring: *ring,
                job: taken.number,
                descriptor: taken.descriptor,
                status: report.status,
                fault: faults.is_some(),
                at: now,
            });
        }
        let warn = || worth_a_line(self.failures.fetch_add(1, Ordering::Relaxed));
        let level = match job {
            Job::Ring { .. } if failed && warn() => Level::Warn,
            // The regular end of a descriptor there is a JUMP HALT.
            Job::Ring { .. } | Job::Direct(_) => Level::Debug,
        };
        if level > log::max_level() {
            return;
        }
        let status = report.status;
        let meaning = failed.then(|| status_names::name(status));
        let meaning = meaning.as_deref();
        let Job::Ring { ring, taken, faults } = job else {
            log::debug!(status:%, meaning; "descriptor given to DECO 0 ended");
            return;
        };
        // For people, and for rules about jobs like it.
        let facts = self.all_facts(&Session::aside(&self.memory), taken.number, taken.descriptor);
        let Facts { algorithms, direction, .. } = facts;
        let shared = facts.shared.map(|hash| format!("{hash:#x}"));
        let cause = report.dma_error.map(|e| e.to_string());
        let ns = u64::try_from(now.saturating_sub(taken.taken).as_nanos()).unwrap_or(u64::MAX);
        log::log!(
            level,
            ring = *ring,
            job = taken.number,
            descriptor:% = Hex(taken.descriptor),
            status:%,
            meaning,
            cause = cause.as_deref(),
            fault = faults.is_some(),
            autopsy = report.autopsy,
            slot = taken.slot,
            ns,
            alg = algorithms[0].map(Work::name),
            alg = algorithms[1].map(Work::name),
            dir = direction.map(Direction::name),
            length = (facts.length > 0).then_some(facts.length),
            shared = shared.as_deref();
            "{}", if failed { "job failed" } else { "job ended" }
        );
    }
}

/// A line for an access to configuration space at level trace, with a target of its own.
pub(super) fn config(what: &str, offset: u64, data: &[u8]) {
    let target = Class::Config.target();
    // Without this, every access would be put into words.
    if log::log_enabled!(target: target, Level::Trace) {
        let value = data.iter().rev().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte));
        let (offset, value) = (Hex(offset), Hex(value));
        log::trace!(target: target, offset:%, bytes = data.len(), value:%; "{what}");
    }
}
