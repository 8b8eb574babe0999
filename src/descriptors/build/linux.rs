//! What Linux 6.1's `caam` driver builds for its AES algorithms: shared descriptors
//! (`caamalg_desc.c`), job descriptors and tables (`caamalg.c`).

use super::{Assembler, Segment, entry, place};
use crate::crypto::Direction;
use crate::device::soc::SocProfile;
use crate::memory::{GuestMemory, Purpose};

/// The skcipher algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    /// `ecb(aes)`.
    Ecb,
    /// `cbc(aes)`.
    Cbc,
    /// `ctr(aes)`.
    Ctr,
    /// `rfc3686(ctr(aes))`; the key ends with the 4-byte nonce.
    Rfc3686,
    /// `xts(aes)`.
    Xts,
}

impl Cipher {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ecb, Self::Cbc, Self::Ctr, Self::Rfc3686, Self::Xts];

    /// Bytes of a request's IV.
    #[must_use]
    pub fn iv_bytes(self) -> usize {
        match self {
            Self::Ecb => 0,
            Self::Rfc3686 => 8,
            Self::Cbc | Self::Ctr | Self::Xts => 16,
        }
    }

    /// The OPERATION's AAI field, in place.
    fn mode(self) -> u32 {
        match self {
            Self::Ecb => 0x200,
            Self::Cbc => 0x100,
            Self::Ctr | Self::Rfc3686 => 0,
            Self::Xts => 0x500,
        }
    }

    /// Where the IV goes in the class 1 context: (offset, length) pairs.
    fn iv_places(self) -> &'static [(u32, u32)] {
        match self {
            Self::Ecb => &[],
            Self::Cbc => &[(0, 16)],
            Self::Ctr => &[(16, 16)],
            Self::Rfc3686 => &[(20, 8)],
            Self::Xts => &[(0x20, 8), (0x30, 8)],
        }
    }
}

/// The AEAD algorithms of the GCM family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aead {
    /// `gcm(aes)`.
    Gcm,
    /// `rfc4106(gcm(aes))`; the key ends with the 4-byte salt, the AAD with the IV.
    Rfc4106,
    /// `rfc4543(gcm(aes))`; likewise.
    Rfc4543,
}

impl Aead {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Gcm, Self::Rfc4106, Self::Rfc4543];

    /// Bytes of a request's IV.
    #[must_use]
    pub fn iv_bytes(self) -> usize {
        if self == Self::Gcm { 12 } else { 8 }
    }
}

/// JUMP if SHRD; its offset is still to be set.
const JUMP_SHARED: u32 = 0xa100_4000;
const JUMP_ALWAYS: u32 = 0xa000_0000;
const JUMP_ZERO: u32 = 0xa000_0400;
/// KEY class 1.
const KEY: u32 = 0x0200_0000;
const OPERATION: u32 = 0x8210_0000;
/// SEQ FIFO LOADs and STOREs of variable length.
const LOAD_AAD_FLUSH: u32 = 0x2b31_0000;
const LOAD_AAD_LAST: u32 = 0x2b32_0000;
const LOAD_TEXT_FLUSH: u32 = 0x2b11_0000;
const LOAD_TEXT_LAST: u32 = 0x2b12_0000;
const STORE_TEXT: u32 = 0x6930_0000;
const STORE_SKIP: u32 = 0x693f_0000;
/// SEQ FIFO LOAD class 1 ICV LAST1.
const LOAD_ICV: u32 = 0x2a3a_0000;
/// SEQ LOAD and SEQ STORE of the class 1 context.
const LOAD_CONTEXT: u32 = 0x1a20_0000;
const STORE_CONTEXT: u32 = 0x5a20_0000;
/// MATH, 4 bytes: VSOL = SIL + MATH0 and so on.
const VSOL_SIL_PLUS_R0: u32 = 0xa808_0b04;
const VSIL_SIL_PLUS_R0: u32 = 0xa808_0a04;
const VSOL_SIL_MINUS_R0: u32 = 0xa828_0b04;
const VSIL_SIL_MINUS_R0: u32 = 0xa828_0a04;
const VSOL_SOL_MINUS_R0: u32 = 0xa829_0b04;
const VSIL_SOL_MINUS_R0: u32 = 0xa829_0a04;
const VSOL_SIL_MINUS_R3: u32 = 0xa828_3b04;
const VSIL_SOL_MINUS_R3: u32 = 0xa829_3a04;
const VSIL_R3: u32 = 0xa80c_3a04;
const VSOL_R3: u32 = 0xa80c_3b04;

fn encrypts(direction: Direction) -> bool {
    direction == Direction::Encrypt
}

/// Starts a shared descriptor: the key part, which SHRD jumps over.
fn start<'a>(soc: &'a SocProfile, save_context: bool, key: &[u8]) -> (Assembler<'a>, usize) {
    let mut d = Assembler::shared(soc, save_context);
    let jump = d.word(JUMP_SHARED);
    d.immediate(KEY, key);
    (d, jump)
}

/// The shared descriptor of a skcipher.
///
/// # Panics
/// If an RFC 3686 key has no nonce.
#[must_use]
pub fn skcipher_shared(
    soc: &SocProfile,
    cipher: Cipher,
    direction: Direction,
    key: &[u8],
) -> Vec<u32> {
    let nonce_bytes = if cipher == Cipher::Rfc3686 { 4 } else { 0 };
    let (aes_key, nonce) = key.split_at(key.len() - nonce_bytes);
    let (mut d, jump) = start(soc, true, aes_key);
    if cipher == Cipher::Rfc3686 {
        // LOAD output FIFO, MOVE from there to the context at 16
        d.immediate(0x107e_0000, nonce).words(&[0x7920_1004]);
    }
    if cipher == Cipher::Xts {
        d.immediate(0x1220_2800, &0x8000_u64.to_be_bytes());
    }
    d.land(jump);
    for (offset, length) in cipher.iv_places() {
        d.word(LOAD_CONTEXT | offset << 8 | length);
    }
    if cipher == Cipher::Rfc3686 {
        d.immediate(0x1220_1c00, &1_u32.to_be_bytes());
    }
    let operation = OPERATION | cipher.mode();
    match (direction, cipher) {
        (Direction::Encrypt, Cipher::Xts) => _ = d.word(operation | 0xd),
        (Direction::Encrypt, _) => _ = d.word(operation | 5),
        (Direction::Decrypt, Cipher::Ctr | Cipher::Rfc3686) => _ = d.word(operation | 4),
        (Direction::Decrypt, _) => {
            // with SHRD, the key register holds the decrypt schedule
            let to_dk = d.word(JUMP_SHARED);
            d.word(operation | 4);
            let over = d.word(JUMP_ALWAYS);
            d.land(to_dk).word(operation | 4 | 0x1000);
            d.land(over);
        }
    }
    d.words(&[VSOL_SIL_PLUS_R0, VSIL_SIL_PLUS_R0, LOAD_TEXT_LAST, STORE_TEXT]);
    for (offset, length) in cipher.iv_places() {
        d.word(STORE_CONTEXT | offset << 8 | length);
    }
    d.finish()
}

/// The shared descriptor of an AEAD. `key` without the salt.
#[must_use]
pub fn aead_shared(
    soc: &SocProfile,
    aead: Aead,
    direction: Direction,
    key: &[u8],
    tag_bytes: u32,
) -> Vec<u32> {
    let (mut d, jump) = start(soc, false, key);
    d.land(jump);
    // GCM, init+final; decryption checks the ICV
    d.word(OPERATION | if encrypts(direction) { 0x90d } else { 0x90e });
    match (aead, direction) {
        (Aead::Gcm, Direction::Encrypt) => gcm_encrypt(&mut d),
        (Aead::Gcm, Direction::Decrypt) => gcm_decrypt(&mut d),
        (Aead::Rfc4106, Direction::Encrypt) => rfc4106_encrypt(&mut d),
        (Aead::Rfc4106, Direction::Decrypt) => rfc4106_decrypt(&mut d),
        (Aead::Rfc4543, _) => rfc4543(&mut d, direction),
    }
    d.word(tag_bytes | if encrypts(direction) { STORE_CONTEXT } else { LOAD_ICV });
    d.finish()
}

fn gcm_encrypt(d: &mut Assembler<'_>) {
    d.word(VSOL_SIL_MINUS_R0);
    let nothing = d.word(JUMP_ZERO);
    d.word(VSIL_R3);
    let no_aad = d.word(JUMP_ZERO);
    d.words(&[VSOL_R3, STORE_SKIP, VSOL_SIL_MINUS_R3]);
    let no_text = d.word(JUMP_ZERO);
    d.word(LOAD_AAD_FLUSH);
    d.land(no_aad).words(&[VSIL_SIL_MINUS_R0, STORE_TEXT, LOAD_TEXT_LAST, JUMP_ALWAYS | 2]);
    d.land(no_text).word(LOAD_AAD_LAST);
    d.land(nothing);
}

fn gcm_decrypt(d: &mut Assembler<'_>) {
    d.word(VSIL_R3);
    let no_aad = d.word(JUMP_ZERO);
    d.words(&[VSOL_R3, STORE_SKIP, LOAD_AAD_FLUSH]);
    d.land(no_aad).word(VSIL_SOL_MINUS_R0);
    let no_text = d.word(JUMP_ZERO);
    d.words(&[VSOL_SOL_MINUS_R0, STORE_TEXT, LOAD_TEXT_FLUSH]);
    d.land(no_text);
}

/// VSIL = MATH3 - 8: the AAD without the IV at its end.
const AAD_WITHOUT_IV: [u32; 2] = [0xa823_4a04, 8];
/// SEQ FIFO LOAD class 0, 8 bytes: the IV is skipped.
const SKIP_IV: u32 = 0x2800_0008;

fn rfc4106_encrypt(d: &mut Assembler<'_>) {
    d.words(&AAD_WITHOUT_IV).words(&[VSOL_R3, STORE_SKIP, VSOL_SIL_MINUS_R3]);
    let no_text = d.word(JUMP_ZERO);
    // a store of nothing, then VSIL = VSOL + MATH0
    d.words(&[LOAD_AAD_FLUSH, 0x6830_0000, SKIP_IV, 0xa80b_0a04, STORE_TEXT, LOAD_TEXT_LAST]);
    let over = d.word(JUMP_ALWAYS);
    d.land(no_text).word(LOAD_AAD_LAST);
    d.land(over);
}

fn rfc4106_decrypt(d: &mut Assembler<'_>) {
    d.words(&AAD_WITHOUT_IV).words(&[VSOL_R3, LOAD_AAD_FLUSH, SKIP_IV, VSIL_SOL_MINUS_R3]);
    // a load of nothing
    d.words(&[0x2a10_0000, STORE_SKIP, VSOL_SOL_MINUS_R0, STORE_TEXT, LOAD_TEXT_FLUSH]);
}

/// All input is AAD and copied to the output, by a MOVE whose length is patched in.
fn rfc4543(d: &mut Assembler<'_>, direction: Direction) {
    let (r3, vsil, vsol) = if encrypts(direction) {
        (0xa828_0304, VSIL_SIL_MINUS_R0, VSOL_SIL_MINUS_R0)
    } else {
        (0xa829_0304, VSIL_SOL_MINUS_R0, VSOL_SOL_MINUS_R0)
    };
    d.word(r3);
    // descriptor to MATH3, 6 bytes; MATH3 to descriptor, 8 bytes
    let from = d.word(0x7837_0006);
    let to = d.word(0x7973_0008);
    d.words(&[vsil, vsol, STORE_TEXT]);
    // both classes AAD; LAST1 only if no ICV follows
    d.word(if encrypts(direction) { 0x2f36_0000 } else { 0x2f35_0000 });
    d.aim(from).aim(to);
    // no automatic info FIFO entries; class 2 alignment block to output FIFO, length 0 as yet
    d.words(&[0x1686_0800, 0x7892_0000]);
    if !encrypts(direction) {
        d.word(0x1686_0400);
    }
}

/// What a request is made of. Segments are cut to what the driver maps.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The input: text for a cipher; AAD, text and (decrypting) tag for an AEAD.
    pub source: &'a [Segment],
    /// The output; `None` for in place.
    pub destination: Option<&'a [Segment]>,
    /// The IV.
    pub iv: &'a [u8],
}

fn sum(segments: &[Segment]) -> u32 {
    segments.iter().map(|s| s.1).sum()
}

/// Entries for `segments`, as far as `length` bytes go.
fn entries(soc: &SocProfile, segments: &[Segment], mut length: u32, last: bool) -> Vec<[u32; 4]> {
    let mut all = Vec::new();
    for &(address, n) in segments {
        if length == 0 {
            break;
        }
        let n = n.min(length);
        length -= n;
        all.push(entry(soc, (address, n), last && length == 0));
    }
    all
}

/// Bytes of a table entry.
const ENTRY: u64 = 16;

/// A skcipher's job descriptor and its tables, which are to stand at `tables`; the IV is to
/// stand at `iv_at`.
#[must_use]
pub fn skcipher_job(
    soc: &SocProfile,
    (shared_at, shared_words): (u64, usize),
    tables: u64,
    iv_at: u64,
    request: &Request<'_>,
) -> (Vec<u32>, Vec<[u32; 4]>) {
    let iv = request.iv.len() as u32;
    let text = sum(request.source);
    let source_table = iv > 0 || request.source.len() > 1;
    let mut table = Vec::new();
    if source_table {
        table.extend(entries(soc, &[(iv_at, iv)], iv, false));
        table.extend(entries(soc, request.source, text, false));
    }
    let (out_at, out_table) = match request.destination {
        None if source_table => (tables + if iv > 0 { ENTRY } else { 0 }, true),
        None => (request.source[0].0, false),
        Some([only]) if iv == 0 => (only.0, false),
        Some(segments) => {
            let at = tables + table.len() as u64 * ENTRY;
            table.extend(entries(soc, segments, text, false));
            (at, true)
        }
    };
    if iv > 0 {
        table.extend(entries(soc, &[(iv_at, iv)], iv, false));
    }
    // F is on the output's last entry, if the output has a table that is more than the input's
    let apart = request.destination.is_some_and(|d| d.len() > 1);
    if (iv > 0 || apart)
        && let Some(last) = table.last_mut()
    {
        last[2] |= 1 << 30;
    }
    let in_at = if source_table { tables } else { request.source[0].0 };
    let mut job = Assembler::job_sharing(soc, shared_at, shared_words);
    job.sequence_in(in_at, text + iv, source_table);
    job.sequence_out(out_at, text + iv, out_table);
    (job.finish(), table)
}

/// An AEAD request beyond what [`Request`] holds.
#[derive(Debug, Clone, Copy)]
pub struct AeadRequest<'a> {
    /// Which.
    pub aead: Aead,
    /// Which way.
    pub direction: Direction,
    /// The 4 bytes at the end of the key; empty for GCM.
    pub salt: &'a [u8],
    /// Bytes of AAD at the start of the source (and, unwritten, of the destination).
    pub aad: u32,
    /// Bytes of text, without the tag.
    pub text: u32,
    /// Bytes of the tag.
    pub tag: u32,
}

/// An AEAD's job descriptor and its tables, which are to stand at `tables`.
#[must_use]
pub fn aead_job(
    soc: &SocProfile,
    (shared_at, shared_words): (u64, usize),
    tables: u64,
    what: &AeadRequest<'_>,
    request: &Request<'_>,
) -> (Vec<u32>, Vec<[u32; 4]>) {
    let encrypt = encrypts(what.direction);
    let plain = what.aad + what.text;
    let (in_bytes, out_bytes) =
        if encrypt { (plain, plain + what.tag) } else { (plain + what.tag, plain) };
    let in_place = request.destination.is_none();
    let mut table = Vec::new();
    let many = request.source.len() > 1;
    if many {
        // In place, the source's table reaches as far as the output does.
        let reach = if in_place { plain + what.tag } else { in_bytes };
        table.extend(entries(soc, request.source, reach, true));
    }
    let first = |segments: &[Segment]| segments.first().map_or(0, |s| s.0);
    let in_at = if many { tables } else { first(request.source) };
    let (out_at, out_table) = match request.destination {
        None => (in_at, many),
        Some(segments) if segments.len() <= 1 => (first(segments), false),
        Some(segments) => {
            let at = tables + table.len() as u64 * ENTRY;
            table.extend(entries(soc, segments, out_bytes, true));
            (at, true)
        }
    };
    let mut job = Assembler::job_sharing(soc, shared_at, shared_words);
    job.sequence_in(in_at, in_bytes, many);
    job.sequence_out(out_at, out_bytes, out_table);
    // MATH3 = 0 + AAD bytes
    job.words(&[0xa80c_4304, what.aad]);
    // FIFO LOAD class 1 IV FLUSH1; LAST1 if nothing follows
    let last = encrypt && what.aead == Aead::Gcm && plain == 0;
    let iv = [what.salt, request.iv].concat();
    job.immediate(0x2221_0000 | u32::from(last) << 17, &iv);
    (job.finish(), table)
}

/// Places job, shared descriptor, tables and IV in one KiB or so of memory at `at`; returns the
/// job descriptor's address. Linux keeps them like this, too.
///
/// # Panics
/// If they do not fit there.
pub fn place_skcipher(
    memory: &impl GuestMemory,
    soc: &SocProfile,
    at: u64,
    shared: &[u32],
    request: &Request<'_>,
) -> u64 {
    let (shared_at, iv_at, tables) = (at + 0x100, at + 0x200, at + 0x240);
    let (job, table) = skcipher_job(soc, (shared_at, shared.len()), tables, iv_at, request);
    place(memory, soc, at, &job);
    place(memory, soc, shared_at, shared);
    place(memory, soc, tables, table.as_flattened());
    memory.write(Purpose::Output, iv_at, request.iv).expect("memory for the IV");
    at
}

/// Like [`place_skcipher`], for an AEAD.
///
/// # Panics
/// If they do not fit there.
pub fn place_aead(
    memory: &impl GuestMemory,
    soc: &SocProfile,
    at: u64,
    shared: &[u32],
    what: &AeadRequest<'_>,
    request: &Request<'_>,
) -> u64 {
    let (shared_at, tables) = (at + 0x100, at + 0x200);
    let (job, table) = aead_job(soc, (shared_at, shared.len()), tables, what, request);
    place(memory, soc, at, &job);
    place(memory, soc, shared_at, shared);
    place(memory, soc, tables, table.as_flattened());
    at
}
