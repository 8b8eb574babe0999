//! Between the core and what is outside of it: writes down, or plays back.

use super::Key;
use super::entry::{Access, Answer, Call, Entry, Header, Ran, What};
use super::file::{self, Position};
use crate::descriptors::deco::Report;
use crate::descriptors::status::JobStatus;
use crate::memory::Purpose;
use serde_bytes::ByteBuf;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const OFF: u8 = 0;
const RECORD: u8 = 1;
const PLAY: u8 = 2;

/// Bytes that may wait for the file before jobs have to wait, too.
pub const MANY: usize = 16 << 20;
/// Bytes that may wait for the file at all. Only register accesses come beyond [`MANY`], and the
/// run of one job.
const MOST: usize = 1 << 30;
/// Bytes for which it is worth waking the writer.
const CHUNK: usize = 256 << 10;

/// What waits for the file.
#[derive(Debug, Default)]
struct Sink {
    bytes: Vec<u8>,
    total: u64,
    limit: u64,
    ended: Option<String>,
}

/// What is played.
#[derive(Debug, Default)]
struct Player {
    accesses: VecDeque<(Position, Access)>,
    /// The run that is played ended because it was told to.
    stopped: bool,
    difference: Option<(Option<Position>, String)>,
}

/// What a writer gets.
#[derive(Debug)]
pub struct Backlog {
    /// To be appended to the file.
    pub bytes: Vec<u8>,
    /// Why there will be no more, if so.
    pub ended: Option<String>,
}

/// See the module. One a device.
#[derive(Debug, Default)]
pub struct Tape {
    mode: AtomicU8,
    /// One call of the core at a time, and one job at a time.
    order: Mutex<()>,
    runs: Mutex<()>,
    sink: Mutex<Sink>,
    filled: Condvar,
    player: Mutex<Player>,
    /// For the job that is played.
    stop: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks leaves a state that the next user could not go on from.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Tape {
    fn mode(&self) -> u8 {
        self.mode.load(Ordering::Relaxed)
    }

    /// Whether accesses to guest memory have to be told to it.
    #[inline]
    #[must_use]
    pub fn on(&self) -> bool {
        self.mode() != OFF
    }

    /// Begins to write down, at most `limit` bytes. The device has done nothing yet.
    pub fn record(&self, header: Header, limit: u64) {
        *lock(&self.sink) = Sink { limit, bytes: file::beginning(), ..Sink::default() };
        self.mode.store(RECORD, Ordering::SeqCst);
        self.append(&Entry::Begin(header));
    }

    /// Ends it: nothing more is written down.
    pub fn end(&self, reason: &str) {
        if self.mode() == RECORD {
            let _order = lock(&self.order);
            self.finish(&mut lock(&self.sink), reason);
        }
    }

    fn finish(&self, sink: &mut Sink, reason: &str) {
        if sink.ended.is_none() {
            self.mode.store(OFF, Ordering::SeqCst);
            file::append(&mut sink.bytes, &Entry::End { reason: reason.into() });
            sink.ended = Some(reason.into());
            self.filled.notify_all();
        }
    }

    fn append(&self, entry: &Entry) {
        let mut sink = lock(&self.sink);
        if sink.ended.is_some() {
            return;
        }
        let before = sink.bytes.len();
        file::append(&mut sink.bytes, entry);
        sink.total += (sink.bytes.len() - before) as u64;
        let reason = if sink.total + file::RESERVE > sink.limit {
            "the file has reached its limit"
        } else if sink.bytes.len() > MOST {
            "the disk does not keep up"
        } else {
            if sink.bytes.len() >= CHUNK {
                self.filled.notify_one();
            }
            return;
        };
        sink.bytes.truncate(before);
        self.finish(&mut sink, reason);
    }

    /// What waits for the file, after waiting for it, for `patience` at most.
    pub fn backlog(&self, patience: Duration) -> Backlog {
        let sink = lock(&self.sink);
        let little = |sink: &mut Sink| sink.bytes.len() < CHUNK && sink.ended.is_none();
        let waited = self.filled.wait_timeout_while(sink, patience, little);
        let (mut sink, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Backlog { bytes: std::mem::take(&mut sink.bytes), ended: sink.ended.clone() }
    }

    /// Whether so much waits for the file that jobs should wait, too.
    #[must_use]
    pub fn crowded(&self) -> bool {
        self.mode() == RECORD && lock(&self.sink).bytes.len() > MANY
    }

    /// A call of the core: `f`, with what is told of it before and behind.
    pub fn call<R>(
        &self,
        now: Duration,
        call: impl FnOnce() -> Call,
        f: impl FnOnce() -> R,
        answer: impl FnOnce(&R) -> Answer,
    ) -> R {
        if self.mode() != RECORD {
            return f();
        }
        let _order = lock(&self.order);
        self.append(&Entry::Call { at: nanoseconds(now), call: call() });
        let result = f();
        self.append(&Entry::Answer(answer(&result)));
        result
    }

    /// A job is run by `f`, which stops when the flag is set: `stop`, or ours.
    pub fn run(
        &self,
        job: Key,
        stop: &AtomicBool,
        f: impl FnOnce(&AtomicBool) -> Report,
    ) -> Report {
        match self.mode() {
            RECORD => {}
            PLAY => return f(&self.stop),
            _ => return f(stop),
        }
        let _run = lock(&self.runs);
        let report = f(stop);
        let Report { status, sequence_out, .. } = report;
        // Bits 15:8 say at which command.
        let stopped = status.0 & !0xff00 == JobStatus::FLUSHED.0;
        let ran = Ran { status: status.0, sequence_out, stopped };
        let _order = lock(&self.order);
        self.append(&Entry::Ran { job, ran });
        report
    }

    /// Reads guest memory by `real`, or from the recording. Says how many bytes there are.
    pub fn read(
        &self,
        job: Option<Key>,
        purpose: Purpose,
        address: u64,
        buf: &mut [u8],
        real: impl FnOnce(&mut [u8]) -> usize,
    ) -> usize {
        let asked = buf.len() as u64;
        if self.mode() == PLAY {
            let what = What::Read { asked, got: ByteBuf::new() };
            return match self.next(purpose, address, what) {
                Some(What::Read { got, .. }) => {
                    buf[..got.len()].copy_from_slice(&got);
                    got.len()
                }
                _ => 0,
            };
        }
        let n = real(buf);
        let what = What::Read { asked, got: ByteBuf::from(&buf[..n]) };
        self.tell(job, purpose, address, what);
        n
    }

    /// Writes guest memory by `real`, or compares with the recording. Says whether all was.
    pub fn write(
        &self,
        job: Option<Key>,
        purpose: Purpose,
        address: u64,
        buf: &[u8],
        real: impl FnOnce() -> bool,
    ) -> bool {
        let bytes = ByteBuf::from(buf);
        if self.mode() == PLAY {
            let next = self.next(purpose, address, What::Write { bytes, done: true });
            return matches!(next, Some(What::Write { done: true, .. }));
        }
        let done = real();
        self.tell(job, purpose, address, What::Write { bytes, done });
        done
    }

    /// Whether guest memory can be written.
    pub fn writable(
        &self,
        job: Option<Key>,
        purpose: Purpose,
        address: u64,
        length: usize,
        real: impl FnOnce() -> bool,
    ) -> bool {
        let length = length as u64;
        if self.mode() == PLAY {
            let next = self.next(purpose, address, What::Writable { length, yes: true });
            return matches!(next, Some(What::Writable { yes: true, .. }));
        }
        let yes = real();
        self.tell(job, purpose, address, What::Writable { length, yes });
        yes
    }

    fn tell(&self, job: Option<Key>, purpose: Purpose, address: u64, what: What) {
        let access = Access { purpose: purpose as u8, address, what };
        self.append(&Entry::Access { job, access });
    }

    // --- Playing -------------------------------------------------------------------------

    /// From now on, guest memory is what [`Self::load`] was given.
    pub fn play(&self) {
        self.mode.store(PLAY, Ordering::SeqCst);
    }

    /// The accesses that the next call, or the next job, will make.
    pub fn load(&self, accesses: VecDeque<(Position, Access)>, stopped: bool) {
        let mut player = lock(&self.player);
        self.stop.store(stopped && accesses.is_empty(), Ordering::SeqCst);
        (player.accesses, player.stopped) = (accesses, stopped);
    }

    /// What was different since then, and where; accesses that were not made are.
    pub fn unload(&self) -> Option<(Option<Position>, String)> {
        let mut player = lock(&self.player);
        let missing = player.accesses.pop_front().filter(|_| !player.stopped);
        player.accesses.clear();
        player.difference.take().or_else(|| {
            let (position, access) = missing?;
            Some((Some(position), format!("{} was not made again", shown(&access))))
        })
    }

    fn next(&self, purpose: Purpose, address: u64, wanted: What) -> Option<What> {
        let wanted = Access { purpose: purpose as u8, address, what: wanted };
        let mut player = lock(&self.player);
        if player.difference.is_some() {
            return None;
        }
        let Some((position, recorded)) = player.accesses.pop_front() else {
            let text = format!("{} is new", shown(&wanted));
            player.difference = Some((None, text));
            return None;
        };
        if player.stopped && player.accesses.is_empty() {
            self.stop.store(true, Ordering::SeqCst);
        }
        match difference(&recorded, &wanted) {
            None => Some(recorded.what),
            Some(text) => {
                player.difference = Some((Some(position), text));
                None
            }
        }
    }
}

/// An access, for people; without its bytes.
#[must_use]
pub fn shown(access: &Access) -> String {
    let purpose =
        super::entry::purpose(access.purpose).map_or_else(|| "?".into(), |p| p.to_string());
    let (verb, length) = match &access.what {
        What::Read { asked, .. } => ("read", *asked),
        What::Write { bytes, .. } => ("write", bytes.len() as u64),
        What::Writable { length, .. } => ("check", *length),
    };
    format!("{verb} of {length} bytes at {:#x} ({purpose})", access.address)
}

fn difference(recorded: &Access, now: &Access) -> Option<String> {
    let alike = (recorded.purpose, recorded.address) == (now.purpose, now.address);
    match (&recorded.what, &now.what) {
        (What::Read { asked: a, got }, What::Read { asked: b, .. })
            if alike && a == b && got.len() as u64 <= *a =>
        {
            None
        }
        (What::Writable { length: a, .. }, What::Writable { length: b, .. }) if alike && a == b => {
            None
        }
        (What::Write { bytes: a, .. }, What::Write { bytes: b, .. })
            if alike && a.len() == b.len() =>
        {
            let at = a.iter().zip(b.iter()).position(|(a, b)| a != b)?;
            let text = shown(recorded);
            Some(format!("{text}: byte {at} was {:#04x}, now it is {:#04x}", a[at], b[at]))
        }
        _ => Some(format!("{} was recorded, now it is {}", shown(recorded), shown(now))),
    }
}
