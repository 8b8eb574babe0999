//! Random plans: rules drawn from the table, for soak tests.
//!
//! A plan follows from a seed and its number alone. It holds only kinds that a driver without a bug
//! lives with ([`super::table::Info::random`]), each at most once. Half of the plans cost time alone
//! ([`Toll::Time`]): under them all data must arrive. Under the others jobs fail, too.

use super::grammar::{Fields, Problem, matching};
use super::random::Stream;
use super::rule::Rule;
use super::table::{Info, TABLE, Toll};
use super::values::{duration, number, show_duration};
use std::time::Duration;

/// Most rules of a plan.
pub const MOST_RULES: usize = 6;

/// Plan `number` of `seed`. `jobs` is what jobs must be like for the rules that are about jobs, by
/// the keys that rules have for that: `alg=aes-xts`; empty for all jobs.
///
/// # Errors
/// [`Problem`] with `jobs`.
pub fn plan(seed: u64, number: u64, jobs: &str) -> Result<Vec<Rule>, Problem> {
    matching(jobs)?;
    let mut draw = Stream::of(seed, "plan", number);
    let calm = draw.below(2) == 0;
    let fits = |info: &&Info| !info.random.is_empty() && (!calm || info.toll == Toll::Time);
    let mut kinds: Vec<_> = TABLE.iter().filter(fits).collect();
    draw.shuffle(&mut kinds);
    kinds.truncate(1 + draw.below(MOST_RULES as u64) as usize);
    kinds.into_iter().map(|info| rule(info, number, jobs, &mut draw)).collect()
}

fn rule(info: &Info, number: u64, jobs: &str, draw: &mut Stream) -> Result<Rule, Problem> {
    let template = info.random[draw.below(info.random.len() as u64) as usize];
    // The plan's number in the name: what fires follows from the seed and the name.
    let name = format!("p{number}-{}", info.name);
    let text = format!("{}:{},name={name}", info.name, expand(template, draw));
    let read = |text: &str| Fields::from_text(text).rule(&name).map_err(|(problem, _)| problem);
    let rule = read(&text)?;
    if jobs.is_empty() || !rule.kind.site().has_job() {
        Ok(rule)
    } else {
        read(&format!("{text},{jobs}"))
    }
}

/// `template` with something in the place of each pair of braces.
fn expand(template: &str, draw: &mut Stream) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, (inside, after))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        text += before;
        text += &choose(inside, draw);
        rest = after;
    }
    text + rest
}

/// One of `a|b|c`, or something between the ends of `1ms..20ms`.
fn choose(inside: &str, draw: &mut Stream) -> String {
    if let Some((first, last)) = inside.split_once("..").filter(|_| !inside.contains('|')) {
        let micros = |text: &str| Some(duration(text)?.as_micros() as u64);
        let millionths = |text: &str| Some((text.parse::<f64>().ok()? * 1e6).round() as u64);
        let both = |read: &dyn Fn(&str) -> Option<u64>| Some((read(first)?, read(last)?));
        if let Some((first, last)) = both(&number) {
            return between(first, last, draw).to_string();
        } else if let Some((first, last)) = both(&micros) {
            return show_duration(Duration::from_micros(short(between(first, last, draw))));
        } else if let Some((first, last)) = both(&millionths) {
            return (short(between(first, last, draw)) as f64 / 1e6).to_string();
        }
    }
    let choices: Vec<_> = inside.split('|').collect();
    choices[draw.below(choices.len() as u64) as usize].to_owned()
}

/// From `first` to `last`, each doubling about as likely as the next. Whole numbers only, so that it
/// is the same everywhere.
fn between(first: u64, last: u64, draw: &mut Stream) -> u64 {
    let octaves = (last / first.max(1)).checked_ilog2().unwrap_or(0);
    let low = first << draw.below(u64::from(octaves) + 1);
    let high = last.min(low.saturating_mul(2)).max(low);
    low + draw.below(high - low + 1)
}

/// With two digits that are not 0, at most: plans are for people, too.
fn short(n: u64) -> u64 {
    let unit = 10_u64.pow(n.checked_ilog10().unwrap_or(0).saturating_sub(1));
    n / unit * unit
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;
