//! Which events a rule is about, and at which of them it fires.

use super::engine::Event;
use super::random::Stream;
use super::values::Range;
use crate::crypto::Direction;
use crate::descriptors::ccb::work::Work;
use std::time::Duration;

/// Properties an event must have. `None` asks for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Matching {
    /// Job ring.
    pub ring: Option<usize>,
    /// Number of the job, counted for each ring from 1 since the device was started.
    pub job: Option<Range>,
    /// One of the job's algorithms.
    pub algorithm: Option<Work>,
    /// Direction of the first of them.
    pub direction: Option<Direction>,
    /// Bytes of the job's input.
    pub length: Option<Range>,
    /// Bus address of the job descriptor.
    pub descriptor: Option<u64>,
    /// Hash of the shared descriptor's words ([`super::Facts::shared`]).
    pub shared: Option<u32>,
}

impl Matching {
    /// Whether it asks for what only the descriptor tells.
    #[must_use]
    pub fn needs_facts(&self) -> bool {
        self.algorithm.is_some()
            || self.direction.is_some()
            || self.length.is_some()
            || self.shared.is_some()
    }

    /// Whether `event` has the properties.
    #[must_use]
    pub fn holds(&self, event: &Event<'_>) -> bool {
        let job = event.job;
        let all = |wanted: Option<bool>| wanted.unwrap_or(true);
        all(self.ring.map(|ring| event.ring == Some(ring)))
            && all(self.job.map(|range| job.is_some_and(|j| range.contains(j.number))))
            && all(self.descriptor.map(|at| job.is_some_and(|j| j.descriptor == at)))
            && all(self.length.map(|range| job.is_some_and(|j| range.contains(j.length))))
            && all(self.shared.map(|hash| job.is_some_and(|j| j.shared == Some(hash))))
            && all(self.direction.map(|d| job.is_some_and(|j| j.direction == Some(d))))
            && all(self.algorithm.map(|w| job.is_some_and(|j| j.algorithms.contains(&Some(w)))))
    }
}

/// How full a ring must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupancy {
    /// At least that many jobs in it.
    AtLeast(u32),
    /// No room for another ([`Event::full`]).
    Full,
}

/// Another rule, and how often it must have fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AfterRule {
    /// Its name.
    pub name: String,
    /// Times.
    pub times: u64,
}

/// Gates: an event outside them is not counted as a match. Then, of the matches, which fire.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct When {
    /// Gate: not before this time since the device was started.
    pub from: Option<Duration>,
    /// Gate: before this time.
    pub until: Option<Duration>,
    /// Gate: while the ring is that full.
    pub occupancy: Option<Occupancy>,
    /// Gate: once another rule has fired.
    pub after_rule: Option<AfterRule>,
    /// The first so many matches do not fire.
    pub after: u64,
    /// Of the further ones, every n-th: the n-th, the 2n-th, ...
    pub every: Option<u64>,
    /// Of those, so many of one, by chance.
    pub probability: Option<f64>,
    /// No more often than this.
    pub times: Option<u64>,
}

impl When {
    /// Whether the gates are open. `fired` tells how often the named rule has.
    #[must_use]
    pub fn open(&self, event: &Event<'_>, fired: impl Fn(&str) -> u64) -> bool {
        self.from.is_none_or(|from| event.now >= from)
            && self.until.is_none_or(|until| event.now < until)
            && self.occupancy.is_none_or(|wanted| match wanted {
                Occupancy::AtLeast(n) => event.occupancy >= n,
                Occupancy::Full => event.full,
            })
            && self.after_rule.as_ref().is_none_or(|rule| fired(&rule.name) >= rule.times)
    }

    /// Whether match `number` (from 1) fires, after `fired` earlier ones. Takes one number from
    /// `draw` if chance has a say.
    #[must_use]
    pub fn fires(&self, number: u64, fired: u64, draw: &mut Stream) -> bool {
        if number <= self.after || self.times.is_some_and(|times| fired >= times) {
            return false;
        }
        self.every.is_none_or(|every| (number - self.after).is_multiple_of(every))
            && self.probability.is_none_or(|p| draw.unit() < p)
    }
}
