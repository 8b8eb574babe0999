//! Mapping rules, and accesses against them.

use super::*;
use Purpose::{Input, Output, Table};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::atomic::AtomicUsize;
use std::thread;

const PAGE: u64 = 0x1000;
const RAM: u64 = 0x8000_0000;

/// A file of `pages` pages; the first byte of each is its number.
fn file(pages: u64) -> File {
    let file = tempfile::tempfile().unwrap();
    file.set_len(pages * PAGE).unwrap();
    for page in 0..pages {
        file.write_all_at(&[page as u8], page * PAGE).unwrap();
    }
    file
}

fn space() -> DmaSpace {
    let space = DmaSpace::default();
    space.set_master(true);
    space
}

fn map(space: &DmaSpace, address: u64, file: &File, offset: u64, pages: u64) {
    let file = file.try_clone().unwrap();
    space.map(address, pages * PAGE, true, true, Some((file, offset))).unwrap();
}

fn read(space: &DmaSpace, address: u64, length: usize) -> Result<Vec<u8>, DmaError> {
    let mut buf = vec![0xee; length];
    space.read(Input, address, &mut buf).map(|()| buf)
}

/// Open descriptors of this process that are this very file. (Other tests run beside this one,
/// so the number of all descriptors says nothing.)
fn descriptors_of(file: &File) -> usize {
    let inode = file.metadata().unwrap().ino();
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::metadata(entry.unwrap().path()).ok())
        .filter(|found| found.ino() == inode)
        .count()
}

#[test]
fn bytes_go_to_the_file_at_the_offset_and_back() {
    let (space, file) = (space(), file(4));
    map(&space, RAM, &file, 2 * PAGE, 2);
    assert_eq!(read(&space, RAM, 1).unwrap(), [2]);
    assert_eq!(read(&space, RAM + PAGE, 1).unwrap(), [3]);
    space.write(Output, RAM + 5, b"CAAM").unwrap();
    let mut bytes = [0; 6];
    file.read_exact_at(&mut bytes, 2 * PAGE + 4).unwrap();
    assert_eq!(&bytes, b"\0CAAM\0");
    assert_eq!(read(&space, RAM + 4, 6).unwrap(), bytes);
    // And what the guest changes afterwards is seen.
    file.write_all_at(b"X", 2 * PAGE + 5).unwrap();
    assert_eq!(read(&space, RAM + 5, 4).unwrap(), b"XAAM");
}

#[test]
fn the_bounds_of_a_region_are_exact() {
    let (space, file) = (space(), file(2));
    map(&space, RAM, &file, 0, 2);
    let end = RAM + 2 * PAGE;
    for (address, length, reachable) in [
        (RAM, 1, true),
        (RAM, 2 * PAGE as usize, true),
        (end - 1, 1, true),
        (end - 8, 8, true),
        (RAM - 1, 1, false),
        (RAM - 1, 2, false),
        (end, 1, false),
        (end - 1, 2, false),
        (RAM, 2 * PAGE as usize + 1, false),
        (0, 1, false),
        (u64::MAX, 1, false),
        (u64::MAX, 64, false),
        (u64::MAX - 3, 8, false),
    ] {
        let error = |purpose, access| DmaError { purpose, address, length, access };
        let got = read(&space, address, length);
        assert_eq!(got.is_ok(), reachable, "read {address:#x}+{length}");
        if !reachable {
            assert_eq!(got.unwrap_err(), error(Input, Access::Read));
        }
        let promised = space.writable(Output, address, length);
        let got = space.write(Output, address, &vec![1; length]);
        assert_eq!(promised, got);
        assert_eq!(got.is_ok(), reachable, "write {address:#x}+{length}");
        if !reachable {
            assert_eq!(got.unwrap_err(), error(Output, Access::Write));
        }
    }
}

#[test]
fn an_empty_access_reaches_nothing_and_is_fine() {
    let space = space();
    assert_eq!(read(&space, 0, 0), Ok(vec![]));
    assert_eq!(space.write(Output, u64::MAX, &[]), Ok(()));
}

#[test]
fn impossible_ranges_are_refused() {
    let (space, file) = (space(), file(1));
    for (address, size) in [
        (RAM, 0),
        (0, 0),
        (u64::MAX, 0),
        (u64::MAX, 1),
        (u64::MAX - PAGE + 1, PAGE),
        (u64::MAX - PAGE + 1, 2 * PAGE),
        (PAGE, u64::MAX),
        (PAGE, u64::MAX - PAGE + 1),
    ] {
        for with_file in [false, true] {
            let memory = with_file.then(|| (file.try_clone().unwrap(), 0));
            let error = space.map(address, size, true, true, memory).unwrap_err();
            assert!(matches!(error, MapError::Range { .. }), "{address:#x}, {size:#x}: {error}");
        }
    }
    assert!(space.is_empty());
    assert_eq!(descriptors_of(&file), 1, "refused descriptors are closed");
}

#[test]
fn overlaps_are_refused_and_neighbours_are_not() {
    let (space, file) = (space(), file(16));
    let at = |page: u64| RAM + page * PAGE;
    map(&space, at(4), &file, 4 * PAGE, 4); // pages 4..8
    for (page, pages) in [(4, 4), (4, 1), (7, 1), (5, 2), (3, 2), (7, 2), (0, 16), (3, 6)] {
        let memory = Some((file.try_clone().unwrap(), 0));
        let error = space.map(at(page), pages * PAGE, true, true, memory).unwrap_err();
        assert!(matches!(error, MapError::Overlap { .. }), "{page}+{pages}: {error}");
    }
    // One byte is enough.
    assert!(space.map(at(8) - 1, 1, true, true, None).is_err());
    assert!(space.map(at(3), PAGE + 1, true, true, None).is_err());
    assert_eq!(space.len(), 1);
    assert_eq!(read(&space, at(5), 1).unwrap(), [5], "the first mapping is untouched");
    map(&space, at(8), &file, 8 * PAGE, 1);
    map(&space, at(3), &file, 3 * PAGE, 1);
    map(&space, at(12), &file, 12 * PAGE, 1);
    map(&space, at(9), &file, 9 * PAGE, 3);
    for page in 3..13 {
        assert_eq!(read(&space, at(page), 1).unwrap(), [page as u8]);
    }
    assert_eq!(descriptors_of(&file), 1 + 5);
    space.unmap_all();
    assert_eq!(descriptors_of(&file), 1);
}

#[test]
fn an_unmap_names_regions_exactly() {
    let (space, file) = (space(), file(16));
    let at = |page: u64| RAM + page * PAGE;
    for (page, pages) in [(2, 2), (4, 1), (5, 3), (10, 1)] {
        map(&space, at(page), &file, page * PAGE, pages);
    }
    for (page, pages) in
        [(2, 1), (3, 1), (2, 7), (1, 3), (3, 2), (5, 1), (6, 2), (0, 2), (8, 2), (10, 2), (2, 4)]
    {
        let error = space.unmap(at(page), pages * PAGE).unwrap_err();
        assert!(matches!(error, MapError::NotMapped { .. }), "{page}+{pages}: {error}");
        assert_eq!(space.len(), 4);
    }
    for (address, size) in [(at(2), 0), (at(2), u64::MAX), (u64::MAX, 1), (0, u64::MAX)] {
        assert!(space.unmap(address, size).is_err(), "{address:#x}, {size:#x}");
    }
    assert!(space.unmap(at(2) + 1, 2 * PAGE - 1).is_err());
    assert!(space.unmap(at(2), 2 * PAGE - 1).is_err());
    assert_eq!(space.len(), 4);
    // One of them; it cannot be unmapped twice, and its neighbours stay.
    space.unmap(at(4), PAGE).unwrap();
    assert!(space.unmap(at(4), PAGE).is_err());
    assert!(read(&space, at(4), 1).is_err());
    assert_eq!(read(&space, at(3), 1).unwrap(), [3]);
    assert_eq!(read(&space, at(5), 1).unwrap(), [5]);
    // Several that lie end to end.
    map(&space, at(4), &file, 4 * PAGE, 1);
    space.unmap(at(2), 6 * PAGE).unwrap();
    assert_eq!(space.len(), 1);
    assert_eq!(read(&space, at(10), 1).unwrap(), [10]);
    assert_eq!(descriptors_of(&file), 2);
    // The place can be used again.
    map(&space, at(2), &file, 0, 8);
    assert_eq!(read(&space, at(2), 1).unwrap(), [0]);
}

#[test]
fn one_access_crosses_adjacent_regions() {
    let (space, low, high) = (space(), file(1), file(1));
    map(&space, RAM + PAGE, &high, 0, 1);
    map(&space, RAM, &low, 0, 1);
    space.write(Output, RAM + PAGE - 3, b"abcdef").unwrap();
    assert_eq!(read(&space, RAM + PAGE - 3, 6).unwrap(), b"abcdef");
    let mut bytes = [0; 3];
    low.read_exact_at(&mut bytes, PAGE - 3).unwrap();
    assert_eq!(&bytes, b"abc");
    high.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"def");
}

#[test]
fn an_access_into_a_gap_fails_and_prefetches_stop_there() {
    let (space, file) = (space(), file(3));
    map(&space, RAM, &file, 0, 1);
    map(&space, RAM + 2 * PAGE, &file, 2 * PAGE, 1);
    assert!(read(&space, RAM + PAGE - 1, 2).is_err());
    assert!(read(&space, RAM, 3 * PAGE as usize).is_err());
    let mut buf = vec![0xee; 64];
    assert_eq!(space.read_available(Table, RAM + PAGE - 16, &mut buf), 16);
    assert_eq!(buf[..16], [0; 16]);
    assert_eq!(buf[16..], [0xee; 48], "what could not be read is not touched");
    assert_eq!(space.read_available(Table, RAM + PAGE, &mut buf), 0);
    assert_eq!(space.read_available(Table, RAM, &mut buf), 64);
    assert_eq!(space.read_available(Table, u64::MAX - 7, &mut buf), 0);
}

#[test]
fn long_accesses_are_whole_although_copied_in_pieces() {
    let (space, file) = (space(), file(256));
    // Three regions, with borders that are no multiples of the piece.
    map(&space, RAM, &file, 0, 17);
    map(&space, RAM + 17 * PAGE, &file, 17 * PAGE, 100);
    map(&space, RAM + 117 * PAGE, &file, 117 * PAGE, 139);
    let data: Vec<u8> = (0..255 * PAGE as usize).map(|i| ((i * 31) >> 3) as u8).collect();
    assert!(data.len() > 4 * PIECE);
    space.write(Output, RAM + 77, &data).unwrap();
    assert_eq!(read(&space, RAM + 77, data.len()).unwrap(), data);
    let mut bytes = vec![0; data.len()];
    file.read_exact_at(&mut bytes, 77).unwrap();
    assert_eq!(bytes, data);
}

#[test]
fn permissions_hold() {
    let (space, file) = (space(), file(3));
    let clone = || file.try_clone().unwrap();
    space.map(RAM, PAGE, true, false, Some((clone(), 0))).unwrap();
    space.map(RAM + PAGE, PAGE, false, true, Some((clone(), PAGE))).unwrap();
    space.map(RAM + 2 * PAGE, PAGE, false, false, Some((clone(), 2 * PAGE))).unwrap();
    assert!(read(&space, RAM, 4).is_ok());
    assert!(space.write(Output, RAM, b"no").is_err());
    assert!(read(&space, RAM + PAGE, 4).is_err());
    assert!(space.write(Output, RAM + PAGE, b"yes").is_ok());
    assert!(read(&space, RAM + 2 * PAGE, 1).is_err());
    assert!(space.write(Output, RAM + 2 * PAGE, b"n").is_err());
    let writable = [0, 1, 2].map(|n| space.writable(Output, RAM + n * PAGE, 1).is_ok());
    assert_eq!(writable, [false, true, false]);
    // Half of it is allowed.
    assert!(read(&space, RAM + PAGE - 2, 4).is_err());
    let mut bytes = [0; 1];
    file.read_exact_at(&mut bytes, 1).unwrap();
    assert_eq!(bytes, [0], "nothing was written to the read-only region");
    // Asking writes nothing.
    file.write_all_at(b"as before", PAGE).unwrap();
    assert!(space.writable(Output, RAM + PAGE, 9).is_ok());
    let mut bytes = [0; 9];
    file.read_exact_at(&mut bytes, PAGE).unwrap();
    assert_eq!(&bytes, b"as before");
}

#[test]
fn a_descriptor_opened_for_reading_can_be_mapped_for_reading_only() {
    let space = space();
    let mut named = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut named, &[7; PAGE as usize]).unwrap();
    let open = || Some((File::open(named.path()).unwrap(), 0));
    let error = space.map(RAM, PAGE, true, true, open()).unwrap_err();
    assert!(matches!(error, MapError::Map { .. }), "{error}");
    space.map(RAM, PAGE, true, false, open()).unwrap();
    assert_eq!(read(&space, RAM, 2).unwrap(), [7, 7]);
}

#[test]
fn memory_that_was_not_shared_is_known_and_not_reachable() {
    let (space, file) = (space(), file(1));
    space.map(RAM, PAGE, true, true, None).unwrap();
    map(&space, RAM + PAGE, &file, 0, 1);
    assert_eq!(space.len(), 2);
    assert!(read(&space, RAM, 1).is_err());
    assert!(space.write(Output, RAM, &[1]).is_err());
    assert!(read(&space, RAM + PAGE, 1).is_ok());
    assert!(read(&space, RAM + PAGE - 1, 2).is_err());
    space.unmap(RAM, PAGE).unwrap();
    assert_eq!(space.len(), 1);
}

#[test]
fn without_bus_mastering_nothing_is_reached() {
    let (space, file) = (DmaSpace::default(), file(1));
    map(&space, RAM, &file, 0, 1);
    assert!(read(&space, RAM, 1).is_err(), "off is the reset state");
    assert!(space.write(Output, RAM, &[9]).is_err());
    assert_eq!(space.read_available(Table, RAM, &mut [0; 8]), 0);
    space.set_master(true);
    assert_eq!(read(&space, RAM, 1).unwrap(), [0]);
    space.set_master(false);
    assert!(read(&space, RAM, 1).is_err());
}

#[test]
fn a_file_shorter_than_the_mapping_is_refused() {
    // An access behind its end would be a SIGBUS.
    let (space, file) = (space(), file(2));
    for (offset, size) in [
        (0, 2 * PAGE + 1),
        (0, 3 * PAGE),
        (PAGE, 2 * PAGE),
        (2 * PAGE, PAGE),
        (64 * PAGE, PAGE),
        (u64::MAX - PAGE + 1, PAGE),
        (!(PAGE - 1), 2 * PAGE),
        (0, 1 << 46),
    ] {
        let memory = Some((file.try_clone().unwrap(), offset));
        let error = space.map(RAM, size, true, true, memory).unwrap_err();
        assert!(matches!(error, MapError::Map { .. }), "{offset:#x}, {size:#x}: {error}");
    }
    // mmap wants offsets in pages.
    let memory = Some((file.try_clone().unwrap(), 12));
    assert!(space.map(RAM, PAGE, true, true, memory).is_err());
    assert!(space.is_empty());
    assert_eq!(descriptors_of(&file), 1);
}

#[test]
fn what_cannot_be_mapped_is_refused() {
    let space = space();
    let (pipe, _other) = std::io::pipe().unwrap();
    let pipe = File::from(std::os::fd::OwnedFd::from(pipe));
    assert!(space.map(RAM, PAGE, true, true, Some((pipe, 0))).is_err());
    let directory = File::open("/").unwrap();
    assert!(space.map(RAM, PAGE, true, false, Some((directory, 0))).is_err());
    assert!(space.is_empty());
}

#[test]
fn the_number_of_regions_is_bounded() {
    let space = space();
    for n in 0..MAX_REGIONS as u64 {
        space.map(n * PAGE, PAGE, true, true, None).unwrap();
    }
    let more = space.map(MAX_REGIONS as u64 * PAGE, PAGE, true, true, None);
    assert!(matches!(more, Err(MapError::TooMany)));
    space.unmap(7 * PAGE, PAGE).unwrap();
    space.map(MAX_REGIONS as u64 * PAGE, PAGE, true, true, None).unwrap();
}

#[test]
fn errors_say_what_and_where_in_one_line() {
    let space = space();
    let errors = [
        space.map(RAM, 0, true, true, None).unwrap_err(),
        space.unmap(RAM, PAGE).unwrap_err(),
        space.map(RAM, PAGE, true, true, Some((file(0), 0))).unwrap_err(),
    ];
    for error in errors {
        let text = error.to_string();
        assert!(text.contains("0x80000000") && !text.contains('\n'), "{text}");
    }
}

/// An unmap waits for the copy that is under way, and none begins afterwards.
#[test]
fn nothing_is_written_after_an_unmap_was_answered() {
    const PAGES: u64 = 8;
    for _ in 0..20 {
        let (space, file) = (space(), file(PAGES));
        map(&space, RAM, &file, 0, PAGES / 2);
        map(&space, RAM + PAGES / 2 * PAGE, &file, PAGES / 2 * PAGE, PAGES / 2);
        let (writes, gone) = (AtomicUsize::new(0), AtomicBool::new(false));
        thread::scope(|scope| {
            for n in 1..=2_u8 {
                let (space, writes, gone) = (&space, &writes, &gone);
                scope.spawn(move || {
                    let mut late = 0;
                    while late < 50 {
                        let was_gone = gone.load(Ordering::SeqCst);
                        let value = writes.fetch_add(1, Ordering::SeqCst) as u8 | n;
                        let data = vec![value; (PAGES * PAGE) as usize];
                        let result = space.write(Output, RAM, &data);
                        let mut back = vec![0; data.len()];
                        let available = space.read_available(Table, RAM, &mut back);
                        if was_gone {
                            assert!(result.is_err());
                            assert_eq!(available, 0);
                            late += 1;
                        }
                    }
                });
            }
            while writes.load(Ordering::SeqCst) < 20 {
                thread::yield_now();
            }
            space.unmap(RAM, PAGES * PAGE).unwrap();
            let mut before = vec![0; (PAGES * PAGE) as usize];
            file.read_exact_at(&mut before, 0).unwrap();
            gone.store(true, Ordering::SeqCst);
            let seen = writes.load(Ordering::SeqCst);
            while writes.load(Ordering::SeqCst) < seen + 20 {
                thread::yield_now();
            }
            let mut after = vec![0; before.len()];
            file.read_exact_at(&mut after, 0).unwrap();
            assert!(before == after, "written after the unmap");
        });
        assert_eq!(descriptors_of(&file), 1);
    }
}
