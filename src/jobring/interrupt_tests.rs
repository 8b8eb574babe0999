//! JRI, coalescing by count and time, acknowledge, mask.

use super::*;

/// 64 clocks a microsecond: ICTT counts microseconds.
const CLOCK: u64 = 64_000_000;
const JRI: u32 = 1;
const JRE: u32 = 2;

fn us(n: u64) -> Duration {
    Duration::from_micros(n)
}

fn coalescing(count: u32, time: u32) -> Interrupt {
    let config = JRCFGR_ICEN | count << 8 | time << 16;
    Interrupt { config, ..Interrupt::default() }
}

fn jri(interrupt: &Interrupt) -> bool {
    interrupt.read() & JRI != 0
}

/// Acknowledges JRI, as Linux does.
fn acknowledge(interrupt: &mut Interrupt, waiting: u32, now: Duration) {
    assert!(!interrupt.acknowledge(JRI, waiting, now, CLOCK));
}

#[test]
fn at_reset_nothing_is_pending_and_the_line_is_enabled() {
    let mut interrupt = Interrupt::default();
    assert_eq!(interrupt.read(), 0);
    assert!(!interrupt.line());
    assert_eq!(interrupt.deadline(), None);
    interrupt.results(1, us(0), CLOCK);
    assert!(interrupt.line());
}

#[test]
fn without_coalescing_every_result_sets_jri() {
    let mut interrupt = Interrupt::default();
    for waiting in 1..4 {
        interrupt.results(waiting, us(0), CLOCK);
        assert_eq!(interrupt.read(), JRI);
    }
    assert_eq!(interrupt.deadline(), None);
}

#[test]
fn no_results_no_interrupt() {
    for mut interrupt in [Interrupt::default(), coalescing(1, 1), coalescing(0, 0)] {
        interrupt.results(0, us(0), CLOCK);
        assert_eq!((interrupt.read(), interrupt.deadline()), (0, None));
        acknowledge(&mut interrupt, 0, us(1));
        assert_eq!((interrupt.read(), interrupt.deadline()), (0, None));
    }
}

#[test]
fn an_acknowledge_with_results_left_sets_jri_again() {
    let mut interrupt = Interrupt::default();
    interrupt.results(2, us(0), CLOCK);
    acknowledge(&mut interrupt, 2, us(0));
    assert!(jri(&interrupt), "Linux acknowledges before it removes");
    interrupt.removed(1);
    assert!(jri(&interrupt));
    interrupt.removed(0);
    assert!(!jri(&interrupt), "the last result takes it along");
}

#[test]
fn an_acknowledge_after_the_last_result_clears_jri() {
    let mut interrupt = Interrupt::default();
    interrupt.results(1, us(0), CLOCK);
    interrupt.removed(0);
    assert!(jri(&interrupt), "what a completion has set stays until acknowledged");
    acknowledge(&mut interrupt, 0, us(0));
    assert!(!jri(&interrupt));
}

#[test]
fn a_result_after_the_acknowledge_is_an_interrupt_of_its_own() {
    let mut interrupt = Interrupt::default();
    interrupt.results(1, us(0), CLOCK);
    acknowledge(&mut interrupt, 1, us(0));
    interrupt.results(2, us(0), CLOCK);
    interrupt.removed(1);
    interrupt.removed(0);
    assert!(jri(&interrupt), "it came after the acknowledge");
}

#[test]
fn acknowledging_nothing_changes_nothing() {
    for value in [0, JRE, 4, 0xffff_fff0] {
        let mut interrupt = Interrupt::default();
        interrupt.results(1, us(0), CLOCK);
        interrupt.acknowledge(value & !JRI & !8, 1, us(0), CLOCK);
        assert!(jri(&interrupt), "{value:#x}");
    }
}

#[test]
fn the_mask_gates_the_line_and_nothing_else() {
    let mut interrupt = Interrupt { config: JRCFGR_IMSK, ..Interrupt::default() };
    interrupt.results(1, us(0), CLOCK);
    assert_eq!(interrupt.read(), JRI);
    assert!(!interrupt.line());
    interrupt.config = 0;
    assert!(interrupt.line(), "the level is there the moment the mask goes");
    interrupt.raise(RingError::AddOverflow, 0);
    interrupt.config = JRCFGR_IMSK;
    assert!(!interrupt.line());
    assert_eq!(interrupt.read(), JRI | JRE | 9 << 8);
}

#[test]
fn the_mask_does_not_stop_the_coalescing_timer() {
    let mut interrupt = coalescing(9, 5);
    interrupt.config |= JRCFGR_IMSK;
    interrupt.results(1, us(0), CLOCK);
    interrupt.tick(1, us(5));
    assert!(jri(&interrupt) && !interrupt.line());
}

#[test]
fn a_count_of_0_acts_as_1() {
    for count in [0, 1] {
        let mut interrupt = coalescing(count, 100);
        interrupt.results(1, us(0), CLOCK);
        assert!(jri(&interrupt), "count {count}");
        assert_eq!(interrupt.deadline(), None);
    }
}

#[test]
fn results_are_counted_up_to_the_threshold() {
    for count in [2, 3, 10, 255] {
        let mut interrupt = coalescing(count, 0xffff);
        for waiting in 1..count {
            interrupt.results(waiting, us(0), CLOCK);
            assert!(!jri(&interrupt), "{waiting} of {count}");
        }
        assert!(interrupt.deadline().is_some());
        interrupt.results(count, us(0), CLOCK);
        assert!(jri(&interrupt), "{count} of {count}");
        assert_eq!(interrupt.deadline(), None, "the count came first");
    }
}

#[test]
fn the_timer_starts_with_the_first_result_and_is_not_pushed_back() {
    let mut interrupt = coalescing(100, 50);
    interrupt.results(1, us(1000), CLOCK);
    assert_eq!(interrupt.deadline(), Some(us(1050)));
    interrupt.results(2, us(1040), CLOCK);
    assert_eq!(interrupt.deadline(), Some(us(1050)));
    interrupt.tick(2, us(1049));
    assert!(!jri(&interrupt));
    interrupt.tick(2, us(1050));
    assert!(jri(&interrupt));
    assert_eq!(interrupt.deadline(), None);
}

#[test]
fn the_timer_counts_64_clocks() {
    // ICTT 1 and its maximum, at the clock of the default profile.
    for (time, clocks) in [(1, 64), (0xffff, 0xffff * 64)] {
        let mut interrupt = coalescing(2, time);
        interrupt.results(1, us(0), 266_000_000);
        let expected = Duration::from_nanos(clocks * 1_000_000_000 / 266_000_000);
        assert_eq!(interrupt.deadline(), Some(expected));
    }
}

#[test]
fn a_clock_of_zero_or_a_time_at_its_end_does_not_panic() {
    let mut interrupt = coalescing(2, 0xffff);
    interrupt.results(1, Duration::MAX, 0);
    assert_eq!(interrupt.deadline(), Some(Duration::MAX));
}

#[test]
fn a_timer_of_0_is_no_coalescing() {
    let mut interrupt = coalescing(200, 0);
    interrupt.results(1, us(0), CLOCK);
    assert!(jri(&interrupt));
    assert_eq!(interrupt.deadline(), None);
}

#[test]
fn count_and_timer_without_icen_are_no_coalescing() {
    let config = 200 << 8 | 100 << 16;
    let mut interrupt = Interrupt { config, ..Interrupt::default() };
    interrupt.results(1, us(0), CLOCK);
    assert!(jri(&interrupt));
}

#[test]
fn a_timer_that_finds_nothing_waiting_is_silent() {
    let mut interrupt = coalescing(9, 5);
    interrupt.results(1, us(0), CLOCK);
    interrupt.tick(0, us(5));
    assert_eq!((interrupt.read(), interrupt.deadline()), (0, None));
}

#[test]
fn removing_the_last_result_stops_the_timer() {
    let mut interrupt = coalescing(9, 5);
    interrupt.results(2, us(0), CLOCK);
    interrupt.removed(1);
    assert_eq!(interrupt.deadline(), Some(us(5)));
    interrupt.removed(0);
    assert_eq!(interrupt.deadline(), None);
    interrupt.tick(0, us(100));
    assert!(!jri(&interrupt));
}

#[test]
fn an_acknowledge_below_the_threshold_starts_the_timer() {
    let mut interrupt = coalescing(4, 5);
    interrupt.results(4, us(0), CLOCK);
    interrupt.removed(2);
    acknowledge(&mut interrupt, 2, us(10));
    assert!(!jri(&interrupt), "two of four");
    assert_eq!(interrupt.deadline(), Some(us(15)), "but they are not forgotten");
    interrupt.tick(2, us(15));
    assert!(jri(&interrupt));
}

#[test]
fn an_acknowledge_at_the_threshold_sets_jri_again() {
    let mut interrupt = coalescing(4, 5);
    interrupt.results(4, us(0), CLOCK);
    acknowledge(&mut interrupt, 4, us(1));
    assert!(jri(&interrupt));
    assert_eq!(interrupt.deadline(), None);
    interrupt.removed(0);
    assert!(!jri(&interrupt));
}

#[test]
fn an_acknowledge_does_not_push_a_running_timer_back() {
    let mut interrupt = coalescing(4, 5);
    interrupt.results(1, us(0), CLOCK);
    acknowledge(&mut interrupt, 1, us(4));
    assert_eq!(interrupt.deadline(), Some(us(5)));
}

#[test]
fn ticks_before_anything_happened_are_harmless() {
    let mut interrupt = Interrupt::default();
    interrupt.tick(0, us(1));
    interrupt.tick(5, us(2));
    assert_eq!(interrupt.read(), 0);
}

#[test]
fn errors_carry_type_and_output_index_and_interrupt() {
    use RingError::*;
    let errors = [
        (OutputWrite, 0x1),
        (BadInputBase, 0x3),
        (BadOutputBase, 0x4),
        (InputInvalidWrite, 0x5),
        (OutputInvalidWrite, 0x6),
        (EarlyReset, 0x7),
        (RemoveOverflow, 0x8),
        (AddOverflow, 0x9),
        (WriteIrsa, 0xe),
        (WriteIrri, 0xf),
        (WriteOrsf, 0x10),
        (WriteOrwi, 0x11),
    ];
    for (error, code) in errors {
        let mut interrupt = Interrupt::default();
        interrupt.raise(error, 0x123);
        assert_eq!(interrupt.read(), JRE | code << 8 | 0x123 << 16);
        assert!(interrupt.line());
        interrupt.acknowledge(JRI, 0, us(0), CLOCK);
        assert_eq!(interrupt.read() & JRE, JRE, "JRI and JRE are acknowledged apart");
        interrupt.acknowledge(JRE, 0, us(0), CLOCK);
        assert_eq!(interrupt.read(), 0);
        assert!(!interrupt.line());
    }
}

#[test]
fn the_error_index_has_14_bits() {
    let mut interrupt = Interrupt::default();
    interrupt.raise(RingError::OutputWrite, u32::MAX);
    assert_eq!(interrupt.read(), JRE | 1 << 8 | 0x3fff << 16);
}

#[test]
fn acknowledging_an_error_does_not_touch_jri() {
    let mut interrupt = Interrupt::default();
    interrupt.results(1, us(0), CLOCK);
    interrupt.raise(RingError::AddOverflow, 0);
    interrupt.acknowledge(JRE, 1, us(0), CLOCK);
    assert_eq!(interrupt.read(), JRI);
}

#[test]
fn writing_back_what_was_read_acknowledges_it_all() {
    // What Linux does. HALT reads 2 here, and the write ends the halt.
    let mut interrupt = Interrupt { halt: Halt::Complete, ..Interrupt::default() };
    interrupt.results(1, us(0), CLOCK);
    interrupt.raise(RingError::AddOverflow, 0);
    let value = interrupt.read();
    assert!(interrupt.acknowledge(value, 0, us(0), CLOCK));
    assert_eq!(interrupt.read(), 0);
}

#[test]
fn halt_reads_as_linux_compares_it() {
    let read = |halt| Interrupt { halt, ..Interrupt::default() }.read() & 0xc;
    assert_eq!(read(Halt::None), 0);
    assert_eq!(read(Halt::InProgress), 4, "JRINT_ERR_HALT_INPROGRESS");
    assert_eq!(read(Halt::Complete), 8, "JRINT_ERR_HALT_COMPLETE");
}

#[test]
fn halts_are_ended_by_8_only_and_do_not_interrupt() {
    for (halt, value, resumes) in [
        (Halt::None, 8, false),
        (Halt::InProgress, 8, false),
        (Halt::Complete, 4, false),
        (Halt::Complete, 3, false),
        (Halt::Complete, 8, true),
        (Halt::Complete, 0xc, true),
    ] {
        let mut interrupt = Interrupt { halt, ..Interrupt::default() };
        assert!(!interrupt.line());
        assert_eq!(interrupt.acknowledge(value, 0, us(0), CLOCK), resumes, "{halt:?} {value}");
        assert_eq!(interrupt.halt, if resumes { Halt::None } else { halt });
    }
}

#[test]
fn the_line_is_never_up_with_jrintr_0() {
    // Every configuration of mask and coalescing, through a small life.
    for config in 0..4 {
        let mut interrupt = Interrupt { config: config | 2 << 8 | 1 << 16, ..Default::default() };
        let check = |i: &Interrupt| assert!(!i.line() || i.read() & (JRI | JRE) != 0);
        for n in 0..20 {
            let (waiting, now) = (n % 4, us(u64::from(n)));
            match n % 5 {
                0 | 1 => interrupt.results(waiting, now, CLOCK),
                2 => interrupt.tick(waiting, now),
                3 => acknowledge(&mut interrupt, waiting, now),
                _ => interrupt.removed(waiting),
            }
            check(&interrupt);
        }
    }
}
