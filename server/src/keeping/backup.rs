//! `hutong backup FILE`: everything of one moment in one file, while others go on writing.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::archive::{Kind, Writer};
use super::keys::{self, KeyCheck};
use super::manifest::{FORMAT, Head, Manifest, TableCount, described};
use super::pour::{ON_THE_WAY, counts, same_columns, walk_all};
use super::row::{Digests, put};
use super::scan::FileDigests;
use super::{KeepError, Seen, at};
use crate::platform::database::tables::{Table, kept_tables};
use crate::platform::database::walk::Batch;
use crate::platform::database::{Arg, Db, Tx, steps};
use crate::platform::faults::{self, Protection};
use crate::platform::ids::Id;
use crate::platform::secrets::{Keys, hex};
use crate::platform::{files, settings};
use crate::start::{Place, StartError, marks};

/// A frame of rows is full with this many bytes.
const FRAME: usize = 256 << 10;

/// What was kept.
#[derive(Clone, Debug)]
pub struct Report {
    /// what the archive says first
    pub head: Head,
    /// and last
    pub manifest: Manifest,
    /// its length
    pub bytes: u64,
}

enum Piece {
    Head(Box<Head>, Vec<Table>),
    Rows(Batch),
    Done,
}

impl From<Batch> for Piece {
    fn from(batch: Batch) -> Self {
        Self::Rows(batch)
    }
}

/// Keeps the installation at `place` in a new file. `now` tells the moment once the snapshot is taken.
pub async fn backup(
    place: &Place,
    file: &Path,
    with_keys: bool,
    now: Arc<dyn Fn() -> i64 + Send + Sync>,
    seen: Seen,
) -> Result<Report, KeepError> {
    if file.exists() {
        return Err(KeepError::Refused(format!("{} is there already: choose another name", file.display())));
    }
    if place.database_url.is_none() && !place.sqlite_file().exists() {
        return Err(KeepError::Refused(format!("there is no installation in {}", place.data.display())));
    }
    let keys = keys::read(&place.keys_file())?;
    if with_keys && keys.is_none() {
        return Err(KeepError::Refused(format!("there are no keys at {}", place.keys_file().display())));
    }
    let db = place.connect().await?;
    let kept = keep(&db, place, file, keys, with_keys, now, seen).await;
    db.close().await;
    kept
}

async fn keep(
    db: &Db,
    place: &Place,
    file: &Path,
    keys: Option<String>,
    with_keys: bool,
    now: Arc<dyn Fn() -> i64 + Send + Sync>,
    seen: Seen,
) -> Result<Report, KeepError> {
    if let Some(act) = marks(db).await?[1].take() {
        return Err(StartError::Unfinished(act).into());
    }
    let (sender, receiver) = mpsc::channel::<Piece>(ON_THE_WAY);
    let draft = draft_of(file);
    let job = Job { file: file.to_owned(), draft: draft.clone(), data: place.data.clone(), keys, with_keys, seen };
    let checks = job.keys.as_deref().map(keys::checks).unwrap_or_default();
    let writer = tokio::task::spawn_blocking(move || job.write(receiver));
    let walked = db
        .snapshot(move |tx| {
            Box::pin(async move {
                faults::split(tx, Protection::OneMoment).await;
                let read = read(tx, checks, with_keys, now, sender).await;
                faults::join(tx, Protection::OneMoment).await;
                Ok(read)
            })
        })
        .await;
    let written = writer.await?;
    match (walked.map_err(KeepError::from).flatten(), written) {
        (Ok(()), written) => written,
        // A walk that failed is why the writer has nothing; otherwise it is the other way round.
        (Err(fault), Ok(_) | Err(KeepError::Broken(_))) => Err(fault),
        (Err(_), Err(fault)) => Err(fault),
    }
}

/// Reads everything of one snapshot.
async fn read(
    tx: &mut Tx,
    keys: Vec<KeyCheck>,
    with_keys: bool,
    now: Arc<dyn Fn() -> i64 + Send + Sync>,
    sender: mpsc::Sender<Piece>,
) -> Result<(), KeepError> {
    // The first read fixes the snapshot; the moment is told after it.
    let schema = steps(tx).await?;
    let taken_at = now();
    let tables = kept_tables(schema.len())?;
    same_columns(tx, &tables).await?;
    let rows = counts(tx, &tables).await?.iter().sum();
    let head = Head {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        engine: tx.engine().to_owned(),
        taken_at,
        installation: settings::get(tx, settings::NAME).await?.unwrap_or_default(),
        schema,
        tables: described(&tables),
        rows,
        keys,
        with_keys,
    };
    // Says whether this program knows the schema, before anything is written.
    head.known_tables()?;
    let gone = |_| KeepError::Broken("the archive cannot be written".into());
    sender.send(Piece::Head(Box::new(head), tables.clone())).await.map_err(gone)?;
    walk_all(tx, &tables, &sender).await?;
    sender.send(Piece::Done).await.map_err(gone)
}

/// The name an archive has while it is written: nobody takes it for a backup.
fn draft_of(file: &Path) -> PathBuf {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    file.with_file_name(format!("{name}.unfinished"))
}

struct Job {
    file: PathBuf,
    draft: PathBuf,
    data: PathBuf,
    keys: Option<String>,
    with_keys: bool,
    seen: Seen,
}

impl Job {
    fn write(self, pieces: mpsc::Receiver<Piece>) -> Result<Report, KeepError> {
        use std::os::unix::fs::OpenOptionsExt;
        let out = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&self.draft)
            .map_err(at(&self.draft))?;
        if out.try_lock().is_err() {
            return Err(KeepError::Refused(format!("another backup is writing {}", self.draft.display())));
        }
        out.set_len(0).map_err(at(&self.draft))?;
        let written = self.fill(&out, pieces).and_then(|report| {
            out.sync_all().map_err(at(&self.draft))?;
            std::fs::rename(&self.draft, &self.file).map_err(at(&self.file))?;
            let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))?;
            Ok(report)
        });
        if written.is_err() {
            let _ = std::fs::remove_file(&self.draft);
        }
        written
    }

    fn fill(&self, out: &File, mut pieces: mpsc::Receiver<Piece>) -> Result<Report, KeepError> {
        let gone = || KeepError::Broken("the rows ended too early".into());
        let Some(Piece::Head(head, tables)) = pieces.blocking_recv() else { return Err(gone()) };
        let disk = at(&self.draft);
        let mut writer = Writer::new(BufWriter::with_capacity(1 << 18, out)).map_err(&disk)?;
        let json = |fault: serde_json::Error| KeepError::Broken(fault.to_string());
        writer.frame(Kind::Head, &serde_json::to_vec(&*head).map_err(json)?).map_err(&disk)?;
        let mut rows = Rows { digests: Digests::of(tables.len()), frame: Vec::new(), table: 0 };
        let stored = tables.iter().position(|table| table.name == "stored_file");
        let (mut stored_files, mut done) = (Vec::new(), 0);
        loop {
            match pieces.blocking_recv() {
                Some(Piece::Rows(batch)) => {
                    if Some(batch.table) == stored {
                        stored_files.extend(batch.rows.iter().map(|row| file_of(&tables[batch.table], row)));
                    }
                    done += batch.rows.len() as u64;
                    rows.add(&mut writer, batch).map_err(&disk)?;
                    (self.seen)(done, head.rows);
                }
                Some(Piece::Done) => break,
                Some(Piece::Head(..)) | None => return Err(gone()),
            }
        }
        rows.flush(&mut writer).map_err(&disk)?;
        let sums = rows.digests.end();
        if sums.iter().map(|sum| sum.0).sum::<u64>() != head.rows {
            return Err(KeepError::Broken("another number of rows was read than counted".into()));
        }
        let (files, missing_files) = self.files(&mut writer, &stored_files, head.taken_at)?;
        if let (true, Some(text)) = (self.with_keys, &self.keys) {
            writer.frame(Kind::Keys, text.as_bytes()).map_err(&disk)?;
        }
        let seal = self.keys.as_deref().map(Keys::parse).transpose().map_err(StartError::from)?;
        let manifest = Manifest {
            tables: tables
                .iter()
                .zip(sums)
                .map(|(table, (rows, sha256))| TableCount { name: table.name.clone(), rows, sha256 })
                .collect(),
            files: files.count,
            file_bytes: files.bytes,
            files_sha256: files.end(),
            missing_files,
            seal: seal.map(|keys| seal_of(&keys, writer.chain())),
        };
        writer.frame(Kind::Manifest, &serde_json::to_vec(&manifest).map_err(json)?).map_err(&disk)?;
        let bytes = writer.written;
        writer.into_inner().into_inner().map_err(|fault| at(&self.draft)(fault.into_error()))?;
        Ok(Report { head: *head, manifest, bytes })
    }

    /// The stored files that the rows name. One that has ended may be removed while we copy; of any other
    /// that is not there the manifest says so.
    fn files(
        &self,
        writer: &mut Writer<BufWriter<&File>>,
        stored: &[(Id, Option<i64>)],
        taken_at: i64,
    ) -> Result<(FileDigests, Vec<String>), KeepError> {
        let (mut digests, mut missing) = (FileDigests::default(), Vec::new());
        for (done, (id, ends)) in stored.iter().enumerate() {
            let path = files::path_in(&self.data, *id);
            match std::fs::read(&path) {
                Ok(bytes) => {
                    digests.file(*id, &bytes);
                    writer.frame(Kind::File, &[id.as_bytes(), &bytes[..]].concat()).map_err(at(&self.draft))?;
                }
                Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {
                    if ends.is_none_or(|ends| ends > taken_at) {
                        missing.push(id.to_string());
                    }
                }
                Err(fault) => return Err(at(&path)(fault)),
            }
            (self.seen)(done as u64 + 1, stored.len() as u64);
        }
        Ok((digests, missing))
    }
}

/// The keyed digest over an archive's chain.
pub fn seal_of(keys: &Keys, chain: [u8; 32]) -> String {
    hex(&keys.index("archive", &hex(&chain)))
}

fn file_of(table: &Table, row: &[Arg]) -> (Id, Option<i64>) {
    let value = |column| table.position(column).map(|at| &row[at]);
    let id = match value("id") {
        Some(Arg::Uuid(Some(id))) => *id,
        _ => Id::nil(),
    };
    let ends = match value("expires_at") {
        Some(Arg::I64(ends)) => *ends,
        _ => None,
    };
    (id, ends)
}

/// Rows on their way into frames.
struct Rows {
    digests: Digests,
    frame: Vec<u8>,
    table: usize,
}

impl Rows {
    fn add(&mut self, writer: &mut Writer<BufWriter<&File>>, batch: Batch) -> std::io::Result<()> {
        if batch.table != self.table {
            self.flush(writer)?;
            self.table = batch.table;
        }
        for row in &batch.rows {
            if self.frame.is_empty() {
                self.frame.extend((self.table as u16).to_be_bytes());
            }
            let from = self.frame.len();
            put(&mut self.frame, row);
            self.digests.encoded(self.table, &self.frame[from..]);
            if self.frame.len() >= FRAME {
                self.flush(writer)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self, writer: &mut Writer<BufWriter<&File>>) -> std::io::Result<()> {
        if !self.frame.is_empty() {
            writer.frame(Kind::Rows, &self.frame)?;
            self.frame.clear();
        }
        Ok(())
    }
}
