//! The shim: compiled here, loaded into programs, and told what to do.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

/// What may fail, as in `shim.c`.
pub const WRITE: i32 = 1;
pub const SYNC: i32 = 2;
pub const CREATE: i32 = 4;
pub const RENAME: i32 = 8;
pub const RESIZE: i32 = 16;

/// Numbers of Linux.
pub const EIO: i32 = 5;
pub const ENOSPC: i32 = 28;
pub const EROFS: i32 = 30;

const RULES: u64 = 16;
const RULE: u64 = 128;
const RULES_AT: u64 = 16;

/// One shim over one folder.
pub struct Shim {
    library: PathBuf,
    root: PathBuf,
    control_path: PathBuf,
    control: File,
    log: PathBuf,
    noted: AtomicU64,
}

impl Shim {
    /// Compiles it into `beside`; it looks at what lies below `root`.
    pub fn new(root: &Path, beside: &Path) -> Self {
        std::fs::create_dir_all(beside).expect("folder");
        let library = beside.join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/disk/shim.c");
        let mut compile = Command::new("cc");
        compile.args(["-O1", "-shared", "-fPIC", "-o"]).args([&library, &source]).arg("-ldl");
        let done = compile.output().expect("a C compiler is there, as for every Rust toolchain");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let open = |name: &str, size: u64| {
            let path = beside.join(name);
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path).expect("file");
            file.set_len(size).expect("sized");
            // PostgreSQL may run as somebody else.
            file.set_permissions(std::fs::Permissions::from_mode(0o666)).expect("open to all");
            (path, file)
        };
        let (log, _) = open("log", 0);
        let (control_path, control) = open("control", RULES_AT + RULES * RULE);
        let root = root.canonicalize().expect("the folder is there");
        Self { library, root, control_path, control, log, noted: AtomicU64::new(0) }
    }

    /// What a program needs in its environment.
    pub fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("LD_PRELOAD", self.library.clone()),
            ("HUTONG_SHIM_ROOT", self.root.clone()),
            ("HUTONG_SHIM_CONTROL", self.control_path.clone()),
            ("HUTONG_SHIM_LOG", self.log.clone()),
        ]
    }

    fn put(&self, at: u64, bytes: &[u8]) {
        self.control.write_all_at(bytes, at).expect("told");
    }

    /// Moves the wall clock of everybody by so many seconds from the real one.
    pub fn clock(&self, seconds: i64) {
        self.put(0, &(seconds * 1_000_000_000).to_ne_bytes());
    }

    /// How long a sync takes.
    pub fn sync_takes(&self, micros: i64) {
        self.put(8, &micros.to_ne_bytes());
    }

    /// From now on these calls fail for paths that contain `part`: `left` times, or always when negative.
    pub fn fail(&self, operations: i32, error: i32, left: i32, part: &str) -> Failing<'_> {
        let number = self.noted.fetch_add(1, Ordering::Relaxed) % RULES;
        let at = RULES_AT + number * RULE;
        let mut bytes = [0_u8; RULE as usize];
        bytes[4..8].copy_from_slice(&error.to_ne_bytes());
        bytes[8..12].copy_from_slice(&left.to_ne_bytes());
        bytes[16..16 + part.len()].copy_from_slice(part.as_bytes());
        self.put(at, &bytes);
        // Last, since this makes it hold.
        self.put(at, &operations.to_ne_bytes());
        Failing { shim: self, at }
    }

    /// Bytes in the log until now.
    pub fn position(&self) -> u64 {
        std::fs::metadata(&self.log).expect("the log").len()
    }

    /// The log as it is now.
    pub fn log(&self) -> super::log::Log {
        super::log::Log::read(&self.log, &self.root)
    }
}

/// A rule that holds while this lives.
pub struct Failing<'a> {
    shim: &'a Shim,
    at: u64,
}

impl Failing<'_> {
    /// How many calls failed by it.
    pub fn hits(&self) -> i32 {
        let mut bytes = [0_u8; 4];
        self.shim.control.read_exact_at(&mut bytes, self.at + 12).expect("read");
        i32::from_ne_bytes(bytes)
    }
}

impl Drop for Failing<'_> {
    fn drop(&mut self) {
        self.shim.put(self.at, &0_i32.to_ne_bytes());
    }
}
