//! A1-style references.

/// Letters of a zero-based column: 0 is `A`, 25 `Z`, 26 `AA`.
pub fn column_letter(column: u32) -> String {
    let mut n = u64::from(column) + 1;
    let mut letters = Vec::new();
    while n > 0 {
        let rest = ((n - 1) % 26) as u8;
        letters.push(b'A' + rest);
        n = (n - 1) / 26;
    }
    letters.iter().rev().map(|b| char::from(*b)).collect()
}

/// Zero-based (row, column) of a reference such as `C5` or `$C$5`.
pub(super) fn parse(reference: &str) -> Option<(u32, u32)> {
    let mut column: u32 = 0;
    let mut row: u32 = 0;
    let mut digits = false;
    for b in reference.bytes() {
        match b {
            b'$' => {}
            b'A'..=b'Z' | b'a'..=b'z' if !digits => {
                let n = u32::from(b.to_ascii_uppercase() - b'A') + 1;
                column = column.checked_mul(26)?.checked_add(n)?;
            }
            b'0'..=b'9' if column > 0 => {
                digits = true;
                row = row.checked_mul(10)?.checked_add(u32::from(b - b'0'))?;
            }
            _ => return None,
        }
    }
    Some((row.checked_sub(1)?, column.checked_sub(1)?))
}

/// Corners of a range such as `A1:C2`; a single reference is its own range.
pub(super) fn parse_range(range: &str) -> Option<((u32, u32), (u32, u32))> {
    let (from, to) = range.split_once(':').unwrap_or((range, range));
    let (from, to) = (parse(from)?, parse(to)?);
    (from.0 <= to.0 && from.1 <= to.1).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_references_agree() {
        for (n, letters) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")] {
            assert_eq!(column_letter(n), letters);
            assert_eq!(parse(&format!("{letters}7")), Some((6, n)));
        }
        assert_eq!(parse_range("$B$2:C9"), Some(((1, 1), (8, 2))));
        for bad in ["", "7", "A", "A0", "1A", "A1B", "C9:B2", "ZZZZZZZZZ1", "A99999999999"] {
            assert_eq!(parse_range(bad), None, "{bad}");
        }
    }
}
