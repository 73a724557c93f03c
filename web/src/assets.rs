//! The committed output of `web/build.mjs`, served under `/assets/`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_embed::RustEmbed;
use serde::Deserialize;

#[derive(RustEmbed)]
#[folder = "dist/"]
struct Dist;

/// What `build.mjs` writes: plain names to hashed names, and the sprite's icons.
#[derive(Deserialize)]
struct Manifest {
    files: BTreeMap<String, String>,
    icons: Vec<String>,
}

static MANIFEST: LazyLock<Manifest> = LazyLock::new(|| {
    let file = Dist::get("manifest.json").expect("web/dist is committed with its manifest");
    serde_json::from_slice(&file.data).expect("build.mjs writes this manifest")
});

/// One file to serve. Names carry a hash of the content, so it may be cached for ever.
pub struct Asset {
    /// The bytes, uncompressed.
    pub bytes: Cow<'static, [u8]>,
    /// The media type with charset.
    pub content_type: &'static str,
}

/// The file `name` (as it stands after `/assets/`), when it is one of the
/// manifest's hashed names; nothing else is ever served.
pub fn asset_file(name: &str) -> Option<Asset> {
    MANIFEST.files.values().find(|hashed| *hashed == name)?;
    let content_type = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml; charset=utf-8",
        _ => "application/octet-stream",
    };
    Some(Asset { bytes: Dist::get(name)?.data, content_type })
}

/// The address of an asset by its plain name (`staff.css`); an unknown name
/// gives an address that answers 404, which the browser tests would see.
pub fn asset_url(name: &str) -> String {
    let hashed = MANIFEST.files.get(name).map_or(name, String::as_str);
    format!("/assets/{hashed}")
}

/// Whether the sprite has this icon.
pub(crate) fn has_icon(name: &str) -> bool {
    MANIFEST.icons.iter().any(|icon| icon == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_file_is_served_and_nothing_else() {
        for hashed in MANIFEST.files.values() {
            let asset = asset_file(hashed).unwrap();
            assert!(!asset.bytes.is_empty(), "{hashed} is empty");
            assert_ne!(asset.content_type, "application/octet-stream", "{hashed}");
        }
        for name in ["manifest.json", "../Cargo.toml", "staff.css", ""] {
            assert!(asset_file(name).is_none(), "{name} must not be served");
        }
    }
}
