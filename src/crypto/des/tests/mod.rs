//! Known answers, properties, and what is refused.

mod known_answers;
mod properties;
mod vectors;
