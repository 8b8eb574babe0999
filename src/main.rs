//! The `caam-emu` command.
fn main() {}
