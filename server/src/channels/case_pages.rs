//! A case as its worker sees it: answers, what would change, and the acts.

use std::collections::BTreeMap;

use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use form_runtime::controls::Widget;
use serde::Deserialize;
use serde_json::json;
use web::pages::channels::{Answer, CaseList, CasePage, CaseRow, Fact, FilterLink, Happened, Pick, SlipPage, Word};
use web::{FieldError, Tab, ToastKind};

use super::codes::{self, Filed};
use super::model::{Case, CaseState, Correction, Step, StepKind};
use super::public::{base_url, due_text, next_steps};
use super::public_form::{Pairs, value};
use super::query_pages::colour;
use super::{compare, feedback, handle, query, scope, store};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::entities;
use crate::error::{AppError, Fault};
use crate::forms::language;
use crate::platform::api::{Listed, Paging};
use crate::platform::events::Event;
use crate::platform::http::redirect_with_toast;
use crate::platform::ids::Id;

/// Rows of one page.
const ROWS: i64 = 50;
/// States that wait for a worker.
pub const WAITING: [&str; 3] = ["open", "accepted", "review"];

/// Which cases are listed.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    /// key of a state, `waiting` or `all`
    #[serde(default)]
    state: String,
    /// of one channel
    #[serde(default)]
    channel: String,
    #[serde(flatten)]
    paging: Paging,
}

/// The state of a case in a word.
pub fn state_word(viewer: &Viewer, case: &Case) -> Word {
    let state = case.state();
    let kind = match state {
        CaseState::Open => "primary",
        CaseState::Accepted => "",
        CaseState::Correction | CaseState::Review => "warn",
        CaseState::Done => "good",
        CaseState::Rejected => "danger",
    };
    Word { text: viewer.text(&format!("channels-case-{}", state.key()), &[]), kind }
}

fn holder_text(app: &App, viewer: &Viewer, case: &Case) -> String {
    let unit = scope::organization_name(app, case.holder_organization);
    let person = case.holder_post.and_then(|post| app.directory().holder(post).map(|staff| staff.name.clone()));
    let person = person.unwrap_or_else(|| viewer.text("channels-unclaimed", &[]));
    format!("{unit} · {person}")
}

/// `GET /cases`
pub async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, AppError> {
    super::pages::guard(&viewer)?;
    let states: Vec<&'static str> = match asked.state.as_str() {
        "" | "waiting" => WAITING.to_vec(),
        "all" => Vec::new(),
        key => vec![CaseState::from_key(key).key()],
    };
    let channel = asked.channel.parse().ok();
    let filter = store::CaseFilter { states, channel, after: asked.paging.after()?, mine: None };
    let mut db = app.read();
    let found = store::cases_all_shards(&mut db, &viewer.principal, Some(feedback::id()), &filter, ROWS + 1).await?;
    let listed = Listed::cut(found, ROWS, |case| (case.due_at.unwrap_or(store::NEVER), case.id));
    let all = store::CaseFilter { channel, ..store::CaseFilter::default() };
    let counts = store::count_cases_all_shards(&mut db, &viewer.principal, Some(feedback::id()), &all).await?;
    let count =
        |keys: &[&str]| counts.iter().filter(|(key, _)| keys.contains(&key.as_str())).map(|(_, n)| n).sum::<i64>();
    let more = if asked.channel.is_empty() { String::new() } else { format!("&channel={}", asked.channel) };
    let link = |key: &str, text: &str, n: Option<i64>| FilterLink {
        label: viewer.text(text, &[]),
        href: format!("/cases?state={key}{more}"),
        count: n,
        current: asked.state == key || (asked.state.is_empty() && key == "waiting"),
    };
    let filters = vec![
        link("waiting", "channels-filter-waiting", Some(count(&WAITING))),
        link("correction", "channels-case-correction", Some(count(&["correction"]))),
        link("done", "channels-case-done", Some(count(&["done"]))),
        link("rejected", "channels-case-rejected", Some(count(&["rejected"]))),
        link("all", "channels-filter-all", None),
    ];
    let mut cases = Vec::new();
    for case in listed.items {
        let channel = handle::channel_of(&app, &case).await?;
        cases.push(CaseRow {
            id: case.id.to_string(),
            label: case.label.clone(),
            href: format!("/cases/{}", case.id),
            channel: channel.title_in(viewer.lang),
            place: app.geography().get(case.place_id).map_or_else(String::new, |place| place.name.to_owned()),
            holder: holder_text(&app, &viewer, &case),
            state: state_word(&viewer, &case),
            due: due_text(&app, &viewer, case.due_at).unwrap_or_default(),
        });
    }
    let state = if asked.state.is_empty() { "waiting" } else { &asked.state };
    let next = listed.next_cursor.map(|cursor| format!("/cases?state={state}{more}&cursor={cursor}"));
    let page = CaseList { filters, cases, next };
    viewer.page(&app, "channels/cases.html", "channels-cases-title", Some(Tab::Channels), page)
}

/// The answers of a case in words; secrets by their mask, except the one asked for.
pub async fn answers(app: &App, viewer: &Viewer, case: &Case, clear: Option<&str>) -> Result<Vec<Answer>, AppError> {
    let published = handle::form_of(app, case).await?;
    let given = query::answers(app, case).await?;
    let lang = language(viewer.lang);
    let geography = app.geography();
    let rows = published.compiled.fields().iter().filter_map(|field| {
        let found = given.get(field.key()).filter(|value| !value.is_null())?;
        let masked = field.secret && clear != Some(field.key());
        let value = if masked {
            field.control.mask(found)
        } else if field.control.widget(&field.options) == Widget::PlacePicker {
            let place = found.as_str().and_then(|id| id.parse().ok()).and_then(|id| geography.get(id));
            place.map_or_else(String::new, |place| place.full_name.to_string())
        } else {
            field.control.display(found, &field.options, lang)
        };
        Some(Answer { key: field.key().to_owned(), label: field.label().get(lang).to_owned(), value, masked })
    });
    Ok(rows.collect())
}

/// One step for workers.
fn told(app: &App, viewer: &Viewer, step: &Step) -> Happened {
    let kind = StepKind::from_key(&step.kind);
    let who = step.post_id.and_then(|post| {
        let book = app.directory();
        let name = book.holder(post).map(|staff| staff.name.clone());
        name.or_else(|| book.post(post).map(|post| post.title.clone()))
    });
    let note = match kind {
        StepKind::CorrectionAsked => {
            step.note.as_deref().and_then(|text| serde_json::from_str::<Correction>(text).ok()).map(|asked| asked.text)
        }
        _ => step.note.clone(),
    };
    let note: Vec<String> = [who, note].into_iter().flatten().collect();
    Happened {
        title: viewer.text(&format!("channels-step-{}", kind.key()), &[]),
        note: (!note.is_empty()).then(|| note.join("：")),
        at: app.clock.minute_text(step.at),
        kind: colour(kind),
    }
}

/// What the page shows besides the case.
#[derive(Default)]
struct Said<'a> {
    faults: &'a [Fault],
    typed: String,
    clear: Option<String>,
}

fn may_reveal(app: &App, viewer: &Viewer, case: &Case) -> bool {
    viewer.may(app, Permission::PersonReveal, Some(case.place_id), Some(case.holder_organization))
        || handle::administers_mailbox(app, viewer, case)
}

async fn case_page(app: &App, viewer: &Viewer, case: &Case, said: Said<'_>) -> Result<Html<String>, AppError> {
    let channel = handle::channel_of(app, case).await?;
    let state = case.state();
    let mut changes = compare::changes(app, viewer, case).await?;
    if state == CaseState::Review {
        // The second worker confirms or sends back what the first chose.
        let refused = handle::decision_of(case).refused;
        changes.iter_mut().for_each(|change| change.refused = refused.contains(&change.key));
    }
    let pending = match case.observation_id {
        Some(id) => entities::pending(app, id).await?.is_some(),
        None => false,
    };
    let person = match (case.subject_shard, case.subject_id) {
        (Some(shard), Some(id)) => entities::find(&mut app.read(), shard, id).await?,
        _ => None,
    };
    let may_act = handle::may(app, viewer, Permission::CaseHandle, case) && !state.is_end();
    let proposer = handle::decision_of(case);
    let own = viewer.principal.post();
    let fact = |key: &str, value: String, note: Option<String>| Fact { label: viewer.text(key, &[]), value, note };
    let mut facts = vec![
        fact("channels-place", scope::place_name(app, case.place_id), None),
        fact("channels-holder", holder_text(app, viewer, case), None),
        fact("channels-slip-code", case.slip_code.clone(), None),
        fact(
            "channels-came",
            app.clock.minute_text(case.created_at),
            case.filed_by_post.map(|_| viewer.text("channels-filed-by-worker", &[])),
        ),
    ];
    if let Some(due) = due_text(app, viewer, case.due_at).filter(|_| !state.is_end()) {
        facts.push(fact("channels-due", due, None));
    }
    let may_give = may_act && handle::may(app, viewer, Permission::ItemAssign, case);
    let book = app.directory();
    let posts = book
        .posts_in(case.holder_organization)
        .filter(|post| may_give && post.staff.is_some() && Some(post.id) != case.holder_post)
        .map(|post| Pick {
            value: post.id.to_string(),
            label: book
                .holder(post.id)
                .map_or_else(|| post.title.clone(), |staff| format!("{} {}", staff.name, post.title)),
        })
        .collect();
    let units = handle::siblings(app, case).into_iter().filter(|_| may_act);
    let steps = store::steps(&mut app.read(), case).await?;
    let page = CasePage {
        id: case.id.to_string(),
        version: case.version.to_string(),
        label: case.label.clone(),
        channel: channel.title_in(viewer.lang),
        state: state_word(viewer, case),
        state_key: case.state.clone(),
        facts,
        answers: answers(app, viewer, case, said.clear.as_deref()).await?,
        changes,
        pending,
        proposed: (state == CaseState::Review).then(|| proposer.answer.clone()),
        may_act,
        may_claim: may_act && case.holder_post.is_none() && own.is_some(),
        may_correct: may_act && case.filed_by_post.is_none() && state != CaseState::Review,
        second: may_act && state == CaseState::Review && proposer.post != own,
        waits_for_second: state == CaseState::Review && proposer.post == own,
        may_reveal: may_reveal(app, viewer, case),
        posts,
        units: units.map(|(id, label)| Pick { value: id.to_string(), label }).collect(),
        steps: steps.iter().rev().map(|step| told(app, viewer, step)).collect(),
        errors: said
            .faults
            .iter()
            .map(|fault| FieldError { name: Some(fault.at.clone()), text: fault.text(viewer.lang) })
            .collect(),
        typed: said.typed,
        person_href: person
            .filter(|record| compare::may_see(app, viewer, record))
            .map(|record| format!("/people/{}", record.id)),
    };
    let mut frame = viewer.frame(app, format!("{} {}", page.channel, page.label), Some(Tab::Channels));
    frame.path = format!("/cases/{}", case.id);
    frame.has_errors = !said.faults.is_empty();
    viewer.render(app, "channels/case.html", &frame, page)
}

/// `GET /cases/{id}`
pub async fn show(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Html<String>, AppError> {
    let case = handle::visible(&app, &viewer, id).await?;
    case_page(&app, &viewer, &case, Said::default()).await
}

/// What is posted with an act.
pub struct Act<'a> {
    /// every pair
    pub pairs: &'a Pairs,
    /// the version that the page showed
    pub version: Option<i64>,
}

/// Does one act; the text key of what was done.
pub async fn perform(app: &App, viewer: &Viewer, id: Id, name: &str, act: Act<'_>) -> Result<&'static str, AppError> {
    let text = |name: &str| value(act.pairs, name);
    let all = |name: &str| act.pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect();
    let target = || text("to").parse().map_err(|_| AppError::invalid("to", "channels-choose-one"));
    let version = act.version;
    match name {
        "claim" => handle::claim(app, viewer, id, version).await.map(|()| "channels-done-claim"),
        "give" => handle::give(app, viewer, id, version, target()?).await.map(|()| "channels-done-give"),
        "transfer" => handle::transfer(app, viewer, id, version, target()?, text("reason"))
            .await
            .map(|()| "channels-done-transfer"),
        "correct" => {
            let fields = all("fields");
            handle::ask_correction(app, viewer, id, version, fields, text("text"))
                .await
                .map(|()| "channels-done-correct")
        }
        "answer" => {
            let refused = refused(app, viewer, id, act.pairs).await?;
            let state = handle::answer(app, viewer, id, version, refused, text("answer")).await?;
            Ok(if state == CaseState::Review { "channels-done-proposed" } else { "channels-done-answer" })
        }
        "send-back" => {
            handle::send_back(app, viewer, id, version, text("reason")).await.map(|()| "channels-done-send-back")
        }
        "reject" => handle::reject(app, viewer, id, version, text("reason")).await.map(|()| "channels-done-reject"),
        _ => Err(AppError::NotFound),
    }
}

/// The page ticks what is taken (`take`), the API names what is not (`refused`). The second worker of a
/// review confirms what the first chose.
async fn refused(app: &App, viewer: &Viewer, id: Id, pairs: &Pairs) -> Result<Vec<String>, AppError> {
    let case = handle::visible(app, viewer, id).await?;
    if case.state() == CaseState::Review {
        return Ok(handle::decision_of(&case).refused);
    }
    let all = |name: &str| -> Vec<String> {
        pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    };
    if value(pairs, "ticked") != "1" {
        return Ok(all("refused"));
    }
    let taken = all("take");
    let changes = compare::changes(app, viewer, &case).await?;
    Ok(changes.into_iter().map(|change| change.key).filter(|key| !taken.contains(key)).collect())
}

/// `POST /cases/{id}/{act}`
pub async fn act(
    State(app): State<App>,
    viewer: Viewer,
    Path((id, name)): Path<(Id, String)>,
    Form(pairs): Form<Pairs>,
) -> Result<Response, AppError> {
    if name == "reveal" {
        return reveal(&app, &viewer, id, &pairs).await;
    }
    let act = Act { pairs: &pairs, version: value(&pairs, "version").parse().ok() };
    match perform(&app, &viewer, id, &name, act).await {
        Ok(done) => {
            let there = if handle::visible(&app, &viewer, id).await.is_ok() {
                format!("/cases/{id}")
            } else {
                "/cases".to_owned()
            };
            Ok(redirect_with_toast(there, ToastKind::Good, viewer.text(done, &[])))
        }
        Err(AppError::Invalid(faults)) => {
            let case = handle::visible(&app, &viewer, id).await?;
            let typed =
                ["answer", "reason", "text"].iter().map(|name| value(&pairs, name)).find(|text| !text.is_empty());
            let said = Said { faults: &faults, typed: typed.unwrap_or_default().to_owned(), clear: None };
            let page = case_page(&app, &viewer, &case, said).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(other) => Err(other),
    }
}

/// One secret answer in clear, with a reason that is logged; kept by no cache.
async fn reveal(app: &App, viewer: &Viewer, id: Id, pairs: &Pairs) -> Result<Response, AppError> {
    let case = handle::visible(app, viewer, id).await?;
    if !may_reveal(app, viewer, &case) {
        return Err(AppError::Forbidden);
    }
    let (field, reason) = (value(pairs, "field").to_owned(), value(pairs, "reason").trim().to_owned());
    if reason.is_empty() || reason.chars().count() > 200 {
        let faults = [Fault::new("reveal_reason", "channels-reveal-reason")];
        let page = case_page(app, viewer, &case, Said { faults: &faults, ..Said::default() }).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let event = Event {
        kind: "case.revealed",
        subject_class: "case",
        subject_id: Some(case.id),
        actor: viewer.actor(),
        at: app.now(),
        payload: json!({"field": field, "reason": reason}),
    };
    app.lanes
        .write(case.shard, Vec::new(), move |tx| {
            let event = event.clone();
            Box::pin(async move { event.write(tx, crate::platform::ids::shard_of(id)).await })
        })
        .await?;
    let said = Said { clear: Some(field), ..Said::default() };
    Ok(case_page(app, viewer, &case, said).await?.into_response())
}

/// `GET /cases/{id}/slip`: to be printed and taken home. The code is there for half an hour after filing.
pub async fn slip(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Path(id): Path<Id>,
) -> Result<Html<String>, AppError> {
    let case = handle::visible(&app, &viewer, id).await?;
    let channel = handle::channel_of(&app, &case).await?;
    let kept = codes::kept::<Filed>(&app, &headers).filter(|kept| kept.case == id);
    let page = SlipPage {
        title: channel.title_in(viewer.lang),
        slip: case.slip_code.clone(),
        code: kept.map(|kept| kept.code),
        received: Some(app.clock.minute_text(case.created_at)),
        steps: next_steps(&app, &viewer, Some(&case)),
        query_address: format!("{}/query", base_url(&app, &headers)),
        next_href: format!("/cases/{id}"),
        for_whom: Some(case.label.clone()),
    };
    let frame = viewer.frame(&app, viewer.text("channels-slip-title", &[]), Some(Tab::Channels));
    viewer.render(&app, "channels/filed.html", &frame, page)
}

/// Attributes posted as JSON become pairs, so that pages and API share [`perform`].
pub fn pairs_of(body: &BTreeMap<String, serde_json::Value>) -> Pairs {
    let mut pairs = Pairs::new();
    for (key, value) in body {
        let mut push = |value: &serde_json::Value| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            pairs.push((key.clone(), text));
        };
        match value {
            serde_json::Value::Array(all) => all.iter().for_each(&mut push),
            other => push(other),
        }
    }
    pairs
}
