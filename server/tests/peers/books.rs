//! Books in memory: what was missed is made up for, and a change that was checked against an old book is refused.

use std::time::Duration;

use serde_json::json;
use server::app::App;
use server::args;
use server::error::AppError;
use server::peers;
use server::platform::database::{Exec, StoreError};
use server::platform::faults::Protection;
use server::platform::ids::Id;

use super::pair::{Pair, ask, until};
use super::without::Without;

/// Renames the place at an app of this process.
async fn rename(app: &App, pair: &Pair, name: &str) {
    let id = pair.stage.city.communities[0];
    let version = app.geography().get(id).expect("a place").version;
    server::geography::change::rename(app, id, name, version, Default::default()).await.expect("renamed");
}

fn name(app: &App, pair: &Pair) -> String {
    app.geography().get(pair.stage.city.communities[0]).expect("a place").official_name.to_owned()
}

/// The last note of an app is lost before anybody has read it; the next one shows that it is missing. Whether the
/// other app has the new name in time.
async fn after_a_lost_note(pair: &Pair, new_name: &str, longest: Duration) -> bool {
    let [one, two] = pair.open().await;
    rename(&one, pair, new_name).await;
    let owner = one.lanes.owner();
    two.lanes
        .write::<u64, StoreError, _>(0, vec![], move |tx| {
            Box::pin(async move { tx.execute("DELETE FROM process_note WHERE owner = $1", args![owner]).await })
        })
        .await
        .expect("lost");
    let watching = tokio::spawn(peers::watch(two.clone()));
    one.lanes
        .write::<_, StoreError, _>(0, vec![Id::from_u128(1)], |_| Box::pin(async { Ok(()) }))
        .await
        .expect("written");
    let seen = until(longest, async || name(&two, pair) == new_name).await.is_some();
    two.stop();
    watching.await.expect("ends");
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_is_missing_makes_everything_count_as_changed() {
    let pair = Pair::build(1, 0).await;
    assert!(after_a_lost_note(&pair, "甲社区居民委员会", Duration::from_secs(2)).await, "read again");
    let _without = Without::the(Protection::PeerResync);
    assert!(!after_a_lost_note(&pair, "乙社区居民委员会", Duration::from_secs(2)).await, "the resync is needed");
}

/// Two administrators, each at a process that has not heard of the other's change, put two organizations under each
/// other. The answers, and how many organizations the book holds afterwards.
async fn under_each_other(pair: &Pair, at: [usize; 2]) -> ([u16; 2], usize) {
    let [one, two] = pair.open().await;
    let units = at.map(|at| pair.stage.city.units[at]);
    let before = one.directory().organizations().count();
    let mut answers = [0; 2];
    for (n, app) in [&one, &two].into_iter().enumerate() {
        let (id, above) = (units[n], units[1 - n]);
        let unit = app.directory().organization(id).expect("a unit").clone();
        let along = |_: &mut server::platform::database::Tx, _| -> futures_util::future::BoxFuture<'_, _> {
            Box::pin(async { Ok(()) })
        };
        let moved = server::directory::change::transfer_organization(
            app,
            id,
            Some(above),
            unit.counterpart,
            unit.version,
            Default::default(),
            along,
        );
        answers[n] = match moved.await {
            Ok(()) => 200,
            Err(AppError::Conflict("errors-book-moved")) => 409,
            Err(fault) => panic!("{fault}"),
        };
    }
    server::start::reload(&one).await.expect("books");
    let circle = |id: Id| one.directory().chain(id).filter(|above| above.id == id).count() > 1;
    let circles = units.iter().filter(|id| circle(**id)).count();
    assert_eq!(one.directory().organizations().count(), before);
    (answers, circles)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_checked_against_an_old_book_is_refused() {
    let pair = Pair::build(1, 0).await;
    // Two districts, beside each other.
    assert_eq!(under_each_other(&pair, [1, 8]).await, ([200, 409], 0));
    let _without = Without::the(Protection::BookSeen);
    let pair = Pair::build(1, 0).await;
    let (answers, circles) = under_each_other(&pair, [1, 8]).await;
    println!("without BookSeen: {answers:?}, {circles} organizations stand above themselves");
    assert!(answers == [200, 200] && circles > 0, "the number of the book is needed: {answers:?} {circles}");
}

/// What was refused is right after another look: the refusal has read the book anew.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_for_an_old_book_works_at_the_second_try() {
    let pair = Pair::build(1, 0).await;
    let [one, two] = pair.open().await;
    rename(&one, &pair, "甲社区居民委员会").await;
    let above = pair.stage.city.places[0];
    let body = json!({"parent": above, "name": "新建区", "level": 3});
    let first = ask(&two, "POST", "/api/v1/places", &pair.root, &body).await;
    let second = ask(&two, "POST", "/api/v1/places", &pair.root, &body).await;
    assert_eq!((first.0, second.0), (409, 201), "{first:?} {second:?}");
    assert_eq!(name(&two, &pair), "甲社区居民委员会");
}
