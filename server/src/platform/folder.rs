//! One process at a time has a data folder with an embedded database: two servers would each keep books
//! of their own in memory and not hear of each other's writes.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::durable;

/// The folder is taken until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock(#[allow(dead_code)] File); // held for its lock, not for its bytes

/// Why a folder cannot be taken.
#[derive(Debug)]
pub enum Taken {
    /// by whom
    Held(String),
    /// the lock's file cannot be used
    Disk(std::io::Error),
}

impl From<std::io::Error> for Taken {
    fn from(fault: std::io::Error) -> Self {
        Self::Disk(fault)
    }
}

impl FolderLock {
    /// Takes a folder, which is made if it is not there.
    pub fn take(folder: &Path) -> Result<Self, Taken> {
        durable::make_folder(folder)?;
        let file = folder.join("lock");
        let mut lock = File::options().read(true).write(true).create(true).truncate(false).open(file)?;
        match lock.try_lock() {
            Ok(()) => {
                lock.set_len(0)?;
                lock.rewind()?;
                write!(lock, "process {}", std::process::id())?;
                Ok(Self(lock))
            }
            Err(TryLockError::WouldBlock) => {
                let mut by = String::new();
                // On some systems a locked file cannot be read: then nobody is named.
                let _ = lock.read_to_string(&mut by);
                Err(Taken::Held(if by.is_empty() { "another process".to_owned() } else { by }))
            }
            Err(TryLockError::Error(fault)) => Err(fault.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_once_until_it_is_given_back() {
        let folder = tempfile::tempdir().expect("temp");
        let first = FolderLock::take(folder.path()).expect("free");
        let by = format!("process {}", std::process::id());
        assert!(matches!(FolderLock::take(folder.path()), Err(Taken::Held(who)) if who == by));
        drop(first);
        FolderLock::take(folder.path()).expect("free again");
    }
}
