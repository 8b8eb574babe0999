//! The VERSION message: what both sides can do, as JSON.

use super::{Errno, MAX_DATA, MAX_FDS};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The version this server speaks. Minor versions only add.
pub const MAJOR: u16 = 0;
/// See [`MAJOR`].
pub const MINOR: u16 = 1;
/// Longest version data, in bytes. QEMU sends about 200.
const LONGEST: usize = 4096;

/// `twin_socket`: commands to the client go through a socket of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct TwinSocket {
    supported: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fd_index: Option<u32>,
}

/// The capabilities of one side. What is absent has the specification's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Capabilities {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_msg_fds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_data_xfer_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_dma_maps: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pgsizes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    twin_socket: Option<TwinSocket>,
    #[serde(skip_serializing_if = "Option::is_none")]
    write_multiple: Option<bool>,
}

#[derive(Serialize)]
struct Data {
    capabilities: Capabilities,
}

/// What the device needs of the client's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maps {
    /// Most that may be mapped at once.
    pub max: u64,
    /// Page sizes that may be mapped, or'ed together.
    pub page_sizes: u64,
}

/// A client's proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposal {
    minor: u16,
    capabilities: Capabilities,
}

/// What a client has told about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes in one DMA_READ or DMA_WRITE.
    pub max_data: usize,
    /// It would take these through a socket of their own.
    pub twin_socket: bool,
}

impl Proposal {
    /// From the message.
    ///
    /// # Errors
    /// `EINVAL`: another major version, or data that is no capabilities. `E2BIG`: more than
    /// anybody needs.
    pub fn decode(major: u16, minor: u16, data: &[u8]) -> Result<Self, Errno> {
        if major != MAJOR {
            return Err(Errno::INVAL);
        }
        if data.len() > LONGEST {
            return Err(Errno::TOOBIG);
        }
        let capabilities = match data.split_last() {
            None => Capabilities::default(),
            Some((0, json)) => parse(json).ok_or(Errno::INVAL)?,
            Some(_) => return Err(Errno::INVAL),
        };
        Ok(Self { minor, capabilities })
    }

    /// What the client has told about itself.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let max = self.capabilities.max_data_xfer_size.unwrap_or(MAX_DATA as u64);
        Limits {
            max_data: usize::try_from(max).unwrap_or(MAX_DATA).min(MAX_DATA),
            twin_socket: self.capabilities.twin_socket.is_some_and(|twin| twin.supported),
        }
    }

    /// The body of the reply. Its capabilities are some of those proposed; `twin`: the socket for
    /// commands to the client comes with it.
    #[must_use]
    pub fn reply(&self, maps: Maps, twin: bool) -> Vec<u8> {
        let proposed = &self.capabilities;
        let capabilities = Capabilities {
            max_msg_fds: proposed.max_msg_fds.map(|_| MAX_FDS as u64),
            max_data_xfer_size: proposed.max_data_xfer_size.map(|_| MAX_DATA as u64),
            max_dma_maps: proposed.max_dma_maps.map(|theirs| theirs.min(maps.max)),
            pgsizes: proposed.pgsizes.map(|_| maps.page_sizes),
            twin_socket: twin.then_some(TwinSocket { supported: true, fd_index: Some(0) }),
            write_multiple: proposed.write_multiple.filter(|theirs| *theirs),
        };
        let mut body = Vec::new();
        body.extend(MAJOR.to_ne_bytes());
        body.extend(self.minor.min(MINOR).to_ne_bytes());
        // Numbers and booleans: nothing in it could fail.
        body.extend(serde_json::to_vec(&Data { capabilities }).unwrap_or_default());
        body.push(0);
        body
    }
}

/// Capabilities nobody here knows are passed over; `migration` is one.
fn parse(json: &[u8]) -> Option<Capabilities> {
    let mut data: Map<String, Value> = serde_json::from_slice(json).ok()?;
    match data.remove("capabilities") {
        None => Some(Capabilities::default()),
        Some(object @ Value::Object(_)) => serde_json::from_value(object).ok(),
        Some(_) => None,
    }
}

#[cfg(test)]
#[path = "version_tests.rs"]
mod tests;
