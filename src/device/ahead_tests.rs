//! Entries that are asked for, and a ring that is reset meanwhile.

use super::super::dma::ClientMemory;
use super::super::tests::Rig;
use super::*;
use crate::jobring::fake_driver::{NARROW, Port};
use crate::jobring::registers::Register;
use std::io;
use std::sync::Mutex;

const RAM: u64 = 0x8000_0000;
const PAGE: u64 = 0x1000;

/// Has the same word everywhere, and notes what it is asked for.
#[derive(Debug, Default)]
struct Client {
    word: u32,
    read: Mutex<Vec<u64>>,
    written: Mutex<Vec<(u64, Vec<u8>)>>,
}

impl ClientMemory for Client {
    fn read(&self, address: u64, buf: &mut [u8]) -> io::Result<()> {
        self.read.lock().unwrap().push(address);
        let bytes = self.word.to_le_bytes();
        buf.iter_mut().zip(bytes.iter().cycle()).for_each(|(to, from)| *to = *from);
        Ok(())
    }

    fn write(&self, address: u64, buf: &[u8]) -> io::Result<()> {
        self.written.lock().unwrap().push((address, buf.to_vec()));
        Ok(())
    }
}

fn space(client: &Arc<Client>) -> DmaSpace {
    let space = DmaSpace::default();
    space.set_master(true);
    space.map(RAM, PAGE, true, true, None).unwrap();
    space.set_client(Some(Arc::clone(client) as Arc<dyn ClientMemory>));
    space
}

#[test]
fn under_a_lock_nobody_is_asked_and_afterwards_what_had_to_wait_is_written() {
    let client = Arc::new(Client { word: 7, ..Client::default() });
    let space = space(&client);
    let memory = Ahead::new(&space, Arc::default());
    let mut word = [0; 4];
    assert_eq!(memory.read_available(Purpose::InputRing, RAM, &mut word), 4);
    memory.write(Purpose::OutputRing, RAM + 8, b"made").unwrap();
    memory.lock();
    // What has been read is there, and what has been written is not written twice.
    assert_eq!(memory.read_available(Purpose::InputRing, RAM, &mut word), 4);
    assert_eq!(u32::from_le_bytes(word), 7);
    assert_eq!(memory.read_available(Purpose::InputRing, RAM + 4, &mut word), 0);
    memory.write(Purpose::OutputRing, RAM + 8, b"made").unwrap();
    memory.write(Purpose::OutputRing, RAM + 16, b"late").unwrap();
    let written = |at: &[(u64, &[u8; 4])]| {
        let at: Vec<_> = at.iter().map(|(at, bytes)| (RAM + at, bytes.to_vec())).collect();
        assert_eq!(*client.written.lock().unwrap(), at);
    };
    written(&[(8, b"made")]);
    memory.unlock();
    written(&[(8, b"made"), (16, b"late")]);
    assert_eq!(*client.read.lock().unwrap(), [RAM]);
}

/// By then the memory may be another client's.
#[test]
fn for_a_ring_that_has_been_reset_nobody_is_asked() {
    let client = Arc::new(Client::default());
    let (space, gone) = (space(&client), Arc::new(AtomicBool::new(false)));
    let memory = Ahead::new(&space, Arc::clone(&gone));
    memory.lock().write(Purpose::OutputRing, RAM, b"late").unwrap();
    gone.store(true, Ordering::Relaxed);
    memory.unlock();
    assert!(memory.write(Purpose::OutputRing, RAM, b"now!").is_err());
    assert!(memory.writable(Purpose::OutputRing, RAM, 4).is_err());
    assert_eq!(memory.read_available(Purpose::InputRing, RAM, &mut [0; 4]), 0);
    assert!(client.read.lock().unwrap().is_empty());
    assert!(client.written.lock().unwrap().is_empty());
}

/// A ring that looks as before, but is another client's: its entry was not read.
#[test]
fn an_entry_of_before_a_reset_is_no_job_behind_it() {
    let rig = Rig::new(&NARROW, 1);
    let set_up = |word| {
        let client = Arc::new(Client { word, ..Client::default() });
        rig.device.memory.unmap_all();
        let mut ring = rig.ring(0);
        rig.device.memory.map(ring.input(), 0x1_0000, true, true, None).unwrap();
        rig.device.memory.set_client(Some(client));
        rig.device.memory.set_master(true);
        ring.set_up(16);
        ring.write(Register::Irjar, 1);
    };
    set_up(0x100);
    let turn = rig.device.turn(0).expect("a job in memory that is asked for");
    rig.device.disconnect(rig.now);
    set_up(0x200);
    let (taken, _, outcome) = rig.device.take_with(0, &turn.memory, Some(&turn), rig.now);
    assert!(taken.is_none() && outcome.doorbell, "{taken:?}");
    drop(turn);
    let (taken, ..) = rig.device.take_from(0, rig.now);
    assert_eq!(taken.expect("the other client's job").descriptor, 0x200);
}
