//! The rules of a device: which match, which fire, how often.

use super::grammar::{Fields, Problem};
use super::kind::{Kind, Site};
use super::random::Stream;
use super::rule::Rule;
use super::table::Toll;
use crate::crypto::Direction;
use crate::descriptors::ccb::work::Work;
use crate::suggest::did_you_mean;
use crate::trace::{Tracer, What};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most rules at once: every event of a site asks all of them.
pub const MAX_RULES: usize = 256;

/// What is known of a job. Without a rule that needs more, only the number and the address are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// Number of the job in its ring, from 1.
    pub number: u64,
    /// Bus address of its descriptor.
    pub descriptor: u64,
    /// Hash of the shared descriptor, if it has one.
    pub shared: Option<u32>,
    /// What OPERATIONs of class 1 and class 2 ask for.
    pub algorithms: [Option<Work>; 2],
    /// Direction of the first of them.
    pub direction: Option<Direction>,
    /// Bytes of its input.
    pub length: u64,
}

/// Something happens in the device that a rule may be about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Event<'a> {
    /// Time since the device was started.
    pub now: Duration,
    /// The ring, if it is about one.
    pub ring: Option<usize>,
    /// Jobs in that ring: added, and not yet removed.
    pub occupancy: u32,
    /// The ring has no room for another job.
    pub full: bool,
    /// The job, if it is about one.
    pub job: Option<&'a Facts>,
}

/// A rule fires.
#[derive(Debug, Clone, PartialEq)]
pub struct Firing {
    /// What happens.
    pub kind: Kind,
    /// Randomness for its parameters.
    pub draw: Stream,
    /// Events that it has matched and at which it has fired, this one included.
    pub counts: (u64, u64),
}

/// A rule and its counts, as `ctl fault list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleReport {
    /// Name.
    pub name: String,
    /// The rule as text.
    pub rule: String,
    /// What its kind costs a driver without a bug, at worst.
    pub toll: Toll,
    /// Events that it matched.
    pub matched: u64,
    /// Matches at which it fired.
    pub fired: u64,
    /// How often it can still fire; none: without limit.
    pub remaining: Option<u64>,
}

#[derive(Debug)]
struct State {
    rule: Rule,
    matched: u64,
    fired: u64,
}

#[derive(Debug, Default)]
struct Engine {
    rules: Vec<State>,
    /// Rules made of each kind without a name of their own, so that numbers are not used again.
    unnamed: std::collections::BTreeMap<String, u64>,
}

/// See the module. Shared by all threads; asking costs one atomic load while no rule is there for
/// the site.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    rings: usize,
    /// A bit a [`Site`]: some rule is asked there; and: some rule there needs [`Facts`].
    armed: AtomicU32,
    needs_facts: AtomicU32,
    engine: Mutex<Engine>,
    trace: Arc<Tracer>,
}

const fn bit(site: Site) -> u32 {
    1 << site as u32
}

impl Faults {
    /// No rules yet, for a device with `rings` job rings.
    #[must_use]
    pub fn new(seed: u64, rings: usize) -> Self {
        Self {
            seed,
            rings,
            armed: AtomicU32::new(0),
            needs_facts: AtomicU32::new(0),
            engine: Mutex::default(),
            trace: Arc::default(),
        }
    }

    /// That tells when rules fire.
    #[must_use]
    pub fn with_tracer(self, trace: Arc<Tracer>) -> Self {
        Self { trace, ..self }
    }

    fn lock(&self) -> MutexGuard<'_, Engine> {
        // Nothing under this lock leaves a state that the next user could not go on from.
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The seed of all that is random here.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether a rule is asked at `site`.
    #[must_use]
    pub fn armed(&self, site: Site) -> bool {
        self.armed.load(Ordering::Relaxed) & bit(site) != 0
    }

    /// Whether a rule asked at `site` needs all of [`Facts`].
    #[must_use]
    pub fn needs_facts(&self, site: Site) -> bool {
        self.needs_facts.load(Ordering::Relaxed) & bit(site) != 0
    }

    /// The rules that fire at this event, in the order they were added.
    #[must_use]
    pub fn at(&self, site: Site, event: &Event<'_>) -> Vec<Firing> {
        self.at_if(site, event, |_| true)
    }

    /// As [`Self::at`], for an event that only rules of some kinds are about.
    #[must_use]
    pub fn at_if(
        &self,
        site: Site,
        event: &Event<'_>,
        concerns: impl Fn(&Kind) -> bool,
    ) -> Vec<Firing> {
        if !self.armed(site) {
            return Vec::new();
        }
        let mut engine = self.lock();
        let mut firings = Vec::new();
        for i in 0..engine.rules.len() {
            let State { rule, fired, .. } = &engine.rules[i];
            let fired_by = |name: &str| {
                engine.rules.iter().find(|s| s.rule.name == name).map_or(0, |s| s.fired)
            };
            let matches = rule.kind.site() == site
                && concerns(&rule.kind)
                && rule.matching.holds(event)
                && rule.when.open(event, fired_by);
            if !matches {
                continue;
            }
            let number = engine.rules[i].matched + 1;
            let mut draw = Stream::of(self.seed, &rule.name, number);
            let fires = rule.when.fires(number, *fired, &mut draw);
            let kind = rule.kind;
            let state = &mut engine.rules[i];
            state.matched = number;
            if fires {
                state.fired += 1;
                let (ring, job) = (event.ring, event.job.map(|job| job.number));
                let (rule, fired) = (state.rule.name.as_str(), state.fired);
                log::debug!(ring, job, rule, matched = number, fired; "fault fires");
                if self.trace.on() {
                    self.trace.tell(event.now, fired_rule(state, event));
                }
                firings.push(Firing { kind, draw, counts: (number, state.fired) });
            }
        }
        firings
    }

    /// Adds a rule; says what it is called.
    ///
    /// # Errors
    /// [`Problem`], with the key it is about; nothing is added then.
    pub fn add(&self, fields: &Fields) -> Result<String, (Problem, Option<String>)> {
        self.add_all(std::slice::from_ref(fields))
            .map(|mut names| names.remove(0))
            .map_err(|(_, problem, key)| (problem, key))
    }

    /// Adds all of `plan`, or nothing; rules may refer to one another. Says what they are called.
    ///
    /// # Errors
    /// The index of the first rule with a problem, the [`Problem`], and its key.
    pub fn add_all(
        &self,
        plan: &[Fields],
    ) -> Result<Vec<String>, (usize, Problem, Option<String>)> {
        let mut engine = self.lock();
        let mut unnamed = engine.unnamed.clone();
        let mut added: Vec<Rule> = Vec::new();
        for (i, fields) in plan.iter().enumerate() {
            let fail = |(problem, key)| (i, problem, key);
            let never = |key: &str, why: String| fail((Problem::Never(why), Some(key.to_owned())));
            let number = unnamed.get(&fields.kind).copied().unwrap_or(0) + 1;
            let default = format!("{}-{number}", fields.kind);
            let rule = fields.rule(&default).map_err(fail)?;
            if rule.name == default {
                unnamed.insert(fields.kind.clone(), number);
            }
            let taken = |name: &str| {
                engine.rules.iter().map(|s| &s.rule).chain(&added).any(|r| r.name == name)
            };
            if taken(&rule.name) {
                let value = rule.name;
                let expected = "a rule of that name exists".to_owned();
                let problem = Problem::Value { key: "name".to_owned(), value, expected };
                return Err(fail((problem, Some("name".to_owned()))));
            }
            if rule.matching.ring.is_some_and(|ring| ring >= self.rings) {
                return Err(never(
                    "ring",
                    format!("the device has {} job rings, from 0", self.rings),
                ));
            }
            if engine.rules.len() + added.len() >= MAX_RULES {
                return Err(fail((Problem::Never(format!("there are {MAX_RULES} rules")), None)));
            }
            added.push(rule);
        }
        for (i, rule) in added.iter().enumerate() {
            if let Some(why) = self.waits_in_vain(rule, &added, &engine) {
                return Err((i, Problem::Never(why), Some("after-rule".to_owned())));
            }
        }
        let names = added.iter().map(|rule| rule.name.clone()).collect();
        for rule in added {
            log::info!(rule:%; "fault rule added");
            engine.rules.push(State { rule, matched: 0, fired: 0 });
        }
        engine.unnamed = unnamed;
        self.arm(&engine);
        Ok(names)
    }

    /// Why the rule that `rule` waits for cannot fire (as often as it should) before it.
    fn waits_in_vain(&self, rule: &Rule, added: &[Rule], engine: &Engine) -> Option<String> {
        let all = || engine.rules.iter().map(|s| &s.rule).chain(added);
        let mut at = rule;
        for _ in 0..=MAX_RULES {
            let wanted = at.when.after_rule.as_ref()?;
            let Some(next) = all().find(|r| r.name == wanted.name) else {
                let names: Vec<_> = all().map(|r| r.name.as_str()).collect();
                let near = did_you_mean(&wanted.name, &names);
                return Some(format!("there is no rule '{}'{near}", wanted.name));
            };
            if next.when.times.is_some_and(|times| times < wanted.times) {
                let most = next.when.times.unwrap_or(0);
                return Some(format!("rule '{}' fires {most} times at most", next.name));
            }
            at = next;
        }
        Some(format!("'{}' waits for itself in the end", rule.name))
    }

    fn arm(&self, engine: &Engine) {
        let bits = |wanted: fn(&Rule) -> bool| {
            let rules = engine.rules.iter().map(|s| &s.rule).filter(|r| wanted(r));
            rules.fold(0, |bits, rule| bits | bit(rule.kind.site()))
        };
        self.needs_facts.store(bits(Rule::needs_facts), Ordering::Relaxed);
        self.armed.store(bits(|_| true), Ordering::Relaxed);
    }

    /// Removes the rule called `name`, or all.
    ///
    /// # Errors
    /// Why not, in a line: no such rule, or another waits for it.
    pub fn clear(&self, name: Option<&str>) -> Result<usize, String> {
        let mut engine = self.lock();
        let before = engine.rules.len();
        if let Some(name) = name {
            let waits =
                |s: &&State| s.rule.when.after_rule.as_ref().is_some_and(|a| a.name == name);
            if let Some(state) = engine.rules.iter().find(waits) {
                return Err(format!("rule '{}' waits for it; clear that first", state.rule.name));
            }
            engine.rules.retain(|s| s.rule.name != name);
            if engine.rules.len() == before {
                let names: Vec<_> = engine.rules.iter().map(|s| s.rule.name.as_str()).collect();
                let near = did_you_mean(name, &names);
                return Err(format!("there is no rule '{name}'{near}"));
            }
        } else {
            engine.rules.clear();
        }
        self.arm(&engine);
        Ok(before - engine.rules.len())
    }

    /// All rules with their counts.
    #[must_use]
    pub fn list(&self) -> Vec<RuleReport> {
        let report = |s: &State| RuleReport {
            name: s.rule.name.clone(),
            rule: s.rule.to_string(),
            toll: s.rule.kind.info().toll,
            matched: s.matched,
            fired: s.fired,
            remaining: s.rule.when.times.map(|times| times.saturating_sub(s.fired)),
        };
        self.lock().rules.iter().map(report).collect()
    }
}

/// For a trace: a rule has fired.
fn fired_rule(state: &State, event: &Event<'_>) -> What {
    What::Fault {
        rule: state.rule.name.as_str().into(),
        kind: state.rule.kind.to_string().into(),
        ring: event.ring.map(|ring| ring as u8),
        job: event.job.map(|job| job.number),
        matched: state.matched,
        fired: state.fired,
    }
}

/// How often `rule` has fired after `matched` matches: what [`Faults`] does, from the seed alone.
#[must_use]
pub fn predict(rule: &Rule, seed: u64, matched: u64) -> u64 {
    (1..=matched).fold(0, |fired, number| {
        let mut draw = Stream::of(seed, &rule.name, number);
        fired + u64::from(rule.when.fires(number, fired, &mut draw))
    })
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
