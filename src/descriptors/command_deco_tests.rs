//! The commands that move no data between memory and CHAs: MOVE, OPERATION, JUMP, MATH, the
//! sequence pointers, and what is none.

use super::*;

#[test]
fn moves() {
    use ClassNumber::{One, Two};
    let context = Place::Context(One);
    let mv = |aux, source, destination, offset, length| {
        Command::Move(Move { aux, source, destination, offset, length })
    };
    // output FIFO to class 1 context, WC, offset 16, 4 bytes: the nonce of RFC 3686
    check(&[0x7920_1004], mv(0, Place::OutputFifo, context, 16, MoveLength::Bytes(4)));
    // descriptor buffer at byte 0x20 to MATH3, 6 bytes, and back with 8
    check(
        &[0x7837_2006],
        mv(0, Place::DescriptorBuffer, Place::Math(3), 0x20, MoveLength::Bytes(6)),
    );
    check(
        &[0x7973_2008],
        mv(0, Place::Math(3), Place::DescriptorBuffer, 0x20, MoveLength::Bytes(8)),
    );
    // class alignment blocks to the output FIFO: no offset, a 16-bit length; AUX LS selects
    check(
        &[0x7892_1234],
        mv(0, Place::ClassAlignment(Two), Place::OutputFifo, 0x12, MoveLength::Bytes(0x1234)),
    );
    check(
        &[0x7a92_1234],
        mv(1, Place::ClassAlignment(One), Place::OutputFifo, 0x12, MoveLength::Bytes(0x1234)),
    );
    // AUX MS: descriptor buffer to context at 2 * 16
    check(&[0x7c30_0810], mv(2, Place::DescriptorBuffer, context, 8, MoveLength::Bytes(16)));
    // MOVE LEN: the length is in MATH1
    check(&[0x7020_1001], mv(0, Place::OutputFifo, context, 16, MoveLength::Math(1)));
    check(&[0x7020_10c3], mv(0, Place::OutputFifo, context, 16, MoveLength::Math(3)));
}

#[test]
fn move_sources_and_destinations() {
    use ClassNumber::{One, Two};
    let sources = [
        Place::Context(One),
        Place::Context(Two),
        Place::OutputFifo,
        Place::DescriptorBuffer,
        Place::Math(0),
        Place::Math(1),
        Place::Math(2),
        Place::Math(3),
        Place::DecoAlignment,
        Place::ClassAlignment(Two),
        Place::DecoAlignment,
        Place::Unsupported(0xb),
        Place::Unsupported(0xc),
        Place::Key(One),
        Place::Key(Two),
        Place::Unsupported(0xf),
    ];
    let mut destinations = sources;
    destinations[0x8] = Place::InputFifo(One);
    destinations[0x9] = Place::InputFifo(Two);
    destinations[0xa] = Place::Unsupported(0xa);
    for (s, source) in sources.into_iter().enumerate() {
        for (d, destination) in destinations.into_iter().enumerate() {
            let word = 0x7800_0000 | (s as u32) << 20 | (d as u32) << 16 | 0x0310;
            // Where a side is a register file, 15:8 is its offset and not part of the length.
            let no_file =
                |p| matches!(p, Place::OutputFifo | Place::ClassAlignment(_) | Place::InputFifo(_));
            let length = if no_file(source) && no_file(destination) { 0x310 } else { 0x10 };
            let length = MoveLength::Bytes(length);
            check(&[word], Command::Move(Move { aux: 0, source, destination, offset: 3, length }));
        }
    }
}

#[test]
fn operation() {
    let cbc = AlgorithmOperation {
        algorithm: 0x10,
        aai: 0x10,
        state: AlgorithmState::Init,
        icv: false,
        encrypt: true,
    };
    let class1 = |op| Command::Operation(Operation::Class1(op));
    let class2 = |op| Command::Operation(Operation::Class2(op));
    // class 1 AES CBC, AS init, encrypt; decrypt; decrypt with DK (AAI bit 8)
    check(&[0x8210_0105], class1(cbc));
    check(&[0x8210_0104], class1(AlgorithmOperation { encrypt: false, ..cbc }));
    check(&[0x8210_1104], class1(AlgorithmOperation { aai: 0x110, encrypt: false, ..cbc }));
    // XTS init+final, decrypt
    let state = AlgorithmState::InitFinal;
    check(&[0x8210_050c], class1(AlgorithmOperation { aai: 0x50, state, encrypt: false, ..cbc }));
    // ECB update and finalize
    check(
        &[0x8210_0201],
        class1(AlgorithmOperation { aai: 0x20, state: AlgorithmState::Update, ..cbc }),
    );
    check(
        &[0x8210_0209],
        class1(AlgorithmOperation { aai: 0x20, state: AlgorithmState::Finalize, ..cbc }),
    );
    // GCM init+final with ICV check
    let gcm = AlgorithmOperation { aai: 0x90, state, icv: true, encrypt: false, ..cbc };
    check(&[0x8210_090e], class1(gcm));
    // class 2 SHA-256, HMAC with split key, init+final, ENC; with ICV check
    let hmac = AlgorithmOperation { algorithm: 0x43, aai: 4, state, icv: false, encrypt: true };
    check(&[0x8443_004d], class2(hmac));
    check(&[0x8443_004e], class2(AlgorithmOperation { icv: true, encrypt: false, ..hmac }));
    // RNG generate with prediction resistance
    let state = AlgorithmState::Update;
    let rng = AlgorithmOperation { algorithm: 0x50, aai: 0, state, icv: true, encrypt: false };
    check(&[0x8250_0002], class1(rng));
    // PKHA A^E mod N
    check(&[0x8180_0006], Command::Operation(Operation::Pkha(0x80_0006)));
    // protocols: RSA encrypt, blob decapsulation and encapsulation
    let protocol = |kind, id| Command::Operation(Operation::Protocol { kind, id, info: 0 });
    check(&[0x8018_0000], protocol(0, 0x18));
    check(&[0x860d_0000], protocol(6, 0x0d));
    check(&[0x870d_0000], protocol(7, 0x0d));
    // OP TYPE 3 and 5 are none that is known
    let odd = |kind| Command::Operation(Operation::Protocol { kind, id: 0x10, info: 0x105 });
    check(&[0x8310_0105], odd(3));
    check(&[0x8510_0105], odd(5));
}

#[test]
fn jump() {
    let always = Jump {
        wait: Class::None,
        jsl: false,
        kind: JumpKind::Local,
        test: JumpTest::AllTrue,
        conditions: 0,
        offset: 3,
    };
    let check = |words: &[u32], jump| check(words, Command::Jump(jump));
    // local: forwards, backwards, both ends of the offset
    check(&[0xa000_0003], always);
    check(&[0xa000_00fe], Jump { offset: -2, ..always });
    check(&[0xa000_007f], Jump { offset: 127, ..always });
    check(&[0xa000_0080], Jump { offset: -128, ..always });
    // JSL, SHRD: over the key commands
    check(&[0xa100_4003], Jump { jsl: true, conditions: 0x40, ..always });
    // waits
    check(&[0xa200_0003], Jump { wait: Class::One, ..always });
    check(&[0xa400_0003], Jump { wait: Class::Two, ..always });
    check(&[0xa600_0003], Jump { wait: Class::Both, ..always });
    // tests on MATH Z
    check(&[0xa000_0403], Jump { conditions: 4, ..always });
    check(&[0xa001_0403], Jump { test: JumpTest::AllFalse, conditions: 4, ..always });
    check(&[0xa002_0403], Jump { test: JumpTest::AnyTrue, conditions: 4, ..always });
    check(&[0xa003_0403], Jump { test: JumpTest::AnyFalse, conditions: 4, ..always });
    // types
    check(&[0xa010_8003], Jump { kind: JumpKind::LocalIncrement, conditions: 0x80, ..always });
    check(&[0xa030_8003], Jump { kind: JumpKind::LocalDecrement, conditions: 0x80, ..always });
    check(&[0xa040_0000, 0xbeef], Jump { kind: JumpKind::NonLocal(0xbeef), offset: 0, ..always });
    check(
        &[0xa280_0000],
        Jump { wait: Class::One, kind: JumpKind::HaltCondition, offset: 0, ..always },
    );
    check(&[0xa0c0_0003], Jump { kind: JumpKind::HaltUser, ..always });
    check(&[0xa020_0003], Jump { kind: JumpKind::Gosub, ..always });
    check(&[0xa060_0003], Jump { kind: JumpKind::Return, ..always });
    for code in [5, 7, 9, 0xa, 0xb, 0xd, 0xe, 0xf_u32] {
        let kind = JumpKind::Unsupported(code as u8);
        check(&[0xa000_0003 | code << 20], Jump { kind, ..always });
    }
}

const MATH: Math = Math {
    function: MathFunction::Add,
    source0: MathRegister::SequenceIn,
    source1: MathRegister::Math(0),
    destination: MathRegister::VariableIn,
    length: 4,
    keep_flags: false,
    immediate: 0,
};

#[test]
fn math() {
    let imm3 =
        Math { source0: MathRegister::Immediate, destination: MathRegister::Math(3), ..MATH };
    // VSIL = SIL + MATH0, 4 bytes; VSOL = SIL - MATH0; NFU (25); STL (24) changes nothing here
    check(&[0xa808_0a04], Command::Math(MATH));
    let subtract = MathFunction::Subtract;
    let vsol = MathRegister::VariableOut;
    check(&[0xa828_0b04], Command::Math(Math { function: subtract, destination: vsol, ..MATH }));
    check(&[0xaa08_0a04], Command::Math(Math { keep_flags: true, ..MATH }));
    check(&[0xa908_0a04], Command::Math(MATH));
    // MATH3 = imm + MATH0: one word for 1 to 4 bytes
    for length in [1, 2, 4] {
        let math = Math { length, immediate: 0x89ab_cdef, ..imm3 };
        check(&[0xa804_0300 | u32::from(length), 0x89ab_cdef], Command::Math(math));
    }
    // 8 bytes: two words, the low one first; with IFB (26) one word
    let eight = Math { length: 8, immediate: 0x0123_4567_89ab_cdef, ..imm3 };
    check(&[0xa804_0308, 0x89ab_cdef, 0x0123_4567], Command::Math(eight));
    check(&[0xac04_0308, 0x89ab_cdef], Command::Math(Math { immediate: 0x89ab_cdef, ..eight }));
    let high_first = SocProfile { high_word_first: true, ..VIRT_ERA9 };
    check_with(&[0xa804_0308, 0x0123_4567, 0x89ab_cdef], Command::Math(eight), &high_first);
    // SRC1 = imm
    let source1 = MathRegister::Immediate;
    check(&[0xa808_4a04, 9], Command::Math(Math { source1, immediate: 9, ..MATH }));
    // both: the one immediate serves both
    check(&[0xa804_4304, 9], Command::Math(Math { source1, immediate: 9, ..imm3 }));
    // a length the DECO does not have is left to the execution
    check(&[0xa808_0a03], Command::Math(Math { length: 3, ..MATH }));
}

#[test]
fn math_fields() {
    use MathRegister as R;
    let functions = [
        MathFunction::Add,
        MathFunction::AddCarry,
        MathFunction::Subtract,
        MathFunction::SubtractBorrow,
        MathFunction::Or,
        MathFunction::And,
        MathFunction::Xor,
        MathFunction::ShiftLeft,
        MathFunction::ShiftRight,
        MathFunction::ShiftLeftDouble,
        MathFunction::ZeroByte,
        MathFunction::ByteSwap,
        MathFunction::Unsupported(0xc),
        MathFunction::Unsupported(0xd),
        MathFunction::Unsupported(0xe),
        MathFunction::Unsupported(0xf),
    ];
    for (code, function) in functions.into_iter().enumerate() {
        check(&[0xa808_0a04 | (code as u32) << 20], Command::Math(Math { function, ..MATH }));
    }
    for code in 0..16_u32 {
        let unsupported = R::Unsupported(code as u8);
        let common = |otherwise| match code {
            0..=3 => R::Math(code as u8),
            7 => R::ProtocolOverride,
            _ => otherwise,
        };
        let source0 = common(match code {
            4 => R::Immediate,
            8 => R::SequenceIn,
            9 => R::SequenceOut,
            0xa => R::VariableIn,
            0xb => R::VariableOut,
            0xc => R::Zero,
            0xf => R::One,
            _ => unsupported,
        });
        let source1 = common(match code {
            4 => R::Immediate,
            8 => R::VariableIn,
            9 => R::VariableOut,
            0xa => R::InputFifo,
            0xb => R::OutputFifo,
            0xc => R::One,
            0xf => R::Zero,
            _ => unsupported,
        });
        let destination = common(match code {
            8 => R::SequenceIn,
            9 => R::SequenceOut,
            0xa => R::VariableIn,
            0xb => R::VariableOut,
            0xf => R::None,
            _ => unsupported,
        });
        let tail: &[u32] = if code == 4 { &[0] } else { &[] };
        let words = |word| [&[word], tail].concat();
        check(&words(0xa800_0a04 | code << 16), Command::Math(Math { source0, ..MATH }));
        check(&words(0xa808_0a04 | code << 12), Command::Math(Math { source1, ..MATH }));
        check(&[0xa808_0004 | code << 8], Command::Math(Math { destination, ..MATH }));
    }
}

#[test]
fn math_immediate() {
    let mathi = Math {
        source0: MathRegister::Math(1),
        source1: MathRegister::Immediate,
        destination: MathRegister::Math(2),
        immediate: 0x7f,
        ..MATH
    };
    // MATH2 = MATH1 + 0x7f, 4 bytes
    check(&[0xe801_27f4], Command::Math(mathi));
    // bit 24: the immediate on the left, and the register with SRC1's codes (8 is VSIL there)
    let left = Math {
        function: MathFunction::Subtract,
        source0: MathRegister::Immediate,
        source1: MathRegister::VariableIn,
        immediate: 0xff,
        length: 8,
        ..mathi
    };
    check(&[0xe928_2ff8], Command::Math(left));
    // NFU
    check(&[0xea01_27f4], Command::Math(Math { keep_flags: true, ..mathi }));
}

#[test]
fn sequence_pointers() {
    let direct = SequenceSource::Pointer { address: 0x1000, table: false };
    let by_table = SequenceSource::Pointer { address: 0x1000, table: true };
    type Make = fn(SequencePointer) -> Command;
    // SEQ IN PTR is opcode 1E, SEQ OUT PTR 1F
    for (opcode, make) in
        [(0xf000_0000, Command::SeqInPtr as Make), (0xf800_0000, Command::SeqOutPtr as Make)]
    {
        let of = |source, length| make(SequencePointer { source, length });
        check(&[opcode | 0x40, 0x1000], of(direct, 0x40));
        check(&[opcode | 0xffff, 0x1000], of(direct, 0xffff));
        // SGF; EXT; both
        check(&[opcode | 0x0100_0040, 0x1000], of(by_table, 0x40));
        check(&[opcode | 0x0040_0000, 0x1000, 0x10_0000], of(direct, 0x10_0000));
        check(&[opcode | 0x0140_0000, 0x1000, 0x10_0000], of(by_table, 0x10_0000));
        // PRE and RTO have no pointer, but may have the EXT length
        check(&[opcode | 0x0080_0040], of(SequenceSource::Previous, 0x40));
        check(&[opcode | 0x00c0_0000, 0x10_0000], of(SequenceSource::Previous, 0x10_0000));
        check(&[opcode | 0x0020_0040], of(SequenceSource::Restart, 0x40));
        check(&[opcode | 0x0060_0000, 0x10_0000], of(SequenceSource::Restart, 0x10_0000));
        // RBS, INL, RJD/RST, SOP/EWS
        for flag in [1 << 26, 1 << 25, 1 << 20, 1 << 19] {
            check(&[opcode | flag | 0x40], of(SequenceSource::Unsupported, 0x40));
        }
    }
}

#[test]
fn what_is_no_command() {
    check(&[0x9000_0000], Command::Signature);
    check(&[0x900a_0000], Command::Signature);
    // a job and a shared header
    check(&[0xb080_0001], Command::Header);
    check(&[0xb880_0001], Command::Header);
    for opcode in [6, 7, 8, 9, 0x11, 0x13, 0x18, 0x19, 0x1a, 0x1b, 0x1c_u32] {
        check(&[opcode << 27], Command::Unknown(opcode as u8));
        check(&[opcode << 27 | 0x07ff_ffff], Command::Unknown(opcode as u8));
    }
    assert_eq!(decode(&[], &VIRT_ERA9), Err(DecoError::InvalidCommand));
}
