//! Hex dumps in kernel logs (`print_hex_dump`).

use super::{Found, Input, InputError, Options, Run, place, split, turned};
use crate::descriptors::text::listing::{header_kind, header_length};
use std::collections::HashMap;

/// A dump, put together from its rows.
pub(super) struct Dump {
    title: String,
    line: usize,
    words: Vec<u32>,
    /// Bytes of the widest row: a shorter one ends the dump.
    row: usize,
    open: bool,
}

/// A row of a dump.
struct Row<'t> {
    title: &'t str,
    /// Address or offset.
    at: Option<u64>,
    words: Vec<u32>,
}

/// What a driver calls its dump: without the time stamp and whatever else the log puts before it.
fn title(prefix: &str) -> &str {
    let prefix = prefix.rsplit_once("] ").map_or(prefix, |(_, rest)| rest);
    let prefix = prefix.rsplit_once("kernel: ").map_or(prefix, |(_, rest)| rest);
    let prefix = match prefix.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((level, rest)) if level.bytes().all(|b| b.is_ascii_digit()) => rest,
        _ => prefix,
    };
    prefix.trim_matches([' ', ':'])
}

/// Groups of hex digits, one blank apart; two end them (then come the characters).
fn groups(text: &str) -> Option<Vec<u32>> {
    let hex = text.split("  ").next().unwrap_or_default().trim_end();
    let mut tokens = hex.split(' ').peekable();
    let width = tokens.peek()?.len();
    let (mut words, mut bytes) = (Vec::new(), Vec::new());
    for token in tokens {
        if token.len() != width || !token.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        match width {
            8 => words.push(u32::from_str_radix(token, 16).ok()?),
            2 => bytes.push(u8::from_str_radix(token, 16).ok()?),
            _ => return None,
        }
    }
    if width == 2 {
        // One group of two digits is a number like any other.
        if bytes.len() < 4 {
            return None;
        }
        let (chunks, _) = bytes.as_chunks();
        words = chunks.iter().map(|chunk| u32::from_le_bytes(*chunk)).collect();
    }
    Some(words)
}

fn row(line: &str) -> Option<Row<'_>> {
    for (colon, _) in line.match_indices(": ") {
        let (before, after) = (&line[..colon], &line[colon + 2..]);
        let last = before.rsplit([' ', ':']).next().unwrap_or_default();
        let is_hex = last.bytes().all(|b| b.is_ascii_hexdigit());
        let address = is_hex && matches!(last.len(), 8 | 16);
        // Without an address the title itself comes last: the driver's have an @ and a number.
        let named = last.rsplit_once('@').is_some_and(|(_, number)| {
            !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
        });
        if !(address || named) {
            continue;
        }
        if let Some(words) = groups(after) {
            let prefix = if address { &before[..before.len() - last.len()] } else { before };
            let at = if address { u64::from_str_radix(last, 16).ok() } else { None };
            return Some(Row { title: title(prefix), at, words });
        }
    }
    None
}

/// The dumps in a log, if there are any.
pub(super) fn rows(text: &str) -> Option<Vec<Dump>> {
    let mut dumps: Vec<Dump> = Vec::new();
    // The last one of each title: lines of other CPUs may stand between.
    let mut latest: HashMap<&str, usize> = HashMap::new();
    for (n, line) in text.lines().enumerate() {
        let Some(Row { title, at, words }) = row(line) else { continue };
        let size = words.len() * 4;
        let open = latest.get(title).copied().filter(|dump| dumps[*dump].open && at != Some(0));
        let dump = open.unwrap_or_else(|| {
            let title = title.to_owned();
            dumps.push(Dump { title, line: n + 1, words: Vec::new(), row: size, open: true });
            dumps.len() - 1
        });
        latest.insert(title, dump);
        let dump = &mut dumps[dump];
        dump.words.extend(words);
        dump.open = size >= dump.row && !complete(&dump.words);
    }
    (!dumps.is_empty()).then_some(dumps)
}

/// Addresses tell nothing of a dump's end, as the kernel may print hashes of them; headers do.
fn complete(words: &[u32]) -> bool {
    let first = words.iter().take(1).copied().collect();
    let header = turned(first, None).first().copied().filter(|word| header_kind(*word).is_some());
    header.is_some_and(|header| words.len() >= header_length(header))
}

/// The descriptors among them. Dumps of other things (keys, IVs, tables) are passed over.
pub(super) fn descriptors(dumps: Vec<Dump>, options: &Options<'_>) -> Result<Input, InputError> {
    let mut input = Input::default();
    let others: Vec<String> = dumps.iter().map(|dump| dump.title.clone()).collect();
    for Dump { title, line, words, .. } in dumps {
        let run = format!("line {line}: {title}");
        let words = turned(words, options.order);
        if options.bare {
            input.found.push(Found { place: place(&run, 0), words });
            continue;
        }
        if words.first().is_none_or(|word| header_kind(*word).is_none()) {
            if title.contains("desc") {
                let first = words.first().copied().unwrap_or_default();
                input.problems.push(format!(
                    "{run}: {first:08x} is not the header of a descriptor, in neither byte order"
                ));
            }
            continue;
        }
        let runs = vec![Run { place: run, words }];
        let part = split(runs, &Options { order: Some(super::Order::Little), ..*options })?;
        input.found.extend(part.found);
        input.problems.extend(part.problems);
    }
    if input.found.is_empty() && input.problems.is_empty() {
        return Err(InputError(format!(
            "no descriptor among the {} hex dumps of the log (the first is {:?})",
            others.len(),
            others.first().map_or("", String::as_str),
        )));
    }
    Ok(input)
}
