//! Whose a task is: who may see a draft and change a task.

use super::model::Task;
use super::store;
use crate::access::{Permission, Principal, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::platform::ids::Id;

/// Whether a task is the principal's own unit's and it issues tasks somewhere. Who is granted that over a
/// place alone makes tasks too, and theirs are their unit's: they must not lose sight of them.
pub fn of_own_unit(principal: &Principal, issuer: Id) -> bool {
    principal.has(Permission::TaskIssue) && principal.organization() == Some(issuer)
}

/// Whether the viewer may change a task: its issuer is within the reach of their grant, or their own unit.
pub fn issues(app: &App, viewer: &Viewer, task: &Task) -> bool {
    let issuer = task.issuer_organization;
    viewer.may(app, Permission::TaskIssue, None, Some(issuer)) || of_own_unit(&viewer.principal, issuer)
}

/// The task, if this viewer may change it; any other does not exist.
pub async fn own(app: &App, viewer: &Viewer, id: Id) -> Result<Task, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    let task = store::task(&mut app.read(), id).await?;
    if issues(app, viewer, &task) { Ok(task) } else { Err(AppError::NotFound) }
}

/// Whether the viewer reads a task from above: where its issuer stands, or in the issuing unit itself.
pub fn reads_from_above(app: &App, viewer: &Viewer, task: &Task) -> bool {
    let issuer = task.issuer_organization;
    viewer.may(app, Permission::TaskRead, None, Some(issuer)) || of_own_unit(&viewer.principal, issuer)
}

/// The task, unless it is a draft of others: that does not exist for anybody but who may change it.
pub async fn known(app: &App, viewer: &Viewer, id: Id) -> Result<Task, AppError> {
    viewer.principal.require(Permission::TaskRead)?;
    let task = store::task(&mut app.read(), id).await?;
    if task.state != "draft" || issues(app, viewer, &task) { Ok(task) } else { Err(AppError::NotFound) }
}
