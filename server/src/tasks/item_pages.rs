//! Pages of one item: fill it, nothing changed, the slip, found subjects, certifying.

use std::collections::BTreeMap;

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use form_runtime::{FieldMessage, Known, Map, form_view};
use serde::Serialize;
use web::{FormPage, Tab, ToastKind};

use super::acts::{self, By};
use super::discover::{self, Certified};
use super::holding::{self, Ways};
use super::model::{Item, ItemState, Task, TaskShape};
use super::opened::{self, Opened};
use super::submit::{self, Posted, Refused};
use super::words;
use super::work_store::{self, Wanted};
use super::worker_list::{address, last_line, notes};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::forms::{self, Published};
use crate::platform::http::{redirect, redirect_with_toast};
use crate::platform::ids::{Id, new_id, shard_of};

/// A body of urlencoded pairs; names may repeat.
pub type Pairs = Form<Vec<(String, String)>>;

/// The last value under a name.
pub fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[derive(Serialize)]
struct Happened {
    title: String,
    note: Option<String>,
    at: String,
}

#[derive(Serialize)]
struct FoundRow {
    href: String,
    label: String,
    chip: String,
    chip_kind: &'static str,
}

/// An item's page.
#[derive(Serialize)]
pub struct ItemPage {
    id: String,
    name: String,
    notes: Vec<String>,
    address: String,
    task: String,
    task_href: String,
    state: String,
    state_kind: &'static str,
    reason: Option<String>,
    due: Option<(String, &'static str)>,
    holder: String,
    last: Option<String>,
    form: Option<FormPage>,
    moved: bool,
    client_id: String,
    item_version: i64,
    record_version: i64,
    fill: bool,
    unchanged: bool,
    may_claim: bool,
    may_return: bool,
    may_put_back: bool,
    may_void: bool,
    may_judge: bool,
    may_correct: bool,
    may_assign: bool,
    may_recall: bool,
    may_call: bool,
    slip: bool,
    person_href: Option<String>,
    posts: Vec<(String, String)>,
    units: Vec<(String, String)>,
    history: Vec<Happened>,
    discovery: bool,
    found: Vec<FoundRow>,
    found_count: i64,
    certified: Option<i64>,
    certify_error: Option<String>,
    ask_zero: bool,
    found_under: Option<String>,
}

/// What a post left to say on the page.
#[derive(Default)]
struct Said {
    answers: Map,
    messages: Vec<FieldMessage>,
    moved: bool,
    client_id: Option<Id>,
    certify_error: Option<String>,
    ask_zero: bool,
}

fn form_page(app: &App, viewer: &Viewer, published: &Published, known: &Known, said: &Said) -> FormPage {
    let lang = forms::language(viewer.lang);
    FormPage::from(&form_view(&published.compiled, known, &said.answers, &said.messages, lang, app.clock.today()))
}

async fn page(app: &App, viewer: &Viewer, opened: Opened, said: Said) -> Result<(String, ItemPage), AppError> {
    let by = By::of(viewer);
    let Opened { task, item, published, record, known, last } = &opened;
    let discovery = task.shape() == TaskShape::Discovery && item.parent_item_id.is_none();
    let state = ItemState::from_key(&item.state);
    let todo = matches!(state, Some(ItemState::Open | ItemState::Correction));
    let alive = acts::running(task).is_ok();
    let mine = alive && todo && by.handles(app, item);
    let assigns = alive && by.assigns(app, item);
    let way = Ways::default().of(app, task.id, item.assignment_id).await?;
    let (own, giver) = (&way[0], way.get(1));
    let judges = giver.map_or(assigns, |above| by.answers_for(app, above));
    let form = (mine && !discovery).then(|| form_page(app, viewer, published, known, &said));
    let found = if discovery { found_rows(app, viewer, task, item).await? } else { vec![] };
    let found_count = if discovery { work_store::children(&mut app.read(), item).await? } else { 0 };
    let person = record.person();
    let name = person.map(|p| p.name.clone()).filter(|name| !name.is_empty()).unwrap_or_else(|| item.label.clone());
    let movements = work_store::movements(&mut app.read(), item).await?;
    let history = movements
        .into_iter()
        .map(|(kind, from, to, why, at, post)| {
            let to = to.filter(|to| Some(*to) != from).map(|to| words::party(app, to)).unwrap_or_default();
            let who = post.and_then(|post| words::person(app, post)).unwrap_or_default();
            let note = [who, why.map(|why| words::reason(viewer, Some(published), &why)).unwrap_or_default()];
            let note: Vec<String> = note.into_iter().filter(|text| !text.is_empty()).collect();
            Happened {
                title: viewer.text(&format!("work-moved-{}", kind.replace('_', "-")), &[("to", to.into())]),
                note: (!note.is_empty()).then(|| note.join(" · ")),
                at: app.clock.minute_text(at),
            }
        })
        .collect();
    let page = ItemPage {
        id: item.id.to_string(),
        name: if name.is_empty() { viewer.text("work-unnamed", &[]) } else { name.clone() },
        notes: notes(app, viewer, person),
        address: address(app, item, person),
        task: task.title.clone(),
        task_href: format!("/work/{}", task.id),
        state: words::state_text(viewer, &item.state),
        state_kind: words::state_kind(&item.state),
        reason: item
            .reason
            .as_deref()
            .filter(|_| state != Some(ItemState::Done))
            .map(|why| words::reason(viewer, Some(published), why)),
        due: todo.then(|| words::due(app, viewer, item.due_at)).flatten(),
        holder: words::holder(app, viewer, item),
        last: match last {
            Some(last) => Some(last_line(app, viewer, last).await?),
            None => None,
        },
        unchanged: form.as_ref().is_some_and(|form| form.can_confirm_all)
            && last.is_some()
            && said.messages.is_empty()
            && state == Some(ItemState::Open),
        form,
        moved: said.moved,
        client_id: said.client_id.unwrap_or_else(|| new_id(item.shard, app.now())).to_string(),
        item_version: item.version,
        record_version: record.version(),
        fill: mine,
        may_claim: mine
            && item.holder_post.is_none()
            && viewer.principal.organization() == Some(item.holder_organization),
        may_return: mine && giver.is_some() && item.parent_item_id.is_none(),
        may_put_back: mine && item.holder_post.is_some(),
        may_void: mine,
        may_judge: alive && state == Some(ItemState::VoidProposed) && judges,
        may_correct: alive
            && state == Some(ItemState::Done)
            && item.submission_id.is_some()
            && item.parent_item_id.is_none()
            && (judges || assigns),
        may_assign: assigns && todo && item.parent_item_id.is_none(),
        may_recall: alive && holding::may_recall(app, &by, item, &way),
        may_call: person.is_some_and(|p| p.mobile_mask.is_some())
            && person.is_some_and(|p| viewer.may(app, Permission::PersonReveal, p.community_id, None)),
        slip: item.submission_id.is_some(),
        person_href: person
            .filter(|p| viewer.may(app, Permission::PersonRead, p.community_id, None))
            .map(|p| format!("/people/{}", p.id)),
        posts: if assigns { super::work_pages::people(app, item.holder_organization) } else { vec![] },
        units: if assigns { super::work_pages::units(app, task, own) } else { vec![] },
        history,
        discovery,
        found,
        found_count,
        certified: item.certified,
        certify_error: said.certify_error,
        ask_zero: said.ask_zero,
        found_under: item.parent_item_id.map(|unit| format!("/items/{unit}")),
    };
    Ok((name, page))
}

async fn found_rows(app: &App, viewer: &Viewer, task: &Task, unit: &Item) -> Result<Vec<FoundRow>, AppError> {
    let wanted = Wanted { task: Some(task.id), found_under: Some(unit.id), limit: 500, ..Wanted::default() };
    let items = work_store::list(&mut app.read(), &wanted, &viewer.principal, Permission::ItemRead).await?;
    Ok(items
        .iter()
        .map(|item| FoundRow {
            href: format!("/items/{}", item.id),
            label: item.label.clone(),
            chip: words::state_text(viewer, &item.state),
            chip_kind: words::state_kind(&item.state),
        })
        .collect())
}

async fn render(
    app: &App,
    viewer: &Viewer,
    opened: Opened,
    said: Said,
    status: StatusCode,
) -> Result<Response, AppError> {
    let wrong = !said.messages.is_empty() || said.certify_error.is_some();
    let (name, page) = page(app, viewer, opened, said).await?;
    let mut frame = viewer.frame(app, format!("{name} · {}", page.task), Some(Tab::Tasks));
    frame.has_errors = wrong;
    Ok((status, viewer.render(app, "work/item.html", &frame, page)?).into_response())
}

/// `GET /items/{id}`
pub async fn show(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemRead)?;
    let (task, item) = acts::load(&app, &By::of(&viewer), id).await?;
    let opened = opened::open(&app, task, item).await?;
    render(&app, &viewer, opened, Said::default(), StatusCode::OK).await
}

/// Ids and versions that a form of ours carries, and the answers.
fn posted(app: &App, published: &Published, pairs: &[(String, String)], confirm_all: bool) -> Result<Posted, AppError> {
    let number = |name: &str| value(pairs, name).and_then(|text| text.parse().ok());
    Ok(Posted {
        client_id: value(pairs, "client_id")
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| AppError::invalid("client_id", "work-no-client-id"))?,
        answers: if confirm_all { Map::new() } else { forms::answers_of(app, published, pairs) },
        confirm_all,
        item_version: number("item_version"),
        record_version: number("record_version"),
    })
}

async fn file(
    app: App,
    viewer: Viewer,
    id: Id,
    pairs: Vec<(String, String)>,
    confirm_all: bool,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    let by = By::of(&viewer);
    let (task, item) = acts::load(&app, &by, id).await?;
    let task_id = task.id;
    let opened = opened::open(&app, task, item).await?;
    let posted = posted(&app, &opened.published, &pairs, confirm_all)?;
    let (answers, client_id) = (posted.answers.clone(), posted.client_id);
    match submit::submit_opened(&app, &by, &opened, posted).await? {
        Ok(slip) if confirm_all => {
            let text = viewer.text(
                "work-unchanged-toast",
                &[("name", opened.item.label.clone().into()), ("slip", slip.slip_code.into())],
            );
            Ok(redirect_with_toast(format!("/work/{task_id}"), ToastKind::Good, text))
        }
        Ok(_) => Ok(redirect(&format!("/items/{id}/slip"))),
        Err(Refused::Fields(messages)) => {
            let said = Said { answers, messages, client_id: Some(client_id), ..Said::default() };
            render(&app, &viewer, opened, said, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(Refused::Moved) => {
            // Read again: the page shows what holds now, with what was typed, under a new id.
            let (task, item) = acts::load(&app, &by, id).await?;
            let opened = opened::open(&app, task, item).await?;
            render(&app, &viewer, opened, Said { answers, moved: true, ..Said::default() }, StatusCode::CONFLICT).await
        }
    }
}

/// `POST /items/{id}`
pub async fn send(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(pairs): Pairs,
) -> Result<Response, AppError> {
    file(app, viewer, id, pairs, false).await
}

/// `POST /items/{id}/unchanged`
pub async fn unchanged(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(pairs): Pairs,
) -> Result<Response, AppError> {
    file(app, viewer, id, pairs, true).await
}

#[derive(Serialize)]
struct SlipPage {
    slip_code: String,
    name: String,
    task: String,
    at: String,
    by: Option<String>,
    next_href: String,
    item_href: String,
}

/// `GET /items/{id}/slip`
pub async fn slip(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::ItemRead)?;
    let (task, item) = acts::load(&app, &By::of(&viewer), id).await?;
    let submission = item.submission_id.ok_or(AppError::NotFound)?;
    let stored =
        forms::store::submission(&mut app.read(), shard_of(submission), submission).await?.ok_or(AppError::NotFound)?;
    let page = SlipPage {
        slip_code: stored.slip_code,
        name: item.label.clone(),
        task: task.title.clone(),
        at: app.clock.minute_text(stored.submitted_at),
        by: stored.post_id.and_then(|post| words::person(&app, post)),
        next_href: item.parent_item_id.map_or_else(|| format!("/work/{}", task.id), |unit| format!("/items/{unit}")),
        item_href: format!("/items/{id}"),
    };
    viewer.page(&app, "work/slip.html", "work-slip-title", Some(Tab::Tasks), page)
}

#[derive(Serialize)]
struct FoundPage {
    id: String,
    unit: String,
    task: String,
    form: FormPage,
    client_id: String,
}

async fn found_page(app: &App, viewer: &Viewer, id: Id, said: Said, status: StatusCode) -> Result<Response, AppError> {
    let (task, item) = acts::load(app, &By::of(viewer), id).await?;
    if task.shape() != TaskShape::Discovery || item.parent_item_id.is_some() {
        return Err(AppError::NotFound);
    }
    let published = forms::published(app, task.form_version_id).await?;
    let mut frame = viewer.frame(app, viewer.text("work-found-title", &[]), Some(Tab::Tasks));
    frame.has_errors = !said.messages.is_empty();
    let page = FoundPage {
        id: id.to_string(),
        unit: item.label.clone(),
        task: task.title.clone(),
        form: form_page(app, viewer, &published, &Known::default(), &said),
        client_id: said.client_id.unwrap_or_else(|| new_id(item.shard, app.now())).to_string(),
    };
    Ok((status, viewer.render(app, "work/found.html", &frame, page)?).into_response())
}

/// `GET /items/{id}/found`
pub async fn find(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    found_page(&app, &viewer, id, Said::default(), StatusCode::OK).await
}

/// `POST /items/{id}/found`
pub async fn add_found(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(pairs): Pairs,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    let by = By::of(&viewer);
    let (task, _) = acts::load(&app, &by, id).await?;
    let published = forms::published(&app, task.form_version_id).await?;
    let posted = posted(&app, &published, &pairs, false)?;
    let (answers, client_id) = (posted.answers.clone(), posted.client_id);
    match discover::found(&app, &by, id, posted).await? {
        Ok(slip) => {
            let text = viewer.text("work-found-toast", &[("slip", slip.slip_code.into())]);
            Ok(redirect_with_toast(format!("/items/{id}"), ToastKind::Good, text))
        }
        Err(Refused::Fields(messages)) => {
            let said = Said { answers, messages, client_id: Some(client_id), ..Said::default() };
            found_page(&app, &viewer, id, said, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(Refused::Moved) => {
            found_page(
                &app,
                &viewer,
                id,
                Said { answers, client_id: Some(client_id), ..Said::default() },
                StatusCode::CONFLICT,
            )
            .await
        }
    }
}

/// `POST /items/{id}/certify`
pub async fn certify(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(form): Form<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    let by = By::of(&viewer);
    let number =
        form.get("number").and_then(|text| crate::platform::sheets::normalize_text(text).trim().parse::<i64>().ok());
    let mut said = Said::default();
    match number.filter(|number| *number >= 0) {
        None => said.certify_error = Some(viewer.text("work-certify-number", &[])),
        Some(number) => match discover::certify(&app, &by, id, number, form.contains_key("zero")).await? {
            Certified::Done => {
                let text = viewer.text("work-certified-toast", &[("n", number.into())]);
                return Ok(redirect_with_toast(format!("/items/{id}"), ToastKind::Good, text));
            }
            Certified::AskZero => said.ask_zero = true,
            Certified::Differs { found } => {
                said.certify_error =
                    Some(viewer.text("work-certify-differs", &[("said", number.into()), ("found", found.into())]));
            }
        },
    }
    let (task, item) = acts::load(&app, &by, id).await?;
    let opened = opened::open(&app, task, item).await?;
    render(&app, &viewer, opened, said, StatusCode::UNPROCESSABLE_ENTITY).await
}
