//! What residents meet: the way to the form, what is wrong, the slip, the query of the case.

use server::platform::database::Exec;

use super::common;
use super::stage::{Browser, MOBILE, NUMBER, OTHER_NUMBER, Stage, TITLE, answers, code, submit};

/// Bytes that a resident's page may weigh.
const PAGE: usize = 30_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_resident_files_without_account_or_script_and_asks_by_code() {
    common::each(|house| async move {
        let stage = Stage::build(&house).await;
        let mut manager = stage.worker("manager", stage.town.organizations[0].id, "manager").await;
        let (_, door) = stage.channel(&mut manager, stage.town.places[0].id, "none").await;
        let (place, unit) = stage.community(0);
        let mut resident = Browser::new(&house.app);
        // Down the tree, or by searching, to the community.
        let top = resident.get(&door).await;
        top.is(200).has(&[TITLE, "平城区", "云冈区"]);
        let district = stage.town.places[1].id;
        resident.get(&format!("{door}?in={district}")).await.is(200).has(&["古城街道", "新旺街道"]).lacks(&["口泉"]);
        let found = resident.get(&format!("{door}?q=%E5%8F%A4%E5%9F%8E")).await;
        found.is(200).has(&["古城街道第1社区", &format!("{door}?place={place}")]);
        resident.get(&format!("{door}?place={}", server::platform::ids::Id::nil())).await.is(410);
        let form = resident.get(&format!("{door}?place={place}")).await;
        form.is(200).has(&["古城街道第1社区", "姓名", "身份证号", "投诉建议"]);
        assert!(form.text.len() < PAGE, "{} bytes", form.text.len());
        for page in ["/services", "/query", "/feedback"] {
            let page = resident.get(page).await;
            assert!(page.is(200).text.len() < PAGE);
        }
        resident.get(&format!("/services?place={place}")).await.is(200).has(&[TITLE, &format!("{door}?place={place}")]);
        // What is wrong is said beside the question, in plain words; what was typed stays.
        let (client, here) = (form.hidden("client_id"), place.to_string());
        let wrong = [("client_id", client.as_str()), ("place", here.as_str()), ("name", "李秀英"), ("id_no", "140202")];
        let again = resident.post(&door, &wrong).await;
        again.is(422).has(&["李秀英", "身份证号", "请填写是否独居", "应为 18 位", "有错误："]);
        assert_eq!(again.hidden("client_id"), client);
        assert!(again.text.len() < PAGE);
        // The slip, the same for the same page sent again, and a refusal for other content under its id.
        let filled = answers("李秀英", NUMBER, MOBILE);
        let sent: Vec<(&str, &str)> = wrong[..2].iter().chain(&filled).copied().collect();
        let first = resident.post(&door, &sent).await;
        let slip = resident.get(&first.is(303).to).await;
        slip.is(200).has(&["已经收到", "/query/qr.svg", "古城街道第1社区组织", "11 月 27 日"]).lacks(&[NUMBER, MOBILE]);
        assert!(slip.text.len() < PAGE);
        resident.get("/query/qr.svg").await.is(200).has(&["<svg"]);
        resident.get(&format!("{door}/qr.svg")).await.is(200).has(&["<svg"]);
        let second = resident.post(&door, &sent).await;
        let again = resident.get(&second.is(303).to).await;
        assert_eq!(code(&slip), code(&again));
        assert_eq!(slip.text, again.text, "the very same slip");
        let mut other = sent.clone();
        other[2].1 = "李秀兰";
        resident.post(&door, &other).await.is(409).has(&["这份已经交过了"]);
        let cases: (i64,) = house.app.read().one("SELECT count(*) FROM service_case", vec![]).await.expect("counts");
        assert_eq!(cases.0, 1);
        // Without the slip in the browser there is only the query page.
        let mut stranger = Browser::new(&house.app);
        assert_eq!(stranger.get(&format!("{door}/slip")).await.is(303).to, "/query");
        assert_eq!(stranger.get("/query/case").await.is(303).to, "/query");
        stranger.post("/query", &[("code", "AAAAA-AAAAA")]).await.is(422).has(&["没有这个查询码"]);
        // Typed as people type: lower case, spaces.
        let typed = code(&slip).to_lowercase().replace('-', " ");
        assert_eq!(stranger.post("/query", &[("code", &typed)]).await.is(303).to, "/query/case");
        let state = stranger.get("/query/case").await;
        state.is(200).has(&[TITLE, "已收到，等工作人员接手", "11 月 27 日"]).lacks(&["李秀英", NUMBER, MOBILE]);
        assert!(state.text.len() < PAGE);
        // The worker's part, then the same page again.
        let mut worker = stage.worker("one", unit, "office_worker").await;
        let case = super::stage::case_link(&worker.get("/cases").await);
        worker.post(&format!("{case}/answer"), &[("answer", "已登记，每周二上门")]).await.is(303);
        stranger.get("/query/case").await.is(200).has(&["已经答复", "已登记，每周二上门"]).lacks(&["李秀英"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_about_somebody_shows_neither_in_page_nor_in_writes() {
    common::each(|house| async move {
        let stage = Stage::build(&house).await;
        let mut manager = stage.worker("manager", stage.town.organizations[0].id, "manager").await;
        let (_, door) = stage.channel(&mut manager, stage.town.places[0].id, "none").await;
        let (place, unit) = stage.community(0);
        let mut worker = stage.worker("one", unit, "office_worker").await;
        // The first becomes known.
        submit(&house.app, &door, place, &answers("李秀英", NUMBER, MOBILE)).await;
        let case = super::stage::case_link(&worker.get("/cases").await);
        worker.post(&format!("{case}/answer"), &[("answer", "好")]).await.is(303);
        let rows = async || -> Vec<i64> {
            let mut counts = Vec::new();
            for sql in [
                "SELECT count(*) FROM event WHERE kind <> 'form.published'",
                "SELECT count(*) FROM submission",
                "SELECT count(*) FROM service_case",
                "SELECT count(*) FROM observation",
                "SELECT count(*) FROM record_person",
            ] {
                counts.push(house.app.read().one::<(i64,)>(sql, vec![]).await.expect("counts").0);
            }
            counts
        };
        let mut seen = Vec::new();
        for (name, number) in [("李秀英", NUMBER), ("赵大爷", OTHER_NUMBER)] {
            let mut resident = Browser::new(&house.app);
            let before = rows().await;
            let form = resident.get(&format!("{door}?place={place}")).await;
            form.is(200).lacks(&["李秀英", &NUMBER[..8], "138****", "王建国"]);
            let (client, here) = (form.hidden("client_id"), place.to_string());
            let mut pairs = vec![("client_id", client.as_str()), ("place", here.as_str())];
            // One question is left out: what is wrong does not depend on what is known either.
            let filled = answers(name, number, "13900001111");
            pairs.extend(filled.iter().copied().filter(|pair| pair.0 != "contact"));
            let wrong = resident.post(&door, &pairs).await;
            wrong.is(422).lacks(&["王建国"]);
            pairs.push(("contact", "王建国"));
            let sent = resident.post(&door, &pairs).await;
            let slip = resident.get(&sent.is(303).to).await;
            let after = rows().await;
            let wrote: Vec<i64> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
            let codes = code(&slip);
            resident.post("/query", &[("code", &codes)]).await.is(303);
            let state = resident.get("/query/case").await;
            let blank = |text: &str| {
                let number = slip_number(&slip.text);
                text.replace(&codes, "CODE").replace(&number, "SLIP").replace(&client, "CLIENT")
            };
            let plain = |text: &str| blank(text).replace(name, "NAME").replace(number, "NUMBER");
            seen.push((plain(&wrong.text), blank(&slip.text), blank(&state.text), wrote));
        }
        assert_eq!(seen[0], seen[1], "known and unknown are the same from outside, and write the same");
        // What waits is not in the record.
        let all = worker.get(&format!("/ledgers/{}", server::ledgers::everybody())).await;
        all.is(200).has(&["李秀英"]).lacks(&["赵大爷"]);
    })
    .await;
}

fn slip_number(text: &str) -> String {
    let at = text.find("261124-").expect("a slip number");
    text[at..at + 13].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_asks_only_for_the_named_fields_and_stands_in_the_place_of_the_first() {
    common::each(|house| async move {
        let stage = Stage::build(&house).await;
        let mut manager = stage.worker("manager", stage.town.organizations[0].id, "manager").await;
        let (_, door) = stage.channel(&mut manager, stage.town.places[0].id, "none").await;
        let (place, unit) = stage.community(0);
        let mut worker = stage.worker("one", unit, "office_worker").await;
        let (mut resident, slip) = submit(&house.app, &door, place, &answers("李秀英", NUMBER, MOBILE)).await;
        resident.post("/query", &[("code", &code(&slip))]).await.is(303);
        let case = super::stage::case_link(&worker.get("/cases").await);
        worker.post(&format!("{case}/claim"), &[]).await.is(303);
        let ask = format!("{case}/correct");
        worker.post(&ask, &[("text", "电话打不通")]).await.is(422).has(&["请勾选要改的内容", "电话打不通"]);
        worker.post(&ask, &[("fields", "phone")]).await.is(422).has(&["请写几句话"]);
        worker.post(&ask, &[("fields", "phone"), ("fields", "contact"), ("text", "电话打不通")]).await.is(303);
        worker.get("/").await.is(200).lacks(&[TITLE, "李秀英"]);
        let page = resident.get("/query/case").await;
        page.is(200).has(&["请您改一改再交", "电话打不通", "联系电话", "紧急联系人", "138****5678", "王建国"]);
        page.lacks(&["id=\"f-id_no\"", "id=\"f-name\"", MOBILE, NUMBER]);
        let client = page.hidden("client_id");
        let wrong = [("client_id", client.as_str()), ("phone", "123"), ("contact", "王建国")];
        resident.post("/query/case", &wrong).await.is(422).has(&["联系电话"]).lacks(&["id=\"f-id_no\""]);
        let right = [("client_id", client.as_str()), ("phone", "13900002222"), ("contact", "王建军"), ("name", "别人")];
        resident.post("/query/case", &right).await.is(303);
        resident.post("/query/case", &right).await.is(303);
        resident.get("/query/case").await.is(200).has(&["工作人员正在办理", "居民已改"]);
        // It is back with the worker who had it; a field that was not asked for stays.
        worker.get("/").await.is(200).has(&["李秀英", &case]);
        worker.get(&case).await.is(200).has(&["139****2222", "王建军"]).lacks(&["别人", "王建国"]);
        let states: Vec<(String,)> =
            house.app.read().all("SELECT state FROM observation ORDER BY state", vec![]).await.expect("observations");
        assert_eq!(states.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(), ["pending", "rejected"]);
        worker.post(&format!("{case}/answer"), &[("answer", "登记好了")]).await.is(303);
        let all = worker.get(&format!("/ledgers/{}", server::ledgers::everybody())).await;
        all.is(200).has(&["李秀英", "139****2222"]).lacks(&["138****5678"]);
        // Nothing more can be corrected.
        resident
            .post("/query/case", &[("client_id", &server::platform::ids::new_free_id(common::NOW).to_string())])
            .await
            .is(409);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_left_empty_in_a_correction_stays_as_it_was() {
    common::each(|house| async move {
        let stage = Stage::build(&house).await;
        let mut manager = stage.worker("manager", stage.town.organizations[0].id, "manager").await;
        let (_, door) = stage.channel(&mut manager, stage.town.places[0].id, "none").await;
        let (place, unit) = stage.community(0);
        let mut worker = stage.worker("one", unit, "office_worker").await;
        let (mut resident, slip) = submit(&house.app, &door, place, &answers("李秀英", NUMBER, MOBILE)).await;
        resident.post("/query", &[("code", &code(&slip))]).await.is(303);
        let case = super::stage::case_link(&worker.get("/cases").await);
        let fields = [("fields", "id_no"), ("fields", "name"), ("text", "名字写全")];
        worker.post(&format!("{case}/correct"), &fields).await.is(303);
        let page = resident.get("/query/case").await;
        page.is(200).has(&["140202****1238，没有变就空着"]).lacks(&[NUMBER]);
        let client = page.hidden("client_id");
        let posted = [("client_id", client.as_str()), ("id_no", ""), ("name", "欧阳秀英")];
        resident.post("/query/case", &posted).await.is(303);
        worker.post(&format!("{case}/answer"), &[("answer", "好")]).await.is(303);
        let all = worker.get(&format!("/ledgers/{}", server::ledgers::everybody())).await;
        all.is(200).has(&["欧阳秀英", "140202********1238"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_channel_says_so_and_the_mailbox_reaches_somebody() {
    common::each(|house| async move {
        let stage = Stage::build(&house).await;
        let mut manager = stage.worker("manager", stage.town.organizations[0].id, "manager").await;
        let mut root = stage.root().await;
        let mut worker = stage.worker("one", stage.community(0).1, "office_worker").await;
        let (channel, door) = stage.channel(&mut manager, stage.town.places[0].id, "none").await;
        let place = stage.community(0).0;
        let mut resident = Browser::new(&house.app);
        let form = resident.get(&format!("{door}?place={place}")).await;
        let (client, here) = (form.hidden("client_id"), place.to_string());
        manager.post(&format!("{channel}/close"), &[]).await.is(303);
        resident.get(&door).await.is(410).has(&["已经关闭", "/services"]);
        let mut pairs = vec![("client_id", client.as_str()), ("place", here.as_str())];
        let filled = answers("李秀英", NUMBER, MOBILE);
        pairs.extend(filled.iter().copied());
        resident.post(&door, &pairs).await.is(410);
        resident.get(&format!("/services?place={place}")).await.is(200).lacks(&[TITLE]);
        // 投诉建议, with no contact.
        let page = resident.get("/feedback").await;
        let client = page.is(200).hidden("client_id");
        let short = [("client_id", client.as_str()), ("kind", "complaint")];
        resident.post("/feedback", &short).await.is(422).has(&["请填写想说的话"]);
        let whole = [("client_id", client.as_str()), ("kind", "complaint"), ("text", "路灯坏了三天")];
        let sent = resident.post("/feedback", &whole).await;
        let slip = resident.get(&sent.is(303).to).await;
        slip.is(200).has(&["已经收到", "投诉建议"]);
        // The staff of the unit that governs the city, and administrators, have it to do; others do not.
        for somebody in [&mut manager, &mut root] {
            let home = somebody.get("/").await;
            home.is(200).has(&["投诉建议", "居民办件 1"]);
            let case = super::stage::case_link(&home);
            somebody.get(&case).await.is(200).has(&["路灯坏了三天"]);
        }
        worker.get("/").await.is(200).lacks(&["/cases/"]);
        let case = super::stage::case_link(&root.get("/").await);
        worker.get(&case).await.is(404);
        root.post(&format!("{case}/answer"), &[("answer", "今晚修好")]).await.is(303);
        resident.post("/query", &[("code", &code(&slip))]).await.is(303);
        resident.get("/query/case").await.is(200).has(&["今晚修好"]);
    })
    .await;
}
