//! The key file beside an archive: what tells that two are the same, without telling a key.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{KeepError, at};
use crate::platform::durable::{self, Readers};
use crate::platform::secrets::hex;

/// One key: its name in the key file (`index`, or a version) and the first bytes of a digest over it.
/// Keys are 32 random bytes: nothing can be guessed from a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCheck {
    /// as in the key file
    pub name: String,
    /// first half of its digest, in hex
    pub check: String,
}

/// The checks of a key file's text.
pub fn checks(text: &str) -> Vec<KeyCheck> {
    let lines = text.lines().filter_map(|line| line.trim().split_once(' '));
    lines
        .map(|(name, key)| {
            let digest = Sha256::digest(format!("hutong key {name} {}", key.trim()));
            KeyCheck { name: name.to_owned(), check: hex(&digest[..16]) }
        })
        .collect()
}

/// The text of a key file, if it is there.
pub fn read(file: &Path) -> Result<Option<String>, KeepError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(at(file)(fault)),
    }
}

/// Whether `text` has every key of `needed`; says which one is missing.
pub fn missing(needed: &[KeyCheck], text: &str) -> Option<String> {
    let there = checks(text);
    needed.iter().find(|key| !there.contains(key)).map(|key| key.name.clone())
}

/// Writes a key file that only its owner reads; one that is there and the same stays.
pub fn write(file: &Path, text: &str) -> Result<(), KeepError> {
    match read(file)? {
        Some(there) if there == text => return Ok(()),
        Some(_) => {
            return Err(KeepError::Refused(format!("{} holds other keys: choose an empty folder", file.display())));
        }
        None => {}
    }
    durable::replace(file, text.as_bytes(), Readers::Owner).map_err(at(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_other_key_is_named() {
        let needed = checks("index aaa\n1 bbb\n");
        assert_eq!(missing(&needed, "2 ccc\n1 bbb\nindex aaa\n"), None, "a newer key beside does no harm");
        assert_eq!(missing(&needed, "index aaa\n2 bbb\n"), Some("1".into()));
        assert_eq!(missing(&needed, "index other\n1 bbb\n"), Some("index".into()));
    }
}
