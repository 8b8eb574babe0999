//! Statistics as a table for people.

use crate::control::stats::{Band, FaultList, Operation, Percentiles, Ring, State, Statistics};
use std::fmt::Write;

/// How a cell stands out, where the output is a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Plain,
    /// Worth a look.
    Notable,
    /// Something went wrong.
    Bad,
}

impl Tone {
    /// The terminal's sequence (ECMA-48, SGR).
    fn sequence(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Notable => "\x1b[33m",
            Self::Bad => "\x1b[31m",
        }
    }
}

#[derive(Debug)]
struct Cell(String, Tone);

impl Cell {
    fn plain(text: impl ToString) -> Self {
        Self(text.to_string(), Tone::Plain)
    }

    /// A number that should be 0.
    fn bad(count: u64) -> Self {
        Self(count.to_string(), if count > 0 { Tone::Bad } else { Tone::Plain })
    }

    fn notable(text: impl ToString, notable: bool) -> Self {
        Self(text.to_string(), if notable { Tone::Notable } else { Tone::Plain })
    }
}

/// Three digits and a unit of 1000 to the power of its place in `units`.
pub(super) fn scaled(value: u64, units: &[&str]) -> String {
    let (mut scaled, mut unit) = (value as f64, 0);
    while scaled >= 999.5 && unit + 1 < units.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    let digits = if unit == 0 || scaled >= 99.95 {
        0
    } else if scaled >= 9.995 {
        1
    } else {
        2
    };
    format!("{scaled:.digits$} {}", units[unit])
}

pub(super) fn time(ns: u64) -> String {
    scaled(ns, &["ns", "us", "ms", "s"])
}

pub(super) fn bytes(count: u64) -> String {
    scaled(count, &["B", "kB", "MB", "GB", "TB"])
}

/// Lines of right-aligned cells under a heading each, behind a left-aligned name.
fn grid(text: &mut String, rows: &[(String, Vec<Cell>)], colours: bool) {
    let columns = rows.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
    let length = |cell: &Cell| cell.0.chars().count();
    let widths: Vec<usize> = (0..columns)
        .map(|n| rows.iter().filter_map(|(_, cells)| cells.get(n)).map(length).max().unwrap_or(0))
        .collect();
    let names = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, cells) in rows {
        let mut line = format!("{name:names$}");
        for (cell, width) in cells.iter().zip(&widths) {
            let Cell(shown, tone) = cell;
            let space = " ".repeat(2 + width - length(cell));
            if colours && *tone != Tone::Plain {
                let _ = write!(line, "{space}{}{shown}\x1b[0m", tone.sequence());
            } else {
                let _ = write!(line, "{space}{shown}");
            }
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// The rows of a grid with a column a ring.
struct Rows<'a> {
    rings: &'a [Ring],
    rows: Vec<(String, Vec<Cell>)>,
}

impl Rows<'_> {
    fn row(&mut self, name: &str, cell: impl Fn(&Ring) -> Cell) {
        self.rows.push((name.into(), self.rings.iter().map(cell).collect()));
    }

    fn spread(&mut self, name: &str, of: impl Fn(&Ring) -> Percentiles) {
        let shown =
            |p: Percentiles, ns| Cell::plain(if p.count == 0 { "-".into() } else { time(ns) });
        self.row(&format!("{name}, half within"), |r| shown(of(r), of(r).p50_ns));
        self.row("  90 % within", |r| shown(of(r), of(r).p90_ns));
        self.row("  99 % within", |r| shown(of(r), of(r).p99_ns));
        self.row("  longest", |r| shown(of(r), of(r).max_ns));
    }
}

fn state(state: State) -> Cell {
    match state {
        State::NotSetUp => Cell::plain("not set up"),
        State::Running => Cell::plain("running"),
        State::Stalled => Cell::notable("stalled", true),
        State::Halting => Cell::notable("halting", true),
        State::Halted => Cell::notable("halted", true),
        State::Broken => Cell("broken".into(), Tone::Bad),
    }
}

pub(super) fn total_bytes(operations: &[Operation]) -> u64 {
    operations.iter().map(|o| o.bytes).sum()
}

/// Per second, from the difference of two counts.
pub(super) fn rate(now: u64, before: u64, ns: u64) -> u64 {
    let difference = u128::from(now.saturating_sub(before));
    u64::try_from(difference * 1_000_000_000 / u128::from(ns.max(1))).unwrap_or(u64::MAX)
}

fn rings(stats: &Statistics, before: Option<&Statistics>) -> Vec<(String, Vec<Cell>)> {
    let ago = |at: u64| Cell::plain(time(stats.uptime_ns.saturating_sub(at)));
    let none = || Cell::plain("-");
    let headings = stats.rings.iter().map(|r| Cell::plain(format!("jr{}", r.ring))).collect();
    let mut rows = Rows { rings: &stats.rings, rows: vec![(String::new(), headings)] };
    rows.row("state", |r| state(r.state));
    rows.row("entries, input/output", |r| {
        Cell::plain(format!("{}/{}", r.input_size, r.output_size))
    });
    rows.row("jobs added", |r| Cell::plain(r.added));
    rows.row("jobs taken", |r| Cell::plain(r.jobs));
    if let Some(before) = before {
        let ns = stats.uptime_ns.saturating_sub(before.uptime_ns);
        let of = |r: &Ring| before.rings.iter().find(|b| b.ring == r.ring);
        rows.row("  a second", |r| {
            of(r).map_or_else(none, |b| Cell::plain(rate(r.jobs, b.jobs, ns)))
        });
        rows.row("  message bytes a second", |r| {
            let now = total_bytes(&r.operations);
            of(r).map_or_else(none, |b| {
                Cell::plain(bytes(rate(now, total_bytes(&b.operations), ns)))
            })
        });
    }
    rows.row("  succeeded", |r| Cell::plain(r.succeeded));
    rows.row("  failed", |r| Cell::bad(r.failed));
    rows.row("    given back by a flush", |r| Cell::plain(r.flushed));
    rows.row("  lost", |r| Cell::bad(r.lost));
    rows.row("ring errors", |r| Cell::bad(r.errors));
    rows.row("jobs in the ring now", |r| Cell::notable(r.occupancy, r.full));
    rows.row("  pending", |r| Cell::plain(r.pending));
    rows.row("  in flight", |r| Cell::plain(r.in_flight));
    rows.row("  waiting for the driver", |r| Cell::plain(r.waiting));
    rows.row("  at most", |r| Cell::plain(r.max_occupancy));
    rows.row("became full, times", |r| Cell::plain(r.became_full));
    rows.row("  full for", |r| Cell::plain(time(r.full_ns)));
    rows.row("doorbells (IRJAR)", |r| Cell::plain(r.doorbells));
    rows.row("  the last, ago", |r| r.last_doorbell_ns.map_or_else(none, ago));
    rows.row("IRSAR read", |r| Cell::plain(r.slot_reads));
    rows.row("  no slot free", |r| Cell::plain(r.slot_refusals));
    rows.row("registers read", |r| Cell::plain(r.accesses.reads));
    rows.row("registers written", |r| Cell::plain(r.accesses.writes));
    rows.row("interrupts raised", |r| Cell::plain(r.interrupts.raised));
    rows.row("  merged", |r| Cell::plain(r.interrupts.merged));
    rows.row("  lost on purpose", |r| Cell::plain(r.interrupts.lost));
    rows.spread("queue wait", |r| r.queue_wait);
    rows.spread("service time", |r| r.service_time);
    rows.row("last job's descriptor", |r| {
        r.last_job.as_ref().map_or_else(none, |job| Cell::plain(&job.descriptor))
    });
    rows.row("  status", |r| {
        r.last_job.as_ref().map_or_else(none, |job| {
            Cell(
                job.status.to_string(),
                if job.status == "0x00000000" { Tone::Plain } else { Tone::Bad },
            )
        })
    });
    rows.row("  ended, ago", |r| r.last_job.as_ref().map_or_else(none, |job| ago(job.at_ns)));
    rows.rows
}

/// Shares of the time a ring was set up.
fn occupancy(stats: &Statistics) -> Vec<(String, Vec<Cell>)> {
    let mut bands: Vec<(u32, u32)> =
        stats.rings.iter().flat_map(|r| &r.occupancy_time).map(|b| (b.from, b.to)).collect();
    bands.sort_unstable();
    bands.dedup();
    let mut rows = Rows { rings: &stats.rings, rows: Vec::new() };
    for (from, to) in bands {
        let name = if from == to { from.to_string() } else { format!("{from} to {to}") };
        rows.row(&format!("  {name}"), |ring| {
            let all: u64 = ring.occupancy_time.iter().map(|b| b.ns).sum();
            let is_it = |b: &&Band| (b.from, b.to) == (from, to);
            match ring.occupancy_time.iter().find(is_it) {
                Some(b) => Cell::plain(format!("{:.1} %", b.ns as f64 * 100.0 / all as f64)),
                None => Cell::plain("-"),
            }
        });
    }
    rows.rows
}

fn operations(stats: &Statistics) -> Vec<(String, Vec<Cell>)> {
    let heading = ["jobs", "message"].map(Cell::plain);
    let mut rows = vec![("algorithm".into(), heading.into())];
    let row = |source: &str, o: &Operation| {
        let cells = vec![Cell::plain(o.jobs), Cell::plain(bytes(o.bytes))];
        (format!("  {source} {} {}", o.name, o.direction), cells)
    };
    for ring in &stats.rings {
        let source = format!("jr{}", ring.ring);
        rows.extend(ring.operations.iter().map(|o| row(&source, o)));
    }
    rows
}

/// Fault rules with their counts.
#[must_use]
pub fn faults(list: &FaultList) -> String {
    if list.rules.is_empty() {
        return "no fault rules\n".into();
    }
    let heading = ["matched", "fired", "left"].map(Cell::plain);
    let mut rows = vec![(format!("fault rules, seed {}", list.seed), heading.into())];
    rows.extend(list.rules.iter().map(|report| {
        let left = report.remaining.map_or_else(|| "any".into(), |n| n.to_string());
        let cells = vec![Cell::plain(report.matched), Cell::plain(report.fired), Cell::plain(left)];
        (format!("  {}", report.rule), cells)
    }));
    let mut text = String::new();
    grid(&mut text, &rows, false);
    text
}

/// All of it. `before` adds rates since then; `colours` are for a terminal.
#[must_use]
pub fn statistics(stats: &Statistics, before: Option<&Statistics>, colours: bool) -> String {
    let mut text = format!(
        "{}, {} DECO{}, up {}, interrupt signalled {} times\n\n",
        stats.soc,
        stats.decos,
        if stats.decos == 1 { "" } else { "s" },
        time(stats.uptime_ns),
        stats.interrupts.raised,
    );
    grid(&mut text, &rings(stats, before), colours);
    let occupancy = occupancy(stats);
    if !occupancy.is_empty() {
        text.push_str("\nshare of the time with so many jobs in the ring\n");
        grid(&mut text, &occupancy, colours);
    }
    let operations = operations(stats);
    if operations.len() > 1 {
        text.push('\n');
        grid(&mut text, &operations, colours);
    }
    if !stats.faults.rules.is_empty() {
        text.push('\n');
        text.push_str(&faults(&stats.faults));
    }
    text
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
