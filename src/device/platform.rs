//! What all DECOs of a device share besides guest memory: the SoC, the RNG, the keys.

use super::registers::version::STATE_HANDLES;
use super::rng4::{Rng4, RngFaults};
use super::soc::SocProfile;
use crate::crypto::keywrap::{KEY, MasterKey};
use crate::crypto::rng::{Unavailable, source};
use crate::fault::kind::{Kind, Site};
use crate::fault::{Event, Faults};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// Where a device's secrets come from.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// Makes every random byte repeatable.
    pub seed: Option<u64>,
    /// The master key, which is otherwise made from the seed, or at random.
    pub master_key: Option<Zeroizing<[u8; KEY]>>,
}

/// See the module.
pub struct Platform {
    /// SoC profile.
    pub soc: SocProfile,
    rng: Mutex<Rng4>,
    master_key: MasterKey,
    faults: Arc<Faults>,
    /// The device's time as last told, in nanoseconds: DECOs have no other clock.
    time: AtomicU64,
}

impl Platform {
    /// A platform after power-on.
    ///
    /// # Errors
    /// [`Unavailable`] if the operating system has no random bytes.
    pub fn new(soc: &SocProfile, secrets: Secrets) -> Result<Self, Unavailable> {
        let master_key = match (secrets.master_key, secrets.seed) {
            (Some(key), _) => MasterKey::new(*key),
            (None, Some(seed)) => MasterKey::from_seed(seed),
            (None, None) => MasterKey::from_source(&mut *source(None))?,
        };
        Ok(Self {
            soc: soc.clone(),
            rng: Mutex::new(Rng4::new(STATE_HANDLES, source(secrets.seed))),
            master_key,
            faults: Arc::new(Faults::new(0, 0)),
            time: AtomicU64::new(0),
        })
    }

    /// With rules about the RNG.
    #[must_use]
    pub fn with_faults(self, faults: Arc<Faults>) -> Self {
        Self { faults, ..self }
    }

    /// Tells the time, if anybody may ask for it: rules about the RNG.
    pub fn set_time(&self, now: Duration) {
        if !self.faults.armed(Site::Rng) {
            return;
        }
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.time.store(now, Ordering::Relaxed);
    }

    /// The RNG. Held for one operation at a time.
    pub fn rng(&self) -> MutexGuard<'_, Rng4> {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A DECO uses the RNG, as far as the rules let it.
    pub fn use_rng<T>(&self, operation: impl FnOnce(&mut Rng4) -> T) -> T {
        let faults = self.rng_faults();
        self.rng().strike(faults, operation)
    }

    /// Reads the RNG's register at `offset` of the CTRL page. `None`: there is none.
    pub fn read_rng(&self, offset: u32) -> Option<u32> {
        let mut rng = self.rng();
        if rng.first_look(offset) {
            let faults = self.rng_faults();
            rng.strike_collection(faults);
        }
        rng.read(offset)
    }

    /// Asks the rules about a use of the RNG.
    fn rng_faults(&self) -> RngFaults {
        let now = Duration::from_nanos(self.time.load(Ordering::Relaxed));
        let firings = self.faults.at(Site::Rng, &Event { now, ..Event::default() });
        let fired = |kind: Kind| firings.iter().any(|firing| firing.kind == kind);
        RngFaults { no_entropy: fired(Kind::RngEntropy), no_handles: fired(Kind::RngHandle) }
    }

    /// JDKEK, or TDKEK, once the RNG has generated them.
    #[must_use]
    pub fn kek(&self, trusted: bool) -> Option<Zeroizing<[u8; KEY]>> {
        if self.soc.rng.count == 0 {
            // Nothing can make them: the registers keep their reset value (inferred).
            return Some(Zeroizing::new([0; KEY]));
        }
        let rng = self.rng();
        let keys = rng.secure_keys()?;
        Some(if trusted { keys.tdkek.clone() } else { keys.jdkek.clone() })
    }

    /// What blobs are bound to. It survives resets, and with it they can be opened again.
    #[must_use]
    pub fn master_key(&self) -> &MasterKey {
        &self.master_key
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform").field("soc", &self.soc.name).finish_non_exhaustive()
    }
}
