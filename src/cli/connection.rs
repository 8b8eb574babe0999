//! The client's end of the control socket.

use crate::control::protocol::{self, Command, Request};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// How long to wait for an answer. The emulator answers without waiting for anything, so longer
/// than this means that it is stopped, or that something else listens there.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer, in bytes: many times what statistics can come to.
const LONGEST: u64 = 16 << 20;

/// Why there is no result.
#[derive(Debug, Error)]
pub enum Error {
    /// Nothing is there.
    #[error(
        "cannot connect to {path}: {source}; start one with: caam-emu serve --control PATH ..."
    )]
    Connect {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The connection broke.
    #[error("{path}: {source}")]
    Broken {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The emulator has ended, or closed the connection.
    #[error("{0}: the emulator has ended")]
    Ended(PathBuf),
    /// What came is not of the protocol.
    #[error("{path}: not an answer of caam-emu: {reason}; is it the --control socket?")]
    Foreign {
        /// Where.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The emulator said no.
    #[error("{0}")]
    Refused(String),
    /// What it said cannot be shown.
    #[error(
        "the emulator's answer is not understood: {0}; is it of another version? --json shows it"
    )]
    Result(serde_json::Error),
    /// Standard output.
    #[error("cannot write: {0}")]
    Output(io::Error),
}

/// A reply, as far as every one is alike.
#[derive(Debug, Deserialize)]
struct Reply {
    v: u64,
    ok: bool,
    error: Option<String>,
    result: Option<Box<RawValue>>,
}

/// A connection to a running emulator.
#[derive(Debug)]
pub struct Connection {
    path: PathBuf,
    stream: BufReader<UnixStream>,
    last: u64,
}

impl Connection {
    /// To the emulator that listens at `path`.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let stream = UnixStream::connect(path).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(BufReader::new(stream))
        });
        let error = |source| Error::Connect { path: path.to_owned(), source };
        Ok(Self { path: path.to_owned(), stream: stream.map_err(error)?, last: 0 })
    }

    fn broken(&self, source: io::Error) -> Error {
        let source = match source.kind() {
            io::ErrorKind::WouldBlock => {
                let text = format!("no answer within {} s; is it stopped?", PATIENCE.as_secs());
                io::Error::new(io::ErrorKind::TimedOut, text)
            }
            _ => source,
        };
        Error::Broken { path: self.path.clone(), source }
    }

    /// Has a command done.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn call(&mut self, command: Command) -> Result<Box<RawValue>, Error> {
        self.last += 1;
        let request = Request { id: self.last.into(), command };
        let sent = self.stream.get_mut().write_all((request.line() + "\n").as_bytes());
        // One that closes without having read says why before: its line comes first.
        let mut line = String::new();
        match self.stream.by_ref().take(LONGEST).read_line(&mut line) {
            Ok(0) => return Err(Error::Ended(self.path.clone())),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => {
                return Err(Error::Ended(self.path.clone()));
            }
            Err(e) => return Err(self.broken(sent.err().unwrap_or(e))),
        }
        let foreign = |reason: String| Error::Foreign { path: self.path.clone(), reason };
        let reply: Reply = serde_json::from_str(&line).map_err(|e| foreign(e.to_string()))?;
        match reply {
            Reply { v, .. } if v != protocol::VERSION => {
                Err(foreign(format!("version {v} of the protocol, not {}", protocol::VERSION)))
            }
            Reply { ok: true, result: Some(result), .. } => Ok(result),
            Reply { ok: false, error: Some(error), .. } => Err(Error::Refused(error)),
            _ => Err(foreign("neither a result nor an error".into())),
        }
    }
}
