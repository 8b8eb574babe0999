//! Interrupts late, lost and made of nothing, on a ring that is served as Linux serves it.

use super::super::fake_driver::{Bench, NARROW, Port};
use super::super::registers::{JRCFGR_ICEN, JRCFGR_IMSK, JRCR_RESET, Register::*};
use super::*;

fn us(n: u64) -> Duration {
    Duration::from_micros(n)
}

/// A ring whose interrupts are asked about.
struct Guest {
    bench: Bench,
    added: u32,
}

impl Guest {
    fn new() -> Self {
        let mut bench = Bench::with_sizes(&NARROW, 16, 16);
        bench.ring.ask_before_raising(true);
        Self { bench, added: 0 }
    }

    /// One job comes and ends.
    fn job(&mut self) {
        self.bench.add(self.added % 16, &[0x1000]);
        self.added += 1;
        self.bench.run_one(0);
    }

    fn line(&self) -> bool {
        self.bench.ring.line()
    }

    /// The line would rise: it may, with these faults.
    fn allow(&mut self, faults: LineFaults) {
        assert!(self.bench.ring.about_to_rise());
        self.bench.ring.raise_with(&faults, self.bench.now);
        assert!(!self.bench.ring.about_to_rise());
    }

    fn at(&mut self, time: Duration) {
        self.bench.now = time;
        let _ = self.bench.ring.tick(&self.bench.ram, time);
    }

    fn read(&mut self) -> u32 {
        let value = self.bench.read(Jrintr);
        self.bench.ring.interrupt_seen(self.bench.now);
        value
    }

    /// Linux' handler and its tasklet. Whether there was something to do.
    fn serve(&mut self) -> bool {
        let pending = self.read();
        if pending != 0 {
            self.bench.write(JrcfgrLs, JRCFGR_IMSK);
            self.bench.write(Jrintr, pending);
            self.drain();
            self.bench.write(JrcfgrLs, 0);
        }
        pending != 0
    }

    fn drain(&mut self) {
        while self.bench.read(Orsfr) > 0 {
            self.bench.write(Orjrr, 1);
        }
    }
}

const LOST: LineFaults = LineFaults { lost: true, ..NOTHING };
const SPURIOUS: LineFaults = LineFaults { spurious: true, ..NOTHING };
const NOTHING: LineFaults =
    LineFaults { lost: false, delay: None, coalesce: None, spurious: false, stuck: None };

fn delay(by: Duration) -> LineFaults {
    LineFaults { delay: Some(by), ..NOTHING }
}

fn coalesce(count: u32, within: Duration) -> LineFaults {
    LineFaults { coalesce: Some((count, within)), ..NOTHING }
}

fn stuck(length: Duration) -> LineFaults {
    LineFaults { stuck: Some(length), ..NOTHING }
}

#[test]
fn without_faults_the_line_is_jrintr_s() {
    let mut guest = Guest::new();
    for _ in 0..3 {
        guest.job();
        assert!(!guest.line(), "not before it is decided");
        guest.allow(NOTHING);
        assert!(guest.line());
        guest.job();
        assert!(!guest.bench.ring.about_to_rise(), "the same interrupt");
        assert!(guest.serve());
        assert!(!guest.line() && !guest.bench.ring.about_to_rise());
    }
    assert_eq!(guest.bench.ring.meter().interrupts, 3);
    assert_eq!(guest.bench.ring.deadline(), None);
}

#[test]
fn whoever_is_not_asked_holds_nothing_up() {
    let mut guest = Guest::new();
    guest.bench.ring.ask_before_raising(false);
    guest.job();
    assert!(guest.line() && !guest.bench.ring.about_to_rise());
    guest.bench.ring.ask_before_raising(true);
    assert!(guest.line() && !guest.bench.ring.about_to_rise(), "too late for this one");
    guest.serve();
    guest.job();
    assert!(guest.bench.ring.about_to_rise());
}

#[test]
fn a_masked_interrupt_is_asked_about_when_the_mask_goes() {
    let mut guest = Guest::new();
    guest.bench.write(JrcfgrLs, JRCFGR_IMSK);
    guest.job();
    assert!(!guest.bench.ring.about_to_rise());
    guest.bench.write(JrcfgrLs, 0);
    guest.allow(delay(us(5)));
    // A decision does not fall with the mask.
    guest.bench.write(JrcfgrLs, JRCFGR_IMSK);
    guest.bench.write(JrcfgrLs, 0);
    assert!(!guest.line() && !guest.bench.ring.about_to_rise());
    guest.at(us(5));
    assert!(guest.line());
}

#[test]
fn a_result_between_acknowledge_and_unmask_is_an_interrupt_of_its_own() {
    let mut guest = Guest::new();
    guest.job();
    guest.allow(NOTHING);
    guest.bench.write(JrcfgrLs, JRCFGR_IMSK);
    guest.bench.write(Jrintr, 1);
    guest.job();
    guest.drain();
    assert!(!guest.bench.ring.about_to_rise());
    guest.bench.write(JrcfgrLs, 0);
    guest.allow(NOTHING);
    assert!(guest.line());
}

#[test]
fn a_lost_interrupt_is_found_with_the_next_result_only() {
    let mut guest = Guest::new();
    guest.job();
    guest.allow(LOST);
    assert!(!guest.line());
    assert_eq!(guest.bench.read(Jrintr), 1, "JRINTR shows it");
    assert_eq!(guest.bench.ring.deadline(), None, "no time brings it back");
    guest.at(us(1_000_000));
    guest.bench.write(JrcfgrLs, JRCFGR_IMSK);
    guest.bench.write(JrcfgrLs, 0);
    assert!(!guest.line() && !guest.bench.ring.about_to_rise());
    guest.job();
    guest.allow(LOST);
    assert!(!guest.line(), "lost again");
    guest.job();
    guest.allow(NOTHING);
    assert!(guest.line());
    assert_eq!(guest.bench.ring.stats().interrupts_lost, 2);
    assert_eq!(guest.bench.ring.meter().interrupts, 1);
    assert!(guest.serve());
    assert_eq!(guest.bench.read(Orsfr), 0);
}

#[test]
fn a_lost_interrupt_that_is_acknowledged_is_over() {
    let mut guest = Guest::new();
    guest.job();
    guest.allow(LOST);
    assert!(guest.serve(), "a driver that polls finds it");
    assert!(!guest.line() && !guest.bench.ring.about_to_rise());
    guest.job();
    guest.allow(NOTHING);
    assert!(guest.line());
}

#[test]
fn a_late_interrupt_rises_on_time() {
    let mut guest = Guest::new();
    guest.at(us(7));
    guest.job();
    guest.allow(delay(us(10)));
    assert_eq!(guest.bench.ring.deadline(), Some(us(17)));
    guest.job();
    guest.at(us(16));
    assert!(!guest.line());
    guest.at(us(17));
    assert!(guest.line());
    assert_eq!(guest.bench.ring.deadline(), None);
}

#[test]
fn an_acknowledge_takes_a_late_interrupt_along() {
    let mut guest = Guest::new();
    guest.job();
    guest.allow(delay(us(10)));
    guest.serve();
    assert_eq!(guest.bench.ring.deadline(), None);
    guest.at(us(10));
    assert!(!guest.line());
}

#[test]
fn coalescing_waits_for_results_or_for_time() {
    let mut guest = Guest::new();
    guest.job();
    guest.allow(coalesce(3, us(10)));
    guest.job();
    assert!(!guest.line());
    guest.job();
    assert!(guest.line(), "three wait");
    guest.serve();
    guest.job();
    guest.allow(coalesce(3, us(10)));
    guest.at(us(9));
    assert!(!guest.line());
    guest.at(us(10));
    assert!(guest.line(), "the time is over");
    guest.serve();
    guest.job();
    guest.allow(coalesce(1, us(10)));
    assert!(guest.line(), "one is enough");
}

#[test]
fn faults_of_one_interrupt_add_up() {
    let mut guest = Guest::new();
    guest.job();
    guest.allow(LineFaults { delay: Some(us(5)), ..coalesce(2, us(10)) });
    guest.job();
    assert!(!guest.line(), "enough, but early");
    guest.at(us(5));
    assert!(guest.line());
    guest.serve();
    guest.job();
    guest.allow(LineFaults { delay: Some(us(5)), ..LOST });
    guest.at(us(20));
    assert!(!guest.line(), "late, and lost");
}

#[test]
fn a_spurious_interrupt_follows_the_acknowledge_and_ends_with_a_look() {
    let mut guest = Guest::new();
    guest.job();
    guest.allow(SPURIOUS);
    assert!(guest.serve());
    assert!(guest.line(), "one more");
    assert_eq!(guest.bench.read(Jrintr), 0);
    assert!(!guest.serve(), "Linux: IRQ_NONE");
    assert!(!guest.line());
    guest.at(us(100));
    assert!(!guest.line(), "once");
    assert_eq!(guest.bench.ring.meter().interrupts, 2);
}

#[test]
fn a_spurious_interrupt_waits_until_there_is_nothing_to_do() {
    let mut guest = Guest::new();
    guest.job();
    guest.allow(SPURIOUS);
    guest.bench.write(JrcfgrLs, JRCFGR_IMSK);
    guest.bench.write(Jrintr, 1);
    guest.job();
    guest.drain();
    guest.bench.write(JrcfgrLs, 0);
    guest.allow(NOTHING);
    assert!(guest.line());
    assert!(guest.serve(), "that was a real one");
    assert!(guest.line());
    assert!(!guest.serve());
    assert!(!guest.line());
}

#[test]
fn the_mask_stops_a_spurious_interrupt_too() {
    let mut guest = Guest::new();
    guest.job();
    guest.allow(SPURIOUS);
    guest.serve();
    guest.bench.write(JrcfgrLs, JRCFGR_IMSK);
    assert!(!guest.line());
    guest.bench.write(JrcfgrLs, 0);
    assert!(guest.line());
}

#[test]
fn a_stuck_line_stays_up_with_nothing_to_do_until_its_time() {
    let mut guest = Guest::new();
    guest.job();
    guest.allow(stuck(us(50)));
    guest.at(us(10));
    guest.serve();
    for time in 10..60 {
        guest.at(us(time));
        assert!(guest.line());
        assert!(!guest.serve(), "Linux: IRQ_NONE");
    }
    assert_eq!(guest.bench.ring.deadline(), Some(us(60)));
    guest.at(us(60));
    assert!(!guest.line());
    assert_eq!(guest.bench.ring.deadline(), None);
}

#[test]
fn results_come_through_a_stuck_line() {
    let mut guest = Guest::new();
    guest.job();
    guest.allow(stuck(us(50)));
    guest.serve();
    guest.job();
    guest.allow(NOTHING);
    assert!(guest.line() && guest.serve());
    assert!(guest.line(), "still stuck");
    guest.at(us(50));
    assert!(!guest.line());
}

#[test]
fn a_ring_error_is_never_held_up() {
    let mut guest = Guest::new();
    guest.job();
    guest.allow(LOST);
    guest.bench.write(Orjrr, 9);
    assert!(guest.line());
    guest.bench.write(Jrintr, 2);
    assert!(!guest.line(), "the result's interrupt is as lost as before");
}

#[test]
fn the_ring_s_own_coalescing_comes_first() {
    let mut guest = Guest::new();
    guest.bench.write(JrcfgrLs, JRCFGR_ICEN | 2 << 8 | 1000 << 16);
    guest.job();
    assert!(!guest.bench.ring.about_to_rise());
    guest.job();
    guest.allow(delay(us(1)));
    guest.at(us(1));
    assert!(guest.line());
}

#[test]
fn a_reset_ends_all_of_it() {
    for faults in [LOST, delay(us(9)), coalesce(9, us(9)), SPURIOUS, stuck(us(9))] {
        for serve in [false, true] {
            let mut guest = Guest::new();
            guest.job();
            guest.allow(faults);
            if serve {
                guest.serve();
            }
            guest.bench.write(Jrcr, JRCR_RESET);
            guest.bench.write(Jrcr, JRCR_RESET);
            assert!(!guest.line() && guest.bench.ring.deadline().is_none(), "{faults:?}");
            guest.at(us(100));
            assert!(!guest.line(), "{faults:?}");
        }
    }
}

#[test]
fn firings_become_faults() {
    let firing = |text: &str| {
        let rule: crate::fault::rule::Rule = text.parse().unwrap();
        Firing {
            kind: rule.kind,
            draw: crate::fault::random::Stream::of(1, "x", 1),
            counts: Default::default(),
        }
    };
    let of = |rules: &[&str]| LineFaults::new(&rules.iter().map(|r| firing(r)).collect::<Vec<_>>());
    assert_eq!(of(&[]), NOTHING);
    assert_eq!(of(&["irq-delay:by=2us", "irq-delay:by=3us"]), delay(us(5)));
    assert_eq!(of(&["irq-coalesce:count=3,within=1us"]), coalesce(3, us(1)));
    assert_eq!(of(&["irq-lost", "irq-spurious"]), LineFaults { spurious: true, ..LOST });
    assert_eq!(of(&["irq-stuck:for=1us", "irq-stuck:for=2us"]), stuck(us(1)));
}
