//! Civil date, canonical `YYYY-MM-DD`.

use jiff::civil::Date as Day;
use jiff::{Span, ToSpan};
use serde_json::{Value, json};

use super::{Kind, Options, Widget, reading};
use crate::Lang;
use crate::message::{Message, MessageKey};
use crate::model::Datatype;

/// Civil date.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "date"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("日期", "Date")
    }
    fn kind(&self) -> Kind {
        Kind::Date
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::Date, Datatype::Datetime]
    }
    fn schema(&self, _options: &Options) -> Value {
        json!({ "type": "string", "format": "date" })
    }
    fn read(&self, raw: &Value, options: &Options, today: Day) -> Result<Value, Message> {
        let text = reading::scalar(raw)?;
        let day = read_day(&text)?;
        if let Some(min) = bound(options.min.as_deref(), today).filter(|min| day < *min) {
            return Err(Message::new(MessageKey::DateTooEarly).arg("limit", min));
        }
        if let Some(max) = bound(options.max.as_deref(), today).filter(|max| day > *max) {
            return Err(Message::new(MessageKey::DateTooLate).arg("limit", max));
        }
        Ok(json!(day.to_string()))
    }
    fn widget(&self, _options: &Options) -> Widget {
        Widget::Date
    }
    fn display(&self, value: &Value, _options: &Options, lang: Lang) -> String {
        let text = super::plain(value);
        match (text.parse::<Day>(), lang) {
            (Ok(day), Lang::ZhCn) => format!("{}年{}月{}日", day.year(), day.month(), day.day()),
            _ => text,
        }
    }
    fn mask(&self, value: &Value) -> String {
        super::mask_text(&super::plain(value), 4, 0)
    }
    fn fault(&self, options: &Options) -> Option<(String, String)> {
        let readable = |b: &&String| *b == "today" || b.parse::<Day>().is_ok();
        [&options.min, &options.max].into_iter().flatten().find(|b| !readable(b)).map(|b| {
            (
                format!("日期的上下限要写成 2024-03-05 或 today，现在是“{b}”"),
                format!("bounds of a date are written 2024-03-05 or today, not `{b}`"),
            )
        })
    }
}

/// The day of a bound.
pub(crate) fn bound(written: Option<&str>, today: Day) -> Option<Day> {
    match written? {
        "today" => Some(today),
        text => text.parse().ok(),
    }
}

/// Reads a date in any of the ways of office sheets: 2024-03-05, 2024.3.5,
/// 2024/3/5, 2024年3月5日, 20240305, with or without a time, or the serial
/// number of a spreadsheet.
fn read_day(text: &str) -> Result<Day, Message> {
    let wrong = || Message::new(MessageKey::Date).arg("now", text);
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return match text.len() {
            8 => {
                let number = |range| text.get(range).and_then(|t: &str| t.parse::<i16>().ok());
                ymd(number(0..4), number(4..6), number(6..8)).ok_or_else(wrong)
            }
            6 => Err(MessageKey::DateMissingDay.into()),
            _ => serial(text).ok_or_else(wrong),
        };
    }
    if let Some(day) = serial(text) {
        return Ok(day);
    }
    let date_part = text.split(['T', ' ']).next().unwrap_or(text);
    // "2024年3月5日", also with spaces inside, is read whole.
    let source = if text.contains('年') { text } else { date_part };
    let source = source.split_once(['日', '号']).map_or(source, |(day, _)| day);
    let parts: Vec<&str> = source.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let known = |c: char| c.is_ascii_digit() || c.is_whitespace() || matches!(c, '-' | '.' | '/' | '年' | '月' | '、');
    if !source.chars().all(known) {
        return Err(wrong());
    }
    let number = |part: &str| part.parse::<i16>().ok();
    match parts[..] {
        [year, month, day] if year.len() == 4 => ymd(number(year), number(month), number(day)).ok_or_else(wrong),
        [year, _] if year.len() == 4 => Err(MessageKey::DateMissingDay.into()),
        _ => Err(wrong()),
    }
}

fn ymd(year: Option<i16>, month: Option<i16>, day: Option<i16>) -> Option<Day> {
    let small = |n: Option<i16>| i8::try_from(n?).ok();
    let day = Day::new(year?, small(month)?, small(day)?).ok()?;
    (1850..=2200).contains(&day.year()).then_some(day)
}

/// Serial numbers 10000 (1927) to 80000 (2119) of a spreadsheet's 1900 system;
/// a fraction is the time of day.
fn serial(text: &str) -> Option<Day> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if !part.bytes().all(|b| b.is_ascii_digit()) || whole.len() != 5 {
        return None;
    }
    let days: i32 = whole.parse().ok().filter(|d| (10_000..=80_000).contains(d))?;
    let span: Span = days.days();
    Day::new(1899, 12, 30).ok()?.checked_add(span).ok()
}
