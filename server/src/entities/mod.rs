//! Entities: what was said about people, places, things, organizations and events, and what holds now.
//!
//! Owns `observation`, the `record_*` tables, `link` and `identity_claim`. An observation is never
//! changed by a later one; the current record is a function of its observations ([`merge`]), so it can
//! be recomputed. Secrets enter as clear text in [`Said`], and leave this room only as ciphertext, keyed
//! index and mask; the one way back is [`reveal`].
//!
//! Must not know forms, tasks, channels or ledgers: they bring a [`Said`] and take rows away.
//!
//! The usual next thing is an attribute with a column of its own: the column in a migration, one line in
//! `record.rs` (`value`, `set`, shape and row), one in the ledger's list of columns.

pub mod api;
mod apply;
mod brief;
pub mod claim;
pub mod import;
pub mod known;
mod looked;
mod merge;
pub mod names;
mod observation;
mod origins;
pub mod outbox;
pub mod pages;
mod pairs;
mod person_history;
mod person_page;
pub mod plain;
pub mod record;
pub mod reveal;
pub mod review;
mod sealed;
pub mod search;
pub mod show;
pub mod store;
mod written;

pub use apply::{Applied, apply, apply_from, apply_plain, pending_from};
pub use brief::{Told, Wanted};
pub use claim::{Claimed, claim_organization, claim_person, claim_persons, new_person};
pub use import::{Imported, PersonRow, import_persons};
pub use known::{known, known_of};
pub use merge::{Contender, Origin, merge};
pub use observation::{OBSERVATION, Observation, Said, Source, SourceKind, Subject};
pub use origins::attributes as known_attributes;
pub use record::{PersonRecord, RECORD_PERSON, find, find_many};
pub use review::{Review, accept, pending, reject};
pub use sealed::{Sealed, same};
pub use written::shown;

use crate::platform::gathered::Keyed;

/// One sample of each statement that a builder of this room makes, for the prepare test.
pub fn samples() -> Vec<String> {
    let keys = crate::platform::secrets::Keys::ephemeral();
    let principal = crate::access::Principal::job();
    let id = crate::platform::ids::new_id(0, 0);
    let tests = vec![
        search::Test::LivesAlone(true),
        search::Test::BornUntil(String::new()),
        search::Test::BornAfter(String::new()),
        search::Test::Sex(String::new()),
        search::Test::Within(id),
        search::Test::HasNumber(true),
        search::Test::HasMobile(false),
        search::Test::MadeUp(false),
    ];
    let mut out = vec![claim::holders_sql(2), <PersonRecord as Keyed>::sql(2)];
    out.extend(brief::samples());
    for (sort, looked) in [
        (search::Sort::Name, search::Looked::Name("a".into())),
        (search::Sort::Eldest, search::Looked::Latin("a".into())),
        (search::Sort::Youngest, search::Looked::Tail("1234".into())),
        (search::Sort::Updated, search::Looked::Whole),
    ] {
        let people = search::People { looked: Some(looked), tests: tests.clone(), sort };
        let read = [crate::access::Permission::PersonRead];
        out.push(people.rows_sql(&keys, &principal, &read, Some((0_i64.into(), id)), 10).0);
        out.push(people.count_sql(&keys, &principal, &read).0);
    }
    out
}
