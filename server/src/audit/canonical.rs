//! The one encoding that is hashed and signed: the same bytes whatever database the rows lie in.
//!
//! Every field is its length as four bytes, big-endian, and then its bytes; an absent value is the length
//! `ff ff ff ff` alone. A number is eight bytes, big-endian, two's complement; an id its sixteen bytes;
//! a text its UTF-8, exactly as stored. What is encoded begins with the name of its encoding.

use sha2::{Digest, Sha256};

use super::store::{Block, EventRow, Head};
use crate::platform::ids::Id;

/// A SHA-256.
pub type Hash = [u8; 32];

/// What the first block of a chain names as its previous hash.
pub const NOTHING: Hash = [0; 32];

/// Fields one after the other.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn begin(name: &str) -> Self {
        let mut fields = Self::default();
        fields.bytes(name.as_bytes());
        fields
    }

    fn bytes(&mut self, value: &[u8]) {
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX - 1);
        self.0.extend(length.to_be_bytes());
        self.0.extend(value);
    }

    fn absent(&mut self) {
        self.0.extend(u32::MAX.to_be_bytes());
    }

    fn number(&mut self, value: i64) {
        self.bytes(&value.to_be_bytes());
    }

    fn id(&mut self, value: Option<Id>) {
        match value {
            Some(id) => self.bytes(id.as_bytes()),
            None => self.absent(),
        }
    }

    fn text(&mut self, value: Option<&str>) {
        match value {
            Some(text) => self.bytes(text.as_bytes()),
            None => self.absent(),
        }
    }
}

/// The bytes of an event, all columns but `seq`, in the order of the table.
pub fn event_bytes(event: &EventRow) -> Vec<u8> {
    let mut fields = Fields::begin("hutong.event.1");
    fields.number(event.shard);
    fields.id(Some(event.id));
    fields.text(Some(&event.kind));
    fields.number(event.version);
    fields.text(Some(&event.subject_class));
    fields.id(event.subject_id);
    fields.id(event.actor_account);
    fields.id(event.actor_post);
    fields.text(event.on_behalf.as_deref());
    fields.number(event.occurred_at);
    fields.number(event.recorded_at);
    fields.text(event.request_id.as_deref());
    fields.id(event.cause_id);
    fields.text(Some(&event.payload));
    fields.0
}

/// The hash of an event: a leaf of its block.
pub fn leaf(event: &EventRow) -> Hash {
    Sha256::digest(event_bytes(event)).into()
}

/// The bytes of a block without its own hash; the place of a leaf is the event's `seq`.
pub fn block_bytes(block: &Block) -> Vec<u8> {
    let mut fields = Fields::begin("hutong.block.1");
    fields.number(block.shard);
    fields.number(block.number);
    fields.number(block.position);
    fields.number(block.first_seq);
    fields.number(block.last_seq);
    fields.bytes(&block.previous_hash);
    fields.bytes(&block.leaves);
    fields.number(block.sealed_at);
    fields.0
}

/// The hash of a block.
pub fn block_hash(block: &Block) -> Hash {
    Sha256::digest(block_bytes(block)).into()
}

/// The bytes that are signed: which list this is, when, and every chain's head by shard.
pub fn heads_bytes(number: i64, position: i64, signed_at: i64, heads: &[Head]) -> Vec<u8> {
    let mut fields = Fields::begin("hutong.heads.1");
    fields.number(number);
    fields.number(position);
    fields.number(signed_at);
    for head in heads {
        fields.number(head.shard);
        fields.number(head.number);
        fields.number(head.last_seq);
        fields.bytes(&head.hash);
    }
    fields.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::secrets::hex;

    const GOLDEN_EVENT: &str = "0000000e6875746f6e672e6576656e742e3100000008000000000000000700000010019800000000700080000000000000010000000e6974656d2e7375626d6974746564000000080000000000000001000000046974656d0000001000000000000000000000000000000002ffffffff000000100000000000000000000000000000000300000009e78e8be7a780e585b000000008000660fb3acf840000000008000660fb3acf8401ffffffffffffffff000000077b226e223a317d";
    const GOLDEN_LEAF: &str = "0194456c9c2512257237ce41b8d06c341480610c3604587c6bc5d3723efdd815";
    const GOLDEN_BLOCK: &str = "346119fceaae6f2a67cc2e9b857c8a9cc195a807e24feb286baa71f1219eef76";
    const GOLDEN_HEADS: &str = "7d3826bec4b721c0835788148de188f9fff3b2beef8a87acd7ec2cdb1df9f85c";

    fn event() -> EventRow {
        EventRow {
            shard: 7,
            id: Id::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001),
            kind: "item.submitted".into(),
            version: 1,
            subject_class: "item".into(),
            subject_id: Some(Id::from_u128(2)),
            actor_account: None,
            actor_post: Some(Id::from_u128(3)),
            on_behalf: Some("王秀兰".into()),
            occurred_at: 1_795_482_000_000_000,
            recorded_at: 1_795_482_000_000_001,
            request_id: None,
            cause_id: None,
            payload: "{\"n\":1}".into(),
            seq: None,
        }
    }

    #[test]
    fn the_encoding_is_fixed_for_ever() {
        // Recomputed by a dozen lines of Python from docs/audit.md; a change here breaks every chain.
        assert_eq!(hex(&event_bytes(&event())), GOLDEN_EVENT);
        let leaf = leaf(&event());
        assert_eq!(hex(&leaf), GOLDEN_LEAF);
        let block = Block {
            shard: 7,
            number: 1,
            position: 1,
            first_seq: 1,
            last_seq: 1,
            previous_hash: NOTHING.to_vec(),
            hash: vec![],
            leaves: leaf.to_vec(),
            sealed_at: 1_795_482_001_000_000,
        };
        let hash = block_hash(&block);
        assert_eq!(hex(&hash), GOLDEN_BLOCK);
        let head = Head { shard: 7, number: 1, last_seq: 1, hash: hash.to_vec() };
        assert_eq!(hex(&Sha256::digest(heads_bytes(1, 1, 1_795_482_002_000_000, &[head]))), GOLDEN_HEADS);
    }

    #[test]
    fn absent_and_empty_and_shifted_are_told_apart() {
        let base = leaf(&event());
        let empty = EventRow { request_id: Some(String::new()), ..event() };
        let moved = EventRow { request_id: Some("王秀兰".into()), on_behalf: None, ..event() };
        let later = EventRow { seq: Some(9), ..event() };
        assert_ne!(leaf(&empty), base);
        assert_ne!(leaf(&moved), base);
        assert_eq!(leaf(&later), base, "the place is the block's to say");
    }
}
