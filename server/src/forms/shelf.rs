//! Published versions, compiled once and kept while they are in use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use form_runtime::{CompiledForm, Model};
use web::LangMap;

use super::store::{self, VersionRow};
use super::{lang_map, to_text};
use crate::app::App;
use crate::error::AppError;
use crate::platform::database::StoreError;
use crate::platform::ids::Id;
use crate::platform::locked;

/// How many compiled versions are kept: about 100 KB each.
const KEPT: usize = 256;

/// A published version, ready to be shown, validated and extracted.
#[derive(Clone, Debug)]
pub struct Published {
    /// `form_version.id`
    pub id: Id,
    /// `form.id`
    pub form_id: Id,
    /// 1, 2, …
    pub number: i64,
    /// by language
    pub title: LangMap,
    /// class of the subject (`person` …), empty when the form is about no entity
    pub class: String,
    /// definition with its schema, logic and controls
    pub compiled: CompiledForm,
    /// SHA-256 of the definition, in hex
    pub content_hash: String,
}

/// The compiled versions in use.
#[derive(Default)]
pub struct Shelf(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    forms: HashMap<Id, (Arc<Published>, u64)>,
    clock: u64,
}

impl Shelf {
    fn get(&self, id: Id) -> Option<Arc<Published>> {
        let mut kept = locked(&self.0);
        kept.clock += 1;
        let now = kept.clock;
        let (form, used) = kept.forms.get_mut(&id)?;
        *used = now;
        Some(Arc::clone(form))
    }

    fn put(&self, form: &Arc<Published>) {
        let mut kept = locked(&self.0);
        kept.clock += 1;
        let now = kept.clock;
        if kept.forms.len() >= KEPT
            && let Some(oldest) = kept.forms.iter().min_by_key(|(_, (_, used))| *used).map(|(id, _)| *id)
        {
            kept.forms.remove(&oldest);
        }
        kept.forms.insert(form.id, (Arc::clone(form), now));
    }
}

fn read(row: &VersionRow) -> Result<Published, AppError> {
    let corrupt = |what: String| AppError::Store(StoreError::Corrupt(format!("form version {}: {what}", row.id)));
    let definition = form_runtime::definition::parse(&row.definition).map_err(|fault| corrupt(format!("{fault:?}")))?;
    let compiled =
        form_runtime::compile(&definition, &Model::shipped()).map_err(|faults| corrupt(format!("{faults:?}")))?;
    Ok(Published {
        id: row.id,
        form_id: row.form_id,
        number: row.number,
        title: lang_map(&definition.title),
        class: compiled.subject().map_or("", form_runtime::Class::key).to_owned(),
        compiled,
        content_hash: row.content_hash.clone(),
    })
}

/// A published version by its id; [`AppError::NotFound`] when there is none.
pub async fn published(app: &App, form_version_id: Id) -> Result<Arc<Published>, AppError> {
    if let Some(form) = app.shelf.get(form_version_id) {
        return Ok(form);
    }
    let row = store::version(&mut app.read(), form_version_id).await?.ok_or(AppError::NotFound)?;
    let form = Arc::new(read(&row)?);
    app.shelf.put(&form);
    Ok(form)
}

/// The newest version of a form, none while it is a draft.
pub async fn latest(app: &App, form_id: Id) -> Result<Option<Arc<Published>>, AppError> {
    match store::latest(&mut app.read(), form_id).await? {
        None => Ok(None),
        Some(row) => published(app, row.id).await.map(Some),
    }
}

/// The newest version of every published form, for pickers: version id, title, class, number.
/// A published form is no secret among staff: whoever may make tasks or channels chooses among all.
pub async fn choices(app: &App) -> Result<Vec<(Id, LangMap, String, i64)>, AppError> {
    let rows = store::all_published(&mut app.read()).await?;
    Ok(rows
        .into_iter()
        .map(|(version, _, title, class, number)| (version, lang_map(&to_text(&title)), class, number))
        .collect())
}
