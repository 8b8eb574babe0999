//! Jobs that have been run, and are given back later: latency, hung DECOs, reordering.

use super::jobs::Job;
use crate::descriptors::deco::Report;
use crate::fault::job::Reorder;
use std::time::Duration;

/// A job that has been run.
#[derive(Debug)]
pub(super) struct Finished {
    pub job: Job,
    pub report: Report,
}

/// A job that still occupies its DECO.
#[derive(Debug)]
struct Delayed {
    /// `None`: until its ring is flushed.
    due: Option<Duration>,
    finished: Finished,
}

/// Jobs of one ring, waiting to be given back in another order.
#[derive(Debug, Default)]
struct Window {
    jobs: Vec<Finished>,
    due: Option<Duration>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Held {
    delayed: Vec<Delayed>,
    windows: Vec<Window>,
}

impl Held {
    pub(super) fn new(rings: usize) -> Self {
        let windows = std::iter::repeat_with(Window::default).take(rings).collect();
        Self { delayed: Vec::new(), windows }
    }

    /// Whether nothing is held.
    pub(super) fn is_empty(&self) -> bool {
        self.delayed.is_empty() && self.windows.iter().all(|w| w.jobs.is_empty())
    }

    /// Whether jobs wait in a window.
    pub(super) fn windows_used(&self) -> bool {
        self.windows.iter().any(|w| !w.jobs.is_empty())
    }

    /// When something is to be given back next.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let delayed = self.delayed.iter().filter_map(|d| d.due);
        delayed.chain(self.windows.iter().filter_map(|w| w.due)).min()
    }

    /// Keeps a job on its DECO until `due`.
    pub(super) fn delay(&mut self, finished: Finished, due: Option<Duration>) {
        self.delayed.push(Delayed { due, finished });
    }

    /// What is held and `now_please` holds for is due at once.
    pub(super) fn hurry(&mut self, now_please: impl Fn(&Job) -> bool) {
        for delayed in self.delayed.iter_mut().filter(|d| now_please(&d.finished.job)) {
            delayed.due = Some(Duration::ZERO);
        }
        for window in &mut self.windows {
            if window.jobs.iter().any(|f| now_please(&f.job)) {
                window.due = Some(Duration::ZERO);
            }
        }
    }

    /// The jobs whose time on their DECO is over, or for which `now_please` holds.
    pub(super) fn take_due(
        &mut self,
        now: Duration,
        now_please: impl Fn(&Job) -> bool,
    ) -> Vec<Finished> {
        let over = |d: &Delayed| d.due.is_some_and(|due| due <= now) || now_please(&d.finished.job);
        let (mut due, rest): (Vec<_>, Vec<_>) = self.delayed.drain(..).partition(over);
        self.delayed = rest;
        due.sort_by_key(|d| d.due);
        due.into_iter().map(|d| d.finished).collect()
    }

    /// Puts a job into its ring's window; gives back the window if that fills it.
    pub(super) fn reorder(
        &mut self,
        ring: usize,
        finished: Finished,
        reorder: Reorder,
        now: Duration,
    ) -> Vec<Finished> {
        let window = &mut self.windows[ring];
        let due = now.saturating_add(reorder.within);
        window.due = Some(window.due.map_or(due, |earlier| earlier.min(due)));
        window.jobs.push(finished);
        if window.jobs.len() < reorder.window as usize {
            return Vec::new();
        }
        self.take_window(ring)
    }

    /// Jobs in a ring's window.
    pub(super) fn window_len(&self, ring: usize) -> usize {
        self.windows[ring].jobs.len()
    }

    /// The rings whose window's time is over, or that hold a job for which `now_please` holds.
    pub(super) fn windows_due(
        &self,
        now: Duration,
        now_please: impl Fn(&Job) -> bool,
    ) -> Vec<usize> {
        let over = |w: &Window| {
            w.due.is_some_and(|due| due <= now) || w.jobs.iter().any(|f| now_please(&f.job))
        };
        (0..self.windows.len()).filter(|&n| over(&self.windows[n])).collect()
    }

    /// All jobs of a ring's window, in another order: that of the last one's draw.
    pub(super) fn take_window(&mut self, ring: usize) -> Vec<Finished> {
        let window = std::mem::take(&mut self.windows[ring]);
        let mut jobs = window.jobs;
        let draw = jobs.last().and_then(|f| f.job.faults()).and_then(|faults| faults.reorder);
        if let Some(mut reorder) = draw {
            reorder.draw.shuffle(&mut jobs);
        }
        jobs
    }
}
