//! The control thread: lines on a UNIX socket to control commands.
//!
//! One event loop for all clients; their sockets never block. What a client sends or does not
//! read can cost it its answers, and the others nothing: input is bounded by the length of a line,
//! output by one reply, for no further line is looked at until that has gone out.

use super::Error;
use super::listener::Listener;
use super::shell::Shell;
use crate::control::commands::{self, Answer};
use crate::control::lines::Lines;
use crate::control::protocol;
use event_manager::{EventManager, EventOps, EventSet, Events, MutEventSubscriber, SubscriberOps};
use serde_json::Value;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Clients that are served at once.
pub const MAX_CLIENTS: usize = 8;
/// Bytes read at once.
const CHUNK: usize = 4096;
/// Reads before the other clients have their turn.
const TURN: usize = 4;
/// The listener's number among the event sources; below are the clients'.
const LISTENER: u32 = MAX_CLIENTS as u32;
/// Pause after a client could not be accepted: descriptors are short, and it still waits.
const RETRY: Duration = Duration::from_millis(100);

/// The socket and the thread; ended by [`Self::close`].
#[derive(Debug)]
pub struct Control {
    listener: Listener,
    thread: JoinHandle<()>,
}

impl Control {
    /// Starts the thread. It ends when the shell has stopped and the socket is closed.
    ///
    /// # Errors
    /// If the thread cannot be had.
    pub fn start(listener: Listener, shell: Arc<Shell>) -> Result<Self, Error> {
        let set_up = Error::setup("the control socket");
        let socket = listener.descriptor().and_then(|socket| {
            let socket = UnixListener::from(socket);
            socket.set_nonblocking(true).map(|()| socket)
        });
        let socket = socket.map_err(set_up)?;
        let mut events = EventManager::new().map_err(Error::Events)?;
        events.add_subscriber(Clients { shell: Arc::clone(&shell), socket, clients: [NONE; _] });
        let thread = thread::Builder::new()
            .name("control".into())
            .spawn(move || {
                while !shell.stopping() {
                    if let Err(e) = events.run() {
                        log::error!(error:% = e; "control socket");
                        return;
                    }
                }
            })
            .map_err(Error::setup("the control thread"))?;
        Ok(Self { listener, thread })
    }

    /// Removes the socket and ends the thread, which the shell must have been told to.
    pub fn close(self) {
        // The socket's end wakes the thread.
        self.listener.close();
        if self.thread.join().is_err() {
            log::error!("the control thread had panicked");
        }
    }
}

/// How a client's turn has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// It may send more.
    Read,
    /// It has to read first.
    Write,
    /// It has gone, or is done.
    Close,
}

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    input: Lines,
    /// It will send nothing any more.
    ended: bool,
    /// What has still to be sent.
    output: Vec<u8>,
    sent: usize,
    waits_to_write: bool,
}

const NONE: Option<Client> = None;

impl Client {
    fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            input: Lines::default(),
            ended: false,
            output: Vec::new(),
            sent: 0,
            waits_to_write: false,
        }
    }

    fn reply(&mut self, mut line: String) {
        line.push('\n');
        self.output.extend_from_slice(line.as_bytes());
    }

    /// Sends what there is to send. `false`: the client has to read first.
    fn flush(&mut self) -> io::Result<bool> {
        while self.sent < self.output.len() {
            match self.stream.write(&self.output[self.sent..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => self.sent += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        (self.output, self.sent) = (Vec::new(), 0);
        Ok(true)
    }

    /// Answers lines until there are none, or their answers are not read.
    fn turn(&mut self, shell: &Shell) -> io::Result<Next> {
        let mut reads = 0;
        loop {
            if !self.flush()? {
                return Ok(Next::Write);
            }
            let line = match self.input.next_line() {
                None if self.ended => self.input.rest().map(Ok),
                line => line,
            };
            match line {
                Some(Ok(line)) => self.answer(shell, &line),
                Some(Err(e)) => self.reply(protocol::refused(&Value::Null, &e.to_string())),
                None if self.ended => return Ok(Next::Close),
                // No line is left over, so there will be an event for what is still to be read.
                None if reads == TURN => return Ok(Next::Read),
                None => {
                    reads += 1;
                    let mut chunk = [0; CHUNK];
                    match self.stream.read(&mut chunk) {
                        Ok(0) => self.ended = true,
                        Ok(n) => self.input.push(&chunk[..n]),
                        Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(Next::Read),
                        Err(e) if e.kind() == ErrorKind::Interrupted => {}
                        Err(e) => return Err(e),
                    }
                }
            }
        }
    }

    fn answer(&mut self, shell: &Shell, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let Answer { reply, outcome } = commands::answer(&shell.device, shell, line, shell.now());
        shell.apply(outcome);
        self.reply(reply);
    }
}

struct Clients {
    shell: Arc<Shell>,
    socket: UnixListener,
    clients: [Option<Client>; MAX_CLIENTS],
}

impl Clients {
    fn accept(&mut self, ops: &mut EventOps) {
        while !self.shell.stopping() {
            match self.socket.accept() {
                Ok((stream, _)) => self.admit(stream, ops),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) if self.shell.stopping() => return,
                Err(e) => {
                    log::warn!(error:% = e; "control client");
                    thread::sleep(RETRY);
                    return;
                }
            }
        }
    }

    fn admit(&mut self, stream: UnixStream, ops: &mut EventOps) {
        if let Err(e) = stream.set_nonblocking(true) {
            log::warn!(error:% = e; "control client");
            return;
        }
        if self.clients.iter().all(Option::is_some) {
            // Some may have gone, and nobody has looked yet.
            (0..MAX_CLIENTS).for_each(|place| self.serve(place, ops));
        }
        let free = self.clients.iter().position(Option::is_none);
        // One that does not read its answers makes room for one that may.
        let deaf =
            || self.clients.iter().position(|c| c.as_ref().is_some_and(|c| c.waits_to_write));
        let Some(place) = free.or_else(deaf) else {
            let error = format!(
                "{MAX_CLIENTS} control clients are connected already, which is all there can be; \
                 end one of them"
            );
            let reply = protocol::refused(&Value::Null, &error) + "\n";
            // It fits into any socket buffer; if the client has gone, nobody misses it.
            let _ = (&stream).write_all(reply.as_bytes());
            return;
        };
        if self.clients[place].is_some() {
            log::warn!("control client does not read its answers; disconnected for another");
            self.drop_client(place, ops);
        }
        match ops.add(Events::with_data(&stream, place as u32, EventSet::IN)) {
            Ok(()) => self.clients[place] = Some(Client::new(stream)),
            Err(e) => log::warn!(error:% = e; "control client"),
        }
    }

    fn drop_client(&mut self, place: usize, ops: &mut EventOps) {
        if let Some(client) = self.clients[place].take()
            && let Err(e) = ops.remove(Events::empty(&client.stream))
        {
            log::error!(error:% = e; "control client");
        }
    }

    fn serve(&mut self, place: usize, ops: &mut EventOps) {
        let Some(client) = &mut self.clients[place] else { return };
        let next = client.turn(&self.shell).unwrap_or_else(|e| {
            log::debug!(error:% = e; "control client");
            Next::Close
        });
        let (write, set) = match next {
            Next::Close => return self.drop_client(place, ops),
            Next::Read => (false, EventSet::IN),
            Next::Write => (true, EventSet::OUT),
        };
        if write == client.waits_to_write {
            return;
        }
        client.waits_to_write = write;
        if let Err(e) = ops.modify(Events::with_data(&client.stream, place as u32, set)) {
            log::error!(error:% = e; "control client");
            self.drop_client(place, ops);
        }
    }
}

impl MutEventSubscriber for Clients {
    fn process(&mut self, events: Events, ops: &mut EventOps) {
        match events.data() {
            LISTENER => self.accept(ops),
            place => self.serve(place as usize, ops),
        }
    }

    fn init(&mut self, ops: &mut EventOps) {
        if let Err(e) = ops.add(Events::with_data(&self.socket, LISTENER, EventSet::IN)) {
            log::error!(error:% = e; "control socket");
        }
    }
}
