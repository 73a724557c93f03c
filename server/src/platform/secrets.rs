//! Secrets at rest: ciphertext with key version, keyed index, mask. Keys live outside the database.
//!
//! A ciphertext is `version (1) | nonce (12) | AES-256-GCM`. The keyed index is HMAC-SHA256 over the
//! normalized value under a key of its own, so that equal numbers can be found without being readable.

use std::path::Path;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

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

/// The installation's keys. `Debug` shows nothing of them.
#[derive(Clone)]
pub struct Keys {
    version: u8,
    ciphers: Vec<(u8, Aes256Gcm)>,
    index: [u8; 32],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys(version {})", self.version)
    }
}

impl Keys {
    /// Reads the key file, or writes a new one if `create` and there is none. A line is
    /// `index <base64>` or `<version> <base64>`, each 32 bytes.
    pub fn open(file: &Path, create: bool) -> Result<Self, SecretError> {
        if !file.exists() {
            if !create {
                return Err(SecretError::KeyFile(format!(
                    "the key file {} is missing: restore it from your key backup; without it personal data cannot be read",
                    file.display()
                )));
            }
            let text = format!("index {}\n1 {}\n", STANDARD.encode(random::<32>()), STANDARD.encode(random::<32>()));
            write_private(file, &text)
                .map_err(|fault| SecretError::KeyFile(format!("cannot write {}: {fault}", file.display())))?;
        }
        let text = std::fs::read_to_string(file)
            .map_err(|fault| SecretError::KeyFile(format!("cannot read {}: {fault}", file.display())))?;
        Self::parse(&text)
    }

    /// Keys from the text of a key file.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let (mut index, mut ciphers) = (None, Vec::new());
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let bad = || {
                SecretError::KeyFile(format!("key file, line {}: expected `index KEY` or `VERSION KEY`", number + 1))
            };
            let (name, key) = line.trim().split_once(' ').ok_or_else(bad)?;
            let bytes: [u8; 32] = STANDARD.decode(key.trim()).ok().and_then(|b| b.try_into().ok()).ok_or_else(bad)?;
            if name == "index" {
                index = Some(bytes);
            } else {
                let version: u8 = name.parse().map_err(|_| bad())?;
                ciphers.push((version, Aes256Gcm::new(&Key::<Aes256Gcm>::from(bytes))));
            }
        }
        let index = index.ok_or_else(|| SecretError::KeyFile("key file: the index key is missing".into()))?;
        let version = ciphers
            .iter()
            .map(|(version, _)| *version)
            .max()
            .ok_or_else(|| SecretError::KeyFile("key file: no encryption key".into()))?;
        Ok(Self { version, ciphers, index })
    }

    /// Keys for tests: random, kept nowhere.
    pub fn ephemeral() -> Self {
        let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(random::<32>()));
        Self { version: 1, ciphers: vec![(1, cipher)], index: random() }
    }

    /// The version new ciphertexts are made with.
    pub fn version(&self) -> i64 {
        i64::from(self.version)
    }

    /// Encrypts bytes; `context` (a column, a file purpose) must be given again to decrypt.
    pub fn seal_bytes(&self, context: &str, clear: &[u8]) -> Vec<u8> {
        let nonce = random::<NONCE>();
        let cipher = &self.ciphers.iter().find(|(v, _)| *v == self.version).expect("the newest key is in the list").1;
        let sealed = cipher
            .encrypt(&Nonce::from(nonce), Payload { msg: clear, aad: context.as_bytes() })
            .expect("AES-GCM encrypts any message below 64 GiB");
        let mut out = Vec::with_capacity(1 + NONCE + sealed.len());
        out.push(self.version);
        out.extend(nonce);
        out.extend(sealed);
        out
    }

    /// Decrypts what [`Keys::seal_bytes`] made under the same context.
    pub fn open_bytes(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, SecretError> {
        let (version, rest) = sealed.split_first().ok_or(SecretError::Unreadable)?;
        let cipher = self.ciphers.iter().find(|(v, _)| v == version).ok_or(SecretError::Unreadable)?;
        let (nonce, body) = rest.split_at_checked(NONCE).ok_or(SecretError::Unreadable)?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| SecretError::Unreadable)?;
        cipher
            .1
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

    /// The keyed index of a normalized value; `kind` separates columns (`id_no`, `id_no:tail`).
    pub fn index(&self, kind: &str, value: &str) -> Vec<u8> {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&self.index).expect("HMAC takes any key length");
        mac.update(kind.as_bytes());
        mac.update(&[0]);
        mac.update(value.as_bytes());
        mac.finalize().into_bytes()[..16].to_vec()
    }

    /// The keyed index of the last four characters.
    pub fn tail_index(&self, kind: &str, value: &str) -> Vec<u8> {
        let tail: String = value.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
        self.index(&format!("{kind}:tail"), &tail)
    }
}

/// SHA-256 of bytes, for tokens that are random themselves.
pub fn digest(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// Bytes as lower-case hexadecimal text.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Random bytes from the system.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).expect("the system's random source answers");
    bytes
}

fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()
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
    fn masks_keep_head_and_tail() {
        assert_eq!(mask_id_no("140202194501011234"), "140202********1234");
        assert_eq!(mask_phone("13812345678"), "138****5678");
        assert_eq!(mask_phone("12345"), "*****");
    }
}
