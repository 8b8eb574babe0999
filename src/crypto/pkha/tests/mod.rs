//! Known answers, properties over generated keys, and what is refused.

mod arithmetic;
mod keys;
mod rsa;
mod vectors;
mod wycheproof;
