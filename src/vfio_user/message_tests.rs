use super::*;
use proptest::prelude::*;

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_ne_bytes()).collect()
}

proptest! {
    #[test]
    fn decoding_is_total(command in 0_u16..24, body in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(request) = Request::decode(command, &body) {
            if let Request::RegionRead(access) | Request::RegionWrite(access, _) = request {
                prop_assert!(access.count as usize <= MAX_DATA);
            }
            if let Request::RegionWriteMulti(writes) = request {
                prop_assert!(writes.len() <= body.len() / ONE_WRITE);
                for (_, data) in writes.iter().flatten() {
                    prop_assert!(data.len() <= 8);
                }
            }
        }
    }

    /// A prefix of a good message is never taken for one, but where a length is free.
    #[test]
    fn a_body_cut_short_is_refused(cut in 0_usize..32) {
        let bodies = [
            (2, words(&[32, 3, 0, 0, 0, 1, 0x1000, 0])),
            (3, words(&[24, 0, 0, 1, 0x1000, 0])),
            (4, words(&[16, 0, 0, 0])),
            (5, words(&[32, 0, 7, 0, 0, 0, 0, 0])),
            (6, words(&[16, 0, 7, 0])),
            (7, words(&[16, 0, 7, 0])),
            (8, words(&[20, 0x21, 0, 0, 1])),
            (9, words(&[0, 0, 7, 4])),
            (10, words(&[0, 0, 7, 4, 99])),
            (15, words(&[1, 0, 0, 0, 7, 4, 99, 0])),
        ];
        for (command, body) in bodies {
            prop_assert!(Request::decode(command, &body).is_ok(), "{}", command);
            if let Some(short) = body.get(..cut).filter(|short| short.len() < body.len()) {
                prop_assert_eq!(Request::decode(command, short), Err(Errno::INVAL));
            }
        }
    }
}

#[test]
fn every_request_is_what_it_says() {
    let map = words(&[32, 2, 0x1000, 0, 0x8000_0000, 1, 0x2000, 0]);
    let wanted = DmaMap {
        readable: false,
        writable: true,
        offset: 0x1000,
        address: 0x1_8000_0000,
        size: 0x2000,
    };
    assert_eq!(Request::decode(2, &map), Ok(Request::DmaMap(wanted)));
    assert_eq!(Request::decode(2, &map).unwrap().max_fds(), 1);
    let range = DmaUnmap::Range { address: 0x1000, size: 0x2000 };
    let unmap =
        |flags, address, size| Request::decode(3, words(&[24, flags, address, 0, size, 0]).leak());
    assert_eq!(unmap(0, 0x1000, 0x2000), Ok(Request::DmaUnmap(range)));
    assert_eq!(unmap(2, 0, 0), Ok(Request::DmaUnmap(DmaUnmap::All)));
    assert_eq!(unmap(2, 0, 0x1000), Err(Errno::INVAL));
    assert_eq!(unmap(1, 0, 0x1000), Err(Errno::NOTSUP));
    assert_eq!(unmap(4, 0, 0x1000), Err(Errno::INVAL));
    let bools = [&words(&[22, 0x0a, 0, 0, 2])[..], &[0, 1]].concat();
    let set = IrqSet {
        index: 0,
        start: 0,
        count: 2,
        action: IrqAction::Mask,
        data: IrqData::Bool(&[0, 1]),
    };
    assert_eq!(Request::decode(8, &bools), Ok(Request::SetIrqs(set)));
    assert_eq!(Request::decode(8, &bools[..21]), Err(Errno::INVAL));
    let eventfds = words(&[20, 0x24, 0, 0, 3]);
    assert_eq!(Request::decode(8, &eventfds).unwrap().max_fds(), 3);
    let access = Access { offset: 8, region: 1, count: 2 };
    assert_eq!(Request::decode(9, &access.to_bytes()), Ok(Request::RegionRead(access)));
    let write = [&access.to_bytes()[..], &[5, 6]].concat();
    assert_eq!(Request::decode(10, &write), Ok(Request::RegionWrite(access, &[5, 6])));
    let longer = [&write[..], &[7]].concat();
    assert_eq!(Request::decode(10, &longer), Err(Errno::INVAL));
    assert_eq!(Request::decode(13, &[]), Ok(Request::Reset));
}

#[test]
fn more_than_the_largest_transfer_is_refused() {
    let most = MAX_DATA as u32;
    let read = |count| Request::decode(9, words(&[0, 0, 0, count]).leak());
    assert!(read(most).is_ok());
    assert_eq!(read(most + 1), Err(Errno::TOOBIG));
    assert_eq!(read(u32::MAX), Err(Errno::TOOBIG));
}

#[test]
fn writes_of_more_than_eight_bytes_are_errors_in_their_place() {
    let body = words(&[2, 0, 0, 0, 0, 8, 1, 2, 0, 0, 0, 9, 1, 2]);
    let Ok(Request::RegionWriteMulti(writes)) = Request::decode(15, &body) else { panic!() };
    let access = Access { offset: 0, region: 0, count: 8 };
    let data = words(&[1, 2]);
    assert_eq!(writes.iter().collect::<Vec<_>>(), [Ok((access, &data[..])), Err(Errno::INVAL)]);
}
