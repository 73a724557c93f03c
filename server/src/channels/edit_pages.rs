//! The page on which a channel is changed, and the fields it shares with the page of a new one.

use std::collections::BTreeMap;

use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use web::pages::channels::ChannelEdit;
use web::{Choice, Field, FieldError, FieldKind, Tab, ToastKind};

use super::change::{self, change, draft_from};
use super::edit::{Draft, draft_of};
use super::model::Channel;
use crate::access::Viewer;
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::platform::http::redirect_with_toast;
use crate::platform::ids::Id;

/// What was posted, by name.
pub type Posted = BTreeMap<String, String>;

fn text(viewer: &Viewer, posted: &Posted, kind: FieldKind, name: &str, required: bool, most: u32) -> Field {
    let mut field = Field::new(kind, name, viewer.text(&format!("channels-field-{}", name.replace('_', "-")), &[]));
    field.value = posted.get(name).cloned().unwrap_or_default();
    field.required = required;
    field.max_length = Some(most);
    field
}

/// What residents read: title and introduction in both languages.
pub fn words(viewer: &Viewer, posted: &Posted) -> Vec<Field> {
    vec![
        text(viewer, posted, FieldKind::Text, "title", true, 60),
        text(viewer, posted, FieldKind::Text, "title_en", false, 120),
        text(viewer, posted, FieldKind::LongText, "intro", false, 1000),
        text(viewer, posted, FieldKind::LongText, "intro_en", false, 2000),
    ]
}

/// How it is answered and when it is open.
pub fn handling(viewer: &Viewer, posted: &Posted) -> Vec<Field> {
    let mut review = Field::new(FieldKind::SingleChoice, "review", viewer.text("channels-field-review", &[]));
    review.required = true;
    review.value = posted.get("review").cloned().unwrap_or_else(|| "none".to_owned());
    review.options = ["none", "worker"]
        .into_iter()
        .map(|key| {
            let mut option = Choice::new(key, viewer.text(&format!("channels-review-{key}"), &[]));
            option.hint = Some(viewer.text(&format!("channels-review-{key}-hint"), &[]));
            option
        })
        .collect();
    let mut days = Field::new(FieldKind::Integer, "working_days", viewer.text("channels-field-working-days", &[]));
    let usual = if posted.is_empty() { "3".to_owned() } else { String::new() };
    days.value = posted.get("working_days").cloned().unwrap_or(usual);
    days.unit = Some(viewer.text("channels-working-days-unit", &[]));
    days.hint = Some(viewer.text("channels-working-days-hint", &[]));
    let mut opens = text(viewer, posted, FieldKind::Date, "opens_on", false, 20);
    opens.hint = Some(viewer.text("channels-opens-hint", &[]));
    let mut closes = text(viewer, posted, FieldKind::Date, "closes_on", false, 20);
    closes.hint = Some(viewer.text("channels-closes-hint", &[]));
    vec![review, days, opens, closes]
}

/// The fields with what is wrong with them.
pub fn with_errors(viewer: &Viewer, mut fields: Vec<Field>, faults: &[Fault]) -> Vec<Field> {
    for field in &mut fields {
        field.error = faults.iter().find(|fault| fault.at == field.name).map(|fault| fault.text(viewer.lang));
    }
    fields
}

/// The lines of the error summary.
pub fn summary(viewer: &Viewer, faults: &[Fault]) -> Vec<FieldError> {
    faults.iter().map(|fault| FieldError { name: Some(fault.at.clone()), text: fault.text(viewer.lang) }).collect()
}

fn posted_of(draft: Draft) -> Posted {
    [
        ("title", draft.title),
        ("title_en", draft.title_en),
        ("intro", draft.intro),
        ("intro_en", draft.intro_en),
        ("review", draft.review),
        ("working_days", draft.working_days),
        ("opens_on", draft.opens_on),
        ("closes_on", draft.closes_on),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn page(
    app: &App,
    viewer: &Viewer,
    channel: &Channel,
    posted: &Posted,
    faults: &[Fault],
) -> Result<Html<String>, AppError> {
    let page = ChannelEdit {
        title: channel.title_in(viewer.lang),
        back: format!("/channels/{}", channel.id),
        action: format!("/channels/{}/edit", channel.id),
        version: posted.get("version").cloned().unwrap_or_else(|| channel.version.to_string()),
        fields: with_errors(viewer, words(viewer, posted), faults),
        handling: with_errors(viewer, handling(viewer, posted), faults),
        errors: summary(viewer, faults),
    };
    let mut frame = viewer.frame(app, viewer.text("channels-edit-title", &[]), Some(Tab::Channels));
    frame.has_errors = !faults.is_empty();
    viewer.render(app, "channels/edit.html", &frame, page)
}

/// `GET /channels/{id}/edit`
pub async fn show(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Html<String>, AppError> {
    let channel = change::changeable(&app, &viewer, id).await?;
    page(&app, &viewer, &channel, &posted_of(draft_from(&app, &channel)), &[])
}

/// `POST /channels/{id}/edit`
pub async fn save(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    let channel = change::changeable(&app, &viewer, id).await?;
    let version = posted.get("version").and_then(|text| text.parse().ok()).unwrap_or(0);
    let faults = match change(&app, &viewer, id, version, &draft_of(&posted, Vec::new())).await {
        Ok(_) => {
            let text = viewer.text("channels-changed", &[]);
            return Ok(redirect_with_toast(format!("/channels/{id}"), ToastKind::Good, text));
        }
        Err(AppError::Invalid(faults)) => faults,
        Err(AppError::Stale(_)) => vec![Fault::new("", "channels-changed-meanwhile")],
        Err(other) => return Err(other),
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&app, &viewer, &channel, &posted, &faults)?).into_response())
}
