//! What the shell calls: each call goes by the [`Tape`](crate::record::Tape), which writes it down
//! if a recording goes on. The work is done in the neighbouring files.

use super::{Device, Job, OutOfBounds, Outcome};
use crate::descriptors::deco::Report;
use crate::descriptors::flow::{Budget, Scratch};
use crate::fault::grammar::{Fields, Problem};
use crate::record::Key;
use crate::record::entry::{Answer, Call};
use serde_bytes::ByteBuf;
use std::time::Duration;

fn of(outcome: &Outcome) -> Answer {
    Answer { interrupt: outcome.interrupt, ..Answer::default() }
}

fn of_result(result: &Result<Outcome, OutOfBounds>) -> Answer {
    result.as_ref().map_or(Answer { refused: true, ..Answer::default() }, of)
}

impl Device {
    /// Reads BAR 0. Any length and alignment: the bytes are those of the words they lie in.
    /// Reading changes nothing, but for RTENT15, which has the TRNG collect anew, and JRINTR, which
    /// ends a spurious interrupt. Aligned 8-byte reads are two words, low offset first.
    ///
    /// # Errors
    /// [`OutOfBounds`] if the range is not inside the BAR.
    pub fn read_bar(
        &self,
        offset: u64,
        data: &mut [u8],
        now: Duration,
    ) -> Result<Outcome, OutOfBounds> {
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let call = || Call::ReadBar { offset, length };
        let (result, _) = self.tape.call(
            now,
            call,
            || (self.do_read_bar(offset, data, now), &*data),
            |(result, data)| Answer { bytes: ByteBuf::from(data.to_vec()), ..of_result(result) },
        );
        result
    }

    /// Writes BAR 0. Whole aligned words only, as the manual demands; an aligned 8-byte write
    /// is two words, low offset first. Anything else is ignored (inferred) and logged.
    ///
    /// # Errors
    /// [`OutOfBounds`] if the range is not inside the BAR.
    pub fn write_bar(
        &self,
        offset: u64,
        data: &[u8],
        now: Duration,
    ) -> Result<Outcome, OutOfBounds> {
        let call = || Call::WriteBar { offset, bytes: ByteBuf::from(data) };
        self.tape.call(now, call, || self.do_write_bar(offset, data, now), of_result)
    }

    /// Reads configuration space.
    ///
    /// # Errors
    /// [`OutOfBounds`] if the range is not inside it.
    pub fn read_config(&self, offset: u64, data: &mut [u8]) -> Result<(), OutOfBounds> {
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let call = || Call::ReadConfig { offset, length };
        let (result, _) = self.tape.call(
            Duration::ZERO,
            call,
            || (self.do_read_config(offset, data), &*data),
            |(result, data)| Answer {
                bytes: ByteBuf::from(data.to_vec()),
                refused: result.is_err(),
                ..Answer::default()
            },
        );
        result
    }

    /// Writes configuration space.
    ///
    /// # Errors
    /// [`OutOfBounds`] if the range is not inside it.
    pub fn write_config(&self, offset: u64, data: &[u8]) -> Result<Outcome, OutOfBounds> {
        let call = || Call::WriteConfig { offset, bytes: ByteBuf::from(data) };
        self.tape.call(Duration::ZERO, call, || self.do_write_config(offset, data), of_result)
    }

    /// The client masks INTx.
    pub fn mask_interrupt(&self) {
        let answer = |(): &()| Answer::default();
        self.tape.call(Duration::ZERO, || Call::MaskInterrupt, || self.do_mask_interrupt(), answer);
    }

    /// The client unmasks INTx, or [`Device::interrupt_due`] has come; it may have to be signalled
    /// at once.
    pub fn unmask_interrupt(&self, now: Duration) -> Outcome {
        self.tape.call(now, || Call::UnmaskInterrupt, || self.do_unmask_interrupt(now), of)
    }

    /// Function level reset: registers, rings, configuration space. Mappings stay.
    pub fn reset(&self, now: Duration) -> Outcome {
        self.tape.call(now, || Call::Reset, || self.do_reset(now), of)
    }

    /// The client has gone: reset, and forget its memory.
    pub fn disconnect(&self, now: Duration) -> Outcome {
        self.tape.call(now, || Call::Disconnect, || self.do_disconnect(now), of)
    }

    /// Time has passed.
    pub fn tick(&self, now: Duration) -> Outcome {
        self.tape.call(now, || Call::Tick, || self.do_tick(now), of)
    }

    /// Ends the stall of ring `ring`, or of all. Says how many there were.
    pub fn resume(&self, ring: Option<usize>, now: Duration) -> (usize, Outcome) {
        let call = || Call::Resume { ring: ring.map(|ring| ring as u8) };
        self.tape.call(now, call, || self.do_resume(ring, now), |(_, outcome)| of(outcome))
    }

    /// Adds a fault rule; says what it is called.
    ///
    /// # Errors
    /// [`Problem`], with the key it is about; nothing is added then.
    pub fn add_fault(
        &self,
        rule: &str,
        now: Duration,
    ) -> Result<String, (Problem, Option<String>)> {
        let call = || Call::AddFault { rule: rule.to_owned() };
        let add = || self.faults.add(&Fields::from_text(rule));
        self.tape
            .call(now, call, add, |added| Answer { refused: added.is_err(), ..Answer::default() })
    }

    /// Removes the fault rule called `name`, or all. Says how many.
    ///
    /// # Errors
    /// Why not, in a line: no such rule, or another waits for it.
    pub fn clear_faults(&self, name: Option<&str>, now: Duration) -> Result<usize, String> {
        let call = || Call::ClearFaults { name: name.map(str::to_owned) };
        self.tape.call(
            now,
            call,
            || self.faults.clear(name),
            |cleared| Answer { refused: cleared.is_err(), ..Answer::default() },
        )
    }

    /// Takes the next job, if a DECO is free for one, going round the rings. The [`Outcome`] tells
    /// of a ring error.
    pub fn take_job(&self, now: Duration) -> (Option<Job>, Outcome) {
        self.tape.call(
            now,
            || Call::TakeJob,
            || self.do_take_job(now),
            |(job, outcome)| {
                let job = job.as_ref().map(|job| (Key::of(job), job.descriptor()));
                Answer { job, ..of(outcome) }
            },
        )
    }

    /// Runs a job that was taken. No lock of the device is held meanwhile.
    pub fn run_job(&self, job: &Job, scratch: &mut Scratch, budget: Budget) -> Report {
        let stop = job.stop_flag();
        self.tape.run(Key::of(job), stop, |stop| self.do_run_job(job, stop, scratch, budget))
    }

    /// A taken job has been run: it is given back, or held if it has to take longer.
    pub fn complete_job(&self, job: Job, report: Report, now: Duration) -> Outcome {
        let key = Key::of(&job);
        let call = || Call::CompleteJob { job: key };
        self.tape.call(now, call, || self.do_complete_job(job, report, now), of)
    }
}
