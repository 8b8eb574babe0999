//! Mappings that come and go by the thousand under running jobs.

use crate::curve::Curve;
use crate::machine::*;
use crate::support::*;
use std::os::fd::AsRawFd;

const PAGE: u64 = 0x1000;
/// Where they come and go: away from the rings' memory.
const LOOSE: u64 = 0x1_0000_0000;
const PAGES: u64 = 64;
/// Most there can be.
const MOST: u64 = 4096;

#[test]
fn mappings_come_and_go_under_the_jobs() {
    let rounds = 10 * times();
    let (emulator, control) = emulator(&["--decos".into(), "3".into()]);
    let mut machine = Machine::new(&emulator.socket, 32, false);
    let memory = memfd(PAGES * PAGE);
    let mut draw = Draw::new(setting("CAAM_WORLD_SEED", 1));
    let mut curve = Curve::new("Mappings that come and go, 200 a round");
    // By first page: how many.
    let mut mapped = std::collections::BTreeMap::<u64, u64>::new();
    for round in 0..rounds {
        for _ in 0..200 {
            let (page, pages) = (draw.below(PAGES), 1 + draw.below(8));
            let (at, size) = (LOOSE + page * PAGE, pages * PAGE);
            let shares = draw.below(8) > 0;
            let fds = [memory.as_raw_fd()];
            let fds = if shares { &fds[..] } else { &[] };
            if draw.below(2) == 0 {
                let overlaps = mapped.iter().any(|(p, n)| *p < page + pages && page < p + n);
                // Behind the end of the file there is nothing to map.
                let there = !shares || page + pages <= PAGES;
                let refused = machine.client.dma_map(3, page * PAGE, at, size, fds).is_error();
                assert_eq!(refused, overlaps || !there, "{page}+{pages}: {mapped:?}");
                if !refused {
                    mapped.insert(page, pages);
                }
            } else {
                // Of those that are there, mostly.
                let next = mapped.range(page..).next().map(|(p, n)| (*p, *n));
                let (page, pages) = next.filter(|_| draw.below(4) > 0).unwrap_or((page, pages));
                let (at, size) = (LOOSE + page * PAGE, pages * PAGE);
                let refused = machine.client.dma_unmap(0, at, size).is_error();
                let inside: Vec<_> =
                    mapped.range(page..page + pages).map(|(p, n)| (*p, p + n)).collect();
                let exact = inside.first().is_some_and(|first| first.0 == page)
                    && inside.last().is_some_and(|last| last.1 == page + pages);
                assert_eq!(refused, !exact, "{page}+{pages}: {mapped:?}");
                if !refused {
                    mapped.retain(|p, _| !(page..page + pages).contains(p));
                }
            }
            let ring = draw.below(RINGS) as usize;
            machine.submit(ring, 2, &mut draw);
            machine.reap(ring);
        }
        for (page, pages) in std::mem::take(&mut mapped) {
            let header = machine.client.dma_unmap(0, LOOSE + page * PAGE, pages * PAGE);
            assert!(!header.is_error());
        }
        machine.drain();
        machine.settle(&control);
        assert_eq!(emulator.holds(&memory), 0);
        curve.measure(&emulator, round);
    }
    curve.judge();
}

#[test]
fn as_many_mappings_as_were_agreed_on_and_not_one_more() {
    // As a shell has it, mostly; each mapping is a descriptor.
    let (_, hard) = rlimit::Resource::NOFILE.get().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let [socket, control] = ["caam.sock", "control.sock"].map(|name| directory.path().join(name));
    let mut command = serve(["--socket-path", socket.to_str().unwrap()]);
    command.arg("--control").arg(&control);
    let limit = move || rlimit::Resource::NOFILE.set(1024, hard);
    // SAFETY: the closure makes one system call and allocates nothing.
    unsafe { std::os::unix::process::CommandExt::pre_exec(&mut command, limit) };
    let emulator = Emulator::spawn(command, directory, socket);
    let mut machine = Machine::new(&emulator.socket, 16, false);
    let memory = memfd(PAGE);
    let mut draw = Draw::new(1);
    // One is the rings'. No two are neighbours, so that none could be joined.
    for n in 1..MOST {
        let at = LOOSE + 2 * n * PAGE;
        let header = machine.client.dma_map(3, 0, at, PAGE, &[memory.as_raw_fd()]);
        assert!(!header.is_error(), "{n}: error {}", header.error);
    }
    let header = machine.client.dma_map(3, 0, LOOSE, PAGE, &[memory.as_raw_fd()]);
    assert_eq!(header.error, libc::ENOSPC as u32);
    // Jobs, and who looks on, are as well as ever.
    machine.works(&mut draw);
    machine.settle(&control);
    assert!(!machine.client.dma_unmap(0, LOOSE + 2 * PAGE, PAGE).is_error());
    assert!(!machine.client.dma_map(3, 0, LOOSE, PAGE, &[memory.as_raw_fd()]).is_error());
    machine.works(&mut draw);
    machine.reconnect();
    assert_eq!(emulator.holds(&memory), 0);
    machine.works(&mut draw);
}
