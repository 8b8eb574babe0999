//! Durations by size.

use super::*;
use proptest::prelude::*;

proptest! {
    /// Buckets follow one another without a gap, and none is longer than 1/16 of its values.
    #[test]
    fn buckets(value in prop_oneof![0..100_u64, any::<u64>().prop_map(|v| v % (LONGEST + 1))]) {
        let at = bucket(value);
        prop_assert!(at < BUCKETS);
        prop_assert!(value <= last_of(at));
        prop_assert!(at == 0 || last_of(at - 1) < value);
        prop_assert!(last_of(at) - value <= value / 16);
    }

    /// A quantile is the value that a sorted list has there, rounded up by at most 1/16.
    #[test]
    fn quantiles(values in prop::collection::vec(0..5_000_000_u64, 1..200), share in 0.0..=1.0_f64) {
        let mut times = Times::default();
        values.iter().for_each(|value| times.record(Duration::from_nanos(*value)));
        let mut sorted = values.clone();
        sorted.sort_unstable();
        let rank = ((share * values.len() as f64).ceil() as usize).max(1);
        let rounded = |v: u64| v..=v + v / 16;
        let got = times.quantile(share).as_nanos() as u64;
        prop_assert!(rounded(sorted[rank - 1]).contains(&got));
        let longest = times.max().as_nanos() as u64;
        prop_assert!(rounded(sorted[values.len() - 1]).contains(&longest));
        prop_assert_eq!(times.count(), values.len() as u64);
    }

    /// Counts between bounds where buckets end are those of a list, and the sum is exact.
    #[test]
    fn between_bounds(values in prop::collection::vec(0..1_u64 << 36, 0..200)) {
        use crate::control::stats::BOUNDS;
        let mut times = Times::default();
        values.iter().for_each(|value| times.record(Duration::from_nanos(*value)));
        let counts = times.between(&BOUNDS);
        for (i, bound) in BOUNDS.iter().enumerate() {
            let below = if i == 0 { None } else { Some(BOUNDS[i - 1]) };
            let fits = |v: &&u64| *v <= bound && below.is_none_or(|below| **v > below);
            prop_assert_eq!(counts[i], values.iter().filter(fits).count() as u64, "{}", bound);
        }
        prop_assert_eq!(times.sum(), Duration::from_nanos(values.iter().sum()));
    }
}
