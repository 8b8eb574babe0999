//! Autopsies as text, for `caam-emu ctl job`.

use crate::control::autopsy::{Autopsy, Class, Deco, Sequence, Summary, Touch};
use crate::suggest::did_you_mean;
use std::fmt::Write as _;
use std::str::FromStr;

/// Which autopsy is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The last one.
    Last,
    /// All, in short.
    List,
    /// That of this number.
    Number(u64),
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "last" => Ok(Self::Last),
            "list" => Ok(Self::List),
            _ => text.parse().ok().filter(|n| *n > 0).map(Self::Number).ok_or_else(|| {
                format!("last, list or a number from 1{}", did_you_mean(text, &["last", "list"]))
            }),
        }
    }
}

/// All autopsies, a line each.
#[must_use]
pub fn list(all: &[Summary]) -> String {
    if all.is_empty() {
        return "no autopsies\n".into();
    }
    all.iter().map(|s| line(s) + "\n").collect()
}

fn line(summary: &Summary) -> String {
    let Summary { number, ring, job, descriptor, status, meaning, taken_ns } = summary;
    let at = *taken_ns as f64 / 1e9;
    format!(
        "{number:>5}  jr{ring} job {job} at {descriptor}, taken at {at:.6} s: {status} {meaning}"
    )
}

fn sequence(name: &str, left: u32, sequence: Option<&Sequence>) -> String {
    let place = match sequence {
        None => "no sequence".into(),
        Some(Sequence { address, table: None }) => format!("goes on at {address}"),
        Some(Sequence { address, table: Some(table) }) => {
            format!("goes on at {address}, by the table at {table}")
        }
    };
    format!("{name} {left} bytes left; {place}")
}

fn class(number: usize, class: &Class) -> String {
    let Class { mode, key_size, icv_size, carried, processed, done, context } = class;
    let mut text = format!(
        "class {number}: {}; key {key_size} bytes, ICV {icv_size} bytes, message {processed} bytes \
         done and {carried} waiting; {}",
        mode.as_deref().unwrap_or("no mode"),
        if *done { "done" } else { "not done" },
    );
    if let Some(context) = context {
        let _ = write!(text, "\n           context {context}");
    }
    text
}

// Writing to a string cannot fail.
fn deco(out: &mut String, deco: &Deco) {
    let _ = writeln!(out, "\nregisters");
    for (n, value) in deco.math.iter().enumerate() {
        let _ = write!(out, "  MATH{n} {value}");
        if n % 2 == 1 {
            out.push('\n');
        }
    }
    let flags = if deco.flags.is_empty() { "none".into() } else { deco.flags.join(" ") };
    let _ = writeln!(out, "  DPOVRD {}  flags {flags}", deco.dpovrd);
    let _ = writeln!(out, "  {}", sequence("SIL", deco.sil, deco.sequence_in.as_ref()));
    let _ = writeln!(out, "  {}", sequence("SOL", deco.sol, deco.sequence_out.as_ref()));
    let _ = writeln!(out, "  VSIL {}  VSOL {}", deco.vsil, deco.vsol);
    for (n, each) in deco.classes.iter().enumerate() {
        let _ = writeln!(out, "  {}", class(n + 1, each));
    }
    let _ = writeln!(
        out,
        "\ndata\n  output FIFO {} bytes; info FIFO {} entries; {} bytes stored to the output sequence",
        deco.output_fifo, deco.info_entries, deco.stored
    );
    for (what, all, count) in
        [("input", &deco.inputs, deco.input_count), ("output", &deco.outputs, deco.output_count)]
    {
        for transfer in all {
            let _ = writeln!(out, "  {what} not done: {transfer}");
        }
        if count > all.len() {
            let _ = writeln!(out, "  and {} more of {what}", count - all.len());
        }
    }
    let _ = writeln!(
        out,
        "  {} commands, {} table entries, {} bytes moved in and out",
        deco.commands, deco.table_entries, deco.bytes
    );
}

/// One autopsy, all of it.
#[must_use]
pub fn text(autopsy: &Autopsy) -> String {
    let mut out = format!("autopsy {}\n\nstatus\n", line(&autopsy.summary).trim_start());
    for (name, value, meaning) in &autopsy.explanation {
        let _ = writeln!(out, "  {name:<10} {value:>5}  {meaning}");
    }
    let _ = writeln!(out, "  Linux      {}", autopsy.linux);
    if let Some(error) = &autopsy.dma_error {
        let _ = writeln!(out, "  DMA        {error}");
    }
    for fault in &autopsy.faults {
        let _ = writeln!(out, "  a fault rule did this: {fault}");
    }
    if autopsy.descriptors.is_empty() {
        out += "\nno descriptor was executed\n";
    }
    for descriptor in &autopsy.descriptors {
        let _ = write!(
            out,
            "\n{}, from word {}{}\n{}",
            descriptor.kind,
            descriptor.base,
            if autopsy.redacted { " (keys and messages hidden)" } else { "" },
            descriptor.text
        );
    }
    if let Some(at) = autopsy.stopped_at {
        let _ = writeln!(out, "\n> the last command was that of word {at}");
    }
    if let Some(state) = &autopsy.deco {
        deco(&mut out, state);
    }
    let _ = writeln!(out, "\nguest memory: {} accesses", autopsy.accesses);
    let before = autopsy.accesses - autopsy.touched.len() as u64;
    if before > 0 {
        let _ = writeln!(out, "  ({before} before these)");
    }
    for Touch { access, purpose, address, length, failed } in &autopsy.touched {
        let failed = if *failed { "  <- not possible" } else { "" };
        let _ = writeln!(out, "  {access:<5} {address:>18} {length:>6}  {purpose}{failed}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_one() {
        assert_eq!("last".parse(), Ok(Which::Last));
        assert_eq!("list".parse(), Ok(Which::List));
        assert_eq!("17".parse(), Ok(Which::Number(17)));
        for bad in ["", "0", "-1", "first", "1.5"] {
            assert!(bad.parse::<Which>().is_err(), "{bad}");
        }
        assert!("lst".parse::<Which>().unwrap_err().contains("did you mean"));
    }
}
