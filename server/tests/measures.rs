//! Totals against the items they count: random changes, folds at random moments, both databases.

mod common;
#[path = "common/town.rs"]
mod town;

use std::collections::BTreeMap;

use server::access::{Grant, Permission, Principal, Scope, Who};
use server::app::App;
use server::args;
use server::directory::change;
use server::error::AppError;
use server::measures::{self, Axis, BUILT_IN, Contribution, Deltas, OpenWork, Standing, board, fold_once, recount};
use server::platform::clock::{DAY, HOUR};
use server::platform::database::{Exec, StoreError};
use server::platform::events::Actor;
use server::platform::ids::{Id, new_free_id, new_id};
use server::topics::may_listen;
use town::Town;

const TASK: &str = "INSERT INTO task (id, title, shape, class, form_version_id, issuer_organization, root_place, state, rule, measures, \
     relay, source, release, published_release, created_at, version) \
     VALUES ($1, '走访', 'listed', 'person', $2, $3, $4, 'running', '', '', '', '', 1, 1, 0, 1)";
const ITEM: &str = "INSERT INTO item (shard, id, task_id, assignment_id, release, position, subject_class, label, place_id, \
     holder_organization, state, sheet, contribution, holder_post, due_at, created_at, moved_at, moves, version) \
     VALUES ($1, $2, $3, $4, $5, $6, 'person', '', $7, $8, $9, '', $10, $11, $12, 0, $13, 0, 1)";
const CHANGE: &str = "UPDATE item SET place_id = $3, holder_organization = $4, state = $5, contribution = $6, holder_post = $7, \
     due_at = $8, moved_at = $9 WHERE shard = $1 AND id = $2";
const PUBLISH: &str = "UPDATE task SET published_release = $2 WHERE id = $1";
// Independent of the house's own code: the items of a subtree, by the ancestor tables.
const BY_PLACE: &str = "SELECT i.state, count(*) FROM item i JOIN task t ON t.id = i.task_id \
     JOIN place_ancestor a ON a.place_id = i.place_id \
     WHERE i.task_id = $1 AND a.ancestor_id = $2 AND i.release <= t.published_release GROUP BY i.state";
const BY_HOLDER: &str = "SELECT i.state, count(*) FROM item i JOIN task t ON t.id = i.task_id \
     JOIN organization_ancestor a ON a.organization_id = i.holder_organization \
     WHERE i.task_id = $1 AND a.ancestor_id = $2 AND i.release <= t.published_release GROUP BY i.state";
const OPEN_BY_PLACE: &str = "SELECT i.state, i.holder_post, i.due_at, i.moved_at FROM item i JOIN task t ON t.id = i.task_id \
     JOIN place_ancestor a ON a.place_id = i.place_id WHERE i.task_id = $1 AND a.ancestor_id = $2 AND i.release <= t.published_release";
const OPEN_BY_HOLDER: &str = "SELECT i.state, i.holder_post, i.due_at, i.moved_at FROM item i JOIN task t ON t.id = i.task_id \
     JOIN organization_ancestor a ON a.organization_id = i.holder_organization \
     WHERE i.task_id = $1 AND a.ancestor_id = $2 AND i.release <= t.published_release";
const FOLDED: &str =
    "SELECT measure, total FROM node_total WHERE task_id = $1 AND axis = $2 AND node_id = $3 AND total <> 0";
const DELTAS_LEFT: &str = "SELECT count(*) FROM delta WHERE task_id = $1";

/// Small, seeded, the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// The columns of an item that its totals come from.
#[derive(Clone)]
struct Columns {
    state: String,
    post: Option<Id>,
    due_at: Option<i64>,
    moved_at: i64,
    /// with what it is counted for as open work
    counted: Contribution,
}

struct Item {
    shard: i64,
    id: Id,
    release: i64,
    contribution: Contribution,
}

struct Play {
    app: App,
    town: Town,
    task: Id,
    items: Vec<Item>,
    dice: Dice,
    release: i64,
    published: i64,
}

impl Play {
    async fn new(app: App, seed: u64) -> Self {
        let town = Town::build(&app).await;
        let task = new_free_id(common::NOW);
        let (issuer, root) = (town.organizations[0].id, town.places[0].id);
        app.lanes
            .write(0, vec![], move |tx| {
                Box::pin(async move { tx.execute(TASK, args![task, task, issuer, root]).await })
            })
            .await
            .expect("task");
        Self { app, town, task, items: vec![], dice: Dice(seed), release: 1, published: 1 }
    }

    fn random_columns(&mut self, old: &Contribution) -> Columns {
        let communities = self.town.communities();
        // Now and then something lies at a township or is held by a district.
        let place = if self.dice.roll(6) == 0 {
            self.dice.roll(self.town.places.len())
        } else {
            communities[self.dice.roll(8)]
        };
        let holder = if self.dice.roll(4) == 0 { self.dice.roll(self.town.places.len()) } else { place };
        let state = BUILT_IN[1 + self.dice.roll(7)];
        let ruled = BTreeMap::from([
            ("alone".to_owned(), self.dice.roll(2) as i64),
            ("fen".to_owned(), self.dice.roll(900) as i64 - 300),
        ]);
        let today = self.app.clock.today_text();
        let new = Contribution::of_item(
            state,
            &ruled,
            self.town.places[place].id,
            self.town.organizations[holder].id,
            &today,
            old,
        );
        let now = self.app.now();
        let due_at = [None, Some(now - HOUR), Some(now + HOUR), Some(now + 5 * DAY)][self.dice.roll(4)];
        let moved_at = now - [2, 30, 80][self.dice.roll(3)] * HOUR;
        let post = (self.dice.roll(2) == 0).then(|| new_free_id(now));
        let counted = new.standing(&Standing { state, claimed: post.is_some(), due_at, moved_at });
        Columns { state: state.to_owned(), post, due_at, moved_at, counted }
    }

    async fn add(&mut self) {
        let columns = self.random_columns(&Contribution::none());
        let shard = self.dice.roll(1024) as i64;
        let id = new_id(shard, self.app.now());
        let (task, release, position) = (self.task, self.release, self.items.len() as i64);
        let contribution = columns.counted.clone();
        let now = self.app.now();
        self.app
            .lanes
            .write(shard, vec![task], move |tx| {
                let Columns { state, post, due_at, moved_at, counted: new } = columns.clone();
                Box::pin(async move {
                    let (place, unit, text) = (new.place, new.organization, new.text());
                    let row = args![
                        shard, id, task, task, release, position, place, unit, state, text, post, due_at, moved_at
                    ];
                    tx.execute(ITEM, row).await?;
                    let mut deltas = Deltas::new(task, release);
                    deltas.add(shard, &Contribution::none(), &new);
                    deltas.write(tx, now).await
                })
            })
            .await
            .expect("added");
        self.items.push(Item { shard, id, release, contribution });
    }

    async fn change(&mut self) {
        if self.items.is_empty() {
            return;
        }
        let at = self.dice.roll(self.items.len());
        let old = self.items[at].contribution.clone();
        let columns = self.random_columns(&old);
        let (shard, id, task, release) = (self.items[at].shard, self.items[at].id, self.task, self.items[at].release);
        self.items[at].contribution = columns.counted.clone();
        let now = self.app.now();
        self.app
            .lanes
            .write(shard, vec![task], move |tx| {
                let (old, Columns { state, post, due_at, moved_at, counted: new }) = (old.clone(), columns.clone());
                Box::pin(async move {
                    let (place, unit, text) = (new.place, new.organization, new.text());
                    tx.execute(CHANGE, args![shard, id, place, unit, state, text, post, due_at, moved_at]).await?;
                    let mut deltas = Deltas::new(task, release);
                    deltas.add(shard, &old, &new);
                    deltas.write(tx, now).await
                })
            })
            .await
            .expect("changed");
    }

    async fn publish(&mut self) {
        self.published = self.release;
        let (task, release) = (self.task, self.release);
        self.app
            .lanes
            .write(0, vec![task], move |tx| Box::pin(async move { tx.execute(PUBLISH, args![task, release]).await }))
            .await
            .expect("published");
    }

    async fn step(&mut self) {
        match self.dice.roll(20) {
            0..8 => self.add().await,
            8..14 => self.change().await,
            14 => self.release += 1,
            15 => self.publish().await,
            16 => self.app.clock.advance(DAY),
            _ => {
                fold_once(&self.app).await.expect("folds");
            }
        }
    }

    /// What is open at a node and should be looked at now, item by item.
    async fn open_work(&self, sql: &'static str, node: Id) -> OpenWork {
        type Row = (String, Option<Id>, Option<i64>, i64);
        let now = self.app.now();
        let rows: Vec<Row> = self.app.read().all(sql, args![self.task, node]).await.expect("items");
        let mut work = OpenWork::default();
        for (state, post, due, moved) in rows {
            let days = (now - moved) / DAY;
            match state.as_str() {
                "open" => work.unclaimed += i64::from(post.is_none() && days >= 1),
                "review" | "void_proposed" => work.waiting += i64::from(days >= 2),
                "correction" => work.correcting += i64::from(days >= 3),
                _ => continue,
            }
            work.late += i64::from(due.is_some_and(|due| due < now));
            work.soon += i64::from(due.is_some_and(|due| (now..now + DAY).contains(&due)));
            work.first_due = [work.first_due, due].into_iter().flatten().min();
        }
        work
    }

    /// Compares the board of every node on both axes with the items; says whether the folded totals
    /// alone would have been right.
    async fn compare(&self, what: &str) -> bool {
        let mut folded_alone_is_right = true;
        for at in 0..self.town.places.len() {
            let nodes = [
                (Axis::Place, self.town.places[at].id, BY_PLACE, OPEN_BY_PLACE),
                (Axis::Organization, self.town.organizations[at].id, BY_HOLDER, OPEN_BY_HOLDER),
            ];
            for (axis, node, sql, open) in nodes {
                let mut counted: BTreeMap<String, i64> = BTreeMap::new();
                let rows: Vec<(String, i64)> = self.app.read().all(sql, args![self.task, node]).await.expect("counts");
                for (state, n) in rows {
                    *counted.entry("assigned".into()).or_default() += n;
                    counted.insert(state, n);
                }
                let seen = board(&self.app, self.task, axis, node).await.expect("board");
                for measure in BUILT_IN {
                    let (shown, truth) = (seen.here.total(measure), counted.get(measure).copied().unwrap_or(0));
                    assert_eq!(shown, truth, "{what}: {axis:?} {at} {measure}");
                }
                assert_eq!(
                    seen.here.work.at(self.app.now()),
                    self.open_work(open, node).await,
                    "{what}: {axis:?} {at}"
                );
                let children: i64 = seen.children.iter().map(|child| child.total("assigned")).sum();
                let own = seen.own.get("assigned").copied().unwrap_or(0);
                assert_eq!(children + own, seen.here.total("assigned"), "{what}: {axis:?} {at} children");
                let by_day: i64 = seen.days.values().filter_map(|day| day.get("done")).sum();
                assert_eq!(by_day, seen.here.total("done"), "{what}: {axis:?} {at} days");
                let folded: Vec<(String, i64)> =
                    self.app.read().all(FOLDED, args![self.task, axis.key(), node]).await.expect("folded");
                let folded: BTreeMap<String, i64> = folded.into_iter().collect();
                folded_alone_is_right &= BUILT_IN
                    .iter()
                    .all(|m| folded.get(*m).copied().unwrap_or(0) == counted.get(*m).copied().unwrap_or(0));
            }
        }
        let differences = recount(&self.app, self.task).await.expect("recounts");
        assert!(differences.is_empty(), "{what}: {differences:?}");
        folded_alone_is_right
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn boards_equal_the_items_after_every_step() {
    common::each(|house| async move {
        let mut play = Play::new(house.app.clone(), 0x9e37_79b9_7f4a_7c15).await;
        let mut unfolded_mattered = 0;
        for step in 0..60 {
            play.step().await;
            if step % 3 == 0 {
                let right = play.compare(&format!("{} step {step}", house.engine)).await;
                unfolded_mattered += usize::from(!right);
            }
        }
        // A board that read folded totals only would have been wrong here: the comparison above then fails.
        assert!(unfolded_mattered > 3, "{unfolded_mattered}");
        play.publish().await;
        while fold_once(&play.app).await.expect("folds") > 0 {}
        assert!(play.compare(house.engine).await, "everything is folded");
        let left: (i64,) = play.app.read().one(DELTAS_LEFT, args![play.task]).await.expect("left");
        assert_eq!(left.0, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_ended_unit_did_moves_with_the_unit_it_stood_in() {
    common::each(|house| async move {
        let mut play = Play::new(house.app.clone(), 5).await;
        for _ in 0..40 {
            play.add().await;
        }
        let app = &play.app;
        while fold_once(app).await.expect("folds") > 0 {}
        let offices: Vec<Id> =
            play.town.organizations.iter().filter(|unit| unit.level == 4).map(|unit| unit.id).take(2).collect();
        let inside: Vec<Id> = app.directory().children(offices[0]).map(|unit| unit.id).collect();
        let version = |unit: Id| app.directory().organization(unit).expect("there").version;
        assert!(!inside.is_empty());
        change::end_organization(app, inside[0], version(inside[0]), Actor::default()).await.expect("ended");
        let along = measures::follow::organization;
        change::transfer_organization(
            app,
            offices[0],
            Some(offices[1]),
            None,
            version(offices[0]),
            Actor::default(),
            along,
        )
        .await
        .expect("moved");
        play.compare(house.engine).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unpublished_release_counts_nowhere() {
    common::each(|house| async move {
        let mut play = Play::new(house.app.clone(), 77).await;
        play.release = 2;
        for _ in 0..5 {
            play.add().await;
        }
        assert_eq!(fold_once(&play.app).await.expect("folds"), 0);
        let root = play.town.places[0].id;
        assert_eq!(board(&play.app, play.task, Axis::Place, root).await.expect("board").here.total("assigned"), 0);
        play.publish().await;
        assert_eq!(board(&play.app, play.task, Axis::Place, root).await.expect("board").here.total("assigned"), 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_grant_let_hear_is_not_heard_after_its_last_day() {
    common::each(|house| async move {
        let play = Play::new(house.app.clone(), 3).await;
        let [account, staff, post, organization] = [1, 2, 3, 4].map(new_free_id);
        let who = Who::Staff { account, staff, post, organization };
        let grant = Grant { permission: Permission::BoardRead, scope: Scope::Place(play.town.places[0].id) };
        let today = Principal { who: who.clone(), grants: [grant].into() };
        let tomorrow = Principal { who, grants: [].into() };
        assert!(may_listen(&play.app, &today, play.task).await.expect("asked"));
        play.app.clock.advance(DAY);
        assert!(!may_listen(&play.app, &tomorrow, play.task).await.expect("asked"), "nothing else was written since");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_delta_is_found_by_the_recount() {
    common::each(|house| async move {
        let mut play = Play::new(house.app.clone(), 5).await;
        for _ in 0..6 {
            play.add().await;
        }
        let task = play.task;
        house
            .app
            .lanes
            .write(0, vec![], move |tx| {
                Box::pin(async move {
                    let row: (i64, Id) =
                        tx.one("SELECT shard, id FROM delta WHERE task_id = $1 LIMIT 1", args![task]).await?;
                    tx.execute("DELETE FROM delta WHERE shard = $1 AND id = $2", args![row.0, row.1]).await
                })
            })
            .await
            .map_err(|fault: StoreError| AppError::from(fault))
            .expect("lost");
        assert!(!recount(&house.app, task).await.expect("recounts").is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_at_the_same_time_count_nothing_twice() {
    common::each(|house| async move {
        let mut play = Play::new(house.app.clone(), 11).await;
        for _ in 0..12 {
            play.add().await;
        }
        let folds: Vec<_> = (0..4)
            .map(|shard| {
                let app = house.app.clone();
                tokio::spawn(async move {
                    let result: Result<usize, AppError> = app
                        .lanes
                        .write(shard, vec![], |tx| {
                            Box::pin(async move { server::measures::fold::fold_batch(tx).await })
                        })
                        .await;
                    result
                })
            })
            .collect();
        for fold in folds {
            // One that came late gives its transaction up; that is no fault.
            let _ = fold.await.expect("no panic");
        }
        play.compare(house.engine).await;
    })
    .await;
}

/// With the folder off a board is still right, since it reads what is not folded; one that leaves that out is
/// noticed by the comparison above.
#[cfg(feature = "fault-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn the_comparison_notices_a_board_that_leaves_unfolded_rows_out() {
    use futures_util::FutureExt;
    use server::measures::faults;
    use std::panic::AssertUnwindSafe;
    common::each(|house| async move {
        let mut play = Play::new(house.app.clone(), 42).await;
        for _ in 0..8 {
            play.add().await;
        }
        let task = play.task;
        assert!(fold_once(&play.app).await.expect("folds") > 0);
        faults::folder_off(task, true);
        for _ in 0..4 {
            play.add().await;
            play.change().await;
        }
        assert_eq!(fold_once(&play.app).await.expect("folds"), 0, "the folder is off");
        assert!(!play.compare("folder off").await, "folded totals alone would be wrong");
        faults::ignore_unfolded(task, true);
        let blind = AssertUnwindSafe(play.compare("unfolded rows left out")).catch_unwind().await;
        assert!(blind.is_err(), "a wrong board was not noticed on {}", house.engine);
        faults::ignore_unfolded(task, false);
        faults::folder_off(task, false);
        while fold_once(&play.app).await.expect("folds") > 0 {}
        assert!(play.compare("folder on").await, "everything is folded");
    })
    .await;
}
