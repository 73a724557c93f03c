//! Dispatch: what the dry run shows is what is sent, item by item, for rules that the engine's own tests
//! do not use; a killed dispatch goes on; counters are conserved.

mod common;
#[path = "common/town.rs"]
mod town;

use std::collections::BTreeMap;
use std::time::Duration;

use rule_engine::{
    Action, Comparison, Condition, DecisionTable, Level, Literal, Ready, Rule, RuleSource, Sentence, Source, TableRow,
    Whom,
};
use server::access::{Permission, Principal, Scope, StaffViewer, Viewer, Who};
use server::app::App;
use server::args;
use server::directory::{self, Post, Staff, working_days};
use server::error::AppError;
use server::forms;
use server::measures::{self, Axis, Measures};
use server::platform::database::bulk::OnKey;
use server::platform::database::{Exec, StoreError};
use server::platform::ids::{Id, new_free_id};
use server::platform::jobs::run_until_idle;
use server::tasks::create::{self, Draft};
use server::tasks::rows::{self, Subject};
use server::tasks::{Relay, Task, TaskShape, dispatch, dry_run, store};
use town::Town;

const VISIT: &str = include_str!("../../form-runtime/tests/forms/visit.json");

/// The town with workers: none in the first community, then one, two, three, one …
struct Scene {
    town: Town,
    issuer: Id,
    by: StaffViewer,
    form: Id,
}

impl Scene {
    async fn build(app: &App) -> Self {
        let town = Town::build(app).await;
        let (mut staff, mut posts, mut grids, mut workers) = (vec![], vec![], vec![], vec![]);
        let mut hire = |organization: Id, title: &str, tags: &[&str], name: String| {
            let one = Staff {
                id: new_free_id(common::NOW),
                person: new_free_id(common::NOW),
                name,
                pinyin: String::new(),
                initials: String::new(),
                state: "active".into(),
                version: 1,
            };
            let post = Post {
                id: new_free_id(common::NOW),
                organization,
                staff: Some(one.id),
                title: title.into(),
                rank: 5,
                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
                valid_from: "2020-01-01".into(),
                valid_to: None,
                version: 1,
            };
            let id = post.id;
            staff.push(one);
            posts.push(post);
            id
        };
        for (n, at) in town.communities().into_iter().enumerate() {
            let unit = town.organizations[at].id;
            let grid = new_free_id(common::NOW);
            grids.push(args![grid, town.places[at].id, "第 1 网格", "1", "2020-01-01", Option::<&str>::None, 1_i64]);
            for w in 0..n % 4 {
                let post = hire(unit, "网格员", &["grid_worker"], format!("网格员{n}-{w}"));
                workers.push(args![grid, post, "2020-01-01", Option::<&str>::None]);
            }
            if n % 3 == 0 {
                hire(unit, "民政专干", &["civil_affairs"], format!("专干{n}"));
            }
        }
        for (at, place) in town.places.iter().enumerate().filter(|(_, place)| place.level == 4) {
            hire(town.organizations[at].id, "民政干事", &["civil_affairs", "party"], format!("干事{}", place.name));
        }
        let issuer = town.organizations[0].id;
        let manager = hire(issuer, "经办", &[], "刘慧".into());
        let holder = staff.last().expect("hired").id;
        app.lanes
            .write(0, vec![], move |tx| {
                let (staff, posts, grids, workers) = (staff.clone(), posts.clone(), grids.clone(), workers.clone());
                Box::pin(async move {
                    use directory::store as book;
                    book::STAFF
                        .write(tx, staff.iter().map(|s| book::staff_row(s, &None, &None)).collect(), OnKey::Fail)
                        .await?;
                    book::POST.write(tx, posts.iter().map(book::post_row).collect(), OnKey::Fail).await?;
                    book::GRID.write(tx, grids, OnKey::Fail).await?;
                    book::GRID_WORKER.write(tx, workers, OnKey::Fail).await?;
                    Ok::<_, AppError>(())
                })
            })
            .await
            .expect("staff written");
        directory::reload(app).await.expect("address book");
        let by = StaffViewer { account: new_free_id(common::NOW), staff: holder, post: manager, organization: issuer };
        let form = publish(app, by).await;
        Self { town, issuer, by, form }
    }

    /// Forty people over the communities, with ages and 独居 in their records.
    async fn subjects(&self, app: &App) -> Vec<Subject> {
        use server::entities::{PersonRow, Source as From, SourceKind, import_persons};
        let communities = self.town.communities();
        let rows: Vec<PersonRow> = (0..40_usize)
            .map(|n| {
                let values = serde_json::json!({
                    "name": format!("老人{n}"),
                    "birth_date": format!("{}-03-01", 1935 + n % 30),
                    "live_alone": n % 2 == 0,
                });
                PersonRow {
                    values: values.as_object().expect("object").clone(),
                    community: Some(self.town.places[communities[n % communities.len()]].id),
                    premises: None,
                    made_up: true,
                }
            })
            .collect();
        let places: Vec<Option<Id>> = rows.iter().map(|row| row.community).collect();
        let source = From {
            kind: SourceKind::Sheet,
            id: None,
            submission: None,
            form_version: None,
            batch: None,
            title: "名单".into(),
        };
        let people = import_persons(app, rows, &source, &Default::default(), common::NOW).await.expect("people");
        people
            .into_iter()
            .zip(places)
            .enumerate()
            .map(|(n, (person, place))| Subject {
                shard: person.shard,
                id: person.id,
                place,
                label: format!("老人{n}"),
            })
            .collect()
    }

    async fn task(&self, app: &App, rule: Rule, relay: Relay) -> Task {
        let draft = Draft {
            title: "独居老人走访".into(),
            form_version_id: self.form,
            class: "person".into(),
            shape: TaskShape::Listed,
            root_place: self.town.places[0].id,
            working_days: Some(3),
            deadline: None,
            app_key: None,
            measures: Measures::default(),
        };
        let task = create::create(app, self.by, &Default::default(), draft, rule).await.expect("created");
        create::set_relay(app, task.id, None, &Default::default(), relay).await.expect("relay")
    }
}

async fn publish(app: &App, by: StaffViewer) -> Id {
    let mut viewer = Viewer::anonymous(web::Lang::ZhCn, "test".into(), "/".into());
    viewer.principal = Principal {
        who: Who::Staff { account: by.account, staff: by.staff, post: by.post, organization: by.organization },
        grants: Permission::ALL
            .iter()
            .map(|&permission| server::access::Grant { permission, scope: Scope::All })
            .collect(),
    };
    let id = forms::edit::create(app, &viewer, "独居老人走访", "").await.expect("form");
    let form = forms::edit::load(app, &viewer, id).await.expect("form");
    let definition = form_runtime::definition::parse(VISIT).expect("definition");
    forms::edit::save(app, &viewer, &form, &definition).await.expect("saved");
    let form = forms::edit::load(app, &viewer, id).await.expect("form");
    forms::publish::publish(app, &form, &viewer.actor()).await.expect("published").id
}

fn sentence(when: Option<Condition>, then: Action, otherwise: Option<Action>) -> RuleSource {
    RuleSource::Sentence(Sentence { when, then, otherwise })
}

fn to(level: Level, whom: Whom, days: u32) -> Action {
    Action { level, whom, working_days: Some(days) }
}

fn tag(tag: &str) -> Whom {
    Whom::Tag { tag: tag.into() }
}

fn age(is: Comparison, value: i64) -> Option<Condition> {
    Some(Condition { of: Source::Subject, field: "age".into(), is, value: Some(Literal::Number(value)) })
}

fn alone(value: bool) -> Option<Condition> {
    Some(Condition {
        of: Source::Subject,
        field: "live_alone".into(),
        is: Comparison::Equal,
        value: Some(Literal::Flag(value)),
    })
}

/// Twenty sentences and rules.
fn rules() -> Vec<RuleSource> {
    use Comparison::{AtLeast, AtMost, Greater, Less};
    use Level::{City, Community, District, Township};
    let expert = |body: &str| RuleSource::Expert {
        rhai: format!("fn dispatch(item, subject, chain, candidates, load) {{ {body} }}"),
    };
    vec![
        sentence(None, to(Community, Whom::Organization, 2), None),
        RuleSource::Table(DecisionTable {
            rows: vec![
                TableRow {
                    when: age(AtLeast, 78).into_iter().chain(alone(true)).collect(),
                    then: to(Community, tag("grid_worker"), 2),
                },
                TableRow { when: age(Less, 64).into_iter().collect(), then: to(Township, Whom::LeastLoad, 7) },
            ],
            otherwise: Some(to(District, Whom::Organization, 4)),
        }),
        sentence(None, to(Township, tag("civil_affairs"), 4), None),
        sentence(None, to(District, Whom::Organization, 5), None),
        sentence(None, to(City, Whom::Organization, 10), None),
        sentence(None, to(Community, Whom::LeastLoad, 3), None),
        sentence(age(AtLeast, 80), to(Community, tag("grid_worker"), 1), Some(to(Township, Whom::Organization, 3))),
        sentence(age(Less, 70), to(Township, tag("party"), 6), Some(to(Community, tag("grid_worker"), 2))),
        sentence(age(AtMost, 75), to(Community, tag("civil_affairs"), 7), None),
        sentence(age(Greater, 85), to(Community, Whom::LeastLoad, 1), Some(to(Community, Whom::Organization, 9))),
        sentence(alone(true), to(Community, tag("grid_worker"), 1), Some(to(Township, tag("civil_affairs"), 5))),
        sentence(alone(false), to(District, Whom::Organization, 8), None),
        sentence(alone(true), to(Community, tag("nobody_has_this"), 1), None),
        RuleSource::Ready(Ready::Governing { level: Township, working_days: Some(2) }),
        RuleSource::Ready(Ready::LeastLoad {
            level: Community,
            tag: Some("grid_worker".into()),
            working_days: Some(2),
        }),
        RuleSource::Ready(Ready::LeastLoad { level: Community, tag: None, working_days: None }),
        RuleSource::Ready(Ready::Tag { level: Community, tag: "civil_affairs".into(), working_days: Some(4) }),
        expert(
            "let list = candidates.serving(\"community\"); if list.len() == 0 { return none(\"没有人\"); } to(least_load(list, load), 2)",
        ),
        expert(
            "if subject.age == () { return none(\"不知道年龄\"); } to(candidates.governing(\"community\"), if subject.age > 80 { 1 } else { 6 })",
        ),
        expert(
            "let list = candidates.with_tag(\"grid_worker\"); if list.len() == 0 { return to(candidates.governing(\"township\"), 5); } to(list[list.len() - 1], 3)",
        ),
    ]
}

/// Subject, place, organization, post, reason and due instant by position; neither organization nor post where
/// the issuer keeps it.
type Sent = BTreeMap<i64, (Option<Id>, Option<Id>, Option<Id>, Option<Id>, Option<String>, Option<i64>)>;

/// What the dry run shows.
async fn shown(app: &App, task: &Task, run: Id) -> Sent {
    let calendar = working_days::load(&mut app.read()).await.expect("calendar");
    let due = |days: Option<i64>| {
        let days = days.or(task.working_days).expect("the task gives days");
        Some(working_days::add_working_days(&calendar, &app.clock, app.now(), days))
    };
    let rows = dry_run::rows(&mut app.read(), run, 0, 1000).await.expect("rows");
    rows.into_iter()
        .map(|(position, subject, place, organization, post, days, reason)| {
            (position, (subject, place, organization, post, reason, due(days)))
        })
        .collect()
}

/// What lies in the database after the dispatch.
async fn sent(app: &App, task: &Task) -> Sent {
    const ITEMS: &str = "SELECT position, subject_id, place_id, holder_organization, holder_post, reason, due_at, state FROM item \
         WHERE task_id = $1";
    type Row = (i64, Option<Id>, Id, Id, Option<Id>, Option<String>, Option<i64>, String);
    let rows: Vec<Row> = app.read().all(ITEMS, args![task.id]).await.expect("items");
    let count = rows.len();
    let by_position: Sent = rows
        .into_iter()
        .map(|(position, subject, place, organization, post, reason, due, state)| {
            assert_eq!(state, "open");
            if reason.is_some() {
                assert_eq!(
                    (organization, post),
                    (task.issuer_organization, None),
                    "the issuer keeps what nobody takes"
                );
            }
            let organization = reason.is_none().then_some(organization);
            (position, (subject, Some(place), organization, post, reason, due))
        })
        .collect();
    assert_eq!(by_position.len(), count, "no position twice");
    by_position
}

/// The rules of this test are its own: none stands in the engine's tests, and no two are the same.
#[test]
fn the_rules_are_no_others() {
    const SENTENCES: &str = include_str!("../../rule-engine/tests/rules/snapshots/rules__dispatching__sentences.snap");
    const TABLE: &str = include_str!("../../rule-engine/tests/rules/snapshots/rules__dispatching__table.snap");
    const SOURCES: [&str; 4] = [
        include_str!("../../rule-engine/tests/rules/dispatching.rs"),
        include_str!("../../rule-engine/tests/rules/hooks.rs"),
        include_str!("../../rule-engine/tests/rules/limits.rs"),
        include_str!("../../rule-engine/src/lib.rs"),
    ];
    const CASE: &str = include_str!("../../rule-engine/tests/cases/visit.json");
    let case: serde_json::Value = serde_json::from_str(CASE).expect("a case");
    let case: Rule = serde_json::from_value(case["rule"].clone()).expect("its rule");
    let mut texts = std::collections::BTreeSet::new();
    for source in rules() {
        let text = rule_engine::generate(&source);
        assert!(
            !SENTENCES.contains(text.trim()) && !TABLE.contains(text.trim()),
            "the engine's tests have this: {text}"
        );
        assert!(SOURCES.iter().all(|file| !file.contains(text.trim())), "the engine's tests have this: {text}");
        assert_ne!(source, case.source);
        if let RuleSource::Ready(ready) = &source {
            // The engine's own: one by tag without days, one by the governing unit in three days.
            assert!(
                !matches!(
                    ready,
                    Ready::Tag { working_days: None, .. } | Ready::Governing { working_days: Some(3), .. }
                ),
                "{ready:?}"
            );
        }
        assert!(texts.insert(text), "twice: {source:?}");
    }
    assert_eq!(texts.len(), 20);
}

#[tokio::test]
async fn what_the_dry_run_shows_is_what_is_sent() {
    common::each(|house| async move {
        let app = &house.app;
        let scene = Scene::build(app).await;
        let subjects = scene.subjects(app).await;
        let rules = rules();
        assert_eq!(rules.len(), 20);
        let (mut with_orphans, mut without) = (0, 0);
        for (n, source) in rules.into_iter().enumerate() {
            let task = scene.task(app, Rule { source }, Relay::default()).await;
            rows::from_subjects(app, &task, subjects.clone()).await.expect("rows");
            let run = dry_run::dry_run(app, task.id, None).await.expect("dry run");
            let shown = shown(app, &task, run.id).await;
            assert_eq!(shown.len(), 40, "rule {n}");
            let begun =
                dispatch::begin(app, task.id, Some(run.task_version), &Default::default()).await.expect("begun");
            assert_eq!(begun.state, "dispatching");
            run_until_idle(app).await.expect("jobs");
            assert_eq!(shown, sent(app, &task).await, "rule {n} on {}", house.engine);
            let after = store::task(&mut app.read(), task.id).await.expect("task");
            assert_eq!((after.state.as_str(), after.published_release), ("running", 1), "rule {n}");
            if run.summary.orphans > 0 {
                with_orphans += 1
            } else {
                without += 1
            }
            conserved(app, &task, run.summary.orphans).await;
        }
        assert!(with_orphans >= 4 && without >= 4, "the rules differ: {with_orphans} with orphans, {without} without");
    })
    .await;
}

/// Received = held + passed down at every unit, and what was passed down is what the children received.
async fn conserved(app: &App, task: &Task, orphans: i64) {
    let all = store::assignments(&mut app.read(), task.id).await.expect("assignments");
    let held: BTreeMap<Id, i64> = app
        .read()
        .all::<(Id, i64)>(
            "SELECT assignment_id, count(*) FROM item WHERE task_id = $1 GROUP BY assignment_id",
            args![task.id],
        )
        .await
        .expect("held")
        .into_iter()
        .collect();
    for one in &all {
        let below: i64 = all.iter().filter(|child| child.parent_id == Some(one.id)).map(|child| child.received).sum();
        assert_eq!(one.passed_down, below, "passed down");
        assert_eq!(one.received, one.passed_down + held.get(&one.id).copied().unwrap_or(0), "received");
    }
    let root = all.iter().find(|one| one.parent_id.is_none()).expect("the issuer has an assignment");
    assert_eq!(root.received, 40);
    assert!(held.get(&root.id).copied().unwrap_or(0) >= orphans);
    // What a first release counts for stands there before it is seen, and the board counts the same after folding.
    let left: (i64,) =
        app.read().one("SELECT count(*) FROM delta WHERE task_id = $1", args![task.id]).await.expect("deltas");
    assert_eq!(left.0, 0);
    for (axis, leaf) in [("place", "place_id"), ("org", "holder_organization")] {
        let sql = format!(
            "SELECT count(*) FROM (SELECT shard, {leaf} AS leaf, count(*) AS items FROM item WHERE task_id = $1 \
             GROUP BY shard, {leaf}) i LEFT JOIN partial_total p ON p.shard = i.shard AND p.task_id = $1 AND p.axis = '{axis}' \
             AND p.leaf_id = i.leaf AND p.measure = 'assigned' WHERE p.total IS NULL OR p.total <> i.items"
        );
        let wrong: Vec<(i64,)> = app.read().all_built(sql, args![task.id]).await.expect("partial totals");
        assert_eq!(wrong, [(0,)], "{axis}");
    }
    assert_eq!(measures::recount(app, task.id).await.expect("recounts"), []);
    let before = measures::board(app, task.id, Axis::Place, task.root_place).await.expect("board").here.clone();
    while measures::fold_once(app).await.expect("folds") > 0 {}
    let after = measures::board(app, task.id, Axis::Place, task.root_place).await.expect("board").here.clone();
    assert_eq!(before, after);
    assert_eq!((after.total("assigned"), after.total("open")), (40, 40));
}

#[tokio::test]
async fn what_a_broken_off_run_has_left_of_totals_is_taken_away() {
    common::each(|house| async move {
        let app = &house.app;
        let scene = Scene::build(app).await;
        let task = scene.task(app, create::first_rule(TaskShape::Listed), Relay::default()).await;
        rows::from_subjects(app, &task, scene.subjects(app).await).await.expect("rows");
        let (id, place, unit) = (task.id, scene.town.places[0].id, scene.town.organizations[1].id);
        app.lanes
            .write::<(), StoreError, _>(0, vec![], move |tx| {
                Box::pin(async move {
                    let node = "INSERT INTO node_total (task_id, axis, node_id, measure, total, tree_version) VALUES ($1, 'place', $2, 'open', 9, 1)";
                    tx.execute(node, args![id, place]).await?;
                    let day = "INSERT INTO day_total (task_id, node_id, measure, day, total) VALUES ($1, $2, 'waits.claim', '/1', 9)";
                    tx.execute(day, args![id, unit]).await?;
                    Ok(())
                })
            })
            .await
            .expect("left");
        dispatch::begin(app, task.id, None, &Default::default()).await.expect("begun");
        run_until_idle(app).await.expect("jobs");
        assert_eq!(measures::recount(app, task.id).await.expect("recounts"), []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_moves_while_a_task_is_dispatched_is_counted_where_it_stands() {
    common::each(|house| async move {
        let app = &house.app;
        let scene = Scene::build(app).await;
        let offices: Vec<Id> = scene.town.organizations.iter().filter(|o| o.level == 4).map(|o| o.id).collect();
        let inside = app.directory().children(offices[0]).next().expect("a unit inside").id;
        let mut moves = 0;
        for _ in 0..4 {
            let task = scene.task(app, create::first_rule(TaskShape::Listed), Relay::default()).await;
            rows::from_subjects(app, &task, scene.subjects(app).await).await.expect("rows");
            dispatch::begin(app, task.id, None, &Default::default()).await.expect("begun");
            let jobs = tokio::spawn({
                let app = app.clone();
                async move { run_until_idle(&app).await }
            });
            while !jobs.is_finished() {
                let (here, version) = {
                    let book = app.directory();
                    let unit = book.organization(inside).expect("there");
                    (unit.parent, unit.version)
                };
                let to = if here == Some(offices[0]) { offices[1] } else { offices[0] };
                let along = measures::follow::organization;
                let by = Default::default();
                directory::change::transfer_organization(app, inside, Some(to), None, version, by, along)
                    .await
                    .expect("moved");
                moves += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            jobs.await.expect("ends").expect("jobs");
            let after = store::task(&mut app.read(), task.id).await.expect("task");
            let jobs: Vec<(String, Option<String>, Option<String>)> =
                app.read().all("SELECT state, message, result FROM job", vec![]).await.expect("jobs");
            assert_eq!(after.state, "running", "{} {jobs:?}", house.engine);
            assert_eq!(measures::recount(app, task.id).await.expect("recounts"), [], "{} after {moves}", house.engine);
        }
        assert!(moves >= 4, "{moves}");
    })
    .await;
}

#[tokio::test]
async fn a_level_that_waits_holds_its_part_until_it_passes_it_on() {
    common::each(|house| async move {
        let app = &house.app;
        let scene = Scene::build(app).await;
        let relay = Relay { waits: vec![3], passes_after: [(3, 2)].into_iter().collect() };
        let task = scene.task(app, create::first_rule(TaskShape::Listed), relay).await;
        rows::from_subjects(app, &task, scene.subjects(app).await).await.expect("rows");
        dispatch::begin(app, task.id, None, &Default::default()).await.expect("begun");
        run_until_idle(app).await.expect("jobs");
        let all = store::assignments(&mut app.read(), task.id).await.expect("assignments");
        let waiting: Vec<_> = all.iter().filter(|one| one.state == "waiting").collect();
        assert_eq!(waiting.len(), 2, "both districts wait");
        assert!(waiting.iter().all(|one| one.level == 3 && one.passes_at.is_some()));
        let held: i64 = waiting.iter().map(|one| one.received).sum();
        let root = all.iter().find(|one| one.organization_id == scene.issuer).expect("issuer");
        assert_eq!(held, root.passed_down);
        assert_eq!(all.len(), 3, "nobody below has been reached yet");
    })
    .await;
}

#[tokio::test]
async fn an_old_dry_run_is_not_sent_and_a_draft_without_rows_sends_nothing() {
    common::each(|house| async move {
        let app = &house.app;
        let scene = Scene::build(app).await;
        let task = scene.task(app, create::first_rule(TaskShape::Listed), Relay::default()).await;
        rows::from_subjects(app, &task, scene.subjects(app).await).await.expect("rows");
        let run = dry_run::dry_run(app, task.id, None).await.expect("dry run");
        let other = Rule { source: sentence(None, to(Level::City, Whom::Organization, 1), None) };
        create::set_rule(app, task.id, None, &Default::default(), other).await.expect("changed");
        let refused = dispatch::begin(app, task.id, Some(run.task_version), &Default::default()).await;
        assert!(matches!(refused, Err(AppError::Conflict("tasks-conflict-dry-run-old"))));
    })
    .await;
}
