//! The shell: sockets, event descriptors and threads around the core.
//!
//! Four kinds of thread. The *client* thread answers vfio-user messages ([`backend`]); it does
//! register accesses and nothing that could wait for a job; the one exception is a fault that has
//! it answer late, but never too late ([`patience`]). Each *DECO* thread ([`deco`]) takes jobs and
//! runs them. The *main* thread ([`supervisor`]) has the signals and the timer. With `--control`,
//! the *control* thread ([`control`]) has a socket of its own. All but the client thread are
//! event-manager loops. A trace and a recording each have a thread besides that writes the file.

pub mod backend;
pub mod control;
pub mod deco;
pub mod listener;
mod patience;
pub mod record;
pub mod sandbox;
pub mod shell;
pub mod signals;
pub mod supervisor;
pub mod trace;

use crate::control::autopsy::Wanted;
use crate::device::dma::MAX_REGIONS;
use crate::device::platform::Secrets;
use crate::device::{Device, Setup};
use crate::fault::grammar::{Fields, Problem};
use crate::fault::plan::Entry;
use crate::trace::file;
use control::Control;
use listener::Listener;
use rlimit::Resource;
use sandbox::Need;
use shell::Shell;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// Open files beside those of mappings: sockets, events, traces.
const OTHER_DESCRIPTORS: u64 = 256;

/// Where the client comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A socket is created there.
    Path(PathBuf),
    /// A socket that was inherited: it listens, or is one client's.
    Descriptor(RawFd),
}

/// A fault rule of the command line or of a plan.
#[derive(Debug, Clone)]
pub enum StartFault {
    /// `OPTION RULE`: what to call it in a message, and the rule.
    Argument(String, Fields),
    /// A rule of the plan at the path.
    Plan(PathBuf, Entry),
}

impl StartFault {
    fn fields(&self) -> &Fields {
        match self {
            Self::Argument(_, fields) => fields,
            Self::Plan(_, entry) => &entry.fields,
        }
    }

    fn error(&self, problem: &Problem, key: Option<&str>) -> Error {
        match self {
            Self::Argument(argument, _) => {
                Error::Fault { at: argument.clone(), reason: problem.to_string() }
            }
            Self::Plan(path, entry) => {
                Error::Plan { path: path.clone(), reason: entry.error(problem, key).to_string() }
            }
        }
    }
}

/// What `caam-emu serve` was asked to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the client comes from.
    pub endpoint: Endpoint,
    /// The device.
    pub setup: Setup,
    /// Where the device's random bytes and keys come from.
    pub secrets: Secrets,
    /// What goes wrong from the beginning.
    pub faults: Vec<StartFault>,
    /// Written with `ready` when clients can connect.
    pub ready: Option<RawFd>,
    /// Statistics are written there at the end and on SIGUSR1.
    pub stats: Option<PathBuf>,
    /// How long the client thread looks out for the next message before it sleeps.
    pub spin: Duration,
    /// Jobs that have an autopsy, and whether it shows secrets.
    pub autopsy: (Wanted, bool),
    /// Where the control socket is created.
    pub control: Option<PathBuf>,
    /// What is recorded. The secrets must have a seed then.
    pub record: Option<record::Options>,
    /// What is traced from the beginning.
    pub trace: Option<file::Options>,
    /// Where files may be made that `ctl` asks for.
    pub trace_dirs: Vec<PathBuf>,
    /// Whether to confine the process before it serves.
    pub sandbox: bool,
}

/// Why serving could not begin, or ended early.
#[derive(Debug, Error)]
pub enum Error {
    /// The socket could not be set up.
    #[error(transparent)]
    Listen(#[from] listener::Error),
    /// Both sockets cannot be in one place.
    #[error("--control and --socket-path are both {0}; each needs a path of its own")]
    OneSocket(PathBuf),
    /// The ready descriptor could not be written.
    #[error("cannot write to --ready-fd {fd}: {source}; pass the number of an open descriptor")]
    Ready {
        /// Its number.
        fd: RawFd,
        /// Why.
        source: std::io::Error,
    },
    /// The master key could not be read.
    #[error("--master-key {path}: {reason}")]
    MasterKey {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A fault rule of the command line is none.
    #[error("{at}: {reason}")]
    Fault {
        /// Option and rule.
        at: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A fault plan is none.
    #[error("--plan {path}: {reason}")]
    Plan {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// An event descriptor, a timer or a thread could not be had.
    #[error("cannot set up {what}: {source}")]
    Setup {
        /// What was being set up.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// There is no such folder.
    #[error("--trace-dir {0}: not a folder")]
    TraceDir(PathBuf),
    /// The recording could not be started.
    #[error("--record {path}: {source}")]
    Record {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The trace could not be started.
    #[error("--trace: {0}")]
    Trace(#[from] file::Error),
    /// A trace or recording has no end, because its file could not be written.
    #[error("the {what} {path} is cut short: {reason}")]
    Cut {
        /// Which of the two.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The process could not be confined.
    #[error("sandbox: {0}; --no-sandbox does without")]
    Sandbox(#[from] sandbox::Error),
    /// The event loop failed.
    #[error("event loop: {0}")]
    Events(event_manager::Error),
    /// The statistics could not be written.
    #[error("cannot write statistics to {path}: {source}")]
    Stats {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    /// For `map_err`.
    fn setup(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Setup { what, source }
    }
}

/// Serves clients until SIGTERM or SIGINT, or until the only one has gone, whose connection was
/// inherited.
///
/// # Errors
/// [`enum@Error`]; nothing is left behind.
pub fn serve(options: &Options) -> Result<(), Error> {
    allow_descriptors();
    // Before anything is opened: a number that was not inherited would soon be one of ours.
    let ready = options.ready.map(|fd| ready_descriptor(fd, &options.endpoint)).transpose()?;
    // Before any thread exists, so that all of them inherit the mask.
    let signals = signals::Signals::block().map_err(Error::setup("signal handling"))?;
    if let (Endpoint::Path(path), Some(control)) = (&options.endpoint, &options.control)
        && path == control
    {
        return Err(Error::OneSocket(path.clone()));
    }
    if let Some(missing) = options.trace_dirs.iter().find(|folder| !folder.is_dir()) {
        return Err(Error::TraceDir(missing.clone()));
    }
    let listener = Listener::new(&options.endpoint)?;
    if let Some(path) = &options.stats {
        supervisor::probe(path)?;
    }
    let device = Device::new(options.setup, options.secrets.clone())
        .map_err(|e| Error::Setup { what: "random keys", source: std::io::Error::other(e) })?;
    device.autopsies.want(options.autopsy.0, options.autopsy.1);
    let faults: Vec<_> = options.faults.iter().map(|fault| fault.fields().clone()).collect();
    device
        .faults
        .add_all(&faults)
        .map_err(|(i, problem, key)| options.faults[i].error(&problem, key.as_deref()))?;
    if !faults.is_empty() {
        log::info!(seed = options.setup.fault_seed; "--seed repeats these faults");
    }
    let device = Arc::new(device);
    let record = options.record.clone().map(record::Opened::new).transpose()?;
    let shell = Arc::new(Shell::new(device).map_err(Error::setup("event descriptors"))?);

    let control = options.control.clone().map(Endpoint::Path);
    let control = control.map(|endpoint| Listener::new(&endpoint)).transpose()?;
    // All sockets are there, and no thread has been started.
    if options.sandbox {
        log::info!("sandbox: {}", sandbox::enter(&needs(options))?);
    }
    let recording =
        record.map(|record| record.start(&shell.device, &options.secrets)).transpose()?;
    if let Some(trace) = &options.trace {
        shell.traces.start(&shell.device, trace, shell.now())?;
    }
    let control =
        control.map(|listener| Control::start(listener, Arc::clone(&shell))).transpose()?;
    let decos = (0..options.setup.decos)
        .map(|n| deco::spawn(n, Arc::clone(&shell)))
        .collect::<Result<Vec<_>, _>>()?;
    backend::spawn(&listener, Arc::clone(&shell), options.spin)?;
    announce(ready, &listener)?;

    let result = supervisor::run(signals, &shell, options.stats.as_deref());
    shell.stop();
    listener.close();
    if let Some(control) = control {
        control.close();
    }
    for deco in decos {
        if deco.join().is_err() {
            log::error!("a DECO thread had panicked");
        }
    }
    let recorded = recording.map_or(Ok(()), |recording| recording.stop(&shell.device));
    let stopped = match shell.traces.stop(&shell.device) {
        Err(e @ file::Error::Slow(_)) => Err(Error::Trace(e)),
        _ => Ok(()),
    };
    let traced = stopped.and(shell.traces.cut().map_or(Ok(()), Err));
    // The client thread may be waiting for a client's next message; it ends with the process.
    let written = options.stats.as_deref().map_or(Ok(()), |path| supervisor::write(&shell, path));
    result.and(recorded).and(traced).and(written)
}

/// Sees to it that a client can map as much as it is told: a mapping has a descriptor each, and the
/// usual limit of 1024 is below their number.
fn allow_descriptors() {
    let wanted = MAX_REGIONS as u64 + OTHER_DESCRIPTORS;
    let allowed = Resource::NOFILE.get().and_then(|(soft, hard)| {
        let limit = soft.max(wanted.min(hard));
        Resource::NOFILE.set(limit, hard).map(|()| limit)
    });
    match allowed {
        Ok(limit) if limit >= wanted => {}
        Ok(limit) => {
            log::warn!(limit, wanted; "few open files are allowed; mappings may be refused");
        }
        Err(error) => log::warn!(error:%; "the limit of open files"),
    }
}

/// What serving needs of the file system once everything is open.
fn needs(options: &Options) -> Vec<Need> {
    let socket = match &options.endpoint {
        Endpoint::Path(path) => Some(path.clone()),
        Endpoint::Descriptor(_) => None,
    };
    let sockets = socket.into_iter().chain(options.control.clone());
    let files = options.stats.iter().chain(options.trace.iter().map(|trace| &trace.path));
    let folders = files.map(|file| sandbox::folder(file)).chain(options.trace_dirs.clone());
    sockets.map(Need::Remove).chain(folders.map(Need::WriteIn)).collect()
}

/// Takes over the descriptor of `--ready-fd`.
fn ready_descriptor(fd: RawFd, endpoint: &Endpoint) -> Result<(RawFd, File), Error> {
    let error = |source| Error::Ready { fd, source };
    if *endpoint == Endpoint::Descriptor(fd) {
        return Err(error(io::Error::new(io::ErrorKind::InvalidInput, "it is the --fd socket")));
    }
    // SAFETY: F_GETFD only asks whether the descriptor is open.
    if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return Err(error(io::Error::last_os_error()));
    }
    // SAFETY: the descriptor is open, none of ours, and the command line hands it to us to use
    // and close.
    Ok((fd, File::from(unsafe { OwnedFd::from_raw_fd(fd) })))
}

fn announce(ready: Option<(RawFd, File)>, listener: &Listener) -> Result<(), Error> {
    if let Some((fd, mut file)) = ready {
        file.write_all(b"ready\n").map_err(|source| Error::Ready { fd, source })?;
    }
    // Nobody has to listen on stdout.
    let _ = writeln!(std::io::stdout(), "caam-emu: ready on {listener}");
    Ok(())
}
