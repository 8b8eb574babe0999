use super::*;
use crate::cli::watch::view::{Asked, STALL};
use crate::control::protocol::Command;
use crate::control::stats::{Failure, Interrupts, Operation};
use crate::device::platform::Secrets;
use crate::device::soc::VIRT_ERA9;
use crate::device::{Device, Setup};
use crate::fault::rule::Rule;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Cell;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::time::Duration;

const PLAIN: Look = Look { colours: false };

/// Of a device that nobody has touched.
fn fresh(rings: usize) -> Statistics {
    let setup = Setup { soc: &VIRT_ERA9, rings, decos: 2, fault_seed: 1 };
    let secrets = Secrets { seed: Some(1), master_key: None };
    Device::new(setup, secrets).expect("a device").statistics(Duration::from_millis(1500))
}

/// Two looks at a busy device, half a second apart.
fn busy() -> View {
    let mut before = fresh(4);
    let operation = |jobs, bytes| Operation {
        name: "aes-xts".into(),
        direction: "encrypt".into(),
        jobs,
        bytes,
    };
    before.uptime_ns = 61_000_000_000;
    before.rings[0].operations = vec![operation(1000, 512_000)];
    let mut now = before.clone();
    now.uptime_ns += 500_000_000;
    now.decos_busy = 2;
    now.interrupts = Interrupts { raised: 4711 };
    let ring = &mut now.rings[0];
    (ring.state, ring.input_size, ring.output_size) = (State::Running, 512, 512);
    (ring.occupancy, ring.pending, ring.in_flight, ring.waiting) = (511, 380, 2, 129);
    (ring.full, ring.jobs, ring.failed) = (true, 6172, 3);
    ring.operations = vec![operation(6172, 3_660_000)];
    ring.interrupts.raised = 41;
    (ring.queue_wait.count, ring.queue_wait.p50_ns, ring.queue_wait.p90_ns) = (9, 53_247, 425_983);
    (ring.queue_wait.p99_ns, ring.queue_wait.max_ns) = (851_967, 1_703_935);
    (ring.service_time.count, ring.service_time.p50_ns) = (9, 8_703);
    (ring.service_time.p90_ns, ring.service_time.p99_ns) = (9_727, 20_479);
    ring.service_time.max_ns = 106_495;
    let ring = &mut now.rings[1];
    (ring.state, ring.input_size, ring.occupancy, ring.pending) = (State::Stalled, 16, 1, 1);
    now.rings[2].state = State::Broken;
    let rule = |text: &str, matched, fired, remaining| {
        let rule: Rule = text.parse().expect("a rule");
        let (name, toll) = (rule.name.clone(), rule.kind.info().toll);
        RuleReport { name, rule: rule.to_string(), toll, matched, fired, remaining }
    };
    now.faults.rules = vec![
        rule("irq-lost:every=100", 41, 0, None),
        rule("stall:for=20ms,every=1000,times=10", 6172, 6, Some(4)),
    ];
    let failure = |job, status: &'static str, fault, at_ns| Failure {
        ring: 0,
        job,
        descriptor: "0x41f3a000".into(),
        status: status.into(),
        meaning: "".into(),
        fault,
        at_ns,
    };
    now.failures = vec![
        failure(17, "0x40000016", false, 58_200_000_000),
        failure(512, "0x2000001a", true, 61_200_000_000),
    ];
    View { now: Some(now), before: Some(before), ..View::default() }
}

/// What a terminal of that size would show, without blanks at the ends of lines.
fn shown(view: &View, look: Look, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|frame| draw(view, look, frame.area(), frame.buffer_mut())).expect("drawn");
    let cells = terminal.backend().buffer().content();
    let lines = cells.chunks(usize::from(width).max(1)).map(|row| {
        let line: String = row.iter().map(Cell::symbol).collect();
        line.trim_end().to_owned() + "\n"
    });
    lines.collect()
}

#[test]
fn a_busy_device() {
    let expected = include_str!("busy.txt");
    let text = shown(&busy(), PLAIN, 100, 28);
    if std::env::var_os("CAAM_EMU_UPDATE").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/watch/busy.txt"), &text)
            .expect("written");
        return;
    }
    assert_eq!(text, expected, "CAAM_EMU_UPDATE=1 writes it anew\n{text}");
}

#[test]
fn nothing_is_wider_or_higher_than_the_terminal_and_the_keys_are_always_told() {
    let view = busy();
    for (width, height) in [(80, 24), (40, 10), (20, 5), (1, 1), (200, 60), (0, 0)] {
        let text = shown(&view, PLAIN, width, height);
        assert!(text.lines().count() <= usize::from(height));
        if width >= 20 {
            assert!(text.lines().last().is_some_and(|line| line.starts_with("q quit")), "{text}");
        }
    }
}

#[test]
fn the_rings_are_seen_before_all_else() {
    let text = shown(&busy(), PLAIN, 80, 24);
    for ring in 0..4 {
        assert_eq!(text.matches(&format!("jr{ring} ")).count().min(2), 2, "{text}");
    }
    assert!(text.contains("fault rules") && text.contains("jobs that failed"), "{text}");
}

#[test]
fn colours_are_used_where_they_are_wanted() {
    let buffer = |look| {
        let area = Rect::new(0, 0, 100, 28);
        let mut buffer = Buffer::empty(area);
        draw(&busy(), look, area, &mut buffer);
        buffer
    };
    let coloured =
        |buffer: &Buffer| buffer.content().iter().filter(|cell| cell.fg != Color::Reset).count();
    assert_eq!(coloured(&buffer(PLAIN)), 0);
    assert!(coloured(&buffer(Look { colours: true })) > 20);
}

#[test]
fn bars_show_what_is_there() {
    let mut ring = fresh(1).rings.remove(0);
    assert_eq!(bar(&ring, 8), "········");
    (ring.input_size, ring.in_flight) = (512, 1);
    assert_eq!(bar(&ring, 8), "█·······", "one of 512 is seen");
    (ring.pending, ring.waiting) = (256, 255);
    assert_eq!(bar(&ring, 8), "█▓▓▓▓▒▒▒");
    ring.waiting = 2000;
    assert_eq!(bar(&ring, 8).chars().count(), 8);
    assert_eq!(bar(&ring, 0), "");
}

#[test]
fn an_emulator_without_an_answer() {
    let mut view = View { silence: Duration::from_millis(1999), ..View::default() };
    assert_eq!(
        shown(&view, PLAIN, 80, 3).lines().next(),
        Some("caam-emu: waiting for the first answer")
    );
    view.silence = Duration::from_secs(5);
    let text = shown(&view, PLAIN, 80, 3);
    assert!(text.contains("no answer for 5 s; is it stopped?"), "{text}");
}

#[test]
fn keys() {
    let mut view = View::default();
    let mut press = |code, modifiers| view.key(KeyEvent::new(code, modifiers));
    let none = KeyModifiers::NONE;
    assert_eq!(press(KeyCode::Char('q'), none), Asked::Quit);
    assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Asked::Quit);
    assert_eq!(press(KeyCode::Char('c'), none), Asked::Nothing);
    assert_eq!(press(KeyCode::Char('r'), none), Asked::Command(Command::Resume { ring: None }));
    let Asked::Command(Command::FaultAdd { rule }) = press(KeyCode::Char('s'), none) else {
        panic!("no rule");
    };
    assert_eq!(rule, STALL);
    assert!(rule.parse::<Rule>().is_ok());
    assert_eq!(press(KeyCode::Char('p'), none), Asked::Nothing);
    assert!(view.paused);
    view.look(fresh(1));
    assert!(view.now.is_none(), "paused");
    let _ = view.key(KeyEvent::new(KeyCode::Char('p'), none));
    view.look(fresh(1));
    view.look(fresh(2));
    assert_eq!(view.now.map(|stats| stats.rings.len()), Some(2));
    assert_eq!(view.before.map(|stats| stats.rings.len()), Some(1));
}
