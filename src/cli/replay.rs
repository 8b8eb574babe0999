//! `caam-emu replay`: a recording run again.

use crate::record::entry::{Access, What};
use crate::record::replay::{Problem, RunJob, Summary, replay};
use crate::record::{Key, entry, golden};
use clap::Args;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Options of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// What `serve --record` has written; '-' is standard input
    file: PathBuf,

    /// Print this job: its accesses to memory, and how it ended; [RING:]NUMBER, as in the log, of
    /// ring 0 if it does not say
    #[arg(long, value_name = "JOB", value_parser = job)]
    job: Option<Key>,

    /// With --job: print it as a fixture for tests/golden
    #[arg(long, requires = "job")]
    golden: bool,

    /// With --job: print the bytes, too: keys and plaintext among them
    #[arg(long, requires = "job")]
    show_secrets: bool,
}

/// A ring's job: `17`, `0:17`, `jr1:17`.
fn job(text: &str) -> Result<Key, String> {
    let error = || "a job's number, and its ring before it if that is not 0: 17, 1:17".to_owned();
    let (ring, number) = text.split_once(':').unwrap_or(("0", text));
    let ring = ring.strip_prefix("jr").unwrap_or(ring).parse().map_err(|_| error())?;
    let number = number.parse().map_err(|_| error())?;
    Ok(Key { ring: Some(ring), number })
}

impl ReplayArgs {
    /// Does it; says by the exit code how it went.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        let input: Box<dyn Read> = if self.file.as_os_str() == "-" {
            Box::new(io::stdin())
        } else {
            match File::open(&self.file) {
                Ok(file) => Box::new(file),
                Err(e) => return fail(&self.file, &e, 2),
            }
        };
        let mut text = None;
        let (summary, result) = replay(BufReader::new(input), |job| {
            if Some(job.key) == self.job {
                text = Some(if self.golden { golden::fixture(job) } else { self.show(job) });
            }
        });
        if let (Some(text), Some(header)) = (&text, &summary.header) {
            let soc = if self.golden { format!("soc {}\n", header.soc) } else { String::new() };
            // Nobody has to read all of it.
            let _ = write!(io::stdout(), "{}", text.replacen("soc\n", &soc, 1));
        }
        if !self.golden {
            let _ = write!(io::stdout(), "{}", shown(&summary));
        }
        match (result, self.job) {
            (Err(problem @ Problem::Different { .. }), _) => fail(&self.file, &problem, 1),
            (Err(problem), _) => fail(&self.file, &problem, 2),
            (Ok(()), Some(job)) if text.is_none() => {
                fail(&self.file, &format!("no job {job} was run"), 2)
            }
            (Ok(()), _) => ExitCode::SUCCESS,
        }
    }

    fn show(&self, job: &RunJob<'_>) -> String {
        let RunJob { key, descriptor, taken, accesses, ran } = job;
        let mut text = format!("{key}: descriptor {descriptor:#x}, taken after {taken:?}\n");
        for access in *accesses {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {}", line(access));
            let bytes = match &access.what {
                What::Read { got, .. } => got,
                What::Write { bytes, .. } => bytes,
                What::Writable { .. } => continue,
            };
            if self.show_secrets {
                for piece in bytes.chunks(32) {
                    let hex: String = piece.iter().map(|b| format!("{b:02x}")).collect();
                    let _ = writeln!(text, "    {hex}");
                }
            }
        }
        let status = crate::descriptors::status::JobStatus(ran.status);
        let _ = writeln!(text, "  status {:#010x}: {status}", ran.status);
        text
    }
}

fn line(access: &Access) -> String {
    let purpose = entry::purpose(access.purpose).map_or_else(|| "?".into(), |p| p.to_string());
    let at = access.address;
    match &access.what {
        What::Read { asked, got } if *asked == got.len() as u64 => {
            format!("read  {at:#x}, {asked} bytes ({purpose})")
        }
        What::Read { asked, got } => {
            format!("read  {at:#x}, {} of {asked} bytes ({purpose})", got.len())
        }
        What::Write { bytes, done } => {
            let failed = if *done { "" } else { ": failed" };
            format!("write {at:#x}, {} bytes ({purpose}){failed}", bytes.len())
        }
        What::Writable { length, yes } => {
            let word = if *yes { "writable" } else { "not writable" };
            format!("check {at:#x}, {length} bytes ({purpose}): {word}")
        }
    }
}

fn shown(summary: &Summary) -> String {
    let Summary { header, entries, calls, registers, jobs, failed, bytes, last, reason } = summary;
    let mut text = String::new();
    if let Some(header) = header {
        let faults = header.faults.len();
        let _ = writeln!(
            text,
            "recorded by caam-emu {}: {}, {} job rings, {} DECOs, {faults} fault rules",
            header.version.escape_debug(),
            header.soc,
            header.rings,
            header.decos
        );
    }
    let _ = writeln!(
        text,
        "{entries} entries, {last:.3?}: {calls} calls, {registers} of them register accesses; \
         {jobs} jobs, {bytes} bytes of guest memory"
    );
    for (status, count) in failed {
        let status = crate::descriptors::status::JobStatus(*status);
        let _ = writeln!(text, "{count} jobs ended with {status}");
    }
    if let Some(reason) = reason {
        let _ = writeln!(text, "all the same; the recording ends: {}", reason.escape_debug());
    }
    text
}

fn fail(file: &Path, problem: &dyn std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("caam-emu: {}: {problem}", file.display());
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_named_as_in_the_log() {
        let key = |ring, number| Ok(Key { ring: Some(ring), number });
        assert_eq!(job("17"), key(0, 17));
        assert_eq!(job("1:17"), key(1, 17));
        assert_eq!(job("jr3:1"), key(3, 1));
        for bad in ["", "x", "1:", ":1", "1:2:3", "jr:1", "-1"] {
            assert!(job(bad).is_err(), "{bad}");
        }
    }
}
