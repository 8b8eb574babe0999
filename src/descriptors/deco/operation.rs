//! OPERATION: algorithms, the RNG, and the derived key protocol.

use super::Deco;
use crate::crypto::mdha::{Algorithm, split_key};
use crate::descriptors::buffer::Part;
use crate::descriptors::command::{AlgorithmOperation, AlgorithmState, DerivedKey, Operation};
use crate::descriptors::status::{ChaError, ChaId, DecoError, Failure};
use crate::device::rng4::{Request, RngError, is_secure_keys};
use crate::memory::GuestMemory;
use zeroize::Zeroize;

/// ALG of the RNG.
const ALG_RNG: u8 = 0x50;

impl From<RngError> for Failure {
    fn from(error: RngError) -> Self {
        let error = match error {
            RngError::Mode => ChaError::Mode,
            RngError::Instantiated => ChaError::KeySize,
            RngError::NotInstantiated => ChaError::PkhaASize,
            RngError::TestMode => ChaError::PkhaBSize,
            RngError::PredictionResistance => ChaError::DataSequence,
            RngError::PredictionResistanceAndTest => ChaError::DivideByZero,
            RngError::Uninstantiate => ChaError::ModulusEven,
            RngError::SecureKeys => ChaError::KeyParity,
            RngError::Hardware => ChaError::Hardware,
            RngError::ContinuousCheck => ChaError::AadSize,
        };
        Self::Ccb(ChaId::Rng, error)
    }
}

impl<M: GuestMemory> Deco<'_, M> {
    pub(super) fn operation(
        &mut self,
        operation: &Operation,
        pc: usize,
        part: Part,
    ) -> Result<(), Failure> {
        match operation {
            Operation::Class1(op) => {
                self.flow.class1.operation(*op, self.soc)?;
                if op.algorithm == ALG_RNG { self.rng(*op) } else { Ok(()) }
            }
            Operation::Class2(op) => self.flow.class2.operation(*op, self.soc),
            // Linux reaches PKHA through protocols only; its bare functions are not there.
            Operation::Pkha(_) => Err(Failure::Ccb(ChaId::Pkha, ChaError::InvalidCha)),
            Operation::Protocol { kind, id, info } => self.protocol(*kind, *id, *info, pc, part),
            Operation::DerivedKey(derived) => self.derive_key(derived, pc),
        }
    }

    /// An RNG operation takes no data and is done at once. AS selects it: generate, instantiate,
    /// reseed, uninstantiate (Linux `ctrl.c`, `caamprng.c`).
    fn rng(&mut self, op: AlgorithmOperation) -> Result<(), Failure> {
        let request = Request::new(op.aai, op.icv, op.encrypt);
        self.flow.memory().pause();
        self.platform.use_rng(|rng| -> Result<(), RngError> {
            if is_secure_keys(op.aai) {
                return rng.generate_secure_keys().map(|_| ());
            }
            match op.state {
                AlgorithmState::Init => rng.instantiate(request),
                AlgorithmState::Finalize => rng.reseed(request),
                AlgorithmState::InitFinal => rng.uninstantiate(request.handle),
                // The bytes are made when they are stored; whether they can be is known now.
                AlgorithmState::Update => rng.generate(request, &mut []),
            }
        })?;
        if op.state == AlgorithmState::Update && !is_secure_keys(op.aai) {
            self.flow.class1.set_rng_request(request);
        }
        Ok(())
    }

    /// Fills `bytes` from the RNG state handle of an operation that has been carried out.
    pub(super) fn generated(&self, request: Request, bytes: &mut [u8]) -> Result<(), Failure> {
        self.flow.memory().pause();
        Ok(self.platform.rng().generate(request, bytes)?)
    }

    /// Fills `bytes` from state handle 0 without an operation of the RNG.
    pub(super) fn random(&self, bytes: &mut [u8]) -> Result<(), Failure> {
        self.flow.memory().pause();
        Ok(self.platform.use_rng(|rng| rng.generate(Request::default(), bytes))?)
    }

    /// DKP: the key becomes a split key in the class 2 key register.
    ///
    /// Silicon also rewrites the descriptor in memory, so that the next job loads the split key
    /// instead of deriving it. That would need the shared descriptor's sharing state; deriving
    /// each time gives the same result, as the original key stays where it is.
    fn derive_key(&mut self, derived: &DerivedKey, pc: usize) -> Result<(), Failure> {
        let algorithm = Algorithm::from_alg(derived.algorithm)
            .filter(|a| self.soc.mdha.count > 0 && a.digest_len() <= self.soc.largest_digest());
        let algorithm = algorithm.ok_or(DecoError::UnknownProtocol)?;
        let mut key = self.fetch(derived.source, u32::from(derived.length), pc)?;
        let split = split_key(algorithm, &key);
        key.zeroize();
        let registers = &mut self.flow.class2.registers;
        registers.clear_key();
        registers.load_key(0, &split).ok_or(DecoError::Key)?;
        Ok(())
    }
}
