//! Secrets at rest: ciphertext with key version, keyed index, mask. Keys live outside the database.
//!
//! A ciphertext is `version (1) | nonce (12) | AES-256-GCM`. The keyed index is HMAC-SHA256 over the
//! normalized value under a key of its own, so that equal numbers can be found without being readable.
//! Keys have versions: one writes, all read ([`Keys::add_next`], [`Keys::activate`], [`Keys::retire`]).

mod ring;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::ring::signature::{ED25519, KeyPair, UnparsedPublicKey};
use aes_gcm::Nonce;
use aes_gcm::aead::{Aead, Payload};
use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use ring::Ring;

const NONCE: usize = 12;

/// What can go wrong with secrets.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The key file is missing, unreadable or malformed; the text says which and what to do.
    #[error("{0}")]
    KeyFile(String),
    /// A stored value was encrypted by a key that is not in the file, or was changed.
    #[error("a stored secret cannot be read with the present keys")]
    Unreadable,
}

/// The installation's keys; cheap to clone, and every clone sees a rotation. `Debug` shows nothing of them.
#[derive(Clone)]
pub struct Keys {
    ring: Arc<ArcSwap<Ring>>,
    file: Option<PathBuf>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys(version {})", self.version())
    }
}

impl Keys {
    fn over(ring: Ring, file: Option<PathBuf>) -> Self {
        Self { ring: Arc::new(ArcSwap::from_pointee(ring)), file }
    }

    /// Reads the key file, or writes a new one if `create` and there is none. Its lines are in [`ring`].
    pub fn open(file: &Path, create: bool) -> Result<Self, SecretError> {
        if !file.exists() {
            if !create {
                return Err(SecretError::KeyFile(format!(
                    "the key file {} is missing: restore it from your key backup; without it personal data cannot be read",
                    file.display()
                )));
            }
            save(file, &Ring::fresh()?)?;
        }
        Ok(Self::over(load(file)?, Some(file.to_owned())))
    }

    /// Keys from the text of a key file.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        Ok(Self::over(Ring::parse(text)?, None))
    }

    /// Keys for tests: random, kept nowhere.
    pub fn ephemeral() -> Self {
        Self::over(Ring::fresh().expect("fresh keys are usable"), None)
    }

    /// The version new ciphertexts are made with.
    pub fn version(&self) -> i64 {
        i64::from(self.ring.load().current)
    }

    /// Every version that can still be read, oldest first.
    pub fn versions(&self) -> Vec<i64> {
        self.ring.load().versions.keys().map(|version| i64::from(*version)).collect()
    }

    /// Reads the key file again: another process may have rotated.
    pub fn reload(&self) -> Result<(), SecretError> {
        if let Some(file) = &self.file {
            self.ring.store(Arc::new(load(file)?));
        }
        Ok(())
    }

    /// Reads the key file again if it says something else than what is known; says whether it did.
    pub fn refresh(&self) -> Result<bool, SecretError> {
        let Some(file) = &self.file else { return Ok(false) };
        let ring = load(file)?;
        let changed = ring.text() != self.ring.load().text();
        if changed {
            self.ring.store(Arc::new(ring));
        }
        Ok(changed)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Ring) -> Result<T, SecretError>) -> Result<T, SecretError> {
        let mut ring = match &self.file {
            Some(file) => load(file)?,
            None => Ring::parse(&self.ring.load().text())?,
        };
        let value = change(&mut ring)?;
        if let Some(file) = &self.file {
            save(file, &ring)?;
        }
        self.ring.store(Arc::new(ring));
        Ok(value)
    }

    /// Adds the next version to the key file; it reads, but writes only after [`Keys::activate`].
    pub fn add_next(&self) -> Result<i64, SecretError> {
        self.change(|ring| ring.add_next().map(i64::from))
    }

    /// From now on the newest version writes.
    pub fn activate(&self) -> Result<i64, SecretError> {
        self.change(|ring| {
            ring.current = ring.versions.keys().next_back().copied().unwrap_or(ring.current);
            Ok(i64::from(ring.current))
        })
    }

    /// Takes the old encryption and index keys out of the key file. Whoever calls has shown that nothing
    /// stored needs them.
    pub fn retire(&self) -> Result<Vec<i64>, SecretError> {
        self.change(|ring| Ok(ring.retire().into_iter().map(i64::from).collect()))
    }

    /// Encrypts bytes; `context` (a column, a file purpose) must be given again to decrypt.
    pub fn seal_bytes(&self, context: &str, clear: &[u8]) -> Vec<u8> {
        let ring = self.ring.load();
        let nonce = random::<NONCE>();
        let cipher = &ring.versions.get(&ring.current).expect("a ring has its current version").cipher;
        let sealed = cipher
            .encrypt(&Nonce::from(nonce), Payload { msg: clear, aad: context.as_bytes() })
            .expect("AES-GCM encrypts any message below 64 GiB");
        let mut out = Vec::with_capacity(1 + NONCE + sealed.len());
        out.push(ring.current);
        out.extend(nonce);
        out.extend(sealed);
        out
    }

    /// Decrypts what [`Keys::seal_bytes`] made under the same context. A version that is not known here
    /// may have been added a moment ago: the key file is read again.
    pub fn open_bytes(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, SecretError> {
        let (version, rest) = sealed.split_first().ok_or(SecretError::Unreadable)?;
        let (nonce, body) = rest.split_at_checked(NONCE).ok_or(SecretError::Unreadable)?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| SecretError::Unreadable)?;
        if !self.ring.load().versions.contains_key(version) {
            self.reload()?;
        }
        let ring = self.ring.load();
        let known = ring.versions.get(version).ok_or(SecretError::Unreadable)?;
        known
            .cipher
            .decrypt(&Nonce::from(nonce), Payload { msg: body, aad: context.as_bytes() })
            .map_err(|_| SecretError::Unreadable)
    }

    /// Encrypts text to a JSON-safe token `enc:BASE64`, for secrets inside stored JSON.
    pub fn seal_text(&self, context: &str, clear: &str) -> String {
        format!("enc:{}", STANDARD.encode(self.seal_bytes(context, clear.as_bytes())))
    }

    /// Decrypts a token of [`Keys::seal_text`].
    pub fn open_text(&self, context: &str, token: &str) -> Result<String, SecretError> {
        let bytes = token.strip_prefix("enc:").and_then(|t| STANDARD.decode(t).ok()).ok_or(SecretError::Unreadable)?;
        String::from_utf8(self.open_bytes(context, &bytes)?).map_err(|_| SecretError::Unreadable)
    }

    /// The keyed index of a normalized value, as it is written now; `kind` separates columns (`id_no`,
    /// `id_no:tail`).
    pub fn index(&self, kind: &str, value: &str) -> Vec<u8> {
        let ring = self.ring.load();
        let version = ring.versions.get(&ring.current).expect("a ring has its current version");
        keyed(&version.index.expect("the current version has an index key"), kind, value)
    }

    /// The keyed index under every version, by version, the one that is written now first: while a rotation runs, a
    /// search asks for all of them.
    pub fn indexes(&self, kind: &str, value: &str) -> Vec<(i64, Vec<u8>)> {
        let ring = self.ring.load();
        let older = ring.versions.iter().rev().filter(|(number, _)| **number != ring.current);
        std::iter::once((&ring.current, &ring.versions[&ring.current]))
            .chain(older)
            .filter_map(|(number, version)| Some((i64::from(*number), keyed(version.index.as_ref()?, kind, value))))
            .collect()
    }

    /// The keyed index of the last four characters.
    pub fn tail_index(&self, kind: &str, value: &str) -> Vec<u8> {
        self.index(&format!("{kind}:tail"), &tail(value))
    }

    /// The same under every version, as [`Keys::indexes`].
    pub fn tail_indexes(&self, kind: &str, value: &str) -> Vec<Vec<u8>> {
        self.indexes(&format!("{kind}:tail"), &tail(value)).into_iter().map(|(_, index)| index).collect()
    }

    /// A keyed digest that must compare for ever (what was posted under an idempotency key, query codes):
    /// its key is never rotated.
    pub fn lasting_digest(&self, kind: &str, value: &str) -> Vec<u8> {
        keyed(&self.ring.load().digest, kind, value)
    }

    /// Signs with the newest signing key: its version, the public key, the signature.
    pub fn sign(&self, message: &[u8]) -> (i64, Vec<u8>, Vec<u8>) {
        let ring = self.ring.load();
        let (version, (_, pair)) = ring.signs.iter().next_back().expect("a ring has a signing key");
        (i64::from(*version), pair.public_key().as_ref().to_vec(), pair.sign(message).as_ref().to_vec())
    }

    /// The public signing keys by version.
    pub fn public_keys(&self) -> Vec<(i64, Vec<u8>)> {
        let ring = self.ring.load();
        ring.signs.iter().map(|(number, (_, pair))| (i64::from(*number), pair.public_key().as_ref().to_vec())).collect()
    }
}

/// Whether an Ed25519 signature holds under a public key; nothing secret is needed.
pub fn signature_holds(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(message, signature).is_ok()
}

fn load(file: &Path) -> Result<Ring, SecretError> {
    let text = std::fs::read_to_string(file)
        .map_err(|fault| SecretError::KeyFile(format!("cannot read {}: {fault}", file.display())))?;
    Ring::parse(&text)
}

fn save(file: &Path, ring: &Ring) -> Result<(), SecretError> {
    ring::write(file, ring).map_err(|fault| SecretError::KeyFile(format!("cannot write {}: {fault}", file.display())))
}

fn keyed(key: &[u8; 32], kind: &str, value: &str) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("HMAC takes any key length");
    mac.update(kind.as_bytes());
    mac.update(&[0]);
    mac.update(value.as_bytes());
    mac.finalize().into_bytes()[..16].to_vec()
}

fn tail(value: &str) -> String {
    value.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect()
}

/// Whether a value of stored JSON is a token of [`Keys::seal_text`].
pub fn is_sealed(value: &serde_json::Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("enc:"))
}

/// SHA-256 of bytes, for tokens that are random themselves.
pub fn digest(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes from hexadecimal.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Random bytes from the system.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).expect("the system's random source answers");
    bytes
}

/// `140202********1234`: the first six and the last four of a citizen number (GB 11643).
pub fn mask_id_no(value: &str) -> String {
    mask(value, 6, 4)
}

/// `138****5678`: the first three and the last four of a phone number.
pub fn mask_phone(value: &str) -> String {
    mask(value, 3, 4)
}

fn mask(value: &str, head: usize, tail: usize) -> String {
    let chars: Vec<char> = value.chars().collect();
    if chars.len() <= head + tail {
        return "*".repeat(chars.len());
    }
    chars.iter().enumerate().map(|(i, c)| if i < head || i >= chars.len() - tail { *c } else { '*' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_text_opens_only_in_its_context() {
        let keys = Keys::ephemeral();
        let token = keys.seal_text("id_no", "11010119800101001X");
        assert!(!token.contains("1101"));
        assert_eq!(keys.open_text("id_no", &token).expect("opens"), "11010119800101001X");
        assert!(keys.open_text("mobile", &token).is_err());
        assert!(Keys::ephemeral().open_text("id_no", &token).is_err());
        assert_ne!(token, keys.seal_text("id_no", "11010119800101001X"), "the nonce is fresh");
    }

    #[test]
    fn indexes_are_equal_for_equal_values_only() {
        let keys = Keys::ephemeral();
        assert_eq!(keys.index("id_no", "1"), keys.index("id_no", "1"));
        assert_ne!(keys.index("id_no", "1"), keys.index("mobile", "1"));
        assert_eq!(keys.tail_index("id_no", "991234"), keys.tail_index("id_no", "881234"));
    }

    #[test]
    fn a_key_file_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().expect("temp");
        let file = folder.path().join("keys");
        let token = Keys::open(&file, true).expect("made").seal_text("x", "y");
        assert_eq!(Keys::open(&file, false).expect("read").open_text("x", &token).expect("opens"), "y");
        assert!(Keys::open(&folder.path().join("other"), false).is_err());
        assert!(Keys::parse("index short\n").is_err());
    }

    #[test]
    fn a_rotation_reads_the_old_and_writes_the_new_in_every_process() {
        let folder = tempfile::tempdir().expect("temp");
        let file = folder.path().join("keys");
        let (one, other) = (Keys::open(&file, true).expect("made"), Keys::open(&file, false).expect("read"));
        let (old, index) = (one.seal_text("x", "y"), one.index("id_no", "7"));
        assert_eq!(one.add_next().expect("added"), 2);
        assert_eq!(one.version(), 1, "nobody writes with it yet");
        assert_eq!(one.indexes("id_no", "7").len(), 2, "but it is asked for");
        assert_eq!(one.activate().expect("made current"), 2);
        let new = one.seal_text("x", "z");
        assert_eq!(other.version(), 1);
        assert_eq!(other.open_text("x", &new).expect("the file is read again"), "z");
        assert_eq!(other.version(), 2);
        assert_eq!(other.open_text("x", &old).expect("old ones stay readable"), "y");
        assert_ne!(one.index("id_no", "7"), index);
        assert_eq!(one.indexes("id_no", "7")[1], (1, index));
        let digest = one.lasting_digest("submission", "a");
        assert_eq!(one.retire().expect("taken out"), [1]);
        assert!(one.open_text("x", &old).is_err());
        assert_eq!(one.lasting_digest("submission", "a"), digest);
        assert_eq!(one.public_keys().len(), 2, "old lists of heads are still checked");
        assert_eq!(one.add_next().expect("added"), 3, "a number is never used twice");
    }

    #[test]
    fn a_signature_holds_for_its_message_only() {
        let keys = Keys::ephemeral();
        let (_, public, signature) = keys.sign(b"heads");
        assert!(signature_holds(&public, b"heads", &signature));
        assert!(!signature_holds(&public, b"heads!", &signature));
        assert!(!signature_holds(&Keys::ephemeral().public_keys()[0].1, b"heads", &signature));
    }

    #[test]
    fn masks_keep_head_and_tail() {
        assert_eq!(mask_id_no("140202194501011234"), "140202********1234");
        assert_eq!(mask_phone("13812345678"), "138****5678");
        assert_eq!(mask_phone("12345"), "*****");
    }
}
