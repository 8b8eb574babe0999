//! Which of the interpreter's commands the golden jobs have, as `tests/golden/COVERAGE.md`.
//! `UPDATE_COVERAGE=1 cargo test --test golden_coverage` writes it anew.

mod common;

use caam_emu::descriptors::command::{
    Command, Jump, JumpKind, MathRegister, MoveLength, Operand, Operation, SequenceSource,
};
use common::fixtures;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write};

/// Everything there could be, by kind; what else occurs is added.
const ALL: &[(&str, &[&str])] = &[
    (
        "KEY",
        &[
            "immediate One",
            "immediate Two",
            "pointer One",
            "pointer Two",
            "sequence One",
            "sequence Two",
            "black pointer One",
            "black pointer Two",
            "black immediate One",
            "black immediate Two",
            "black CCM pointer One",
            "black trusted pointer One",
            "immediate Two MdhaSplit",
            "pointer Two MdhaSplit",
            "black pointer Two MdhaSplit",
        ],
    ),
    (
        "LOAD register",
        &[
            "Mode(One)",
            "KeySize(One)",
            "KeySize(Two)",
            "DataSize(One)",
            "DataSize(Two)",
            "IcvSize(One)",
            "IcvSize(Two)",
            "Context(One)",
            "Context(Two)",
            "Key(One)",
            "Key(Two)",
            "AadSize",
            "IvSize",
            "ChaControl",
            "IrqControl",
            "ClearWritten",
            "DecoControl",
            "ProtocolOverride",
            "Math(0)",
            "Math(1)",
            "Math(2)",
            "Math(3)",
            "InfoFifo",
            "InfoFifoSizeFromMath",
            "OutputFifo",
        ],
    ),
    ("LOAD from", &["immediate", "pointer", "table", "sequence", "sequence VLF"]),
    ("STORE register", &["Context(One)", "Context(Two)", "Math(0)", "ProtocolOverride"]),
    ("STORE to", &["pointer", "table", "sequence"]),
    ("FIFO LOAD type", &["NoInfo", "Message", "MessageClass1Out2", "Iv", "Aad", "Icv", "skip"]),
    ("FIFO LOAD class", &["None", "One", "Two", "Both"]),
    (
        "FIFO LOAD action",
        &["none", "FLUSH1", "LAST1", "LAST2", "LAST1 LAST2", "FLUSH1 LAST1", "FLUSH1 LAST1 LAST2"],
    ),
    ("FIFO LOAD from", &["immediate", "pointer", "table", "sequence", "sequence VLF"]),
    (
        "FIFO STORE type",
        &["Message", "Skip", "Metadata", "Rng", "Key { trusted: false }", "Key { trusted: true }"],
    ),
    ("FIFO STORE to", &["pointer", "table", "sequence", "sequence VLF"]),
    (
        "MOVE from",
        &[
            "Context(One)",
            "Context(Two)",
            "OutputFifo",
            "DescriptorBuffer",
            "Math(0)",
            "Math(1)",
            "Math(2)",
            "Math(3)",
            "DecoAlignment",
            "ClassAlignment(One)",
            "ClassAlignment(Two)",
            "Key(One)",
            "Key(Two)",
        ],
    ),
    (
        "MOVE to",
        &[
            "Context(One)",
            "Context(Two)",
            "OutputFifo",
            "DescriptorBuffer",
            "Math(0)",
            "Math(1)",
            "Math(2)",
            "Math(3)",
            "InputFifo(One)",
            "InputFifo(Two)",
            "Key(One)",
            "Key(Two)",
        ],
    ),
    ("MOVE length", &["in the command", "MATH"]),
    (
        "OPERATION",
        &[
            "class 1",
            "class 2",
            "DKP immediate to immediate",
            "DKP pointer to immediate",
            "DKP pointer to pointer",
            "DKP table to table",
            "RSA public",
            "RSA private 1",
            "RSA private 2",
            "RSA private 3",
            "blob encapsulation",
            "blob decapsulation",
        ],
    ),
    (
        "OPERATION class 1 algorithm",
        &[
            "10 AAI 000",
            "10 AAI 010",
            "10 AAI 110",
            "10 AAI 020",
            "10 AAI 120",
            "10 AAI 050",
            "10 AAI 150",
            "10 AAI 060",
            "10 AAI 070",
            "10 AAI 080",
            "10 AAI 090",
            "20 AAI 010",
            "20 AAI 020",
            "20 AAI 090",
            "21 AAI 010",
            "21 AAI 020",
            "50 AAI 000",
            "50 AAI 001",
            "50 AAI 100",
            "d0 AAI 002",
        ],
    ),
    (
        "OPERATION class 2 algorithm",
        &[
            "40 AAI 000",
            "40 AAI 001",
            "40 AAI 004",
            "41 AAI 000",
            "41 AAI 001",
            "41 AAI 004",
            "42 AAI 000",
            "42 AAI 004",
            "43 AAI 000",
            "43 AAI 004",
            "44 AAI 000",
            "44 AAI 004",
            "45 AAI 000",
            "45 AAI 004",
            "e0 AAI 002",
        ],
    ),
    ("OPERATION state", &["Update", "Init", "Finalize", "InitFinal"]),
    ("OPERATION bit 1 (ICV, PR)", &["false", "true"]),
    (
        "JUMP",
        &["Local", "LocalIncrement", "LocalDecrement", "NonLocal", "HaltCondition", "HaltUser"],
    ),
    ("JUMP test", &["AllTrue", "AllFalse", "AnyTrue", "AnyFalse"]),
    (
        "JUMP condition",
        &[
            "none", "MATH N", "MATH Z", "MATH C", "MATH N^V", "PK", "SHRD", "SELF", "JQP", "CALM",
            "NIP", "NIFP", "NOP", "NCP",
        ],
    ),
    ("JUMP waits for class", &["None", "One", "Two", "Both"]),
    (
        "MATH function",
        &[
            "Add",
            "AddCarry",
            "Subtract",
            "SubtractBorrow",
            "Or",
            "And",
            "Xor",
            "ShiftLeft",
            "ShiftRight",
            "ShiftLeftDouble",
            "ZeroByte",
            "ByteSwap",
        ],
    ),
    (
        "MATH source 0",
        &[
            "Math(0)",
            "Math(1)",
            "Math(2)",
            "Math(3)",
            "Immediate",
            "ProtocolOverride",
            "SequenceIn",
            "SequenceOut",
            "VariableIn",
            "VariableOut",
            "Zero",
            "One",
        ],
    ),
    (
        "MATH source 1",
        &[
            "Math(0)",
            "Math(1)",
            "Math(2)",
            "Math(3)",
            "Immediate",
            "ProtocolOverride",
            "VariableIn",
            "VariableOut",
            "InputFifo",
            "OutputFifo",
            "Zero",
            "One",
        ],
    ),
    (
        "MATH destination",
        &[
            "Math(0)",
            "Math(1)",
            "Math(2)",
            "Math(3)",
            "ProtocolOverride",
            "SequenceIn",
            "SequenceOut",
            "VariableIn",
            "VariableOut",
            "None",
        ],
    ),
    ("MATH length", &["1", "2", "4", "8"]),
    ("SEQ IN PTR", &["pointer", "table", "PRE", "RTO"]),
    ("SEQ OUT PTR", &["pointer", "table", "PRE", "RTO"]),
];

type Rows = BTreeMap<&'static str, BTreeMap<String, BTreeSet<String>>>;

fn place(operand: &Operand) -> &'static str {
    match operand {
        Operand::Immediate { .. } => "immediate",
        Operand::Pointer { table: false, .. } => "pointer",
        Operand::Pointer { table: true, .. } => "table",
        Operand::Sequence { variable: false } => "sequence",
        Operand::Sequence { variable: true } => "sequence VLF",
    }
}

fn conditions(jump: &Jump) -> Vec<&'static str> {
    let of_math = ["MATH N^V", "MATH C", "MATH Z", "MATH N", "PK", "PK", "PK", "PK"];
    let of_sharing = ["NCP", "NOP", "NIFP", "NIP", "CALM", "SELF", "SHRD", "JQP"];
    let names = if jump.jsl { of_sharing } else { of_math };
    let set: Vec<_> = (0..8).filter(|n| jump.conditions >> n & 1 != 0).map(|n| names[n]).collect();
    if set.is_empty() { vec!["none"] } else { set }
}

fn operation(op: &Operation, word: u32, note: &mut impl FnMut(&'static str, String)) {
    let form = match op {
        Operation::Class1(a) | Operation::Class2(a) => {
            let first = matches!(op, Operation::Class1(_));
            let kind =
                if first { "OPERATION class 1 algorithm" } else { "OPERATION class 2 algorithm" };
            note(kind, format!("{:02x} AAI {:03x}", a.algorithm, a.aai));
            note("OPERATION state", format!("{:?}", a.state));
            note("OPERATION bit 1 (ICV, PR)", a.icv.to_string());
            if first { "class 1".into() } else { "class 2".into() }
        }
        Operation::DerivedKey(_) => {
            let form = ["immediate", "sequence", "pointer", "table"];
            let (from, to) = (word >> 14 & 3, word >> 12 & 3);
            format!("DKP {} to {}", form[from as usize], form[to as usize])
        }
        Operation::Protocol { kind: 0, id: 0x18, .. } => "RSA public".into(),
        Operation::Protocol { kind: 0, id: 0x19, info } => {
            format!("RSA private {}", (info & 3) + 1)
        }
        Operation::Protocol { kind: 7, id: 0x0d, .. } => "blob encapsulation".into(),
        Operation::Protocol { kind: 6, id: 0x0d, .. } => "blob decapsulation".into(),
        other => format!("{other:?}"),
    };
    note("OPERATION", form);
}

fn math_register(register: MathRegister) -> String {
    format!("{register:?}")
}

fn command(command: &Command, word: u32, note: &mut impl FnMut(&'static str, String)) {
    let text = |value: &dyn Debug| format!("{value:?}");
    match command {
        Command::Key(key) => {
            let mut form = String::new();
            for (set, name) in
                [(key.encrypted, "black "), (key.ccm, "CCM "), (key.trusted, "trusted ")]
            {
                form.push_str(if set { name } else { "" });
            }
            write!(form, "{} {:?}", place(&key.operand), key.class).expect("a string");
            let destination = text(&key.destination);
            if destination != "Register" {
                write!(form, " {destination}").expect("a string");
            }
            note("KEY", form);
        }
        Command::Load(load) => {
            note("LOAD register", text(&load.register));
            note("LOAD from", place(&load.operand).into());
        }
        Command::Store(store) => {
            note("STORE register", text(&store.register));
            note("STORE to", place(&store.operand).into());
        }
        Command::FifoLoad(load) => {
            let skip = text(&load.class) == "None";
            note("FIFO LOAD type", if skip { "skip".into() } else { text(&load.kind) });
            note("FIFO LOAD class", text(&load.class));
            let actions: Vec<&str> =
                [(load.flush1, "FLUSH1"), (load.last1, "LAST1"), (load.last2, "LAST2")]
                    .into_iter()
                    .filter_map(|(set, name)| set.then_some(name))
                    .collect();
            let none = actions.is_empty();
            note("FIFO LOAD action", if none { "none".into() } else { actions.join(" ") });
            note("FIFO LOAD from", place(&load.operand).into());
        }
        Command::FifoStore(store) => {
            note("FIFO STORE type", text(&store.kind));
            note("FIFO STORE to", place(&store.operand).into());
        }
        Command::Move(moves) => {
            note("MOVE from", text(&moves.source));
            note("MOVE to", text(&moves.destination));
            let math = matches!(moves.length, MoveLength::Math(_));
            note("MOVE length", if math { "MATH".into() } else { "in the command".into() });
        }
        Command::Operation(op) => operation(op, word, note),
        Command::Jump(jump) => {
            let kind = if matches!(jump.kind, JumpKind::NonLocal(_)) {
                "NonLocal".into()
            } else {
                text(&jump.kind)
            };
            note("JUMP", kind);
            note("JUMP test", text(&jump.test));
            note("JUMP waits for class", text(&jump.wait));
            conditions(jump).into_iter().for_each(|c| note("JUMP condition", c.into()));
        }
        Command::Math(math) => {
            note("MATH function", text(&math.function));
            note("MATH source 0", math_register(math.source0));
            note("MATH source 1", math_register(math.source1));
            note("MATH destination", math_register(math.destination));
            note("MATH length", math.length.to_string());
        }
        Command::SeqInPtr(pointer) | Command::SeqOutPtr(pointer) => {
            let form = match pointer.source {
                SequenceSource::Pointer { table: false, .. } => "pointer",
                SequenceSource::Pointer { table: true, .. } => "table",
                SequenceSource::Previous => "PRE",
                SequenceSource::Restart => "RTO",
                SequenceSource::Unsupported => "unsupported",
            };
            let input = matches!(command, Command::SeqInPtr(_));
            note(if input { "SEQ IN PTR" } else { "SEQ OUT PTR" }, form.into());
        }
        Command::Signature | Command::Header | Command::Unknown(_) => {
            panic!("no golden job has {command:?}")
        }
    }
}

fn table() -> String {
    let mut rows = Rows::new();
    for (kind, forms) in ALL {
        let known = rows.entry(kind).or_default();
        known.extend(forms.iter().map(|form| ((*form).to_string(), BTreeSet::new())));
    }
    for fixture in fixtures() {
        for shared in [false, true] {
            if shared && !fixture.is_shared() {
                continue;
            }
            let words = fixture.descriptor(shared);
            for (at, each) in fixture.commands(shared) {
                command(&each, words[at], &mut |kind, form| {
                    let forms = rows.entry(kind).or_default();
                    forms.entry(form).or_default().insert(fixture.name.clone());
                });
            }
        }
    }
    let mut out = String::from(
        "# Commands in the golden jobs\n\n\
        Forms of commands that the interpreter knows, and how many golden jobs have them in their\n\
        descriptors. Those that none has stand at the end: unit tests alone try them. The\n\
        direct descriptors that instantiate the RNG are in `tests/golden_algorithms.rs`.\n\n\
        Made by `UPDATE_COVERAGE=1 cargo test --test golden_coverage`, checked by the same test.\n\n\
        | Command | Form | Jobs | One of them |\n|---|---|---|---|\n",
    );
    let mut missing = BTreeMap::<&str, Vec<&str>>::new();
    for (kind, _) in ALL {
        for (form, jobs) in &rows[kind] {
            match jobs.first() {
                Some(job) => {
                    writeln!(out, "| {kind} | {form} | {} | {job} |", jobs.len())
                        .expect("a string");
                }
                None => missing.entry(kind).or_default().push(form),
            }
        }
    }
    out.push_str("\n## In no golden job\n\n");
    for (kind, forms) in missing {
        writeln!(out, "- {kind}: {}", forms.join(", ")).expect("a string");
    }
    out
}

#[test]
fn the_table_is_that_of_the_golden_jobs() {
    let path = common::golden_dir().join("COVERAGE.md");
    let table = table();
    if std::env::var_os("UPDATE_COVERAGE").is_some() {
        std::fs::write(&path, &table).expect("a file to write");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == table, "COVERAGE.md is not up to date: run with UPDATE_COVERAGE=1");
}

/// What the stock driver needs: every one of these forms is in a golden job.
#[test]
fn the_driver_s_commands_are_all_there() {
    let table = table();
    for needed in [
        "KEY | black pointer One",
        "LOAD register | InfoFifoSizeFromMath",
        "LOAD register | DataSize(Two)",
        "FIFO STORE type | Metadata",
        "FIFO STORE type | Key { trusted: false }",
        "FIFO STORE type | Rng",
        "MOVE length | MATH",
        "MOVE from | DecoAlignment",
        "MOVE from | ClassAlignment(One)",
        "MOVE to | InputFifo(Two)",
        "OPERATION | DKP immediate to immediate",
        "OPERATION | DKP pointer to immediate",
        "OPERATION | DKP pointer to pointer",
        "OPERATION | RSA public",
        "OPERATION | blob decapsulation",
        "JUMP condition | NIFP",
        "JUMP condition | NOP",
    ] {
        assert!(table.contains(&format!("| {needed} |")), "{needed}");
    }
}
