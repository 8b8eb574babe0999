//! A job's way through the device: taken from its ring, run by a DECO, given back.
//!
//! Rules of [`crate::fault`] are asked before a job is taken (stalls) and when it has been (all
//! else that may happen to it). A job that takes longer on purpose is *held*: its DECO counts as
//! occupied, but the thread that ran it is free, and [`Device::tick`] gives it back in time.

use super::ahead::Turn;
use super::ask::ring_event;
use super::direct::{Direct, DirectJob};
use super::held::{Finished, Held};
use super::registers::version;
use super::session::Session;
use super::slot::Slot;
use super::{Device, Outcome, lock};
use crate::control::autopsy::Case;
use crate::descriptors::buffer::DescriptorBuffer;
use crate::descriptors::deco::{self, Report};
use crate::descriptors::facts;
use crate::descriptors::flow::{Budget, Scratch};
use crate::descriptors::remains::Keep;
use crate::descriptors::status::JobStatus;
use crate::fault::job::{Instead, JobFaults, Reorder, watchdog};
use crate::fault::kind::{Kind, Release, Site};
use crate::fault::memory::{FaultyMemory, TableRules};
use crate::fault::{Event, Facts};
use crate::jobring::{self, JobResult, JobRing, TakenJob};
use crate::logging::line::Hex;
use crate::memory::{GuestMemory, Purpose};
use crate::record::Key;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A job for a DECO.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
#[must_use = "a taken job must be completed"]
pub enum Job {
    /// From a job ring.
    Ring {
        /// Ring number.
        ring: usize,
        /// The job.
        taken: TakenJob,
        /// What happens to it on purpose.
        faults: Option<Box<JobFaults>>,
    },
    /// Written into DECO 0 by software.
    Direct(Box<DirectJob>),
}

impl Job {
    /// What happens to it on purpose, if anything does.
    #[must_use]
    pub fn faults(&self) -> Option<&JobFaults> {
        match self {
            Self::Ring { faults, .. } => faults.as_deref(),
            Self::Direct(_) => None,
        }
    }

    /// Bus address of its descriptor; 0 for one that software wrote into DECO 0.
    #[must_use]
    pub fn descriptor(&self) -> u64 {
        match self {
            Self::Ring { taken, .. } => taken.descriptor,
            Self::Direct(_) => 0,
        }
    }

    /// Set when its ring is flushed or reset.
    #[must_use]
    pub fn stop_flag(&self) -> &AtomicBool {
        match self {
            Self::Ring { taken, .. } => &taken.stop,
            Self::Direct(direct) => &direct.stop,
        }
    }

    /// Whether its ring has been flushed or reset since it was taken.
    #[must_use]
    pub fn stopped(&self) -> bool {
        match self {
            Self::Ring { taken, .. } => taken.stop.load(Ordering::Relaxed),
            Self::Direct(direct) => direct.stop.load(Ordering::Relaxed),
        }
    }
}

impl Device {
    /// Whether a job could be taken now.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.running.load(Ordering::Relaxed) < self.decos.load(Ordering::Relaxed)
            && (self.direct_ready.load(Ordering::SeqCst) || self.rings.iter().any(Slot::ready))
    }

    /// Occupies a DECO, if one is free.
    fn occupy_deco(&self, now: Duration) -> bool {
        if self.faults.armed(Site::Deco) {
            let firings = self.faults.at(Site::Deco, &Event { now, ..Event::default() });
            let count = |firing: crate::fault::Firing| match firing.kind {
                Kind::Decos { count } => Some(count),
                _ => None,
            };
            let all = self.setup.decos as u32;
            let least = firings.into_iter().filter_map(count).min().unwrap_or(all);
            self.limit_decos(least.min(all));
        } else {
            self.limit_decos(self.setup.decos as u32);
        }
        let limit = self.decos.load(Ordering::Relaxed);
        let one_more = |running| (running < limit).then_some(running + 1);
        self.running.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    fn limit_decos(&self, limit: u32) {
        if self.decos.load(Ordering::Relaxed) != limit {
            self.decos.store(limit, Ordering::Relaxed);
        }
    }

    fn free_deco(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn do_take_job(&self, now: Duration) -> (Option<Job>, Outcome) {
        let mut outcome = Outcome::default();
        if !self.occupy_deco(now) {
            return (None, outcome);
        }
        self.platform.set_time(now);
        if self.direct_ready.load(Ordering::SeqCst)
            && let Some(job) = self.with_direct(Direct::take)
        {
            return (Some(Job::Direct(Box::new(job))), outcome);
        }
        let first = self.next_ring.load(Ordering::Relaxed);
        for i in 0..self.rings.len() {
            let n = (first + i) % self.rings.len();
            if !self.rings[n].ready() {
                continue;
            }
            let (taken, event, effects) = self.take_from(n, now);
            outcome = outcome.merge(effects);
            if let Some(taken) = taken {
                // From the one behind it: a ring that has none must not leave its turn to
                // always the same neighbour.
                let next = (n + 1) % self.rings.len();
                if next != first {
                    self.next_ring.store(next, Ordering::Relaxed);
                }
                log::trace!(
                    ring = n, job = taken.number, descriptor:% = Hex(taken.descriptor);
                    "job taken"
                );
                let faults = self.job_faults(&taken, &event);
                outcome.vanish = faults.as_ref().and_then(|faults| faults.vanish);
                return (Some(Job::Ring { ring: n, taken, faults }), outcome);
            }
        }
        self.free_deco();
        (None, outcome)
    }

    /// Asks the rules about ring `n`'s next job, and takes it if they let it go.
    pub(super) fn take_from(
        &self,
        n: usize,
        now: Duration,
    ) -> (Option<TakenJob>, Event<'static>, Outcome) {
        match self.turn(n) {
            None => self.take_with(n, &self.memory, None, now),
            Some(turn) => self.take_with(n, &turn.memory, Some(&turn), now),
        }
    }

    /// The same through `memory`, which is no good for any input entry but its turn's.
    pub(super) fn take_with<M: GuestMemory>(
        &self,
        n: usize,
        memory: &M,
        turn: Option<&Turn<'_>>,
        now: Duration,
    ) -> (Option<TakenJob>, Event<'static>, Outcome) {
        let mut stall_others = Vec::new();
        let mut taken = None;
        let mut event = Event::default();
        let mut outcome = self.with_ring(n, now, |ring| {
            if ring.draining() {
                return jobring::Effects::NONE;
            }
            let entry = ring.next_entry();
            let unread = |(address, length)| self.memory.waits(address, length);
            let expected = turn.and_then(|turn| turn.entry);
            if entry.filter(|entry| unread(*entry)) != expected || turn.is_some_and(Turn::over) {
                // It has been reset, or set up, or given its first job: from the start.
                return jobring::Effects::DOORBELL;
            }
            if self.faults.armed(Site::Take) {
                stall_others = self.ask_before_taking(n, ring, memory, now);
            }
            event = ring_event(n, ring, now);
            taken = ring.take(memory, now);
            if taken.is_some() {
                self.counters.dequeued(n);
            }
            let timer = ring.stalled().is_some();
            jobring::Effects { timer, ..jobring::Effects::NONE }
        });
        // One ring's lock at a time.
        for release in stall_others {
            for other in (0..self.rings.len()).filter(|&other| other != n) {
                let mut other = self.rings[other].lock();
                other.stall(release, now);
                other.tell_settled(now);
            }
            outcome.timer = true;
        }
        (taken, event, outcome)
    }

    /// Stalls the ring, or spoils its next entry, if rules say so; the stalls for other rings.
    fn ask_before_taking<M: GuestMemory>(
        &self,
        n: usize,
        ring: &mut JobRing,
        memory: &M,
        now: Duration,
    ) -> Vec<Release> {
        let Some((number, descriptor)) = ring.ask_about_next(memory) else {
            return Vec::new();
        };
        let facts = self.facts(memory, Site::Take, number, descriptor);
        let event = Event { job: Some(&facts), ..ring_event(n, ring, now) };
        let mut stall_others = Vec::new();
        for firing in self.faults.at(Site::Take, &event) {
            match firing.kind {
                Kind::Stall { release, all_rings } => {
                    let (kind, descriptor) = (&firing.kind, Hex(descriptor));
                    log::info!(ring = n, job = number, descriptor:%, kind:%; "the ring stalls");
                    ring.stall(release, now);
                    if all_rings {
                        stall_others.push(release);
                    }
                }
                Kind::DmaError { of: Purpose::InputRing, .. } => ring.spoil_next_input(),
                _ => {}
            }
        }
        stall_others
    }

    /// What is known of a job: as much as the rules of `site` need.
    pub(super) fn facts<M: GuestMemory>(
        &self,
        memory: &M,
        site: Site,
        number: u64,
        descriptor: u64,
    ) -> Facts {
        if self.faults.needs_facts(site) {
            self.all_facts(memory, number, descriptor)
        } else {
            Facts { number, descriptor, ..Facts::default() }
        }
    }

    /// All that a job's descriptor tells of it, as it is in memory now.
    pub(super) fn all_facts<M: GuestMemory>(
        &self,
        memory: &M,
        number: u64,
        descriptor: u64,
    ) -> Facts {
        let mut known = Facts { number, descriptor, ..Facts::default() };
        if let Ok(buffer) = DescriptorBuffer::load(memory, self.setup.soc, descriptor) {
            facts::add(&mut known, &buffer, self.setup.soc);
        }
        known
    }

    /// What rules do to a job that has been taken.
    fn job_faults(&self, taken: &TakenJob, event: &Event<'_>) -> Option<Box<JobFaults>> {
        if !self.faults.armed(Site::Job) {
            return None;
        }
        let facts = self.facts(&self.memory, Site::Job, taken.number, taken.descriptor);
        let firings = self.faults.at(Site::Job, &Event { job: Some(&facts), ..*event });
        (!firings.is_empty()).then(|| Box::new(JobFaults::new(firings, &facts)))
    }

    pub(super) fn do_run_job(
        &self,
        job: &Job,
        stop: &AtomicBool,
        scratch: &mut Scratch,
        budget: Budget,
    ) -> Report {
        scratch.keep = match job {
            Job::Ring { .. } => self.autopsies.keep(),
            // Its software looks at the DECO itself.
            Job::Direct(_) => Keep::Nothing,
        };
        scratch.remains = None;
        let mut report = self.run_taken(job, stop, scratch, budget);
        if report.dma_error.is_some() && stop.load(Ordering::Relaxed) {
            // It was let go no further (`session.rs`): that is no error of its memory.
            report = Report::of_status(JobStatus::FLUSHED);
        }
        if scratch.keep.wants(report.status) {
            return Report { autopsy: self.file_autopsy(job, &report, scratch), ..report };
        }
        report
    }

    /// Keeps what is left of a job; the autopsy's number.
    #[cold]
    fn file_autopsy(&self, job: &Job, report: &Report, scratch: &mut Scratch) -> Option<u64> {
        let Job::Ring { ring, taken, faults } = job else { return None };
        let case = Case {
            ring: *ring,
            job: taken.number,
            descriptor: taken.descriptor,
            status: report.status,
            dma_error: report.dma_error,
            taken: taken.taken,
            faults: faults.as_ref().map(|faults| faults.summary()).unwrap_or_default(),
            remains: scratch.remains.take().map(|remains| *remains).unwrap_or_default(),
        };
        self.autopsies.file(case, self.setup.soc)
    }

    fn run_taken(
        &self,
        job: &Job,
        stop: &AtomicBool,
        scratch: &mut Scratch,
        budget: Budget,
    ) -> Report {
        if let Some(instead) = job.faults().and_then(|faults| faults.instead) {
            return Report::of_status(match instead {
                Instead::Status(status) => status,
                Instead::Hang(_) => watchdog(),
            });
        }
        let session = Session::of(&self.memory, Key::of(job), stop);
        match job {
            Job::Ring { ring, taken, faults } => {
                let faults = faults.as_deref().filter(|faults| faults.are_of_memory());
                if faults.is_some() || self.faults.armed(Site::Table) {
                    let job = (*ring, taken, faults);
                    return self.run_with_faults(&session, job, stop, scratch, budget);
                }
                deco::run(&session, &self.platform, taken.descriptor, scratch, budget, stop)
            }
            Job::Direct(direct) => {
                let soc = self.setup.soc;
                match DescriptorBuffer::from_words(&session, soc, &direct.words) {
                    Ok(buffer) => {
                        deco::run_buffer(&session, &self.platform, buffer, scratch, budget, stop)
                    }
                    Err(error) => Report::of_walk(error),
                }
            }
        }
    }

    /// Runs a job on memory that fails, or whose tables are looked at.
    fn run_with_faults(
        &self,
        session: &Session<'_>,
        (ring, taken, faults): (usize, &TakenJob, Option<&JobFaults>),
        stop: &AtomicBool,
        scratch: &mut Scratch,
        budget: Budget,
    ) -> Report {
        let facts = self.facts(session, Site::Table, taken.number, taken.descriptor);
        // As the ring was when the job was taken: what it is now depends on other threads.
        let TakenJob { taken: now, occupancy, full, .. } = *taken;
        let job = Some(&facts);
        let event = Event { now, ring: Some(ring), occupancy, full, job };
        let tables = TableRules::new(&self.faults, event);
        let memory = FaultyMemory::new(session, faults, Some(tables));
        let address = taken.descriptor;
        let report = deco::run(&memory, &self.platform, address, scratch, budget, stop);
        memory.finish(report)
    }

    pub(super) fn do_complete_job(&self, job: Job, report: Report, now: Duration) -> Outcome {
        if self.trace.on() {
            self.tell_executed(&job, &report, now);
        }
        let finished = Finished { job, report };
        if let Job::Ring { taken, faults: Some(faults), .. } = &finished.job {
            let due = match faults.instead {
                Some(Instead::Hang(None)) => None,
                Some(Instead::Hang(Some(length))) => Some(length.saturating_add(faults.delay)),
                _ => Some(faults.delay),
            };
            let due = due.map(|delay| taken.taken.saturating_add(delay));
            if due.is_none_or(|due| due > now) {
                // A flush stops the job first and then looks here: one of the two sees the other.
                let mut held = lock(&self.held);
                if !finished.job.stopped() {
                    held.delay(finished, due);
                    return Outcome { timer: true, ..Outcome::default() };
                }
            }
        }
        self.leave_deco(finished, now)
    }

    /// Gives back held jobs whose time has come, and those for which `now_please` holds.
    pub(super) fn release_held(&self, now: Duration, now_please: impl Fn(&Job) -> bool) -> Outcome {
        let mut held = lock(&self.held);
        if held.is_empty() {
            return Outcome::default();
        }
        let due = held.take_due(now, &now_please);
        let windows = held.windows_due(now, &now_please);
        let late: Vec<_> = windows.into_iter().map(|n| held.take_window(n)).collect();
        self.note_windows(&held);
        drop(held);
        let mut outcome = Outcome { timer: true, ..Outcome::default() };
        for mut finished in due {
            if finished.job.stopped() {
                // It was still running when its ring was flushed.
                finished.report = Report::of_status(JobStatus::FLUSHED);
            }
            outcome = outcome.merge(self.leave_deco(finished, now));
        }
        for finished in late.into_iter().flatten() {
            outcome = outcome.merge(self.give_back(finished, now));
        }
        // A DECO thread has to look again: one of the DECOs is free.
        outcome.doorbell |= self.has_work();
        outcome
    }

    /// A job leaves its DECO: it waits in a window or is given back, and then the DECO is free. In
    /// this order, because OP-TEE takes a ring for quiet when its input is empty and CSTA is idle
    /// (`caam_jr.c`): the result must be there by then.
    fn leave_deco(&self, finished: Finished, now: Duration) -> Outcome {
        let outcome = self.give_back_or_reorder(finished, now);
        self.free_deco();
        outcome
    }

    fn give_back_or_reorder(&self, finished: Finished, now: Duration) -> Outcome {
        let (ring, reorder) = match &finished.job {
            Job::Ring { ring, faults, .. } => {
                (*ring, faults.as_ref().and_then(|faults| faults.reorder))
            }
            Job::Direct(_) => return self.give_back(finished, now),
        };
        let outcome = match reorder {
            None => self.give_back(finished, now),
            Some(reorder) => self.reorder(ring, finished, reorder, now),
        };
        outcome.merge(self.release_lonely_window(ring, now))
    }

    /// A job that is to wait in its ring's window: gives back those that no longer have to.
    fn reorder(&self, ring: usize, finished: Finished, reorder: Reorder, now: Duration) -> Outcome {
        let mut held = lock(&self.held);
        let ready = if finished.job.stopped() {
            vec![finished]
        } else {
            let ready = held.reorder(ring, finished, reorder, now);
            self.note_windows(&held);
            ready
        };
        drop(held);
        let outcome = Outcome { timer: true, ..Outcome::default() };
        let give_back = |finished| self.give_back(finished, now);
        ready.into_iter().map(give_back).fold(outcome, Outcome::merge)
    }

    fn note_windows(&self, held: &Held) {
        self.windows_used.store(held.windows_used(), Ordering::Relaxed);
    }

    /// A window that nothing more will come into need not wait.
    fn release_lonely_window(&self, ring: usize, now: Duration) -> Outcome {
        // Whoever puts a job there looks at the ring, under its lock, afterwards; so if this
        // thread's job had not left the ring by then, this thread sees the window in use.
        if !self.windows_used.load(Ordering::Relaxed) {
            return Outcome::default();
        }
        let mut held = lock(&self.held);
        let waiting = held.window_len(ring);
        if waiting == 0 {
            return Outcome::default();
        }
        let lonely = {
            let ring = self.rings[ring].lock();
            !ring.ready() && ring.view().in_flight as usize <= waiting
        };
        let jobs = if lonely { held.take_window(ring) } else { Vec::new() };
        self.note_windows(&held);
        drop(held);
        let give_back = |finished| self.give_back(finished, now);
        jobs.into_iter().map(give_back).fold(Outcome::default(), Outcome::merge)
    }

    /// Counts a job that has ended, and writes its output entry.
    fn give_back(&self, finished: Finished, now: Duration) -> Outcome {
        let Finished { job, report } = finished;
        let ring = match &job {
            Job::Ring { ring, .. } => Some(*ring),
            Job::Direct(_) => None,
        };
        if let Some(error) = &report.dma_error {
            *lock(&self.fault) = version::Fault::new(error, ring.unwrap_or(0));
        }
        self.log_end(&job, &report, now);
        match &job {
            Job::Ring { ring: n, taken, faults } => {
                let result = JobResult::new(report.status, report.sequence_out);
                let result = faults.iter().fold(result, |result, f| result.with_faults(f));
                let count = || self.counters.finished(Some(*n), &report);
                if self.memory.asks() {
                    return self.complete_ahead(*n, taken, result, now, count);
                }
                self.with_ring(*n, now, |ring| {
                    count();
                    ring.complete(taken, result, &self.memory, now)
                })
            }
            Job::Direct(direct) => {
                self.with_direct(|deco0| {
                    self.counters.finished(None, &report);
                    deco0.complete(direct, report.status);
                });
                Outcome::default()
            }
        }
    }

    pub(super) fn do_resume(&self, ring: Option<usize>, now: Duration) -> (usize, Outcome) {
        let rings = (0..self.rings.len()).filter(|&n| ring.is_none_or(|ring| ring == n));
        rings.fold((0, Outcome::default()), |(count, outcome), n| {
            let mut ended = false;
            let effects = self.with_ring(n, now, |ring| {
                let effects = ring.resume();
                ended = effects.is_some();
                effects.unwrap_or(jobring::Effects::NONE)
            });
            (count + usize::from(ended), outcome.merge(effects))
        })
    }
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "memory_fault_tests.rs"]
mod memory_tests;
