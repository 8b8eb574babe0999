use super::*;
use crate::jobring::fake_driver::{
    Bench, DESCRIPTORS, FakeDriver, INPUT, Kind, NARROW, OUTPUT, Port,
};
use crate::jobring::registers::JRCFGR_IMSK;
use crate::jobring::registers::Register::*;
use proptest::prelude::*;

const fn us(n: u64) -> Duration {
    Duration::from_micros(n)
}

/// A ring of `size` whose clock stands at 0.
fn bench(size: u32) -> Bench {
    Bench::with_sizes(&NARROW, size, size)
}

/// Adds `n` jobs with one IRJAR at time `at`.
fn add(bench: &mut Bench, n: u32, at: Duration) {
    bench.now = at;
    bench.write(Irjar, n);
}

/// Takes the next job at `taken` and completes it at `completed`.
fn run(bench: &mut Bench, taken: Duration, completed: Duration) {
    bench.now = taken;
    let job = bench.take().expect("a job is ready");
    bench.now = completed;
    bench.complete(&job, 0);
}

fn remove(bench: &mut Bench, n: u32, at: Duration) {
    bench.now = at;
    bench.write(Orjrr, n);
}

#[test]
fn every_occupancy_has_its_band() {
    for band_number in 0..BANDS {
        let (from, to) = band_limits(band_number);
        assert_eq!((band(from), band(to)), (band_number, band_number));
    }
    assert!((1..BANDS).all(|b| band_limits(b).0 == band_limits(b - 1).1 + 1), "no gaps");
    assert!(band_limits(BANDS - 1).0 <= 2 * MAX_ENTRIES, "none that cannot be reached");
    assert!(band_limits(BANDS - 1).1 >= 2 * MAX_ENTRIES);
    assert_eq!(band(u32::MAX), BANDS - 1);
}

#[test]
fn occupancy_is_weighted_by_the_time_it_lasted() {
    let mut bench = bench(8);
    add(&mut bench, 1, us(10));
    add(&mut bench, 2, us(15));
    run(&mut bench, us(16), us(17));
    remove(&mut bench, 1, us(20));
    let occupied = bench.ring.meter().occupied(us(50));
    // 0 for 10 us, 1 for 5, 3 for 5, and 2 since.
    let mut expected = [Duration::ZERO; BANDS];
    (expected[0], expected[1], expected[2]) = (us(10), us(5), us(5 + 30));
    assert_eq!(occupied, expected);
    assert_eq!(bench.ring.meter().occupied(us(20))[2], us(5), "looking changes nothing");
}

#[test]
fn the_time_before_the_ring_has_a_size_does_not_count() {
    let mut bench = Bench::new(&NARROW);
    bench.now = us(100);
    assert_eq!(bench.ring.meter().occupied(us(100)), [Duration::ZERO; BANDS]);
    bench.set_up(4, 4);
    assert_eq!(bench.ring.meter().occupied(us(103))[0], us(3));
    bench.ring.reset(us(110));
    assert_eq!(bench.ring.meter().occupied(us(900))[0], us(10), "and it ends with a reset");
}

#[test]
fn full_is_when_linux_could_add_no_more() {
    let mut bench = bench(4);
    add(&mut bench, 2, us(0));
    assert_eq!((bench.ring.meter().became_full, bench.ring.meter().full_time(us(5))), (0, us(0)));
    // Three of four: CIRC_SPACE is 0, though IRSAR is 1.
    add(&mut bench, 1, us(5));
    assert_eq!(bench.read(Irsar), 1);
    assert_eq!((bench.ring.meter().became_full, bench.ring.meter().full_time(us(7))), (1, us(2)));
    // Completed is not removed: the driver's slot is still in use.
    run(&mut bench, us(8), us(9));
    assert_eq!(bench.ring.meter().full_time(us(12)), us(7));
    remove(&mut bench, 1, us(15));
    assert_eq!(bench.ring.meter().full_time(us(99)), us(10));
    add(&mut bench, 2, us(100));
    assert_eq!(
        (bench.ring.meter().became_full, bench.ring.meter().full_time(us(101))),
        (2, us(11))
    );
}

#[test]
fn a_ring_of_one_is_full_with_one_job_and_not_without() {
    let mut bench = bench(1);
    assert_eq!(bench.ring.meter().full_time(us(5)), us(0));
    add(&mut bench, 1, us(5));
    assert_eq!(bench.ring.meter().full_time(us(6)), us(1));
    run(&mut bench, us(7), us(7));
    remove(&mut bench, 1, us(8));
    assert_eq!(bench.ring.meter().full_time(us(50)), us(3));
}

#[test]
fn a_reset_ends_the_time_full() {
    let mut bench = bench(4);
    add(&mut bench, 4, us(10));
    bench.ring.reset(us(30));
    let meter = bench.ring.meter();
    assert_eq!((meter.became_full, meter.full_time(us(500))), (1, us(20)));
    assert_eq!(meter.doorbells, 1, "measurements outlive a reset");
}

#[test]
fn a_clock_read_before_the_lock_was_had_takes_no_time_back() {
    let mut bench = bench(4);
    add(&mut bench, 3, us(10));
    bench.now = us(9);
    let job = bench.take().unwrap();
    bench.now = us(8);
    bench.complete(&job, 0);
    remove(&mut bench, 1, us(7));
    let meter = bench.ring.meter();
    assert_eq!(meter.full_time(us(20)), us(0));
    assert_eq!(meter.occupied(us(20)).iter().sum::<Duration>(), us(20));
    assert_eq!((meter.queue_wait.max(), meter.service.max()), (us(0), us(0)));
}

/// Within the resolution of [`Times`]: not shorter, and at most 1/16 longer.
fn close(measured: Duration, real: Duration) -> bool {
    measured >= real && measured <= real + real / 16
}

#[test]
fn waits_and_service_times_are_each_job_s_own() {
    let mut bench = bench(8);
    // Three jobs by two doorbells, the second around the end of the ring.
    add(&mut bench, 6, us(0));
    for n in 0..6 {
        run(&mut bench, us(n), us(n));
    }
    remove(&mut bench, 6, us(6));
    let before = bench.ring.meter().queue_wait.count();
    add(&mut bench, 4, us(1000));
    run(&mut bench, us(1100), us(1103));
    add(&mut bench, 1, us(1200));
    for _ in 0..4 {
        run(&mut bench, us(3000), us(3700));
    }
    let meter = bench.ring.meter();
    assert_eq!((before, meter.queue_wait.count(), meter.service.count()), (6, 11, 11));
    // 0..5, 100, 1800, 2000 three times.
    let (median, max) = (meter.queue_wait.quantile(0.5), meter.queue_wait.max());
    assert!(close(median, us(5)) && close(max, us(2000)), "{median:?} {max:?}");
    assert!(close(meter.queue_wait.quantile(0.6), us(100)));
    assert!(close(meter.queue_wait.quantile(0.7), us(1800)));
    // 0 six times, 3, 700 four times.
    assert_eq!(meter.service.quantile(0.5), us(0));
    assert!(close(meter.service.quantile(0.6), us(3)));
    assert!(close(meter.service.quantile(0.99), us(700)));
}

#[test]
fn times_beyond_the_buckets_are_kept_as_the_longest() {
    let mut times = Times::default();
    assert_eq!((times.count(), times.quantile(0.5), times.max()), (0, us(0), us(0)));
    times.record(Duration::MAX);
    times.record(us(1));
    assert_eq!(times.count(), 2);
    assert!(times.max() >= Duration::from_secs(3600), "{:?}", times.max());
    assert!(close(times.quantile(0.5), us(1)));
}

#[test]
fn flushed_jobs_were_not_served() {
    let mut bench = bench(4);
    bench.add(0, &[0x1000, 0x2000]);
    bench.now = us(9);
    bench.write(Jrcr, 1);
    let meter = bench.ring.meter();
    assert_eq!(
        (bench.ring.stats().flushed, meter.queue_wait.count(), meter.service.count()),
        (2, 0, 0)
    );
    let last = meter.last_job.unwrap();
    assert_eq!((last.descriptor, last.at), (0x2000, us(9)), "the driver got it back, though");
}

#[test]
fn what_the_driver_asks_is_counted() {
    let mut bench = bench(4);
    assert_eq!(bench.ring.meter().last_doorbell, None);
    let before = bench.ring.meter().writes;
    add(&mut bench, 0, us(3));
    add(&mut bench, 9, us(4)); // error 9
    assert_eq!(bench.ring.meter().doorbells, 0, "nothing was added");
    add(&mut bench, 3, us(5));
    assert_eq!(bench.read(Irsar), 1);
    add(&mut bench, 1, us(6));
    assert_eq!(bench.read(Irsar), 0);
    assert_eq!(bench.read(Irsar), 0);
    let meter = bench.ring.meter();
    assert_eq!((meter.doorbells, meter.last_doorbell), (2, Some(us(6))));
    assert_eq!(meter.slot_reads(), (3, 2));
    assert_eq!(meter.register_reads(), 3);
    assert_eq!(meter.writes, before + 4, "also those that had no effect");
    run(&mut bench, us(7), us(8));
    let last = bench.ring.meter().last_job.unwrap();
    assert_eq!((last.descriptor, last.status, last.at), (0, 0, us(8)));
}

#[test]
fn a_result_while_the_interrupt_is_set_shares_it() {
    let mut bench = bench(8);
    bench.add(0, &[0x1000, 0x2000, 0x3000, 0x4000]);
    bench.run_one(0);
    assert_eq!((bench.ring.meter().interrupts, bench.ring.meter().merged), (1, 0));
    bench.run_one(0);
    bench.run_one(0);
    assert_eq!((bench.ring.meter().interrupts, bench.ring.meter().merged), (1, 2));
    bench.write(Orjrr, 3);
    bench.write(Jrintr, 1);
    bench.run_one(0);
    assert_eq!((bench.ring.meter().interrupts, bench.ring.meter().merged), (2, 2));
}

#[test]
fn the_line_of_a_masked_ring_rises_when_it_is_unmasked() {
    let mut bench = bench(8);
    bench.write(JrcfgrLs, JRCFGR_IMSK);
    bench.add(0, &[0x1000]);
    bench.run_one(0);
    assert_eq!(bench.ring.meter().interrupts, 0);
    bench.write(JrcfgrLs, 0);
    assert_eq!(bench.ring.meter().interrupts, 1);
}

#[test]
fn coalesced_results_share_an_interrupt() {
    let mut bench = bench(8);
    // ICTT 1, ICDCT 3, ICEN
    bench.write(JrcfgrLs, 1 << 16 | 3 << 8 | 2);
    bench.add(0, &[0x1000, 0x2000, 0x3000, 0x4000]);
    for _ in 0..3 {
        bench.run_one(0);
    }
    assert_eq!((bench.ring.meter().interrupts, bench.ring.meter().merged), (1, 2));
    bench.write(Orjrr, 3);
    bench.write(Jrintr, 1);
    bench.run_one(0);
    assert_eq!((bench.ring.meter().interrupts, bench.ring.meter().merged), (1, 3));
    let due = bench.ring.deadline().unwrap();
    let _ = bench.ring.tick(&bench.ram, due);
    assert_eq!(bench.ring.meter().interrupts, 2, "the timer's");
}

proptest! {
    /// Whatever a driver does, the bands add up to the time, waits to the jobs taken, and the
    /// ring is never full with fewer than its size less one in it.
    #[test]
    fn measurements_add_up(
        depth in 2u32..20,
        steps in prop::collection::vec((0u8..4, 1u64..5000), 1..200),
    ) {
        let mut bench = Bench::new(&NARROW);
        let mut driver = FakeDriver::new(Kind::Linux2015, &NARROW, depth, INPUT, OUTPUT);
        driver.initialise(&mut bench);
        let mut jobs = Vec::new();
        let mut full = Duration::ZERO;
        for (step, time) in steps {
            if bench.ring.occupancy() + 1 >= depth {
                full += Duration::from_nanos(time);
            }
            bench.now += Duration::from_nanos(time);
            match step {
                0 | 1 => _ = driver.enqueue(&mut bench),
                2 => jobs.extend(bench.take()),
                _ => {
                    for job in jobs.drain(..) {
                        bench.complete(&job, 0);
                    }
                    driver.dequeue(&mut bench, 3);
                }
            }
        }
        let meter = bench.ring.meter();
        prop_assert_eq!(meter.occupied(bench.now).iter().sum::<Duration>(), bench.now);
        prop_assert_eq!(meter.full_time(bench.now), full);
        let stats = bench.ring.stats();
        prop_assert_eq!(meter.doorbells, driver.accepted);
        prop_assert_eq!(meter.queue_wait.count(), stats.taken);
        prop_assert_eq!(meter.service.count(), stats.succeeded);
        prop_assert_eq!(meter.slot_reads().0, driver.slots_seen.len() as u64);
        prop_assert_eq!(meter.interrupts.min(1), stats.succeeded.min(1));
        if let Some(last) = meter.last_job {
            prop_assert!(last.descriptor >= DESCRIPTORS);
        }
    }
}
