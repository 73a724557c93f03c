//! Builds a folder as it could look after a power cut at one point of a log.
//!
//! What was synced is there. What was written later is dropped, kept, or there in part: of each sector of 512
//! bytes any of its states since the last sync. What a sync failed to bring to disk is clean in memory and not on
//! the disk: no later sync brings it, only writing that page again does.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;

use super::Dice;
use super::log::{Log, Record};

const PAGE: u64 = 4096;
const SECTOR: u64 = 512;

/// When a name (a new file, a rename, a removal) is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// when its folder was synced: all that POSIX promises
    Strict,
    /// when anything was synced: as file systems with a journal do it; PostgreSQL counts on it for new tables
    Journaled,
}

/// What becomes of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Drop,
    Keep,
    /// sector by sector, by this seed
    Mix(u64),
}

enum Change {
    Bytes { at: u64, data: Vec<u8>, stuck: bool },
    Size(u64),
    Grow(u64),
}

#[derive(Default)]
struct Content {
    disk: Vec<u8>,
    pending: Vec<(u64, Change)>,
    has_stuck: bool,
}

impl Content {
    /// A page that is written again is dirty again: what was stuck in it goes along.
    fn write(&mut self, number: u64, mut at: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (page, size) = (at / PAGE, ((PAGE - at % PAGE) as usize).min(bytes.len()));
            for (_, change) in self.pending.iter_mut().filter(|_| self.has_stuck) {
                if let Change::Bytes { at, stuck, .. } = change
                    && *at / PAGE == page
                {
                    *stuck = false;
                }
            }
            self.pending.push((number, Change::Bytes { at, data: bytes[..size].to_vec(), stuck: false }));
            (at, bytes) = (at + size as u64, &bytes[size..]);
        }
    }

    fn synced(&mut self, before: u64) {
        let mut stays = Vec::new();
        for (number, change) in std::mem::take(&mut self.pending) {
            if number >= before || matches!(change, Change::Bytes { stuck: true, .. }) {
                stays.push((number, change));
            } else {
                put(&mut self.disk, &change);
            }
        }
        self.pending = stays;
    }

    fn not_synced(&mut self, before: u64) {
        self.has_stuck = true;
        for (number, change) in &mut self.pending {
            if let Change::Bytes { stuck, .. } = change
                && *number < before
            {
                *stuck = true;
            }
        }
    }

    fn left(&self, style: Style, inode: u64) -> Vec<u8> {
        let mut out = self.disk.clone();
        if style == Style::Drop {
            return out;
        }
        let mut touched: HashMap<u64, u64> = HashMap::new();
        for (_, change) in &self.pending {
            let Change::Bytes { at, data, stuck } = change else {
                let there = !matches!(style, Style::Mix(seed) if Dice::of(seed ^ inode).below(2) == 0);
                if there {
                    put(&mut out, change);
                }
                continue;
            };
            if *stuck {
                continue;
            }
            let Style::Mix(seed) = style else {
                put(&mut out, change);
                continue;
            };
            let (mut from, end) = (*at, at + data.len() as u64);
            while from < end {
                let sector = from / SECTOR;
                let to = ((sector + 1) * SECTOR).min(end);
                let before = touched.entry(sector).or_default();
                *before += 1;
                // None of what was written to this sector, all of it, or only the first so many times.
                let most = match Dice::of(seed ^ inode.rotate_left(32) ^ sector).below(3) {
                    0 => 0,
                    1 => u64::MAX,
                    _ => Dice::of(seed ^ !sector).below(6),
                };
                if *before <= most {
                    let part = data[(from - at) as usize..(to - at) as usize].to_vec();
                    put(&mut out, &Change::Bytes { at: from, data: part, stuck: false });
                }
                from = to;
            }
        }
        out
    }
}

fn put(out: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Bytes { at, data, .. } => {
            let end = *at as usize + data.len();
            if out.len() < end {
                out.resize(end, 0);
            }
            out[*at as usize..end].copy_from_slice(data);
        }
        Change::Size(size) => out.resize(*size as usize, 0),
        Change::Grow(size) => out.resize((*size as usize).max(out.len()), 0),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    File(usize),
    Folder,
    Nothing,
}

struct Naming {
    number: u64,
    folder: String,
    sets: Vec<(String, Node)>,
    on_disk: bool,
}

/// A folder while a log is played over it.
pub struct Disk<'a> {
    base: &'a Path,
    names: Names,
    /// without: as if no sync had ever brought anything to the disk
    pub syncs_count: bool,
    contents: Vec<Content>,
    by_inode: HashMap<u64, usize>,
    first: BTreeMap<String, Node>,
    namings: Vec<Naming>,
    begun: HashMap<i64, u64>,
    number: u64,
}

fn folder_of(path: &str) -> String {
    path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned()
}

impl<'a> Disk<'a> {
    /// As the folder was before the log begins, all of it on the disk.
    pub fn new(base: &'a Path, names: Names) -> Self {
        Self {
            base,
            names,
            syncs_count: true,
            contents: Vec::new(),
            by_inode: HashMap::new(),
            first: BTreeMap::new(),
            namings: Vec::new(),
            begun: HashMap::new(),
            number: 0,
        }
    }

    fn add(&mut self, inode: u64, disk: Vec<u8>) -> usize {
        self.contents.push(Content { disk, ..Content::default() });
        self.by_inode.insert(inode, self.contents.len() - 1);
        self.contents.len() - 1
    }

    fn known(&mut self, inode: u64, path: &str) -> usize {
        if let Some(known) = self.by_inode.get(&inode) {
            return *known;
        }
        let before = std::fs::read(self.base.join(path));
        let there = before.is_ok();
        let key = self.add(inode, before.unwrap_or_default());
        self.first.insert(path.to_owned(), if there { Node::File(key) } else { Node::Nothing });
        if !there {
            // Made in a way that the shim does not see (stdio): the name is as new as its first write.
            self.name(folder_of(path), vec![(path.to_owned(), Node::File(key))]);
        }
        key
    }

    fn name(&mut self, folder: String, sets: Vec<(String, Node)>) {
        self.namings.push(Naming { number: self.number, folder, sets, on_disk: false });
    }

    /// Plays one record.
    pub fn play(&mut self, log: &Log, record: &Record) {
        self.number += 1;
        let (number, path) = (self.number, record.path.clone());
        match record.kind {
            b'W' => {
                let key = self.known(record.inode, &path);
                self.contents[key].write(number, record.a as u64, log.data(record));
            }
            b'T' | b'A' => {
                let key = self.known(record.inode, &path);
                let end = record.a as u64;
                let change =
                    if record.kind == b'T' { Change::Size(end) } else { Change::Grow(end + record.b as u64) };
                self.contents[key].pending.push((number, change));
            }
            b'B' => drop(self.begun.insert(record.a, number)),
            b'E' => self.ended(record),
            b'C' => {
                let key = self.add(record.inode, Vec::new());
                self.name(folder_of(&path), vec![(path, Node::File(key))]);
            }
            b'R' => {
                assert_eq!(record.b, 0, "folders are not renamed here: {path}");
                let to = log.below(&String::from_utf8_lossy(log.data(record)));
                let key = self.known(record.inode, &path);
                self.name(folder_of(&to), vec![(path, Node::Nothing), (to, Node::File(key))]);
            }
            b'U' | b'X' => self.name(folder_of(&path), vec![(path, Node::Nothing)]),
            b'M' => self.name(folder_of(&path), vec![(path, Node::Folder)]),
            other => panic!("a record of kind {other}"),
        }
    }

    fn ended(&mut self, record: &Record) {
        let Some(begun) = self.begun.remove(&record.a).filter(|_| self.syncs_count) else { return };
        let (is_folder, failed) = (record.b == 1, record.c != 0);
        if !is_folder {
            let key = self.known(record.inode, &record.path);
            let content = &mut self.contents[key];
            if failed { content.not_synced(begun) } else { content.synced(begun) }
        }
        if !failed {
            for naming in self.namings.iter_mut().filter(|naming| naming.number < begun) {
                naming.on_disk |= self.names == Names::Journaled || (is_folder && naming.folder == record.path);
            }
        }
    }

    /// Writes the folder as it is after the cut into `target`, which must not be there.
    pub fn leave(&self, target: &Path, style: Style) {
        let copied = Command::new("cp").arg("-a").arg(self.base).arg(target).status().expect("cp");
        assert!(copied.success());
        let open = self.namings.iter().filter(|naming| !naming.on_disk).count() as u64;
        let mut more = match style {
            Style::Drop => 0,
            Style::Keep => open,
            Style::Mix(seed) => Dice::of(seed).below(open + 1),
        };
        let mut view = self.first.clone();
        for naming in &self.namings {
            if !naming.on_disk {
                if more == 0 {
                    continue;
                }
                more -= 1;
            }
            view.extend(naming.sets.iter().cloned());
        }
        for (path, _) in view.iter().filter(|(_, node)| **node == Node::Nothing) {
            let _ = std::fs::remove_file(target.join(path)).or_else(|_| std::fs::remove_dir(target.join(path)));
        }
        // Sorted, so that a folder comes before what lies in it; without its folder nothing is there.
        for (path, node) in &view {
            let place = target.join(path);
            match node {
                Node::Folder if place.parent().is_some_and(Path::exists) => drop(std::fs::create_dir(place)),
                Node::File(key) if place.parent().is_some_and(Path::exists) && lasts(path) => {
                    let bytes = self.contents[*key].left(style, *key as u64);
                    std::fs::write(place, bytes).expect("written");
                }
                _ => {}
            }
        }
    }
}

/// Shared memory in a file and the mark of a running server say nothing after a cut.
fn lasts(path: &str) -> bool {
    !path.ends_with("-shm") && !path.ends_with("postmaster.pid")
}
