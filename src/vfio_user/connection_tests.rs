use super::super::message::Access;
use super::super::message::{DmaMap, DmaUnmap, IrqSet};
use super::super::session::{Backend, Description};
use super::super::version::Maps;
use super::super::{MAX_DATA, server};
use super::*;
use rustix::net::{send, socketpair};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc;

const LONG: Duration = Duration::from_secs(60);

/// A device without anything.
struct Nothing;

impl Backend for Nothing {
    fn region_read(&mut self, _: Access, _: &mut [u8]) -> Result<(), Errno> {
        Ok(())
    }
    fn region_write(&mut self, _: Access, _: &[u8]) -> Result<(), Errno> {
        Ok(())
    }
    fn dma_map(&mut self, _: DmaMap, _: Option<OwnedFd>) -> Result<(), Errno> {
        Ok(())
    }
    fn dma_unmap(&mut self, _: DmaUnmap) -> Result<(), Errno> {
        Ok(())
    }
    fn set_irqs(&mut self, _: IrqSet<'_>, _: Vec<OwnedFd>) -> Result<(), Errno> {
        Ok(())
    }
    fn reset(&mut self) -> Result<(), Errno> {
        Ok(())
    }
}

/// A connection that is served, and the client's end of it.
fn pair(patience: Duration) -> (Arc<Connection>, UnixStream, thread::JoinHandle<()>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_read_timeout(Some(LONG)).unwrap();
    let connection = Arc::new(Connection::with_patience(ours.into(), patience).unwrap());
    let served = Arc::clone(&connection);
    let (ready, is_ready) = mpsc::channel();
    let thread = thread::spawn(move || {
        served.receive_here();
        ready.send(()).unwrap();
        let maps = Maps { max: 1, page_sizes: 4096 };
        let description = Description { regions: vec![], interrupts: vec![], maps };
        let _ = server::serve(&served, &description, &mut Nothing, Duration::ZERO);
    });
    is_ready.recv().unwrap();
    (connection, theirs, thread)
}

fn read_message(stream: &mut UnixStream) -> (Header, Vec<u8>) {
    let mut bytes = [0; header::BYTES];
    stream.read_exact(&mut bytes).unwrap();
    let header = Header::from_bytes(bytes);
    let mut body = vec![0; header.size as usize - header::BYTES];
    stream.read_exact(&mut body).unwrap();
    (header, body)
}

fn answer(stream: &mut UnixStream, header: Header, body: &[u8]) {
    let reply = header.reply(body.len());
    stream.write_all(&[&reply.to_bytes()[..], body].concat()).unwrap();
}

#[test]
fn many_wait_at_once_and_each_has_its_own_answer() {
    let (connection, mut client, thread) = pair(LONG);
    let callers: Vec<_> = (0..8_u8)
        .map(|n| {
            let connection = Arc::clone(&connection);
            thread::spawn(move || connection.call(Command::DmaRead, &[n; 16]).unwrap())
        })
        .collect();
    let mut asked: Vec<_> = (0..8).map(|_| read_message(&mut client)).collect();
    // The client's own commands and our answers to them go in between.
    let version = Header::of_command(99, Command::Version, 4);
    client.write_all(&[&version.to_bytes()[..], &[0; 4]].concat()).unwrap();
    let (reply, _) = read_message(&mut client);
    assert_eq!((reply.id, reply.is_reply()), (99, true));
    asked.reverse();
    for (header, body) in asked {
        assert_eq!((header.command, body.len()), (Command::DmaRead as u16, 16));
        answer(&mut client, header, &body[..3]);
    }
    for (n, caller) in callers.into_iter().enumerate() {
        assert_eq!(caller.join().unwrap(), [n as u8; 3]);
    }
    drop(client);
    thread.join().unwrap();
}

#[test]
fn an_error_is_passed_on() {
    let (connection, mut client, _) = pair(LONG);
    let caller = thread::spawn(move || connection.call(Command::DmaWrite, &[0; 16]));
    let (header, _) = read_message(&mut client);
    client.write_all(&header.refusal(Errno::FAULT).to_bytes()).unwrap();
    assert_eq!(caller.join().unwrap(), Err(Errno::FAULT));
}

#[test]
fn who_waits_is_told_when_the_client_goes() {
    let (connection, mut client, thread) = pair(LONG);
    let waiting = Arc::clone(&connection);
    let caller = thread::spawn(move || waiting.call(Command::DmaRead, &[0; 16]));
    read_message(&mut client);
    drop(client);
    assert_eq!(caller.join().unwrap(), Err(Errno::NOTCONN));
    thread.join().unwrap();
    assert_eq!(connection.call(Command::DmaRead, &[0; 16]), Err(Errno::NOTCONN));
}

#[test]
fn a_client_that_does_not_answer_is_waited_for_once() {
    let (connection, mut client, _) = pair(Duration::from_millis(5));
    assert_eq!(connection.call(Command::DmaRead, &[1; 16]), Err(Errno::TIMEDOUT));
    assert_eq!(connection.call(Command::DmaRead, &[2; 16]), Err(Errno::TIMEDOUT));
    let (header, body) = read_message(&mut client);
    assert_eq!(body, [1; 16]);
    client.set_nonblocking(true).unwrap();
    let error = client.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "the second was not even sent");
    // A sign of life, by the time another command has been answered.
    client.set_nonblocking(false).unwrap();
    answer(&mut client, header, &[]);
    let version = Header::of_command(99, Command::Version, 4);
    client.write_all(&[&version.to_bytes()[..], &[0; 4]].concat()).unwrap();
    read_message(&mut client);
    let _ = connection.call(Command::DmaRead, &[3; 16]);
    assert_eq!(read_message(&mut client).1, [3; 16]);
}

#[test]
fn the_thread_that_receives_cannot_wait_for_itself() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let connection = Connection::new(ours.into()).unwrap();
    connection.receive_here();
    assert_eq!(connection.call(Command::DmaRead, &[0; 16]), Err(Errno::DEADLK));
}

#[test]
fn a_client_that_reads_nothing_is_given_up() {
    let (connection, client, _) = pair(Duration::from_millis(5));
    let body = vec![0; MAX_DATA];
    assert_eq!(connection.call(Command::DmaWrite, &body), Err(Errno::AGAIN));
    assert_eq!(connection.call(Command::DmaWrite, &body), Err(Errno::NOTCONN));
    drop(client);
}

#[test]
fn a_second_socket_has_the_commands_and_their_answers() {
    let (ours, _client) = UnixStream::pair().unwrap();
    let connection = Arc::new(Connection::with_patience(ours.into(), LONG).unwrap());
    let limits = Limits { max_data: 4096, twin_socket: true };
    let mut twin = UnixStream::from(connection.agreed(limits).unwrap());
    assert_eq!(connection.max_data(), 4096);
    let calling = Arc::clone(&connection);
    let caller =
        thread::spawn(move || [[1; 16], [2; 16]].map(|body| calling.call(Command::DmaRead, &body)));
    for n in [1, 2] {
        let (header, body) = read_message(&mut twin);
        assert_eq!(body, [n; 16]);
        // In pieces.
        let bytes = [&header.reply(2).to_bytes()[..], &[n, n]].concat();
        for piece in bytes.chunks(5) {
            twin.write_all(piece).unwrap();
        }
    }
    assert_eq!(caller.join().unwrap(), [Ok(vec![1; 2]), Ok(vec![2; 2])]);
    // An answer to something else, or a size that cannot be, ends it.
    let calling = Arc::clone(&connection);
    let caller = thread::spawn(move || calling.call(Command::DmaRead, &[3; 16]));
    let (header, _) = read_message(&mut twin);
    let odd = Header { size: u32::MAX, ..header.reply(0) };
    twin.write_all(&odd.to_bytes()).unwrap();
    assert_eq!(caller.join().unwrap(), Err(Errno::PROTO));
    assert_eq!(connection.call(Command::DmaRead, &[4; 16]), Err(Errno::NOTCONN));
}

#[test]
fn a_wait_for_a_message_has_an_end() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let connection = Connection::new(ours.into()).unwrap();
    let mut inbox = Inbox::default();
    for spin in [Duration::ZERO, Duration::from_secs(60)] {
        let mut spin = Spin::new(spin);
        spin.waited(Duration::ZERO);
        for wait in [0, 1, 999_999, 1_000_001] {
            let wait = Some(Duration::from_nanos(wait));
            assert_eq!(connection.receive(&mut inbox, &mut spin, wait), Err(Errno::TIMEDOUT));
            spin.waited(Duration::ZERO);
        }
        send(&theirs, &[1; 5], SendFlags::empty()).unwrap();
        assert_eq!(connection.receive(&mut inbox, &mut spin, Some(LONG)), Ok(5));
    }
    drop(theirs);
    let mut spin = Spin::new(Duration::ZERO);
    assert_eq!(connection.receive(&mut inbox, &mut spin, Some(LONG)), Ok(0));
}

/// The barrier that `Inbox::received` relies on: what is sent behind a message with descriptors
/// is not received together with it.
#[test]
fn descriptors_come_with_the_last_bytes_of_a_receive() {
    let flags = SocketFlags::CLOEXEC;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
    let connection = Connection::new(ours).unwrap();
    let message = |id| Header::of_command(id, Command::DeviceReset, 0).to_bytes();
    let null = std::fs::File::open("/dev/null").unwrap();
    for id in 0..6 {
        if id % 2 == 1 {
            send_all(theirs.as_fd(), &message(id), &[null.as_fd()]).unwrap();
        } else {
            send(&theirs, &message(id), SendFlags::empty()).unwrap();
        }
    }
    let (mut inbox, mut spin) = (Inbox::default(), Spin::new(Duration::ZERO));
    let mut found = Vec::new();
    while found.len() < 6 {
        connection.receive(&mut inbox, &mut spin, None).unwrap();
        while let Some(message) = inbox.take().unwrap() {
            found.push((message.header.id, message.fds.len()));
        }
    }
    assert_eq!(found, [(0, 0), (1, 1), (2, 0), (3, 1), (4, 0), (5, 1)]);
}
