//! The same thread as JSON.

use serde_json::json;
use server::platform::ids::new_free_id;

use super::common::{self, NOW};
use super::stage::{Browser, MOBILE, NUMBER, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn the_api_carries_the_whole_thread() {
    common::each(|house| async move {
        let stage = Stage::build(&house).await;
        let (place, unit) = stage.community(0);
        let mut worker = stage.worker("one", unit, "office_worker").await;
        let mut anybody = Browser::new(&house.app);
        let new = json!({"title": "登记", "form_version": stage.form, "places": [place], "working_days": 2});
        let mut wrong = new.clone();
        (wrong["title"], wrong["places"], wrong["working_days"]) = ("".into(), json!([]), 900.into());
        let refused = worker.post_json("/api/v1/channels", wrong, None).await;
        let pointers: Vec<String> = refused.is(422).json()["errors"]
            .as_array()
            .expect("errors")
            .iter()
            .map(|error| error["pointer"].as_str().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(pointers, ["/title", "/places", "/working_days"]);
        anybody.post_json("/api/v1/channels", new.clone(), None).await.is(401);
        let made = worker.post_json("/api/v1/channels", new, None).await.is(201).json();
        assert_eq!((&made["state"], &made["version"]), (&json!("draft"), &json!(1)));
        let channel = format!("/api/v1/channels/{}", made["id"].as_str().expect("id"));
        let filing = json!({"place": place, "client_id": new_free_id(NOW), "answers": {
            "name": "李秀英", "id_no": NUMBER, "phone": MOBILE, "living_alone": false, "visited_on": "2026-11-24"}});
        anybody.post_json(&format!("{channel}/cases"), filing.clone(), None).await.is(404);
        worker.post_json(&format!("{channel}/open"), json!({}), None).await.is(428);
        worker.post_json(&format!("{channel}/open"), json!({}), Some(9)).await.is(412);
        let open = worker.post_json(&format!("{channel}/open"), json!({}), Some(1)).await.is(200).json();
        assert_eq!((&open["state"], &open["version"]), (&json!("open"), &json!(2)));
        let listed = worker.get("/api/v1/channels?limit=1").await.is(200).json();
        assert_eq!(listed["items"][0]["id"], made["id"]);
        // A resident: what is missing is pointed at; the same id is the same slip.
        let mut short = filing.clone();
        short["answers"] = json!({"name": "李秀英"});
        let refused = anybody.post_json(&format!("{channel}/cases"), short, None).await;
        let body = refused.is(422).json();
        let errors = body["errors"].as_array().expect("errors");
        assert!(
            errors.iter().any(|error| error["pointer"] == "/answers/id_no" && error["message"] == "请填写身份证号"),
            "{body}"
        );
        let slip = anybody.post_json(&format!("{channel}/cases"), filing.clone(), None).await.is(201).json();
        let again = anybody.post_json(&format!("{channel}/cases"), filing.clone(), None).await.is(201).json();
        assert_eq!(slip, again);
        let mut other = filing.clone();
        other["answers"]["name"] = "别人".into();
        anybody.post_json(&format!("{channel}/cases"), other, None).await.is(409);
        let mut outside = filing.clone();
        outside["place"] = json!(stage.community(1).0);
        anybody.post_json(&format!("{channel}/cases"), outside, None).await.is(422);
        let ask = json!({"code": slip["query_code"]});
        let state = anybody.post_json("/api/v1/query", ask.clone(), None).await.is(200).json();
        assert_eq!((&state["state"], &state["slip"]), (&json!("open"), &slip["slip"]));
        assert!(!state.to_string().contains("李秀英"), "{state}");
        anybody.post_json("/api/v1/query", json!({"code": "AAAAA-AAAAA"}), None).await.is(404);
        // The worker: list, look, correct, accept.
        anybody.get("/api/v1/cases").await.is(401);
        worker.get("/api/v1/cases?state=nonsense").await.is(422);
        let cases = worker.get("/api/v1/cases?state=waiting").await.is(200).json();
        let id = cases["items"][0]["id"].as_str().expect("a case").to_owned();
        assert_eq!(worker.get("/api/v1/cases?state=done").await.json()["items"], json!([]));
        let case = format!("/api/v1/cases/{id}");
        let page = worker.get(&case).await;
        page.is(200).lacks(&[NUMBER, MOBILE]).has(&["138****5678"]);
        worker.post_json(&format!("{case}/claim"), json!({}), None).await.is(428);
        let taken = worker.post_json(&format!("{case}/claim"), json!({}), Some(1)).await.is(200).json();
        assert_eq!((&taken["state"], &taken["version"]), (&json!("accepted"), &json!(2)));
        worker.post_json(&format!("{case}/answer"), json!({"answer": "好"}), Some(1)).await.is(412);
        let fields = json!({"fields": ["phone"], "text": "空号"});
        let asked = worker.post_json(&format!("{case}/correct"), fields, Some(2)).await.is(200).json();
        assert_eq!(asked["state"], "correction");
        let state = anybody.post_json("/api/v1/query", ask.clone(), None).await.json();
        assert_eq!(state["correction"], json!({"text": "空号", "fields": ["phone"]}));
        let done = json!({"answer": "登记好了", "refused": ["mobile"]});
        let ended = worker.post_json(&format!("{case}/answer"), done, Some(3)).await.is(200).json();
        assert_eq!(ended["state"], "done");
        worker.post_json(&format!("{case}/dance"), json!({}), Some(4)).await.is(404);
        let state = anybody.post_json("/api/v1/query", ask, None).await.json();
        assert_eq!((&state["state"], &state["answer"]), (&json!("done"), &json!("登记好了")));
        let close = worker.post_json(&format!("{channel}/close"), json!({}), Some(2)).await;
        assert_eq!(close.is(200).json()["state"], "closed");
        let mut late = filing;
        late["client_id"] = json!(new_free_id(NOW));
        anybody.post_json(&format!("{channel}/cases"), late, None).await.is(410);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_changed_by_page_and_program_from_the_version_that_was_seen() {
    common::each(|house| async move {
        let stage = Stage::build(&house).await;
        let (place, unit) = stage.community(0);
        let mut worker = stage.worker("one", unit, "office_worker").await;
        let mut stranger = stage.worker("two", stage.community(1).1, "office_worker").await;
        let new = json!({"title": "登记", "intro": "先看看", "form_version": stage.form, "places": [place],
            "working_days": 2, "opens_on": "2026-11-20", "closes_on": "2026-12-31"});
        let made = worker.post_json("/api/v1/channels", new, None).await.is(201).json();
        let id = made["id"].as_str().expect("id").to_owned();
        let path = format!("/api/v1/channels/{id}");
        worker.patch_json(&path, json!({"title": "x"}), None).await.is(428);
        stranger.patch_json(&path, json!({"title": "x"}), Some(1)).await.is(404);
        let same = worker.patch_json(&path, json!({"title": "登记", "working_days": 2}), Some(1)).await.is(200).json();
        assert_eq!(same["version"], 1, "nothing differs, nothing is written");
        let wrong = json!({"title": "", "working_days": 900, "review": "all", "closes_on": "2026-11-01"});
        let refused = worker.patch_json(&path, wrong, Some(1)).await.is(422).json();
        let pointers: Vec<&str> =
            refused["errors"].as_array().expect("errors").iter().filter_map(|e| e["pointer"].as_str()).collect();
        assert_eq!(pointers, ["/title", "/review", "/working_days", "/closes_on"]);
        let wanted = json!({"title_en": "Register", "review": "worker", "working_days": null, "closes_on": null});
        let changed = worker.patch_json(&path, wanted.clone(), Some(1)).await.is(200).json();
        assert_eq!(changed["title"], json!({"zh-CN": "登记", "en": "Register"}));
        assert_eq!(
            (&changed["review"], &changed["working_days"], &changed["closes_at"]),
            (&json!("worker"), &json!(null), &json!(null))
        );
        assert_eq!(
            (&changed["intro"], &changed["opens_at"]),
            (&made["intro"], &made["opens_at"]),
            "what is absent stays"
        );
        let stale = worker.patch_json(&path, wanted, Some(1)).await.is(412).json();
        assert_eq!(stale["current"]["version"], 2);

        let form = format!("/channels/{id}/edit");
        let page = worker.get(&form).await;
        page.is(200).has(&["登记", "Register", "2026-11-20"]);
        let version = page.hidden("version");
        stranger.get(&form).await.is(404);
        let filled = |title: &'static str| [("title", title), ("review", "none"), ("version", version.as_str())];
        worker.post(&form, &filled("")).await.is(422);
        worker.post(&form, &filled("新登记")).await.is(303);
        worker.post(&form, &filled("再登记")).await.is(422).has(&["刚才有人改过"]);
        let now = worker.get(&path).await.is(200).json();
        assert_eq!(
            (&now["title"], &now["version"], &now["opens_at"]),
            (&json!({"zh-CN": "新登记"}), &json!(3), &json!(null))
        );
    })
    .await;
}
