//! What an archive says of itself: the head before the rows, the manifest after everything.

use serde::{Deserialize, Serialize};

use super::KeepError;
use super::keys::KeyCheck;
use crate::platform::database::tables::{Table, kept_tables};
use crate::platform::database::{MIGRATIONS, Step};

/// The number of the archive's format.
pub const FORMAT: u32 = 1;

/// The first frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// number of the format
    pub format: u32,
    /// version of the program that wrote it
    pub version: String,
    /// `sqlite` or `postgresql`
    pub engine: String,
    /// moment of the snapshot, UTC microseconds
    pub taken_at: i64,
    /// name of the installation
    pub installation: String,
    /// every step of the schema: name and digest
    pub schema: Vec<Step>,
    /// name of every table, with names and types of its columns
    pub tables: Vec<(String, Vec<(String, String)>)>,
    /// rows of all tables
    pub rows: u64,
    /// which keys the secrets in it need
    pub keys: Vec<KeyCheck>,
    /// whether it carries these keys
    pub with_keys: bool,
}

/// A table in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCount {
    /// its name
    pub name: String,
    /// how many rows
    pub rows: u64,
    /// SHA-256 over them
    pub sha256: String,
}

/// The last frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// every table
    pub tables: Vec<TableCount>,
    /// how many stored files
    pub files: u64,
    /// their bytes, sealed as they lie on the disk
    pub file_bytes: u64,
    /// SHA-256 over the ids and digests of the files
    pub files_sha256: String,
    /// ids of files that were named by a row and not on the disk
    pub missing_files: Vec<String>,
    /// keyed digest of everything before, by the installation's own key
    pub seal: Option<String>,
}

impl Head {
    /// The tables whose rows follow; refuses what this program does not know.
    pub fn known_tables(&self) -> Result<Vec<Table>, KeepError> {
        if self.format != FORMAT {
            return Err(KeepError::Refused(format!(
                "the archive has format {}, this hutong knows format {FORMAT}: use the version that wrote it ({})",
                self.format, self.version
            )));
        }
        for (at, (name, digest)) in self.schema.iter().enumerate() {
            if !MIGRATIONS.get(at).is_some_and(|known| known.name == name && known.digest() == *digest) {
                return Err(KeepError::Refused(format!(
                    "the archive was written by a newer or another hutong ({}): its schema has the step {name}, which this one does not know; use that version or a newer one",
                    self.version
                )));
            }
        }
        let known = kept_tables(self.schema.len())?;
        if self.tables != described(&known) {
            return Err(KeepError::Refused("the archive names other tables than its schema has".into()));
        }
        Ok(known)
    }
}

/// Tables as the head names them.
pub fn described(tables: &[Table]) -> Vec<(String, Vec<(String, String)>)> {
    let columns = |table: &Table| {
        table.columns.iter().map(|column| (column.name.clone(), column.kind.name().to_owned())).collect()
    };
    tables.iter().map(|table| (table.name.clone(), columns(table))).collect()
}
