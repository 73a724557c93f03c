//! Work played through the whole router, without scripts, on both databases: what a worker, a township and a
//! city do with items after the dispatch.

mod common;
#[path = "common/desk.rs"]
mod desk;
#[path = "common/town.rs"]
mod town;

use std::collections::BTreeMap;

use axum::http::StatusCode;
use desk::{Browser, Desk, Page, hidden};
use server::app::App;
use server::measures::{self, Axis};
use server::platform::clock::DAY;
use server::platform::database::Exec;
use server::platform::ids::{Id, new_free_id};
use server::tasks::model::Item;
use server::tasks::{Relay, Task, TaskShape, conservation, create, pass_on, store};

async fn items(app: &App, task: Id) -> Vec<Item> {
    let keys: Vec<(i64, Id)> = app
        .read()
        .all("SELECT shard, id FROM item WHERE task_id = $1 ORDER BY position", server::args![task])
        .await
        .expect("items");
    let mut items = Vec::new();
    for (shard, id) in keys {
        items.push(store::item(&mut app.read(), shard, id).await.expect("item"));
    }
    items
}

async fn again(app: &App, item: &Item) -> Item {
    store::item(&mut app.read(), item.shard, item.id).await.expect("item")
}

async fn sound(app: &App, task: &Task) {
    assert_eq!(conservation::check(app, task.id).await.expect("checked"), vec![]);
    assert_eq!(measures::recount(app, task.id).await.expect("recounted"), vec![]);
}

/// The page in English too: complete, without a key that has no text.
async fn both(browser: &Browser, path: &str) -> String {
    let english = browser.english().get(path).await;
    assert_eq!(english.status, StatusCode::OK, "{path}");
    assert!(english.text.contains("lang=\"en\""), "{path}");
    let page = browser.get(path).await;
    assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
    for text in [&page.text, &english.text] {
        assert!(!text.contains(">work-") && !text.contains(">tasks-"), "{path} shows a key");
    }
    page.text
}

fn refused(answer: &Page, words: &str) {
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text);
    assert!(answer.text.contains(words), "{words} is missing in {}", answer.text);
}

/// To each community's committee, to be claimed.
fn to_committee() -> rule_engine::Rule {
    create::first_rule(TaskShape::UnitReturn)
}

#[tokio::test(flavor = "multi_thread")]
async fn work_is_claimed_given_returned_and_transferred() {
    common::each(|house| async move {
        let app = &house.app;
        let desk = Desk::build(app).await;
        let at = desk.town.communities();
        let (here, next) = (at[0], at[1]);
        let task = desk.listed(app, desk.persons(app, 4).await, to_committee(), Relay::default()).await;
        let all = items(app, task.id).await;
        let held: Vec<&Item> = all.iter().filter(|item| item.holder_organization == desk.unit(here)).collect();
        assert_eq!(held.len(), 4);
        let ids: Vec<String> = held.iter().map(|item| item.id.to_string()).collect();
        let worker = Browser::sign_in(app, &format!("w{here}")).await;
        let office = Browser::sign_in(app, &format!("o{here}")).await;
        let township = Browser::sign_in(app, &format!("d{}", here - 1)).await;
        let stranger = Browser::sign_in(app, &format!("w{next}")).await;

        // Claim: it is mine; nobody else can take it; a stranger does not see it.
        let list = format!("/work/{}", task.id);
        assert!(both(&worker, "/work").await.contains("4 件没人认领"));
        assert!(both(&worker, &list).await.contains("认领"));
        let claimed = worker.post("/items/claim", &[("item", &ids[0]), ("back", &list)]).await;
        assert!(worker.follow(&claimed).await.contains("认领了 1 件"));
        assert_eq!(again(app, held[0]).await.holder_post, Some(desk.people[&format!("w{here}")].post));
        let late = office.post("/items/claim", &[("item", &ids[0]), ("back", &list)]).await;
        assert!(office.follow(&late).await.contains("已经有人认领，请刷新"));
        let unseen = stranger.post("/items/claim", &[("item", &ids[1]), ("back", "/work")]).await;
        assert_eq!(unseen.status, StatusCode::NOT_FOUND);
        assert_eq!(again(app, held[1]).await.holder_post, None);

        // Give to a person of the unit; to somebody elsewhere it is not possible; put back.
        let post = desk.people[&format!("w{here}")].post.to_string();
        let elsewhere = desk.people[&format!("w{next}")].post.to_string();
        let wrong = office.post("/items/give", &[("item", &ids[1]), ("post", &elsewhere), ("back", "/work")]).await;
        assert!(office.follow(&wrong).await.contains("请选本单位在岗的人"));
        let given = office
            .post("/items/give", &[("item", &ids[1]), ("item", &ids[2]), ("post", &post), ("back", "/work")])
            .await;
        assert!(office.follow(&given).await.contains("交办了 2 件"));
        let page = both(&worker, &format!("/items/{}", ids[1])).await;
        assert!(page.contains("放回待认领") && page.contains("交给 员工"), "{page}");
        let back = worker.post("/items/give", &[("item", &ids[1]), ("back", "/work")]).await;
        assert!(worker.follow(&back).await.contains("1 件放回待认领"));
        assert_eq!(again(app, held[1]).await.holder_post, None);
        let forbidden = worker.post("/items/give", &[("item", &ids[3]), ("post", &post), ("back", "/work")]).await;
        assert_eq!(forbidden.status, StatusCode::FORBIDDEN, "a grid worker does not give work out");

        // Return: a reason is needed; a batch; one by its own page.
        let batch = [("item", ids[1].as_str()), ("item", ids[2].as_str()), ("back", "/work")];
        let without = office.post("/items/return", &batch).await;
        assert!(office.follow(&without).await.contains("请写原因"));
        assert_eq!(again(app, held[2]).await.holder_organization, desk.unit(here));
        let mut with = batch.to_vec();
        with.push(("reason", "人在别的社区"));
        assert!(office.follow(&office.post("/items/return", &with).await).await.contains("退回了 2 件"));
        let returned = again(app, held[2]).await;
        assert_eq!((returned.holder_organization, returned.holder_post), (desk.unit(here - 1), None));
        let path = format!("/items/{}/return", ids[0]);
        assert!(both(&worker, &path).await.contains("退给派给您的单位"));
        let single = worker.post("/items/return", &[("item", &ids[0]), ("reason", "不认识"), ("back", &list)]).await;
        assert!(worker.follow(&single).await.contains("退回了 1 件"));
        assert!(both(&township, "/work").await.contains("退回、收回 3 件"));
        let items_page = format!("/tasks/{}/items?state=open&holder=none", task.id);
        assert!(both(&township, &items_page).await.contains("退回：人在别的社区"));
        // It is still about somebody of the own community, so it can be seen; it cannot be filled.
        assert!(!both(&worker, &format!("/items/{}", ids[0])).await.contains("name=\"client_id\""));

        // The township transfers one to the neighbour, not to a unit of another township.
        let far = desk.unit(at[4]).to_string();
        let far = [("item", ids[0].as_str()), ("to", &far), ("reason", "搬了"), ("back", "/work")];
        assert!(
            township.follow(&township.post("/items/transfer", &far).await).await.contains("请选同级或下一级的单位")
        );
        let near = desk.unit(next).to_string();
        let near = [("item", ids[0].as_str()), ("to", &near), ("reason", "搬到二社区"), ("back", "/work")];
        assert!(township.follow(&township.post("/items/transfer", &near).await).await.contains("转办了 1 件"));
        assert!(both(&stranger, &list).await.contains("转来：搬到二社区"));
        // The township takes it back: a reason is needed, nobody below can, and it is given out from there again.
        let item_page = format!("/items/{}", ids[0]);
        assert!(both(&township, &item_page).await.contains("收回到本单位"));
        assert!(!both(&stranger, &item_page).await.contains("收回到本单位"));
        assert!(both(&township, &format!("/tasks/{}/items?state=open", task.id)).await.contains("收回勾选的到本单位"));
        let recall = |why: &'static str| [("item", ids[0].as_str()), ("reason", why), ("back", "/work")];
        assert!(township.follow(&township.post("/items/recall", &recall("")).await).await.contains("请写原因"));
        let below = stranger.post("/items/recall", &recall("我要")).await;
        assert_eq!(below.status, StatusCode::FORBIDDEN, "a worker takes nothing back");
        let one_level = desk.people[&format!("d{}", here - 1)].organization;
        assert!(
            township.follow(&township.post("/items/recall", &recall("另有安排")).await).await.contains("收回了 1 件")
        );
        let back = again(app, held[0]).await;
        assert_eq!((back.holder_organization, back.holder_post), (one_level, None));
        assert!(both(&township, &items_page).await.contains("收回：另有安排"));
        // What is not below any more cannot be taken back again.
        let again_back = township.post("/items/recall", &recall("再来")).await;
        assert!(township.follow(&again_back).await.contains("不在下级手里"));
        sound(app, &task).await;
        assert!(township.follow(&township.post("/items/transfer", &near).await).await.contains("转办了 1 件"));
        let history = both(&stranger, &item_page).await;
        for step in ["认领", "退回 ", "转给 ", "收回到 "] {
            assert!(history.contains(step), "{step}");
        }
        let unit = both(&office, &format!("/tasks/{}/unit", task.id)).await;
        assert!(unit.contains("收到 1 = 在手 1") && unit.contains("退回上级共 3 件次"), "{unit}");
        sound(app, &task).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_void_is_proposed_below_and_judged_above() {
    common::each(|house| async move {
        let app = &house.app;
        let desk = Desk::build(app).await;
        let here = desk.town.communities()[0];
        let task =
            desk.listed(app, desk.persons(app, 1).await, create::first_rule(TaskShape::Listed), Relay::default()).await;
        let worker = Browser::sign_in(app, &format!("w{here}")).await;
        let township = Browser::sign_in(app, &format!("d{}", here - 1)).await;
        let sibling = Browser::sign_in(app, &format!("d{}", here + 2)).await;
        let unit = desk.unit(here);
        let item = items(app, task.id).await.into_iter().find(|item| item.holder_organization == unit).expect("held");
        let (page, void) = (format!("/items/{}", item.id), format!("/items/{}/void", item.id));
        let settle = format!("{void}/settle");
        assert!(both(&worker, &void).await.contains("已迁出"));
        refused(&worker.post(&void, &[]).await, "请选一个原因");
        refused(&worker.post(&void, &[("why", "other")]).await, "请写原因");
        let proposed = worker.post(&void, &[("why", "moved-away"), ("reason", "去年搬走")]).await;
        assert!(worker.follow(&proposed).await.contains("已提出，等上级确认"));
        assert_eq!(worker.post(&void, &[("why", "died")]).await.status, StatusCode::CONFLICT);
        assert_eq!(worker.post(&settle, &[("answer", "confirm")]).await.status, StatusCode::FORBIDDEN);
        assert_eq!(sibling.post(&settle, &[("answer", "confirm")]).await.status, StatusCode::NOT_FOUND);
        assert!(both(&township, "/work").await.contains("1 件提出作废，等您确认"));
        assert!(both(&township, &page).await.contains("已迁出：去年搬走"));
        let silent = township.post(&settle, &[("answer", "refuse")]).await;
        assert!(township.follow(&silent).await.contains("请写原因"));
        assert_eq!(again(app, &item).await.state, "void_proposed");
        let refusal = township.post(&settle, &[("answer", "refuse"), ("reason", "昨天还在")]).await;
        assert!(township.follow(&refusal).await.contains("没有同意，仍要办"));
        assert!(both(&worker, &page).await.contains("作废没有通过：昨天还在"));
        worker.post(&void, &[("why", "died")]).await;
        let confirmed = township.post(&settle, &[("answer", "confirm")]).await;
        assert!(township.follow(&confirmed).await.contains("已作废"));
        assert_eq!(again(app, &item).await.state, "void");
        let client = new_free_id(app.now()).to_string();
        let after = worker.post(&page, &[("client_id", &client), ("living_alone", "false")]).await;
        assert_eq!(after.status, StatusCode::CONFLICT);
        assert!(after.text.contains("这一件已经办结"));
        let board = &measures::board(app, task.id, Axis::Place, task.root_place).await.expect("board").here;
        assert_eq!((board.total("void"), board.total("open"), board.due()), (1, 7, 7));
        sound(app, &task).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_is_filed_once_corrected_and_next_time_one_tap() {
    common::each(|house| async move {
        let app = &house.app;
        let desk = Desk::build(app).await;
        let here = desk.town.communities()[0];
        let people = desk.persons(app, 2).await;
        let rule = || create::first_rule(TaskShape::Listed);
        let task = desk.listed(app, people.clone(), rule(), Relay::default()).await;
        let worker = Browser::sign_in(app, &format!("w{here}")).await;
        let township = Browser::sign_in(app, &format!("d{}", here - 1)).await;
        let unit = desk.unit(here);
        let mine = |all: Vec<Item>| all.into_iter().find(|item| item.holder_organization == unit).expect("held");
        let item = mine(items(app, task.id).await);
        let path = format!("/items/{}", item.id);

        // What is known stands there; a mistake keeps what was typed.
        let page = both(&worker, &path).await;
        assert!(page.contains("老人0") && page.contains("138****5678") && !page.contains("没有变化"), "{page}");
        let (client, version) = (hidden(&page, "client_id"), hidden(&page, "item_version"));
        let filed = |needs: &'static str, date: &'static str| {
            vec![
                ("client_id", client.clone()),
                ("item_version", version.clone()),
                ("record_version", hidden(&page, "record_version")),
                ("living_alone", "true".into()),
                ("contact", "家属".into()),
                ("visited_on", date.into()),
                ("needs", "meals".into()),
                ("remarks", needs.into()),
            ]
        };
        let post = async |path: &str, pairs: Vec<(&'static str, String)>| {
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
            worker.post(path, &pairs).await
        };
        let wrong = post(&path, filed("好", "2099-01-01")).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.text.contains("走访日期") && wrong.text.contains(">好</textarea>"), "{}", wrong.text);
        assert_eq!(again(app, &item).await.state, "open");

        // Once, and again: one slip. Something else under the same id: no.
        let first = post(&path, filed("身体好", "2026-11-24")).await;
        assert_eq!(first.location, format!("{path}/slip"), "{}", first.text);
        let slip = both(&worker, &first.location).await;
        let code = slip.split("class=\"code\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a code");
        assert!(code.len() > 5 && slip.contains("员工"), "{slip}");
        let repeat = post(&path, filed("身体好", "2026-11-24")).await;
        assert!(worker.follow(&repeat).await.contains(code));
        let other = post(&path, filed("身体差", "2026-11-24")).await;
        assert_eq!(other.status, StatusCode::CONFLICT);
        assert!(other.text.contains("已经用另外的内容提交过"));
        let done = again(app, &item).await;
        assert_eq!(done.state, "done");
        let count = |name: &'static str| async move {
            let board = measures::board(app, task.id, Axis::Place, task.root_place).await.expect("board");
            board.here.total(name)
        };
        assert_eq!((count("done").await, count("alone").await), (1, 1));

        // The township names what is to be put right; the same worker files it again.
        let correct = format!("{path}/correct");
        assert!(both(&township, &correct).await.contains("是否独居"));
        refused(&township.post(&correct, &[("reason", "再问")]).await, "请指出要改的项");
        refused(&township.post(&correct, &[("field", "living_alone")]).await, "请写原因");
        let fields = [("field", "living_alone"), ("field", "contact"), ("reason", "和户口本不一样")];
        assert!(township.follow(&township.post(&correct, &fields).await).await.contains("已退回修改"));
        assert_eq!((count("done").await, count("correction").await, count("alone").await), (0, 1, 0));
        assert!(both(&worker, "/work").await.contains("1 件要修改"));
        let page = both(&worker, &path).await;
        assert!(page.contains("请修改 是否独居、紧急联系人：和户口本不一样"), "{page}");
        let mut second = vec![
            ("client_id", hidden(&page, "client_id")),
            ("item_version", hidden(&page, "item_version")),
            ("record_version", hidden(&page, "record_version")),
            ("living_alone", "false".into()),
            ("visited_on", "2026-11-24".into()),
            ("remarks", "按户口本".into()),
        ];
        app.clock.advance(DAY / 1440);
        assert_eq!(post(&path, second.clone()).await.location, format!("{path}/slip"));
        assert_eq!((count("done").await, count("alone").await), (1, 0));
        // An older page of the same item is shown the change again.
        second[0].1 = new_free_id(app.now()).to_string();
        assert_eq!(post(&path, second).await.status, StatusCode::CONFLICT);
        sound(app, &task).await;

        // Next time: one tap where there was a visit, none where there was not.
        app.clock.advance(30 * DAY);
        let worker = Browser::sign_in(app, &format!("w{here}")).await;
        let next = desk.listed(app, people, rule(), Relay::default()).await;
        let all = items(app, next.id).await;
        let known = mine(all.clone());
        let list = both(&worker, &format!("/work/{}", next.id)).await;
        assert_eq!(list.matches("没有变化").count(), 1, "{list}");
        assert!(list.contains("上次 11 月 24 日：按户口本"), "what was put right, not what was wrong: {list}");
        let unchanged = format!("/items/{}/unchanged", known.id);
        let client = new_free_id(app.now()).to_string();
        let tap = [("client_id", client.as_str()), ("item_version", "1")];
        let tapped = worker.post(&unchanged, &tap).await;
        assert!(worker.follow(&tapped).await.contains("老人0 已办，凭证"));
        let after = again(app, &known).await;
        assert_eq!((after.state.as_str(), after.changed), ("done", Some(false)));
        let first = worker.post(&unchanged, &tap).await;
        assert!(worker.follow(&first).await.contains("老人0 已办，凭证"), "a second tap is the same visit");
        let never = all.iter().find(|item| item.holder_organization == unit && item.id != known.id).expect("another");
        let client = new_free_id(app.now()).to_string();
        let none = worker.post(&format!("/items/{}/unchanged", never.id), &[("client_id", &client)]).await;
        assert_eq!(none.status, StatusCode::CONFLICT);
        assert!(none.text.contains("没有上次走访"));
        sound(app, &next).await;
    })
    .await;
}

const NUMBERS: [&str; 2] = ["110101199003070011", "110101199003070038"];

#[tokio::test(flavor = "multi_thread")]
async fn a_discovery_finds_certifies_and_is_opened_again() {
    common::each(|house| async move {
        let app = &house.app;
        let desk = Desk::build(app).await;
        let at = desk.town.communities();
        let (here, next) = (at[0], at[1]);
        let task = desk.units(app, TaskShape::Discovery, None).await;
        let all = items(app, task.id).await;
        assert_eq!(all.len(), at.len(), "one item for each unit");
        let of =
            |unit: usize| all.iter().find(|item| item.holder_organization == desk.unit(unit)).expect("held").clone();
        let worker = Browser::sign_in(app, &format!("w{here}")).await;
        let neighbour = Browser::sign_in(app, &format!("w{next}")).await;
        let township = Browser::sign_in(app, &format!("d{}", here - 1)).await;
        let (unit, other) = (of(here), of(next));
        let (path, certify) = (format!("/items/{}", unit.id), format!("/items/{}/certify", unit.id));
        assert!(both(&worker, &format!("/work/{}", task.id)).await.contains("去摸排"));
        assert!(both(&worker, &path).await.contains("还没有登记"));
        let find = async |browser: &Browser, unit: &Item, n: usize| {
            let path = format!("/items/{}/found", unit.id);
            let client = hidden(&browser.get(&path).await.text, "client_id");
            let pairs = [
                ("client_id", client.as_str()),
                ("name", "新老人"),
                ("id_no", NUMBERS[n]),
                ("living_alone", "false"),
                ("visited_on", "2026-11-24"),
            ];
            (browser.post(&path, &pairs).await, browser.post(&path, &pairs).await)
        };
        let found = format!("{path}/found");
        assert!(both(&worker, &found).await.contains("登记一个对象"));
        let client = new_free_id(app.now()).to_string();
        let bad = worker.post(&found, &[("client_id", &client), ("name", "甲"), ("id_no", "123")]).await;
        assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
        let (once, twice) = find(&worker, &unit, 0).await;
        assert!(worker.follow(&once).await.contains("已登记，凭证"));
        assert!(worker.follow(&twice).await.contains("已找到 1 个"), "the same post is the same find");

        // The number must be that of what was found; nothing found is asked once more.
        refused(&worker.post(&certify, &[("number", "很多")]).await, "请填一个整数");
        refused(&worker.post(&certify, &[("number", "3")]).await, "您填的是 3，已登记 1 个");
        let done = worker.post(&certify, &[("number", "１")]).await;
        assert!(worker.follow(&done).await.contains("已确认总数：1"));
        let zero = format!("/items/{}/certify", other.id);
        refused(&neighbour.post(&zero, &[("number", "0")]).await, "确实一个也没有？");
        assert_eq!(again(app, &other).await.state, "open");
        let sure = neighbour.post(&zero, &[("number", "0"), ("zero", "1")]).await;
        assert!(neighbour.follow(&sure).await.contains("已确认总数：0"));

        // A later find opens the unit's item again.
        let (later, _) = find(&worker, &unit, 1).await;
        let page = worker.follow(&later).await;
        assert!(page.contains("又有新发现，请重新确认总数") && page.contains("已找到 2 个"), "{page}");
        assert_eq!((again(app, &unit).await.state, again(app, &unit).await.certified), ("open".into(), None));
        let done = worker.post(&certify, &[("number", "2")]).await;
        assert!(worker.follow(&done).await.contains("已确认总数：2"));

        // The same person found by the neighbour too: proposed void, judged above.
        let (double, _) = find(&neighbour, &other, 0).await;
        let page = neighbour.follow(&double).await;
        assert!(page.contains("待确认作废") && page.contains("已找到 0 个"), "{page}");
        assert!(both(&township, &format!("/tasks/{}/items?state=void_proposed", task.id)).await.contains("新老人"));
        let child = items(app, task.id).await.into_iter().find(|item| item.state == "void_proposed").expect("proposed");
        assert_eq!(child.parent_item_id, Some(other.id));
        let sure = neighbour.post(&zero, &[("number", "0"), ("zero", "1")]).await;
        assert!(neighbour.follow(&sure).await.contains("已确认总数：0"));
        let settle = format!("/items/{}/void/settle", child.id);
        let kept = township.post(&settle, &[("answer", "refuse"), ("reason", "两个人")]).await;
        township.follow(&kept).await;
        assert_eq!(again(app, &child).await.state, "done");
        assert_eq!(again(app, &other).await.state, "open", "its number is one more than was certified");
        let board = &measures::board(app, task.id, Axis::Place, task.root_place).await.expect("board").here;
        assert_eq!((board.total("assigned"), board.total("done")), (8, 1), "completion counts units");
        sound(app, &task).await;
    })
    .await;
}

const REPORT: &str = r#"{"id": "unit_report", "title": {"zh-CN": "食堂月报", "en": "Canteen report"}, "subject": "organization",
    "sections": [{"key": "all", "title": {"zh-CN": "本月", "en": "This month"}, "fields": ["meals", "notes"]}],
    "fields": [{"key": "meals", "control": "integer", "label": {"zh-CN": "供餐人次", "en": "Meals served"}, "required": true, "min": 0},
               {"key": "notes", "control": "long_text", "label": {"zh-CN": "说明", "en": "Notes"}}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_unit_answers_its_report_once() {
    common::each(|house| async move {
        let app = &house.app;
        let desk = Desk::build(app).await;
        let here = desk.town.communities()[0];
        let task = desk.units(app, TaskShape::UnitReturn, Some(REPORT)).await;
        let worker = Browser::sign_in(app, &format!("w{here}")).await;
        let unit = desk.unit(here);
        let item = items(app, task.id).await.into_iter().find(|item| item.holder_organization == unit).expect("held");
        let path = format!("/items/{}", item.id);
        let page = both(&worker, &path).await;
        assert!(page.contains("供餐人次"), "{page}");
        let (client, version) = (hidden(&page, "client_id"), hidden(&page, "item_version"));
        let report = |meals: &'static str| {
            [("client_id", client.clone()), ("item_version", version.clone()), ("meals", meals.into())]
        };
        let post = async |meals| {
            let pairs = report(meals);
            let pairs: Vec<(&str, &str)> =
                pairs.iter().map(|(name, value): &(&str, String)| (*name, value.as_str())).collect();
            worker.post(&path, &pairs).await
        };
        assert_eq!(post("许多").await.status, StatusCode::UNPROCESSABLE_ENTITY);
        let filed = post("３20").await;
        assert_eq!(filed.location, format!("{path}/slip"), "{}", filed.text);
        both(&worker, &filed.location).await;
        let done = again(app, &item).await;
        assert_eq!(done.state, "done");
        assert_eq!(done.holder_post, Some(desk.people[&format!("w{here}")].post), "who files it has claimed it");
        sound(app, &task).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_district_passes_its_part_on_by_hand_or_when_its_time_has_come() {
    common::each(|house| async move {
        let app = &house.app;
        let desk = Desk::build(app).await;
        let here = desk.town.communities()[0];
        let relay = Relay { waits: vec![3], passes_after: BTreeMap::from([(3, 2)]) };
        let task = desk.listed(app, desk.persons(app, 2).await, create::first_rule(TaskShape::Listed), relay).await;
        let parts = store::assignments(&mut app.read(), task.id).await.expect("parts");
        let waiting: Vec<_> = parts.iter().filter(|part| part.state == "waiting").collect();
        assert_eq!(waiting.len(), 2);
        let districts: Vec<usize> = (0..desk.town.places.len()).filter(|at| desk.town.places[*at].level == 3).collect();
        let district = Browser::sign_in(app, &format!("d{}", districts[0])).await;
        let other = Browser::sign_in(app, &format!("d{}", districts[1])).await;
        let worker = Browser::sign_in(app, &format!("w{here}")).await;
        let unit = format!("/tasks/{}/unit", task.id);
        assert!(both(&district, "/work").await.contains("8 件等您下派"));
        assert!(both(&worker, "/work").await.contains("work") && items(app, task.id).await.len() == 16);
        let page = both(&district, &unit).await;
        assert!(page.contains("等您下派") && page.contains("会自动下派"), "{page}");
        let part = hidden(&page, "part");
        let pass = format!("/tasks/{}/pass-on", task.id);
        assert_eq!(other.post(&pass, &[("part", &part)]).await.status, StatusCode::NOT_FOUND);
        assert_eq!(worker.post(&pass, &[("part", &part)]).await.status, StatusCode::FORBIDDEN);
        let passed = district.post(&pass, &[("part", &part)]).await;
        assert!(district.follow(&passed).await.contains("下派了 8 件"));
        assert_eq!(district.post(&pass, &[("part", &part)]).await.status, StatusCode::CONFLICT);
        assert!(both(&worker, "/work").await.contains("2 件要办"));
        sound(app, &task).await;
        // The other one does nothing; after its two working days it passes by itself, once.
        app.clock.advance(DAY);
        assert_eq!(pass_on::pass_due(app).await.expect("looked"), 0);
        app.clock.advance(2 * DAY);
        assert_eq!(pass_on::pass_due(app).await.expect("passed"), 1);
        assert_eq!(pass_on::pass_due(app).await.expect("looked"), 0);
        let held = items(app, task.id).await;
        assert!(held.iter().all(|item| item.holder_post.is_some()), "everybody has a grid worker");
        let other = Browser::sign_in(app, &format!("d{}", districts[1])).await;
        assert!(both(&other, &unit).await.contains("收到 8 = 在手 0 + 下派 8"));
        sound(app, &task).await;
    })
    .await;
}
