use super::super::header::Command;
use super::super::inbox::Inbox;
use super::super::{MAX_FDS, MAX_MESSAGE};
use super::*;
use proptest::prelude::*;
use std::cell::RefCell;

/// What was asked of the device and of the client, in order.
#[derive(Debug, Default)]
struct Fake {
    calls: Vec<String>,
    fails: Option<Errno>,
}

impl Fake {
    fn called(&mut self, what: String) -> Result<(), Errno> {
        self.calls.push(what);
        self.fails.map_or(Ok(()), Err)
    }
}

impl Backend for Fake {
    fn region_read(&mut self, access: Access, data: &mut [u8]) -> Result<(), Errno> {
        assert_eq!(data.len(), access.count as usize);
        data.fill(0xaa);
        self.called(format!("read {} {:#x}", access.region, access.offset))
    }
    fn region_write(&mut self, access: Access, data: &[u8]) -> Result<(), Errno> {
        self.called(format!("write {} {:#x} {data:?}", access.region, access.offset))
    }
    fn dma_map(&mut self, map: DmaMap, file: Option<OwnedFd>) -> Result<(), Errno> {
        self.called(format!("map {:#x} {}", map.address, file.is_some()))
    }
    fn dma_unmap(&mut self, unmap: DmaUnmap) -> Result<(), Errno> {
        self.called(format!("unmap {unmap:?}"))
    }
    fn set_irqs(&mut self, set: IrqSet<'_>, fds: Vec<OwnedFd>) -> Result<(), Errno> {
        self.called(format!("irqs {} {}", set.count, fds.len()))
    }
    fn reset(&mut self) -> Result<(), Errno> {
        self.called("reset".into())
    }
}

#[derive(Debug, Default)]
struct FakePeer {
    answers: RefCell<Vec<(u16, Vec<u8>)>>,
    twin: bool,
}

impl Peer for FakePeer {
    fn agreed(&self, limits: Limits) -> Option<OwnedFd> {
        (self.twin && limits.twin_socket).then(fd)
    }
    fn answered(&self, header: Header, body: &[u8]) {
        self.answers.borrow_mut().push((header.id, body.to_vec()));
    }
}

fn fd() -> OwnedFd {
    std::fs::File::open("/dev/null").unwrap().into()
}

fn description() -> Description {
    Description {
        regions: vec![Region { flags: 3, size: 0x100 }, Region::default()],
        interrupts: vec![Interrupt { flags: 7, count: 2 }],
        maps: Maps { max: 10, page_sizes: 4096 },
    }
}

/// Its header and its body.
type Reply = (Header, Vec<u8>);

struct Conversation {
    device: Fake,
    peer: FakePeer,
    greeted: bool,
}

impl Conversation {
    /// After the version, unless `greeted` is false.
    fn new(greeted: bool) -> Self {
        Self { device: Fake::default(), peer: FakePeer::default(), greeted }
    }

    /// Sends one message.
    fn send(
        &mut self,
        header: Header,
        body: &[u8],
        fds: Vec<OwnedFd>,
    ) -> (Result<(), Violation>, Vec<Reply>) {
        let description = description();
        let mut session = Session::new(&description, &mut self.device, &self.peer);
        session.greeted = self.greeted;
        let mut out = Outbox::default();
        let result = session.handle(Message { header, body, fds, too_many_fds: false }, &mut out);
        self.greeted = session.greeted;
        (result, parse(&out.bytes))
    }

    fn call(&mut self, command: Command, body: &[u8]) -> Reply {
        let header = Header::of_command(5, command, body.len());
        let (result, mut replies) = self.send(header, body, vec![]);
        assert_eq!((result, replies.len()), (Ok(()), 1));
        replies.remove(0)
    }
}

fn parse(mut bytes: &[u8]) -> Vec<Reply> {
    let mut found = Vec::new();
    while let Some((header, _)) = bytes.split_first_chunk() {
        let header = Header::from_bytes(*header);
        let (message, rest) = bytes.split_at(header.size as usize);
        found.push((header, message[16..].to_vec()));
        bytes = rest;
    }
    found
}

fn access(region: u32, offset: u64, count: u32) -> Vec<u8> {
    Access { offset, region, count }.to_bytes().to_vec()
}

#[test]
fn the_version_comes_first_and_once() {
    for command in Command::ALL.into_iter().filter(|c| *c != Command::Version) {
        let mut talk = Conversation::new(false);
        let header = Header::of_command(1, command, 0);
        let (result, replies) = talk.send(header, &[], vec![]);
        assert_eq!(result, Err(Violation::NoVersion(command as u16)));
        assert_eq!(replies, [(header.refusal(Errno::INVAL), vec![])]);
        assert!(talk.device.calls.is_empty());
    }
    let mut talk = Conversation::new(false);
    let (header, body) = talk.call(Command::Version, &[0, 0, 0, 0]);
    assert_eq!((header.flags, &body[..4]), (1, &[0; 4][..]));
    let (header, _) = talk.call(Command::Version, &[0, 0, 0, 0]);
    assert_eq!(header.result(), Err(Errno::INVAL));
    let mut talk = Conversation::new(false);
    let (result, replies) =
        talk.send(Header::of_command(1, Command::Version, 4), &[9, 0, 0, 0], vec![]);
    assert_eq!(result, Err(Violation::Version(Errno::INVAL)));
    assert_eq!(replies[0].0.result(), Err(Errno::INVAL));
}

#[test]
fn a_second_socket_is_given_to_who_asks_for_one() {
    let json = b"\0\0\0\0{\"capabilities\":{\"twin_socket\":{\"supported\":true}}}\0";
    for (twin, fds) in [(true, 1), (false, 0)] {
        let (description, mut device) = (description(), Fake::default());
        let peer = FakePeer { twin, ..FakePeer::default() };
        let mut session = Session::new(&description, &mut device, &peer);
        let mut out = Outbox::default();
        let header = Header::of_command(1, Command::Version, json.len());
        let message = Message { header, body: json, fds: vec![], too_many_fds: false };
        session.handle(message, &mut out).unwrap();
        assert_eq!(out.fds.len(), fds);
        let text = String::from_utf8(parse(&out.bytes)[0].1[4..].to_vec()).unwrap();
        assert_eq!(text.contains("fd_index"), twin, "{text}");
    }
}

#[test]
fn accesses_outside_a_region_never_reach_the_device() {
    let mut talk = Conversation::new(true);
    for (region, offset, count, inside) in [
        (0, 0, 0x100, true),
        (0, 0x100, 0, true),
        (0, 0xff, 1, true),
        (0, 0xff, 2, false),
        (0, 0, 0x10_0000, false),
        (0, u64::MAX, 1, false),
        (0, u64::MAX, 0, false),
        (1, 0, 0, true),
        (1, 0, 1, false),
        (2, 0, 0, false),
        (u32::MAX, 0, 4, false),
    ] {
        talk.device.calls.clear();
        let (header, body) = talk.call(Command::RegionRead, &access(region, offset, count));
        assert_eq!(header.result().is_ok(), inside, "{region} {offset:#x} {count:#x}");
        assert_eq!(talk.device.calls.len(), usize::from(inside));
        let length = if inside { 16 + count as usize } else { 0 };
        assert_eq!(body.len(), length);
    }
}

#[test]
fn a_device_s_error_is_the_whole_reply_and_a_posted_command_has_none() {
    let mut talk = Conversation::new(true);
    talk.device.fails = Some(Errno::FAULT);
    let read = access(0, 0, 4);
    let (header, body) = talk.call(Command::RegionRead, &read);
    assert_eq!((header.result(), header.id, body.len()), (Err(Errno::FAULT), 5, 0));
    for fails in [None, Some(Errno::FAULT)] {
        talk.device = Fake { calls: vec![], fails };
        let write = [&read[..], &[1, 2, 3, 4]].concat();
        let posted = Header::of_command(6, Command::RegionWrite, write.len());
        let posted = Header { flags: header::NO_REPLY, ..posted };
        assert_eq!(talk.send(posted, &write, vec![]), (Ok(()), vec![]));
        assert_eq!(talk.device.calls, ["write 0 0x0 [1, 2, 3, 4]"]);
    }
}

#[test]
fn of_many_writes_those_before_the_first_bad_one_are_done() {
    let mut talk = Conversation::new(true);
    let one = |offset: u64| [&access(0, offset, 4)[..], &[7; 8]].concat();
    let all = [one(0), one(4), one(0x100), one(8)].concat();
    let body = [&4_u64.to_ne_bytes()[..], &all].concat();
    let (header, _) = talk.call(Command::RegionWriteMulti, &body);
    assert_eq!(header.result(), Err(Errno::INVAL));
    assert_eq!(talk.device.calls, ["write 0 0x0 [7, 7, 7, 7]", "write 0 0x4 [7, 7, 7, 7]"]);
}

#[test]
fn descriptors_reach_who_may_have_them_and_nobody_else() {
    let map: Vec<u8> =
        [32_u32, 3, 0, 0, 0, 1, 0x1000, 0].iter().flat_map(|w| w.to_ne_bytes()).collect();
    let irqs: Vec<u8> = [20_u32, 0x24, 0, 0, 2].iter().flat_map(|w| w.to_ne_bytes()).collect();
    for (command, body, count, good) in [
        (Command::DmaMap, &map[..], 0, true),
        (Command::DmaMap, &map, 1, true),
        (Command::DmaMap, &map, 2, false),
        (Command::DeviceSetIrqs, &irqs, 0, true),
        (Command::DeviceSetIrqs, &irqs, 2, true),
        (Command::DeviceSetIrqs, &irqs, 3, false),
        (Command::DeviceReset, &[], 1, false),
        (Command::DeviceReset, &[], 0, true),
    ] {
        let mut talk = Conversation::new(true);
        let header = Header::of_command(1, command, body.len());
        let fds = (0..count).map(|_| fd()).collect();
        let (_, replies) = talk.send(header, body, fds);
        assert_eq!(replies[0].0.result().is_ok(), good, "{command:?} {count}");
        assert_eq!(talk.device.calls.len(), usize::from(good));
    }
}

/// Its end of the second socket would come with the reply to another command.
#[test]
fn who_wants_no_reply_to_the_version_has_no_second_socket() {
    let json = b"\0\0\0\0{\"capabilities\":{\"twin_socket\":{\"supported\":true}}}\0";
    let (description, mut device) = (description(), Fake::default());
    let peer = FakePeer { twin: true, ..FakePeer::default() };
    for (flags, fds) in [(0, 1), (header::NO_REPLY, 0)] {
        let mut session = Session::new(&description, &mut device, &peer);
        let header = Header { flags, ..Header::of_command(1, Command::Version, json.len()) };
        let message = Message { header, body: json, fds: vec![], too_many_fds: false };
        let mut out = Outbox::default();
        assert_eq!(session.handle(message, &mut out), Ok(()));
        assert_eq!((out.fds.len(), parse(&out.bytes).len()), (fds, fds));
    }
}

#[test]
fn replies_are_passed_on_and_other_types_end_it() {
    let mut talk = Conversation::new(true);
    let reply = Header::of_command(9, Command::DmaRead, 2).reply(2);
    assert_eq!(talk.send(reply, &[1, 2], vec![]), (Ok(()), vec![]));
    assert_eq!(*talk.peer.answers.borrow(), [(9, vec![1, 2])]);
    let odd = Header { flags: 2, ..reply };
    assert_eq!(talk.send(odd, &[1, 2], vec![]).0, Err(Violation::Type(2)));
}

proptest! {
    /// Whatever comes, every command that wants a reply has exactly one, with its ID.
    #[test]
    fn one_reply_each(
        messages in prop::collection::vec(
            (any::<u16>(), 1_u16..20, 0_u32..64, prop::collection::vec(0_u8..40, 0..60), 0..=MAX_FDS + 1),
            1..20,
        ),
    ) {
        let mut talk = Conversation::new(true);
        for (id, command, flags, body, fds) in messages {
            let size = 16 + body.len() as u32;
            let header = Header { id, command, size, flags, error: 0 };
            let fds = (0..fds).map(|_| fd()).collect();
            let (result, replies) = talk.send(header, &body, fds);
            if header.is_reply() || !header.is_command() {
                prop_assert!(replies.is_empty());
                continue;
            }
            prop_assert_eq!(result, Ok(()));
            prop_assert_eq!(replies.len(), usize::from(!header.is_posted()));
            for (reply, _) in replies {
                prop_assert_eq!((reply.id, reply.command), (id, command));
                prop_assert!(reply.is_reply() && reply.size as usize <= MAX_MESSAGE);
            }
        }
    }
}

#[test]
fn a_size_that_cannot_be_is_told_before_the_end() {
    let (description, mut device, peer) = (description(), Fake::default(), FakePeer::default());
    let session = Session::new(&description, &mut device, &peer);
    for (size, flags, replies) in [(u32::MAX, 0, 1), (3, 0, 0), (u32::MAX, 1, 0)] {
        let header = Header { id: 1, command: 10, size, flags, error: 0 };
        let mut inbox = Inbox::default();
        inbox.space()[..16].copy_from_slice(&header.to_bytes());
        inbox.received(16, vec![], false);
        let mut out = Outbox::default();
        let bad = inbox.take().unwrap_err();
        assert_eq!(session.refuse(bad, &mut out), Violation::Size(bad));
        assert_eq!(parse(&out.bytes).len(), replies);
    }
}
