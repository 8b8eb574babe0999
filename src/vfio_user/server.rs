//! The loop of the thread that receives.

use super::Errno;
use super::connection::Connection;
use super::inbox::Inbox;
use super::session::{Backend, Description, Outbox, Session, Violation};
use super::spin::Spin;
use std::time::Duration;
use thiserror::Error;

/// Replies are sent when nothing is left to be answered, or when there are so many bytes of them.
const FULL: usize = 16 * 1024;

/// Why a client is served no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    /// It does not keep to the protocol.
    #[error("{0}; disconnected")]
    Violation(#[from] Violation),
    /// It has gone in the middle of a message.
    #[error("the client went in the middle of a message")]
    Middle,
    /// The socket fails.
    #[error("the socket: {0}")]
    Socket(#[from] Errno),
}

/// Serves one client until it disconnects. Before sleeping it looks out for the next message for
/// `spin` ([`Spin`]).
///
/// # Errors
/// [`enum@Error`].
pub fn serve<B: Backend>(
    connection: &Connection,
    description: &Description,
    backend: &mut B,
    spin: Duration,
) -> Result<(), Error> {
    connection.receive_here();
    let mut session = Session::new(description, backend, connection);
    let result = converse(connection, &mut session, Spin::new(spin));
    connection.shut_down();
    result
}

fn converse<B: Backend>(
    connection: &Connection,
    session: &mut Session<'_, B, Connection>,
    mut spin: Spin,
) -> Result<(), Error> {
    let mut inbox = Inbox::default();
    let mut out = Outbox::default();
    loop {
        let wait = session.wait();
        if wait.is_some_and(|wait| wait.is_zero()) {
            // However many messages come.
            session.wake();
        }
        match connection.receive(&mut inbox, &mut spin, wait) {
            Err(Errno::TIMEDOUT) => {
                session.wake();
                continue;
            }
            Ok(0) if inbox.in_the_middle() => return Err(Error::Middle),
            // Closed with something of ours unread.
            Ok(0) | Err(Errno::CONNRESET) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        loop {
            let violation = match inbox.take() {
                Ok(None) => break,
                Ok(Some(message)) => session.handle(message, &mut out).err(),
                Err(bad) => Some(session.refuse(bad, &mut out)),
            };
            if violation.is_some() || out.bytes.len() >= FULL {
                let sent = connection.flush(&mut out);
                if let Some(violation) = violation {
                    return Err(violation.into());
                }
                sent?;
            }
        }
        connection.flush(&mut out)?;
    }
}
