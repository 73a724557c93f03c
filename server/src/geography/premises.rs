//! Premises: compounds, buildings, units and doors inside one community, made one by one or in bulk.

use std::collections::HashMap;

use futures_util::FutureExt;

use super::place::PlaceRef;
use crate::app::App;
use crate::args;
use crate::error::{AppError, Fault};
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Exec, StoreError};
use crate::platform::entity::{ENTITY, entity_row};
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, new_id};

const OF_COMMUNITY: &str = "SELECT id, parent_id, kind, name, path, sort, made_up, version FROM premises \
     WHERE shard = $1 AND community_id = $2 AND (valid_to IS NULL OR valid_to > $3) ORDER BY sort, path, id";
const CHILDREN: &str = "SELECT id, parent_id, kind, name, path, sort, made_up, version FROM premises \
     WHERE shard = $1 AND community_id = $2 AND parent_id = $3 AND (valid_to IS NULL OR valid_to > $4) ORDER BY sort, path, id";
const TOPS: &str = "SELECT id, parent_id, kind, name, path, sort, made_up, version FROM premises \
     WHERE shard = $1 AND community_id = $2 AND parent_id IS NULL AND (valid_to IS NULL OR valid_to > $3) ORDER BY sort, path, id";
const ONE: &str =
    "SELECT id, parent_id, kind, name, path, sort, made_up, version FROM premises WHERE shard = $1 AND id = $2";
const KINDS: &str = "SELECT kind, count(*) FROM premises WHERE shard = $1 AND community_id = $2 \
     AND (valid_to IS NULL OR valid_to > $3) GROUP BY kind";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[OF_COMMUNITY, CHILDREN, TOPS, ONE, KINDS];

const PREMISES: Shape = Shape {
    table: "premises",
    columns: &[
        "shard",
        "id",
        "community_id",
        "parent_id",
        "kind",
        "name",
        "path",
        "sort",
        "made_up",
        "valid_from",
        "valid_to",
        "version",
    ],
    key: &["id", "shard"],
};

/// The most that is made at once.
pub const MOST: usize = 10_000;
/// Rows of one commit.
const SLICE: usize = 500;

/// A compound, building, unit or door.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Premises {
    /// its own id, also that of its entity; lies on the community's shard
    pub id: Id,
    /// what it is part of, absent directly under the community
    pub parent_id: Option<Id>,
    /// `compound`, `building`, `unit`, `door`
    pub kind: String,
    /// 3 号楼
    pub name: String,
    /// names from below the community to here, joined by `/`
    pub path: String,
    /// order among siblings
    pub sort: i64,
    /// generated for a demo
    pub made_up: bool,
    /// grows with every edit
    pub version: i64,
}

/// Everything in a community.
pub async fn of_community(
    conn: &mut impl Exec,
    community: PlaceRef<'_>,
    today: &str,
) -> Result<Vec<Premises>, StoreError> {
    conn.all(OF_COMMUNITY, args![community.shard, community.id, today]).await
}

/// What is directly under `parent`, or directly under the community.
pub async fn children(
    conn: &mut impl Exec,
    community: PlaceRef<'_>,
    parent: Option<Id>,
    today: &str,
) -> Result<Vec<Premises>, StoreError> {
    match parent {
        Some(parent) => conn.all(CHILDREN, args![community.shard, community.id, parent, today]).await,
        None => conn.all(TOPS, args![community.shard, community.id, today]).await,
    }
}

/// One by its shard and id.
pub async fn find(conn: &mut impl Exec, shard: i64, id: Id) -> Result<Option<Premises>, StoreError> {
    conn.optional(ONE, args![shard, id]).await
}

/// How many of each kind a community has.
pub async fn counts(
    conn: &mut impl Exec,
    community: PlaceRef<'_>,
    today: &str,
) -> Result<HashMap<String, i64>, StoreError> {
    Ok(conn.all::<(String, i64)>(KINDS, args![community.shard, community.id, today]).await?.into_iter().collect())
}

/// What is to be made: the same pattern in every building.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// name of the compound; empty: buildings lie directly in the community
    pub compound: String,
    /// numbers of the buildings, both included
    pub buildings: (i64, i64),
    /// numbers of the units in each building; none: doors lie directly in it
    pub units: Option<(i64, i64)>,
    /// floors, both included
    pub floors: (i64, i64),
    /// doors on each floor (of a unit)
    pub doors: i64,
}

/// One of the premises that a pattern gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// `compound`, `building`, `unit`, `door`
    pub kind: &'static str,
    /// its own name
    pub name: String,
    /// names down to here
    pub path: String,
    /// path of what it is part of
    pub above: Option<String>,
    /// order among siblings
    pub sort: i64,
}

impl Pattern {
    /// Everything the pattern gives, what is above before what is below; or what is wrong with it.
    pub fn plan(&self) -> Result<Vec<Planned>, Vec<Fault>> {
        self.check()?;
        let mut list = Vec::new();
        let compound = self.compound.trim();
        let top = (!compound.is_empty()).then(|| compound.to_owned());
        if let Some(name) = &top {
            list.push(Planned { kind: "compound", name: name.clone(), path: name.clone(), above: None, sort: 0 });
        }
        for building in self.buildings.0..=self.buildings.1 {
            let path = push(&mut list, "building", format!("{building}号楼"), top.as_ref(), building);
            match self.units {
                None => self.doors_of(&mut list, &path),
                Some((first, last)) => {
                    for unit in first..=last {
                        let path = push(&mut list, "unit", format!("{unit}单元"), Some(&path), unit);
                        self.doors_of(&mut list, &path);
                    }
                }
            }
        }
        Ok(list)
    }

    fn doors_of(&self, list: &mut Vec<Planned>, above: &String) {
        for floor in self.floors.0..=self.floors.1 {
            for door in 1..=self.doors {
                push(list, "door", format!("{floor}{door:02}"), Some(above), floor * 100 + door);
            }
        }
    }

    fn check(&self) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        let mut range = |field: &str, (first, last): (i64, i64), most: i64| {
            if first < 1 || last < first || last > most {
                faults.push(Fault::new(field, "geography-fault-range").with("most", most));
            }
        };
        range("buildings", self.buildings, 999);
        range("floors", self.floors, 150);
        range("doors", (1, self.doors), 99);
        if let Some(units) = self.units {
            range("units", units, 50);
        }
        if self.compound.chars().count() > 40 || self.compound.contains('/') {
            faults.push(Fault::new("compound", "geography-fault-compound"));
        }
        if faults.is_empty() {
            let count = |(first, last): (i64, i64)| last - first + 1;
            let units = self.units.map_or(1, count);
            let doors = count(self.buildings) * units * count(self.floors) * self.doors;
            if doors > MOST as i64 {
                faults.push(
                    Fault::new("buildings", "geography-fault-too-many-doors").with("n", doors).with("most", MOST),
                );
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

fn push(list: &mut Vec<Planned>, kind: &'static str, name: String, above: Option<&String>, sort: i64) -> String {
    let path = above.map_or_else(|| name.clone(), |above| format!("{above}/{name}"));
    list.push(Planned { kind, name, path: path.clone(), above: above.cloned(), sort });
    path
}

/// Splits a plan into what is new and how many are there already, by path.
pub async fn new_of(app: &App, community: PlaceRef<'_>, plan: Vec<Planned>) -> Result<(Vec<Planned>, usize), AppError> {
    let known = of_community(&mut app.read(), community, &app.clock.today_text()).await?;
    let paths: std::collections::HashSet<&str> = known.iter().map(|premises| premises.path.as_str()).collect();
    let before = plan.len();
    let fresh: Vec<Planned> = plan.into_iter().filter(|planned| !paths.contains(planned.path.as_str())).collect();
    let there = before - fresh.len();
    Ok((fresh, there))
}

/// Makes what is new of a plan and returns the premises made. What is there already stays as it is, so
/// that repeating an act that was broken off completes it.
pub async fn make(
    app: &App,
    community: PlaceRef<'_>,
    plan: Vec<Planned>,
    made_up: bool,
    actor: Actor,
) -> Result<Vec<Premises>, AppError> {
    let (now, today) = (app.now(), app.clock.today_text());
    let known = of_community(&mut app.read(), community, &today).await?;
    let mut ids: HashMap<String, Id> = known.into_iter().map(|premises| (premises.path, premises.id)).collect();
    let mut made = Vec::new();
    for planned in plan {
        if ids.contains_key(&planned.path) {
            continue;
        }
        let parent_id = planned.above.as_ref().and_then(|above| ids.get(above)).copied();
        let id = new_id(community.shard, now);
        ids.insert(planned.path.clone(), id);
        made.push(Premises {
            id,
            parent_id,
            kind: planned.kind.to_owned(),
            name: planned.name,
            path: planned.path,
            sort: planned.sort,
            made_up,
            version: 1,
        });
    }
    let (shard, community_id) = (community.shard, community.id);
    for slice in made.chunks(SLICE) {
        let (slice, today, actor) = (slice.to_vec(), today.clone(), actor.clone());
        app.lanes
            .write(shard, vec![], move |tx| {
                let entities =
                    slice.iter().map(|p| entity_row(shard, p.id, "place", Some(community_id), now)).collect();
                let rows = slice
                    .iter()
                    .map(|p| {
                        args![
                            shard,
                            p.id,
                            community_id,
                            p.parent_id,
                            &p.kind,
                            &p.name,
                            &p.path,
                            p.sort,
                            p.made_up,
                            &today,
                            Option::<String>::None,
                            p.version
                        ]
                    })
                    .collect();
                let event = Event {
                    kind: "premises.made",
                    subject_class: "place",
                    subject_id: Some(community_id),
                    actor: actor.clone(),
                    at: now,
                    payload: serde_json::json!({"count": slice.len()}),
                };
                async move {
                    ENTITY.write(tx, entities, OnKey::Keep).await?;
                    PREMISES.write(tx, rows, OnKey::Fail).await?;
                    event.write(tx, shard).await?;
                    Ok::<_, AppError>(())
                }
                .boxed()
            })
            .await?;
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_gives_buildings_units_and_doors() {
        let pattern =
            Pattern {
                compound: "御馨花都".into(), buildings: (3, 3), units: Some((1, 4)), floors: (1, 6), doors: 2
            };
        let plan = pattern.plan().expect("plans");
        let count = |kind: &str| plan.iter().filter(|p| p.kind == kind).count();
        assert_eq!([count("compound"), count("building"), count("unit"), count("door")], [1, 1, 4, 48]);
        assert_eq!(plan.last().expect("last").path, "御馨花都/3号楼/4单元/602");
    }

    #[test]
    fn too_much_and_nonsense_are_refused_by_field() {
        let much =
            Pattern { buildings: (1, 100), units: Some((1, 10)), floors: (1, 30), doors: 4, ..Pattern::default() };
        assert_eq!(much.plan().expect_err("too many")[0].key, "geography-fault-too-many-doors");
        let nonsense = Pattern { buildings: (5, 2), floors: (0, 3), doors: 0, ..Pattern::default() };
        let fields: Vec<String> = nonsense.plan().expect_err("nonsense").into_iter().map(|fault| fault.at).collect();
        assert_eq!(fields, ["buildings", "floors", "doors"]);
    }
}
