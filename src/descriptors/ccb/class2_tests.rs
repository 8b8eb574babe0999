//! MDHA and PTHA by themselves: modes, sizes, contexts, ICVs.

use super::*;
use crate::device::soc::{Cha, VIRT_ERA9, VIRT_ERA10};

use AlgorithmState::{Finalize, Init, InitFinal, Update};

const DIGESTS: [(u8, usize); 6] =
    [(0x40, 16), (0x41, 20), (0x42, 28), (0x43, 32), (0x44, 48), (0x45, 64)];

fn op(algorithm: u8, aai: u16, state: AlgorithmState, icv: bool) -> AlgorithmOperation {
    AlgorithmOperation { algorithm, aai, state, icv, encrypt: !icv }
}

fn set_up(operation: AlgorithmOperation) -> Class2 {
    let mut class = Class2::new();
    class.operation(operation, &VIRT_ERA9).expect("a mode MDHA has");
    class
}

fn mdha(error: ChaError) -> Failure {
    Failure::Ccb(ChaId::Mdha, error)
}

#[test]
fn modes_that_mdha_has_and_has_not() {
    for (algorithm, _) in DIGESTS {
        for aai in [AAI_HASH, AAI_HMAC, AAI_HMAC_PRECOMP] {
            let made = Class2::new().operation(op(algorithm, aai, InitFinal, false), &VIRT_ERA9);
            assert_eq!(made, Ok(()));
        }
        // SMAC, and nonsense
        for aai in [2, 3, 5, 8, 0x100] {
            let made = Class2::new().operation(op(algorithm, aai, InitFinal, false), &VIRT_ERA9);
            assert_eq!(made, Err(mdha(ChaError::Mode)));
        }
    }
}

#[test]
fn absent_engines() {
    let none = SocProfile { mdha: Cha::ABSENT, ..VIRT_ERA9 };
    let small = SocProfile { mdha: Cha::one(0), ..VIRT_ERA9 };
    for (algorithm, length) in DIGESTS {
        let operation = op(algorithm, AAI_HASH, InitFinal, false);
        assert_eq!(Class2::new().operation(operation, &none), Err(mdha(ChaError::InvalidCha)));
        let there = if length <= 32 { Ok(()) } else { Err(mdha(ChaError::InvalidCha)) };
        assert_eq!(Class2::new().operation(operation, &small), there, "LP256");
    }
    // what is no hash: ciphers, SHA-512/224 and /256, SNOW, CRC
    for algorithm in [0x10, 0x20, 0x46, 0x47, 0x90, 0xa0, 0xc0] {
        let made = Class2::new().operation(op(algorithm, 0, InitFinal, false), &VIRT_ERA9);
        assert!(matches!(made, Err(Failure::Ccb(_, ChaError::InvalidCha))), "{algorithm:x}");
    }
    let poly = op(0xe0, AAI_AEAD, InitFinal, false);
    let absent = Err(Failure::Ccb(ChaId::Ccb, ChaError::InvalidCha));
    assert_eq!(Class2::new().operation(poly, &VIRT_ERA9), absent);
    assert_eq!(Class2::new().operation(poly, &VIRT_ERA10), Ok(()));
    let mode = Class2::new().operation(op(0xe0, 0, InitFinal, false), &VIRT_ERA10);
    assert_eq!(mode, Err(Failure::Ccb(ChaId::Ccb, ChaError::Mode)));
}

/// A message in one job, or in three with the running state in between: the same digest.
#[test]
fn contexts_go_on_where_they_were() {
    let message: Vec<u8> = (0..128 * 5 + 33).map(|i| (i * 7) as u8).collect();
    for (algorithm, length) in DIGESTS {
        let mut whole = set_up(op(algorithm, AAI_HASH, InitFinal, false));
        whole.input(InputType::Message, &message, true).unwrap();
        assert!(whole.done);
        let mut context = Vec::new();
        let pieces = [(Init, 0..256), (Update, 256..512), (Finalize, 512..message.len())];
        for (state, piece) in pieces {
            let mut class = set_up(op(algorithm, AAI_HASH, state, false));
            class.registers.context_mut()[..context.len()].copy_from_slice(&context);
            class.input(InputType::Message, &message[piece], true).unwrap();
            context = class.registers.context().to_vec();
        }
        assert_eq!(context[..length], whole.registers.context()[..length], "{algorithm:x}");
    }
}

/// The same with HMAC: key first and last, plain hash in the middle, as the driver does.
#[test]
fn an_hmac_s_update_is_its_hash_s() {
    let message = [0x5a; 128 * 3];
    for (algorithm, length) in DIGESTS {
        let with_key = |state, context: &[u8], bytes: &[u8]| {
            let mut class = set_up(op(algorithm, AAI_HMAC, state, false));
            class.registers.load_key(0, &[9; 40]).unwrap();
            class.registers.context_mut()[..context.len()].copy_from_slice(context);
            class.input(InputType::Message, bytes, true).unwrap();
            class.registers.context().to_vec()
        };
        let whole = with_key(InitFinal, &[], &message);
        let first = with_key(Init, &[], &message[..128]);
        let mut middle = set_up(op(algorithm, AAI_HASH, Update, false));
        middle.registers.context_mut().copy_from_slice(&first);
        middle.input(InputType::Message, &message[128..256], true).unwrap();
        let last = with_key(Finalize, middle.registers.context(), &message[256..]);
        assert_eq!(last[..length], whole[..length], "{algorithm:x}");
    }
}

#[test]
fn split_keys_are_as_long_as_they_are() {
    for (algorithm, length) in DIGESTS {
        let state = if length < 32 { length } else { length.next_multiple_of(32) };
        let state = if algorithm == 0x42 { 32 } else { state };
        for size in [0, 1, 2 * state - 1] {
            let mut class = set_up(op(algorithm, AAI_HMAC_PRECOMP, InitFinal, false));
            class.registers.load_key(0, &vec![1; size]).unwrap();
            let refused = class.input(InputType::Message, &[0; 4], true);
            assert_eq!(refused, Err(mdha(ChaError::KeySize)), "{algorithm:x} {size}");
        }
        // exactly, and with padding behind it
        for size in [2 * state, 2 * state.next_multiple_of(8)] {
            let mut class = set_up(op(algorithm, AAI_HMAC_PRECOMP, InitFinal, false));
            class.registers.load_key(0, &vec![1; size]).unwrap();
            assert_eq!(class.input(InputType::Message, &[0; 4], true), Ok(()), "{algorithm:x}");
        }
    }
}

#[test]
fn unfinished_messages_are_whole_blocks() {
    for (algorithm, length) in DIGESTS {
        let block = if length > 32 { 128 } else { 64 };
        for (bytes, whole) in [(0, true), (1, false), (block - 1, false), (block, true)] {
            let mut class = set_up(op(algorithm, AAI_HASH, Init, false));
            let ended = class.input(InputType::Message, &vec![0; bytes], true);
            let expected = if whole { Ok(()) } else { Err(mdha(ChaError::DataSize)) };
            assert_eq!(ended, expected, "{algorithm:x} {bytes}");
        }
    }
}

#[test]
fn an_icv_is_the_start_of_the_tag_and_not_empty() {
    for (algorithm, length) in DIGESTS {
        let tag = {
            let mut class = set_up(op(algorithm, AAI_HMAC, InitFinal, false));
            class.registers.load_key(0, &[9; 40]).unwrap();
            class.input(InputType::Message, b"text", true).unwrap();
            class.registers.context()[..length].to_vec()
        };
        let check = |icv: &[u8]| {
            let mut class = set_up(op(algorithm, AAI_HMAC, InitFinal, true));
            class.registers.load_key(0, &[9; 40]).unwrap();
            class.input(InputType::Message, b"text", true).unwrap();
            class.input(InputType::Icv, icv, true)
        };
        for n in [1, 4, 12, length] {
            assert_eq!(check(&tag[..n]), Ok(()), "{algorithm:x} {n}");
            let mut wrong = tag[..n].to_vec();
            wrong[n - 1] ^= 1;
            assert_eq!(check(&wrong), Err(mdha(ChaError::IcvCheck)));
        }
        assert_eq!(check(&[]), Err(mdha(ChaError::IcvCheck)));
        let long = [&tag[..], &[0]].concat();
        assert_eq!(check(&long), Err(mdha(ChaError::IcvCheck)), "longer than the tag");
        assert_eq!(check(&[0; 73]), Err(mdha(ChaError::DataSize)), "longer than the context");
    }
}

#[test]
fn data_of_a_kind_that_hashes_do_not_take() {
    for kind in [InputType::Iv, InputType::Aad, InputType::Poly, InputType::BitData] {
        let mut class = set_up(op(0x43, AAI_HASH, InitFinal, false));
        assert_eq!(class.input(kind, &[0; 8], false), Err(mdha(ChaError::DataSequence)));
    }
    let mut class = set_up(op(0x43, AAI_HASH, InitFinal, false));
    class.input(InputType::Message, &[0; 8], true).unwrap();
    let behind = class.input(InputType::Message, &[0; 8], true);
    assert_eq!(behind, Err(mdha(ChaError::DataSequence)), "behind the end");
}

#[test]
fn poly1305_needs_class_1_s_key_and_aad_before_text() {
    let ccb = |error| Err(Failure::Ccb(ChaId::Ccb, error));
    let poly = |key: bool| {
        let mut class = Class2::new();
        class.operation(op(0xe0, AAI_AEAD, InitFinal, true), &VIRT_ERA10).unwrap();
        assert!(class.needs_poly1305_key());
        class.set_poly1305_key(key.then(|| chacha::Key::new(&[1; 32]).unwrap()));
        class
    };
    let alone = poly(false).input(InputType::Message, b"text", false);
    assert_eq!(alone, ccb(ChaError::InvalidCombination));
    let mut class = poly(true);
    class.input(InputType::Poly, b"aad", false).unwrap();
    class.input(InputType::Message, b"text", true).unwrap();
    assert_eq!(class.input(InputType::Icv, &[0; 16], true), ccb(ChaError::IcvCheck));
    let mut class = poly(true);
    class.input(InputType::Message, b"text", false).unwrap();
    assert_eq!(class.input(InputType::Poly, b"aad", false), ccb(ChaError::DataSequence));
}

#[test]
fn without_a_mode_data_is_not_taken_and_a_cleared_one_is_none() {
    let mut class = Class2::new();
    assert!(!class.has_mode());
    class.input(InputType::Message, b"text", true).unwrap();
    assert!(!class.done);
    class.operation(op(0x43, AAI_HASH, InitFinal, false), &VIRT_ERA9).unwrap();
    assert!(class.has_mode());
    class.clear_mode();
    assert!(!class.has_mode() && !class.done);
}
