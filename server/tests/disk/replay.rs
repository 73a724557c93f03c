//! Builds a folder as it could look after a power cut at one point of a log.
//!
//! What was synced is there. What was written later is dropped, kept, or there in part: of each sector of 512
//! bytes any of its states since the last sync. What a sync failed to bring to disk is clean in memory and not on
//! the disk: no later sync brings it, only writing that page again does.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;

use super::Dice;
use super::content::{Change, Content};
use super::log::{Log, Record};

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
        self.contents.push(Content::on_disk(disk));
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
                let change = if record.kind == b'T' { Change::Size(end) } else { Change::Grow(end + record.b as u64) };
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
