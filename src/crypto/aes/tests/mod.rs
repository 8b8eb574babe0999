//! Known answers, properties, and other implementations to agree with.

mod aead;
mod aead_vectors;
mod mac;
mod mac_vectors;
mod modes;
mod modes_vectors;
mod properties;
mod wycheproof;
mod xts;
mod xts_vectors;

/// Bytes of a string of hexadecimal digits; blanks and line ends are skipped.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .map(|c| u8::try_from(c.to_digit(16).expect("a hexadecimal digit")).unwrap())
        .collect();
    let (pairs, odd) = digits.as_chunks::<2>();
    assert!(odd.is_empty(), "odd number of digits in {text}");
    pairs.iter().map(|[high, low]| high << 4 | low).collect()
}

/// Bytes of a string of exactly `N` bytes in hexadecimal.
fn hex_array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().expect("a vector of the right length")
}

/// One test function per table: `name: check(TABLE)` runs `check` on each entry and says which
/// entry failed.
macro_rules! known_answers {
    ($($name:ident: $check:ident($table:expr);)*) => {$(
        #[test]
        fn $name() {
            assert!(!$table.is_empty());
            for (n, vector) in $table.iter().enumerate() {
                let run = std::panic::AssertUnwindSafe(|| $check(vector));
                if let Err(cause) = std::panic::catch_unwind(run) {
                    eprintln!("{}, vector {n}: {vector:?}", stringify!($table));
                    std::panic::resume_unwind(cause);
                }
            }
        }
    )*};
}
use known_answers;
