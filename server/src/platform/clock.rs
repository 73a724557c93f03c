//! Time, injected: instants are UTC microseconds, dates are civil dates in the installation's zone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Microseconds in an hour.
pub const HOUR: i64 = 3_600_000_000;
/// Microseconds in a day without a clock change.
pub const DAY: i64 = 86_400_000_000;

/// Where the present comes from: the system, or a hand that a test moves.
#[derive(Clone)]
pub struct Clock {
    zone: TimeZone,
    fixed: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The system's clock, with civil dates in `zone` (an IANA name such as `Asia/Shanghai`).
    pub fn system(zone: &str) -> Result<Self, jiff::Error> {
        Ok(Self { zone: TimeZone::get(zone)?, fixed: None })
    }

    /// A clock that stands at `micros` until [`Clock::advance`] moves it.
    pub fn fixed(micros: i64) -> Self {
        let zone = TimeZone::get("Asia/Shanghai").unwrap_or(TimeZone::UTC);
        Self { zone, fixed: Some(Arc::new(AtomicI64::new(micros))) }
    }

    /// Moves a fixed clock by `micros`; the system's clock ignores it.
    pub fn advance(&self, micros: i64) {
        if let Some(hand) = &self.fixed {
            hand.fetch_add(micros, Ordering::Relaxed);
        }
    }

    /// Now, in microseconds since 1970-01-01T00:00:00Z.
    pub fn now(&self) -> i64 {
        match &self.fixed {
            Some(hand) => hand.load(Ordering::Relaxed),
            None => Timestamp::now().as_microsecond(),
        }
    }

    /// Today's civil date in the installation's zone.
    pub fn today(&self) -> Date {
        self.date_of(self.now())
    }

    /// Today as `YYYY-MM-DD`.
    pub fn today_text(&self) -> String {
        self.today().to_string()
    }

    /// The civil date of an instant.
    pub fn date_of(&self, micros: i64) -> Date {
        self.zoned(micros).date()
    }

    /// The instant in the installation's zone.
    pub fn zoned(&self, micros: i64) -> Zoned {
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(self.zone.clone())
    }

    /// `YYYY-MM-DD HH:MM` in the installation's zone, for tables.
    pub fn minute_text(&self, micros: i64) -> String {
        self.zoned(micros).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// The instant at which `hour:minute` strikes on `date` in the installation's zone.
    pub fn at(&self, date: Date, hour: i8, minute: i8) -> i64 {
        date.at(hour, minute, 0, 0).to_zoned(self.zone.clone()).map_or(0, |zoned| zoned.timestamp().as_microsecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_civil_in_the_zone() {
        // 2026-11-23T16:30:00Z is already the 24th in Shanghai.
        let clock = Clock::fixed(1_795_451_400_000_000);
        assert_eq!(clock.today_text(), "2026-11-24");
        assert_eq!(clock.minute_text(clock.now()), "2026-11-24 00:30");
        assert_eq!(clock.at(clock.today(), 0, 30), clock.now());
    }

    #[test]
    fn a_fixed_clock_moves_by_hand() {
        let clock = Clock::fixed(0);
        clock.advance(DAY);
        assert_eq!(clock.now(), DAY);
    }
}
