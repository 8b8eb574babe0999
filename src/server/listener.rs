//! Where clients come from: a listening socket, made at a path or inherited, or an inherited
//! connection.

use super::Endpoint;
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why there is no listening socket.
#[derive(Debug, Error)]
pub enum Error {
    /// Another process listens there.
    #[error("socket {0} is in use by another process; stop that one or choose another path")]
    InUse(PathBuf),
    /// There is a file that is no socket.
    #[error("{0} exists and is not a socket; choose another path")]
    NotASocket(PathBuf),
    /// The socket could not be created.
    #[error(
        "cannot create socket {path}: {source}; check that the directory exists and is writable"
    )]
    Create {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The inherited descriptor is not usable.
    #[error(
        "--fd {fd}: {reason}; pass the number of a UNIX stream socket that listens or is connected"
    )]
    Descriptor {
        /// Its number.
        fd: RawFd,
        /// What is wrong with it.
        reason: String,
    },
}

/// A socket that listens, or one client's. One that was created at a path is removed again when
/// dropped.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    listens: bool,
    /// Path, and the inode that is ours.
    created: Option<(PathBuf, u64)>,
    name: String,
}

impl Listener {
    /// Opens the endpoint.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn new(endpoint: &Endpoint) -> Result<Self, Error> {
        match endpoint {
            Endpoint::Path(path) => Self::create(path),
            Endpoint::Descriptor(fd) => Self::inherit(*fd),
        }
    }

    fn create(path: &Path) -> Result<Self, Error> {
        let error = |source| Error::Create { path: path.to_owned(), source };
        if let Ok(found) = fs::symlink_metadata(path) {
            if !found.file_type().is_socket() {
                return Err(Error::NotASocket(path.to_owned()));
            }
            match UnixStream::connect(path) {
                // Nobody is behind it: left over from a process that was killed.
                Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
                    log::info!(path:% = path.display(); "removing stale socket");
                    fs::remove_file(path).map_err(error)?;
                }
                _ => return Err(Error::InUse(path.to_owned())),
            }
        }
        let socket = UnixListener::bind(path).map_err(error)?;
        let inode = fs::symlink_metadata(path).map_err(error)?.ino();
        let listener = Self {
            socket: socket.into(),
            listens: true,
            created: Some((path.to_owned(), inode)),
            name: path.display().to_string(),
        };
        // Whoever can connect owns the device, and gives it memory to work on.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(error)?;
        Ok(listener)
    }

    fn inherit(fd: RawFd) -> Result<Self, Error> {
        let error = |reason: String| Error::Descriptor { fd, reason };
        let listening = option(fd, libc::SO_ACCEPTCONN).map_err(|e| error(e.to_string()))?;
        let domain = option(fd, libc::SO_DOMAIN).map_err(|e| error(e.to_string()))?;
        let kind = option(fd, libc::SO_TYPE).map_err(|e| error(e.to_string()))?;
        if domain != libc::AF_UNIX || kind != libc::SOCK_STREAM {
            return Err(error("not a UNIX stream socket".into()));
        }
        let listens = listening != 0;
        if !listens && !is_connected(fd) {
            return Err(error("the socket neither listens nor is connected".into()));
        }
        // SAFETY: the descriptor is an open socket, and the command line hands it to us to use
        // and close.
        let owned = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { socket: owned, listens, created: None, name: format!("descriptor {fd}") })
    }

    /// Another descriptor of the socket, for the thread that accepts.
    ///
    /// # Errors
    /// If there are no descriptors left.
    pub fn descriptor(&self) -> io::Result<OwnedFd> {
        self.socket.try_clone()
    }

    /// What the thread that serves clients needs.
    ///
    /// # Errors
    /// If there are no descriptors left.
    pub fn arrivals(&self) -> io::Result<Arrivals> {
        let socket = self.descriptor()?;
        Ok(if self.listens {
            Arrivals::Listening(socket.into())
        } else {
            Arrivals::Connected(Some(socket))
        })
    }

    /// Refuses further clients and removes the socket.
    pub fn close(&self) {
        // SAFETY: shutdown on an open socket; it wakes a thread that waits in accept, or for the
        // one client.
        unsafe { libc::shutdown(self.socket.as_raw_fd(), libc::SHUT_RDWR) };
        if let Some((path, inode)) = &self.created {
            let ours = fs::symlink_metadata(path).is_ok_and(|m| m.ino() == *inode);
            if ours && let Err(e) = fs::remove_file(path) {
                log::warn!(path:% = path.display(), error:% = e; "cannot remove socket");
            }
        }
    }
}

/// Where the thread that serves clients gets them.
#[derive(Debug)]
pub enum Arrivals {
    /// Any number, one after the other.
    Listening(UnixListener),
    /// One.
    Connected(Option<OwnedFd>),
}

impl Arrivals {
    /// The next client, when it comes; `None`: there will be none.
    ///
    /// # Errors
    /// If it cannot be accepted.
    pub fn wait(&mut self) -> io::Result<Option<OwnedFd>> {
        match self {
            Self::Listening(listener) => {
                listener.accept().map(|(client, _)| Some(OwnedFd::from(client)))
            }
            Self::Connected(client) => Ok(client.take()),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Whether an open socket has somebody at its other end.
fn is_connected(fd: RawFd) -> bool {
    // SAFETY: the caller has found it open, nobody closes it meanwhile.
    let socket = unsafe { BorrowedFd::borrow_raw(fd) };
    rustix::net::getpeername(socket).is_ok()
}

/// An integer SOL_SOCKET option.
fn option(fd: RawFd, name: libc::c_int) -> io::Result<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `value` and `length` outlive the call and describe one c_int.
    let result = unsafe {
        libc::getsockopt(fd, libc::SOL_SOCKET, name, (&raw mut value).cast(), &raw mut length)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(value) }
}
