//! Rotation of keys under writes, on both databases: everything stays readable, a number is found before,
//! during and after, nobody is claimed twice, and nothing of the old version is left.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use common::NOW;
use form_runtime::{AttributeRef, Class};
use serde_json::{Value, json};
use server::access::{Permission, Principal};
use server::app::App;
use server::args;
use server::entities::search::{Looked, People};
use server::entities::{self, Claimed, PersonRow, Sealed, Source, SourceKind, claim_person};
use server::platform::database::catalogue::TABLES;
use server::platform::database::{Db, Exec, StoreError, migrate};
use server::platform::events::Actor;
use server::platform::files::{self, NewFile};
use server::platform::ids::{Id, new_free_id, new_id};
use server::platform::jobs;
use server::platform::limits::Limits;
use server::platform::secrets::Keys;
use server::rekeying::rotate::{Retired, retire, rotate};
use server::rekeying::{self};
use server::start;

/// A made-up citizen number; the last four are the position.
fn number(n: usize) -> String {
    format!("14020219450101{n:04}")
}

fn row(n: usize) -> PersonRow {
    let values = json!({"name": format!("人{n}"), "id_no": number(n), "mobile": format!("1380000{n:04}"),
        "emergency_phone": format!("1390000{n:04}")});
    let Value::Object(values) = values else { unreachable!() };
    PersonRow { values, community: None, premises: None, made_up: true }
}

async fn import(app: &App, rows: Vec<PersonRow>) -> Vec<Claimed> {
    let source = Source {
        kind: SourceKind::Registry,
        id: None,
        submission: None,
        form_version: None,
        batch: None,
        title: "名单".into(),
    };
    entities::import_persons(app, rows, &source, &Actor::default(), app.now()).await.expect("imported")
}

/// Whoever has a number or phone that ends so.
async fn found(app: &App, tail: &str) -> Vec<Id> {
    let people = People { looked: Some(Looked::Tail(tail.into())), ..People::default() };
    let rows =
        people.rows_all_shards(app, &Principal::job(), &[Permission::PersonRead], None, 10).await.expect("found");
    rows.into_iter().map(|row| row.id).collect()
}

async fn opened(app: &App, person: &Claimed, attribute: &str) -> String {
    let record = entities::find(&mut app.read(), person.shard, person.id).await.expect("read").expect("there");
    let sealed = record.value(attribute).and_then(|value| Sealed::from_value(&value)).expect("sealed");
    sealed.open(&app.keys, &AttributeRef::new(Class::Person, attribute)).expect("opens")
}

async fn execute(app: &App, sql: &'static str, args: Vec<server::platform::database::Arg>) {
    app.lanes
        .write::<u64, StoreError, _>(0, vec![], move |tx| {
            let args = args.clone();
            Box::pin(async move { tx.execute(sql, args).await })
        })
        .await
        .expect("written");
}

/// What no import makes: answers, sheets, a phone of staff, a kept answer, a reason, a file.
async fn the_rest(app: &App) -> Id {
    let seal = |context: &str| app.keys.seal_text(context, "13911112222");
    let (id, now) = (new_id(7, NOW), NOW);
    let answers = json!({"phone": seal("person.mobile"), "free": seal("answer")}).to_string();
    execute(
        app,
        "INSERT INTO submission (shard, form_id, client_id, id, form_version_id, door_kind, door_id, payload_hash, answers, \
         slip_code, submitted_at) VALUES (7, $1, $1, $1, $1, 'item', $1, $2, $3, 'S', $4)",
        args![id, vec![1_u8], answers, now],
    )
    .await;
    let sheet = json!({"id_no": seal("task.sheet")}).to_string();
    for position in 0..3_i64 {
        execute(
            app,
            "INSERT INTO task_row (task_id, position, source_row, label, sheet) VALUES ($1, $2, $2, '', $3)",
            args![id, position, &sheet],
        )
        .await;
    }
    let phone = app.keys.seal_bytes("staff.phone", b"13911112222");
    execute(
        app,
        "INSERT INTO staff (id, person_id, name, pinyin, initials, phone_cipher, phone_mask, state, version) \
         VALUES ($1, $1, '', '', '', $2, '', 'active', 1)",
        args![id, phone],
    )
    .await;
    execute(
        app,
        "INSERT INTO idempotency (key, request_hash, status, body, created_at) VALUES ('k', $1, 200, $2, $3)",
        args![vec![1_u8], seal("idempotency"), now],
    )
    .await;
    execute(
        app,
        "INSERT INTO reveal_reason (shard, id, entity_id, reason, created_at) VALUES (7, $1, $1, $2, $3)",
        args![id, seal("reveal.reason"), now],
    )
    .await;
    let file = NewFile {
        purpose: "upload.task",
        name: "a.csv".into(),
        media_type: "text/csv".into(),
        bytes: b"13911112222".to_vec(),
        owner: None,
        expires_at: None,
    };
    files::put(app, file).await.expect("stored")
}

/// Versions of every token and ciphertext in every column of every table.
async fn versions(app: &App) -> Vec<(String, i64)> {
    let mut out = Vec::new();
    let mut db = app.read();
    let texts = "SELECT cast(column_name as text), cast(data_type as text) FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND table_name = $1";
    for (table, _) in TABLES {
        let columns: Vec<(String, String)> = if app.db.engine() == "sqlite" {
            db.all("SELECT name, lower(type) FROM pragma_table_info($1)", args![*table]).await.expect("columns")
        } else {
            db.all(texts, args![*table]).await.expect("columns")
        };
        for (column, kind) in columns {
            if kind == "text" {
                let sql = format!("SELECT {column} FROM {table} WHERE {column} LIKE '%enc:%'");
                for (text,) in db.all_built::<(String,)>(sql, vec![]).await.expect("texts") {
                    for (at, _) in text.match_indices("enc:") {
                        let first = text.get(at + 4..at + 8).unwrap_or_default();
                        if let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(first) {
                            out.push((format!("{table}.{column}"), i64::from(bytes[0])));
                        }
                    }
                }
            } else if column.ends_with("cipher") {
                let sql = format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL");
                for (bytes,) in db.all_built::<(Vec<u8>,)>(sql, vec![]).await.expect("ciphers") {
                    out.push((format!("{table}.{column}"), i64::from(bytes[0])));
                }
            }
        }
    }
    out
}

async fn with_key_file<F: Future<Output = ()>>(body: impl Fn(App) -> F) {
    common::each_db(|db: Db| {
        let body = &body;
        async move {
            migrate(&db, NOW).await.expect("migrates");
            let folder = tempfile::tempdir().expect("temp");
            let keys = Keys::open(&folder.path().join("keys"), true).expect("keys");
            let clock = server::platform::clock::Clock::fixed(NOW);
            let app = start::assemble_within(db, clock, keys, folder.path(), Limits::generous()).await.expect("opens");
            body(app).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_under_writes_loses_nothing_and_leaves_nothing_of_the_old() {
    with_key_file(|app| async move {
        let people = import(&app, (0..150).map(row).collect()).await;
        let file = the_rest(&app).await;
        let before = versions(&app).await;
        assert!(before.iter().all(|(_, version)| *version == 1));
        let kinds = before.iter().map(|(at, _)| at.clone()).collect::<std::collections::BTreeSet<_>>();
        assert!(kinds.len() == 10, "{kinds:?}");
        assert_eq!(found(&app, "0007").await, [people[7].id]);

        // A second process that has not heard of anything yet, and writers in both, all the while.
        let stop = Arc::new(AtomicBool::new(false));
        let writer = {
            let (app, stop, first) = (app.clone(), stop.clone(), people[7]);
            tokio::spawn(async move {
                let mut n = 2000;
                while !stop.load(Ordering::Relaxed) {
                    // Somebody new, and somebody who is known: never a second person of the same number.
                    let made = import(&app, vec![row(n), row(7)]).await;
                    assert_eq!(made[1].id, first.id, "the same number is the same person");
                    assert!(made[1].existed);
                    n += 1;
                    assert_eq!(found(&app, "0007").await, [first.id], "found during the rotation");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                n
            })
        };
        let (version, job) = rotate(&app, Duration::from_millis(50)).await.expect("rotates");
        assert_eq!(version, 2);
        assert!(matches!(retire(&app, Duration::ZERO).await.expect("asked"), Retired::Needed(_)), "still needed");
        jobs::run_until_idle(&app).await.expect("ran");
        let done = jobs::find(&mut app.read(), job).await.expect("read").expect("there");
        assert_eq!(done.state, "done", "{:?}", done.result);
        let result: Value = serde_json::from_str(&done.result.expect("result")).expect("json");
        assert_eq!(result["unreadable"], 0);
        assert!(result["done"].as_u64().expect("count") >= 758, "{result}");
        stop.store(true, Ordering::Relaxed);
        let last = writer.await.expect("every write and search went well");
        assert!(last > 2001, "it wrote during the rotation");

        let Retired::Versions(gone) = retire(&app, Duration::ZERO).await.expect("retires") else {
            panic!("{:?} is still needed", rekeying::pass(&app, None).await)
        };
        assert_eq!(gone, [1]);
        let after = versions(&app).await;
        assert!(after.len() >= before.len());
        assert_eq!(after.iter().filter(|(_, version)| *version != 2).collect::<Vec<_>>(), Vec::<&(String, i64)>::new());
        assert_eq!(std::fs::read(files_path(&app, file)).expect("file")[0], 2);

        // Everything reads, by the new keys alone.
        for n in [0, 7, 149] {
            assert_eq!(opened(&app, &people[n], "id_no").await, number(n));
            assert_eq!(opened(&app, &people[n], "emergency_phone").await, format!("1390000{n:04}"));
            assert_eq!(found(&app, &format!("{n:04}")).await, [people[n].id]);
            let again = claim_person(&app, Some(&number(n)), new_free_id(NOW)).await.expect("claimed");
            assert_eq!((again.id, again.existed), (people[n].id, true));
        }
        assert_eq!(files::get(&app, file).await.expect("read").1, b"13911112222");
        let claims: (i64,) = app.read().one("SELECT count(*) FROM identity_claim", vec![]).await.expect("counted");
        assert_eq!(claims.0, 150 + (last as i64 - 2000), "one claim a number, none of the old index");
        // A record agrees with its sources: nobody got a dispute out of a rotation.
        let record =
            entities::find(&mut app.read(), people[7].shard, people[7].id).await.expect("read").expect("there");
        let origin: Value = serde_json::from_str(&record.origin).expect("json");
        assert!(origin["id_no"]["contender"].is_null(), "{origin}");
    })
    .await;
}

fn files_path(app: &App, id: Id) -> std::path::PathBuf {
    let name = id.simple().to_string();
    app.data.join("files").join(&name[name.len() - 2..]).join(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_was_interrupted_goes_on_and_other_processes_follow() {
    with_key_file(|app| async move {
        let people = import(&app, (0..100).map(row).collect()).await;
        let other = Keys::open(&app.data.join("keys"), false).expect("keys");
        rotate(&app, Duration::ZERO).await.expect("rotates");
        // The job of a process that ends in the middle: half is done, nothing says so but the rows.
        app.stop();
        let _ = jobs::run_until_idle(&app).await;
        app.stop.send_replace(false);
        execute(&app, "UPDATE job SET state = 'queued', run_at = 0 WHERE kind = 'keys.rekey'", vec![]).await;
        jobs::run_until_idle(&app).await.expect("ran");
        assert_eq!(rekeying::pass(&app, None).await.expect("counted").found, 0);
        assert!(other.refresh().expect("read again"));
        assert_eq!(other.version(), 2);
        assert_eq!(opened(&app, &people[50], "mobile").await, "13800000050");
        // A value that no key opens is said, and keeps the old version where it is.
        execute(&app, "UPDATE staff SET version = version", vec![]).await;
        let broken = format!("enc:{}", base64::engine::general_purpose::STANDARD.encode([1_u8; 60]));
        execute(
            &app,
            "INSERT INTO reveal_reason (shard, id, entity_id, reason, created_at) VALUES (7, $1, $1, $2, 1)",
            args![new_id(7, NOW), broken],
        )
        .await;
        let Retired::Needed(pass) = retire(&app, Duration::ZERO).await.expect("asked") else { panic!("taken out") };
        assert_eq!((pass.found, pass.unreadable), (1, 1));
        assert_eq!(app.keys.versions(), [1, 2]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_of_which_one_has_not_heard_claim_a_number_once() {
    common::each_db(|db: Db| async move {
        migrate(&db, NOW).await.expect("migrates");
        let folder = tempfile::tempdir().expect("temp");
        let file = folder.path().join("keys");
        let keys = Keys::open(&file, true).expect("keys");
        keys.add_next().expect("added");
        let late = Keys::open(&file, false).expect("knows both, writes with the first");
        keys.activate().expect("current");
        let clock = server::platform::clock::Clock::fixed(NOW);
        let new = start::assemble_within(db.clone(), clock.clone(), keys, folder.path(), Limits::generous()).await;
        let old = start::assemble_within(db, clock, late, folder.path(), Limits::generous()).await;
        let (new, old) = (new.expect("opens"), old.expect("opens"));
        assert_eq!((new.keys.version(), old.keys.version()), (2, 1));
        for n in 0..40 {
            let (text, place) = (number(n), new_free_id(NOW));
            let (one, two) =
                tokio::join!(claim_person(&new, Some(&text), place), claim_person(&old, Some(&text), place));
            assert_eq!(one.expect("claimed").id, two.expect("claimed").id, "{n}");
        }
    })
    .await;
}
