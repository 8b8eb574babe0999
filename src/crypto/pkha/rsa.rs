//! The RSA protocols 18 and 19, without padding ("no formatting").
//!
//! Names are those of the protocol data blocks (Linux `pdb.h`): f is the message and g the
//! ciphertext, whichever of them goes in; p, q, dp, dq and c are the factors, the exponents
//! modulo the factors less one, and the inverse of q modulo p (RFC 8017, 3.2).

use crypto_bigint::modular::BoxedMontyParams;
use crypto_bigint::{BoxedUint, ConcatenatingMul, NonZero};
use zeroize::Zeroizing;

use super::PkhaError;
use super::arithmetic::{Modulus, Number, exponent, number, power, product, to_bytes};

/// RSA encryption, `f ^ e mod n` (protocol 18), as long as `n`.
///
/// # Errors
///
/// [`PkhaError::ProtocolSize`] if `f` is longer than `n`, [`PkhaError::OperandA`] if it is as long but not
/// smaller (inferred), [`PkhaError::EvenModulus`], and the sizes of `n` and `e`.
pub fn rsa_public(n: &[u8], e: &[u8], f: &[u8]) -> Result<Vec<u8>, PkhaError> {
    super::mod_exp(sized(f, n.len())?, e, n)
}

/// RSA decryption with a private key of form 1, `g ^ d mod n` (protocol 19), as long as `n`.
///
/// # Errors
///
/// As [`rsa_public`].
pub fn rsa_private1(n: &[u8], d: &[u8], g: &[u8]) -> Result<Vec<u8>, PkhaError> {
    super::mod_exp(sized(g, n.len())?, d, n)
}

/// RSA decryption with a private key of form 2 (protocol 19): dp, dq and c come from the factors
/// and `d`. The result is as long as `g`, whose length in the protocol data block is that of n.
///
/// # Errors
///
/// [`PkhaError::ProtocolSize`] if the product of the factors is longer than `g`, [`PkhaError::OperandA`]
/// if `g` is not smaller than the product (inferred), [`PkhaError::EvenModulus`] for an even factor,
/// [`PkhaError::DivideByZero`] if the factors are not coprime, and the sizes of all of them.
pub fn rsa_private2(p: &[u8], q: &[u8], d: &[u8], g: &[u8]) -> Result<Vec<u8>, PkhaError> {
    let (p, q) = (Factor::new(p)?, Factor::new(q)?);
    let d = exponent(d)?;
    let (dp, dq) = (p.exponent(&d)?, q.exponent(&d)?);
    let c =
        Option::from(p.reduce(q.value()).invert_mod(p.value())).ok_or(PkhaError::DivideByZero)?;
    chinese_remainder(&p, &q, &dp, &dq, &Zeroizing::new(c), g)
}

/// RSA decryption with a private key of form 3, by the Chinese remainder theorem (protocol 19).
/// The result is as long as `g`, whose length in the protocol data block is that of n.
///
/// # Errors
///
/// As [`rsa_private2`], but that `c` is taken as it is: a wrong one gives a wrong result, and one
/// that is longer than [`super::MAX_BYTES`] [`PkhaError::OperandB`] (inferred).
pub fn rsa_private3(
    p: &[u8],
    q: &[u8],
    dp: &[u8],
    dq: &[u8],
    c: &[u8],
    g: &[u8],
) -> Result<Vec<u8>, PkhaError> {
    let (p, q) = (Factor::new(p)?, Factor::new(q)?);
    let (dp, dq) = (exponent(dp)?, exponent(dq)?);
    let c = p.reduce(&*number(c, PkhaError::OperandB)?);
    chinese_remainder(&p, &q, &dp, &dq, &c, g)
}

/// The input, if it is not longer than the modulus.
fn sized(input: &[u8], modulus: usize) -> Result<&[u8], PkhaError> {
    if input.len() <= modulus { Ok(input) } else { Err(PkhaError::ProtocolSize) }
}

/// A factor of the modulus, ready to calculate with.
struct Factor {
    modulus: Modulus,
    montgomery: BoxedMontyParams,
}

impl Factor {
    fn new(factor: &[u8]) -> Result<Self, PkhaError> {
        let modulus = Modulus::new(factor)?;
        let montgomery = modulus.montgomery()?;
        Ok(Self { modulus, montgomery })
    }

    fn value(&self) -> &NonZero<BoxedUint> {
        self.modulus.value()
    }

    fn reduce(&self, value: &BoxedUint) -> Number {
        self.modulus.reduce(value)
    }

    fn power(&self, base: &BoxedUint, e: &BoxedUint) -> Number {
        power(&self.reduce(base), e, &self.montgomery)
    }

    /// `d` modulo the factor less one. A factor of 1 makes no key.
    fn exponent(&self, d: &BoxedUint) -> Result<Number, PkhaError> {
        let less_one = Zeroizing::new(self.value().wrapping_sub(BoxedUint::one()));
        let less_one = Option::from(less_one.to_nz()).ok_or(PkhaError::DivideByZero)?;
        let less_one: Zeroizing<NonZero<BoxedUint>> = Zeroizing::new(less_one);
        Ok(Zeroizing::new(d.rem_vartime(&less_one)))
    }
}

/// RFC 8017, 5.1.2, step 2b.
fn chinese_remainder(
    p: &Factor,
    q: &Factor,
    dp: &BoxedUint,
    dq: &BoxedUint,
    c: &BoxedUint,
    g: &[u8],
) -> Result<Vec<u8>, PkhaError> {
    let n = p.value().concatenating_mul(q.value().as_ref());
    let input = number(g, PkhaError::ProtocolSize)?;
    if to_bytes(&n, g.len()).is_none() {
        return Err(PkhaError::ProtocolSize);
    }
    if *input >= n {
        return Err(PkhaError::OperandA);
    }
    let m1 = p.power(&input, dp);
    let m2 = q.power(&input, dq);
    let difference = Zeroizing::new(m1.sub_mod(&p.reduce(&m2), p.value()));
    let h = product(&difference, c, &p.montgomery);
    // h < p and m2 < q, so that h * q + m2 < p * q.
    let result = Zeroizing::new(h.concatenating_mul(q.value().as_ref()).wrapping_add(&*m2));
    to_bytes(&result, g.len()).ok_or(PkhaError::ProtocolSize)
}
