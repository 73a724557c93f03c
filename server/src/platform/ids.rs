//! Ids: UUIDv7 whose `rand_a` bits carry the shard, so that an id alone finds its way.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The one id type of every table.
pub type Id = Uuid;

/// How many shards there are; `shard` columns hold 0 to 1023.
pub const SHARDS: i64 = 1024;

/// A new id on `shard` (0 to 1023) at `now` (UTC microseconds).
///
/// Layout (RFC 9562 version 7): 48 bits of milliseconds, version, 12 bits `rand_a` of which the top
/// ten are the shard and two random, variant, 62 random bits.
pub fn new_id(shard: i64, now: i64) -> Id {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the system's random source answers");
    stamp(bytes, shard, now)
}

/// An id that is a function of its inputs: repeating a slice of work makes the same ids again.
pub fn derived_id(shard: i64, now: i64, parts: &[&[u8]]) -> Id {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    stamp(bytes, shard, now)
}

fn stamp(mut bytes: [u8; 16], shard: i64, now: i64) -> Id {
    let millis = (now / 1000).max(0) as u64;
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    let shard = (shard.rem_euclid(SHARDS)) as u16;
    let rand_a = (shard << 2) | u16::from(bytes[6] & 0b11);
    bytes[6] = 0x70 | (rand_a >> 8) as u8;
    bytes[7] = (rand_a & 0xff) as u8;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    Uuid::from_bytes(bytes)
}

/// The shard an id carries.
pub fn shard_of(id: Id) -> i64 {
    let bytes = id.as_bytes();
    i64::from((u16::from(bytes[6] & 0x0f) << 8 | u16::from(bytes[7])) >> 2)
}

/// The shard of something that has no community: a hash of its own natural key.
pub fn shard_by_hash(key: &[u8]) -> i64 {
    let digest = Sha256::digest(key);
    i64::from(u16::from_be_bytes([digest[0], digest[1]]) % 1024)
}

/// A new id on a shard of its own choosing, for what has no community (organizations, forms, tasks).
pub fn new_free_id(now: i64) -> Id {
    let mut seed = [0_u8; 8];
    getrandom::fill(&mut seed).expect("the system's random source answers");
    new_id(shard_by_hash(&seed), now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_carries_its_shard() {
        for shard in [0, 1, 511, 1023] {
            let id = new_id(shard, 1_795_451_400_000_000);
            assert_eq!(shard_of(id), shard);
            assert_eq!(id.get_version_num(), 7);
        }
    }

    #[test]
    fn a_derived_id_repeats_and_differs() {
        let one = derived_id(7, 1000, &[b"task", b"1"]);
        assert_eq!(one, derived_id(7, 1000, &[b"task", b"1"]));
        assert_ne!(one, derived_id(7, 1000, &[b"task1", b""]));
        assert_eq!(shard_of(one), 7);
    }
}
