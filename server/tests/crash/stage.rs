//! A small city that the clients know: people with tokens, items to file, an open channel, a large draft.

use std::collections::HashMap;

use server::access::{self, Viewer, tokens};
use server::app::App;
use server::channels::edit;
use server::platform::events::Actor;
use server::platform::ids::{Id, new_id};
use server::tasks::rows::{self, Subject};
use server::tasks::{Relay, TaskShape, create};

use super::client::ready;
use super::common::NOW;
use super::desk::Desk;
use super::program::Serving;
use super::site::Site;

/// What the clients know of it.
#[derive(Clone, Default)]
pub struct City {
    /// token of somebody who may see and move everything
    pub manager: String,
    /// tokens by post
    pub by_post: HashMap<Id, String>,
    /// tokens of who works in an organization
    pub by_unit: HashMap<Id, Vec<String>>,
    /// sign-in names
    pub logins: Vec<String>,
    /// where an item may be moved on to from an organization
    pub beside: HashMap<Id, Vec<Id>>,
    pub places: Vec<Id>,
    pub communities: Vec<Id>,
    pub units: Vec<Id>,
    pub channel: Id,
    /// the running task and its items
    pub task: Id,
    pub items: Vec<Id>,
    /// a draft with so many rows
    pub draft: Id,
    /// a civil date that every form takes
    pub today: String,
}

/// Password of everybody.
pub const PASSWORD: &str = "open sesame please";

/// An installation that is not served yet.
pub struct Stage {
    pub site: Site,
    pub city: City,
}

impl Stage {
    /// With so many items in each of the eight communities, and a draft of so many rows.
    pub async fn build(engine: &str, items: usize, draft: usize) -> Self {
        let site = Site::on(engine).await;
        let app = site.open().await;
        let city = furnish(&app, items, draft).await;
        app.stop();
        app.db.close().await;
        Self { site, city }
    }

    /// The program on it.
    pub async fn serve(&self, variables: &[(&str, &str)]) -> Serving {
        let server = Serving::begin(&self.site.options(), variables);
        ready(&server).await;
        server
    }
}

async fn furnish(app: &App, items: usize, draft: usize) -> City {
    let desk = Desk::build(app).await;
    let mut city = City { today: app.clock.today_text(), ..City::default() };
    for (login, person) in &desk.people {
        let account = person.by.principal.account().expect("staff");
        let made = tokens::create(app, account, Some(person.post), "test", None, Actor::default()).await;
        let token = made.expect("token");
        if login == "manager" {
            city.manager = token.clone();
        }
        city.by_post.insert(person.post, token.clone());
        city.by_unit.entry(person.organization).or_default().push(token);
        city.logins.push(login.clone());
    }
    let town = &desk.town;
    for unit in &town.organizations {
        let near = town.organizations.iter().filter(|other| {
            other.id != unit.id
                && (other.parent == Some(unit.id) || (other.parent.is_some() && other.parent == unit.parent))
        });
        city.beside.insert(unit.id, near.map(|other| other.id).collect());
    }
    city.places = town.places.iter().map(|place| place.id).collect();
    city.units = town.organizations.iter().map(|unit| unit.id).collect();
    city.communities = town.communities().into_iter().map(|at| town.places[at].id).collect();
    city.channel = channel(app, &desk).await;
    let rule = || create::first_rule(TaskShape::Listed);
    if items > 0 {
        let people = desk.persons(app, items).await;
        city.task = desk.listed(app, people, rule(), Relay::default()).await.id;
        let sent = server::tasks::work_store::Wanted { task: Some(city.task), limit: i64::MAX, ..Default::default() };
        let by = &desk.by("manager").principal;
        let found = server::tasks::work_store::list(&mut app.read(), &sent, by, access::Permission::ItemRead).await;
        city.items = found.expect("items").into_iter().map(|item| item.id).collect();
        assert_eq!(city.items.len(), items * city.communities.len());
    }
    if draft > 0 {
        let task = desk.draft(app, TaskShape::Listed, rule(), Relay::default()).await;
        city.draft = task.id;
        // Nothing is known of them: a dispatch asks for no more than their place.
        let subject = |n: usize| {
            let place = &town.places[town.communities()[n % city.communities.len()]];
            Subject {
                shard: place.shard,
                id: new_id(place.shard, NOW),
                place: Some(place.id),
                label: format!("某人{n}"),
            }
        };
        rows::from_subjects(app, &task, (0..draft).map(subject).collect()).await.expect("rows");
    }
    city
}

/// A channel of the whole city, open to everybody.
async fn channel(app: &App, desk: &Desk) -> Id {
    let mut viewer = Viewer::anonymous(web::Lang::ZhCn, "test".into(), "/".into());
    viewer.principal = desk.by("manager").principal.clone();
    let draft = edit::Draft {
        title: "独居老人自己登记".into(),
        form: Some(desk.form),
        places: vec![desk.town.places[0].id],
        review: "none".into(),
        ..edit::Draft::default()
    };
    edit::create(app, &viewer, &draft, true).await.expect("channel").id
}
