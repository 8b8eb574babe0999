//! Every command form, from literal words. The words are put together from the field positions
//! of the reference (Linux `desc.h`, DPDK RTA), not with anything of the decoder's.

use super::*;
use crate::descriptors::test_support::cases;
use crate::device::soc::{PointerSize, VIRT_ERA9};
use proptest::prelude::*;

#[path = "command_deco_tests.rs"]
mod deco;

const WIDE: SocProfile = SocProfile { pointer: PointerSize::Bits64, ..VIRT_ERA9 };
const WIDE_HIGH_FIRST: SocProfile = SocProfile { high_word_first: true, ..WIDE };

/// Decodes `words` with something behind them, which must not be touched.
fn decoded(words: &[u32], soc: &SocProfile) -> Result<Decoded, DecoError> {
    let mut longer = words.to_vec();
    longer.extend([0xdead_beef; 3]);
    let exact = decode(words, soc);
    assert_eq!(decode(&longer, soc), exact, "{words:08x?}: what follows a command changes it");
    exact
}

#[track_caller]
fn check(words: &[u32], command: Command) {
    check_with(words, command, &VIRT_ERA9);
}

/// All of `words` are the one command; without the last of them it is its opcode's error.
#[track_caller]
fn check_with(words: &[u32], command: Command, soc: &SocProfile) {
    let expected = Decoded { command, words: words.len() as u8 };
    assert_eq!(decoded(words, soc), Ok(expected), "{words:08x?}");
    if words.len() > 1 {
        let error = decode(&words[..words.len() - 1], soc);
        assert_eq!(error, Err(blame(words[0])), "{words:08x?} cut short");
    }
}

/// The error a command of this opcode is blamed with (Linux `error.c`, `desc_error_list`).
fn blame(word: u32) -> DecoError {
    match word >> 28 {
        0x0 => DecoError::Key,
        0x1 => DecoError::Load,
        0x2 => DecoError::FifoLoad,
        0x5 => DecoError::Store,
        0x6 => DecoError::FifoStore,
        0x7 => DecoError::Move,
        0xa if word >> 27 == 0x14 => DecoError::Jump,
        0xa => DecoError::Math,
        0xf => DecoError::Sequence,
        other => panic!("no tail behind opcodes {other:x}"),
    }
}

const fn pointer(address: u64) -> Operand {
    Operand::Pointer { address, table: false }
}

const fn table(address: u64) -> Operand {
    Operand::Pointer { address, table: true }
}

const IMMEDIATE: Operand = Operand::Immediate { at: 1 };
const SEQUENCE: Operand = Operand::Sequence { variable: false };
const VARIABLE: Operand = Operand::Sequence { variable: true };

const KEY: Key = Key {
    class: Class::One,
    operand: IMMEDIATE,
    encrypted: false,
    ccm: false,
    trusted: false,
    destination: KeyDestination::Register,
    length: 16,
};

#[test]
fn key() {
    // class 1, IMM, 16 bytes
    check(&[0x0280_0010, 1, 2, 3, 4], Command::Key(KEY));
    // 5 and 0 bytes: padded to words
    check(&[0x0280_0005, 1, 2], Command::Key(Key { length: 5, ..KEY }));
    check(&[0x0280_0000], Command::Key(Key { length: 0, ..KEY }));
    // class 2, IMM, 24 bytes, KDEST 3
    let split = KeyDestination::MdhaSplit;
    check(
        &[0x0483_0018, 1, 2, 3, 4, 5, 6],
        Command::Key(Key { class: Class::Two, destination: split, length: 24, ..KEY }),
    );
    // class 1 by pointer, 32 bytes; the same with SGF (24)
    let by_pointer = Key { operand: pointer(0x8000_1000), length: 32, ..KEY };
    check(&[0x0200_0020, 0x8000_1000], Command::Key(by_pointer));
    let by_table = Key { operand: table(0x8000_1000), ..by_pointer };
    check(&[0x0300_0020, 0x8000_1000], Command::Key(by_table));
    // ENC (22), also with NWB (21) and EKT (20)
    let black = Key { encrypted: true, ..by_pointer };
    check(&[0x0240_0020, 0x8000_1000], Command::Key(black));
    check(&[0x0270_0020, 0x8000_1000], Command::Key(Key { ccm: true, ..black }));
    // an immediate black key is whole blocks, or 8-byte units with a nonce and a MAC
    let black = Key { encrypted: true, ..KEY };
    check(&[0x02c0_0014, 1, 2, 3, 4, 5, 6, 7, 8], Command::Key(Key { length: 20, ..black }));
    let ccm = Key { ccm: true, length: 20, ..black };
    check(&[0x02d0_0014, 1, 2, 3, 4, 5, 6, 7, 8, 9], Command::Key(ccm));
    // KDEST 1 and 2; the longest length
    let pkha = Key { destination: KeyDestination::PkhaE, ..by_pointer };
    check(&[0x0201_0020, 0x8000_1000], Command::Key(pkha));
    let afha = Key { destination: KeyDestination::AfhaSbox, length: 0x3ff, ..by_pointer };
    check(&[0x0202_03ff, 0x8000_1000], Command::Key(afha));
    // TK (15), PTS (14) and the reserved 13:10 are not part of the length
    check(&[0x0200_fc20, 0x8000_1000], Command::Key(Key { trusted: true, ..by_pointer }));
    // classes 0 and 3
    check(
        &[0x0000_0020, 5],
        Command::Key(Key { class: Class::None, operand: pointer(5), ..by_pointer }),
    );
    check(
        &[0x0600_0020, 5],
        Command::Key(Key { class: Class::Both, operand: pointer(5), ..by_pointer }),
    );
    // SEQ KEY, SEQ KEY VLF; bit 23 is AIDF there, not IMM
    check(&[0x0a00_0010], Command::Key(Key { operand: SEQUENCE, ..KEY }));
    check(&[0x0b00_0010], Command::Key(Key { operand: VARIABLE, ..KEY }));
    check(&[0x0a80_0010], Command::Key(Key { operand: SEQUENCE, ..KEY }));
}

#[test]
fn pointers_follow_the_profile() {
    let at = |address| Command::Key(Key { operand: pointer(address), ..KEY });
    check_with(&[0x0200_0010, 0x2222_2222, 0x1111_1111], at(0x1111_1111_2222_2222), &WIDE);
    check_with(
        &[0x0200_0010, 0x1111_1111, 0x2222_2222],
        at(0x1111_1111_2222_2222),
        &WIDE_HIGH_FIRST,
    );
    // A FIFO LOAD's EXT length is behind both words.
    let load = FifoLoad {
        class: Class::One,
        kind: InputType::Message,
        last1: true,
        last2: false,
        flush1: false,
        operand: table(0x1_0000_0002),
        length: 0x1_2345,
    };
    check_with(&[0x2352_0000, 2, 1, 0x1_2345], Command::FifoLoad(load), &WIDE);
    // SEQ IN PTR SGF EXT
    let source = SequenceSource::Pointer { address: 0x1_0000_0002, table: true };
    let command = Command::SeqInPtr(SequencePointer { source, length: 0x1_0000 });
    check_with(&[0xf140_0000, 1, 2, 0x1_0000], command, &WIDE_HIGH_FIRST);
    // a non-local JUMP
    let Ok(Decoded { command: Command::Jump(jump), words: 3 }) =
        decode(&[0xa040_0000, 0x2222_2222, 0x1111_1111], &WIDE)
    else {
        panic!("no JUMP")
    };
    assert_eq!(jump.kind, JumpKind::NonLocal(0x1111_1111_2222_2222));
}

#[test]
fn load() {
    let context = Register::Context(ClassNumber::One);
    let load = LoadStore { register: context, operand: IMMEDIATE, offset: 0x28, length: 8 };
    // class 1 context, IMM, offset 0x28, 8 bytes: the sector size of XTS
    check(&[0x12a0_2808, 0, 0x8000], Command::Load(load));
    // the same by pointer, by table, from the sequence, and from it with VLF
    check(&[0x1220_2808, 0x40], Command::Load(LoadStore { operand: pointer(0x40), ..load }));
    check(&[0x1320_2808, 0x40], Command::Load(LoadStore { operand: table(0x40), ..load }));
    check(&[0x1a20_2808], Command::Load(LoadStore { operand: SEQUENCE, ..load }));
    check(&[0x1b20_2808], Command::Load(LoadStore { operand: VARIABLE, ..load }));
    // lengths are padded to words
    check(&[0x12a0_0001, 7], Command::Load(LoadStore { offset: 0, length: 1, ..load }));
    check(&[0x12a0_0000], Command::Load(LoadStore { offset: 0, length: 0, ..load }));
    // output FIFO, CCB-wide, IMM, 4 bytes: the nonce of RFC 3686
    let fifo = LoadStore { register: Register::OutputFifo, offset: 0, length: 4, ..load };
    check(&[0x10fe_0004, 0x1234_5678], Command::Load(fifo));
    // descriptor buffer: the length counts words
    let buffer = LoadStore { register: Register::DescriptorBuffer, offset: 3, length: 2, ..load };
    check(&[0x16c0_0302, 1, 2], Command::Load(buffer));
}

#[test]
fn load_of_dctrl_has_no_data() {
    let load = |offset, length| {
        let register = Register::DecoControl;
        Command::Load(LoadStore { register, operand: IMMEDIATE, offset, length })
    };
    // disable (bit 3) and enable (bit 2) the automatic info FIFO entries
    check(&[0x1686_0800], load(8, 0));
    check(&[0x1686_0400], load(4, 0));
    // the length field is part of the value: reset the output FIFO and its pointer
    check(&[0x1686_0060], load(0, 0x60));
}

#[test]
fn store() {
    let context = Register::Context(ClassNumber::One);
    let store = LoadStore { register: context, operand: SEQUENCE, offset: 0x10, length: 16 };
    // SEQ STORE class 1 context, offset 16, 16 bytes; VLF
    check(&[0x5a20_1010], Command::Store(store));
    check(&[0x5b20_1010], Command::Store(LoadStore { operand: VARIABLE, ..store }));
    // STORE by pointer and by table
    check(&[0x5220_1010, 0x99], Command::Store(LoadStore { operand: pointer(0x99), ..store }));
    check(&[0x5320_1010, 0x99], Command::Store(LoadStore { operand: table(0x99), ..store }));
    // class 2 context, 20 bytes
    let digest = Register::Context(ClassNumber::Two);
    check(
        &[0x5c20_0014],
        Command::Store(LoadStore { register: digest, offset: 0, length: 20, ..store }),
    );
    // STORE IMM carries its data
    check(
        &[0x52a0_0008, 1, 2],
        Command::Store(LoadStore { operand: IMMEDIATE, offset: 0, length: 8, ..store }),
    );
}

#[test]
fn registers_of_load_and_store() {
    use ClassNumber::{One, Two};
    use Register as R;
    // (class 26:25, code 22:16, register)
    let known = [
        (1, 0x00, R::Mode(One)),
        (2, 0x00, R::Mode(Two)),
        (1, 0x01, R::KeySize(One)),
        (2, 0x01, R::KeySize(Two)),
        (1, 0x02, R::DataSize(One)),
        (2, 0x02, R::DataSize(Two)),
        (1, 0x03, R::IcvSize(One)),
        (2, 0x03, R::IcvSize(Two)),
        (1, 0x20, R::Context(One)),
        (2, 0x20, R::Context(Two)),
        (1, 0x40, R::Key(One)),
        (2, 0x40, R::Key(Two)),
        (1, 0x0b, R::AadSize),
        (1, 0x0c, R::IvSize),
        (0, 0x06, R::ChaControl),
        (0, 0x07, R::IrqControl),
        (0, 0x08, R::ClearWritten),
        (3, 0x06, R::DecoControl),
        (3, 0x07, R::ProtocolOverride),
        (3, 0x08, R::Math(0)),
        (3, 0x09, R::Math(1)),
        (3, 0x0a, R::Math(2)),
        (3, 0x0b, R::Math(3)),
        (3, 0x40, R::DescriptorBuffer),
        (0, 0x71, R::InfoFifoSizeFromMath),
    ];
    for class in 0..4_u32 {
        for code in 0..0x80_u32 {
            let entry = known.iter().find(|(c, d, _)| (*c, *d) == (class, code));
            let expected = match (code, entry) {
                (_, Some((.., register))) => *register,
                (0x7a, None) => R::InfoFifo,
                (0x7c, None) => R::InputFifo,
                (0x7e, None) => R::OutputFifo,
                (_, None) => R::Unsupported { class: class as u8, code: code as u8 },
            };
            let place = class << 25 | code << 16;
            // SEQ LOAD and SEQ STORE: no words behind
            let Ok(Decoded { command: Command::Load(load), words: 1 }) =
                decode(&[0x1800_0000 | place], &VIRT_ERA9)
            else {
                panic!("SEQ LOAD {class} {code:#x}")
            };
            assert_eq!(load.register, expected, "LOAD {class} {code:#x}");
            let Ok(Decoded { command: Command::Store(store), words: 1 }) =
                decode(&[0x5800_0000 | place], &VIRT_ERA9)
            else {
                panic!("SEQ STORE {class} {code:#x}")
            };
            assert_eq!(store.register, expected, "STORE {class} {code:#x}");
        }
    }
}

const MESSAGE: FifoLoad = FifoLoad {
    class: Class::One,
    kind: InputType::Message,
    last1: false,
    last2: false,
    flush1: false,
    operand: SEQUENCE,
    length: 0x40,
};

#[test]
fn fifo_load() {
    let last = FifoLoad { last1: true, ..MESSAGE };
    // SEQ FIFO LOAD class 1 message LAST1: length 0x40, VLF, EXT
    check(&[0x2a12_0040], Command::FifoLoad(last));
    check(&[0x2b12_0000], Command::FifoLoad(FifoLoad { operand: VARIABLE, length: 0, ..last }));
    check(&[0x2a52_0000, 0x12_3456], Command::FifoLoad(FifoLoad { length: 0x12_3456, ..last }));
    // FIFO LOAD by pointer and by table, 16-bit length and EXT behind the pointer
    let direct = FifoLoad { operand: pointer(0x7000), ..last };
    check(&[0x2212_0040, 0x7000], Command::FifoLoad(direct));
    check(&[0x2252_0000, 0x7000, 0x40], Command::FifoLoad(direct));
    check(
        &[0x2312_ffff, 0x7000],
        Command::FifoLoad(FifoLoad { operand: table(0x7000), length: 0xffff, ..last }),
    );
    // IMM: class 1, IV, FLUSH1, 12 bytes
    let iv =
        FifoLoad { kind: InputType::Iv, flush1: true, operand: IMMEDIATE, length: 12, ..MESSAGE };
    check(&[0x22a1_000c, 1, 2, 3], Command::FifoLoad(iv));
    // IMM, no data
    check(
        &[0x2492_0000],
        Command::FifoLoad(FifoLoad { class: Class::Two, operand: IMMEDIATE, length: 0, ..last }),
    );
    // class 3, class 0
    check(&[0x2e16_0040], Command::FifoLoad(FifoLoad { class: Class::Both, last2: true, ..last }));
    check(
        &[0x2800_0008],
        Command::FifoLoad(FifoLoad {
            class: Class::None,
            kind: InputType::Pkha(0),
            length: 8,
            ..MESSAGE
        }),
    );
}

#[test]
fn fifo_load_cannot_be_immediate_with_an_extended_length() {
    // IMM (23) and EXT (22)
    assert_eq!(decoded(&[0x22d2_0004, 4, 1], &VIRT_ERA9), Err(DecoError::FifoLoad));
    // In the SEQ form bit 23 is not IMM.
    check(&[0x2ad2_0000, 0x40], Command::FifoLoad(FifoLoad { last1: true, ..MESSAGE }));
}

#[test]
fn fifo_load_types() {
    for code in 0..0x40_u32 {
        let (kind, actions) = match code {
            0x0f => (InputType::NoInfo, 0),
            0x00..=0x0e => (InputType::Pkha(code as u8), 0),
            0x10..=0x17 => (InputType::Message, code - 0x10),
            0x18..=0x1f => (InputType::MessageClass1Out2, code - 0x18),
            0x20..=0x27 => (InputType::Iv, code - 0x20),
            0x28..=0x2f => (InputType::BitData, code - 0x28),
            0x30..=0x37 => (InputType::Aad, code - 0x30),
            _ => (InputType::Icv, code - 0x38),
        };
        // FLUSH1 1, LAST1 2, LAST2 4; Linux' LASTBOTH is 6
        let expected = FifoLoad {
            kind,
            flush1: [1, 3, 5, 7].contains(&actions),
            last1: [2, 3, 6, 7].contains(&actions),
            last2: actions >= 4,
            ..MESSAGE
        };
        check(&[0x2a00_0040 | code << 16], Command::FifoLoad(expected));
    }
}

#[test]
fn fifo_store() {
    let store = FifoStore {
        class: Class::None,
        kind: OutputType::Message,
        operand: SEQUENCE,
        length: 0x40,
    };
    // SEQ FIFO STORE message: length, VLF, EXT
    check(&[0x6830_0040], Command::FifoStore(store));
    check(&[0x6930_0000], Command::FifoStore(FifoStore { operand: VARIABLE, length: 0, ..store }));
    check(&[0x6870_0000, 0x10_0000], Command::FifoStore(FifoStore { length: 0x10_0000, ..store }));
    // FIFO STORE by pointer, by table, EXT; CONT (23) is not IMM
    let direct = FifoStore { operand: pointer(0x7000), ..store };
    check(&[0x6030_0040, 0x7000], Command::FifoStore(direct));
    check(&[0x60b0_0040, 0x7000], Command::FifoStore(direct));
    check(&[0x6070_0000, 0x7000, 0x40], Command::FifoStore(direct));
    check(
        &[0x6130_0040, 0x7000],
        Command::FifoStore(FifoStore { operand: table(0x7000), ..store }),
    );
    // skip and metadata exist in the SEQ form only
    check(
        &[0x693f_0000],
        Command::FifoStore(FifoStore {
            class: Class::None,
            kind: OutputType::Skip,
            operand: VARIABLE,
            length: 0,
        }),
    );
    check(
        &[0x683e_0008],
        Command::FifoStore(FifoStore { kind: OutputType::Metadata, length: 8, ..store }),
    );
    check(
        &[0x603f_0040, 0x7000],
        Command::FifoStore(FifoStore { kind: OutputType::Unsupported(0x3f), ..direct }),
    );
    check(
        &[0x603e_0040, 0x7000],
        Command::FifoStore(FifoStore { kind: OutputType::Unsupported(0x3e), ..direct }),
    );
    // a class 1 key under JDKEK or TDKEK; random bytes
    let key = FifoStore { class: Class::One, ..store };
    for (word, trusted) in [(0x6a24_0040, false), (0x6a25_0040, true)] {
        let kind = OutputType::Key { trusted };
        check(&[word], Command::FifoStore(FifoStore { kind, ..key }));
    }
    check(&[0x6834_0040], Command::FifoStore(FifoStore { kind: OutputType::Rng, ..store }));
    // everything else: PKHA registers, say
    for code in (0..0x3e_u32).filter(|c| ![0x24, 0x25, 0x30, 0x34].contains(c)) {
        let kind = OutputType::Unsupported(code as u8);
        check(&[0x6800_0040 | code << 16], Command::FifoStore(FifoStore { kind, ..store }));
    }
}

#[test]
fn truncated_commands_are_blamed_on_their_opcode() {
    let cases = [
        (&[0x0280_0010, 1, 2, 3][..], DecoError::Key),
        (&[0x0200_0010], DecoError::Key),
        (&[0x12a0_0008, 1], DecoError::Load),
        (&[0x1220_0008], DecoError::Load),
        (&[0x16c0_00ff, 1, 2, 3], DecoError::Load),
        (&[0x22a1_000c, 1, 2], DecoError::FifoLoad),
        (&[0x2292_ffff, 1, 2], DecoError::FifoLoad),
        (&[0x2252_0000, 1], DecoError::FifoLoad),
        (&[0x2a52_0000], DecoError::FifoLoad),
        (&[0x5220_0010], DecoError::Store),
        (&[0x6030_0010], DecoError::FifoStore),
        (&[0x6070_0010, 1], DecoError::FifoStore),
        (&[0x6870_0000], DecoError::FifoStore),
        (&[0xa040_0000], DecoError::Jump),
        (&[0xa804_0304], DecoError::Math),
        (&[0xa804_0308, 1], DecoError::Math),
        (&[0xf000_0040], DecoError::Sequence),
        (&[0xf040_0000, 1], DecoError::Sequence),
        (&[0xf860_0000], DecoError::Sequence),
    ];
    for (words, error) in cases {
        assert_eq!(decode(words, &VIRT_ERA9), Err(error), "{words:08x?}");
    }
    // A 64-bit pointer cut in half.
    assert_eq!(decode(&[0x0200_0010, 1], &WIDE), Err(DecoError::Key));
}

fn soc() -> impl Strategy<Value = SocProfile> {
    (any::<bool>(), any::<bool>()).prop_map(|(wide, high_word_first)| {
        let pointer = if wide { PointerSize::Bits64 } else { PointerSize::Bits32 };
        SocProfile { pointer, high_word_first, ..VIRT_ERA9 }
    })
}

proptest! {
    #![proptest_config(cases(20_000))]

    /// Whatever the words are, decoding returns; a command is made of words of the slice, and of
    /// nothing else: with those words alone it is the same command, with any fewer it is none.
    #[test]
    fn decode_is_total(words in prop::collection::vec(any::<u32>(), 0..=64), soc in soc()) {
        match decode(&words, &soc) {
            Ok(decoded) => {
                let n = usize::from(decoded.words);
                prop_assert!(1 <= n && n <= words.len());
                prop_assert_eq!(decode(&words[..n], &soc), Ok(decoded));
                for shorter in 0..n {
                    prop_assert!(decode(&words[..shorter], &soc).is_err());
                }
                if let Command::Key(Key {
                    operand: Operand::Immediate { at }, length, encrypted: false, ..
                })
                    | Command::FifoLoad(FifoLoad { operand: Operand::Immediate { at }, length, .. }) =
                    decoded.command
                {
                    prop_assert_eq!(usize::from(at) + (length as usize).div_ceil(4), n);
                }
            }
            Err(error) => {
                // An error is about what is missing: the same word with enough behind it is a
                // command, except for FIFO LOAD IMM with EXT.
                let mut longer = words.clone();
                longer.resize(words.len() + 64 * 1024, 0);
                let immediate_ext = words.first().is_some_and(|w| w >> 27 == 4 && w >> 22 & 3 == 3);
                // ... and DKP with operands that do not exist or do not fit each other.
                let dkp = words.first().is_some_and(|w| w >> 24 == 0x80 && w >> 19 & 0x1f == 4);
                if !words.is_empty() && !immediate_ext && !dkp {
                    prop_assert!(decode(&longer, &soc).is_ok(), "{error:?}");
                }
            }
        }
    }
}
