//! The log that the shim writes: every change of every file, in the order in which it happened.

use std::ops::Range;
use std::path::Path;

const MAGIC: u32 = 0x4b53_4944;
const HEAD: usize = 40;

/// One record.
pub struct Record {
    /// where it ends in the log
    pub end: u64,
    /// `W`rite `T`runcate `A`llocate, sync `B`egins and `E`nds, `C`reate `R`ename `U`nlink `M`kdir `X` rmdir
    pub kind: u8,
    /// below the folder
    pub path: String,
    pub inode: u64,
    pub a: i64,
    pub b: i64,
    pub c: i64,
    data: Range<usize>,
}

/// The whole log.
pub struct Log {
    bytes: Vec<u8>,
    root: String,
    pub records: Vec<Record>,
}

impl Log {
    /// Reads it; a record at the end that is not whole belongs to a program that was just killed.
    pub fn read(file: &Path, root: &Path) -> Self {
        let bytes = std::fs::read(file).expect("the log");
        let root = root.display().to_string();
        let (mut records, mut at) = (Vec::new(), 0);
        while at + HEAD <= bytes.len() {
            let four = |n: usize| u32::from_ne_bytes(bytes[at + n..at + n + 4].try_into().expect("four"));
            let two = |n: usize| u16::from_ne_bytes(bytes[at + n..at + n + 2].try_into().expect("two"));
            let eight = |n: usize| i64::from_ne_bytes(bytes[at + n..at + n + 8].try_into().expect("eight"));
            assert_eq!(four(0), MAGIC, "the log at {at}");
            let (kind, length) = (two(4) as u8, two(6) as usize);
            let data = at + HEAD + length;
            let size = match kind {
                b'W' => eight(24) as usize,
                b'R' => eight(16) as usize,
                _ => 0,
            };
            if data + size > bytes.len() {
                break;
            }
            let path = std::str::from_utf8(&bytes[at + HEAD..data]).expect("a path");
            records.push(Record {
                end: (data + size) as u64,
                kind,
                path: below(&root, path),
                inode: eight(8) as u64,
                a: eight(16),
                b: eight(24),
                c: eight(32),
                data: data..data + size,
            });
            at = data + size;
        }
        Self { bytes, root, records }
    }

    /// What was written by a record, or the new name of a rename.
    pub fn data(&self, record: &Record) -> &[u8] {
        &self.bytes[record.data.clone()]
    }

    /// A path as it is below the folder.
    pub fn below(&self, path: &str) -> String {
        below(&self.root, path)
    }

    /// How many records end at or before this place.
    pub fn records_before(&self, end: u64) -> usize {
        self.records.partition_point(|record| record.end <= end)
    }
}

/// A path below the folder; the folder itself is empty.
fn below(root: &str, path: &str) -> String {
    path.strip_prefix(root).map_or(path, |rest| rest.trim_start_matches('/')).to_owned()
}
