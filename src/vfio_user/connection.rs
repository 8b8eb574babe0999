//! The socket of one client: receiving, sending, and commands to the client.
//!
//! One thread receives. Any thread may send, whole messages under one lock, and any but the
//! receiving one may wait for an answer to a command of its own ([`Connection::call`]): the
//! receiving thread is who would bring that answer.

use super::calls::{Answer, Calls};
use super::header::{self, Command, Header};
use super::inbox::Inbox;
use super::session::{Outbox, Peer};
use super::spin::Spin;
use super::version::Limits;
use super::{Errno, MAX_DATA, MAX_FDS, MAX_MESSAGE};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{IoSlice, IoSliceMut, retry_on_intr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType, recv,
    recvmsg, sendmsg, shutdown, socketpair,
};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// A client that lets a command of ours, or bytes that it should read, wait for so long is not
/// waited for any longer. QEMU has the same patience with us.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Room for a message's descriptors.
const FD_SPACE: usize = rustix::cmsg_space!(ScmRights(MAX_FDS));

/// See the module.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedFd,
    sending: Mutex<()>,
    calls: Mutex<Calls>,
    /// [`PATIENCE`], but in tests.
    patience: Duration,
    answered: Condvar,
    /// What the client has told about itself.
    limits: OnceLock<Limits>,
    /// Our end of the socket for commands to the client, if there is one.
    twin: OnceLock<OwnedFd>,
    /// One at a time sends by that, and then receives.
    twin_turn: Mutex<()>,
    /// The thread that receives.
    receiver: OnceLock<ThreadId>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can panic between two consistent states.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connection {
    /// Of a connected socket.
    ///
    /// # Errors
    /// If its time-outs cannot be set.
    pub fn new(socket: OwnedFd) -> Result<Self, Errno> {
        Self::with_patience(socket, PATIENCE)
    }

    fn with_patience(socket: OwnedFd, patience: Duration) -> Result<Self, Errno> {
        rustix::fs::fcntl_getfl(&socket).and_then(|flags| {
            // An inherited one may not be as it should.
            rustix::fs::fcntl_setfl(&socket, flags - rustix::fs::OFlags::NONBLOCK)
        })?;
        set_socket_timeout(&socket, Timeout::Send, Some(patience))?;
        Ok(Self {
            socket,
            sending: Mutex::default(),
            calls: Mutex::default(),
            patience,
            answered: Condvar::new(),
            limits: OnceLock::new(),
            twin: OnceLock::new(),
            twin_turn: Mutex::default(),
            receiver: OnceLock::new(),
        })
    }

    /// This thread will receive.
    pub(super) fn receive_here(&self) {
        let _ = self.receiver.set(thread::current().id());
    }

    /// Ends the conversation, from any thread: whoever receives, sends or waits finds out.
    pub fn shut_down(&self) {
        let _ = shutdown(&self.socket, Shutdown::Both);
        if let Some(twin) = self.twin.get() {
            let _ = shutdown(twin, Shutdown::Both);
        }
        lock(&self.calls).close();
        self.answered.notify_all();
    }

    /// Receives into `inbox`, and waits for at most `wait`, if there is a limit. 0: the client has
    /// gone.
    ///
    /// # Errors
    /// `ETIMEDOUT`: nothing came in that time. Else the system's.
    pub(super) fn receive(
        &self,
        inbox: &mut Inbox,
        spin: &mut Spin,
        wait: Option<Duration>,
    ) -> Result<usize, Errno> {
        if !spin.enabled() {
            return self.receive_or_sleep(inbox, wait);
        }
        let begin = Instant::now();
        let window = spin.window().min(wait.unwrap_or(Duration::MAX));
        let result = loop {
            let elapsed = begin.elapsed();
            if elapsed >= window {
                break self.receive_or_sleep(inbox, wait.map(|wait| wait.saturating_sub(elapsed)));
            }
            match self.receive_once(inbox, RecvFlags::DONTWAIT) {
                // Whoever is to send may need this processor.
                Err(Errno::AGAIN) => thread::yield_now(),
                result => break result,
            }
        };
        spin.waited(begin.elapsed());
        result
    }

    /// Sleeps in poll(), even without a limit: who sleeps in recvmsg() is also woken when the
    /// client takes our last reply from its socket (Linux tells of room for sending by the same wait
    /// queue, and only poll looks at which of the two it is), just as the client goes on.
    fn receive_or_sleep(&self, inbox: &mut Inbox, wait: Option<Duration>) -> Result<usize, Errno> {
        let wait = wait.map(Timespec::try_from).transpose().map_err(|_| Errno::INVAL)?;
        let mut socket = [PollFd::new(&self.socket, PollFlags::IN)];
        // A signal may make it longer by as much again: nobody counts on it being exact.
        if retry_on_intr(|| poll(&mut socket, wait.as_ref()))? == 0 {
            return Err(Errno::TIMEDOUT);
        }
        self.receive_once(inbox, RecvFlags::empty())
    }

    fn receive_once(&self, inbox: &mut Inbox, flags: RecvFlags) -> Result<usize, Errno> {
        let mut space = [MaybeUninit::uninit(); FD_SPACE];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = flags | RecvFlags::CMSG_CLOEXEC;
        let received = retry_on_intr(|| {
            recvmsg(&self.socket, &mut [IoSliceMut::new(inbox.space())], &mut control, flags)
        })?;
        let mut fds = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                fds.extend(rights);
            }
        }
        inbox.received(received.bytes, fds, received.flags.contains(ReturnFlags::CTRUNC));
        Ok(received.bytes)
    }

    /// Sends what is in `out`, and empties it.
    ///
    /// # Errors
    /// The system's. The connection is of no further use.
    pub(super) fn flush(&self, out: &mut Outbox) -> Result<(), Errno> {
        let result = if out.bytes.is_empty() {
            Ok(())
        } else {
            let fds: Vec<_> = out.fds.iter().map(AsFd::as_fd).collect();
            let _turn = lock(&self.sending);
            send_all(self.socket.as_fd(), &out.bytes, &fds)
        };
        out.bytes.clear();
        out.fds.clear();
        if result.is_err() {
            self.shut_down();
        }
        result
    }

    /// Most bytes in one DMA_READ or DMA_WRITE; 0 before the client has told.
    #[must_use]
    pub fn max_data(&self) -> usize {
        self.limits.get().map_or(0, |limits| limits.max_data)
    }

    /// Sends a command to the client and waits for its answer: at most [`PATIENCE`].
    ///
    /// # Errors
    /// What the client answers. `EDEADLK`: this is the thread that receives. `ETIMEDOUT`: there
    /// was no answer. `ENOTCONN`: there is no client any more.
    pub fn call(&self, command: Command, body: &[u8]) -> Answer {
        if self.receiver.get() == Some(&thread::current().id()) {
            return Err(Errno::DEADLK);
        }
        if let Some(socket) = self.twin.get() {
            let _turn = lock(&self.twin_turn);
            let answer = self.call_alone(socket.as_fd(), command, body);
            if matches!(answer, Err(Errno::TIMEDOUT | Errno::PIPE | Errno::PROTO)) {
                // What comes now would be taken for the answer to another command.
                self.shut_down();
            }
            return answer;
        }
        let id = lock(&self.calls).begin()?;
        let message = message(id, command, body);
        let sent = {
            let _turn = lock(&self.sending);
            send_all(self.socket.as_fd(), &message, &[])
        };
        if let Err(error) = sent {
            self.shut_down();
            return Err(error);
        }
        let calls = lock(&self.calls);
        let mut answer = None;
        let (mut calls, _) = self
            .answered
            .wait_timeout_while(calls, self.patience, |calls| {
                answer = calls.take(id);
                answer.is_none()
            })
            .unwrap_or_else(PoisonError::into_inner);
        answer.unwrap_or_else(|| {
            calls.give_up(id);
            Err(Errno::TIMEDOUT)
        })
    }

    /// The same by a socket on which nothing else happens.
    fn call_alone(&self, socket: BorrowedFd<'_>, command: Command, body: &[u8]) -> Answer {
        let id = lock(&self.calls).begin()?;
        lock(&self.calls).forget(id);
        let until = Instant::now() + self.patience;
        send_all(socket, &message(id, command, body), &[]).map_err(|_| Errno::PIPE)?;
        let mut bytes = [0; header::BYTES];
        receive_all(socket, &mut bytes, until)?;
        let header = Header::from_bytes(bytes);
        let size = header.size as usize;
        let ours = header.is_reply() && header.id == id;
        if !ours || !(header::BYTES..=MAX_MESSAGE).contains(&size) {
            return Err(Errno::PROTO);
        }
        let mut body = vec![0; size - header::BYTES];
        receive_all(socket, &mut body, until)?;
        header.result().map(|()| body)
    }
}

impl Peer for Connection {
    fn agreed(&self, limits: Limits) -> Option<OwnedFd> {
        let _ = self.limits.set(limits);
        if !limits.twin_socket {
            return None;
        }
        let pair = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
            .and_then(|(ours, theirs)| {
                set_socket_timeout(&ours, Timeout::Send, Some(PATIENCE))?;
                Ok((ours, theirs))
            });
        match pair {
            Ok((ours, theirs)) => {
                let _ = self.twin.set(ours);
                Some(theirs)
            }
            // It is an option.
            Err(error) => {
                log::warn!(error:%; "no second socket for the client");
                None
            }
        }
    }

    fn answered(&self, header: Header, body: &[u8]) {
        let answer = header.result().map(|()| body.to_vec());
        if lock(&self.calls).answered(header.id, answer) {
            self.answered.notify_all();
        } else {
            log::debug!(message = header.id; "a reply that nobody waits for");
        }
    }
}

fn message(id: u16, command: Command, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(header::BYTES + body.len());
    message.extend(Header::of_command(id, command, body.len()).to_bytes());
    message.extend(body);
    message
}

/// Sends all of `bytes`; the descriptors go with the first.
fn send_all(socket: BorrowedFd<'_>, mut bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); FD_SPACE];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(Errno::TOOBIG);
    }
    while !bytes.is_empty() {
        let sent = retry_on_intr(|| {
            sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)
        })?;
        bytes = &bytes[sent..];
        control.clear();
    }
    Ok(())
}

/// Receives exactly `bytes`, or fails at `until`.
fn receive_all(socket: BorrowedFd<'_>, bytes: &mut [u8], until: Instant) -> Result<(), Errno> {
    let mut done = 0;
    while done < bytes.len() {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|_| Errno::INVAL)?;
        let ready =
            retry_on_intr(|| poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&left)))?;
        if ready == 0 {
            return Err(Errno::TIMEDOUT);
        }
        match retry_on_intr(|| recv(socket, &mut bytes[done..], RecvFlags::DONTWAIT)) {
            Ok((0, _)) => return Err(Errno::PIPE),
            Ok((n, _)) => done += n,
            Err(Errno::AGAIN) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

const _: () = assert!(MAX_DATA < MAX_MESSAGE);

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
