use super::*;
use proptest::prelude::*;

const MAPS: Maps = Maps { max: 4096, page_sizes: 4096 };

fn decode(json: &str) -> Result<Proposal, Errno> {
    Proposal::decode(0, 0, &[json.as_bytes(), &[0]].concat())
}

fn reply(json: &str, twin: bool) -> Value {
    let body = decode(json).unwrap().reply(MAPS, twin);
    serde_json::from_slice(&body[4..body.len() - 1]).unwrap()
}

proptest! {
    #[test]
    fn any_data(data in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = Proposal::decode(0, 0, &data);
    }

    #[test]
    fn any_object(json in r#"\{("capabilities":[\[\{]?("[a-z_]{0,20}":-?[0-9]{0,25},?){0,4}[\]\}]?)?\}"#) {
        let _ = decode(&json);
    }
}

#[test]
fn what_is_not_proposed_is_not_in_the_reply() {
    assert_eq!(reply("{}", false), serde_json::json!({ "capabilities": {} }));
    let some = r#"{"capabilities":{"max_dma_maps":7,"write_multiple":false,"of_the_future":[]}}"#;
    assert_eq!(reply(some, false), serde_json::json!({ "capabilities": { "max_dma_maps": 7 } }));
    let twin = r#"{"capabilities":{"twin_socket":{"supported":true}}}"#;
    assert!(decode(twin).unwrap().limits().twin_socket);
    assert_eq!(
        reply(twin, true)["capabilities"],
        serde_json::json!({ "twin_socket": { "supported": true, "fd_index": 0 } })
    );
    assert_eq!(reply(twin, false)["capabilities"], serde_json::json!({}));
}

#[test]
fn limits_have_defaults_and_a_ceiling() {
    let max = |json| decode(json).unwrap().limits().max_data;
    assert_eq!(max("{}"), MAX_DATA);
    assert_eq!(max(r#"{"capabilities":{"max_data_xfer_size":0}}"#), 0);
    assert_eq!(max(r#"{"capabilities":{"max_data_xfer_size":4096}}"#), 4096);
    assert_eq!(max(r#"{"capabilities":{"max_data_xfer_size":18446744073709551615}}"#), MAX_DATA);
    assert!(!decode("{}").unwrap().limits().twin_socket);
}

#[test]
fn nonsense_is_refused() {
    for json in [
        "",
        "[]",
        "null",
        "{",
        "{}{}",
        r#"{"capabilities":[]}"#,
        r#"{"capabilities":null}"#,
        r#"{"capabilities":{"max_msg_fds":"8"}}"#,
        r#"{"capabilities":{"max_msg_fds":-1}}"#,
        r#"{"capabilities":{"max_dma_maps":1.5}}"#,
        r#"{"capabilities":{"write_multiple":1}}"#,
        r#"{"capabilities":{"twin_socket":true}}"#,
    ] {
        assert_eq!(decode(json), Err(Errno::INVAL), "{json}");
    }
    assert_eq!(Proposal::decode(1, 0, &[]), Err(Errno::INVAL), "another major version");
    assert_eq!(Proposal::decode(0, 0, b"{}"), Err(Errno::INVAL), "no NUL");
    assert_eq!(Proposal::decode(0, 0, &[b' '; 5000]), Err(Errno::TOOBIG));
    let deep = "[".repeat(4000);
    assert_eq!(decode(&format!("{{\"capabilities\":{deep}")), Err(Errno::INVAL));
}

#[test]
fn the_lower_minor_version_is_agreed_on() {
    for (theirs, agreed) in [(0, 0), (1, 1), (2, 1), (u16::MAX, 1)] {
        let body = Proposal::decode(0, theirs, &[]).unwrap().reply(MAPS, false);
        assert_eq!(body[..4], [[0, 0], u16::to_ne_bytes(agreed)].concat());
    }
}
