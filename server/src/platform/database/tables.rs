//! The tables with their columns, types and keys, read from the migrations: whoever walks the whole
//! database (backup, restore, move) needs no second list. A test compares them with both databases.

use std::fmt::Write;

use super::migrate::{MIGRATIONS, statements};
use super::{Arg, StoreError};

/// The closed list of column types, by the names that PostgreSQL has for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// bigint
    I64,
    /// text
    Text,
    /// uuid
    Uuid,
    /// boolean
    Bool,
    /// bytea
    Bytes,
}

impl Type {
    /// The type by its name in a migration.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "bigint" => Self::I64,
            "text" => Self::Text,
            "uuid" => Self::Uuid,
            "boolean" => Self::Bool,
            "bytea" => Self::Bytes,
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::I64 => "bigint",
            Self::Text => "text",
            Self::Uuid => "uuid",
            Self::Bool => "boolean",
            Self::Bytes => "bytea",
        }
    }
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// name
    pub name: String,
    /// type
    pub kind: Type,
    /// whether it may hold null
    pub nullable: bool,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// name
    pub name: String,
    /// in the order of the migrations
    pub columns: Vec<Column>,
    /// columns of the primary key
    pub key: Vec<String>,
}

/// One row, an argument for each column of its table.
pub type Row = Vec<Arg>;

impl Table {
    /// The position of a column.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|known| known.name == column)
    }

    /// The columns, as a list in a statement.
    pub fn list(&self) -> String {
        self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The primary key, as a list to sort by; `bytes` follows every text, so that both databases agree.
    pub fn order(&self, bytes: &str) -> String {
        let mut order = String::new();
        for name in &self.key {
            let text = self.columns.iter().any(|column| column.name == *name && column.kind == Type::Text);
            let comma = if order.is_empty() { "" } else { ", " };
            let _ = write!(order, "{comma}{name}{}", if text { bytes } else { "" });
        }
        order
    }
}

/// The tables as the first `steps` migrations leave them.
pub fn tables(steps: usize) -> Result<Vec<Table>, StoreError> {
    let mut tables = Vec::new();
    for migration in MIGRATIONS.iter().take(steps) {
        for statement in statements(migration.postgres) {
            apply(&mut tables, &statement)
                .map_err(|fault| StoreError::Corrupt(format!("migration {}: {fault}", migration.name)))?;
        }
    }
    Ok(tables)
}

/// What belongs to the processes that run, not to the installation: neither kept nor moved.
pub const OF_PROCESSES: [&str; 2] = ["process", "process_note"];

/// The same without what belongs to running processes: all that is kept and moved.
pub fn kept_tables(steps: usize) -> Result<Vec<Table>, StoreError> {
    let mut all = tables(steps)?;
    all.retain(|table| !OF_PROCESSES.contains(&table.name.as_str()));
    Ok(all)
}

fn apply(tables: &mut Vec<Table>, statement: &str) -> Result<(), String> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let unknown = || format!("not understood: {statement}");
    match words.as_slice() {
        ["create", "table", name, ..] => tables.push(table(name.split('(').next().unwrap_or(name), statement)?),
        ["drop", "table", name] => tables.retain(|table| table.name != *name),
        ["alter", "table", name, change, "column", column, rest @ ..] => {
            let table = tables.iter_mut().find(|table| table.name == *name).ok_or_else(unknown)?;
            match (*change, rest) {
                ("add", [kind, rest @ ..]) => {
                    let kind = Type::named(kind).ok_or_else(unknown)?;
                    let nullable = !rest.join(" ").contains("not null");
                    table.columns.push(Column { name: (*column).to_owned(), kind, nullable });
                }
                ("drop", []) => table.columns.retain(|known| known.name != *column),
                _ => return Err(unknown()),
            }
        }
        ["alter", ..] => return Err(unknown()),
        // Indexes and rows change no column.
        _ => {}
    }
    Ok(())
}

fn table(name: &str, statement: &str) -> Result<Table, String> {
    let mut table = Table { name: name.to_owned(), columns: vec![], key: vec![] };
    let (_, body) = statement.split_once('(').ok_or_else(|| format!("{name} has no columns"))?;
    for part in parts(body) {
        let words: Vec<&str> = part.split_whitespace().collect();
        match words.as_slice() {
            ["primary", ..] => table.key = inside(part),
            ["unique" | "foreign" | "check" | "constraint", ..] => {}
            [column, kind, rest @ ..] => {
                let kind = Type::named(kind).ok_or_else(|| format!("{name}.{column} has an unknown type {kind}"))?;
                let rest = rest.join(" ");
                if rest.contains("primary key") {
                    table.key = vec![(*column).to_owned()];
                }
                table.columns.push(Column { name: (*column).to_owned(), kind, nullable: !rest.contains("not null") });
            }
            _ => return Err(format!("{name}: not understood: {part}")),
        }
    }
    if table.key.is_empty() {
        return Err(format!("{name} has no primary key"));
    }
    Ok(table)
}

/// The parts of a list up to its closing bracket, cut at commas outside brackets.
fn parts(body: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_usize, 0);
    for (at, letter) in body.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 0 => {
                parts.push(body[from..at].trim());
                return parts;
            }
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(body[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(body[from..].trim());
    parts
}

fn inside(part: &str) -> Vec<String> {
    let list = part.split_once('(').map_or("", |(_, rest)| rest.trim_end_matches(')'));
    list.split(',').map(|name| name.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_follow_the_migrations() {
        let mut all = Vec::new();
        for statement in [
            "create table a (shard bigint not null, id uuid not null, note text,\n  unique (shard, note), primary key (shard, id))",
            "create table b (key text not null primary key, on_it boolean not null)",
            "create index a_note on a (note)",
            "alter table a add column seal bytea",
            "alter table a drop column note",
        ] {
            apply(&mut all, statement).expect("understood");
        }
        assert_eq!(all[0].list(), "shard, id, seal");
        assert_eq!(all[0].key, ["shard", "id"]);
        assert!(all[0].columns[2].nullable && !all[0].columns[1].nullable);
        assert_eq!(all[1].order(" X"), "key X");
        apply(&mut all, "drop table b").expect("understood");
        assert_eq!(all.len(), 1);
        assert!(apply(&mut all, "alter table a rename to c").is_err());
        assert!(apply(&mut all, "create table c (id money primary key)").is_err());
    }
}
