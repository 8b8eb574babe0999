//! The command line.

pub mod autopsy;
pub mod connection;
pub mod ctl;
pub mod disasm;
pub mod faults;
pub mod generate;
pub mod prometheus;
pub mod replay;
pub mod serve;
pub mod status;
pub mod table;
pub mod trace;
pub mod watch;

use crate::logging::filter::Filter;
use clap::{Parser, Subcommand};

/// Emulates the NXP CAAM/SEC job-ring interface as a vfio-user PCI device.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true, subcommand_required = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the device to a VMM, one client after the other, until SIGTERM or SIGINT
    #[command(after_help = serve::after_help())]
    Serve(Box<serve::ServeArgs>),

    /// Look at a running emulator and tell it what to do
    #[command(after_help = "\
Examples, for an emulator started with `caam-emu serve --control /tmp/ctl.sock ...`:

  caam-emu ctl --control /tmp/ctl.sock stats
  caam-emu ctl --control /tmp/ctl.sock --json stats | jq '.rings[].max_occupancy'
  caam-emu ctl --control /tmp/ctl.sock stats --prometheus
  caam-emu ctl --control /tmp/ctl.sock watch --interval 0.5
  caam-emu ctl --control /tmp/ctl.sock stall for=2s,once
  caam-emu ctl --control /tmp/ctl.sock stall && sleep 10 && caam-emu ctl --control /tmp/ctl.sock resume
  caam-emu ctl --control /tmp/ctl.sock fault add status:value=ccb/aes/icv-check,every=100
  caam-emu ctl --control /tmp/ctl.sock fault list
  caam-emu ctl --control /tmp/ctl.sock fault clear --all
  caam-emu ctl --control /tmp/ctl.sock job last
  caam-emu ctl --control /tmp/ctl.sock reset

Exit status: 0 done; 1 the emulator said no or cannot be reached; 2 wrong usage.
docs/statistics.md explains the numbers, docs/control.md the socket's protocol.")]
    Ctl(ctl::CtlArgs),

    /// Explain fault rules: which there are, whether a plan is one, how often a rule fires; make plans
    #[command(after_help = "\
Examples:

  caam-emu faults                          all kinds
  caam-emu faults stall                    one kind and its keys
  caam-emu faults --check plan.toml        is it a plan?
  caam-emu faults --predict data-skip:probability=0.1 --seed 7 --matched 1000
  caam-emu faults --random --seed 7 --number 3 --jobs alg=aes-xts >plan.toml

A rule is KIND[:KEY=VALUE[,KEY=VALUE]...]; docs/faults.md has an example of each kind.")]
    Faults(faults::FaultsArgs),

    /// Look at a trace file that `serve --trace` or `ctl trace start` has written
    #[command(after_help = "\
Examples:

  caam-emu serve --trace run.json ...               a Chrome trace: open it in ui.perfetto.dev
  caam-emu ctl --control /tmp/ctl.sock trace start run.jsonl --registers
  caam-emu trace check run.json

Exit status: 0 the trace is whole; 1 it tells what cannot have happened; 2 it is no trace, or
cut short. docs/debugging.md explains what is in it.")]
    Trace(trace::TraceArgs),

    /// Run a recording of `serve --record` again, without a guest, and compare
    #[command(after_help = "\
Examples:

  caam-emu serve --record run.rec ...
  caam-emu replay run.rec                    does the device do the same?
  caam-emu replay run.rec --job jr1:17       what job 17 of ring 1 read and wrote
  caam-emu replay run.rec --job 17 --golden  as a fixture for tests/golden

A recording holds the guest's keys and plaintext, and the device's secrets.

Exit status: 0 all was the same; 1 something is different, and stderr says where; 2 it is no
recording, damaged, or cut short. docs/debugging.md has more.")]
    Replay(replay::ReplayArgs),

    /// Show descriptors command by command, from files of words, C arrays, kernel logs
    #[command(after_help = "\
The input may be: binary words in either byte order; hexadecimal words (b0971c08, 0xb0971c08, with
commas, C arrays in braces); bytes; the hex dumps of the driver in a kernel log (compile it with
DEBUG, or switch on dynamic debug: print_hex_dump lines); a job as `replay --golden` prints it.
Which it is, is found out.

Examples:

  dmesg | caam-emu disasm -
  caam-emu disasm --soc virt-era10 descriptor.bin
  caam-emu disasm --json words.txt | jq '.descriptors[].commands[].name'
  caam-emu disasm words.txt | caam-emu asm -

Exit status: 0 all is a descriptor; 1 something is not, and stderr says where (the rest is shown);
2 wrong usage. docs/debugging.md explains the output.")]
    Disasm(disasm::DisasmArgs),

    /// Make words of a listing as `disasm` prints it: for tests and fixtures
    #[command(after_help = "\
One command a line; a ';' begins a remark; a header's length may be left out, and its start:

  JOB HEADER share=NEVER
  OPERATION type=CLASS1 alg=RNG as=GENERATE sh=0
  JUMP type=LOCAL class=1 offset=store        ; when the RNG is done
  store: FIFO STORE type=RNG length=32 pointer=0x1000

Fields have the names that `disasm` shows, and stand in its order. Immediate data follow in lines
that begin with 'data', words that are no command with 'word', protocol data blocks with 'PDB'.

Exit status: 0 done; 1 the text is wrong, and stderr says where; 2 wrong usage.")]
    Asm(disasm::AsmArgs),

    /// Explain status words of jobs
    #[command(after_help = "\
Examples:

  caam-emu status 0x2000001a
  caam-emu status 40000d16 ccb/aes/icv-check 1073741852

Words are hexadecimal with 0x or with 8 digits, or decimal; or names as in fault rules.
Exit status: 0 done; 1 one of them is no status word; 2 wrong usage.")]
    Status(status::StatusArgs),

    /// Print a script that completes this command line in a shell
    #[command(after_help = "\
Examples:

  caam-emu completions bash >~/.local/share/bash-completion/completions/caam-emu
  caam-emu completions zsh >~/.zfunc/_caam-emu           (a folder of fpath)
  caam-emu completions fish >~/.config/fish/completions/caam-emu.fish")]
    Completions(generate::CompletionsArgs),

    /// Print the manual page, or write one for each command
    #[command(after_help = "\
Examples:

  caam-emu man | man -l -
  caam-emu man --dir ~/.local/share/man/man1 && man caam-emu-serve")]
    Man(generate::ManArgs),
}

impl Command {
    /// What the user wants to see in the log; `None`: as `RUST_LOG` says.
    #[must_use]
    pub fn log_filter(&self) -> Option<Filter> {
        match self {
            Self::Serve(args) => args.log_filter(),
            // The device says again what it has said when it was recorded.
            Self::Replay(_) if std::env::var_os("RUST_LOG").is_none() => "error".parse().ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
