//! Register pages as data: offset, name, reset value and writable bits of each register.
//!
//! [`RegisterFile`] stores what has no behaviour of its own; what a write sets off is in
//! [`super::Device`]. Sources: Linux `regs.h`, NXP `PERI_CAAM.h` (for the names).

pub mod ctrl;
pub mod version;

/// One register of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Byte offset in the page.
    pub offset: u32,
    /// The reference manual's name.
    pub name: &'static str,
    /// Value after reset.
    pub reset: u32,
    /// Bits that a write changes; the others keep their value.
    pub writable: u32,
}

/// Registers that only store bits.
#[derive(Debug, Clone)]
pub struct RegisterFile {
    definitions: &'static [Definition],
    values: Vec<u32>,
}

impl RegisterFile {
    /// All registers at their reset values. `definitions` ascend by offset.
    #[must_use]
    pub fn new(definitions: &'static [Definition]) -> Self {
        Self { definitions, values: definitions.iter().map(|d| d.reset).collect() }
    }

    fn index(&self, offset: u32) -> Option<usize> {
        self.definitions.binary_search_by_key(&offset, |d| d.offset).ok()
    }

    /// The register at `offset`, if the page has one there.
    #[must_use]
    pub fn read(&self, offset: u32) -> Option<u32> {
        self.index(offset).map(|i| self.values[i])
    }

    /// Writes the writable bits. `None`: there is no register at `offset`.
    pub fn write(&mut self, offset: u32, value: u32) -> Option<()> {
        let i = self.index(offset)?;
        let mask = self.definitions[i].writable;
        self.values[i] = self.values[i] & !mask | value & mask;
        Some(())
    }

    /// Sets a register as the hardware does, whatever is writable.
    ///
    /// # Panics
    /// If the page has no register at `offset`: the tables and the code disagree.
    pub fn set(&mut self, offset: u32, value: u32) {
        let i = self.index(offset).expect("a register of the table");
        self.values[i] = value;
    }

    /// Back to the reset values.
    pub fn reset(&mut self) {
        for (value, definition) in self.values.iter_mut().zip(self.definitions) {
            *value = definition.reset;
        }
    }
}

/// The name of the register at `offset` of a page described by `definitions`.
#[must_use]
pub fn name(definitions: &[Definition], offset: u32) -> Option<&'static str> {
    definitions.binary_search_by_key(&offset, |d| d.offset).ok().map(|i| definitions[i].name)
}
