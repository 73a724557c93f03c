//! The one encoding of a row, independent of the database, and the digest of a table over it.
//!
//! A value is a tag and its bytes: 0 null; 1 bigint (8 bytes, big-endian); 2 text and 5 bytea (4 bytes of
//! length, then the bytes); 3 uuid (16 bytes); 4 boolean (1 byte). A row is its values in the order of
//! the columns; a table's digest is SHA-256 over its rows in the order of the primary key.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::platform::database::Arg;
use crate::platform::database::tables::{Row, Table, Type};
use crate::platform::secrets::hex;

/// Appends a row.
pub fn put(out: &mut Vec<u8>, row: &[Arg]) {
    for arg in row {
        match arg {
            Arg::I64(Some(value)) => {
                out.push(1);
                out.extend(value.to_be_bytes());
            }
            Arg::Text(Some(text)) => sized(out, 2, text.as_bytes()),
            Arg::Uuid(Some(id)) => {
                out.push(3);
                out.extend(id.as_bytes());
            }
            Arg::Bool(Some(value)) => out.extend([4, u8::from(*value)]),
            Arg::Bytes(Some(bytes)) => sized(out, 5, bytes),
            Arg::I64(None) | Arg::Text(None) | Arg::Uuid(None) | Arg::Bool(None) | Arg::Bytes(None) => out.push(0),
        }
    }
}

fn sized(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend((bytes.len() as u32).to_be_bytes());
    out.extend(bytes);
}

/// Takes a row from the front of `bytes`; none when it is not one of `table`.
pub fn take(bytes: &mut &[u8], table: &Table) -> Option<Row> {
    let mut row = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        let tag = some(bytes, 1)?[0];
        row.push(match (tag, column.kind) {
            (0, _) if !column.nullable => return None,
            (0, Type::I64) => Arg::I64(None),
            (0, Type::Text) => Arg::Text(None),
            (0, Type::Uuid) => Arg::Uuid(None),
            (0, Type::Bool) => Arg::Bool(None),
            (0, Type::Bytes) => Arg::Bytes(None),
            (1, Type::I64) => Arg::I64(Some(i64::from_be_bytes(some(bytes, 8)?.try_into().ok()?))),
            (2, Type::Text) => Arg::Text(Some(String::from_utf8(sized_from(bytes)?.to_vec()).ok()?)),
            (3, Type::Uuid) => Arg::Uuid(Some(Uuid::from_slice(some(bytes, 16)?).ok()?)),
            (4, Type::Bool) => match some(bytes, 1)?[0] {
                0 => Arg::Bool(Some(false)),
                1 => Arg::Bool(Some(true)),
                _ => return None,
            },
            (5, Type::Bytes) => Arg::Bytes(Some(sized_from(bytes)?.to_vec())),
            _ => return None,
        });
    }
    Some(row)
}

fn some<'b>(bytes: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
    let (head, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(head)
}

fn sized_from<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let count = u32::from_be_bytes(some(bytes, 4)?.try_into().ok()?);
    some(bytes, count as usize)
}

/// Rows and digest of each table of a list, as they pass.
pub struct Digests {
    tables: Vec<(u64, Sha256)>,
    scratch: Vec<u8>,
}

impl Digests {
    /// Nothing has passed yet.
    pub fn of(tables: usize) -> Self {
        Self { tables: vec![(0, Sha256::new()); tables], scratch: Vec::new() }
    }

    /// A row passes.
    pub fn row(&mut self, table: usize, row: &[Arg]) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        put(&mut scratch, row);
        self.encoded(table, &scratch);
        self.scratch = scratch;
    }

    /// A row passes that is encoded already.
    pub fn encoded(&mut self, table: usize, bytes: &[u8]) {
        self.tables[table].0 += 1;
        self.tables[table].1.update(bytes);
    }

    /// How many rows of a table have passed.
    pub fn rows(&self, table: usize) -> u64 {
        self.tables[table].0
    }

    /// Rows and digest in hex of each table.
    pub fn end(self) -> Vec<(u64, String)> {
        self.tables.into_iter().map(|(rows, hash)| (rows, hex(&hash.finalize()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::database::tables::Column;

    fn table() -> Table {
        let column = |name: &str, kind, nullable| Column { name: name.into(), kind, nullable };
        Table {
            name: "t".into(),
            columns: vec![
                column("id", Type::Uuid, false),
                column("n", Type::I64, true),
                column("note", Type::Text, true),
                column("on_it", Type::Bool, true),
                column("seal", Type::Bytes, true),
            ],
            key: vec!["id".into()],
        }
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let id = Arg::Uuid(Some(Uuid::max()));
        let full = vec![
            id.clone(),
            Arg::I64(Some(i64::MIN)),
            Arg::Text(Some("互通 👵🏽\0é".into())),
            Arg::Bool(Some(false)),
            Arg::Bytes(Some(vec![0, 255])),
        ];
        let empty = vec![
            id.clone(),
            Arg::I64(Some(0)),
            Arg::Text(Some(String::new())),
            Arg::Bool(None),
            Arg::Bytes(Some(vec![])),
        ];
        let none = vec![id, Arg::I64(None), Arg::Text(None), Arg::Bool(None), Arg::Bytes(None)];
        let mut bytes = Vec::new();
        for row in [&full, &empty, &none] {
            put(&mut bytes, row);
        }
        let mut rest = bytes.as_slice();
        for row in [full, empty, none] {
            assert_eq!(take(&mut rest, &table()), Some(row));
        }
        assert!(rest.is_empty());
        for cut in 1..bytes.len() {
            let mut rest = &bytes[..cut];
            while take(&mut rest, &table()).is_some() {}
        }
    }

    #[test]
    fn a_row_of_another_table_is_none() {
        let mut bytes = Vec::new();
        put(&mut bytes, &[Arg::Uuid(None), Arg::I64(None), Arg::Text(None), Arg::Bool(None), Arg::Bytes(None)]);
        assert_eq!(take(&mut bytes.as_slice(), &table()), None, "null where null may not be");
        bytes.clear();
        put(&mut bytes, &[Arg::Text(Some("0123456789abcdef".into()))]);
        assert_eq!(take(&mut bytes.as_slice(), &table()), None, "text where a uuid belongs");
    }
}
