//! Between JRINTR and the pin: where an interrupt is delayed or lost on purpose, and where one
//! comes of nothing.
//!
//! An *episode* lasts from JRI being set to it being cleared, by an acknowledge or with the last
//! result. Once in each, when the line would rise, somebody may have a say ([`Line::asks`],
//! [`Line::judge`]); a lost one asks again at each further result. What is decided holds until
//! the episode ends. JRE is none of this: a ring error always raises the line. IMSK is the last
//! gate: nothing here passes it.

use super::interrupt::Interrupt;
use super::ring::JobRing;
use crate::fault::Firing;
use crate::fault::kind::Kind;
use std::time::Duration;

/// What the rules that fire for an interrupt do to it, put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineFaults {
    /// The line stays down until another job has finished.
    pub lost: bool,
    /// It rises so much later.
    pub delay: Option<Duration>,
    /// It rises when so many results wait, or after that time.
    pub coalesce: Option<(u32, Duration)>,
    /// Behind it comes one with nothing to do.
    pub spurious: bool,
    /// It stays up so long after the acknowledge.
    pub stuck: Option<Duration>,
}

impl LineFaults {
    /// Delays add up; of what cannot, the first rule's stays.
    #[must_use]
    pub fn new(firings: &[Firing]) -> Self {
        let mut faults = Self::default();
        for firing in firings {
            match firing.kind {
                Kind::IrqLost => faults.lost = true,
                Kind::IrqDelay { by } => {
                    faults.delay = Some(faults.delay.unwrap_or_default().saturating_add(by));
                }
                Kind::IrqCoalesce { count, within } => {
                    faults.coalesce.get_or_insert((count, within));
                }
                Kind::IrqSpurious => faults.spurious = true,
                Kind::IrqStuck { length } => {
                    faults.stuck.get_or_insert(length);
                }
                _ => {}
            }
        }
        faults
    }
}

/// An interrupt with nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Spurious {
    #[default]
    None,
    /// As soon as JRINTR is 0 and the line is not masked.
    Due,
    /// Until the guest reads JRINTR.
    Up,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// Whether somebody wants to be asked.
    ask: bool,
    /// The episode that was decided about.
    judged: Option<u64>,
    /// It has to be decided about once more.
    again: bool,
    /// Why the line is down in it: lost; too early; too few results, and too early for so few.
    lost: bool,
    not_before: Option<Duration>,
    coalesce: Option<(u32, Duration)>,
    /// What comes when it ends.
    then_spurious: bool,
    then_stuck: Option<Duration>,
    spurious: Spurious,
    stuck_until: Option<Duration>,
}

impl Line {
    /// Whether [`Self::asks`] may say yes. If not, every interrupt passes.
    pub fn set_ask(&mut self, ask: bool) {
        self.ask = ask;
    }

    /// Whether the line is up.
    #[must_use]
    pub fn level(&self, jrintr: &Interrupt) -> bool {
        let up = jrintr.failed()
            || (jrintr.pending() && !self.asks(jrintr) && !self.held())
            || self.spurious == Spurious::Up
            || self.stuck_until.is_some();
        up && !jrintr.masked()
    }

    /// Whether the line would rise now and has to be decided about.
    #[must_use]
    pub fn asks(&self, jrintr: &Interrupt) -> bool {
        let undecided = |episode| self.again || self.judged != Some(episode);
        self.ask && jrintr.episode().is_some_and(undecided) && !jrintr.masked()
    }

    fn held(&self) -> bool {
        self.lost || self.not_before.is_some() || self.coalesce.is_some()
    }

    /// The decision. [`Self::follow`] must follow.
    pub fn judge(&mut self, faults: &LineFaults, jrintr: &Interrupt, now: Duration) {
        self.judged = jrintr.episode();
        self.again = false;
        self.lost = faults.lost;
        self.not_before = faults.delay.map(|delay| now.saturating_add(delay));
        self.coalesce = faults.coalesce.map(|(count, within)| (count, now.saturating_add(within)));
        self.then_spurious |= faults.spurious;
        self.then_stuck = self.then_stuck.max(faults.stuck);
    }

    /// A result was added: a lost interrupt has another chance.
    pub fn result(&mut self) {
        self.again |= std::mem::take(&mut self.lost);
    }

    /// The guest has read JRINTR.
    pub fn seen(&mut self) {
        if self.spurious == Spurious::Up {
            self.spurious = Spurious::None;
        }
    }

    /// JRINTR, the number of results or the time has changed.
    pub fn follow(&mut self, jrintr: &Interrupt, waiting: u32, now: Duration) {
        let episode = jrintr.episode();
        if self.judged.is_some() && self.judged != episode {
            if self.then_spurious {
                self.spurious = Spurious::Due;
            }
            let stuck = self.then_stuck.map(|length| now.saturating_add(length));
            *self = Self {
                ask: self.ask,
                spurious: self.spurious,
                stuck_until: self.stuck_until.max(stuck),
                ..Self::default()
            };
        }
        if !self.ask && !jrintr.masked() && self.judged.is_none() {
            // It has passed: whoever wants to be asked from now on comes too late.
            self.judged = episode;
        }
        self.not_before.take_if(|at| *at <= now);
        self.coalesce.take_if(|(count, until)| waiting >= *count || *until <= now);
        self.stuck_until.take_if(|until| *until <= now);
        if self.spurious == Spurious::Due && jrintr.read() == 0 && !jrintr.masked() {
            self.spurious = Spurious::Up;
        }
    }

    /// When [`Self::follow`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let coalesce = self.coalesce.map(|(_, until)| until);
        [self.not_before, coalesce, self.stuck_until].into_iter().flatten().min()
    }
}

impl JobRing {
    /// Whether to ask [`Self::about_to_rise`] from now on. Otherwise no interrupt waits for it.
    pub fn ask_before_raising(&mut self, ask: bool) {
        self.line.set_ask(ask);
    }

    /// Whether the line would rise now, but waits for [`Self::raise_with`].
    #[must_use]
    pub fn about_to_rise(&self) -> bool {
        self.line.asks(&self.interrupt)
    }

    /// Raises the line, as far as `faults` let it.
    pub fn raise_with(&mut self, faults: &LineFaults, now: Duration) {
        self.stats.interrupts_lost += u64::from(faults.lost);
        self.line.judge(faults, &self.interrupt, now);
        self.measure(now);
    }

    /// The guest has read JRINTR: an interrupt with nothing to do is over.
    pub fn interrupt_seen(&mut self, now: Duration) {
        self.line.seen();
        self.measure(now);
    }
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
