//! Applications: the finished ones play and install on both databases, an upgrade shows its difference,
//! and a hostile folder stores nothing.

mod common;
#[path = "common/town.rs"]
#[allow(dead_code)] // each test file uses its part
mod town;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use server::app::App;
use server::applications::{self, Installed, install, retire, store};
use server::args;
use server::error::AppError;
use server::forms;
use server::ledgers;
use server::platform::database::Exec;
use server::platform::events::Actor;
use server::tasks::templates;
use town::Town;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// Every finished application.
fn finished() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(examples())
        .expect("examples")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("app.json").is_file())
        .collect();
    found.sort();
    assert!(found.iter().any(|path| path.ends_with("elder-visit")));
    found
}

/// A copy of the visit that a test may spoil.
fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    for entry in walk(&examples().join("elder-visit")) {
        let below = entry.strip_prefix(examples().join("elder-visit")).expect("below").to_owned();
        let to = folder.path().join(below);
        fs::create_dir_all(to.parent().expect("parent")).expect("folder");
        fs::copy(&entry, &to).expect("copied");
    }
    folder
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).expect("reads").flatten() {
        if entry.path().is_dir() { all.extend(walk(&entry.path())) } else { all.push(entry.path()) }
    }
    all
}

fn change(dir: &Path, file: &str, change: impl FnOnce(&mut Value)) {
    let path = dir.join(file);
    let mut value: Value = serde_json::from_str(&fs::read_to_string(&path).expect("reads")).expect("JSON");
    change(&mut value);
    fs::write(path, value.to_string()).expect("written");
}

async fn count(app: &App, sql: &'static str) -> i64 {
    app.read().one::<(i64,)>(sql, vec![]).await.expect("counts").0
}

async fn rows(app: &App) -> [i64; 9] {
    [
        count(app, "SELECT count(*) FROM application").await,
        count(app, "SELECT count(*) FROM application_object").await,
        count(app, "SELECT count(*) FROM form").await,
        count(app, "SELECT count(*) FROM form_version").await,
        count(app, "SELECT count(*) FROM ledger").await,
        count(app, "SELECT count(*) FROM rule").await,
        count(app, "SELECT count(*) FROM channel").await,
        count(app, "SELECT count(*) FROM task_template").await,
        count(app, "SELECT count(*) FROM event").await,
    ]
}

async fn installed(app: &App, dir: &Path) -> Installed {
    install(app, dir, &Actor::default()).await.expect("installs")
}

#[test]
fn every_finished_application_plays() {
    for dir in finished() {
        let faults = applications::check(&dir);
        assert!(faults.is_empty(), "{}: {faults:#?}", dir.display());
    }
}

#[tokio::test]
async fn every_finished_application_installs_and_again_changes_nothing() {
    common::each(|house| async move {
        let app = &house.app;
        Town::build(app).await;
        for dir in finished() {
            let first = installed(app, &dir).await;
            assert!(!first.made.is_empty() && first.changed.is_empty() && first.before.is_none(), "{first:?}");
            let before = rows(app).await;
            let again = installed(app, &dir).await;
            assert!(again.is_unchanged(), "{again:?}");
            assert_eq!(again.unchanged.len(), first.made.len());
            assert_eq!(rows(app).await, before);
        }
        // What the visit became.
        let templates = templates::list(&mut app.read()).await.expect("templates");
        let visit = templates.iter().find(|one| one.template.key == "elder-visit/visit").expect("template");
        let form = forms::published(app, visit.form_version_id).await.expect("form");
        assert_eq!((form.number, form.class.as_str()), (1, "person"));
        let declared: Vec<&str> = visit.template.measures.declared.iter().map(|measure| measure.key.as_str()).collect();
        assert_eq!(declared, ["visited", "living_alone", "needs_help"]);
        assert!(visit.template.rule.is_some() && visit.template.measures.rule.is_some());
        assert_eq!(visit.template.title["en"], "Visits to elders living alone");
        let ledger = visit.template.ledger.expect("ledger");
        let ledger = ledgers::find(&mut app.read(), ledger).await.expect("reads").expect("is there");
        assert_eq!((ledger.state.as_str(), ledger.app_key.as_deref()), ("open", Some("elder-visit/living-alone")));
        let (state, scope): (String, i64) = app
            .read()
            .one(
                "SELECT c.state, (SELECT count(*) FROM channel_scope s WHERE s.channel_id = c.id) FROM channel c",
                vec![],
            )
            .await
            .expect("channel");
        assert_eq!((state.as_str(), scope), ("draft", 0));
    })
    .await;
}

#[tokio::test]
async fn an_upgrade_makes_new_versions_and_retiring_keeps_everything() {
    common::each(|house| async move {
        let app = &house.app;
        Town::build(app).await;
        let folder = copy();
        let dir = folder.path();
        installed(app, dir).await;
        let old = templates::list(&mut app.read()).await.expect("templates").remove(0);
        change(dir, "app.json", |head| head["version"] = json!("1.1.0"));
        change(dir, "forms/visit.json", |form| form["settings"]["minutes"] = json!(8));
        change(dir, "forms/registration.json", |form| form["settings"]["minutes"] = json!(4));
        fs::remove_file(dir.join("boards/visit.json")).expect("removed");
        let upgraded = installed(app, dir).await;
        assert_eq!(upgraded.before.as_deref(), Some("1.0.0"));
        assert_eq!(
            (upgraded.changed, upgraded.retired),
            (vec!["forms/registration".to_owned(), "forms/visit".to_owned()], vec!["boards/visit".to_owned()])
        );
        let new = templates::list(&mut app.read()).await.expect("templates").remove(0);
        assert_eq!(new.template.form_id, old.template.form_id);
        assert_ne!(new.form_version_id, old.form_version_id);
        assert_eq!(forms::published(app, old.form_version_id).await.expect("stays").number, 1);
        assert_eq!(forms::published(app, new.form_version_id).await.expect("new").number, 2);
        // The draft channel follows; an open one stays as it is.
        let version = || async {
            app.read()
                .one::<(server::platform::ids::Id,)>("SELECT form_version_id FROM channel", vec![])
                .await
                .expect("channel")
                .0
        };
        let registration = version().await;
        let followed = forms::published(app, registration).await.expect("registration");
        assert_eq!((followed.number, followed.title["en"].as_str()), (2, "Registration of elders living alone"));
        app.lanes
            .write(0, vec![], |tx| {
                Box::pin(async move { tx.execute("UPDATE channel SET state = 'open'", vec![]).await })
            })
            .await
            .map(|_: u64| ())
            .expect("opened");
        change(dir, "channels/register.json", |channel| channel["working_days"] = json!(5));
        let third = installed(app, dir).await;
        assert_eq!((third.kept, third.changed), (vec!["channels/register".to_owned()], vec![]));
        let days: (Option<i64>,) = app.read().one("SELECT working_days FROM channel", vec![]).await.expect("days");
        assert_eq!(days.0, Some(3));
        // Retired: nothing offered, nothing gone; installing again brings it back with the same versions.
        let before = rows(app).await;
        retire(app, "elder-visit", &Actor::default()).await.expect("retired");
        assert!(templates::list(&mut app.read()).await.expect("templates").is_empty());
        assert!(forms::choices(app).await.expect("choices").is_empty());
        let after = rows(app).await;
        assert_eq!(after[..8], before[..8]);
        installed(app, dir).await;
        let offered = forms::choices(app).await.expect("choices").into_iter().map(|(version, ..)| version);
        assert_eq!(offered.collect::<BTreeSet<_>>(), BTreeSet::from([new.form_version_id, registration]));
        let states: Vec<(String,)> = app
            .read()
            .all("SELECT state FROM channel WHERE app_key = $1", args!["elder-visit/register"])
            .await
            .expect("channel");
        assert_eq!(states[0].0, "draft");
        assert!(matches!(retire(app, "nothing", &Actor::default()).await, Err(AppError::NotFound)));
        let kept = store::find(&mut app.read(), "elder-visit").await.expect("reads").expect("is there");
        assert_eq!((kept.state.as_str(), kept.version.as_str()), ("installed", "1.1.0"));
    })
    .await;
}

type Spoil = fn(&Path);

/// What somebody careless or hostile may put in a folder, and where the fault must point.
const HOSTILE: &[(&str, Spoil, &str)] = &[
    (
        "missing form",
        |dir| change(dir, "tasks/visit.json", |t| t["form"] = json!("elder-visit/nothing")),
        "tasks/visit.json /form",
    ),
    (
        "foreign reference",
        |dir| change(dir, "tasks/visit.json", |t| t["rule"] = json!("other/rule")),
        "tasks/visit.json /rule",
    ),
    (
        "path as reference",
        |dir| change(dir, "channels/register.json", |c| c["form"] = json!("../../secret")),
        "channels/register.json 1:",
    ),
    (
        "missing text",
        |dir| change(dir, "ledgers/living-alone.json", |l| l["title"] = json!("@nothing")),
        "ledgers/living-alone.json /title",
    ),
    (
        "text in one language",
        |dir| {
            change(dir, "texts/en.json", |t| {
                t.as_object_mut().expect("map").remove("task");
            })
        },
        "texts/en.json /task",
    ),
    (
        "bad JSON",
        |dir| fs::write(dir.join("forms/visit.json"), "{\n  \"id\": \"visit\",,\n}").expect("written"),
        "forms/visit.json",
    ),
    ("unknown member", |dir| change(dir, "app.json", |a| a["sql"] = json!("drop table task")), "app.json 1:"),
    (
        "depth 1,000",
        |dir| {
            fs::write(dir.join("forms/visit.json"), format!("{}{}", "[".repeat(1000), "]".repeat(1000)))
                .expect("written")
        },
        "forms/visit.json",
    ),
    (
        "50 MB",
        |dir| fs::File::create(dir.join("forms/visit.json")).expect("made").set_len(50 << 20).expect("grown"),
        "forms/visit.json",
    ),
    (
        "remote $ref",
        |dir| change(dir, "forms/visit.json", |f| f["fields"][0]["$ref"] = json!("https://example.com/x")),
        "forms/visit.json /fields/0/$ref",
    ),
    (
        "evil regex",
        |dir| {
            change(dir, "forms/visit.json", |f| {
                f["fields"][7]["control"] = json!("text");
                f["fields"][7]["pattern"] = json!("(a{1000}){1000}{1000}");
            })
        },
        "forms/visit.json /fields/7/pattern",
    ),
    (
        "unknown attribute",
        |dir| change(dir, "ledgers/living-alone.json", |l| l["columns"][0] = json!("nothing")),
        "ledgers/living-alone.json /columns/0",
    ),
    (
        "looping rule",
        |dir| {
            change(
                dir,
                "rules/grid-worker.json",
                |r| r["source"] = json!({"form": "expert", "rhai": "fn dispatch(item, subject, chain, candidates, load) {\n  loop { }\n}"}),
            )
        },
        "cases/grid-worker.json /cases/0 2:",
    ),
    (
        "rule that does not compile",
        |dir| {
            change(
                dir,
                "rules/grid-worker.json",
                |r| r["source"] = json!({"form": "expert", "rhai": "fn dispatch(item, subject, chain, candidates, load) {\n  let = 1;\n}"}),
            )
        },
        "rules/grid-worker.json /source 2:",
    ),
    (
        "rule without cases",
        |dir| fs::remove_file(dir.join("cases/grid-worker.json")).expect("removed"),
        "rules/grid-worker.json",
    ),
    (
        "failing rule case",
        |dir| change(dir, "cases/grid-worker.json", |c| c["cases"][1]["expect"]["id"] = json!("a")),
        "cases/grid-worker.json /cases/1",
    ),
    (
        "failing form case",
        |dir| change(dir, "cases/visit.json", |c| c["cases"][0]["answers"]["id_no"] = json!("1")),
        "cases/visit.json /cases/0/errors",
    ),
    (
        "failing measure case",
        |dir| change(dir, "cases/counting.json", |c| c["cases"][0]["expect"]["amounts"]["visited"] = json!(2)),
        "cases/counting.json /cases/0",
    ),
    (
        "measure nobody declared",
        |dir| {
            change(dir, "tasks/visit.json", |t| {
                t["measures"]["declared"].as_array_mut().expect("list").pop();
            })
        },
        "tasks/visit.json /measures",
    ),
    (
        "built-in measure",
        |dir| change(dir, "tasks/visit.json", |t| t["measures"]["declared"][0]["key"] = json!("done")),
        "tasks/visit.json /measures/declared",
    ),
    (
        "board of another measure",
        |dir| change(dir, "boards/visit.json", |b| b["measures"][0] = json!("gold")),
        "boards/visit.json /measures/0",
    ),
    ("stray file", |dir| fs::write(dir.join("run.sh"), "rm -rf /").expect("written"), "run.sh"),
    ("stray folder", |dir| fs::create_dir(dir.join("scripts")).expect("made"), "scripts"),
    (
        "name that leads elsewhere",
        |dir| {
            fs::write(dir.join("forms/..visit.json"), "{}")
                .and_then(|()| fs::write(dir.join("forms/A b.json"), "{}"))
                .expect("written")
        },
        "forms/A b.json",
    ),
    (
        "link to a file",
        |dir| {
            fs::remove_file(dir.join("forms/visit.json")).expect("removed");
            std::os::unix::fs::symlink("/etc/passwd", dir.join("forms/visit.json")).expect("linked");
        },
        "forms/visit.json",
    ),
    ("link to a folder", |dir| std::os::unix::fs::symlink("/", dir.join("notes")).expect("linked"), "notes"),
    (
        "binary sample",
        |dir| fs::write(dir.join("sample/visit.xlsx"), [0_u8; 4096]).expect("written"),
        "sample/visit.xlsx",
    ),
    ("no head", |dir| fs::remove_file(dir.join("app.json")).expect("removed"), "app.json"),
];

#[tokio::test]
async fn a_hostile_folder_is_told_where_and_stores_nothing() {
    common::each(|house| async move {
        let app = &house.app;
        Town::build(app).await;
        let before = rows(app).await;
        for (what, spoil, place) in HOSTILE {
            let folder = copy();
            spoil(folder.path());
            let faults = applications::check(folder.path());
            assert!(
                faults.iter().any(|fault| fault.place().starts_with(place)),
                "{what}: {place} is not among {faults:#?}"
            );
            assert!(faults.iter().all(|fault| !fault.zh.is_empty() && !fault.en.is_empty()), "{what}");
            assert!(
                !faults.iter().any(|fault| fault.zh.contains("root:") || fault.en.contains("root:")),
                "{what} leaks"
            );
            match install(app, folder.path(), &Actor::default()).await {
                Err(AppError::Invalid(told)) => assert_eq!(told.len(), faults.len(), "{what}"),
                other => panic!("{what}: {other:?}"),
            }
            assert_eq!(rows(app).await, before, "{what}");
        }
        let nowhere = applications::check(Path::new("/nowhere/at/all"));
        assert_eq!(nowhere.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_application_that_needs_another_says_so() {
    common::each(|house| async move {
        let app = &house.app;
        Town::build(app).await;
        let folder = copy();
        let dir = folder.path();
        change(dir, "app.json", |head| {
            head["id"] = json!("second");
            head["needs"] = json!({ "applications": ["elder-visit"] });
        });
        // Everything of its own is gone but a template on the other's form, rules and ledger.
        for kind in ["forms", "rules", "ledgers", "channels", "boards", "cases", "sample"] {
            fs::remove_dir_all(dir.join(kind)).expect("removed");
        }
        assert!(applications::check(dir).is_empty(), "{:?}", applications::check(dir));
        let refused = install(app, dir, &Actor::default()).await;
        assert!(matches!(refused, Err(AppError::Invalid(faults)) if faults[0].at.contains("/needs/applications")));
        let nothing = rows(app).await;
        assert_eq!((nothing[0], nothing[1], nothing[7]), (0, 0, 0));
        installed(app, &examples().join("elder-visit")).await;
        installed(app, dir).await;
        let templates = templates::list(&mut app.read()).await.expect("templates");
        assert_eq!(templates.len(), 2);
        assert_eq!(templates[0].form_version_id, templates[1].form_version_id);
        assert_eq!(templates[0].template.rule, templates[1].template.rule);
    })
    .await;
}
