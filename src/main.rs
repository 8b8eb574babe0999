//! The `caam-emu` command.

use caam_emu::cli::{Cli, Command};
use caam_emu::descriptors::record;
use clap::Parser;
use std::fmt::Display;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let log = env_logger::Env::default().default_filter_or("info,vfio_user=warn");
    let mut logger = env_logger::Builder::from_env(log);
    // Recording logs keys and plaintext, so it takes more than a general "trace".
    if !std::env::var("RUST_LOG").is_ok_and(|filter| filter.contains(record::TARGET)) {
        logger.filter_module(record::TARGET, log::LevelFilter::Off);
    }
    logger.format_target(false).init();
    // A panic is a bug of ours or of a library: one line in the log, like every other event.
    std::panic::set_hook(Box::new(|info| log::error!("internal error: {info}")));
    match cli.command {
        Command::Serve(args) => status(args.run()),
        Command::Ctl(args) => status(args.run()),
        Command::Faults(args) => status(args.run()),
    }
}

fn status<E: Display>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("caam-emu: {e}");
            ExitCode::FAILURE
        }
    }
}
