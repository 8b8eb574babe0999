//! `caam-emu ctl`: a running emulator, looked at and told what to do.

use super::autopsy::{self, Which};
use super::connection::{Connection, Error};
use super::{Cli, prometheus, table, watch};
use crate::control::protocol::Command;
use crate::control::stats::Statistics;
use crate::trace::file::Status;
use crate::trace::format::Format;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Subcommand};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Options of `ctl`.
#[derive(Debug, Args)]
pub struct CtlArgs {
    /// The emulator's control socket: what was given to `serve --control`
    #[arg(long, value_name = "PATH", global = true)]
    control: Option<PathBuf>,

    /// Print the answer as JSON, one line
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show all counters
    Stats {
        /// In Prometheus' text format (docs/statistics.md lists the metrics)
        #[arg(long)]
        prometheus: bool,
    },
    /// Show what the device does, with rates, again and again
    ///
    /// On a terminal as a view with keys: q quits, p pauses, s stalls all rings, r resumes them.
    /// Elsewhere, and with --plain or --json, all counters at each look.
    Watch {
        /// Print tables, also on a terminal
        #[arg(long)]
        plain: bool,
        /// Seconds between two looks
        #[arg(long, value_name = "S", default_value = "1", value_parser = seconds)]
        interval: Duration,
        /// End after so many looks
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        count: Option<u64>,
    },
    /// Let rings stop taking jobs: adds the fault rule stall:SPEC
    ///
    /// Without SPEC they stop at their next job, once, until `resume`.
    Stall {
        /// As in for=20ms,every=100 ('caam-emu faults' lists the keys)
        #[arg(default_value = "release=manual,rings=all,once")]
        spec: String,
    },
    /// Show what a job that failed has left: descriptor, registers, FIFOs, addresses, status
    ///
    /// Which jobs are looked at is said with `serve --autopsy`; the last 64 are kept.
    Job {
        /// last; list (a line each); or the number that the list and the log have
        #[arg(default_value = "last", value_name = "last|list|N")]
        which: Which,
    },
    /// End the stalls that go on
    Resume {
        /// Only that of this ring
        #[arg(long, value_name = "N")]
        ring: Option<usize>,
    },
    /// Make, list and remove fault rules
    #[command(subcommand)]
    Fault(FaultAction),
    /// Write what happens to a file, while the guest runs
    #[command(subcommand)]
    Trace(TraceAction),
    /// Reset the device, as a PCI function level reset does; the guest's driver is not told
    Reset,
}

#[derive(Debug, Subcommand)]
enum FaultAction {
    /// Add a rule; prints its name
    Add {
        /// KIND:KEY=VALUE,... as for `serve --fault` ('caam-emu faults' lists the kinds)
        rule: String,
    },
    /// Show all rules, how many events each has matched and how often it has fired
    List,
    /// Remove a rule, or all
    Clear {
        /// The rule's name, as `fault list` shows it
        #[arg(required_unless_present = "all")]
        name: Option<String>,
        /// Remove all rules
        #[arg(long, conflicts_with = "name")]
        all: bool,
    },
}

#[derive(Debug, Subcommand)]
enum TraceAction {
    /// Begin: ring occupancy, each job's life, faults
    ///
    /// The emulator writes FILE (mode 0600; an older one is replaced). A relative name is seen from
    /// the directory of this command; the emulator has to be on the same machine.
    Start {
        /// '.jsonl' is JSON lines, any other name a Chrome trace for ui.perfetto.dev
        file: PathBuf,
        /// Every register access, too
        #[arg(long)]
        registers: bool,
        /// What it is written in, whatever the file's name
        #[arg(long, value_enum)]
        format: Option<Format>,
        /// Bytes after which the trace ends, with K, M or G (default: 256M)
        #[arg(long, value_name = "SIZE", value_parser = super::serve::trace_limit)]
        limit: Option<u64>,
    },
    /// End, and wait until the file is complete
    Stop,
    /// Show the trace that is being written, or the last one
    Status,
}

impl TraceAction {
    fn command(&self) -> Command {
        match self {
            Self::Start { file, registers, format, limit } => Command::TraceStart {
                file: absolute(file),
                format: *format,
                registers: *registers,
                limit: *limit,
            },
            Self::Stop => Command::TraceStop {},
            Self::Status => Command::TraceStatus {},
        }
    }
}

/// The emulator may have been started in another directory.
fn absolute(file: &Path) -> String {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned()).to_string_lossy().into_owned()
}

impl Action {
    /// The command that it is, but for `watch`, which is many.
    fn command(&self) -> Command {
        match self {
            Self::Stats { .. } | Self::Watch { .. } => Command::Stats {},
            Self::Stall { spec } => Command::FaultAdd { rule: format!("stall:{spec}") },
            Self::Fault(FaultAction::Add { rule }) => Command::FaultAdd { rule: rule.clone() },
            Self::Fault(FaultAction::List) => Command::FaultList {},
            Self::Fault(FaultAction::Clear { name, all }) => {
                Command::FaultClear { name: name.clone(), all: *all }
            }
            Self::Job { which: Which::List } => Command::Jobs {},
            Self::Job { which: Which::Last } => Command::Job { number: None },
            Self::Job { which: Which::Number(n) } => Command::Job { number: Some(*n) },
            Self::Resume { ring } => Command::Resume { ring: *ring },
            Self::Trace(action) => action.command(),
            Self::Reset => Command::Reset {},
        }
    }

    /// The result, for people.
    fn text(&self, result: &RawValue) -> Result<String, Error> {
        Ok(match self {
            Self::Stats { prometheus: true } => prometheus::statistics(&understand(result)?),
            Self::Stats { .. } | Self::Watch { .. } => {
                table::statistics(&understand(result)?, None, colours())
            }
            Self::Stall { .. } | Self::Fault(FaultAction::Add { .. }) => {
                understand::<Added>(result)?.name + "\n"
            }
            Self::Fault(FaultAction::List) => table::faults(&understand(result)?),
            Self::Fault(FaultAction::Clear { .. }) => {
                counted(understand::<Cleared>(result)?.cleared, "rule", "removed")
            }
            Self::Job { which: Which::List } => autopsy::list(&understand::<Vec<_>>(result)?),
            Self::Job { .. } => autopsy::text(&understand(result)?),
            Self::Resume { .. } => {
                counted(understand::<Resumed>(result)?.resumed, "stall", "ended")
            }
            Self::Trace(_) => trace_status(result)?,
            Self::Reset => "the device has been reset\n".into(),
        })
    }
}

#[derive(Deserialize)]
struct Added {
    name: String,
}

#[derive(Deserialize)]
struct Cleared {
    cleared: u64,
}

#[derive(Deserialize)]
struct Resumed {
    resumed: u64,
}

/// `trace-status` of an emulator that has never traced has no more than this.
#[derive(Deserialize)]
struct Tracing {
    on: bool,
}

fn trace_status(result: &RawValue) -> Result<String, Error> {
    let Ok(status) = serde_json::from_str::<Status>(result.get()) else {
        let Tracing { on } = understand(result)?;
        return Ok(if on { "tracing\n".into() } else { "no trace\n".into() });
    };
    let Status { file, bytes, events, dropped, ended, .. } = status;
    let state = ended.unwrap_or_else(|| "being written".into());
    let file = file.display();
    Ok(format!("{file}: {state}; {events} events, {dropped} dropped, {bytes} bytes\n"))
}

fn counted(count: u64, what: &str, done: &str) -> String {
    format!("{count} {what}{} {done}\n", if count == 1 { "" } else { "s" })
}

/// A duration in seconds, with a fraction.
fn seconds(text: &str) -> Result<Duration, String> {
    let error = || "a number of seconds from 0.01 to 3600, like 0.5".to_owned();
    let seconds: f64 = text.parse().map_err(|_| error())?;
    if !(0.01..=3600.0).contains(&seconds) {
        return Err(error());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// What a result means to us.
pub(super) fn understand<T: DeserializeOwned>(result: &RawValue) -> Result<T, Error> {
    serde_json::from_str(result.get()).map_err(Error::Result)
}

fn line(result: &RawValue) -> String {
    format!("{}\n", result.get())
}

/// Prints, and says whether anybody still reads.
fn print(text: &str) -> Result<bool, Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(Error::Output(e)),
    }
}

/// Colours are for a terminal, and for those who want them (no-color.org).
fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

impl CtlArgs {
    /// Does it. Without `--control` the program ends with a usage error.
    ///
    /// # Errors
    /// A one-line cause and what to do.
    pub fn run(&self) -> Result<(), Error> {
        let Some(path) = &self.control else {
            let message =
                "--control PATH is missing: the socket of `caam-emu serve --control PATH`";
            Cli::command().error(ErrorKind::MissingRequiredArgument, message).exit();
        };
        if self.json && matches!(self.action, Action::Stats { prometheus: true }) {
            let message = "--json and --prometheus are two formats; choose one";
            Cli::command().error(ErrorKind::ArgumentConflict, message).exit();
        }
        let mut connection = Connection::open(path)?;
        if let Action::Watch { plain, interval, count } = self.action {
            let dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
            if io::stdout().is_terminal() && !self.json && !plain && !dumb {
                return watch::run(connection, interval, count, colours());
            }
            return self.watch(&mut connection, interval, count);
        }
        let result = connection.call(self.action.command())?;
        let text = if self.json { line(&result) } else { self.action.text(&result)? };
        print(&text).map(|_| ())
    }

    fn watch(
        &self,
        connection: &mut Connection,
        interval: Duration,
        count: Option<u64>,
    ) -> Result<(), Error> {
        let mut before: Option<Statistics> = None;
        let mut looks = 0;
        loop {
            let result = match connection.call(Command::Stats {}) {
                // The end of a watch, not a failure.
                Err(Error::Ended(_)) if looks > 0 => {
                    eprintln!("the emulator has ended");
                    return Ok(());
                }
                result => result?,
            };
            let text = if self.json {
                line(&result)
            } else {
                let stats = understand(&result)?;
                let table = table::statistics(&stats, before.as_ref(), colours());
                before = Some(stats);
                let between = if looks == 0 { "" } else { "\n" };
                format!("{between}{table}")
            };
            looks += 1;
            if !print(&text)? || count.is_some_and(|count| looks >= count) {
                return Ok(());
            }
            thread::sleep(interval);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Command as Cmd;
    use clap::Parser;

    fn parse(line: &[&str]) -> Result<CtlArgs, clap::Error> {
        let all = ["caam-emu", "ctl"].iter().chain(line);
        Cli::try_parse_from(all).map(|cli| match cli.command {
            Cmd::Ctl(args) => args,
            _ => panic!("not ctl"),
        })
    }

    #[test]
    fn options_may_stand_before_or_behind_the_action() {
        for line in [
            ["--control", "a", "--json", "stats"],
            ["stats", "--control", "a", "--json"],
            ["--json", "stats", "--control", "a"],
        ] {
            let args = parse(&line).unwrap();
            assert_eq!((args.control, args.json), (Some("a".into()), true));
        }
    }

    #[test]
    fn an_action_is_needed() {
        assert!(parse(&["--control", "a"]).is_err());
        assert!(parse(&["--control", "a", "explode"]).is_err());
    }

    #[test]
    fn a_stall_without_particulars_waits_for_resume() {
        let rule = |line: &[&str]| match parse(line).unwrap().action.command() {
            Command::FaultAdd { rule } => rule.parse::<crate::fault::rule::Rule>().unwrap(),
            other => panic!("{other:?}"),
        };
        let stall = rule(&["stall"]);
        assert_eq!(stall.when.times, Some(1));
        assert_eq!(stall.to_string(), "stall:release=manual,rings=all,name=stall-1,times=1");
        assert_eq!(rule(&["stall", "for=20ms"]), "stall:for=20ms".parse().unwrap());
    }

    #[test]
    fn what_to_clear_must_be_said() {
        assert!(parse(&["fault", "clear"]).is_err());
        assert!(parse(&["fault", "clear", "a", "--all"]).is_err());
        assert!(parse(&["fault", "clear", "a"]).is_ok());
        assert!(parse(&["fault", "clear", "--all"]).is_ok());
    }

    #[test]
    fn intervals_have_bounds() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(seconds("3600"), Ok(Duration::from_secs(3600)));
        for bad in ["0", "-1", "nan", "inf", "1e9", "", "1s", "3600.1"] {
            assert!(seconds(bad).is_err(), "{bad}");
            assert!(parse(&["watch", "--interval", bad]).is_err(), "{bad}");
        }
    }
}
