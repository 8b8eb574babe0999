//! Values in rules: numbers, sizes, durations, ranges, and how they are written.

use std::fmt::{self, Display};
use std::time::Duration;

/// A number, decimal or with 0x.
#[must_use]
pub fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        // from_str_radix takes a sign.
        Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
            u64::from_str_radix(hex, 16).ok()
        }
        Some(_) => None,
        None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        None => None,
    }
}

/// Bytes: a number, with K or M for 1024 and 1024 x 1024.
#[must_use]
pub fn size(text: &str) -> Option<u64> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'K' | b'k' => (&text[..text.len() - 1], 1024),
        b'M' | b'm' => (&text[..text.len() - 1], 1024 * 1024),
        _ => (text, 1),
    };
    number(digits)?.checked_mul(unit)
}

/// Units of a duration, the longest names first: "ms" before "s".
const UNITS: [(&str, u64); 4] = [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)];
/// Longest duration: the clock of a run is far from it, and sums do not overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// A duration: a decimal number and its unit, ns, us, ms or s. At most a year.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let (digits, scale) =
        UNITS.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, *scale)))?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value: f64 = digits.parse().ok().filter(|_| plain)?;
    let duration = Duration::try_from_secs_f64(value * scale as f64 / 1e9).ok()?;
    // Nanoseconds exactly where they can be.
    let duration = match number(digits) {
        Some(whole) => Duration::from_nanos(whole.checked_mul(scale)?),
        None => duration,
    };
    (duration <= LONGEST).then_some(duration)
}

/// A duration as [`duration`] reads it, in the largest unit that needs no fraction.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let fits = |&&(_, scale): &&(&str, u64)| nanos.is_multiple_of(u128::from(scale));
    let (unit, scale) = UNITS.iter().rfind(fits).unwrap_or(&UNITS[0]);
    format!("{}{unit}", nanos / u128::from(*scale))
}

/// An inclusive range of numbers: `5`, `5..9`, `5..` or `..9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First.
    pub first: u64,
    /// Last.
    pub last: u64,
}

impl Range {
    /// Reads one, each end with `end`.
    #[must_use]
    pub fn parse(text: &str, end: fn(&str) -> Option<u64>) -> Option<Self> {
        let Some((first, last)) = text.split_once("..") else {
            let only = end(text)?;
            return Some(Self { first: only, last: only });
        };
        if first.is_empty() && last.is_empty() {
            return None;
        }
        let first = if first.is_empty() { 0 } else { end(first)? };
        let last = if last.is_empty() { u64::MAX } else { end(last)? };
        Some(Self { first, last })
    }

    /// Whether `value` is in it.
    #[must_use]
    pub fn contains(&self, value: u64) -> bool {
        (self.first..=self.last).contains(&value)
    }

    /// Whether one of `length` values from `first` on is in it.
    #[must_use]
    pub fn overlaps(&self, first: u64, length: u64) -> bool {
        let last = first.saturating_add(length.saturating_sub(1));
        length > 0 && self.first <= last && self.last >= first
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first > self.last
    }
}

impl Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (first, last) if first == last => write!(f, "{first}"),
            (first, u64::MAX) => write!(f, "{first}.."),
            (0, last) => write!(f, "..{last}"),
            (first, last) => write!(f, "{first}..{last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations() {
        assert_eq!(duration("20ms"), Some(Duration::from_millis(20)));
        assert_eq!(duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("7ns"), Some(Duration::from_nanos(7)));
        assert_eq!(duration("0us"), Some(Duration::ZERO));
        for bad in ["", "ms", "5", "5 ms", "-5ms", "+5ms", "1e9s", "nans", "infs", "5m", "1..2s"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
        assert_eq!(duration("99999999999999999999s"), None);
        assert_eq!(duration("366000000s"), None);
    }

    #[test]
    fn numbers_and_sizes() {
        assert_eq!(number("0x20"), Some(32));
        assert_eq!(size("4K"), Some(4096));
        assert_eq!(size("1M"), Some(1 << 20));
        assert_eq!(size("512"), Some(512));
        for bad in ["", "-1", "+1", "0x", "0x+1", "1_0", "k", "99999999999999999999"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn overlaps() {
        let range = Range { first: 4, last: 7 };
        for (first, length, expected) in [
            (0, 4, false),
            (0, 5, true),
            (5, 1, true),
            (7, 9, true),
            (8, 9, false),
            (5, 0, false),
            (0, u64::MAX, true),
            (u64::MAX, u64::MAX, false),
        ] {
            assert_eq!(range.overlaps(first, length), expected, "{first} + {length}");
        }
    }

    #[test]
    fn ranges() {
        let parse = |text| Range::parse(text, size);
        assert_eq!(parse("5"), Some(Range { first: 5, last: 5 }));
        assert_eq!(parse("1K.."), Some(Range { first: 1024, last: u64::MAX }));
        assert_eq!(parse("..9"), Some(Range { first: 0, last: 9 }));
        for bad in ["", "..", "a..b", "1...2", "1-2"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert!(parse("9..5").is_some_and(|r| r.is_empty()));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(nanos in 0..LONGEST.as_nanos() as u64, first: u64, last: u64) {
            let span = Duration::from_nanos(nanos);
            prop_assert_eq!(duration(&show_duration(span)), Some(span));
            let range = Range { first, last };
            prop_assert_eq!(Range::parse(&range.to_string(), number), Some(range));
        }

        #[test]
        fn nothing_panics(text in "[0-9a-zA-Z.+-]{0,24}") {
            let _ = (duration(&text), size(&text), Range::parse(&text, size));
        }
    }
}
