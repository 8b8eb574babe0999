//! Descriptor words to commands: decoding is total, and uses the words it says it uses.
#![no_main]

use caam_emu::descriptors::command::{Command, decode};
use caam_emu::device::soc::{PointerSize, SocProfile, VIRT_ERA9};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((flags, rest)) = data.split_first() else { return };
    let pointer = if flags & 1 != 0 { PointerSize::Bits64 } else { PointerSize::Bits32 };
    let soc = SocProfile { pointer, high_word_first: flags & 2 != 0, ..VIRT_ERA9 };
    let words: Vec<u32> =
        rest.as_chunks().0.iter().take(64).map(|w| u32::from_le_bytes(*w)).collect();
    // As the DECO does: one command behind the other, without jumps.
    let mut at = 0;
    while at < words.len() {
        let Ok(decoded) = decode(&words[at..], &soc) else { return };
        let n = usize::from(decoded.words);
        assert!(n >= 1 && at + n <= words.len());
        assert_eq!(decode(&words[at..at + n], &soc), Ok(decoded));
        if let Command::Unknown(opcode) = decoded.command {
            assert_eq!(u32::from(opcode), words[at] >> 27);
        }
        at += n;
    }
});
