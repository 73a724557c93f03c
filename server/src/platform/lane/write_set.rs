//! A submission as data: what it writes, what it expects, and how a repeat is recognized.

use crate::platform::database::Arg;
use crate::platform::database::bulk::{OnKey, Shape, change};
use crate::platform::ids::Id;

/// The idempotency key of a submission: unique for ever on (shard, form, client id).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SubmissionKey {
    /// the form it answers
    pub form_id: Id,
    /// made by the client
    pub client_id: Id,
    /// SHA-256 over the canonical answers: another payload under the same key is refused
    pub payload_hash: Vec<u8>,
}

/// A row that must still stand at this version (tables with `shard`, `id`, `version`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// one of the sharded tables that carry a version
    pub table: &'static str,
    /// its shard
    pub shard: i64,
    /// its id
    pub id: Id,
    /// the version read before; 0 means that the row must not exist yet
    pub version: i64,
}

/// One whole row to write.
#[derive(Clone, Debug)]
pub struct Put {
    /// table, columns, key
    pub shape: &'static Shape,
    /// insert, keep or replace
    pub on_key: OnKey,
    /// one argument per column
    pub row: Vec<Arg>,
}

impl Put {
    /// A row as it is after a change of one that was read before; `indexed` are the columns of its indexes.
    pub fn changed(shape: &'static Shape, indexed: &[&str], before: &[Arg], after: Vec<Arg>) -> Self {
        Self { shape, on_key: change(shape, indexed, before, &after), row: after }
    }

    /// The version that it writes, where it is written only over the version before.
    pub fn next_version(&self) -> Option<i64> {
        let at = self.shape.columns.iter().position(|column| *column == "version")?;
        match self.row.get(at) {
            Some(Arg::I64(version)) if self.on_key.guarded() => *version,
            _ => None,
        }
    }
}

/// Everything one submission writes, in one commit with others.
#[derive(Clone, Debug)]
pub struct WriteSet {
    /// the shard whose lane carries it
    pub shard: i64,
    /// how a repeat is recognized
    pub key: SubmissionKey,
    /// versions that must still hold
    pub expects: Vec<Expect>,
    /// rows by table; among them that of `submission`, by which a repeat is recognized
    pub puts: Vec<Put>,
    /// told after the commit
    pub signals: Vec<Id>,
}

impl WriteSet {
    /// The id of the submission row it writes.
    pub fn submission_id(&self) -> Option<Id> {
        let put = self.puts.iter().find(|put| put.shape.table == "submission")?;
        let at = put.shape.columns.iter().position(|column| *column == "id")?;
        match put.row.get(at) {
            Some(Arg::Uuid(id)) => *id,
            _ => None,
        }
    }
}

/// What became of a write set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable now.
    Stored,
    /// The same submission was stored before: its id and slip code.
    Repeated {
        /// id of the first
        submission_id: Id,
        /// slip code of the first
        slip_code: String,
    },
    /// Another payload was stored before under this key.
    Mismatch,
    /// A row that it builds on has moved: read again and show the change.
    Stale,
}
