//! Compounds, buildings, units and doors of a community in bulk: a pattern, its preview, then made.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use web::{Field, FieldKind, Tab, ToastKind};

use super::form::{self, ErrorLine, Posted};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::geography::premises::{self, Pattern, Planned};
use crate::geography::{Place, PlaceRef};
use crate::platform::http::redirect_with_toast;
use crate::platform::ids::Id;

/// Names shown of a preview.
const SHOWN: usize = 12;

#[derive(Serialize)]
struct Line {
    name: String,
    path: String,
    kind: String,
    made_up: bool,
}

/// What a pattern would make.
#[derive(Serialize)]
pub struct Preview {
    buildings: usize,
    units: usize,
    doors: usize,
    there: usize,
    first: Vec<String>,
    last: String,
}

#[derive(Serialize)]
struct PremisesPage {
    place: String,
    place_href: String,
    action: String,
    fields: Vec<Field>,
    errors: Vec<ErrorLine>,
    preview: Option<Preview>,
    hidden: Vec<(String, String)>,
    present: Vec<Line>,
    counts: Vec<(String, i64)>,
}

const NAMES: [&str; 7] = ["compound", "buildings", "buildings_to", "units", "units_to", "floors", "floors_to"];

/// The community, if its premises may be changed here.
pub fn community(app: &App, viewer: &Viewer, id: Id) -> Result<Place, AppError> {
    viewer.principal.require(Permission::PlaceEdit)?;
    let place = app
        .geography()
        .get(id)
        .filter(|place| place.level == 5)
        .map(|place| place.to_place())
        .ok_or(AppError::NotFound)?;
    viewer.require_at(app, Permission::PlaceEdit, Some(id), None)?;
    Ok(place)
}

/// The pattern that was posted. A range with one end is that one alone.
fn pattern(posted: &Posted) -> Pattern {
    let range = |name: &str| {
        let first = form::number(posted, name).unwrap_or(0);
        let last = form::text(posted, &format!("{name}_to"));
        (first, if last.is_empty() { first } else { last.parse().unwrap_or(0) })
    };
    let units = !form::text(posted, "units").is_empty();
    Pattern {
        compound: form::text(posted, "compound").to_owned(),
        buildings: range("buildings"),
        units: units.then(|| range("units")),
        floors: range("floors"),
        doors: form::number(posted, "doors").unwrap_or(0),
    }
}

async fn page(
    app: &App,
    viewer: &Viewer,
    place: PlaceRef<'_>,
    posted: &Posted,
    faults: &[Fault],
    preview: Option<Preview>,
) -> Result<Response, AppError> {
    let errors = form::told(viewer, faults);
    let field = |name: &str| {
        let key = format!("geography-premises-{}", name.replace('_', "-"));
        let kind = if name == "compound" { FieldKind::Text } else { FieldKind::Integer };
        let mut field = form::field(viewer, kind, name, &key, posted, &errors);
        field.required = matches!(name, "buildings" | "floors" | "doors");
        field
    };
    let mut fields: Vec<Field> = NAMES.iter().map(|name| field(name)).collect();
    fields.push(field("doors"));
    fields[0].hint = Some(viewer.text("geography-premises-compound-hint", &[]));
    let today = app.clock.today_text();
    let kind_text = |kind: &str| viewer.text(&format!("geography-premises-kind-{kind}"), &[]);
    let present = premises::children(&mut app.read(), place, None, &today).await?;
    let counts = premises::counts(&mut app.read(), place, &today).await?;
    let context = PremisesPage {
        place: place.name.to_owned(),
        place_href: format!("/places?at={}", place.id),
        action: format!("/places/{}/premises", place.id),
        fields,
        preview,
        hidden: posted.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        present: present
            .into_iter()
            .map(|p| Line { name: p.name, path: p.path, kind: kind_text(&p.kind), made_up: p.made_up })
            .collect(),
        counts: ["compound", "building", "unit", "door"]
            .iter()
            .map(|kind| (kind_text(kind), counts.get(*kind).copied().unwrap_or(0)))
            .collect(),
        errors,
    };
    let mut frame = viewer.frame(app, viewer.text("geography-premises-title", &[]), Some(Tab::Admin));
    frame.has_errors = !context.errors.is_empty();
    let html = viewer.render(app, "administration/premises.html", &frame, context)?;
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, html).into_response())
}

/// `GET /places/{id}/premises`
pub async fn show(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    let place = community(&app, &viewer, id)?;
    page(&app, &viewer, place.view(), &Posted::new(), &[], None).await
}

/// `POST /places/{id}/premises`: the preview; nothing is written.
pub async fn look(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    let place = community(&app, &viewer, id)?;
    match pattern(&posted).plan() {
        Ok(plan) => {
            let (fresh, there) = premises::new_of(&app, place.view(), plan).await?;
            let preview = preview_of(&fresh, there);
            page(&app, &viewer, place.view(), &posted, &[], Some(preview)).await
        }
        Err(faults) => page(&app, &viewer, place.view(), &posted, &faults, None).await,
    }
}

/// Counts and first names of what would be made.
pub fn preview_of(fresh: &[Planned], there: usize) -> Preview {
    let count = |kind: &str| fresh.iter().filter(|planned| planned.kind == kind).count();
    let doors: Vec<&str> =
        fresh.iter().filter(|planned| planned.kind == "door").map(|planned| planned.path.as_str()).collect();
    Preview {
        buildings: count("building"),
        units: count("unit"),
        doors: doors.len(),
        there,
        first: doors.iter().take(SHOWN).map(|path| (*path).to_owned()).collect(),
        last: doors.last().map(|path| (*path).to_owned()).unwrap_or_default(),
    }
}

/// `POST /places/{id}/premises/make`
pub async fn make(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    let place = community(&app, &viewer, id)?;
    match pattern(&posted).plan() {
        Ok(plan) => {
            let made = premises::make(&app, place.view(), plan, false, viewer.actor()).await?;
            let text = viewer.text("geography-premises-made", &[("n", (made.len() as i64).into())]);
            Ok(redirect_with_toast(format!("/places/{id}/premises"), ToastKind::Good, text))
        }
        Err(faults) => page(&app, &viewer, place.view(), &posted, &faults, None).await,
    }
}
