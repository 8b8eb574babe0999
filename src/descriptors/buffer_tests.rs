//! Headers: which are accepted, what they mean, and which error the others end with.

use super::*;
use crate::descriptors::test_support::cases;
use crate::device::soc::{PointerSize, VIRT_ERA9};
use crate::memory::flat::FlatMemory;
use crate::memory::{Access, DmaError, Purpose};
use proptest::prelude::*;

const BASE: u64 = 0x8000;
const JOB: u64 = BASE + 0x100;
const SHARED: u64 = BASE + 0x400;
const SIZE: usize = 0x1000;

/// Job header: opcode 16, ONE. Shared header: opcode 17, ONE.
const JOB_HEADER: u32 = 0xb080_0000;
const SHARED_HEADER: u32 = 0xb880_0000;
const SHR: u32 = 1 << 12;
const REO: u32 = 1 << 11;

fn memory() -> FlatMemory {
    FlatMemory::new(BASE, SIZE)
}

fn load(memory: &FlatMemory, soc: &SocProfile) -> Result<DescriptorBuffer, WalkError> {
    DescriptorBuffer::load(memory, soc, JOB)
}

/// A job descriptor alone: what becomes of it.
fn job(words: &[u32]) -> Result<DescriptorBuffer, WalkError> {
    let memory = memory();
    memory.poke_words(JOB, words);
    load(&memory, &VIRT_ERA9)
}

/// A job descriptor whose second word points to a shared one.
fn pair(job: u32, shared: &[u32]) -> Result<DescriptorBuffer, WalkError> {
    let memory = memory();
    memory.poke_words(JOB, &[job, SHARED as u32, 0x1111_1111, 0x2222_2222]);
    memory.poke_words(SHARED, shared);
    load(&memory, &VIRT_ERA9)
}

#[track_caller]
fn refused(result: Result<DescriptorBuffer, WalkError>, error: DecoError) {
    assert_eq!(result.map(|b| b.length), Err(WalkError::Deco(error)));
}

fn part(base: usize, start: usize, end: usize) -> Option<Part> {
    Some(Part { start, end, base })
}

#[test]
fn a_job_descriptor_alone() {
    let buffer = job(&[JOB_HEADER | 3, 7, 8, 9]).unwrap();
    assert_eq!(buffer.length, 3);
    assert_eq!(buffer.words[..4], [JOB_HEADER | 3, 7, 8, 0]);
    assert_eq!(buffer.parts, [part(0, 1, 3), None]);
    // sharing bits without SHR mean nothing; RSMS (25) and REO neither
    let buffer = job(&[JOB_HEADER | 1 << 25 | REO | 0x0700 | 3]).unwrap();
    assert_eq!(buffer.parts, [part(0, 1, 3), None]);
}

#[test]
fn header_length() {
    for length in 1..=64 {
        let buffer = job(&[JOB_HEADER | length]).unwrap();
        assert_eq!(buffer.length, length as usize);
    }
    for length in [0, 65, 66, 100, 127] {
        refused(job(&[JOB_HEADER | length]), DecoError::Header);
    }
}

#[test]
fn header_opcode_and_sanity_bits() {
    let good = JOB_HEADER | 1;
    assert!(job(&[good]).is_ok());
    // ONE clear: an all-zero word, or one in the wrong byte order, is no header
    refused(job(&[good & !(1 << 23)]), DecoError::Header);
    refused(job(&[good.swap_bytes()]), DecoError::Header);
    refused(job(&[0]), DecoError::Header);
    // ZRO set
    refused(job(&[good | 1 << 15]), DecoError::Header);
    // every other opcode, the shared header's among them
    for opcode in (0..32).filter(|o| *o != 0x16) {
        refused(job(&[good & !(0x1f << 27) | opcode << 27]), DecoError::Header);
    }
}

#[test]
fn trusted_descriptors_do_not_exist_here() {
    refused(job(&[JOB_HEADER | 1 << 14 | 1]), DecoError::Header);
    refused(job(&[JOB_HEADER | 1 << 13 | 1]), DecoError::Header);
}

#[test]
fn start_index() {
    for (index, start) in [(0, 1), (1, 1), (2, 2), (7, 7), (8, 8)] {
        let buffer = job(&[JOB_HEADER | index << 16 | 8]).unwrap();
        assert_eq!(buffer.parts, [part(0, start, 8), None], "index {index}");
    }
    refused(job(&[JOB_HEADER | 9 << 16 | 8]), DecoError::Header);
    refused(job(&[JOB_HEADER | 63 << 16 | 8]), DecoError::Header);
}

#[test]
fn bit_24_is_an_extension_word_or_do_not_run() {
    let ext = JOB_HEADER | 1 << 24;
    assert_eq!(job(&[ext | 3]).unwrap().parts, [part(0, 2, 3), None]);
    // the extension word must be inside
    refused(job(&[ext | 1]), DecoError::Header);
    // with SHR the pointer comes behind it
    let memory = memory();
    memory.poke_words(JOB, &[ext | SHR | 1 << 16 | 4, 0x80, SHARED as u32, 9]);
    memory.poke_words(SHARED, &[SHARED_HEADER | 1]);
    let buffer = load(&memory, &VIRT_ERA9).unwrap();
    assert_eq!(buffer.parts, [part(0, 1, 1), part(1, 4, 5)]);
    // before Era 5 it is DNR
    let old = SocProfile { era: 4, ..VIRT_ERA9 };
    refused(load(&memory, &old), DecoError::DoNotRun);
}

#[test]
fn shared_descriptor_first() {
    let buffer = pair(JOB_HEADER | SHR | 3 << 16 | 4, &[SHARED_HEADER | 3, 5, 6, 7]).unwrap();
    assert_eq!(buffer.length, 7);
    let expected = [
        SHARED_HEADER | 3,
        5,
        6,
        JOB_HEADER | SHR | 3 << 16 | 4,
        SHARED as u32,
        0x1111_1111,
        0x2222_2222,
        0,
    ];
    assert_eq!(buffer.words[..8], expected);
    assert_eq!(buffer.parts, [part(0, 1, 3), part(3, 5, 7)]);
}

#[test]
fn reverse_order() {
    // as Linux has it: SHR, REO, share type 4 (defer)
    let job = JOB_HEADER | SHR | REO | 4 << 8 | 3 << 16 | 4;
    let buffer = pair(job, &[SHARED_HEADER | 3, 5, 6]).unwrap();
    assert_eq!(buffer.parts, [part(3, 5, 7), part(0, 1, 3)]);
}

#[test]
fn shared_start_index() {
    for (index, start) in [(0, 1), (1, 1), (2, 2), (3, 3)] {
        let shared = SHARED_HEADER | index << 16 | 3;
        let buffer = pair(JOB_HEADER | SHR | 3 << 16 | 4, &[shared]).unwrap();
        assert_eq!(buffer.parts[0], part(0, start, 3), "index {index}");
    }
    let shared = SHARED_HEADER | 4 << 16 | 3;
    refused(pair(JOB_HEADER | SHR | 3 << 16 | 4, &[shared]), DecoError::SharedHeader);
}

#[test]
fn shared_headers_that_are_none() {
    let job = JOB_HEADER | SHR | 3 << 16 | 4;
    let good = SHARED_HEADER | 3;
    assert!(pair(job, &[good]).is_ok());
    // RIF (25), CIF (13), SC (12), PD (11) and the share type are accepted
    assert!(pair(job, &[good | 1 << 25 | 1 << 13 | 1 << 12 | 1 << 11 | 3 << 8]).is_ok());
    // the job header names another length
    refused(pair(job, &[SHARED_HEADER | 2]), DecoError::SharedHeader);
    refused(pair(job, &[SHARED_HEADER | 4]), DecoError::SharedHeader);
    refused(pair(JOB_HEADER | SHR | 4, &[SHARED_HEADER]), DecoError::SharedHeader);
    // ONE clear, ZRO set, a job header, nothing at all
    refused(pair(job, &[good & !(1 << 23)]), DecoError::SharedHeader);
    refused(pair(job, &[good | 1 << 15]), DecoError::SharedHeader);
    refused(pair(job, &[JOB_HEADER | 3]), DecoError::SharedHeader);
    refused(pair(job, &[0]), DecoError::SharedHeader);
    // DNR
    refused(pair(job, &[good | 1 << 24]), DecoError::DoNotRun);
}

#[test]
fn both_must_fit_into_the_buffer() {
    let both = |shared: u32, job: u32| {
        pair(JOB_HEADER | SHR | shared << 16 | job, &[SHARED_HEADER | shared]).map(|b| b.length)
    };
    assert_eq!(both(60, 4), Ok(64));
    assert_eq!(both(1, 63), Ok(64));
    assert_eq!(both(61, 4), Err(WalkError::Deco(DecoError::Header)));
    assert_eq!(both(63, 64), Err(WalkError::Deco(DecoError::Header)));
}

#[test]
fn the_pointer_must_be_inside_the_job_descriptor() {
    refused(pair(JOB_HEADER | SHR | 3 << 16 | 1, &[SHARED_HEADER | 3]), DecoError::Header);
    let buffer = pair(JOB_HEADER | SHR | 3 << 16 | 2, &[SHARED_HEADER | 3]).unwrap();
    assert_eq!(buffer.parts, [part(0, 1, 3), part(3, 5, 5)]);
}

#[test]
fn wide_pointers() {
    let wide = SocProfile { pointer: PointerSize::Bits64, ..VIRT_ERA9 };
    let high_first = SocProfile { high_word_first: true, ..wide };
    for (soc, words) in [(wide, [SHARED as u32, 0]), (high_first, [0, SHARED as u32])] {
        let memory = memory();
        memory.poke_words(JOB, &[JOB_HEADER | SHR | 3 << 16 | 4, words[0], words[1], 9]);
        memory.poke_words(SHARED, &[SHARED_HEADER | 3, 5, 6]);
        let buffer = load(&memory, &soc).unwrap();
        assert_eq!(buffer.parts, [part(0, 1, 3), part(3, 6, 7)]);
        // half a pointer is none
        memory.poke_words(JOB, &[JOB_HEADER | SHR | 3 << 16 | 2]);
        refused(load(&memory, &soc), DecoError::Header);
    }
}

#[test]
fn descriptors_at_the_end_of_memory() {
    let end = BASE + SIZE as u64;
    let memory = memory();
    // Both are there as far as their headers say; nothing behind them need be.
    let shared_at = end - 4 * 2;
    memory.poke_words(shared_at, &[SHARED_HEADER | 2, 5]);
    memory.poke_words(end - 4 * 4, &[JOB_HEADER | SHR | 2 << 16 | 2, shared_at as u32]);
    let buffer = DescriptorBuffer::load(&memory, &VIRT_ERA9, end - 4 * 4).unwrap();
    assert_eq!(buffer.length, 4);

    let dma_for = |purpose, address, length| {
        Err(WalkError::Dma(DmaError { purpose, address, length, access: Access::Read }))
    };
    let dma = |address, length| dma_for(Purpose::Descriptor, address, length);
    let load_at = |at| DescriptorBuffer::load(&memory, &VIRT_ERA9, at).map(|b| b.length);
    // a word more than there is: the first word that is missing
    memory.poke_words(end - 4, &[JOB_HEADER | 2]);
    assert_eq!(load_at(end - 4), dma(end, 4));
    memory.poke_words(end - 4, &[JOB_HEADER | 1]);
    assert_eq!(load_at(end - 4), Ok(1));
    // no header
    assert_eq!(load_at(end), dma(end, 4));
    assert_eq!(load_at(end - 2), dma(end - 2, 4));
    assert_eq!(load_at(0), dma(0, 4));
    assert_eq!(load_at(u64::MAX - 1), dma(u64::MAX - 1, 4));
    // A bad header is that, even where memory ends.
    memory.poke_words(end - 4, &[0]);
    assert_eq!(load_at(end - 4), Err(WalkError::Deco(DecoError::Header)));
    // shared descriptor: missing, and cut short
    memory.poke_words(JOB, &[JOB_HEADER | SHR | 2 << 16 | 2, end as u32]);
    assert_eq!(load_at(JOB), dma_for(Purpose::SharedDescriptor, end, 4));
    memory.poke_words(JOB, &[JOB_HEADER | SHR | 2 << 16 | 2, end as u32 - 4]);
    memory.poke_words(end - 4, &[SHARED_HEADER | 2]);
    assert_eq!(load_at(JOB), dma_for(Purpose::SharedDescriptor, end, 4));
}

#[test]
fn bytes_are_most_significant_first() {
    let mut buffer = job(&[JOB_HEADER | 3, 0x1122_3344, 0x5566_7788, 0xffff_ffff]).unwrap();
    assert_eq!(buffer.bytes(4, 8).unwrap(), [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]);
    assert_eq!(buffer.bytes(6, 3).unwrap(), [0x33, 0x44, 0x55]);
    assert_eq!(buffer.bytes(12, 0), Some(Vec::new()));
    assert_eq!(buffer.bytes(0, 13), None);
    assert_eq!(buffer.bytes(13, 0), None);
    assert_eq!(buffer.bytes(usize::MAX, 2), None);

    assert_eq!(buffer.set_bytes(6, &[0xaa, 0xbb, 0xcc]), Some(()));
    assert_eq!(buffer.words[..4], [JOB_HEADER | 3, 0x1122_aabb, 0xcc66_7788, 0]);
    assert_eq!(buffer.set_bytes(11, &[1]), Some(()));
    assert_eq!(buffer.set_bytes(11, &[1, 2]), None);
    assert_eq!(buffer.set_bytes(usize::MAX, &[1]), None);
    assert_eq!(buffer.words[2..4], [0xcc66_7701, 0]);
}

proptest! {
    #![proptest_config(cases(5_000))]

    /// Whatever is there: it ends, and parts are inside the buffer, which is inside 64 words.
    #[test]
    fn parts_are_inside(
        header in prop_oneof![any::<u32>(), any::<u32>().prop_map(|w| JOB_HEADER | w & 0x013f_1fff)],
        shared in prop_oneof![any::<u32>(), any::<u32>().prop_map(|w| SHARED_HEADER | w & 0x3f_003f)],
        agree in any::<bool>(),
        at in prop::sample::select(&[SHARED, JOB, BASE + SIZE as u64 - 0x80][..]),
        wide in any::<bool>(),
    ) {
        let pointer = if wide { PointerSize::Bits64 } else { PointerSize::Bits32 };
        let soc = SocProfile { pointer, ..VIRT_ERA9 };
        let memory = memory();
        memory.poke_words(JOB, &[header, at as u32, 0]);
        let length = if agree { header >> 16 & 0x3f } else { shared & 0x3f };
        memory.poke_words(at, &[shared & !0x3f | length]);
        if let Ok(buffer) = load(&memory, &soc) {
            prop_assert!(buffer.length <= WORDS);
            for part in buffer.parts.into_iter().flatten() {
                prop_assert!(part.base < part.start);
                prop_assert!(part.start <= part.end);
                prop_assert!(part.end <= buffer.length);
            }
        }
    }
}
