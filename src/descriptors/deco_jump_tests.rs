//! JUMPs that go wrong, halt, or wait for what cannot come.

use super::errors::{NOWHERE, fails, last, refused};
use super::*;

#[test]
fn jumps_that_go_nowhere() {
    // before the first word and behind the last
    refused(0x4000_000d, &[0xa000_00fd]);
    refused(0x4000_000d, &[0xa000_0002]);
    refused(0x4000_000d, &[0xa000_007f]);
    refused(0x4000_000d, &[0xa000_0080]);
    // gosub out of the descriptor, return from nowhere, unknown
    refused(0x4000_000d, &[0xa020_0002]);
    refused(0x4000_000d, &[0xa060_0000]);
    refused(0x4000_000d, &[0xa0f0_0001]);
    // increment of a register there is none of
    refused(0x4000_000d, &[0xa010_4001]);
    // to the word behind the last is the end; to the header is a command that is none
    good(|d| _ = d.words(&[0xa000_0001]));
    let memory = memory();
    let report = report_in(&memory, |d| _ = d.words(&[0xa000_00ff]));
    assert_eq!(report.status.0, 0x4000_0004);
}

#[test]
fn a_subroutine_returns_behind_its_call() {
    let memory = memory();
    let report = report_in(&memory, |d| {
        // 1 and 2: gosub 6; 3: store MATH0; 5: halt; 6: MATH0 += 1; 7: return
        d.words(&[0xa020_0005, 0xa020_0004]).by_pointer(STORE_MATH0, OUT, 8);
        d.words(&[0xa0c0_0000, 0xa800_c008, 0xa060_0000]);
    });
    assert_eq!(report.status, JobStatus::OK);
    assert_eq!(memory.peek(OUT, 8), [0, 0, 0, 0, 2, 0, 0, 0], "called twice");
}

#[test]
fn jumps_stay_in_their_descriptor() {
    // from the shared descriptor into the job descriptor, and the other way round
    for (shared_word, job_word, index) in
        [(0xa000_0003, 0xa000_0001, 1), (0xa000_0001, 0xa000_00fd, 5)]
    {
        let memory = memory();
        memory.poke_words(SHARED, &[0xb880_0003, shared_word, 0xa000_0001]);
        memory.poke_words(JOB, &[0xb083_1804, SHARED as u32, job_word, 0xa000_0001]);
        let report = run_in(&memory, &VIRT_ERA9);
        assert_eq!(report.status.0, 0x4000_000d | index << 8);
    }
}

#[test]
fn indices_count_from_the_start_of_the_buffer() {
    // SIGNATURE at word 2 of each: the shared descriptor is first in the buffer
    for (shared_word, job_word, index) in
        [(0x9000_0000, 0xa000_0001, 2), (0xa000_0001, 0x9000_0000, 5)]
    {
        let memory = memory();
        memory.poke_words(SHARED, &[0xb880_0003, 0xa000_0001, shared_word]);
        memory.poke_words(JOB, &[0xb083_1803, SHARED as u32, job_word]);
        let report = run_in(&memory, &VIRT_ERA9);
        assert_eq!(report.status.0, 0x4000_000f | index << 8);
    }
}

#[test]
fn endless_loops() {
    fails(0x4000_001c, |d| d.word(0xa000_0000));
    let report = report_in(&memory(), |d| _ = d.words(&[0xa000_0001, 0xa000_00ff]));
    assert_eq!(report.status.0 & 0xf000_00ff, 0x4000_001c);
    // a loop that moves data is ended by the bytes it moves, or its commands
    let report = report_in(&memory(), |d| {
        d.immediate(KEY1, &KEY).words(&[CTR]);
        let top = d.here();
        d.by_pointer(0x2210_0000, IN, 0x3000).by_pointer(STORE_TEXT, OUT, 0x3000);
        let back = d.here() - top;
        d.words(&[0xa000_0000 | (back as u32).wrapping_neg() & 0xff]);
    });
    assert_eq!(report.status.0 & 0xf000_00ff, 0x4000_001c);
    // non-local, to itself
    let report = report_in(&memory(), |d| _ = d.by_pointer(0xa040_0000, JOB, 0));
    assert_eq!(report.status.0, 0x4800_011c);
}

#[test]
fn non_local_jumps() {
    let to = |memory: &FlatMemory, address| {
        report_in(memory, |d| _ = d.words(&[0xa000_0001]).by_pointer(0xa040_0000, address, 0))
    };
    let memory = memory();
    // to garbage: the index is still the JUMP's
    memory.poke_words(OTHER, &[0x1234_5678]);
    assert_eq!(to(&memory, OTHER).status.0, 0x4000_020d);
    // to a shared descriptor
    memory.poke_words(OTHER, &[0xb880_0001]);
    assert_eq!(to(&memory, OTHER).status.0, 0x4000_020d);
    // to a job descriptor with a shared one of its own
    memory.poke_words(SHARED, &[0xb880_0001]);
    memory.poke_words(OTHER, &[0xb081_1802, SHARED as u32]);
    assert_eq!(to(&memory, OTHER).status.0, 0x4000_020d);
    // to nowhere
    let report = to(&memory, NOWHERE);
    assert_eq!(report.status.0, 0x4000_0216);
    assert_eq!(report.dma_error.map(|e| e.address), Some(NOWHERE));
    // what fails behind the jump is counted from there
    memory.poke_words(OTHER, &[0xb080_0003, 0xa000_0001, 0x9000_0000]);
    assert_eq!(to(&memory, OTHER).status.0, 0x4800_020f);
}

#[test]
fn halts() {
    // user codes; 0 is success, whatever comes behind
    fails(0x3000_0001, |d| d.word(0xa0c0_0001));
    fails(0x3000_00ff, |d| d.word(0xa0c0_00ff));
    good(|d| _ = d.words(&[0xa0c0_0000, 0x9000_0000]));
    // what was queued before is done
    let memory = fails(0x3000_0007, |d| {
        d.immediate(KEY1, &KEY).words(&[ECB]).by_pointer(LOAD_LAST, IN, 16);
        d.by_pointer(STORE_TEXT, OUT, 16);
        d.word(0xa0c0_0007)
    });
    assert_eq!(memory.peek(OUT, 16), ecb(&memory.peek(IN, 16)));
    // with conditions: Z is not set; then it is, and reported
    good(|d| _ = d.words(&[0xa080_0400]));
    fails(0x7000_0004, |d| {
        d.words(&[0xa82c_0f04]);
        d.word(0xa080_0400)
    });
    // when class 1 is done, unconditionally: how the RNG's start-up descriptor ends
    fails(0x7000_0000, |d| {
        d.immediate(KEY1, &KEY).words(&[ECB]).by_pointer(LOAD_LAST, IN, 16);
        d.by_pointer(STORE_TEXT, OUT, 16);
        d.word(0xa280_0000)
    });
}

#[test]
fn waits_that_cannot_end() {
    // class 1 has nothing to do, or not its last data yet
    fails(0x4000_001c, |d| d.word(0xa200_0001));
    fails(0x4000_001c, |d| {
        d.immediate(KEY1, &KEY).words(&[ECB]).by_pointer(0x2210_0000, IN, 16);
        d.word(0xa200_0001)
    });
    // FIFO STORE without data; with less than it wants
    fails(0x4000_001c, |d| {
        d.by_pointer(STORE_TEXT, OUT, 16);
        last(d, 2)
    });
    fails(0x4000_001c, |d| {
        d.immediate(KEY1, &KEY).words(&[CTR]).by_pointer(LOAD_LAST, IN, 15);
        d.by_pointer(STORE_TEXT, OUT, 16);
        last(d, 2)
    });
    // FIFO LOAD without OPERATION
    fails(0x4000_001c, |d| {
        d.by_pointer(LOAD_LAST, IN, 16);
        last(d, 2)
    });
    // more output than anybody stores
    fails(0x4000_001c, |d| {
        d.immediate(KEY1, &KEY).words(&[CTR]).sequence_in(BASE, 0x2_0000, false);
        d.words(&[0x2a52_0000, 0x2_0000]);
        last(d, 2)
    });
}

#[test]
fn waiting_for_transfers_that_cannot_move_is_the_watchdog_s() {
    // A FIFO LOAD that no CHA takes; JUMP JSL, all of NIP, NIFP, CALM or NCP: the next word.
    for (conditions, stuck) in [(0x08, true), (0x04, true), (0x10, true), (0x01, false)] {
        let memory = memory();
        let report = report_in(&memory, |d| {
            d.by_pointer(LOAD_LAST, IN, 16).words(&[0xa100_0001 | conditions << 8]);
            d.words(&[0xa0c0_0009]);
        });
        let expected = if stuck { 0x4000_031c } else { 0x3000_0409 };
        // Where the descriptor goes on, its JUMP HALT says so.
        assert_eq!(report.status.0, expected, "conditions {conditions:#x}");
    }
    // Output likewise: a FIFO STORE without data, NOP.
    let report = report_in(&memory(), |d| {
        d.by_pointer(STORE_TEXT, OUT, 16).words(&[0xa100_0201]);
    });
    assert_eq!(report.status.0, 0x4000_031c);
}
