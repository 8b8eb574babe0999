//! The view as lines of a terminal. Nothing here knows of a terminal.

use super::view::View;
use crate::cli::table::{bytes, rate, scaled, time, total_bytes};
use crate::control::stats::{Failure, Percentiles, Ring, State, Statistics};
use crate::descriptors::status::JobStatus;
use crate::descriptors::status_text::explain;
use crate::fault::RuleReport;
use crate::fault::values::number;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

/// Columns of a ring's line that are not its bar.
const BESIDE_BAR: usize = 66;
/// Fewest and most columns of a bar.
const BAR: (usize, usize) = (8, 80);
/// The jobs of a ring in its bar: being run, added, and completed but not fetched.
const RUNNING: char = '█';
const PENDING: char = '▓';
const WAITING: char = '▒';
const FREE: char = '·';

/// How things stand out.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Whether the terminal's user wants colours.
    pub colours: bool,
}

impl Look {
    fn style(self, colour: Color) -> Style {
        if self.colours { Style::new().fg(colour) } else { Style::new() }
    }

    fn heading(self, text: impl Into<String>) -> Line<'static> {
        Line::styled(text.into(), Style::new().add_modifier(Modifier::BOLD))
    }

    fn notable(self) -> Style {
        self.style(Color::Yellow)
    }

    fn bad(self) -> Style {
        self.style(Color::Red)
    }
}

/// Draws the view over the whole of `area`.
pub fn draw(view: &View, look: Look, area: Rect, buffer: &mut Buffer) {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let mut lines = vec![title(view, look)];
    if let Some(stats) = &view.now {
        // One line for the keys.
        lines.extend(body(stats, view.before.as_ref(), look, width, height.saturating_sub(2)));
    }
    let mut put = |line: &Line<'_>, row: u16| {
        buffer.set_line(area.x, area.y + row, line, area.width);
    };
    let room = area.height.saturating_sub(1);
    (0..room).zip(&lines).for_each(|(row, line)| put(line, row));
    if area.height > 0 {
        put(&keys(view, look), room);
    }
}

fn title(view: &View, look: Look) -> Line<'static> {
    let mut spans = Vec::new();
    match &view.now {
        None => spans.push(Span::raw("caam-emu: waiting for the first answer")),
        Some(stats) => {
            let raised = stats.interrupts.raised;
            let pace = view.before.as_ref().map_or_else(String::new, |before| {
                let ns = stats.uptime_ns.saturating_sub(before.uptime_ns);
                let pace = per_second(rate(raised, before.interrupts.raised, ns));
                format!(" ({pace})")
            });
            let decos = format!("DECOs busy {} of {}", stats.decos_busy, stats.decos);
            let (soc, up) = (&stats.soc, time(stats.uptime_ns));
            spans.push(Span::raw(format!("{soc}   {decos}   up {up}   INTx {raised}{pace}")));
        }
    }
    if view.paused {
        spans.push(Span::styled("   PAUSED", look.notable()));
    }
    if let Some(complaint) = view.complaint() {
        spans.push(Span::styled(format!("   {complaint}"), look.bad()));
    }
    Line::from(spans)
}

fn keys(view: &View, look: Look) -> Line<'static> {
    Line::from(vec![
        Span::styled(
            "q quit  p pause  s stall all rings  r resume",
            Style::new().add_modifier(Modifier::DIM),
        ),
        Span::styled(format!("   {}", view.message), look.notable()),
    ])
}

/// `rows` lines at most.
fn body(
    stats: &Statistics,
    before: Option<&Statistics>,
    look: Look,
    width: usize,
    rows: usize,
) -> Vec<Line<'static>> {
    let mut lines = vec![Line::default()];
    let bar = width.saturating_sub(BESIDE_BAR).clamp(BAR.0, BAR.1);
    lines.push(look.heading(format!(
        "{:<5}{:<11}{:<bar$}{:>10}{:>14}{:>14}{:>12}",
        "ring", "state", "jobs", "in ring", "jobs", "message", "interrupts"
    )));
    for ring in &stats.rings {
        let before = before.and_then(|stats| {
            let same = stats.rings.iter().find(|r| r.ring == ring.ring)?;
            Some((same, stats.uptime_ns))
        });
        lines.push(ring_line(ring, before, stats.uptime_ns, look, bar));
    }
    lines.push(Line::raw(format!(
        "{:16}{RUNNING} running  {PENDING} pending  {WAITING} waiting for the driver",
        ""
    )));
    lines.push(Line::default());
    lines.push(look.heading(format!(
        "{:<5}{:>12}{:>8}{:>8}{:>8} {:>14}{:>8}{:>8}{:>8}",
        "ring", "queue wait", "90 %", "99 %", "longest", "service time", "90 %", "99 %", "longest"
    )));
    for ring in &stats.rings {
        let spread = |p: &Percentiles| {
            let shown = |ns| if p.count == 0 { "-".to_owned() } else { time(ns) };
            let [half, most, nearly, longest] = [p.p50_ns, p.p90_ns, p.p99_ns, p.max_ns].map(shown);
            format!("{half:>12}{most:>8}{nearly:>8}{longest:>8}")
        };
        let name = format!("jr{}", ring.ring);
        let (wait, service) = (spread(&ring.queue_wait), spread(&ring.service_time));
        lines.push(Line::raw(format!("{name:<5}{wait}   {service}")));
    }
    // What is left is shared: half at most for the rules.
    let left = rows.saturating_sub(lines.len());
    let rules = faults(&stats.faults.rules, look, left / 2);
    let failures = failures(stats, look, left.saturating_sub(rules.len()));
    lines.extend(rules);
    lines.extend(failures);
    lines
}

fn per_second(count: u64) -> String {
    format!("{}/s", scaled(count, &["", "k", "M", "G"]).trim_end())
}

fn ring_line(
    ring: &Ring,
    before: Option<(&Ring, u64)>,
    now: u64,
    look: Look,
    width: usize,
) -> Line<'static> {
    let (state, style) = match ring.state {
        State::NotSetUp => ("not set up", Style::new().add_modifier(Modifier::DIM)),
        State::Running if ring.full => ("full", look.notable()),
        State::Running => ("running", Style::new()),
        State::Stalled => ("stalled", look.notable()),
        State::Halting => ("halting", look.notable()),
        State::Halted => ("halted", look.notable()),
        State::Broken => ("broken", look.bad()),
    };
    let bar_style = if ring.full { look.notable() } else { look.style(Color::Green) };
    let [jobs, message, interrupts] =
        before.map_or(["-", "-", "-"].map(str::to_owned), |(b, at)| {
            let pace = |now_, before| rate(now_, before, now.saturating_sub(at));
            let (done, of) = (total_bytes(&ring.operations), total_bytes(&b.operations));
            [
                per_second(pace(ring.jobs, b.jobs)),
                bytes(pace(done, of)) + "/s",
                per_second(pace(ring.interrupts.raised, b.interrupts.raised)),
            ]
        });
    let full = format!("{}/{}", ring.occupancy, ring.input_size);
    Line::from(vec![
        Span::raw(format!("{:<5}", format!("jr{}", ring.ring))),
        Span::styled(format!("{state:<11}"), style),
        Span::styled(bar(ring, width), bar_style),
        Span::raw(format!("{full:>10}{jobs:>14}{message:>14}{interrupts:>12}")),
    ])
}

/// A ring's jobs as `width` characters; what is there at all is seen.
fn bar(ring: &Ring, width: usize) -> String {
    let parts = [(ring.in_flight, RUNNING), (ring.pending, PENDING), (ring.waiting, WAITING)];
    let all: u64 = parts.iter().map(|(count, _)| u64::from(*count)).sum();
    // Results that wait do not take slots of the input ring.
    let scale = all.max(ring.input_size.into()).max(1);
    let (mut bar, mut so_far) = (String::new(), 0);
    let mut drawn = 0;
    for (count, character) in parts {
        so_far += u64::from(count);
        let end = (so_far * width as u64).div_ceil(scale) as usize;
        bar.extend(std::iter::repeat_n(character, end.saturating_sub(drawn)));
        drawn = drawn.max(end);
    }
    bar.extend(std::iter::repeat_n(FREE, width.saturating_sub(drawn)));
    bar
}

fn faults(rules: &[RuleReport], look: Look, rows: usize) -> Vec<Line<'static>> {
    if rules.is_empty() || rows < 3 {
        return Vec::new();
    }
    let heading = format!("{:>9}{:>9}{:>8}  fault rules", "matched", "fired", "left");
    let mut lines = vec![Line::default(), look.heading(heading)];
    // Those that fire most, if there is no room for all.
    let mut shown: Vec<_> = rules.iter().collect();
    shown.sort_by_key(|rule| std::cmp::Reverse(rule.fired));
    lines.extend(shown.into_iter().take(rows - 2).map(|rule| {
        let left = rule.remaining.map_or_else(|| "any".into(), |n| n.to_string());
        let style = if rule.fired > 0 { look.notable() } else { Style::new() };
        Line::from(vec![
            Span::raw(format!("{:>9}", rule.matched)),
            Span::styled(format!("{:>9}", rule.fired), style),
            Span::raw(format!("{left:>8}  {}", rule.rule)),
        ])
    }));
    lines
}

/// The newest first.
fn failures(stats: &Statistics, look: Look, rows: usize) -> Vec<Line<'static>> {
    if stats.failures.is_empty() || rows < 3 {
        return Vec::new();
    }
    let failed: u64 = stats.rings.iter().map(|ring| ring.failed).sum();
    let heading = format!("{:>9}  jobs that failed: {failed}, the last of them", "ago");
    let mut lines = vec![Line::default(), look.heading(heading)];
    lines.extend(stats.failures.iter().rev().take(rows - 2).map(|failure| {
        let ago = time(stats.uptime_ns.saturating_sub(failure.at_ns));
        let Failure { ring, job, status, .. } = failure;
        let by = if failure.fault { " by a fault rule:" } else { "" };
        Line::from(vec![
            Span::raw(format!("{ago:>9}  jr{ring} job {job}  ")),
            Span::styled(status.to_string(), look.bad()),
            Span::raw(format!("{by} {}", meaning(status).unwrap_or_default())),
        ])
    }));
    lines
}

/// What a status word complains about.
fn meaning(status: &str) -> Option<String> {
    let status = JobStatus(u32::try_from(number(status)?).ok()?);
    let explained = explain(status);
    let of_last = explained.fields.last().map(|field| field.meaning.clone()).unwrap_or_default();
    Some(format!("{}: {of_last}", explained.name))
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;
