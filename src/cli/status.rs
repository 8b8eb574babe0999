//! `caam-emu status`: status words explained.

use crate::descriptors::status::JobStatus;
use crate::descriptors::status_names::{self, CHA_ERRORS, CHAS, DECO_ERRORS};
use crate::descriptors::status_text::{Explanation, explain};
use crate::suggest::did_you_mean;
use clap::Args;
use std::fmt::Write as _;
use std::io::Write as _;
use thiserror::Error;

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Status words: 0x2000001a, 2000001a, 536870938, or names: ccb/aes/icv-check, deco/dma
    #[arg(value_name = "WORD", required = true)]
    words: Vec<String>,

    /// Print JSON: an array of explanations
    #[arg(long)]
    json: bool,
}

/// What is no status word.
#[derive(Debug, Error)]
#[error("{word:?} is not a status word: {why}")]
pub struct Error {
    word: String,
    why: String,
}

/// A status word as people have it. Eight digits without a prefix are hexadecimal, as in the
/// driver's messages; fewer or more are decimal.
fn parse(text: &str) -> Result<JobStatus, Error> {
    let error = |why: String| Error { word: text.to_owned(), why };
    if text.contains('/') || text == "ok" {
        let known = if text == "ok" { Some(JobStatus::OK) } else { status_names::parse(text) };
        return known.ok_or_else(|| error(format!("there is no such name{}", nearest(text))));
    }
    let digits = text.replace('_', "");
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let hex = hex.or_else(|| (digits.len() == 8).then_some(&digits));
    let good = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_hexdigit());
    let value = match hex {
        Some(hex) if good(hex) => u64::from_str_radix(hex, 16).ok(),
        None if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok(),
        _ => None,
    };
    match value {
        Some(value) => u32::try_from(value)
            .map(JobStatus)
            .map_err(|_| error("it has more than 32 bits".into())),
        None if digits.len() > 8 && good(hex.unwrap_or_default()) => {
            Err(error("it has more than 32 bits".into()))
        }
        None => Err(error(
            "give it as 0x2000001a, as 8 hexadecimal digits, as a decimal number, or by name \
             (ccb/aes/icv-check, deco/dma, jump-user/7)"
                .into(),
        )),
    }
}

/// The likeliest name, as the end of a message.
fn nearest(text: &str) -> String {
    let ccb = CHAS
        .iter()
        .flat_map(|(cha, _)| CHA_ERRORS.iter().map(move |(error, _)| format!("ccb/{cha}/{error}")));
    let deco = DECO_ERRORS.iter().map(|(error, _)| format!("deco/{error}"));
    let known: Vec<String> = ccb.chain(deco).collect();
    did_you_mean(text, &known.iter().map(String::as_str).collect::<Vec<_>>())
}

/// As text.
#[must_use]
pub fn text(explanation: &Explanation) -> String {
    let Explanation { status, name, fields, errno, linux } = explanation;
    let mut text = format!("{status}  {name}\n");
    for field in fields {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {:<10} {:>5}  {:#4x}  {}",
            field.name, field.bits, field.value, field.meaning
        );
    }
    text + &format!("  Linux      {errno}: {linux}\n")
}

impl StatusArgs {
    /// Explains all words that are some.
    ///
    /// # Errors
    /// [`enum@Error`]: the first one that is none. The others have been explained.
    pub fn run(&self) -> Result<(), Error> {
        let (mut good, mut bad) = (Vec::new(), None);
        for word in &self.words {
            match parse(word) {
                Ok(status) => good.push(explain(status)),
                Err(error) => {
                    bad.get_or_insert(error);
                }
            }
        }
        let shown = if self.json {
            let json = serde_json::to_string_pretty(&good);
            json.unwrap_or_else(|e| format!("internal error: {e}")) + "\n"
        } else {
            good.iter().map(text).collect::<Vec<_>>().join("\n")
        };
        // Nobody has to read it to the end.
        let _ = std::io::stdout().write_all(shown.as_bytes());
        bad.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_people_have_them() {
        for text in ["0x2000001a", "2000001a", "0x2000_001A", "536870938", "ccb/aes/icv-check"] {
            assert_eq!(parse(text).unwrap(), JobStatus(0x2000_001a), "{text}");
        }
        assert_eq!(parse("0").unwrap(), JobStatus::OK);
        assert_eq!(parse("ok").unwrap(), JobStatus::OK);
    }

    #[test]
    fn what_is_none_is_refused() {
        for (text, why) in [
            ("", "give it as"),
            ("0x", "give it as"),
            ("hello", "give it as"),
            ("-1", "give it as"),
            ("0x2000001g", "give it as"),
            ("0x123456789", "more than 32 bits"),
            ("0x11112222333344445555", "more than 32 bits"),
            ("4294967296", "more than 32 bits"),
            ("ccb/aes/icv-chekc", "did you mean 'ccb/aes/icv-check'?"),
            ("deco/watchdgo", "did you mean 'deco/watchdog'?"),
            ("a/b", "no such name"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
