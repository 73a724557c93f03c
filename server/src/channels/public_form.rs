//! A channel's form as a page, shared by residents' doors, the mailbox and 代填.

use std::sync::Arc;

use form_runtime::{FieldMessage, Known, Map, form_view};
use web::pages::channels::Fill;
use web::{FormPage, Lang};

use super::model::Channel;
use crate::access::Viewer;
use crate::app::App;
use crate::forms::{Published, language};
use crate::platform::ids::{Id, new_id};

/// A channel opened at a community.
#[derive(Clone, Debug)]
pub struct Door {
    /// the channel
    pub channel: Channel,
    /// its form
    pub published: Arc<Published>,
    /// the community
    pub place: Id,
}

/// What was posted: pairs in order.
pub type Pairs = Vec<(String, String)>;

/// The last value of a name.
pub fn value<'a>(pairs: &'a Pairs, name: &str) -> &'a str {
    pairs.iter().rev().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
}

/// The form, nothing known filled in: whoever stands at this door has not shown who they are.
pub fn form_page(app: &App, published: &Published, lang: Lang, answers: &Map, messages: &[FieldMessage]) -> FormPage {
    let view = form_view(&published.compiled, &Known::default(), answers, messages, language(lang), app.clock.today());
    FormPage::from(&view)
}

/// A client's id for a new page.
pub fn new_client(app: &App, place: Id) -> Id {
    let shard = app.geography().get(place).map_or(0, |found| found.shard);
    new_id(shard, app.now())
}

/// The page of a door.
pub fn fill(
    app: &App,
    viewer: &Viewer,
    door: &Door,
    action: String,
    client: Id,
    answers: &Map,
    messages: &[FieldMessage],
) -> Fill {
    let place = app.geography().get(door.place).map_or_else(String::new, |place| place.name.to_owned());
    Fill {
        form: form_page(app, &door.published, viewer.lang, answers, messages),
        intro: door.channel.intro_in(viewer.lang),
        action,
        client_id: client.to_string(),
        place: door.place.to_string(),
        place_name: place,
        change_href: None,
        draft: door.channel.slug.clone(),
        asked: None,
    }
}
