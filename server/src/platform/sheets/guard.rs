//! The zip package of an xlsx file, opened with suspicion: number of parts,
//! names, declared sizes and packing ratio are checked before anything is
//! unpacked, and sizes again while unpacking, because declarations lie.

use std::{
    cell::Cell,
    collections::BTreeMap,
    io::{self, BufReader, Cursor, Read},
    rc::Rc,
};

use zip::{ZipArchive, read::ZipFile};

use super::{
    error::{SheetError, SheetErrorKind},
    limits::Limits,
    xml::{Xml, XmlItem},
};

/// Parts smaller than this may be packed at any ratio: blank sheets are.
const RATIO_FREE: u64 = 16 << 20;

/// Unpacked bytes still allowed, and whether they were exceeded; shared by
/// the package and the part being read.
#[derive(Debug)]
pub(super) struct Budget {
    left: Cell<u64>,
    exceeded: Cell<bool>,
}

impl Budget {
    /// Whether reading stopped because too much came out.
    pub(super) fn exceeded(&self) -> bool {
        self.exceeded.get()
    }
}

/// A reader that stops at the package's budget and at the ratio limit.
pub(super) struct Capped<R> {
    inner: R,
    packed: u64,
    produced: u64,
    ratio: u64,
    budget: Rc<Budget>,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.produced += n as u64;
        let left = self.budget.left.get().checked_sub(n as u64);
        let dense = self.produced > RATIO_FREE && self.produced / self.packed.max(1) > self.ratio;
        match left {
            Some(left) if !dense => self.budget.left.set(left),
            _ => {
                self.budget.exceeded.set(true);
                return Err(io::Error::other("unpacks too large"));
            }
        }
        Ok(n)
    }
}

/// One part being read as XML.
pub(super) type PartXml<'p, 'a> = Xml<BufReader<Capped<ZipFile<'p, Cursor<&'a [u8]>>>>>;

/// An opened package.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// Index by name, in lower case because part names disregard case.
    index: BTreeMap<String, usize>,
    limits: &'a Limits,
    budget: Rc<Budget>,
}

fn damaged(part: &str) -> SheetError {
    SheetErrorKind::Damaged { part: part.to_owned() }.into()
}

impl<'a> Package<'a> {
    /// Opens a package and checks all that can be checked without unpacking.
    pub(super) fn open(bytes: &'a [u8], limits: &'a Limits) -> Result<Self, SheetError> {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| damaged("zip"))?;
        if archive.len() > limits.entries {
            return Err(SheetErrorKind::TooManyEntries { limit: limits.entries }.into());
        }
        let too_large = || SheetErrorKind::UnpacksTooLarge { limit: limits.unpacked }.into();
        let mut index = BTreeMap::new();
        let mut total: u64 = 0;
        for i in 0..archive.len() {
            let entry = archive.by_index_raw(i).map_err(|_| damaged("zip"))?;
            let raw = String::from_utf8_lossy(entry.name_raw()).into_owned();
            let name = raw.replace('\\', "/");
            if !is_safe(&name) {
                let part = raw.chars().filter(|c| !c.is_control()).take(80).collect();
                return Err(SheetErrorKind::UnsafePath { part }.into());
            }
            if entry.encrypted() {
                return Err(SheetErrorKind::Encrypted.into());
            }
            total = total.saturating_add(entry.size());
            let dense = entry.size() > RATIO_FREE && entry.size() / entry.compressed_size().max(1) > limits.ratio;
            if dense || total > limits.unpacked {
                return Err(too_large());
            }
            index.insert(name.to_lowercase(), i);
        }
        let budget = Rc::new(Budget { left: Cell::new(limits.unpacked), exceeded: Cell::new(false) });
        Ok(Self { archive, index, limits, budget })
    }

    /// Names of all parts, in lower case.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.index.keys().map(String::as_str)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.index.contains_key(&name.to_lowercase())
    }

    /// The first `limit` bytes of a part.
    pub(super) fn head(&mut self, name: &str, limit: u64) -> Option<Vec<u8>> {
        let i = *self.index.get(&name.to_lowercase())?;
        let mut out = Vec::new();
        self.archive.by_index(i).ok()?.take(limit).read_to_end(&mut out).ok()?;
        Some(out)
    }

    /// Opens a part as XML; `None` when there is no such part.
    pub(super) fn xml(&mut self, name: &str) -> Result<Option<PartXml<'_, 'a>>, SheetError> {
        let Some(i) = self.index.get(&name.to_lowercase()).copied() else {
            return Ok(None);
        };
        let file = self.archive.by_index(i).map_err(|_| damaged(name))?;
        let capped = Capped {
            packed: file.compressed_size(),
            inner: file,
            produced: 0,
            ratio: self.limits.ratio,
            budget: Rc::clone(&self.budget),
        };
        let budget = Rc::clone(&self.budget);
        Ok(Some(Xml::new(BufReader::new(capped), name, budget, self.limits.unpacked)))
    }

    /// Refuses a DTD in any XML part, also in those that are not read: it can
    /// only stand before the first element, so only that much is unpacked.
    pub(super) fn refuse_dtds(&mut self) -> Result<(), SheetError> {
        let names: Vec<String> = self
            .names()
            .filter(|n| std::path::Path::new(n).extension().is_some_and(|e| e == "xml" || e == "rels" || e == "vml"))
            .map(str::to_owned)
            .collect();
        for name in names {
            let Some(mut xml) = self.xml(&name)? else {
                continue;
            };
            loop {
                match xml.next() {
                    // Parts that are not read may be damaged or in any encoding.
                    Ok(XmlItem::Start { .. } | XmlItem::Eof)
                    | Err(SheetError { kind: SheetErrorKind::Damaged { .. }, .. }) => break,
                    Ok(_) => {}
                    Err(e) => return Err(e),
                }
            }
        }
        Ok(())
    }
}

fn is_safe(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('/')
        && !name.chars().any(|c| c.is_control() || c == ':')
        && !name.split('/').any(|piece| piece == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(size: usize, packed: u64, left: u64) -> (bool, bool) {
        let budget = Rc::new(Budget { left: Cell::new(left), exceeded: Cell::new(false) });
        let inner = io::repeat(b' ').take(size as u64);
        let mut capped = Capped { inner, packed, produced: 0, ratio: 200, budget: Rc::clone(&budget) };
        let copied = io::copy(&mut capped, &mut io::sink());
        (copied.is_ok(), budget.exceeded())
    }

    #[test]
    fn unpacking_stops_at_the_budget_and_at_the_ratio() {
        assert_eq!(read(1_000, 1, 1_000), (true, false));
        assert_eq!(read(1_001, 1, 1_000), (false, true));
        assert_eq!(read(17 << 20, 1 << 20, 1 << 30), (true, false));
        assert_eq!(read(17 << 20, 1 << 10, 1 << 30), (false, true));
    }

    #[test]
    fn names_that_lead_outside_are_unsafe() {
        for bad in ["", "/etc/x", "../x", "xl/../../x", "c:/x", "a\0b"] {
            assert!(!is_safe(bad), "{bad}");
        }
        assert!(is_safe("xl/worksheets/sheet1.xml") && is_safe("xl/a..b.xml"));
    }
}
