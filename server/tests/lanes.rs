//! The writer lanes: grouped submissions, repeats, stale rows, a poisoned member, callers that leave.

mod common;

use server::args;
use server::platform::database::bulk::{OnKey, Shape};
use server::platform::database::{Exec, First, StoreError, migrate};
use server::platform::entity::{ENTITY, entity_row};
use server::platform::ids::{Id, new_id};
use server::platform::lane::{Block, Expect, Lanes, Outcome, Put, SubmissionKey, WriteSet};

const SUBMISSION: Shape = Shape {
    table: "submission",
    columns: &[
        "shard",
        "form_id",
        "client_id",
        "id",
        "form_version_id",
        "door_kind",
        "door_id",
        "payload_hash",
        "answers",
        "slip_code",
        "submitted_at",
    ],
    key: &["shard", "form_id", "client_id"],
};

fn submission(shard: i64, form: Id, client: Id, hash: &[u8]) -> WriteSet {
    let id = new_id(shard, common::NOW);
    let row = args![shard, form, client, id, form, "item", id, hash, "{}", format!("S-{client}"), common::NOW];
    WriteSet {
        shard,
        key: SubmissionKey { form_id: form, client_id: client, payload_hash: hash.to_vec() },
        expects: vec![],
        puts: vec![Put { shape: &SUBMISSION, on_key: OnKey::Fail, row }],
        signals: vec![],
    }
}

async fn count(db: &server::platform::database::Db) -> i64 {
    db.clone().one::<(i64,)>("SELECT count(*) FROM submission", vec![]).await.expect("counts").0
}

#[tokio::test]
async fn a_repeat_gives_the_first_slip_and_another_payload_is_refused() {
    common::each_db(|db| async move {
        migrate(&db, common::NOW).await.expect("migrates");
        let lanes = Lanes::start(&db);
        let (form, client) = (new_id(3, common::NOW), new_id(3, common::NOW));
        // The same submission five times at once: one is stored, four meet it.
        let tries = (0..5).map(|_| lanes.submit(submission(3, form, client, b"a")));
        let outcomes: Vec<_> =
            futures_util::future::join_all(tries).await.into_iter().map(|o| o.expect("answered")).collect();
        assert_eq!(outcomes.iter().filter(|o| **o == Outcome::Stored).count(), 1);
        assert!(outcomes.iter().all(|o| match o {
            Outcome::Stored => true,
            Outcome::Repeated { slip_code, .. } => *slip_code == format!("S-{client}"),
            _ => false,
        }));
        assert_eq!(lanes.submit(submission(3, form, client, b"b")).await.expect("answered"), Outcome::Mismatch);
        assert_eq!(count(&db).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_poisoned_member_fails_alone() {
    common::each_db(|db| async move {
        migrate(&db, common::NOW).await.expect("migrates");
        let lanes = Lanes::start(&db);
        let form = new_id(3, common::NOW);
        let twin = entity_row(3, new_id(3, common::NOW), "person", None, common::NOW);
        let mut tx = db.begin_write().await.expect("begins");
        ENTITY.write(&mut tx, vec![twin.clone()], OnKey::Fail).await.expect("written");
        tx.commit().await.expect("commits");
        let sets = (0..256).map(|n| {
            let mut set = submission(3, form, new_id(3, common::NOW), b"x");
            if n == 100 {
                // Its entity exists already: the whole group's statement fails.
                set.puts.push(Put { shape: &ENTITY, on_key: OnKey::Fail, row: twin.clone() });
            }
            lanes.submit(set)
        });
        let outcomes = futures_util::future::join_all(sets).await;
        let failed: Vec<usize> = outcomes.iter().enumerate().filter(|(_, o)| o.is_err()).map(|(n, _)| n).collect();
        assert_eq!(failed, [100]);
        assert_eq!(count(&db).await, 255);
    })
    .await;
}

#[tokio::test]
async fn a_row_that_moved_makes_the_submission_stale_and_stores_nothing() {
    common::each_db(|db| async move {
        migrate(&db, common::NOW).await.expect("migrates");
        let lanes = Lanes::start(&db);
        let (form, item) = (new_id(3, common::NOW), new_id(3, common::NOW));
        let mut set = submission(3, form, new_id(3, common::NOW), b"x");
        set.expects.push(Expect { table: "item", shard: 3, id: item, version: 1 });
        assert_eq!(lanes.submit(set).await.expect("answered"), Outcome::Stale);
        let mut set = submission(3, form, new_id(3, common::NOW), b"x");
        set.expects.push(Expect { table: "item", shard: 3, id: item, version: 0 });
        assert_eq!(lanes.submit(set).await.expect("answered"), Outcome::Stored, "version 0: must not exist yet");
        assert_eq!(count(&db).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_write_goes_on_when_its_caller_leaves() {
    common::each_db(|db| async move {
        migrate(&db, common::NOW).await.expect("migrates");
        let lanes = Lanes::start(&db);
        for n in 0..50_u64 {
            let key = format!("k{n}");
            let write = lanes.write::<(), StoreError, _>(1, vec![], move |tx| {
                let key = key.clone();
                Box::pin(async move {
                    server::platform::settings::put(tx, &key, "v").await?;
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                    Ok(())
                })
            });
            // Dropped at many different await points.
            let _ = tokio::time::timeout(std::time::Duration::from_micros(n * 100), write).await;
        }
        lanes
            .write::<(), StoreError, _>(1, vec![], |tx| {
                Box::pin(async { server::platform::settings::put(tx, "last", "v").await })
            })
            .await
            .expect("the lane still serves");
        let rows = server::platform::settings::all(&mut db.clone()).await.expect("reads");
        // Whatever reached the lane is whole; the connection is not poisoned.
        assert!(rows.iter().any(|(key, _)| key == "last"));
    })
    .await;
}

#[tokio::test]
async fn a_panicking_write_does_not_end_its_lane() {
    common::each_db(|db| async move {
        migrate(&db, common::NOW).await.expect("migrates");
        let lanes = Lanes::start(&db);
        let gone = lanes.write::<(), StoreError, _>(1, vec![], |_| Box::pin(async { panic!("on purpose") })).await;
        assert!(gone.is_err());
        lanes
            .write::<(), StoreError, _>(1, vec![], |tx| {
                Box::pin(async { server::platform::settings::put(tx, "a", "b").await })
            })
            .await
            .expect("the lane still serves");
    })
    .await;
}

#[tokio::test]
async fn known_rows_are_written_whole_where_what_comes_first_holds() {
    common::each_db(|db| async move {
        migrate(&db, common::NOW).await.expect("migrates");
        let lanes = Lanes::start(&db);
        let mut tx = db.begin_write().await.expect("begins");
        server::platform::settings::put(&mut tx, "epoch", "1").await.expect("put");
        tx.commit().await.expect("commits");
        let first = |epoch: &str| First {
            sql: "UPDATE setting SET value = value WHERE key = $1 AND value = $2",
            args: args!["epoch", epoch],
        };
        let ids: Vec<Id> = (0..3).map(|_| new_id(3, common::NOW)).collect();
        let block = |ids: &[Id]| {
            let rows = ids.iter().map(|id| entity_row(3, *id, "person", None, common::NOW)).collect();
            vec![Block { shape: &ENTITY, on_key: OnKey::Fail, rows }]
        };
        let entities =
            async || db.clone().one::<(i64,)>("SELECT count(*) FROM entity", vec![]).await.expect("counts").0;
        assert!(!lanes.write_known(3, Some(first("2")), block(&ids[..2])).await.expect("answered"));
        assert_eq!(entities().await, 0, "{}", db.engine());
        assert!(lanes.write_known(3, Some(first("1")), block(&ids[..2])).await.expect("written"));
        // One of two exists: neither is written.
        assert!(lanes.write_known(3, None, block(&ids[1..])).await.is_err());
        assert_eq!(entities().await, 2, "{}", db.engine());
        assert!(lanes.write_known(3, None, block(&ids[2..])).await.expect("the lane still serves"));
        assert_eq!(entities().await, 3);
    })
    .await;
}
