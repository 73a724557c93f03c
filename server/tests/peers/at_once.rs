//! Two processes do the same thing at the same moment: it happens once.

use std::time::{Duration, Instant};

use server::app::App;
use server::args;
use server::measures;
use server::platform::database::Exec;
use server::platform::events::Actor;
use server::platform::faults::Protection;
use server::platform::ids::Id;
use server::platform::jobs::run_until_idle;
use server::tasks::rows::{self, Subject};
use server::tasks::{Relay, TaskShape, conservation, create, dispatch};

use super::desk::Desk;
use super::dice::{Dice, seed};
use super::load::visit;
use super::pair::{Pair, ask};
use super::setting;
use super::without::Without;

/// Two workers file every item at the same moment, each at another process. How often both were told that theirs is
/// stored, and how much differs afterwards.
async fn twice_filed(pair: &Pair, apps: &[App; 2], seed: u64) -> (usize, usize) {
    let (city, mut dice) = (&pair.stage.city, Dice(seed | 1));
    let mut both = 0;
    for item in &city.items {
        let tries = [0, 1].map(|_| visit(city, *item, &city.manager, &mut dice));
        let (one, two) = tokio::join!(
            ask(&apps[0], "POST", &tries[0].path, &city.manager, &tries[0].body),
            ask(&apps[1], "POST", &tries[1].path, &city.manager, &tries[1].body)
        );
        let stored = [&one, &two].iter().filter(|answer| answer.0 < 300).count();
        assert!(stored > 0, "{one:?} {two:?}");
        both += usize::from(stored == 2);
    }
    let mut differs = measures::recount(&apps[0], city.task).await.expect("recount").len();
    differs += conservation::check(&apps[0], city.task).await.expect("check").len();
    (both, differs)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_item_filed_at_two_processes_is_filed_once() {
    let seed = seed();
    let pair = Pair::build(4, 0).await;
    let apps = pair.open().await;
    assert_eq!(twice_filed(&pair, &apps, seed).await, (0, 0));

    let bare = Pair::build(8, 0).await;
    let apps = bare.open().await;
    let _without = Without::the(Protection::NextVersion);
    let (both, differs) = twice_filed(&bare, &apps, seed).await;
    println!(
        "without NextVersion: {both} of {} items were filed twice, {differs} totals differ",
        bare.stage.city.items.len()
    );
    assert!(both > 0 && differs > 0, "the version in the replacement is needed");
}

/// Drafts are changed and sent from both processes at once. Changes that were lost, jobs too many, items too many,
/// totals that differ.
async fn twice_sent(apps: &[App; 2], drafts: usize) -> [i64; 4] {
    let desk = Desk::build(&apps[0]).await;
    server::start::reload(&apps[1]).await.expect("books");
    let town = &desk.town;
    let mut wrong = [0; 4];
    let mut tasks: Vec<Id> = Vec::new();
    for _ in 0..drafts {
        let rule = create::first_rule(TaskShape::Listed);
        let task = desk.draft(&apps[0], TaskShape::Listed, rule, Relay::default()).await;
        let subject = |at: usize| Subject {
            shard: town.places[at].shard,
            id: town.places[at].id,
            place: Some(town.places[at].id),
            label: "某人".into(),
        };
        rows::from_subjects(&apps[0], &task, town.communities().into_iter().map(subject).collect())
            .await
            .expect("rows");
        let actor = Actor::default();
        let relay = |app| create::set_relay(app, task.id, None, &actor, Relay::default());
        let (one, two) = tokio::join!(relay(&apps[0]), relay(&apps[1]));
        let (one, two) = (one.expect("changed").version, two.expect("changed").version);
        wrong[0] += i64::from(one == two);
        let begin = |app| dispatch::begin(app, task.id, None, &actor);
        let (one, two) = tokio::join!(begin(&apps[0]), begin(&apps[1]));
        assert_eq!((one.expect("begun").release, two.expect("begun").release), (1, 1));
        tasks.push(task.id);
    }
    let mut db = apps[0].read();
    let (jobs,): (i64,) = db.one("SELECT count(*) FROM job WHERE kind = 'tasks.dispatch'", vec![]).await.expect("jobs");
    wrong[1] = jobs - drafts as i64;
    let (one, two) = tokio::join!(run_until_idle(&apps[0]), run_until_idle(&apps[1]));
    assert!(one.is_ok() && two.is_ok());
    for task in tasks {
        let count = "SELECT count(*) FROM item WHERE task_id = $1";
        let (items,): (i64,) = db.one(count, args![task]).await.expect("items");
        wrong[2] += items - town.communities().len() as i64;
        wrong[3] += measures::recount(&apps[0], task).await.expect("recount").len() as i64;
        wrong[3] += conservation::check(&apps[0], task).await.expect("check").len() as i64;
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_changed_and_sent_by_two_processes_is_sent_once() {
    let place = super::site::Site::on("postgresql").await;
    let apps = [place.open().await, place.open().await];
    assert_eq!(twice_sent(&apps, 12).await, [0; 4]);

    let place = super::site::Site::on("postgresql").await;
    let apps = [place.open().await, place.open().await];
    let _without = Without::the(Protection::NextVersion);
    let wrong = twice_sent(&apps, 20).await;
    println!("without NextVersion: {wrong:?} changes lost, jobs too many, items too many, totals that differ");
    assert!(wrong[0] > 0 && wrong[1] > 0, "the version in the replacement is needed: {wrong:?}");
}

/// Everybody works on everything, half of them at each process: nothing is lost or doubled, nothing disagrees.
#[tokio::test(flavor = "multi_thread")]
async fn everybody_works_on_the_same_items_at_two_processes() {
    let seed = seed();
    let pair = Pair::build(6, 0).await;
    let servers = pair.serve("").await;
    let begin = Instant::now();
    let crowd = pair.crowd(&servers, 3, seed);
    tokio::time::sleep(Duration::from_millis(setting("HUTONG_TEST_LOAD", 2500))).await;
    let (journal, done) = (crowd.journal.clone(), crowd.end().await);
    println!("{done:?} in {:?}", begin.elapsed());
    let wrong = pair.faults(&servers.each_ref(), &journal, &[pair.stage.city.task]).await;
    assert_eq!(wrong, Vec::<String>::new());
    assert!(done.get("visit").is_some_and(|visits| *visits > 20), "hardly any load: {done:?}");
}
