//! Lists of people within the viewer's scope: search, filter, sort, keyset pages, count.
//!
//! Every statement here is an `all_shards` read narrowed by the evaluator's predicate, which is part of
//! the SQL; there is no way to build one without a principal. Secrets are found by keyed index only.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

pub use super::looked::Looked;
use super::looked::escape;
use super::record::{PersonRecord, RECORD_PERSON};
use crate::access::{Columns, Permission, Principal};
use crate::app::App;
use crate::error::AppError;
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::Id;
use crate::platform::secrets::Keys;

/// Columns that the evaluator's predicate compares: people are reached by where they live.
pub const SCOPE: Columns = Columns { place: Some("r.community_id"), organization: None, post: None };

/// Largest page.
pub const MOST: usize = 200;

/// One comparison of a closed list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// lives alone, or not
    LivesAlone(bool),
    /// born on or before a civil date (age at least)
    BornUntil(String),
    /// born after a civil date (age below)
    BornAfter(String),
    /// GB/T 2261.1 code
    Sex(String),
    /// lives in the place or below it
    Within(Id),
    /// whether a citizen number is known
    HasNumber(bool),
    /// whether a phone number is known
    HasMobile(bool),
    /// generated for a demo, or not
    MadeUp(bool),
}

/// The order of a list; the id breaks ties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// by pinyin
    #[default]
    Name,
    /// the eldest first; unknown age last
    Eldest,
    /// the youngest first; unknown age last
    Youngest,
    /// changed last first
    Updated,
}

impl Sort {
    /// Key in addresses.
    pub fn key(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Eldest => "eldest",
            Self::Youngest => "youngest",
            Self::Updated => "updated",
        }
    }

    /// By key; the first for anything else.
    pub fn from_key(key: &str) -> Self {
        [Self::Eldest, Self::Youngest, Self::Updated].into_iter().find(|sort| sort.key() == key).unwrap_or_default()
    }

    /// Expression and direction.
    fn sql(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Name => ("r.pinyin", "ASC", ">"),
            Self::Eldest => ("coalesce(r.birth_date, '9999')", "ASC", ">"),
            Self::Youngest => ("coalesce(r.birth_date, '0000')", "DESC", "<"),
            Self::Updated => ("r.updated_at", "DESC", "<"),
        }
    }

    fn value(self, row: &PersonRecord) -> serde_json::Value {
        match self {
            Self::Name => json!(row.pinyin),
            Self::Eldest => json!(row.birth_date.as_deref().unwrap_or("9999")),
            Self::Youngest => json!(row.birth_date.as_deref().unwrap_or("0000")),
            Self::Updated => json!(row.updated_at),
        }
    }
}

/// Which people, in which order.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// search text
    pub looked: Option<Looked>,
    /// all must hold
    pub tests: Vec<Test>,
    /// order
    pub sort: Sort,
}

/// A page of people, and where the next begins.
#[derive(Clone, Debug)]
pub struct Page {
    /// records
    pub rows: Vec<PersonRecord>,
    /// opaque; absent at the end
    pub next: Option<String>,
}

impl People {
    /// One page within the scope in which `principal` holds all of `permissions`.
    pub async fn page_all_shards(
        &self,
        app: &App,
        principal: &Principal,
        permissions: &[Permission],
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, AppError> {
        let limit = limit.clamp(1, MOST);
        let mut rows = self.rows_all_shards(app, principal, permissions, after, limit + 1).await?;
        let next = (rows.len() > limit).then(|| {
            rows.truncate(limit);
            rows.last().map(|last| self.cursor(&app.keys, last))
        });
        Ok(Page { rows, next: next.flatten() })
    }

    /// Up to `limit` records after a cursor.
    pub async fn rows_all_shards(
        &self,
        app: &App,
        principal: &Principal,
        permissions: &[Permission],
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<PersonRecord>, AppError> {
        let after = after.map(|cursor| self.read_cursor(&app.keys, cursor)).transpose()?;
        let (sql, args) = self.rows_sql(&app.keys, principal, permissions, after, limit);
        Ok(app.read().all_built(sql, args).await?)
    }

    /// How many people there are within the scope.
    pub async fn count_all_shards(
        &self,
        app: &App,
        principal: &Principal,
        permissions: &[Permission],
    ) -> Result<i64, StoreError> {
        let (sql, args) = self.count_sql(&app.keys, principal, permissions);
        let rows: Vec<(i64,)> = app.read().all_built(sql, args).await?;
        Ok(rows.first().map_or(0, |row| row.0))
    }

    /// The statement of a page.
    pub fn rows_sql(
        &self,
        keys: &Keys,
        principal: &Principal,
        permissions: &[Permission],
        after: Option<(Arg, Id)>,
        limit: usize,
    ) -> (String, Vec<Arg>) {
        let mut args = Vec::new();
        let mut wheres = self.wheres(keys, principal, permissions, &mut args);
        let (expression, direction, beyond) = self.sort.sql();
        if let Some((value, id)) = after {
            args.push(value);
            args.push(Arg::from(id));
            wheres.push(format!("({expression}, r.id) {beyond} (${}, ${})", args.len() - 1, args.len()));
        }
        // A list shows values, not where they come from: the origins are half of a row.
        let column =
            |column: &&str| if *column == "origin" { "'{}' AS origin".to_owned() } else { format!("r.{column}") };
        let columns: Vec<String> = RECORD_PERSON.columns.iter().map(column).collect();
        args.push(Arg::from(limit as i64));
        // The keys first, from an index alone where that is possible; whole rows only for the page.
        let order = format!("ORDER BY {expression} {direction}, r.id {direction}");
        let sql = format!(
            "SELECT {} FROM (SELECT r.shard, r.id FROM record_person r WHERE {} {order} LIMIT ${}) k \
             JOIN record_person r ON r.shard = k.shard AND r.id = k.id {order}",
            columns.join(", "),
            wheres.join(" AND "),
            args.len()
        );
        (sql, args)
    }

    /// The statement of the count.
    pub fn count_sql(&self, keys: &Keys, principal: &Principal, permissions: &[Permission]) -> (String, Vec<Arg>) {
        let mut args = Vec::new();
        let wheres = self.wheres(keys, principal, permissions, &mut args);
        (format!("SELECT count(*) FROM record_person r WHERE {}", wheres.join(" AND ")), args)
    }

    fn wheres(
        &self,
        keys: &Keys,
        principal: &Principal,
        permissions: &[Permission],
        args: &mut Vec<Arg>,
    ) -> Vec<String> {
        let mut wheres: Vec<String> =
            permissions.iter().map(|permission| principal.rows(*permission, SCOPE, args)).collect();
        let mut mark = |arg: Arg| {
            args.push(arg);
            format!("${}", args.len())
        };
        match &self.looked {
            None => {}
            Some(Looked::Name(text)) => {
                wheres.push(format!("r.name LIKE {} ESCAPE '\\'", mark(Arg::from(format!("%{}%", escape(text))))));
            }
            Some(Looked::Latin(text)) => {
                let start = mark(Arg::from(format!("{}%", escape(text))));
                wheres.push(format!("(r.pinyin LIKE {start} ESCAPE '\\' OR r.initials LIKE {start} ESCAPE '\\')"));
            }
            Some(Looked::Tail(text)) => {
                // While keys are rotated, records are indexed by the old and the new.
                let mut any = |kind: &str| {
                    let marks: Vec<String> =
                        keys.tail_indexes(kind, text).into_iter().map(|index| mark(Arg::from(index))).collect();
                    marks.join(", ")
                };
                let (numbers, phones) = (any("id_no"), any("mobile"));
                wheres.push(format!("(r.id_no_tail IN ({numbers}) OR r.mobile_tail IN ({phones}))"));
            }
            Some(Looked::Whole) => wheres.push("1 = 0".to_owned()),
        }
        for test in &self.tests {
            wheres.push(match test {
                Test::LivesAlone(value) => format!("r.living_alone = {}", mark(Arg::from(*value))),
                Test::BornUntil(date) => format!("r.birth_date <= {}", mark(Arg::from(date))),
                Test::BornAfter(date) => format!("r.birth_date > {}", mark(Arg::from(date))),
                Test::Sex(code) => format!("r.sex = {}", mark(Arg::from(code))),
                Test::Within(place) => format!(
                    "r.community_id IN (SELECT w.place_id FROM place_ancestor w WHERE w.ancestor_id = {})",
                    mark(Arg::from(*place))
                ),
                Test::HasNumber(true) => "r.id_no_index IS NOT NULL".to_owned(),
                Test::HasNumber(false) => "r.id_no_index IS NULL".to_owned(),
                Test::HasMobile(true) => "r.mobile_index IS NOT NULL".to_owned(),
                Test::HasMobile(false) => "r.mobile_index IS NULL".to_owned(),
                Test::MadeUp(value) => format!("r.made_up = {}", mark(Arg::from(*value))),
            });
        }
        wheres
    }

    /// Where a row stands in this order, sealed: a cursor tells nobody a name or a birthday.
    pub fn cursor(&self, keys: &Keys, row: &PersonRecord) -> String {
        let place = json!([self.sort.key(), self.sort.value(row), row.id]);
        URL_SAFE_NO_PAD.encode(keys.seal_bytes(CURSOR, place.to_string().as_bytes()))
    }

    fn read_cursor(&self, keys: &Keys, cursor: &str) -> Result<(Arg, Id), AppError> {
        let bad = || AppError::invalid("cursor", "entities-bad-cursor");
        let sealed = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
        let clear = keys.open_bytes(CURSOR, &sealed).map_err(|_| bad())?;
        let (sort, value, id): (String, serde_json::Value, Id) = serde_json::from_slice(&clear).map_err(|_| bad())?;
        if sort != self.sort.key() {
            return Err(bad());
        }
        let value = match value {
            serde_json::Value::Number(number) => Arg::from(number.as_i64().ok_or_else(bad)?),
            serde_json::Value::String(text) => Arg::from(text),
            _ => return Err(bad()),
        };
        Ok((value, id))
    }
}

/// The context cursors are sealed under.
const CURSOR: &str = "people.cursor";

/// Born on or before this civil date: at least `age` years old on `today`.
pub fn born_until(today: form_runtime::Date, age: i64) -> String {
    let year = i64::from(today.year()) - age;
    format!("{year:04}-{:02}-{:02}", today.month(), today.day())
}

/// Full years on `today`.
pub fn age(today: form_runtime::Date, birth_date: &str) -> Option<i64> {
    let born: form_runtime::Date = birth_date.parse().ok()?;
    let years = i64::from(today.year()) - i64::from(born.year());
    let before = (today.month(), today.day()) < (born.month(), born.day());
    Some(years - i64::from(before)).filter(|age| (0..=150).contains(age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_count_birthdays() {
        let today = "2026-11-24".parse().expect("a date");
        assert_eq!(age(today, "1946-11-24"), Some(80));
        assert_eq!(age(today, "1946-11-25"), Some(79));
        assert_eq!(age(today, "2030-01-01"), None);
        assert_eq!(born_until(today, 80), "1946-11-24");
    }
}
