//! Descriptors as text: whatever the disassembler finds in an input, the assembler makes the same
//! words of its listing; every form of the same descriptor gives the same words.
#![no_main]

use caam_emu::descriptors::text::asm::assemble;
use caam_emu::descriptors::text::input::{Options, Order, find};
use caam_emu::descriptors::text::listing::{Listing, bare, descriptor, header_kind, header_length};
use caam_emu::descriptors::text::render::Style;
use caam_emu::device::soc::{PointerSize, SocProfile, VIRT_ERA9, VIRT_ERA10};
use libfuzzer_sys::fuzz_target;
use std::fmt::Write;

/// A descriptor for the forms: what a shared one can have.
const WORDS: usize = 63;

fn words_of(listing: &Listing) -> Vec<u32> {
    listing.lines.iter().flat_map(|line| line.words.clone()).collect()
}

/// A listing has all words, and the assembler makes them of its text.
fn there_and_back(words: &[u32], listing: &Listing, soc: &SocProfile) {
    assert_eq!(words_of(listing), words);
    let text = listing.text(&Style::default());
    match assemble(&text, soc) {
        Ok(back) => assert_eq!(back, words, "{text}"),
        Err(error) => panic!("{error}\n{text}"),
    }
    // What people get to see besides.
    let json = listing.json(&Style { redacted: true, marked: Some(1), base: 3 });
    assert_eq!(json["length"], words.len());
    let _ = listing.text(&Style { redacted: true, marked: Some(1), base: 3 });
}

/// Anything.
fn input(bytes: &[u8], options: &Options<'_>) {
    let Ok(input) = find(bytes, options) else { return };
    for found in &input.found {
        assert!(!found.place.contains('\n'), "{:?}", found.place);
        let listing = match descriptor(&found.words, options.soc) {
            Some(listing) if !options.bare => listing,
            _ => bare(&found.words, options.soc),
        };
        there_and_back(&found.words, &listing, options.soc);
    }
}

/// What the assembler takes, the disassembler can list.
fn text(text: &str, soc: &SocProfile) {
    match assemble(text, soc) {
        Ok(words) => there_and_back(&words, &bare(&words, soc), soc),
        Err(error) => {
            assert!(error.line >= 1 && error.column >= 1, "{error}");
            assert!(error.line <= text.lines().count() + 1, "{error}");
        }
    }
}

fn hex(words: &[u32], before: &str, between: &str) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{before}{word:08x}")).collect();
    words.join(between)
}

/// As `print_hex_dump` of the driver does it.
fn dump(words: &[u32]) -> String {
    let mut log = String::from("[    1.000000] caam_jr 8010000.jr: registering\n");
    for (row, words) in words.chunks(4).enumerate() {
        let hex = hex(words, "", " ");
        let _ =
            writeln!(log, "[    1.0000{row:02}] shdesc@12: {:08x}: {hex:<35}  ........", row * 16);
    }
    log
}

/// One descriptor in all forms.
fn forms(bytes: &[u8], soc: &SocProfile) {
    let mut words: Vec<u32> =
        bytes.as_chunks().0.iter().take(WORDS).map(|word| u32::from_le_bytes(*word)).collect();
    let Some(header) = words.first().copied() else { return };
    let opcode = if header & 1 != 0 { 0b10110 } else { 0b10111 };
    words[0] = opcode << 27 | header & 0x07ff_7f80 | 0x0080_0000 | words.len() as u32;
    assert_eq!(header_length(words[0]), words.len());
    let options = |order| Options { soc, order, bare: false };
    let found = |name: &str, bytes: &[u8], order| {
        let input = find(bytes, &options(order)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let found: Vec<_> = input.found.iter().map(|found| &found.words[..]).collect();
        assert_eq!(found, [&words[..]], "{name}: {:?}", input.problems);
        assert_eq!(input.problems, [] as [&str; 0], "{name}");
    };
    let lines = hex(&words, "", "  # a word\n");
    for (name, text) in [
        ("words", hex(&words, "", " ")),
        ("lines", lines.clone()),
        ("array", format!("u32 desc[] = {{ {} }};\n", hex(&words, "0x", ", "))),
        ("dump", dump(&words)),
        ("fixture", format!("# a job\nsoc virt-era9\njob 1000\nwords 1000\n{lines}\n\nstatus 0\n")),
    ] {
        found(name, text.as_bytes(), None);
    }
    let little: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let big: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    // Bytes that could be text are taken for it.
    if little.contains(&0) {
        found("little", &little, None);
        found("big, told", &big, Some(Order::Big));
        if header_kind(words[0].swap_bytes()).is_none() {
            found("big", &big, None);
        }
    }
    input(&little, &options(None));
}

// The first byte: what. The second: the device, and how to read.
fuzz_target!(|data: &[u8]| {
    let [what, flags, rest @ ..] = data else { return };
    let pointer = if flags & 1 != 0 { PointerSize::Bits64 } else { PointerSize::Bits32 };
    let era = if flags & 4 != 0 { VIRT_ERA10 } else { VIRT_ERA9 };
    let soc = SocProfile { pointer, high_word_first: flags & 2 != 0, ..era };
    let order = [None, None, Some(Order::Little), Some(Order::Big)][usize::from(flags >> 3 & 3)];
    match what % 4 {
        0 => input(rest, &Options { soc: &soc, order, bare: flags & 32 != 0 }),
        1 => text(&String::from_utf8_lossy(rest), &soc),
        2 => forms(rest, &soc),
        _ => {
            let words: Vec<u32> =
                rest.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
            if let Some(listing) = descriptor(&words, &soc) {
                there_and_back(&words[..listing.length()], &listing, &soc);
            }
            there_and_back(&words, &bare(&words, &soc), &soc);
        }
    }
});
