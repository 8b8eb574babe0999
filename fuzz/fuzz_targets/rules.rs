//! Fault rules and plans, as text: whatever is taken can be written out and read again, and says
//! the same; whatever is not leaves nothing behind.
#![no_main]

use caam_emu::fault::Faults;
use caam_emu::fault::grammar::Fields;
use caam_emu::fault::plan::Plan;
use libfuzzer_sys::fuzz_target;

const RINGS: usize = 4;

// The first byte selects: a rule, or a plan.
fuzz_target!(|data: &[u8]| {
    let Some((flags, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let faults = Faults::new(1, RINGS);
    let rules: Vec<Fields> = if flags & 1 == 0 {
        text.lines().map(Fields::from_text).collect()
    } else {
        match Plan::parse(text) {
            Ok(plan) => plan.rules.into_iter().map(|entry| entry.fields).collect(),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        }
    };
    let before = faults.list().len();
    match faults.add_all(&rules) {
        Ok(names) => assert_eq!(names.len(), rules.len()),
        Err((index, problem, _)) => {
            assert!(index < rules.len() && !problem.to_string().is_empty());
            assert_eq!(faults.list().len(), before, "a refused plan left rules behind");
            return;
        }
    }
    let listed: Vec<String> = faults.list().into_iter().map(|r| r.rule).collect();
    let again = Faults::new(1, RINGS);
    let fields: Vec<Fields> = listed.iter().map(|text| Fields::from_text(text)).collect();
    if let Err((index, problem, _)) = again.add_all(&fields) {
        panic!("{:?} is listed and cannot be read: {problem}", listed[index]);
    }
    let relisted: Vec<String> = again.list().into_iter().map(|r| r.rule).collect();
    assert_eq!(listed, relisted);
    assert_eq!(faults.clear(None), Ok(listed.len()));
});
