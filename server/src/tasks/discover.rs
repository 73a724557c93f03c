//! Discovery (摸排): a unit finds its subjects, then certifies how many there are.
//!
//! A found subject is a child item of the unit's, done by its own submission. It enters every unit of
//! the way up (`received`); measures count it, completion counts the unit. Certifying needs the number of
//! what was found; zero is asked once more; a later find opens the unit's item again.

use form_runtime::{AttributeRef, Class, Known};
use serde_json::{Value, json};

use super::acts::{self, By, Change};
use super::counters::{self, Shifts, ids, way_up};
use super::model::{Item, ItemState, Task, TaskShape};
use super::store::ITEM;
use super::submit::{Posted, Refused, Slip, measured};
use super::work_store;
use crate::app::App;
use crate::entities::{self, Said, Source, SourceKind};
use crate::error::AppError;
use crate::forms;
use crate::forms::submit::{Door, Filing, first, prepare};
use crate::measures::{Contribution, Deltas};
use crate::platform::database::bulk::OnKey;
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, derived_id};
use crate::platform::lane::{Expect, Put};

/// Positions of found items lie above every dispatched one; the rest of the number is of their id.
const FOUND: i64 = 1 << 40;

/// The unit's item of a discovery that may be worked on.
async fn unit(app: &App, by: &By, id: Id) -> Result<(Task, Item), AppError> {
    let (task, item) = acts::load(app, by, id).await?;
    if task.shape() != TaskShape::Discovery || item.parent_item_id.is_some() {
        return Err(AppError::Conflict("work-conflict-not-discovery"));
    }
    if !by.handles(app, &item) {
        return Err(AppError::Forbidden);
    }
    Ok((task, item))
}

/// Adds a found subject. The same client id is the same find for ever.
pub async fn found(app: &App, by: &By, unit_item: Id, posted: Posted) -> Result<Result<Slip, Refused>, AppError> {
    let (task, unit) = unit(app, by, unit_item).await?;
    let published = forms::published(app, task.form_version_id).await?;
    let child = derived_id(unit.shard, unit.created_at, &[b"found", unit.id.as_bytes(), posted.client_id.as_bytes()]);
    let filing = Filing {
        published: published.clone(),
        door: Door::Item { shard: unit.shard, id: child },
        client_id: posted.client_id,
        posted: posted.answers,
        known: Known::default(),
        confirm_all: false,
        actor: by.actor.clone(),
    };
    if let Some(first) = first(app, &filing).await? {
        return if first.same {
            Ok(Ok(Slip { submission_id: first.submission_id, slip_code: first.slip_code, repeated: true }))
        } else {
            Err(AppError::Conflict("work-conflict-mismatch"))
        };
    }
    acts::running(&task)?;
    let ready = match prepare(app, &filing) {
        Ok(ready) => ready,
        Err(messages) => return Ok(Err(Refused::Fields(messages))),
    };
    let form = &published.compiled;
    let answer = |attribute: &str| {
        let field = form.subject_field(&AttributeRef::new(Class::Person, attribute))?;
        ready.normalized.get(field.key()).and_then(Value::as_str)
    };
    let claimed = entities::claim_person(app, answer("id_no"), unit.place_id).await?;
    let record = entities::find(&mut app.read(), claimed.shard, claimed.id).await?;
    let source = Source {
        kind: SourceKind::Worker,
        id: Some(child),
        submission: Some(ready.submission_id),
        form_version: Some(published.id),
        batch: None,
        title: web::Lang::ZhCn.pick(&published.title).to_owned(),
    };
    let now = app.now();
    let mut said = Said::of_form(claimed.subject(), &ready.extraction.subject, source, by.actor.clone(), now);
    if record.is_none() && !said.said.contains_key("residence_place") {
        said.said.insert("residence_place".into(), Value::from(unit.place_id.to_string()));
    }
    let applied = entities::apply_from(app, unit.shard, record.as_ref(), &said)?;
    let twin = work_store::same_subject_all_shards(&mut app.read(), task.id, claimed.id).await?;
    let mut item = Item {
        id: child,
        release: task.published_release,
        position: FOUND + (child.as_u128() & 0xff_ffff_ffff) as i64,
        subject_class: Class::Person.key().to_owned(),
        subject_shard: Some(claimed.shard),
        subject_id: Some(claimed.id),
        label: answer("name").unwrap_or_default().to_owned(),
        holder_post: unit.holder_post.or(by.principal.post()),
        state: ItemState::Done.key().to_owned(),
        reason: None,
        sheet: "{}".into(),
        contribution: String::new(),
        parent_item_id: Some(unit.id),
        submission_id: Some(ready.submission_id),
        certified: None,
        changed: None,
        created_at: now,
        moved_at: now,
        done_at: Some(now),
        moves: 0,
        version: 1,
        ..unit.clone()
    };
    if let Some((_, label)) = twin {
        ItemState::VoidProposed.key().clone_into(&mut item.state);
        item.reason = Some(format!("void.duplicate|{label}"));
        item.done_at = None;
    }
    let amounts = measured(app, &task, &item, &published, &ready.normalized).await?;
    let new = acts::contribution(&item, &amounts, &Contribution::none(), &app.clock.today_text());
    item.contribution = new.text();
    let new = new.standing(&item.standing());
    let way = ids(&way_up(&mut app.read(), task.id, unit.assignment_id).await?);
    let mut shifts = Shifts::new();
    counters::shift(&mut shifts, &[], &way, false);
    let mut change = Change::of(&item, "found", now);
    change.ways = Some((vec![], way));
    let movement = acts::movement_row(&change, &by.actor, now);
    item.moves = 1;
    let event = Event {
        kind: "item.found",
        subject_class: "item",
        subject_id: Some(child),
        actor: by.actor.clone(),
        at: now,
        payload: json!({
            "task": task.id,
            "unit": unit.id,
            "submission": ready.submission_id,
            "form_version": published.id,
        }),
    };
    let mut puts = ready.write_set.puts;
    puts.extend(applied.puts);
    puts.push(Put { shape: &ITEM, on_key: OnKey::Fail, row: item.row() });
    puts.push(event.put(unit.shard));
    let signals = vec![task.id, unit.id, unit.holder_organization];
    let find = Find {
        task,
        unit,
        puts,
        movement,
        actor: by.actor.clone(),
        expects: applied.expects,
        shifts,
        new,
        release: item.release,
        today: app.clock.today_text(),
        now,
    };
    let stored = app.lanes.write::<(), AppError, _>(find.unit.shard, signals, move |tx| {
        let find = find.clone();
        Box::pin(async move { find.write(tx).await })
    });
    match stored.await {
        Ok(()) => Ok(Ok(Slip { submission_id: ready.submission_id, slip_code: ready.slip_code, repeated: false })),
        Err(AppError::Store(StoreError::Stale)) => Ok(Err(Refused::Moved)),
        // Two posts of the same form at the same moment: the second finds the first's slip.
        Err(AppError::Store(StoreError::Duplicate)) => match first(app, &filing).await? {
            Some(first) if first.same => {
                Ok(Ok(Slip { submission_id: first.submission_id, slip_code: first.slip_code, repeated: true }))
            }
            _ => Err(AppError::Conflict("work-conflict-mismatch")),
        },
        Err(other) => Err(other),
    }
}

#[derive(Clone)]
struct Find {
    task: Task,
    unit: Item,
    puts: Vec<Put>,
    movement: Vec<Arg>,
    actor: Actor,
    expects: Vec<Expect>,
    shifts: Shifts,
    new: Contribution,
    release: i64,
    today: String,
    now: i64,
}

impl Find {
    async fn write(&self, tx: &mut crate::platform::database::Tx) -> Result<(), AppError> {
        for expect in &self.expects {
            let sql = version_sql(expect.table);
            let rows: Vec<(i64,)> = tx.all_built(sql, vec![Arg::from(expect.shard), Arg::from(expect.id)]).await?;
            if rows.first().map_or(0, |row| row.0) != expect.version {
                return Err(StoreError::Stale.into());
            }
        }
        for put in &self.puts {
            put.shape.write(tx, vec![put.row.clone()], put.on_key).await?;
        }
        acts::write_movements(tx, self.task.id, vec![self.movement.clone()]).await?;
        counters::write(tx, self.task.id, &self.shifts).await?;
        let mut deltas = Deltas::new(self.task.id, self.release);
        deltas.add(self.unit.shard, &Contribution::none(), &self.new);
        deltas.write(tx, self.now).await?;
        // A find after the number was certified opens the unit's item again.
        let unit = super::store::item(tx, self.unit.shard, self.unit.id).await?;
        if unit.state == ItemState::Done.key() {
            let mut change = reopened(&unit, self.now);
            let old = Contribution::parse(&unit.contribution)?;
            change.after.contribution = acts::contribution(&change.after, &acts::ruled(&old), &old, &self.today).text();
            work_store::change(tx, &unit, &change.after).await?;
            acts::write_movements(tx, self.task.id, vec![acts::movement_row(&change, &self.actor, self.now)]).await?;
            let mut deltas = Deltas::new(self.task.id, unit.release);
            deltas.add(unit.shard, &unit.counted()?, &change.after.counted()?);
            deltas.write(tx, self.now).await?;
        }
        Ok(())
    }
}

/// A certified unit is to be looked at again: its number is no more what was certified.
pub fn reopened(unit: &Item, now: i64) -> Change {
    let mut change = Change::of(unit, "reopened", now);
    ItemState::Open.key().clone_into(&mut change.after.state);
    change.after.certified = None;
    change.after.done_at = None;
    change.after.reason = Some("reopened|".into());
    change
}

fn version_sql(table: &str) -> String {
    format!("SELECT version FROM {table} WHERE shard = $1 AND id = $2")
}

/// One of each statement built here, for the prepare test.
pub fn samples() -> Vec<String> {
    vec![version_sql("record_person")]
}

/// What certifying came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certified {
    /// the unit's item is done
    Done,
    /// nobody was found: asked once more
    AskZero,
    /// another number was found
    Differs {
        /// what was found
        found: i64,
    },
}

/// Certifies how many subjects the unit found.
pub async fn certify(
    app: &App,
    by: &By,
    unit_item: Id,
    number: i64,
    zero_confirmed: bool,
) -> Result<Certified, AppError> {
    let (task, item) = unit(app, by, unit_item).await?;
    if item.state == ItemState::Done.key() && item.certified == Some(number) {
        return Ok(Certified::Done);
    }
    acts::running(&task)?;
    acts::to_be_done(&item)?;
    let found = work_store::children(&mut app.read(), &item).await?;
    if number != found {
        return Ok(Certified::Differs { found });
    }
    if number == 0 && !zero_confirmed {
        return Ok(Certified::AskZero);
    }
    let now = app.now();
    let mut change = Change::of(&item, "certified", now);
    ItemState::Done.key().clone_into(&mut change.after.state);
    change.after.certified = Some(number);
    change.after.done_at = Some(now);
    change.after.reason = None;
    change.after.holder_post = item.holder_post.or(by.principal.post());
    change.note = Some(number.to_string());
    acts::write(app, &task, by, &[], vec![change]).await?;
    Ok(Certified::Done)
}
