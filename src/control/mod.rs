//! What the device tells about itself: counters and statistics.

pub mod counters;
pub mod stats;
