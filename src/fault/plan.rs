//! Fault plans: files of rules, TOML or JSON.
//!
//! ```toml
//! seed = 7
//!
//! [[rule]]
//! kind = "stall"
//! for = "20ms"
//! every = 100
//! ```
//!
//! A rule has the keys that it has on the command line. Values are strings, numbers or `true`.

use super::grammar::{Fields, Problem};
use super::rule::Rule;
use serde::Deserialize;
use std::fmt;
use std::ops::Range;
use thiserror::Error;
use toml::Spanned;

/// Largest plan: what is longer is another file by mistake.
pub const MAX_BYTES: usize = 1024 * 1024;

/// A line and a column, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a plan is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{message}", .place.map(|p| format!("{p}: ")).unwrap_or_default())]
pub struct PlanError {
    /// Where.
    pub place: Option<Place>,
    /// What is wrong there.
    pub message: String,
}

/// A rule as it stands in a plan: its fields, and where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Kind, keys and values.
    pub fields: Fields,
    start: Option<Place>,
    keys: Vec<(String, Option<Place>)>,
    number: usize,
}

impl Entry {
    /// What `problem` with this rule, about `key`, is to be told as.
    #[must_use]
    pub fn error(&self, problem: &Problem, key: Option<&str>) -> PlanError {
        let of_key = key.and_then(|key| self.keys.iter().find(|(k, _)| k == key));
        let place = of_key.map_or(self.start, |(_, place)| *place);
        // JSON's parser tells no places: the rule's number has to do.
        let rule = if place.is_some() { String::new() } else { format!("rule {}: ", self.number) };
        PlanError { place, message: format!("{rule}{problem}") }
    }
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What makes it repeatable, if the plan says.
    pub seed: Option<u64>,
    /// The rules.
    pub rules: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Toml {
    seed: Option<u64>,
    #[serde(default)]
    rule: Vec<Spanned<toml::map::Map<String, toml::Value>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    seed: Option<u64>,
    #[serde(default)]
    rule: Vec<serde_json::Map<String, serde_json::Value>>,
}

fn place(text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    Place { line, column: before[start..].chars().count() + 1 }
}

impl Plan {
    /// Reads a plan; JSON if its first character is a brace, else TOML.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        if text.len() > MAX_BYTES {
            let message = format!("{} bytes: a plan has at most {MAX_BYTES}", text.len());
            return Err(PlanError { place: None, message });
        }
        if text.trim_start().starts_with('{') { Self::json(text) } else { Self::toml(text) }
    }

    fn toml(text: &str) -> Result<Self, PlanError> {
        let plan: Toml = toml::from_str(text).map_err(|e| PlanError {
            place: e.span().map(|span| place(text, span.start)),
            message: e.message().trim().replace('\n', "; "),
        })?;
        let rules = plan.rule.into_iter().enumerate();
        let rules = rules.map(|(i, table)| {
            let span = table.span();
            let pairs = table.into_inner().into_iter();
            entry(i, pairs, Some((text, span)), |value| match value {
                toml::Value::String(text) => Some(text),
                toml::Value::Integer(n) => Some(n.to_string()),
                toml::Value::Float(n) => Some(n.to_string()),
                toml::Value::Boolean(true) => Some("true".to_owned()),
                _ => None,
            })
        });
        Ok(Self { seed: plan.seed, rules: rules.collect::<Result<_, _>>()? })
    }

    fn json(text: &str) -> Result<Self, PlanError> {
        let plan: Json = serde_json::from_str(text).map_err(|e| PlanError {
            place: (e.line() > 0).then(|| Place { line: e.line(), column: e.column().max(1) }),
            // It repeats the place.
            message: e.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
        })?;
        let rules = plan.rule.into_iter().enumerate().map(|(i, table)| {
            entry(i, table.into_iter(), None, |value| match value {
                serde_json::Value::String(text) => Some(text),
                serde_json::Value::Number(n) => Some(n.to_string()),
                serde_json::Value::Bool(true) => Some("true".to_owned()),
                _ => None,
            })
        });
        Ok(Self { seed: plan.seed, rules: rules.collect::<Result<_, _>>()? })
    }
}

/// A plan as TOML that [`Plan::parse`] reads. TOML's numbers end at 2^63: so do its seeds.
#[must_use]
pub fn write(seed: u64, rules: &[Rule]) -> String {
    let mut text = format!("seed = {seed}\n");
    for rule in rules {
        // The grammar's words are all that is needed: nothing in them has to be escaped.
        let fields = Fields::from_text(&rule.to_string());
        text += &format!("\n[[rule]]\nkind = \"{}\"\n", fields.kind);
        for (key, value) in fields.pairs {
            text += &format!("{key} = \"{value}\"\n");
        }
    }
    text
}

/// Rule number `index`, of the pairs of its table. `source`: the plan, and where the rule is in it.
fn entry<V>(
    index: usize,
    pairs: impl Iterator<Item = (String, V)>,
    source: Option<(&str, Range<usize>)>,
    text_of: impl Fn(V) -> Option<String>,
) -> Result<Entry, PlanError> {
    let start = source.as_ref().map(|(text, span)| place(text, span.start));
    let mut entry = Entry { fields: Fields::default(), start, keys: Vec::new(), number: index + 1 };
    let mut kind = None;
    for (key, value) in pairs {
        let at = source.as_ref().and_then(|(text, span)| find_key(text, span, &key));
        entry.keys.push((key.clone(), at));
        let Some(value) = text_of(value) else {
            let value = String::new();
            let expected = "a string, a number or true".to_owned();
            return Err(
                entry.error(&Problem::Value { key: key.clone(), value, expected }, Some(&key))
            );
        };
        if key == "kind" {
            kind = Some(value);
        } else {
            entry.fields.pairs.push((key, value));
        }
    }
    match kind {
        Some(kind) => {
            entry.fields.kind = kind;
            Ok(entry)
        }
        None => Err(entry.error(&Problem::Missing { kind: "a rule", what: "a kind" }, None)),
    }
}

/// Where `key` stands in the table that `span` covers: at the beginning of a line, or behind a
/// brace or comma of an inline table. TOML's parser tells the places of tables only.
fn find_key(text: &str, span: &Range<usize>, key: &str) -> Option<Place> {
    // The span of a table with a header is the header's; it ends where the next one begins.
    let rest = text.get(span.start..)?;
    let end = match rest.strip_prefix('[') {
        Some(_) => rest.find("\n[").unwrap_or(rest.len()),
        None => span.len(),
    };
    let table = rest.get(..end)?;
    let found = table.match_indices(key).find(|(at, _)| {
        let before = table[..*at].trim_end_matches([' ', '\t', '"', '\'']);
        let after = table[at + key.len()..].trim_start_matches([' ', '\t', '"', '\'']);
        (before.is_empty() || before.ends_with(['\n', '{', ','])) && after.starts_with('=')
    });
    found.map(|(at, _)| place(text, span.start + at))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
