//! The functions of PKHA against arithmetic on machine words, and their refusals.

use proptest::prelude::*;

use crate::crypto::pkha::{
    Code, MAX_BYTES, PkhaError, mod_add, mod_exp, mod_inverse, mod_mul, mod_reduce, mod_sub,
};

/// Operands and results of up to 64 bits, the modulus as long as it is written here.
struct Case {
    a: u64,
    b: u64,
    n: u64,
    sum: u64,
    difference: u64,
    product: u64,
    power: u64,
}

const CASES: &[Case] = &[
    Case { a: 0, b: 0, n: 7, sum: 0, difference: 0, product: 0, power: 1 },
    Case { a: 1, b: 0, n: 7, sum: 1, difference: 1, product: 0, power: 1 },
    Case { a: 6, b: 6, n: 7, sum: 5, difference: 0, product: 1, power: 1 },
    Case { a: 3, b: 5, n: 7, sum: 1, difference: 5, product: 1, power: 5 },
    Case { a: 0, b: 0, n: 1, sum: 0, difference: 0, product: 0, power: 0 },
];

fn be(value: u64) -> [u8; 8] {
    value.to_be_bytes()
}

#[test]
fn small_numbers() {
    for Case { a, b, n, sum, difference, product, power } in CASES {
        let (a, b, n) = (&be(*a), &be(*b), &be(*n));
        assert_eq!(mod_add(a, b, n).unwrap(), be(*sum), "{a:?} + {b:?} mod {n:?}");
        assert_eq!(mod_sub(a, b, n).unwrap(), be(*difference), "{a:?} - {b:?} mod {n:?}");
        assert_eq!(mod_mul(a, b, n).unwrap(), be(*product), "{a:?} * {b:?} mod {n:?}");
        assert_eq!(mod_exp(a, b, n).unwrap(), be(*power), "{a:?} ^ {b:?} mod {n:?}");
    }
}

#[test]
fn results_are_as_long_as_the_modulus() {
    assert_eq!(mod_exp(&[2], &[3], &[0, 0, 0, 11]).unwrap(), [0, 0, 0, 8]);
    assert_eq!(mod_exp(&[0, 0, 0, 0, 0, 2], &[0, 3], &[11]).unwrap(), [8]);
    assert_eq!(mod_reduce(&[0xff; MAX_BYTES], &[0x10]).unwrap(), [0xf]);
    assert_eq!(mod_reduce(&[], &[5, 5]).unwrap(), [0, 0]);
}

#[test]
fn the_longest_numbers() {
    // n = 2^4096 - 1: n - 1 is its own inverse, and squares to 1.
    let n = [0xff; MAX_BYTES];
    let mut less_one = n;
    less_one[MAX_BYTES - 1] = 0xfe;
    let mut one = [0; MAX_BYTES];
    one[MAX_BYTES - 1] = 1;
    assert_eq!(mod_exp(&less_one, &[2], &n).unwrap(), one);
    assert_eq!(mod_exp(&less_one, &n, &n).unwrap(), less_one);
    assert_eq!(mod_mul(&less_one, &less_one, &n).unwrap(), one);
    assert_eq!(mod_inverse(&less_one, &n).unwrap(), less_one);
    assert_eq!(mod_add(&less_one, &one, &n).unwrap(), [0; MAX_BYTES]);
    assert_eq!(mod_sub(&[0], &one, &n).unwrap(), less_one);
}

#[test]
fn inverses() {
    assert_eq!(mod_inverse(&[3], &[7]).unwrap(), [5]);
    assert_eq!(mod_inverse(&[3], &[8]).unwrap(), [3], "an even modulus is fine");
    assert_eq!(mod_inverse(&[2], &[8]), Err(PkhaError::DivideByZero));
    assert_eq!(mod_inverse(&[0], &[7]), Err(PkhaError::DivideByZero));
    assert_eq!(mod_inverse(&[6], &[9]), Err(PkhaError::DivideByZero));
}

#[test]
fn refusals() {
    let long = [1; MAX_BYTES + 1];
    let table = [
        (mod_exp(&[1], &[1], &[]), PkhaError::ModulusSize(0)),
        (mod_exp(&[1], &[1], &long), PkhaError::ModulusSize(MAX_BYTES + 1)),
        (mod_exp(&[1], &[], &[7]), PkhaError::ExponentSize(0)),
        (mod_exp(&[1], &long, &[7]), PkhaError::ExponentSize(MAX_BYTES + 1)),
        (mod_exp(&[1], &[1], &[8]), PkhaError::EvenModulus),
        (mod_mul(&[1], &[1], &[8]), PkhaError::EvenModulus),
        (mod_exp(&[1], &[1], &[0, 0]), PkhaError::DivideByZero),
        (mod_reduce(&[1], &[0]), PkhaError::DivideByZero),
        (mod_reduce(&long, &[7]), PkhaError::OperandA),
        (mod_exp(&[7], &[1], &[7]), PkhaError::OperandA),
        (mod_exp(&[1, 0], &[1], &[7]), PkhaError::OperandA),
        (mod_add(&[8], &[1], &[7]), PkhaError::OperandA),
        (mod_add(&[1], &[7], &[7]), PkhaError::OperandB),
        (mod_sub(&[1], &[1, 0, 0], &[7]), PkhaError::OperandB),
        (mod_mul(&[1], &[9], &[7]), PkhaError::OperandB),
    ];
    for (n, (result, error)) in table.into_iter().enumerate() {
        assert_eq!(result, Err(error), "case {n}");
    }
}

#[test]
fn codes_are_those_of_the_drivers_tables() {
    let table = [
        (PkhaError::ModulusSize(0), Code::Pkha(2)),
        (PkhaError::ExponentSize(0), Code::Pkha(3)),
        (PkhaError::OperandA, Code::Pkha(4)),
        (PkhaError::OperandB, Code::Pkha(5)),
        (PkhaError::DivideByZero, Code::Pkha(7)),
        (PkhaError::EvenModulus, Code::Pkha(8)),
        (PkhaError::ProtocolSize, Code::Deco(0x89)),
    ];
    for (error, code) in table {
        assert_eq!(error.code(), code);
    }
}

fn wide_power(base: u64, exponent: u64, n: u64) -> u64 {
    let n = u128::from(n);
    let (mut square, mut result) = (u128::from(base), 1 % n);
    for bit in 0..64 {
        if exponent >> bit & 1 == 1 {
            result = result * square % n;
        }
        square = square * square % n;
    }
    u64::try_from(result).unwrap()
}

proptest! {
    #[test]
    fn agrees_with_machine_words(a: u64, b: u64, n: u64, e: u64) {
        let n = n | 1;
        let (a, b) = (a % n, b % n);
        let wide = |value: u128| be(u64::try_from(value % u128::from(n)).unwrap()).to_vec();
        let (big_a, big_b, big_n) = (u128::from(a), u128::from(b), u128::from(n));
        let (a_bytes, b_bytes, n_bytes) = (be(a), be(b), be(n));
        prop_assert_eq!(mod_add(&a_bytes, &b_bytes, &n_bytes).unwrap(), wide(big_a + big_b));
        let difference = wide(big_a + big_n - big_b);
        prop_assert_eq!(mod_sub(&a_bytes, &b_bytes, &n_bytes).unwrap(), difference);
        prop_assert_eq!(mod_mul(&a_bytes, &b_bytes, &n_bytes).unwrap(), wide(big_a * big_b));
        let power = be(wide_power(a, e, n));
        prop_assert_eq!(mod_exp(&a_bytes, &be(e), &n_bytes).unwrap(), power);
        if let Ok(inverse) = mod_inverse(&a_bytes, &n_bytes) {
            let one = wide(1);
            prop_assert_eq!(mod_mul(&inverse, &a_bytes, &n_bytes).unwrap(), one);
        }
    }
}
