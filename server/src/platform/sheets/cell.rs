//! One cell and what can be made of it.

use std::{borrow::Cow, sync::Arc};

use jiff::civil::{Date, DateTime};

use super::text::normalize_text;

/// The value of one cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Cell {
    /// Nothing, or only a format.
    #[default]
    Empty,
    /// Text as typed.
    Text(Arc<str>),
    /// A number as decimal text, no exponent, no more digits than the file holds.
    Number(Arc<str>),
    /// A whole number of more digits than the file kept: an identity, account
    /// or telephone number typed into a number cell. The text is what is left
    /// of it, for people to recognize; it must not be stored as an identifier.
    LostPrecision(Arc<str>),
    /// TRUE or FALSE.
    Bool(bool),
    /// A date cell without a time of day.
    Date(Date),
    /// A date cell with a time of day.
    DateTime(DateTime),
    /// A formula's error such as `#REF!`.
    Error(Arc<str>),
}

/// Excel keeps 15 significant digits.
const KEPT_DIGITS: usize = 15;

impl Cell {
    /// A text cell; empty text is an empty cell.
    pub fn text(text: &str) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text.into()) }
    }

    /// A number cell from its text in the file (`12`, `0.5`, `1.1E+17`).
    ///
    /// A whole number written out with all its digits is kept as written;
    /// one beyond 15 digits that went through floating point is flagged.
    pub fn number(raw: &str) -> Self {
        let raw = raw.trim();
        let digits = raw.strip_prefix('-').unwrap_or(raw);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            // All 18 digits in the file are the number itself, unless the
            // 16th and later ones are the zeros that Excel puts there.
            let lost = digits.len() > KEPT_DIGITS && digits.bytes().skip(KEPT_DIGITS).all(|b| b == b'0');
            return if lost { Self::LostPrecision(raw.into()) } else { Self::Number(raw.into()) };
        }
        match raw.parse::<f64>() {
            Ok(value) if value.is_finite() => Self::float(value),
            _ => Self::text(raw),
        }
    }

    /// A number cell from a floating-point value.
    pub fn float(value: f64) -> Self {
        if !value.is_finite() {
            return Self::Error("#NUM!".into());
        }
        let value = if value == 0.0 { 0.0 } else { value };
        let text: Arc<str> = value.to_string().into();
        let whole = text.split('.').next().unwrap_or_default().trim_start_matches('-');
        if whole.len() > KEPT_DIGITS && !text.contains('.') { Self::LostPrecision(text) } else { Self::Number(text) }
    }

    /// A date cell from Excel's serial number. A serial that is no date stays
    /// a number; one below 1 is a time of day and becomes text.
    pub fn serial(value: f64, is_1904: bool) -> Self {
        let days = value.floor();
        if !(0.0..2_958_466.0).contains(&days) {
            return Self::float(value);
        }
        let seconds = ((value - days) * 86_400.0).round() as i64;
        if days < 1.0 && !is_1904 {
            let (h, m) = (seconds / 3600, seconds / 60 % 60);
            return Self::text(&format!("{h:02}:{m:02}"));
        }
        let Some(start) = serial_date(days as i64, is_1904) else {
            return Self::float(value);
        };
        if seconds == 0 {
            return Self::Date(start);
        }
        let span = jiff::SignedDuration::from_secs(seconds);
        match start.to_datetime(jiff::civil::Time::midnight()).checked_add(span) {
            Ok(at) if at.time() == jiff::civil::Time::midnight() => Self::Date(at.date()),
            Ok(at) => Self::DateTime(at),
            Err(_) => Self::float(value),
        }
    }

    /// Whether the cell holds nothing, or nothing but blanks.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(t) => normalize_text(t).is_empty(),
            _ => false,
        }
    }

    /// The text stored in the cell, if it stores text.
    pub(super) fn raw_text(&self) -> Option<&Arc<str>> {
        match self {
            Self::Text(t) | Self::Number(t) | Self::LostPrecision(t) | Self::Error(t) => Some(t),
            _ => None,
        }
    }

    /// The value as text, as typed: dates as `2024-03-05`, booleans as 是/否.
    pub fn display(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(t) | Self::Number(t) | Self::LostPrecision(t) | Self::Error(t) => Cow::Borrowed(t),
            Self::Bool(true) => Cow::Borrowed("是"),
            Self::Bool(false) => Cow::Borrowed("否"),
            Self::Date(d) => Cow::Owned(d.to_string()),
            Self::DateTime(at) => Cow::Owned(at.strftime("%Y-%m-%d %H:%M").to_string()),
        }
    }

    /// The value as text to parse: half-width, trimmed, nothing invisible.
    pub fn normalized_text(&self) -> String {
        normalize_text(&self.display())
    }

    /// The value as a date: a date cell, one of the usual ways of typing one
    /// (2024-3-5, 2024.3.5, 2024/3/5, 2024年3月5日, 20240305), or a bare serial
    /// number between 1927 and 2119. `None` for anything else, also for a
    /// month without a day.
    pub fn as_date(&self) -> Option<Date> {
        match self {
            Self::Date(d) => Some(*d),
            Self::DateTime(at) => Some(at.date()),
            Self::Text(_) | Self::Number(_) => date_from_text(&self.normalized_text()),
            _ => None,
        }
    }
}

fn serial_date(days: i64, is_1904: bool) -> Option<Date> {
    let epoch = if is_1904 {
        Date::constant(1904, 1, 1)
    } else if days > 60 {
        Date::constant(1899, 12, 30)
    } else if days < 60 {
        Date::constant(1899, 12, 31)
    } else {
        return None; // 1900-02-29, which never was
    };
    epoch.checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

fn date_from_text(text: &str) -> Option<Date> {
    let text = text.split([' ', 'T', '\n']).next().unwrap_or_default();
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return match text.len() {
            8 => build(&text[..4], &text[4..6], &text[6..]),
            5 => {
                let days: i64 = text.parse().ok()?;
                (10_000..80_000).contains(&days).then(|| serial_date(days, false))?
            }
            _ => None,
        };
    }
    let text = text.trim_end_matches(['日', '号']);
    let mut parts = text.split(['-', '.', '/', '年', '月', '、', '–', '—']);
    let date = build(parts.next()?, parts.next()?, parts.next()?)?;
    parts.next().is_none().then_some(date)
}

fn build(year: &str, month: &str, day: &str) -> Option<Date> {
    if year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_numbers_in_number_cells_are_flagged() {
        for raw in ["1.1010519491231E+17", "110105194912310000", "1.40202195001011e17"] {
            assert!(matches!(Cell::number(raw), Cell::LostPrecision(_)), "{raw}");
        }
        // A program wrote every digit: nothing is lost.
        assert_eq!(Cell::number("110105194912310022"), Cell::Number("110105194912310022".into()));
        assert_eq!(Cell::number("13800138000"), Cell::Number("13800138000".into()));
        assert_eq!(Cell::number("1.38E+10"), Cell::Number("13800000000".into()));
        assert_eq!(Cell::number("0.1"), Cell::Number("0.1".into()));
        assert_eq!(Cell::float(-0.0), Cell::Number("0".into()));
        assert!(matches!(Cell::float(f64::NAN), Cell::Error(_)));
    }

    #[test]
    fn dates_are_read_in_the_usual_ways() {
        let day = Date::constant(2024, 3, 5);
        for typed in [
            "2024-3-5",
            "2024.03.05",
            "2024/3/5",
            "2024年3月5日",
            "20240305",
            "45356",
            "２０２４－０３－０５",
            "2024-03-05 08:30:00",
            "2024年3月5号",
        ] {
            assert_eq!(Cell::text(typed).as_date(), Some(day), "{typed}");
        }
        for no in ["2024年3月", "2024-2-30", "24-3-5", "3/5/2024", "无", "", "2024-3-5-6", "12345678"] {
            assert_eq!(Cell::text(no).as_date(), None, "{no}");
        }
        assert_eq!(Cell::serial(45356.0, false), Cell::Date(day));
        assert_eq!(Cell::serial(45356.0 - 1462.0, true), Cell::Date(day));
        assert_eq!(Cell::serial(0.5, false), Cell::text("12:00"));
        assert_eq!(Cell::serial(45_356.354_166_67, false).display(), "2024-03-05 08:30");
        assert_eq!(Cell::serial(60.0, false), Cell::Number("60".into()));
        assert_eq!(Cell::serial(f64::NAN, false), Cell::Error("#NUM!".into()));
    }
}
