//! The client thread: vfio-user messages to device accesses, one client after the other.
//!
//! [`crate::vfio_user`] speaks the protocol and checks what it can by itself: that an access is
//! inside its region, that there is such an interrupt. The rest is checked here and by the device.

use super::Error;
use super::listener::Listener;
use super::patience::Patience;
use super::shell::Shell;
use crate::device::dma::MapError;
use crate::device::{Lines, OutOfBounds, Outcome, dma, pci};
use crate::logging::line::Hex;
use crate::vfio_user::message::{Access, DmaMap, DmaUnmap, IrqAction, IrqData, IrqSet};
use crate::vfio_user::remote::RemoteMemory;
use crate::vfio_user::version::Maps;
use crate::vfio_user::{Connection, Description, Errno, Interrupt, Region, server};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_INFO_AUTOMASKED, VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_MASKABLE,
    VFIO_PCI_BAR0_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_INTX_IRQ_INDEX,
    VFIO_PCI_NUM_IRQS, VFIO_PCI_NUM_REGIONS, VFIO_REGION_INFO_FLAG_READ,
    VFIO_REGION_INFO_FLAG_WRITE,
};

/// Pause before accepting again after an error, so that a persistent one is no busy loop.
const RETRY: Duration = Duration::from_millis(100);

/// The function: BAR 0, configuration space, INTx.
///
/// The guest's driver is a platform driver whose interrupt the device tree ties to the INTx pin;
/// nothing in it would use MSI-X.
#[must_use]
pub fn description() -> Description {
    let region = |index| {
        let size = match index {
            VFIO_PCI_BAR0_REGION_INDEX => pci::BAR0_BYTES,
            VFIO_PCI_CONFIG_REGION_INDEX => pci::CONFIG_BYTES as u64,
            _ => return Region::default(),
        };
        Region { flags: VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE, size }
    };
    let interrupt = |index| match index {
        VFIO_PCI_INTX_IRQ_INDEX => Interrupt {
            flags: VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED,
            count: 1,
        },
        _ => Interrupt::default(),
    };
    Description {
        regions: (0..VFIO_PCI_NUM_REGIONS).map(region).collect(),
        interrupts: (0..VFIO_PCI_NUM_IRQS).map(interrupt).collect(),
        maps: Maps { max: dma::MAX_REGIONS as u64, page_sizes: rustix::param::page_size() as u64 },
    }
}

/// Answers one client's messages.
pub struct Backend {
    shell: Arc<Shell>,
    patience: Patience,
    mapped: Lines,
    refused: Lines,
    resets: Lines,
}

impl Backend {
    /// For `shell`'s device.
    #[must_use]
    pub fn new(shell: Arc<Shell>) -> Self {
        let patience = Patience::default();
        let [mapped, refused, resets] = [Lines::default(); 3];
        Self { shell, patience, mapped, refused, resets }
    }

    /// Does what an access asks for, and waits if it is to be answered late.
    fn finish(&mut self, outcome: Outcome) {
        self.shell.apply(outcome);
        let wait = self.patience.spend(outcome.delay);
        if !wait.is_zero() {
            thread::sleep(wait);
        }
    }
}

impl crate::vfio_user::Backend for Backend {
    fn region_read(&mut self, access: Access, data: &mut [u8]) -> Result<(), Errno> {
        let device = &self.shell.device;
        let result: Result<Outcome, OutOfBounds> = match access.region {
            VFIO_PCI_BAR0_REGION_INDEX => device.read_bar(access.offset, data, self.shell.now()),
            VFIO_PCI_CONFIG_REGION_INDEX => {
                device.read_config(access.offset, data).map(|()| Outcome::default())
            }
            _ => return Err(Errno::INVAL),
        };
        self.finish(result.map_err(|_| Errno::INVAL)?);
        self.patience.answered();
        Ok(())
    }

    fn region_write(&mut self, access: Access, data: &[u8]) -> Result<(), Errno> {
        let device = &self.shell.device;
        let result: Result<Outcome, OutOfBounds> = match access.region {
            VFIO_PCI_BAR0_REGION_INDEX => device.write_bar(access.offset, data, self.shell.now()),
            VFIO_PCI_CONFIG_REGION_INDEX => device.write_config(access.offset, data),
            _ => return Err(Errno::INVAL),
        };
        self.finish(result.map_err(|_| Errno::INVAL)?);
        Ok(())
    }

    fn dma_map(&mut self, map: DmaMap, file: Option<OwnedFd>) -> Result<(), Errno> {
        let DmaMap { readable, writable, offset, address, size } = map;
        let file = file.map(|file| (File::from(file), offset));
        let shared = file.is_some();
        // A guest can have QEMU map memory again and again, and reset.
        if self.mapped.is_worth_a_line() {
            log::info!(address:% = Hex(address), size:% = Hex(size), shared; "memory mapped");
        }
        self.shell.device.memory.map(address, size, readable, writable, file).map_err(|error| {
            if self.refused.is_worth_a_line() {
                log::warn!(address:% = Hex(address), error:%; "memory mapping refused");
            }
            errno(&error)
        })
    }

    fn dma_unmap(&mut self, unmap: DmaUnmap) -> Result<(), Errno> {
        let memory = &self.shell.device.memory;
        match unmap {
            DmaUnmap::All => {
                memory.unmap_all();
                Ok(())
            }
            DmaUnmap::Range { address, size } => memory.unmap(address, size).map_err(|error| {
                if self.refused.is_worth_a_line() {
                    log::warn!(address:% = Hex(address), error:%; "unmapping refused");
                }
                errno(&error)
            }),
        }
    }

    fn reset(&mut self) -> Result<(), Errno> {
        if self.resets.is_worth_a_line() {
            log::info!(by = "client"; "device reset");
        }
        self.shell.apply(self.shell.device.reset(self.shell.now()));
        Ok(())
    }

    /// There is one interrupt, INTx, and so one in every range that is not empty.
    fn set_irqs(&mut self, set: IrqSet<'_>, mut fds: Vec<OwnedFd>) -> Result<(), Errno> {
        let device = &self.shell.device;
        if set.count == 0 {
            let all = set.index == VFIO_PCI_INTX_IRQ_INDEX && set.start == 0;
            if all && (set.action, set.data) == (IrqAction::Trigger, IrqData::None) {
                device.mask_interrupt();
                self.shell.set_interrupt(None);
            }
            return Ok(());
        }
        match (set.action, set.data) {
            (_, IrqData::Bool(&[0, ..])) => {}
            // Without a descriptor: nobody to signal any more. So QEMU says it whose eventfd is -1.
            (IrqAction::Trigger, IrqData::EventFd) if fds.is_empty() => {
                device.mask_interrupt();
                self.shell.set_interrupt(None);
            }
            (IrqAction::Trigger, IrqData::EventFd) => {
                // Who signals holds a lock, and must not wait until a full one is read.
                for fd in &fds {
                    let flags = rustix::fs::fcntl_getfl(fd)?;
                    rustix::fs::fcntl_setfl(fd, flags | rustix::fs::OFlags::NONBLOCK)?;
                }
                self.shell.set_interrupt(fds.pop().map(File::from));
                // A level that rose before there was anyone to signal.
                self.shell.apply(device.unmask_interrupt(self.shell.now()));
            }
            // MASK and UNMASK through an eventfd: clients fall back to messages.
            (_, IrqData::EventFd) => return Err(Errno::NOTSUP),
            // A loopback test of the client's.
            (IrqAction::Trigger, _) => self.shell.signal(),
            (IrqAction::Mask, _) => device.mask_interrupt(),
            (IrqAction::Unmask, _) => self.shell.apply(device.unmask_interrupt(self.shell.now())),
        }
        Ok(())
    }

    fn wait(&self) -> Option<Duration> {
        let due = self.shell.device.interrupt_due()?;
        Some(due.saturating_sub(self.shell.now()))
    }

    fn wake(&mut self) {
        let (device, now) = (&self.shell.device, self.shell.now());
        if device.interrupt_due().is_some_and(|due| due <= now) {
            self.shell.apply(device.unmask_interrupt(now));
        }
    }
}

impl dma::ClientMemory for RemoteMemory<Arc<Connection>> {
    fn read(&self, address: u64, buf: &mut [u8]) -> io::Result<()> {
        Ok(Self::read(self, address, buf)?)
    }

    fn write(&self, address: u64, buf: &[u8]) -> io::Result<()> {
        Ok(Self::write(self, address, buf)?)
    }
}

/// As the specification and libvfio-user have it.
fn errno(error: &MapError) -> Errno {
    match error {
        MapError::Range { .. } => Errno::INVAL,
        MapError::Overlap { .. } => Errno::EXIST,
        MapError::NotMapped { .. } => Errno::NOENT,
        MapError::TooMany => Errno::NOSPC,
        MapError::Map { .. } => Errno::INVAL,
    }
}

/// Starts the thread that serves clients, one at a time, until the shell stops.
///
/// # Errors
/// If the thread cannot be had.
pub fn spawn(listener: &Listener, shell: Arc<Shell>, spin: Duration) -> Result<(), Error> {
    let mut arrivals = listener.arrivals().map_err(Error::setup("the client socket"))?;
    thread::Builder::new()
        .name("client".into())
        .spawn(move || {
            while !shell.stopping() {
                if let Some(left) = shell.away() {
                    thread::sleep(left);
                    continue;
                }
                match arrivals.wait() {
                    Ok(Some(socket)) => {
                        if let Err(e) = serve_one(socket, &shell, spin)
                            && !shell.stopping()
                        {
                            log::warn!(error:% = e; "client");
                        }
                    }
                    Ok(None) => return shell.finish(),
                    Err(e) if !shell.stopping() => {
                        log::warn!(error:% = e; "no client");
                        thread::sleep(RETRY);
                    }
                    Err(_) => {}
                }
            }
        })
        .map(|_| ())
        .map_err(Error::setup("the client thread"))
}

/// Serves a client until it disconnects; the device is then as new.
fn serve_one(socket: OwnedFd, shell: &Arc<Shell>, spin: Duration) -> io::Result<()> {
    let connection = Arc::new(Connection::new(socket)?);
    shell.set_connection(Some(Arc::clone(&connection)));
    let client = RemoteMemory::new(Arc::clone(&connection));
    shell.device.memory.set_client(Some(Arc::new(client)));
    let mut backend = Backend::new(Arc::clone(shell));
    let result = server::serve(&connection, &description(), &mut backend, spin);
    shell.device.memory.set_client(None);
    shell.set_connection(None);
    shell.set_interrupt(None);
    let _ = shell.device.disconnect(shell.now());
    log::info!("client disconnected");
    result.map_err(io::Error::other)
}
