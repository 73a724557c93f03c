//! Whatever people do, nothing is lost and nothing is counted twice: random dispatch, claim, give, return,
//! recall, transfer, void, correction, visits, finds, certificates, growth, folds, days, units that move, merge and end; after
//! every step what was accumulated equals what is counted from nothing. On both databases.
//!
//! `HUTONG_SEED` and `HUTONG_STEPS` run another or a longer life (`make soak`).

#[path = "../common/mod.rs"]
mod common;
mod crashes;
#[path = "../common/desk.rs"]
mod desk;
#[path = "../common/dice.rs"]
mod dice;
#[path = "../common/town.rs"]
mod town;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use common::House;
use desk::{Desk, send};
use form_runtime::Map;
use proptest::collection::vec;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use server::app::App;
use server::args;
use server::directory::{self, change};
use server::error::AppError;
use server::measures::{self, Axis, BUILT_IN};
use server::platform::clock::DAY;
use server::platform::database::{Exec, StoreError};
use server::platform::events::Actor;
use server::platform::ids::{Id, new_id};
use server::tasks::acts::By;
use server::tasks::ends::{self, Why};
use server::tasks::model::{Assignment, Item};
use server::tasks::rows::{self, Subject};
use server::tasks::submit::{self, Posted};
use server::tasks::{Relay, Task, TaskShape, conservation, create, discover, holding, pass_on, store};

use dice::setting;

/// A step: what, and two numbers that choose among whom.
type Step = (u8, u16, u16);

/// By kind of step: its name, how many of a hundred steps it is.
const KINDS: &[(&str, u32)] = &[
    ("claim", 8),
    ("give", 8),
    ("put back", 3),
    ("return", 8),
    ("recall", 6),
    ("transfer", 8),
    ("propose void", 6),
    ("settle void", 8),
    ("visit", 12),
    ("correct", 5),
    ("find", 9),
    ("certify", 6),
    ("grow", 3),
    ("pass on", 5),
    ("fold", 4),
    ("a day passes", 2),
    ("unit moves", 2),
    ("unit ends", 1),
    ("offices merge", 1),
    ("worker leaves", 2),
];

struct Life {
    app: App,
    desk: Desk,
    listed: Task,
    discovery: Task,
    spare: Vec<Subject>,
    /// persons made so far
    born: usize,
    found: u16,
    /// how often a step of each kind changed something
    done: HashMap<&'static str, u32>,
}

fn seed_bytes(seed: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = seed.rotate_left(at as u32 * 5) as u8 ^ at as u8;
    }
    bytes
}

impl Life {
    async fn begin(app: &App) -> Self {
        let desk = Desk::build(app).await;
        let mut subjects = desk.persons(app, 4).await;
        let born = subjects.len();
        // Every fourth waits for the task to grow.
        let spare = subjects.iter().step_by(4).cloned().collect();
        let mut n = 0;
        subjects.retain(|_| {
            n += 1;
            n % 4 != 1
        });
        let relay = Relay { waits: vec![3], passes_after: BTreeMap::from([(3, 2)]) };
        let listed = desk.listed(app, subjects, create::first_rule(TaskShape::Listed), relay).await;
        let discovery = desk.units(app, TaskShape::Discovery, None).await;
        Self { app: app.clone(), desk, listed, discovery, spare, born, found: 0, done: HashMap::new() }
    }

    async fn items(&self, task: Id, states: &[&str]) -> Vec<Item> {
        let ids: Vec<(i64, Id, String)> = self
            .app
            .read()
            .all("SELECT shard, id, state FROM item WHERE task_id = $1 ORDER BY position, id", args![task])
            .await
            .expect("ids");
        let mut items = Vec::new();
        for (shard, id, _) in ids.into_iter().filter(|row| states.contains(&row.2.as_str())) {
            items.push(store::item(&mut self.app.read(), shard, id).await.expect("item"));
        }
        items
    }

    /// Whoever would do it: the holder, somebody of the holding unit, or the manager.
    fn worker(&self, item: &Item, at: u16) -> By {
        let of_unit = |one: &&desk::Person| one.organization == item.holder_organization;
        let mut people: Vec<&desk::Person> = self.desk.people.values().filter(of_unit).collect();
        people.sort_by(|a, b| b.login.cmp(&a.login));
        let holder = people.iter().find(|one| item.holder_post.is_none_or(|post| one.post == post));
        match holder {
            Some(one) if !at.is_multiple_of(4) => one.by.clone(),
            _ => self.desk.by("manager").clone(),
        }
    }

    async fn one(&self, task: Id, states: &[&str], at: u16) -> Option<Item> {
        let items = self.items(task, states).await;
        (!items.is_empty()).then(|| items[at as usize % items.len()].clone())
    }

    fn answers(&self, at: u16) -> Map {
        let living_alone = if at.is_multiple_of(3) { "false" } else { "true" };
        serde_json::json!({
            "living_alone": living_alone, "contact": "家属", "visited_on": self.app.clock.today_text(), "needs": ["meals"],
            "remarks": format!("第 {at} 次"),
        })
        .as_object()
        .cloned()
        .expect("object")
    }

    fn posted(&self, shard: i64, answers: Map) -> Posted {
        let client_id = new_id(shard, self.app.now());
        Posted { client_id, answers, confirm_all: false, item_version: None, record_version: None }
    }

    /// One step, and its name.
    async fn step(&mut self, (kind, a, b): Step) -> &'static str {
        let total: u32 = KINDS.iter().map(|kind| kind.1).sum();
        let mut left = (u32::from(kind) * total) / 256;
        let name = KINDS
            .iter()
            .find(|(_, weight)| {
                let hit = left < *weight;
                left = left.saturating_sub(*weight);
                hit
            })
            .expect("a kind")
            .0;
        self.step_of(name, a, b).await;
        name
    }

    /// What is refused changes nothing; what fails otherwise is a fault.
    async fn step_of(&mut self, name: &'static str, a: u16, b: u16) {
        let result = match name {
            "fold" => measures::fold_once(&self.app).await.map(|n| n > 0),
            "a day passes" => {
                self.app.clock.advance(DAY);
                pass_on::pass_due(&self.app).await.map(|_| true)
            }
            "grow" => self.grow(a).await,
            "pass on" => self.pass_on(a).await,
            "unit moves" => self.unit_moves(a, b).await,
            "unit ends" => self.unit_ends(a).await,
            "offices merge" => self.offices_merge(a, b).await,
            "worker leaves" => self.worker_leaves(a).await,
            "find" => self.find(a, b).await,
            "certify" => self.certify(a, b).await,
            _ => self.act(name, a, b).await,
        };
        match result {
            Ok(true) => *self.done.entry(name).or_default() += 1,
            Ok(false)
            | Err(AppError::Conflict(_) | AppError::Invalid(_) | AppError::Forbidden | AppError::NotFound) => {}
            Err(AppError::Store(StoreError::Stale | StoreError::NotFound)) => {}
            Err(fault) => panic!("{name} {a} {b}: {fault:?}"),
        }
    }

    async fn act(&self, name: &'static str, a: u16, b: u16) -> Result<bool, AppError> {
        let states: &[&str] = match name {
            "settle void" => &["void_proposed"],
            "correct" => &["done"],
            _ => &["open", "correction"],
        };
        let task = if a.is_multiple_of(7) || (name == "settle void" && a.is_multiple_of(2)) {
            self.discovery.id
        } else {
            self.listed.id
        };
        let Some(item) = self.one(task, states, a / 2).await else { return Ok(false) };
        let (app, by) = (&self.app, self.worker(&item, b));
        let manager = self.desk.by("manager");
        match name {
            "claim" => holding::claim(app, &by, &[item.id]).await.map(|n| n > 0),
            "put back" => holding::give(app, &by, &[item.id], None).await.map(|n| n > 0),
            "give" => {
                let mut posts: Vec<Id> =
                    app.directory().posts_in(item.holder_organization).map(|post| post.id).collect();
                posts.sort_unstable();
                let Some(post) = posts.get(b as usize % posts.len().max(1)) else { return Ok(false) };
                holding::give(app, manager, &[item.id], Some(*post)).await.map(|n| n > 0)
            }
            "return" => {
                // Now and then two at once: what is held by the same unit.
                let mut ids = vec![item.id];
                let all = self.items(task, states).await;
                ids.extend(
                    all.iter()
                        .filter(|other| other.id != item.id && other.assignment_id == item.assignment_id)
                        .take(usize::from(b % 2))
                        .map(|other| other.id),
                );
                holding::return_items(app, &by, &ids, "走错了").await.map(|n| n > 0)
            }
            "recall" => {
                // By the city, or by whoever gave it.
                let giver = server::tasks::acts::giver(app, &item).await?.map(|above| above.organization_id);
                let mut people: Vec<&desk::Person> = self.desk.people.values().collect();
                people.retain(|one| !b.is_multiple_of(3) && Some(one.organization) == giver);
                people.sort_by(|a, b| a.login.cmp(&b.login));
                let by = people.get(b as usize % people.len().max(1)).map_or(manager, |one| &one.by);
                holding::recall(app, by, &[item.id], "另有安排").await.map(|n| n > 0)
            }
            "transfer" => {
                let own = store::assignment(&mut app.read(), task, item.assignment_id).await?;
                let running = store::task(&mut app.read(), task).await?;
                let mut units = holding::neighbours(app, &running, &own, true);
                if own.parent_id.is_some() {
                    units.extend(holding::neighbours(app, &running, &own, false));
                }
                let Some(to) = units.get(b as usize % units.len().max(1)) else { return Ok(false) };
                holding::transfer(app, manager, &[item.id], to.0, "搬走了").await.map(|n| n > 0)
            }
            "propose void" => {
                let why = Why::ALL[b as usize % Why::ALL.len()];
                ends::propose_void(app, &by, item.id, why, "查过了").await.map(|()| true)
            }
            "settle void" => {
                ends::settle_void(app, manager, item.id, b.is_multiple_of(2), "看过了").await.map(|()| true)
            }
            "correct" => ends::correct(app, manager, item.id, &["living_alone".into()], "请再问").await.map(|()| true),
            "visit" => {
                let posted = self.posted(item.shard, self.answers(b));
                Ok(submit::submit(app, &by, item.id, posted).await?.is_ok())
            }
            other => panic!("no act {other}"),
        }
    }

    async fn find(&mut self, a: u16, b: u16) -> Result<bool, AppError> {
        let units: Vec<Item> = self.items(self.discovery.id, &["open", "done"]).await;
        let units: Vec<Item> = units.into_iter().filter(|item| item.parent_item_id.is_none()).collect();
        if units.is_empty() {
            return Ok(false);
        }
        let unit = &units[a as usize % units.len()];
        // Every fifth is somebody who was found before: that one becomes a proposed void.
        let number = if b.is_multiple_of(5) && self.found > 0 { b % self.found } else { self.found };
        self.found = self.found.max(number + 1);
        let mut answers = self.answers(b);
        answers.insert("name".into(), "甲老人".into());
        answers.insert("id_no".into(), citizen_number(number).into());
        let by = self.worker(unit, b);
        Ok(discover::found(&self.app, &by, unit.id, self.posted(unit.shard, answers)).await?.is_ok())
    }

    async fn certify(&self, a: u16, b: u16) -> Result<bool, AppError> {
        let Some(unit) = self.one(self.discovery.id, &["open"], a).await else { return Ok(false) };
        let found = server::tasks::work_store::children(&mut self.app.read(), &unit).await?;
        let by = self.worker(&unit, b);
        let done = discover::certify(&self.app, &by, unit.id, found, b.is_multiple_of(2)).await?;
        Ok(done == discover::Certified::Done)
    }

    /// Some of those who wait are added to the task; in a long life others come into the city when little is left to do.
    async fn grow(&mut self, a: u16) -> Result<bool, AppError> {
        const LITTLE: usize = 12;
        const MOST: usize = 240;
        if self.spare.is_empty() && self.born < MOST && self.items(self.listed.id, &["open"]).await.len() < LITTLE {
            self.spare = self.desk.persons_after(&self.app, 1, self.born).await;
            self.born += self.spare.len();
        }
        let at = self.spare.len().saturating_sub(1 + usize::from(a % 3));
        let more = self.spare.split_off(at);
        if more.is_empty() {
            return Ok(false);
        }
        let task = store::task(&mut self.app.read(), self.listed.id).await?;
        rows::from_subjects(&self.app, &task, more).await?;
        send(&self.app, task.id).await;
        Ok(true)
    }

    async fn pass_on(&self, a: u16) -> Result<bool, AppError> {
        let all = store::assignments(&mut self.app.read(), self.listed.id).await?;
        let waiting: Vec<&Assignment> = all.iter().filter(|one| one.state == "waiting").collect();
        let Some(one) = waiting.get(a as usize % waiting.len().max(1)) else { return Ok(false) };
        let done = pass_on::pass_on(&self.app, self.desk.by("manager"), self.listed.id, one.id).await?;
        Ok(done.moved > 0)
    }

    /// A community's committee comes under another office.
    async fn unit_moves(&self, a: u16, b: u16) -> Result<bool, AppError> {
        let communities = self.desk.town.communities();
        let unit = self.desk.unit(communities[a as usize % communities.len()]);
        let offices: Vec<Id> =
            self.desk.town.organizations.iter().filter(|unit| unit.level == 4).map(|unit| unit.id).collect();
        let parent = offices[b as usize % offices.len()];
        let Some(version) = self.app.directory().organization(unit).map(|unit| unit.version) else { return Ok(false) };
        let along = measures::follow::organization;
        change::transfer_organization(&self.app, unit, Some(parent), None, version, Actor::default(), along).await?;
        Ok(true)
    }

    /// A community's committee ends; at most two do.
    async fn unit_ends(&self, a: u16) -> Result<bool, AppError> {
        if self.done.get("unit ends").is_some_and(|times| *times >= 2) {
            return Ok(false);
        }
        let communities = self.desk.town.communities();
        let unit = self.desk.unit(communities[a as usize % communities.len()]);
        let Some(version) = self.app.directory().organization(unit).map(|unit| unit.version) else { return Ok(false) };
        change::end_organization(&self.app, unit, version, Actor::default()).await?;
        Ok(true)
    }

    /// What is inside an office comes under another one, and it ends; at most once.
    async fn offices_merge(&self, a: u16, b: u16) -> Result<bool, AppError> {
        if self.done.contains_key("offices merge") {
            return Ok(false);
        }
        let offices: Vec<Id> =
            self.desk.town.organizations.iter().filter(|unit| unit.level == 4).map(|unit| unit.id).collect();
        let (ends, stays) = (offices[a as usize % offices.len()], offices[b as usize % offices.len()]);
        let version = |unit: Id| self.app.directory().organization(unit).map(|unit| unit.version);
        if ends == stays || version(ends).is_none() || version(stays).is_none() {
            return Ok(false);
        }
        let inside: Vec<Id> = self.app.directory().children(ends).map(|unit| unit.id).collect();
        for unit in inside {
            let (version, along) = (version(unit).expect("there"), measures::follow::organization);
            change::transfer_organization(&self.app, unit, Some(stays), None, version, Actor::default(), along).await?;
        }
        change::end_organization(&self.app, ends, version(ends).expect("there"), Actor::default()).await?;
        Ok(true)
    }

    async fn worker_leaves(&self, a: u16) -> Result<bool, AppError> {
        if self.done.get("worker leaves").is_some_and(|times| *times >= 3) {
            return Ok(false);
        }
        let communities = self.desk.town.communities();
        let worker = &self.desk.people[&format!("w{}", communities[a as usize % communities.len()])];
        let Some(version) = self.app.directory().post(worker.post).map(|post| post.version) else { return Ok(false) };
        change::end_post(&self.app, worker.post, version, Actor::default()).await?;
        directory::reload(&self.app).await?;
        Ok(true)
    }

    /// Everything that is kept up to date against what is counted from nothing. The first difference.
    async fn difference(&self, all: bool) -> Option<String> {
        for task in [&self.listed, &self.discovery] {
            let shape = &task.shape;
            let imbalances = conservation::check(&self.app, task.id).await.expect("checked");
            if let Some(first) = imbalances.first() {
                return Some(format!("{shape}: {first:?}"));
            }
            let differences = measures::recount(&self.app, task.id).await.expect("recounted");
            if let Some(first) = differences.first() {
                return Some(format!("{shape}: {first:?}"));
            }
            if let Some(fault) = self.parts(task.id).await {
                return Some(format!("{shape}: {fault}"));
            }
            if let Some(fault) = self.boards(task.id, all).await {
                return Some(format!("{shape}: {fault}"));
            }
        }
        None
    }

    /// Counters of every part, by SQL of this test's own.
    async fn parts(&self, task: Id) -> Option<String> {
        const PARTS: &str = "SELECT a.id, a.received, a.passed_down, \
             (SELECT cast(coalesce(sum(c.received), 0) as bigint) FROM assignment c WHERE c.task_id = a.task_id AND c.parent_id = a.id), \
             (SELECT count(*) FROM item i WHERE i.task_id = a.task_id AND i.assignment_id = a.id \
              AND i.state IN ('open', 'review', 'correction', 'void_proposed')), \
             (SELECT count(*) FROM item i WHERE i.task_id = a.task_id AND i.assignment_id = a.id AND i.state IN ('done', 'waived', 'void')) \
             FROM assignment a WHERE a.task_id = $1";
        type Part = (Id, i64, i64, i64, i64, i64);
        let parts: Vec<Part> = self.app.read().all(PARTS, args![task]).await.expect("parts");
        assert!(!parts.is_empty());
        parts
            .into_iter()
            .find(|(_, received, passed, below, held, ended)| *received != held + passed + ended || passed != below)
            .map(|part| format!("part {part:?}"))
    }

    /// Boards of every node, or of some, against the items by the tables of ancestors.
    async fn boards(&self, task: Id, all: bool) -> Option<String> {
        const BY_PLACE: &str = "SELECT a.ancestor_id, i.state, count(*) FROM item i JOIN place_ancestor a ON a.place_id = i.place_id \
             WHERE i.task_id = $1 AND i.parent_item_id IS NULL GROUP BY a.ancestor_id, i.state";
        const BY_HOLDER: &str = "SELECT a.ancestor_id, i.state, count(*) FROM item i \
             JOIN organization_ancestor a ON a.organization_id = i.holder_organization \
             WHERE i.task_id = $1 AND i.parent_item_id IS NULL GROUP BY a.ancestor_id, i.state";
        let town = &self.desk.town;
        for (axis, sql) in [(Axis::Place, BY_PLACE), (Axis::Organization, BY_HOLDER)] {
            let rows: Vec<(Id, String, i64)> = self.app.read().all(sql, args![task]).await.expect("counted");
            let mut counted: HashMap<(Id, String), i64> = HashMap::new();
            for (node, state, n) in rows {
                *counted.entry((node, "assigned".into())).or_default() += n;
                counted.insert((node, state), n);
            }
            let nodes: Vec<Id> = match axis {
                Axis::Place => town.places.iter().map(|place| place.id).collect(),
                Axis::Organization => town.organizations.iter().map(|unit| unit.id).collect(),
            };
            for (at, node) in nodes.into_iter().enumerate().filter(|(at, _)| all || *at == 0 || at % 9 == 4) {
                let board = &measures::board(&self.app, task, axis, node).await.expect("board").here;
                for measure in BUILT_IN {
                    let truth = counted.get(&(node, measure.to_owned())).copied().unwrap_or(0);
                    if board.total(measure) != truth {
                        return Some(format!("{axis:?} {at} {measure}: shown {}, are {truth}", board.total(measure)));
                    }
                }
            }
        }
        None
    }
}

/// A citizen number of somebody made up, with its check digit.
fn citizen_number(n: u16) -> String {
    let body = format!("14020219400101{:03}", n % 1000);
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{body}{}", ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'][(sum % 11) as usize])
}

type Done = HashMap<&'static str, u32>;

async fn live(house: &House, steps: &[Step]) -> Result<Done, TestCaseError> {
    let mut life = Life::begin(&house.app).await;
    for (n, step) in steps.iter().enumerate() {
        let name = life.step(*step).await;
        let last = n + 1 == steps.len();
        if let Some(difference) = life.difference(last || n % 10 == 0).await {
            return Err(TestCaseError::fail(format!("{} after step {n}, {name}: {difference}", house.engine)));
        }
    }
    let seen: HashSet<&str> = life.done.keys().copied().collect();
    // What chance has left out is tried once more, so that every life has seen everything.
    for (name, _) in KINDS.iter().filter(|kind| !seen.contains(kind.0)) {
        for n in 0..24_u16 {
            if life.done.contains_key(name) {
                break;
            }
            life.step_of(name, n, n * 3 + 1).await;
        }
        if let Some(difference) = life.difference(true).await {
            return Err(TestCaseError::fail(format!("{} after {name}: {difference}", house.engine)));
        }
    }
    Ok(life.done)
}

fn run_lives(engine: &'static str, seed: u64, lives: u32, steps: usize) {
    println!("HUTONG_SEED={seed} HUTONG_STEPS={steps} ({engine})");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
    let config = Config { cases: lives, failure_persistence: None, max_shrink_iters: 24, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed_bytes(seed));
    let done = std::cell::RefCell::new(Done::new());
    let outcome = TestRunner::new_with_rng(config, rng).run(&vec((0_u8.., 0_u16.., 0_u16..), steps..=steps), |steps| {
        let lived = runtime.block_on(async {
            let house = if engine == "sqlite" { common::sqlite().await } else { common::postgres().await };
            live(&house, &steps).await
        })?;
        for (name, times) in lived {
            *done.borrow_mut().entry(name).or_default() += times;
        }
        Ok(())
    });
    if let Err(fault) = outcome {
        panic!("{fault}");
    }
    let never: Vec<&str> = KINDS.iter().map(|kind| kind.0).filter(|name| !done.borrow().contains_key(name)).collect();
    assert!(never.is_empty(), "these never changed anything: {never:?} of {:?}", done.borrow());
}

/// Two lives of 40 steps, or as many as asked for.
fn lives(engine: &'static str) {
    let steps = setting("HUTONG_STEPS", 40);
    run_lives(engine, setting("HUTONG_SEED", 20_261_124), if steps > 500 { 1 } else { 2 }, steps as usize);
}

#[test]
fn nothing_is_lost_whatever_happens_on_sqlite() {
    lives("sqlite");
}

#[test]
fn nothing_is_lost_whatever_happens_on_postgresql() {
    lives("postgres");
}

/// A release that is published while people move what they have: every movement counts, in every lane.
#[tokio::test(flavor = "multi_thread")]
async fn movements_beside_a_dispatch_are_not_lost() {
    common::each(|house| async move {
        let app = &house.app;
        let mut life = Life::begin(app).await;
        let manager = life.desk.by("manager").clone();
        for one in store::assignments(&mut app.read(), life.listed.id).await.expect("parts") {
            if one.state == "waiting" {
                pass_on::pass_on(app, &manager, life.listed.id, one.id).await.expect("passed on");
            }
        }
        let mut moved = 0;
        for round in 0..4_u16 {
            let more = life.spare.split_off(life.spare.len() - 2);
            let task = store::task(&mut app.read(), life.listed.id).await.expect("task");
            rows::from_subjects(app, &task, more).await.expect("rows");
            // Four people go on moving until the release is published, so that some of it falls into that commit.
            let sent = AtomicBool::new(false);
            let movers = (0..4_u16).map(|mover| {
                let (life, sent) = (&life, &sent);
                async move {
                    let (mut n, mut moved) = (mover * 1000, 0);
                    while !sent.load(Ordering::Relaxed) {
                        let name = if n % 3 == 0 { "return" } else { "transfer" };
                        moved += usize::from(matches!(life.act(name, n * 2 + 1, n + round).await, Ok(true)));
                        n += 1;
                    }
                    moved
                }
            });
            let publishing = async {
                send(app, task.id).await;
                sent.store(true, Ordering::Relaxed);
            };
            let ((), counts) = futures_util::join!(publishing, futures_util::future::join_all(movers));
            moved += counts.into_iter().sum::<usize>();
            assert_eq!(life.difference(true).await, None, "{} round {round}", house.engine);
        }
        assert!(moved > 8, "{moved} movements");
    })
    .await;
}

/// The commit that publishes a release has read the counters before somebody else's movement is committed in
/// another lane: both count.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_adds_to_what_was_moved_meanwhile() {
    use server::tasks::counters::{self, Amounts, Shifts};
    let house = common::postgres().await;
    let app = &house.app;
    assert_ne!(app.lanes.number_of(0), app.lanes.number_of(1), "two lanes");
    let task = Life::begin(app).await.listed.id;
    let part = store::assignments(&mut app.read(), task).await.expect("parts").remove(0);
    let shifts = |received: i64| Shifts::from([(part.id, Amounts { received, ..Amounts::default() })]);
    let (read, has_read) = tokio::sync::watch::channel(false);
    let (moved, has_moved) = tokio::sync::watch::channel(false);
    let (five, one) = (shifts(5), shifts(-1));
    let publishing = app.lanes.write::<(), StoreError, _>(0, vec![], move |tx| {
        let (five, read, mut has_moved) = (five.clone(), read.clone(), has_moved.clone());
        Box::pin(async move {
            let assignments = store::assignments(tx, task).await?;
            read.send_replace(true);
            has_moved.wait_for(|moved| *moved).await.expect("the mover lives");
            counters::add_release(tx, &assignments, &five).await
        })
    });
    let moving = async {
        has_read.clone().wait_for(|read| *read).await.expect("the publisher lives");
        let run = app.lanes.write::<(), StoreError, _>(1, vec![], move |tx| {
            let one = one.clone();
            Box::pin(async move { counters::write(tx, task, &one).await })
        });
        run.await.expect("moved");
        moved.send_replace(true);
    };
    let (published, ()) = futures_util::join!(publishing, moving);
    published.expect("published");
    let after = store::assignment(&mut app.read(), task, part.id).await.expect("there");
    assert_eq!(after.received, part.received + 5 - 1);
}

/// A movement that is lost, whatever part of it, is noticed after the very step that lost it.
#[cfg(feature = "fault-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn the_property_notices_a_movement_that_is_lost() {
    use server::tasks::faults::{self, Lost};
    common::each(|house| async move {
        let app = &house.app;
        let life = Life::begin(app).await;
        let (task, manager) = (life.listed.id, life.desk.by("manager").clone());
        let waiting = store::assignments(&mut app.read(), task).await.expect("parts");
        for one in waiting.iter().filter(|one| one.state == "waiting") {
            pass_on::pass_on(app, &manager, task, one.id).await.expect("passed on");
        }
        for (lost, name) in [
            (Lost::Counters, "transfer"),
            (Lost::Counters, "return"),
            (Lost::Counters, "recall"),
            (Lost::Row, "transfer"),
            (Lost::Row, "return"),
            (Lost::Row, "recall"),
            (Lost::Row, "put back"),
            (Lost::Row, "give"),
            (Lost::Row, "propose void"),
            (Lost::Row, "settle void"),
        ] {
            assert_eq!(life.difference(true).await, None, "before {lost:?} {name}");
            faults::lose(task, lost);
            for a in 0..200_u16 {
                let _ = life.act(name, a * 2 + 1, a | 1).await;
                if !faults::waits(task) {
                    break;
                }
            }
            assert!(!faults::waits(task), "no {name} took place");
            let noticed = life.difference(false).await;
            assert!(noticed.is_some(), "{lost:?} of {name} was not noticed on {}", house.engine);
            heal(app, task).await;
        }
    })
    .await;
}

/// Puts right what was lost, so that the next loss stands alone.
#[cfg(feature = "fault-hooks")]
async fn heal(app: &App, task: Id) {
    const SEQ: &str = "UPDATE item SET moves = (SELECT count(*) FROM movement m WHERE m.shard = item.shard AND m.item_id = item.id) \
         WHERE task_id = $1";
    const GONE: &str = "DELETE FROM movement WHERE task_id = $1";
    const RESET: &str = "UPDATE assignment SET returned_up = 0, received = (SELECT count(*) FROM item i \
         WHERE i.task_id = assignment.task_id AND i.assignment_id = assignment.id) WHERE task_id = $1";
    app.lanes
        .write::<(), StoreError, _>(0, vec![], move |tx| {
            Box::pin(async move {
                tx.execute(GONE, args![task]).await?;
                tx.execute(SEQ, args![task]).await?;
                tx.execute(RESET, args![task]).await?;
                let mut parts = store::assignments(tx, task).await?;
                parts.sort_by_key(|part| std::cmp::Reverse(part.level));
                // From below: what the children received was handed down and received above.
                let mut received: HashMap<Id, i64> = parts.iter().map(|part| (part.id, part.received)).collect();
                for part in &parts {
                    let below: i64 = parts
                        .iter()
                        .filter(|child| child.parent_id == Some(part.id))
                        .map(|child| received[&child.id])
                        .sum();
                    *received.get_mut(&part.id).expect("there") += below;
                    let total = received[&part.id];
                    tx.execute(
                        "UPDATE assignment SET received = $3, passed_down = $4 WHERE task_id = $1 AND id = $2",
                        args![task, part.id, total, below],
                    )
                    .await?;
                }
                Ok(())
            })
        })
        .await
        .expect("healed");
}
