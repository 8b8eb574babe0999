//! A listing as text, which [`super::asm`] reads, and as JSON.

use super::listing::{Item, Line, Listing, Value};
use serde_json::{Map, Value as Json, json};
use std::fmt::Write as _;

/// How a listing is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// Keys and messages are left out. Such a listing cannot be assembled.
    pub redacted: bool,
    /// This word is where something happened.
    pub marked: Option<usize>,
    /// The first word's number: that of the descriptor in the buffer.
    pub base: usize,
}

/// Column of the remarks.
const REMARKS: usize = 76;
/// Words of data a line.
const DATA: usize = 4;

fn target(index: usize) -> String {
    format!("L{index}")
}

fn value(value: &Value) -> String {
    match value {
        Value::Set => String::new(),
        Value::Number(n) => n.to_string(),
        Value::Hex(bits) => format!("{bits:#x}"),
        Value::Name(name) => name.to_string(),
        Value::Target(index) => target(*index),
    }
}

pub(super) fn item(item: &Item) -> String {
    match &item.value {
        Value::Set => item.name.to_owned(),
        other => format!("{}={}", item.name, value(other)),
    }
}

/// Writing to a string cannot fail.
fn line(out: &mut String, left: &str, remark: &str) {
    let _ = writeln!(out, "{left:<REMARKS$} ; {remark}");
}

fn hex(words: &[u32]) -> String {
    words.iter().map(|word| format!("{word:08x}")).collect::<Vec<_>>().join(" ")
}

impl Line {
    fn text(&self, out: &mut String, style: &Style) {
        let label = if self.target { target(self.index) + ":" } else { String::new() };
        let mark = if style.marked == Some(self.index) { ">" } else { "" };
        let lead = format!("{mark}{label}");
        let hidden = style.redacted && self.secret && self.data > 0;
        let mut remark = format!("{:2}", style.base + self.index);
        let note = self.note.iter().map(|note| format!("  {note}")).collect::<String>();
        if self.data == self.words.len() {
            let data = if hidden { "(hidden)".into() } else { hex(self.data_words()) };
            line(out, &format!("{lead:<6} {:<15} {data}", self.name), &(remark + &note));
            return;
        }
        let items: Vec<_> = self.items.iter().map(item).collect();
        let _ = write!(remark, ": {:08x}{note}", self.words[0]);
        line(out, &format!("{lead:<6} {:<15} {}", self.name, items.join(" ")), &remark);
        let first = self.index + self.words.len() - self.data;
        let index = |n: usize| format!("{:2}", style.base + first + n);
        if hidden {
            let hidden = format!("({} bytes, hidden)", self.data * 4);
            line(out, &format!("{:<8} {:<13} {hidden}", "", "data"), &index(0));
        } else {
            for (n, words) in self.data_words().chunks(DATA).enumerate() {
                line(out, &format!("{:<8} {:<13} {}", "", "data", hex(words)), &index(n * DATA));
            }
        }
    }

    fn json(&self, style: &Style) -> Json {
        let mut fields = Map::new();
        for Item { name, value: v } in &self.items {
            fields.insert(
                (*name).to_owned(),
                match v {
                    Value::Set => Json::Bool(true),
                    Value::Number(n) => json!(n),
                    other => Json::String(value(other)),
                },
            );
        }
        let words = |words: &[u32]| -> Json {
            words.iter().map(|word| format!("{word:08x}")).collect::<Vec<_>>().into()
        };
        let hidden = style.redacted && self.secret && self.data > 0;
        let shown = self.words.len() - if hidden { self.data } else { 0 };
        let mut object = Map::new();
        object.insert("index".into(), (style.base + self.index).into());
        object.insert("name".into(), self.name.into());
        object.insert("fields".into(), fields.into());
        object.insert("words".into(), words(&self.words[..shown]));
        if hidden {
            object.insert("hidden_words".into(), self.data.into());
        } else if self.data > 0 && self.data < self.words.len() {
            object.insert("data".into(), words(self.data_words()));
        }
        if self.target {
            object.insert("label".into(), target(self.index).into());
        }
        if let Some(note) = &self.note {
            object.insert("note".into(), note.as_str().into());
        }
        if style.marked == Some(self.index) {
            object.insert("stopped_here".into(), true.into());
        }
        object.into()
    }
}

impl Listing {
    /// As text. Without redaction, the assembler makes the same words of it.
    #[must_use]
    pub fn text(&self, style: &Style) -> String {
        let mut out = String::new();
        for line in &self.lines {
            line.text(&mut out, style);
        }
        if self.end_is_target {
            let _ = writeln!(out, "{}:", target(self.length()));
        }
        out
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self, style: &Style) -> Json {
        let problems: Vec<_> = self
            .problems
            .iter()
            .map(|p| json!({ "index": style.base + p.index, "what": p.what }))
            .collect();
        json!({
            "kind": self.kind.name(),
            "length": self.length(),
            "commands": self.lines.iter().map(|line| line.json(style)).collect::<Vec<_>>(),
            "problems": problems,
        })
    }
}
