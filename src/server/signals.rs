//! SIGTERM, SIGINT and SIGUSR1 as a readable descriptor.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// SIGTERM or SIGINT.
    Stop,
    /// SIGUSR1.
    WriteStatistics,
}

/// A signalfd.
#[derive(Debug)]
pub struct Signals(File);

impl Signals {
    /// Blocks the signals for this thread and those it will start, and opens the descriptor.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn block() -> io::Result<Self> {
        let signals = [libc::SIGTERM, libc::SIGINT, libc::SIGUSR1];
        let set = vmm_sys_util::signal::create_sigset(&signals)?;
        // SAFETY: `set` is a valid signal set, the old mask is not asked for.
        let result =
            unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        if result != 0 {
            return Err(io::Error::from_raw_os_error(result));
        }
        // SAFETY: `set` is a valid signal set; -1 asks for a new descriptor.
        let fd =
            unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call above returned a descriptor that nobody else owns.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }.into()))
    }

    /// The next signal that has come, if one has.
    pub fn take(&mut self) -> Option<Request> {
        let mut info = [0; size_of::<libc::signalfd_siginfo>()];
        self.0.read_exact(&mut info).ok()?;
        // ssi_signo is the structure's first field, 32 bits.
        let number = u32::from_ne_bytes([info[0], info[1], info[2], info[3]]);
        Some(if number == libc::SIGUSR1 as u32 { Request::WriteStatistics } else { Request::Stop })
    }
}

impl AsRawFd for Signals {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
