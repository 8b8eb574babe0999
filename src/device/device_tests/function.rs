//! Configuration space, reset, disconnect.

use super::*;

fn config(rig: &Rig) -> [u8; pci::CONFIG_BYTES] {
    let mut bytes = [0; pci::CONFIG_BYTES];
    rig.device.read_config(0, &mut bytes).unwrap();
    bytes
}

/// A ring with one job done and its interrupt signalled, and one job in flight.
fn busy() -> (Rig, Job) {
    let rig = Rig::new(&NARROW, 2);
    let mut ring = rig.ring(0);
    ring.set_up(8);
    ring.add(3);
    let done = rig.device.take_job(rig.now).0.unwrap();
    assert!(rig.complete(&done, 0).interrupt);
    let running = rig.device.take_job(rig.now).0.unwrap();
    (rig, running)
}

#[test]
fn configuration_space_has_bounds() {
    let rig = Rig::new(&NARROW, 1);
    for (offset, length, inside) in [
        (0, 256, true),
        (255, 1, true),
        (256, 0, true),
        (256, 1, false),
        (255, 2, false),
        (0, 257, false),
        (0x100, 4, false),
        (u64::MAX, 1, false),
        (u64::MAX, 0, false),
    ] {
        let read = rig.device.read_config(offset, &mut vec![0; length]);
        let write = rig.device.write_config(offset, &vec![0; length]).map(|_| ());
        assert_eq!((read.is_ok(), write.is_ok()), (inside, inside), "{offset:#x}+{length}");
    }
}

#[test]
fn the_function_is_what_the_module_says() {
    let config = config(&Rig::new(&NARROW, 1));
    let word = |at: usize| u16::from_le_bytes([config[at], config[at + 1]]);
    assert_eq!((word(0), word(2)), (0x1957, 0xcaa0));
    assert_eq!(config[9..12], [0, 0, 0x10], "encryption controller");
    assert_eq!(config[0x0e] & 0x7f, 0, "type 0");
    assert_eq!(config[0x3d], 1, "INTA");
    assert_eq!(word(6) & 0x10, 0, "no capability list");
    assert_eq!(config[0x34], 0);
    assert_eq!(config[0x10] & 0xf, 0, "a 32-bit memory BAR, not prefetchable");
}

#[test]
fn only_what_the_standard_lets_software_write_can_be_written() {
    let rig = Rig::new(&NARROW, 1);
    let before = config(&rig);
    rig.device.write_config(0, &[0xff; 256]).unwrap();
    let after = config(&rig);
    let writable = [0x04, 0x05, 0x0c, 0x12, 0x13, 0x3c];
    for at in 0..256 {
        if !writable.contains(&at) {
            assert_eq!(after[at], before[at], "byte {at:#x}");
        }
    }
    assert_eq!(after[0x04..0x06], [0x06, 0x04]);
    assert_eq!(after[0x10..0x14], [0, 0, 0xff, 0xff], "64 KiB");
}

#[test]
fn bytes_words_and_misaligned_accesses_agree() {
    let rig = Rig::new(&NARROW, 1);
    rig.device.write_config(0x12, &[0x34]).unwrap();
    rig.device.write_config(0x13, &[0x12]).unwrap();
    let mut bar = [0; 4];
    rig.device.read_config(0x10, &mut bar).unwrap();
    assert_eq!(bar, [0, 0, 0x34, 0x12]);
    let all = config(&rig);
    for length in [1, 2, 3, 4, 8] {
        for offset in 0..=256 - length {
            let mut data = vec![0; length];
            rig.device.read_config(offset as u64, &mut data).unwrap();
            assert_eq!(data, all[offset..offset + length]);
        }
    }
}

#[test]
fn command_switches_bus_mastering() {
    use crate::memory::GuestMemory;
    let rig = Rig::new(&NARROW, 1);
    let reachable = || rig.device.memory.read(Purpose::Input, RAM, &mut [0; 4]).is_ok();
    assert!(reachable());
    rig.device.write_config(4, &[2]).unwrap();
    assert!(!reachable());
    rig.device.write_config(4, &[4]).unwrap();
    assert!(reachable());
    // A write elsewhere does not switch it.
    rig.device.write_config(0x3c, &[9]).unwrap();
    assert!(reachable());
}

#[test]
fn command_switches_intx_and_status_shows_the_level_all_the_same() {
    let rig = Rig::new(&NARROW, 1);
    rig.device.write_config(4, &[6, 4]).unwrap();
    let mut ring = rig.ring(0);
    ring.set_up(8);
    ring.add(1);
    let job = rig.device.take_job(rig.now).0.unwrap();
    assert_eq!(config(&rig)[6], 0);
    assert!(!rig.complete(&job, 0).interrupt, "INTx is disabled");
    assert_eq!(config(&rig)[6], 8, "STATUS: interrupt pending");
    assert!(rig.device.write_config(4, &[6, 0]).unwrap().interrupt, "enabled again");
    assert!(!rig.device.write_config(4, &[6, 0]).unwrap().interrupt, "signalled already");
    ring.write(Register::Jrintr, 1);
    ring.write(Register::Orjrr, 1);
    assert_eq!(config(&rig)[6], 0);
}

#[test]
fn a_function_reset_leaves_nothing_but_mappings_and_counters() {
    let (rig, running) = busy();
    rig.device.write_config(0x10, &[0, 0, 0, 0x10]).unwrap();
    rig.write32(0x010, 5);
    let fresh = Rig::new(&NARROW, 2);
    fresh.device.write_config(4, &[0, 0]).unwrap();
    assert!(!rig.device.reset(rig.now).interrupt);
    assert_eq!(config(&rig), config(&fresh), "bus mastering is off again, too");
    assert!(running.taken().stop.load(Ordering::Relaxed), "what runs should end");
    rig.complete(&running, 0);
    let counted = rig.read64(0xf00);
    assert_eq!(counted, 2, "performance counters go on");
    let (mut image, fresh) = (rig.image(), fresh.image());
    for page in 0..16 {
        image[page * 0x1000 + 0xf00..][..8].fill(0);
    }
    assert!(image == fresh);
    assert_eq!(rig.device.memory.len(), 1);
    assert_eq!((rig.device.deadline(), rig.device.has_work()), (None, false));
    let stats = rig.device.statistics(rig.now);
    assert_eq!((stats.rings[0].jobs, stats.rings[0].succeeded, stats.rings[0].lost), (2, 1, 2));
    assert_eq!(stats.interrupts.raised, 1);
    // And it works again, with the pin not masked by the signal before.
    rig.enable();
    let mut ring = rig.ring(0);
    ring.set_up(8);
    ring.add(1);
    let job = rig.device.take_job(rig.now).0.unwrap();
    assert!(rig.complete(&job, 0).interrupt);
}

#[test]
fn a_disconnect_forgets_the_client_s_memory() {
    let (rig, running) = busy();
    let _ = rig.device.disconnect(rig.now);
    assert!(rig.device.memory.is_empty());
    rig.complete(&running, 0);
    assert_eq!(rig.ring(0).read(Register::Orsfr), 0);
    // The next client finds a new device.
    rig.map();
    rig.enable();
    let mut ring = rig.ring(1);
    ring.set_up(8);
    ring.add(1);
    let job = rig.device.take_job(rig.now).0.unwrap();
    assert!(rig.complete(&job, 0).interrupt);
    assert_eq!(ring.peek(ring.output(), 8), [4, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn reset_from_another_thread_while_jobs_run_loses_no_count() {
    const ROUNDS: u64 = 200;
    let rig = Rig::new(&NARROW, 2);
    let done = AtomicU64::new(0);
    let added = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while done.load(Ordering::SeqCst) < ROUNDS {
                    match rig.device.take_job(rig.now).0 {
                        Some(job) => drop(rig.complete(&job, 0)),
                        None => std::thread::yield_now(),
                    }
                }
            });
        }
        for _ in 0..ROUNDS {
            rig.enable();
            for n in 0..2 {
                let mut ring = rig.ring(n);
                ring.set_up(16);
                ring.add(9);
                added.fetch_add(9, Ordering::SeqCst);
            }
            let _ = rig.device.reset(rig.now);
            done.fetch_add(1, Ordering::SeqCst);
        }
    });
    let stats = rig.device.statistics(rig.now);
    let ended: u64 = stats.rings.iter().map(|r| r.succeeded + r.failed + r.lost).sum();
    assert_eq!(ended, added.load(Ordering::SeqCst));
    assert_eq!(stats.rings.iter().map(|r| r.added).sum::<u64>(), ended);
    assert_eq!(rig.read32(0xfd4) & 3, 2, "nothing runs any more");
}
