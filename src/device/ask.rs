//! Where the device asks the rules of [`crate::fault`], and does what they say.

use super::{Device, Outcome};
use crate::fault::kind::{Kind, Site};
use crate::fault::values::Range;
use crate::fault::{Event, Firing};
use crate::jobring::JobRing;
use crate::jobring::line::LineFaults;
use std::time::Duration;

/// Something that happens in a ring.
pub(super) fn ring_event(n: usize, ring: &JobRing, now: Duration) -> Event<'static> {
    Event { now, ring: Some(n), occupancy: ring.occupancy(), full: ring.full(), job: None }
}

impl Device {
    /// Asks the rules how many slots a ring shall report.
    pub(super) fn set_ring_depth(&self, n: usize, ring: &mut JobRing, now: Duration) {
        if !self.faults.armed(Site::Slots) {
            ring.set_depth(None);
            return;
        }
        let event = ring_event(n, ring, now);
        let depth = |firing: Firing| match firing.kind {
            Kind::RingDepth { slots } => Some(slots),
            _ => None,
        };
        ring.set_depth(self.faults.at(Site::Slots, &event).into_iter().filter_map(depth).min());
    }

    /// Asks the rules about an interrupt that is about to be raised.
    pub(super) fn decide_line(&self, n: usize, ring: &mut JobRing, now: Duration) {
        if ring.about_to_rise() {
            let firings = self.faults.at(Site::Interrupt, &ring_event(n, ring, now));
            ring.raise_with(&LineFaults::new(&firings), now);
        }
    }

    /// Asks the rules about a flush or reset that writing `value` to JRCR is.
    pub(super) fn decide_halt(&self, n: usize, ring: &mut JobRing, value: u32, now: Duration) {
        let Some(site) = ring.halt_site(value) else { return };
        let firings = self.faults.at(site, &ring_event(n, ring, now));
        ring.set_halt_outcome(firings.iter().find_map(|firing| match firing.kind {
            Kind::Flush(outcome) | Kind::ResetRing(outcome) => Some(outcome),
            _ => None,
        }));
    }

    /// How late the rules want an access to BAR 0 answered.
    pub(super) fn slow_answer(&self, offset: u64, length: usize, now: Duration) -> Outcome {
        if !self.faults.armed(Site::Register) || length == 0 {
            return Outcome::default();
        }
        // All bytes of the registers that it touches.
        let (first, end) = (offset & !3, (offset + length as u64).next_multiple_of(4));
        let there = |at: &Option<Range>| at.is_none_or(|at| at.overlaps(first, end - first));
        let concerns = |kind: &Kind| matches!(kind, Kind::MmioSlow { at, .. } if there(at));
        let event = Event { now, ..Event::default() };
        let firings = self.faults.at_if(Site::Register, &event, concerns);
        let delays = firings.iter().map(|firing| match firing.kind {
            Kind::MmioSlow { by, .. } => by,
            _ => Duration::ZERO,
        });
        Outcome {
            delay: delays.fold(Duration::ZERO, Duration::saturating_add),
            ..Outcome::default()
        }
    }
}
