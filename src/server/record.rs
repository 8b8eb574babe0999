//! The file of a recording: the thread that writes it.
//!
//! Nothing of a recording may be missing, so jobs wait while much waits for the file
//! ([`crate::record::Tape::crowded`]); register accesses do not.

use super::Error;
use crate::device::Device;
use crate::device::platform::Secrets;
use crate::record::Backlog;
use crate::record::entry::{Entry, Header};
use crate::record::file::{append, whole};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often the file gets what there is, even if it is little.
const OFTEN: Duration = Duration::from_millis(100);
/// Why it has ended, if the disk was full or broken.
const UNWRITTEN: &str = "the file could not be written";

/// What to record, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The file; replaced if it exists.
    pub path: PathBuf,
    /// Most bytes of the file.
    pub limit: u64,
}

/// A recording that goes on, or has ended by itself.
#[derive(Debug)]
pub struct Recording(JoinHandle<Result<(), Error>>);

/// A file for one.
#[derive(Debug)]
pub struct Opened {
    options: Options,
    file: File,
}

impl Opened {
    /// Makes or empties it.
    ///
    /// # Errors
    /// [`Error::Record`].
    pub fn new(options: Options) -> Result<Self, Error> {
        match create(&options.path) {
            Ok(file) => Ok(Self { options, file }),
            Err(source) => Err(Error::Record { path: options.path, source }),
        }
    }

    /// Begins to record a device that has done nothing yet, and whose secrets come from a seed.
    ///
    /// # Errors
    /// If the thread cannot be had.
    pub fn start(self, device: &Arc<Device>, secrets: &Secrets) -> Result<Recording, Error> {
        start(self, device, secrets)
    }
}

fn start(opened: Opened, device: &Arc<Device>, secrets: &Secrets) -> Result<Recording, Error> {
    let Opened { options: Options { path, limit }, file } = opened;
    let setup = device.setup();
    let header = Header {
        version: env!("CARGO_PKG_VERSION").into(),
        soc: setup.soc.name.into(),
        rings: setup.rings as u8,
        decos: setup.decos as u8,
        fault_seed: setup.fault_seed,
        // The command line draws one if it is not given one.
        seed: secrets.seed.unwrap_or_default(),
        master_key: secrets.master_key.as_ref().map(|key| **key),
        faults: device.faults.list().into_iter().map(|rule| rule.rule).collect(),
    };
    device.tape.record(header, limit);
    log::warn!(
        path:% = path.display();
        "recording; the file will hold keys, plaintext and the device's secrets"
    );
    let device = Arc::clone(device);
    let thread = thread::Builder::new()
        .name("record".into())
        .spawn(move || write(&device, file, &path))
        .map_err(Error::setup("the recording's thread"))?;
    Ok(Recording(thread))
}

impl Recording {
    /// Ends it, and waits until the file is complete.
    ///
    /// # Errors
    /// [`Error::Cut`]: it is not.
    pub fn stop(self, device: &Device) -> Result<(), Error> {
        device.tape.end("stopped");
        self.0.join().unwrap_or_else(|_| {
            log::error!("the recording's thread had panicked");
            Ok(())
        })
    }
}

/// Puts an end behind the last entry that leaves room for it in what the file has taken: `before`
/// bytes, and some of `bytes`.
fn end_early(file: &mut File, before: u64, bytes: &[u8]) -> io::Result<()> {
    let mut end = Vec::new();
    append(&mut end, &Entry::End { reason: UNWRITTEN.into() });
    let taken = file.stream_position()?.saturating_sub(before) as usize;
    let kept = before + whole(bytes, taken.saturating_sub(end.len())) as u64;
    file.set_len(kept)?;
    file.seek(SeekFrom::Start(kept))?;
    file.write_all(&end)
}

/// A new or emptied file that only we may read, whoever could before: what a driver does with its
/// keys is nobody else's business.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Not to wait for somebody to read a FIFO.
    options.write(true).create(true).mode(0o600).custom_flags(libc::O_NONBLOCK);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.set_len(0)?;
    Ok(file)
}

fn write(device: &Device, mut file: File, path: &Path) -> Result<(), Error> {
    let mut total = 0_u64;
    loop {
        let Backlog { bytes, ended } = device.tape.backlog(OFTEN);
        if let Err(error) = file.write_all(&bytes) {
            log::error!(path:% = path.display(), error:%; "recording cannot be written");
            device.tape.end(UNWRITTEN);
            if let Err(error) = end_early(&mut file, total, &bytes) {
                log::debug!(path:% = path.display(), error:%; "the recording has no end");
            }
            // Nobody will ask for what has come meanwhile.
            drop(device.tape.backlog(Duration::ZERO));
            return Err(Error::Cut {
                what: "recording",
                path: path.to_owned(),
                reason: error.to_string(),
            });
        }
        total += bytes.len() as u64;
        if let Some(reason) = ended {
            log::info!(path:% = path.display(), reason:%, bytes = total; "recording has ended");
            return Ok(());
        }
    }
}
