//! To-do: the cases that wait for a viewer, soonest due first: in hand, of the unit and not taken yet, to be
//! confirmed as the second of two workers, and what came into the mailbox.

use serde::Serialize;

use super::case_pages::WAITING;
use super::model::{Case, CaseState};
use super::store::{self, CaseFilter};
use super::{feedback, handle};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::platform::ids::Id;

/// Cases shown at the most; the list of cases has the rest.
pub const MOST: i64 = 200;

/// What is to be done with a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// in my hand
    Mine,
    /// 待认领 of my unit
    Unclaimed,
    /// 待确认: a colleague proposed an answer
    Confirm,
}

impl Kind {
    /// Stable key; the texts are `channels-todo-KEY` and `channels-do-KEY`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Mine => "mine",
            Self::Unclaimed => "unclaimed",
            Self::Confirm => "confirm",
        }
    }
}

/// One case that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// what to do
    pub kind: Kind,
    /// the case
    pub case: Case,
    /// title of its channel
    pub channel: String,
    /// where it is done
    pub href: String,
}

/// The cases that wait for the viewer in the post acted in.
pub async fn todo(app: &App, viewer: &Viewer) -> Result<Vec<Line>, AppError> {
    let principal = &viewer.principal;
    let mut cases = Vec::new();
    let waiting = || CaseFilter { states: WAITING.to_vec(), ..CaseFilter::default() };
    if let (Some(organization), true) = (principal.organization(), principal.has(Permission::CaseHandle)) {
        let filter = CaseFilter { mine: Some((organization, principal.post())), ..waiting() };
        cases = store::cases_all_shards(&mut app.read(), principal, None, &filter, MOST).await?;
    }
    if principal.has(Permission::Administer) {
        // The statement looks at the place: an administrator of a part of the city has no part in it.
        let filter = CaseFilter { channel: Some(feedback::id()), ..waiting() };
        let mailbox = store::cases_all_shards(&mut app.read(), principal, Some(feedback::id()), &filter, MOST).await?;
        let known: Vec<Id> = cases.iter().map(|case| case.id).collect();
        let free = |case: &Case| case.holder_post.is_none() || case.holder_post == principal.post();
        cases.extend(mailbox.into_iter().filter(|case| free(case) && !known.contains(&case.id)));
        cases.sort_by_key(|case| (case.due_at.unwrap_or(store::NEVER), case.id));
    }
    let mut lines = Vec::new();
    for case in cases {
        let Some(kind) = kind_of(&case, principal.post()) else { continue };
        let channel = handle::channel_of(app, &case).await?.title_in(viewer.lang);
        lines.push(Line { kind, href: format!("/cases/{}", case.id), case, channel });
    }
    Ok(lines)
}

/// Whoever proposed an answer waits for the colleague; everybody else of the unit may be that colleague.
fn kind_of(case: &Case, post: Option<Id>) -> Option<Kind> {
    match case.state() {
        CaseState::Review => (handle::decision_of(case).post != post).then_some(Kind::Confirm),
        _ if case.holder_post.is_none() => Some(Kind::Unclaimed),
        _ => Some(Kind::Mine),
    }
}
