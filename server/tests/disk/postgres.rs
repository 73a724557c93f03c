//! A private PostgreSQL that keeps what it promises, so that its disk can be taken away.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::shim::Shim;

/// A server on a folder; it is stopped at once when this is dropped.
pub struct Postgres {
    data: PathBuf,
    port: u16,
}

fn programs() -> &'static Path {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    BIN.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/test-postgres.sh");
        let found = Command::new("sh").arg(script).arg("bin").output().expect("the script");
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        PathBuf::from(String::from_utf8_lossy(&found.stdout).trim())
    })
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0)
}

/// A program of PostgreSQL, which refuses to run as root.
fn command(program: &str, shim: Option<&Shim>) -> Command {
    let path = programs().join(program);
    let mut words: Vec<std::ffi::OsString> = Vec::new();
    if is_root() {
        words.extend(["runuser", "-u", "postgres", "--"].map(Into::into));
    }
    words.push("env".into());
    for (name, value) in shim.map(Shim::environment).unwrap_or_default() {
        let mut setting = std::ffi::OsString::from(name);
        setting.push("=");
        setting.push(value);
        words.push(setting);
    }
    words.push(path.into());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir("/");
    command
}

/// The folder and what is in it belong to whoever runs PostgreSQL.
pub fn own(data: &Path) {
    if is_root() {
        let done = Command::new("chown").args(["-R", "postgres"]).arg(data).status().expect("chown");
        assert!(done.success());
    }
    assert!(Command::new("chmod").arg("700").arg(data).status().expect("chmod").success());
}

/// A new cluster with small pieces of log.
pub fn init(data: &Path) {
    std::fs::create_dir_all(data).expect("folder");
    own(data);
    let mut make = command("initdb", None);
    make.args(["-U", "hutong", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--wal-segsize=1"]);
    let done = make.arg("-D").arg(data).output().expect("initdb");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

impl Postgres {
    /// Starts a server; settings are `name=value`. The fault is what its log says at the end.
    pub fn start(data: &Path, shim: Option<&Shim>, settings: &[&str]) -> Result<Self, String> {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        Self::start_on(data, port, shim, settings)
    }

    fn start_on(data: &Path, port: u16, shim: Option<&Shim>, settings: &[&str]) -> Result<Self, String> {
        let mut options = format!("-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=");
        let usual = ["fsync=on", "full_page_writes=on", "wal_sync_method=fdatasync", "shared_buffers=8MB"];
        for setting in usual.iter().chain(settings) {
            options.push_str(&format!(" -c {setting}"));
        }
        let log = data.join("server.log");
        let mut start = command("pg_ctl", shim);
        start.args(["start", "-w", "-t", "30", "-o", &options, "-D"]).arg(data).arg("-l").arg(&log);
        let started = start.stdin(std::process::Stdio::null()).output().expect("pg_ctl");
        if started.status.success() {
            return Ok(Self { data: data.to_owned(), port });
        }
        Err(std::fs::read_to_string(log).unwrap_or_default())
    }

    /// Starts the same server again after [`Postgres::stop`].
    pub fn again(&self, shim: Option<&Shim>, settings: &[&str]) {
        std::mem::forget(Self::start_on(&self.data, self.port, shim, settings).expect("starts again"));
    }

    pub fn url(&self) -> String {
        format!("postgres://hutong@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops: `fast` with a checkpoint, `immediate` without.
    pub fn stop(&self, mode: &str) {
        let mut stop = command("pg_ctl", None);
        let _ = stop.args(["stop", "-w", "-m", mode, "-D"]).arg(&self.data).output();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop("immediate");
    }
}

/// Gives the pages of a stopped cluster checksums.
pub fn enable_checksums(data: &Path) {
    own(data);
    let done = command("pg_checksums", None).args(["--enable", "--no-sync", "-D"]).arg(data).output().expect("runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
