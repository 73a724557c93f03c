//! One file while a log is played: what is on the disk, and what was written since its last sync.

use std::collections::HashMap;

use super::Dice;
use super::replay::Style;

const PAGE: u64 = 4096;
const SECTOR: u64 = 512;

/// What happened to a file.
pub enum Change {
    Bytes { at: u64, data: Vec<u8>, stuck: bool },
    Size(u64),
    Grow(u64),
}

/// A file's bytes.
#[derive(Default)]
pub struct Content {
    /// as they are on the disk
    pub disk: Vec<u8>,
    /// what was done since, each with its place in the log
    pub pending: Vec<(u64, Change)>,
    has_stuck: bool,
}

impl Content {
    pub fn on_disk(disk: Vec<u8>) -> Self {
        Self { disk, ..Self::default() }
    }

    /// A page that is written again is dirty again: what was stuck in it goes along.
    pub fn write(&mut self, number: u64, mut at: u64, mut bytes: &[u8]) {
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

    /// A sync that began at this place brought everything before it.
    pub fn synced(&mut self, before: u64) {
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

    /// A sync failed: what it should have brought is clean in memory and not on the disk.
    pub fn not_synced(&mut self, before: u64) {
        self.has_stuck = true;
        for (number, change) in &mut self.pending {
            if let Change::Bytes { stuck, .. } = change
                && *number < before
            {
                *stuck = true;
            }
        }
    }

    /// The bytes after a cut.
    pub fn left(&self, style: Style, inode: u64) -> Vec<u8> {
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
