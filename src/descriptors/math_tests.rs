//! MATH: every function at every length, against arithmetic done another way; flags, carry
//! chains, registers and refusals.

use super::*;
use crate::descriptors::test_support::cases;
use proptest::prelude::*;

const LENGTHS: [u8; 4] = [1, 2, 4, 8];

/// MATH2 = MATH0 `function` MATH1.
fn math(function: MathFunction, length: u8) -> Math {
    Math {
        function,
        source0: MathRegister::Math(0),
        source1: MathRegister::Math(1),
        destination: MathRegister::Math(2),
        length,
        keep_flags: false,
        immediate: 0,
    }
}

fn with(a: u64, b: u64) -> Registers {
    Registers { math: [a, b, 0x5555_5555_5555_5555, 0], ..Registers::default() }
}

/// The result in MATH2 and the flags.
#[track_caller]
fn calculate(function: MathFunction, length: u8, a: u64, b: u64) -> (u64, Flags) {
    let mut registers = with(a, b);
    assert_eq!(registers.execute(&math(function, length)), Ok(()));
    (registers.math[2], registers.flags)
}

/// Flags as letters, in the order of JUMP's condition bits: N Z C L.
fn letters(flags: Flags) -> String {
    let letter = |set, l| if set { l } else { '-' };
    [
        letter(flags.negative, 'N'),
        letter(flags.zero, 'Z'),
        letter(flags.carry, 'C'),
        letter(flags.less, 'L'),
    ]
    .iter()
    .collect()
}

#[test]
fn table_of_results_and_flags() {
    use MathFunction as F;
    let cases = [
        // function, length, a, b, result, flags
        (F::Add, 4, 2, 3, 5, "----"),
        (F::Add, 4, 0, 0, 0, "-Z--"),
        (F::Add, 4, 0xffff_ffff, 1, 0, "-ZC-"),
        // 0x7fffffff + 1: negative by overflow, so not "less"
        (F::Add, 4, 0x7fff_ffff, 1, 0x8000_0000, "N---"),
        (F::Add, 4, 0x8000_0000, 0x8000_0000, 0, "-ZCL"),
        (F::Add, 4, 0xffff_fffe, 1, 0xffff_ffff, "N--L"),
        (F::Add, 8, 0xffff_ffff, 1, 0x1_0000_0000, "----"),
        (F::Add, 8, u64::MAX, 2, 1, "--C-"),
        (F::Add, 1, 0x1ff, 1, 0, "-ZC-"),
        (F::Add, 2, 0x1_8000, 0x2_8000, 0, "-ZCL"),
        (F::Subtract, 4, 5, 3, 2, "----"),
        (F::Subtract, 4, 3, 3, 0, "-Z--"),
        (F::Subtract, 4, 3, 5, 0xffff_fffe, "N-CL"),
        // -2^31 - 1: positive by overflow, and yet "less"
        (F::Subtract, 4, 0x8000_0000, 1, 0x7fff_ffff, "---L"),
        (F::Subtract, 4, 0x7fff_ffff, 0xffff_ffff, 0x8000_0000, "N-C-"),
        (F::Subtract, 8, 0, 1, u64::MAX, "N-CL"),
        (F::Subtract, 1, 0x100, 1, 0xff, "N-CL"),
        (F::Or, 4, 0xf0f0_0000, 0x0000_0f0f, 0xf0f0_0f0f, "N--L"),
        (F::And, 4, 0xf0f0_0000, 0x0fff_ffff, 0x00f0_0000, "----"),
        (F::And, 8, 1, 2, 0, "-Z--"),
        (F::Xor, 2, 0xffff, 0x7fff, 0x8000, "N--L"),
        (F::Xor, 4, 0x1234_5678, 0x1234_5678, 0, "-Z--"),
        (F::ShiftLeft, 4, 1, 4, 0x10, "----"),
        (F::ShiftLeft, 4, 3, 31, 0x8000_0000, "N--L"),
        (F::ShiftLeft, 8, 3, 31, 0x1_8000_0000, "----"),
        (F::ShiftLeft, 4, 1, 32, 0, "-Z--"),
        (F::ShiftLeft, 8, 1, 64, 0, "-Z--"),
        (F::ShiftLeft, 8, 1, u64::MAX, 0, "-Z--"),
        (F::ShiftRight, 4, 0x8000_0000, 31, 1, "----"),
        (F::ShiftRight, 4, 0x1_0000_0000, 4, 0, "-Z--"),
        (F::ShiftRight, 4, 1, 32, 0, "-Z--"),
        (F::ShiftRight, 8, u64::MAX, 0, u64::MAX, "N--L"),
        (F::ByteSwap, 8, 0x0102_0304_0506_0708, 0, 0x0807_0605_0403_0201, "----"),
        (F::ByteSwap, 4, 0x0102_0304_0506_0708, 0, 0x0807_0605, "----"),
        (F::ByteSwap, 4, 0x80, 0, 0x8000_0000, "N--L"),
    ];
    for (function, length, a, b, result, flags) in cases {
        let (r, f) = calculate(function, length, a, b);
        let got = (r, letters(f));
        assert_eq!(got, (result, flags.to_string()), "{function:?}/{length} {a:#x} {b:#x}");
    }
}

#[test]
fn results_shorter_than_the_register_clear_the_rest() {
    for length in LENGTHS {
        let (result, _) = calculate(MathFunction::Or, length, 0, 1);
        assert_eq!(result, 1, "length {length}");
    }
}

#[test]
fn carries_go_from_one_command_to_the_next() {
    // 128 bits in halves: {MATH1,MATH0} + {MATH3,MATH2}
    let low = Math {
        source0: MathRegister::Math(0),
        source1: MathRegister::Math(2),
        destination: MathRegister::Math(0),
        ..math(MathFunction::Add, 8)
    };
    let high = Math {
        function: MathFunction::AddCarry,
        source0: MathRegister::Math(1),
        source1: MathRegister::Math(3),
        destination: MathRegister::Math(1),
        ..low
    };
    let mut r = Registers { math: [u64::MAX, 1, 1, 2], ..Registers::default() };
    r.execute(&low).unwrap();
    r.execute(&high).unwrap();
    assert_eq!(r.math, [0, 4, 1, 2]);
    assert!(!r.flags.carry);

    // and back again
    r.execute(&Math { function: MathFunction::Subtract, ..low }).unwrap();
    r.execute(&Math { function: MathFunction::SubtractBorrow, ..high }).unwrap();
    assert_eq!(r.math, [u64::MAX, 1, 1, 2]);

    // a carry alone can overflow the whole length, and borrow it back
    let mut r = with(u64::MAX, u64::MAX);
    r.flags.carry = true;
    r.execute(&math(MathFunction::AddCarry, 8)).unwrap();
    assert_eq!((r.math[2], r.flags.carry), (u64::MAX, true));
    r.math = [0, u64::MAX, 0, 0];
    r.execute(&math(MathFunction::SubtractBorrow, 8)).unwrap();
    assert_eq!((r.math[2], r.flags.carry, r.flags.zero), (0, true, true));

    // without one they are ADD and SUB
    let mut r = with(1, 2);
    r.execute(&math(MathFunction::AddCarry, 4)).unwrap();
    assert_eq!(r.math[2], 3);
}

#[test]
fn nfu_leaves_the_flags() {
    let mut r = with(0, 1);
    let flags = Flags { negative: true, zero: true, carry: true, less: false };
    r.flags = flags;
    r.execute(&Math { keep_flags: true, ..math(MathFunction::Subtract, 4) }).unwrap();
    assert_eq!((r.math[2], r.flags), (0xffff_ffff, flags));
}

const SOURCES: [(MathRegister, u64); 12] = [
    (MathRegister::Math(0), 0x10),
    (MathRegister::Math(1), 0x11),
    (MathRegister::Math(2), 0x12),
    (MathRegister::Math(3), 0x13),
    (MathRegister::Immediate, 0x20),
    (MathRegister::ProtocolOverride, 0x30),
    (MathRegister::SequenceIn, 0x31),
    (MathRegister::SequenceOut, 0x32),
    (MathRegister::VariableIn, 0x33),
    (MathRegister::VariableOut, 0x34),
    (MathRegister::Zero, 0),
    (MathRegister::One, 1),
];

/// Every register has the value that [`SOURCES`] gives for it.
fn distinct() -> Registers {
    Registers {
        math: [0x10, 0x11, 0x12, 0x13],
        protocol_override: 0x30,
        sequence_in: 0x31,
        sequence_out: 0x32,
        variable_in: 0x33,
        variable_out: 0x34,
        flags: Flags::default(),
    }
}

#[test]
fn all_sources() {
    for (source0, a) in SOURCES {
        for (source1, b) in SOURCES {
            let mut r = distinct();
            let command = Math {
                source0,
                source1,
                immediate: 0x20,
                destination: MathRegister::Math(3),
                ..math(MathFunction::Add, 8)
            };
            assert_eq!(r.execute(&command), Ok(()));
            assert_eq!(r.math[3], a + b, "{source0:?} {source1:?}");
        }
    }
}

#[test]
fn all_destinations() {
    let value = 0x0123_4567_89ab_cdef;
    let word = 0x89ab_cdef;
    let d = distinct();
    let [m0, m1, m2, m3] = d.math;
    let cases = [
        (MathRegister::Math(0), Registers { math: [value, m1, m2, m3], ..d }),
        (MathRegister::Math(1), Registers { math: [m0, value, m2, m3], ..d }),
        (MathRegister::Math(2), Registers { math: [m0, m1, value, m3], ..d }),
        (MathRegister::Math(3), Registers { math: [m0, m1, m2, value], ..d }),
        (MathRegister::ProtocolOverride, Registers { protocol_override: word, ..d }),
        (MathRegister::SequenceIn, Registers { sequence_in: word, ..d }),
        (MathRegister::SequenceOut, Registers { sequence_out: word, ..d }),
        (MathRegister::VariableIn, Registers { variable_in: word, ..d }),
        (MathRegister::VariableOut, Registers { variable_out: word, ..d }),
        (MathRegister::None, d),
    ];
    for (destination, expected) in cases {
        let mut r = distinct();
        let command = Math {
            source0: MathRegister::Immediate,
            source1: MathRegister::Zero,
            destination,
            immediate: value,
            ..math(MathFunction::Add, 8)
        };
        assert_eq!(r.execute(&command), Ok(()));
        // The flags are those of the result, not of what the register kept of it.
        assert_eq!(r, expected, "{destination:?}");
    }
}

#[test]
fn a_result_without_destination_sets_the_flags() {
    let mut r = with(7, 7);
    let command = Math { destination: MathRegister::None, ..math(MathFunction::Subtract, 4) };
    r.execute(&command).unwrap();
    assert_eq!(letters(r.flags), "-Z--");
}

#[test]
fn what_is_refused_changes_nothing() {
    let good = math(MathFunction::Add, 4);
    let mut bad = vec![
        math(MathFunction::ShiftLeftDouble, 8),
        math(MathFunction::ZeroByte, 4),
        Math { source0: MathRegister::None, ..good },
        Math { source0: MathRegister::Unsupported(5), ..good },
        Math { source1: MathRegister::InputFifo, ..good },
        Math { source1: MathRegister::OutputFifo, ..good },
        Math { source1: MathRegister::Unsupported(6), ..good },
        Math { destination: MathRegister::Unsupported(4), ..good },
        Math { destination: MathRegister::Immediate, ..good },
        Math { destination: MathRegister::Zero, ..good },
    ];
    bad.extend((0xc..0x10).map(|code| math(MathFunction::Unsupported(code), 4)));
    let lengths = (0..16).filter(|n| !LENGTHS.contains(n));
    bad.extend(lengths.map(|length| Math { length, ..good }));
    for command in bad {
        let mut r = distinct();
        assert_eq!(r.execute(&command), Err(DecoError::Math), "{command:?}");
        assert_eq!(r, distinct(), "{command:?}");
    }
}

#[test]
fn byte_swap_has_one_operand() {
    let mut r = with(0x1122, 0);
    let command = Math { source1: MathRegister::Unsupported(5), ..math(MathFunction::ByteSwap, 2) };
    r.execute(&command).unwrap();
    assert_eq!(r.math[2], 0x2211);
}

proptest! {
    #![proptest_config(cases(1000))]

    /// Against 128-bit signed and unsigned arithmetic.
    #[test]
    fn agrees_with_wide_arithmetic(
        a in any::<u64>(),
        b in prop_oneof![any::<u64>(), 0..70_u64],
        carry in any::<bool>(),
        which in 0..9_usize,
        length in prop::sample::select(&LENGTHS[..]),
    ) {
        use MathFunction as F;
        let function = [
            F::Add, F::AddCarry, F::Subtract, F::SubtractBorrow, F::Or, F::And, F::Xor,
            F::ShiftLeft, F::ShiftRight,
        ][which];
        let bits = u32::from(length) * 8;
        let modulus = 1_i128 << bits;
        let unsigned = |x: u64| i128::from(x) % modulus;
        let signed = |x: u64| {
            let u = unsigned(x);
            if u >= modulus / 2 { u - modulus } else { u }
        };
        let (ua, ub, sa, sb) = (unsigned(a), unsigned(b), signed(a), signed(b));
        let c = i128::from(carry);
        // the exact result of the unsigned and of the signed operands
        let (exact, exact_signed) = match function {
            F::Add => (ua + ub, Some(sa + sb)),
            F::AddCarry => (ua + ub + c, Some(sa + sb + c)),
            F::Subtract => (ua - ub, Some(sa - sb)),
            F::SubtractBorrow => (ua - ub - c, Some(sa - sb - c)),
            F::Or => (ua | ub, None),
            F::And => (ua & ub, None),
            F::Xor => (ua ^ ub, None),
            F::ShiftLeft if ub >= i128::from(bits) => (0, None),
            F::ShiftLeft => ((ua << ub) % modulus, None),
            F::ShiftRight if ub >= i128::from(bits) => (0, None),
            _ => (ua >> ub, None),
        };
        let result = exact.rem_euclid(modulus) as u64;
        let negative = unsigned(result) >= modulus / 2;
        let flags = Flags {
            negative,
            zero: result == 0,
            carry: exact != exact.rem_euclid(modulus),
            // "less": the sign of the exact result
            less: exact_signed.map_or(negative, |r| r < 0),
        };
        let mut r = with(a, b);
        r.flags.carry = carry;
        r.execute(&math(function, length)).unwrap();
        prop_assert_eq!(r.math[2], result);
        prop_assert_eq!(r.flags, flags);
        prop_assert_eq!((r.math[0], r.math[1]), (a, b));
    }
}
