//! The organizations of the city as they are, and made-up people in their posts.

use std::collections::HashMap;

use super::cast::{At, SIGN_INS};
use super::random::{Random, name};
use crate::access::password::Hashed;
use crate::access::{Reach, create_account, grant};
use crate::app::App;
use crate::directory::{self, BookRows, Grid, NewBook, NewStaff, Organization, Post, Staff};
use crate::error::AppError;
use crate::geography::{Geography, PlaceRef};
use crate::platform::ids::{Id, new_free_id};
use crate::platform::pinyin::spell;

const SEED: u64 = 1402;
const CITY: &str = "140200000000";
const DISTRICT: &str = "140213000000";
const STREET: &str = "140213050000";
/// The two communities with doors and residents: 御馨花都社区 and 桥北社区.
pub const COMMUNITIES: [&str; 2] = ["140213050007", "140213050008"];

/// Builds organizations, posts, staff, grids and accounts in one transaction; does nothing when the
/// address book has something in it.
pub async fn build(app: &App) -> Result<(), AppError> {
    if app.directory().sizes().0 > 0 {
        return Ok(());
    }
    let (now, today) = (app.now(), app.clock.today_text());
    let geography = app.geography();
    let mut builder = Builder::new(&geography, now, &today);
    builder.organizations();
    builder.workers();
    builder.cast()?;
    let Builder { book, grants, accounts, .. } = builder;
    let rows = BookRows::new(&book, &app.directory(), &app.keys, now, &today);
    app.lanes
        .write(0, vec![], move |tx| {
            let (rows, grants, accounts, today) = (rows.clone(), grants.clone(), accounts.clone(), today.clone());
            Box::pin(async move {
                rows.write(tx).await?;
                for (post, role, reach) in grants {
                    grant(tx, now, &today, post, role, reach).await?;
                }
                for (login, staff, password) in accounts {
                    create_account(tx, now, login, &password, Some(staff), false).await?;
                }
                Ok::<_, AppError>(())
            })
        })
        .await?;
    directory::reload(app).await
}

struct Builder<'a> {
    geography: &'a Geography,
    now: i64,
    today: &'a str,
    random: Random,
    book: NewBook,
    /// territorial unit of each place
    governing: HashMap<Id, Id>,
    /// civil-affairs unit of the city and of each district
    bureaus: HashMap<Id, Id>,
    grid_posts: HashMap<Id, usize>,
    grants: Vec<(Id, &'static str, Reach)>,
    accounts: Vec<(&'static str, Id, Hashed)>,
    phones: u64,
}

impl<'a> Builder<'a> {
    fn new(geography: &'a Geography, now: i64, today: &'a str) -> Self {
        Self {
            geography,
            now,
            today,
            random: Random::new(SEED),
            book: NewBook::default(),
            governing: HashMap::new(),
            bureaus: HashMap::new(),
            grid_posts: HashMap::new(),
            grants: Vec::new(),
            accounts: Vec::new(),
            phones: 0,
        }
    }

    fn organization(
        &mut self,
        place: PlaceRef<'_>,
        kind: &str,
        name: String,
        short: String,
        parent: Option<Id>,
        counterpart: Option<Id>,
    ) -> Id {
        let id = new_free_id(self.now);
        let (pinyin, initials) = spell(&short);
        self.book.organizations.push(Organization {
            id,
            parent,
            counterpart,
            place: Some(place.id),
            kind: kind.to_owned(),
            level: place.level,
            name,
            short_name: short,
            pinyin,
            initials,
            valid_from: self.today.to_owned(),
            valid_to: None,
            version: 1,
        });
        if kind != "bureau" {
            self.governing.insert(place.id, id);
        }
        id
    }

    /// From the city down; a unit's counterpart is the civil-affairs unit one level up.
    fn organizations(&mut self) {
        for place in self.geography.all().filter(|place| place.level >= 2) {
            let above = place.parent.and_then(|id| self.governing.get(&id).copied());
            let line = place.parent.and_then(|id| self.bureaus.get(&id).copied());
            let name = place.name;
            match (place.level, place.kind) {
                (3, "economic_zone") => {
                    // 管委会 stands in for the government and for the bureau.
                    let short = format!("{}管委会", name.trim_start_matches("山西大同"));
                    let id = self.organization(
                        place,
                        "administrative_committee",
                        format!("{name}管理委员会"),
                        short,
                        above,
                        line,
                    );
                    self.bureaus.insert(place.id, id);
                }
                (2 | 3, _) => {
                    let government = self.organization(
                        place,
                        "government",
                        format!("{name}人民政府"),
                        format!("{name}人民政府"),
                        above,
                        None,
                    );
                    let bureau = self.organization(
                        place,
                        "bureau",
                        format!("{name}民政局"),
                        format!("{name}民政局"),
                        Some(government),
                        line,
                    );
                    self.bureaus.insert(place.id, bureau);
                }
                (4, kind) => {
                    let (kind, ending) = match kind {
                        "town" | "township" => ("township_government", "人民政府"),
                        "street" | "area" => ("street_office", "办事处"),
                        _ => ("street_office", "社会事务办公室"),
                    };
                    let short = format!("{}{ending}", name.trim_end_matches("乡级单位"));
                    let district =
                        self.geography.chain(place.id).nth(1).map_or_else(String::new, |d| d.name.to_owned());
                    let id = self.organization(place, kind, format!("{district}{short}"), short, above, line);
                    self.bureaus.insert(place.id, id);
                }
                (_, kind) => {
                    let (kind, ending) = if kind == "village" {
                        ("villagers_committee", "村委会")
                    } else {
                        ("residents_committee", "居委会")
                    };
                    self.organization(
                        place,
                        kind,
                        place.official_name.to_owned(),
                        format!("{name}{ending}"),
                        above,
                        line,
                    );
                }
            }
        }
    }

    fn staff(&mut self, name: String) -> Id {
        let id = new_free_id(self.now);
        let (pinyin, initials) = spell(&name);
        self.phones += 1;
        let phone = Some(format!("1990352{:04}", self.phones));
        let staff =
            Staff { id, person: new_free_id(self.now), name, pinyin, initials, state: "active".to_owned(), version: 1 };
        self.book.staff.push(NewStaff { staff, phone });
        id
    }

    fn post(
        &mut self,
        organization: Id,
        staff: Id,
        title: &str,
        rank: i64,
        tags: &[&str],
        role: &'static str,
        reach: Reach,
    ) -> Id {
        let id = new_free_id(self.now);
        self.book.posts.push(Post {
            id,
            organization,
            staff: Some(staff),
            title: title.to_owned(),
            rank,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            valid_from: self.today.to_owned(),
            valid_to: None,
            version: 1,
        });
        self.grants.push((id, role, reach));
        id
    }

    fn made_up_name(&mut self) -> String {
        let woman = self.random.percent(60);
        name(&mut self.random, woman, false)
    }

    /// A worker in every grid, a civil-affairs worker in every office and bureau, a leader in every
    /// government. None of them can sign in.
    fn workers(&mut self) {
        for place in self.geography.all().filter(|place| place.level >= 2) {
            let unit = self.governing[&place.id];
            let taken = |at: &[&str]| place.code.is_some_and(|code| at.contains(&code));
            match place.level {
                5 if taken(&COMMUNITIES) => {}
                5 => {
                    let who = self.made_up_name();
                    let staff = self.staff(who);
                    let post = self.post(unit, staff, "网格员", 50, &["grid_worker"], "grid_worker", Reach::Own);
                    self.grid(place, post);
                }
                4 if taken(&[STREET]) => {}
                4 => {
                    let who = self.made_up_name();
                    let staff = self.staff(who);
                    self.post(unit, staff, "民政干事", 30, &["civil_affairs"], "office_worker", Reach::Own);
                }
                _ => {
                    let bureau = self.bureaus[&place.id];
                    if !taken(&[CITY, DISTRICT]) {
                        let who = self.made_up_name();
                        let staff = self.staff(who);
                        let post = self.post(bureau, staff, "民政经办", 20, &["civil_affairs"], "manager", Reach::Own);
                        self.grants.push((post, "manager", Reach::Place(place.id)));
                    }
                    if !taken(&[DISTRICT]) {
                        let who = self.made_up_name();
                        let staff = self.staff(who);
                        let title = match (place.level, place.kind) {
                            (2, _) => "副市长",
                            (_, "economic_zone") => "管委会副主任",
                            (_, "county") => "副县长",
                            _ => "副区长",
                        };
                        self.post(unit, staff, title, 10, &["leader"], "leader", Reach::Place(place.id));
                    }
                }
            }
        }
    }

    /// One grid covers the community; the post is its worker.
    fn grid(&mut self, community: PlaceRef<'_>, post: Id) {
        if let Some(&at) = self.grid_posts.get(&community.id) {
            self.book.grids[at].workers.push(post);
            return;
        }
        self.grid_posts.insert(community.id, self.book.grids.len());
        self.book.grids.push(Grid {
            id: new_free_id(self.now),
            community: community.id,
            name: "第 1 网格".to_owned(),
            workers: vec![post],
            premises: Vec::new(),
            version: 1,
        });
    }

    fn cast(&mut self) -> Result<(), AppError> {
        let geography = self.geography;
        let by_code =
            |code: &str| geography.by_code(code).ok_or_else(|| AppError::Internal(format!("place {code} is missing")));
        for person in SIGN_INS {
            let staff = self.staff(person.name.to_owned());
            for (rank, &(at, title, role)) in person.posts.iter().enumerate() {
                let code = match at {
                    At::CityGovernment | At::CityBureau => CITY,
                    At::DistrictGovernment | At::DistrictBureau => DISTRICT,
                    At::Street => STREET,
                    At::Community | At::Grid => COMMUNITIES[0],
                    At::OtherGrid => COMMUNITIES[1],
                };
                let place = by_code(code)?;
                let bureau = matches!(at, At::CityBureau | At::DistrictBureau);
                let unit = if bureau { self.bureaus[&place.id] } else { self.governing[&place.id] };
                let tags: &[&str] = match role {
                    "grid_worker" => &["grid_worker"],
                    "leader" => &["leader"],
                    "administrator" | "clerk" => &[],
                    _ => &["civil_affairs"],
                };
                let reach = match role {
                    "administrator" => Reach::All,
                    "leader" => Reach::Place(place.id),
                    _ => Reach::Own,
                };
                let post = self.post(unit, staff, title, 20 + rank as i64, tags, role, reach);
                if bureau {
                    self.grants.push((post, role, Reach::Place(place.id)));
                }
                if role == "grid_worker" {
                    self.grid(place, post);
                }
            }
            self.accounts.push((person.login, staff, super::hashed()));
        }
        Ok(())
    }
}
