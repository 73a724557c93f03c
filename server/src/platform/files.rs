//! Files by opaque id: encrypted in the data folder, described by a row.
//!
//! Uploads and exports hold personal data, so the bytes are sealed by the installation's keys and are
//! only ever served as attachments. A file belongs to the account that made it and to a purpose; who
//! else may have it is asked of that purpose's room, and nobody else may.

use std::path::{Path, PathBuf};

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::database::bulk::{OnKey, Shape};
use super::database::{Exec, StoreError};
use super::durable::{self, Readers};
use super::ids::{Id, new_free_id, shard_of};
use super::secrets::digest;
use crate::app::App;
use crate::args;
use crate::error::AppError;

const FIND: &str = "SELECT id, purpose, name, media_type, size, digest, created_by, created_at, expires_at FROM stored_file WHERE id = $1 AND (expires_at IS NULL OR expires_at > $2)";
const EXPIRED: &str =
    "SELECT id FROM stored_file WHERE expires_at IS NOT NULL AND expires_at <= $1 ORDER BY expires_at, id LIMIT 256";
const DELETE: &str = "DELETE FROM stored_file WHERE id = $1";
const OF_OTHER_KEYS: &str =
    "SELECT id, purpose FROM stored_file WHERE key_version <> $1 AND id > $2 ORDER BY id LIMIT $3";
const ANEW: &str = "UPDATE stored_file SET key_version = $2 WHERE id = $1";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[FIND, EXPIRED, DELETE, OF_OTHER_KEYS, ANEW];

const FILE: Shape = Shape {
    table: "stored_file",
    columns: &[
        "id",
        "purpose",
        "name",
        "media_type",
        "size",
        "digest",
        "key_version",
        "created_by",
        "created_at",
        "expires_at",
    ],
    key: &["id"],
};

/// Largest file, in bytes.
pub const LARGEST: usize = 64 << 20;

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Row {
    /// its id
    pub id: Id,
    /// `upload.task`, `export.ledger` …
    pub purpose: String,
    /// name for people
    pub name: String,
    /// as it was when put
    pub media_type: String,
    /// bytes in clear
    pub size: i64,
    /// SHA-256 of the bytes in clear
    pub digest: Vec<u8>,
    /// account that made it
    pub created_by: Option<Id>,
    /// UTC microseconds
    pub created_at: i64,
    /// UTC microseconds
    pub expires_at: Option<i64>,
}

/// A file before it is put.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// purpose, also the context of its encryption
    pub purpose: &'static str,
    /// name for people
    pub name: String,
    /// media type
    pub media_type: String,
    /// in clear
    pub bytes: Vec<u8>,
    /// account that makes it
    pub owner: Option<Id>,
    /// UTC microseconds after which it is removed
    pub expires_at: Option<i64>,
}

fn path_of(app: &App, id: Id) -> PathBuf {
    path_in(&app.data, id)
}

/// The folder of all files within the data folder.
pub const FOLDER: &str = "files";

/// Where a file lies in a data folder.
pub fn path_in(data: &Path, id: Id) -> PathBuf {
    let name = id.simple().to_string();
    data.join(FOLDER).join(&name[name.len() - 2..]).join(name)
}

fn disk(fault: &std::io::Error) -> AppError {
    AppError::Store(StoreError::Unwritable(sqlx::Error::Io(std::io::Error::new(fault.kind(), fault.to_string()))))
}

fn context(purpose: &str) -> String {
    format!("file.{purpose}")
}

/// Seals and stores a file: first the bytes, durable, then the row.
pub async fn put(app: &App, file: NewFile) -> Result<Id, AppError> {
    if file.bytes.len() > LARGEST {
        return Err(AppError::TooLarge);
    }
    let now = app.now();
    let id = new_free_id(now);
    let (path, keys) = (path_of(app, id), app.keys.clone());
    let row = args![
        id,
        file.purpose,
        &file.name,
        &file.media_type,
        file.bytes.len() as i64,
        digest(&file.bytes),
        keys.version(),
        file.owner,
        now,
        file.expires_at,
    ];
    tokio::task::spawn_blocking(move || {
        let sealed = keys.seal_bytes(&context(file.purpose), &file.bytes);
        write(&path, &sealed)
    })
    .await
    .map_err(|fault| AppError::Internal(fault.to_string()))?
    .map_err(|fault| disk(&fault))?;
    app.lanes
        .write(shard_of(id), vec![], move |tx| {
            let row = row.clone();
            Box::pin(async move { FILE.write(tx, vec![row], OnKey::Fail).await.map(|_| ()) })
        })
        .await
        .map_err(AppError::from)?;
    Ok(id)
}

/// Writes sealed bytes, whole and durable.
pub fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    durable::replace(path, bytes, Readers::Usual)
}

/// A file's row; ended and unknown are both none.
pub async fn row(app: &App, id: Id) -> Result<Option<Row>, AppError> {
    Ok(app.read().optional(FIND, args![id, app.now()]).await?)
}

/// A file with its bytes in clear; checked against its digest.
pub async fn get(app: &App, id: Id) -> Result<(Row, Vec<u8>), AppError> {
    let row = row(app, id).await?.ok_or(AppError::NotFound)?;
    let (path, keys, purpose) = (path_of(app, id), app.keys.clone(), row.purpose.clone());
    let bytes = tokio::task::spawn_blocking(move || -> Result<Vec<u8>, AppError> {
        let sealed =
            std::fs::read(&path).map_err(|fault| AppError::Internal(format!("a stored file is missing: {fault}")))?;
        Ok(keys.open_bytes(&context(&purpose), &sealed)?)
    })
    .await
    .map_err(|fault| AppError::Internal(fault.to_string()))??;
    if digest(&bytes) != row.digest {
        return Err(AppError::Internal("a stored file does not match its digest".into()));
    }
    Ok((row, bytes))
}

/// Bytes as a download: always an attachment, never shown inside our pages.
pub fn attachment(name: &str, media_type: &str, bytes: Vec<u8>) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_str(media_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_TYPE, kind);
    if let Ok(value) = HeaderValue::from_str(&disposition(name)) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    headers.insert("content-security-policy", HeaderValue::from_static("default-src 'none'; sandbox"));
    response
}

/// `attachment` with a plain and an encoded name (RFC 6266).
fn disposition(name: &str) -> String {
    use std::fmt::Write;
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' }).collect();
    let coded = name.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b".-_".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    });
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{coded}")
}

/// Files that another version of the keys encrypted, with their purpose.
pub async fn of_other_keys(app: &App, after: Id, most: i64) -> Result<Vec<(Id, String)>, StoreError> {
    app.read().all(OF_OTHER_KEYS, args![app.keys.version(), after, most]).await
}

/// Encrypts a file by the present keys: first the bytes, then the row. A file that has ended meanwhile is
/// no fault.
pub async fn anew(app: &App, id: Id, purpose: &str) -> Result<(), AppError> {
    let (path, keys, context) = (path_of(app, id), app.keys.clone(), context(purpose));
    let version = tokio::task::spawn_blocking(move || -> Result<Option<i64>, AppError> {
        let sealed = match std::fs::read(&path) {
            Ok(sealed) => sealed,
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(fault) => return Err(disk(&fault)),
        };
        let clear = keys.open_bytes(&context, &sealed)?;
        let version = keys.version();
        write(&path, &keys.seal_bytes(&context, &clear)).map_err(|fault| disk(&fault))?;
        Ok(Some(version))
    })
    .await
    .map_err(|fault| AppError::Internal(fault.to_string()))??;
    let Some(version) = version else {
        return match row(app, id).await? {
            None => Ok(()),
            Some(_) => Err(AppError::Internal("a stored file is missing".into())),
        };
    };
    app.lanes
        .write(shard_of(id), vec![], move |tx| {
            Box::pin(async move { tx.execute(ANEW, args![id, version]).await.map(|_| ()) })
        })
        .await
        .map_err(|fault: StoreError| AppError::from(fault))
}

/// Removes files that have ended: part of the daily tidying.
pub async fn purge(app: &App) -> Result<usize, AppError> {
    let ended: Vec<(Id,)> = app.read().all(EXPIRED, args![app.now()]).await?;
    for (id,) in &ended {
        let id = *id;
        app.lanes
            .write(shard_of(id), vec![], move |tx| Box::pin(async move { tx.execute(DELETE, args![id]).await }))
            .await
            .map_err(AppError::from)?;
        if let Err(fault) = std::fs::remove_file(path_of(app, id)) {
            tracing::warn!(%fault, file = %id, "an ended file could not be removed");
        }
    }
    Ok(ended.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_downloads_cannot_break_the_header() {
        assert_eq!(
            disposition("a\"\r\nb.xlsx"),
            "attachment; filename=\"a___b.xlsx\"; filename*=UTF-8''a%22%0D%0Ab.xlsx"
        );
        assert!(disposition("名单.xlsx").ends_with("UTF-8''%E5%90%8D%E5%8D%95.xlsx"));
    }
}
