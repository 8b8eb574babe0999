//! The control protocol: one JSON object a line, each way. `docs/control.md` describes it.

use crate::trace::format::Format;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// Version of the protocol: requests and replies carry it as `v`.
pub const VERSION: u64 = 1;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// All counters.
    Stats {},
    /// A function level reset of the device.
    Reset {},
    /// Adds a fault rule, `KIND:KEY=VALUE,...`.
    FaultAdd {
        /// The rule.
        rule: String,
    },
    /// All fault rules with their counts.
    FaultList {},
    /// Removes one fault rule, or all.
    FaultClear {
        /// The one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Or all.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        all: bool,
    },
    /// The autopsy of a job, the last one or that of a number.
    Job {
        /// The one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<u64>,
    },
    /// All autopsies that are kept, in short.
    Jobs {},
    /// Ends the stall of a ring, or of all.
    Resume {
        /// The one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ring: Option<usize>,
    },
    /// Begins to write a trace.
    TraceStart {
        /// The file, on the emulator's machine, seen from its directory.
        file: String,
        /// What it is written in; without it by the file's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        format: Option<Format>,
        /// Register accesses, too.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        registers: bool,
        /// Most bytes of the file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u64>,
    },
    /// Ends the trace; the file is complete when the reply comes.
    TraceStop {},
    /// The trace that is being written, or the last one.
    TraceStatus {},
}

impl Command {
    /// The values of `do`.
    pub const NAMES: &[&str] = &[
        "stats",
        "reset",
        "fault-add",
        "fault-list",
        "fault-clear",
        "job",
        "jobs",
        "resume",
        "trace-start",
        "trace-stop",
        "trace-status",
    ];

    fn read(object: Map<String, Value>) -> Result<Self, Malformed> {
        match object.get("do") {
            None => Err(Malformed::NoCommand),
            Some(Value::String(name)) if Self::NAMES.contains(&name.as_str()) => {
                let command = name.clone();
                Self::deserialize(Value::Object(object))
                    .map_err(|cause| Malformed::Arguments { command, cause })
            }
            Some(other) => Err(Malformed::Unknown(other.clone())),
        }
    }
}

/// A command, and the name the client gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Comes back with the reply.
    pub id: Value,
    /// What to do.
    pub command: Command,
}

/// Why a line is no request.
#[derive(Debug, Error)]
#[allow(missing_docs)]
pub enum Malformed {
    #[error("not JSON: {0}; a request is one object on one line, like {EXAMPLE}")]
    Syntax(serde_json::Error),
    #[error("not a JSON object; a request is one, like {EXAMPLE}")]
    NotAnObject,
    #[error("\"id\" must be a string, or a whole number of 64 bits")]
    Id,
    #[error("\"v\":{VERSION} is missing: the version of the protocol")]
    NoVersion,
    #[error("\"v\":{0} is not known here; this is version {VERSION} of the protocol")]
    Version(Value),
    #[error("\"do\" is missing: the command; there are {}", Command::NAMES.join(", "))]
    NoCommand,
    #[error("command {0} is not known; there are {list}", list = Command::NAMES.join(", "))]
    Unknown(Value),
    #[error("{command}: {cause}")]
    Arguments { command: String, cause: serde_json::Error },
}

const EXAMPLE: &str = r#"{"v":1,"do":"stats"}"#;

/// A request that could not be understood, with its name as far as it had one.
#[derive(Debug)]
pub struct BadRequest {
    /// Comes back with the reply; null if it is not known.
    pub id: Value,
    /// What is wrong.
    pub cause: Malformed,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// [`BadRequest`].
    pub fn parse(line: &[u8]) -> Result<Self, BadRequest> {
        let bad = |cause| BadRequest { id: Value::Null, cause };
        let mut object = match serde_json::from_slice(line) {
            Ok(Value::Object(object)) => object,
            Ok(_) => return Err(bad(Malformed::NotAnObject)),
            Err(e) => return Err(bad(Malformed::Syntax(e))),
        };
        let id = object.remove("id").unwrap_or(Value::Null);
        let exact = match &id {
            Value::Null | Value::String(_) => true,
            // Any other is read as a fraction of limited precision, and would come back as another.
            Value::Number(number) => number.is_i64() || number.is_u64(),
            _ => false,
        };
        if !exact {
            return Err(bad(Malformed::Id));
        }
        let command = match object.remove("v") {
            None => Err(Malformed::NoVersion),
            Some(v) if v.as_u64() != Some(VERSION) => Err(Malformed::Version(v)),
            Some(_) => Command::read(object),
        };
        match command {
            Ok(command) => Ok(Self { id, command }),
            Err(cause) => Err(BadRequest { id, cause }),
        }
    }

    /// As a line, without its end.
    #[must_use]
    pub fn line(&self) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            v: u64,
            id: &'a Value,
            #[serde(flatten)]
            command: &'a Command,
        }
        json(&Line { v: VERSION, id: &self.id, command: &self.command })
    }
}

/// The reply of a command that was done, as a line without its end.
#[must_use]
pub fn done(id: &Value, result: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Line<'a, T> {
        v: u64,
        id: &'a Value,
        ok: bool,
        result: &'a T,
    }
    json(&Line { v: VERSION, id, ok: true, result })
}

/// The reply of one that was not, as a line without its end.
#[must_use]
pub fn refused(id: &Value, error: &str) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        v: u64,
        id: &'a Value,
        ok: bool,
        error: &'a str,
    }
    json(&Line { v: VERSION, id, ok: false, error })
}

fn json(line: &impl Serialize) -> String {
    // Maps with keys that are no strings are what cannot be written; we have none.
    serde_json::to_string(line).unwrap_or_else(|e| {
        format!(r#"{{"v":{VERSION},"id":null,"ok":false,"error":"internal error: {e}"}}"#)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn requests_are_read_as_they_are_written() {
        for command in [
            Command::Stats {},
            Command::Reset {},
            Command::FaultAdd { rule: "stall:for=20ms,name=\"\n".into() },
            Command::FaultList {},
            Command::FaultClear { name: Some("stall-1".into()), all: false },
            Command::FaultClear { name: None, all: true },
            Command::Resume { ring: None },
            Command::Resume { ring: Some(3) },
            Command::TraceStart {
                file: "/tmp/a b".into(),
                format: None,
                registers: false,
                limit: None,
            },
            Command::TraceStart {
                file: "a".into(),
                format: Some(Format::Jsonl),
                registers: true,
                limit: Some(1 << 20),
            },
            Command::TraceStop {},
            Command::TraceStatus {},
        ] {
            for id in [Value::Null, json!(7), json!("seven"), json!(-7), json!(u64::MAX)] {
                let request = Request { id, command: command.clone() };
                let line = request.line();
                assert!(!line.contains('\n'));
                assert_eq!(Request::parse(line.as_bytes()).unwrap(), request, "{line}");
            }
        }
        assert_eq!(
            Request { id: json!(7), command: Command::Stats {} }.line(),
            r#"{"v":1,"id":7,"do":"stats"}"#
        );
    }

    #[test]
    fn every_command_is_listed() {
        for name in Command::NAMES {
            let line = format!(r#"{{"v":1,"do":"{name}","no-such-argument":0}}"#);
            let message = error(line.as_bytes()).0;
            assert!(message.contains("no-such-argument"), "{name}: {message}");
            // serde lists the commands it knows when it meets one that it does not.
            let unknown = serde_json::from_value::<Command>(json!({ "do": "explode" }));
            assert!(unknown.unwrap_err().to_string().contains(&format!("`{name}`")));
        }
        let unknown = serde_json::from_value::<Command>(json!({ "do": "explode" })).unwrap_err();
        assert_eq!(unknown.to_string().matches('`').count(), 2 + 2 * Command::NAMES.len());
    }

    /// What is wrong with `line`, and the name it gave.
    fn error(line: &[u8]) -> (String, Value) {
        let bad = Request::parse(line).expect_err("a bad line");
        (bad.cause.to_string(), bad.id)
    }

    #[test]
    fn what_is_no_request_is_said_and_its_name_kept() {
        for (line, words, id) in [
            (&b""[..], &["not JSON", r#"{"v":1"#][..], Value::Null),
            (br#"{"v":1,"do":"sta"#, &["not JSON", "EOF"], Value::Null),
            (b"stats", &["not JSON", "column 1"], Value::Null),
            (b"\xff\xfe", &["not JSON"], Value::Null),
            (br#"{"v":1,"id":3,"do":"stats"} {}"#, &["not JSON", "trailing"], Value::Null),
            (b"[1]", &["not a JSON object"], Value::Null),
            (br#"{"v":1,"id":[3],"do":"stats"}"#, &["\"id\""], Value::Null),
            (br#"{"v":1,"id":18446744073709551616,"do":"stats"}"#, &["64 bits"], Value::Null),
            (br#"{"v":1,"id":-1.5,"do":"stats"}"#, &["\"id\""], Value::Null),
            (br#"{"id":3,"do":"stats"}"#, &["\"v\":1 is missing"], json!(3)),
            (br#"{"v":2,"id":3,"do":"stats"}"#, &["\"v\":2", "version 1"], json!(3)),
            (br#"{"v":"1","id":3,"do":"stats"}"#, &["\"v\":\"1\""], json!(3)),
            (br#"{"v":1,"id":3}"#, &["\"do\" is missing", "stats, "], json!(3)),
            (br#"{"v":1,"id":3,"do":4}"#, &["command 4 is not known"], json!(3)),
            (br#"{"v":1,"id":"x","do":"explode"}"#, &["\"explode\"", "stats, "], json!("x")),
            (br#"{"v":1,"id":3,"do":"stats","ring":1}"#, &["stats: ", "`ring`"], json!(3)),
        ] {
            let (message, named) = error(line);
            for word in words {
                assert!(message.contains(word), "{word} is not in: {message}");
            }
            assert_eq!(named, id, "{message}");
        }
    }

    #[test]
    fn nesting_has_a_bound() {
        let line = "[".repeat(super::super::lines::MAX_LINE);
        assert!(error(line.as_bytes()).0.contains("recursion limit"));
    }

    #[test]
    fn replies_carry_the_name_and_the_outcome() {
        assert_eq!(done(&json!(7), &json!([1])), r#"{"v":1,"id":7,"ok":true,"result":[1]}"#);
        assert_eq!(
            refused(&json!("a"), "no \"such\"\nthing"),
            r#"{"v":1,"id":"a","ok":false,"error":"no \"such\"\nthing"}"#
        );
    }

    proptest! {
        /// Neither bytes nor text make it panic, and an error is one line.
        #[test]
        fn any_line_is_a_request_or_an_error(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                r#"\{"v":1,"(id|do|x)":.{0,20}\}"#.prop_map(String::into_bytes),
            ]
        ) {
            if let Err(bad) = Request::parse(&bytes) {
                let reply = refused(&bad.id, &bad.cause.to_string());
                prop_assert!(!reply.contains('\n'));
                prop_assert!(serde_json::from_str::<Value>(&reply).unwrap()["ok"] == false);
            }
        }
    }
}
