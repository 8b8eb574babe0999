//! How an event is written: its text, then what it is about as ` key=value`, all on one line.

use log::Record;
use log::kv::{Error, Key, Value, VisitSource, VisitValue};
use std::fmt::{self, Display, Formatter, Write};

/// A number in hexadecimal with `0x`, for a key's value.
#[derive(Debug, Clone, Copy)]
pub struct Hex(pub u64);

impl Display for Hex {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// What stands behind the time and the level.
#[derive(Debug)]
pub struct Line<'a>(pub &'a Record<'a>);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(OneLine(f), "{}", self.0.args())?;
        self.0.key_values().visit(&mut Pairs(f)).map_err(|_| fmt::Error)
    }
}

/// Passes text on without what would end the line, or work the terminal.
struct OneLine<'a, 'b>(&'a mut Formatter<'b>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            c if c.is_control() => write!(self.0, "{}", c.escape_default()),
            c => self.0.write_char(c),
        })
    }
}

struct Pairs<'a, 'b>(&'a mut Formatter<'b>);

impl<'kvs> VisitSource<'kvs> for Pairs<'_, '_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        value.visit(Pair(self.0, key.as_str()))
    }
}

/// A key for what comes.
struct Pair<'a, 'b, 'c>(&'a mut Formatter<'b>, &'c str);

impl<'v> VisitValue<'v> for Pair<'_, '_, '_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
        let text = value.to_string();
        // With blanks, quotes show where it ends.
        let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '"';
        if !text.is_empty() && text.chars().all(plain) {
            write!(self.0, " {}={text}", self.1)?;
        } else {
            write!(self.0, " {}={text:?}", self.1)?;
        }
        Ok(())
    }

    /// What is not known is not said.
    fn visit_null(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::kv::Source;

    fn line(text: &str, pairs: &dyn Source) -> String {
        // The arguments live as long as the call.
        let shown =
            |args| Line(&Record::builder().args(args).key_values(pairs).build()).to_string();
        shown(format_args!("{text}"))
    }

    #[test]
    fn text_then_pairs() {
        let pairs: &[(&str, Value<'_>)] = &[
            ("ring", Value::from(2)),
            ("alg", Value::null()),
            ("status", Value::from("0x2000001a")),
            ("error", Value::from("no such file")),
            ("rule", Value::from("stall:for=2ms")),
            ("empty", Value::from("")),
        ];
        assert_eq!(
            line("job failed", &pairs),
            r#"job failed ring=2 status=0x2000001a error="no such file" rule=stall:for=2ms empty="""#
        );
    }

    #[test]
    fn an_event_is_a_line_whatever_is_in_it() {
        let pairs: &[(&str, Value<'_>)] = &[("name", Value::from("a\nb\x1b[31m\"c"))];
        let shown = line("first\nsecond\x07", &pairs);
        assert_eq!(shown, r#"first\nsecond\u{7} name="a\nb\u{1b}[31m\"c""#);
        assert!(!shown.contains(char::is_control));
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(Hex(0x41f3_a000).to_string(), "0x41f3a000");
    }
}
