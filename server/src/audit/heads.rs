//! The signed list of the chains' heads, in the database and in a file outside it.
//!
//! `heads.json` in the data folder is replaced as a whole (written aside, synced, renamed); the last list
//! of each day stays in `heads/`. Whoever keeps copies elsewhere can show years later that nothing before
//! them was changed.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::canonical::heads_bytes;
use super::store::{self, Head};
use crate::app::App;
use crate::error::AppError;
use crate::platform::clock::DAY;
use crate::platform::database::StoreError;
use crate::platform::durable::{self, Readers};
use crate::platform::leases::Lease;
use crate::platform::secrets::{Keys, hex, signature_holds, unhex};

/// Name of the encoding.
const FORMAT: &str = "hutong.heads.1";

/// A signed list as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHeads {
    /// `hutong.heads.1`
    format: String,
    /// grows with every list
    pub number: i64,
    /// position of the last block that the list covers
    pub position: i64,
    /// UTC microseconds
    pub signed_at: i64,
    /// version of the signing key
    pub key: i64,
    /// Ed25519, base64
    pub public_key: String,
    /// shard, number of the last block, its last seq, its hash in hex
    heads: Vec<(i64, i64, i64, String)>,
    /// Ed25519 over the canonical bytes, base64
    signature: String,
}

/// Why a list cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// the file cannot be read
    #[error("{0} cannot be read: {1}")]
    File(PathBuf, String),
    /// it is no list of heads
    #[error("{0} is not a list of heads, or was cut or damaged: {1}")]
    Form(PathBuf, String),
    /// signed by a key of somebody else
    #[error("{0} was signed by a key that is not in the key file of this installation")]
    Stranger(PathBuf),
    /// the signature does not fit
    #[error("{0} was changed after it was signed")]
    Signature(PathBuf),
}

impl SignedHeads {
    /// Signs a list.
    pub fn sign(keys: &Keys, number: i64, position: i64, signed_at: i64, heads: &[Head]) -> Self {
        let (key, public, signature) = keys.sign(&heads_bytes(number, position, signed_at, heads));
        Self {
            format: FORMAT.into(),
            number,
            position,
            signed_at,
            key,
            public_key: STANDARD.encode(public),
            heads: heads.iter().map(|head| (head.shard, head.number, head.last_seq, hex(&head.hash))).collect(),
            signature: STANDARD.encode(signature),
        }
    }

    /// The heads.
    pub fn heads(&self) -> Vec<Head> {
        let head = |row: &(i64, i64, i64, String)| Head {
            shard: row.0,
            number: row.1,
            last_seq: row.2,
            hash: unhex(&row.3).unwrap_or_default(),
        };
        self.heads.iter().map(head).collect()
    }

    /// Reads a list and checks its signature; `from` is only named in faults.
    pub fn check(text: &str, keys: &Keys, from: &Path) -> Result<Self, Unreadable> {
        let form = |fault: String| Unreadable::Form(from.to_owned(), fault);
        let list: Self = serde_json::from_str(text).map_err(|fault| form(fault.to_string()))?;
        if list.format != FORMAT {
            return Err(form(format!("format {}", list.format)));
        }
        let public = STANDARD.decode(&list.public_key).map_err(|fault| form(fault.to_string()))?;
        if !keys.public_keys().contains(&(list.key, public.clone())) {
            return Err(Unreadable::Stranger(from.to_owned()));
        }
        let signature = STANDARD.decode(&list.signature).map_err(|fault| form(fault.to_string()))?;
        let message = heads_bytes(list.number, list.position, list.signed_at, &list.heads());
        if !signature_holds(&public, &message, &signature) {
            return Err(Unreadable::Signature(from.to_owned()));
        }
        Ok(list)
    }

    /// Reads a file of heads; none when there is no such file.
    pub fn read(file: &Path, keys: &Keys) -> Result<Option<Self>, Unreadable> {
        match std::fs::read_to_string(file) {
            Ok(text) => Self::check(&text, keys, file).map(Some),
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(fault) => Err(Unreadable::File(file.to_owned(), fault.to_string())),
        }
    }

    fn text(&self) -> Result<String, AppError> {
        serde_json::to_string(self).map_err(|fault| AppError::Internal(fault.to_string()))
    }
}

/// The file outside the database.
pub fn file(data: &Path) -> PathBuf {
    data.join("heads.json")
}

/// The folder with the last list of each day.
pub fn history(data: &Path) -> PathBuf {
    data.join("heads")
}

/// Files of the history in order; `replaced-…` are lists that an administrator put away.
pub fn history_files(data: &Path) -> Vec<PathBuf> {
    let Ok(folder) = std::fs::read_dir(history(data)) else { return Vec::new() };
    let mut files: Vec<PathBuf> = folder
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .filter(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("replaced-")))
        .collect();
    files.sort();
    files
}

/// Puts a list where the one before was; the last one of a day that has passed goes to the history.
fn put(data: &Path, list: &SignedHeads, before: Option<&SignedHeads>, text: &str) -> std::io::Result<()> {
    // A process that was frozen between the database and the file must not put an older list over a newer one.
    let there =
        std::fs::read_to_string(file(data)).ok().and_then(|text| serde_json::from_str::<SignedHeads>(&text).ok());
    if there.is_some_and(|there| there.number > list.number) {
        return Ok(());
    }
    if let Some(before) = before
        && before.signed_at.div_euclid(DAY) != list.signed_at.div_euclid(DAY)
    {
        let day = jiff::Timestamp::from_microsecond(before.signed_at)
            .map_or_else(|_| before.signed_at.to_string(), |at| at.strftime("%Y-%m-%d").to_string());
        let old = std::fs::read_to_string(file(data))?;
        durable::replace(&history(data).join(format!("{day}.json")), old.as_bytes(), Readers::Usual)?;
    }
    durable::replace(&file(data), text.as_bytes(), Readers::Usual)
}

fn disk(fault: &std::io::Error) -> AppError {
    AppError::Store(StoreError::Unwritable(sqlx::Error::Io(std::io::Error::new(fault.kind(), fault.to_string()))))
}

/// Writes the list that the database holds outside it, where there is none: a restored or moved installation
/// begins with what was last signed. A list that is there stays: it may know more.
pub async fn recreate(app: &App) -> Result<bool, AppError> {
    let path = file(&app.data);
    let Some(content) = store::signed_content(&mut app.read()).await?.filter(|_| !path.exists()) else {
        return Ok(false);
    };
    SignedHeads::check(&content, &app.keys, &path).map_err(|fault| AppError::Internal(fault.to_string()))?;
    durable::replace(&path, content.as_bytes(), Readers::Usual).map_err(|fault| disk(&fault))?;
    Ok(true)
}

/// Signs the heads as they stand and writes them down, first in the database and then outside it. Refuses
/// where the file knows more than the database: that evidence is not overwritten.
pub async fn sign(app: &App, lease: &Lease) -> Result<SignedHeads, AppError> {
    sign_with(app, Some(lease), 0).await
}

/// Signs without a lease, with a number above `highest`: for an administrator while nothing serves.
pub async fn sign_above(app: &App, highest: i64) -> Result<SignedHeads, AppError> {
    sign_with(app, None, highest).await
}

async fn sign_with(app: &App, lease: Option<&Lease>, highest: i64) -> Result<SignedHeads, AppError> {
    let mut db = app.read();
    let before =
        SignedHeads::read(&file(&app.data), &app.keys).map_err(|fault| AppError::Internal(fault.to_string()))?;
    let heads = store::heads(&mut db).await?;
    let position = store::last_position(&mut db).await?;
    if let Some(fault) = before.as_ref().and_then(|before| ahead(before, position, &heads)) {
        return Err(AppError::Internal(format!("the heads are not signed: {fault}")));
    }
    let last = store::signed(&mut db).await?.map_or(0, |row| row.0);
    let number = last.max(highest).max(before.as_ref().map_or(0, |before| before.number)) + 1;
    let list = SignedHeads::sign(&app.keys, number, position, app.now(), &heads);
    let (text, held, signed_at) = (list.text()?, lease.cloned(), list.signed_at);
    let content = text.clone();
    app.lanes
        .write(0, vec![], move |tx| {
            let (content, held) = (content.clone(), held.clone());
            Box::pin(async move {
                if let Some(lease) = held.filter(|_| !super::taken_out("audit.guard")) {
                    lease.guard(tx).await?;
                }
                store::keep_signed(tx, number, position, signed_at, &content).await.map_err(AppError::from)
            })
        })
        .await?;
    let (data, outside) = (app.data.clone(), list.clone());
    tokio::task::spawn_blocking(move || put(&data, &outside, before.as_ref(), &text))
        .await
        .map_err(|fault| AppError::Internal(fault.to_string()))?
        .map_err(|fault| disk(&fault))?;
    Ok(list)
}

/// Whether a list knows more than the database does, or something else at the same place.
pub fn ahead(list: &SignedHeads, position: i64, heads: &[Head]) -> Option<String> {
    if list.position > position {
        return Some(format!("the file outside covers {} blocks, the database has {position}", list.position));
    }
    list.heads().into_iter().find_map(|head| match heads.iter().find(|known| known.shard == head.shard) {
        None => Some(format!("the chain of shard {} is gone", head.shard)),
        Some(known) if known.number < head.number => {
            Some(format!("shard {} ends before block {}", head.shard, head.number))
        }
        Some(known) if known.number == head.number && known.hash != head.hash => {
            Some(format!("block {} of shard {} is another", head.number, head.shard))
        }
        Some(_) => None,
    })
}
