//! Words in texts that are no kernel logs.

use super::{InputError, Run};

fn hex_word(text: &str) -> Option<u32> {
    let hex = text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if hex { u32::from_str_radix(text, 16).ok() } else { None }
}

fn hex(text: &str) -> Option<u64> {
    let good = !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    if good { u64::from_str_radix(text, 16).ok() } else { None }
}

/// A file like those in `tests/golden/`.
pub(super) fn fixture(text: &str) -> Option<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    let mut inside = false;
    for (n, line) in text.lines().enumerate() {
        // Two spaces end what counts.
        let mut tokens = line.split("  ").next().unwrap_or_default().split(' ');
        match (tokens.next().unwrap_or_default(), tokens.next().and_then(hex)) {
            ("words", Some(address)) => {
                inside = true;
                runs.push(Run { place: format!("line {}: at {address:#x}", n + 1), words: vec![] });
            }
            (word, None) => match (hex_word(word), runs.last_mut()) {
                (Some(word), Some(run)) if inside => run.words.push(word),
                _ => inside = false,
            },
            _ => inside = false,
        }
    }
    (!runs.is_empty()).then_some(runs)
}

/// Comments as blanks, so that places stay what they are.
fn without_comments(text: &str, braces: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut block, mut line) = (false, false);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\n' {
            line = false;
            out.push(c);
            continue;
        }
        let next = rest.peek().copied();
        match c {
            '*' if block && next == Some('/') => {
                block = false;
                rest.next();
                out.push(' ');
            }
            _ if block || line => {}
            '/' if next == Some('*') => {
                block = true;
                rest.next();
                out.push(' ');
            }
            '/' if next == Some('/') => line = true,
            '#' => line = true,
            // Ends a statement in C, and begins a remark elsewhere.
            ';' if !braces => line = true,
            _ => {
                out.push(c);
                continue;
            }
        }
        out.push(' ');
    }
    out
}

/// What a word is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Word(u32),
    Byte(u8),
}

fn token(text: &str, in_array: bool) -> Option<Token> {
    let digits = text.trim_end_matches(['u', 'U', 'l', 'L']);
    let prefixed = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let all_hex = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(hex) = prefixed {
        return match hex.len() {
            2 if all_hex(hex) => u8::from_str_radix(hex, 16).ok().map(Token::Byte),
            1..=8 if all_hex(hex) => u32::from_str_radix(hex, 16).ok().map(Token::Word),
            _ => None,
        };
    }
    if !all_hex(text) {
        // Decimal numbers are in arrays only, where all else has its 0x.
        return if in_array { digits.parse().ok().map(Token::Word) } else { None };
    }
    match text.len() {
        8 => hex_word(text).map(Token::Word),
        2 => u8::from_str_radix(text, 16).ok().map(Token::Byte),
        _ if in_array => digits.parse().ok().map(Token::Word),
        _ => None,
    }
}

/// Hexadecimal words or bytes: C arrays (what stands in braces, each an own run), or nothing else
/// at all.
pub(super) fn plain(text: &str) -> Result<Vec<Run>, InputError> {
    let braces = text.contains('{');
    let clean = without_comments(text, braces);
    let mut runs: Vec<(usize, Vec<Token>)> = Vec::new();
    let mut depth = 0_usize;
    if !braces {
        runs.push((0, Vec::new()));
    }
    for (n, line) in clean.lines().enumerate() {
        let mut start = None;
        let chars = line.char_indices().chain([(line.len(), ' ')]);
        for (column, (at, c)) in chars.enumerate() {
            let separator =
                c.is_whitespace() || matches!(c, ',' | '{' | '}') || !braces && c == '|';
            if !separator {
                start.get_or_insert((column, at));
                continue;
            }
            if let Some((column, from)) = start.take()
                && (!braces || depth > 0)
            {
                let text = &line[from..at];
                let Some(token) = token(text, braces) else {
                    return Err(InputError(format!(
                        "line {}, column {}: {text:?} is not a hexadecimal word; neither is this a \
                         kernel log with a hex dump of a descriptor",
                        n + 1,
                        column + 1
                    )));
                };
                if let Some((line, tokens)) = runs.last_mut() {
                    if tokens.is_empty() {
                        *line = n + 1;
                    }
                    tokens.push(token);
                }
            }
            match c {
                '{' => {
                    depth += 1;
                    runs.push((n + 1, Vec::new()));
                }
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    }
    runs.retain(|(_, tokens)| !tokens.is_empty());
    Ok(runs.into_iter().map(|(line, tokens)| run(line, &tokens)).collect())
}

/// Tokens of two digits throughout are bytes, in the order of memory.
fn run(line: usize, tokens: &[Token]) -> Run {
    let bytes: Option<Vec<u8>> = tokens
        .iter()
        .map(|token| if let Token::Byte(byte) = token { Some(*byte) } else { None })
        .collect();
    let place = format!("line {line}");
    let word = |token: &Token| match token {
        Token::Word(word) => *word,
        Token::Byte(byte) => u32::from(*byte),
    };
    let words = match bytes {
        Some(bytes) if bytes.len() >= 4 => {
            let (chunks, _) = bytes.as_chunks();
            chunks.iter().map(|chunk| u32::from_le_bytes(*chunk)).collect()
        }
        _ => tokens.iter().map(word).collect(),
    };
    Run { place, words }
}
