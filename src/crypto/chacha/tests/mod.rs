//! Known answers, properties, and other implementations to agree with.

mod known_answers;
mod properties;
mod wycheproof;
