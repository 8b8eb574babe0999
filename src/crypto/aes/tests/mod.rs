//! Known answers, properties, and other implementations to agree with.

mod aead;
mod aead_vectors;
mod mac;
mod mac_vectors;
mod modes;
mod modes_vectors;
mod properties;
mod wycheproof;
mod xts;
mod xts_vectors;

use crate::crypto::testing::{hex, hex_array, known_answers};
