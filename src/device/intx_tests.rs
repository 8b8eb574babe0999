use super::*;
use proptest::prelude::*;

const T0: Duration = Duration::ZERO;

#[test]
fn signals_once_until_unmasked() {
    let mut pin = Intx::default();
    assert!(pin.set(0, true));
    assert!(!pin.set(1, true));
    assert!(!pin.set(0, false));
    // Ring 1 still asserts.
    assert!(pin.unmask(T0));
    assert!(!pin.set(1, false));
    assert!(!pin.unmask(T0));
    assert!(pin.set(2, true));
    assert_eq!(pin.raised, 3);
}

#[test]
fn masked_or_disabled_keeps_the_level_for_later() {
    let mut pin = Intx::default();
    pin.mask();
    assert!(!pin.set(0, true));
    assert!(pin.level());
    assert!(!pin.disable(true));
    assert!(!pin.unmask(T0));
    assert!(pin.disable(false));
}

#[test]
fn a_handler_that_has_read_the_reason_is_not_interrupted_again() {
    let mut pin = Intx::default();
    assert!(pin.set(0, true));
    pin.seen(0);
    assert!(!pin.unmask(T0), "the handler is at work");
    assert_eq!(pin.due(), Some(PATIENCE));
    assert!(!pin.set(0, false), "it has masked its ring");
    assert_eq!(pin.due(), None);
    assert!(pin.set(0, true), "what comes then is another interrupt");
    assert_eq!(pin.raised, 2);
}

#[test]
fn a_handler_that_does_nothing_about_it_is_interrupted_again_in_time() {
    let mut pin = Intx::default();
    assert!(pin.set(3, true));
    pin.seen(3);
    let begin = Duration::from_secs(5);
    assert!(!pin.unmask(begin));
    let later = begin + PATIENCE / 2;
    assert!(!pin.unmask(later));
    assert_eq!(pin.due(), Some(begin + PATIENCE), "and the wait is no longer for that");
    assert!(pin.unmask(begin + PATIENCE));
    assert_eq!((pin.due(), pin.raised), (None, 2));
}

#[test]
fn only_the_ring_that_was_read_about_waits() {
    let mut pin = Intx::default();
    assert!(pin.set(0, true));
    pin.seen(0);
    pin.seen(1); // read, but not asserted: nothing is known of what it asserts later
    assert!(!pin.unmask(T0));
    assert!(pin.set(1, true));
    assert!(!pin.set(0, false));
    assert!(pin.unmask(T0), "nobody has read about ring 1");
}

#[test]
fn a_mask_or_a_disabled_pin_waits_for_no_time() {
    let mut pin = Intx::default();
    assert!(pin.set(0, true));
    pin.seen(0);
    assert!(!pin.unmask(T0));
    pin.mask();
    assert_eq!(pin.due(), None);
    assert!(!pin.unmask(T0));
    assert!(pin.due().is_some());
    assert!(!pin.disable(true));
    assert_eq!(pin.due(), None);
    assert!(!pin.unmask(T0));
    assert_eq!(pin.due(), None);
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Set(usize, bool),
    Seen(usize),
    Unmask,
    Mask,
    Disable(bool),
    Later(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..4_usize, any::<bool>()).prop_map(|(ring, up)| Event::Set(ring, up)),
        (0..4_usize).prop_map(Event::Seen),
        Just(Event::Unmask),
        Just(Event::Mask),
        any::<bool>().prop_map(Event::Disable),
        (0..2000_u64).prop_map(Event::Later),
    ]
}

proptest! {
    /// Whatever the guest reads: with the pin unmasked, an asserted level has been signalled or
    /// will be within [`PATIENCE`], and nothing is signalled without a level.
    #[test]
    fn no_interrupt_is_lost(events in prop::collection::vec(event(), 0..60)) {
        let mut pin = Intx::default();
        let mut now = Duration::ZERO;
        // When the client has last unmasked, if it waits for a signal.
        let mut open = true;
        for event in events {
            let fired = match event {
                Event::Set(ring, up) => pin.set(ring, up),
                Event::Seen(ring) => { pin.seen(ring); false }
                Event::Unmask => { open = true; pin.unmask(now) }
                Event::Mask => { open = false; pin.mask(); false }
                Event::Disable(disabled) => pin.disable(disabled),
                Event::Later(by) => {
                    now += Duration::from_micros(by);
                    // As the client thread does it.
                    pin.due().is_some_and(|due| due <= now) && pin.unmask(now)
                }
            };
            prop_assert!(!fired || (open && pin.level() && !pin.disabled));
            open &= !fired;
            if open && pin.level() && !pin.disabled {
                let due = pin.due();
                prop_assert!(due.is_some_and(|due| due <= now + PATIENCE), "{due:?}");
            } else {
                prop_assert_eq!(pin.due(), None);
            }
        }
    }
}
