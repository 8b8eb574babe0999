//! Statistics in Prometheus' text exposition format, version 0.0.4.
//!
//! Times are in seconds and names end in their unit, as Prometheus asks for; counters end in
//! `_total` and only grow while the emulator runs.

use crate::control::stats::{BOUNDS, Operation, Percentiles, Ring, State, Statistics};
use std::fmt::{Display, Write};

/// States of a ring, and their names.
const STATES: [(State, &str); 6] = [
    (State::NotSetUp, "not-set-up"),
    (State::Running, "running"),
    (State::Stalled, "stalled"),
    (State::Halting, "halting"),
    (State::Halted, "halted"),
    (State::Broken, "broken"),
];

/// What samples of a metric are.
#[derive(Debug, Clone, Copy)]
enum Type {
    Counter,
    Gauge,
    Histogram,
}

/// Name, type and help text.
type Metric<'a> = (&'a str, Type, &'a str);

/// A number of a ring.
type Count = fn(&Ring) -> u64;

/// A document in the making.
#[derive(Debug, Default)]
struct Document(String);

/// A label's value as the format has it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Labels and their values.
type Labels<'a> = &'a [(&'a str, &'a dyn Display)];

// Writing to a string cannot fail.
impl Document {
    /// Begins a metric: its samples must follow. `help` has no line ends and no backslashes.
    fn metric(&mut self, name: &str, kind: Type, help: &str) {
        let kind = match kind {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Histogram => "histogram",
        };
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl Display) {
        self.0.push_str(name);
        for (i, (label, of)) in labels.iter().enumerate() {
            let separator = if i == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{separator}{label}=\"{}\"", escaped(&of.to_string()));
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn single(&mut self, name: &str, kind: Type, help: &str, value: impl Display) {
        self.metric(name, kind, help);
        self.sample(name, &[], value);
    }

    /// A sample for each ring.
    fn rings<T: Display>(
        &mut self,
        rings: &[Ring],
        (name, kind, help): Metric<'_>,
        value: impl Fn(&Ring) -> T,
    ) {
        self.metric(name, kind, help);
        for ring in rings {
            self.sample(name, &[("ring", &ring.ring)], value(ring));
        }
    }

    fn histogram(&mut self, rings: &[Ring], name: &str, help: &str, of: fn(&Ring) -> &Percentiles) {
        self.metric(name, Type::Histogram, help);
        let (bucket, sum, count) =
            (format!("{name}_bucket"), format!("{name}_sum"), format!("{name}_count"));
        for ring in rings {
            let (times, n) = (of(ring), &ring.ring);
            let mut so_far = 0;
            for (bound, more) in BOUNDS.iter().zip(times.buckets) {
                so_far += more;
                self.sample(&bucket, &[("ring", n), ("le", &seconds(*bound))], so_far);
            }
            self.sample(&bucket, &[("ring", n), ("le", &"+Inf")], times.count);
            self.sample(&sum, &[("ring", n)], seconds(times.sum_ns));
            self.sample(&count, &[("ring", n)], times.count);
        }
    }

    fn operations(
        &mut self,
        stats: &Statistics,
        (name, help): (&str, &str),
        value: fn(&Operation) -> u64,
    ) {
        self.metric(name, Type::Counter, help);
        let mut put = |ring: &dyn Display, o: &Operation, value: u64| {
            let labels: Labels<'_> =
                &[("ring", ring), ("alg", &o.name), ("direction", &o.direction)];
            self.sample(name, labels, value);
        };
        for ring in &stats.rings {
            ring.operations.iter().for_each(|o| put(&ring.ring, o, value(o)));
        }
        // What no ring has done, DECO 0 did for software.
        for all in &stats.operations {
            let same = |o: &&Operation| (&o.name, &o.direction) == (&all.name, &all.direction);
            let of_rings = stats.rings.iter().flat_map(|r| &r.operations).filter(same);
            let direct = value(all).saturating_sub(of_rings.map(value).sum());
            if direct > 0 {
                put(&"none", all, direct);
            }
        }
    }
}

/// Nanoseconds in seconds, exactly.
fn seconds(ns: u64) -> String {
    let (whole, rest) = (ns / 1_000_000_000, ns % 1_000_000_000);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:09}").trim_end_matches('0').to_owned()
}

/// All of it.
#[must_use]
pub fn statistics(stats: &Statistics) -> String {
    use Type::{Counter, Gauge};
    let mut all = Document::default();
    all.metric("caam_info", Gauge, "What is emulated; the value is 1.");
    all.sample("caam_info", &[("soc", &stats.soc)], 1);
    let up = seconds(stats.uptime_ns);
    all.single("caam_uptime_seconds", Gauge, "Time since the emulator was started.", up);
    all.single("caam_decos", Gauge, "Descriptor controllers.", stats.decos);
    all.single("caam_decos_busy", Gauge, "Descriptor controllers with a job.", stats.decos_busy);
    let help = "Times the client's INTx was signalled.";
    all.single("caam_interrupts_total", Counter, help, stats.interrupts.raised);

    let rings = &stats.rings;
    let table: [(Metric<'_>, Count); 18] = [
        (("caam_ring_jobs_added_total", Counter, "Jobs that the driver added."), |r| r.added),
        (("caam_ring_jobs_taken_total", Counter, "Jobs taken from the input ring."), |r| r.jobs),
        (("caam_ring_jobs_succeeded_total", Counter, "Jobs that ended with status 0."), |r| {
            r.succeeded
        }),
        (("caam_ring_jobs_failed_total", Counter, "Jobs that ended with another status."), |r| {
            r.failed
        }),
        (("caam_ring_jobs_flushed_total", Counter, "Failed jobs that a flush gave back."), |r| {
            r.flushed
        }),
        (("caam_ring_jobs_lost_total", Counter, "Jobs whose result was never written."), |r| {
            r.lost
        }),
        (("caam_ring_errors_total", Counter, "Ring errors raised (JRINTR.JRE)."), |r| r.errors),
        (("caam_ring_occupancy", Gauge, "Jobs added and not yet removed."), |r| r.occupancy.into()),
        (("caam_ring_occupancy_max", Gauge, "Most jobs that were in the ring."), |r| {
            r.max_occupancy.into()
        }),
        (("caam_ring_input_slots", Gauge, "Entries of the input ring."), |r| r.input_size.into()),
        (("caam_ring_output_slots", Gauge, "Entries of the output ring."), |r| {
            r.output_size.into()
        }),
        (("caam_ring_full", Gauge, "Whether the driver can add no more now."), |r| r.full.into()),
        (("caam_ring_became_full_total", Counter, "Times the ring became full."), |r| {
            r.became_full
        }),
        (("caam_ring_doorbells_total", Counter, "Writes to IRJAR that added jobs."), |r| {
            r.doorbells
        }),
        (("caam_ring_slot_reads_total", Counter, "Reads of IRSAR."), |r| r.slot_reads),
        (("caam_ring_slot_refusals_total", Counter, "Reads of IRSAR that gave 0."), |r| {
            r.slot_refusals
        }),
        (("caam_ring_interrupts_raised_total", Counter, "Times the ring's line rose."), |r| {
            r.interrupts.raised
        }),
        (
            ("caam_ring_interrupts_merged_total", Counter, "Results that shared an interrupt."),
            |r| r.interrupts.merged,
        ),
    ];
    for (metric, value) in table {
        all.rings(rings, metric, value);
    }
    let help = "Interrupts that a fault rule kept from the driver.";
    all.rings(rings, ("caam_ring_interrupts_lost_total", Counter, help), |r| r.interrupts.lost);
    let help = "Time for which the driver could add no more.";
    all.rings(rings, ("caam_ring_full_seconds_total", Counter, help), |r| seconds(r.full_ns));

    let name = "caam_ring_jobs";
    all.metric(name, Gauge, "Where the jobs of caam_ring_occupancy are.");
    for ring in rings {
        for (place, count) in
            [("pending", ring.pending), ("in-flight", ring.in_flight), ("waiting", ring.waiting)]
        {
            all.sample(name, &[("ring", &ring.ring), ("at", &place)], count);
        }
    }
    let name = "caam_ring_state";
    all.metric(name, Gauge, "1 for the state that the ring is in, 0 for the others.");
    for ring in rings {
        for (state, word) in STATES {
            let labels: Labels<'_> = &[("ring", &ring.ring), ("state", &word)];
            all.sample(name, labels, u8::from(ring.state == state));
        }
    }
    let name = "caam_ring_occupancy_seconds_total";
    all.metric(name, Counter, "Time with so many jobs in the ring, while it was set up.");
    for ring in rings {
        for band in &ring.occupancy_time {
            let labels: Labels<'_> =
                &[("ring", &ring.ring), ("from", &band.from), ("to", &band.to)];
            all.sample(name, labels, seconds(band.ns));
        }
    }
    let help = "Time from the doorbell until a DECO took the job.";
    all.histogram(rings, "caam_ring_queue_wait_seconds", help, |r| &r.queue_wait);
    let help = "Time from there until the output entry was written.";
    all.histogram(rings, "caam_ring_service_time_seconds", help, |r| &r.service_time);

    let help = "Successful jobs by algorithm; ring none: those given to DECO 0 directly.";
    all.operations(stats, ("caam_operation_jobs_total", help), |o| o.jobs);
    let help = "Message bytes of these jobs.";
    all.operations(stats, ("caam_operation_bytes_total", help), |o| o.bytes);

    for (name, help, value) in [
        ("caam_fault_matched_total", "Events that a fault rule matched.", 0),
        ("caam_fault_fired_total", "Events at which a fault rule fired.", 1),
    ] {
        all.metric(name, Counter, help);
        for report in &stats.faults.rules {
            let kind = report.rule.split(':').next().unwrap_or_default();
            let labels: Labels<'_> = &[("rule", &report.name), ("kind", &kind)];
            all.sample(name, labels, [report.matched, report.fired][value]);
        }
    }
    all.0
}

#[cfg(test)]
#[path = "prometheus_tests.rs"]
mod tests;
