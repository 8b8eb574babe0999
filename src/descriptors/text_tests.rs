use super::asm::assemble;
use super::fields::{COMMANDS, layout};
use super::input::{self, Found, Input, Options, Order, find};
use super::listing::{Kind, Listing, Value, bare, descriptor};
use super::render::Style;
use crate::descriptors::command::{Command, LoadStore, Register, decode};
use crate::descriptors::test_support::cases;
use crate::device::soc::{PointerSize, SocProfile, VIRT_ERA9, VIRT_ERA10};
use proptest::prelude::*;

const SOC: &SocProfile = &VIRT_ERA9;

fn wide() -> SocProfile {
    SocProfile { pointer: PointerSize::Bits64, ..VIRT_ERA10 }
}

fn text(listing: &Listing) -> String {
    listing.text(&Style::default())
}

/// One command, without its remark.
fn one(words: &[u32]) -> String {
    let listing = bare(words, SOC);
    assert_eq!(listing.problems, [], "{words:08x?}");
    let text = text(&listing);
    let line = text.lines().next().unwrap_or_default().split(';').next().unwrap_or_default();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn commands_have_their_manual_s_fields() {
    for (words, expected) in [
        (&[0x0280_0004, 0x1122_3344][..], "KEY class=1 IMM length=4"),
        (&[0x0450_8020, 0x1000], "KEY class=2 ENC EKT TK length=32 pointer=0x1000"),
        (&[0x12a0_2808, 0, 0x80_0000], "LOAD class=1 IMM dst=CONTEXT offset=40 length=8"),
        (&[0x1a20_2008], "SEQ LOAD class=1 dst=CONTEXT offset=32 length=8"),
        (&[0x1686_0800], "LOAD class=DECO IMM dst=DCTRL offset=0x8"),
        (&[0x8210_050d], "OPERATION type=CLASS1 alg=AES aai=XTS as=INITFINAL ENC"),
        (&[0x8210_150d], "OPERATION type=CLASS1 alg=AES aai=XTS+DK as=INITFINAL ENC"),
        (&[0x8250_0004], "OPERATION type=CLASS1 alg=RNG as=INSTANTIATE sh=0"),
        (&[0x8018_0000], "OPERATION type=UNI protid=RSA-ENCRYPT"),
        (&[0x8181_0006], "OPERATION type=PKHA fun=MOD-EXP PKHA R2"),
        (&[0xa808_0b04], "MATH fun=ADD src0=SIL src1=MATH0 dst=VSOL length=4"),
        (&[0xa824_0a04, 0x10], "MATH fun=SUB src0=IMM src1=MATH0 dst=VSIL length=4 imm=0x10"),
        (&[0xe828_a104], "MATHI fun=SUB src=SIL dst=VSIL imm=0x10 length=4"),
        (&[0x2b12_0000], "SEQ FIFO LOAD class=1 VLF type=MSG,LAST1 length=0"),
        (&[0x6930_0000], "SEQ FIFO STORE VLF type=MSG length=0"),
        (
            &[0x6040_0000 | 0x34 << 16, 0x2000, 99],
            "FIFO STORE EXT type=RNG pointer=0x2000 length=99",
        ),
        (&[0xf140_0000, 0x3000, 48], "SEQ IN PTR SGF EXT pointer=0x3000 length=48"),
        (&[0xf820_0010], "SEQ OUT PTR RTO length=16"),
        (&[0x7943_0006], "MOVE WC src=MATH0 dst=DESCBUF length=6"),
        (&[0x7a92_1234], "MOVE aux=1 src=ALIGN1 dst=OFIFO length=4660"),
        (&[0x7aa2_1234], "MOVE aux=1 src=ALIGN1-NOINFO dst=OFIFO length=4660"),
        (&[0x7292_0003], "MOVE LEN aux=1 src=ALIGN1 dst=OFIFO mrsel=3"),
        (&[0xa1c0_4000], "JUMP type=HALT-USER JSL cond=SHRD"),
        (&[0xa040_0000, 0x4000], "JUMP type=NONLOCAL pointer=0x4000"),
        (&[0x9000_0000], "SIGNATURE type=FINAL"),
        (&[0x0280_3c04, 0], "KEY class=1 IMM length=4 bits=0x3c00"),
    ] {
        assert_eq!(one(words), expected, "{words:08x?}");
        assert_eq!(assemble(&text(&bare(words, SOC)), SOC).as_deref(), Ok(words));
    }
}

/// What the table of fields says of a word is what the decoder says.
#[test]
fn fields_are_those_of_the_decoder() {
    let value = |word: u32, name: &str| {
        layout(word).iter().find(|f| f.name == name).map_or(0, |f| f.get(word))
    };
    let mut checked = 0;
    let mut state = 0x1234_5678_u32;
    for _ in 0..200_000 {
        // xorshift32
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let word = state;
        let mut words = vec![0; 128];
        words[0] = word;
        let Ok(decoded) = decode(&words, SOC) else { continue };
        checked += 1;
        match decoded.command {
            Command::Key(key) => {
                assert_eq!(value(word, "length"), key.length);
                assert_eq!(value(word, "ENC") != 0, key.encrypted);
                assert_eq!(value(word, "EKT") != 0, key.ccm);
                assert_eq!(value(word, "TK") != 0, key.trusted);
                assert_eq!(value(word, "kdest"), key.destination as u32);
                assert_eq!(value(word, "class"), key.class as u32);
            }
            Command::Load(LoadStore { register, offset, length, .. })
            | Command::Store(LoadStore { register, offset, length, .. }) => {
                assert_eq!(value(word, "offset"), u32::from(offset));
                assert_eq!(value(word, "length"), u32::from(length));
                let name = if word >> 28 & 4 == 0 { "dst" } else { "src" };
                let code = value(word, name);
                if let Register::Unsupported { class, code: c } = register {
                    assert_eq!((value(word, "class"), code), (u32::from(class), u32::from(c)));
                }
            }
            Command::FifoLoad(load) if word >> 22 & 1 == 0 => {
                assert_eq!(value(word, "length"), load.length);
                assert_eq!(value(word, "class"), load.class as u32);
            }
            Command::FifoStore(store) if word >> 22 & 1 == 0 => {
                assert_eq!(value(word, "length"), store.length);
            }
            Command::Move(m) => {
                assert_eq!(value(word, "aux"), u32::from(m.aux));
                match m.length {
                    crate::descriptors::command::MoveLength::Bytes(n) => {
                        assert_eq!(value(word, "length"), u32::from(n), "{word:08x}");
                    }
                    crate::descriptors::command::MoveLength::Math(n) => {
                        assert_eq!(value(word, "mrsel"), u32::from(n));
                    }
                }
            }
            Command::Jump(jump) => {
                assert_eq!(value(word, "JSL") != 0, jump.jsl);
                assert_eq!(value(word, "class"), jump.wait as u32);
                assert_eq!(value(word, "test"), jump.test as u32);
            }
            Command::Math(math) => {
                assert_eq!(value(word, "length"), u32::from(math.length));
                assert_eq!(value(word, "NFU") != 0, math.keep_flags);
            }
            Command::SeqInPtr(pointer) | Command::SeqOutPtr(pointer) if word >> 22 & 1 == 0 => {
                assert_eq!(value(word, "length"), pointer.length);
            }
            _ => {}
        }
    }
    assert!(checked > 100_000);
}

#[test]
fn fields_do_not_overlap_and_have_names_of_their_own() {
    for opcode in 0..32_u32 {
        for low in (0..1 << 16_u32).step_by(3) {
            // Every word in which the bits that select a layout differ.
            let word = opcode << 27 | low << 11 | low & 0x3f;
            let fields = layout(word);
            assert_eq!(fields.is_empty(), !COMMANDS.iter().any(|(o, _)| *o == opcode));
            let mut seen = 0;
            for field in fields {
                assert_eq!(seen & field.mask(), 0, "{word:08x} {}", field.name);
                assert_eq!(field.mask() >> 27, 0);
                seen |= field.mask();
            }
        }
    }
}

#[test]
fn jumps_have_labels() {
    // SHRD jump over a KEY, as Linux builds it.
    let words = [0xb880_0207, 0xa100_4004, 0x0280_0004, 0, 0x8210_0501, 0xa000_00ff, 0xa000_0001];
    let listing = descriptor(&words, SOC).unwrap();
    let shown = text(&listing);
    assert!(shown.contains("JSL cond=SHRD offset=L5"), "{shown}");
    assert!(shown.contains("L5:"), "{shown}");
    assert!(shown.contains("offset=L4"), "{shown}");
    assert!(shown.contains("offset=L7") && shown.ends_with("L7:\n"), "{shown}");
    assert_eq!(assemble(&shown, SOC).unwrap(), words);
    // Into a command's data, to the header, and outside.
    for offset in [0x02, 0xff, 0x20, 0x80] {
        let words = [0xb880_0204, 0xa000_0000 | offset, 0x0280_0004, 0];
        let listing = descriptor(&words, SOC).unwrap();
        let shown = text(&listing);
        assert!(!shown.contains("offset=L"), "{shown}");
        assert_eq!(shown.contains("which begins no command"), offset != 1, "{shown}");
        assert_eq!(assemble(&shown, SOC).unwrap(), words);
    }
}

#[test]
fn headers_and_data_blocks() {
    let words = [0xb087_0008, 0xc000_3100, 1, 2, 3, 4, 0x100, 0x8018_0000];
    let listing = descriptor(&words, SOC).unwrap();
    assert_eq!(listing.problems, []);
    let shown = text(&listing);
    for part in [
        "JOB HEADER      start=7 share=NEVER length=8",
        "f in table, g in table, #e = 3, #n = 256",
        "n (modulus) at 0x3",
        "#f = 256",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    assert_eq!(assemble(&shown, SOC).unwrap(), words);
    // Pointers of two words stand in one line.
    let soc = wide();
    let words = [0xb08a_000b, 0x3100, 1, 0, 2, 0, 3, 0, 4, 0, 0x8018_0000];
    let listing = descriptor(&words, &soc).unwrap();
    assert!(text(&listing).contains("PDB             00000003 00000000"), "{}", text(&listing));
    assert!(listing.problems[0].what.contains("cut short"), "{:?}", listing.problems);
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    let cases: &[(&[u32], usize, &str)] = &[
        (&[0xb080_0000], 0, "no words"),
        (&[0xb080_0005, 0xa000_0001], 2, "5 words, 2 are there"),
        (&[0xb080_1003], 0, "reach past the end"),
        (&[0xb080_0003, 0x0280_0020, 0], 1, "KEY cannot be read"),
        (&[0xb080_0003, 0x4000_0000, 0x4800_0000], 1, "opcode 0x08"),
        (&[0xb080_0003, 0x3800_0000, 0xb080_0001], 1, "does not have the command"),
        (&[0xb080_0003, 0xa000_0001, 0xb080_0001], 2, "a header among the commands"),
        (&[0xb08a_0002, 0], 0, "commands start at word 10"),
    ];
    for (words, index, what) in cases {
        let listing = descriptor(words, SOC).unwrap();
        let found = listing.problems.iter().any(|p| p.index == *index && p.what.contains(what));
        assert!(found, "{what}: {:?}", listing.problems);
        assert_eq!(listing.length(), words.len());
    }
    for word in [0, 0x1234_5678, 0xb000_0001, 0xb080_8001, 0xb180_0000_u32.swap_bytes()] {
        assert_eq!(descriptor(&[word], SOC), None, "{word:08x}");
    }
    assert_eq!(descriptor(&[], SOC), None);
}

#[test]
fn redaction_leaves_no_key_and_no_message() {
    let secret = 0x5ec2_e75e;
    let words = [
        0xb080_000b,
        0x0280_0004,
        secret, // KEY
        0x2290_0004 | 2 << 16,
        secret, // FIFO LOAD IMM
        0x12c0_0004 | 1 << 23,
        secret, // LOAD class 1 key
        0x12a0_0004,
        0x0000_beef, // LOAD context
        0x0280_0020,
        secret, // cut short
    ];
    let listing = descriptor(&words, SOC).unwrap();
    let style = Style { redacted: true, ..Style::default() };
    for shown in [listing.text(&style), listing.json(&style).to_string()] {
        assert!(!shown.contains("5ec2e75e"), "{shown}");
        assert!(!shown.contains("beef"), "{shown}");
    }
    assert_eq!(text(&listing).matches("5ec2e75e").count(), 4);
}

#[test]
fn json_has_all_of_it() {
    let words = [0xb080_1c05, 0x1000, 0xa100_0001, 0xa040_0000, 0x2000];
    let listing = descriptor(&words, SOC).unwrap();
    let json = listing.json(&Style { marked: Some(2), base: 10, ..Style::default() });
    assert_eq!(json["kind"], "job descriptor");
    assert_eq!(json["commands"][0]["fields"]["shared"], "0x1000");
    assert_eq!(json["commands"][0]["fields"]["SHR"], true);
    assert_eq!(json["commands"][1]["index"], 12);
    assert_eq!(json["commands"][1]["stopped_here"], true);
    assert_eq!(json["commands"][2]["words"][1], "00002000");
    assert_eq!(json["problems"], serde_json::json!([]));
}

/// People's own text: no lengths, other cases, numbers for names.
#[test]
fn the_assembler_fills_headers_in() {
    let source = "
        ; the job of the manual
        job header share=never
        PDB 00000100 2000
        key class=1 imm length=5
          data 11223344 0x55000000
        again: jump type=local class=1 cond=MATH-Z,MATH-N test=ANY-TRUE offset=done
        OPERATION type=2 alg=0x10 aai=CBC as=3
        JUMP type=LOCAL offset=again
        done:
        SHARED HEADER share=SERIAL length=9
        again: JUMP type=LOCAL offset=-1
        word deadbeef
    ";
    assert_eq!(
        assemble(source, SOC).unwrap(),
        [
            0xb083_0009,
            0x100,
            0x2000,
            0x0280_0005,
            0x1122_3344,
            0x5500_0000,
            0xa202_0c03,
            0x8210_010c,
            0xa000_00fe,
            0xb880_0209,
            0xa000_00ff,
            0xdead_beef
        ]
    );
}

#[test]
fn the_assembler_says_where_it_stumbled() {
    for (source, line, column, what) in [
        ("KYE class=1", 1, 1, "did you mean 'KEY'?"),
        ("\n  FIFO LAOD", 2, 3, "did you mean 'FIFO LOAD'?"),
        ("KEY clas=1", 1, 5, "did you mean 'class'?"),
        ("KEY class=4 IMM", 1, 11, "class is 0 to 3"),
        ("KEY class=1 IMM length=4", 2, 1, "needs 1 more words"),
        ("KEY class=1 IMM length=4\nKEY", 2, 1, "needs 1 more words"),
        ("KEY class=1 IMM length=4\ndata 0 0", 2, 1, "1 words of data too many"),
        ("data 0", 1, 1, "data without a command"),
        ("KEY class=1 length=4", 1, 1, "needs pointer="),
        ("KEY class=1 length=4 pointer=0x100000000", 1, 22 + 8, "32 bits"),
        ("KEY class=1 IMM length=1000", 1, 1, "cannot be like this"),
        ("OPERATION type=CLASS1 alg=AES aai=XST as=INIT", 1, 35, "did you mean 'XTS'?"),
        ("OPERATION type=CLASS1 alg=AES aai=XTS as=INIT length=3", 1, 54, "has no length"),
        ("JUMP type=LOCAL offset=nowhere", 1, 24, "no such label"),
        ("a: JUMP type=LOCAL offset=b", 1, 27, "no such label"),
        ("a:\na:", 2, 1, "stands twice"),
        ("1a: SIGNATURE", 1, 1, "no name for a label"),
        ("SIGNATURE type=FINAL type=FINAL", 1, 22, "stands twice"),
        ("MATH fun", 1, 6, "needs a value"),
        ("word xyz", 1, 6, "hexadecimal"),
        ("word", 1, 1, "needs words"),
        ("SIGNATURE bits=0x8000000", 1, 16, "at most"),
        ("JOB HEADER SHR REO", 1, 1, "needs shared="),
        ("JUMP type=LOCAL offset=200", 1, 24, "-128 to 127"),
    ] {
        let error = assemble(source, SOC).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{source}: {error}");
        assert!(error.what.contains(what), "{source}: {error}");
    }
}

fn found(input: &Input) -> Vec<(&str, &[u32])> {
    input.found.iter().map(|Found { place, words }| (place.as_str(), &words[..])).collect()
}

fn options(order: Option<Order>) -> Options<'static> {
    Options { soc: SOC, order, bare: false }
}

const JOB: [u32; 3] = [0xb080_0003, 0xa000_0001, 0xa0c0_0001];

#[test]
fn words_are_found_in_every_form() {
    let little: Vec<u8> = JOB.iter().flat_map(|w| w.to_le_bytes()).collect();
    let big: Vec<u8> = JOB.iter().flat_map(|w| w.to_be_bytes()).collect();
    let spaced = |bytes: &[u8]| {
        bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ").into_bytes()
    };
    let swapped = JOB.map(u32::swap_bytes).map(|w| format!("{w:08x}")).join(" ");
    for bytes in [
        little.clone(),
        big.clone(),
        spaced(&little),
        spaced(&big),
        b"b0800003 a0000001\na0c00001".to_vec(),
        b"; remark\n0xB0800003, 0xa0000001, # so\n0xa0c00001".to_vec(),
        b"const u32 d[3] = { /* 0x1 */ 0xb0800003, 0xa0000001u, // x\n 0xa0c00001UL };".to_vec(),
        swapped.into_bytes(),
    ] {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let input = find(&bytes, &options(None)).unwrap_or_else(|e| panic!("{shown}: {e}"));
        assert_eq!(input.problems, Vec::<String>::new(), "{shown}");
        assert_eq!(input.found.len(), 1, "{shown}");
        assert_eq!(input.found[0].words, JOB, "{shown}");
    }
    // The other order is garbage, and said to be.
    assert!(find(&little, &options(Some(Order::Big))).is_err());
    assert_eq!(find(&big, &options(Some(Order::Big))).unwrap().found[0].words, JOB);
}

#[test]
fn several_descriptors_and_padding() {
    let mut words = JOB.to_vec();
    words.extend(JOB);
    words.extend([0, 0]);
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    let input = find(&bytes, &options(None)).unwrap();
    assert_eq!(found(&input), [("word 0", &JOB[..]), ("word 3", &JOB[..])]);
    assert_eq!(input.problems, Vec::<String>::new());
    // Half a word, and something else behind.
    let input = find(&bytes[..14], &options(None)).unwrap();
    assert_eq!(input.problems.len(), 1);
    assert!(input.problems[0].contains("2 of its 4 bytes"), "{:?}", input.problems);
    let input = find(b"b0800001 12345678 00000001", &options(None)).unwrap();
    assert!(input.problems[0].starts_with("line 1, word 1: 12345678"), "{:?}", input.problems);
}

const LOG: &str = "\
[    3.000000] caam 8000000.crypto: device ID = 0x0a16040100000000 (Era 9)
[    3.100000] key in @591: 00000000a1b2c3d4: 00112233 44556677                    ..\"3DUfw
[    4.000000] xts skcipher enc shdesc@1576: 0000000011111111: b8801205 a1004003 a1004002 a1004001  .....@...@...@..
[    4.000001] caam_jr 8001000.jr: something else: 12345678
[    4.000002] skcipher jobdesc@1833: ffff000011110000: 03 00 80 b0 01 00 00 a0                          ........
[    4.000003] skcipher jobdesc@1833: ffff000011110008: 01 00 c0 a0                                      ....
[    4.000004] xts skcipher enc shdesc@1576: 000000008f3a2b1c: a1004001                             .@..
<7>aead jobdesc@1508: 00000000: b0800005 a0000001
<7>aead jobdesc@1509: 00000000: 12345678 a0000001
";

#[test]
fn dumps_in_a_kernel_log() {
    let input = find(LOG.as_bytes(), &options(None)).unwrap();
    let shared = [0xb880_1205, 0xa100_4003, 0xa100_4002, 0xa100_4001, 0xa100_4001];
    assert_eq!(
        found(&input),
        [
            ("line 3: xts skcipher enc shdesc@1576", &shared[..]),
            ("line 5: skcipher jobdesc@1833", &JOB[..]),
            ("line 8: aead jobdesc@1508", &[0xb080_0005, 0xa000_0001][..]),
        ]
    );
    let problem = &input.problems[0];
    assert!(problem.contains("line 9: aead jobdesc@1509: 12345678 is not"), "{problem}");
    // The last one is half a descriptor.
    let listing = descriptor(&input.found[2].words, SOC).unwrap();
    assert!(listing.problems[0].what.contains("cut short"));
    let error = find(b"key in @591: 00000000: 00112233 44556677", &options(None)).unwrap_err();
    assert!(error.to_string().contains("no descriptor among the 1 hex dumps"), "{error}");
}

#[test]
fn fixtures() {
    let fixture = "# job\nsoc virt-era9\njob 40\n\nwords 40\nb0800002  JOB HEADER\na0c00001  x\n\n\
                   table 80\n00000001 00000000 00000004 00000000  4 bytes\n\nstatus 00000000\n";
    let input = find(fixture.as_bytes(), &options(None)).unwrap();
    assert_eq!(found(&input), [("line 5: at 0x40", &[0xb080_0002, 0xa0c0_0001][..])]);
}

#[test]
fn garbage_is_refused_with_its_place() {
    for (bytes, what) in [
        (&b""[..], "nothing"),
        (b"\x00\x01\x02", "no words"),
        (b"\x00\x01\x02\x03", "word 0: 03020100 is not the header"),
        (b"hello world", "line 1, column 1: \"hello\""),
        (b"b0800001\n  0x123456789", "line 2, column 3"),
        (b"12345678", "line 1: 12345678 is not the header"),
        (b"{ }", "no words"),
        (b"{ 1, xyz }", "line 1, column 6: \"xyz\""),
    ] {
        let error = find(bytes, &options(None)).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    let bare = Options { bare: true, ..options(None) };
    assert_eq!(
        found(&find(b"a0000001 8210050d", &bare).unwrap()),
        [("line 1", &[0xa000_0001, 0x8210_050d][..])]
    );
}

/// Words that look like commands more often than chance would have it.
fn words() -> impl Strategy<Value = Vec<u32>> {
    let opcodes: Vec<u32> = COMMANDS.iter().map(|(opcode, _)| *opcode).collect();
    let short = (prop::sample::select(opcodes), any::<u32>(), 0..=0x1f_u32)
        .prop_map(|(opcode, rest, length)| opcode << 27 | rest & 0x07ff_0000 | length);
    prop::collection::vec(prop_oneof![3 => short, 2 => any::<u32>()], 1..64)
}

proptest! {
    #![proptest_config(cases(1500))]

    /// Any words have a text, and the text gives them back.
    #[test]
    fn words_to_text_and_back(words in words(), wide_pointers: bool) {
        let wide = wide();
        let soc = if wide_pointers { &wide } else { SOC };
        let listing = bare(&words, soc);
        prop_assert_eq!(listing.length(), words.len());
        let shown = text(&listing);
        prop_assert_eq!(assemble(&shown, soc), Ok(words), "\n{}", shown);
    }

    /// And so have descriptors, with their headers and blocks.
    #[test]
    fn descriptors_to_text_and_back(
        mut words in words(),
        shared: bool,
        header in any::<u32>(),
        wide_pointers: bool,
    ) {
        let wide = wide();
        let soc = if wide_pointers { &wide } else { SOC };
        let opcode = if shared { 0xb880_0000 } else { 0xb080_0000 };
        words[0] = opcode | header & 0x073f_7f80 & !(1 << 15 | 0x7f) | words.len() as u32 & 0x3f;
        if words.len() == 64 {
            words.pop();
            words[0] |= 63;
        }
        let listing = descriptor(&words, soc).unwrap();
        prop_assert_eq!(listing.length(), words.len());
        let shown = text(&listing);
        prop_assert_eq!(assemble(&shown, soc), Ok(words), "\n{}", shown);
        // Targets are lines.
        for item in listing.lines.iter().flat_map(|line| &line.items) {
            if let Value::Target(at) = item.value {
                prop_assert!(at == listing.length() || listing.lines.iter().any(|l| l.index == at));
            }
        }
        prop_assert_eq!(listing.kind == Kind::Shared, shared);
    }

    /// Whatever the input is, it is listed or refused.
    #[test]
    fn any_input_has_an_end(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            "(\\[ [0-9.]{1,4}\\] )?[a-z]{1,4}desc@[0-9]{1,3}: [0-9a-f]{8}: ([0-9a-f]{8} ){1,4} .{0,9}\n"
                .prop_map(String::into_bytes),
            "[{};,0-9a-fx/* \n]{0,80}".prop_map(String::into_bytes),
        ],
        bare: bool,
    ) {
        if let Ok(input) = find(&bytes, &input::Options { soc: SOC, order: None, bare }) {
            prop_assert!(!input.found.is_empty() || !input.problems.is_empty());
            for Found { words, .. } in input.found {
                if let Some(listing) = descriptor(&words, SOC).filter(|_| !bare) {
                    prop_assert_eq!(listing.length(), words.len());
                }
            }
        }
    }

    /// Whatever the text is, it is words or an error in it.
    #[test]
    fn any_text_is_assembled_or_refused(
        text in prop_oneof![
            ".{0,200}",
            "((KEY|JUMP|MATH|LOAD|JOB HEADER|data|word|x:) ((class|type|length|offset|pointer|imm|start|bits)=[A-Z0-9x-]{0,9} |IMM |SHR ){0,5}\n){0,5}",
        ]
    ) {
        if let Err(error) = assemble(&text, SOC) {
            prop_assert!((1..=text.lines().count() + 1).contains(&error.line));
        }
    }
}

/// In a longer input, too, a command has no more words than a descriptor.
#[test]
fn a_command_longer_than_any_descriptor_is_words() {
    let mut words = vec![0; 200];
    // KEY IMM, 567 bytes.
    words[0] = 0x0280_0000 | 567;
    let listing = bare(&words, SOC);
    assert_eq!(listing.lines.len(), words.len());
    assert_eq!(assemble(&text(&listing), SOC).as_deref(), Ok(&words[..]));
}
