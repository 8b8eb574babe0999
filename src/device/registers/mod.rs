//! Register pages as data: offset, name, reset value and writable bits of each register.
//!
//! [`RegisterFile`] stores what has no behaviour of its own; what a write sets off is in
//! [`super::Device`]. Sources: Linux `regs.h`, NXP `PERI_CAAM.h` (for the names).

pub mod ctrl;
pub mod place;
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

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Definition] = &[
        Definition { offset: 0x04, name: "FIRST", reset: 0x8000_0001, writable: 0xffff_0000 },
        Definition { offset: 0x10, name: "SECOND", reset: 7, writable: 0 },
        Definition { offset: 0x14, name: "THIRD", reset: 0, writable: 0xffff_ffff },
    ];

    #[test]
    fn starts_at_the_reset_values_and_goes_back_to_them() {
        let mut file = RegisterFile::new(TABLE);
        let reset = |file: &RegisterFile| {
            TABLE.iter().all(|d| file.read(d.offset) == Some(d.reset)).then_some(()).is_some()
        };
        assert!(reset(&file));
        for definition in TABLE {
            file.set(definition.offset, 0x5555_5555);
        }
        assert!(!reset(&file));
        file.reset();
        assert!(reset(&file));
    }

    #[test]
    fn writes_change_the_writable_bits_only() {
        let mut file = RegisterFile::new(TABLE);
        assert_eq!(file.write(0x04, 0x1234_5678), Some(()));
        assert_eq!(file.read(0x04), Some(0x1234_0001));
        assert_eq!(file.write(0x10, u32::MAX), Some(()));
        assert_eq!(file.read(0x10), Some(7));
        assert_eq!(file.write(0x14, u32::MAX), Some(()));
        assert_eq!(file.read(0x14), Some(u32::MAX));
    }

    #[test]
    fn hardware_sets_what_software_cannot() {
        let mut file = RegisterFile::new(TABLE);
        file.set(0x10, 0xabcd);
        assert_eq!(file.read(0x10), Some(0xabcd));
    }

    #[test]
    fn gaps_are_gaps() {
        let mut file = RegisterFile::new(TABLE);
        for offset in [0, 0x05, 0x08, 0x0c, 0x18, u32::MAX] {
            assert_eq!(file.read(offset), None);
            assert_eq!(file.write(offset, 1), None);
            assert_eq!(name(TABLE, offset), None);
        }
        assert_eq!(name(TABLE, 0x10), Some("SECOND"));
    }

    #[test]
    #[should_panic(expected = "a register of the table")]
    fn setting_a_gap_is_a_bug_of_ours() {
        RegisterFile::new(TABLE).set(0, 0);
    }

    #[test]
    fn every_register_of_ctrl_has_a_name_and_its_reset_value() {
        let file = RegisterFile::new(ctrl::TABLE);
        for definition in ctrl::TABLE {
            assert_eq!(name(ctrl::TABLE, definition.offset), Some(definition.name));
            assert_eq!(file.read(definition.offset), Some(definition.reset), "{}", definition.name);
        }
    }
}
