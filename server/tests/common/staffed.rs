//! The small town with people who can sign in by token: a manager of the city's, a grid worker in each of two
//! communities, an administrator.
#![allow(dead_code)] // each test file uses its part of the cast

use std::collections::HashMap;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use serde_json::Value;
use server::access::password::hash_now;
use server::access::{self, Holder, Reach, tokens};
use server::app::App;
use server::args;
use server::directory::{self, Post, Staff};
use server::error::AppError;
use server::ledgers;
use server::platform::database::bulk::OnKey;
use server::platform::http::app_router;
use server::platform::ids::{Id, new_free_id};
use server::platform::settings;
use server::start;
use tower::ServiceExt;

use super::common::NOW;
use super::town::Town;

/// Somebody with a token.
#[derive(Clone, Debug)]
pub struct Person {
    pub account: Id,
    pub staff: Id,
    pub post: Id,
    pub organization: Id,
    pub token: String,
}

/// The town and who works in it.
pub struct Staffed {
    pub town: Town,
    pub people: HashMap<&'static str, Person>,
}

impl Staffed {
    /// `manager` at the city, `anna` in the first community, `ben` in the second, `township` above both, `root`.
    pub async fn build(app: &App) -> Self {
        let town = Town::build(app).await;
        let communities = town.communities();
        let (a, b) = (communities[0], communities[1]);
        let township = town.places[a].parent.expect("township");
        let unit = |at: usize| town.organizations[at].id;
        let above = town.places.iter().position(|place| place.id == township).expect("township");
        app.lanes
            .write(0, vec![], move |tx| {
                Box::pin(async move {
                    access::seed_roles(tx).await?;
                    ledgers::seed(tx, NOW).await?;
                    settings::put(tx, settings::SET_UP_AT, "1").await?;
                    Ok::<_, AppError>(())
                })
            })
            .await
            .expect("seeded");
        start::reload(app).await.expect("settings");
        let hires = vec![
            ("manager", unit(0), "manager", Reach::Own, ""),
            ("anna", unit(a), "grid_worker", Reach::Own, "grid_worker"),
            ("ben", unit(b), "grid_worker", Reach::Own, "grid_worker"),
            ("township", unit(above), "office_worker", Reach::Own, ""),
            ("root", unit(0), "administrator", Reach::All, ""),
        ];
        let (now, today, hashed) = (app.now(), app.clock.today_text(), hash_now("open sesame please"));
        let grids: Vec<(Id, Id, usize)> =
            vec![(new_free_id(NOW), town.places[a].id, 1), (new_free_id(NOW), town.places[b].id, 2)];
        let rows = app
            .lanes
            .write(0, vec![], move |tx| {
                let (hires, grids, today, hashed) = (hires.clone(), grids.clone(), today.clone(), hashed.clone());
                Box::pin(async move {
                    use directory::store as book;
                    let mut made = Vec::new();
                    for (login, organization, role, reach, tag) in hires {
                        let staff = Staff {
                            id: new_free_id(NOW),
                            person: new_free_id(NOW),
                            name: format!("员工{login}"),
                            pinyin: login.into(),
                            initials: login.into(),
                            state: "active".into(),
                            version: 1,
                        };
                        let post = Post {
                            id: new_free_id(NOW),
                            organization,
                            staff: Some(staff.id),
                            title: "工作人员".into(),
                            rank: 5,
                            tags: if tag.is_empty() { vec![] } else { vec![tag.to_owned()] },
                            valid_from: "2020-01-01".into(),
                            valid_to: None,
                            version: 1,
                        };
                        book::STAFF.write(tx, vec![book::staff_row(&staff, &None, &None)], OnKey::Fail).await?;
                        let account = access::create_account(tx, now, login, &hashed, Some(staff.id), false).await?;
                        book::POST.write(tx, vec![book::post_row(&post)], OnKey::Fail).await?;
                        access::grant(tx, now, &today, post.id, role, reach).await?;
                        if login == "root" {
                            access::grant_to(tx, now, &today, Holder::Account(account), role, reach).await?;
                        }
                        made.push((login, account, staff.id, post.id, organization));
                    }
                    for (grid, place, at) in grids {
                        let none = Option::<&str>::None;
                        let row = args![grid, place, "第 1 网格", "1", "2020-01-01", none, 1_i64];
                        book::GRID.write(tx, vec![row], OnKey::Fail).await?;
                        let row = args![grid, made[at].3, "2020-01-01", none];
                        book::GRID_WORKER.write(tx, vec![row], OnKey::Fail).await?;
                    }
                    Ok::<_, AppError>(made)
                })
            })
            .await
            .expect("employed");
        directory::reload(app).await.expect("address book");
        let mut people = HashMap::new();
        for (login, account, staff, post, organization) in rows {
            let token =
                tokens::create(app, account, Some(post), "test", None, Default::default()).await.expect("token");
            people.insert(login, Person { account, staff, post, organization, token });
        }
        Self { town, people }
    }

    /// The id of the `n`th community.
    pub fn community(&self, n: usize) -> Id {
        self.town.places[self.town.communities()[n]].id
    }

    /// Asks as `who`, with the headers and body given.
    pub async fn ask(
        &self,
        app: &App,
        who: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> (StatusCode, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(person) = self.people.get(who) {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", person.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response =
            app_router(app.clone()).oneshot(request.body(Body::from(body)).expect("request")).await.expect("answered");
        let status = response.status();
        (status, to_bytes(response.into_body(), 64 << 20).await.expect("body").to_vec())
    }

    /// Asks with JSON and reads JSON.
    pub async fn json(&self, app: &App, who: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.json_with(app, who, method, path, &[], body).await
    }

    /// The same with headers of one's own (`If-Match`, `Idempotency-Key`).
    pub async fn json_with(
        &self,
        app: &App,
        who: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (u16, Value) {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        let sent = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let (status, bytes) = self.ask(app, who, method, path, &all, sent).await;
        (status.as_u16(), serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// Sends a file as the multipart field `file`.
    pub async fn upload(&self, app: &App, who: &str, path: &str, name: &str, file: &[u8]) -> (StatusCode, Vec<u8>) {
        let mut body = format!(
            "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n--cut--\r\n");
        self.ask(app, who, "POST", path, &[("content-type", "multipart/form-data; boundary=cut")], body).await
    }
}
