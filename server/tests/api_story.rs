//! The story by the API alone, with bearer tokens: form, publish, listed task, subjects, rule, dry run,
//! dispatch, item, submission, board, ledger; then what is done with items besides filling them.

mod common;
#[path = "common/staffed.rs"]
mod staffed;
#[path = "common/town.rs"]
mod town;

use serde_json::{Value, json};
use server::app::App;
use server::args;
use server::error::AppError;
use server::platform::database::Exec;
use server::platform::ids::{Id, new_free_id};
use server::platform::jobs::run_until_idle;
use staffed::Staffed;

const VISIT: &str = include_str!("../../form-runtime/tests/forms/visit.json");
const NONE: Value = Value::Null;

/// Asks and expects a status.
async fn ask(staffed: &Staffed, app: &App, who: &str, call: &str, body: Value, expected: u16) -> Value {
    let (method, path) = call.split_once(' ').expect("METHOD path");
    let (status, answer) = staffed.json(app, who, method, path, &body).await;
    assert_eq!(status, expected, "{who} {call}: {answer}");
    answer
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text: {value}")).to_owned()
}

/// Form made, changed and published by JSON; the id of its version.
async fn form(staffed: &Staffed, app: &App) -> String {
    let definition: Value = serde_json::from_str(VISIT).expect("json");
    let made = ask(staffed, app, "manager", "POST /api/v1/forms", json!({"title": "独居老人走访"}), 201).await;
    let path = format!("/api/v1/forms/{}", text(&made["id"]));
    let bare = ask(staffed, app, "manager", &format!("PATCH {path}"), json!({"definition": definition}), 428).await;
    assert_eq!(bare["code"], "precondition");
    let changed = json!({"definition": definition});
    let (status, answer) = staffed.json_with(app, "manager", "PATCH", &path, &[("if-match", "\"1\"")], &changed).await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = staffed.json_with(app, "manager", "PATCH", &path, &[("if-match", "\"1\"")], &changed).await;
    assert_eq!((status, answer["current"]["version"].as_i64()), (412, Some(2)), "{answer}");
    let wrong =
        json!({"definition": {"id": "x", "title": {"zh-CN": "x"}, "fields": [{"key": "a", "control": "nonsense"}]}});
    let (status, answer) = staffed.json_with(app, "manager", "PATCH", &path, &[("if-match", "\"2\"")], &wrong).await;
    assert!(status == 422 || status == 200, "{answer}");
    if status == 200 {
        // A draft may be unfinished; publishing it may not.
        ask(staffed, app, "manager", &format!("POST {path}/publish"), NONE, 422).await;
        let again = [("if-match", "\"3\"")];
        let (status, answer) = staffed.json_with(app, "manager", "PATCH", &path, &again, &changed).await;
        assert_eq!(status, 200, "{answer}");
    }
    let version = ask(staffed, app, "manager", &format!("POST {path}/publish"), NONE, 200).await;
    assert_eq!(version["new"], true);
    let again = ask(staffed, app, "manager", &format!("POST {path}/publish"), NONE, 200).await;
    assert_eq!((&again["id"], &again["new"]), (&version["id"], &json!(false)));
    text(&version["id"])
}

async fn send(staffed: &Staffed, app: &App, task: &str) {
    let run = ask(staffed, app, "manager", &format!("POST /api/v1/tasks/{task}/dry-run"), NONE, 200).await;
    assert_eq!(run["orphans"], json!([]), "{run}");
    let version = json!({"version": run["task_version"]});
    ask(staffed, app, "manager", &format!("POST /api/v1/tasks/{task}/dispatch"), version, 202).await;
    run_until_idle(app).await.expect("jobs");
    let shown = ask(staffed, app, "manager", &format!("GET /api/v1/tasks/{task}"), NONE, 200).await;
    assert_eq!(shown["state"], "running");
}

async fn items(staffed: &Staffed, app: &App, who: &str, query: &str) -> Vec<Value> {
    let list = ask(staffed, app, who, &format!("GET /api/v1/items?{query}"), NONE, 200).await;
    list["items"].as_array().expect("a list").clone()
}

async fn new_task(staffed: &Staffed, app: &App, form: &str, more: Value) -> String {
    let mut body = json!({"title": "独居老人走访", "form_version": form, "root_place": staffed.town.places[0].id, "working_days": 3});
    body.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
    text(&ask(staffed, app, "manager", "POST /api/v1/tasks", body, 201).await["id"])
}

#[tokio::test]
async fn the_story_is_driven_by_the_api_alone() {
    common::each(|house| async move {
        let app = &house.app;
        let staffed = Staffed::build(app).await;
        // Nobody and those who may not are told so whatever they send.
        for call in ["POST /api/v1/tasks", "PATCH /api/v1/forms/x", "POST /api/v1/items/claim", "DELETE /api/v1/places/x"] {
            let answer = ask(&staffed, app, "nobody", call, json!([1]), 401).await;
            assert_eq!(answer["code"], "sign-in");
        }
        ask(&staffed, app, "anna", "POST /api/v1/forms", json!([1]), 403).await;
        let form = form(&staffed, app).await;
        let model = ask(&staffed, app, "manager", "GET /api/v1/knowledge", NONE, 200).await;
        assert!(model["classes"].as_array().is_some_and(|all| all.len() > 3));

        // A listed task from a sheet.
        let task = new_task(&staffed, app, &form, json!({})).await;
        let sheet = "姓名,身份证号,联系电话,所在社区,街道\n赵桂英,99010519400301002X,13800138000,第1社区,古城街道\n";
        let sheet = sheet.replace("99010519400301002X", &server::demo::citizen_number("140202", "19400301", 2));
        let sheet = sheet.replace(",第1社区", ",古城街道第1社区");
        let path = format!("/api/v1/tasks/{task}/subjects/import");
        let (status, bytes) = staffed.upload(app, "manager", &path, "名单.csv", sheet.as_bytes()).await;
        let read: Value = serde_json::from_slice(&bytes).expect("json");
        assert_eq!((status.as_u16(), &read["rows"], &read["faulty"]), (200, &json!(1), &json!(0)), "{read}");
        let shown = ask(&staffed, app, "manager", &format!("GET /api/v1/tasks/{task}"), NONE, 200).await;
        let version = format!("\"{}\"", shown["version"]);
        let rule = json!({"rule": {"sentence": {"then": {"level": "community", "whom": {"tag": {"tag": "grid_worker"}}, "working_days": 3}}}});
        let rule = if shown["rule"].get("kind").is_some() { json!({"rule": shown["rule"]}) } else { rule };
        let (status, answer) = staffed
            .json_with(app, "manager", "PATCH", &format!("/api/v1/tasks/{task}"), &[("if-match", &version)], &rule)
            .await;
        assert!(status == 200 || status == 422, "{answer}");
        send(&staffed, app, &task).await;

        // Her item, what is known of it, a mistake, the visit, the same visit again.
        let mine = items(&staffed, app, "anna", &format!("task={task}&holder=mine&state=open")).await;
        assert_eq!(mine.len(), 1);
        assert!(items(&staffed, app, "ben", "").await.is_empty(), "nothing in the next community");
        let item = text(&mine[0]["id"]);
        let path = format!("/api/v1/items/{item}");
        ask(&staffed, app, "ben", &format!("GET {path}"), NONE, 404).await;
        let opened = ask(&staffed, app, "anna", &format!("GET {path}"), NONE, 200).await;
        assert_eq!(opened["known"]["phone"]["mask"], "138****8000", "{opened}");
        assert!(opened["known"]["phone"].get("value").is_none());
        let fill = format!("POST {path}/submissions");
        let client = new_free_id(common::NOW);
        let none = ask(&staffed, app, "anna", &fill, json!({"answers": {}}), 422).await;
        assert_eq!(none["errors"][0]["pointer"], "/client_id");
        let wrong = json!({"client_id": client, "answers": {"visited_on": "昨天", "living_alone": true, "contact": "赵小军"}});
        let wrong = ask(&staffed, app, "anna", &fill, wrong, 422).await;
        assert_eq!(wrong["errors"][0]["pointer"], "/answers/visited_on", "{wrong}");
        assert!(text(&wrong["errors"][0]["message"]).contains("走访日期"));
        let visit = json!({"client_id": client, "item_version": opened["version"], "record_version": opened["record_version"],
            "answers": {"visited_on": "2026-11-23", "living_alone": true, "contact": "赵小军", "needs": ["meals"], "phone": "13900139000"}});
        let slip = ask(&staffed, app, "anna", &fill, visit.clone(), 201).await;
        let again = ask(&staffed, app, "anna", &fill, visit.clone(), 200).await;
        assert_eq!((&again["slip"], &again["repeated"]), (&slip["slip"], &json!(true)));
        let mut other = visit;
        other["answers"]["needs"] = json!(["repair"]);
        ask(&staffed, app, "anna", &fill, other, 409).await;
        let stored = format!("GET /api/v1/submissions/{}", text(&slip["submission"]));
        let stored_by_anna = ask(&staffed, app, "anna", &stored, NONE, 200).await;
        assert_eq!(stored_by_anna["answers"]["phone"], "139****9000", "{stored_by_anna}");
        ask(&staffed, app, "ben", &stored, NONE, 404).await;

        // The board and the ledger.
        let board = ask(&staffed, app, "manager", &format!("GET /api/v1/boards/{task}"), NONE, 200).await;
        assert_eq!((&board["here"]["due"], &board["here"]["ended"], &board["here"]["totals"]["visited"]), (&json!(1), &json!(1), &json!(1)));
        assert_eq!(board["here"]["totals"]["needs"], 1, "{board}");
        let ledgers = ask(&staffed, app, "manager", "GET /api/v1/ledgers", NONE, 200).await;
        let ledger = text(&ledgers["items"][0]["id"]);
        let rows = ask(&staffed, app, "manager", &format!("GET /api/v1/ledgers/{ledger}/rows"), NONE, 200).await;
        assert_eq!((&rows["count"], &rows["items"][0]["values"]["name"]), (&json!(1), &json!("赵桂英")), "{rows}");

        // A second task over the ledger's members.
        let second = new_task(&staffed, app, &form, json!({})).await;
        let take = format!("POST /api/v1/tasks/{second}/subjects/ledger");
        ask(&staffed, app, "manager", &take, json!({"ledger": new_free_id(common::NOW)}), 422).await;
        ask(&staffed, app, "anna", &take, json!({"ledger": ledger}), 403).await;
        let read = ask(&staffed, app, "manager", &take, json!({"ledger": ledger}), 200).await;
        assert_eq!(read["rows"], 1);
        send(&staffed, app, &second).await;
        // 没有变化, by the key alone.
        let mine = items(&staffed, app, "anna", &format!("task={second}&state=open")).await;
        let path = format!("/api/v1/items/{}/submissions", text(&mine[0]["id"]));
        let same = json!({"confirm_all": true});
        let key = [("idempotency-key", "one")];
        let (status, first) = staffed.json_with(app, "anna", "POST", &path, &key, &same).await;
        assert_eq!(status, 201, "{first}");
        let (status, again) = staffed.json_with(app, "anna", "POST", &path, &key, &same).await;
        assert_eq!((status, &again["slip"]), (201, &first["slip"]), "{again}");
        let done = items(&staffed, app, "manager", &format!("task={second}&state=done&changed=false")).await;
        assert_eq!(done.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_done_with_items_is_done_by_the_api() {
    common::each(|house| async move {
        let app = &house.app;
        let staffed = Staffed::build(app).await;
        let form = form(&staffed, app).await;
        // A discovery to both communities' units; the township waits and passes on.
        let relay = json!({"waits": [4]});
        let task = new_task(&staffed, app, &form, json!({"shape": "discovery", "relay": relay})).await;
        ask(&staffed, app, "manager", &format!("POST /api/v1/tasks/{task}/units"), json!({"level": 5}), 200).await;
        send(&staffed, app, &task).await;
        let shown = ask(&staffed, app, "township", &format!("GET /api/v1/tasks/{task}"), NONE, 200).await;
        let part = shown["units"].as_array().expect("units").iter().find(|unit| unit["state"] == "waiting");
        let part = text(&part.unwrap_or_else(|| panic!("a waiting part: {shown}"))["id"]);
        let pass = format!("POST /api/v1/tasks/{task}/parts/{part}/pass-on");
        ask(&staffed, app, "anna", &pass, NONE, 403).await;
        ask(
            &staffed,
            app,
            "township",
            &format!("POST /api/v1/tasks/{task}/parts/{}/pass-on", new_free_id(common::NOW)),
            NONE,
            404,
        )
        .await;
        let passed = ask(&staffed, app, "township", &pass, NONE, 200).await;
        assert_eq!(passed, json!({"moved": 2, "kept": 0}));
        ask(&staffed, app, "township", &pass, NONE, 409).await;

        let list = items(&staffed, app, "anna", &format!("task={task}&holder=mine")).await;
        assert_eq!(list.len(), 1, "{list:?}");
        let unit = text(&list[0]["id"]);
        let claimed = ask(&staffed, app, "anna", "POST /api/v1/items/claim", json!({"items": [unit]}), 200).await;
        assert!(claimed["count"].as_u64().is_some());
        let put_back = json!({"items": [unit], "post": null});
        assert_eq!(ask(&staffed, app, "anna", "POST /api/v1/items/give", put_back, 200).await["count"], 1);
        let unclaimed = items(&staffed, app, "anna", &format!("task={task}&holder=none")).await;
        assert_eq!(unclaimed.len(), 1);
        let give = json!({"items": [unit], "post": staffed.people["anna"].post});
        ask(&staffed, app, "township", "POST /api/v1/items/give", give, 200).await;

        // Found, certified.
        let find = format!("POST /api/v1/items/{unit}/finds");
        let certify = format!("POST /api/v1/items/{unit}/certify");
        let zero = ask(&staffed, app, "anna", &certify, json!({"number": 0}), 422).await;
        assert_eq!(zero["errors"][0]["pointer"], "/zero_confirmed");
        let id_no = server::demo::citizen_number("140202", "19400301", 2);
        let found = json!({"client_id": new_free_id(common::NOW), "answers": {"name": "赵桂英", "id_no": id_no,
            "living_alone": false, "visited_on": "2026-11-23"}});
        let slip = ask(&staffed, app, "anna", &find, found.clone(), 201).await;
        assert_eq!(ask(&staffed, app, "anna", &find, found, 200).await["slip"], slip["slip"]);
        let differs = ask(&staffed, app, "anna", &certify, json!({"number": 2}), 422).await;
        assert_eq!(differs["errors"][0]["pointer"], "/number");
        let done = ask(&staffed, app, "anna", &certify, json!({"number": 1}), 200).await;
        assert_eq!((&done["state"], &done["certified"]), (&json!("done"), &json!(1)));
        let children = items(&staffed, app, "anna", &format!("found_under={unit}")).await;
        assert_eq!(children.len(), 1);

        // Listed: return, transfer, void, correct.
        let ledgers = ask(&staffed, app, "manager", "GET /api/v1/ledgers", NONE, 200).await;
        let all = text(&ledgers["items"].as_array().and_then(|all| all.last()).expect("ledgers")["id"]);
        let listed = new_task(&staffed, app, &form, json!({})).await;
        let ledger = json!({"ledger": all});
        let read =
            ask(&staffed, app, "manager", &format!("POST /api/v1/tasks/{listed}/subjects/ledger"), ledger, 200).await;
        if read["rows"] == 0 {
            let first = text(&ledgers["items"][0]["id"]);
            let first = json!({"ledger": first});
            ask(&staffed, app, "manager", &format!("POST /api/v1/tasks/{listed}/subjects/ledger"), first, 200).await;
        }
        send(&staffed, app, &listed).await;
        let item = text(&items(&staffed, app, "anna", &format!("task={listed}")).await[0]["id"]);
        let path = format!("/api/v1/items/{item}");
        ask(&staffed, app, "anna", "POST /api/v1/items/return", json!({"items": [item]}), 422).await;
        let back = json!({"items": [item], "reason": "不在本社区"});
        ask(&staffed, app, "ben", "POST /api/v1/items/return", back.clone(), 404).await;
        assert_eq!(ask(&staffed, app, "anna", "POST /api/v1/items/return", back, 200).await["count"], 1);
        let unit_of = |who: &str| staffed.people[who].organization;
        let down = json!({"items": [item], "to": unit_of("anna"), "reason": "是你们的"});
        ask(&staffed, app, "township", "POST /api/v1/items/transfer", down, 200).await;
        let recall = json!({"items": [item], "reason": "另有安排"});
        ask(&staffed, app, "anna", "POST /api/v1/items/recall", recall.clone(), 403).await;
        assert_eq!(ask(&staffed, app, "township", "POST /api/v1/items/recall", recall, 200).await["count"], 1);
        let down = json!({"items": [item], "to": unit_of("anna"), "reason": "还是你们的"});
        ask(&staffed, app, "township", "POST /api/v1/items/transfer", down, 200).await;
        ask(&staffed, app, "anna", "POST /api/v1/items/claim", json!({"items": [item]}), 200).await;
        let void = format!("POST {path}/void");
        ask(&staffed, app, "anna", &void, json!({"why": "nonsense"}), 422).await;
        let proposed = ask(&staffed, app, "anna", &void, json!({"why": "moved-away"}), 200).await;
        assert_eq!(proposed["state"], "void_proposed");
        let settle = format!("POST {path}/void/settle");
        ask(&staffed, app, "anna", &settle, json!({"confirm": true}), 403).await;
        let open = ask(&staffed, app, "township", &settle, json!({"confirm": false, "reason": "还住着"}), 200).await;
        assert_eq!(open["state"], "open");
        let visit = json!({"client_id": new_free_id(common::NOW), "answers": {"visited_on": "2026-11-23"}});
        ask(&staffed, app, "anna", &format!("POST {path}/submissions"), visit, 201).await;
        let correct = json!({"fields": ["visited_on"], "reason": "日期不对"});
        let state = ask(&staffed, app, "township", &format!("POST {path}/corrections"), correct, 200).await;
        assert_eq!(state["state"], "correction");

        // Cursors: one row a page gives the same rows.
        let whole = items(&staffed, app, "manager", "limit=200").await;
        let (mut paged, mut next): (Vec<Value>, Option<String>) = (vec![], None);
        loop {
            let cursor = next.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page = ask(&staffed, app, "manager", &format!("GET /api/v1/items?limit=1{cursor}"), NONE, 200).await;
            paged.extend(page["items"].as_array().expect("a list").clone());
            next = page["next_cursor"].as_str().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        assert!(whole.len() > 2 && whole == paged, "{} {}", whole.len(), paged.len());
        ask(&staffed, app, "manager", "GET /api/v1/items?limit=201", NONE, 422).await;
        ask(&staffed, app, "manager", "GET /api/v1/items?state=nonsense", NONE, 422).await;
        let _: Id = item.parse().expect("an id");
    })
    .await;
}

/// Who is granted tasks over a place alone makes them for her unit and keeps sight of them; a draft of
/// others does not exist, on the page as in the API.
#[tokio::test]
async fn a_draft_is_its_own_units_whatever_the_grant_is_over() {
    common::each(|house| async move {
        let app = &house.app;
        let staffed = Staffed::build(app).await;
        let form = form(&staffed, app).await;
        let (post, place) = (staffed.people["manager"].post, staffed.town.places[0].id);
        const OVER: &str =
            "UPDATE role_grant SET scope_kind = 'place', scope_place = $2, scope_organization = NULL WHERE post_id = $1";
        app.lanes
            .write(0, vec![], move |tx| Box::pin(async move { tx.execute(OVER, args![post, place]).await }))
            .await
            .map_err(AppError::from)
            .expect("granted over a place");
        let task = new_task(&staffed, app, &form, json!({})).await;
        let path = format!("/api/v1/tasks/{task}");
        let page = format!("/tasks/{task}");
        let shown = ask(&staffed, app, "manager", &format!("GET {path}"), NONE, 200).await;
        assert_eq!((&shown["state"], &shown["id"]), (&json!("draft"), &json!(task)));
        let list = ask(&staffed, app, "manager", "GET /api/v1/tasks", NONE, 200).await;
        assert!(list["items"].as_array().expect("a list").iter().any(|one| one["id"] == task.as_str()), "{list}");
        let version = format!("\"{}\"", shown["version"]);
        let change = json!({"relay": {}});
        let (status, answer) =
            staffed.json_with(app, "manager", "PATCH", &path, &[("if-match", &version)], &change).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(staffed.ask(app, "manager", "GET", &page, &[], vec![]).await.0, 303, "to its next step");
        assert_eq!(staffed.ask(app, "manager", "GET", &format!("{page}/subjects"), &[], vec![]).await.0, 200);
        for stranger in ["root", "anna", "township"] {
            ask(&staffed, app, stranger, &format!("GET {path}"), NONE, 404).await;
            assert_eq!(staffed.ask(app, stranger, "GET", &page, &[], vec![]).await.0, 404, "{stranger}");
            let list = ask(&staffed, app, stranger, "GET /api/v1/tasks", NONE, 200).await;
            assert_eq!(list["items"], json!([]), "{stranger}");
        }
    })
    .await;
}
