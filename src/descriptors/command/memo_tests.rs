//! What is kept is what decoding says.

use super::super::decode;
use super::*;
use crate::device::soc::VIRT_ERA9;
use proptest::prelude::*;

static WIDE: SocProfile = SocProfile { pointer: PointerSize::Bits64, ..VIRT_ERA9 };
static WIDE_HIGH_FIRST: SocProfile = SocProfile { high_word_first: true, ..WIDE };

/// Words of every opcode, of which many differ in little.
fn word() -> impl Strategy<Value = u32> {
    prop_oneof![
        3 => (0..32_u32, any::<u32>()).prop_map(|(opcode, rest)| opcode << 27 | rest >> 5),
        2 => (0..32_u32, 0..4_u32, 0..64_u32).prop_map(|(opcode, flags, length)| {
            opcode << 27 | flags << 22 | length
        }),
        1 => any::<u32>(),
    ]
}

proptest! {
    /// With whatever stood there before, on whatever SoC, at whatever distance from the end.
    #[test]
    fn a_memo_decodes_what_is_there_now(
        mut words in prop::collection::vec(word(), 1..=WORDS),
        steps in prop::collection::vec(
            (0..WORDS, 0..=WORDS, 0..3_usize, prop::option::of(word())),
            1..100,
        ),
    ) {
        let mut memo = Memo::default();
        for (pc, end, soc, change) in steps {
            let soc = [&VIRT_ERA9, &WIDE, &WIDE_HIGH_FIRST][soc];
            let pc = pc % words.len();
            let end = end.clamp(pc, words.len());
            if let Some(word) = change {
                let at = (pc + word as usize % 4).min(words.len() - 1);
                words[at] = word;
            }
            memo.set_soc(soc);
            // twice: the second time it is known
            for _ in 0..2 {
                let expected = decode(&words[pc..end], soc);
                prop_assert_eq!(memo.decode(&words[..end], pc, soc).copied(), expected);
            }
        }
    }
}

#[test]
fn a_key_in_the_descriptor_is_not_kept() {
    // KEY class 1, immediate, 16 bytes
    let mut words = vec![0x0280_0010, 0x5ec2_e7ed, 0x5ec2_e7ed, 0x5ec2_e7ed, 0x5ec2_e7ed];
    let mut memo = Memo::default();
    let first = *memo.decode(&words, 0, &VIRT_ERA9).unwrap();
    let known = memo.known[0];
    assert_eq!((known.read, known.words), (1, [0x0280_0010, 0, 0, 0]));
    words[1] = 7;
    assert_eq!(*memo.decode(&words, 0, &VIRT_ERA9).unwrap(), first);
}
