//! A broken world: clients, emulators, disks, mappings and clocks that fail or go away while jobs
//! run. Whatever happens, every job is accounted for once, and nothing is left behind.
//!
//! CI runs short versions. `CAAM_WORLD_TIMES=N` makes them N times as long, `CAAM_WORLD_SEED=N` has
//! them draw something else, `CAAM_WORLD_REPORT=FILE` keeps the curves of memory and descriptors:
//!
//! ```text
//! CAAM_WORLD_TIMES=20 CAAM_WORLD_REPORT=curves.txt cargo test --release --test world
//! ```

#[path = "world/clients.rs"]
mod clients;
#[path = "world/control.rs"]
mod control;
#[path = "world/curve.rs"]
mod curve;
#[path = "world/disk.rs"]
mod disk;
#[path = "world/emulators.rs"]
mod emulators;
#[path = "world/machine.rs"]
mod machine;
#[path = "world/mappings.rs"]
mod mappings;
#[path = "world/once.rs"]
mod once;
#[path = "world/ring.rs"]
mod ring;
#[allow(dead_code)] // made for `server.rs`
#[path = "server/support.rs"]
mod support;
#[path = "common/vfio_client.rs"]
mod vfio_client;
