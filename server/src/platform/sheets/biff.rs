//! Records of the BIFF8 stream in an xls file (MS-XLS), and the two encodings
//! that need care: the shared string table, whose strings run over record
//! boundaries, and compressed numbers.

use std::sync::Arc;

use super::{
    cfb::{u16_at, u32_at},
    error::SheetError,
    limits::{Limits, Used},
};

/// Identifiers of the records that are read.
pub(super) mod id {
    pub const FORMULA: u16 = 0x0006;
    pub const EOF: u16 = 0x000A;
    pub const DATE_MODE: u16 = 0x0022;
    pub const FILE_PASS: u16 = 0x002F;
    pub const CONTINUE: u16 = 0x003C;
    pub const BOUND_SHEET: u16 = 0x0085;
    pub const MUL_RK: u16 = 0x00BD;
    pub const XF: u16 = 0x00E0;
    pub const MERGE_CELLS: u16 = 0x00E5;
    pub const SST: u16 = 0x00FC;
    pub const LABEL_SST: u16 = 0x00FD;
    pub const NUMBER: u16 = 0x0203;
    pub const LABEL: u16 = 0x0204;
    pub const BOOL_ERR: u16 = 0x0205;
    pub const STRING: u16 = 0x0207;
    pub const ROW: u16 = 0x0208;
    pub const RK: u16 = 0x027E;
    pub const FORMAT: u16 = 0x041E;
    pub const BOF: u16 = 0x0809;
}

/// One record: identifier and content.
pub(super) type Record<'a> = (u16, &'a [u8]);

/// Records from a position to the end of the stream or the first damage.
pub(super) struct Records<'a>(pub &'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let id = u16_at(self.0, 0)?;
        let length = usize::from(u16_at(self.0, 2)?);
        let content = self.0.get(4..4 + length)?;
        self.0 = &self.0[4 + length..];
        Some((id, content))
    }
}

/// Reads characters that may continue in following records, each of which
/// then begins with its own width flag.
struct Pieces<'a> {
    pieces: std::vec::IntoIter<&'a [u8]>,
    now: &'a [u8],
}

impl<'a> Pieces<'a> {
    fn next_piece(&mut self) -> Option<()> {
        self.now = self.pieces.next()?;
        Some(())
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        if self.now.is_empty() {
            self.next_piece()?;
        }
        let (head, rest) = self.now.split_at_checked(n)?;
        self.now = rest;
        Some(head)
    }

    fn skip(&mut self, mut n: usize) -> Option<()> {
        while n > 0 {
            if self.now.is_empty() {
                self.next_piece()?;
            }
            let step = n.min(self.now.len());
            self.now = &self.now[step..];
            n -= step;
        }
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        let mut left = usize::from(u16_at(self.take(2)?, 0)?);
        let flags = self.take(1)?[0];
        let runs = if flags & 8 == 0 { 0 } else { usize::from(u16_at(self.take(2)?, 0)?) };
        let phonetic = if flags & 4 == 0 { 0 } else { u32_at(self.take(4)?, 0)? as usize };
        let mut wide = flags & 1 == 1;
        let mut units: Vec<u16> = Vec::new();
        while left > 0 {
            if self.now.is_empty() {
                self.next_piece()?;
                wide = self.take(1)?[0] & 1 == 1;
            }
            let width = if wide { 2 } else { 1 };
            let n = left.min(self.now.len() / width);
            if n == 0 {
                return None;
            }
            push_units(&mut units, self.take(n * width)?, wide);
            left -= n;
        }
        self.skip(runs * 4)?;
        self.skip(phonetic)?;
        Some(String::from_utf16_lossy(&units))
    }
}

fn push_units(units: &mut Vec<u16>, bytes: &[u8], wide: bool) {
    if wide {
        units.extend(bytes.chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]])));
    } else {
        units.extend(bytes.iter().map(|b| u16::from(*b)));
    }
}

/// The strings of an SST record and its continuations; `Ok(None)` if damaged.
pub(super) fn shared_strings(
    pieces: Vec<&[u8]>,
    limits: &Limits,
    used: &mut Used,
) -> Result<Option<Vec<Arc<str>>>, SheetError> {
    let mut pieces = Pieces { pieces: pieces.into_iter(), now: &[] };
    let Some(count) = pieces.take(8).and_then(|head| u32_at(head, 4)) else {
        return Ok(None);
    };
    let mut strings = Vec::new();
    for _ in 0..count {
        let Some(text) = pieces.string() else {
            return Ok(None);
        };
        used.add_text(text.len() + 16, limits)?;
        strings.push(text.into());
    }
    Ok(Some(strings))
}

/// A string with a 16-bit (`wide_count`) or 8-bit count at the start of `data`.
pub(super) fn plain_string(data: &[u8], wide_count: bool) -> Option<String> {
    let (count, rest) = if wide_count {
        (usize::from(u16_at(data, 0)?), data.get(2..)?)
    } else {
        (usize::from(*data.first()?), data.get(1..)?)
    };
    let wide = rest.first()? & 1 == 1;
    let bytes = rest.get(1..)?;
    let mut units = Vec::new();
    push_units(&mut units, bytes.get(..count * if wide { 2 } else { 1 }).unwrap_or(bytes), wide);
    Some(String::from_utf16_lossy(&units))
}

/// Value of a compressed number (MS-XLS 2.5.217).
pub(super) fn rk(raw: u32) -> f64 {
    let value = if raw & 2 == 0 { f64::from_bits(u64::from(raw & !3) << 32) } else { f64::from(raw as i32 >> 2) };
    if raw & 1 == 1 { value / 100.0 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_numbers() {
        assert_eq!(rk(0x3FF0_0000).to_bits(), 1.0_f64.to_bits());
        assert_eq!(rk(0x3FF0_0001).to_bits(), 0.01_f64.to_bits());
        assert_eq!(rk(4_567 << 2 | 2).to_bits(), 4_567.0_f64.to_bits());
        assert_eq!(rk((-5_i32 << 2) as u32 | 3).to_bits(), (-0.05_f64).to_bits());
    }

    #[test]
    fn a_string_may_run_over_a_record_boundary() {
        // "ab" narrow, continued wide with "中".
        let first = [0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, b'a', b'b'];
        let second = [1, 0x2D, 0x4E];
        let mut used = Used::default();
        let read = shared_strings(vec![&first, &second], &Limits::default(), &mut used);
        assert_eq!(read.expect("within limits"), Some(vec!["ab中".into()]));
        let cut = shared_strings(vec![&first], &Limits::default(), &mut used);
        assert_eq!(cut.expect("within limits"), None);
    }
}
