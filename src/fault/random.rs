//! Randomness that can be repeated: a stream of numbers for each match of each rule.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): good
/// enough for faults, three lines, and the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream(u64);

impl Stream {
    /// The stream of match `number` (from 1) of the rule called `name`.
    #[must_use]
    pub fn of(seed: u64, name: &str, number: u64) -> Self {
        // FNV-1a over the name, so that rules draw independently of each other and of their order.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)
        });
        let mut stream = Self(seed ^ hash);
        let start = stream.next_u64();
        Self(start ^ number.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// From 0 up to, but not including, 1.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 up to, but not including, `bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias is less than bound / 2^64.
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// Puts a slice into random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_seed_name_and_number_alone() {
        let draw = |seed, name, n| Stream::of(seed, name, n).next_u64();
        assert_eq!(draw(7, "stall-1", 3), draw(7, "stall-1", 3));
        let others = [draw(8, "stall-1", 3), draw(7, "stall-2", 3), draw(7, "stall-1", 4)];
        assert!(others.iter().all(|&other| other != draw(7, "stall-1", 3)));
    }

    #[test]
    fn units_spread_evenly() {
        let mut tenths = [0; 10];
        for n in 0..10_000 {
            let unit = Stream::of(1, "x", n).unit();
            assert!((0.0..1.0).contains(&unit));
            tenths[(unit * 10.0) as usize] += 1;
        }
        assert!(tenths.iter().all(|&n| (850..1150).contains(&n)), "{tenths:?}");
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<_> = (0..50).collect();
        Stream::of(1, "x", 1).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
