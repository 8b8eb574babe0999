//! Durations by size: how many there were in each of a fixed row of buckets.
//!
//! To record one must cost next to nothing, as the ring's lock is held: a shift and an addition.

use std::time::Duration;

/// Buckets of one power of two: none is longer than 1/16 of the values in it.
const SPLIT: u32 = 16;
const SPLIT_BITS: u32 = SPLIT.ilog2();
/// The longest time that is told from longer ones: an hour, in nanoseconds.
const LONGEST: u64 = 3_600_000_000_000;
const BUCKETS: usize = bucket(LONGEST) + 1;

/// The bucket a value belongs to. Values below 16 have one each.
const fn bucket(value: u64) -> usize {
    let bits = u64::BITS - value.leading_zeros();
    if bits <= SPLIT_BITS {
        return value as usize;
    }
    // The highest bit says which row, the four behind it which bucket of the row.
    let shift = bits - SPLIT_BITS - 1;
    (shift * SPLIT) as usize + (value >> shift) as usize
}

/// The greatest value that belongs to a bucket.
const fn last_of(bucket: usize) -> u64 {
    let (bucket, split) = (bucket as u64, SPLIT as u64);
    if bucket < split {
        return bucket;
    }
    let shift = bucket / split - 1;
    ((bucket % split + split + 1) << shift) - 1
}

/// See the module. Buckets of at most 1/16 of their value, up to an hour.
#[derive(Debug, Clone)]
pub struct Times {
    counts: Box<[u64]>,
    count: u64,
    sum: u64,
    longest: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS].into(), count: 0, sum: 0, longest: 0 }
    }
}

impl Times {
    /// Counts one.
    pub fn record(&mut self, time: Duration) {
        let value = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).min(LONGEST);
        self.sum = self.sum.saturating_add(value);
        if let Some(count) = self.counts.get_mut(bucket(value)) {
            *count += 1;
        }
        self.count += 1;
        self.longest = self.longest.max(value);
    }

    /// How many were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All of them together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum)
    }

    /// How many were longer than the bound before and at most this one, for each of `bounds`:
    /// they ascend, in nanoseconds, each a power of two less one, where a bucket ends.
    #[must_use]
    pub fn between<const N: usize>(&self, bounds: &[u64; N]) -> [u64; N] {
        let mut counts = [0; N];
        for (bucket, count) in self.counts.iter().enumerate() {
            let place = bounds.partition_point(|bound| *bound < last_of(bucket));
            if let Some(sum) = counts.get_mut(place) {
                *sum += count;
            }
        }
        counts
    }

    /// The time that `share` (0 to 1) of those recorded do not exceed, rounded up to the end of
    /// its bucket; 0 if none were.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (share.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let reaches = |count: &u64| {
            seen += count;
            seen >= wanted
        };
        Duration::from_nanos(self.counts.iter().position(reaches).map_or(0, last_of))
    }

    /// The longest, rounded up to the end of its bucket.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_nanos(last_of(bucket(self.longest)))
    }
}

#[cfg(test)]
#[path = "times_tests.rs"]
mod tests;
