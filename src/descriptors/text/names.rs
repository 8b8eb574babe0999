//! Names of the codes in descriptor commands.
//!
//! What a code means is asked of the decoder wherever it tells codes apart, so that a listing
//! cannot say one thing and the DECO do another. Codes that this device does not have still have
//! their names here (Linux `desc.h`, DPDK's RTA): a listing may be of another device's descriptor.

use crate::descriptors::command::{
    Class, ClassNumber, MathRegister, Place, Register, math_destination, math_source0,
    math_source1, moves,
};
use std::borrow::Cow;

/// A name, if the code in the word has one.
pub type Label = Option<Cow<'static, str>>;

const fn field(word: u32, low: u32, bits: u32) -> u32 {
    word >> low & ((1 << bits) - 1)
}

fn find(table: &[(u32, &'static str)], code: u32) -> Label {
    table.iter().find(|(c, _)| *c == code).map(|(_, name)| (*name).into())
}

fn class_number(class: ClassNumber) -> u8 {
    match class {
        ClassNumber::One => 1,
        ClassNumber::Two => 2,
    }
}

/// CLASS of commands that mean CHAs.
pub fn class(word: u32) -> Label {
    find(&[(1, "1"), (2, "2"), (3, "1+2")], field(word, 25, 2))
}

/// CLASS of LOAD and STORE.
pub fn register_class(word: u32) -> Label {
    find(&[(0, "CCB"), (1, "1"), (2, "2"), (3, "DECO")], field(word, 25, 2))
}

/// KDEST.
pub fn key_destination(word: u32) -> Label {
    find(&[(1, "PKHA-E"), (2, "AFHA-SBOX"), (3, "MDHA-SPLIT")], field(word, 16, 2))
}

/// Registers of LOAD and STORE that this device does not have, as class << 8 | code.
const OTHER_REGISTERS: &[(u32, &str)] = &[
    (0x009, "CHASTATUS"),
    (0x00a, "CHAINSTSEL"),
    (0x070, "IFIFO-SZL"),
    (0x072, "IFIFO-L-SZL"),
    (0x073, "IFIFO-L-SZM"),
    (0x074, "IFIFO-L"),
    (0x075, "IFIFO-M"),
    (0x076, "SZL"),
    (0x077, "SZM"),
    (0x10f, "ALTDATASZ"),
    (0x110, "PKASZ"),
    (0x111, "PKBSZ"),
    (0x112, "PKNSZ"),
    (0x113, "PKESZ"),
    (0x300, "JQCTRL"),
    (0x301, "JQDAR"),
    (0x302, "DSTAT"),
    (0x303, "DID-MS"),
    (0x304, "DID-LS"),
    (0x310, "GTR"),
    (0x320, "STR"),
    (0x330, "MATH0-DW"),
    (0x331, "MATH1-DW"),
    (0x332, "MATH2-DW"),
    (0x333, "MATH3-DW"),
    (0x338, "MATH0-B"),
    (0x339, "MATH1-B"),
    (0x33a, "MATH2-B"),
    (0x33b, "MATH3-B"),
    (0x341, "DESCBUF-JOB"),
    (0x342, "DESCBUF-SHARED"),
    (0x345, "DESCBUF-JOB-WE"),
    (0x346, "DESCBUF-SHARED-WE"),
];

/// SRC or DST of LOAD and STORE.
pub fn register(word: u32) -> Label {
    let (class, code) = (Class::from_word(word), field(word, 16, 7));
    Some(match Register::new(class, code as u8) {
        Register::Mode(_) => "MODE".into(),
        Register::KeySize(_) => "KEYSZ".into(),
        Register::DataSize(_) => "DATASZ".into(),
        Register::IcvSize(_) => "ICVSZ".into(),
        Register::Context(_) => "CONTEXT".into(),
        Register::Key(_) => "KEY".into(),
        Register::AadSize => "AADSZ".into(),
        Register::IvSize => "IVSZ".into(),
        Register::ChaControl => "CCTRL".into(),
        Register::IrqControl => "ICTRL".into(),
        Register::ClearWritten => "CLRW".into(),
        Register::DecoControl => "DCTRL".into(),
        Register::ProtocolOverride => "DPOVRD".into(),
        Register::Math(n) => format!("MATH{n}").into(),
        Register::DescriptorBuffer => "DESCBUF".into(),
        Register::InfoFifo => "NFIFO".into(),
        Register::InfoFifoSizeFromMath => "NFIFO-SZM".into(),
        Register::InputFifo => "IFIFO".into(),
        Register::OutputFifo => "OFIFO".into(),
        Register::Unsupported { .. } => {
            return find(OTHER_REGISTERS, field(word, 25, 2) << 8 | code);
        }
    })
}

/// PKHA memories, as FIFO LOAD and FIFO STORE name them.
const PKHA: &[(u32, &str)] = &[
    (0x0, "PKHA-A0"),
    (0x1, "PKHA-A1"),
    (0x2, "PKHA-A2"),
    (0x3, "PKHA-A3"),
    (0x4, "PKHA-B0"),
    (0x5, "PKHA-B1"),
    (0x6, "PKHA-B2"),
    (0x7, "PKHA-B3"),
    (0x8, "PKHA-N"),
    (0xc, "PKHA-A"),
    (0xd, "PKHA-B"),
];

/// TYPE of FIFO LOAD: what the data is, and what ends with it.
pub fn input_type(word: u32) -> Label {
    let code = field(word, 16, 6);
    if code < 0x10 {
        return if code == 0xf { Some("NOINFO".into()) } else { find(PKHA, code) };
    }
    let kinds = ["MSG", "MSG1OUT2", "IV", "BITDATA", "AAD", "ICV"];
    let mut name = kinds[(code >> 3) as usize - 2].to_owned();
    for (bit, action) in [(1, "FLUSH1"), (2, "LAST1"), (4, "LAST2")] {
        if code & bit != 0 {
            name = name + "," + action;
        }
    }
    Some(name.into())
}

/// TYPE of FIFO STORE.
pub fn output_type(word: u32) -> Label {
    const OTHERS: &[(u32, &str)] = &[
        (0x20, "AFHA-SBOX-JDKEK"),
        (0x21, "AFHA-SBOX-TDKEK"),
        (0x22, "PKHA-E-JDKEK"),
        (0x23, "PKHA-E-TDKEK"),
        (0x24, "KEY-JDKEK"),
        (0x25, "KEY-TDKEK"),
        (0x26, "SPLIT-KEY-JDKEK"),
        (0x27, "SPLIT-KEY-TDKEK"),
        (0x28, "OFIFO-JDKEK"),
        (0x29, "OFIFO-TDKEK"),
        (0x30, "MSG"),
        (0x31, "MSG-CHECKSUM"),
        (0x34, "RNG"),
        (0x35, "RNG-OFIFO"),
        (0x3e, "META"),
        (0x3f, "SKIP"),
    ];
    let code = field(word, 16, 6);
    find(PKHA, code).or_else(|| find(OTHERS, code))
}

fn place(place: Place) -> Label {
    Some(match place {
        Place::Context(c) => format!("CONTEXT{}", class_number(c)).into(),
        Place::OutputFifo => "OFIFO".into(),
        Place::DescriptorBuffer => "DESCBUF".into(),
        Place::Math(n) => format!("MATH{n}").into(),
        Place::DecoAlignment => "DECO-ALIGN".into(),
        Place::ClassAlignment(c) => format!("ALIGN{}", class_number(c)).into(),
        Place::InputFifo(c) => format!("IFIFO{}", class_number(c)).into(),
        Place::Key(c) => format!("KEY{}", class_number(c)).into(),
        Place::Unsupported(_) => return None,
    })
}

/// SRC of a MOVE. Code A is an alignment block without its info FIFO entry.
pub fn move_source(word: u32) -> Label {
    let name = place(moves(word, false).source)?;
    Some(if field(word, 20, 4) == 0xa { format!("{name}-NOINFO").into() } else { name })
}

/// DST of a MOVE.
pub fn move_destination(word: u32) -> Label {
    let others = &[(0xa, "IFIFO-NOINFO"), (0xc, "PKHA-A"), (0xf, "AUX")];
    place(moves(word, false).destination).or_else(|| find(others, field(word, 16, 4)))
}

/// Size of MOVE LEN's units.
pub fn move_size(word: u32) -> Label {
    find(&[(1, "WORD"), (2, "BYTE"), (3, "DWORD")], field(word, 6, 2))
}

/// TYPE of an OPERATION.
pub fn operation_type(word: u32) -> Label {
    const TYPES: &[(u32, &str)] =
        &[(0, "UNI"), (1, "PKHA"), (2, "CLASS1"), (4, "CLASS2"), (6, "DECAP"), (7, "ENCAP")];
    find(TYPES, field(word, 24, 3))
}

/// ALG codes.
const ALGORITHMS: &[(u32, &str)] = &[
    (0x10, "AES"),
    (0x20, "DES"),
    (0x21, "3DES"),
    (0x30, "ARC4"),
    (0x40, "MD5"),
    (0x41, "SHA1"),
    (0x42, "SHA224"),
    (0x43, "SHA256"),
    (0x44, "SHA384"),
    (0x45, "SHA512"),
    (0x46, "SHA512/224"),
    (0x47, "SHA512/256"),
    (0x50, "RNG"),
    (0x60, "SNOW-F8"),
    (0x70, "KASUMI"),
    (0x90, "CRC"),
    (0xa0, "SNOW-F9"),
    (0xb0, "ZUC-E"),
    (0xc0, "ZUC-A"),
    (0xd0, "CHACHA20"),
    (0xe0, "POLY1305"),
];

/// ALG.
pub fn algorithm(word: u32) -> Label {
    find(ALGORITHMS, field(word, 16, 8))
}

/// AAI, whose meaning is the algorithm's.
pub fn aai(word: u32) -> Label {
    const AES: &[(u32, &str)] = &[
        (0x00, "CTR"),
        (0x10, "CBC"),
        (0x20, "ECB"),
        (0x30, "CFB"),
        (0x40, "OFB"),
        (0x50, "XTS"),
        (0x60, "CMAC"),
        (0x70, "XCBC-MAC"),
        (0x80, "CCM"),
        (0x90, "GCM"),
        (0xa0, "CBC-XCBC-MAC"),
        (0xb0, "CTR-XCBC-MAC"),
        (0xc0, "CBC-CMAC"),
        (0xd0, "CTR-CMAC-LTE"),
        (0xe0, "CTR-CMAC"),
    ];
    const DES: &[(u32, &str)] = &[(0x10, "CBC"), (0x20, "ECB"), (0x30, "CFB"), (0x40, "OFB")];
    const HASH: &[(u32, &str)] = &[(0, "HASH"), (1, "HMAC"), (2, "SMAC"), (4, "HMAC-PRECOMP")];
    const CHACHA: &[(u32, &str)] = &[(1, "KEYSTREAM"), (2, "AEAD"), (8, "BLOCK-COUNT")];
    let code = field(word, 4, 9);
    let with = |table, flag: u32, name: &str| {
        let base = find(table, code & !flag)?;
        Some(if code & flag == 0 { base } else { format!("{base}+{name}").into() })
    };
    match field(word, 16, 8) {
        0x10 => with(AES, 0x100, "DK"),
        0x20 | 0x21 => with(DES, 0x80, "CHECKODD"),
        0x40..=0x47 => find(HASH, code),
        0xd0 | 0xe0 => find(CHACHA, code),
        _ => None,
    }
}

/// AS of a cipher or hash.
pub fn state(word: u32) -> Label {
    find(&[(0, "UPDATE"), (1, "INIT"), (2, "FINAL"), (3, "INITFINAL")], field(word, 2, 2))
}

/// AS of the RNG.
pub fn rng_state(word: u32) -> Label {
    let states = &[(0, "GENERATE"), (1, "INSTANTIATE"), (2, "RESEED"), (3, "UNINSTANTIATE")];
    find(states, field(word, 2, 2))
}

/// FUN of a PKHA OPERATION.
pub fn pkha_function(word: u32) -> Label {
    const FUNCTIONS: &[(u32, &str)] = &[
        (0x01, "CLEARMEM"),
        (0x02, "MOD-ADD"),
        (0x03, "MOD-SUB-AB"),
        (0x04, "MOD-SUB-BA"),
        (0x05, "MOD-MUL"),
        (0x06, "MOD-EXP"),
        (0x07, "MOD-REDUCE"),
        (0x08, "MOD-INV"),
        (0x09, "ECC-ADD"),
        (0x0a, "ECC-DBL"),
        (0x0b, "ECC-MUL"),
        (0x0c, "MONT-R2"),
        (0x0d, "CRT-CONST"),
        (0x0e, "GCD"),
        (0x0f, "PRIME"),
        (0x10, "COPY-NSZ"),
        (0x11, "COPY-SSZ"),
        (0x16, "MOD-SMALL-EXP"),
        (0x1c, "ECC-CHECK"),
    ];
    find(FUNCTIONS, field(word, 0, 6))
}

/// PROTID, whose meaning is the direction's.
pub fn protocol(word: u32) -> Label {
    const UNIDIRECTIONAL: &[(u32, &str)] = &[
        (0x01, "IKEV1-PRF"),
        (0x02, "IKEV2-PRF"),
        (0x08, "SSL3-PRF"),
        (0x09, "TLS10-PRF"),
        (0x0a, "TLS11-PRF"),
        (0x0b, "TLS12-PRF"),
        (0x0c, "DTLS10-PRF"),
        (0x14, "DL-KEYPAIR-GEN"),
        (0x15, "DSA-SIGN"),
        (0x16, "DSA-VERIFY"),
        (0x17, "DIFFIE-HELLMAN"),
        (0x18, "RSA-ENCRYPT"),
        (0x19, "RSA-DECRYPT"),
        (0x1a, "RSA-FINISH-KEYGEN"),
        (0x20, "DKP-MD5"),
        (0x21, "DKP-SHA1"),
        (0x22, "DKP-SHA224"),
        (0x23, "DKP-SHA256"),
        (0x24, "DKP-SHA384"),
        (0x25, "DKP-SHA512"),
    ];
    const BOTH_WAYS: &[(u32, &str)] = &[
        (0x01, "IPSEC"),
        (0x02, "SRTP"),
        (0x03, "MACSEC"),
        (0x04, "WIFI"),
        (0x05, "WIMAX"),
        (0x08, "SSL30"),
        (0x09, "TLS10"),
        (0x0a, "TLS11"),
        (0x0b, "TLS12"),
        (0x0c, "DTLS10"),
        (0x0d, "BLOB"),
        (0x11, "IPSEC-NEW"),
        (0x31, "3G-DCRC"),
        (0x32, "3G-RLC-PDU"),
        (0x33, "3G-RLC-SDU"),
        (0x42, "LTE-PDCP-USER"),
        (0x43, "LTE-PDCP-CTRL"),
        (0x44, "LTE-PDCP-CTRL-MIXED"),
        (0x45, "LTE-PDCP-USER-RN"),
    ];
    let table = if field(word, 24, 3) == 0 { UNIDIRECTIONAL } else { BOTH_WAYS };
    find(table, field(word, 16, 8))
}

/// SRC and DST of DKP.
pub fn dkp_source(word: u32) -> Label {
    find(DKP_PLACES, field(word, 14, 2))
}

/// See [`dkp_source`].
pub fn dkp_destination(word: u32) -> Label {
    find(DKP_PLACES, field(word, 12, 2))
}

const DKP_PLACES: &[(u32, &str)] = &[(0, "IMM"), (1, "SEQ"), (2, "PTR"), (3, "SGF")];

/// TYPE of a SIGNATURE.
pub fn signature(word: u32) -> Label {
    const TYPES: &[(u32, &str)] = &[
        (0x0, "FINAL"),
        (0x1, "FINAL-RESTORE"),
        (0x2, "FINAL-NONZERO"),
        (0xa, "IMM-2"),
        (0xb, "IMM-3"),
        (0xc, "IMM-4"),
    ];
    find(TYPES, field(word, 16, 4))
}

/// TYPE of a JUMP.
pub fn jump_type(word: u32) -> Label {
    const TYPES: &[(u32, &str)] = &[
        (0x0, "LOCAL"),
        (0x1, "LOCAL-INC"),
        (0x2, "GOSUB"),
        (0x3, "LOCAL-DEC"),
        (0x4, "NONLOCAL"),
        (0x6, "RETURN"),
        (0x8, "HALT"),
        (0xc, "HALT-USER"),
    ];
    find(TYPES, field(word, 20, 4))
}

/// TEST of a JUMP.
pub fn jump_test(word: u32) -> Label {
    find(&[(1, "ALL-FALSE"), (2, "ANY-TRUE"), (3, "ANY-FALSE")], field(word, 16, 2))
}

/// CONDITION of a JUMP: names joined by commas.
pub fn jump_condition(word: u32) -> Label {
    const SHARING: [&str; 8] = ["NCP", "NOP", "NIFP", "NIP", "CALM", "SELF", "SHRD", "JQP"];
    const MATH: [&str; 8] =
        ["MATH-NV", "MATH-C", "MATH-Z", "MATH-N", "PK-4", "PK-PRIME", "PK-GCD1", "PK-0"];
    let names = if field(word, 24, 1) != 0 { SHARING } else { MATH };
    let bits = field(word, 8, 8);
    let set = (0..8).rev().filter(|n| bits >> n & 1 != 0).map(|n| names[n]);
    Some(set.collect::<Vec<_>>().join(",").into())
}

/// The MATH flags of an incrementing or decrementing JUMP.
pub fn step_condition(word: u32) -> Label {
    jump_condition(word & !0x0100_f000)
}

/// The register of an incrementing or decrementing JUMP.
pub fn step_register(word: u32) -> Label {
    math_register(math_destination(field(word, 12, 4) as u8))
}

fn math_register(register: MathRegister) -> Label {
    Some(match register {
        MathRegister::Math(n) => format!("MATH{n}").into(),
        MathRegister::Immediate => "IMM".into(),
        MathRegister::ProtocolOverride => "DPOVRD".into(),
        MathRegister::SequenceIn => "SIL".into(),
        MathRegister::SequenceOut => "SOL".into(),
        MathRegister::VariableIn => "VSIL".into(),
        MathRegister::VariableOut => "VSOL".into(),
        MathRegister::InputFifo => "IFIFO".into(),
        MathRegister::OutputFifo => "OFIFO".into(),
        MathRegister::Zero => "ZERO".into(),
        MathRegister::One => "ONE".into(),
        MathRegister::None => "NONE".into(),
        MathRegister::Unsupported(_) => return None,
    })
}

/// FUNCTION of MATH and MATHI.
pub fn math_function(word: u32) -> Label {
    use crate::descriptors::command::{MathFunction as F, math_function};
    Some(
        match math_function(field(word, 20, 4) as u8) {
            F::Add => "ADD",
            F::AddCarry => "ADDC",
            F::Subtract => "SUB",
            F::SubtractBorrow => "SUBB",
            F::Or => "OR",
            F::And => "AND",
            F::Xor => "XOR",
            F::ShiftLeft => "LSH",
            F::ShiftRight => "RSH",
            F::ShiftLeftDouble => "SHLD",
            F::ZeroByte => "ZBYT",
            F::ByteSwap => "BSWAP",
            F::Unsupported(_) => return None,
        }
        .into(),
    )
}

/// SRC0 of MATH.
pub fn math_src0(word: u32) -> Label {
    math_register(math_source0(field(word, 16, 4) as u8))
}

/// SRC1 of MATH.
pub fn math_src1(word: u32) -> Label {
    math_register(math_source1(field(word, 12, 4) as u8))
}

/// DST of MATH.
pub fn math_dst(word: u32) -> Label {
    math_register(math_destination(field(word, 8, 4) as u8))
}

/// The one source of MATHI that is no immediate; SSEL says on which side it stands.
pub fn mathi_src(word: u32) -> Label {
    let code = field(word, 16, 4) as u8;
    let right = field(word, 24, 1) != 0;
    math_register(if right { math_source1(code) } else { math_source0(code) })
}

/// DST of MATHI.
pub fn mathi_dst(word: u32) -> Label {
    math_register(math_destination(field(word, 12, 4) as u8))
}

/// SHARE of a header.
pub fn share(word: u32) -> Label {
    const TYPES: &[(u32, &str)] =
        &[(0, "NEVER"), (1, "WAIT"), (2, "SERIAL"), (3, "ALWAYS"), (4, "DEFER")];
    find(TYPES, field(word, 8, 3))
}

/// SHARE of a shared descriptor's header, which has no bit for more.
pub fn shared_share(word: u32) -> Label {
    share(word & !(1 << 10))
}
