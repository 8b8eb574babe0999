//! What drivers do with RNG4, and what it refuses.

use super::*;
use crate::crypto::rng::{Os, Unavailable, source};

fn rng() -> Rng4 {
    Rng4::new(2, source(Some(1)))
}

/// In run mode, as drivers leave it.
fn running() -> Rng4 {
    let mut rng = rng();
    rng.write(RTMCTL, RTMCTL_SAMP_MODE_RAW).unwrap();
    rng
}

fn handle(handle: u8) -> Request {
    Request { handle, ..Request::default() }
}

fn resistant(handle: u8) -> Request {
    Request { handle, prediction_resistance: true, test: false }
}

fn test_mode(handle: u8) -> Request {
    Request { handle, test: true, prediction_resistance: false }
}

fn bytes(rng: &mut Rng4, request: Request) -> Result<[u8; 16], RngError> {
    let mut bytes = [0; 16];
    rng.generate(request, &mut bytes).map(|()| bytes)
}

/// What Linux's `ctrl.c` does with the registers and the DECO, for as long as it takes.
struct Linux<'a> {
    rng: &'a mut Rng4,
    /// The shortest delay whose entropy passes the checks.
    needs: u16,
}

impl Linux<'_> {
    fn read(&mut self, offset: u32) -> u32 {
        self.rng.read(offset).unwrap()
    }

    fn modify(&mut self, offset: u32, clear: u32, set: u32) {
        let value = self.read(offset);
        self.rng.write(offset, value & !clear | set).unwrap();
    }

    /// An OPERATION command, as the DECO carries it out.
    fn operation(&mut self, word: u32) -> Result<(), RngError> {
        assert_eq!(word >> 16, 0x8250, "class 1, RNG");
        let aai = (word >> 4 & 0x1ff) as u16;
        let request = Request::new(aai, word & 2 != 0, word & 1 != 0);
        match word >> 2 & 3 {
            0 if is_secure_keys(aai) => self.rng.generate_secure_keys().map(drop),
            0 => self.rng.generate(request, &mut [0; 16]),
            1 => self.rng.instantiate(request),
            2 => self.rng.reseed(request),
            _ => self.rng.uninstantiate(request.handle),
        }
    }

    fn kick(&mut self, delay: u32) {
        self.modify(RTMCTL, 0, RTMCTL_PRGM | RTMCTL_ACC);
        if delay > self.read(RTSDCTL) >> 16 {
            self.modify(RTSDCTL, 0xffff_0000, delay << 16);
            self.rng.write(RTFRQMIN, delay >> 2).unwrap();
            self.rng.write(RTFRQMAX, 1 << 20).unwrap();
            self.read(RTMCTL);
        }
        let ok = self.rng.entropy_delay() >= self.needs;
        self.rng.set_entropy_ok(ok);
        self.modify(RTMCTL, RTMCTL_PRGM | RTMCTL_ACC, RTMCTL_SAMP_MODE_RAW);
    }

    /// All state handles; the descriptors' commands, without the jumps.
    fn instantiate(&mut self, found: u32, secure_keys: bool) -> Result<(), RngError> {
        for n in 0..2 {
            let both = (RDSTA_IF0 | RDSTA_PR0) << n;
            if found & RDSTA_IF0 << n != 0 {
                if found & RDSTA_PR0 << n != 0 {
                    continue;
                }
                self.operation(0x8250_000c | n << 4)?;
            }
            self.operation(0x8250_0006 | n << 4)?;
            if n == 0 && secure_keys {
                self.operation(0x8250_1000)?;
            }
            assert_eq!(self.read(RDSTA) & both, both);
        }
        Ok(())
    }

    /// The probe's loop. Gives the delays tried.
    fn probe(&mut self) -> (Vec<u32>, Result<(), RngError>) {
        let secure_keys = self.read(RDSTA) & RDSTA_SKVN == 0;
        let initial = self.read(RDSTA) & 0x33;
        let (mut delay, mut tried) = (3200, Vec::new());
        loop {
            let found = self.read(RDSTA) & 0x33;
            if initial == 0 && found == 0 {
                tried.push(delay);
                self.kick(delay);
                delay += 400;
            }
            let result = self.instantiate(found, secure_keys);
            if result.is_ok() || delay >= 12_800 {
                return (tried, result);
            }
        }
    }

    /// The driver goes away: it takes down the handles it made.
    fn remove(&mut self) {
        for n in 0..2 {
            self.operation(0x8250_000c | n << 4).unwrap();
        }
    }
}

#[test]
fn linux_instantiates_both_handles_at_once() {
    let mut rng = rng();
    let (tried, result) = Linux { rng: &mut rng, needs: 0 }.probe();
    assert_eq!((tried, result), (vec![3200], Ok(())));
    assert_eq!(rng.status(), RDSTA_SKVN | 0x33);
    assert_eq!(rng.read(RTMCTL).unwrap() & (RTMCTL_PRGM | RTMCTL_ACC | RTMCTL_ERR), 0);
    // hwrng: 16 bytes with prediction resistance; stdrng: any number without, and a reseed.
    let mut linux = Linux { rng: &mut rng, needs: 0 };
    for word in [0x8250_0002, 0x8250_0000, 0x8250_0008] {
        linux.operation(word).unwrap();
    }
}

#[test]
fn linux_raises_the_delay_until_there_is_entropy() {
    let mut rng = rng();
    let (tried, result) = Linux { rng: &mut rng, needs: 4_100 }.probe();
    assert_eq!((tried, result), (vec![3200, 3600, 4000, 4400], Ok(())));
    assert_eq!(rng.entropy_delay(), 4400);
    assert_eq!(rng.status(), RDSTA_SKVN | 0x33);
}

#[test]
fn linux_gives_up_on_a_noiseless_oscillator() {
    let mut rng = rng();
    let (tried, result) = Linux { rng: &mut rng, needs: 20_000 }.probe();
    assert_eq!(tried.len(), 24);
    assert_eq!(tried.last(), Some(&12_400));
    assert_eq!(result, Err(RngError::Hardware));
    assert_eq!(rng.status(), 0xb << RDSTA_ERRCODE_SHIFT);
    assert_ne!(rng.read(RTMCTL).unwrap() & RTMCTL_ERR, 0);
}

#[test]
fn linux_binds_again_without_new_keys() {
    let mut rng = rng();
    let mut linux = Linux { rng: &mut rng, needs: 0 };
    linux.probe().1.unwrap();
    linux.remove();
    assert_eq!(linux.rng.status(), RDSTA_SKVN);
    let jdkek = linux.rng.secure_keys().unwrap().jdkek.clone();
    linux.probe().1.unwrap();
    assert_eq!(linux.rng.status(), RDSTA_SKVN | 0x33);
    assert_eq!(*linux.rng.secure_keys().unwrap().jdkek, *jdkek);
}

#[test]
fn linux_tears_down_a_handle_without_prediction_resistance() {
    let mut rng = running();
    rng.instantiate(handle(0)).unwrap();
    let mut linux = Linux { rng: &mut rng, needs: 0 };
    let (tried, result) = linux.probe();
    assert_eq!((tried, result), (vec![], Ok(())), "the TRNG is left alone");
    assert_eq!(rng.status(), RDSTA_SKVN | 0x33);
}

/// mcux-sdk `fsl_caam.c`, `CAAM_Init` and `CAAM_Deinit`.
#[test]
fn mcux_takes_the_defaults() {
    let mut rng = rng();
    rng.write(RTMCTL, RTMCTL_PRGM | RTMCTL_ERR | RTMCTL_RST_DEF | 1).unwrap();
    rng.write(RTMCTL, RTMCTL_ERR | 2 << 2).unwrap();
    assert_eq!(rng.read(RTMCTL).unwrap(), 2 << 2 | RTMCTL_TSTOP_OK | RTMCTL_FCT_VAL);
    rng.instantiate(handle(0)).unwrap();
    rng.generate_secure_keys().unwrap();
    bytes(&mut rng, handle(0)).unwrap();
    rng.uninstantiate(0).unwrap();
    assert_ne!(rng.read(RTMCTL).unwrap() & RTMCTL_TSTOP_OK, 0);
}

#[test]
fn table_is_ascending_aligned_and_inside_the_block() {
    assert!(TABLE.windows(2).all(|w| w[0].offset < w[1].offset));
    assert!(TABLE.iter().all(|d| d.offset % 4 == 0 && (START..END).contains(&d.offset)));
    assert!(TABLE.iter().all(|d| d.reset & !d.writable == 0));
    assert_eq!(name(RTSDCTL), Some("RTSDCTL"));
    assert_eq!(name(0x6f0), None);
    let mut rng = rng();
    assert_eq!((rng.read(0x6f0), rng.write(0x6f0, 1)), (None, None));
}

#[test]
fn limits_are_written_and_read_in_program_mode_only() {
    let mut rng = rng();
    for definition in TABLE.iter().filter(|d| d.offset != RTMCTL) {
        rng.write(definition.offset, u32::MAX).unwrap();
        let expected = if definition.writable == 0 { 0 } else { definition.writable };
        let read = rng.read(definition.offset).unwrap();
        assert_eq!(read, expected, "{}", definition.name);
    }
    rng.write(RTMCTL, RTMCTL_PRGM | RTMCTL_RST_DEF | RTMCTL_ACC | 3).unwrap();
    let control = RTMCTL_PRGM | RTMCTL_ACC | RTMCTL_TSTOP_OK | 3;
    assert_eq!(rng.read(RTMCTL).unwrap(), control, "RST_DEF is not kept");
    for definition in TABLE.iter().filter(|d| d.offset != RTMCTL) {
        let read = rng.read(definition.offset).unwrap();
        assert_eq!(read, definition.reset, "{}", definition.name);
    }
    rng.write(RTMCTL, 1).unwrap();
    for offset in [RTSCMISC, RTPKRRNG, RTSDCTL, RTFRQMIN, RTSTATUS] {
        assert_eq!(rng.read(offset), Some(0), "{}", name(offset).unwrap());
    }
    for definition in TABLE.iter().filter(|d| d.offset != RTMCTL) {
        rng.write(definition.offset, u32::MAX).unwrap();
    }
    rng.write(RTMCTL, RTMCTL_RST_DEF | RTMCTL_OSC_DIV | 2).unwrap();
    assert_eq!(rng.read(RTMCTL).unwrap(), 1 | RTMCTL_TSTOP_OK | RTMCTL_FCT_VAL);
    rng.write(RTMCTL, RTMCTL_PRGM | 1).unwrap();
    assert_eq!(rng.read(RTSDCTL).unwrap(), 0x0c80_09c4);
    assert_eq!(rng.read(RTFRQMAX).unwrap(), 0x6400);
}

#[test]
fn run_mode_shows_counts_within_their_limits() {
    let mut rng = rng();
    let limits: Vec<_> =
        (RTSCML..=RTSCR6PL).step_by(4).map(|at| (at, rng.read(at).unwrap())).collect();
    rng.write(RTMCTL, 1).unwrap();
    for (at, limit) in limits {
        let (most, range) = (limit & 0xffff, limit >> 16);
        let counts = rng.read(at).unwrap();
        let ones = if at == RTSCML { counts & 0xffff } else { counts >> 16 };
        for count in [counts & 0xffff, ones] {
            assert!(most - range <= count && count <= most, "{}: {count}", name(at).unwrap());
        }
    }
    let square = rng.read(RTPKRMAX).unwrap();
    assert!((26_912 - 2_467..=26_912).contains(&square));
    assert_eq!(rng.read(RTSBLIM), Some(2500));
    let count = rng.read(RTFRQMAX).unwrap();
    assert!((0x640..=0x6400).contains(&count));
    assert_eq!(rng.read(RTPKRCNTFE), Some(39 << 16 | 39));
}

#[test]
fn entropy_can_be_read_with_access_and_in_run_mode() {
    let mut rng = rng();
    let all = |rng: &mut Rng4| -> Vec<u32> {
        (RTENT0..=RTENT15).step_by(4).map(|at| rng.read(at).unwrap()).collect()
    };
    for control in [RTMCTL_PRGM | RTMCTL_ACC, 0] {
        rng.write(RTMCTL, control).unwrap();
        assert_eq!(rng.read(RTMCTL).unwrap() & RTMCTL_ENT_VAL, 0);
        assert_eq!(all(&mut rng), [0; 16]);
    }
    rng.write(RTMCTL, RTMCTL_ACC).unwrap();
    assert_ne!(rng.read(RTMCTL).unwrap() & RTMCTL_ENT_VAL, 0);
    let first = rng.read(RTENT0);
    assert_eq!(rng.read(RTENT0), first, "it stays until the last word is read");
    let whole = all(&mut rng);
    assert_eq!(Some(whole[0]), first);
    let next = all(&mut rng);
    assert!(whole.iter().zip(&next).all(|(one, other)| one != other));
    assert_eq!(format!("{:?}", Some(Entropy(Zeroizing::new([7; 64])))), "Some(Entropy(..))");
    rng.set_entropy_ok(false);
    assert_eq!(all(&mut rng), [0; 16]);
    assert_eq!(rng.read(RTSTATUS), Some(1));
}

#[test]
fn trng_errors_are_cleared_by_writing_one() {
    let mut rng = rng();
    rng.set_entropy_ok(false);
    assert_eq!(rng.read(RTMCTL).unwrap() & RTMCTL_ERR, 0);
    rng.write(RTMCTL, 0).unwrap();
    let failed = RTMCTL_ERR | RTMCTL_FCT_FAIL;
    assert_eq!(rng.read(RTMCTL).unwrap() & failed, failed);
    rng.write(RTMCTL, 0).unwrap();
    assert_eq!(rng.read(RTMCTL).unwrap() & RTMCTL_ERR, RTMCTL_ERR);
    rng.write(RTMCTL, RTMCTL_ERR).unwrap();
    assert_eq!(rng.read(RTMCTL).unwrap() & RTMCTL_ERR, 0);
    assert_eq!(rng.instantiate(handle(0)), Err(RngError::Hardware));
    assert_eq!(rng.read(RTMCTL).unwrap() & RTMCTL_ERR, RTMCTL_ERR);
}

#[test]
fn misuse_has_its_own_error_each() {
    type Prepare = fn(&mut Rng4);
    type Operation = fn(&mut Rng4) -> Result<(), RngError>;
    let both = Request { handle: 0, test: true, prediction_resistance: true };
    // Handle 0 instantiated without prediction resistance, or in test mode, or not at all.
    let [plain, test, none]: [Prepare; 3] = [
        |rng| rng.instantiate(handle(0)).unwrap(),
        |rng| rng.instantiate(test_mode(0)).unwrap(),
        |_| (),
    ];
    let table: &[(Prepare, Operation, RngError)] = &[
        (none, |rng| rng.instantiate(handle(2)), RngError::Mode),
        (none, |rng| rng.uninstantiate(3), RngError::Mode),
        (none, |rng| rng.generate(handle(2), &mut [0; 4]), RngError::Mode),
        (plain, |rng| rng.instantiate(handle(0)), RngError::Instantiated),
        (plain, |rng| rng.instantiate(test_mode(0)), RngError::Instantiated),
        (plain, |rng| rng.generate(handle(1), &mut [0; 4]), RngError::NotInstantiated),
        (plain, |rng| rng.reseed(handle(1)), RngError::NotInstantiated),
        (none, |rng| rng.generate_secure_keys().map(drop), RngError::NotInstantiated),
        (plain, |rng| rng.generate(test_mode(0), &mut [0; 4]), RngError::TestMode),
        (test, |rng| rng.generate(handle(0), &mut [0; 4]), RngError::TestMode),
        (test, |rng| rng.reseed(handle(0)), RngError::TestMode),
        (plain, |rng| rng.generate(resistant(0), &mut [0; 4]), RngError::PredictionResistance),
        (plain, |rng| rng.reseed(resistant(0)), RngError::PredictionResistance),
        (plain, |rng| rng.uninstantiate(1), RngError::Uninstantiate),
    ];
    for (n, (prepare, operation, error)) in table.iter().enumerate() {
        let mut rng = running();
        prepare(&mut rng);
        assert_eq!(rng.status() >> RDSTA_ERRCODE_SHIFT & 0xf, 0);
        assert_eq!(operation(&mut rng), Err(*error), "case {n}");
        let shown = rng.read(RDSTA).unwrap() >> RDSTA_ERRCODE_SHIFT & 0xf;
        assert_eq!(shown, u32::from(error.code()), "case {n}");
    }
    let mut rng = running();
    assert_eq!(rng.instantiate(both), Err(RngError::PredictionResistanceAndTest));
    rng.instantiate(test_mode(0)).unwrap();
    assert_eq!(bytes(&mut rng, both), Err(RngError::PredictionResistanceAndTest));
    rng.generate_secure_keys().unwrap();
    assert_eq!(rng.status() >> RDSTA_ERRCODE_SHIFT & 0xf, 0, "success clears the code");
    assert_eq!(rng.generate_secure_keys().map(drop), Err(RngError::SecureKeys));
    assert_eq!(RngError::ContinuousCheck.code(), 0xc);
}

#[test]
fn program_mode_has_no_entropy() {
    let mut rng = rng();
    assert_eq!(rng.instantiate(resistant(0)), Err(RngError::Hardware));
    rng.instantiate(test_mode(1)).unwrap();
    rng.write(RTMCTL, 0).unwrap();
    rng.instantiate(resistant(0)).unwrap();
    rng.write(RTMCTL, RTMCTL_PRGM).unwrap();
    bytes(&mut rng, handle(0)).unwrap();
    assert_eq!(bytes(&mut rng, resistant(0)), Err(RngError::Hardware));
}

#[test]
fn test_mode_repeats_itself() {
    let take = |n| {
        let mut rng = Rng4::new(2, Box::new(Os));
        rng.instantiate(test_mode(n)).unwrap();
        let first = bytes(&mut rng, test_mode(n)).unwrap();
        assert_ne!(first, bytes(&mut rng, test_mode(n)).unwrap());
        rng.reseed(test_mode(n)).unwrap();
        assert_eq!(rng.status(), (RDSTA_IF0 | RDSTA_TF0) << n);
        first
    };
    assert_eq!(take(0), take(0));
    assert_ne!(take(0), take(1));
}

#[test]
fn a_seed_gives_the_same_bytes_and_keys() {
    let run = |seed| {
        let mut rng = Rng4::new(2, source(seed));
        rng.write(RTMCTL, 0).unwrap();
        rng.instantiate(resistant(0)).unwrap();
        let keys = rng.generate_secure_keys().unwrap().clone();
        let keys = [*keys.jdkek, *keys.tdkek, *keys.tdsk].concat();
        (keys, bytes(&mut rng, resistant(0)).unwrap())
    };
    assert_eq!(run(Some(3)), run(Some(3)));
    assert_ne!(run(Some(3)), run(Some(4)));
    assert_ne!(run(None), run(None));
    let (keys, _) = run(Some(3));
    assert!(keys[..32] != keys[32..64] && keys[32..64] != keys[64..]);
}

#[test]
fn keys_of_a_test_handle_are_marked() {
    let mut rng = running();
    rng.instantiate(test_mode(0)).unwrap();
    let keys = rng.generate_secure_keys().unwrap();
    assert_eq!(format!("{keys:?}"), "SecureKeys { test: true, .. }");
    assert_eq!(rng.status(), RDSTA_SKVT | RDSTA_TF0 | RDSTA_IF0);
}

#[test]
fn requests_are_counted_until_the_next_seeding() {
    let mut rng = running();
    assert_eq!(rng.read(RDINT0), Some(0));
    rng.instantiate(resistant(0)).unwrap();
    assert_eq!(rng.read(RDINT0), Some(10_000_000));
    bytes(&mut rng, handle(0)).unwrap();
    bytes(&mut rng, handle(0)).unwrap();
    assert_eq!(rng.read(RDINT0), Some(9_999_998));
    assert_eq!(rng.read(RDINT0 + 4), Some(0));
    rng.reseed(handle(0)).unwrap();
    assert_eq!(rng.read(RDINT0), Some(10_000_000));
    rng.handles[0].as_mut().unwrap().requests_left = 0;
    bytes(&mut rng, handle(0)).unwrap();
    assert_eq!(rng.read(RDINT0), Some(9_999_999));
    rng.handles[0].as_mut().unwrap().requests_left = 0;
    rng.set_entropy_ok(false);
    assert_eq!(bytes(&mut rng, handle(0)), Err(RngError::Hardware));
}

#[test]
fn power_on_reset_forgets() {
    let mut rng = running();
    rng.instantiate(handle(0)).unwrap();
    rng.generate_secure_keys().unwrap();
    rng.power_on_reset();
    assert_eq!(rng.status(), 0);
    assert!(rng.secure_keys().is_none());
    assert_eq!(rng.read(RTMCTL).unwrap() & RTMCTL_PRGM, RTMCTL_PRGM);
}

#[test]
fn a_source_without_bytes_is_a_hardware_error() {
    #[derive(Debug)]
    struct Empty;
    impl Source for Empty {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), Unavailable> {
            Err(Unavailable)
        }
    }
    let mut rng = Rng4::new(1, Box::new(Empty));
    rng.write(RTMCTL, RTMCTL_ACC).unwrap();
    assert_eq!(rng.read(RTENT0), Some(0));
    rng.instantiate(handle(0)).unwrap();
    assert_eq!(bytes(&mut rng, handle(0)), Err(RngError::Hardware));
    assert_eq!(rng.generate_secure_keys().map(drop), Err(RngError::Hardware));
    assert_eq!(rng.status() & RDSTA_SKVN, 0);
    assert_eq!(rng.instantiate(handle(1)), Err(RngError::Mode), "one handle only");
}

/// No entropy, for one use.
const NO_ENTROPY: RngFaults = RngFaults { no_entropy: true, no_handles: false };
/// No state handles any more.
const NO_HANDLES: RngFaults = RngFaults { no_entropy: false, no_handles: true };

#[test]
fn one_use_without_entropy_fails_and_the_next_does_not() {
    let mut rng = running();
    let request = Request { prediction_resistance: true, ..handle(0) };
    let failed = Err(RngError::Hardware);
    assert_eq!(rng.strike(NO_ENTROPY, |rng| rng.instantiate(request)), failed);
    assert_eq!(rng.status(), 0xb << RDSTA_ERRCODE_SHIFT);
    assert_ne!(rng.read(RTMCTL).unwrap() & RTMCTL_ERR, 0);
    rng.instantiate(request).unwrap();
    for request in [request, handle(0)] {
        assert_eq!(rng.strike(NO_ENTROPY, |rng| rng.generate(request, &mut [0; 4])), failed);
        rng.generate(request, &mut [0; 4]).unwrap();
    }
    assert_eq!(rng.strike(NO_ENTROPY, |rng| rng.reseed(request)), failed);
    assert!(rng.strike(NO_ENTROPY, |rng| rng.generate_secure_keys().is_err()));
    assert_eq!(rng.status() & (RDSTA_SKVN | 1), 1, "no keys, but the handle stays");
    rng.strike(NO_ENTROPY, |rng| rng.uninstantiate(0)).unwrap();
}

#[test]
fn a_test_handle_needs_no_entropy() {
    let mut rng = running();
    let request = Request { test: true, ..handle(1) };
    rng.strike(NO_ENTROPY, |rng| rng.instantiate(request)).unwrap();
    rng.strike(NO_ENTROPY, |rng| rng.generate(request, &mut [0; 4])).unwrap();
}

#[test]
fn lost_handles_have_to_be_instantiated_again_and_keys_stay() {
    let mut rng = running();
    rng.instantiate(handle(0)).unwrap();
    rng.instantiate(handle(1)).unwrap();
    rng.generate_secure_keys().unwrap();
    let generate = |rng: &mut Rng4| rng.generate(handle(0), &mut [0; 4]);
    assert_eq!(rng.strike(NO_HANDLES, generate), Err(RngError::NotInstantiated));
    assert_eq!(rng.status(), RDSTA_SKVN | 4 << RDSTA_ERRCODE_SHIFT);
    assert_eq!(generate(&mut rng), Err(RngError::NotInstantiated), "still");
    rng.strike(NO_HANDLES, |rng| rng.instantiate(handle(0))).unwrap();
    generate(&mut rng).unwrap();
}

#[test]
fn a_collection_is_looked_at_once() {
    let mut rng = rng();
    rng.write(RTMCTL, RTMCTL_PRGM | RTMCTL_ACC).unwrap();
    assert!(!rng.first_look(RTMCTL), "program mode");
    rng.write(RTMCTL, 0).unwrap();
    assert!(!rng.first_look(RTMCTL), "nobody wants to read it");
    rng.write(RTMCTL, RTMCTL_ACC).unwrap();
    assert!(rng.first_look(RTMCTL) && rng.first_look(RTENT0) && !rng.first_look(RDSTA));
    rng.strike_collection(RngFaults::default());
    assert!(!rng.first_look(RTMCTL) && !rng.first_look(RTENT15));
    assert_ne!(rng.read(RTMCTL).unwrap() & RTMCTL_ENT_VAL, 0);
    rng.read(RTENT15).unwrap();
    assert!(rng.first_look(RTMCTL), "it collects anew");
}

#[test]
fn a_failed_collection_lasts_until_the_next() {
    let recoveries: [fn(&mut Rng4); 3] = [
        |rng| rng.write(RTMCTL, RTMCTL_ACC | RTMCTL_ERR).unwrap(),
        |rng| {
            rng.write(RTMCTL, RTMCTL_PRGM).unwrap();
            rng.write(RTMCTL, RTMCTL_ACC | RTMCTL_ERR).unwrap();
        },
        |rng| {
            rng.power_on_reset();
            rng.write(RTMCTL, RTMCTL_ACC).unwrap();
        },
    ];
    for recover in recoveries {
        let mut rng = rng();
        rng.write(RTMCTL, RTMCTL_ACC).unwrap();
        rng.strike_collection(NO_ENTROPY);
        for _ in 0..3 {
            let rtmctl = rng.read(RTMCTL).unwrap();
            assert_eq!(rtmctl & (RTMCTL_ENT_VAL | RTMCTL_ERR), RTMCTL_ERR);
            assert_ne!(rtmctl & RTMCTL_FCT_FAIL, 0);
            assert_eq!((rng.read(RTENT0), rng.read(RTENT15)), (Some(0), Some(0)));
        }
        recover(&mut rng);
        assert!(rng.first_look(RTMCTL));
        let rtmctl = rng.read(RTMCTL).unwrap();
        assert_eq!(rtmctl & (RTMCTL_ENT_VAL | RTMCTL_ERR), RTMCTL_ENT_VAL);
    }
}
