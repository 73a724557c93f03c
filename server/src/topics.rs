//! Who may hear that something changed. A message says only that, but even this is asked of the
//! evaluator: whoever may not see rows or totals of a thing does not hear of it.

use crate::access::{self, Columns, Grant, Permission, Principal, Scope, Who};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::changes::Cache;
use crate::platform::database::{Arg, Exec};
use crate::platform::ids::Id;
use crate::platform::jobs;

/// Who may hear of which task, by account, post, task and civil date (grants end with a day), as last asked: thousands
/// of streams open at once, and each is asked again and again.
pub struct Listening(Cache<(Option<Id>, Option<Id>, Id, String), bool>);

impl Default for Listening {
    fn default() -> Self {
        let asked = ["task", "assignment", "place_ancestor", "organization_ancestor"];
        Self(Cache::new(&[&access::TABLES[..], &asked].concat(), 20_000))
    }
}

/// Whether a principal may listen to a topic.
pub async fn may_listen(app: &App, principal: &Principal, id: Id) -> Result<bool, AppError> {
    let own = [principal.account(), principal.post(), principal.organization()];
    if own.contains(&Some(id)) {
        return Ok(true);
    }
    let (geography, directory) = (app.geography(), app.directory());
    let may = |permission, place, organization| principal.may(permission, &geography, &directory, place, organization);
    if geography.get(id).is_some() {
        return Ok(may(Permission::BoardRead, Some(id), None));
    }
    if directory.organization(id).is_some() {
        let any = [Permission::ItemRead, Permission::CaseRead, Permission::TaskRead, Permission::BoardRead];
        return Ok(any.into_iter().any(|permission| may(permission, None, Some(id))));
    }
    if let Some(post) = directory.post(id) {
        return Ok(may(Permission::ItemAssign, None, Some(post.organization)));
    }
    let key = (principal.account(), principal.post(), id, app.clock.today_text());
    if *app.listening.0.get(app.lanes.changes(), key, sees_task(app, principal, id)).await? {
        return Ok(true);
    }
    let job = jobs::find(&mut app.read(), id).await?;
    Ok(job.is_some_and(|job| principal.account().is_some() && job.created_by == principal.account()))
}

async fn sees_task(app: &App, principal: &Principal, id: Id) -> Result<bool, AppError> {
    let (sql, args) = task_of(principal, id);
    let found: Vec<(Id,)> = app.read().all_built(sql, args).await?;
    Ok(!found.is_empty())
}

/// The task when the principal may see its progress: it issued it, or a unit of its scope has a share.
fn task_of(principal: &Principal, id: Id) -> (String, Vec<Arg>) {
    let mut args = args![id];
    let unit = Columns { place: Some("a.place_id"), organization: Some("a.organization_id"), post: None };
    let issuer = Columns { place: Some("t.root_place"), organization: Some("t.issuer_organization"), post: None };
    let mut parts = Vec::new();
    for permission in [Permission::TaskRead, Permission::BoardRead] {
        parts.push(principal.rows(permission, issuer, &mut args));
        let rows = principal.rows(permission, unit, &mut args);
        parts.push(format!("EXISTS (SELECT 1 FROM assignment a WHERE a.task_id = t.id AND {rows})"));
    }
    (format!("SELECT t.id FROM task t WHERE t.id = $1 AND ({})", parts.join(" OR ")), args)
}

/// A sample of the built statement, for the prepare test.
pub fn sample() -> String {
    let scopes = [Scope::Place(Id::nil()), Scope::Organization(Id::nil())];
    let grants = [Permission::TaskRead, Permission::BoardRead]
        .into_iter()
        .flat_map(|permission| scopes.clone().map(|scope| Grant { permission, scope }))
        .collect();
    task_of(&Principal { who: Who::Anonymous, grants }, Id::nil()).0
}
