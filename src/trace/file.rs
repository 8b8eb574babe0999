//! A trace file: what is asked for, what is told of it, why there is none.

use super::format::Format;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Bytes a trace file may have, if nobody says otherwise.
pub const LIMIT: u64 = 256 << 20;
/// The smallest limit: the beginning and the end must fit.
pub const LEAST_LIMIT: u64 = 64 << 10;
/// What to trace, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The file; replaced if it exists.
    pub path: PathBuf,
    /// What it is written in.
    pub format: Format,
    /// Register accesses, too.
    pub registers: bool,
    /// Most bytes of the file.
    pub limit: u64,
}

/// What to do about a file that may not be made.
fn confined(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; an emulator makes files only where it was told to: start it with --trace-dir FOLDER"
        }
        _ => "",
    }
}

/// Why a trace could not be started or ended.
#[derive(Debug, Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("trace file {path}: {source}{}", confined(.source))]
    Open { path: PathBuf, source: io::Error },
    #[error("a trace is being written already, to {0}; stop it first")]
    Running(PathBuf),
    #[error("no trace is being written")]
    NotRunning,
    #[error("a trace file has at least {LEAST_LIMIT} bytes; a limit of {0} is too small")]
    Limit(u64),
    #[error("cannot start a thread for the trace: {0}")]
    Thread(io::Error),
    #[error(
        "the trace is still being written: the disk of {0} does not take it; ask for its status"
    )]
    Slow(PathBuf),
}

/// A trace, as `ctl trace status` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Whether it goes on.
    pub on: bool,
    /// The file.
    pub file: PathBuf,
    /// What it is written in.
    pub format: Format,
    /// Register accesses, too.
    pub registers: bool,
    /// Most bytes of the file.
    pub limit: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Events told.
    pub events: u64,
    /// Events that found the queue full, and are missing in the file.
    pub dropped: u64,
    /// Why it has ended, if it has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<String>,
}
