//! The functions of PKHA: numbers in, numbers out, all modulo N.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, NonZero, Odd};
use zeroize::Zeroizing;

use super::{MAX_BYTES, PkhaError};

/// A number that is overwritten when it is dropped.
pub(super) type Number = Zeroizing<BoxedUint>;

/// A modulus of any parity but zero, and the length of results.
pub(super) struct Modulus {
    value: NonZero<BoxedUint>,
    /// Bytes of the modulus as given, leading zeros and all.
    length: usize,
}

impl Modulus {
    pub(super) fn new(n: &[u8]) -> Result<Self, PkhaError> {
        if n.is_empty() || n.len() > MAX_BYTES {
            return Err(PkhaError::ModulusSize(n.len()));
        }
        let value = BoxedUint::from_be_slice_vartime(without_leading_zeros(n));
        let value = Option::from(NonZero::new(value)).ok_or(PkhaError::DivideByZero)?;
        Ok(Self { value, length: n.len() })
    }

    /// What multiplication and exponentiation need.
    pub(super) fn montgomery(&self) -> Result<BoxedMontyParams, PkhaError> {
        let odd =
            Option::from(Odd::new(self.value.as_ref().clone())).ok_or(PkhaError::EvenModulus)?;
        Ok(BoxedMontyParams::new_vartime(odd))
    }

    pub(super) fn value(&self) -> &NonZero<BoxedUint> {
        &self.value
    }

    fn precision(&self) -> u32 {
        self.value.as_ref().bits_precision()
    }

    /// An operand, which has to be smaller than the modulus.
    pub(super) fn operand(&self, bytes: &[u8], otherwise: PkhaError) -> Result<Number, PkhaError> {
        let bytes = without_leading_zeros(bytes);
        let value = BoxedUint::from_be_slice(bytes, self.precision()).map_err(|_| otherwise)?;
        let value = Zeroizing::new(value);
        if *value < *self.value.as_ref() { Ok(value) } else { Err(otherwise) }
    }

    /// A number of any size, reduced.
    pub(super) fn reduce(&self, value: &BoxedUint) -> Number {
        Zeroizing::new(value.rem_vartime(&self.value))
    }

    /// A result as bytes, as many as the modulus has.
    fn bytes(&self, value: &BoxedUint) -> Vec<u8> {
        to_bytes(value, self.length).expect("a number smaller than the modulus")
    }
}

/// The number without its leading zeros; zero becomes no bytes at all.
fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

/// A number of up to [`MAX_BYTES`] bytes, in as few words as it needs.
pub(super) fn number(bytes: &[u8], otherwise: PkhaError) -> Result<Number, PkhaError> {
    if bytes.len() > MAX_BYTES {
        return Err(otherwise);
    }
    Ok(Zeroizing::new(BoxedUint::from_be_slice_vartime(without_leading_zeros(bytes))))
}

/// An exponent, of at least one byte.
pub(super) fn exponent(bytes: &[u8]) -> Result<Number, PkhaError> {
    let error = PkhaError::ExponentSize(bytes.len());
    if bytes.is_empty() { Err(error) } else { number(bytes, error) }
}

/// A number as exactly `length` bytes. `None`: it has more.
pub(super) fn to_bytes(value: &BoxedUint, length: usize) -> Option<Vec<u8>> {
    let all = Zeroizing::new(value.to_be_bytes());
    let mut bytes = vec![0; length];
    if all.len() <= length {
        bytes[length - all.len()..].copy_from_slice(&all);
        return Some(bytes);
    }
    let (zeros, low) = all.split_at(all.len() - length);
    bytes.copy_from_slice(low);
    zeros.iter().all(|byte| *byte == 0).then_some(bytes)
}

/// `base ^ e`, with `base` smaller than the modulus.
pub(super) fn power(base: &BoxedUint, e: &BoxedUint, n: &BoxedMontyParams) -> Number {
    let base = Zeroizing::new(BoxedMontyForm::new(base.clone(), n));
    // Without leading zeros: what is left of a short exponent's words would cost as much.
    let power = Zeroizing::new(base.pow_bounded_exp(e, e.bits_vartime()));
    Zeroizing::new(power.retrieve())
}

/// `a * b`, both smaller than the modulus.
pub(super) fn product(a: &BoxedUint, b: &BoxedUint, n: &BoxedMontyParams) -> Number {
    let a = Zeroizing::new(BoxedMontyForm::new(a.clone(), n));
    let b = Zeroizing::new(BoxedMontyForm::new(b.clone(), n));
    let product = Zeroizing::new(a.mul(&b));
    Zeroizing::new(product.retrieve())
}

/// `a ^ e mod n`, as long as `n` (PKHA function 06).
///
/// # Errors
///
/// [`PkhaError`]: sizes, an even modulus, or `a` not smaller than `n`.
pub fn mod_exp(a: &[u8], e: &[u8], n: &[u8]) -> Result<Vec<u8>, PkhaError> {
    let modulus = Modulus::new(n)?;
    let montgomery = modulus.montgomery()?;
    let e = exponent(e)?;
    let a = modulus.operand(a, PkhaError::OperandA)?;
    Ok(modulus.bytes(&power(&a, &e, &montgomery)))
}

/// `a * b mod n`, as long as `n` (PKHA function 05).
///
/// # Errors
///
/// [`PkhaError`]: sizes, an even modulus, or an operand not smaller than `n`.
pub fn mod_mul(a: &[u8], b: &[u8], n: &[u8]) -> Result<Vec<u8>, PkhaError> {
    let modulus = Modulus::new(n)?;
    let montgomery = modulus.montgomery()?;
    let a = modulus.operand(a, PkhaError::OperandA)?;
    let b = modulus.operand(b, PkhaError::OperandB)?;
    Ok(modulus.bytes(&product(&a, &b, &montgomery)))
}

/// `a + b mod n`, as long as `n` (PKHA function 02).
///
/// # Errors
///
/// [`PkhaError`]: sizes, or an operand not smaller than `n`.
pub fn mod_add(a: &[u8], b: &[u8], n: &[u8]) -> Result<Vec<u8>, PkhaError> {
    let modulus = Modulus::new(n)?;
    let a = modulus.operand(a, PkhaError::OperandA)?;
    let b = modulus.operand(b, PkhaError::OperandB)?;
    let sum = Zeroizing::new(a.add_mod(&b, modulus.value()));
    Ok(modulus.bytes(&sum))
}

/// `a - b mod n`, as long as `n` (PKHA function 03; 04 is the same with the operands exchanged).
///
/// # Errors
///
/// [`PkhaError`]: sizes, or an operand not smaller than `n`.
pub fn mod_sub(a: &[u8], b: &[u8], n: &[u8]) -> Result<Vec<u8>, PkhaError> {
    let modulus = Modulus::new(n)?;
    let a = modulus.operand(a, PkhaError::OperandA)?;
    let b = modulus.operand(b, PkhaError::OperandB)?;
    let difference = Zeroizing::new(a.sub_mod(&b, modulus.value()));
    Ok(modulus.bytes(&difference))
}

/// `a mod n`, as long as `n` (PKHA function 07).
///
/// # Errors
///
/// [`PkhaError`]: sizes.
pub fn mod_reduce(a: &[u8], n: &[u8]) -> Result<Vec<u8>, PkhaError> {
    let modulus = Modulus::new(n)?;
    let a = number(a, PkhaError::OperandA)?;
    Ok(modulus.bytes(&modulus.reduce(&a)))
}

/// The inverse of `a` modulo `n`, as long as `n` (PKHA function 08). `n` may be even.
///
/// # Errors
///
/// [`PkhaError`]: sizes, `a` not smaller than `n`, or no inverse ([`PkhaError::DivideByZero`]).
pub fn mod_inverse(a: &[u8], n: &[u8]) -> Result<Vec<u8>, PkhaError> {
    let modulus = Modulus::new(n)?;
    let a = modulus.operand(a, PkhaError::OperandA)?;
    let inverse = Option::from(a.invert_mod(modulus.value())).ok_or(PkhaError::DivideByZero)?;
    let inverse: Number = Zeroizing::new(inverse);
    Ok(modulus.bytes(&inverse))
}
