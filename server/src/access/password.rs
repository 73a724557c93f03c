//! Passwords: argon2id as OWASP recommends (19 MiB, 2 passes, 1 lane), in a bounded blocking pool.

use std::sync::{Arc, LazyLock};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::error::AppError;
use crate::platform::secrets::random;

/// Shortest password, in characters.
pub const SHORTEST: usize = 10;
/// Longest password, in bytes: hashing more is only work for us.
pub const LONGEST: usize = 256;

/// A password as it is kept: a PHC string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashed(String);

impl Hashed {
    /// The PHC string, for the account row.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Hashed once, compared with what is tried for a login that does not exist, so that both take equally long.
static NOBODY: LazyLock<Hashed> = LazyLock::new(|| hash_now("no account has this password"));

fn argon() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("OWASP's parameters are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Hashes on this thread (about 20 ms): for commands and set-up; handlers use [`Hashing::hash`].
pub fn hash_now(password: &str) -> Hashed {
    let hash = argon()
        .hash_password_with_salt(password.as_bytes(), &random::<16>())
        .expect("argon2 hashes any password shorter than 4 GiB");
    Hashed(hash.to_string())
}

/// Whether a password is the hashed one; a malformed hash is nobody's.
fn matches(password: &str, hash: &str) -> bool {
    argon().verify_password(password.as_bytes(), hash).is_ok()
}

/// What is wrong with a chosen password: a text key, or nothing.
pub fn weakness(login: &str, password: &str) -> Option<&'static str> {
    let short = password.chars().count() < SHORTEST;
    let same = password.chars().all(|c| password.starts_with(c));
    let named = !login.is_empty() && password.to_lowercase().contains(&login.to_lowercase());
    if short {
        Some("sign-in-password-short")
    } else if password.len() > LONGEST {
        Some("sign-in-password-long")
    } else if same || named {
        Some("sign-in-password-guessable")
    } else {
        None
    }
}

/// A password to be told once: 16 letters and digits that are not mistaken for each other.
pub fn one_time() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    random::<16>().iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

/// The bounded pool: hashing is memory and time, so only a few run at once.
#[derive(Clone)]
pub struct Hashing(Arc<Semaphore>);

impl Hashing {
    /// A pool in which `at_once` passwords may be hashed at the same time.
    pub fn new(at_once: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once.max(1))))
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, AppError> {
        let permit = self.0.clone().acquire_owned().await.map_err(|_| AppError::Internal("hashing closed".into()))?;
        let task = tokio::task::spawn_blocking(move || {
            let value = work();
            drop(permit);
            value
        });
        task.await.map_err(|fault| AppError::Internal(fault.to_string()))
    }

    /// Hashes a password.
    pub async fn hash(&self, password: &str) -> Result<Hashed, AppError> {
        let password = password.to_owned();
        self.run(move || hash_now(&password)).await
    }

    /// Whether `password` is the one of `hash`; without a hash it takes as long and is false.
    pub async fn verify(&self, password: &str, hash: Option<String>) -> Result<bool, AppError> {
        let password = password.to_owned();
        if password.len() > LONGEST {
            return Ok(false);
        }
        self.run(move || {
            if let Some(hash) = hash {
                matches(&password, &hash)
            } else {
                let _ = matches(&password, NOBODY.as_str());
                false
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_fits_only_its_password() {
        let pool = Hashing::new(1);
        let hash = pool.hash("correct horse").await.expect("hashed");
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash:?}");
        assert!(pool.verify("correct horse", Some(hash.as_str().into())).await.expect("ran"));
        assert!(!pool.verify("correct horsf", Some(hash.as_str().into())).await.expect("ran"));
        assert!(!pool.verify("correct horse", None).await.expect("ran"));
        assert!(!pool.verify("correct horse", Some("broken".into())).await.expect("ran"));
        assert_ne!(hash, pool.hash("correct horse").await.expect("hashed"), "the salt is fresh");
    }

    #[test]
    fn weak_passwords_are_named() {
        assert_eq!(weakness("wang", "short"), Some("sign-in-password-short"));
        assert_eq!(weakness("wang", "wangwang12345"), Some("sign-in-password-guessable"));
        assert_eq!(weakness("wang", "aaaaaaaaaaaa"), Some("sign-in-password-guessable"));
        assert_eq!(weakness("wang", &"长".repeat(100)), Some("sign-in-password-long"));
        assert_eq!(weakness("wang", "御馨花都的第三个网格里"), None);
        assert_eq!(one_time().len(), 16);
        assert_ne!(one_time(), one_time());
    }

    /// Whoever hashes outside the pool takes every core from those who sign in meanwhile: only the pool
    /// itself and the demo city, which is built before the server listens, may.
    #[test]
    fn only_the_pool_and_the_demo_hash_a_password() {
        fn walk(folder: &std::path::Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).expect("sources").map(|entry| entry.expect("entry").path()) {
                if entry.is_dir() {
                    walk(&entry, found);
                } else if std::fs::read_to_string(&entry).is_ok_and(|text| text.contains("hash_now(")) {
                    found.push(entry.to_string_lossy().replace('\\', "/"));
                }
            }
        }
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        walk(&source, &mut found);
        found.retain(|path| !path.ends_with("access/password.rs") && !path.ends_with("demo/mod.rs"));
        assert!(found.is_empty(), "use app.gate.hashing in {found:?}");
    }
}
