//! The `caam-emu` command.

use caam_emu::cli::{Cli, Command};
use clap::Parser;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    caam_emu::logging::init(cli.command.log_filter());
    match cli.command {
        Command::Serve(args) => status(args.run()),
        Command::Ctl(args) => status(args.run()),
        Command::Faults(args) => status(args.run()),
        Command::Disasm(args) => status(args.run()),
        Command::Asm(args) => status(args.run()),
        Command::Status(args) => status(args.run()),
        Command::Completions(args) => status(args.run()),
        Command::Man(args) => status(args.run()),
        Command::Trace(args) => args.run(),
        Command::Replay(args) => args.run(),
    }
}

fn status<E: Display>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // Standard error may be a file on a full disk, or closed: the status says it, too.
            let _ = writeln!(std::io::stderr(), "caam-emu: {e}");
            ExitCode::FAILURE
        }
    }
}
