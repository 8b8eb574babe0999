//! What the tests of the engines share.

/// Bytes of a string of hexadecimal digits; blanks and line ends are skipped.
pub(in crate::crypto) fn hex(text: &str) -> Vec<u8> {
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
pub(in crate::crypto) fn hex_array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().expect("a vector of the right length")
}

/// Cuts a message into pieces of the sizes `cuts`, and what is left.
pub(in crate::crypto) fn pieces<'a>(data: &'a mut [u8], cuts: &[usize]) -> Vec<&'a mut [u8]> {
    let mut rest = data;
    let mut pieces = Vec::new();
    for &cut in cuts {
        let (piece, after) = rest.split_at_mut(cut.min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
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
pub(in crate::crypto) use known_answers;
