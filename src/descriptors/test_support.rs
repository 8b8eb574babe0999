//! What the tests of this folder share.

use proptest::test_runner::{Config, RngSeed};

/// That many random cases, the same at every run. (`fuzz/` is for ever new ones.)
pub fn cases(cases: u32) -> Config {
    let rng_seed = RngSeed::Fixed(0xcaa0);
    Config { cases, rng_seed, failure_persistence: None, ..Config::default() }
}
