//! The RSA protocols 18 and 19, without padding ("no formatting").
//!
//! Names are those of the protocol data blocks (Linux `pdb.h`): f is the message and g the
//! ciphertext, whichever of them goes in; p, q, dp, dq and c are the factors, the exponents
//! modulo the factors less one, and the inverse of q modulo p (RFC 8017, 3.2).

use zeroize::Zeroizing;

use super::Error;
use super::arithmetic::{Modulus, Number, exponent, number, power, product, to_bytes};
use crypto_bigint::{BoxedUint, NonZero};

/// RSA encryption, `f ^ e mod n` (protocol 18), as long as `n`.
///
/// # Errors
///
/// [`Error::ProtocolSize`] if `f` is longer than `n`, [`Error::OperandA`] if it is as long but not
/// smaller (inferred), [`Error::EvenModulus`], and the sizes of `n` and `e`.
pub fn rsa_public(n: &[u8], e: &[u8], f: &[u8]) -> Result<Vec<u8>, Error> {
    super::mod_exp(sized(f, n.len())?, e, n)
}

/// RSA decryption with a private key of form 1, `g ^ d mod n` (protocol 19), as long as `n`.
///
/// # Errors
///
/// As [`rsa_public`].
pub fn rsa_private1(n: &[u8], d: &[u8], g: &[u8]) -> Result<Vec<u8>, Error> {
    super::mod_exp(sized(g, n.len())?, d, n)
}

/// RSA decryption with a private key of form 2 (protocol 19): dp, dq and c come from the factors
/// and `d`. The result is as long as `g`, whose length in the protocol data block is that of n.
///
/// # Errors
///
/// [`Error::ProtocolSize`] if the product of the factors is longer than `g`, [`Error::OperandA`]
/// if `g` is not smaller than the product (inferred), [`Error::EvenModulus`] for an even factor,
/// [`Error::DivideByZero`] if the factors are not coprime, and the sizes of all of them.
pub fn rsa_private2(p: &[u8], q: &[u8], d: &[u8], g: &[u8]) -> Result<Vec<u8>, Error> {
    let (p, q) = (Modulus::new(p)?, Modulus::new(q)?);
    let d = exponent(d)?;
    let dp = less_one(&p, &d)?;
    let dq = less_one(&q, &d)?;
    // Even factors are found out by name before an inverse is looked for.
    (p.montgomery()?, q.montgomery()?);
    let c = Option::from(p.reduce(q.value()).invert_mod(p.value())).ok_or(Error::DivideByZero)?;
    chinese_remainder(&p, &q, &dp, &dq, &Zeroizing::new(c), g)
}

/// RSA decryption with a private key of form 3, by the Chinese remainder theorem (protocol 19).
/// The result is as long as `g`, whose length in the protocol data block is that of n.
///
/// # Errors
///
/// As [`rsa_private2`], but that `c` is taken as it is: a wrong one gives a wrong result, and one
/// that is longer than [`super::MAX_BYTES`] [`Error::OperandB`] (inferred).
pub fn rsa_private3(
    p: &[u8],
    q: &[u8],
    dp: &[u8],
    dq: &[u8],
    c: &[u8],
    g: &[u8],
) -> Result<Vec<u8>, Error> {
    let (p, q) = (Modulus::new(p)?, Modulus::new(q)?);
    let (dp, dq) = (exponent(dp)?, exponent(dq)?);
    let c = p.reduce(&*number(c, Error::OperandB)?);
    chinese_remainder(&p, &q, &dp, &dq, &c, g)
}

/// The input, if it is not longer than the modulus.
fn sized(input: &[u8], modulus: usize) -> Result<&[u8], Error> {
    if input.len() <= modulus { Ok(input) } else { Err(Error::ProtocolSize) }
}

/// `d mod (factor - 1)`. A factor of 1 makes no key.
fn less_one(factor: &Modulus, d: &BoxedUint) -> Result<Number, Error> {
    let less = factor.value().wrapping_sub(&BoxedUint::one());
    let less = Option::from(NonZero::new(less)).ok_or(Error::DivideByZero)?;
    let less: Zeroizing<NonZero<BoxedUint>> = Zeroizing::new(less);
    Ok(Zeroizing::new(d.rem_vartime(&less)))
}

/// RFC 8017, 5.1.2, step 2b.
fn chinese_remainder(
    p: &Modulus,
    q: &Modulus,
    dp: &BoxedUint,
    dq: &BoxedUint,
    c: &BoxedUint,
    g: &[u8],
) -> Result<Vec<u8>, Error> {
    let modulo_p = p.montgomery()?;
    let modulo_q = q.montgomery()?;
    let n = p.value().mul(q.value().as_ref());
    let input = number(g, Error::ProtocolSize)?;
    if to_bytes(&n, g.len()).is_none() {
        return Err(Error::ProtocolSize);
    }
    if *input >= n {
        return Err(Error::OperandA);
    }
    let m1 = power(&p.reduce(&input), dp, &modulo_p);
    let m2 = power(&q.reduce(&input), dq, &modulo_q);
    let difference = Zeroizing::new(m1.sub_mod(&p.reduce(&m2), p.value()));
    let h = product(&difference, c, &modulo_p);
    // h < p and m2 < q, so that h * q + m2 < p * q.
    let result = Zeroizing::new(h.mul(q.value().as_ref()).wrapping_add(&*m2));
    to_bytes(&result, g.len()).ok_or(Error::ProtocolSize)
}
