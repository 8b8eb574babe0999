//! Faults of memory that happen to real jobs, at the device.

use super::super::tests::Rig;
use super::*;
use crate::crypto::Direction;
use crate::descriptors::build::linux::{self, Cipher, Request};
use crate::fault::grammar::Fields;
use crate::jobring::fake_driver::{NARROW, Port};
use crate::jobring::registers::Register;
use crate::memory::{Access, DmaError, GuestMemory};

const RAM: u64 = 0x4000_0000;
const PAGE: u64 = 0x4_2000;
/// Job, shared descriptor, IV and tables as [`linux::place_skcipher`] puts them: the six entries
/// end where the page does.
const JOB: u64 = RAM + PAGE - 6 * 16 - 0x240;
const SHARED: u64 = JOB + 0x100;
const IV: u64 = JOB + 0x200;
const TABLE: u64 = JOB + 0x240;
const TABLE_OUT: u64 = TABLE + 3 * 16;
const FIRST_IN: u64 = RAM + 0x5_0000;
const SECOND_IN: u64 = RAM + 0x5_1000;
const FIRST_OUT: u64 = RAM + 0x6_0000;
const SECOND_OUT: u64 = RAM + 0x6_1000;

/// A rig with one ring, a job in memory, and these rules.
fn rig(rules: &[&str]) -> Rig {
    let rig = Rig::new(&NARROW, 2);
    rig.ring(0).set_up(16);
    for rule in rules {
        let added = rig.device.faults.add(&Fields::from_text(rule));
        added.unwrap_or_else(|(problem, _)| panic!("{rule}: {problem}"));
    }
    rig
}

/// Places a CBC encryption of 96 bytes, from two places to two others, with a table each; the IV
/// is the last of 112 bytes of output. Runs it.
fn run(rig: &Rig) -> Report {
    let memory = &rig.device.memory;
    for at in [FIRST_IN, SECOND_IN] {
        memory.write(Purpose::Output, at, &[at as u8; 64]).expect("RAM");
    }
    for at in [FIRST_OUT, SECOND_OUT] {
        memory.write(Purpose::Output, at, &[0xee; 80]).expect("RAM");
    }
    let shared = linux::skcipher_shared(&NARROW, Cipher::Cbc, Direction::Encrypt, &[7; 16]);
    let source = [(FIRST_IN, 64), (SECOND_IN, 32)];
    let destination = [(FIRST_OUT, 32), (SECOND_OUT, 64)];
    let request =
        Request { source: &source, destination: Some(&destination), iv: b"sixteen bytes iv" };
    linux::place_skcipher(memory, &NARROW, JOB, &shared, &request);
    let mut ring = rig.ring(0);
    let slot = ring.read(Register::Irrir);
    let input = ring.output() - 0x8000;
    ring.poke(input + u64::from(slot), &(JOB as u32).to_le_bytes());
    ring.write(Register::Irjar, 1);
    let job = rig.device.take_job(rig.now).0.expect("a job");
    let report = rig.device.run_job(&job, &mut Scratch::default(), Budget::default());
    rig.complete_with(&job, &report);
    report
}

/// The bytes where the job's output goes, in the order in which it is written.
fn output(rig: &Rig) -> Vec<u8> {
    let ring = rig.ring(0);
    [(FIRST_OUT, 32), (SECOND_OUT, 64), (IV, 16)].map(|(at, n)| ring.peek(at, n)).concat()
}

/// What the output is without faults.
fn good() -> Vec<u8> {
    let rig = rig(&[]);
    assert_eq!(run(&rig).status, JobStatus::OK);
    let output = output(&rig);
    assert!(!output.windows(8).any(|bytes| bytes == [0xee; 8]), "all of it is written");
    assert_eq!(output[80..96], output[96..], "the IV is the last block");
    output
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("four bytes"))
}

fn counts(rig: &Rig) -> Vec<(u64, u64)> {
    rig.device.faults.list().iter().map(|r| (r.matched, r.fired)).collect()
}

#[test]
fn any_access_can_fail() {
    use Purpose::{Descriptor, Input, Output, SharedDescriptor, Table};
    let good = good();
    for (of, access, purpose, address) in [
        ("descriptor", 1, Descriptor, JOB),
        ("shared-descriptor", 1, SharedDescriptor, SHARED),
        ("table", 1, Table, TABLE),
        ("table", 2, Table, TABLE_OUT),
        ("input", 1, Input, IV),
        ("input", 2, Input, FIRST_IN),
        ("input", 3, Input, SECOND_IN),
        ("output", 1, Output, FIRST_OUT),
        ("output", 2, Output, SECOND_OUT),
        ("output", 3, Output, IV),
    ] {
        let rig = rig(&[&format!("dma-error:of={of},access={access},job=2")]);
        assert_eq!(run(&rig).status, JobStatus::OK);
        let report = run(&rig);
        assert_eq!(report.status.0 & 0xf000_00ff, 0x4000_0016, "{of} {access}");
        let error = report.dma_error.expect("the access");
        assert_eq!((error.purpose, error.address), (purpose, address), "{of} {access}");
        let direction = if purpose == Output { Access::Write } else { Access::Read };
        assert_eq!(error.access, direction);
        // FAR, and the ring's result.
        let mut far = [0; 8];
        rig.device.read_bar(0xfc0, &mut far, rig.now).expect("registers");
        assert_eq!(NARROW.join(word(&far[..4]), word(&far[4..])), address);
        assert_eq!(rig.ring(0).read(Register::Jrstar), report.status.0);
        // What was written before stays.
        let written = output(&rig);
        let before = if purpose == Output { [0, 32, 96][access - 1] } else { 0 };
        assert_eq!(written[..before], good[..before], "{of} {access}");
        assert!(written[before..96].iter().all(|&byte| byte == 0xee), "{of} {access}");
        assert_eq!(run(&rig).status, JobStatus::OK);
        assert_eq!(output(&rig), good);
        assert_eq!(counts(&rig), [(1, 1)]);
    }
}

#[test]
fn an_access_that_is_not_made_does_not_fail() {
    let good = good();
    for rule in ["dma-error:of=input,access=4", "dma-error:of=table,access=3"] {
        let rig = rig(&[rule]);
        assert_eq!((run(&rig).status, output(&rig)), (JobStatus::OK, good.clone()), "{rule}");
        assert_eq!(counts(&rig), [(1, 1)], "it fired all the same");
    }
}

#[test]
fn flipped_bits() {
    let good = good();
    let flipped = |seeds: &[&str]| {
        let rig = rig(seeds);
        assert_eq!(run(&rig).status, JobStatus::OK);
        output(&rig)
    };
    let different =
        |bad: &[u8]| bad.iter().zip(&good).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
    for bits in [1, 3, 64] {
        let bad = flipped(&[&format!("data-flip:bits={bits},name=flip")]);
        assert_eq!(different(&bad), bits);
        assert_eq!(flipped(&[&format!("data-flip:bits={bits},name=flip")]), bad, "repeatable");
        assert_ne!(flipped(&[&format!("data-flip:bits={bits},name=other")]), bad);
    }
}

#[test]
fn output_that_is_cut_or_lost() {
    let good = good();
    let filler = [vec![0xee; 96], b"sixteen bytes iv".to_vec()].concat();
    for (rule, kept) in [
        ("data-truncate:bytes=1,once", 111),
        ("data-truncate:bytes=20,once", 92),
        ("data-truncate:bytes=100,once", 12),
        ("data-truncate:bytes=1M,once", 0),
        ("data-skip:once", 0),
    ] {
        let rig = rig(&[rule]);
        let report = run(&rig);
        assert_eq!((report.status, report.dma_error), (JobStatus::OK, None), "{rule}");
        assert_eq!(output(&rig), [&good[..kept], &filler[kept..]].concat(), "{rule}");
        run(&rig);
        assert_eq!(output(&rig), good, "{rule}, only once");
    }
}

#[test]
fn tables_that_are_read_beyond_their_page() {
    let good = good();
    // It is counted without a rule, too.
    assert_eq!(run(&rig(&[])).table_overreads, 1);

    let rules = ["table-overread:every=2", "table-overread:ring=1", "table-overread:alg=aes-cbc"];
    let rig = rig(&rules);
    for _ in 0..3 {
        let report = run(&rig);
        assert_eq!((report.status, report.table_overreads), (JobStatus::OK, 1));
        assert_eq!(output(&rig), good);
    }
    assert_eq!(counts(&rig), [(3, 1), (0, 0), (3, 3)]);
}

#[test]
fn a_read_beyond_a_tables_page_can_fail() {
    let good = good();
    let rig = rig(&["table-overread:action=fail,nth=2,descriptor=0x40041d60"]);
    assert_eq!(JOB, 0x4004_1d60);
    assert_eq!(run(&rig).status, JobStatus::OK);
    let report = run(&rig);
    assert_eq!(report.status.0 & 0xf000_00ff, 0x4000_0016);
    let (purpose, access) = (Purpose::Table, Access::Read);
    let page = RAM + PAGE;
    let error = DmaError { purpose, address: page, length: 16, access };
    assert_eq!((report.dma_error, report.table_overreads), (Some(error), 1));
    assert_eq!(output(&rig)[..96], [0xee; 96], "nothing was written");
    assert_eq!(run(&rig).status, JobStatus::OK);
    assert_eq!(output(&rig), good);
    assert_eq!(counts(&rig), [(3, 1)]);
}
