//! A rule: what goes wrong, for which events, and when.

use super::condition::{Matching, Occupancy, When};
use super::grammar::{Fields, Problem};
use super::kind::Kind;
use super::values::show_duration;
use std::fmt;
use std::str::FromStr;

/// See the module. [`fmt::Display`] writes it as the grammar reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What it is called; no two rules share a name.
    pub name: String,
    /// What happens.
    pub kind: Kind,
    /// To which events.
    pub matching: Matching,
    /// At which of them.
    pub when: When,
}

impl Rule {
    /// Whether it needs to know what only the descriptor tells.
    #[must_use]
    pub fn needs_facts(&self) -> bool {
        self.matching.needs_facts() || self.kind.needs_facts()
    }
}

impl FromStr for Rule {
    type Err = Problem;

    /// Reads a rule that has a name, or is the only one of its kind.
    fn from_str(text: &str) -> Result<Self, Problem> {
        let fields = Fields::from_text(text);
        let name = format!("{}-1", fields.kind);
        fields.rule(&name).map_err(|(problem, _)| problem)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.to_string();
        let separator = if kind.contains(':') { ',' } else { ':' };
        write!(f, "{kind}{separator}name={}", self.name)?;
        let (matching, when) = (&self.matching, &self.when);
        let mut put = |key: &str, value: Option<String>| {
            value.map_or(Ok(()), |value| write!(f, ",{key}={value}"))
        };
        put("ring", matching.ring.map(|n| n.to_string()))?;
        put("job", matching.job.map(|r| r.to_string()))?;
        put("alg", matching.algorithm.map(|w| w.name().to_owned()))?;
        put("dir", matching.direction.map(|d| d.name().to_owned()))?;
        put("length", matching.length.map(|r| r.to_string()))?;
        put("descriptor", matching.descriptor.map(|a| format!("{a:#x}")))?;
        put("shared", matching.shared.map(|h| format!("{h:#x}")))?;
        put("from", when.from.map(show_duration))?;
        put("until", when.until.map(show_duration))?;
        put(
            "occupancy",
            when.occupancy.map(|o| match o {
                Occupancy::AtLeast(n) => n.to_string(),
                Occupancy::Full => "full".to_owned(),
            }),
        )?;
        put("after-rule", when.after_rule.as_ref().map(|a| format!("{}:{}", a.name, a.times)))?;
        put("after", (when.after > 0).then(|| when.after.to_string()))?;
        put("every", when.every.map(|n| n.to_string()))?;
        put("probability", when.probability.map(|p| p.to_string()))?;
        put("times", when.times.map(|n| n.to_string()))
    }
}
