//! The container of xls files (MS-CFB), read in place and bounded: no chain
//! may be longer than the file has sectors.

use super::error::{SheetError, SheetErrorKind};

/// First bytes of every container.
pub(super) const MAGIC: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];

const LAST_SECTOR: u32 = 0xFFFF_FFFA;
const END_OF_CHAIN: u32 = 0xFFFF_FFFE;
const MINI_CUTOFF: u64 = 4096;
const MINI_SIZE: usize = 64;

struct Entry {
    name: String,
    start: u32,
    size: u64,
    is_stream: bool,
}

/// An opened container.
pub(super) struct Container<'a> {
    bytes: &'a [u8],
    sector: usize,
    fat: Vec<u32>,
    mini_fat: Vec<u32>,
    mini: Vec<u8>,
    entries: Vec<Entry>,
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]))
}

impl<'a> Container<'a> {
    /// Opens a container, reading its allocation tables and directory.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, SheetError> {
        Self::parse(bytes).ok_or_else(|| SheetErrorKind::Damaged { part: "OLE".into() }.into())
    }

    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let sector = match u16_at(bytes, 30)? {
            9 => 512,
            12 => 4096,
            _ => return None,
        };
        let (fat, mini_fat, mini) = (Vec::new(), Vec::new(), Vec::new());
        let mut this = Self { bytes, sector, fat, mini_fat, mini, entries: Vec::new() };
        this.fat = this.read_fat()?;
        let directory = this.chain(u32_at(bytes, 48)?)?;
        this.entries = directory.chunks_exact(128).filter_map(entry).collect();
        let root = directory.get(..128)?;
        let mini_fat_start = u32_at(bytes, 60)?;
        if mini_fat_start < LAST_SECTOR {
            this.mini_fat = words(&this.chain(mini_fat_start)?).collect();
            this.mini = this.chain(u32_at(root, 116)?)?;
        }
        Some(this)
    }

    fn max_sectors(&self) -> usize {
        self.bytes.len() / self.sector + 1
    }

    fn sector_bytes(&self, id: u32) -> Option<&'a [u8]> {
        let start = (id as usize).checked_add(1)?.checked_mul(self.sector)?;
        let end = start.checked_add(self.sector)?.min(self.bytes.len());
        self.bytes.get(start..end)
    }

    fn read_fat(&self) -> Option<Vec<u32>> {
        let mut ids: Vec<u32> = words(self.bytes.get(76..512)?).collect();
        let mut next = u32_at(self.bytes, 68)?;
        let mut steps = 0;
        while next < LAST_SECTOR {
            steps += 1;
            if steps > self.max_sectors() {
                return None;
            }
            let mut more: Vec<u32> = words(self.sector_bytes(next)?).collect();
            next = more.pop()?;
            ids.extend(more);
        }
        let mut fat = Vec::new();
        // A table that names more sectors than the file has repeats itself.
        for id in ids.into_iter().filter(|id| *id < LAST_SECTOR) {
            if fat.len() > self.max_sectors() + self.sector / 4 {
                return None;
            }
            fat.extend(words(self.sector_bytes(id)?));
        }
        Some(fat)
    }

    fn chain(&self, start: u32) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut id = start;
        while id != END_OF_CHAIN {
            if out.len() > self.bytes.len() {
                return None;
            }
            let sector = self.sector_bytes(id)?;
            if sector.is_empty() {
                return None;
            }
            out.extend_from_slice(sector);
            id = *self.fat.get(id as usize)?;
        }
        Some(out)
    }

    fn mini_chain(&self, start: u32) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut id = start;
        while id != END_OF_CHAIN {
            if out.len() > self.mini.len() {
                return None;
            }
            let from = (id as usize).checked_mul(MINI_SIZE)?;
            out.extend_from_slice(self.mini.get(from..from.checked_add(MINI_SIZE)?)?);
            id = *self.mini_fat.get(id as usize)?;
        }
        Some(out)
    }

    /// Whether a stream or storage of this name exists.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|e| e.name.eq_ignore_ascii_case(name))
    }

    /// The bytes of a stream; `None` when there is no such stream.
    pub(super) fn stream(&self, name: &str) -> Option<Result<Vec<u8>, SheetError>> {
        let entry = self.entries.iter().find(|e| e.is_stream && e.name.eq_ignore_ascii_case(name))?;
        let content = if entry.size < MINI_CUTOFF { self.mini_chain(entry.start) } else { self.chain(entry.start) };
        Some(match content {
            Some(mut content) if content.len() as u64 >= entry.size => {
                content.truncate(entry.size as usize);
                Ok(content)
            }
            _ => Err(SheetErrorKind::Damaged { part: name.to_owned() }.into()),
        })
    }
}

fn entry(raw: &[u8]) -> Option<Entry> {
    let kind = *raw.get(66)?;
    let length = usize::from(u16_at(raw, 64)?).clamp(2, 64) - 2;
    let units: Vec<u16> = raw[..length].chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]])).collect();
    (kind != 0).then_some(Entry {
        name: String::from_utf16_lossy(&units),
        start: u32_at(raw, 116)?,
        // The upper half is undefined in files with 512-byte sectors.
        size: u64::from(u32_at(raw, 120)?),
        is_stream: kind == 2,
    })
}
