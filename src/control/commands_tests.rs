use super::*;
use crate::control::stats::Statistics;
use crate::device::Setup;
use crate::device::platform::Secrets;
use crate::device::soc::VIRT_ERA9;
use proptest::prelude::*;

const NOW: Duration = Duration::from_millis(3);

/// A process that has no files.
struct NoFiles;

impl Host for NoFiles {
    fn start_trace(&self, options: &trace::Options) -> Result<(), trace::Error> {
        Err(trace::Error::Running(options.path.clone()))
    }

    fn stop_trace(&self) -> Result<trace::Status, trace::Error> {
        Err(trace::Error::NotRunning)
    }

    fn trace_status(&self) -> Option<trace::Status> {
        None
    }
}

fn device() -> Device {
    let setup = Setup { soc: &VIRT_ERA9, rings: 2, decos: 1, fault_seed: 5 };
    Device::new(setup, Secrets { seed: Some(1), master_key: None }).unwrap()
}

/// The whole reply to a command.
fn reply(device: &Device, command: &str) -> Value {
    let answer = answer(device, &NoFiles, command.as_bytes(), NOW);
    assert_eq!(answer.outcome, Outcome::default(), "{command}");
    let reply: Value = serde_json::from_str(&answer.reply).unwrap();
    assert_eq!(reply["v"], 1);
    reply
}

fn result(device: &Device, command: &str) -> Value {
    let reply = reply(device, command);
    assert_eq!((&reply["ok"], &reply["error"]), (&json!(true), &Value::Null), "{reply}");
    reply["result"].clone()
}

fn error(device: &Device, command: &str) -> String {
    let reply = reply(device, command);
    assert_eq!((&reply["ok"], &reply["result"]), (&json!(false), &Value::Null), "{reply}");
    reply["error"].as_str().unwrap().to_owned()
}

#[test]
fn statistics_are_those_of_the_file() {
    let device = device();
    let stats = result(&device, r#"{"v":1,"id":7,"do":"stats"}"#);
    let stats: Statistics = serde_json::from_value(stats).unwrap();
    assert_eq!(stats, device.statistics(NOW));
}

#[test]
fn a_reset_resets() {
    let device = device();
    let scratch = 0x5c; // JRSTART: any register that holds what is written
    let _ = device.write_bar(scratch, &3_u32.to_le_bytes(), NOW).unwrap();
    let mut word = [0; 4];
    device.read_bar(scratch, &mut word, Duration::ZERO).unwrap();
    assert_eq!(word, [3, 0, 0, 0]);
    assert_eq!(result(&device, r#"{"v":1,"do":"reset"}"#), json!({}));
    device.read_bar(scratch, &mut word, Duration::ZERO).unwrap();
    assert_eq!(word, [0; 4]);
}

#[test]
fn faults_are_added_listed_and_cleared() {
    let device = device();
    let add = |rule: &str| format!(r#"{{"v":1,"do":"fault-add","rule":"{rule}"}}"#);
    assert_eq!(result(&device, &add("stall:for=20ms")), json!({ "name": "stall-1" }));
    assert_eq!(result(&device, &add("irq-lost:name=gone,times=3")), json!({ "name": "gone" }));
    let list = result(&device, r#"{"v":1,"do":"fault-list"}"#);
    assert_eq!(list["seed"], 5);
    let rules = list["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 2);
    assert_eq!((&rules[0]["name"], &rules[0]["remaining"]), (&json!("stall-1"), &Value::Null));
    let gone = json!({
        "name": "gone", "rule": rules[1]["rule"], "toll": "device",
        "matched": 0, "fired": 0, "remaining": 3,
    });
    assert_eq!(rules[1], gone);
    assert_eq!(result(&device, r#"{"v":1,"do":"stats"}"#)["faults"], list);
    let clear = r#"{"v":1,"do":"fault-clear","name":"gone"}"#;
    assert_eq!(result(&device, clear), json!({ "cleared": 1 }));
    assert!(error(&device, clear).contains("no rule 'gone'"));
    let all = r#"{"v":1,"do":"fault-clear","all":true}"#;
    assert_eq!(result(&device, all), json!({ "cleared": 1 }));
    assert_eq!(result(&device, all), json!({ "cleared": 0 }));
}

#[test]
fn a_rule_that_is_none_is_explained_and_not_added() {
    let device = device();
    for (rule, word) in [
        ("", "kinds are"),
        ("stal:for=2ms", "did you mean 'stall'"),
        ("stall:for=2", "for=2"),
        ("stall:for=2ms,ring=2", "2 job rings"),
    ] {
        let message = error(&device, &format!(r#"{{"v":1,"do":"fault-add","rule":"{rule}"}}"#));
        assert!(message.contains(word), "{rule}: {message}");
    }
    assert!(error(&device, r#"{"v":1,"do":"fault-add"}"#).contains("`rule`"));
    assert!(error(&device, r#"{"v":1,"do":"fault-add","rule":7}"#).contains("string"));
    assert_eq!(device.faults.list(), []);
}

#[test]
fn what_to_clear_must_be_said_and_only_once() {
    let device = device();
    result(&device, r#"{"v":1,"do":"fault-add","rule":"irq-lost"}"#);
    for arguments in ["", r#","all":false"#, r#","all":true,"name":"irq-lost-1""#] {
        let line = format!(r#"{{"v":1,"do":"fault-clear"{arguments}}}"#);
        assert!(error(&device, &line).contains("either"), "{line}");
    }
    assert_eq!(device.faults.list().len(), 1);
}

#[test]
fn resume_ends_stalls_and_wakes_the_decos() {
    let device = device();
    assert_eq!(result(&device, r#"{"v":1,"do":"resume"}"#), json!({ "resumed": 0 }));
    assert!(error(&device, r#"{"v":1,"do":"resume","ring":2}"#).contains("2 job rings"));
    assert!(error(&device, r#"{"v":1,"do":"resume","ring":-1}"#).contains("-1"));
    result(&device, r#"{"v":1,"do":"fault-add","rule":"stall:release=manual,rings=all,once"}"#);
    // Rings of two entries; the first job's arrival stalls both.
    for page in [0x1000, 0x2000] {
        for (register, value) in [(0x0c, 2), (0x2c, 2), (0x1c, 1)] {
            device.write_bar(page + register, &u32::to_le_bytes(value), NOW).unwrap();
        }
    }
    assert!(device.take_job(NOW).0.is_none());
    let states = || {
        let stats = result(&device, r#"{"v":1,"do":"stats"}"#);
        [0, 1].map(|ring| stats["rings"][ring]["state"].as_str().unwrap().to_owned())
    };
    assert_eq!(states(), ["stalled", "stalled"]);
    let answer = answer(&device, &NoFiles, br#"{"v":1,"id":2,"do":"resume","ring":1}"#, NOW);
    assert_eq!(answer.reply, r#"{"v":1,"id":2,"ok":true,"result":{"resumed":1}}"#);
    assert!(answer.outcome.doorbell);
    assert_eq!(states(), ["stalled", "running"]);
}

proptest! {
    /// No line makes it panic or answer with anything but one line of JSON.
    #[test]
    fn every_line_has_an_answer(
        name in prop::sample::select(Command::NAMES),
        argument in "(rule|name|all|ring|x)",
        value in prop_oneof![
            r#""[a-z-]{0,12}(:[a-z]{1,6}=[0-9a-z.%\\-]{0,8}(,[a-z-]{1,6}=[0-9a-z.:]{0,8})*)?""#,
            "(true|false|null|[0-9]{1,25}|-1e400|\\[\\])",
        ],
    ) {
        let line = format!(r#"{{"v":1,"id":1,"do":"{name}","{argument}":{value}}}"#);
        let answer = answer(&device(), &NoFiles, line.as_bytes(), NOW);
        prop_assert!(!answer.reply.contains('\n'));
        let reply: Value = serde_json::from_str(&answer.reply).unwrap();
        prop_assert!(reply["ok"].is_boolean());
    }
}
