//! One client after the other, and what a client may do.

use super::support::*;
use std::os::fd::AsRawFd;

#[test]
fn the_crate_s_own_client_finds_the_function() {
    let emulator = Emulator::start(&["--job-rings", "2", "--decos", "3"]);
    let mut client = emulator.client();
    for index in 0..9 {
        let size = match index {
            BAR0 => 0x1_0000,
            CONFIG => 0x100,
            _ => 0,
        };
        let region = client.region(index).unwrap();
        assert_eq!(region.size, size, "region {index}");
        assert_eq!(region.flags, if size > 0 { 3 } else { 0 });
        assert!(region.file_offset.is_none());
    }
    for index in 0..5 {
        let irq = client.get_irq_info(index).unwrap();
        assert_eq!((irq.count, irq.flags), if index == 0 { (1, 7) } else { (0, 0) });
    }
    let mut word = [0; 4];
    client.region_read(BAR0, 0xff0, &mut word).unwrap();
    assert_eq!(u32::from_le_bytes(word), 0x2300_0000, "CHANUM_MS: 2 rings, 3 DECOs");
    client.region_read(CONFIG, 0, &mut word).unwrap();
    assert_eq!(u32::from_le_bytes(word), 0xcaa0_1957);
    client.region_write(BAR0, 0x5c, &3_u32.to_le_bytes()).unwrap();
    client.region_read(BAR0, 0x5c, &mut word).unwrap();
    assert_eq!(u32::from_le_bytes(word), 3);
    client.reset().unwrap();
    client.region_read(BAR0, 0x5c, &mut word).unwrap();
    assert_eq!(u32::from_le_bytes(word), 0, "reset");
    client.shutdown().unwrap();
    emulator.check();
}

/// Not through the crate's client: its `resettable` says the opposite (0.1.7).
#[test]
fn it_is_a_pci_device_that_can_be_reset() {
    let emulator = Emulator::start(&[]);
    let mut raw = Raw::connect(&emulator.socket);
    raw.handshake();
    let (header, body) = raw.call(GET_INFO, &words(&[16, 0, 0, 0]), &[]);
    assert_eq!(header.flags, 1);
    // Size, flags (1: reset, 2: PCI), regions, interrupts.
    assert_eq!(body, words(&[16, 3, 9, 5]));
}

#[test]
fn the_next_client_finds_a_new_device() {
    let emulator = Emulator::start(&[]);
    let memory = memfd(0x1000);
    let mut first = emulator.client();
    first.dma_map(0, 0x8000_0000, 0x1000, memory.as_raw_fd()).unwrap();
    first.region_write(BAR0, 0x5c, &[0xf, 0, 0, 0]).unwrap();
    first.region_write(CONFIG, 4, &[6, 0]).unwrap();
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
