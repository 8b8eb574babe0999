//! `caam-emu serve`.

use crate::control::autopsy::Wanted;
use crate::crypto::keywrap::KEY as KEY_BYTES;
use crate::device::platform::Secrets;
use crate::device::soc::{PROFILES, SocProfile};
use crate::device::{MAX_DECOS, MAX_RINGS, Setup};
use crate::fault::grammar::Fields;
use crate::fault::plan::Plan;
use crate::fault::values;
use crate::logging::filter::{self, Filter};
use crate::server::{self, Endpoint, Options, StartFault};
use crate::trace::file as trace;
use crate::trace::format::Format;
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// A profile name, as clap wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Soc(pub &'static SocProfile);

impl ValueEnum for Soc {
    fn value_variants<'a>() -> &'a [Self] {
        // One entry a profile; `soc_variants_are_the_profiles` keeps them together.
        const VARIANTS: [Soc; PROFILES.len()] = {
            let mut all = [Soc(&PROFILES[0]); PROFILES.len()];
            let mut i = 0;
            while i < PROFILES.len() {
                all[i] = Soc(&PROFILES[i]);
                i += 1;
            }
            all
        };
        &VARIANTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name).help(self.0.description))
    }
}

/// Options of a trace.
#[derive(Debug, Args)]
pub struct TraceArgs {
    /// What the trace is written in, whatever the file's name
    #[arg(long, value_name = "FORMAT", requires = "trace", value_enum, help_heading = "Trace")]
    trace_format: Option<Format>,

    /// Trace every register access, too
    #[arg(long, requires = "trace", help_heading = "Trace")]
    trace_registers: bool,

    /// Bytes after which the trace ends, with K, M or G
    #[arg(long, value_name = "SIZE", requires = "trace", default_value = "256M",
          value_parser = trace_limit, help_heading = "Trace")]
    trace_limit: u64,
}

impl TraceArgs {
    fn of(&self, path: &Path) -> trace::Options {
        trace::Options {
            path: path.to_owned(),
            format: Format::of(self.trace_format, path),
            registers: self.trace_registers,
            limit: self.trace_limit,
        }
    }
}

/// Bytes of a trace file.
pub(super) fn trace_limit(text: &str) -> Result<u64, String> {
    let size = match text.strip_suffix(['G', 'g']) {
        Some(digits) => values::number(digits).and_then(|n| n.checked_mul(1 << 30)),
        None => values::size(text),
    };
    size.filter(|size| *size >= trace::LEAST_LIMIT)
        .ok_or_else(|| "a size of at least 64K, such as 256M or 2G".to_owned())
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// UNIX socket to create and listen on; removed at the end
    #[arg(long, value_name = "PATH", required_unless_present_any = ["fd", "print_capabilities"])]
    socket_path: Option<PathBuf>,

    /// Inherited UNIX socket, by descriptor number, instead of --socket-path: one that listens, or
    /// one that is connected to the only client, with whom the program ends
    #[arg(long, value_name = "N", conflicts_with = "socket_path",
          value_parser = clap::value_parser!(i32).range(0..))]
    fd: Option<RawFd>,

    /// Print the backend's capabilities as JSON and exit
    #[arg(long)]
    print_capabilities: bool,

    /// Which CAAM to be
    #[arg(long, value_enum, default_value_t = Soc(&PROFILES[0]))]
    soc: Soc,

    /// Job rings
    #[arg(long, value_name = "1..4", default_value_t = 4,
          value_parser = clap::value_parser!(u8).range(1..=MAX_RINGS as i64))]
    job_rings: u8,

    /// Descriptor controllers, each a thread; with more than one, jobs complete out of order
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u8).range(1..=MAX_DECOS as i64))]
    decos: u8,

    /// Make all that is random repeatable: RNG, generated keys, the master key of blobs, faults
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Let something go wrong: KIND[:KEY=VALUE,...], such as status:value=ccb/aes/icv-check,nth=5;
    /// repeatable ('caam-emu faults' lists the kinds)
    #[arg(long, value_name = "RULE")]
    fault: Vec<String>,

    /// Faults from a file, TOML or JSON
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,

    /// Let rings stop taking jobs; short for --fault stall:SPEC, as in --stall for=20ms,every=100
    #[arg(long, value_name = "SPEC")]
    stall: Vec<String>,

    /// Slots of the input rings as the device reports them; short for --fault ring-depth:slots=N
    #[arg(long, value_name = "N")]
    ring_depth: Option<String>,

    /// Master key that blobs are bound to: a file of 32 bytes
    #[arg(long, value_name = "FILE")]
    master_key: Option<PathBuf>,

    /// Descriptor to write "ready" to when a client can connect
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    ready_fd: Option<RawFd>,

    /// Write counters as JSON to FILE at the end and on SIGUSR1
    #[arg(long, value_name = "FILE")]
    stats: Option<PathBuf>,

    /// Look out for a busy client's next message so many microseconds before sleeping; 0: never
    #[arg(long, value_name = "MICROSECONDS", default_value_t = 50,
          value_parser = clap::value_parser!(u32).range(0..=10_000))]
    spin: u32,
    /// Record all that reaches the device to FILE, for `caam-emu replay`: keys and plaintext among it
    #[arg(long, value_name = "FILE", help_heading = "Record")]
    record: Option<PathBuf>,

    /// Bytes after which the recording ends, with K, M or G
    #[arg(long, value_name = "SIZE", requires = "record", default_value = "1G",
          value_parser = trace_limit, help_heading = "Record")]
    record_limit: u64,

    /// Write what happens to FILE: ring occupancy, each job's life, faults; '.jsonl' is JSON
    /// lines, any other name a Chrome trace for ui.perfetto.dev
    #[arg(long, value_name = "FILE", help_heading = "Trace")]
    trace: Option<PathBuf>,

    #[command(flatten)]
    trace_options: TraceArgs,

    /// UNIX socket to create for `caam-emu ctl`; removed at the end
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,

    /// Jobs to keep an autopsy of, for `ctl job`: failed, all, off, or conditions of fault rules, as
    /// in failed,alg=aes-xts or ring=1,job=5..9
    #[arg(long, value_name = "WHICH", default_value = "failed")]
    autopsy: Wanted,

    /// Show keys, messages and contexts in autopsies, too
    #[arg(long)]
    show_secrets: bool,

    /// Folder in which `caam-emu ctl trace start` may have files made; repeatable
    #[arg(long, value_name = "DIR")]
    trace_dir: Vec<PathBuf>,

    /// Keep all that the process may do: no Landlock, no seccomp, no capability given up
    #[arg(long)]
    no_sandbox: bool,

    /// Which log lines to write, such as debug,ring=1,status=failed (see below)
    #[arg(long, value_name = "FILTER")]
    log: Option<Filter>,
}

/// What stands below the options.
#[must_use]
pub fn after_help() -> String {
    format!(
        "\
Attach it to QEMU 10.1 or newer; the guest's memory must be shared:

  caam-emu serve --socket-path /tmp/caam.sock &
  qemu-system-aarch64 -M virt,memory-backend=ram -m 512M \\
    -object memory-backend-memfd,id=ram,size=512M,share=on \\
    -device '{{\"driver\":\"vfio-user-pci\",\"socket\":{{\"type\":\"unix\",\"path\":\"/tmp/caam.sock\"}}}}' ...

The guest finds CAAM through its device tree; scripts/vm.sh does all of it.

Log lines go to stderr. {}",
        filter::HELP
    )
}

impl ServeArgs {
    /// What `--log` asks for.
    #[must_use]
    pub fn log_filter(&self) -> Option<Filter> {
        self.log.clone()
    }

    /// Serves.
    ///
    /// # Errors
    /// A one-line cause and what to do.
    pub fn run(&self) -> Result<(), server::Error> {
        if self.print_capabilities {
            // The vfio-user specification leaves the schema open; this is vhost-user's.
            let _ = writeln!(std::io::stdout(), r#"{{"type":"crypto","features":[]}}"#);
            return Ok(());
        }
        let endpoint = match (&self.socket_path, self.fd) {
            (Some(path), _) => Endpoint::Path(path.clone()),
            (None, fd) => Endpoint::Descriptor(fd.unwrap_or(-1)),
        };
        let master_key = self.master_key.as_deref().map(read_key).transpose()?;
        let (plan_seed, faults) = self.faults()?;
        let seed = match self.seed {
            // What cannot be repeated cannot be replayed.
            None if self.record.is_some() => Some(random_seed()?),
            seed => seed,
        };
        server::serve(&Options {
            endpoint,
            secrets: Secrets { seed, master_key },
            faults,
            setup: Setup {
                soc: self.soc.0,
                rings: usize::from(self.job_rings),
                decos: usize::from(self.decos),
                fault_seed: match self.seed.or(plan_seed) {
                    Some(seed) => seed,
                    None => random_seed()?,
                },
            },
            ready: self.ready_fd,
            stats: self.stats.clone(),
            spin: Duration::from_micros(self.spin.into()),
            control: self.control.clone(),
            record: self.record.as_ref().map(|path| server::record::Options {
                path: path.clone(),
                limit: self.record_limit,
            }),
            trace: self.trace.as_ref().map(|path| self.trace_options.of(path)),
            autopsy: (self.autopsy, self.show_secrets),
            sandbox: !self.no_sandbox,
            trace_dirs: self.trace_dir.clone(),
        })
    }
}

impl ServeArgs {
    /// The faults of all options, and the seed that a plan names.
    fn faults(&self) -> Result<(Option<u64>, Vec<StartFault>), server::Error> {
        let argument = |option: &str, kind: &str, text: &str| {
            let fields = Fields::from_text(&format!("{kind}{text}"));
            StartFault::Argument(format!("{option} {text}"), fields)
        };
        let depth =
            self.ring_depth.iter().map(|n| argument("--ring-depth", "ring-depth:slots=", n));
        let stalls = self.stall.iter().map(|spec| argument("--stall", "stall:", spec));
        let rules = self.fault.iter().map(|rule| argument("--fault", "", rule));
        let mut faults: Vec<_> = depth.chain(stalls).chain(rules).collect();
        let Some(path) = &self.plan else { return Ok((None, faults)) };
        let error = |reason: String| server::Error::Plan { path: path.clone(), reason };
        let text = std::fs::read_to_string(path).map_err(|e| error(e.to_string()))?;
        let plan = Plan::parse(&text).map_err(|e| error(e.to_string()))?;
        faults.extend(plan.rules.into_iter().map(|entry| StartFault::Plan(path.clone(), entry)));
        Ok((plan.seed, faults))
    }
}

fn random_seed() -> Result<u64, server::Error> {
    getrandom::u64().map_err(|e| server::Error::Setup {
        what: "a random seed",
        source: std::io::Error::other(e.to_string()),
    })
}

/// Reads a key file of exactly the right length.
fn read_key(path: &Path) -> Result<Zeroizing<[u8; KEY_BYTES]>, server::Error> {
    let error = |reason: String| server::Error::MasterKey { path: path.to_owned(), reason };
    let bytes = Zeroizing::new(std::fs::read(path).map_err(|e| error(e.to_string()))?);
    let key: [u8; KEY_BYTES] = bytes[..].try_into().map_err(|_| {
        error(format!(
            "{} bytes, not {KEY_BYTES}; head -c {KEY_BYTES} /dev/urandom makes one",
            bytes.len()
        ))
    })?;
    Ok(Zeroizing::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    #[test]
    fn soc_variants_are_the_profiles() {
        let names: Vec<_> = Soc::value_variants().iter().map(|s| s.0.name).collect();
        assert_eq!(names, PROFILES.iter().map(|p| p.name).collect::<Vec<_>>());
    }

    #[test]
    fn a_socket_is_needed_and_only_one() {
        assert!(Cli::try_parse_from(["caam-emu", "serve"]).is_err());
        let both = ["caam-emu", "serve", "--socket-path", "a", "--fd", "3"];
        assert!(Cli::try_parse_from(both).is_err());
        assert!(Cli::try_parse_from(["caam-emu", "serve", "--fd", "3"]).is_ok());
    }

    #[test]
    fn ranges_are_checked() {
        for bad in [["--job-rings", "0"], ["--job-rings", "5"], ["--decos", "16"], ["--soc", "x"]] {
            let line = ["caam-emu", "serve", "--fd", "3", bad[0], bad[1]];
            assert!(Cli::try_parse_from(line).is_err(), "{bad:?}");
        }
    }
}
