//! Open work, counted by what will make it urgent and when.
//!
//! Whether an item is late depends on the present instant, so no total can say it. But from when on it will be is known:
//! what an item that is not ended waits for is counted like everything else, as an amount of the day series whose "day"
//! is its due instant and the hour since which it waits. A board adds up those of its nodes that have come to pass.

use super::deltas::Amounts;
use crate::platform::clock::{DAY, HOUR};
use crate::platform::database::StoreError;

/// The columns of an item that say what it waits for.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// its state by key
    pub state: &'a str,
    /// whether a post holds it
    pub claimed: bool,
    /// UTC microseconds
    pub due_at: Option<i64>,
    /// UTC microseconds
    pub moved_at: i64,
}

/// What an open item waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// that its holder does it
    Holder,
    /// that somebody claims it
    Claim,
    /// that somebody looks at it: in review, or proposed void
    Look,
    /// that what was wrong is mended
    Correction,
}

impl Wait {
    const ALL: [Self; 4] = [Self::Holder, Self::Claim, Self::Look, Self::Correction];

    fn of(standing: &Standing<'_>) -> Option<Self> {
        match standing.state {
            "open" if standing.claimed => Some(Self::Holder),
            "open" => Some(Self::Claim),
            "review" | "void_proposed" => Some(Self::Look),
            "correction" => Some(Self::Correction),
            _ => None,
        }
    }

    /// As a measure; no measure of a task can be named like this.
    fn key(self) -> &'static str {
        match self {
            Self::Holder => "waits.holder",
            Self::Claim => "waits.claim",
            Self::Look => "waits.look",
            Self::Correction => "waits.correction",
        }
    }

    /// How long it may wait before somebody should look at it.
    fn patience(self) -> Option<i64> {
        match self {
            Self::Holder => None,
            Self::Claim => Some(DAY),
            Self::Look => Some(2 * DAY),
            Self::Correction => Some(3 * DAY),
        }
    }
}

/// Whether a measure counts open work: such a one is in the day series alone.
pub(super) fn is_work(measure: &str) -> bool {
    measure.starts_with("waits.")
}

/// Measure and "day" under which an item is counted: `DUE/SINCE`, its due instant in microseconds and the hour of its
/// last movement in hours, each empty where it does not matter. None where it waits for nothing.
pub(super) fn counted_as(standing: &Standing<'_>) -> Option<(&'static str, String)> {
    let wait = Wait::of(standing)?;
    let since = wait.patience().map(|_| standing.moved_at.div_euclid(HOUR));
    if since.is_none() && standing.due_at.is_none() {
        return None;
    }
    let text = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    Some((wait.key(), format!("{}/{}", text(standing.due_at), text(since))))
}

/// Items of one node that wait for the same since the same hour and are due at the same instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiting {
    wait: Wait,
    due_at: Option<i64>,
    since: Option<i64>,
    count: i64,
}

/// The open work of a node, whatever the instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work(Vec<Waiting>);

impl Work {
    /// From amounts of [`is_work`] measures.
    pub(super) fn read(amounts: &Amounts) -> Result<Self, StoreError> {
        let mut all = Vec::new();
        for ((measure, day), count) in amounts.iter().filter(|(_, count)| **count != 0) {
            let wrong = || StoreError::Corrupt(format!("open work is counted as {measure} {day}"));
            let number = |text: &str| match text {
                "" => Ok(None),
                text => text.parse().map(Some).map_err(|_| wrong()),
            };
            let wait = Wait::ALL.into_iter().find(|wait| wait.key() == measure).ok_or_else(wrong)?;
            let (due, since) = day.split_once('/').ok_or_else(wrong)?;
            all.push(Waiting { wait, due_at: number(due)?, since: number(since)?, count: *count });
        }
        Ok(Self(all))
    }

    /// The next instant after `now` at which [`Work::at`] may say something else.
    pub(super) fn changes_after(&self, now: i64) -> i64 {
        let instants = self.0.iter().flat_map(|some| {
            let due = some.due_at.map(|due| [due - DAY + 1, due + 1]).into_iter().flatten();
            let stale = some.since.zip(some.wait.patience()).map(|(hour, patience)| (hour + 1) * HOUR + patience);
            due.chain(stale)
        });
        instants.filter(|at| *at > now).min().unwrap_or(i64::MAX)
    }

    /// What somebody should look at, at an instant.
    pub fn at(&self, now: i64) -> OpenWork {
        let mut open = OpenWork::default();
        for some in &self.0 {
            match some.due_at {
                Some(due) if due < now => open.late += some.count,
                Some(due) if due < now + DAY => open.soon += some.count,
                _ => {}
            }
            open.first_due = [open.first_due, some.due_at].into_iter().flatten().min();
            // The hour has to be over as well: nothing is said to wait longer than it does.
            let longer = |patience| some.since.is_some_and(|hour| (hour + 1) * HOUR <= now - patience);
            if some.wait.patience().is_some_and(longer) {
                match some.wait {
                    Wait::Holder => {}
                    Wait::Claim => open.unclaimed += some.count,
                    Wait::Look => open.waiting += some.count,
                    Wait::Correction => open.correcting += some.count,
                }
            }
        }
        open
    }
}

/// Open work that somebody should look at, at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenWork {
    /// past its due instant
    pub late: i64,
    /// due within 24 hours
    pub soon: i64,
    /// held by an organization and claimed by nobody for more than a day
    pub unclaimed: i64,
    /// in review or proposed void for more than two days
    pub waiting: i64,
    /// in correction for more than three days
    pub correcting: i64,
    /// the earliest due instant among what is open
    pub first_due: Option<i64>,
}

impl OpenWork {
    /// Whether help is needed.
    pub fn stuck(&self) -> bool {
        self.late + self.unclaimed + self.waiting + self.correcting > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000 * DAY;

    fn open(standings: &[Standing<'_>], now: i64) -> OpenWork {
        let mut amounts = Amounts::new();
        for standing in standings {
            if let Some((measure, day)) = counted_as(standing) {
                *amounts.entry((measure.to_owned(), day)).or_default() += 1;
            }
        }
        Work::read(&amounts).expect("reads back").at(now)
    }

    #[test]
    fn what_is_open_grows_late_and_stale_by_itself() {
        let item = Standing { state: "open", claimed: false, due_at: Some(NOW), moved_at: NOW - 3 * DAY };
        let held = Standing { claimed: true, due_at: Some(NOW + 1), ..item };
        let all = [
            item,
            item,
            held,
            Standing { state: "review", ..item },
            Standing { state: "void_proposed", due_at: None, ..item },
            Standing { state: "correction", due_at: Some(NOW + 2 * DAY), ..item },
            Standing { state: "done", ..item },
            Standing { due_at: None, ..held },
        ];
        let before = open(&all, NOW - 2 * DAY);
        assert_eq!((before.late, before.soon, before.first_due), (0, 0, Some(NOW)));
        assert!(!before.stuck(), "{before:?}");
        let soon = open(&all, NOW);
        assert_eq!((soon.late, soon.soon, soon.unclaimed, soon.waiting, soon.correcting), (0, 4, 2, 2, 0));
        let late = open(&all, NOW + 2 * HOUR);
        assert_eq!((late.late, late.soon, late.unclaimed, late.waiting, late.correcting), (4, 0, 2, 2, 1));
    }

    #[test]
    fn what_is_said_stays_the_same_until_it_says_so() {
        let item = Standing { state: "open", claimed: false, due_at: Some(NOW), moved_at: NOW - 3 * DAY };
        let review = Standing { state: "review", due_at: None, ..item };
        let mut amounts = Amounts::new();
        for (measure, day) in [item, review].iter().filter_map(counted_as) {
            amounts.insert((measure.to_owned(), day), 1);
        }
        let work = Work::read(&amounts).expect("reads back");
        let (mut now, mut changes) = (NOW - 3 * DAY, 0);
        while now < NOW + 3 * DAY {
            let next = work.changes_after(now);
            let end = next.min(NOW + 4 * DAY);
            assert_eq!(work.at(now), work.at(end - 1));
            changes += usize::from(work.at(end) != work.at(now));
            now = end;
        }
        assert_eq!(changes, 4, "soon, late, unclaimed, waiting");
    }

    #[test]
    fn nothing_is_said_to_wait_longer_than_it_does() {
        for minutes in [0, 1, 59] {
            let moved_at = NOW + minutes * 60_000_000;
            let item = Standing { state: "open", claimed: false, due_at: None, moved_at };
            assert_eq!(open(&[item], moved_at + DAY).unclaimed, 0);
            assert_eq!(open(&[item], moved_at + DAY + HOUR).unclaimed, 1);
        }
    }
}
