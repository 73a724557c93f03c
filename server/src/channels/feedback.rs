//! 投诉建议: a built-in channel that every page leads to. Its cases go to the highest unit of the address
//! book, and to administrators of its place. It is made at the first need.

use std::sync::Arc;

use form_runtime::FormDefinition;
use serde_json::json;

use super::model::Channel;
use super::{edit, scope, store};
use crate::app::App;
use crate::error::AppError;
use crate::forms::{self, Published};
use crate::platform::database::StoreError;
use crate::platform::events::Actor;
use crate::platform::ids::{Id, derived_id};

/// The stable key of the built-in form and channel.
const KEY: &str = "hutong/feedback";
/// The last part of its address.
pub const SLUG: &str = "feedback";

fn fixed(what: &[u8]) -> Id {
    derived_id(0, 0, &[KEY.as_bytes(), what])
}

/// The id of the built-in channel, the same in every installation.
pub fn id() -> Id {
    fixed(b"channel")
}

/// Whether a channel is the built-in one.
pub fn is(channel: Id) -> bool {
    channel == id()
}

fn definition() -> Result<FormDefinition, AppError> {
    let choice = |value: &str, zh: &str, en: &str| json!({"value": value, "label": {"zh-CN": zh, "en": en}});
    let text = json!({
        "id": "feedback",
        "title": {"zh-CN": "投诉建议", "en": "Complaints and suggestions"},
        "intro": {
            "zh-CN": "哪里不好用、哪里办得不对、想要什么，都可以写。不留联系方式也可以。",
            "en": "Tell us what does not work, what went wrong, or what you would like. You need not leave a contact.",
        },
        "fields": [
            {"key": "kind", "control": "choice", "label": {"zh-CN": "是哪一类", "en": "What it is"}, "required": true,
             "choices": [
                choice("complaint", "投诉", "A complaint"),
                choice("suggestion", "建议", "A suggestion"),
                choice("help", "不会用，求助", "I need help"),
             ]},
            {"key": "text", "control": "long_text", "label": {"zh-CN": "想说的话", "en": "What you want to say"}, "required": true},
            {"key": "contact", "control": "phone", "label": {"zh-CN": "联系电话", "en": "Phone"},
             "hint": {"zh-CN": "想要回电时填写", "en": "If you would like to be called back"}},
        ],
    });
    form_runtime::definition::parse(&text.to_string())
        .map_err(|fault| AppError::Internal(format!("feedback form: {fault:?}")))
}

/// The place whose page it is: that of the highest unit; the root of the tree before there is an address book.
fn place(app: &App) -> Option<Id> {
    let unit = edit::top(app).and_then(|id| app.directory().organization(id).and_then(|unit| unit.place));
    unit.or_else(|| app.geography().root().map(|root| root.id))
}

/// The mailbox: channel, form and the place whose page it is. Made when it is missing.
pub async fn mailbox(app: &App) -> Result<(Channel, Arc<Published>, Id), AppError> {
    let place = place(app).ok_or(AppError::NotFound)?;
    if let Some(channel) = store::channel(&mut app.read(), id()).await? {
        let form = forms::published(app, channel.form_version_id).await?;
        return Ok((channel, form, place));
    }
    make(app, place).await?;
    let channel = store::channel(&mut app.read(), id()).await?.ok_or(AppError::NotFound)?;
    let form = forms::published(app, channel.form_version_id).await?;
    Ok((channel, form, place))
}

async fn make(app: &App, place: Id) -> Result<(), AppError> {
    let (now, definition) = (app.now(), definition()?);
    // Without an address book yet, the place stands for whoever will govern it: administrators see all.
    let unit = scope::holder(&app.geography(), &app.directory(), place).or_else(|| edit::top(app)).unwrap_or(place);
    let made = app
        .lanes
        .write(0, Vec::new(), move |tx| {
            let definition = definition.clone();
            Box::pin(async move {
                if store::channel(tx, id()).await?.is_some() {
                    return Ok::<(), AppError>(());
                }
                let form = forms::store::Form {
                    id: fixed(b"form"),
                    app_key: Some(KEY.to_owned()),
                    title: serde_json::to_string(&definition.title).map_err(StoreError::from)?,
                    class: String::new(),
                    organization_id: Some(unit),
                    state: "draft".to_owned(),
                    draft: definition.to_json(),
                    version: 1,
                    created_by: None,
                    created_at: now,
                    updated_at: now,
                };
                forms::store::insert(tx, &form).await?;
                let version = forms::publish::publish_in(tx, &form, &definition, &Actor::default(), now).await?;
                let channel = Channel {
                    id: id(),
                    app_key: Some(KEY.to_owned()),
                    slug: SLUG.to_owned(),
                    title: serde_json::to_string(&definition.title).map_err(StoreError::from)?,
                    intro: serde_json::to_string(&definition.intro).map_err(StoreError::from)?,
                    form_version_id: version.id,
                    organization_id: unit,
                    review: "none".to_owned(),
                    working_days: Some(5),
                    state: "open".to_owned(),
                    opens_at: None,
                    closes_at: None,
                    created_at: now,
                    version: 1,
                };
                edit::create_in(tx, &channel, &[], &Actor::default()).await
            })
        })
        .await;
    match made {
        // Somebody else was first.
        Err(AppError::Store(StoreError::Duplicate)) | Ok(()) => Ok(()),
        Err(fault) => Err(fault),
    }
}
