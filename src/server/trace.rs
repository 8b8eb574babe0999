//! Trace files: the thread that writes what the device tells, and starting and ending it.
//!
//! The device never waits for the file: events queue up, and what does not fit is dropped and
//! counted ([`crate::trace`]). A file that cannot be written any more ends the trace, not the
//! device.

use super::record::create;
use crate::device::Device;
use crate::trace::file::{Error, LEAST_LIMIT, Options, Status};
use crate::trace::format::{Footer, Format, Header, Renderer};
use crate::trace::{Event, QUEUE, Tracer};
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// Room kept for the end of the file.
const RESERVE: u64 = 4 << 10;
/// Bytes written at once.
const CHUNK: usize = 64 << 10;
/// How long the end of a trace is waited for. The queue is written in well under a second,
/// unless the disk hangs.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct Progress {
    bytes: AtomicU64,
    /// Why and with what counts it has ended.
    ended: OnceLock<Footer>,
}

#[derive(Debug)]
struct Trace {
    options: Options,
    progress: Arc<Progress>,
    /// Closed when the thread has ended.
    done: Receiver<()>,
}

/// The trace of a device, if there is or was one.
#[derive(Debug, Default)]
pub struct Traces {
    current: Mutex<Option<Trace>>,
    /// The first file that could not be written to its end, and why.
    cut: Arc<OnceLock<(PathBuf, String)>>,
}

impl Traces {
    fn lock(&self) -> MutexGuard<'_, Option<Trace>> {
        // Nothing under this lock leaves a state that the next user could not go on from.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts one.
    ///
    /// # Errors
    /// [`enum@Error`]; then there is no trace, and an existing file may be empty.
    pub fn start(&self, device: &Device, options: &Options, now: Duration) -> Result<(), Error> {
        let mut current = self.lock();
        if let Some(trace) = &*current
            && trace.progress.ended.get().is_none()
        {
            return Err(Error::Running(trace.options.path.clone()));
        }
        if options.limit < LEAST_LIMIT {
            return Err(Error::Limit(options.limit));
        }
        let path = options.path.clone();
        let file = create(&path).map_err(|source| Error::Open { path: path.clone(), source })?;
        let Some(events) = device.start_trace(QUEUE, options.registers, now) else {
            return Err(Error::Running(path));
        };
        let setup = device.setup();
        let header = Header {
            version: env!("CARGO_PKG_VERSION").into(),
            soc: setup.soc.name.into(),
            rings: setup.rings,
            decos: setup.decos,
            fault_seed: setup.fault_seed,
            registers: options.registers,
        };
        let progress = Arc::new(Progress::default());
        let (ended, done) = channel::<()>();
        let writer = Writer {
            file,
            path: path.clone(),
            limit: options.limit,
            tracer: Arc::clone(&device.trace),
            progress: Arc::clone(&progress),
            cut: Arc::clone(&self.cut),
        };
        let format = options.format;
        let spawned = thread::Builder::new().name("trace".into()).spawn(move || {
            writer.run(format, &header, &events);
            drop(ended);
        });
        if let Err(e) = spawned {
            device.trace.stop();
            return Err(Error::Thread(e));
        }
        log::info!(path:% = path.display(); "trace begins");
        *current = Some(Trace { options: options.clone(), progress, done });
        Ok(())
    }

    /// Ends it, and waits until the file is complete.
    ///
    /// # Errors
    /// [`Error::NotRunning`], [`Error::Slow`].
    pub fn stop(&self, device: &Device) -> Result<Status, Error> {
        let current = self.lock();
        let trace = current.as_ref().ok_or(Error::NotRunning)?;
        if !device.trace.stop() && trace.progress.ended.get().is_none() {
            return Err(Error::NotRunning);
        }
        match trace.done.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Timeout) => Err(Error::Slow(trace.options.path.clone())),
            _ => Ok(trace.status(device)),
        }
    }

    /// That a file could not be written to its end, if so: of the first of them.
    #[must_use]
    pub fn cut(&self) -> Option<super::Error> {
        let (path, reason) = self.cut.get()?.clone();
        Some(super::Error::Cut { what: "trace", path, reason })
    }

    /// The trace that goes on, or the last one.
    #[must_use]
    pub fn status(&self, device: &Device) -> Option<Status> {
        self.lock().as_ref().map(|trace| trace.status(device))
    }
}

impl Trace {
    fn status(&self, device: &Device) -> Status {
        let Options { path, format, registers, limit } = self.options.clone();
        let bytes = self.progress.bytes.load(Ordering::Relaxed);
        let ended = self.progress.ended.get();
        let (events, dropped) =
            ended.map_or_else(|| device.trace.counts(), |end| (end.events, end.dropped));
        let on = ended.is_none();
        let ended = ended.map(|end| end.reason.clone());
        Status { on, file: path, format, registers, limit, bytes, events, dropped, ended }
    }
}

struct Writer {
    file: File,
    path: PathBuf,
    limit: u64,
    tracer: Arc<Tracer>,
    progress: Arc<Progress>,
    cut: Arc<OnceLock<(PathBuf, String)>>,
}

impl Writer {
    fn run(mut self, format: Format, header: &Header, events: &Receiver<Event>) {
        let mut out = Vec::with_capacity(2 * CHUNK);
        let mut renderer = Renderer::new(format, header, &mut out);
        let (reason, written) = match self.write(events, &mut renderer, &mut out) {
            Ok((reason, written)) => (reason.to_owned(), written),
            Err((e, written)) => {
                let path = self.path.display();
                log::error!(path:%, error:% = e; "trace file cannot be written");
                out.clear();
                // What came of the last piece would not be JSON. Where it stood there is room for
                // the end, more often than not.
                let bytes = self.progress.bytes.load(Ordering::Relaxed);
                let _ = self.file.set_len(bytes);
                let _ = self.file.seek(SeekFrom::Start(bytes));
                let _ = self.cut.set((self.path.clone(), e.to_string()));
                (e.to_string(), written)
            }
        };
        // Nobody is to fill a queue that nobody empties.
        self.tracer.stop();
        let (_, dropped) = self.tracer.counts();
        let footer = Footer { reason, events: written, dropped };
        renderer.end(&footer, &mut out);
        if let Err(e) = self.flush(&mut out)
            && !out.is_empty()
        {
            log::debug!(path:% = self.path.display(), error:% = e; "trace file has no end");
            let _ = self.cut.set((self.path.clone(), e.to_string()));
        }
        let (path, Footer { reason, .. }) = (self.path.display(), &footer);
        log::info!(path:%, reason:%, events = written, dropped; "trace has ended");
        let _ = self.progress.ended.set(footer);
    }

    /// Writes events until there will be no more, or no room. Says why it ended, and how many.
    fn write(
        &mut self,
        events: &Receiver<Event>,
        renderer: &mut Renderer,
        out: &mut Vec<u8>,
    ) -> Result<(&'static str, u64), (io::Error, u64)> {
        let mut written = 0;
        loop {
            let event = match events.try_recv() {
                Ok(event) => event,
                Err(TryRecvError::Disconnected) => return Ok(("stopped", written)),
                Err(TryRecvError::Empty) => {
                    // Whoever kills the process has all up to here.
                    self.flush(out).map_err(|e| (e, written))?;
                    match events.recv() {
                        Ok(event) => event,
                        Err(_) => return Ok(("stopped", written)),
                    }
                }
            };
            let before = out.len();
            renderer.event(&event, out);
            let bytes = self.progress.bytes.load(Ordering::Relaxed) + out.len() as u64;
            if bytes + RESERVE > self.limit {
                out.truncate(before);
                return Ok(("the file has reached its limit", written));
            }
            written += 1;
            if out.len() >= CHUNK {
                self.flush(out).map_err(|e| (e, written))?;
            }
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.file.write_all(out)?;
        self.progress.bytes.fetch_add(out.len() as u64, Ordering::Relaxed);
        out.clear();
        Ok(())
    }
}
