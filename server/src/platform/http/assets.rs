//! `/assets/{file}`: the committed output of the web crate. Names carry a hash of the content.

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::error::AppError;

/// Serves one file of `web/dist` for ever.
pub async fn file(Path(name): Path<String>) -> Result<Response, AppError> {
    let asset = web::asset_file(&name).ok_or(AppError::NotFound)?;
    let headers = [(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.bytes.into_owned()).into_response())
}
