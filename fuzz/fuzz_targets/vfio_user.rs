//! A client's socket: messages of every command with descriptors, mostly as they should be, in
//! pieces; each is answered once, jobs run meanwhile, and in the end no descriptor is left.
#![no_main]

use caam_emu::descriptors::flow::{Budget, Scratch};
use caam_emu::device::platform::Secrets;
use caam_emu::device::soc::VIRT_ERA9;
use caam_emu::device::{Device, Setup};
use caam_emu::server::backend::{Backend, description};
use caam_emu::server::shell::Shell;
use caam_emu::vfio_user::header::{self, Command, ERROR, Header, NO_REPLY};
use caam_emu::vfio_user::inbox::{Inbox, Message};
use caam_emu::vfio_user::session::{Outbox, Peer, Session};
use caam_emu::vfio_user::version::Limits;
use caam_emu::vfio_user::{Description, MAX_FDS, MAX_MESSAGE};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, LazyLock};

/// As in `tests/fuzz_seeds.rs`.
const BASE: u64 = 0x1_0000;
const PAGE: u64 = 0x1000;
const SIZE: u64 = 4 * PAGE;
const SETUP: Setup = Setup { soc: &VIRT_ERA9, rings: 2, decos: 1, fault_seed: 0 };
const BUDGET: Budget = Budget { commands: 200, entries: 200, bytes: 1 << 16 };
/// Most messages of a conversation.
const MESSAGES: usize = 300;

/// What clients say of themselves.
const VERSIONS: [&str; 6] = [
    "",
    "{}\0",
    r#"{"capabilities":{"max_msg_fds":8,"max_data_xfer_size":1048576,"write_multiple":true}}"#,
    r#"{"capabilities":{"twin_socket":{"supported":true},"pgsizes":4096,"max_dma_maps":9}}"#,
    r#"{"capabilities":{"max_data_xfer_size":0,"max_dma_maps":18446744073709551615}}"#,
    r#"{"capabilities":{"migration":{"pgsize":4096},"max_msg_fds":-1}}"#,
];

static DESCRIPTION: LazyLock<Description> = LazyLock::new(description);

/// What the client has in its hands: descriptors to give away.
struct Things {
    memory: File,
    /// Whoever holds this end keeps the other open.
    counted: PipeWriter,
}

impl Things {
    fn new(counted: PipeWriter) -> Self {
        thread_local!(static MEMORY: RefCell<File> =
            RefCell::new(tempfile::tempfile().expect("a temporary file")));
        let memory = MEMORY.with_borrow_mut(|file| {
            file.set_len(0).and_then(|()| file.set_len(SIZE)).expect("room for it");
            file.rewind().expect("to the beginning");
            file.try_clone().expect("another handle")
        });
        Self { memory, counted }
    }

    fn one(&self, kind: u8) -> OwnedFd {
        match kind % 8 {
            0..=3 => self.memory.try_clone().expect("another handle").into(),
            4 => File::open("/dev/null").expect("it is everywhere").into(),
            _ => self.counted.try_clone().expect("another handle").into(),
        }
    }

    fn some(&self, u: &mut Unstructured<'_>, usual: usize) -> Result<Vec<OwnedFd>> {
        let (odd, kind) = (u.arbitrary::<u8>()?, u.arbitrary::<u8>()?);
        let count = if odd < 240 { usual } else { usize::from(odd) % (MAX_FDS + 3) };
        Ok((0..count).map(|n| self.one(kind.wrapping_add(n as u8 * 3))).collect())
    }
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// A multiple of pages, mostly inside of the memory there is.
fn pages(u: &mut Unstructured<'_>) -> Result<u64> {
    let n: u8 = u.arbitrary()?;
    if n == 0xff { u.arbitrary() } else { Ok(u64::from(n % 6) * PAGE) }
}

/// A place in a region: mostly a register of a ring, or one of configuration space.
fn place(u: &mut Unstructured<'_>) -> Result<(u64, u32, u32)> {
    let (kind, offset) = (u.arbitrary::<u8>()?, u.arbitrary::<u16>()?);
    let register = u64::from(offset >> 8 & 3) * PAGE + u64::from(offset & 0x7c);
    Ok(match kind % 8 {
        0..=3 => (register, 0, 4),
        4 => (register & !7, 0, 8),
        5 => (u64::from(offset), 0, u32::from(kind)),
        6 => (u64::from(offset) % 0x110, 7, u32::from(kind >> 3) % 8),
        _ => (u64::from(offset) << (kind >> 3), u32::from(kind >> 3) % 12, u.arbitrary()?),
    })
}

/// A command's body.
fn body(u: &mut Unstructured<'_>, command: Command) -> Result<Vec<u8>> {
    Ok(match command {
        Command::Version => {
            let (which, minor) = (u.arbitrary::<u8>()?, u.arbitrary::<u8>()?);
            let mut body = bytes(&[u32::from(minor & 3) << 16 | u32::from(minor == 0xff)]);
            match VERSIONS.get(usize::from(which)) {
                Some(text) => body.extend(text.bytes()),
                None => body.extend(u.bytes(u.len().min(which.into()))?),
            }
            if body.len() > 4 && body.last() != Some(&0) {
                body.push(0);
            }
            body
        }
        Command::DmaMap => {
            let flags = u.arbitrary::<u8>()?;
            let flags = if flags < 0xf0 { 3 } else { flags & 7 };
            let (offset, size) = (pages(u)?, pages(u)?);
            let shift = if u.arbitrary::<u8>()? < 0xf0 { 0 } else { pages(u)? };
            let mut body = bytes(&[32, flags.into()]);
            body.extend(offset.wrapping_add(shift).to_ne_bytes());
            body.extend(BASE.wrapping_add(offset).to_ne_bytes());
            body.extend(size.to_ne_bytes());
            body
        }
        Command::DmaUnmap => {
            let flags = u.arbitrary::<u8>()?;
            let flags = if flags < 0xc0 { 0 } else { flags & 3 };
            let at =
                if flags & 2 != 0 { [0, 0] } else { [BASE.wrapping_add(pages(u)?), pages(u)?] };
            [bytes(&[24, flags.into()]), at.iter().flat_map(|n| n.to_ne_bytes()).collect()].concat()
        }
        Command::DeviceGetRegionInfo => bytes(&[32, 0, u.arbitrary::<u8>()?.into(), 0, 0, 0, 0, 0]),
        Command::DeviceGetInfo | Command::DeviceGetIrqInfo | Command::DeviceGetRegionIoFds => {
            bytes(&[16, 0, u.arbitrary::<u8>()?.into(), 0])
        }
        Command::DeviceSetIrqs => {
            let what = u.arbitrary::<u8>()?;
            let flags = 1 << (what & 3) | 8 << (what >> 2 & 3);
            let count = u32::from(what >> 6 != 0);
            let mut body = bytes(&[20 + count, flags, u32::from(what >> 4 & 3 == 3), 0, count]);
            body.extend(vec![1; count as usize]);
            body
        }
        Command::RegionRead | Command::RegionWrite => {
            let (offset, region, count) = place(u)?;
            let mut body = offset.to_ne_bytes().to_vec();
            body.extend(bytes(&[region, count]));
            if command == Command::RegionWrite {
                let value = u.arbitrary::<u32>()?.to_ne_bytes();
                body.extend(value.iter().cycle().take(count.min(0x1_0000) as usize));
            }
            body
        }
        Command::RegionWriteMulti => {
            let count = u.arbitrary::<u8>()? % 5;
            let mut body = u64::from(count).to_ne_bytes().to_vec();
            for _ in 0..count {
                let (offset, region, length) = place(u)?;
                body.extend(offset.to_ne_bytes());
                body.extend(bytes(&[region, length, u.arbitrary()?, 0]));
            }
            body
        }
        Command::DeviceReset => Vec::new(),
        _ => {
            let length = usize::from(u.arbitrary::<u8>()?).min(u.len());
            u.bytes(length)?.to_vec()
        }
    })
}

/// What it usually takes.
fn usual_fds(command: Command, body: &[u8]) -> usize {
    match command {
        Command::DmaMap => 1,
        // DATA_EVENTFD, and one of them
        Command::DeviceSetIrqs => usize::from(body.get(4).is_some_and(|flags| flags & 4 != 0)),
        _ => 0,
    }
}

/// The next message.
fn message(
    u: &mut Unstructured<'_>,
    things: &Things,
    id: u16,
    first: bool,
) -> Result<(Vec<u8>, Vec<OwnedFd>)> {
    let (what, odd) = (u.arbitrary::<u8>()?, u.arbitrary::<u8>()?);
    let command = match what % 32 {
        _ if first && odd < 0xf8 => Command::Version,
        0..18 => Command::ALL[usize::from(what % 32)],
        18..22 => Command::DmaMap,
        22..26 => Command::RegionRead,
        26..30 => Command::RegionWrite,
        _ => Command::DeviceSetIrqs,
    };
    let mut body = body(u, command)?;
    let mut fds = things.some(u, usual_fds(command, &body))?;
    let mut header = Header::of_command(id, command, body.len());
    match odd {
        0..0x80 => {}
        0x80..0xa0 => header.flags |= NO_REPLY,
        0xa0..0xa8 => header.flags |= 1,
        0xa8..0xb0 => (header.flags, header.error) = (1 | ERROR, what.into()),
        0xb0..0xb8 => header.command = u.arbitrary()?,
        0xb8..0xbc => header.flags = u.arbitrary()?,
        0xbc..0xbe => header.size = u.arbitrary()?,
        0xbe => header.size ^= 1 << (what % 32),
        0xc0..0xc4 => {
            let length = usize::from(what).min(body.len());
            body.truncate(length);
            header.size = (header::BYTES + length) as u32;
        }
        0xc4..0xc8 if !body.is_empty() => {
            let at = usize::from(what) % body.len();
            body[at] = u.arbitrary()?;
        }
        0xc8..0xcc => {
            body.push(what);
            header.size += 1;
        }
        0xcc..0xce => fds.clear(),
        _ => {}
    }
    Ok(([&header.to_bytes()[..], &body].concat(), fds))
}

/// The client, as far as the session has to do with it.
struct Client;

impl Peer for Client {
    fn agreed(&self, limits: Limits) -> Option<OwnedFd> {
        limits.twin_socket.then(|| File::open("/dev/null").expect("it is everywhere").into())
    }

    fn answered(&self, header: Header, _: &[u8]) {
        assert!(header.is_reply());
        let _ = header.result();
    }
}

/// What has been answered to `asked`.
fn judge(asked: Header, greeted: bool, ended: bool, out: &mut Outbox) {
    let replies = usize::from(!out.bytes.is_empty());
    if asked.is_command() && !ended {
        assert_eq!(replies, usize::from(!asked.is_posted()), "{asked:?}");
    }
    assert!(out.bytes.len() <= MAX_MESSAGE && out.fds.len() <= replies, "{asked:?}");
    if let Some(first) = out.bytes.first_chunk() {
        let reply = Header::from_bytes(*first);
        assert_eq!(reply.size as usize, out.bytes.len(), "one reply to {asked:?}");
        assert!(reply.is_reply() && !reply.is_command());
        assert_eq!((reply.id, reply.command), (asked.id, asked.command));
        assert_eq!(reply.result().is_err(), reply.error != 0);
        assert!(greeted || ended || reply.command == Command::Version as u16);
    }
    out.bytes.clear();
    out.fds.clear();
}

fn run_a_job(device: &Device, scratch: &mut Scratch) {
    if let (Some(job), _) = device.take_job(Default::default()) {
        let report = device.run_job(&job, scratch, BUDGET);
        let _ = device.complete_job(job, report, Default::default());
    }
}

fn converse(u: &mut Unstructured<'_>, things: &Things, shell: &Arc<Shell>) -> Result<()> {
    let mut backend = Backend::new(Arc::clone(shell));
    let mut session = Session::new(&DESCRIPTION, &mut backend, &Client);
    let (mut inbox, mut out) = (Inbox::default(), Outbox::default());
    let mut scratch = Scratch::default();
    let mut greeted = false;
    for id in 0..MESSAGES {
        if u.is_empty() {
            break;
        }
        let (bytes, mut fds) = message(u, things, id as u16, id == 0)?;
        let piece = usize::from(u.arbitrary::<u8>()?);
        // Many at once are whole.
        let piece = if piece < 0xc0 { bytes.len() } else { piece - 0xbf };
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let space = inbox.space();
            let n = rest.len().min(piece).min(space.len());
            space[..n].copy_from_slice(&rest[..n]);
            rest = &rest[n..];
            let truncated = fds.len() > MAX_FDS;
            inbox.received(n, std::mem::take(&mut fds), truncated);
            loop {
                match inbox.take() {
                    Ok(None) => break,
                    Ok(Some(message)) => {
                        let asked = message.header;
                        let Message { body, .. } = &message;
                        assert_eq!(asked.size as usize, header::BYTES + body.len());
                        let violation = session.handle(message, &mut out).err();
                        judge(asked, greeted, violation.is_some(), &mut out);
                        if violation.is_some() {
                            return Ok(());
                        }
                        greeted = true;
                    }
                    Err(bad) => {
                        let asked = bad.header;
                        let _ = session.refuse(bad, &mut out);
                        judge(asked, greeted, true, &mut out);
                        return Ok(());
                    }
                }
            }
        }
        if id % 4 == 3 {
            run_a_job(&shell.device, &mut scratch);
        }
    }
    Ok(())
}

fuzz_target!(|data: &[u8]| {
    let secrets = Secrets { seed: Some(1), master_key: None };
    let device = Device::new(SETUP, secrets).expect("a seed always has bytes");
    let shell = Arc::new(Shell::new(Arc::new(device)).expect("event descriptors"));
    let (mut reader, writer): (PipeReader, PipeWriter) = std::io::pipe().expect("a pipe");
    let things = Things::new(writer);
    (&things.memory).write_all(&data[..data.len().min(SIZE as usize)]).expect("its content");
    // Its end is the end of the data.
    let _ = converse(&mut Unstructured::new(data), &things, &shell);
    // As the server does when a client has gone.
    shell.set_interrupt(None);
    let _ = shell.device.disconnect(shell.now());
    assert!(shell.device.memory.is_empty());
    drop(things);
    let mut signals = Vec::new();
    // Would wait for ever if anybody still had the other end.
    reader.read_to_end(&mut signals).expect("a pipe");
    assert_eq!(signals.len() % 8, 0, "an eventfd takes eight bytes at a time");
});
