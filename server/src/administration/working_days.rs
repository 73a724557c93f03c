//! The table of working days: holidays and worked weekends.

use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::json;
use web::{Field, FieldKind, Tab};

use super::form::{self, ErrorLine, Posted};
use super::places::done;
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::directory::working_days::{self, Calendar};
use crate::error::{AppError, Fault};
use crate::platform::events::Event;

/// Longest note, in characters.
pub const NOTE: usize = 60;

#[derive(Serialize)]
struct Day {
    day: String,
    weekday: String,
    working: bool,
    note: String,
}

#[derive(Serialize)]
struct DaysPage {
    days: Vec<Day>,
    fields: Vec<Field>,
    errors: Vec<ErrorLine>,
}

async fn page(app: &App, viewer: &Viewer, posted: &Posted, faults: &[Fault]) -> Result<Response, AppError> {
    viewer.principal.require(Permission::Administer)?;
    let calendar = working_days::load(&mut app.read()).await?;
    let errors = form::told(viewer, faults);
    let mut day = form::field(viewer, FieldKind::Date, "day", "administration-day", posted, &errors);
    day.required = true;
    day.hint = Some(viewer.text("administration-day-hint", &[]));
    let mut working =
        form::field(viewer, FieldKind::SingleChoice, "working", "administration-day-working", posted, &errors);
    working.required = true;
    working.options = form::choices(viewer, "administration-day", &["free", "worked"]);
    let note = form::field(viewer, FieldKind::Text, "note", "administration-day-note", posted, &errors);
    let context = DaysPage {
        days: calendar
            .exceptions()
            .map(|(day, working, note)| Day {
                day: day.to_string(),
                weekday: viewer.text(&format!("administration-weekday-{}", day.weekday().to_monday_one_offset()), &[]),
                working,
                note: note.to_owned(),
            })
            .collect(),
        fields: vec![day, working, note],
        errors,
    };
    let mut frame = viewer.frame(app, viewer.text("administration-days", &[]), Some(Tab::Admin));
    frame.has_errors = !context.errors.is_empty();
    let html = viewer.render(app, "administration/days.html", &frame, context)?;
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, html).into_response())
}

/// `GET /admin/working-days`
pub async fn show(State(app): State<App>, viewer: Viewer) -> Result<Response, AppError> {
    page(&app, &viewer, &Posted::new(), &[]).await
}

/// `POST /admin/working-days`: sets a day; with `remove=1` it follows the week's pattern again.
pub async fn set(State(app): State<App>, viewer: Viewer, Form(posted): Form<Posted>) -> Result<Response, AppError> {
    viewer.principal.require(Permission::Administer)?;
    let compact: String = form::text(&posted, "day").chars().filter(char::is_ascii_digit).collect();
    let day = if compact.len() == 8 {
        format!("{}-{}-{}", &compact[..4], &compact[4..6], &compact[6..]).parse::<Date>().ok()
    } else {
        None
    };
    let remove = form::text(&posted, "remove") == "1";
    let working = match form::text(&posted, "working") {
        "worked" => Some(true),
        "free" => Some(false),
        _ => None,
    };
    let mut faults = Vec::new();
    if day.is_none() {
        faults.push(Fault::new("day", "administration-day-bad"));
    }
    if working.is_none() && !remove {
        faults.push(Fault::new("working", "administration-day-choose"));
    }
    let note: String = form::text(&posted, "note").chars().take(NOTE).collect();
    let (Some(day), true) = (day, faults.is_empty()) else {
        return page(&app, &viewer, &posted, &faults).await;
    };
    set_day(&app, &viewer, day, working.filter(|_| !remove).map(|working| (working, note))).await?;
    Ok(done(&viewer, "/admin/working-days", "administration-day-set"))
}

/// Makes a day free or worked with a note why; without, it follows the pattern of the week again.
pub async fn set_day(app: &App, viewer: &Viewer, day: Date, exception: Option<(bool, String)>) -> Result<(), AppError> {
    viewer.principal.require(Permission::Administer)?;
    let now = app.now();
    let working = exception.as_ref().map(|(working, _)| *working);
    let event = Event {
        kind: "working-day.set",
        subject_class: "installation",
        subject_id: None,
        actor: viewer.actor(),
        at: now,
        payload: json!({"day": day.to_string(), "working": working, "removed": working.is_none()}),
    };
    app.lanes
        .write(0, vec![], move |tx| {
            let (event, exception) = (event.clone(), exception.clone());
            async move {
                match exception {
                    Some((working, note)) => working_days::put(tx, &Calendar::new([(day, working, note)])).await?,
                    None => working_days::remove(tx, day).await?,
                }
                event.write(tx, 0).await?;
                Ok::<_, AppError>(())
            }
            .boxed()
        })
        .await
}
