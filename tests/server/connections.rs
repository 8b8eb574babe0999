//! One client after the other, and what a client may do.

use super::support::*;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use vmm_sys_util::sock_ctrl_msg::ScmSocket;

#[test]
fn a_client_finds_the_function() {
    let emulator = Emulator::start(&["--job-rings", "2", "--decos", "3"]);
    let mut client = emulator.client();
    let (header, body) = client.call(GET_INFO, &words(&[16, 0, 0, 0]), &[]);
    assert_eq!(header.flags, 1);
    // Size, flags (1: reset, 2: PCI), regions, interrupts.
    assert_eq!(body, words(&[16, 3, 9, 5]));
    for index in 0..9 {
        let size = match index {
            BAR0 => 0x1_0000,
            CONFIG => 0x100,
            _ => 0,
        };
        let flags = if size > 0 { 3 } else { 0 };
        let query = words(&[32, 0, index, 0, 0, 0, 0, 0]);
        let (_, body) = client.call(GET_REGION_INFO, &query, &[]);
        assert_eq!(body, words(&[32, flags, index, 0, size, 0, 0, 0]), "region {index}");
        let (header, body) = client.call(GET_REGION_IO_FDS, &words(&[16, 0, index, 0]), &[]);
        assert_eq!((header.flags, body), (1, words(&[16, 0, index, 0])), "region {index}");
    }
    for index in 0..5 {
        let (_, body) = client.call(GET_IRQ_INFO, &words(&[16, 0, index, 0]), &[]);
        let (flags, count) = if index == 0 { (7, 1) } else { (0, 0) };
        assert_eq!(body, words(&[16, flags, index, count]), "interrupt {index}");
    }
    assert_eq!(client.read32(BAR0, 0xff0), 0x2300_0000, "CHANUM_MS: 2 rings, 3 DECOs");
    assert_eq!(client.read32(CONFIG, 0), 0xcaa0_1957);
    client.write(BAR0, 0x5c, &3_u32.to_le_bytes());
    assert_eq!(client.read32(BAR0, 0x5c), 3);
    assert!(!client.call(RESET, &[], &[]).0.is_error());
    assert_eq!(client.read32(BAR0, 0x5c), 0, "reset");
    drop(client);
    emulator.check();
}

#[test]
fn several_writes_in_one_message() {
    let emulator = Emulator::start(&[]);
    let mut client = emulator.client();
    let write = |region: u32, offset: u64, data: &[u8]| {
        let mut bytes = offset.to_le_bytes().to_vec();
        bytes.extend(words(&[region, data.len() as u32]));
        bytes.extend(data);
        bytes.resize(24, 0);
        bytes
    };
    let body =
        |count: u64, writes: &[Vec<u8>]| [&count.to_le_bytes()[..], &writes.concat()].concat();
    let three = [
        write(BAR0, 0x10, &[1, 2, 3, 4]),
        write(CONFIG, 0x3c, &[9]),
        write(BAR0, 0x10, &[5, 6, 7, 8, 9, 10, 11, 12]),
    ];
    let (header, reply) = client.call(REGION_WRITE_MULTI, &body(3, &three), &[]);
    assert_eq!((header.flags, &reply[..]), (1, &3_u64.to_le_bytes()[..]));
    assert_eq!(client.read(BAR0, 0x10), [5, 6, 7, 8, 9, 10, 11, 12]);
    assert_eq!(client.read(CONFIG, 0x3c), [9]);
    // Posted, as QEMU sends them.
    client.post(
        REGION_WRITE_MULTI,
        &body(2, &[write(BAR0, 0x10, &[1; 8]), write(BAR0, 0x14, &[2; 4])]),
    );
    assert_eq!(client.read(BAR0, 0x10), [1, 1, 1, 1, 2, 2, 2, 2]);
    let mut nine = write(BAR0, 0x10, &[7; 8]);
    nine[12] = 9;
    let refused = [
        body(1, &three),
        body(4, &three),
        body(u64::MAX, &three),
        body(1, &[nine]),
        body(1, &[write(BAR0, 0xffff, &[7; 8])]),
        body(1, &[write(9, 0, &[7; 4])]),
        body(1, &[vec![7; 23]]),
    ];
    for body in refused {
        assert!(client.call(REGION_WRITE_MULTI, &body, &[]).0.is_error(), "{body:x?}");
    }
    assert_eq!(client.read(BAR0, 0x10), [1, 1, 1, 1, 2, 2, 2, 2]);
}

#[test]
fn what_is_agreed_is_what_was_proposed_and_no_more() {
    let emulator = Emulator::start(&[]);
    let agree = |minor: u16, json: &str| {
        let mut raw = Raw::connect(&emulator.socket);
        let data = if json.is_empty() { vec![] } else { [json.as_bytes(), b"\0"].concat() };
        let version = [&[0, 0], &minor.to_le_bytes()[..], &data].concat();
        let (header, body) = raw.call(VERSION, &version, &[]);
        assert_eq!((header.flags, &body[..2], body.last()), (1, &[0, 0][..], Some(&0)));
        let json: serde_json::Value = serde_json::from_slice(&body[4..body.len() - 1]).unwrap();
        (body[2], json["capabilities"].clone())
    };
    assert_eq!(agree(0, ""), (0, serde_json::json!({})));
    assert_eq!(agree(77, r#"{"capabilities":{}}"#), (1, serde_json::json!({})));
    // As QEMU 10.1 to 11 has it.
    let qemu = r#"{"capabilities":{"migration":{"max_bitmap_size":268435456,"pgsize":4096},
        "max_msg_fds":16,"max_data_xfer_size":1048576,"pgsizes":4096,"max_dma_maps":65535,
        "write_multiple":true}}"#;
    let expected = serde_json::json!({
        "max_msg_fds": 8, "max_data_xfer_size": 1_048_576, "pgsizes": 4096,
        "max_dma_maps": 4096, "write_multiple": true
    });
    assert_eq!(agree(0, qemu), (0, expected));
}

#[test]
fn the_next_client_finds_a_new_device() {
    let emulator = Emulator::start(&[]);
    let memory = memfd(0x1000);
    let mut first = emulator.client();
    assert!(!first.dma_map(3, 0, 0x8000_0000, 0x1000, &[memory.as_raw_fd()]).is_error());
    first.write(BAR0, 0x5c, &[0xf, 0, 0, 0]);
    first.write(CONFIG, 4, &[6, 0]);
    drop(first);
    let mut second = Raw::connect(&emulator.socket);
    second.handshake();
    assert_eq!(second.region_read(BAR0, 0x5c, 4).1[16..], [0; 4]);
    assert_eq!(second.region_read(CONFIG, 4, 2).1[16..], [0; 2]);
    // The place in memory is free again.
    let mapped = second.dma_map(3, 0, 0x8000_0000, 0x1000, &[memory.as_raw_fd()]);
    assert!(!mapped.is_error());
}

#[test]
fn a_second_client_waits_for_the_first() {
    let emulator = Emulator::start(&[]);
    let mut first = Raw::connect(&emulator.socket);
    first.handshake();
    let mut second = Raw::connect(&emulator.socket);
    first.region_write(BAR0, 0x5c, &[5, 0, 0, 0]);
    assert_eq!(first.region_read(BAR0, 0x5c, 4).1[16..], [5, 0, 0, 0]);
    drop(first);
    second.handshake();
    assert_eq!(second.region_read(BAR0, 0x5c, 4).1[16..], [0; 4]);
}

#[test]
fn posted_writes_take_effect_in_order_and_are_not_answered() {
    let emulator = Emulator::start(&[]);
    let mut raw = Raw::connect(&emulator.socket);
    raw.handshake();
    for n in 0..300_u32 {
        raw.region_post(BAR0, 0x010, &n.to_le_bytes());
        raw.region_post(BAR0, 0x014, &(!n).to_le_bytes());
    }
    let (header, body) = raw.region_read(BAR0, 0x010, 8);
    assert_eq!(header.flags, 1, "the first reply is the read's");
    assert_eq!(body[16..], words(&[299, !299]));
}

#[test]
fn a_thousand_clients_leave_nothing_behind() {
    let emulator = Emulator::start(&[]);
    let memory = memfd(0x10_0000);
    let (_reader, interrupt) = std::io::pipe().unwrap();
    let cycle = |n: u64| {
        let mut raw = Raw::connect(&emulator.socket);
        match n % 4 {
            0 => return, // says nothing
            1 => return raw.handshake(),
            _ => raw.handshake(),
        }
        assert!(!raw.dma_map(3, 0, 0x8000_0000, 0x10_0000, &[memory.as_raw_fd()]).is_error());
        assert!(!raw.set_irqs(0, 0x24, 0, 1, &[interrupt.as_raw_fd()]).is_error());
        if n % 4 == 3 {
            assert!(!raw.dma_unmap(0, 0x8000_0000, 0x10_0000).is_error());
        }
    };
    let measure = || {
        let mut raw = Raw::connect(&emulator.socket);
        raw.handshake();
        assert_eq!((emulator.holds(&memory), emulator.holds(&interrupt)), (0, 0));
        (emulator.sockets(), emulator.resident())
    };
    for n in 0..100 {
        cycle(n);
    }
    let (sockets, resident) = measure();
    for n in 0..1000 {
        cycle(n);
    }
    let (sockets_after, resident_after) = measure();
    assert_eq!(sockets_after, sockets);
    assert!(
        resident_after < resident + 1024,
        "resident memory grew from {resident} to {resident_after} KiB"
    );
    emulator.check();
}

#[test]
fn a_second_socket_comes_with_the_version_for_who_wants_it() {
    let emulator = Emulator::start(&[]);
    let mut raw = Raw::connect(&emulator.socket);
    let json = b"{\"capabilities\":{\"max_msg_fds\":8,\"twin_socket\":{\"supported\":true}}}\0";
    let body = [&[0, 0, 1, 0][..], json].concat();
    let size = 16 + body.len() as u32;
    let header = Header { id: 1, command: 1, size, flags: 0, error: 0 };
    raw.bytes(&[&header.bytes()[..], &body].concat());
    let (mut reply, mut fds) = ([0; 512], [-1; 4]);
    let mut pieces = [libc::iovec { iov_base: reply.as_mut_ptr().cast(), iov_len: reply.len() }];
    // SAFETY: the one piece is `reply`, which outlives the call and nobody else uses meanwhile.
    let (bytes, count) = unsafe { raw.stream.recv_with_fds(&mut pieces, &mut fds) }.unwrap();
    let text = String::from_utf8_lossy(&reply[..bytes]);
    assert!(text.contains("twin_socket"), "{text}");
    assert_eq!(count, 1, "one descriptor came with it");
    // SAFETY: the kernel has just given us this descriptor; nobody else owns it.
    drop(unsafe { OwnedFd::from_raw_fd(fds[0]) });
    drop(raw);
    emulator.check();
}
