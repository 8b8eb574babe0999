//! The `caam-emu` command.

use caam_emu::cli::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    env_logger::Builder::from_env(
        env_logger::Env::default().default_filter_or("info,vfio_user=warn"),
    )
    .format_target(false)
    .init();
    // A panic is a bug of ours or of a library: one line in the log, like every other event.
    std::panic::set_hook(Box::new(|info| log::error!("internal error: {info}")));
    let result = match cli.command {
        Command::Serve(args) => args.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("caam-emu: {e}");
            ExitCode::FAILURE
        }
    }
}
