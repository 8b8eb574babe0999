//! Bytes and descriptors, as they come from a stream, cut into messages.

use super::header::{self, Header};
use super::{MAX_FDS, MAX_MESSAGE};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use thiserror::Error;

/// Room for what comes at once: many messages, as all but those with data are small. A larger
/// message makes its own.
const ROOM: usize = 16 * 1024;

/// A header behind which the next message cannot be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a message says it has {} bytes, not {} to {MAX_MESSAGE}", header.size, header::BYTES)]
pub struct BadSize {
    /// The header.
    pub header: Header,
}

/// A whole message.
#[derive(Debug)]
pub struct Message<'a> {
    /// Its header.
    pub header: Header,
    /// All behind the header.
    pub body: &'a [u8],
    /// What came with it; at most [`MAX_FDS`].
    pub fds: Vec<OwnedFd>,
    /// There were more descriptors, closed by now.
    pub too_many_fds: bool,
}

/// Descriptors that came with a message.
#[derive(Debug)]
struct Attached {
    /// Where in the stream the message begins.
    at: u64,
    fds: Vec<OwnedFd>,
    too_many: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Inbox {
    buffer: Vec<u8>,
    /// What is not yet a message handed out.
    start: usize,
    end: usize,
    /// Bytes of the stream before `start`.
    passed: u64,
    attached: VecDeque<Attached>,
}

impl Default for Inbox {
    fn default() -> Self {
        let (buffer, attached) = (vec![0; ROOM], VecDeque::new());
        Self { buffer, start: 0, end: 0, passed: 0, attached }
    }
}

impl Inbox {
    /// Where to put what comes next; never empty. All whole messages must have been taken out.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        let begun = self.size(self.start).filter(|size| *size <= MAX_MESSAGE);
        let wanted = begun.unwrap_or(header::BYTES);
        if self.start + wanted > self.buffer.len() || self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.buffer.len() < wanted {
                self.buffer.resize(wanted, 0);
            }
        }
        &mut self.buffer[self.end..]
    }

    /// The first `length` bytes of [`Self::space`] have come, with descriptors; `truncated` if the
    /// system had to drop some.
    ///
    /// One receive never goes on behind bytes that had descriptors, so these belong to the last
    /// message that has begun (`unix(7)`, ancillary data as a barrier).
    ///
    /// # Panics
    /// If there was not that much space.
    pub fn received(&mut self, length: usize, mut fds: Vec<OwnedFd>, truncated: bool) {
        assert!(length <= self.buffer.len() - self.end, "more than there was space for");
        self.end += length;
        if fds.is_empty() && !truncated {
            return;
        }
        let mut last = self.start;
        while let Some(size) = self.size(last)
            && (header::BYTES..self.end - last).contains(&size)
        {
            last += size;
        }
        let at = self.passed + (last - self.start) as u64;
        if self.attached.back().is_none_or(|attached| attached.at != at) {
            self.attached.push_back(Attached { at, fds: Vec::new(), too_many: false });
        }
        if let Some(attached) = self.attached.back_mut() {
            attached.too_many |= truncated || attached.fds.len() + fds.len() > MAX_FDS;
            fds.truncate(MAX_FDS - attached.fds.len());
            attached.fds.append(&mut fds);
        }
    }

    /// What the header at `at` says of its message's size, if it is there.
    fn size(&self, at: usize) -> Option<usize> {
        Some(self.header(at)?.size as usize)
    }

    fn header(&self, at: usize) -> Option<Header> {
        self.buffer[at..self.end].first_chunk().map(|bytes| Header::from_bytes(*bytes))
    }

    /// Whether a message has begun and not ended.
    #[must_use]
    pub fn in_the_middle(&self) -> bool {
        self.start != self.end
    }

    /// The next message, if it is whole.
    ///
    /// # Errors
    /// [`BadSize`]; the stream is of no further use.
    pub fn take(&mut self) -> Result<Option<Message<'_>>, BadSize> {
        let Some(header) = self.header(self.start) else { return Ok(None) };
        let size = header.size as usize;
        if !(header::BYTES..=MAX_MESSAGE).contains(&size) {
            return Err(BadSize { header });
        }
        if self.end - self.start < size {
            return Ok(None);
        }
        let begin = self.passed;
        let body = self.start + header::BYTES..self.start + size;
        self.start += size;
        self.passed += size as u64;
        let attached = match self.attached.front() {
            Some(attached) if attached.at <= begin => self.attached.pop_front(),
            _ => None,
        };
        let (fds, too_many_fds) = attached.map_or((Vec::new(), false), |a| (a.fds, a.too_many));
        Ok(Some(Message { header, body: &self.buffer[body], fds, too_many_fds }))
    }
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
