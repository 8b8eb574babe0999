//! What the view shows, and what keys do to it.

use crate::control::protocol::Command;
use crate::control::stats::Statistics;
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm;
use std::time::Duration;

/// What `caam-emu ctl stall` asks for, too.
pub const STALL: &str = "stall:release=manual,rings=all,once";
/// From then on the emulator's silence is worth a word.
const SILENCE: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug, Default)]
pub struct View {
    /// The last look, and the one before it, for rates.
    pub now: Option<Statistics>,
    /// The one before it.
    pub before: Option<Statistics>,
    /// Nothing new is shown.
    pub paused: bool,
    /// What came of the last key.
    pub message: String,
    /// How long the emulator has owed an answer.
    pub silence: Duration,
}

/// What a key asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// The end.
    Quit,
    /// A command for the emulator.
    Command(Command),
    /// Nothing beyond the view itself.
    Nothing,
}

impl View {
    /// The emulator has been looked at.
    pub fn look(&mut self, stats: Statistics) {
        if !self.paused {
            self.before = self.now.replace(stats);
        }
    }

    /// What to say of an emulator that does not answer.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        (self.silence >= SILENCE)
            .then(|| format!("no answer for {} s; is it stopped?", self.silence.as_secs()))
    }

    /// A key was pressed.
    pub fn key(&mut self, key: KeyEvent) -> Asked {
        if key.kind == KeyEventKind::Release {
            return Asked::Nothing;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            // In raw mode the terminal makes no signal of it.
            KeyCode::Char('c') if control => Asked::Quit,
            KeyCode::Char('q') | KeyCode::Esc => Asked::Quit,
            KeyCode::Char('p' | ' ') => {
                self.paused = !self.paused;
                Asked::Nothing
            }
            KeyCode::Char('s') => Asked::Command(Command::FaultAdd { rule: STALL.into() }),
            KeyCode::Char('r') => Asked::Command(Command::Resume { ring: None }),
            _ => Asked::Nothing,
        }
    }
}
