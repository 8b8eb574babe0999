//! The DECO at work: the commands one by one, and the driver's jobs against the modes done
//! another way. What goes wrong is in `deco_error_tests.rs` and `deco_jump_tests.rs`.

use super::*;
use crate::descriptors::build::Assembler;
use crate::device::platform::Secrets;
use crate::device::soc::{PointerSize, VIRT_ERA9};
use crate::memory::flat::FlatMemory;

#[path = "deco_class2_tests.rs"]
mod class2;
#[path = "deco_error_tests.rs"]
mod errors;
#[path = "deco_jump_tests.rs"]
mod jumps;
#[path = "deco_model_tests.rs"]
mod model;
#[path = "deco_protocol_tests.rs"]
mod protocols;
#[path = "deco_worn_tests.rs"]
mod worn;

const BASE: u64 = 0x4000_0000;
const SIZE: usize = 0x4_0000;
const JOB: u64 = BASE + 0x1000;
const SHARED: u64 = BASE + 0x1200;
const OTHER: u64 = BASE + 0x1400;
const TABLE: u64 = BASE + 0x2000;
const IN: u64 = BASE + 0x4000;
const OUT: u64 = BASE + 0x8000;
const KEY: [u8; 16] = *b"yellow submarine";

/// Commands of these tests: KEY class 1; OPERATION AES init encrypt.
const KEY1: u32 = 0x0200_0000;
const CBC: u32 = 0x8210_0105;
const ECB: u32 = 0x8210_0205;
const CTR: u32 = 0x8210_0005;
/// LOAD and STORE, class 1 context; MATH0 (DECO).
const LOAD_CONTEXT1: u32 = 0x1220_0000;
const STORE_CONTEXT1: u32 = 0x5220_0000;
const LOAD_MATH0: u32 = 0x1608_0000;
const STORE_MATH0: u32 = 0x5608_0000;
/// FIFO LOAD class 1 message LAST1; FIFO STORE message; both also from and to sequences.
const LOAD_LAST: u32 = 0x2212_0000;
const STORE_TEXT: u32 = 0x6030_0000;
const SEQ_LOAD_LAST: u32 = 0x2a12_0000;
const SEQ_STORE_TEXT: u32 = 0x6830_0000;

/// Memory with a pattern at [`IN`].
fn memory() -> FlatMemory {
    let memory = FlatMemory::new(BASE, SIZE);
    let pattern: Vec<u8> = (0..0x4000_u32).map(|i| (i * 11 + i / 256) as u8).collect();
    memory.poke(IN, &pattern);
    memory
}

fn run_in(memory: &impl GuestMemory, soc: &SocProfile) -> Report {
    let stop = AtomicBool::new(false);
    run(memory, &platform(soc), JOB, &mut Scratch::default(), Budget::default(), &stop)
}

/// A platform with a repeatable RNG.
fn platform(soc: &SocProfile) -> Platform {
    let secrets = Secrets { seed: Some(1), master_key: None };
    Platform::new(soc, secrets).expect("a seed always has bytes")
}

/// Runs the job that `write` assembles, in the default profile.
fn report_in(memory: &FlatMemory, write: impl FnOnce(&mut Assembler<'_>)) -> Report {
    let mut job = Assembler::job(&VIRT_ERA9);
    write(&mut job);
    memory.poke_words(JOB, &job.finish());
    run_in(memory, &VIRT_ERA9)
}

/// Runs a job that must succeed; returns its memory.
#[track_caller]
fn good(write: impl FnOnce(&mut Assembler<'_>)) -> FlatMemory {
    let memory = memory();
    let report = report_in(&memory, write);
    assert_eq!(report.status, JobStatus::OK);
    assert_eq!(report.dma_error, None);
    memory
}

/// ECB with [`KEY`], by the `aes` crate.
fn ecb(text: &[u8]) -> Vec<u8> {
    model::ecb(&KEY, true, text)
}

#[test]
fn an_empty_job_succeeds() {
    good(|_| {});
    let report = report_in(&memory(), |_| {});
    let operations = [None; 2];
    let (status, dma_error) = (JobStatus::OK, None);
    assert_eq!(report, Report { dma_error, operations, ..Report::of_status(status) });
}

#[test]
fn the_report_names_the_first_operation_and_its_bytes() {
    let report = report_in(&memory(), |d| {
        d.immediate(KEY1, &KEY).words(&[ECB]);
        d.by_pointer(LOAD_LAST, IN, 48).by_pointer(STORE_TEXT, OUT, 48);
    });
    assert_eq!(report.status, JobStatus::OK);
    assert_eq!(report.operations, [Some((Work::AesEcb, Direction::Encrypt, 48)), None]);
}

#[test]
fn stores_and_loads_may_come_before_the_operation() {
    // the order of NXP's bare-metal driver
    let memory = good(|d| {
        d.immediate(KEY1, &KEY);
        d.by_pointer(LOAD_LAST, IN, 32).by_pointer(STORE_TEXT, OUT, 32).words(&[ECB]);
    });
    assert_eq!(memory.peek(OUT, 32), ecb(&memory.peek(IN, 32)));
    let memory = good(|d| {
        d.by_pointer(STORE_TEXT, OUT, 32).by_pointer(LOAD_LAST, IN, 32);
        d.immediate(KEY1, &KEY).words(&[ECB]);
    });
    assert_eq!(memory.peek(OUT, 32), ecb(&memory.peek(IN, 32)));
}

#[test]
fn keys_come_from_anywhere() {
    let expected = model::ecb(&memory().peek(IN, 16), true, &memory().peek(IN + 0x100, 16));
    let rest = |d: &mut Assembler<'_>| {
        d.words(&[ECB]).by_pointer(LOAD_LAST, IN + 0x100, 16).by_pointer(STORE_TEXT, OUT, 16);
    };
    let check = |key: &dyn Fn(&mut Assembler<'_>)| {
        let memory = memory();
        // a table of the key in three pieces
        for (i, (at, length)) in [(0, 5), (5, 10), (15, 1)].into_iter().enumerate() {
            memory.poke_words(TABLE + 16 * i as u64, &[(IN + at) as u32, 0, length, 0]);
        }
        let report = report_in(&memory, |d| {
            key(d);
            rest(d);
        });
        assert_eq!((report.status, memory.peek(OUT, 16)), (JobStatus::OK, expected.clone()));
    };
    check(&|d| _ = d.immediate(KEY1, &memory().peek(IN, 16)));
    check(&|d| _ = d.by_pointer(KEY1, IN, 16));
    check(&|d| _ = d.by_pointer(KEY1 | 1 << 24, TABLE, 16));
    // SEQ KEY
    check(&|d| _ = d.sequence_in(TABLE, 16, true).words(&[0x0a00_0010]));
    // with VLF it is VSIL (= SIL + MATH0) that counts, not the command's length
    for length in [0, 12, 16, 0x3ff] {
        let commands = [0xa808_0a04, 0x0b00_0000 | length];
        check(&|d| _ = d.sequence_in(TABLE, 16, true).words(&commands));
    }
    // LOAD of the key register in two halves
    check(&|d| _ = d.by_pointer(0x1240_0800, IN + 8, 8).by_pointer(0x1240_0000, IN, 8));
}

#[test]
fn a_fifo_load_may_be_immediate() {
    let memory = good(|d| {
        d.immediate(KEY1, &KEY).words(&[ECB]);
        d.immediate(0x2210_0000, b"sixteen bytes, ").immediate(0x2210_0000, b"and sixteen more.");
        d.immediate(LOAD_LAST, b"").by_pointer(STORE_TEXT, OUT, 32);
    });
    assert_eq!(memory.peek(OUT, 32), ecb(b"sixteen bytes, and sixteen more."));
}

#[test]
fn message_pieces_are_one_message() {
    // 7 + 0 + 30 + 11 bytes, from table, sequence and pointer
    let memory = memory();
    memory.poke_words(TABLE, &[IN as u32, 0, 3, 0, (IN + 3) as u32, 0, 4, 0]);
    let report = report_in(&memory, |d| {
        d.immediate(KEY1, &KEY).words(&[CTR]);
        d.by_pointer(0x2310_0000, TABLE, 7).sequence_in(IN + 7, 30, false);
        d.words(&[0x2a10_0000, 0x2a10_001e]).by_pointer(LOAD_LAST, IN + 37, 11);
        d.by_pointer(STORE_TEXT, OUT, 1).by_pointer(STORE_TEXT, OUT + 1, 47);
    });
    assert_eq!(report.status, JobStatus::OK);
    let expected = model::ctr(&KEY, &mut [0; 16], &memory.peek(IN, 48));
    assert_eq!(memory.peek(OUT, 48), expected);
}

#[test]
fn contexts_survive_from_job_to_job() {
    // CBC in two jobs: the context is stored, and loaded again
    let all = memory().peek(IN, 64);
    let expected = model::cbc(&KEY, true, &mut [7; 16], &all);
    let memory = good(|d| {
        d.immediate(KEY1, &KEY).immediate(LOAD_CONTEXT1, &[7; 16]).words(&[CBC]);
        d.by_pointer(LOAD_LAST, IN, 32).by_pointer(STORE_TEXT, OUT, 32);
        d.by_pointer(STORE_CONTEXT1, OUT + 0x100, 16);
    });
    let report = report_in(&memory, |d| {
        d.immediate(KEY1, &KEY).by_pointer(LOAD_CONTEXT1, OUT + 0x100, 16).words(&[CBC]);
        d.by_pointer(LOAD_LAST, IN + 32, 32).by_pointer(STORE_TEXT, OUT + 32, 32);
    });
    assert_eq!(report.status, JobStatus::OK);
    assert_eq!(memory.peek(OUT, 64), expected);
}

#[test]
fn a_second_operation_needs_the_first_one_cleared() {
    let memory = good(|d| {
        d.immediate(KEY1, &KEY).words(&[ECB]);
        d.by_pointer(LOAD_LAST, IN, 16).by_pointer(STORE_TEXT, OUT, 16);
        // wait for class 1; CLRW: class 1 mode
        d.words(&[0xa200_0001]).immediate(0x1008_0000, &1_u32.to_le_bytes());
        d.words(&[ECB]).by_pointer(LOAD_LAST, OUT, 16).by_pointer(STORE_TEXT, OUT + 16, 16);
        // CCTRL: reset AESA
        d.words(&[0xa200_0001]).immediate(0x1006_0000, &2_u32.to_le_bytes());
        d.words(&[ECB]).by_pointer(LOAD_LAST, OUT, 32).by_pointer(STORE_TEXT, OUT + 32, 32);
    });
    let once = ecb(&memory.peek(IN, 16));
    let twice = ecb(&once);
    let thrice = ecb(&twice);
    assert_eq!(memory.peek(OUT, 64), [once, twice.clone(), twice, thrice].concat());
}

#[test]
fn math_registers_are_words_in_device_order() {
    // 8 bytes: the first word is the high one, each little-endian
    let memory = good(|d| {
        d.immediate(LOAD_MATH0, &[4, 3, 2, 1, 8, 7, 6, 5]);
        // MATH1 = MATH0 + 1, 8 bytes
        d.words(&[0xa800_c108]);
        d.by_pointer(STORE_MATH0, OUT, 16);
        // by their second word alone: offset 4
        d.by_pointer(STORE_MATH0 | 0x400, OUT + 16, 4);
    });
    let expected = [4, 3, 2, 1, 8, 7, 6, 5, 4, 3, 2, 1, 9, 7, 6, 5, 8, 7, 6, 5];
    assert_eq!(memory.peek(OUT, 20), expected);
}

#[test]
fn dpovrd_can_be_loaded_and_stored() {
    let memory = good(|d| {
        d.immediate(0x1607_0000, &0x1234_5678_u32.to_le_bytes());
        // MATH0 = DPOVRD + 1
        d.words(&[0xa807_c004]).by_pointer(STORE_MATH0, OUT, 8).by_pointer(0x5607_0000, OUT + 8, 4);
    });
    assert_eq!(memory.peek(OUT, 12), [0, 0, 0, 0, 0x79, 0x56, 0x34, 0x12, 0x78, 0x56, 0x34, 0x12]);
}

#[test]
fn class2_context_is_a_register_of_72_bytes() {
    let memory = good(|d| {
        d.by_pointer(0x1420_0000, IN, 72).by_pointer(0x5420_1000, OUT, 40);
        // CLRW: class 2 context
        d.immediate(0x1008_0000, &(1_u32 << 21).to_le_bytes()).by_pointer(
            0x5420_0000,
            OUT + 40,
            72,
        );
    });
    assert_eq!(memory.peek(OUT, 40), memory.peek(IN + 16, 40));
    assert_eq!(memory.peek(OUT + 40, 72), [0; 72]);
}

#[test]
fn clrw_clears_what_it_names() {
    let clrw = |bits: u32| {
        good(|d| {
            d.immediate(LOAD_CONTEXT1, &[9; 16]);
            d.immediate(0x1008_0000, &bits.to_le_bytes()).by_pointer(STORE_CONTEXT1, OUT, 16);
        })
        .peek(OUT, 16)
    };
    assert_eq!(clrw(1 << 5), [0; 16]);
    assert_eq!(clrw(!(1 << 5)), [9; 16]);
}

#[test]
fn dctrl_resets_the_output_fifo() {
    // LOAD output FIFO twice, with a reset in between: only the second is stored
    for reset in [0x1686_0020, 0x1686_0040] {
        let memory = good(|d| {
            d.immediate(0x107e_0000, b"lost").words(&[reset]);
            d.immediate(0x107e_0000, b"kept").by_pointer(STORE_TEXT, OUT, 4);
        });
        assert_eq!(memory.peek(OUT, 4), b"kept");
    }
    // CLRW 31 does so, too
    let memory = good(|d| {
        d.immediate(0x107e_0000, b"lost").immediate(0x1008_0000, &(1_u32 << 31).to_le_bytes());
        d.immediate(0x107e_0000, b"kept").by_pointer(STORE_TEXT, OUT, 4);
    });
    assert_eq!(memory.peek(OUT, 4), b"kept");
}

#[test]
fn sequences() {
    let memory = good(|d| {
        d.sequence_in(IN, 0x30, false).sequence_out(OUT, 0x40, false);
        d.immediate(KEY1, &KEY);
        // SEQ LOAD 16 to the context; input skipped, output skipped
        d.words(&[0x1a20_0010, 0x2800_0010, 0x683f_0010, CBC]);
        d.words(&[SEQ_LOAD_LAST | 16, SEQ_STORE_TEXT | 16]);
        // metadata needs input: PRE adds 8 bytes; SEQ STORE of the context
        d.words(&[0xf080_0008, 0x683e_0008, 0x5a20_0010]);
    });
    let mut iv: [u8; 16] = memory.peek(IN, 16).try_into().unwrap();
    let text = model::cbc(&KEY, true, &mut iv, &memory.peek(IN + 0x20, 16));
    let expected =
        [vec![0; 16], text.clone(), memory.peek(IN + 0x30, 8), text, vec![0; 8]].concat();
    assert_eq!(memory.peek(OUT, 64), expected);
}

#[test]
fn sequences_can_start_again() {
    let memory = good(|d| {
        d.sequence_in(IN, 16, false).sequence_out(OUT, 32, false);
        d.immediate(KEY1, &KEY).words(&[0x1a20_0010]);
        // RTO
        d.words(&[0xf020_0010, CBC, SEQ_LOAD_LAST | 16, SEQ_STORE_TEXT | 16]);
        // RTO of the output: the same place again
        d.words(&[0xf820_0010, 0x5a20_0808]);
    });
    // x ^ x is 0
    let text = ecb(&[0; 16]);
    assert_eq!(memory.peek(OUT, 16), [&text[8..], &text[8..]].concat());
    assert_eq!(memory.peek(OUT + 16, 16), [0; 16]);
}

#[test]
fn variable_lengths() {
    let memory = good(|d| {
        d.sequence_in(IN, 0x30, false).sequence_out(OUT, 0x30, false);
        d.immediate(KEY1, &KEY).words(&[ECB]);
        // VSIL = SIL + MATH0; VSOL likewise; VLF
        d.words(&[0xa808_0a04, 0xa808_0b04, 0x2b12_0000, 0x6930_0000]);
    });
    assert_eq!(memory.peek(OUT, 0x30), ecb(&memory.peek(IN, 0x30)));
}

#[test]
fn moves_between_registers() {
    let bytes: Vec<u8> = (1..=32).collect();
    let memory = good(|d| {
        d.immediate(LOAD_CONTEXT1, &bytes);
        // context 1 at 4 to MATH1, 8 bytes; MATH1 to context 2 at 0x20, 8 bytes
        d.words(&[0x7805_0408, 0x7851_2008]);
        // context 2 at 0x20 to the output FIFO, 8 bytes; from there to context 1 at 56
        d.words(&[0x7812_2008, 0x7920_3808]);
        d.by_pointer(STORE_CONTEXT1 | 56 << 8, OUT, 8).by_pointer(0x5609_0000, OUT + 8, 8);
        // MOVE LEN: MATH0 = 3 bytes of context 1 to the output FIFO
        d.words(&[0xa80c_4004, 3, 0x7002_0000]).by_pointer(STORE_TEXT, OUT + 16, 3);
    });
    // Registers are bytes; MATH has its most significant byte first.
    assert_eq!(memory.peek(OUT, 8), [5, 6, 7, 8, 9, 10, 11, 12]);
    assert_eq!(memory.peek(OUT + 8, 8), [8, 7, 6, 5, 12, 11, 10, 9]);
    assert_eq!(memory.peek(OUT + 16, 3), [1, 2, 3]);
}

#[test]
fn moves_between_descriptor_and_context() {
    // AUX counts the context in units of 16: words 9 and 10 to context 1 at 32, and back to 11
    let memory = good(|d| {
        d.words(&[0x7c30_2408, 0x7c03_2c08, 0xa000_000a]);
        while d.here() < 9 {
            d.word(0xa000_0001);
        }
        d.words(&[0x0102_0304, 0x0506_0708, 0, 0]);
        d.by_pointer(STORE_CONTEXT1 | 32 << 8, OUT, 8);
        // MATH0 from words 11 and 12
        d.words(&[0x7834_2c08]).by_pointer(STORE_MATH0, OUT + 8, 8);
    });
    assert_eq!(memory.peek(OUT, 8), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(memory.peek(OUT + 8, 8), [4, 3, 2, 1, 8, 7, 6, 5]);
}

#[test]
fn a_descriptor_may_change_itself() {
    // A JUMP to the next word, in MATH0, replaces word 9, which would halt with code 9.
    good(|d| {
        d.immediate(LOAD_MATH0, &[1, 0, 0, 0xa0, 0, 0, 0, 0]).words(&[0x7943_2404]);
        d.words(&[0xa000_0001; 4]).words(&[0xa0c0_0009]);
    });
}

#[test]
fn local_jumps_and_conditions() {
    // (MATH to set flags, JUMP word without offset, taken?)
    let subtract = |a: u32, b: u32| [0xa82c_4f04, b.wrapping_sub(a)];
    let (zero, negative, positive) = (subtract(0, 0), subtract(0, 1), subtract(1, 0));
    let cases = [
        (zero, 0xa000_0400, true),
        (zero, 0xa001_0400, false),
        (zero, 0xa000_0000, true),
        (negative, 0xa000_0400, false),
        (negative, 0xa001_0400, true),
        // N and C: all, any; Z and N: any, not all
        (negative, 0xa000_0a00, true),
        (negative, 0xa002_0c00, true),
        (negative, 0xa000_0c00, false),
        (negative, 0xa003_0c00, true),
        (negative, 0xa003_0a00, false),
        (negative, 0xa002_0400, false),
        (positive, 0xa001_0c00, true),
        // N xor V
        (negative, 0xa000_0100, true),
        (zero, 0xa000_0100, false),
        // PK flags are never set
        (zero, 0xa002_e000, false),
        (zero, 0xa001_e000, true),
        // JSL: SHRD, SELF, JQP never; nothing pending always
        (zero, 0xa100_4000, false),
        (zero, 0xa102_e000, false),
        (zero, 0xa100_1f00, true),
        (zero, 0xa101_4000, true),
    ];
    for (flags, jump, taken) in cases {
        let report = report_in(&memory(), |d| {
            // over a halt with code 1 to one with code 2
            d.words(&flags).words(&[jump | 2, 0xa0c0_0001, 0xa0c0_0002]);
        });
        let code = if taken { 2 } else { 1 };
        assert_eq!(report.status.0 & 0xf000_00ff, 0x3000_0000 | code, "{jump:08x} {flags:08x?}");
    }
}

#[test]
fn loops_count_down_and_up() {
    // MATH1 += 5 while MATH0 counts down from 4
    let memory = good(|d| {
        d.words(&[0xa80c_4004, 4, 0xa801_4104, 5]);
        // LOCAL DECREMENT of MATH0, jump back unless zero: any false, Z
        d.words(&[0xa033_04fe]).by_pointer(STORE_MATH0, OUT, 16);
    });
    assert_eq!(memory.peek(OUT, 16), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0]);
    // LOCAL INCREMENT of VSIL (10) from -3, until zero
    let memory = good(|d| {
        d.words(&[0xa82c_4a04, 3, 0xa801_4104, 1, 0xa013_a4fe]).by_pointer(STORE_MATH0, OUT, 16);
    });
    assert_eq!(memory.peek(OUT + 12, 4), [3, 0, 0, 0]);
}

#[test]
fn non_local_jumps() {
    let memory = memory();
    let mut other = Assembler::job(&VIRT_ERA9);
    // What the first descriptor left in the registers is still there.
    other.words(&[ECB]).by_pointer(LOAD_LAST, IN, 16).by_pointer(STORE_TEXT, OUT, 16);
    memory.poke_words(OTHER, &other.finish());
    let report = report_in(&memory, |d| {
        d.immediate(KEY1, &KEY).by_pointer(0xa040_0000, OTHER, 0).words(&[0xa0c0_0001]);
    });
    assert_eq!(report.status, JobStatus::OK);
    assert_eq!(memory.peek(OUT, 16), ecb(&memory.peek(IN, 16)));
    // one that is not taken
    let report = report_in(&memory, |d| {
        d.by_pointer(0xa040_0400, OTHER, 0).words(&[0xa0c0_0001]);
    });
    assert_eq!(report.status.0, 0x3000_0301);
}

#[test]
fn shared_descriptors_run_before_or_after() {
    // Each appends a letter to the output FIFO; the second part stores both.
    let letter = |d: &mut Assembler<'_>, l: u8| _ = d.immediate(0x107e_0000, &[l]);
    for (reverse, expected) in [(false, b"SJ"), (true, b"JS")] {
        let memory = memory();
        let store = |d: &mut Assembler<'_>| _ = d.by_pointer(STORE_TEXT, OUT, 2);
        let mut shared = Assembler::shared(&VIRT_ERA9, true);
        letter(&mut shared, b'S');
        if reverse {
            store(&mut shared);
        }
        let shared = shared.finish();
        memory.poke_words(SHARED, &shared);
        let mut job = Assembler::job_sharing(&VIRT_ERA9, SHARED, shared.len());
        letter(&mut job, b'J');
        if !reverse {
            store(&mut job);
        }
        let mut job = job.finish();
        if !reverse {
            job[0] &= !(1 << 11);
        }
        memory.poke_words(JOB, &job);
        assert_eq!(run_in(&memory, &VIRT_ERA9).status, JobStatus::OK);
        assert_eq!(memory.peek(OUT, 2), expected);
    }
}

#[test]
fn wide_pointers() {
    for high_word_first in [false, true] {
        let soc = SocProfile { pointer: PointerSize::Bits64, high_word_first, ..VIRT_ERA9 };
        let memory = FlatMemory::new(0x5_0000_0000, 0x1000);
        let mut job = Assembler::job(&soc);
        job.immediate(KEY1, &KEY).words(&[ECB]);
        job.by_pointer(LOAD_LAST, 0x5_0000_0800, 16).by_pointer(STORE_TEXT, 0x5_0000_0900, 16);
        memory.poke_words(0x5_0000_0000, &job.finish());
        let stop = AtomicBool::new(false);
        let (mut scratch, budget) = (Scratch::default(), Budget::default());
        let report = run(&memory, &platform(&soc), 0x5_0000_0000, &mut scratch, budget, &stop);
        assert_eq!(report.status, JobStatus::OK);
        assert_eq!(memory.peek(0x5_0000_0900, 16), ecb(&[0; 16]));
    }
}

#[test]
fn nothing_is_left_for_the_next_job() {
    // Key, mode, context, MATH and FIFOs of a job that failed half-way are gone.
    let memory = memory();
    let stop = AtomicBool::new(false);
    let mut scratch = Scratch::default();
    let mut one = |write: &dyn Fn(&mut Assembler<'_>)| {
        let mut job = Assembler::job(&VIRT_ERA9);
        write(&mut job);
        memory.poke_words(JOB, &job.finish());
        run(&memory, &platform(&VIRT_ERA9), JOB, &mut scratch, Budget::default(), &stop).status.0
    };
    let status = one(&|d| {
        d.immediate(KEY1, &KEY).immediate(LOAD_CONTEXT1, &[1; 64]).immediate(LOAD_MATH0, &[2; 32]);
        d.words(&[ECB]).by_pointer(0x2210_0000, IN, 16).immediate(0x107e_0000, b"left over");
        d.words(&[0x9000_0000]);
    });
    assert_eq!(status & 0xff, 0x0f);
    assert_eq!(
        one(&|d| _ = d.by_pointer(STORE_CONTEXT1, OUT, 64).by_pointer(STORE_MATH0, OUT + 64, 32)),
        0
    );
    assert_eq!(memory.peek(OUT, 96), [0; 96]);
    // no output waits, no key and no mode is set
    assert_eq!(one(&|d| _ = d.by_pointer(STORE_TEXT, OUT, 1)) & 0xf000_00ff, 0x4000_001c);
    let no_key = one(&|d| _ = d.words(&[ECB]).by_pointer(LOAD_LAST, IN, 16));
    assert_eq!(no_key & 0xf000_00ff, 0x2000_0013);
}

#[test]
fn the_descriptor_buffer_is_loaded_and_stored_by_words() {
    let memory = memory();
    // What is loaded over word 5: JUMP HALT USER 7.
    memory.poke_words(IN, &[0xa0c0_0007]);
    let report = report_in(&memory, |d| {
        // LOAD DESCBUF, offset 5 words, 1 word; STORE DESCBUF, words 1 and 2
        d.by_pointer(0x1640_0500, IN, 1).by_pointer(0x5640_0100, OUT, 2).words(&[0xa000_0001]);
    });
    assert_eq!(report.status.0, 0x3000_0507);
    let words: Vec<u8> = [0x1640_0501, IN as u32].iter().flat_map(|w| w.to_le_bytes()).collect();
    assert_eq!(memory.peek(OUT, 8), words);
}

#[test]
fn without_automatic_entries_data_waits_for_one() {
    let memory = memory();
    // DCTRL: disable automatic info FIFO entries; FIFO LOAD has none then.
    let report = report_in(&memory, |d| {
        d.immediate(KEY1, &KEY).words(&[ECB, 0x1606_0800]);
        d.by_pointer(LOAD_LAST, IN, 16).by_pointer(STORE_TEXT, OUT, 16);
    });
    assert_eq!(report.status.0 & 0xf000_00ff, 0x4000_000a);
    // With an entry (class 1, last, message, 16 bytes) it goes where the entry says.
    let memory = good(|d| {
        d.immediate(KEY1, &KEY).words(&[ECB, 0x1606_0800, 0x10fa_0004, 0x50f0_0010]);
        d.by_pointer(LOAD_LAST, IN, 16).by_pointer(STORE_TEXT, OUT, 16);
    });
    assert_eq!(memory.peek(OUT, 16), ecb(&memory.peek(IN, 16)));
}
