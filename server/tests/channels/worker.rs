//! What workers do with cases: one list with the tasks' items, taking on, accepting, the second worker,
//! rejecting, handing on, filing for somebody.

use server::platform::database::Exec;

use super::common;
use super::stage::{Browser, MOBILE, NUMBER, OTHER_NUMBER, Stage, TITLE, answers, case_link, code, submit};

#[tokio::test(flavor = "multi_thread")]
async fn a_case_stands_in_the_same_list_as_the_items_of_tasks() {
    common::each(|house| async move {
        let stage = Stage::build(&house).await;
        let mut worker = stage.worker("one", stage.community(0).1, "office_worker").await;
        let mut neighbour = stage.worker("two", stage.community(1).1, "office_worker").await;
        let mut leader = stage.worker("leader", stage.town.organizations[0].id, "leader").await;
        let mut manager = stage.worker("manager", stage.town.organizations[0].id, "manager").await;
        let (_, door) = stage.channel(&mut manager, stage.town.places[0].id, "none").await;
        stage.visit(0, "欧阳秀兰").await;
        submit(&house.app, &door, stage.community(0).0, &answers("赵大爷", OTHER_NUMBER, MOBILE)).await;
        let home = worker.get("/").await;
        home.is(200).has(&[
            "上午好，员工one",
            "11 月 24 日",
            "冬季走访",
            TITLE,
            "赵大爷",
            "全部 2",
            "居民办件 1",
            "新任务",
            "新服务通道",
        ]);
        let case = case_link(&home);
        worker.get(&case).await.is(200).has(&["赵大爷", "我来办"]);
        worker.get("/?kind=case").await.is(200).has(&["赵大爷"]).lacks(&["冬季走访"]);
        worker.get("/?kind=mine").await.is(200).has(&["冬季走访"]).lacks(&["赵大爷"]);
        neighbour.get("/").await.is(200).lacks(&["赵大爷", "冬季走访"]);
        neighbour.get(&case).await.is(404);
        neighbour.post(&format!("{case}/claim"), &[]).await.is(404);
        // Who may not issue or open anything is not shown how to.
        let mut grid = stage.worker("grid", stage.community(0).1, "grid_worker").await;
        grid.get("/").await.is(200).has(&["赵大爷", "代填"]).lacks(&["/tasks/new", "/channels/new", "/admin"]);
        assert_eq!(leader.get("/").await.is(303).to, "/boards");
        leader.get("/boards").await.is(200).lacks(&["href=\"/channels\"", "href=\"/ledgers\""]);
        worker.get("/tasks").await.is(200).has(&["href=\"/channels\"", "互通"]);
        // Taken on, it is gone from the colleague's list and stays in mine.
        worker.post(&format!("{case}/claim"), &[]).await.is(303);
        grid.get("/").await.is(200).lacks(&["赵大爷"]);
        grid.post(&format!("{case}/claim"), &[]).await.is(409);
        worker.get("/").await.is(200).has(&["赵大爷", "去办"]);
        worker.post(&format!("{case}/answer"), &[("answer", "好")]).await.is(303);
        worker.get("/").await.is(200).lacks(&["赵大爷"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_and_a_residents_answer_update_the_same_person() {
    common::each(|house| async move {
        let stage = Stage::build(&house).await;
        let mut worker = stage.worker("one", stage.community(0).1, "office_worker").await;
        let mut manager = stage.worker("manager", stage.town.organizations[0].id, "manager").await;
        let (_, door) = stage.channel(&mut manager, stage.town.places[0].id, "none").await;
        let person = stage.visit(0, "欧阳秀兰").await;
        // The visit: she has a new contact.
        let item: (server::platform::ids::Id,) =
            house.app.read().one("SELECT id FROM item", vec![]).await.expect("one item");
        let item = format!("/items/{}", item.0);
        let form = worker.get(&item).await;
        form.is(200);
        let hidden = ["client_id", "item_version", "record_version"].map(|name| (name, form.hidden(name)));
        let mut pairs: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (*name, value.as_str())).collect();
        pairs.extend([("living_alone", "true"), ("contact", "儿子王建军"), ("visited_on", "2026-11-24")]);
        worker.post(&item, &pairs).await.is(303);
        // A little later she files a new number herself, under the same citizen number.
        house.app.clock.advance(20 * 60_000_000);
        let filled = answers("欧阳秀兰", NUMBER, "13900003333");
        submit(&house.app, &door, stage.community(0).0, &filled).await;
        let page = format!("/people/{person}");
        worker.get(&page).await.is(200).has(&["有 1 份居民提交的资料等待采纳", "138****5678"]);
        let case = case_link(&worker.get("/").await);
        let before = worker.get(&case).await;
        before.is(200).has(&["原来是 138****5678", "139****3333", "原来是 儿子王建军"]);
        before.lacks(&[NUMBER, "13900003333"]);
        // Her contact is not taken over, her number is.
        let act = format!("{case}/answer");
        let taken = [
            ("version", before.hidden("version")),
            ("ticked", "1".to_owned()),
            ("take", "mobile".to_owned()),
            ("answer", "电话已改".to_owned()),
        ];
        let taken: Vec<(&str, &str)> = taken.iter().map(|(name, value)| (*name, value.as_str())).collect();
        worker.post(&act, &taken).await.is(303);
        let facts = worker.get(&page).await;
        facts.is(200);
        for (label, value, origin) in [
            ("手机", "139****3333", format!("2026-11-24 独居老人走访（{TITLE}）")),
            ("紧急联系人", "儿子王建军", "2026-11-24 独居老人走访，员工one".to_owned()),
            ("身份证", "140202********1238", "2025-10-20 花名册.xlsx".to_owned()),
        ] {
            let at = facts.text.find(value).unwrap_or_else(|| panic!("{label}: {}", facts.text));
            let row = &facts.text[at..facts.text[at..].find("</dd>").expect("closed") + at];
            assert!(row.contains(&origin), "{label} says {row}");
        }
        facts.lacks(&["138****5678", "王建国"]);
        let people: (i64,) = house.app.read().one("SELECT count(*) FROM record_person", vec![]).await.expect("one");
        assert_eq!(people.0, 1, "one person, two doors");
        let all = worker.get(&format!("/ledgers/{}", server::ledgers::everybody())).await;
        all.is(200).has(&["欧阳秀兰", "139****3333", &page]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_two_workers_look_the_first_proposes_and_the_second_confirms() {
    common::each(|house| async move {
        let stage = Stage::build(&house).await;
        let (place, unit) = stage.community(0);
        let mut one = stage.worker("one", unit, "office_worker").await;
        let mut two = stage.worker("two", unit, "office_worker").await;
        let mut manager = stage.worker("manager", stage.town.organizations[0].id, "manager").await;
        let (_, door) = stage.channel(&mut manager, stage.town.places[0].id, "worker").await;
        let (mut resident, slip) = submit(&house.app, &door, place, &answers("李秀英", NUMBER, MOBILE)).await;
        let case = case_link(&one.get("/").await);
        let act = format!("{case}/answer");
        one.post(&act, &[("answer", "")]).await.is(422).has(&["请写几句话"]);
        let refusing =
            [("ticked", "1"), ("take", "name"), ("take", "id_no"), ("take", "residence_place"), ("answer", "可以")];
        one.post(&act, &refusing).await.is(303);
        let all = format!("/ledgers/{}", server::ledgers::everybody());
        one.get(&all).await.is(200).lacks(&["李秀英"]);
        one.post(&act, &[("answer", "可以")]).await.is(409);
        one.get("/").await.is(200).lacks(&["李秀英"]);
        resident.post("/query", &[("code", &code(&slip))]).await.is(303);
        resident.get("/query/case").await.is(200).has(&["工作人员正在办理"]).lacks(&["可以", "提出"]);
        two.get("/").await.is(200).has(&["李秀英", "去确认"]);
        two.get(&case).await.is(200).has(&["不采纳", "可以"]);
        two.post(&format!("{case}/send-back"), &[("reason", "再核对一下")]).await.is(303);
        one.get("/").await.is(200).has(&["李秀英"]);
        one.post(&act, &refusing).await.is(303);
        two.post(&act, &[("answer", "可以")]).await.is(303);
        // What the first left out is left out.
        one.get(&all).await.is(200).has(&["李秀英", "140202********1238"]).lacks(&["138****5678"]);
        resident.get("/query/case").await.is(200).has(&["已经答复", "可以"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_case_says_why_and_leaves_the_record_alone() {
    common::each(|house| async move {
        let stage = Stage::build(&house).await;
        let (place, unit) = stage.community(0);
        let mut worker = stage.worker("one", unit, "office_worker").await;
        let mut manager = stage.worker("manager", stage.town.organizations[0].id, "manager").await;
        let (_, door) = stage.channel(&mut manager, stage.town.places[0].id, "none").await;
        let (mut resident, slip) = submit(&house.app, &door, place, &answers("李秀英", NUMBER, MOBILE)).await;
        let case = case_link(&worker.get("/").await);
        worker.post(&format!("{case}/reject"), &[("reason", " ")]).await.is(422).has(&["请写几句话"]);
        let stale = [("version", "7"), ("reason", "不是本社区居民")];
        worker.post(&format!("{case}/reject"), &stale).await.is(412);
        worker.post(&format!("{case}/reject"), &[("reason", "不是本社区居民")]).await.is(303);
        worker.post(&format!("{case}/answer"), &[("answer", "好")]).await.is(409);
        let records: (i64,) = house.app.read().one("SELECT count(*) FROM record_person", vec![]).await.expect("none");
        assert_eq!(records.0, 0);
        resident.post("/query", &[("code", &code(&slip))]).await.is(303);
        resident.get("/query/case").await.is(200).has(&["没有办成", "不是本社区居民"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_to_a_colleague_or_to_another_unit() {
    common::each(|house| async move {
        let stage = Stage::build(&house).await;
        let (place, unit) = stage.community(0);
        let mut worker = stage.worker("one", unit, "office_worker").await;
        let mut grid = stage.worker("grid", unit, "grid_worker").await;
        let mut next = stage.worker("next", stage.community(1).1, "office_worker").await;
        let mut manager = stage.worker("manager", stage.town.organizations[0].id, "manager").await;
        let (_, door) = stage.channel(&mut manager, stage.town.places[0].id, "none").await;
        submit(&house.app, &door, place, &answers("李秀英", NUMBER, MOBILE)).await;
        let case = case_link(&worker.get("/").await);
        let post = house
            .app
            .directory()
            .posts_in(unit)
            .find(|post| house.app.directory().holder(post.id).is_some_and(|staff| staff.name == "员工grid"))
            .map(|post| post.id.to_string())
            .expect("the colleague");
        grid.post(&format!("{case}/give"), &[("to", &post)]).await.is(403);
        worker.post(&format!("{case}/give"), &[("to", "")]).await.is(422).has(&["请选择一项"]);
        worker.post(&format!("{case}/give"), &[("to", &post)]).await.is(303);
        worker.get("/").await.is(200).lacks(&["李秀英"]);
        grid.get("/").await.is(200).has(&["李秀英"]);
        let to = stage.community(1).1.to_string();
        let there = [("to", to.as_str()), ("reason", "她已经搬到第 2 社区")];
        worker.post(&format!("{case}/transfer"), &[("to", &post), ("reason", "x")]).await.is(422);
        worker.post(&format!("{case}/transfer"), &there).await.is(303);
        next.get("/").await.is(200).has(&["李秀英", "待认领"]);
        next.get(&case).await.is(200).has(&["她已经搬到第 2 社区"]);
        next.post(&format!("{case}/claim"), &[]).await.is(303);
        next.post(&format!("{case}/answer"), &[("answer", "好")]).await.is(303);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_files_for_somebody_who_cannot_and_prints_the_slip() {
    common::each(|house| async move {
        let stage = Stage::build(&house).await;
        let (place, unit) = stage.community(0);
        let mut worker = stage.worker("one", unit, "office_worker").await;
        let mut manager = stage.worker("manager", stage.town.organizations[0].id, "manager").await;
        let (channel, _) = stage.channel(&mut manager, stage.town.places[0].id, "none").await;
        worker.get("/channels").await.is(200).has(&[TITLE]);
        worker.get(&format!("{channel}/poster")).await.is(200).has(&["扫一扫", "/qr.svg"]);
        let file = format!("{channel}/file");
        let form = worker.get(&file).await;
        form.is(200).has(&["代填", "古城街道第1社区", "身份证号"]);
        let (client, here) = (form.hidden("client_id"), place.to_string());
        let mut pairs = vec![("client_id", client.as_str()), ("place", here.as_str())];
        worker.post(&file, &pairs).await.is(422).has(&["请填写姓名"]);
        let filled = answers("李秀英", NUMBER, MOBILE);
        pairs.extend(filled.iter().copied());
        // Not for a community that is not one's own.
        let far = stage.community(4).0.to_string();
        let mut elsewhere = pairs.clone();
        elsewhere[1].1 = &far;
        worker.post(&file, &elsewhere).await.is(404);
        let sent = worker.post(&file, &pairs).await;
        let slip = worker.get(&sent.is(303).to).await;
        slip.is(200).has(&["提交凭证", "李秀英", "/query/qr.svg", "打印"]).lacks(&[NUMBER, MOBILE]);
        let query = code(&slip);
        assert_eq!(worker.post(&file, &pairs).await.is(303).to, sent.to, "twice is once");
        // What a worker says counts at once; the person can ask how far it is.
        let all = format!("/ledgers/{}", server::ledgers::everybody());
        worker.get(&all).await.is(200).has(&["李秀英"]);
        let case = case_link(&worker.get("/").await);
        worker.get(&case).await.is(200).has(&["工作人员代填"]).lacks(&["/correct\""]);
        let fields = [("fields", "phone"), ("text", "改")];
        worker.post(&format!("{case}/correct"), &fields).await.is(409);
        let mut resident = Browser::new(&house.app);
        resident.post("/query", &[("code", &query)]).await.is(303);
        resident.get("/query/case").await.is(200).has(&["工作人员代填"]);
        worker.post(&format!("{case}/answer"), &[("answer", "已办")]).await.is(303);
        // The code is printed once: another browser of the same worker does not have it.
        let mut again = stage.sign_in("one").await;
        again.get(&sent.to).await.is(200).lacks(&[&query]);
        // Secrets of a case are shown for a reason, and that is written down.
        let reveal = format!("{case}/reveal");
        worker.post(&reveal, &[("field", "phone"), ("reason", "")]).await.is(422).lacks(&[MOBILE]);
        worker.post(&reveal, &[("field", "phone"), ("reason", "回电")]).await.is(200).has(&[MOBILE]).lacks(&[NUMBER]);
        let looked: (i64,) = house
            .app
            .read()
            .one("SELECT count(*) FROM event WHERE kind = 'case.revealed'", vec![])
            .await
            .expect("counts");
        assert_eq!(looked.0, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn making_a_channel_tells_what_is_missing_and_stays_within_scope() {
    common::each(|house| async move {
        let stage = Stage::build(&house).await;
        let mut worker = stage.worker("one", stage.community(0).1, "office_worker").await;
        let empty = worker.post("/channels/new", &[("working_days", "0"), ("closes_on", "明天")]).await;
        empty.is(422).has(&["请写标题", "请选一张发布过的表单", "请填 1 到 250 的整数", "请填日期"]);
        let form = stage.form.to_string();
        let city = stage.town.places[0].id.to_string();
        let far = [("title", "越界"), ("form", form.as_str()), ("place", city.as_str())];
        worker.post("/channels/new", &far).await.is(422).has(&["大同市不在您管理的范围", "越界"]);
        let here = stage.community(0).0;
        let name = [("title", "本社区"), ("form", form.as_str()), ("place_text", "古城街道第1社区")];
        let made = worker.post("/channels/new", &name).await;
        let page = worker.get(&made.is(303).to).await;
        page.is(200).has(&["草稿", "古城街道第1社区"]).lacks(&["/c/"]);
        let slug: (String,) = house.app.read().one("SELECT slug FROM channel", vec![]).await.expect("one");
        let mut resident = Browser::new(&house.app);
        resident.get(&format!("/c/{}", slug.0)).await.is(404);
        // The last place stays; another one comes and goes.
        let scope = format!("{}/scope", made.to);
        worker.post(&scope, &[("remove", &here.to_string())]).await.is(422).has(&["至少要留一个地方"]);
        worker.post(&scope, &[("place", &stage.community(1).0.to_string())]).await.is(422).has(&["不在您管理的范围"]);
        worker.post(&format!("{}/open", made.to), &[]).await.is(303);
        // With a single community the form comes at once.
        resident.get(&format!("/c/{}", slug.0)).await.is(200).has(&["古城街道第1社区", "姓名"]);
        let mut neighbour = stage.worker("two", stage.community(1).1, "office_worker").await;
        neighbour.post(&format!("{}/close", made.to), &[]).await.is(404);
    })
    .await;
}
