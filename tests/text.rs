//! `caam-emu disasm`, `asm` and `status` as programs: streams and exit status.

use std::io::Write;
use std::process::{Command, Stdio};

/// Exit status, standard output, standard error.
fn run(arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_caam-emu"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    // One that does not read it may be gone.
    let _ = child.stdin.take().expect("its input").write_all(input);
    let output = child.wait_with_output().expect("its end");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("an exit status"), text(output.stdout), text(output.stderr))
}

#[test]
fn a_listing_goes_back_to_words() {
    let words = "b0800005\na2000001\n82500000\n60340020\n00001800\n";
    let (status, listing, errors) = run(&["disasm", "-"], words.as_bytes());
    assert_eq!((status, errors.as_str()), (0, ""));
    assert!(listing.starts_with("; line 1: job descriptor, 5 words\n"), "{listing}");
    assert_eq!(run(&["asm", "-"], listing.as_bytes()), (0, words.into(), String::new()));
}

#[test]
fn the_assembler_writes_bytes_that_the_disassembler_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("job.bin");
    let path = path.to_str().expect("a name");
    let text = b"JOB HEADER share=NEVER\nKEY class=1 length=16 pointer=0x123456789a\n";
    let (status, _, errors) = run(&["asm", "--pointers", "64", "-o", path, "-"], text);
    assert_eq!((status, errors.as_str()), (0, ""));
    let (status, json, _) = run(&["disasm", "--pointers", "64", "--json", path], b"");
    assert_eq!(status, 0);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let key = &json["descriptors"][0]["commands"][1];
    assert_eq!(key["name"], "KEY");
    assert_eq!(key["fields"]["pointer"], "0x123456789a");
    assert_eq!(json["problems"], serde_json::json!([]));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (arguments, input, place) in [
        (&["disasm", "-"][..], &b"b0800003 02800020 00000000"[..], "line 1: word 1 of the desc"),
        (&["disasm", "-"], b"\x00\xff\x00\xff", "word 0: ff00ff00"),
        (&["disasm", "-"], b"", "nothing in the input"),
        (&["disasm", "/no/such/file"], b"", "/no/such/file"),
        (&["asm", "-"], b"JOB HEADER\n KYE", "line 2, column 2"),
        (&["asm", "-"], b"\xff\xfe", "not text"),
        (&["status", "0x123456789"], b"", "more than 32 bits"),
        (&["status", "0x2000001a", "soup"], b"", "\"soup\" is not a status word"),
    ] {
        let (status, _, errors) = run(arguments, input);
        assert_eq!(status, 1, "{arguments:?}: {errors}");
        assert!(errors.starts_with("caam-emu: ") && errors.contains(place), "{errors}");
    }
    assert_eq!(run(&["status"], b"").0, 2);
    assert_eq!(run(&["disasm"], b"").0, 2);
}

#[test]
fn status_words_are_explained() {
    let (status, text, _) = run(&["status", "2000001a", "0x40000016"], b"");
    assert_eq!(status, 0);
    for part in ["ccb/aes/icv-check", "-EBADMSG", "deco/dma", "FAR and FADR"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let (_, json, _) = run(&["status", "--json", "ccb/aes/icv-check"], b"");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json[0]["status"], "0x2000001a");
    assert_eq!(json[0]["fields"][0]["name"], "source");
}
