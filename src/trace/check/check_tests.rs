//! Files that say what no trace of ours says. `device/tell_tests.rs` has those that are.

use super::*;

const FIRST: &str = r#"{"caam_emu_trace":1,"version":"0","soc":"virt-era9","rings":2,"decos":1,"fault_seed":0,"registers":false}"#;

/// Lines of a trace; the last event is judged.
fn lines(events: &[String]) -> Result<(), Problem> {
    check(format!("{FIRST}\n{}\n", events.join("\n")).as_bytes()).1
}

fn ring(sequence: u64, what: &str, pending: u64) -> String {
    format!(
        r#"{{"ns":0,"event":"ring","ring":0,"sequence":{sequence},{what},"pending":{pending},"in_flight":0,"waiting":0,"states":[]}}"#
    )
}

const SEEN: &str = r#""what":"seen""#;

#[test]
fn a_ring_has_no_more_jobs_than_fit() {
    // Room for each of them would be 64 GiB.
    let many = u64::from(u32::MAX);
    let seen = ring(1, SEEN, many);
    assert!(matches!(lines(&[seen]), Err(Problem::Impossible { .. })));
    let added = format!(r#""what":"added","count":{many}"#);
    let added = [ring(1, SEEN, 0), ring(2, &added, 0)];
    assert!(matches!(lines(&added), Err(Problem::Impossible { event: 2, .. })));
}

#[test]
fn behind_the_last_number_there_is_none() {
    let changed = r#""what":"changed""#;
    let events = [ring(u64::MAX, SEEN, 0), ring(1, changed, 0)];
    assert!(matches!(lines(&events), Err(Problem::Impossible { event: 2, .. })));
}

#[test]
fn counts_and_times_may_be_any_numbers() {
    let counter = r#"[{"ph":"C","name":"jobs","pid":2,"ts":0,"args":{"pending":0,"in flight":18446744073709551615,"waiting":18446744073709551615,"occupancy":0}}]"#;
    assert!(matches!(check(counter.as_bytes()).1, Err(Problem::Impossible { event: 1, .. })));
    // Twice as long as there is time.
    let one =
        r#"{"ph":"B","name":"full","pid":2,"ts":0},{"ph":"E","name":"full","pid":2,"ts":1e300}"#;
    let (summary, result) = check(format!("[{one},{one}]").as_bytes());
    assert!(matches!(result, Err(Problem::Foreign(_))), "{result:?}");
    assert_eq!(summary.rings["process 2"].states["full"], (2, u64::MAX));
}
