//! A ledger's row in words.

use form_runtime::{AttributeRef, Class, Model};
use web::Lang;

use super::definition::Definition;
use crate::app::App;
use crate::entities::search::age;
use crate::entities::{PersonRecord, show};
use crate::platform::database::StoreError;

/// The columns of a ledger, in order.
pub fn columns(definition: &Definition) -> impl Iterator<Item = &str> {
    definition.columns.iter().map(String::as_str)
}

/// One text per column; none where nothing is known.
pub fn cells(
    app: &App,
    model: &Model,
    lang: Lang,
    definition: &Definition,
    record: &PersonRecord,
) -> Result<Vec<Option<String>>, StoreError> {
    let known = record.values_of(columns(definition))?;
    let cell = |key: &str| {
        if key == "age" {
            return record
                .birth_date
                .as_deref()
                .and_then(|date| age(app.clock.today(), date))
                .map(|age| age.to_string());
        }
        let value = known.get(key)?;
        if key == "residence_place" {
            // The district is the same for most of a page: the community and what it belongs to say enough.
            let place = record.community_id.and_then(|id| app.geography().get(id).map(|p| p.name.to_owned()));
            return place.or_else(|| Some(show::text(app, model, lang, &AttributeRef::new(Class::Person, key), value)));
        }
        Some(show::text(app, model, lang, &AttributeRef::new(Class::Person, key), value))
    };
    Ok(columns(definition).map(cell).collect())
}
