//! Memory, descriptors and threads of an emulator over many cycles: a table, and whether it is flat.

use crate::support::Emulator;
use std::fs::{self, OpenOptions};
use std::io::Write;

/// Growth of resident memory that is no leak: the allocator's arenas fill up, one a thread.
const SLACK_KIB: u64 = 1024;

#[derive(Debug, Clone, Copy)]
struct Point {
    cycle: u64,
    resident: u64,
    descriptors: usize,
    threads: usize,
    mappings: usize,
}

/// See the module.
pub struct Curve {
    name: &'static str,
    points: Vec<Point>,
}

impl Curve {
    pub fn new(name: &'static str) -> Self {
        Self { name, points: Vec::new() }
    }

    /// Measures after so many cycles. The emulator has nothing to do.
    pub fn measure(&mut self, emulator: &Emulator, cycle: u64) {
        let process = format!("/proc/{}", emulator.child.id());
        let count = |of: &str| fs::read_dir(format!("{process}/{of}")).unwrap().count();
        let maps = fs::read_to_string(format!("{process}/maps")).unwrap();
        self.points.push(Point {
            cycle,
            resident: emulator.resident(),
            descriptors: count("fd"),
            threads: count("task"),
            mappings: maps.lines().count(),
        });
    }

    /// Shows the table, and fails if it grows: the second half against the first.
    pub fn judge(self) {
        let mut table = format!(
            "{}\n| cycles | resident KiB | descriptors | threads | mappings |\n|---|---|---|---|---|\n",
            self.name
        );
        for Point { cycle, resident, descriptors, threads, mappings } in &self.points {
            table +=
                &format!("| {cycle} | {resident} | {descriptors} | {threads} | {mappings} |\n");
        }
        eprintln!("{table}");
        if let Some(file) = std::env::var_os("CAAM_WORLD_REPORT") {
            let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
            writeln!(file, "{table}").unwrap();
        }
        let (first, second) = self.points.split_at(self.points.len() / 2);
        assert!(!first.is_empty());
        let most = |of: fn(&Point) -> u64, points: &[Point]| points.iter().map(of).max().unwrap();
        for (what, of, slack) in [
            ("resident KiB", (|p: &Point| p.resident) as fn(&Point) -> u64, SLACK_KIB),
            // A control client that has just gone may still have one.
            ("descriptors", |p| p.descriptors as u64, 1),
            ("threads", |p| p.threads as u64, 0),
            ("mappings", |p| p.mappings as u64, 4),
        ] {
            let (before, after) = (most(of, first), most(of, second));
            assert!(after <= before + slack, "{what}: {before} at first, {after} then:\n{table}");
        }
    }
}
