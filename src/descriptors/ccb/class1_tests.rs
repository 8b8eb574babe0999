//! AESA, DESA and CCHA by themselves: modes, sizes, contexts, ICVs.

use super::*;
use crate::device::soc::{AES_HIGH_PERFORMANCE, Cha, VIRT_ERA9, VIRT_ERA10};

use AlgorithmState::{Finalize, Init, InitFinal, Update};

fn op(algorithm: u8, aai: u16, state: AlgorithmState) -> AlgorithmOperation {
    AlgorithmOperation { algorithm, aai, state, icv: false, encrypt: true }
}

fn set_up(operation: AlgorithmOperation, key: &[u8]) -> Class1 {
    let mut class = Class1::new();
    class.operation(operation, &VIRT_ERA10).expect("a mode there is");
    class.registers.load_key(0, key).expect("a key that fits");
    class
}

fn text(class: &mut Class1, text: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut bytes = text.to_vec();
    let n = class.input(InputType::Message, &mut bytes, true)?;
    bytes.truncate(n);
    Ok(bytes)
}

fn refused<T>(result: Result<T, Failure>, cha: ChaId, error: ChaError) -> bool {
    result.err() == Some(Failure::Ccb(cha, error))
}

/// Odd parity in every byte.
fn odd(key: &[u8]) -> Vec<u8> {
    key.iter().map(|b| b & 0xfe | u8::from((b & 0xfe).count_ones() % 2 == 0)).collect()
}

#[test]
fn des_keys() {
    let des3: Vec<u8> = odd(&(1..=24).map(|i| i * 9).collect::<Vec<u8>>());
    for (algorithm, good) in [(0x20, &[8][..]), (0x21, &[16, 24][..])] {
        for aai in [0x10, 0x20] {
            for size in 0..=24 {
                let mut class = set_up(op(algorithm, aai, Init), &des3[..size]);
                let done = text(&mut class, &[0; 8]);
                let fits = good.contains(&size);
                assert_eq!(done.is_ok(), fits, "{algorithm:x} {size}");
                assert!(fits || refused(done, ChaId::Des, ChaError::KeySize));
            }
        }
    }
    // CHECKODD: parity counts with it only
    let mut weak = des3.clone();
    weak[3] ^= 1;
    for (algorithm, n) in [(0x20, 8), (0x21, 24)] {
        assert!(text(&mut set_up(op(algorithm, 0x10, Init), &weak[..n]), &[0; 8]).is_ok());
        let checked = op(algorithm, 0x90, Init);
        let done = text(&mut set_up(checked, &weak[..n]), &[0; 8]);
        assert!(refused(done, ChaId::Des, ChaError::KeyParity));
        assert!(text(&mut set_up(checked, &des3[..n]), &[0; 8]).is_ok());
    }
}

#[test]
fn des_data_is_whole_blocks() {
    for aai in [0x10, 0x20] {
        for size in [1, 7, 9, 15, 17] {
            let done = text(&mut set_up(op(0x20, aai, Init), &[1; 8]), &vec![0; size]);
            assert!(refused(done, ChaId::Des, ChaError::DataSize), "{size}");
        }
        for size in [0, 8, 16, 24] {
            let done = text(&mut set_up(op(0x20, aai, Init), &[1; 8]), &vec![0; size]);
            assert_eq!(done.map(|d| d.len()), Ok(size));
        }
    }
}

/// CBC's IV stands in the context, before as after.
#[test]
fn des_cbc_goes_on_from_its_context() {
    let key = &[0x13, 0x34, 0x57, 0x79, 0x9b, 0xbc, 0xdf, 0xf1];
    let mut whole = set_up(op(0x20, 0x10, Init), key);
    let expected = text(&mut whole, &[7; 24]).unwrap();
    assert_eq!(whole.registers.context()[..8], expected[16..]);
    let mut first = set_up(op(0x20, 0x10, Init), key);
    assert_eq!(text(&mut first, &[7; 8]).unwrap(), expected[..8]);
    let mut rest = set_up(op(0x20, 0x10, Init), key);
    rest.registers.context_mut()[..8].copy_from_slice(&first.registers.context()[..8]);
    assert_eq!(text(&mut rest, &[7; 16]).unwrap(), expected[8..]);
}

#[test]
fn modes_and_engines_that_are_not_there() {
    let made = |algorithm, aai, soc: &SocProfile| {
        Class1::new().operation(op(algorithm, aai, InitFinal), soc)
    };
    for aai in [0x00, 0x30, 0x40, 0x50] {
        assert!(refused(made(0x20, aai, &VIRT_ERA9), ChaId::Des, ChaError::Mode));
        assert!(refused(made(0x21, aai, &VIRT_ERA9), ChaId::Des, ChaError::Mode));
    }
    // low-power AESA: neither XTS nor GCM, everything else
    let low = SocProfile { aes: Cha::one(AES_HIGH_PERFORMANCE - 1), ..VIRT_ERA9 };
    for aai in [0x50, 0x90] {
        assert!(refused(made(0x10, aai, &low), ChaId::Aes, ChaError::Mode));
        assert_eq!(made(0x10, aai, &VIRT_ERA9), Ok(()));
    }
    for aai in [0x00, 0x10, 0x20, 0x60, 0x70, 0x80] {
        assert_eq!(made(0x10, aai, &low), Ok(()));
    }
    let none = SocProfile { aes: Cha::ABSENT, des: Cha::ABSENT, rng: Cha::ABSENT, ..VIRT_ERA9 };
    assert!(refused(made(0x10, 0x20, &none), ChaId::Aes, ChaError::InvalidCha));
    assert!(refused(made(0x20, 0x20, &none), ChaId::Des, ChaError::InvalidCha));
    assert!(refused(made(0x50, 0, &none), ChaId::Rng, ChaError::InvalidCha));
    assert!(refused(made(0x30, 0, &VIRT_ERA9), ChaId::Arc4, ChaError::InvalidCha));
    assert!(refused(made(0x60, 0, &VIRT_ERA9), ChaId::SnowF8, ChaError::InvalidCha));
    // GCM, CCM and ChaCha20 keep no state between jobs
    for state in [Update, Init, Finalize] {
        for (algorithm, aai) in [(0x10, 0x80), (0x10, 0x90), (0xd0, 2)] {
            assert!(Class1::new().operation(op(algorithm, aai, state), &VIRT_ERA10).is_err());
        }
    }
}

#[test]
fn a_class_takes_one_operation_until_it_is_reset() {
    for second in [op(0x10, 0x20, Init), op(0x20, 0x20, Init), op(0x50, 0, Update)] {
        let mut class = set_up(op(0x10, 0x10, Init), &[1; 16]);
        let again = class.operation(second, &VIRT_ERA9);
        assert!(refused(again, cha_of(second.algorithm), ChaError::ClassNotReset));
        class.clear_mode();
        assert_eq!(class.operation(second, &VIRT_ERA9), Ok(()));
    }
}

/// CMAC and XCBC in three jobs, the context carried: the MAC of one.
#[test]
fn macs_go_on_from_their_contexts() {
    let message: Vec<u8> = (0..77).collect();
    for (aai, context_bytes) in [(0x60, 32), (0x70, 48)] {
        let mut whole = set_up(op(0x10, aai, InitFinal), &[3; 16]);
        text(&mut whole, &message).unwrap();
        let (mut context, mut key) = (vec![0; context_bytes], vec![3; 16]);
        for (state, piece) in [(Init, 0..32), (Update, 32..48), (Finalize, 48..77)] {
            let mut class = set_up(op(0x10, aai, state), &key);
            class.registers.context_mut()[..context_bytes].copy_from_slice(&context);
            assert_eq!(text(&mut class, &message[piece]), Ok(vec![]), "a MAC has no output");
            context = class.registers.context()[..context_bytes].to_vec();
            // XCBC leaves K1 where the key was; the driver stores and loads it.
            key = class.registers.key().to_vec();
        }
        assert_eq!(context[..16], whole.registers.context()[..16], "{aai:x}");
    }
}

#[test]
fn mac_sizes() {
    for aai in [0x60, 0x70] {
        for size in [1, 15, 17] {
            let done = text(&mut set_up(op(0x10, aai, Init), &[3; 16]), &vec![0; size]);
            assert!(refused(done, ChaId::Aes, ChaError::DataSize), "{aai:x} {size}");
        }
        for size in [0, 8, 15, 17, 33] {
            let done = text(&mut set_up(op(0x10, aai, InitFinal), &vec![3; size]), &[0; 16]);
            assert!(refused(done, ChaId::Aes, ChaError::KeySize), "{aai:x} {size}");
        }
    }
    // XCBC is for AES-128 alone
    for size in [24, 32] {
        let done = text(&mut set_up(op(0x10, 0x70, InitFinal), &vec![3; size]), &[0; 16]);
        assert!(refused(done, ChaId::Aes, ChaError::KeySize));
        assert!(text(&mut set_up(op(0x10, 0x60, InitFinal), &vec![3; size]), &[0; 16]).is_ok());
    }
}

#[test]
fn chacha_keys_and_data() {
    for size in [0, 16, 31, 33] {
        let done = text(&mut set_up(op(0xd0, 2, InitFinal), &vec![1; size]), &[0; 4]);
        assert!(refused(done, ChaId::Ccb, ChaError::KeySize), "{size}");
    }
    let mut class = set_up(op(0xd0, 2, InitFinal), &[1; 32]);
    let sealed = text(&mut class, &[0; 100]).unwrap();
    assert!(class.done);
    let mut again = set_up(op(0xd0, 2, InitFinal), &[1; 32]);
    assert_eq!(text(&mut again, &sealed).unwrap(), [0; 100]);
    // Class 2's key is there while ChaCha20 is set up, and only then.
    assert!(again.poly1305_key().is_some());
    again.clear_mode();
    assert!(again.poly1305_key().is_none());
    // IVs and AAD are not its data
    for kind in [InputType::Iv, InputType::Aad, InputType::Icv] {
        let mut class = set_up(op(0xd0, 2, InitFinal), &[1; 32]);
        let done = class.input(kind, &mut [0; 4], false);
        assert!(refused(done, ChaId::Ccb, ChaError::DataSequence));
    }
}

#[test]
fn the_rng_takes_no_data() {
    let mut class = Class1::new();
    class.operation(op(0x50, 0, Update), &VIRT_ERA9).unwrap();
    assert!(class.done, "at once");
    let done = class.input(InputType::Message, &mut [0; 4], true);
    assert!(refused(done, ChaId::Rng, ChaError::DataSequence));
}
