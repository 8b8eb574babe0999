//! Descriptors: words to typed commands, commands to work on guest memory, work to a status.

pub mod buffer;
pub mod build;
pub mod ccb;
pub mod command;
pub mod deco;
pub mod facts;
pub mod flow;
pub mod math;
pub mod remains;
mod scratch;
pub mod sgt;
pub mod status;
pub mod status_names;
pub mod status_text;
pub mod text;
mod transfer;
pub mod witness;

#[cfg(test)]
pub(crate) mod test_support;
