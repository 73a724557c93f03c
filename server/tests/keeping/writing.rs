//! A backup while people go on filing visits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use server::access::{self, Permission};
use server::app::App;
use server::args;
use server::demo::DemoAccounts;
use server::forms::store::SUBMISSION;
use server::keeping;
use server::platform::database::Exec;
use server::platform::database::bulk::OnKey;
use server::platform::entity::{ENTITY, entity_row};
use server::platform::events::{Actor, Event};
use server::platform::ids::{Id, new_id};
use server::platform::lane::{Outcome, Put, SubmissionKey, WriteSet};
use server::tasks::acts::By;
use server::tasks::submit::{Posted, submit};
use server::tasks::work_store::{self, Wanted};
use tokio::sync::Mutex;

use super::stage::{ENGINES, Site, city, is_well, number, silent};

/// A visit by somebody of the cast to each of their open items, as a browser would post it.
async fn visits(app: App, accounts: DemoAccounts, login: &'static str, filed: Arc<Mutex<Vec<Id>>>) {
    let token = &accounts.accounts.iter().find(|account| account.login == login).expect("cast").token;
    let principal = access::tokens::principal(&app, token).await.expect("reads").expect("is somebody");
    let actor = Actor { account: principal.account(), post: principal.post(), ..Actor::default() };
    let mine = principal.post().zip(principal.organization());
    let by = By { principal, actor };
    let wanted = Wanted { states: vec!["open"], mine, limit: 200, ..Wanted::default() };
    let items = work_store::list(&mut app.read(), &wanted, &by.principal, Permission::ItemRead).await.expect("items");
    assert!(items.len() > 20, "{login} has {} items", items.len());
    for item in items {
        let answers: Value = json!({ "living_alone": "true", "visited_on": app.clock.today_text(), "needs": ["meals"], "remarks": "备份时" });
        let posted = Posted {
            client_id: new_id(item.shard, app.now()),
            answers: answers.as_object().cloned().unwrap_or_else(Map::new),
            confirm_all: false,
            item_version: None,
            record_version: None,
        };
        let slip = submit(&app, &by, item.id, posted).await.expect("files").expect("is taken");
        filed.lock().await.push(slip.submission_id);
    }
}

/// Submissions of three rows each, as fast as the lane takes them.
async fn flood(app: App, form: Id, stop: Arc<AtomicBool>, count: Arc<AtomicUsize>, filed: Arc<Mutex<Vec<Id>>>) {
    while !stop.load(Ordering::Relaxed) {
        let shard = count.fetch_add(1, Ordering::Relaxed) as i64 % 1024;
        let (now, id, client_id) = (app.now(), new_id(shard, app.now()), new_id(shard, app.now()));
        let row = args![
            shard,
            form,
            client_id,
            id,
            form,
            "item",
            id,
            vec![1_u8],
            "{}",
            format!("S-{id}"),
            now,
            Option::<Id>::None,
            Option::<Id>::None,
            Option::<String>::None
        ];
        let event = Event {
            kind: "test.filed",
            subject_class: "thing",
            subject_id: Some(id),
            actor: Actor::default(),
            at: now,
            payload: json!({}),
        };
        let set = WriteSet {
            shard,
            key: SubmissionKey { form_id: form, client_id, payload_hash: vec![1] },
            expects: vec![],
            puts: vec![
                Put { shape: &SUBMISSION, on_key: OnKey::Fail, row },
                Put { shape: &ENTITY, on_key: OnKey::Fail, row: entity_row(shard, id, "thing", None, now) },
                event.put(shard),
            ],
            signals: vec![],
        };
        assert_eq!(app.lanes.submit(set).await.expect("stored"), Outcome::Stored);
        filed.lock().await.push(id);
    }
}

async fn submissions(app: &App) -> BTreeSet<Id> {
    let rows: Vec<(Id,)> = app.read().all("SELECT id FROM submission", vec![]).await.expect("submissions");
    rows.into_iter().map(|row| row.0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_one_moment() {
    for (from, to) in ENGINES.into_iter().zip(["postgresql", "sqlite"]) {
        let (site, accounts, _) = city(from).await;
        let app = site.open().await;
        let workers = server::jobs::start(&app);
        let filed = Arc::new(Mutex::new(Vec::new()));
        let (stop, count, form) =
            (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), new_id(0, app.now()));
        let mut visitors: Vec<_> = ["sunxiaodong", "zhouhaiyan"]
            .into_iter()
            .map(|login| tokio::spawn(visits(app.clone(), accounts.clone(), login, filed.clone())))
            .collect();
        for _ in 0..8 {
            visitors.push(tokio::spawn(flood(app.clone(), form, stop.clone(), count.clone(), filed.clone())));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let acknowledged: BTreeSet<Id> = filed.lock().await.iter().copied().collect();
        let clock = app.clock.clone();
        let file = site.beside("busy.hutong");
        let kept =
            keeping::backup(&site.place, &file, true, Arc::new(move || clock.now()), silent()).await.expect("kept");
        let during = filed.lock().await.len();
        stop.store(true, Ordering::Relaxed);
        for visitor in visitors {
            visitor.await.expect("filed");
        }
        app.stop();
        workers.ended().await;
        let after = submissions(&app).await;
        app.db.close().await;
        println!("{from}: {} before, {during} at its end, {} in all", acknowledged.len(), after.len());
        assert!(!acknowledged.is_empty() && during > acknowledged.len() + 5, "{from}: nobody wrote meanwhile");

        let other = Site::on(to).await;
        other.restore(&file, None).await.expect("restored");
        let copy = other.open().await;
        is_well(&copy).await;
        let there = submissions(&copy).await;
        assert!(acknowledged.is_subset(&there), "what was acknowledged before the backup began is in it");
        assert!(there.is_subset(&after) && there.len() < after.len(), "and nothing that never was");
        let taken = kept.head.taken_at;
        assert_eq!(number(&copy.db, "SELECT count(*) FROM submission WHERE submitted_at > $1", args![taken]).await, 0);
        // Whatever is there is whole: its rows in every table, the item done by it, its event.
        let filler = "SELECT count(*) FROM submission WHERE form_id = $1";
        let entity =
            "SELECT count(*) FROM submission s JOIN entity e ON e.shard = s.shard AND e.id = s.id WHERE s.form_id = $1";
        let event = "SELECT count(*) FROM submission s JOIN event e ON e.shard = s.shard AND e.subject_id = s.id AND e.kind = 'test.filed' WHERE s.form_id = $1";
        let all = number(&copy.db, filler, args![form]).await;
        assert!(all > 0);
        assert_eq!(number(&copy.db, entity, args![form]).await, all);
        assert_eq!(number(&copy.db, event, args![form]).await, all);
        let events = number(&copy.db, "SELECT count(*) FROM event WHERE kind = 'test.filed'", vec![]).await;
        assert_eq!(events, all, "no event without its submission");
        let visits = "SELECT count(*) FROM submission WHERE door_kind = 'item' AND form_id <> $1";
        let done = "SELECT count(*) FROM item WHERE state = 'done' AND submission_id IS NOT NULL";
        let told = "SELECT count(*) FROM event WHERE kind = 'item.submitted'";
        let visited = number(&copy.db, visits, args![form]).await;
        assert_eq!(number(&copy.db, done, vec![]).await, visited);
        assert_eq!(number(&copy.db, told, vec![]).await, visited);
        copy.db.close().await;
    }
}
