//! Entities and ledgers on both databases: conflicts, identity, secrets, the outbox, review, scope.

mod common;
#[path = "common/dump.rs"]
mod dump;

use std::collections::BTreeSet;

use common::{House, NOW, each};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use server::access::{Grant, Permission, Principal, Scope, Viewer, Who};
use server::app::App;
use server::entities::search::{Looked, People, Sort, Test};
use server::entities::{
    self, Observation, PersonRecord, PersonRow, RECORD_PERSON, Said, Sealed, Source, SourceKind, Subject, Wanted,
};
use server::forms::store::SUBMISSION;
use server::geography::{Geography, Place};
use server::ledgers::{self, Filter};
use server::platform::clock::DAY;
use server::platform::database::bulk::OnKey;
use server::platform::database::{Arg, Exec};
use server::platform::events::Actor;
use server::platform::ids::{Id, new_id};
use server::platform::lane::{Outcome, Put, SubmissionKey, WriteSet};
use server::platform::sheets::Output;
use server::{args, platform};

/// A city with two communities on shards of their own.
struct City {
    house: House,
    root: Id,
    east: Id,
    west: Id,
}

impl City {
    fn app(&self) -> &App {
        &self.house.app
    }
}

async fn city(house: House) -> City {
    let ids: Vec<Id> = (0..3).map(|n| new_id(n, NOW)).collect();
    let place = |id: Id, parent: Option<Id>, level: i64, name: &str, shard: i64| Place {
        id,
        parent,
        level,
        kind: "community".into(),
        name: name.into(),
        official_name: name.into(),
        full_name: name.into(),
        pinyin: String::new(),
        initials: String::new(),
        code: None,
        in_list: true,
        shard,
        sort: 0,
        valid_from: "2000-01-01".into(),
        valid_to: None,
        version: 1,
    };
    let places = vec![
        place(ids[0], None, 2, "大同市", 3),
        place(ids[1], Some(ids[0]), 5, "东街社区", 10),
        place(ids[2], Some(ids[0]), 5, "西街社区", 501),
    ];
    let ancestors = [(0, 0), (0, 1), (0, 2), (1, 1), (2, 2)].map(|(above, below)| (ids[above], ids[below]));
    house
        .app
        .lanes
        .write(0, vec![], move |tx| {
            Box::pin(async move {
                for (above, below) in ancestors {
                    tx.execute(
                        "INSERT INTO place_ancestor (ancestor_id, place_id, depth) VALUES ($1, $2, 0)",
                        args![above, below],
                    )
                    .await?;
                }
                Ok::<(), server::platform::database::StoreError>(())
            })
        })
        .await
        .expect("places");
    house.app.geography.store(Geography::new(&places).into());
    City { house, root: ids[0], east: ids[1], west: ids[2] }
}

fn viewer(scope: Scope, permissions: &[Permission]) -> Viewer {
    let grants: BTreeSet<Grant> =
        permissions.iter().map(|&permission| Grant { permission, scope: scope.clone() }).collect();
    let id = new_id(0, NOW);
    let mut viewer = Viewer::anonymous(web::Lang::ZhCn, "request".into(), "/".into());
    viewer.principal = Principal { who: Who::Staff { account: id, staff: id, post: id, organization: id }, grants };
    viewer
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

fn source(kind: SourceKind, title: &str) -> Source {
    Source { kind, id: None, submission: None, form_version: None, batch: None, title: title.into() }
}

fn row(community: Id, values: Value) -> PersonRow {
    PersonRow { values: map(values), community: Some(community), ..PersonRow::default() }
}

async fn import(app: &App, rows: Vec<PersonRow>) -> Vec<entities::Imported> {
    entities::import_persons(app, rows, &source(SourceKind::Sheet, "花名册.xlsx"), &Actor::default(), NOW - DAY)
        .await
        .expect("imports")
}

async fn record(app: &App, person: entities::Claimed) -> PersonRecord {
    entities::find(&mut app.read(), person.shard, person.id).await.expect("reads").expect("there")
}

fn said(subject: Subject, kind: SourceKind, values: Value, at: i64) -> Said {
    Said {
        id: None,
        subject,
        said: map(values),
        confirmed: vec![],
        shown: vec![],
        source: source(kind, "独居老人走访"),
        observed_at: at,
        actor: Actor::default(),
    }
}

fn set(shard: i64, applied: &entities::Applied) -> WriteSet {
    let (form, client, id) = (new_id(1, NOW), new_id(1, NOW), new_id(shard, NOW));
    let none = Option::<Id>::None;
    let row = args![
        shard,
        form,
        client,
        id,
        form,
        "item",
        id,
        vec![1_u8],
        "{}",
        format!("S-{id}"),
        NOW,
        none,
        none,
        Option::<&str>::None
    ];
    let submission = Put { shape: &SUBMISSION, on_key: OnKey::Fail, row };
    WriteSet {
        shard,
        key: SubmissionKey { form_id: form, client_id: client, payload_hash: vec![1] },
        expects: applied.expects.clone(),
        puts: applied.puts.iter().cloned().chain([submission]).collect(),
        signals: vec![],
    }
}

const NUMBER: &str = "140202194501011234";
const MOBILE: &str = "13812345678";

#[tokio::test(flavor = "multi_thread")]
async fn rows_with_one_number_are_one_person_and_rows_without_stay_apart() {
    each(|house| async move {
        let city = city(house).await;
        let app = city.app();
        let people = import(
            app,
            vec![
                row(city.east, json!({"name": "欧阳秀兰", "id_no": NUMBER, "mobile": MOBILE})),
                row(city.west, json!({"name": "欧阳秀兰", "id_no": "１40202 19450101 1234", "live_alone": true})),
                row(city.east, json!({"name": "李四"})),
                row(city.east, json!({"name": "李四"})),
            ],
        )
        .await;
        assert_eq!(people[0].id, people[1].id);
        assert_ne!(people[2].id, people[3].id, "provisional persons are never merged");
        assert_eq!(people[0].shard, 10, "a person takes the shard of the community");
        let one = record(app, people[0]).await;
        assert_eq!(
            (one.name.as_str(), one.pinyin.as_str(), one.initials.as_str()),
            ("欧阳秀兰", "ouyangxiulan", "oyxl")
        );
        assert_eq!((one.sex.as_deref(), one.birth_date.as_deref()), (Some("1"), Some("1945-01-01")));
        assert_eq!(one.living_alone, Some(true));
        assert_eq!(one.id_no_mask.as_deref(), Some("140202********1234"));
        let again = entities::claim_person(app, Some(NUMBER), city.west).await.expect("claims");
        assert_eq!((again.id, again.shard, again.existed), (people[0].id, 10, true));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stands_higher_holds_then_who_spoke_last() {
    each(|house| async move {
        let city = city(house).await;
        let app = city.app();
        let person = import(app, vec![row(city.east, json!({"name": "张三", "mobile": MOBILE}))]).await[0];
        // (source, value, observed at, what holds afterwards, whether a contender is shown)
        let cases = [
            (SourceKind::Worker, "13800000001", NOW, "138****0001", false),
            (SourceKind::Sheet, "13800000002", NOW + DAY, "138****0001", true),
            (SourceKind::Resident, "13800000003", NOW + 2 * DAY, "138****0003", false),
            (SourceKind::Worker, "13800000004", NOW + DAY, "138****0003", false),
            (SourceKind::Worker, "13800000005", NOW + 3 * DAY, "138****0005", false),
            (SourceKind::Certified, "13800000006", NOW, "138****0006", true),
        ];
        for (kind, value, at, holds, disputed) in cases {
            let before = record(app, person).await;
            let said = said(person.subject(), kind, json!({"mobile": value}), at);
            let applied = entities::apply(app, Some(&before), &said).expect("applies");
            assert_eq!(app.lanes.submit(set(person.shard, &applied)).await.expect("stored"), Outcome::Stored);
            let after = record(app, person).await;
            assert_eq!(after.version, before.version + 1);
            assert_eq!(after.mobile_mask.as_deref(), Some(holds), "{kind:?} {value}");
            let origin = &after.facts().expect("facts")["mobile"].1;
            assert_eq!(origin.contender.is_some(), disputed, "{kind:?} {value}");
        }
        // A record that moved meanwhile refuses the write.
        let mut old = record(app, person).await;
        old.version = 1;
        let late = said(person.subject(), SourceKind::Worker, json!({"name": "张五"}), NOW);
        let applied = entities::apply(app, Some(&old), &late).expect("applies");
        assert_eq!(app.lanes.submit(set(person.shard, &applied)).await.expect("answered"), Outcome::Stale);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn confirming_refreshes_and_emptying_empties() {
    each(|house| async move {
        let city = city(house).await;
        let app = city.app();
        let person =
            import(app, vec![row(city.east, json!({"name": "张三", "mobile": MOBILE, "live_alone": true}))]).await[0];
        let before = record(app, person).await;
        let mut visit = said(person.subject(), SourceKind::Worker, json!({"live_alone": null}), NOW + DAY);
        visit.confirmed = vec!["mobile".into(), "name".into(), "never_known".into()];
        let applied = entities::apply(app, Some(&before), &visit).expect("applies");
        app.lanes.submit(set(person.shard, &applied)).await.expect("stored");
        let after = record(app, person).await;
        assert_eq!(after.mobile_mask, before.mobile_mask);
        assert_eq!(after.mobile_index, before.mobile_index);
        assert_eq!(after.living_alone, None);
        let facts = after.facts().expect("facts");
        assert_eq!(facts["mobile"].1.seen, NOW + DAY);
        assert_eq!(&*facts["mobile"].1.title, "独居老人走访");
        assert!(!facts.contains_key("live_alone"));
        let known = entities::known(app, &after, true).expect("known");
        assert_eq!(known["mobile"].mask.as_deref(), Some("138****5678"));
        assert!(known["mobile"].value.is_none());
        assert!(!entities::known(app, &after, false).expect("known").contains_key("mobile"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_never_travels_back() {
    each(|house| async move {
        let city = city(house).await;
        let app = city.app();
        let person =
            import(app, vec![row(city.east, json!({"name": "张三", "id_no": NUMBER, "mobile": MOBILE}))]).await[0];
        let before = record(app, person).await;
        let echoed = json!({"mobile": "138****5678", "id_no": "140202********1234"});
        let applied = entities::apply(app, Some(&before), &said(person.subject(), SourceKind::Worker, echoed, NOW))
            .expect("applies");
        let after = applied.record.expect("a record");
        assert_eq!(after.mobile_cipher, before.mobile_cipher);
        assert_eq!(after.id_no_cipher, before.id_no_cipher);
        assert_eq!(after.origin, before.origin);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observation_for_another_shard_arrives_once() {
    each(|house| async move {
        let city = city(house).await;
        let app = city.app();
        let person = import(app, vec![row(city.west, json!({"name": "张三", "id_no": NUMBER}))]).await[0];
        assert_eq!(person.shard, 501);
        let visit = said(person.subject(), SourceKind::Worker, json!({"mobile": MOBILE}), NOW);
        let applied = entities::apply_from(app, 10, None, &visit).expect("applies");
        assert!(applied.expects.is_empty(), "another shard's version is not this door's to watch");
        app.lanes.submit(set(10, &applied)).await.expect("stored");
        assert_eq!(record(app, person).await.mobile_mask, None, "not yet there");
        let waiting: Vec<(i64, Id, i64, String, String, i64)> = app
            .read()
            .all("SELECT shard, id, target_shard, kind, payload, created_at FROM outbox", vec![])
            .await
            .expect("reads");
        assert_eq!(waiting.len(), 1);
        assert!(!waiting[0].4.contains(MOBILE));
        assert_eq!(entities::outbox::drain_all_shards(app).await.expect("drains"), 1);
        let once = record(app, person).await;
        assert_eq!(once.mobile_mask.as_deref(), Some("138****5678"));
        assert_eq!(entities::outbox::drain_all_shards(app).await.expect("drains"), 0);
        // A drain that died after taking in and before deleting: the row is back, nothing happens twice.
        let (shard, id, target, kind, payload, at) = waiting[0].clone();
        app.lanes
            .write(10, vec![], move |tx| {
                let row = args![shard, id, target, kind.clone(), payload.clone(), at];
                Box::pin(async move {
                    entities::outbox::OUTBOX.write(tx, vec![row], platform::database::bulk::OnKey::Fail).await
                })
            })
            .await
            .expect("back again");
        assert_eq!(entities::outbox::drain_all_shards(app).await.expect("drains"), 1);
        assert_eq!(record(app, person).await, once);
        assert_eq!(count(app, "SELECT count(*) FROM outbox").await, 0);
        // A drain that dies before its commit leaves everything as it was.
        let visit = said(person.subject(), SourceKind::Worker, json!({"live_alone": true}), NOW);
        let applied = entities::apply_from(app, 10, None, &visit).expect("applies");
        app.lanes.submit(set(10, &applied)).await.expect("stored");
        let payload: (String,) = app.read().one("SELECT payload FROM outbox", vec![]).await.expect("waits");
        let observation: Observation = serde_json::from_str(&payload.0).expect("reads");
        let keys = app.keys.clone();
        let died = app
            .lanes
            .write(501, vec![], move |tx| {
                let (observation, keys) = (observation.clone(), keys.clone());
                Box::pin(async move {
                    assert!(entities::outbox::take_in(&keys, tx, &observation).await?);
                    Err::<(), _>(platform::database::StoreError::NotFound)
                })
            })
            .await;
        assert!(died.is_err());
        assert_eq!(record(app, person).await, once);
        assert_eq!(entities::outbox::drain_all_shards(app).await.expect("drains"), 1);
        assert_eq!(record(app, person).await.living_alone, Some(true));
    })
    .await;
}

async fn count(app: &App, sql: &'static str) -> i64 {
    app.read().one::<(i64,)>(sql, vec![]).await.expect("counts").0
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unverified_answer_waits_for_its_worker() {
    each(|house| async move {
        let city = city(house).await;
        let app = city.app();
        let person =
            import(app, vec![row(city.west, json!({"name": "张三", "id_no": NUMBER, "mobile": MOBILE}))]).await[0];
        let before = record(app, person).await;
        let answer = json!({"name": "张三丰", "mobile": "13900000001", "live_alone": true});
        let told = said(person.subject(), SourceKind::Unverified, answer, NOW);
        // Through a door in another community: by the outbox.
        let applied = entities::pending_from(app, 10, &told).expect("applies");
        app.lanes.submit(set(10, &applied)).await.expect("stored");
        let waiting = entities::pending(app, applied.observation).await.expect("reads").expect("waits");
        assert_eq!(waiting.entity_id, person.id);
        assert_eq!(record(app, person).await, before);
        let review = |refused: &[&str]| entities::Review {
            refused: refused.iter().map(|key| (*key).to_owned()).collect(),
            actor: Actor::default(),
        };
        assert!(entities::accept(app, applied.observation, review(&["religion"])).await.is_err());
        entities::accept(app, applied.observation, review(&["name"])).await.expect("accepts");
        let after = record(app, person).await;
        assert_eq!((after.name.as_str(), after.mobile_mask.as_deref()), ("张三", Some("139****0001")));
        assert_eq!(after.living_alone, Some(true));
        entities::accept(app, applied.observation, review(&["name"])).await.expect("again changes nothing");
        assert_eq!(record(app, person).await, after);
        assert!(entities::reject(app, applied.observation, Actor::default()).await.is_err());
        // Rejected: kept, never current.
        let other = entities::pending_from(app, 501, &told).expect("applies");
        app.lanes.submit(set(501, &other)).await.expect("stored");
        entities::reject(app, other.observation, Actor::default()).await.expect("rejects");
        assert_eq!(record(app, person).await, after);
        assert_eq!(count(app, "SELECT count(*) FROM observation WHERE state = 'rejected'").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_column_of_any_table_holds_a_number_in_clear() {
    each(|house| async move {
        let city = city(house).await;
        let app = city.app();
        let person =
            import(app, vec![row(city.east, json!({"name": "张三", "id_no": NUMBER, "mobile": MOBILE}))]).await[0];
        let phone = json!({"mobile": "13900000001", "emergency_phone": "13900000002"});
        for (from, kind) in [(10, SourceKind::Worker), (501, SourceKind::Unverified)] {
            let told = said(person.subject(), kind, phone.clone(), NOW);
            let before = record(app, person).await;
            let applied = if kind == SourceKind::Unverified {
                entities::pending_from(app, from, &told)
            } else {
                entities::apply_from(app, from, Some(&before), &told)
            }
            .expect("applies");
            app.lanes.submit(set(from, &applied)).await.expect("stored");
        }
        let worker = viewer(
            Scope::Place(city.east),
            &[Permission::PersonRead, Permission::PersonReveal, Permission::PersonExport],
        );
        let clear = entities::reveal::reveal(app, &worker, person.id, "mobile", "核对走访时间").await.expect("reveals");
        assert_eq!(clear, "13900000001");
        let ledger = ledgers::find(&mut app.read(), ledgers::everybody()).await.expect("reads").expect("there");
        ledgers::export(app, &worker, &ledger, &Filter::default(), Output::Csv).await.expect("exports");
        let clear = [NUMBER, MOBILE, "13900000001", "13900000002", "核对走访时间"].map(str::to_owned);
        let hex = clear.clone().map(|secret| secret.bytes().map(|byte| format!("{byte:02x}")).collect::<String>());
        let secrets: Vec<String> = clear.into_iter().chain(hex).collect();
        assert!(
            dump::texts_of(app, "record_person").await.iter().any(|text| text.contains("张三")),
            "the scan reads texts"
        );
        let mask: String = "140202".bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(
            dump::texts_of(app, "record_person").await.iter().any(|text| text.to_lowercase().contains(&mask)),
            "and hex"
        );
        for table in app.db.table_names().await.expect("tables") {
            for text in dump::texts_of(app, &table).await {
                let text = text.to_lowercase();
                for secret in &secrets {
                    assert!(!text.contains(secret.as_str()), "{table} on {} holds {secret}", app.db.engine());
                }
            }
        }
        assert_eq!(count(app, "SELECT count(*) FROM event WHERE kind = 'person.revealed'").await, 1);
        assert_eq!(count(app, "SELECT count(*) FROM event WHERE kind = 'ledger.exported'").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_found_each_way_and_only_within_scope() {
    each(|house| async move {
        let city = city(house).await;
        let app = city.app();
        let people = import(
            app,
            vec![
                row(city.east, json!({"name": "欧阳秀兰", "id_no": NUMBER, "mobile": MOBILE, "live_alone": true})),
                row(city.west, json!({"name": "欧阳秀英", "id_no": "140202195001011235", "mobile": "13812345678"})),
                row(city.east, json!({"name": "50%_\\", "live_alone": false})),
            ],
        )
        .await;
        let read = [Permission::PersonRead];
        let whole = viewer(Scope::Place(city.root), &read).principal;
        let east = viewer(Scope::Place(city.east), &read).principal;
        let nobody = viewer(Scope::Place(city.east), &[Permission::TaskRead]).principal;
        for (text, in_city, in_east) in [
            ("欧阳", 2, 1),
            ("秀英", 1, 0),
            ("ouyangxiu", 2, 1),
            ("OYXL", 1, 1),
            ("1234", 1, 1),
            ("5678", 2, 1),
            ("50%", 1, 1),
            ("%", 1, 1),
            ("_", 1, 1),
            ("\\", 1, 1),
            ("' OR 1=1 --", 0, 0),
            (NUMBER, 0, 0),
        ] {
            let wanted = People { looked: Looked::parse(text), ..People::default() };
            for (principal, expected) in [(&whole, in_city), (&east, in_east), (&nobody, 0)] {
                let page = wanted.page_all_shards(app, principal, &read, None, 50).await.expect("searches");
                assert_eq!(page.rows.len(), expected, "{text}");
                let count = wanted.count_all_shards(app, principal, &read).await.expect("counts");
                assert_eq!(count, expected as i64, "{text}");
                for row in page.rows {
                    assert!(expected != in_east || row.community_id == Some(city.east) || in_east == in_city);
                }
            }
        }
        // By id.
        let worker = viewer(Scope::Place(city.east), &[Permission::PersonRead, Permission::PersonReveal]);
        use entities::reveal::{reveal, visible};
        assert!(visible(app, &worker, Permission::PersonRead, people[0].id).await.is_ok());
        for hidden in [people[1].id, new_id(501, NOW)] {
            let fault = visible(app, &worker, Permission::PersonRead, hidden).await.expect_err("hidden");
            assert!(matches!(fault, server::error::AppError::NotFound));
            assert!(reveal(app, &worker, hidden, "mobile", "核对走访时间").await.is_err());
        }
        for bad in ["", "看", "13812345678 是她的吗"] {
            assert!(reveal(app, &worker, people[0].id, "mobile", bad).await.is_err(), "{bad}");
        }
        // In the export: both permissions, narrowed by both scopes.
        let ledger = ledgers::find(&mut app.read(), ledgers::everybody()).await.expect("reads").expect("there");
        let mut exporter = viewer(Scope::Place(city.root), &[Permission::PersonRead]);
        assert!(ledgers::export(app, &exporter, &ledger, &Filter::default(), Output::Csv).await.is_err());
        exporter
            .principal
            .grants
            .insert(Grant { permission: Permission::PersonExport, scope: Scope::Place(city.east) });
        let mut exported =
            ledgers::export(app, &exporter, &ledger, &Filter::default(), Output::Csv).await.expect("exports");
        let mut text = String::new();
        std::io::Read::read_to_string(&mut exported.file, &mut text).expect("reads");
        assert_eq!(exported.rows, 2);
        assert!(text.contains("欧阳秀兰") && !text.contains("欧阳秀英"), "{text}");
        assert!(text.contains("140202********1234") && !text.contains(NUMBER));
        // Members for a task.
        let members = ledgers::members(app, &east, &ledger.definition, None, 10).await.expect("members");
        assert_eq!(members.len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_sorts_and_pages_agree_with_the_count() {
    each(|house| async move {
        let city = city(house).await;
        let app = city.app();
        let rows = (0..53)
            .map(|n| {
                let community = if n % 3 == 0 { city.west } else { city.east };
                let birth = if n % 7 == 0 { Value::Null } else { json!(format!("19{:02}-06-01", 30 + n)) };
                row(community, json!({"name": format!("人{}", n % 5), "birth_date": birth, "live_alone": n % 2 == 0}))
            })
            .collect();
        import(app, rows).await;
        let read = [Permission::PersonRead];
        let whole = viewer(Scope::Place(city.root), &read).principal;
        for sort in [Sort::Name, Sort::Eldest, Sort::Youngest, Sort::Updated] {
            let wanted = People { sort, ..People::default() };
            let (mut seen, mut after) = (Vec::new(), None::<String>);
            loop {
                let page = wanted.page_all_shards(app, &whole, &read, after.as_deref(), 7).await.expect("pages");
                seen.extend(page.rows.iter().map(|row| row.id));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let distinct: BTreeSet<Id> = seen.iter().copied().collect();
            assert_eq!((seen.len(), distinct.len()), (53, 53), "{sort:?}");
        }
        let alone = People { tests: vec![Test::LivesAlone(true), Test::Within(city.west)], ..People::default() };
        let expected = (0..53).filter(|n| n % 3 == 0 && n % 2 == 0).count();
        assert_eq!(alone.count_all_shards(app, &whole, &read).await.expect("counts"), expected as i64);
        let filter = Filter { age: "80-89".into(), ..Filter::default() };
        let definition =
            ledgers::find(&mut app.read(), ledgers::everybody()).await.expect("reads").expect("there").definition;
        let aged = filter
            .people(app, &definition)
            .expect("people")
            .count_all_shards(app, &whole, &read)
            .await
            .expect("counts");
        // On 2026-11-24, 80 to 89 years: born 1936-11-25 to 1946-11-24.
        let expected = (0..53).filter(|n| n % 7 != 0 && (1937..=1946).contains(&(1930 + n))).count();
        assert_eq!(aged, expected as i64);
        let bad = People::default().page_all_shards(app, &whole, &read, Some("AAAA"), 7).await;
        assert!(bad.is_err(), "a cursor that nobody sealed");
    })
    .await;
}

#[derive(Clone, Debug)]
struct Spoken {
    kind: SourceKind,
    at: i64,
    mobile: Option<u8>,
    alone: Option<bool>,
    confirmed: bool,
}

fn spoken() -> impl Strategy<Value = Spoken> {
    let kinds =
        [SourceKind::Certified, SourceKind::Registry, SourceKind::Worker, SourceKind::Sheet, SourceKind::Resident];
    (0..kinds.len(), 0..4_i64, proptest::option::of(0..3_u8), proptest::option::of(any::<bool>()), any::<bool>())
        .prop_map(move |(kind, at, mobile, alone, confirmed)| Spoken {
            kind: kinds[kind],
            at: NOW + at * DAY,
            mobile,
            alone,
            confirmed,
        })
}

/// The current record equals the replay of its observations; its values also if they come in any order.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_the_replay_of_its_observations() {
    each(|house| async move {
        let city = city(house).await;
        let app = city.app().clone();
        let runtime = tokio::runtime::Handle::current();
        let east = city.east;
        tokio::task::spawn_blocking(move || {
            let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
            runner
                .run(&proptest::collection::vec(spoken(), 1..8), |story| {
                    runtime.block_on(replay(&app, east, story));
                    Ok(())
                })
                .expect("holds");
        })
        .await
        .expect("runs");
        drop(city);
    })
    .await;
}

async fn replay(app: &App, community: Id, story: Vec<Spoken>) {
    let person = import(app, vec![row(community, json!({"name": "张三"}))]).await[0];
    for spoken in story {
        let before = record(app, person).await;
        let mut values = Map::new();
        if let Some(digit) = spoken.mobile {
            values.insert("mobile".into(), json!(format!("1390000000{digit}")));
        }
        if let Some(alone) = spoken.alone {
            values.insert("live_alone".into(), json!(alone));
        }
        let mut told = said(person.subject(), spoken.kind, Value::Object(values), spoken.at);
        if spoken.confirmed {
            told.confirmed = vec!["name".into(), "mobile".into()];
        }
        let applied = entities::apply(app, Some(&before), &told).expect("applies");
        assert_eq!(app.lanes.submit(set(person.shard, &applied)).await.expect("stored"), Outcome::Stored);
        app.clock.advance(1_000);
    }
    let stands = record(app, person).await;
    let mut observations: Vec<Observation> = app
        .read()
        .all(
            "SELECT shard, id, entity_id, class, state, source_kind, source_id, submission_id, form_version_id, batch, \
             source_title, said, confirmed, shown, rank, certification, observed_at, recorded_at, account_id, post_id \
             FROM observation WHERE shard = $1 AND entity_id = $2 ORDER BY recorded_at, id",
            vec![Arg::from(person.shard), Arg::from(person.id)],
        )
        .await
        .expect("reads");
    let model = form_runtime::Model::shipped();
    let fold = |observations: &[Observation]| {
        observations.iter().fold(PersonRecord::empty(person.shard, person.id), |record, observation| {
            entities::merge(&app.keys, &model, &record, observation).expect("merges")
        })
    };
    assert_eq!(fold(&observations), stands);
    observations.reverse();
    let backwards = fold(&observations);
    assert_eq!(
        (&backwards.name, &backwards.mobile_index, backwards.living_alone),
        (&stands.name, &stands.mobile_index, stands.living_alone)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_imports_of_the_same_people_at_once_lose_nothing() {
    each(|house| async move {
        let city = city(house).await;
        let app = city.app();
        let rows = |attribute: &str| -> Vec<PersonRow> {
            (0..150)
                .map(|n| {
                    let mut values = map(json!({"name": format!("人{n}"), "id_no": format!("14020219500101{n:04}")}));
                    values.insert(attribute.into(), json!(true));
                    PersonRow { values, community: Some(city.east), ..PersonRow::default() }
                })
                .collect()
        };
        let (one, other) = tokio::join!(import(app, rows("live_alone")), import(app, rows("home_care")));
        assert_eq!(one.iter().map(|p| p.id).collect::<Vec<_>>(), other.iter().map(|p| p.id).collect::<Vec<_>>());
        assert_eq!(count(app, "SELECT count(*) FROM record_person").await, 150);
        assert_eq!(count(app, "SELECT count(*) FROM entity").await, 150);
        for person in one {
            let record = record(app, person).await;
            assert_eq!((record.version, record.living_alone), (2, Some(true)));
            assert_eq!(record.value("home_care"), Some(json!(true)));
        }
    })
    .await;
}

/// What a rule is told of people is what their records say, whatever is asked for; no secret is among it.
#[tokio::test]
async fn what_a_rule_is_told_is_what_the_record_says() {
    each(|house| async move {
        let city = city(house).await;
        let keys = platform::secrets::Keys::ephemeral();
        let model = form_runtime::Model::shipped();
        let at: form_runtime::AttributeRef = "person.id_no".parse().expect("an attribute");
        let sealed = Sealed::of(&keys, &model, &at, "11010519491231002X").expect("a number");
        let person = |n: i64, data: Value| {
            let mut record = PersonRecord::empty(10, new_id(10, NOW + n));
            record.data = data.to_string();
            record
        };
        let mut records = [
            person(1, json!({"diet": "低盐"})),
            // What does not fit its column stands in the JSON.
            person(
                2,
                json!({"sex": ["2"], "live_alone": "不详", "residence_place": "东街", "card": sealed.to_value()}),
            ),
            person(3, json!({"diet": ["低盐", {"x": null}], "note": "enc:abc"})),
        ];
        let first = &mut records[0];
        first.name = "陈淑芬".into();
        (first.sex, first.birth_date) = (Some("2".into()), Some("1940-05-06".into()));
        (first.living_alone, first.community_id) = (Some(true), Some(city.east));
        first.address = Some("3号楼".into());
        (first.id_no_cipher, first.id_no_index) = (Some(vec![1]), Some(vec![2]));
        first.id_no_mask = Some("1***X".into());
        let said = [
            json!({"name": "陈淑芬", "sex": "2", "birth_date": "1940-05-06", "live_alone": true, "diet": "低盐",
                "residence_place": city.east, "residence_addr": "3号楼"}),
            json!({"sex": ["2"], "live_alone": "不详", "residence_place": "东街"}),
            json!({"diet": ["低盐", {"x": null}]}),
        ];
        let rows: Vec<Vec<Arg>> = records.iter().map(PersonRecord::row).collect();
        let write = city.app().lanes.write(10, vec![], move |tx| {
            let rows = rows.clone();
            Box::pin(async move { RECORD_PERSON.write(tx, rows, OnKey::Fail).await })
        });
        let stored: Result<u64, platform::database::StoreError> = write.await;
        assert_eq!(stored.expect("stored"), 3);
        let nobody = new_id(10, NOW);
        let all = [
            "name",
            "sex",
            "birth_date",
            "live_alone",
            "residence_place",
            "residence_addr",
            "diet",
            "note",
            "card",
            "id_no",
        ];
        let asked: [&[&str]; 7] = [
            &[],
            &["sex"],
            &["name", "birth_date"],
            &["live_alone", "residence_place"],
            &["diet"],
            &["id_no", "card"],
            &all,
        ];
        for asked in asked {
            let wanted: Wanted = asked.iter().map(|key| (*key).to_owned()).collect();
            let persons = records.iter().map(|record| (record.shard, record.id)).chain([(10, nobody)]).collect();
            let told = wanted.of(&city.app().db, persons).await.expect("read");
            assert_eq!(told.len(), records.len(), "who has no record is left out");
            for (record, said) in records.iter().zip(&said) {
                let told = &told[&record.id];
                let asked_for = |(key, _): &(String, Value)| asked.contains(&key.as_str());
                let expected: Map<String, Value> = map(said.clone()).into_iter().filter(asked_for).collect();
                assert_eq!((&told.values, &told.birth_date), (&expected, &record.birth_date), "{asked:?}");
            }
        }
    })
    .await;
}
