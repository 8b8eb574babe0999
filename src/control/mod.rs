//! What the device tells about itself and takes from outside: counters, statistics, and the
//! control protocol.

pub mod autopsy;
pub mod commands;
pub mod counters;
pub mod lines;
pub mod protocol;
pub mod stats;
