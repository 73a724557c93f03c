//! The key file: every version of every key, one a line, and which version writes.
//!
//! ```text
//! digest BASE64      keyed digests that must compare for ever; never rotated
//! 1 BASE64           encryption (AES-256-GCM), version 1
//! index-1 BASE64     keyed indexes by which secrets are found, version 1
//! sign-1 BASE64      signs the heads of the event chains (Ed25519 seed), version 1
//! current 1          the version that writes; the others only read
//! ```
//!
//! A version is added first and made current later, so that every process knows it before anybody writes
//! with it; it is taken out only when nothing stored needs it any more.

use std::collections::BTreeMap;
use std::path::Path;

use aes_gcm::aead::KeyInit;
use aes_gcm::{Aes256Gcm, Key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::Ed25519KeyPair;

use super::{SecretError, random};
use crate::platform::durable::{self, Readers};

/// The keys of one version.
pub struct Version {
    raw: [u8; 32],
    /// encrypts and decrypts
    pub cipher: Aes256Gcm,
    /// keyed indexes; none in a version that never wrote any
    pub index: Option<[u8; 32]>,
}

/// All keys as the file says them.
pub struct Ring {
    /// the version that writes
    pub current: u8,
    /// encryption and index keys
    pub versions: BTreeMap<u8, Version>,
    /// keyed digests that must compare for ever
    pub digest: [u8; 32],
    /// signing keys by version; old ones stay, since old lists of heads are still checked
    pub signs: BTreeMap<u8, ([u8; 32], Ed25519KeyPair)>,
}

fn fault(text: impl Into<String>) -> SecretError {
    SecretError::KeyFile(text.into())
}

fn pair(seed: &[u8; 32]) -> Result<Ed25519KeyPair, SecretError> {
    Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| fault("key file: a signing key is not usable"))
}

impl Ring {
    /// New keys, version 1.
    pub fn fresh() -> Result<Self, SecretError> {
        let mut ring = Self { current: 1, versions: BTreeMap::new(), digest: random(), signs: BTreeMap::new() };
        ring.add(1)?;
        Ok(ring)
    }

    fn add(&mut self, version: u8) -> Result<(), SecretError> {
        let (raw, seed) = (random::<32>(), random::<32>());
        let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(raw));
        self.versions.insert(version, Version { raw, cipher, index: Some(random()) });
        self.signs.insert(version, (seed, pair(&seed)?));
        Ok(())
    }

    /// Adds the next version, which nobody writes with yet; gives its number.
    pub fn add_next(&mut self) -> Result<u8, SecretError> {
        let newest = self.newest();
        if newest > self.current {
            return Ok(newest);
        }
        let next = newest.checked_add(1).ok_or_else(|| fault("key file: 255 versions are the most"))?;
        self.add(next)?;
        Ok(next)
    }

    /// The highest version there is or was.
    fn newest(&self) -> u8 {
        let last = |version: Option<&u8>| version.copied().unwrap_or(self.current);
        last(self.versions.keys().next_back()).max(last(self.signs.keys().next_back()))
    }

    /// Takes out the encryption and index keys of every version but the current one.
    pub fn retire(&mut self) -> Vec<u8> {
        let old: Vec<u8> = self.versions.keys().copied().filter(|version| *version != self.current).collect();
        self.versions.retain(|version, _| *version == self.current);
        old
    }

    /// Reads the text of a key file.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let (mut current, mut digest) = (None, None);
        let (mut ciphers, mut indexes, mut signs) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let bad = || fault(format!("key file, line {}: expected `NAME KEY`, see docs/audit.md", number + 1));
            let (name, value) = line.trim().split_once(' ').ok_or_else(bad)?;
            let version = |text: &str| text.parse::<u8>().map_err(|_| bad());
            if name == "current" {
                current = Some(version(value.trim())?);
                continue;
            }
            let key: [u8; 32] = STANDARD.decode(value.trim()).ok().and_then(|b| b.try_into().ok()).ok_or_else(bad)?;
            match name.split_once('-') {
                Some(("index", of)) => drop(indexes.insert(version(of)?, key)),
                Some(("sign", of)) => drop(signs.insert(version(of)?, (key, pair(&key)?))),
                None if name == "digest" => digest = Some(key),
                None => drop(ciphers.insert(version(name)?, key)),
                Some(_) => return Err(bad()),
            }
        }
        let current = current.ok_or_else(|| fault("key file: the line `current VERSION` is missing"))?;
        let digest = digest.ok_or_else(|| fault("key file: the digest key is missing"))?;
        let versions: BTreeMap<u8, Version> = ciphers
            .into_iter()
            .map(|(version, raw)| {
                let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(raw));
                (version, Version { raw, cipher, index: indexes.remove(&version) })
            })
            .collect();
        let whole = versions.get(&current).is_some_and(|version| version.index.is_some()) && !signs.is_empty();
        if !whole || !indexes.is_empty() {
            return Err(fault(format!("key file: version {current} needs an encryption, an index and a signing key")));
        }
        Ok(Self { current, versions, digest, signs })
    }

    /// The text of the key file.
    pub fn text(&self) -> String {
        let mut out = format!("digest {}\n", STANDARD.encode(self.digest));
        for (number, version) in &self.versions {
            out.push_str(&format!("{number} {}\n", STANDARD.encode(version.raw)));
            if let Some(index) = version.index {
                out.push_str(&format!("index-{number} {}\n", STANDARD.encode(index)));
            }
        }
        for (number, (seed, _)) in &self.signs {
            out.push_str(&format!("sign-{number} {}\n", STANDARD.encode(seed)));
        }
        out.push_str(&format!("current {}\n", self.current));
        out
    }
}

/// Writes the key file whole or not at all, readable by its owner only.
pub fn write(file: &Path, ring: &Ring) -> std::io::Result<()> {
    durable::replace(file, ring.text().as_bytes(), Readers::Owner)
}
