//! Every column that holds ciphertext.

use crate::args;
use crate::entities::claim::CONTEXT as CLAIM;
use crate::platform::database::{Arg, DbRow, Exec, StoreError};
use crate::platform::ids::Id;

/// The primary key of a table, as pages of it are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// `(id, shard)`
    Sharded,
    /// `(task_id, position)`
    TaskRow,
    /// `id`
    Id,
    /// `key`, a text
    Text,
    /// `digest`, bytes
    Digest,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// text with tokens `enc:…`, mostly inside JSON
    Tokens,
    /// ciphertext alone, sealed in this context
    Cipher(&'static str),
    /// ciphertext with its keyed indexes in the columns `…_index` and `…_tail` beside it: attribute of a
    /// person, and the columns' common beginning
    Indexed(&'static str),
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// table
    pub table: &'static str,
    /// how its rows are found
    pub key: Key,
    /// column
    pub column: &'static str,
    /// what it holds
    pub holds: Holds,
}

const fn tokens(table: &'static str, key: Key, column: &'static str) -> Place {
    Place { table, key, column, holds: Holds::Tokens }
}

const fn indexed(column: &'static str, attribute: &'static str) -> Place {
    Place { table: "record_person", key: Key::Sharded, column, holds: Holds::Indexed(attribute) }
}

/// Every column that holds ciphertext. Files and the digests of claims have a way of their own.
pub const PLACES: &[Place] = &[
    indexed("id_no_cipher", "id_no"),
    indexed("mobile_cipher", "mobile"),
    tokens("record_person", Key::Sharded, "data"),
    tokens("record_person", Key::Sharded, "origin"),
    tokens("record_place", Key::Sharded, "data"),
    tokens("record_place", Key::Sharded, "origin"),
    tokens("record_event", Key::Sharded, "data"),
    tokens("record_event", Key::Sharded, "origin"),
    tokens("record_thing", Key::Sharded, "data"),
    tokens("record_thing", Key::Sharded, "origin"),
    tokens("record_organization", Key::Sharded, "data"),
    tokens("record_organization", Key::Sharded, "origin"),
    tokens("outbox", Key::Sharded, "payload"),
    tokens("observation", Key::Sharded, "said"),
    tokens("observation", Key::Sharded, "confirmed"),
    tokens("link", Key::Sharded, "attributes"),
    tokens("submission", Key::Sharded, "answers"),
    tokens("task_row", Key::TaskRow, "sheet"),
    tokens("item", Key::Sharded, "sheet"),
    tokens("service_case", Key::Sharded, "decision"),
    tokens("reveal_reason", Key::Sharded, "reason"),
    tokens("idempotency", Key::Text, "body"),
    Place { table: "identity_claim", key: Key::Digest, column: "cipher", holds: Holds::Cipher(CLAIM) },
    Place { table: "staff", key: Key::Id, column: "phone_cipher", holds: Holds::Cipher("staff.phone") },
];

/// The key of a row, in the order of the primary key.
pub type RowKey = Vec<Arg>;

impl Place {
    fn columns(&self) -> &'static [&'static str] {
        match self.key {
            Key::Sharded => &["id", "shard"],
            Key::TaskRow => &["task_id", "position"],
            Key::Id => &["id"],
            Key::Text => &["key"],
            Key::Digest => &["digest"],
        }
    }

    /// Before the first row.
    pub fn begin(&self) -> RowKey {
        match self.key {
            Key::Sharded | Key::TaskRow => args![Id::nil(), -1_i64],
            Key::Id => args![Id::nil()],
            Key::Text => args![""],
            Key::Digest => args![Vec::<u8>::new()],
        }
    }

    /// The statement of a page: rows after a key that hold anything encrypted; of ciphertext alone only
    /// what another version than the present one encrypted.
    pub fn page_sql(&self) -> String {
        let (table, column) = (self.table, self.column);
        let keys = self.columns().join(", ");
        let marks: Vec<String> = (1..=self.columns().len()).map(|n| format!("${n}")).collect();
        let next = self.columns().len() + 1;
        let holds = match self.holds {
            Holds::Tokens => format!("{column} LIKE ${next}"),
            Holds::Cipher(_) | Holds::Indexed(_) => format!("substr({column}, 1, 1) <> ${next}"),
        };
        format!(
            "SELECT {keys}, {column} FROM {table} WHERE ({keys}) > ({}) AND {holds} ORDER BY {keys} LIMIT ${}",
            marks.join(", "),
            next + 1
        )
    }

    /// A page of texts.
    pub async fn texts(
        &self,
        conn: &mut impl Exec,
        after: RowKey,
        most: i64,
    ) -> Result<Vec<(RowKey, String)>, StoreError> {
        self.page(conn, after, Arg::from("%enc:%"), most).await
    }

    /// A page of ciphertexts that `version` did not make.
    pub async fn ciphers(
        &self,
        conn: &mut impl Exec,
        after: RowKey,
        version: i64,
        most: i64,
    ) -> Result<Vec<(RowKey, Vec<u8>)>, StoreError> {
        self.page(conn, after, Arg::from(vec![version as u8]), most).await
    }

    async fn page<T>(
        &self,
        conn: &mut impl Exec,
        after: RowKey,
        like: Arg,
        most: i64,
    ) -> Result<Vec<(RowKey, T)>, StoreError>
    where
        (Id, i64, T): DbRow,
        (Id, T): DbRow,
        (String, T): DbRow,
        (Vec<u8>, T): DbRow,
    {
        let mut args = after;
        args.extend([like, Arg::from(most)]);
        let sql = self.page_sql();
        Ok(match self.key {
            Key::Sharded | Key::TaskRow => {
                let rows: Vec<(Id, i64, T)> = conn.all_built(sql, args).await?;
                rows.into_iter().map(|(id, number, value)| (args![id, number], value)).collect()
            }
            Key::Id => {
                let rows: Vec<(Id, T)> = conn.all_built(sql, args).await?;
                rows.into_iter().map(|(id, value)| (args![id], value)).collect()
            }
            Key::Text => {
                let rows: Vec<(String, T)> = conn.all_built(sql, args).await?;
                rows.into_iter().map(|(key, value)| (args![key], value)).collect()
            }
            Key::Digest => {
                let rows: Vec<(Vec<u8>, T)> = conn.all_built(sql, args).await?;
                rows.into_iter().map(|(digest, value)| (args![digest], value)).collect()
            }
        })
    }

    /// The statement that replaces a value, if it still is what was read: arguments are the key, the value
    /// read, the new value, and for an indexed one its index and tail.
    pub fn replace_sql(&self) -> String {
        let count = self.columns().len();
        let wheres: Vec<String> =
            self.columns().iter().zip(1..).map(|(column, n)| format!("{column} = ${n}")).collect();
        let mut sets = format!("{} = ${}", self.column, count + 2);
        if matches!(self.holds, Holds::Indexed(_)) {
            let name = self.column.trim_end_matches("_cipher");
            sets.push_str(&format!(", {name}_index = ${}, {name}_tail = ${}", count + 3, count + 4));
        }
        format!("UPDATE {} SET {sets} WHERE {} AND {} = ${}", self.table, wheres.join(" AND "), self.column, count + 1)
    }
}
