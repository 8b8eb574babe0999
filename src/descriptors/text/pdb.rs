//! Protocol data blocks: the words between a header and the commands, by the protocol that the
//! descriptor asks for. Layouts are those of Linux `pdb.h`.

use super::listing::{Line, Listing};
use crate::descriptors::command::{Command, Operation, decode};
use crate::device::soc::SocProfile;

/// A piece of a data block.
#[derive(Debug, Clone, Copy)]
enum Piece {
    /// A word; its fields as name, lowest bit, bits.
    Word(&'static [(&'static str, u32, u32)]),
    /// An address.
    Pointer(&'static str),
}

use Piece::{Pointer, Word};

/// One protocol's block.
#[derive(Debug)]
struct Layout {
    kind: u8,
    id: u8,
    /// These PROTINFO bits select the form.
    form: Option<u16>,
    pieces: &'static [Piece],
}

const RSA_FORM: u16 = 3;

const LAYOUTS: &[Layout] = &[
    Layout {
        kind: 0,
        id: 0x18,
        form: None,
        pieces: &[
            Word(&[("f in table", 31, 1), ("g in table", 30, 1), ("#e", 12, 12), ("#n", 0, 12)]),
            Pointer("f (input)"),
            Pointer("g (output)"),
            Pointer("n (modulus)"),
            Pointer("e (public exponent)"),
            Word(&[("#f", 0, 32)]),
        ],
    },
    Layout {
        kind: 0,
        id: 0x19,
        form: Some(0),
        pieces: &[
            Word(&[("g in table", 31, 1), ("f in table", 30, 1), ("#d", 12, 12), ("#n", 0, 12)]),
            Pointer("g (input)"),
            Pointer("f (output)"),
            Pointer("n (modulus)"),
            Pointer("d (private exponent)"),
        ],
    },
    Layout {
        kind: 0,
        id: 0x19,
        form: Some(1),
        pieces: &[
            Word(&[("g in table", 31, 1), ("f in table", 30, 1), ("#d", 12, 12), ("#n", 0, 12)]),
            Pointer("g (input)"),
            Pointer("f (output)"),
            Pointer("d (private exponent)"),
            Pointer("p"),
            Pointer("q"),
            Pointer("tmp1"),
            Pointer("tmp2"),
            Word(&[("#q", 12, 12), ("#p", 0, 12)]),
        ],
    },
    Layout {
        kind: 0,
        id: 0x19,
        form: Some(2),
        pieces: &[
            Word(&[("g in table", 31, 1), ("f in table", 30, 1), ("#n", 0, 12)]),
            Pointer("g (input)"),
            Pointer("f (output)"),
            Pointer("c (q^-1 mod p)"),
            Pointer("p"),
            Pointer("q"),
            Pointer("dp"),
            Pointer("dq"),
            Pointer("tmp1"),
            Pointer("tmp2"),
            Word(&[("#q", 12, 12), ("#p", 0, 12)]),
        ],
    },
];

/// The protocol that a descriptor asks for first.
fn layout(listing: &Listing, soc: &SocProfile) -> Option<&'static Layout> {
    let operation = listing.lines.iter().filter(|line| line.name == "OPERATION");
    let (kind, id, info) =
        operation.into_iter().find_map(|line| match decode(&line.words, soc).ok()?.command {
            Command::Operation(Operation::Protocol { kind, id, info }) => Some((kind, id, info)),
            _ => None,
        })?;
    LAYOUTS.iter().find(|layout| {
        let form = layout.form.is_none_or(|form| info & RSA_FORM == form);
        (layout.kind, layout.id) == (kind, id) && form
    })
}

/// Names the words of the data block, and puts those of an address into one line.
pub(super) fn explain(listing: &mut Listing, soc: &SocProfile) {
    let Some(layout) = layout(listing, soc) else { return };
    let Some(first) = listing.lines.iter().position(|line| line.name == "PDB") else { return };
    for (at, piece) in (first..).zip(layout.pieces) {
        let words = match piece {
            Word(_) => 1,
            Pointer(_) => soc.pointer.words(),
        };
        let is_block = |line: &Line| line.name == "PDB";
        if !listing.lines.get(at..at + words).is_some_and(|lines| lines.iter().all(is_block)) {
            listing.problem(first, "the protocol's data block is cut short");
            return;
        }
        let more: Vec<Line> = listing.lines.drain(at + 1..at + words).collect();
        let line = &mut listing.lines[at];
        line.words.extend(more.iter().flat_map(|line| &line.words));
        line.data = words;
        line.note = Some(match piece {
            Word(fields) => describe(fields, line.words[0]),
            Pointer(name) => format!("{name} at {:#x}", soc.pointer_from_words(&line.words)),
        });
    }
}

fn describe(fields: &[(&str, u32, u32)], word: u32) -> String {
    let text = fields.iter().filter_map(|(name, low, bits)| {
        let value = word >> low & u32::MAX >> (32 - bits);
        match (bits, value) {
            (1, 0) => None,
            (1, _) => Some((*name).to_owned()),
            _ => Some(format!("{name} = {value}")),
        }
    });
    text.collect::<Vec<_>>().join(", ")
}
