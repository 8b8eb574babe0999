use super::super::header::Command;
use super::*;
use proptest::prelude::*;
use std::os::fd::AsRawFd;

fn message(id: u16, body: &[u8]) -> Vec<u8> {
    let header = Header::of_command(id, Command::RegionWrite, body.len());
    [&header.to_bytes()[..], body].concat()
}

fn receive(inbox: &mut Inbox, bytes: &[u8], fds: Vec<OwnedFd>) -> usize {
    let space = inbox.space();
    let n = space.len().min(bytes.len());
    space[..n].copy_from_slice(&bytes[..n]);
    inbox.received(n, fds, false);
    n
}

fn fd() -> OwnedFd {
    std::fs::File::open("/dev/null").unwrap().into()
}

/// IDs, bodies and numbers of descriptors of all whole messages.
fn drain(inbox: &mut Inbox) -> Vec<(u16, Vec<u8>, usize)> {
    let mut found = Vec::new();
    while let Some(message) = inbox.take().unwrap() {
        found.push((message.header.id, message.body.to_vec(), message.fds.len()));
    }
    found
}

proptest! {
    /// However a stream is cut, the messages are the same.
    #[test]
    fn cuts_do_not_matter(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 1..60),
        cuts in prop::collection::vec(1_usize..2000, 1..200),
    ) {
        let stream: Vec<u8> = bodies
            .iter()
            .enumerate()
            .flat_map(|(id, body)| message(id as u16, body))
            .collect();
        let mut inbox = Inbox::default();
        let mut found = Vec::new();
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            let n = receive(&mut inbox, &rest[..rest.len().min(*cut)], vec![]);
            rest = &rest[n..];
            found.extend(drain(&mut inbox));
            if rest.is_empty() {
                break;
            }
        }
        let wanted: Vec<_> =
            bodies.into_iter().enumerate().map(|(id, body)| (id as u16, body, 0)).collect();
        prop_assert_eq!(found, wanted);
        prop_assert!(!inbox.in_the_middle());
    }

    /// Any bytes at all: messages or an error, no panic, and never more room than for one message.
    #[test]
    fn any_bytes(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 1..50)) {
        let mut inbox = Inbox::default();
        'stream: for piece in pieces {
            receive(&mut inbox, &piece, vec![]);
            loop {
                match inbox.take() {
                    Ok(Some(message)) => prop_assert!(message.body.len() < MAX_MESSAGE),
                    Ok(None) => break,
                    Err(_) => break 'stream,
                }
            }
            prop_assert!(!inbox.space().is_empty() && inbox.buffer.len() <= MAX_MESSAGE);
        }
    }
}

#[test]
fn descriptors_go_with_the_last_message_begun() {
    let mut inbox = Inbox::default();
    let stream = [message(1, b"one"), message(2, b"two")].concat();
    receive(&mut inbox, &stream, vec![fd()]);
    let counts: Vec<_> = drain(&mut inbox).iter().map(|m| (m.0, m.2)).collect();
    assert_eq!(counts, [(1, 0), (2, 1)]);
    // With the beginning of a message, and with the rest of it.
    let three = message(3, b"three");
    receive(&mut inbox, &three[..5], vec![fd()]);
    assert_eq!(drain(&mut inbox), []);
    receive(&mut inbox, &three[5..], vec![fd()]);
    receive(&mut inbox, &message(4, b""), vec![]);
    let counts: Vec<_> = drain(&mut inbox).iter().map(|m| (m.0, m.2)).collect();
    assert_eq!(counts, [(3, 2), (4, 0)]);
}

#[test]
fn too_many_descriptors_are_closed_and_the_message_marked() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut inbox = Inbox::default();
    let bytes = message(1, b"");
    let copies = |n| (0..n).map(|_| writer.try_clone().unwrap().into()).collect();
    receive(&mut inbox, &bytes[..4], copies(MAX_FDS));
    receive(&mut inbox, &bytes[4..], copies(3));
    let taken = inbox.take().unwrap().unwrap();
    assert!(taken.too_many_fds && taken.fds.len() == MAX_FDS);
    assert!(taken.fds.iter().all(|fd| fd.as_raw_fd() >= 0));
    drop((taken, writer));
    // Ends only if no copy is open.
    assert_eq!(std::io::Read::read(&mut reader, &mut [0]).unwrap(), 0);
}

#[test]
fn the_largest_message_has_room_and_one_more_byte_is_an_error() {
    let mut inbox = Inbox::default();
    let body = vec![7; MAX_MESSAGE - header::BYTES];
    let bytes = [message(1, b"small"), message(2, &body)].concat();
    let mut rest = &bytes[..];
    let mut found = Vec::new();
    while !rest.is_empty() {
        let n = receive(&mut inbox, rest, vec![]);
        rest = &rest[n..];
        found.extend(drain(&mut inbox));
    }
    assert_eq!(found.iter().map(|m| m.1.len()).collect::<Vec<_>>(), [5, body.len()]);
    for size in [0, 15, MAX_MESSAGE as u32 + 1, u32::MAX] {
        let mut inbox = Inbox::default();
        let header = Header { size, ..Header::default() };
        receive(&mut inbox, &header.to_bytes(), vec![]);
        assert_eq!(inbox.take().unwrap_err(), BadSize { header });
        assert!(inbox.space().len() <= ROOM, "nothing is allocated for it");
    }
}
