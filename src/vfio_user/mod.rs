//! The server's side of the vfio-user protocol: a PCI device in a process of its own.
//!
//! The specification is QEMU's `docs/interop/vfio-user.rst`; where it leaves a choice, this does
//! what libvfio-user does, the reference implementation, and what QEMU's client expects
//! (`hw/vfio-user/`). Everything is in the byte order of the host, as both ends are on it.
//!
//! A pure core: [`inbox`] cuts bytes and descriptors into messages, [`message`] makes them typed
//! requests, [`session`] answers them, asking a [`Backend`]; [`calls`] is who waits for an answer
//! of the client. A thin shell: [`connection`] is the socket, [`server`] the loop of the thread
//! that receives, [`remote`] the client's memory reached by messages.
//!
//! A client may send anything. No message allocates more than [`MAX_MESSAGE`] bytes, all
//! descriptors have an owner from the moment they arrive, and what cannot be understood is answered
//! with an error, or ends the connection where the next message cannot be found.

pub mod calls;
pub mod connection;
pub mod header;
pub mod inbox;
pub mod message;
pub mod remote;
pub mod server;
pub mod session;
pub mod spin;
pub mod version;

pub use connection::Connection;
pub use rustix::io::Errno;
pub use session::{Backend, Description, Interrupt, Region};

/// Most bytes of data in one message: the default of `max_data_xfer_size`.
pub const MAX_DATA: usize = 1 << 20;
/// Most descriptors in one message, as many as QEMU ever sends (`VFIO_USER_MAX_MAX_FDS` is 16).
pub const MAX_FDS: usize = 8;
/// Largest message: a region write of [`MAX_DATA`] bytes.
pub const MAX_MESSAGE: usize = header::BYTES + message::ACCESS + MAX_DATA;
