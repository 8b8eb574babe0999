use super::*;
use proptest::prelude::*;
use std::cell::RefCell;

const BASE: u64 = 0x4000_0000;

/// A client with a little memory, that writes its messages in one of the two layouts.
struct Fake {
    memory: RefCell<Vec<u8>>,
    layout: Layout,
    max_data: usize,
    reads: RefCell<usize>,
}

impl Fake {
    fn range(&self, address: u64, count: usize) -> Result<std::ops::Range<usize>, Errno> {
        let at = address.checked_sub(BASE).ok_or(Errno::FAULT)? as usize;
        if count > self.max_data {
            return Err(Errno::TOOBIG);
        }
        if at + count > self.memory.borrow().len() { Err(Errno::FAULT) } else { Ok(at..at + count) }
    }
}

impl Client for Fake {
    fn call(&self, command: Command, body: &[u8]) -> Answer {
        let word = |at: usize| u32::from_ne_bytes(body[at..at + 4].try_into().unwrap());
        let address = u64::from_ne_bytes(body[..8].try_into().unwrap());
        let count = word(8) as usize;
        let range = self.range(address, count)?;
        let front = if self.layout == Layout::Long { LONG } else { SHORT };
        if command == Command::DmaRead {
            // The specification's count has an upper half, for QEMU it is what will be padding.
            assert_eq!((word(12), body.len()), (0, LONG));
            *self.reads.borrow_mut() += 1;
            let mut reply = body[..front].to_vec();
            reply.extend(&self.memory.borrow()[range]);
            reply.resize(LONG + count, 0);
            return Ok(reply);
        }
        // As QEMU checks it; the specification leaves nothing over.
        assert!(body.len() >= LONG + count);
        if self.layout == Layout::Long {
            assert_eq!((word(12), body.len()), (0, LONG + count));
        }
        self.memory.borrow_mut()[range].copy_from_slice(&body[front..front + count]);
        Ok(if self.layout == Layout::Long { body[..12].to_vec() } else { vec![] })
    }

    fn max_data(&self) -> usize {
        self.max_data
    }
}

fn remote(layout: Layout, memory: Vec<u8>) -> RemoteMemory<Fake> {
    let (memory, reads) = (RefCell::new(memory), RefCell::new(0));
    RemoteMemory::new(Fake { memory, layout, max_data: 4096, reads })
}

/// Memory with many zeros: they are what leaves doubt.
fn sparse() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![5 => Just(0_u8), 1 => any::<u8>()], 64)
}

#[derive(Debug, Clone)]
enum Op {
    Read(usize, usize),
    Write(usize, Vec<u8>),
}

fn op() -> impl Strategy<Value = Op> {
    let data = prop::collection::vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 0..24);
    prop_oneof![
        (0_usize..64, 0_usize..64).prop_map(|(at, n)| Op::Read(at, n.min(64 - at))),
        (0_usize..40, data).prop_map(|(at, data)| Op::Write(at, data)),
    ]
}

proptest! {
    /// Whichever layout the client has, and whatever is in memory, reads and writes are exact
    /// from the first on.
    #[test]
    fn memory_is_memory(short: bool, memory in sparse(), ops in prop::collection::vec(op(), 1..20)) {
        let layout = if short { Layout::Short } else { Layout::Long };
        let remote = remote(layout, memory.clone());
        let mut model = memory;
        for op in ops {
            match op {
                Op::Read(at, n) => {
                    let mut buf = vec![0xee; n];
                    prop_assert_eq!(remote.read(BASE + at as u64, &mut buf), Ok(()));
                    prop_assert_eq!(&buf, &model[at..at + n]);
                }
                Op::Write(at, data) => {
                    prop_assert_eq!(remote.write(BASE + at as u64, &data), Ok(()));
                    model[at..at + data.len()].copy_from_slice(&data);
                    prop_assert_eq!(&*remote.client.memory.borrow(), &model);
                }
            }
        }
        let known = remote.layout();
        prop_assert!(known == Layout::Unknown || known == layout);
    }
}

#[test]
fn large_transfers_are_cut_to_what_the_client_takes() {
    let data: Vec<u8> = (0..10_000_u32).map(|n| n as u8).collect();
    let remote = remote(Layout::Short, data.clone());
    let mut buf = vec![0; data.len()];
    remote.read(BASE, &mut buf).unwrap();
    assert_eq!(buf, data);
    // 4096, 4096, 1808; the first byte is 0, but not the first four.
    assert_eq!(*remote.client.reads.borrow(), 3);
    let reversed: Vec<u8> = data.into_iter().rev().collect();
    remote.write(BASE, &reversed).unwrap();
    assert_eq!(*remote.client.memory.borrow(), reversed);
}

#[test]
fn errors_are_the_client_s() {
    let remote = remote(Layout::Long, vec![1; 16]);
    assert_eq!(remote.read(BASE + 12, &mut [0; 8]), Err(Errno::FAULT));
    assert_eq!(remote.write(BASE - 1, &[0; 8]), Err(Errno::FAULT));
    assert_eq!(remote.read(u64::MAX - 3, &mut [0; 8]), Err(Errno::FAULT));
}

#[test]
fn a_client_that_transfers_nothing_and_one_that_answers_nonsense() {
    struct Odd(usize, usize);
    impl Client for Odd {
        fn call(&self, _: Command, _: &[u8]) -> Answer {
            Ok(vec![1; self.0])
        }
        fn max_data(&self) -> usize {
            self.1
        }
    }
    for length in [0, 12, 16, 23, 25, 1000] {
        let remote = RemoteMemory::new(Odd(length, 4096));
        assert_eq!(remote.read(BASE, &mut [0; 8]), Err(Errno::PROTO), "{length}");
    }
    for max in [0, 1, 3] {
        assert_eq!(RemoteMemory::new(Odd(24, max)).read(BASE, &mut [0; 8]), Err(Errno::MSGSIZE));
    }
}
