//! What is known of a person, as a form shows it.

use std::collections::BTreeMap;

use form_runtime::known::{Fact, FactState};
use form_runtime::{Class, Model};
use serde_json::Value;

use super::merge::Origin;
use super::record::PersonRecord;
use super::sealed::Sealed;
use crate::app::App;
use crate::platform::clock::DAY;
use crate::platform::database::StoreError;

/// Facts by attribute key. Secrets are only their mask; a filler who may not even see masks
/// (`sees_masks` false) is not told that they are known.
pub fn known(app: &App, record: &PersonRecord, sees_masks: bool) -> Result<BTreeMap<String, Fact>, StoreError> {
    known_of(app, record, sees_masks, |_| true)
}

/// The same of the attributes that are wanted: a form asks for few of what a record has.
pub fn known_of(
    app: &App,
    record: &PersonRecord,
    sees_masks: bool,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Fact>, StoreError> {
    let model = Model::shipped();
    let mut facts = BTreeMap::new();
    let mut fields = record.fields_of(wanted)?;
    for (key, origin) in fields.origin {
        let Some(value) = fields.values.get_mut(&key).map(Value::take) else { continue };
        let state = state(&model, Class::Person, &key, &origin, app.now());
        let since = app.clock.zoned(origin.seen).date();
        let source = Some(source_text(app, &origin)).filter(|text| !text.is_empty());
        let fact = match Sealed::from_value(&value) {
            Some(sealed) if sees_masks => {
                Fact { mask: Some(sealed.mask), since: Some(since), source, state, ..Fact::default() }
            }
            Some(_) => continue,
            None => {
                let text = place_name(app, &value);
                Fact { value: Some(value), text, since: Some(since), source, state, mask: None }
            }
        };
        facts.insert(key, fact);
    }
    Ok(facts)
}

/// Whether a value may stand without asking.
pub(super) fn state(model: &Model, class: Class, key: &str, origin: &Origin, now: i64) -> FactState {
    let days = model.attribute_of(class, key).and_then(|attribute| attribute.freshness_days);
    if origin.contender.is_some() {
        FactState::Disputed
    } else if days.is_some_and(|days| origin.seen + i64::from(days) * DAY < now) {
        FactState::Stale
    } else {
        FactState::Fresh
    }
}

/// `独居老人走访，王强`: the form, and who holds the post it was recorded in.
pub fn source_text(app: &App, origin: &Origin) -> String {
    let directory = app.directory();
    let holder = origin.post.and_then(|post| directory.holder(post)).map(|staff| staff.name.clone());
    let parts: Vec<String> =
        [Some(origin.title.to_string()), holder].into_iter().flatten().filter(|t| !t.is_empty()).collect();
    parts.join("，")
}

/// The name of a place that a value refers to.
pub fn place_name(app: &App, value: &Value) -> Option<String> {
    let id = value.as_str()?.parse().ok()?;
    app.geography().get(id).map(|place| place.full_name.to_string())
}
