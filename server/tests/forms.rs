//! A form made on the plain builder's pages alone, published, filled twice; both databases.

mod common;
#[path = "common/root.rs"]
mod root;
#[path = "common/town.rs"]
mod town;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use form_runtime::{Known, Map};
use root::administrator;
use serde_json::json;
use server::app::App;
use server::forms::submit::{self, Door, Filing};
use server::forms::{self, store};
use server::platform::database::Exec;
use server::platform::events::Actor;
use server::platform::http::app_router;
use server::platform::ids::{Id, new_id};
use server::platform::lane::Outcome;
use tower::ServiceExt;
use town::Town;

/// An administrator's browser without script.
struct Browser {
    app: App,
    cookie: String,
}

impl Browser {
    async fn new(app: &App) -> Self {
        administrator(app, "open sesame please", false).await;
        let mut browser = Self { app: app.clone(), cookie: String::new() };
        let (status, _, _) = browser.post("/sign-in", "login=root&password=open+sesame+please").await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        browser
    }

    async fn ask(&mut self, request: Request<Body>) -> (StatusCode, String, String) {
        let answer = app_router(self.app.clone()).oneshot(request).await.expect("answers");
        let set: Vec<&str> = answer
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|v| v.to_str().ok()?.split(';').next())
            .collect();
        if self.cookie.is_empty() {
            self.cookie = set.join("; ");
        }
        let place = answer.headers().get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1 << 22).await.expect("body");
        (status, place, String::from_utf8(body.to_vec()).expect("utf-8"))
    }

    async fn get(&mut self, path: &str) -> (StatusCode, String, String) {
        let request = Request::get(path).header(header::COOKIE, &self.cookie).body(Body::empty()).expect("request");
        self.ask(request).await
    }

    async fn post(&mut self, path: &str, body: &str) -> (StatusCode, String, String) {
        let request = Request::post(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body.to_owned()))
            .expect("request");
        self.ask(request).await
    }

    /// Posts with the version that the form's page shows now.
    async fn change(&mut self, form: Id, path: &str, body: &str) {
        let version = store::form(&mut self.app.read(), form).await.expect("form").expect("there").version;
        let (status, _, page) = self.post(&format!("/forms/{form}{path}"), &format!("version={version}&{body}")).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{path} {body}: {page}");
    }
}

fn posted(values: serde_json::Value) -> Map {
    values.as_object().expect("object").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_made_on_the_pages_is_published_and_filled() {
    common::each(|house| async move {
        let app = house.app;
        Town::build(&app).await;
        let mut browser = Browser::new(&app).await;

        let (status, _, page) = browser.post("/forms", "title=").await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("请写上标题"));
        let (status, place, _) = browser.post("/forms", "title=老人走访&title_en=Visit").await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let form: Id = place.trim_start_matches("/forms/").parse().expect("id");

        let (_, _, page) = browser.get(&format!("/forms/{form}/publish")).await;
        assert!(page.contains("请至少添加一项"), "an empty form cannot be published: {page}");

        for attribute in ["person.name", "person.id_no", "person.live_alone"] {
            browser.change(form, "/fields", &format!("by=attribute&attribute={attribute}")).await;
        }
        browser.change(form, "/fields", "by=control&control=multiple_choice").await;
        let last = "act=save&label-field_4=需要&control-field_4=multiple_choice&choices-field_4=meals%3D助餐%0Arepair%3D维修&when_field-field_4=live_alone&when_value-field_4=true";
        browser.change(form, "/fields/field_4", last).await;
        browser.change(form, "/fields/name", "act=save&label-name=姓名&control-name=person_name&required-name=yes&bind-name=subject.person.name").await;
        browser.change(form, "/fields/field_4", "act=up").await;
        browser.change(form, "", "title=独居老人走访&title_en=Visit&intro=请填写&minutes=3").await;

        let (status, _, page) = browser.get(&format!("/forms/{form}")).await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("独居老人走访") && page.contains("iframe"));
        let (_, _, preview) = browser.get(&format!("/forms/{form}/preview")).await;
        assert!(preview.contains("助餐") && preview.contains("姓名") && preview.contains("data-when"), "{preview}");

        // Somebody else's older page changes nothing.
        let (status, _, _) = browser.post(&format!("/forms/{form}"), "version=1&title=旧的").await;
        assert_eq!(status, StatusCode::CONFLICT);

        let (_, _, page) = browser.get(&format!("/forms/{form}/publish")).await;
        assert!(page.contains('3'), "minutes are shown before publishing");
        browser.change(form, "/publish", "").await;
        let published = forms::latest(&app, form).await.expect("latest").expect("published");
        assert_eq!((published.number, published.class.as_str()), (1, "person"));
        let keys: Vec<&str> = published.compiled.fields().iter().map(form_runtime::CompiledField::key).collect();
        assert_eq!(keys, ["name", "id_no", "field_4", "live_alone"]);
        browser.change(form, "/publish", "").await;
        assert_eq!(forms::latest(&app, form).await.expect("latest").expect("published").number, 1, "the same makes no version");

        let door = Door::Item { shard: 7, id: new_id(7, app.now()) };
        let filing = Filing {
            published: Arc::clone(&published),
            door,
            client_id: new_id(7, app.now()),
            posted: posted(json!({"name": "张桂兰", "id_no": "110101194501010027", "live_alone": "true", "field_4": ["meals"]})),
            known: Known::default(),
            confirm_all: false,
            actor: Actor::default(),
        };
        let ready = submit::prepare(&app, &filing).expect("stands");
        assert_eq!(app.lanes.submit(ready.write_set.clone()).await.expect("stored"), Outcome::Stored);
        assert_eq!(ready.extraction.subject.said["live_alone"], json!(true));
        let row = store::submission(&mut app.read(), 7, ready.submission_id).await.expect("read").expect("stored");
        assert!(!row.answers.contains("110101194501010027"), "the number is ciphertext");
        let opened = submit::open_answers(&app.keys, &published, &row.answers).expect("opens");
        assert_eq!(opened["id_no"], "110101194501010027");

        // A repeat gets the first slip; another content under the same id does not.
        let first = submit::first(&app, &filing).await.expect("looked up").expect("found");
        assert!(first.same && first.slip_code == ready.slip_code);
        let again = submit::prepare(&app, &filing).expect("stands");
        let repeated = app.lanes.submit(again.write_set).await.expect("answered");
        assert_eq!(repeated, Outcome::Repeated { submission_id: ready.submission_id, slip_code: ready.slip_code });
        let other = Filing { posted: posted(json!({"name": "别人", "live_alone": "false"})), ..filing.clone() };
        let mismatch = submit::prepare(&app, &other).expect("stands");
        assert_eq!(app.lanes.submit(mismatch.write_set).await.expect("answered"), Outcome::Mismatch);
        assert!(!submit::first(&app, &other).await.expect("looked up").expect("found").same);

        let wrong = Filing { posted: posted(json!({"id_no": "110101194501010021"})), ..filing };
        let messages = submit::prepare(&app, &wrong).expect_err("refused");
        let fields: Vec<&str> = messages.iter().map(|message| message.field.as_str()).collect();
        assert_eq!(fields, ["name", "id_no"]);
        let stored: (i64,) = app.read().one("SELECT count(*) FROM submission", vec![]).await.expect("count");
        assert_eq!(stored.0, 1, "nothing half stored");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_version_never_changes() {
    common::each(|house| async move {
        let app = house.app;
        Town::build(&app).await;
        let mut browser = Browser::new(&app).await;
        let (_, place, _) = browser.post("/forms", "title=登记").await;
        let form: Id = place.trim_start_matches("/forms/").parse().expect("id");
        browser.change(form, "/fields", "by=attribute&attribute=person.name").await;
        browser.change(form, "/publish", "").await;
        let one = forms::latest(&app, form).await.expect("latest").expect("one");
        browser
            .change(
                form,
                "/fields/name",
                "act=save&label-name=老人姓名&control-name=person_name&bind-name=subject.person.name",
            )
            .await;
        assert_eq!(
            forms::latest(&app, form).await.expect("latest").expect("one").id,
            one.id,
            "an edit alone publishes nothing"
        );
        browser.change(form, "/publish", "").await;
        let two = forms::latest(&app, form).await.expect("latest").expect("two");
        let label = |form: &forms::Published| {
            form.compiled.field("name").expect("field").label().get(form_runtime::Lang::ZhCn).to_owned()
        };
        assert_eq!((two.number, label(&two).as_str(), label(&one).as_str()), (2, "老人姓名", "姓名"));
        let row = store::version(&mut app.read(), one.id).await.expect("read").expect("kept");
        assert!(row.definition.contains("姓名") && !row.definition.contains("老人姓名"));
    })
    .await;
}
