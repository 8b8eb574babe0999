//! A trace as JSON lines: the first says what it is, each further one is an [`Event`], the last
//! says why it ends.

use super::Event;
use super::format::{Footer, Header};
use serde::{Deserialize, Serialize};

/// Version of the format. It changes when a field changes its meaning or goes away.
pub const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct First {
    /// [`VERSION`].
    pub caam_emu_trace: u32,
    /// Of what.
    #[serde(flatten)]
    pub header: Header,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// Why and how many.
    pub end: Footer,
}

/// Writes them.
#[derive(Debug)]
pub struct Lines(());

fn line(value: &impl Serialize, out: &mut Vec<u8>) {
    // A Vec takes all bytes, and none of our maps has keys that are no strings.
    if serde_json::to_writer(&mut *out, value).is_ok() {
        out.push(b'\n');
    }
}

impl Lines {
    /// Writes the first line.
    #[must_use]
    pub fn new(header: &Header, out: &mut Vec<u8>) -> Self {
        line(&First { caam_emu_trace: VERSION, header: header.clone() }, out);
        Self(())
    }

    /// Writes an event.
    pub fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        line(event, out);
    }

    /// Writes the last line.
    pub fn end(&mut self, footer: &Footer, out: &mut Vec<u8>) {
        line(&Last { end: footer.clone() }, out);
    }
}
