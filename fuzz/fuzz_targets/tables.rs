//! Scatter/gather tables: walked in pieces of any size and with steps over parts of it, the data
//! is that of one walk in single bytes; a walk ends within its budget.
//!
//! The input is a header (profile, budget, sizes of the pieces) and guest memory; the table is at
//! the start of that.
#![no_main]

use caam_emu::descriptors::sgt::{Cursor, WalkContext};
use caam_emu::device::soc::{PointerSize, SocProfile, VIRT_ERA9};
use caam_emu::memory::flat::FlatMemory;
use libfuzzer_sys::fuzz_target;

/// As in `tests/fuzz_seeds.rs`.
const BASE: u64 = 0x1_0000;
const SIZE: usize = 0x4000;
const HEADER: usize = 10;
const ENTRY: usize = 16;

fuzz_target!(|data: &[u8]| {
    let Some((header, image)) = data.split_at_checked(HEADER) else { return };
    let (flags, budget) = (header[0], u32::from(header[1]));
    let pointer = if flags & 1 != 0 { PointerSize::Bits64 } else { PointerSize::Bits32 };
    let soc = SocProfile { pointer, high_word_first: flags & 2 != 0, ..VIRT_ERA9 };
    let memory = FlatMemory::new(BASE, SIZE);
    let mut image = image[..image.len().min(SIZE)].to_vec();
    if flags & 4 != 0 {
        // Mostly tables that lead somewhere: pointers into memory, short lengths.
        let point = if pointer == PointerSize::Bits32 && soc.high_word_first { 4 } else { 0 };
        for entry in image.chunks_exact_mut(ENTRY).take(32) {
            let at = BASE + u64::from(u16::from_le_bytes([entry[0], entry[1]]) % SIZE as u16);
            entry[..8].fill(0);
            match pointer {
                PointerSize::Bits32 => {
                    entry[point..point + 4].copy_from_slice(&soc.word_bytes(at as u32));
                }
                PointerSize::Bits64 => {
                    let (first, second) = soc.split(at);
                    entry[..4].copy_from_slice(&soc.word_bytes(first));
                    entry[4..8].copy_from_slice(&soc.word_bytes(second));
                }
            }
            let control = soc.word([entry[8], entry[9], entry[10], entry[11]]) & 0xc000_00ff;
            entry[8..12].copy_from_slice(&soc.word_bytes(control));
        }
    }
    memory.poke(BASE, &image);

    // Byte by byte.
    let mut cx = WalkContext::new(&memory, &soc, budget);
    let mut cursor = Cursor::table(BASE);
    let (mut plain, mut byte) = (Vec::new(), [0]);
    let end = loop {
        match cursor.read(&mut cx, &mut byte) {
            Ok(()) if plain.len() < 4 * SIZE => plain.push(byte[0]),
            Ok(()) => break None,
            Err(error) => break Some(error),
        }
    };
    // In pieces, every third of them stepped over.
    let mut cx = WalkContext::new(&memory, &soc, budget);
    let mut cursor = Cursor::table(BASE);
    let mut at = 0;
    for (i, length) in header[2..].iter().cycle().enumerate().take(1000) {
        let length = usize::from(*length) + 1;
        if at + length > plain.len() {
            break;
        }
        if i % 3 == 2 {
            // Data that is stepped over need not be there, so this goes at least as far.
            cursor.skip(&mut cx, length as u64).expect("what can be read can be skipped");
        } else {
            let mut piece = vec![0; length];
            cursor.read(&mut cx, &mut piece).expect("what can be read in bytes");
            assert_eq!(piece, plain[at..at + length]);
        }
        at += length;
    }
    // The whole of it, and a byte more: the same end.
    if let Some(error) = end {
        let mut cx = WalkContext::new(&memory, &soc, budget);
        let mut cursor = Cursor::table(BASE);
        let mut all = vec![0; plain.len()];
        cursor.read(&mut cx, &mut all).expect("what can be read in bytes");
        assert_eq!(all, plain);
        let again = cursor.read(&mut cx, &mut byte);
        assert_eq!(again.map_err(|e| e.failure()), Err(error.failure()));
    }
});
