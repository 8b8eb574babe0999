//! Remarks on commands whose fields do not say it all.

use crate::descriptors::command::{Class, Command, InputType, Register};

/// What is remarkable about a command.
pub fn of(command: &Command) -> Option<String> {
    let text = match command {
        Command::Load(load) if load.register == Register::DecoControl => match load.offset >> 2 & 3
        {
            1 => "automatic info FIFO entries on",
            2 => "automatic info FIFO entries off",
            _ => return None,
        },
        Command::FifoLoad(load) if load.class == Class::None && load.kind != InputType::NoInfo => {
            "input skipped"
        }
        _ => return None,
    };
    Some(text.into())
}
