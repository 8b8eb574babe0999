//! A client whose memory is reached by messages: whichever layout its messages have, reads and
//! writes are exact; whatever else it answers ends in an error or in some data.
#![no_main]

use caam_emu::vfio_user::calls::Answer;
use caam_emu::vfio_user::header::{Command, Header};
use caam_emu::vfio_user::remote::{Client, RemoteMemory};
use caam_emu::vfio_user::session::Peer;
use caam_emu::vfio_user::version::Limits;
use caam_emu::vfio_user::{Connection, Errno, MAX_DATA};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

const BASE: u64 = 0x1_0000;
const SIZE: usize = 256;

/// Its answers are honest in one of the two layouts, or what it was given.
struct Fake<'a> {
    memory: RefCell<Vec<u8>>,
    /// Bytes between a message's header and its data.
    front: usize,
    max_data: usize,
    lies: Option<RefCell<Unstructured<'a>>>,
}

impl Fake<'_> {
    fn honest(&self, command: Command, body: &[u8]) -> Answer {
        let word = |at: usize| u32::from_ne_bytes(body[at..at + 4].try_into().expect("4 bytes"));
        let address = u64::from_ne_bytes(body[..8].try_into().expect("8 bytes"));
        let count = word(8) as usize;
        assert!((1..=self.max_data).contains(&count), "{count} bytes, at most {}", self.max_data);
        let at = address.checked_sub(BASE).filter(|at| *at <= SIZE as u64).ok_or(Errno::FAULT)?;
        let range = at as usize..at as usize + count;
        if range.end > SIZE {
            return Err(Errno::FAULT);
        }
        if command == Command::DmaRead {
            assert_eq!((word(12), body.len()), (0, 16));
            let mut reply = body[..self.front].to_vec();
            reply.extend(&self.memory.borrow()[range]);
            reply.resize(16 + count, 0);
            return Ok(reply);
        }
        assert_eq!((command, body.len()), (Command::DmaWrite, 16 + count));
        self.memory.borrow_mut()[range].copy_from_slice(&body[self.front..self.front + count]);
        Ok(Vec::new())
    }
}

impl Client for Fake<'_> {
    fn call(&self, command: Command, body: &[u8]) -> Answer {
        let Some(lies) = &self.lies else { return self.honest(command, body) };
        let mut lies = lies.borrow_mut();
        let (what, byte) =
            (lies.arbitrary::<u8>().unwrap_or(0), lies.arbitrary::<u8>().unwrap_or(0));
        let right = 16 + u32::from_ne_bytes(body[8..12].try_into().expect("4 bytes")) as usize;
        let length = match what % 16 {
            0 => return Err(Errno::from_raw_os_error(i32::from(byte | 1))),
            1 => usize::from(byte),
            2 => right + usize::from(byte),
            _ => right,
        };
        let mut reply = vec![0; length];
        let _ = lies.fill_buffer(&mut reply);
        Ok(reply)
    }

    fn max_data(&self) -> usize {
        self.max_data
    }
}

/// A few accesses; of an honest client's memory `truth` is the copy.
fn access<C: Client>(
    u: &mut Unstructured<'_>,
    remote: &RemoteMemory<C>,
    truth: Option<&mut Vec<u8>>,
) -> Result<()> {
    let mut truth = truth;
    for _ in 0..32 {
        if u.is_empty() {
            break;
        }
        let (write, at, length) =
            (u.arbitrary::<bool>()?, u.arbitrary::<u8>()?, u.arbitrary::<u8>()?);
        let (at, length) = (usize::from(at), usize::from(length));
        let mut data = vec![0; length];
        let inside = at + length <= SIZE;
        let address = BASE + at as u64;
        if write {
            // Zeros are what leaves doubt.
            let few = u.arbitrary::<u8>()?;
            for _ in 0..few % 8 {
                let (at, value) = (u.arbitrary::<u8>()?, u.arbitrary()?);
                if let Some(byte) = data.get_mut(usize::from(at)) {
                    *byte = value;
                }
            }
            let result = remote.write(address, &data);
            if let Some(truth) = truth.as_deref_mut() {
                assert_eq!(result.is_ok(), inside || length == 0);
                match result {
                    Ok(()) => truth.splice(at..at + length, data).for_each(drop),
                    // Some may have been written.
                    Err(_) => return Ok(()),
                }
            }
        } else {
            let result = remote.read(address, &mut data);
            if let Some(truth) = truth.as_deref() {
                assert_eq!(result.is_ok(), inside || length == 0);
                assert!(result.is_err() || data == truth[at..at + length], "{data:x?}");
            }
        }
    }
    Ok(())
}

/// The same by a socket on which `answers` wait already.
fn by_socket(u: &mut Unstructured<'_>) -> Result<()> {
    let (_client, socket) = UnixStream::pair().expect("sockets");
    let connection = Arc::new(Connection::new(socket.into()).expect("time-outs"));
    let limits = Limits { max_data: 64 + usize::from(u.arbitrary::<u8>()?), twin_socket: true };
    let theirs = connection.agreed(limits).expect("a second socket");
    let mut theirs = UnixStream::from(theirs);
    let remote = RemoteMemory::new(Arc::clone(&connection));
    for id in 0..32 {
        let (size, odd) = (u.arbitrary::<u8>()?, u.arbitrary::<u8>()?);
        let body = u.bytes(usize::from(size).min(u.len()))?.to_vec();
        let mut header = Header::of_command(id, Command::DmaRead, body.len()).reply(body.len());
        match odd {
            0..0xc0 => {}
            0xc0..0xd0 => header.id ^= 1,
            0xd0..0xe0 => (header.flags, header.error) = (0x21, size.into()),
            0xe0..0xf0 => header.flags = u.arbitrary()?,
            _ => header.size = u.arbitrary()?,
        }
        theirs.write_all(&header.to_bytes()).expect("room in the socket");
        theirs.write_all(&body).expect("room in the socket");
        if u.is_empty() {
            break;
        }
    }
    // What comes then is the end, and not waited for.
    theirs.shutdown(Shutdown::Write).expect("a socket");
    for n in [1, 4, 8, 64, 200] {
        let mut data = vec![1; n];
        let _ = remote.read(BASE, &mut data);
        let _ = remote.write(BASE, &data);
    }
    Ok(())
}

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let (what, max) = (u.arbitrary::<u8>().unwrap_or(0), u.arbitrary::<u8>().unwrap_or(0));
    let fake = |front, lies| {
        let max_data = if max < 0x80 { MAX_DATA } else { usize::from(max & 0x7c).max(4) };
        let mut memory = vec![0; SIZE];
        // A little of it is not zero.
        data.iter().take(40).for_each(|n| memory[usize::from(*n)] = n.wrapping_mul(7));
        Fake { memory: RefCell::new(memory), front, max_data, lies }
    };
    match what % 4 {
        0 | 1 => {
            let remote = RemoteMemory::new(fake([12, 16][usize::from(what % 2)], None));
            let mut truth = remote.client().memory.borrow().clone();
            let _ = access(&mut u, &remote, Some(&mut truth));
        }
        2 => {
            let lies = Some(RefCell::new(Unstructured::new(data.get(2..).unwrap_or_default())));
            let _ = access(&mut u, &RemoteMemory::new(fake(16, lies)), None);
        }
        _ => _ = by_socket(&mut u),
    }
});
