//! Working days: an editable table over the week's pattern, and deadlines counted in it.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use crate::args;
use crate::platform::clock::Clock;
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Exec, StoreError};

const ALL: &str = "SELECT day, working, note FROM working_day ORDER BY day";
const REMOVE: &str = "DELETE FROM working_day WHERE day = $1";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[ALL, REMOVE];

/// A day that differs from the week's pattern.
const WORKING_DAY: Shape = Shape { table: "working_day", columns: &["day", "working", "note"], key: &["day"] };

/// The longest deadline that can be counted, in working days.
const MOST: i64 = 2_000;

/// Which days are worked: Monday to Friday, except what the table says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    days: BTreeMap<Date, (bool, String)>,
}

impl Calendar {
    /// A calendar of exceptions: day, whether it is worked, and why.
    pub fn new(days: impl IntoIterator<Item = (Date, bool, String)>) -> Self {
        Self { days: days.into_iter().map(|(day, working, note)| (day, (working, note))).collect() }
    }

    /// Whether the day is worked.
    pub fn is_working(&self, day: Date) -> bool {
        match self.days.get(&day) {
            Some((working, _)) => *working,
            None => !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday),
        }
    }

    /// The exceptions in order: day, whether it is worked, and why.
    pub fn exceptions(&self) -> impl Iterator<Item = (Date, bool, &str)> {
        self.days.iter().map(|(day, (working, note))| (*day, *working, note.as_str()))
    }

    /// The `days`-th working day after `from` (0: that day itself, if worked, else the next worked).
    pub fn add(&self, from: Date, days: i64) -> Date {
        let mut day = from;
        let mut left = days.clamp(0, MOST);
        while left > 0 || !self.is_working(day) {
            match day.checked_add(1.day()) {
                Ok(next) => day = next,
                Err(_) => return day,
            }
            if left > 0 && self.is_working(day) {
                left -= 1;
            }
        }
        day
    }
}

/// The instant (UTC microseconds) at which something is due that has `days` working days from `from`:
/// 18:00 of the last of them, in the installation's zone.
pub fn add_working_days(calendar: &Calendar, clock: &Clock, from: i64, days: i64) -> i64 {
    clock.at(calendar.add(clock.date_of(from), days), 18, 0)
}

/// The present table.
pub async fn load(conn: &mut impl Exec) -> Result<Calendar, StoreError> {
    let rows: Vec<(String, bool, String)> = conn.all(ALL, vec![]).await?;
    let day =
        |text: &str| text.parse::<Date>().map_err(|fault| StoreError::Corrupt(format!("working_day {text}: {fault}")));
    Ok(Calendar::new(
        rows.into_iter()
            .map(|(text, working, note)| Ok((day(&text)?, working, note)))
            .collect::<Result<Vec<_>, StoreError>>()?,
    ))
}

/// Writes exceptions; a day that is there is replaced.
pub async fn put(conn: &mut impl Exec, calendar: &Calendar) -> Result<(), StoreError> {
    let rows = calendar.exceptions().map(|(day, working, note)| args![day.to_string(), working, note]).collect();
    WORKING_DAY.write(conn, rows, OnKey::Replace).await.map(|_| ())
}

/// Writes exceptions; a day that is there is replaced.
pub async fn put(conn: &mut impl Exec, calendar: &Calendar) -> Result<(), StoreError> {
    let rows = calendar.exceptions().map(|(day, working, note)| args![day.to_string(), working, note]).collect();
    WORKING_DAY.write(conn, rows, OnKey::Replace).await.map(|_| ())
}

/// Takes an exception back.
pub async fn remove(conn: &mut impl Exec, day: Date) -> Result<(), StoreError> {
    conn.execute(REMOVE, args![day.to_string()]).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().expect("a date")
    }

    #[test]
    fn weekends_and_exceptions_are_not_counted() {
        let calendar = Calendar::new([
            (date("2026-10-01"), false, "国庆节".to_owned()),
            (date("2026-10-02"), false, "国庆节".to_owned()),
            (date("2026-10-10"), true, "调休".to_owned()),
        ]);
        assert_eq!(calendar.add(date("2026-09-30"), 1), date("2026-10-05"));
        assert_eq!(calendar.add(date("2026-10-09"), 1), date("2026-10-10"), "a worked Saturday counts");
        assert_eq!(calendar.add(date("2026-10-03"), 0), date("2026-10-05"));
    }

    #[test]
    fn a_deadline_is_the_end_of_the_last_working_day() {
        // 2026-11-24 00:30 in Shanghai, a Tuesday.
        let clock = Clock::fixed(1_795_451_400_000_000);
        let due = add_working_days(&Calendar::default(), &clock, clock.now(), 3);
        assert_eq!(clock.minute_text(due), "2026-11-27 18:00");
    }
}
