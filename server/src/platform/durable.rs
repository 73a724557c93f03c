//! Files outside the database that must survive a power cut: bytes are synced before they get their name, and
//! the folder after it, all the way up where folders are new. A name that was not synced may be gone.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Result, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::faults::{self, Protection};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// as the system's mask says
    Usual,
    /// its owner alone
    Owner,
}

/// Puts a whole file where another may be: a reader, and a start after a cut, sees the old one or the new one.
pub fn replace(path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    let folder = folder_of(path);
    make_folder(folder)?;
    // Of its own name: a process that was frozen may wake up while another writes.
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    let mode = if readers == Readers::Owner { 0o600 } else { 0o666 };
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&draft)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    rename(&draft, path)
}

/// Gives a file another name, for good.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to)?;
    sync_folder(folder_of(to))
}

/// Makes a folder and those above it, each synced into the one that holds it.
pub fn make_folder(folder: &Path) -> Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let above = folder_of(folder);
    make_folder(above)?;
    match std::fs::create_dir(folder) {
        Err(fault) if fault.kind() != ErrorKind::AlreadyExists => Err(fault),
        _ if faults::out(Protection::FolderSynced) => Ok(()),
        _ => sync_folder(above),
    }
}

/// Makes the names in a folder last.
pub fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_made_all_the_way_and_files_replaced() {
        let folder = tempfile::tempdir().expect("temp");
        let file = folder.path().join("a/b/c.json");
        replace(&file, b"one", Readers::Usual).expect("written");
        replace(&file, b"two", Readers::Owner).expect("replaced");
        assert_eq!(std::fs::read(&file).expect("read"), b"two");
        assert_eq!(std::fs::read_dir(folder.path().join("a/b")).expect("folder").count(), 1, "no draft stays");
    }
}
