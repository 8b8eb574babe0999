//! Closing the client's connection from another thread than its own.
//!
//! `vfio_user`'s server accepts by itself and shows nobody the socket. It can be told all the same:
//! an accepted UNIX socket has the name of the socket that listens, and nothing else in the
//! process has.

use super::listener::option;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Shuts down every connection that came through `listening`: it reads as closed on both sides,
/// whoever waits for a message wakes up, and the descriptor stays its owner's to close. Says how
/// many there were.
///
/// # Errors
/// If the process' descriptors cannot be listed.
pub fn shut_down(listening: &OwnedFd) -> io::Result<usize> {
    let name = name(listening)?;
    let mut count = 0;
    for entry in fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok());
        // Whatever the number means by now: the copy is what is looked at and shut down.
        let Some(socket) = number.and_then(|number| duplicate(number).ok()) else { continue };
        let accepted =
            option(socket.as_raw_fd(), libc::SO_ACCEPTCONN).is_ok_and(|listens| listens == 0);
        if accepted && self::name(&socket).is_ok_and(|found| found == name) {
            // SAFETY: shutdown on an open socket touches no memory.
            let result = unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_RDWR) };
            count += usize::from(result == 0);
        }
    }
    Ok(count)
}

fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC touches no memory, and fails if the number is not open.
    let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 0) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call above returned a descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// A socket's own name, as bytes.
fn name(socket: &OwnedFd) -> io::Result<Vec<u8>> {
    let mut address = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: `address` and `length` outlive the call, and `length` is `address`'s size.
    let result = unsafe {
        libc::getsockname(socket.as_raw_fd(), address.as_mut_ptr().cast(), &raw mut length)
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    let length = (length as usize).min(size_of::<libc::sockaddr_storage>());
    // SAFETY: all of `address` was zeroed, so its first `length` bytes can be read; it lives on.
    let bytes = unsafe { std::slice::from_raw_parts(address.as_ptr().cast::<u8>(), length) };
    Ok(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn only_the_listener_s_connections_are_shut_down() {
        let directory = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| directory.path().join(name));
        let [ours, other] = paths.each_ref().map(|path| UnixListener::bind(path).unwrap());
        let clients = paths.each_ref().map(|path| UnixStream::connect(path).unwrap());
        let [mut ours_accepted, other_accepted] =
            [&ours, &other].map(|listener| listener.accept().unwrap().0);
        // One that still waits to be accepted is not one of ours yet.
        let waiting = UnixStream::connect(&paths[0]).unwrap();
        let listening = OwnedFd::from(ours.try_clone().unwrap());
        assert_eq!(shut_down(&listening).unwrap(), 1);
        let [mut ours_client, other_client] = clients;
        assert_eq!(ours_client.read(&mut [0]).unwrap(), 0);
        assert_eq!(ours_accepted.read(&mut [0]).unwrap(), 0);
        for alive in [&other_client, &other_accepted, &waiting] {
            alive.set_nonblocking(true).unwrap();
            let mut alive = alive;
            let error = alive.read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        }
        drop((ours_client, ours_accepted));
        assert_eq!(shut_down(&listening).unwrap(), 0);
        assert!(ours.accept().is_ok(), "the listener goes on");
    }
}
