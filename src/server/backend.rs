//! The client thread: vfio-user messages to device accesses, one client after the other.
//!
//! `vfio_user`'s server parses the messages. What it does not check is checked here: region
//! bounds, interrupt ranges, memory ranges. It panics on a version message it cannot parse
//! (0.1.7); that ends the client's connection, not the process.

use super::Error;
use super::listener::Listener;
use super::patience::Patience;
use super::shell::Shell;
use crate::device::{OutOfBounds, Outcome, pci};
use crate::logging::line::Hex;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_INFO_AUTOMASKED, VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_MASKABLE,
    VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_ACTION_TYPE_MASK,
    VFIO_IRQ_SET_ACTION_UNMASK, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_NONE,
    VFIO_IRQ_SET_DATA_TYPE_MASK, VFIO_PCI_BAR0_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX,
    VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_NUM_IRQS, VFIO_PCI_NUM_REGIONS, VFIO_REGION_INFO_FLAG_READ,
    VFIO_REGION_INFO_FLAG_WRITE, vfio_region_info,
};
use vfio_user::{DmaMapFlags, DmaUnmapFlags, IrqInfo, Server, ServerBackend, ServerRegion};

/// Pause before accepting again after an error, so that a persistent one is no busy loop.
const RETRY: Duration = Duration::from_millis(100);

/// The regions of the function: BAR 0 and configuration space.
#[must_use]
pub fn regions() -> Vec<ServerRegion> {
    (0..VFIO_PCI_NUM_REGIONS)
        .map(|index| {
            let size = match index {
                VFIO_PCI_BAR0_REGION_INDEX => pci::BAR0_BYTES,
                VFIO_PCI_CONFIG_REGION_INDEX => pci::CONFIG_BYTES as u64,
                _ => 0,
            };
            let access = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
            ServerRegion {
                region_info: vfio_region_info {
                    argsz: size_of::<vfio_region_info>() as u32,
                    flags: if size > 0 { access } else { 0 },
                    index,
                    cap_offset: 0,
                    size,
                    offset: 0,
                },
                sparse_areas: Vec::new(),
                mmap_fd: None,
            }
        })
        .collect()
}

/// The interrupts of the function: INTx only. The guest's driver is a platform driver whose
/// interrupt the device tree ties to the INTx pin; nothing in it would use MSI-X.
#[must_use]
pub fn interrupts() -> Vec<IrqInfo> {
    (0..VFIO_PCI_NUM_IRQS)
        .map(|index| {
            let intx = index == VFIO_PCI_INTX_IRQ_INDEX;
            let flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
            IrqInfo { index, count: u32::from(intx), flags: if intx { flags } else { 0 } }
        })
        .collect()
}

/// Answers one client's messages.
pub struct Backend {
    shell: Arc<Shell>,
    patience: Patience,
}

fn invalid(message: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

fn unsupported() -> io::Error {
    io::Error::from_raw_os_error(libc::EOPNOTSUPP)
}

impl Backend {
    /// For `shell`'s device.
    #[must_use]
    pub fn new(shell: Arc<Shell>) -> Self {
        Self { shell, patience: Patience::default() }
    }

    /// Does what an access asks for, and waits if it is to be answered late.
    fn finish(&mut self, outcome: Outcome) {
        self.shell.apply(outcome);
        let wait = self.patience.spend(outcome.delay);
        if !wait.is_zero() {
            thread::sleep(wait);
        }
    }

    fn set_intx(&mut self, action: u32, data: u32, count: u32, fds: Vec<File>) -> io::Result<()> {
        let device = &self.shell.device;
        match (action, data, count, fds.len()) {
            (VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_EVENTFD, 1, 1) => {
                self.shell.set_interrupt(fds.into_iter().next());
                // A level that rose before there was anyone to signal.
                self.shell.apply(device.unmask_interrupt());
            }
            // An eventfd of -1, or DATA_NONE with count 0: nobody to signal any more.
            (VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_EVENTFD, 1, 0)
            | (VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_NONE, 0, 0) => {
                device.mask_interrupt();
                self.shell.set_interrupt(None);
            }
            // A loopback test of the client's.
            (VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_NONE, 1, 0) => self.shell.signal(),
            (VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_DATA_NONE, 1, 0) => device.mask_interrupt(),
            (VFIO_IRQ_SET_ACTION_UNMASK, VFIO_IRQ_SET_DATA_NONE, 1, 0) => {
                self.shell.apply(device.unmask_interrupt());
            }
            // MASK and UNMASK through an eventfd: clients fall back to messages.
            _ => return Err(unsupported()),
        }
        Ok(())
    }
}

impl ServerBackend for Backend {
    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> io::Result<()> {
        let device = &self.shell.device;
        let result: Result<Outcome, OutOfBounds> = match region {
            VFIO_PCI_BAR0_REGION_INDEX => device.read_bar(offset, data, self.shell.now()),
            VFIO_PCI_CONFIG_REGION_INDEX => {
                device.read_config(offset, data).map(|()| Outcome::default())
            }
            _ => return Err(invalid(format!("region {region} has no bytes"))),
        };
        self.finish(result.map_err(invalid)?);
        self.patience.answered();
        Ok(())
    }

    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> io::Result<()> {
        let device = &self.shell.device;
        let result: Result<Outcome, OutOfBounds> = match region {
            VFIO_PCI_BAR0_REGION_INDEX => device.write_bar(offset, data, self.shell.now()),
            VFIO_PCI_CONFIG_REGION_INDEX => device.write_config(offset, data),
            _ => return Err(invalid(format!("region {region} has no bytes"))),
        };
        self.finish(result.map_err(invalid)?);
        Ok(())
    }

    fn dma_map(
        &mut self,
        flags: DmaMapFlags,
        offset: u64,
        address: u64,
        size: u64,
        fd: Option<File>,
    ) -> io::Result<()> {
        let file = fd.map(|file| (file, offset));
        let shared = file.is_some();
        log::info!(address:% = Hex(address), size:% = Hex(size), shared; "memory mapped");
        let read = flags.contains(DmaMapFlags::READ);
        let write = flags.contains(DmaMapFlags::WRITE);
        self.shell.device.memory.map(address, size, read, write, file).map_err(|e| {
            log::warn!(address:% = Hex(address), error:% = e; "memory mapping refused");
            invalid(e)
        })
    }

    fn dma_unmap(&mut self, flags: DmaUnmapFlags, address: u64, size: u64) -> io::Result<()> {
        let memory = &self.shell.device.memory;
        if flags.contains(DmaUnmapFlags::GET_DIRTY_PAGE_INFO) {
            return Err(unsupported());
        }
        if flags.contains(DmaUnmapFlags::UNMAP_ALL) {
            memory.unmap_all();
            return Ok(());
        }
        memory.unmap(address, size).map_err(|e| {
            log::warn!(address:% = Hex(address), error:% = e; "unmapping refused");
            invalid(e)
        })
    }

    fn reset(&mut self) -> io::Result<()> {
        log::info!(by = "client"; "device reset");
        self.shell.apply(self.shell.device.reset(self.shell.now()));
        Ok(())
    }

    fn set_irqs(
        &mut self,
        index: u32,
        flags: u32,
        start: u32,
        count: u32,
        fds: Vec<File>,
    ) -> io::Result<()> {
        if index != VFIO_PCI_INTX_IRQ_INDEX || start != 0 || count > 1 {
            return Err(invalid(format!(
                "interrupt {index}, {start} + {count}: there is only INTx"
            )));
        }
        let action = flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
        let data = flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
        self.set_intx(action, data, count, fds)
    }
}

/// Starts the thread that accepts clients, one at a time, until the shell stops.
///
/// # Errors
/// If the thread cannot be had.
pub fn spawn(listener: &Listener, shell: Arc<Shell>) -> Result<(), Error> {
    let descriptor = || listener.descriptor().map_err(Error::setup("the client socket"));
    let socket = descriptor()?;
    shell.set_listening(descriptor()?);
    thread::Builder::new()
        .name("client".into())
        .spawn(move || {
            while !shell.stopping() {
                if let Some(left) = shell.away() {
                    thread::sleep(left);
                    continue;
                }
                if let Err(e) = serve_one(&socket, &shell)
                    && !shell.stopping()
                {
                    log::warn!(error:% = e; "client");
                    thread::sleep(RETRY);
                }
            }
        })
        .map(|_| ())
        .map_err(Error::setup("the client thread"))
}

/// Serves the next client until it disconnects; the device is then as new.
fn serve_one(socket: &OwnedFd, shell: &Arc<Shell>) -> io::Result<()> {
    let server = Server::from_owned_fd(socket.try_clone()?, true, interrupts(), regions());
    let mut backend = Backend::new(Arc::clone(shell));
    // The backend's state is the device's, which is consistent after every access.
    let result = catch_unwind(AssertUnwindSafe(|| server.run(&mut backend)));
    shell.set_interrupt(None);
    let _ = shell.device.disconnect(shell.now());
    match result {
        Ok(Ok(())) => {
            log::info!("client disconnected");
            Ok(())
        }
        Ok(Err(e)) => Err(io::Error::other(e)),
        Err(_) => Err(io::Error::other("sent a message that could not be parsed; disconnected")),
    }
}
