//! Messages no VMM would send. Whatever comes, the process lives and serves the next client.

use super::support::*;
use std::io::Write;
use std::os::fd::AsRawFd;
use vmm_sys_util::eventfd::EventFd;

const MAPPED: u64 = 0x8000_0000;
const PAGE: u64 = 0x1000;

fn connected(emulator: &Emulator) -> Raw {
    let mut raw = Raw::connect(&emulator.socket);
    raw.handshake();
    raw
}

fn header(command: u16, size: u32) -> [u8; 16] {
    Header { id: 1, command, size, flags: 0, error: 0 }.bytes()
}

/// Sends `bytes` on a connection of its own, closes it, and sees that the next client is served.
fn survives(emulator: &Emulator, handshake: bool, bytes: &[u8]) {
    let mut raw = Raw::connect(&emulator.socket);
    if handshake {
        raw.handshake();
    }
    raw.bytes(bytes);
    drop(raw);
    emulator.check();
}

#[test]
fn garbage() {
    let emulator = Emulator::start(&[]);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for length in [1, 4, 8, 15, 16, 17, 31, 32, 48, 64, 200, 4096] {
        let bytes: Vec<u8> = (0..length)
            .map(|_| {
                // xorshift64
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            })
            .collect();
        survives(&emulator, length % 3 == 0, &bytes);
    }
    survives(&emulator, false, &[0; 64]);
    survives(&emulator, true, &[0xff; 64]);
    survives(&emulator, false, b"GET / HTTP/1.1\r\nHost: caam\r\n\r\n");
}

#[test]
fn messages_that_end_too_early() {
    let emulator = Emulator::start(&[]);
    let whole = header(REGION_READ, 32);
    for length in [1, 3, 8, 15] {
        survives(&emulator, true, &whole[..length]);
    }
    for command in [VERSION, DMA_MAP, DMA_UNMAP, GET_INFO, GET_REGION_INFO, GET_IRQ_INFO, SET_IRQS]
    {
        survives(&emulator, true, &[&header(command, 64)[..], &[0; 3]].concat());
    }
    for command in [REGION_READ, REGION_WRITE] {
        survives(&emulator, true, &[&header(command, 64)[..], &[0; 15]].concat());
    }
    // A write whose data never comes.
    let access = words(&[0, 0, BAR0, 64]);
    survives(&emulator, true, &[&header(REGION_WRITE, 96)[..], &access, &[1; 63]].concat());
}

#[test]
fn version_messages_that_cannot_be_parsed() {
    let emulator = Emulator::start(&[]);
    let version =
        |size: u32, data: &[u8]| [&header(VERSION, size)[..], &[0, 0, 1, 0], data].concat();
    let json = b"{\"capabilities\":{}}";
    for bytes in [
        version(0, b""),
        version(16, b""),
        version(19, b""),
        version(20, b""),
        version(21, b"{"),
        version(20 + json.len() as u32, json), // no NUL
        version(20 + 5, b"{\0}\0\0"),          // more than one
        version(20 + 4, b"\xff\xfe\xfd\0"),
        version(20 + 3, b"[]\0"),
        version(u32::MAX, json),
        version(1 << 31, json),
    ] {
        survives(&emulator, false, &bytes);
        survives(&emulator, true, &bytes);
    }
    assert!(!emulator.log().contains("panic"), "{}", emulator.log());
}

#[test]
fn commands_that_do_not_exist_or_are_not_served() {
    let emulator = Emulator::start(&[]);
    let mut raw = connected(&emulator);
    for command in [0, 11, 12, 14, 16, 17, 18, 19, 99, 0xffff] {
        let (header, _) = raw.call(command, &[0; 32], &[]);
        assert_eq!((header.flags, header.error), (0x21, libc::ENOTSUP as u32), "{command}");
    }
    // Too short, all of them; and where no reply is wanted there is none.
    for command in [VERSION, GET_INFO, GET_REGION_INFO, GET_IRQ_INFO, REGION_READ, 15] {
        raw.post(command, &[]);
        let (header, _) = raw.call(command, &[], &[]);
        assert_eq!((header.flags, header.error), (0x21, libc::EINVAL as u32), "{command}");
    }
    raw.post(GET_INFO, &words(&[16, 0, 0, 0]));
    // A second version.
    let (header, _) = raw.call(VERSION, &[0; 4], &[]);
    assert_eq!((header.flags, header.error), (0x21, libc::EINVAL as u32));
    // A reply nobody waits for.
    raw.bytes(&Header { id: 5, command: 11, size: 16, flags: 1, error: 0 }.bytes());
    let (header, _) = raw.region_read(CONFIG, 0, 4);
    assert!(!header.is_error(), "the same connection goes on");
    drop(raw);
    emulator.check();
}

#[test]
fn region_reads_out_of_range() {
    let emulator = Emulator::start(&[]);
    let mut raw = connected(&emulator);
    for (region, size) in [(BAR0, 0x1_0000), (CONFIG, 0x100)] {
        for (offset, count, inside) in [
            (0, 0, true),
            (size, 0, true),
            (size - 1, 1, true),
            (0, size as u32, true),
            (size, 1, false),
            (size - 1, 2, false),
            (0, size as u32 + 1, false),
            (1 << 32, 4, false),
            (u64::MAX, 0, false),
            (u64::MAX, 1, false),
            (u64::MAX - 3, 4, false),
            (u64::MAX - 3, 5, false),
            (0, u32::MAX, false),
            (u64::MAX, u32::MAX, false),
        ] {
            let (header, body) = raw.region_read(region, offset, count);
            assert_eq!(!header.is_error(), inside, "region {region}, {offset:#x}+{count:#x}");
            assert_eq!(body.len(), if inside { 16 + count as usize } else { 0 });
        }
    }
    for region in [1, 2, 3, 4, 5, 6, 8, 9, 99, u32::MAX] {
        assert!(raw.region_read(region, 0, 4).0.is_error(), "region {region}");
        assert!(raw.region_write(region, 0, &[0; 4]).0.is_error(), "region {region}");
    }
    assert!(emulator.resident() < 256 * 1024, "what cannot be read takes no memory");
    drop(raw);
    emulator.check();
}

#[test]
fn region_writes_out_of_range() {
    let emulator = Emulator::start(&[]);
    let mut raw = connected(&emulator);
    let before = raw.region_read(BAR0, 0, 0x1_0000).1;
    for (region, offset, count) in [
        (BAR0, 0x1_0000, 4),
        (BAR0, 0xfffe, 4),
        (BAR0, u64::MAX, 4),
        (BAR0, u64::MAX - 3, 4),
        (BAR0, 0, 0x1_0001),
        (BAR0, 1 << 32, 8),
        (CONFIG, 0x100, 1),
        (CONFIG, 0xff, 2),
        (CONFIG, 0, 0x101),
        (CONFIG, u64::MAX, 1),
    ] {
        let (header, _) = raw.region_write(region, offset, &vec![0xff; count]);
        assert!(header.is_error(), "region {region}, {offset:#x}+{count:#x}");
    }
    for count in [0, 1, 2, 3, 5, 16] {
        assert!(!raw.region_write(BAR0, 0x10, &vec![0xff; count]).0.is_error());
    }
    assert_eq!(raw.region_read(BAR0, 0, 0x1_0000).1, before, "nothing was written");
    drop(raw);
    // 4 GiB are announced and do not come.
    let access = words(&[0, 0, BAR0, u32::MAX]);
    survives(&emulator, true, &[&header(REGION_WRITE, u32::MAX)[..], &access, &[1; 64]].concat());
}

#[test]
fn memory_that_cannot_be_mapped() {
    let emulator = Emulator::start(&[]);
    let mut raw = connected(&emulator);
    let memory = memfd(4 * PAGE);
    let fd = [memory.as_raw_fd()];
    let pipe = std::io::pipe().unwrap();
    assert!(!raw.dma_map(3, 0, MAPPED, 2 * PAGE, &fd).is_error());
    let refused = |header: Header, what: &str| assert!(header.is_error(), "{what}");
    refused(raw.dma_map(3, 0, MAPPED, 2 * PAGE, &fd), "mapped already");
    refused(raw.dma_map(3, 0, MAPPED + PAGE, PAGE, &fd), "inside");
    refused(raw.dma_map(3, 0, MAPPED - PAGE, 2 * PAGE, &fd), "overlapping");
    refused(raw.dma_map(3, 0, MAPPED, PAGE, &[]), "overlapping, without memory");
    refused(raw.dma_map(3, 0, 0, 0, &fd), "zero size");
    refused(raw.dma_map(3, 0, 0, 0, &[]), "zero size, without memory");
    refused(raw.dma_map(3, 0, u64::MAX - 1, PAGE, &fd), "past the end of addresses");
    refused(raw.dma_map(3, 0, PAGE, u64::MAX, &fd), "everything");
    refused(raw.dma_map(3, 0, 0, 5 * PAGE, &fd), "more than there is");
    refused(raw.dma_map(3, 4 * PAGE, 0, PAGE, &fd), "behind the end");
    refused(raw.dma_map(3, u64::MAX - PAGE + 1, 0, PAGE, &fd), "an offset past all ends");
    refused(raw.dma_map(3, 1, 0, PAGE, &fd), "an offset within a page");
    refused(raw.dma_map(3, 0, 0, PAGE, &[pipe.0.as_raw_fd()]), "a pipe");
    let two = raw.dma_map(3, 0, 0, PAGE, &[fd[0], fd[0]]);
    refused(two, "two descriptors");
    assert_eq!(two.error, libc::EINVAL as u32);
    let many = raw.dma_map(3, 0, 0, PAGE, &[fd[0]; 16]);
    refused(many, "sixteen descriptors");
    // Memory that is not shared is known, and asked for: how QEMU announces ROM.
    assert!(!raw.dma_map(3, 0, 0, PAGE, &[]).is_error());
    assert!(!raw.dma_map(0, 0, PAGE, PAGE, &fd).is_error(), "no permissions at all");
    refused(raw.dma_map(7, 0, 2 * PAGE, PAGE, &fd), "flags that do not exist");
    let overlap = raw.dma_map(3, 0, MAPPED, PAGE, &fd);
    assert_eq!(overlap.error, libc::EEXIST as u32, "so the specification has it");
    for (flags, address, size) in [
        (0, MAPPED, PAGE),
        (0, MAPPED + PAGE, PAGE),
        (0, MAPPED, 3 * PAGE),
        (0, MAPPED, 0),
        (0, MAPPED, u64::MAX),
        (0, u64::MAX, 1),
        (1, MAPPED, 2 * PAGE), // dirty pages
        (2, MAPPED, 2 * PAGE), // all, but not all
        (4, 0, 0),
    ] {
        refused(raw.dma_unmap(flags, address, size), &format!("{flags}: {address:#x}+{size:#x}"));
    }
    assert_eq!(emulator.holds(&memory), 2, "two mappings with memory");
    assert_eq!(emulator.holds(&pipe.0), 0);
    assert!(!raw.dma_unmap(0, MAPPED, 2 * PAGE).is_error());
    refused(raw.dma_unmap(0, MAPPED, 2 * PAGE), "unmapped already");
    assert!(!raw.dma_unmap(2, 0, 0).is_error(), "all");
    assert_eq!(emulator.holds(&memory), 0);
    drop(raw);
    emulator.check();
}

/// Index, flags, start, count and number of descriptors in every combination.
#[test]
fn interrupts_in_every_odd_combination() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("caam.sock");
    let mut command = serve(["--socket-path", socket.to_str().unwrap()]);
    command.env("RUST_LOG", "off");
    let emulator = Emulator::spawn(command, directory, socket);
    let mut raw = connected(&emulator);
    // A pipe can be told from the emulator's own descriptors, an eventfd cannot.
    let (_reader, writer) = std::io::pipe().unwrap();
    let fd = writer.as_raw_fd();
    let mut accepted = Vec::new();
    for index in [0, 1, 2, 4, 5, 99, u32::MAX] {
        for flags in (0..64).chain([0x124, u32::MAX]) {
            for start in [0, 1, u32::MAX] {
                for count in [0, 1, 2, u32::MAX] {
                    for fds in [&[][..], &[fd], &[fd, fd]] {
                        let reply = raw.set_irqs(index, flags, start, count, fds);
                        if !reply.is_error() {
                            accepted.push((index, flags, start, count, fds.len()));
                        }
                    }
                }
            }
        }
    }
    let (none, eventfd_data, mask, unmask, trigger) = (1, 4, 8, 16, 32);
    let mut expected = vec![
        (0, none | mask, 0, 1, 0),
        (0, none | unmask, 0, 1, 0),
        (0, none | trigger, 0, 1, 0),
        (0, eventfd_data | trigger, 0, 1, 0),
        (0, eventfd_data | trigger, 0, 1, 1),
    ];
    // No interrupts, of a kind that exists, is a range that is there.
    for (index, start) in [(0, 0), (0, 1), (1, 0), (2, 0), (4, 0)] {
        for action in [mask, unmask, trigger] {
            expected
                .extend([none, 2, eventfd_data].map(|data| (index, data | action, start, 0, 0)));
        }
    }
    expected.sort_unstable();
    accepted.sort_unstable();
    assert_eq!(accepted, expected);
    assert!(!raw.set_irqs(0, eventfd_data | trigger, 0, 1, &[fd]).is_error());
    assert_eq!(emulator.holds(&writer), 1);
    drop(raw);
    emulator.check();
    let raw = connected(&emulator);
    assert_eq!(emulator.holds(&writer), 0);
    drop(raw);
}

#[test]
fn the_loopback_trigger_signals_and_disabling_stops_it() {
    let emulator = Emulator::start(&[]);
    let mut raw = connected(&emulator);
    let eventfd = vmm_sys_util::eventfd::EventFd::new(libc::EFD_NONBLOCK).unwrap();
    raw.set_irqs(0, 1 | 32, 0, 1, &[]); // nobody to signal yet
    assert!(!raw.set_irqs(0, 4 | 32, 0, 1, &[eventfd.as_raw_fd()]).is_error());
    assert!(eventfd.read().is_err());
    assert!(!raw.set_irqs(0, 1 | 32, 0, 1, &[]).is_error());
    assert_eq!(eventfd.read().unwrap(), 1);
    assert!(!raw.set_irqs(0, 1 | 32, 0, 0, &[]).is_error());
    assert!(!raw.set_irqs(0, 1 | 32, 0, 1, &[]).is_error());
    assert!(eventfd.read().is_err());
}

#[test]
fn a_descriptor_that_cannot_be_signalled() {
    let emulator = Emulator::start(&[]);
    let mut raw = connected(&emulator);
    let read_only = std::fs::File::open("/dev/null").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    for fd in [read_only.as_raw_fd(), writer.as_raw_fd()] {
        assert!(!raw.set_irqs(0, 4 | 32, 0, 1, &[fd]).is_error());
        raw.set_irqs(0, 1 | 32, 0, 1, &[]);
    }
    drop(raw);
    emulator.check();
}

/// Full already: nobody has to be told again, and nobody waits until somebody can be.
#[test]
fn a_descriptor_that_is_full() {
    let mut emulator = Emulator::start(&[]);
    let counter = EventFd::new(0).unwrap();
    counter.write(u64::MAX - 1).unwrap();
    let (_reader, mut writer) = std::io::pipe().unwrap();
    let flags = rustix::fs::OFlags::NONBLOCK;
    rustix::fs::fcntl_setfl(&writer, flags).unwrap();
    while writer.write(&[0; 4096]).is_ok() {}
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::empty()).unwrap();
    for fd in [counter.as_raw_fd(), writer.as_raw_fd()] {
        let mut raw = connected(&emulator);
        assert!(!raw.set_irqs(0, 4 | 32, 0, 1, &[fd]).is_error());
        for _ in 0..3 {
            assert!(!raw.set_irqs(0, 1 | 32, 0, 1, &[]).is_error(), "a loopback test");
        }
    }
    assert_eq!(emulator.stop(libc::SIGTERM).code, Some(0), "{}", emulator.log());
}

#[test]
fn resets_with_all_sorts_of_bodies_and_descriptors() {
    let emulator = Emulator::start(&[]);
    let mut raw = connected(&emulator);
    let memory = memfd(PAGE);
    for _ in 0..10 {
        assert!(!raw.call(RESET, &[], &[]).0.is_error());
        let (header, _) = raw.call(RESET, &[], &[memory.as_raw_fd(); 3]);
        assert_eq!(header.error, libc::EINVAL as u32, "descriptors for nothing");
    }
    raw.post(RESET, &[]);
    assert!(!raw.region_read(CONFIG, 0, 4).0.is_error());
    assert_eq!(emulator.holds(&memory), 0, "descriptors nobody asked for are closed");
    drop(raw);
    emulator.check();
}

#[test]
fn more_descriptors_than_a_message_may_have() {
    let emulator = Emulator::start(&[]);
    let mut raw = connected(&emulator);
    let memory = memfd(PAGE);
    let fds = vec![memory.as_raw_fd(); 100];
    let message = Header { id: 1, command: RESET, size: 16, flags: 0, error: 0 }.bytes();
    use vmm_sys_util::sock_ctrl_msg::ScmSocket;
    raw.stream.send_with_fds(&[&message[..]], &fds).unwrap();
    let _ = raw.reply();
    drop(raw);
    emulator.check();
    let raw = connected(&emulator);
    assert_eq!(emulator.holds(&memory), 0);
    drop(raw);
}

#[test]
fn queries_beyond_the_last_index() {
    let emulator = Emulator::start(&[]);
    let mut raw = connected(&emulator);
    for index in [9, 100, u32::MAX] {
        let (header, _) = raw.call(GET_REGION_INFO, &words(&[32, 0, index, 0, 0, 0, 0, 0]), &[]);
        assert!(header.is_error() && header.error == libc::EINVAL as u32, "region {index}");
        let (header, _) = raw.call(GET_IRQ_INFO, &words(&[16, 0, index, 0]), &[]);
        assert!(header.is_error() && header.error == libc::EINVAL as u32, "interrupt {index}");
    }
    // A buffer too small, and one too large, for the answer.
    for argsz in [0, 1, 15, u32::MAX] {
        let fits = argsz == u32::MAX;
        let (header, _) = raw.call(GET_INFO, &words(&[argsz, 0, 0, 0]), &[]);
        assert_eq!(!header.is_error(), fits, "{argsz}");
        let (header, _) = raw.call(GET_REGION_INFO, &words(&[argsz, 0, 0, 0, 0, 0, 0, 0]), &[]);
        assert_eq!(!header.is_error(), fits, "{argsz}");
    }
    drop(raw);
    emulator.check();
}

#[test]
fn whatever_is_done_over_and_over_does_not_fill_the_log() {
    const ROUNDS: u64 = 3000;
    let emulator = Emulator::start(&[]);
    let mut client = emulator.client();
    let ram = memfd(PAGE);
    client.write(CONFIG, 4, &[6, 0]);
    for round in 0..ROUNDS {
        let page = 0x1000 * (1 + round % 4);
        let mut put = |register: u64, value: u32| {
            client.region_post(BAR0, page + register, &value.to_le_bytes());
        };
        // Rings of any size where nothing is mapped, jobs beyond the last slot; flush, reset.
        for (register, value) in [(0, 0x1234), (0x0c, !0), (0x20, 0x5678), (0x2c, !0)] {
            put(register, value);
        }
        for (register, value) in [(0x1c, 9), (0x1c, 5000), (0x34, 7), (0x6c, 1), (0x6c, 1)] {
            put(register, value);
        }
        if round % 10 == 0 {
            client.call(RESET, &[], &[]);
            assert!(!client.dma_map(3, 0, MAPPED, PAGE, &[ram.as_raw_fd()]).is_error());
            assert!(client.dma_map(3, 0, MAPPED, PAGE, &[ram.as_raw_fd()]).is_error());
            assert!(!client.dma_unmap(0, MAPPED, PAGE).is_error());
        }
    }
    drop(client);
    emulator.check();
    let log = emulator.log();
    // 32 of a kind and the powers of two, of each ring; there are some ten kinds.
    assert!(log.lines().count() < 4 * 10 * (32 + 12), "{} lines", log.lines().count());
    assert!(log.contains("ring size cut"), "nothing of it: {log}");
}
