//! An emulator of the NXP CAAM/SEC job-ring interface, as a vfio-user PCI device.
//!
//! The library is a pure core (`device`, `jobring`, `descriptors`, `crypto`, `control`) that takes
//! bytes, time and guest memory and returns effects, and a thin shell (`server`) of sockets,
//! event descriptors and threads. `vfio_user` is the protocol in between. `ARCHITECTURE.md` is the
//! map.

pub mod cli;
pub mod control;
pub mod crypto;
pub mod descriptors;
pub mod device;
pub mod fault;
pub mod jobring;
pub mod logging;
pub mod memory;
pub mod record;
pub mod server;
pub mod suggest;
pub mod trace;
pub mod vfio_user;
