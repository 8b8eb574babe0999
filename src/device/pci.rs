//! PCI configuration space, 256 bytes, type 0.
//!
//! One memory BAR of 64 KiB and INTx pin A. The vendor is Freescale's, now NXP's, 0x1957; the
//! device ID 0xCAA0 is this project's own choice, as no NXP part puts CAAM on PCI. Linux matches
//! no driver to it: the guest finds CAAM through its device tree.

/// Bytes of configuration space.
pub const CONFIG_BYTES: usize = 256;
/// Bytes of BAR 0.
pub const BAR0_BYTES: u64 = 0x1_0000;
/// Vendor ID.
pub const VENDOR: u16 = 0x1957;
/// Device ID.
pub const DEVICE: u16 = 0xcaa0;

const COMMAND: usize = 0x04;
const STATUS: usize = 0x06;
const BAR0: usize = 0x10;
const INTERRUPT_LINE: usize = 0x3c;
const INTERRUPT_PIN: usize = 0x3d;

/// COMMAND: bus master.
pub const COMMAND_MASTER: u16 = 1 << 2;
/// COMMAND: INTx disable.
pub const COMMAND_INTX_DISABLE: u16 = 1 << 10;
/// COMMAND bits that can be written: memory space, bus master, INTx disable.
const COMMAND_BITS: u16 = 1 << 1 | COMMAND_MASTER | COMMAND_INTX_DISABLE;
/// STATUS: INTx asserted.
const STATUS_INTERRUPT: u16 = 1 << 3;

/// See the module.
#[derive(Debug, Clone)]
pub struct ConfigSpace {
    bytes: [u8; CONFIG_BYTES],
    writable: [u8; CONFIG_BYTES],
}

impl ConfigSpace {
    /// The reset state.
    #[must_use]
    pub fn new() -> Self {
        let mut space = Self { bytes: [0; CONFIG_BYTES], writable: [0; CONFIG_BYTES] };
        space.set16(0x00, VENDOR);
        space.set16(0x02, DEVICE);
        // Class 10.00.00: encryption controller, network and computing.
        space.bytes[0x0b] = 0x10;
        space.set16(0x2c, VENDOR);
        space.set16(0x2e, DEVICE);
        space.bytes[INTERRUPT_PIN] = 1;
        space.writable[COMMAND..COMMAND + 2].copy_from_slice(&COMMAND_BITS.to_le_bytes());
        let bar_mask = !(BAR0_BYTES as u32 - 1);
        space.writable[BAR0..BAR0 + 4].copy_from_slice(&bar_mask.to_le_bytes());
        // Cache line size and interrupt line are scratch bytes for software.
        space.writable[0x0c] = 0xff;
        space.writable[INTERRUPT_LINE] = 0xff;
        space
    }

    fn set16(&mut self, at: usize, value: u16) {
        self.bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }

    /// COMMAND.
    #[must_use]
    pub fn command(&self) -> u16 {
        u16::from_le_bytes([self.bytes[COMMAND], self.bytes[COMMAND + 1]])
    }

    /// Reads `data.len()` bytes at `offset`; the range is inside the space. `interrupt` is the
    /// pin's level, for STATUS.
    pub fn read(&self, offset: usize, data: &mut [u8], interrupt: bool) {
        let mut bytes = self.bytes;
        let status = if interrupt { STATUS_INTERRUPT } else { 0 };
        bytes[STATUS..STATUS + 2].copy_from_slice(&status.to_le_bytes());
        data.copy_from_slice(&bytes[offset..offset + data.len()]);
    }

    /// Writes at `offset`; the range is inside the space. Read-only bits stay.
    pub fn write(&mut self, offset: usize, data: &[u8]) {
        for (i, value) in data.iter().enumerate() {
            let mask = self.writable[offset + i];
            let byte = &mut self.bytes[offset + i];
            *byte = *byte & !mask | value & mask;
        }
    }
}

impl Default for ConfigSpace {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read32(space: &ConfigSpace, at: usize) -> u32 {
        let mut data = [0; 4];
        space.read(at, &mut data, false);
        u32::from_le_bytes(data)
    }

    #[test]
    fn identity_is_read_only() {
        let mut space = ConfigSpace::new();
        space.write(0, &[0xff; 4]);
        assert_eq!(read32(&space, 0), 0xcaa0_1957);
        assert_eq!(read32(&space, 8), 0x1000_0000);
    }

    #[test]
    fn bar_sizes_as_64_kib() {
        let mut space = ConfigSpace::new();
        space.write(BAR0, &[0xff; 4]);
        assert_eq!(read32(&space, BAR0), 0xffff_0000);
        space.write(BAR0 + 4, &[0xff; 4]);
        assert_eq!(read32(&space, BAR0 + 4), 0);
    }

    #[test]
    fn command_keeps_what_the_function_has() {
        let mut space = ConfigSpace::new();
        space.write(COMMAND, &0xffff_u16.to_le_bytes());
        assert_eq!(space.command(), 0x0406);
    }

    #[test]
    fn status_shows_the_pin() {
        let space = ConfigSpace::new();
        let mut status = [0; 2];
        space.read(STATUS, &mut status, true);
        assert_eq!(status, [8, 0]);
    }
}
