//! The year's holidays and worked weekends as published, to begin the table of working days with.
//!
//! Source: notice of the General Office of the State Council on the arrangement of public holidays in
//! 2026 (国务院办公厅关于2026年部分节假日安排的通知), November 2025. Later years are typed in by the
//! administrator when they are published.

use jiff::civil::{Date, Weekday, date};

use super::working_days::Calendar;

/// First day, last day, name.
const FREE: [(Date, Date, &str); 7] = [
    (date(2026, 1, 1), date(2026, 1, 3), "元旦"),
    (date(2026, 2, 15), date(2026, 2, 23), "春节"),
    (date(2026, 4, 4), date(2026, 4, 6), "清明节"),
    (date(2026, 5, 1), date(2026, 5, 5), "劳动节"),
    (date(2026, 6, 19), date(2026, 6, 21), "端午节"),
    (date(2026, 9, 25), date(2026, 9, 27), "中秋节"),
    (date(2026, 10, 1), date(2026, 10, 7), "国庆节"),
];
/// Weekend days that are worked.
const WORKED: [(Date, &str); 6] = [
    (date(2026, 1, 4), "元旦调休"),
    (date(2026, 2, 14), "春节调休"),
    (date(2026, 2, 28), "春节调休"),
    (date(2026, 5, 9), "劳动节调休"),
    (date(2026, 9, 20), "国庆节调休"),
    (date(2026, 10, 10), "国庆节调休"),
];

/// The days that differ from the week's pattern: a free weekend day is no exception.
pub fn published() -> Calendar {
    let free = FREE.iter().flat_map(|(first, last, name)| {
        first
            .series(jiff::Span::new().days(1))
            .take_while(|day| day <= last)
            .filter(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday))
            .map(|day| (day, false, (*name).to_owned()))
    });
    let worked = WORKED.iter().map(|(day, name)| (*day, true, (*name).to_owned()));
    Calendar::new(free.chain(worked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_days_are_weekends_and_free_days_are_not() {
        let calendar = published();
        for (day, working, _) in calendar.exceptions() {
            let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
            assert_eq!(working, weekend, "{day}");
        }
        assert!(!calendar.is_working(date(2026, 10, 1)) && calendar.is_working(date(2026, 10, 10)));
    }
}
