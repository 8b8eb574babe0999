//! `caam-emu ctl watch` on a terminal: [`view`] is what it shows, [`draw`] how.
//!
//! The terminal is set back whatever ends it: a key, a signal, the emulator's end, a panic.

pub mod draw;
pub mod view;

use super::connection::{Connection, Error};
use crate::control::protocol::Command;
use draw::Look;
use ratatui::crossterm::event::{self, Event};
use serde_json::value::RawValue;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};
use view::{Asked, View};

/// How long a signal or an answer may go unnoticed.
const PATIENCE: Duration = Duration::from_millis(50);

/// What an answer is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Look,
    Key,
}

type Answer = (To, Result<Box<RawValue>, Error>);

/// Asks the emulator in a thread of its own, so that keys are heard while it is silent.
fn ask(mut connection: Connection) -> (Sender<(To, Command)>, Receiver<Answer>) {
    let (requests, to_do) = mpsc::channel::<(To, Command)>();
    let (answers, done) = mpsc::channel();
    // It ends with either channel; at the latest with the process.
    thread::spawn(move || {
        for (to, command) in to_do {
            if answers.send((to, connection.call(command))).is_err() {
                return;
            }
        }
    });
    (requests, done)
}

/// Shows the emulator until the user has seen enough, or `count` looks.
///
/// # Errors
/// The terminal cannot be used, or the emulator not be understood.
pub fn run(
    connection: Connection,
    interval: Duration,
    count: Option<u64>,
    colours: bool,
) -> Result<(), Error> {
    let ending = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&ending)).map_err(Error::Output)?;
    }
    let mut terminal = ratatui::try_init().map_err(|e| {
        ratatui::restore();
        Error::Output(e)
    })?;
    let result = watch(&mut terminal, connection, interval, count, Look { colours }, &ending);
    ratatui::restore();
    match result {
        // The end of a watch, not a failure.
        Err(Error::Ended(_)) => {
            eprintln!("the emulator has ended");
            Ok(())
        }
        result => result,
    }
}

fn watch(
    terminal: &mut ratatui::DefaultTerminal,
    connection: Connection,
    interval: Duration,
    count: Option<u64>,
    look: Look,
    ending: &AtomicBool,
) -> Result<(), Error> {
    let (requests, answers) = ask(connection);
    let mut view = View::default();
    // When the look that is awaited was asked for; when the next one is due.
    let (mut asked, mut due) = (None, Instant::now());
    let (mut looks, mut changed) = (0, true);
    while !ending.load(Ordering::Relaxed) {
        if asked.is_none() && due <= Instant::now() {
            // A thread that has gone is found out below.
            let _ = requests.send((To::Look, Command::Stats {}));
            asked = Some(Instant::now());
        }
        if changed {
            let drawn = terminal.draw(|frame| {
                draw::draw(&view, look, frame.area(), frame.buffer_mut());
            });
            drawn.map_err(Error::Output)?;
            changed = false;
            if count.is_some_and(|count| looks >= count) {
                return Ok(());
            }
        }
        let wait = if asked.is_some() { PATIENCE } else { due - Instant::now().min(due) };
        if event::poll(wait.min(PATIENCE)).map_err(Error::Output)? {
            changed = true;
            if let Event::Key(key) = event::read().map_err(Error::Output)? {
                match view.key(key) {
                    Asked::Quit => return Ok(()),
                    Asked::Command(command) => {
                        let _ = requests.send((To::Key, command));
                    }
                    Asked::Nothing => {}
                }
            }
        }
        match answers.try_recv() {
            Ok((To::Look, answer)) => {
                view.look(super::ctl::understand(&answer?)?);
                (asked, due) = (None, due.max(Instant::now() - interval) + interval);
                looks += 1;
                changed = true;
            }
            Ok((To::Key, answer)) => {
                view.message = match answer {
                    Ok(result) => said(&result),
                    Err(Error::Refused(why)) => why,
                    Err(other) => return Err(other),
                };
                changed = true;
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return Ok(()),
        }
        let silence = asked.map_or(Duration::ZERO, |at| at.elapsed());
        let before = view.complaint();
        view.silence = silence;
        changed |= view.complaint() != before;
    }
    Ok(())
}

/// What came of a key, for people.
fn said(result: &RawValue) -> String {
    let value: serde_json::Value = serde_json::from_str(result.get()).unwrap_or_default();
    match (value["name"].as_str(), value["resumed"].as_u64()) {
        (Some(name), _) => format!("{name}: at their next job the rings stop"),
        (None, Some(count)) => format!("stalls ended: {count}"),
        (None, None) => String::new(),
    }
}
