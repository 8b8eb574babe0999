//! What all DECOs of a device share besides guest memory: the SoC, the RNG, the keys.

use super::registers::version::STATE_HANDLES;
use super::rng4::Rng4;
use super::soc::SocProfile;
use crate::crypto::keywrap::{KEY, MasterKey};
use crate::crypto::rng::{Unavailable, source};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
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
        })
    }

    /// The RNG. Held for one operation at a time.
    pub fn rng(&self) -> MutexGuard<'_, Rng4> {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// JDKEK, or TDKEK, once the RNG has generated them.
    #[must_use]
    pub fn kek(&self, trusted: bool) -> Option<Zeroizing<[u8; KEY]>> {
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
