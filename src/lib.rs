//! An emulator of the NXP CAAM/SEC job-ring interface, as a vfio-user PCI device.
//!
//! The library is a pure core (`device`, `jobring`, `descriptors`, `crypto`, `control`) that takes
//! bytes, time and guest memory and returns effects, and a thin shell (`server`) of sockets,
//! event descriptors and threads. `ARCHITECTURE.md` is the map.

pub mod crypto;
