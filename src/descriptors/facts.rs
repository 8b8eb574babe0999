//! What a job is, told from its descriptor without running it: for the rules of
//! [`crate::fault`].

use super::buffer::DescriptorBuffer;
use super::ccb::work::Work;
use super::ccb::{class1, class2};
use super::command::{AlgorithmOperation, Command, Operation, SequenceSource, decode};
use crate::crypto::Direction;
use crate::device::soc::SocProfile;
use crate::fault::Facts;

fn direction(op: AlgorithmOperation) -> Direction {
    if op.encrypt { Direction::Encrypt } else { Direction::Decrypt }
}

/// 32-bit FNV-1a over the words, most significant byte first.
fn hash(words: &[u32]) -> u32 {
    let bytes = words.iter().flat_map(|word| word.to_be_bytes());
    bytes.fold(0x811c_9dc5, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

/// Adds to `facts` what the descriptor says: commands are read in the order they stand, jumps are
/// not followed (Linux puts the operation of a key that is shared behind one, and both do the
/// same). The length is that of the input sequences (with the IV, where Linux passes it at their
/// head: 528 for a disk sector), or without any of all FIFO LOADs.
pub fn add(facts: &mut Facts, buffer: &DescriptorBuffer, soc: &SocProfile) {
    let (mut sequences, mut loads) = (0_u64, 0_u64);
    facts.shared = None;
    for part in buffer.parts.into_iter().flatten() {
        // With a shared descriptor, only that one begins the buffer.
        if part.base == 0 && buffer.parts[1].is_some() {
            facts.shared = Some(hash(&buffer.words[..part.end]));
        }
        let mut at = part.start;
        while at < part.end {
            let Ok(decoded) = decode(&buffer.words[at..part.end], soc) else { break };
            at += usize::from(decoded.words).max(1);
            match decoded.command {
                Command::Operation(operation) => add_operation(facts, &operation, soc),
                Command::SeqInPtr(pointer) if pointer.source != SequenceSource::Restart => {
                    sequences = sequences.saturating_add(u64::from(pointer.length));
                }
                Command::FifoLoad(load) => loads = loads.saturating_add(u64::from(load.length)),
                _ => {}
            }
        }
    }
    facts.length = if sequences > 0 { sequences } else { loads };
}

fn add_operation(facts: &mut Facts, operation: &Operation, soc: &SocProfile) {
    let (class, found) = match operation {
        Operation::Class1(op) => (0, class1::work_of(*op, soc).map(|w| (w, direction(*op)))),
        Operation::Class2(op) => (1, class2::work_of(*op, soc).map(|w| (w, direction(*op)))),
        // PROTIDs of Linux `desc.h`: RSA encryption and decryption, and the blob.
        Operation::Protocol { kind: 0, id: 0x18, .. } => (0, Some((Work::Rsa, Direction::Encrypt))),
        Operation::Protocol { kind: 0, id: 0x19, .. } => (0, Some((Work::Rsa, Direction::Decrypt))),
        Operation::Protocol { kind: 6, id: 0x0d, .. } => {
            (0, Some((Work::Blob, Direction::Decrypt)))
        }
        Operation::Protocol { kind: 7, id: 0x0d, .. } => {
            (0, Some((Work::Blob, Direction::Encrypt)))
        }
        Operation::Protocol { .. } | Operation::Pkha(_) | Operation::DerivedKey(_) => (0, None),
    };
    if let Some((work, direction)) = found {
        facts.algorithms[class].get_or_insert(work);
        facts.direction.get_or_insert(direction);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptors::build::linux::{self, Aead, AeadRequest, Cipher, Request};
    use crate::descriptors::build::place;
    use crate::device::soc::VIRT_ERA9;
    use crate::memory::flat::FlatMemory;
    use Direction::{Decrypt, Encrypt};

    const SOC: &SocProfile = &VIRT_ERA9;

    fn facts(memory: &FlatMemory, job: u64) -> Facts {
        let buffer = DescriptorBuffer::load(memory, SOC, job).expect("a descriptor");
        let mut facts = Facts::default();
        add(&mut facts, &buffer, SOC);
        facts
    }

    fn skcipher(cipher: Cipher, direction: Direction, key: u8) -> Facts {
        let memory = FlatMemory::new(0x1000, 0x8000);
        let key = [key; 32];
        let shared = linux::skcipher_shared(SOC, cipher, direction, &key);
        let iv = vec![0; cipher.iv_bytes()];
        let source = [(0x6000, 512)];
        let request = Request { source: &source, destination: None, iv: &iv };
        facts(&memory, linux::place_skcipher(&memory, SOC, 0x1000, &shared, &request))
    }

    #[test]
    fn ciphers() {
        for (cipher, work) in [
            (Cipher::Ecb, Work::AesEcb),
            (Cipher::Cbc, Work::AesCbc),
            (Cipher::Ctr, Work::AesCtr),
            (Cipher::Xts, Work::AesXts),
        ] {
            for direction in [Encrypt, Decrypt] {
                let facts = skcipher(cipher, direction, 1);
                assert_eq!(facts.algorithms, [Some(work), None], "{cipher:?}");
                // Linux decrypts CTR with the descriptor that encrypts.
                if cipher != Cipher::Ctr {
                    assert_eq!(facts.direction, Some(direction), "{cipher:?}");
                }
                // The IV is part of the input sequence, for all but ECB.
                assert_eq!(facts.length, 512 + cipher.iv_bytes() as u64, "{cipher:?}");
            }
        }
    }

    #[test]
    fn aeads() {
        let memory = FlatMemory::new(0x1000, 0x8000);
        let shared = linux::aead_shared(SOC, Aead::Gcm, Decrypt, &[1; 16], 16);
        let what = AeadRequest {
            aead: Aead::Gcm,
            direction: Decrypt,
            salt: &[],
            aad: 20,
            text: 64,
            tag: 16,
        };
        let source = [(0x6000, 20 + 64 + 16)];
        let request = Request { source: &source, destination: None, iv: &[0; 12] };
        let job = linux::place_aead(&memory, SOC, 0x1000, &shared, &what, &request);
        let facts = facts(&memory, job);
        assert_eq!(facts.algorithms, [Some(Work::AesGcm), None]);
        assert_eq!(facts.direction, Some(Decrypt));
        assert_eq!(facts.length, 100);
    }

    #[test]
    fn the_hash_tells_shared_descriptors_apart() {
        let hash = |key| skcipher(Cipher::Xts, Encrypt, key).shared;
        assert!(hash(1).is_some());
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
    }

    #[test]
    fn a_job_without_a_shared_descriptor() {
        // Linux `caamrng.c`: OPERATION RNG generate, FIFO STORE of 32 bytes.
        let memory = FlatMemory::new(0x1000, 0x1000);
        let words = [0xb080_0005, 0x8250_0000, 0x6034_0020, 0, 0x1800];
        place(&memory, SOC, 0x1000, &words);
        let facts = facts(&memory, 0x1000);
        assert_eq!((facts.algorithms, facts.shared), ([Some(Work::Rng), None], None));
    }
}
