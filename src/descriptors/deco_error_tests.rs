//! Malformed jobs: each ends with the status it should, at the command that is to blame, and
//! says which DMA access failed, if one did.

use super::*;
use crate::memory::{Access, Purpose};
use std::sync::atomic::Ordering;

/// Where nothing is.
pub(super) const NOWHERE: u64 = 0x1000;
const END: u64 = BASE + SIZE as u64;

/// Runs the job that `write` assembles. `write` returns the index of the command to blame.
#[track_caller]
pub(super) fn fails(status: u32, write: impl FnOnce(&mut Assembler<'_>) -> usize) -> FlatMemory {
    let memory = memory();
    fails_in(&memory, status, write);
    memory
}

#[track_caller]
fn fails_in(
    memory: &FlatMemory,
    status: u32,
    write: impl FnOnce(&mut Assembler<'_>) -> usize,
) -> Report {
    let mut index = 0;
    let report = report_in(memory, |d| index = write(d));
    let expected = JobStatus(status | (index as u32) << 8);
    assert_eq!(report.status, expected, "{} instead of {expected}", report.status);
    assert_eq!(report.dma_error.is_some(), status & 0xf000_00ff == 0x4000_0016);
    report
}

/// One command is to blame, whatever it takes behind it.
#[track_caller]
pub(super) fn refused(status: u32, words: &[u32]) {
    fails(status, |d| {
        d.words(&[0xa000_0001]);
        let index = d.here();
        d.words(words);
        index
    });
}

/// The last command is to blame: nothing was wrong until the job had to end.
pub(super) fn last(d: &Assembler<'_>, words: usize) -> usize {
    d.here() - words
}

#[test]
fn data_sizes() {
    // ECB and CBC: no whole blocks; CTR takes anything
    for (operation, length) in [(ECB, 20), (CBC, 1), (ECB & !1, 15), (CBC & !1, 17)] {
        fails(0x2000_0012, |d| {
            d.immediate(KEY1, &KEY).words(&[operation]);
            d.by_pointer(LOAD_LAST, IN, length).by_pointer(STORE_TEXT, OUT, length);
            last(d, 2)
        });
    }
    // XTS: less than a block, nothing at all, and a short last sector
    for length in [15, 1, 0, 0x8000 + 15] {
        fails(0x2000_0012, |d| {
            d.immediate(KEY1, &[KEY, [1; 16]].concat());
            d.immediate(LOAD_CONTEXT1 | 0x2800, &0x8000_u64.to_be_bytes());
            d.words(&[0x8210_050d]).by_pointer(LOAD_LAST, IN, length);
            last(d, 2)
        });
    }
    // XTS: a sector size that is no whole number of blocks
    fails(0x2000_0012, |d| {
        d.immediate(KEY1, &[KEY, [1; 16]].concat());
        d.immediate(LOAD_CONTEXT1 | 0x2800, &520_u64.to_be_bytes());
        d.words(&[0x8210_050d]).by_pointer(LOAD_LAST, IN, 1040);
        last(d, 2)
    });
}

#[test]
fn key_sizes() {
    let with_key = |key: &[u8], operation| {
        fails(0x2000_0013, |d| {
            d.immediate(KEY1, key).words(&[operation]).by_pointer(LOAD_LAST, IN, 16);
            last(d, 2)
        });
    };
    for length in [1, 8, 15, 17, 23, 31, 33, 48, 64] {
        with_key(&vec![1; length], CBC);
    }
    for length in [16, 24, 31, 48, 63] {
        with_key(&vec![1; length], 0x8210_050d);
    }
    // no key
    fails(0x2000_0013, |d| {
        d.words(&[ECB]).by_pointer(LOAD_LAST, IN, 16);
        last(d, 2)
    });
    with_key(&[], ECB);
    // CLRW 6 takes it away again; a key size register of its own
    fails(0x2000_0013, |d| {
        d.immediate(KEY1, &KEY).immediate(0x1008_0000, &(1_u32 << 6).to_le_bytes());
        d.words(&[ECB]).by_pointer(LOAD_LAST, IN, 16);
        last(d, 2)
    });
    fails(0x2000_0013, |d| {
        d.immediate(KEY1, &KEY).immediate(0x1201_0000, &15_u32.to_le_bytes());
        d.words(&[ECB]).by_pointer(LOAD_LAST, IN, 16);
        last(d, 2)
    });
}

#[test]
fn keys_that_cannot_be_loaded() {
    // black keys: ENC, by pointer and immediate
    refused(0x4000_0024, &[0x0240_0010, IN as u32]);
    refused(0x4000_0024, &[0x02c0_0010, 1, 2, 3, 4]);
    // no class, both
    refused(0x4000_0006, &[0x0000_0010, IN as u32]);
    refused(0x4000_0006, &[0x0600_0010, IN as u32]);
    // AFHA S-box
    refused(0x4000_0006, &[0x0202_0010, IN as u32]);
    // longer than the register
    refused(0x4000_0006, &[0x0200_0041, IN as u32]);
    refused(0x4000_0006, &[0x0200_03ff, IN as u32]);
    // LOAD past its end
    refused(0x4000_0007, &[0x1240_3011, IN as u32]);
}

#[test]
fn operations() {
    // modes AESA does not have: AAI 30 to 8F but XTS, and nonsense
    for aai in [0x30, 0x40, 0xf0, 0x1ff_u32] {
        refused(0x2000_0011, &[0x8210_0005 | aai << 4]);
    }
    // protocols: none is known
    refused(0x4000_0081, &[0x8601_0000]);
    refused(0x4000_0081, &[0x8701_0000]);
    // OP TYPE 3 and 5 do not exist
    refused(0x4000_0081, &[0x8310_0105]);
    refused(0x4000_0081, &[0x8510_0105]);
}

#[test]
fn two_operations_of_a_class() {
    for again in [CBC, ECB] {
        fails(0x2000_001d, |d| {
            d.immediate(KEY1, &KEY).words(&[CBC]).by_pointer(LOAD_LAST, IN, 16);
            d.by_pointer(STORE_TEXT, OUT, 16);
            // finished is not reset
            d.words(&[0xa200_0001]);
            d.word(again)
        });
    }
}

/// CHAs that the default profile does not have. As they come, their rows here go.
#[test]
fn absent_chas() {
    // (OPERATION, CHA's number in the status)
    let class1 = [
        (0x8260_0005, 6),   // SNOW f8
        (0x8270_0005, 7),   // Kasumi
        (0x82b0_0005, 0xb), // ZUCE
        (0x8230_0005, 3),   // ARC4
    ];
    let class2 = [
        (0x8490_0005, 9),   // CRC
        (0x84a0_0005, 0xa), // SNOW f9
        (0x84c0_0005, 0xc), // ZUCA
    ];
    for (word, cha) in class1.into_iter().chain(class2) {
        refused(0x2000_000f | cha << 4, &[word]);
    }
}

#[test]
fn low_power_aes_has_no_xts_and_no_gcm() {
    let mut soc = VIRT_ERA9;
    soc.aes.version -= 1;
    let status = |operation: u32| {
        let memory = memory();
        let mut job = Assembler::job(&soc);
        job.words(&[operation]);
        memory.poke_words(JOB, &job.finish());
        run_in(&memory, &soc).status.0
    };
    assert_eq!(status(0x8210_050d), 0x2000_0111);
    assert_eq!(status(0x8210_090d), 0x2000_0111);
    assert_eq!(status(CBC), 0);
    soc.aes.count = 0;
    let memory = memory();
    memory.poke_words(JOB, &[0xb080_0002, CBC]);
    assert_eq!(run_in(&memory, &soc).status.0, 0x2000_011f);
}

#[test]
fn invalid_commands() {
    for opcode in [6, 7, 8, 9, 0x11, 0x13, 0x18, 0x19, 0x1a, 0x1b, 0x1c_u32] {
        refused(0x4000_0004, &[opcode << 27]);
    }
    // headers where a command should be
    refused(0x4000_0004, &[0xb080_0001]);
    refused(0x4000_0004, &[0xb880_0001]);
    refused(0x4000_000f, &[0x9000_0000]);
}

#[test]
fn commands_cut_short_by_the_end_of_the_descriptor() {
    refused(0x4000_0006, &[0x0280_0010, 1, 2, 3]);
    refused(0x4000_0007, &[0x12a0_0008, 1]);
    refused(0x4000_0008, &[0x5220_0010]);
    refused(0x4000_000a, &[0x2212_0010]);
    refused(0x4000_000b, &[0x6070_0000, 1]);
    refused(0x4000_000d, &[0xa040_0000]);
    refused(0x4000_000e, &[0xa804_0304]);
    refused(0x4000_0010, &[0xf040_0000, 1]);
}

#[test]
fn sequences_past_their_length() {
    let sequences = |d: &mut Assembler<'_>| {
        d.sequence_in(IN, 16, false).sequence_out(OUT, 16, false);
        d.immediate(KEY1, &KEY).words(&[CTR]);
    };
    // SEQ LOAD, SEQ KEY, FIFO LOAD, skip; STORE, FIFO STORE, skip; metadata on the input side
    for word in
        [0x1a20_0011, 0x0a00_0011, 0x2a12_0011, 0x2800_0011, 0x5a20_0011, 0x6830_0011, 0x683f_0011]
    {
        fails(0x4000_0010, |d| {
            sequences(d);
            d.word(word)
        });
    }
    fails(0x4000_0010, |d| {
        sequences(d);
        d.words(&[0xf820_0040]);
        d.word(0x683e_0011)
    });
    // in two steps; with VLF
    fails(0x4000_0010, |d| {
        sequences(d);
        d.words(&[0x2a10_000a]);
        d.word(0x2a12_0007)
    });
    fails(0x4000_0010, |d| {
        sequences(d);
        d.words(&[0xa80c_4a04, 17]);
        d.word(0x2b12_0000)
    });
}

#[test]
fn sequences_that_are_not_there() {
    for word in [0x1a20_0001, 0x2a12_0001, 0x2800_0001, 0x5a20_0001, 0x6830_0001, 0x683f_0001] {
        refused(0x4000_0010, &[word]);
    }
    // SIL alone, set by MATH, is none either
    fails(0x4000_0010, |d| {
        d.words(&[0xa80c_4804, 16]);
        d.word(0x1a20_0010)
    });
    fails(0x4000_0010, |d| {
        d.words(&[0xa80c_4904, 16]);
        d.word(0x6830_0010)
    });
    // PRE and RTO of nothing; flags that are not supported
    refused(0x4000_0010, &[0xf080_0010]);
    refused(0x4000_0010, &[0xf820_0010]);
    refused(0x4000_0010, &[0xf200_0010, 0]);
    refused(0x4000_0010, &[0xf808_0010, 0]);
}

#[test]
fn tables() {
    let with = |entries: &[[u32; 4]], status| {
        let memory = memory();
        memory.poke_words(TABLE, entries.as_flattened());
        fails_in(&memory, status, |d| {
            d.immediate(KEY1, &KEY).words(&[ECB]);
            d.by_pointer(LOAD_LAST | 1 << 24, TABLE, 32).by_pointer(STORE_TEXT, OUT, 32);
            last(d, 2)
        })
    };
    let (low, f, e) = (IN as u32, 1 << 30, 1 << 31);
    // too short: F early
    with(&[[low, 0, f | 31, 0]], 0x4000_0001);
    with(&[[low, 0, 16, 0], [low, 0, f | 15, 0], [low, 0, 16, 0]], 0x4000_0001);
    // null
    with(&[[0, 0, 32, 0]], 0x4000_0002);
    with(&[[low, 0, 16, 0], [0, 0, f | 16, 0]], 0x4000_0002);
    // linked to itself
    with(&[[TABLE as u32, 0, e, 0]], 0x4000_001c);
    // a table, and data, that cannot be reached
    let report = with(&[[NOWHERE as u32, 0, e, 0]], 0x4000_0016);
    let read = |purpose, address, length| {
        Some(DmaError { purpose, address, length, access: Access::Read })
    };
    assert_eq!(report.dma_error, read(Purpose::Table, NOWHERE, 16));
    let report = with(&[[low, 0, 16, 0], [NOWHERE as u32, 0, 16, 0]], 0x4000_0016);
    assert_eq!(report.dma_error, read(Purpose::Input, NOWHERE, 16));
    // the output's
    let memory = memory();
    memory.poke_words(TABLE, &[OUT as u32, 0, f | 16, 0]);
    fails_in(&memory, 0x4000_0001, |d| {
        d.immediate(KEY1, &KEY).words(&[ECB]).by_pointer(LOAD_LAST, IN, 32);
        d.by_pointer(STORE_TEXT | 1 << 24, TABLE, 32);
        last(d, 2)
    });
}

#[test]
fn registers_overrun() {
    // context of 64 and 72 bytes
    refused(0x4000_0015, &[0x1220_3908, IN as u32]);
    refused(0x4000_0015, &[0x1220_ff01, IN as u32]);
    refused(0x4000_0015, &[0x1420_4405, IN as u32]);
    refused(0x4000_0015, &[0x5220_3908, OUT as u32]);
    refused(0x4000_0015, &[0x5420_4405, OUT as u32]);
    // MATH: 32 bytes
    refused(0x4000_0007, &[0x1608_1911, IN as u32]);
    refused(0x4000_0007, &[0x160b_0009, IN as u32]);
}

#[test]
fn loads_and_stores_of_what_is_not_there() {
    // descriptor buffer, key size of class 3, nothing known
    for word in [0x1600_0004, 0x1210_0004, 0x1220_0000 | 0x005f_0004, 0x127c_0004] {
        refused(0x4000_0007, &[word, IN as u32]);
    }
    // STORE of FIFOs and of codes without a register; STORE IMM
    for word in [0x507e_0004, 0x527c_0004, 0x525f_0004, 0x5208_0004] {
        refused(0x4000_0008, &[word, OUT as u32]);
    }
    refused(0x4000_0008, &[0x52a0_0008, 1, 2]);
}

#[test]
fn fifo_commands() {
    // FIFO LOAD of a PKHA register, of bit data; IMM with EXT; a skip that is no sequence's
    refused(0x4000_000a, &[0x2208_0010, IN as u32]);
    refused(0x4000_000a, &[0x2228_0010, IN as u32]);
    refused(0x4000_000a, &[0x22d2_0004, 4, 1]);
    refused(0x4000_000a, &[0x2010_0010, IN as u32]);
    // FIFO STORE of encrypted output, an S-box; skip and metadata by pointer
    for word in [0x6028_0010, 0x6020_0010, 0x603f_0010, 0x603e_0010] {
        refused(0x4000_000b, &[word, OUT as u32]);
    }
}

#[test]
fn metadata_is_limited() {
    let store = |d: &mut Assembler<'_>, length: u32| {
        d.sequence_in(IN, 0x1000, false).sequence_out(OUT, 0x1000, false);
        d.word(0x683e_0000 | length)
    };
    fails(0x4000_0022, |d| store(d, 512));
    let memory = good(|d| _ = store(d, 511));
    assert_eq!(memory.peek(OUT, 511), memory.peek(IN, 511));
}

#[test]
fn moves() {
    // unsupported places: source A, destination C; DECO alignment block
    refused(0x4000_000c, &[0x78a4_0008]);
    refused(0x4000_000c, &[0x784c_0008]);
    refused(0x4000_000c, &[0x7884_0008]);
    // past the end of MATH, the context, the descriptor
    refused(0x4000_000c, &[0x7874_0009]);
    refused(0x4000_000c, &[0x7804_3908]);
    refused(0x4000_000c, &[0x7834_f008]);
    refused(0x4000_000c, &[0x7843_f008]);
    // from the output FIFO, into which nothing comes; class 2 data that never comes
    refused(0x4000_001c, &[0x7924_0004]);
    refused(0x4000_001c, &[0x7892_0010]);
}

#[test]
fn math() {
    // SHLD, ZBYT, unknown; FIFO sources; length 3 and, but for MATHI, 0; a bad destination
    for word in [
        0xa890_1008,
        0xa8a0_1004,
        0xa8c0_1004,
        0xa800_a004,
        0xa800_b004,
        0xa800_1003,
        0xa800_1000,
        0xa800_1404,
        0xa850_1e04,
    ] {
        refused(0x4000_000e, &[word]);
    }
}

#[test]
fn sequence_pointers_wait_for_their_transfers() {
    // A transfer belongs to the sequence that was current; it cannot move without an OPERATION.
    for pointer in [0xf000_0010, 0xf800_0010] {
        fails(0x4000_0010, |d| {
            d.sequence_in(IN, 16, false).sequence_out(OUT, 16, false);
            d.words(&[0x2a12_0010, 0x6830_0010]);
            let index = d.word(pointer);
            d.pointer(IN);
            index
        });
    }
}

#[test]
fn dma_errors_say_what_was_not_reached() {
    use Purpose::{Descriptor, Input, Output, SharedDescriptor, Table};
    let read = |purpose, address, length| {
        Some(DmaError { purpose, address, length, access: Access::Read })
    };
    let write = |address, length| {
        Some(DmaError { purpose: Output, address, length, access: Access::Write })
    };
    // the job descriptor itself, and the shared one: no command is to blame
    let stop = AtomicBool::new(false);
    let mut scratch = Scratch::default();
    let memory = memory();
    let report =
        run(&memory, &platform(&VIRT_ERA9), NOWHERE, &mut scratch, Budget::default(), &stop);
    assert_eq!((report.status.0, report.dma_error), (0x4000_0016, read(Descriptor, NOWHERE, 4)));
    memory.poke_words(JOB, &[0xb081_1802, END as u32]);
    let report = run_in(&memory, &VIRT_ERA9);
    assert_eq!((report.status.0, report.dma_error), (0x4000_0016, read(SharedDescriptor, END, 4)));
    // KEY, LOAD, table of a KEY
    let cases = [
        ([KEY1 | 16, NOWHERE as u32], read(Input, NOWHERE, 16)),
        ([LOAD_CONTEXT1 | 8, END as u32 - 4], read(Input, END - 4, 8)),
        ([KEY1 | 1 << 24 | 16, NOWHERE as u32], read(Table, NOWHERE, 16)),
        ([LOAD_CONTEXT1 | 1 << 24 | 8, END as u32], read(Table, END, 16)),
    ];
    for (words, error) in cases {
        let report = fails_in(&memory, 0x4000_0016, |d| {
            d.words(&words);
            last(d, 2)
        });
        assert_eq!(report.dma_error, error);
    }
    // STORE, input and output of a cipher, sequences
    let report = fails_in(&memory, 0x4000_0016, |d| {
        d.by_pointer(STORE_CONTEXT1, NOWHERE, 16);
        last(d, 2)
    });
    assert_eq!(report.dma_error, write(NOWHERE, 16));
    let report = fails_in(&memory, 0x4000_0016, |d| {
        d.immediate(KEY1, &KEY).words(&[CTR]).by_pointer(STORE_TEXT, OUT, 32);
        d.by_pointer(LOAD_LAST, END - 16, 32);
        last(d, 2)
    });
    assert_eq!(report.dma_error, read(Input, END - 16, 32));
    let report = fails_in(&memory, 0x4000_0016, |d| {
        d.immediate(KEY1, &KEY).words(&[CTR]).sequence_out(END - 16, 32, false);
        d.by_pointer(LOAD_LAST, IN, 32);
        d.word(0x6830_0020)
    });
    assert_eq!(report.dma_error, write(END - 16, 32));
    let report = fails_in(&memory, 0x4000_0016, |d| {
        d.sequence_in(u64::from(u32::MAX), 32, false);
        d.word(0x1a20_0010)
    });
    assert_eq!(report.dma_error, read(Input, u64::from(u32::MAX), 16));
}

#[test]
fn headers() {
    let memory = memory();
    let status = |words: &[u32]| {
        memory.poke_words(JOB, words);
        run_in(&memory, &VIRT_ERA9).status.0
    };
    assert_eq!(status(&[0]), 0x4000_0013);
    assert_eq!(status(&[0xb080_0000]), 0x4000_0013);
    assert_eq!(status(&[0xb080_1802, IN as u32]), 0x4000_0012);
    // DNR
    memory.poke_words(SHARED, &[0xb980_0001]);
    assert_eq!(status(&[0xb081_1802, SHARED as u32]), 0x4000_0080);
}

#[test]
fn a_flush_ends_the_job() {
    // before the first command, in a loop, and in the middle of data
    let memory = memory();
    let stop = AtomicBool::new(true);
    memory.poke_words(JOB, &[0xb080_0002, 0xa000_0001]);
    let (mut scratch, budget) = (Scratch::default(), Budget::default());
    let report = run(&memory, &platform(&VIRT_ERA9), JOB, &mut scratch, budget, &stop);
    assert_eq!(report.status.0 & 0xf000_00ff, 0x4000_001a);

    struct StopsOnRead<'a>(&'a FlatMemory, &'a AtomicBool);
    impl GuestMemory for StopsOnRead<'_> {
        fn read(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> Result<(), DmaError> {
            self.1.store(address == IN, Ordering::Relaxed);
            self.0.read(purpose, address, buf)
        }
        fn write(&self, purpose: Purpose, address: u64, buf: &[u8]) -> Result<(), DmaError> {
            self.0.write(purpose, address, buf)
        }
        fn read_available(&self, purpose: Purpose, address: u64, buf: &mut [u8]) -> usize {
            self.0.read_available(purpose, address, buf)
        }
        fn writable(&self, purpose: Purpose, address: u64, n: usize) -> Result<(), DmaError> {
            self.0.writable(purpose, address, n)
        }
    }
    let mut job = Assembler::job(&VIRT_ERA9);
    job.immediate(KEY1, &KEY).words(&[CTR]);
    job.by_pointer(LOAD_LAST, IN, 32).by_pointer(STORE_TEXT, OUT, 32);
    memory.poke_words(JOB, &job.finish());
    let stop = AtomicBool::new(false);
    let stopping = StopsOnRead(&memory, &stop);
    let report = run(&stopping, &platform(&VIRT_ERA9), JOB, &mut scratch, budget, &stop);
    assert_eq!(report.status.0 & 0xf000_00ff, 0x4000_001a);
    // nothing came out any more
    assert_eq!(memory.peek(OUT, 32), [0; 32]);
}
