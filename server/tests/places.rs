//! Places: importing a city, refusing what is wrong, subtree and ancestor questions at 100,000.

mod common;

use std::fmt::Write;

use server::args;
use server::error::{AppError, Fault};
use server::geography::{self, Geography, Plan, Resolved};
use server::platform::database::Exec;
use server::platform::events::Actor;

const DATONG: &[u8] = include_bytes!("../../examples/datong/places.tsv");

fn planned(bytes: &[u8], name: &str, over: &Geography) -> Plan {
    let lines = geography::read_places(bytes, name).expect("reads");
    geography::plan(&lines, over, common::NOW, "2026-11-24")
}

async fn load(house: &common::House, bytes: &[u8]) -> geography::Imported {
    let plan = planned(bytes, "places.tsv", &house.app.geography());
    assert_eq!(plan.faults, []);
    geography::import(&house.app, plan, Actor::default(), "test", |_, _| {}).await.expect("imports")
}

/// Key and line of each fault.
fn keys(faults: &[Fault]) -> Vec<(String, String)> {
    faults.iter().map(|fault| (fault.at.clone(), fault.key.clone())).collect()
}

fn faults_of(text: &str) -> Vec<(String, String)> {
    match geography::read_places(text.as_bytes(), "places.tsv") {
        Ok(lines) => keys(&geography::plan(&lines, &Geography::default(), common::NOW, "2026-11-24").faults),
        Err(faults) => keys(&faults),
    }
}

#[tokio::test]
async fn datong_is_imported_whole_and_found_by_name_path_and_code() {
    common::each(|house| async move {
        let done = load(&house, DATONG).await;
        assert_eq!(done.made, 1967, "the province is made by itself");
        let book = house.app.geography();
        let root = book.root().expect("root");
        assert_eq!((root.name, root.code, root.level), ("山西省", Some("140000000000"), 1));
        let count = |level: i64| book.all().filter(|place| place.level == level).count();
        assert_eq!([2, 3, 4, 5].map(count), [1, 11, 127, 1827]);
        assert_eq!(book.all().filter(|place| place.kind == "village").count(), 1426);
        let zone = book.by_code("140271000000").expect("zone");
        assert_eq!((zone.kind, zone.in_list), ("economic_zone", false));
        let street = book.by_code("140213050000").expect("street");
        assert_eq!(
            (street.full_name.to_string().as_str(), street.pinyin, street.initials),
            ("大同市/平城区/永泰街道", "yongtaijiedao", "ytjd")
        );
        for text in [
            "140213050000",
            "140213050",
            "平城区/永泰街道",
            "平城区永泰街道办事处",
            "大同市 平城区 永泰",
            "永泰街道",
            "１４０２１３０５０",
        ] {
            assert_eq!(geography::resolve(&book, text, None), Resolved::One(street.id), "{text}");
        }
        let twins = book.all().filter(|p| p.level == 4 && p.name == "新华街道").count();
        assert_eq!(twins, 1);
        assert_eq!(geography::resolve(&book, "不存在的社区", None), Resolved::None);
        // Names that several communities share are resolved by scope or path only.
        let shared = book
            .all()
            .find(|p| p.level == 5 && book.named(p.name).iter().filter(|o| o.name == p.name).count() > 1)
            .expect("some name is shared");
        assert!(matches!(geography::resolve(&book, shared.name, None), Resolved::Many(list) if list.len() > 1));
        assert_eq!(geography::resolve(&book, shared.name, shared.parent), Resolved::One(shared.id));
        assert_eq!(geography::resolve(&book, &shared.full_name.to_string(), None), Resolved::One(shared.id));
        // What is stored answers as the tree in memory does.
        let district = book.by_code("140213000000").expect("district");
        let rows: (i64,) = house
            .app
            .read()
            .one("SELECT count(*) FROM place_ancestor WHERE ancestor_id = $1", args![district.id])
            .await
            .expect("counts");
        assert_eq!(rows.0 as usize, book.subtree(district.id).count());
        let entities: (i64,) =
            house.app.read().one("SELECT count(*) FROM entity WHERE class = 'place'", vec![]).await.expect("counts");
        assert_eq!(entities.0, 1967);
        // A second import of the same file changes nothing.
        let again = planned(DATONG, "places.tsv", &book);
        assert_eq!((again.places.len(), again.renamed.len(), again.unchanged, again.fault_count), (0, 0, 1966, 0));
    })
    .await;
}

#[tokio::test]
async fn a_renamed_district_carries_its_name_into_the_paths_below() {
    common::each(|house| async move {
        load(&house, DATONG).await;
        let text = String::from_utf8(DATONG.to_vec()).expect("utf-8").replace("\t平城区", "\t新平城区");
        let done = load(&house, text.as_bytes()).await;
        assert_eq!((done.made, done.renamed, done.tree_version), (0, 1, 2));
        let book = house.app.geography();
        assert_eq!(book.by_code("140213050000").expect("street").full_name.to_string(), "大同市/新平城区/永泰街道");
    })
    .await;
}

#[test]
fn faults_name_their_lines() {
    let row = |at: &str, key: &str| vec![(format!("row {at}"), format!("geography-fault-{key}"))];
    assert_eq!(faults_of("140200000000\t2\t大同市\n140200000000\t2\t大同市\n"), row("2", "duplicate"));
    assert_eq!(faults_of("140200000000\t2\t大同市\n140213050000\t4\t永泰街道\n"), row("2", "parent"));
    assert_eq!(faults_of("140200000000\t9\t大同市\n"), row("1", "level"));
    assert_eq!(faults_of("140200000000\t2\t\n"), row("1", "name"));
    assert_eq!(faults_of("990200000000\t2\t别处\n"), row("1", "parent"));
    assert_eq!(faults_of("140000000000\t1\t山西省\n130000000000\t1\t河北省\n"), row("2", "second-root"));
    let header = "代码,级别,名称,上级代码\n";
    assert_eq!(faults_of(&format!("{header}A,3,甲区,B\nB,3,乙区,C\nC,3,丙区,A\n")), row("2", "cycle"));
    assert_eq!(faults_of(&format!("{header}A,3,甲区,A\n")), row("2", "cycle"));
    assert_eq!(faults_of(&format!("{header}14,1,山西省,\nB,4,乙街道,14\nC,3,丙区,B\n")), row("4", "order"));
    assert_eq!(faults_of(&format!("{header}\"A\n9\",3,甲区,\n")), row("2", "code"), "a line break in a code");
    assert_eq!(faults_of("名字\n大同\n")[0].1, "common-sheet-fault");
}

#[tokio::test]
async fn a_line_break_in_a_place_is_refused_and_one_that_is_there_hides_nothing() {
    common::each(|house| async move {
        load(&house, DATONG).await;
        let app = &house.app;
        let parent = app.geography().root().map(|root| root.id);
        let new = geography::change::NewPlace { parent, name: "新区".into(), level: 3, code: "14\n99".into() };
        let refused = geography::change::add(app, new, Actor::default()).await;
        assert!(matches!(refused, Err(AppError::Invalid(faults)) if faults[0].at == "code"));
        let mut tx = app.db.begin_write().await.expect("begins");
        let odd = "UPDATE place SET code = $2, name = $3, full_name = $3 WHERE code = $1";
        tx.execute(odd, args!["140213050000", "1402\n13", "永泰\n街道"]).await.expect("updates");
        tx.commit().await.expect("commits");
        geography::reload(app).await.expect("the tree is read all the same");
        let book = app.geography();
        assert_eq!(book.len(), 1967);
        assert_eq!(book.by_code("1402\n13").map(|place| place.name), Some("永泰\n街道"));
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_refused_whole() {
    common::each(|house| async move {
        let plan = planned(
            b"140200000000\t2\t\xe5\xa4\xa7\xe5\x90\x8c\n140213050000\t4\t\xe6\xb0\xb8\n",
            "x.tsv",
            &Geography::default(),
        );
        let refused = geography::import(&house.app, plan, Actor::default(), "test", |_, _| {}).await;
        assert!(matches!(refused, Err(AppError::Invalid(faults)) if faults.len() == 1));
        let rows: (i64,) = house.app.read().one("SELECT count(*) FROM place", vec![]).await.expect("counts");
        assert_eq!(rows.0, 0);
    })
    .await;
}

#[tokio::test]
async fn rows_that_were_never_published_are_seen_by_nobody_and_removed() {
    common::each(|house| async move {
        load(&house, DATONG).await;
        let db = &house.app.db;
        let mut tx = db.begin_write().await.expect("begins");
        tx.execute("UPDATE place SET tree_version = 7 WHERE level = 5", vec![]).await.expect("updates");
        tx.commit().await.expect("commits");
        geography::reload(&house.app).await.expect("reloads");
        assert_eq!(house.app.geography().len(), 140);
        let done = load(&house, DATONG).await;
        assert_eq!((done.made, done.tree_version), (1827, 2));
        assert_eq!(house.app.geography().len(), 1967);
    })
    .await;
}

/// 10 cities x 10 districts x 10 townships x 100 communities.
fn hundred_thousand() -> String {
    let mut text = String::from("140000000000\t1\t山西省\n");
    for city in 1..=10 {
        let _ = writeln!(text, "14{city:02}00000000\t2\t第{city}市");
        for district in 1..=10 {
            let _ = writeln!(text, "14{city:02}{district:02}000000\t3\t第{district}区");
            for township in 1..=10 {
                let _ = writeln!(text, "14{city:02}{district:02}{township:03}000\t4\t第{township}街道");
                for community in 1..=100 {
                    let _ = writeln!(
                        text,
                        "14{city:02}{district:02}{township:03}{community:03}\t5\t第{community}社区居委会"
                    );
                }
            }
        }
    }
    text
}

#[tokio::test]
async fn a_hundred_thousand_places_load_and_answer() {
    let house = common::sqlite().await;
    let text = hundred_thousand();
    let start = std::time::Instant::now();
    let done = load(&house, text.as_bytes()).await;
    println!("import of {} places: {:?}", done.made, start.elapsed());
    assert_eq!(done.made, 101_111);
    let book = house.app.geography();
    let district = book.by_code("140302000000").expect("district");
    assert_eq!(book.subtree(district.id).count(), 1 + 10 + 1000);
    let start = std::time::Instant::now();
    let mut inside = 0;
    for place in book.all() {
        inside += usize::from(book.contains(district.id, place.id));
        assert!(book.chain(place.id).count() <= 5);
    }
    assert_eq!(inside, 1011);
    println!("100,000 ancestor and subtree questions: {:?}", start.elapsed());
    assert!(start.elapsed().as_secs() < 2);
    let rows: (i64,) = house
        .app
        .read()
        .one("SELECT count(*) FROM place_ancestor WHERE ancestor_id = $1", args![district.id])
        .await
        .expect("counts");
    assert_eq!(rows.0, 1011);
}

/// Beside the project, not part of it: skipped where it is absent.
#[tokio::test]
async fn beijing_loads_with_its_levels_skipping() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/beijing.tsv");
    let Ok(bytes) = std::fs::read(file) else { return };
    common::each(|house| {
        let bytes = bytes.clone();
        async move {
            let plan = planned(&bytes, "beijing.tsv", &Geography::default());
            assert_eq!((plan.merged, plan.fault_count), (1, 0));
            geography::import(&house.app, plan, Actor::default(), "test", |_, _| {}).await.expect("imports");
            let book = house.app.geography();
            let district = book.by_code("110101000000").expect("district");
            let levels: Vec<i64> = book.chain(district.id).map(|place| place.level).collect();
            assert_eq!(levels, [3, 1], "the municipality has no city between");
            assert_eq!(book.root().expect("root").name, "北京市");
            assert_eq!(book.len(), 7901);
        }
    })
    .await;
}
