//! Words for what items, holders and instants are on pages.

use web::TextArg;

use super::model::{Item, ItemState};
use crate::access::Viewer;
use crate::app::App;
use crate::forms::{self, Published};
use crate::platform::clock::DAY;
use crate::platform::ids::Id;

/// Kind of chip for a state.
pub fn state_kind(state: &str) -> &'static str {
    match ItemState::from_key(state) {
        Some(ItemState::Done) => "good",
        Some(ItemState::Correction) => "danger",
        Some(ItemState::VoidProposed | ItemState::Review) => "warn",
        _ => "",
    }
}

/// A state in words.
pub fn state_text(viewer: &Viewer, state: &str) -> String {
    viewer.text(&format!("work-state-{}", state.replace('_', "-")), &[])
}

/// When it is due: `今天 18:00`, `11 月 30 日`, and whether it presses.
pub fn due(app: &App, viewer: &Viewer, due_at: Option<i64>) -> Option<(String, &'static str)> {
    let due_at = due_at?;
    let (due, today) = (app.clock.zoned(due_at), app.clock.today());
    let args: [(&str, TextArg<'_>); 2] =
        [("month", due.month().to_string().into()), ("day", due.day().to_string().into())];
    let day = viewer.text("work-day", &args);
    Some(if due_at < app.now() {
        (viewer.text("work-due-late", &[("day", day.into())]), "danger")
    } else if due.date() == today {
        (viewer.text("work-due-today", &[("time", due.strftime("%H:%M").to_string().into())]), "warn")
    } else {
        let kind = if due_at - app.now() < 2 * DAY { "warn" } else { "" };
        (viewer.text("work-due", &[("day", day.into())]), kind)
    })
}

/// `11 月 23 日` of an instant; the year too where it is another one.
pub fn day(app: &App, viewer: &Viewer, at: i64) -> String {
    let at = app.clock.zoned(at);
    if at.year() != app.clock.today().year() {
        return at.date().to_string();
    }
    viewer.text("work-day", &[("month", at.month().to_string().into()), ("day", at.day().to_string().into())])
}

/// An organization's name for lists.
pub fn unit(app: &App, id: Id) -> String {
    app.directory().organization(id).map(|unit| unit.short_name.clone()).unwrap_or_default()
}

/// Who holds a post: name and title.
pub fn person(app: &App, post: Id) -> Option<String> {
    let directory = app.directory();
    let name = directory.holder(post).map(|holder| holder.name.clone());
    name.or_else(|| directory.post(post).map(|post| post.title.clone()))
}

/// Who holds an item: the person, else 待认领 with the unit.
pub fn holder(app: &App, viewer: &Viewer, item: &Item) -> String {
    let unit = unit(app, item.holder_organization);
    match item.holder_post.and_then(|post| person(app, post)) {
        Some(person) => format!("{unit} {person}"),
        None => viewer.text("work-unclaimed-by", &[("unit", unit.into())]),
    }
}

/// A holder as movements name it: post or organization.
pub fn party(app: &App, id: Id) -> String {
    person(app, id).unwrap_or_else(|| unit(app, id))
}

/// Full name of a place.
pub fn place(app: &App, id: Id) -> String {
    app.geography().get(id).map(|place| place.full_name.to_string()).unwrap_or_default()
}

/// Why an item is where it is. Stored as `kind|note`, with a detail after a dot in the kind; a text of
/// another shape is a dispatch rule's own sentence.
pub fn reason(viewer: &Viewer, form: Option<&Published>, reason: &str) -> String {
    let (kind, note) = reason.split_once('|').unwrap_or((reason, ""));
    let (kind, detail) = kind.split_once('.').unwrap_or((kind, ""));
    let note_arg = || ("note", TextArg::from(note));
    match kind {
        "void" => {
            let why = viewer.text(&format!("work-void-{detail}"), &[]);
            if note.is_empty() { why } else { viewer.text("work-because", &[("what", why.into()), note_arg()]) }
        }
        "correction" => {
            let lang = forms::language(viewer.lang);
            let label = |key: &str| {
                form.and_then(|form| form.compiled.field(key))
                    .map_or_else(|| key.to_owned(), |field| field.label().get(lang).to_owned())
            };
            let fields: Vec<String> = detail.split(',').map(label).collect();
            viewer.text("work-correct-these", &[("fields", fields.join("、").into()), note_arg()])
        }
        "returned" | "recalled" | "transferred" | "refused" => {
            let what = viewer.text(&format!("work-was-{kind}"), &[]);
            viewer.text("work-because", &[("what", what.into()), note_arg()])
        }
        "reopened" => viewer.text("work-was-reopened", &[]),
        _ => super::rows::fault_text(viewer.lang, reason),
    }
}
