//! Bytes of a stream to lines, with a bound: whoever sends them is not trusted to end one.

use std::collections::VecDeque;
use thiserror::Error;

/// Longest line, without its end, in bytes.
pub const MAX_LINE: usize = 16 * 1024;

/// A line was longer than [`MAX_LINE`]. It is dropped up to its end; the next one is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the line is longer than {MAX_LINE} bytes; it was ignored")]
pub struct TooLong;

/// What has come and was not yet asked for. Holds at most a line and one [`Self::push`].
#[derive(Debug, Default)]
pub struct Lines {
    bytes: VecDeque<u8>,
    /// As many of the bytes are known to hold no end of a line.
    searched: usize,
    /// The rest of a line that was too long is being dropped.
    dropping: bool,
}

impl Lines {
    /// Adds what was read. [`Self::next_line`] must have said `None` before.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// The next line that is complete, or too long. `None`: more bytes are needed.
    pub fn next_line(&mut self) -> Option<Result<Vec<u8>, TooLong>> {
        loop {
            let end = self.bytes.iter().skip(self.searched).position(|b| *b == b'\n');
            let Some(end) = end.map(|n| n + self.searched) else {
                self.searched = self.bytes.len();
                if self.searched <= MAX_LINE {
                    return None;
                }
                (self.bytes, self.searched) = (VecDeque::new(), 0);
                if !std::mem::replace(&mut self.dropping, true) {
                    return Some(Err(TooLong));
                }
                return None;
            };
            self.searched = 0;
            let mut line: Vec<u8> = self.bytes.drain(..=end).collect();
            line.pop();
            if std::mem::take(&mut self.dropping) {
                continue;
            }
            return Some(if line.len() > MAX_LINE { Err(TooLong) } else { Ok(line) });
        }
    }

    /// The stream has ended: what is left without an end of line.
    pub fn rest(&mut self) -> Option<Vec<u8>> {
        let rest = Vec::from(std::mem::take(&mut self.bytes));
        self.searched = 0;
        (!rest.is_empty() && !std::mem::take(&mut self.dropping)).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(lines: &mut Lines) -> Vec<Result<Vec<u8>, TooLong>> {
        std::iter::from_fn(|| lines.next_line()).collect()
    }

    #[test]
    fn a_line_may_come_in_parts_and_many_at_once() {
        let mut lines = Lines::default();
        lines.push(b"o");
        assert_eq!(all(&mut lines), []);
        lines.push(b"ne\n\ntwo\nthr");
        assert_eq!(all(&mut lines), [Ok(b"one".to_vec()), Ok(vec![]), Ok(b"two".to_vec())]);
        lines.push(b"ee");
        assert_eq!(all(&mut lines), []);
        assert_eq!(lines.rest(), Some(b"three".to_vec()));
        assert_eq!(lines.rest(), None);
    }

    #[test]
    fn the_longest_line_is_heard_and_a_longer_one_refused_once() {
        let mut lines = Lines::default();
        let longest = [&[b'x'; MAX_LINE][..], b"\n"].concat();
        lines.push(&longest);
        assert_eq!(all(&mut lines), [Ok(vec![b'x'; MAX_LINE])]);
        // All of it at once, or piece by piece.
        lines.push(&[&[b'x'][..], &longest, b"next\n"].concat());
        assert_eq!(all(&mut lines), [Err(TooLong), Ok(b"next".to_vec())]);
        for _ in 0..3 {
            lines.push(&longest[..MAX_LINE]);
            assert!(all(&mut lines).len() <= 1);
            assert!(lines.bytes.len() <= MAX_LINE);
        }
        lines.push(b"tail\nnext\n");
        assert_eq!(all(&mut lines), [Ok(b"next".to_vec())]);
    }

    #[test]
    fn the_rest_of_a_line_that_was_too_long_is_no_line() {
        let mut lines = Lines::default();
        lines.push(&[b'x'; MAX_LINE + 1]);
        assert_eq!(all(&mut lines), [Err(TooLong)]);
        lines.push(b"xxx");
        assert_eq!((lines.next_line(), lines.rest()), (None, None));
    }

    proptest! {
        /// However a stream is cut up, its lines are the same.
        #[test]
        fn cutting_changes_nothing(
            lengths in prop::collection::vec(0..MAX_LINE + 3, 0..5),
            cuts in prop::collection::vec(1usize..9000, 1..20),
        ) {
            let mut stream = Vec::new();
            for length in &lengths {
                stream.extend(std::iter::repeat_n(b'y', *length));
                stream.push(b'\n');
            }
            let expected: Vec<_> = lengths
                .iter()
                .map(|n| if *n > MAX_LINE { Err(TooLong) } else { Ok(vec![b'y'; *n]) })
                .collect();
            let (mut lines, mut found, mut rest) = (Lines::default(), Vec::new(), &stream[..]);
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                lines.push(now);
                found.extend(all(&mut lines));
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(found, expected);
            prop_assert_eq!(lines.rest(), None);
        }
    }
}
