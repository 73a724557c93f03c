//! Reading an archive from its head to its manifest: whatever is not as it was written is a fault that
//! says where.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::archive::{Frame, FrameFault, Kind, Reader};
use super::manifest::{Head, Manifest};
use super::row::{Digests, take};
use super::{KeepError, Seen, at};
use crate::platform::database::Arg;
use crate::platform::database::tables::Table;
use crate::platform::database::walk::Batch;
use crate::platform::ids::Id;
use crate::platform::secrets::hex;

/// What comes next in an archive.
pub enum Part {
    /// rows of a table
    Rows(Batch),
    /// a stored file, sealed
    File(Id, Vec<u8>),
    /// the key file
    Keys(String),
    /// all was read and is whole; with the chain before the manifest
    End(Manifest, [u8; 32]),
}

/// Digests of files as they pass.
#[derive(Default)]
pub struct FileDigests {
    /// how many
    pub count: u64,
    /// their bytes
    pub bytes: u64,
    hash: Sha256,
}

impl FileDigests {
    /// A file passes.
    pub fn file(&mut self, id: Id, bytes: &[u8]) {
        self.count += 1;
        self.bytes += bytes.len() as u64;
        self.hash.update(id.as_bytes());
        self.hash.update(Sha256::digest(bytes));
    }

    /// The digest over all, in hex.
    pub fn end(self) -> String {
        hex(&self.hash.finalize())
    }
}

/// An archive that is being read.
pub struct Scan {
    reader: Reader<BufReader<File>>,
    file: PathBuf,
    length: u64,
    digests: Digests,
    files: FileDigests,
    about: String,
    /// what it says of itself
    pub head: Head,
    /// the tables whose rows it holds
    pub tables: Vec<Table>,
}

impl Scan {
    /// Opens an archive and reads its head.
    pub fn open(file: &Path) -> Result<Self, KeepError> {
        let source = File::open(file).map_err(at(file))?;
        let length = source.metadata().map_err(at(file))?.len();
        let fault = |fault| refusal(fault, file, length, "its head");
        let mut reader = Reader::new(BufReader::with_capacity(1 << 18, source)).map_err(fault)?;
        let frame = reader.frame().map_err(fault)?;
        let head: Head = serde_json::from_slice(&frame.bytes)
            .ok()
            .filter(|_| frame.kind == Kind::Head)
            .ok_or_else(|| KeepError::Damaged { at: frame.at, what: "its head cannot be read".into() })?;
        let tables = head.known_tables()?;
        Ok(Self {
            reader,
            file: file.to_owned(),
            length,
            digests: Digests::of(tables.len()),
            files: FileDigests::default(),
            about: "before the first table".into(),
            head,
            tables,
        })
    }

    /// Bytes read so far, and all.
    pub fn progress(&self) -> (u64, u64) {
        (self.reader.at, self.length)
    }

    /// The next part; after [`Part::End`] there is none.
    pub fn next(&mut self) -> Result<Part, KeepError> {
        let frame = self.reader.frame().map_err(|fault| refusal(fault, &self.file, self.length, &self.about))?;
        match frame.kind {
            Kind::Rows => self.rows(&frame),
            Kind::File => {
                let (id, bytes) = frame.bytes.split_at_checked(16).ok_or_else(|| self.wrong(&frame))?;
                let id = Id::from_slice(id).map_err(|_| self.wrong(&frame))?;
                self.about = format!("after the stored file {id}");
                self.files.file(id, bytes);
                Ok(Part::File(id, bytes.to_vec()))
            }
            Kind::Keys => {
                let text = String::from_utf8(frame.bytes.clone()).map_err(|_| self.wrong(&frame))?;
                self.about = "after the keys".into();
                Ok(Part::Keys(text))
            }
            Kind::Manifest => self.end(&frame),
            Kind::Head => Err(self.wrong(&frame)),
        }
    }

    fn rows(&mut self, frame: &Frame) -> Result<Part, KeepError> {
        let (number, mut rest) = frame.bytes.split_at_checked(2).ok_or_else(|| self.wrong(frame))?;
        let number = usize::from(u16::from_be_bytes([number[0], number[1]]));
        let Some(table) = self.tables.get(number) else { return Err(self.wrong(frame)) };
        let mut rows = Vec::new();
        while !rest.is_empty() {
            let before = rest;
            let Some(row) = take(&mut rest, table) else { return Err(self.wrong(frame)) };
            self.digests.encoded(number, &before[..before.len() - rest.len()]);
            rows.push(row);
        }
        self.about = format!("table {}, after {} rows", table.name, self.digests.rows(number));
        Ok(Part::Rows(Batch { table: number, rows }))
    }

    fn end(&mut self, frame: &Frame) -> Result<Part, KeepError> {
        let manifest: Manifest = serde_json::from_slice(&frame.bytes).map_err(|_| self.wrong(frame))?;
        let more = self.reader.ended().map_err(|fault| refusal(fault, &self.file, self.length, &self.about))?;
        let passed = std::mem::replace(&mut self.digests, Digests::of(0)).end();
        let same = manifest.tables.len() == self.tables.len()
            && manifest.tables.iter().zip(&self.tables).zip(passed).all(|((said, table), (rows, sha256))| {
                said.name == table.name && said.rows == rows && said.sha256 == sha256
            });
        let files = std::mem::take(&mut self.files);
        let same_files =
            (files.count, files.bytes) == (manifest.files, manifest.file_bytes) && files.end() == manifest.files_sha256;
        if !more || !same || !same_files {
            let what = if more { "rows and files are not what its manifest says" } else { "something follows its end" };
            return Err(KeepError::Damaged { at: frame.at, what: what.into() });
        }
        Ok(Part::End(manifest, frame.before))
    }

    fn wrong(&self, frame: &Frame) -> KeepError {
        KeepError::Damaged { at: frame.at, what: format!("{}: not what belongs there", self.about) }
    }
}

fn refusal(fault: FrameFault, file: &Path, length: u64, about: &str) -> KeepError {
    match fault {
        FrameFault::Foreign => KeepError::Refused(format!("{} is not an archive of hutong", file.display())),
        FrameFault::Short(at) => KeepError::Damaged {
            at,
            what: format!("{about}: it ends too early, it has only {length} bytes; the backup was broken off or cut"),
        },
        FrameFault::Changed(at) => {
            KeepError::Damaged { at, what: format!("{about}: bytes are not as they were written") }
        }
        FrameFault::Disk(fault) => KeepError::File(file.to_owned(), fault),
    }
}

/// What the reading of a whole archive gives.
pub struct Checked {
    /// what it says of itself first
    pub head: Head,
    /// and last
    pub manifest: Manifest,
    /// the key file it carries
    pub keys: Option<String>,
    /// what the keyed digest is made over
    pub chain: [u8; 32],
    /// a text that PostgreSQL cannot hold: the table it is in
    pub nul_in: Option<String>,
}

/// Reads an archive to its end and changes nothing.
pub fn check(file: &Path, seen: &Seen) -> Result<Checked, KeepError> {
    let mut scan = Scan::open(file)?;
    let (mut keys, mut nul_in) = (None, None);
    loop {
        match scan.next()? {
            Part::Rows(batch) => {
                let has = |arg: &Arg| matches!(arg, Arg::Text(Some(text)) if text.contains('\0'));
                if nul_in.is_none() && batch.rows.iter().flatten().any(has) {
                    nul_in = Some(scan.tables[batch.table].name.clone());
                }
            }
            Part::File(..) => {}
            Part::Keys(text) => keys = Some(text),
            Part::End(manifest, chain) => return Ok(Checked { head: scan.head, manifest, keys, chain, nul_in }),
        }
        let (done, total) = scan.progress();
        seen(done, total);
    }
}
