//! Scatter/gather tables, from literal entries, and against a flat copy of the same data.

use super::*;
use crate::descriptors::test_support::cases;
use crate::device::soc::{PointerSize, VIRT_ERA9};
use crate::memory::Access;
use crate::memory::flat::FlatMemory;
use Purpose::{Input, Output};
use proptest::prelude::*;
use std::cell::RefCell;

const BASE: u64 = 0x1_0000;
const SIZE: usize = 0x4000;
const TABLE: u64 = BASE + 0x1000;
const F: u32 = 1 << 30;
const E: u32 = 1 << 31;

/// An entry as the default profile reads it: low pointer word, high pointer word, control, offset.
fn entry(memory: &FlatMemory, at: u64, pointer: u64, control: u32, offset: u32) {
    memory.poke_words(at, &[pointer as u32, (pointer >> 32) as u32, control, offset]);
}

/// Memory whose byte at `BASE + i` is a function of `i`, with zeros where tables go.
fn patterned() -> FlatMemory {
    let memory = FlatMemory::new(BASE, SIZE);
    let bytes: Vec<u8> = (0..SIZE).map(|i| (i * 7 + i / 256) as u8).collect();
    memory.poke(BASE, &bytes);
    memory.poke(TABLE, &[0; 0x400]);
    memory
}

fn context<'a>(memory: &'a FlatMemory, soc: &'a SocProfile) -> WalkContext<'a, FlatMemory> {
    WalkContext::new(memory, soc, 100)
}

fn read(memory: &FlatMemory, mut cursor: Cursor, length: usize) -> Result<Vec<u8>, WalkError> {
    let mut bytes = vec![0; length];
    cursor.read(&mut context(memory, &VIRT_ERA9), &mut bytes).map(|()| bytes)
}

fn deco(error: DecoError) -> WalkError {
    WalkError::Deco(error)
}

fn dma(purpose: Purpose, address: u64, length: usize) -> WalkError {
    let access = if purpose == Purpose::Output { Access::Write } else { Access::Read };
    WalkError::Dma(DmaError { purpose, address, length, access })
}

#[test]
fn direct_data_ends_at_its_length() {
    let memory = patterned();
    let cursor = Cursor::direct(BASE + 5, 20);
    assert_eq!(read(&memory, cursor, 20), Ok(memory.peek(BASE + 5, 20)));
    assert_eq!(read(&memory, cursor, 0), Ok(vec![]));
    assert_eq!(read(&memory, cursor, 21), Err(deco(DecoError::SgtTooShort)));
    // PRE lets it reach further
    let mut longer = cursor;
    longer.extend(1);
    assert_eq!(read(&memory, longer, 21), Ok(memory.peek(BASE + 5, 21)));
    longer.extend(u64::MAX);
    assert_eq!(read(&memory, longer, 40), Ok(memory.peek(BASE + 5, 40)));
}

#[test]
fn data_outside_memory_is_the_dma_error_of_that_piece() {
    let memory = patterned();
    let end = BASE + SIZE as u64;
    let cursor = Cursor::direct(end - 4, 8);
    assert_eq!(read(&memory, cursor, 8), Err(dma(Input, end - 4, 8)));
    assert_eq!(read(&memory, cursor, 4), Ok(memory.peek(end - 4, 4)));
    let mut cursor = Cursor::direct(0, 8);
    let result = cursor.write(&mut context(&memory, &VIRT_ERA9), &[1; 8]);
    assert_eq!(result, Err(dma(Output, 0, 8)));
    // the second entry of a table
    entry(&memory, TABLE, BASE, 4, 0);
    entry(&memory, TABLE + 16, end, F | 8, 0);
    assert_eq!(read(&memory, Cursor::table(TABLE), 6), Err(dma(Input, end, 2)));
    // wrapping around the end of the address space
    let error = read(&memory, Cursor::direct(u64::MAX - 1, 8), 8);
    assert_eq!(error, Err(dma(Input, u64::MAX - 1, 8)));
}

#[test]
fn entries_follow_one_another() {
    let memory = patterned();
    // six entries: more than one group of four; one of them without length
    let pieces = [(0x100, 3), (0x200, 1), (0x300, 0), (0x400, 17), (0x180, 64), (0x500, 5)];
    let mut expected = Vec::new();
    for (i, (at, length)) in pieces.into_iter().enumerate() {
        let last = if i == 5 { F } else { 0 };
        entry(&memory, TABLE + 16 * i as u64, BASE + at, length | last, 0);
        expected.extend(memory.peek(BASE + at, length as usize));
    }
    let cursor = Cursor::table(TABLE);
    assert_eq!(read(&memory, cursor, expected.len()), Ok(expected.clone()));
    assert_eq!(read(&memory, cursor, expected.len() + 1), Err(deco(DecoError::SgtTooShort)));
    assert_eq!(read(&memory, cursor, 7), Ok(expected[..7].to_vec()));
}

#[test]
fn a_final_entry_ends_the_table_whatever_follows() {
    let memory = patterned();
    entry(&memory, TABLE, BASE, F | 8, 0);
    entry(&memory, TABLE + 16, BASE + 8, F | 8, 0);
    assert_eq!(read(&memory, Cursor::table(TABLE), 8), Ok(memory.peek(BASE, 8)));
    assert_eq!(read(&memory, Cursor::table(TABLE), 9), Err(deco(DecoError::SgtTooShort)));
    // an empty final entry, too
    entry(&memory, TABLE, BASE, F, 0);
    assert_eq!(read(&memory, Cursor::table(TABLE), 1), Err(deco(DecoError::SgtTooShort)));
}

#[test]
fn a_final_bit_is_not_needed() {
    // Linux sets none on the source when source and destination share a table.
    let memory = patterned();
    entry(&memory, TABLE, BASE, 8, 0);
    entry(&memory, TABLE + 16, BASE + 0x20, 8, 0);
    let expected = [memory.peek(BASE, 8), memory.peek(BASE + 0x20, 8)].concat();
    assert_eq!(read(&memory, Cursor::table(TABLE), 16), Ok(expected));
}

#[test]
fn null_entries() {
    let memory = patterned();
    entry(&memory, TABLE, 0, 8, 0);
    assert_eq!(read(&memory, Cursor::table(TABLE), 1), Err(deco(DecoError::SgtNullEntry)));
    // the offset makes no address of it
    entry(&memory, TABLE, 0, F | 8, 0x100);
    assert_eq!(read(&memory, Cursor::table(TABLE), 1), Err(deco(DecoError::SgtNullEntry)));
    // without a length it is skipped
    entry(&memory, TABLE, 0, 0, 0);
    entry(&memory, TABLE + 16, BASE, F | 8, 0);
    assert_eq!(read(&memory, Cursor::table(TABLE), 8), Ok(memory.peek(BASE, 8)));
    // and what is not needed is not looked at
    entry(&memory, TABLE, BASE, 8, 0);
    entry(&memory, TABLE + 16, 0, F | 8, 0);
    assert_eq!(read(&memory, Cursor::table(TABLE), 8), Ok(memory.peek(BASE, 8)));
}

#[test]
fn offset_field() {
    let memory = patterned();
    entry(&memory, TABLE, BASE, F | 8, 0x123);
    assert_eq!(read(&memory, Cursor::table(TABLE), 8), Ok(memory.peek(BASE + 0x123, 8)));
    // 13 bits of it; the buffer pool id above means nothing to a job ring
    entry(&memory, TABLE, BASE - 0x1fff, F | 8, 0x00ff_ffff);
    assert_eq!(read(&memory, Cursor::table(TABLE), 8), Ok(memory.peek(BASE, 8)));
    // in an extension entry, too
    entry(&memory, TABLE, TABLE, E, 0x40);
    entry(&memory, TABLE + 0x40, BASE, F | 8, 0);
    assert_eq!(read(&memory, Cursor::table(TABLE), 8), Ok(memory.peek(BASE, 8)));
}

#[test]
fn extension_entries_go_on_in_another_table() {
    let memory = patterned();
    // three tables; entries behind an extension are dead
    entry(&memory, TABLE, BASE, 8, 0);
    entry(&memory, TABLE + 16, TABLE + 0x100, E, 0);
    entry(&memory, TABLE + 32, BASE + 0x700, F | 100, 0);
    entry(&memory, TABLE + 0x100, TABLE + 0x200, E | 0x3fff_ffff, 0);
    entry(&memory, TABLE + 0x200, BASE + 0x30, 8, 0);
    entry(&memory, TABLE + 0x210, BASE + 0x50, F | 8, 0);
    let expected =
        [memory.peek(BASE, 8), memory.peek(BASE + 0x30, 8), memory.peek(BASE + 0x50, 8)].concat();
    assert_eq!(read(&memory, Cursor::table(TABLE), 24), Ok(expected));
    assert_eq!(read(&memory, Cursor::table(TABLE), 25), Err(deco(DecoError::SgtTooShort)));
    // to nowhere
    entry(&memory, TABLE, 0x10, E, 0);
    assert_eq!(read(&memory, Cursor::table(TABLE), 1), Err(dma(Purpose::Table, 0x10, 16)));
}

#[test]
fn the_prefetch_does_not_fault() {
    let memory = patterned();
    let end = BASE + SIZE as u64;
    for entries in 1..=4 {
        let at = end - 16 * entries;
        for i in 0..entries {
            entry(&memory, at + 16 * i, BASE + 16 * i, 16, 0);
        }
        let n = entries as usize * 16;
        assert_eq!(read(&memory, Cursor::table(at), n), Ok(memory.peek(BASE, n)));
        // The one more entry that is needed is the one that is missing.
        assert_eq!(read(&memory, Cursor::table(at), n + 1), Err(dma(Purpose::Table, end, 16)));
    }
    // half an entry is none
    let at = end - 24;
    entry(&memory, at, BASE, 16, 0);
    assert_eq!(read(&memory, Cursor::table(at), 16), Ok(memory.peek(BASE, 16)));
    assert_eq!(read(&memory, Cursor::table(at), 17), Err(dma(Purpose::Table, end - 8, 16)));
    assert_eq!(read(&memory, Cursor::table(end), 1), Err(dma(Purpose::Table, end, 16)));
}

#[test]
fn endless_tables_end_by_budget() {
    let memory = patterned();
    // linked to itself
    entry(&memory, TABLE, TABLE, E, 0);
    assert_eq!(read(&memory, Cursor::table(TABLE), 1), Err(deco(DecoError::Watchdog)));
    // two linked to one another, with empty entries in between
    entry(&memory, TABLE, 0, 0, 0);
    entry(&memory, TABLE + 16, TABLE + 0x80, E, 0);
    entry(&memory, TABLE + 0x80, TABLE, E, 0);
    assert_eq!(read(&memory, Cursor::table(TABLE), 1), Err(deco(DecoError::Watchdog)));
    // a table that never ends
    let zeros = FlatMemory::new(BASE, SIZE);
    assert_eq!(read(&zeros, Cursor::table(TABLE), 1), Err(deco(DecoError::Watchdog)));
    // The budget is one for all walks of a job.
    entry(&memory, TABLE, BASE, F | 8, 0);
    let mut cx = WalkContext::new(&memory, &VIRT_ERA9, 2);
    let mut walk = || Cursor::table(TABLE).read(&mut cx, &mut [0; 8]);
    assert_eq!((walk(), walk(), walk()), (Ok(()), Ok(()), Err(deco(DecoError::Watchdog))));
}

#[test]
fn entries_are_used_from_the_copy() {
    // A group of four is read once; what the guest changes then comes too late.
    let memory = patterned();
    for i in 0..5 {
        entry(&memory, TABLE + 16 * i, BASE + 16 * i, 16, 0);
    }
    let expected = memory.peek(BASE, 64);
    let mut cursor = Cursor::table(TABLE);
    let mut cx = context(&memory, &VIRT_ERA9);
    let mut bytes = [0; 64];
    cursor.read(&mut cx, &mut bytes[..1]).unwrap();
    for i in 0..5 {
        entry(&memory, TABLE + 16 * i, 0, F | 16, 0);
    }
    cursor.read(&mut cx, &mut bytes[1..]).unwrap();
    assert_eq!(bytes.to_vec(), expected);
    assert_eq!(cursor.read(&mut cx, &mut bytes[..1]), Err(deco(DecoError::SgtNullEntry)));
}

#[test]
fn pointer_layouts() {
    let profile = |pointer, high_word_first| SocProfile { pointer, high_word_first, ..VIRT_ERA9 };
    let low = (BASE + 0x40) as u32;
    // (profile, the entry's first two words)
    let cases = [
        // 32-bit pointers in Linux' 64-bit field: the other word does not count
        (profile(PointerSize::Bits32, false), [low, 0xffff_ffff]),
        (profile(PointerSize::Bits32, true), [0xffff_ffff, low]),
        (profile(PointerSize::Bits64, false), [low, 0]),
        (profile(PointerSize::Bits64, true), [0, low]),
    ];
    for (soc, [word0, word1]) in cases {
        let memory = patterned();
        memory.poke_words(TABLE, &[word0, word1, F | 8, 0]);
        let mut bytes = [0; 8];
        Cursor::table(TABLE).read(&mut context(&memory, &soc), &mut bytes).unwrap();
        assert_eq!(bytes.to_vec(), memory.peek(BASE + 0x40, 8), "{soc:?}");
    }
    // above 4 GiB
    let high = FlatMemory::new(0x3_0000_0000, 0x1000);
    high.poke(0x3_0000_0800, b"high up");
    let words = [(false, [0x800, 3]), (true, [3, 0x800])];
    for (high_word_first, [word0, word1]) in words {
        let soc = profile(PointerSize::Bits64, high_word_first);
        high.poke_words(0x3_0000_0000, &[word0, word1, F | 7, 0]);
        let mut bytes = [0; 7];
        Cursor::table(0x3_0000_0000).read(&mut context(&high, &soc), &mut bytes).unwrap();
        assert_eq!(&bytes, b"high up");
    }
}

#[test]
fn a_long_skip_costs_entries_not_time() {
    let memory = patterned();
    let mut cx = context(&memory, &VIRT_ERA9);
    // Skipped addresses need not exist.
    entry(&memory, TABLE, 0xfff0_0000, 0x3fff_ffff, 0);
    entry(&memory, TABLE + 16, BASE, F | 8, 0);
    let mut cursor = Cursor::table(TABLE);
    cursor.skip(&mut cx, 0x3fff_ffff + 6).unwrap();
    assert_eq!(cx.entries_left, 98);
    let mut bytes = [0; 2];
    cursor.read(&mut cx, &mut bytes).unwrap();
    assert_eq!(bytes.to_vec(), memory.peek(BASE + 6, 2));
    assert_eq!(cursor.skip(&mut cx, 1), Err(deco(DecoError::SgtTooShort)));
    let mut direct = Cursor::direct(BASE, u64::MAX);
    direct.skip(&mut cx, u64::MAX).unwrap();
    assert_eq!(direct.skip(&mut cx, 1), Err(deco(DecoError::SgtTooShort)));
}

#[test]
fn failures_as_job_status() {
    assert_eq!(deco(DecoError::SgtTooShort).failure(), Failure::Deco(DecoError::SgtTooShort));
    assert_eq!(dma(Input, 1, 1).failure(), Failure::Deco(DecoError::Dma));
}

/// Memory that keeps what it is told of over-read tables, and lets them fail if it shall.
struct Watched<'a>(&'a FlatMemory, RefCell<Vec<TableOverread>>, bool);

impl GuestMemory for Watched<'_> {
    fn read(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> Result<(), DmaError> {
        self.0.read(purpose, address, buf)
    }
    fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError> {
        self.0.write(purpose, address, buf)
    }
    fn read_available(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> usize {
        self.0.read_available(purpose, address, buf)
    }
    fn writable(&self, purpose: Purpose, address: u64, length: usize) -> Result<(), DmaError> {
        self.0.writable(purpose, address, length)
    }
    fn table_overread(&self, overread: &TableOverread) -> Result<(), DmaError> {
        self.1.borrow_mut().push(*overread);
        let (purpose, address, length) = (Purpose::Table, overread.page, overread.length);
        let error = DmaError { purpose, address, length, access: Access::Read };
        if self.2 { Err(error) } else { Ok(()) }
    }
}

/// Reads a byte of the table at `table`; what was noticed.
fn overreads(memory: &FlatMemory, soc: &SocProfile, table: u64) -> Vec<TableOverread> {
    let watched = Watched(memory, RefCell::default(), false);
    let mut cx = WalkContext::new(&watched, soc, 100);
    Cursor::table(table).read(&mut cx, &mut [0]).expect("a byte");
    assert_eq!(cx.overreads as usize, watched.1.borrow().len());
    watched.1.into_inner()
}

#[test]
fn a_group_that_leaves_its_tables_last_page_is_noticed() {
    let memory = FlatMemory::new(BASE, SIZE);
    let page = BASE + 0x2000;
    let table = page - 32;
    entry(&memory, table, BASE, F | 8, 0);
    let seen = |memory: &FlatMemory| overreads(memory, &VIRT_ERA9, table);
    assert_eq!(seen(&memory), [TableOverread { table, last: table, page, length: 32 }]);
    // The second entry is the last in this page, the third the first in the next.
    entry(&memory, table, BASE, 8, 0);
    entry(&memory, table + 16, BASE, F | 8, 0);
    assert_eq!(seen(&memory), [TableOverread { table, last: table + 16, page, length: 32 }]);
    entry(&memory, table + 16, BASE, 8, 0);
    entry(&memory, table + 32, BASE, F | 8, 0);
    assert_eq!(seen(&memory), []);
    // Without F nobody knows.
    entry(&memory, table + 32, BASE, 8, 0);
    assert_eq!(seen(&memory), []);
    // An entry that leads elsewhere is the last one too; what it leads to is another table.
    entry(&memory, table, page + 0x1000 - 16, E, 0);
    entry(&memory, page + 0x1000 - 16, BASE, F | 8, 0);
    let other = page + 0x1000 - 16;
    let linked = TableOverread { table: other, last: other, page: page + 0x1000, length: 48 };
    let first = TableOverread { table, last: table, page, length: 32 };
    assert_eq!(seen(&memory), [first, linked]);
}

#[test]
fn an_overread_at_the_end_of_memory_is_noticed_and_does_no_harm() {
    let memory = patterned();
    let end = BASE + SIZE as u64;
    entry(&memory, end - 16, BASE, F | 8, 0);
    let seen = overreads(&memory, &VIRT_ERA9, end - 16);
    let (table, last) = (end - 16, end - 16);
    assert_eq!(seen, [TableOverread { table, last, page: end, length: 48 }]);
    // The last page of all has none behind it.
    let top = FlatMemory::new(u64::MAX - 0xfff, 0x1000);
    let soc = SocProfile { pointer: PointerSize::Bits64, ..VIRT_ERA9 };
    for table in [u64::MAX - 63, u64::MAX - 31] {
        entry(&top, table, u64::MAX - 0xfff, F | 8, 0);
        assert_eq!(overreads(&top, &soc, table), []);
    }
}

#[test]
fn an_entry_that_straddles_pages_needs_both() {
    // No driver aligns a table so; a guest may.
    let memory = FlatMemory::new(BASE, SIZE);
    let page = BASE + 0x2000;
    entry(&memory, page - 8, BASE, F | 8, 0);
    assert_eq!(overreads(&memory, &VIRT_ERA9, page - 8), []);
    entry(&memory, page - 24, BASE, F | 8, 0);
    let [only] = overreads(&memory, &VIRT_ERA9, page - 24)[..] else { panic!("one") };
    assert_eq!((only.page, only.length), (page, 40));
}

#[test]
fn an_overread_may_be_the_error_of_the_walk() {
    let memory = patterned();
    let page = BASE + 0x2000;
    entry(&memory, page - 16, BASE, F | 8, 0);
    let watched = Watched(&memory, RefCell::default(), true);
    let mut cx = WalkContext::new(&watched, &VIRT_ERA9, 100);
    let mut cursor = Cursor::table(page - 16);
    let before = memory.peek(BASE, 8);
    assert_eq!(cursor.write(&mut cx, &[0xff; 8]), Err(dma(Purpose::Table, page, 48)));
    assert_eq!(memory.peek(BASE, 8), before);
}

/// How a piece of data is described.
#[derive(Debug, Clone)]
struct Piece {
    length: u16,
    offset: u16,
    /// An extension entry stands before it.
    extension: bool,
    /// So many empty entries stand before it.
    empty: u8,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Read(u16),
    Write(u16),
    Skip(u16),
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = (0..200_u16, 0..0x2000_u16, prop::bool::weighted(0.2), 0..2_u8)
        .prop_map(|(length, offset, extension, empty)| Piece { length, offset, extension, empty });
    prop::collection::vec(piece, 1..12)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..300_u16).prop_map(Step::Read),
        (0..300_u16).prop_map(Step::Write),
        (0..300_u16).prop_map(Step::Skip),
    ];
    prop::collection::vec(step, 1..20)
}

/// Where tables and data of the random walks are.
const DATA: u64 = 0x10_0000;
const TABLES: u64 = 0x20_0000;

/// Lays `pieces` out, each at its own place; says which byte of memory each byte of data is.
fn lay_out(memory: &FlatMemory, soc: &SocProfile, pieces: &[Piece], final_bit: bool) -> Vec<u64> {
    let mut at = TABLES;
    let mut put = |address: u64, control: u32, offset: u32, jump: u64| {
        let (w0, w1) = match soc.pointer {
            PointerSize::Bits32 if soc.high_word_first => (0xaaaa_aaaa, address as u32),
            PointerSize::Bits32 => (address as u32, 0xaaaa_aaaa),
            PointerSize::Bits64 => soc.split(address),
        };
        memory.poke_words(at, &[w0, w1, control, offset]);
        at = if jump != 0 { jump } else { at + 16 };
    };
    let mut places = Vec::new();
    let mut next_table = TABLES + 0x1000;
    for (i, piece) in pieces.iter().enumerate() {
        if piece.extension {
            put(next_table, E, 0, next_table);
            next_table += 0x1000;
        }
        for _ in 0..piece.empty {
            put(0, 0, 0, 0);
        }
        let start = DATA + (pieces.len() - i) as u64 * 0x100;
        let last = if final_bit && i + 1 == pieces.len() { F } else { 0 };
        let length = u32::from(piece.length);
        put(start - u64::from(piece.offset), length | last, u32::from(piece.offset), 0);
        places.extend(start..start + u64::from(piece.length));
    }
    // Without F something may stand behind: it must not be touched, having no address.
    put(0, 8, 0, 0);
    places
}

proptest! {
    #![proptest_config(cases(500))]

    /// Reading, writing and skipping in any pieces is the same as doing so in a flat copy.
    #[test]
    fn walks_agree_with_flat_data(
        pieces in pieces(),
        steps in steps(),
        final_bit in any::<bool>(),
        wide in any::<bool>(),
        high_word_first in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let pointer = if wide { PointerSize::Bits64 } else { PointerSize::Bits32 };
        let soc = SocProfile { pointer, high_word_first, ..VIRT_ERA9 };
        let memory = FlatMemory::new(DATA, 0x12_0000);
        let initial: Vec<u8> =
            (0..0x2000_u64).map(|i| (seed.wrapping_mul(i * 2 + 1) >> 56) as u8).collect();
        memory.poke(DATA, &initial);
        let places = lay_out(&memory, &soc, &pieces, final_bit);
        let mut model = memory.peek(DATA, 0x2000);
        let tables = memory.peek(TABLES, 0x1_0000);
        let mut cursor = Cursor::table(TABLES);
        let mut cx = WalkContext::new(&memory, &soc, 1000);
        let mut done = 0;
        let too_short =
            deco(if final_bit { DecoError::SgtTooShort } else { DecoError::SgtNullEntry });
        let mut pattern = 0_u8;
        for step in steps {
            let (Step::Read(n) | Step::Write(n) | Step::Skip(n)) = step;
            let end = done + usize::from(n);
            let short = end > places.len();
            let affected = &places[done.min(places.len())..end.min(places.len())];
            let expected: Vec<u8> =
                affected.iter().map(|p| model[(p - DATA) as usize]).collect();
            let result = match step {
                Step::Read(n) => {
                    let mut bytes = vec![0; usize::from(n)];
                    let result = cursor.read(&mut cx, &mut bytes);
                    if result.is_ok() {
                        prop_assert_eq!(bytes, expected);
                    }
                    result
                }
                Step::Write(n) => {
                    pattern = pattern.wrapping_add(1);
                    for place in affected {
                        model[(place - DATA) as usize] = pattern;
                    }
                    cursor.write(&mut cx, &vec![pattern; usize::from(n)])
                }
                Step::Skip(n) => cursor.skip(&mut cx, u64::from(n)),
            };
            if short {
                prop_assert_eq!(result, Err(too_short));
                break;
            }
            prop_assert_eq!(result, Ok(()));
            done = end;
        }
        // Nothing but the data has been written: not the gaps, not the tables.
        prop_assert_eq!(memory.peek(DATA, 0x2000), model);
        prop_assert_eq!(memory.peek(TABLES, 0x1_0000), tables);
    }

    /// Over-reads are those of the last group, by where it and the last entry end.
    #[test]
    fn overreads_agree_with_arithmetic(entries in 1..12_u64, back in 0..16_u64) {
        let memory = FlatMemory::new(BASE, SIZE);
        let table = BASE + 0x2000 - 16 * back;
        for i in 0..entries {
            let last = if i + 1 == entries { F } else { 0 };
            entry(&memory, table + 16 * i, BASE, 1 | last, 0);
        }
        let mut cx = context(&memory, &VIRT_ERA9);
        let mut bytes = vec![0; entries as usize];
        prop_assert_eq!(Cursor::table(table).read(&mut cx, &mut bytes), Ok(()));
        let last_page = |entries: u64| (table + 16 * entries - 1) / 4096;
        let expected = last_page(entries.next_multiple_of(4)) != last_page(entries);
        prop_assert_eq!(cx.overreads, u32::from(expected));
    }
}
