//! The rows of a ledger within a scope.

use super::definition::Definition;
use crate::access::{Permission, Principal};
use crate::app::App;
use crate::entities::search::{People, Sort};
use crate::entities::{PersonRecord, Subject};
use crate::error::AppError;
use crate::platform::ids::Id;

/// The people of a definition, before any filter of the reader's.
pub fn people(app: &App, definition: &Definition) -> People {
    let today = app.clock.today();
    let tests = definition.condition.iter().filter_map(|condition| condition.test(today)).collect();
    People { looked: None, tests, sort: Sort::Name }
}

/// One member of a ledger, as a task takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// the person
    pub subject: Subject,
    /// name, for lists
    pub label: String,
    /// where the person lives
    pub place: Option<Id>,
    /// door or building
    pub premises: Option<Id>,
    /// where the next page begins
    pub cursor: String,
}

/// A page of members within the scope in which the principal may read people; go on with the last
/// member's cursor.
pub async fn members(
    app: &App,
    principal: &Principal,
    definition: &Definition,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Member>, AppError> {
    let people = people(app, definition);
    let rows = people.rows_all_shards(app, principal, &[Permission::PersonRead], after, limit).await?;
    Ok(rows.into_iter().map(|row| member(app, &people, row)).collect())
}

fn member(app: &App, people: &People, row: PersonRecord) -> Member {
    Member {
        subject: row.subject(),
        cursor: people.cursor(&app.keys, &row),
        label: row.name,
        place: row.community_id,
        premises: row.premises_id,
    }
}
