//! What tree pickers ask for: the children of a node, or what matches a text.

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use crate::access::Viewer;
use crate::app::App;
use crate::directory::{self, Directory, Organization};
use crate::error::AppError;
use crate::geography::{self, Geography, PlaceRef};
use crate::platform::ids::Id;

/// How many a search gives to a picker.
const FOUND: usize = 30;

/// `?parent=ID` or `?q=TEXT`; neither gives the roots.
#[derive(Deserialize)]
pub struct Ask {
    /// the node whose children are wanted
    #[serde(default)]
    parent: String,
    /// what is searched
    #[serde(default)]
    q: String,
}

/// One node.
#[derive(Serialize)]
pub struct Node {
    id: Id,
    label: String,
    path: String,
    has_children: bool,
}

fn place_node(geography: &Geography, place: PlaceRef<'_>) -> Node {
    Node {
        id: place.id,
        label: place.name.to_owned(),
        path: place.full_name.to_string(),
        has_children: geography.children(place.id).next().is_some(),
    }
}

/// Only staff look around in the trees.
pub fn staff_only(viewer: &Viewer) -> Result<(), AppError> {
    viewer.principal.account().map(|_| ()).ok_or(AppError::SignIn)
}

/// `GET /places/children`
pub async fn places(
    State(app): State<App>,
    viewer: Viewer,
    Query(ask): Query<Ask>,
) -> Result<Json<Vec<Node>>, AppError> {
    staff_only(&viewer)?;
    let geography = app.geography();
    let list: Vec<PlaceRef> = match (ask.q.trim(), ask.parent.parse::<Id>()) {
        ("", Ok(parent)) => geography.shown_children(parent),
        ("", Err(_)) => geography.root().into_iter().collect(),
        (text, _) => geography::search(&geography, text, None, FOUND),
    };
    Ok(Json(list.into_iter().map(|place| place_node(&geography, place)).collect()))
}

fn organization_node(book: &Directory, unit: &Organization) -> Node {
    let mut path: Vec<&str> = book.chain(unit.id).map(|o| o.short_name.as_str()).collect();
    path.reverse();
    Node {
        id: unit.id,
        label: unit.short_name.clone(),
        path: path.join("/"),
        has_children: book.children(unit.id).next().is_some(),
    }
}

/// Organizations without one above, in the order of their level and name.
pub fn roots(book: &Directory) -> Vec<&Organization> {
    let mut roots: Vec<&Organization> = book.organizations().filter(|o| o.parent.is_none()).collect();
    roots.sort_by(|a, b| (a.level, &a.name, a.id).cmp(&(b.level, &b.name, b.id)));
    roots
}

/// Units directly inside one: offices and departments first, then by the order of their places.
pub fn inside<'d>(geography: &Geography, book: &'d Directory, parent: Id) -> Vec<&'d Organization> {
    let mut list: Vec<&Organization> = book.children(parent).collect();
    let order = |o: &Organization| o.place.and_then(|id| geography.get(id)).map_or(0, |place| place.sort);
    list.sort_by(|a, b| (a.level, order(a), &a.name, a.id).cmp(&(b.level, order(b), &b.name, b.id)));
    list
}

/// `GET /organizations/children`
pub async fn organizations(
    State(app): State<App>,
    viewer: Viewer,
    Query(ask): Query<Ask>,
) -> Result<Json<Vec<Node>>, AppError> {
    staff_only(&viewer)?;
    let (geography, book) = (app.geography(), app.directory());
    let list: Vec<&Organization> = match (ask.q.trim(), ask.parent.parse::<Id>()) {
        ("", Ok(parent)) => inside(&geography, &book, parent),
        ("", Err(_)) => roots(&book),
        (text, _) => directory::search::organizations(&book, text, FOUND),
    };
    Ok(Json(list.into_iter().map(|unit| organization_node(&book, unit)).collect()))
}
