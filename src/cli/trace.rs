//! `caam-emu trace`: trace files looked at.

use crate::trace::check::{self, Problem};
use clap::{Args, Subcommand};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `trace`.
#[derive(Debug, Args)]
pub struct TraceArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read a trace, see whether all it tells can have happened, and print it in numbers
    Check {
        /// A trace of either format; '-' is standard input
        file: PathBuf,
    },
}

impl TraceArgs {
    /// Does it; says by the exit code how it went.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        let Action::Check { file } = &self.action;
        let input: Box<dyn Read> = if file.as_os_str() == "-" {
            Box::new(io::stdin())
        } else {
            match File::open(file) {
                Ok(file) => Box::new(file),
                Err(e) => return fail(file, &e.into()),
            }
        };
        let (summary, result) = check::check(BufReader::new(input));
        // Nobody has to read all of it.
        let _ = write!(io::stdout(), "{summary}");
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => fail(file, &problem),
        }
    }
}

fn fail(file: &std::path::Path, problem: &Problem) -> ExitCode {
    eprintln!("caam-emu: {}: {problem}", file.display());
    ExitCode::from(if problem.is_impossible() { 1 } else { 2 })
}
