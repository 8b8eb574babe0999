//! What can go wrong on purpose, and when.
//!
//! A [`rule::Rule`] says *what* happens ([`kind::Kind`]), to *which* events ([`condition::Matching`])
//! and *when* ([`condition::When`]). The command line, plan files and the control socket all use
//! the one grammar ([`grammar`], [`plan`]). [`Faults`] counts for each rule the events that it
//! matched and those at which it fired; the device asks it at each [`kind::Site`] and does what
//! comes back.
//!
//! Everything random comes from the seed, the rule's name and the number of the match
//! ([`random`]), never from the clock or the order of threads: from how often a rule matched,
//! [`predict`] says how often it fired.

pub mod condition;
pub mod draw;
mod engine;
pub mod grammar;
pub mod job;
pub mod kind;
pub mod memory;
pub mod plan;
pub mod random;
pub mod rule;
pub mod table;
pub mod values;

pub use engine::{Event, Facts, Faults, Firing, RuleReport, predict};
