//! Installing: everything of a folder in one transaction, or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::check::{Examined, load};
use super::format::{ChannelFile, Kind, Reference, TaskFile};
use super::store::{self, Application, ChannelRow, Object, RuleRow};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::forms::store::Form;
use crate::measures::Measures;
use crate::platform::books;
use crate::platform::database::{StoreError, Tx};
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, derived_id, shard_by_hash};
use crate::platform::secrets::{digest, hex};
use crate::tasks::templates::{self, Template};
use crate::{forms, ledgers};

/// What installing did, each entry a file like `forms/visit`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Installed {
    /// key of the application
    pub app: String,
    /// its version now
    pub version: String,
    /// its version before, if it was there
    pub before: Option<String>,
    /// new
    pub made: Vec<String>,
    /// other contents than before; a form has a new version
    pub changed: Vec<String>,
    /// the same as before
    pub unchanged: Vec<String>,
    /// gone from the folder: taken out of use, not deleted
    pub retired: Vec<String>,
    /// open channels whose file changed: they stay as they are until a person closes them
    pub kept: Vec<String>,
}

impl Installed {
    /// Whether anything was written.
    pub fn is_unchanged(&self) -> bool {
        self.made.is_empty()
            && self.changed.is_empty()
            && self.retired.is_empty()
            && self.before.as_ref() == Some(&self.version)
    }
}

/// Checks a folder and installs it. Installing the same again changes nothing; another version makes new
/// versions of what differs and retires what is gone, while running work stays on its own.
///
/// # Errors
/// [`AppError::Invalid`] with every fault of the folder; nothing is stored then.
pub async fn install(app: &App, dir: &Path, actor: &Actor) -> Result<Installed, AppError> {
    let path = dir.to_owned();
    let examined = tokio::task::spawn_blocking(move || load(&path))
        .await
        .map_err(|fault| AppError::Internal(fault.to_string()))?
        .map_err(|faults| AppError::Invalid(faults.into_iter().map(Fault::from).collect()))?;
    let keeper = keeper(app, actor);
    if keeper.is_none() && !examined.channels.is_empty() {
        return Err(AppError::Conflict("applications-conflict-no-organization"));
    }
    let work = Arc::new(Work { examined, keeper, actor: actor.clone(), now: app.now(), engine: app.rules.clone() });
    app.lanes
        .write(shard_by_hash(work.examined.head.id.as_bytes()), vec![], move |tx| {
            let work = Arc::clone(&work);
            Box::pin(async move { work.run(tx).await })
        })
        .await
}

/// Whose an installed channel is until somebody says otherwise: of the post that installs, else of the
/// organization governing the root.
fn keeper(app: &App, actor: &Actor) -> Option<Id> {
    let directory = app.directory();
    let own = actor.post.and_then(|post| directory.post(post)).map(|post| post.organization);
    own.or_else(|| Some(directory.governing(app.geography().root()?.id)?.id))
        .or_else(|| directory.organizations().min_by_key(|unit| (unit.level, unit.id)).map(|unit| unit.id))
}

/// SHA-256 in hex.
fn hash(text: &str) -> String {
    hex(&digest(text.as_bytes()))
}

fn json_of(value: &impl Serialize) -> Result<String, StoreError> {
    Ok(serde_json::to_string(value)?)
}

struct Work {
    examined: Examined,
    keeper: Option<Id>,
    actor: Actor,
    now: i64,
    engine: rule_engine::Engine,
}

/// What stands in the database before, and what becomes of it.
struct Before {
    objects: BTreeMap<(String, String), Object>,
    report: Installed,
    /// kind and key of what has other contents or is new
    touched: BTreeSet<(Kind, String)>,
}

impl Work {
    fn id(&self, kind: Kind, key: &str) -> Id {
        let app = self.examined.head.id.as_bytes();
        let parts: [&[u8]; 4] = [b"application", app, kind.key().as_bytes(), key.as_bytes()];
        derived_id(shard_by_hash(&[app, b"/", key.as_bytes()].concat()), 0, &parts)
    }

    fn reference(&self, key: &str) -> String {
        format!("{}/{key}", self.examined.head.id)
    }

    async fn run(&self, tx: &mut Tx) -> Result<Installed, AppError> {
        let head = &self.examined.head;
        books::alone(tx, "applications").await?;
        let found = store::find(tx, &head.id).await?;
        for need in &head.needs.applications {
            let there = store::find(tx, need).await?.is_some_and(|other| other.state == "installed");
            if !there {
                let fault = super::Fault::new(
                    "app.json",
                    "/needs/applications",
                    format!("要先安装应用“{need}”"),
                    format!("install the application `{need}` first"),
                );
                return Err(AppError::Invalid(vec![fault.into()]));
            }
        }
        let mut before = self.compare(tx, found.as_ref()).await?;
        self.channels_kept(tx, &mut before).await?;
        let whole = self.whole();
        let same = found.as_ref().is_some_and(|app| app.state == "installed" && app.content_hash == whole);
        if same && before.report.is_unchanged() {
            return Ok(before.report);
        }
        self.forms(tx, &before).await?;
        self.rules(tx, &before).await?;
        self.ledgers(tx, &before).await?;
        self.channels(tx, &before).await?;
        self.templates(tx).await?;
        self.retire(tx, &before).await?;
        self.objects(tx, &before).await?;
        let row = Application {
            key: head.id.clone(),
            version: head.version.clone(),
            title: json_of(&head.title)?,
            content_hash: whole,
            state: "installed".into(),
            installed_at: self.now,
        };
        store::put(tx, &row).await?;
        let report = before.report;
        let event = Event {
            kind: "application.installed",
            subject_class: "application",
            subject_id: Some(self.id(Kind::Texts, "app")),
            actor: self.actor.clone(),
            at: self.now,
            payload: json!({
                "application": head.id, "version": head.version, "made": report.made.len(), "changed": report.changed.len(),
                "retired": report.retired.len(), "content": row.content_hash,
            }),
        };
        event.write(tx, shard_by_hash(head.id.as_bytes())).await?;
        Ok(report)
    }

    /// Over the head and every object.
    fn whole(&self) -> String {
        let mut all = self.examined.head_text.clone();
        for ((kind, key), content) in &self.examined.contents {
            all.push_str(&format!("\n{}/{key} {}", kind.key(), hash(content)));
        }
        hash(&all)
    }

    async fn compare(&self, tx: &mut Tx, found: Option<&Application>) -> Result<Before, AppError> {
        let head = &self.examined.head;
        let objects = store::objects(tx, &head.id).await?;
        let objects: BTreeMap<(String, String), Object> =
            objects.into_iter().map(|object| ((object.kind.clone(), object.key.clone()), object)).collect();
        let mut report = Installed {
            app: head.id.clone(),
            version: head.version.clone(),
            before: found.map(|app| app.version.clone()),
            ..Installed::default()
        };
        let mut touched = BTreeSet::new();
        for ((kind, key), content) in &self.examined.contents {
            let name = format!("{}/{key}", kind.key());
            match objects.get(&(kind.key().to_owned(), key.clone())) {
                None => report.made.push(name),
                Some(object) if object.state == "installed" && object.content_hash == hash(content) => {
                    report.unchanged.push(name);
                    continue;
                }
                Some(_) => report.changed.push(name),
            }
            touched.insert((*kind, key.clone()));
        }
        for object in objects.values().filter(|object| object.state == "installed") {
            let here = Kind::from_key(&object.kind)
                .is_some_and(|kind| self.examined.contents.contains_key(&(kind, object.key.clone())));
            if !here {
                report.retired.push(format!("{}/{}", object.kind, object.key));
            }
        }
        Ok(Before { objects, report, touched })
    }

    /// An open channel is running work: it is left alone and told.
    async fn channels_kept(&self, tx: &mut Tx, before: &mut Before) -> Result<(), AppError> {
        for key in self.examined.channels.keys() {
            let at = (Kind::Channels, key.clone());
            if !before.touched.contains(&at) {
                continue;
            }
            if store::channel_state(tx, self.id(Kind::Channels, key)).await?.as_deref() == Some("open") {
                let name = format!("channels/{key}");
                before.touched.remove(&at);
                before.report.changed.retain(|changed| *changed != name);
                before.report.kept.push(name);
            }
        }
        Ok(())
    }

    async fn forms(&self, tx: &mut Tx, before: &Before) -> Result<(), AppError> {
        for (key, definition) in &self.examined.forms {
            if !before.touched.contains(&(Kind::Forms, key.clone())) {
                continue;
            }
            let id = self.id(Kind::Forms, key);
            let form = if let Some(form) = forms::store::form(tx, id).await? {
                form
            } else {
                let form = Form {
                    id,
                    app_key: Some(self.reference(key)),
                    title: json_of(&definition.title)?,
                    class: String::new(),
                    organization_id: self.keeper,
                    state: "draft".into(),
                    draft: definition.to_json(),
                    version: 1,
                    created_by: self.actor.account,
                    created_at: self.now,
                    updated_at: self.now,
                };
                forms::store::insert(tx, &form).await?;
                form
            };
            forms::publish::publish_in(tx, &form, definition, &self.actor, self.now).await?;
            // A form that was retired and comes back with the same contents makes no new version.
            store::set_form_state(tx, id, "published", self.now).await?;
        }
        Ok(())
    }

    async fn rules(&self, tx: &mut Tx, before: &Before) -> Result<(), AppError> {
        for (key, file) in &self.examined.rules {
            let own = |cases: &&super::format::CaseFile| cases.rule.as_ref().is_some_and(|rule| rule.key == *key);
            let cases: Vec<_> = self.examined.cases.values().filter(own).flat_map(|file| file.cases.clone()).collect();
            let cases_touched = before.touched.iter().any(|(kind, _)| *kind == Kind::Cases);
            if !before.touched.contains(&(Kind::Rules, key.clone())) && !cases_touched {
                continue;
            }
            let rule = file.rule();
            let compiled = self
                .engine
                .compile(&rule, file.hook)
                .map_err(|fault| AppError::Internal(format!("a checked rule does not compile: {fault}")))?;
            let row = RuleRow {
                id: self.id(Kind::Rules, key),
                app_key: self.reference(key),
                title: json_of(&file.title)?,
                hook: file.hook.function().to_owned(),
                source: json_of(&rule)?,
                generated: compiled.text().to_owned(),
                cases: json_of(&cases)?,
            };
            store::put_rule(tx, &row, self.now).await?;
        }
        Ok(())
    }

    async fn ledgers(&self, tx: &mut Tx, before: &Before) -> Result<(), AppError> {
        for (key, definition) in &self.examined.ledgers {
            if before.touched.contains(&(Kind::Ledgers, key.clone())) {
                let id = self.id(Kind::Ledgers, key);
                ledgers::save(tx, id, Some(&self.reference(key)), definition, self.keeper, self.now).await?;
            }
        }
        Ok(())
    }

    async fn channels(&self, tx: &mut Tx, before: &Before) -> Result<(), AppError> {
        for (key, file) in &self.examined.channels {
            // The draft follows its form to the newest version.
            let form_touched = file.form.app == self.examined.head.id
                && before.touched.contains(&(Kind::Forms, file.form.key.clone()));
            if !before.touched.contains(&(Kind::Channels, key.clone())) && !form_touched {
                continue;
            }
            let row = self.channel(tx, key, file).await?;
            match store::channel_state(tx, row.id).await?.as_deref() {
                None => store::add_channel(tx, &row, self.now).await?,
                Some("open") => {}
                Some(_) => store::set_channel(tx, &row).await?,
            }
        }
        Ok(())
    }

    async fn channel(&self, tx: &mut Tx, key: &str, file: &ChannelFile) -> Result<ChannelRow, AppError> {
        let form = self.object(tx, Kind::Forms, &file.form).await?;
        let version = forms::store::latest(tx, form).await?.ok_or_else(|| dangling(&file.form))?;
        let id = self.id(Kind::Channels, key);
        Ok(ChannelRow {
            id,
            app_key: self.reference(key),
            slug: slug(id),
            title: json_of(&file.title)?,
            intro: json_of(&file.intro)?,
            form_version: version.id,
            organization: self.keeper.ok_or(AppError::Conflict("applications-conflict-no-organization"))?,
            review: file.review.clone(),
            working_days: file.working_days,
        })
    }

    /// The id behind a reference, of this application or of one that is needed.
    async fn object(&self, tx: &mut Tx, kind: Kind, to: &Reference) -> Result<Id, AppError> {
        if to.app == self.examined.head.id {
            return Ok(self.id(kind, &to.key));
        }
        let found = store::object(tx, &to.app, kind.key(), &to.key).await?;
        found.filter(|object| object.state == "installed").map(|object| object.object_id).ok_or_else(|| dangling(to))
    }

    async fn rule(&self, tx: &mut Tx, to: &Reference) -> Result<rule_engine::Rule, AppError> {
        if to.app == self.examined.head.id {
            return self.examined.rules.get(&to.key).map(super::format::RuleFile::rule).ok_or_else(|| dangling(to));
        }
        let found = store::object(tx, &to.app, Kind::Rules.key(), &to.key).await?.ok_or_else(|| dangling(to))?;
        let file: super::format::RuleFile = serde_json::from_str(&found.content).map_err(StoreError::from)?;
        Ok(file.rule())
    }

    async fn templates(&self, tx: &mut Tx) -> Result<(), AppError> {
        let mut all = Vec::with_capacity(self.examined.tasks.len());
        for (key, file) in &self.examined.tasks {
            all.push(self.template(tx, key, file).await?);
        }
        templates::save(tx, &all).await?;
        Ok(())
    }

    async fn template(&self, tx: &mut Tx, key: &str, file: &TaskFile) -> Result<Template, AppError> {
        let rule = match &file.rule {
            Some(rule) => Some(self.rule(tx, rule).await?),
            None => None,
        };
        let counting = match &file.measures.rule {
            Some(rule) => Some(self.rule(tx, rule).await?),
            None => None,
        };
        let ledger = match &file.ledger {
            Some(ledger) => Some(self.object(tx, Kind::Ledgers, ledger).await?),
            None => None,
        };
        let mut declared = file.measures.declared.clone();
        let first = self.examined.boards.values().find(|board| board.task.key == key);
        if let Some(board) = first {
            // The board shows measures as they are declared: those it names stand first, in its order.
            let place = |key: &str| board.measures.iter().position(|named| named == key).unwrap_or(usize::MAX);
            declared.sort_by_key(|measure| place(&measure.key));
        }
        Ok(Template {
            key: self.reference(key),
            title: forms::lang_map(&file.title),
            form_id: self.object(tx, Kind::Forms, &file.form).await?,
            shape: file.shape.clone(),
            rule,
            measures: Measures { declared, rule: counting },
            relay: file.relay.clone(),
            working_days: file.working_days,
            ledger,
        })
    }

    async fn retire(&self, tx: &mut Tx, before: &Before) -> Result<(), AppError> {
        for name in &before.report.retired {
            let Some((kind, key)) = name.split_once('/') else { continue };
            if let Some(object) = before.objects.get(&(kind.to_owned(), key.to_owned())) {
                super::retire::object(tx, object, self.now).await?;
            }
        }
        Ok(())
    }

    async fn objects(&self, tx: &mut Tx, before: &Before) -> Result<(), AppError> {
        let row = |kind: Kind, key: &str, content: &str| Object {
            app_key: self.examined.head.id.clone(),
            key: key.to_owned(),
            kind: kind.key().to_owned(),
            object_id: self.id(kind, key),
            content: content.to_owned(),
            content_hash: hash(content),
            state: "installed".into(),
        };
        let touched = before.touched.iter().filter_map(|at| Some((at, self.examined.contents.get(at)?)));
        let rows: Vec<Object> = touched.map(|((kind, key), content)| row(*kind, key, content)).collect();
        store::put_objects(tx, &rows).await?;
        Ok(())
    }
}

fn dangling(to: &Reference) -> AppError {
    let fault = super::Fault::new(
        "app.json",
        "/needs/applications",
        format!("已安装的应用“{}”里没有“{to}”，请先升级它", to.app),
        format!("the installed application `{}` has no `{to}`; upgrade it first", to.app),
    );
    AppError::Invalid(vec![fault.into()])
}

/// The address of a channel: a function of its id, so that installing twice makes one.
fn slug(id: Id) -> String {
    const SIGNS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    digest(id.as_bytes()).iter().take(8).map(|byte| char::from(SIGNS[usize::from(byte % 32)])).collect()
}
