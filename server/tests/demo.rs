//! The demo city: as the issue describes it, quickly built, the same every time.

mod common;

use server::directory;
use server::geography::premises;
use server::measures::{self, Axis};
use server::platform::database::Exec;
use server::platform::ids::Id;
use server::{access, demo};

async fn count(house: &common::House, sql: &'static str) -> i64 {
    house.app.read().one::<(i64,)>(sql, vec![]).await.expect("counts").0
}

#[tokio::test]
async fn the_city_is_built_as_described() {
    common::each(|house| async move {
        let start = std::time::Instant::now();
        let accounts = demo::build(&house.app, "http://127.0.0.1:8080").await.expect("builds").accounts;
        println!("{}: demo city in {:?}", house.engine, start.elapsed());
        let app = &house.app;
        assert!(app.installation.load().set_up && app.installation.load().demo);
        let (geography, book) = (app.geography(), app.directory());
        let kind = |kind: &str| book.organizations().filter(|o| o.kind == kind).count();
        // A government and a bureau for the city and ten districts and counties; the zone has its 管委会 for both.
        assert_eq!([kind("government"), kind("bureau"), kind("administrative_committee")], [11, 11, 1]);
        assert_eq!(kind("street_office") + kind("township_government"), 127);
        assert_eq!([kind("residents_committee"), kind("villagers_committee")], [401, 1426]);
        // One grid in every community, with a worker.
        for community in geography.all().filter(|place| place.level == 5) {
            let grids: Vec<_> = book.grids_in(community.id).collect();
            assert_eq!(grids.len(), 1, "{}", community.full_name);
            assert!(grids[0].workers.iter().all(|post| book.holder(*post).is_some()) && !grids[0].workers.is_empty());
        }
        // The line from the city's bureau down to every committee, and only the first station may skip.
        let bureau = book.organizations().find(|o| o.name == "大同市民政局").expect("bureau");
        for community in geography.all().filter(|place| place.level == 5) {
            let steps = directory::chain(&book, &geography, bureau.id, community.id);
            let levels: Vec<i64> = steps.iter().map(|step| step.level).collect();
            assert_eq!(levels, [2, 3, 4, 5], "{}", community.full_name);
            let names: Vec<&str> =
                steps.iter().map(|s| book.organization(s.organization).expect("unit").kind.as_str()).collect();
            assert!(matches!(names[1], "bureau" | "administrative_committee"));
            assert!(
                steps.iter().all(|step| book.organization(step.organization).and_then(|o| o.place) == Some(step.place))
            );
        }
        let community = geography.by_code("140213050007").expect("community");
        let candidates = directory::candidates(&book, &geography, bureau.id, community.id);
        assert!(candidates.iter().any(|c| c.grid && c.name == "孙晓东"));
        assert!(candidates.iter().any(|c| c.name == "永泰街道办事处"));
        // Doors and residents, marked as made up.
        assert_eq!(count(&house, "SELECT count(*) FROM premises WHERE kind = 'door' AND made_up").await, 2000);
        assert_eq!(count(&house, "SELECT count(*) FROM record_person WHERE made_up").await, 3000);
        assert_eq!(
            count(&house, "SELECT count(*) FROM record_person WHERE id_no_index IS NULL OR premises_id IS NULL").await,
            0
        );
        let alone = count(&house, "SELECT count(*) FROM record_person WHERE living_alone").await;
        assert!((200..400).contains(&alone), "{alone} live alone");
        // The visit application: installed, its channel open, a task over its ledger, part of it done.
        let done = count(&house, "SELECT count(*) FROM item WHERE state = 'done'").await;
        assert_eq!(done, 77);
        assert_eq!(count(&house, "SELECT count(*) FROM item").await, alone);
        assert_eq!(count(&house, "SELECT count(*) FROM item WHERE holder_post IS NULL").await, 0);
        // What residents sent in waits: six requests, and one word to the mailbox, which is about nobody.
        assert_eq!(count(&house, "SELECT count(*) FROM service_case").await, 7);
        assert_eq!(count(&house, "SELECT count(*) FROM observation WHERE state = 'pending'").await, 6);
        assert_eq!(count(&house, "SELECT count(*) FROM observation").await, 3000 + alone + done + 6);
        assert_eq!(
            count(
                &house,
                "SELECT count(*) FROM channel c JOIN channel_scope s ON s.channel_id = c.id WHERE c.state = 'open'"
            )
            .await,
            2
        );
        let (task, root): (Id, Id) =
            app.read().one("SELECT id, root_place FROM task WHERE state = 'running'", vec![]).await.expect("task");
        let board = &measures::board(app, task, Axis::Place, root).await.expect("board").here;
        assert_eq!(
            ["assigned", "done", "open", "visited", "living_alone"].map(|measure| board.total(measure)),
            [alone, done, alone - done, done, done]
        );
        assert!(board.total("needs_help") > 0 && board.total("needs_help") < done);
        let doors = premises::counts(&mut app.read(), community, "2026-11-24").await.expect("counts");
        assert_eq!(doors["door"], 1000);
        // Only the printed names can sign in, and each does.
        assert_eq!(count(&house, "SELECT count(*) FROM account").await, accounts.len() as i64);
        for account in &accounts {
            let principal = access::tokens::principal(app, &account.token).await.expect("reads").expect("is somebody");
            assert!(principal.account().is_some() && !principal.grants.is_empty(), "{}", account.login);
        }
        let two = accounts.iter().find(|account| account.login == "zhouhaiyan").expect("two posts");
        let row = access::store::account_by_login(&mut app.read(), &two.login).await.expect("reads").expect("is there");
        assert_eq!(book.posts_of(row.staff_id.expect("staff")).count(), 2);
        // Building again changes nothing and tells the same.
        let again = demo::build(app, "http://127.0.0.1:8080").await.expect("builds").accounts;
        assert_eq!(again, accounts);
        assert_eq!(count(&house, "SELECT count(*) FROM organization").await, 1977);
    })
    .await;
}

#[test]
fn the_program_carries_the_application_as_committed() {
    fn walk(dir: &std::path::Path, all: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(dir).expect("reads").flatten() {
            if entry.path().is_dir() { walk(&entry.path(), all) } else { all.push(entry.path()) }
        }
    }
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/elder-visit");
    let mut files = Vec::new();
    walk(&dir, &mut files);
    let mut committed: Vec<String> = files
        .iter()
        .map(|path| path.strip_prefix(&dir).expect("below").to_string_lossy().into_owned())
        .filter(|name| !name.ends_with(".md"))
        .collect();
    committed.sort();
    let carried: Vec<&str> = demo::APPLICATION.iter().map(|(name, _)| *name).collect();
    assert_eq!(carried, committed);
}
