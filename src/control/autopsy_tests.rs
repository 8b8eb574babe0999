use super::*;
use crate::crypto::Direction;
use crate::descriptors::build::linux::{self, Cipher, Request};
use crate::descriptors::build::place;
use crate::descriptors::deco;
use crate::descriptors::flow::{Budget, Scratch};
use crate::descriptors::test_support::cases;
use crate::device::platform::{Platform, Secrets};
use crate::device::soc::VIRT_ERA9;
use crate::memory::flat::FlatMemory;
use proptest::prelude::*;
use std::sync::atomic::AtomicBool;

const SOC: &SocProfile = &VIRT_ERA9;
/// Where the memory ends.
const END: u64 = 0x9000;

/// Runs the job at `address` and makes a case of it.
fn run(memory: &FlatMemory, address: u64, keep: Keep) -> Option<Case> {
    let platform = Platform::new(SOC, Secrets { seed: Some(1), master_key: None }).unwrap();
    let mut scratch = Scratch::default();
    scratch.keep = keep;
    let stop = AtomicBool::new(false);
    let report = deco::run(memory, &platform, address, &mut scratch, Budget::default(), &stop);
    assert_eq!(scratch.remains.is_some(), keep.wants(report.status));
    Some(Case {
        ring: 1,
        job: 7,
        descriptor: address,
        status: report.status,
        dma_error: report.dma_error,
        taken: Duration::from_millis(5),
        faults: vec![],
        remains: *scratch.remains.take()?,
    })
}

/// An XTS job of Linux, whose data end `missing` bytes behind the memory.
fn xts(missing: u64) -> (FlatMemory, u64) {
    let memory = FlatMemory::new(0x1000, (END - 0x1000) as usize);
    let shared = linux::skcipher_shared(SOC, Cipher::Xts, Direction::Encrypt, &[0x5e; 32]);
    let source = [(END - 512 + missing, 512)];
    let request = Request { source: &source, destination: None, iv: &[0xc0; 16] };
    let job = linux::place_skcipher(&memory, SOC, 0x1000, &shared, &request);
    (memory, job)
}

fn autopsy(case: Case, secrets: bool) -> Autopsy {
    let autopsies = Autopsies::default();
    autopsies.want(Wanted { keep: Keep::All, ..Wanted::default() }, secrets);
    assert_eq!(autopsies.file(case, SOC), Some(1));
    autopsies.report(None, SOC).unwrap()
}

#[test]
fn a_dma_error_is_told_with_its_place() {
    let (memory, job) = xts(16);
    let autopsy = autopsy(run(&memory, job, Keep::Failed).unwrap(), false);
    assert_eq!(autopsy.summary.meaning, "deco/dma");
    assert_eq!((autopsy.summary.number, autopsy.summary.ring, autopsy.summary.job), (1, 1, 7));
    // The shared descriptor comes first in the buffer; the data move at its FIFO commands.
    let [shared, own] = &autopsy.descriptors[..] else { panic!("{:?}", autopsy.descriptors) };
    assert_eq!((shared.kind.as_str(), own.kind.as_str()), ("shared descriptor", "job descriptor"));
    assert_eq!(shared.base, 0);
    let marked: Vec<_> = shared.text.lines().filter(|line| line.starts_with('>')).collect();
    let at = autopsy.stopped_at.unwrap();
    assert_eq!(marked.len(), 1, "{}", shared.text);
    assert!(marked[0].contains(&format!("; {at:2}")), "{marked:?}");
    let deco = autopsy.deco.unwrap();
    assert_eq!(deco.classes[0].key_size, 32);
    let mode = deco.classes[0].mode.as_deref();
    assert_eq!(mode, Some("alg=AES aai=XTS as=INITFINAL ENC"));
    assert!(deco.table_entries > 0);
    let failed: Vec<_> = autopsy.touched.iter().filter(|touch| touch.failed).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].address.as_str(), failed[0].access.as_str()), ("0x8e10", "read"));
    let purposes: Vec<_> = autopsy.touched.iter().map(|touch| touch.purpose.as_str()).collect();
    assert_eq!(purposes[..2], ["job descriptor", "shared descriptor"]);
    assert!(purposes.contains(&"scatter/gather table"));
    assert_eq!(autopsy.accesses, autopsy.touched.len() as u64);
}

#[test]
fn secrets_are_shown_only_where_asked_for() {
    let (memory, job) = xts(16);
    let shown = |secrets| {
        let autopsy = autopsy(run(&memory, job, Keep::Failed).unwrap(), secrets);
        assert_eq!(autopsy.redacted, !secrets);
        (serde_json::to_string(&autopsy).unwrap(), crate::cli::autopsy::text(&autopsy))
    };
    let (json, text) = shown(false);
    for words in ["5e5e5e5e", "c0c0c0c0"] {
        assert!(!json.contains(words) && !text.contains(words), "{text}");
    }
    assert!(text.contains("hidden"), "{text}");
    let (json, text) = shown(true);
    for words in ["5e5e5e5e", "c0c0c0c0"] {
        assert!(json.contains(words) && text.contains(words), "{text}");
    }
}

#[test]
fn jobs_that_succeed_leave_nothing_unless_all_are_wanted() {
    let (memory, job) = xts(0);
    assert!(run(&memory, job, Keep::Nothing).is_none());
    assert!(run(&memory, job, Keep::Failed).is_none());
    let autopsy = autopsy(run(&memory, job, Keep::All).unwrap(), false);
    assert_eq!((autopsy.summary.meaning.as_str(), autopsy.stopped_at), ("ok", None));
    assert!(!autopsy.descriptors[0].text.contains('>'));
    assert_eq!(autopsy.deco.unwrap().stored, 512 + 16);
}

#[test]
fn without_a_descriptor_there_are_its_accesses() {
    let memory = FlatMemory::new(0x1000, 0x100);
    let autopsy = autopsy(run(&memory, 0x9_0000, Keep::Failed).unwrap(), false);
    assert_eq!(autopsy.deco, None);
    assert!(autopsy.touched.iter().any(|touch| touch.address == "0x90000" && touch.failed));
    let text = crate::cli::autopsy::text(&autopsy);
    assert!(text.contains("no descriptor was executed"), "{text}");
}

#[test]
fn a_job_that_waits_for_ever_shows_for_what() {
    // SEQ FIFO STORE of a message that no CHA makes.
    let memory = FlatMemory::new(0x1000, 0x1000);
    let words = [0xb080_0007, 0xf800_0010, 0x1800, 0x6830_0000 | 16, 0x2210_0008, 0x1810, 0];
    let words = [&words[..6], &[0xa000_0001]].concat();
    place(&memory, SOC, 0x1000, &words);
    let autopsy = autopsy(run(&memory, 0x1000, Keep::Failed).unwrap(), false);
    assert_eq!(autopsy.summary.meaning, "deco/watchdog");
    let deco = autopsy.deco.unwrap();
    assert_eq!((deco.input_count, deco.output_count), (1, 1), "{deco:?}");
    assert!(deco.inputs[0].starts_with("8 bytes of Message"), "{deco:?}");
}

#[test]
fn which_jobs_are_wanted() {
    let wanted = |text: &str| text.parse::<Wanted>();
    assert_eq!(wanted("off"), Ok(Wanted::default()));
    assert_eq!(wanted("failed").unwrap().keep, Keep::Failed);
    assert_eq!(wanted("all").unwrap().keep, Keep::All);
    let some = wanted("failed,alg=aes-xts,ring=1").unwrap();
    assert_eq!((some.keep, some.matching.ring), (Keep::Failed, Some(1)));
    assert_eq!(wanted("job=5..9").unwrap().keep, Keep::All);
    for (bad, why) in [
        ("off,ring=1", "off stands alone"),
        ("faled", "no key 'faled'"),
        ("failed,algo=aes-xts", "did you mean 'alg'"),
        ("failed,alg=aes-xtz", "did you mean 'aes-xts'"),
        ("failed,every=3", "no key 'every'"),
        ("ring=1,ring=2", "twice"),
        ("", "no key"),
    ] {
        match wanted(bad) {
            Ok(wanted) => assert_eq!((bad, wanted.keep), ("", Keep::All)),
            Err(error) => assert!(error.to_string().contains(why), "{bad}: {error}"),
        }
    }
}

#[test]
fn conditions_are_those_of_the_descriptor_that_ran() {
    let (memory, job) = xts(16);
    let autopsies = Autopsies::default();
    for (wanted, number) in [
        ("failed,alg=aes-xts", Some(1)),
        ("failed,alg=aes-cbc", None),
        ("ring=1,job=7", Some(2)),
        ("ring=0", None),
        ("dir=decrypt", None),
        ("off", None),
    ] {
        autopsies.want(wanted.parse().unwrap(), false);
        let case = run(&memory, job, Keep::All).unwrap();
        assert_eq!(autopsies.file(case, SOC), number, "{wanted}");
    }
    assert_eq!(autopsies.keep(), Keep::Nothing);
}

#[test]
fn the_oldest_go_first() {
    let (memory, job) = xts(16);
    let autopsies = Autopsies::default();
    assert!(autopsies.report(None, SOC).unwrap_err().contains("no job has"));
    let count = CASES as u64 + 6;
    for _ in 0..count {
        autopsies.file(run(&memory, job, Keep::Failed).unwrap(), SOC);
    }
    let list = autopsies.list();
    assert_eq!((list.len(), list[0].number), (CASES, 7));
    assert_eq!(autopsies.report(Some(7), SOC).unwrap().summary, list[0]);
    assert_eq!(autopsies.report(None, SOC).unwrap().summary.number, count);
    let error = autopsies.report(Some(6), SOC).unwrap_err();
    assert!(error.contains(&format!("7 to {count}")), "{error}");
}

proptest! {
    #![proptest_config(cases(300))]

    /// Whatever a guest has a DECO execute can be told of, in bounded space.
    #[test]
    fn any_job_has_an_autopsy(
        commands in prop::collection::vec(
            prop_oneof![any::<u32>(), (0_u32..32, 0_u32..64).prop_map(|(o, l)| o << 27 | l)],
            1..62,
        ),
        secrets: bool,
    ) {
        let memory = FlatMemory::new(0x1000, 0x1000);
        let mut words = vec![0xb080_0001 + commands.len() as u32];
        words.extend(commands);
        place(&memory, SOC, 0x1000, &words);
        let autopsy = autopsy(run(&memory, 0x1000, Keep::All).unwrap(), secrets);
        let text = crate::cli::autopsy::text(&autopsy);
        let json = serde_json::to_string(&autopsy).unwrap();
        prop_assert!(text.len() < 64 << 10 && json.len() < 128 << 10);
        prop_assert_eq!(serde_json::from_str::<Autopsy>(&json).unwrap(), autopsy);
    }
}
