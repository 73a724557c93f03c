//! What an import of the address book would do: nothing is written here, so the dry run is this and no more.

use std::collections::{HashMap, HashSet};

use super::staff::{is_login, is_phone, reaches, tags_of};
use crate::access::{BUILT_IN, Reach};
use crate::directory::{Directory, KINDS, NewBook, NewStaff, Organization, Post, Staff, TERRITORIAL, kind_of};
use crate::error::Fault;
use crate::geography::{self, Geography, Resolved};
use crate::platform::ids::{Id, new_free_id};
use crate::platform::pinyin::spell;
use crate::platform::sheets::{self, Limits, Wanted, data_rows, find_header};

/// Rows of one file.
const MOST: usize = 50_000;
/// New accounts of one file: each password is hashed, and told once.
pub const MOST_LOGINS: usize = 300;
/// Faults kept for people to read.
const SHOWN_FAULTS: usize = 200;

/// The columns that are read, with the other names they may have.
pub fn columns() -> Vec<Wanted> {
    vec![
        Wanted::required("单位").or("单位名称").or("组织").or("organization"),
        Wanted::optional("上级单位").or("隶属单位").or("parent organization"),
        Wanted::optional("条线上级").or("业务上级").or("line"),
        Wanted::optional("所在地").or("代码").or("所在地代码").or("所在地/代码").or("place"),
        Wanted::optional("类型").or("单位类型").or("kind"),
        Wanted::optional("岗位").or("职务").or("post"),
        Wanted::optional("姓名").or("name"),
        Wanted::optional("手机").or("手机号").or("电话").or("phone"),
        Wanted::optional("角色").or("role"),
        Wanted::optional("标签").or("tags"),
        Wanted::optional("登录名").or("账号").or("login"),
    ]
}

/// One row of the file.
#[derive(Clone, Debug, Default)]
pub struct BookLine {
    row: u32,
    unit: String,
    parent: String,
    line: String,
    place: String,
    kind: String,
    title: String,
    name: String,
    phone: String,
    role: String,
    tags: String,
    login: String,
}

/// The rows of a file, or what is wrong with it.
pub fn read(bytes: &[u8], file_name: &str) -> Result<Vec<BookLine>, Vec<Fault>> {
    let fault = |fault: sheets::SheetError| vec![geography::sheet_fault(&fault)];
    let workbook = sheets::read(bytes, file_name, &Limits::default()).map_err(fault)?;
    let sheet = workbook.first_visible().map_err(fault)?;
    let header = find_header(sheet, &columns()).map_err(fault)?;
    let rows = data_rows(sheet, &header).rows;
    if rows.len() > MOST {
        return Err(vec![Fault::new("file", "geography-fault-too-many").with("most", MOST)]);
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let cell = |at: usize| {
                header.columns[at].map(|column| sheet.cell(row, column).normalized_text()).unwrap_or_default()
            };
            BookLine {
                row: sheet.row_number(row),
                unit: cell(0),
                parent: cell(1),
                line: cell(2),
                place: cell(3),
                kind: cell(4),
                title: cell(5),
                name: cell(6),
                phone: cell(7),
                role: cell(8),
                tags: cell(9),
                login: cell(10).to_lowercase(),
            }
        })
        .collect())
}

/// The outcome of planning.
#[derive(Debug, Default)]
pub struct BookPlan {
    /// what is new
    pub book: NewBook,
    /// post, role, reach
    pub grants: Vec<(Id, &'static str, Reach)>,
    /// rows that make an administrator of all
    pub administrators: Vec<u32>,
    /// sign-in name, staff, name, row
    pub accounts: Vec<(String, Id, String, u32)>,
    /// rows that are there already
    pub unchanged: usize,
    /// the first faults, by row
    pub faults: Vec<Fault>,
    /// how many faults there are
    pub fault_count: usize,
}

impl BookPlan {
    /// Notes a fault; only the first ones are kept.
    pub fn fault(&mut self, fault: Fault) {
        self.fault_count += 1;
        if self.faults.len() < SHOWN_FAULTS {
            self.faults.push(fault);
        }
    }
}

fn at(row: u32, column: &str, key: &str) -> Fault {
    Fault::new(format!("row {row}, {column}"), key).with("row", row)
}

/// A unit of the file, new or there already.
struct Unit {
    id: Id,
    name: String,
    parent: String,
    line: String,
    place: Option<Id>,
    row: u32,
    fresh: bool,
    kind: String,
}

struct Planner<'a> {
    geography: &'a Geography,
    directory: &'a Directory,
    now: i64,
    today: &'a str,
    units: Vec<Unit>,
    by_name: HashMap<String, Vec<usize>>,
    existing: HashMap<&'a str, Vec<&'a Organization>>,
    people: HashMap<(String, String), Id>,
    plan: BookPlan,
}

/// Plans an import over the address book that exists.
pub fn plan(lines: &[BookLine], geography: &Geography, directory: &Directory, now: i64, today: &str) -> BookPlan {
    let mut existing: HashMap<&str, Vec<&Organization>> = HashMap::new();
    for unit in directory.organizations() {
        existing.entry(&unit.name).or_default().push(unit);
        if unit.short_name != unit.name {
            existing.entry(&unit.short_name).or_default().push(unit);
        }
    }
    let mut planner = Planner {
        geography,
        directory,
        now,
        today,
        units: Vec::new(),
        by_name: HashMap::new(),
        existing,
        people: HashMap::new(),
        plan: BookPlan::default(),
    };
    if lines.is_empty() {
        planner.plan.fault(Fault::new("file", "directory-fault-empty"));
    }
    let rows: Vec<Option<usize>> = lines.iter().map(|line| planner.unit(line)).collect();
    planner.organizations();
    for (line, unit) in lines.iter().zip(rows) {
        if let Some(unit) = unit {
            planner.post(line, unit);
        }
    }
    if planner.plan.accounts.len() > MOST_LOGINS {
        planner.plan.fault(Fault::new("file", "directory-fault-logins").with("most", MOST_LOGINS));
    }
    planner.plan
}

impl Planner<'_> {
    /// The unit of a row: named before in the file, there already, or new.
    fn unit(&mut self, line: &BookLine) -> Option<usize> {
        if line.unit.is_empty() || line.unit.chars().count() > 80 {
            self.plan.fault(at(line.row, "单位", "directory-fault-unit"));
            return None;
        }
        let place = match line.place.as_str() {
            "" => None,
            text => match geography::resolve(self.geography, text, None) {
                Resolved::One(id) => Some(id),
                Resolved::None => {
                    self.plan.fault(at(line.row, "所在地", "directory-fault-place").with("place", text));
                    return None;
                }
                Resolved::Many(list) => {
                    self.plan.fault(
                        at(line.row, "所在地", "directory-fault-places").with("place", text).with("n", list.len()),
                    );
                    return None;
                }
            },
        };
        let same = |unit: &Unit| {
            (line.parent.is_empty() || unit.parent == line.parent) && (place.is_none() || unit.place == place)
        };
        let known = self.by_name.get(&line.unit).into_iter().flatten().copied().find(|&index| same(&self.units[index]));
        if known.is_some() {
            return known;
        }
        let there = self.existing.get(line.unit.as_str()).into_iter().flatten().find(|unit| {
            let above = unit.parent.and_then(|id| self.directory.organization(id));
            (place.is_none() || unit.place == place)
                && (line.parent.is_empty()
                    || above.is_some_and(|above| above.name == line.parent || above.short_name == line.parent))
        });
        let unit = if let Some(unit) = there {
            Unit {
                id: unit.id,
                name: line.unit.clone(),
                parent: line.parent.clone(),
                line: line.line.clone(),
                place: unit.place,
                row: line.row,
                fresh: false,
                kind: unit.kind.clone(),
            }
        } else {
            let kind =
                if KINDS.contains(&line.kind.as_str()) { line.kind.clone() } else { kind_of(&line.unit).to_owned() };
            Unit {
                id: new_free_id(self.now),
                name: line.unit.clone(),
                parent: line.parent.clone(),
                line: line.line.clone(),
                place,
                row: line.row,
                fresh: true,
                kind,
            }
        };
        self.by_name.entry(line.unit.clone()).or_default().push(self.units.len());
        self.units.push(unit);
        Some(self.units.len() - 1)
    }

    /// The unit that a text names, seen from a place: of several of one name, the nearest above.
    fn named(&mut self, text: &str, from: Option<Id>, row: u32, column: &str) -> Option<Id> {
        let mut found: Vec<(Id, Option<Id>)> = self
            .by_name
            .get(text)
            .into_iter()
            .flatten()
            .map(|&index| (self.units[index].id, self.units[index].place))
            .collect();
        found.extend(self.existing.get(text).into_iter().flatten().map(|unit| (unit.id, unit.place)));
        found.sort_unstable();
        found.dedup();
        if found.len() > 1
            && let Some(from) = from
        {
            let chain: Vec<Id> = self.geography.chain(from).map(|place| place.id).collect();
            let near = |place: Option<Id>| place.and_then(|place| chain.iter().position(|above| *above == place));
            let best = found.iter().filter_map(|(_, place)| near(*place)).min();
            found.retain(|(_, place)| best.is_some() && near(*place) == best);
        }
        match found.as_slice() {
            [(id, _)] => Some(*id),
            [] => {
                self.plan.fault(at(row, column, "directory-fault-unknown").with("name", text));
                None
            }
            several => {
                let count = several.len();
                self.plan.fault(at(row, column, "directory-fault-ambiguous").with("name", text).with("n", count));
                None
            }
        }
    }

    fn organizations(&mut self) {
        let fresh: Vec<(usize, String, String)> = self
            .units
            .iter()
            .enumerate()
            .filter(|(_, unit)| unit.fresh)
            .map(|(index, unit)| (index, unit.parent.clone(), unit.line.clone()))
            .collect();
        let mut parents: HashMap<Id, Option<Id>> = HashMap::new();
        let mut lines: HashMap<Id, Option<Id>> = HashMap::new();
        for (index, parent, line) in &fresh {
            let (id, row, place) = (self.units[*index].id, self.units[*index].row, self.units[*index].place);
            let above = |text: &str, column: &str, this: &mut Self| {
                if text.is_empty() { None } else { this.named(text, place, row, column) }
            };
            parents.insert(id, above(parent, "上级单位", self));
            lines.insert(id, above(line, "条线上级", self));
        }
        let mut governed: HashSet<Id> = HashSet::new();
        for (index, ..) in fresh {
            let unit = &self.units[index];
            let (id, row, kind, place, name) = (unit.id, unit.row, unit.kind.clone(), unit.place, unit.name.clone());
            if circle(id, &parents) || circle(id, &lines) {
                self.plan.fault(at(row, "上级单位", "directory-fault-circle").with("name", &name));
            }
            let territorial = TERRITORIAL.contains(&kind.as_str());
            match place {
                None if territorial => {
                    self.plan.fault(at(row, "所在地", "directory-fault-place-needed").with("name", &name))
                }
                Some(place) if territorial => {
                    let there = self.directory.governing(place).map(|unit| unit.name.clone());
                    if there.is_some() || !governed.insert(place) {
                        let other = there.unwrap_or_else(|| name.clone());
                        self.plan.fault(
                            at(row, "所在地", "directory-fault-governed").with("name", &name).with("other", other),
                        );
                    }
                }
                _ => {}
            }
            let level = place.and_then(|id| self.geography.get(id)).map_or(2, |place| place.level);
            let (pinyin, initials) = spell(&name);
            self.plan.book.organizations.push(Organization {
                id,
                parent: parents[&id],
                counterpart: lines[&id],
                place,
                kind,
                level,
                short_name: name.clone(),
                name,
                pinyin,
                initials,
                valid_from: self.today.to_owned(),
                valid_to: None,
                version: 1,
            });
        }
    }

    fn post(&mut self, line: &BookLine, unit: usize) {
        let (unit_id, fresh, place, kind) = {
            let unit = &self.units[unit];
            (unit.id, unit.fresh, unit.place, unit.kind.clone())
        };
        if line.title.is_empty() && line.name.is_empty() {
            self.plan.unchanged += usize::from(!fresh);
            return;
        }
        if line.title.is_empty() || line.title.chars().count() > 80 {
            return self.plan.fault(at(line.row, "岗位", "directory-fault-title"));
        }
        if line.name.chars().count() > 80 {
            return self.plan.fault(at(line.row, "姓名", "directory-fault-name"));
        }
        if !line.phone.is_empty() && !is_phone(&line.phone) {
            return self.plan.fault(at(line.row, "手机", "directory-fault-phone").with("phone", &line.phone));
        }
        let role = BUILT_IN.iter().find(|role| role.key == line.role || role.title.contains(&line.role.as_str()));
        if !line.role.is_empty() && role.is_none() {
            return self.plan.fault(at(line.row, "角色", "directory-fault-role").with("role", &line.role));
        }
        let there = self.directory.posts_in(unit_id).any(|post| {
            post.title == line.title
                && self.directory.holder(post.id).map_or(line.name.is_empty(), |holder| holder.name == line.name)
        });
        if there {
            self.plan.unchanged += 1;
            return;
        }
        let staff = (!line.name.is_empty()).then(|| self.person(line));
        if !line.login.is_empty() {
            match staff {
                Some(staff) if is_login(&line.login) => self.account(line, staff),
                Some(_) => {
                    return self.plan.fault(at(line.row, "登录名", "directory-fault-login").with("login", &line.login));
                }
                None => return self.plan.fault(at(line.row, "登录名", "directory-fault-login-person")),
            }
        }
        let id = new_free_id(self.now);
        let rank = if fresh { 0 } else { self.directory.posts_in(unit_id).map(|post| post.rank).max().unwrap_or(0) };
        self.plan.book.posts.push(Post {
            id,
            organization: unit_id,
            staff,
            title: line.title.clone(),
            rank: rank + i64::from(line.row),
            tags: tags_of(&line.tags),
            valid_from: self.today.to_owned(),
            valid_to: None,
            version: 1,
        });
        if let Some(role) = role.filter(|_| !line.role.is_empty()) {
            if role.key == "administrator" {
                self.plan.administrators.push(line.row);
            }
            let reach = reaches(role.key, place, TERRITORIAL.contains(&kind.as_str()));
            self.plan.grants.extend(reach.into_iter().map(|reach| (id, role.key, reach)));
        }
    }

    /// The person of a row: the same name with the same phone is one person with several posts.
    fn person(&mut self, line: &BookLine) -> Id {
        let key = (line.name.clone(), line.phone.clone());
        if let Some(&known) = self.people.get(&key).filter(|_| !line.phone.is_empty()) {
            return known;
        }
        let id = new_free_id(self.now);
        let (pinyin, initials) = spell(&line.name);
        let staff = Staff {
            id,
            person: new_free_id(self.now),
            name: line.name.clone(),
            pinyin,
            initials,
            state: "active".to_owned(),
            version: 1,
        };
        self.plan.book.staff.push(NewStaff { staff, phone: (!line.phone.is_empty()).then(|| line.phone.clone()) });
        self.people.insert(key, id);
        id
    }

    fn account(&mut self, line: &BookLine, staff: Id) {
        match self.plan.accounts.iter().find(|(login, ..)| *login == line.login) {
            Some((_, other, ..)) if *other == staff => {}
            Some((.., row)) => {
                let first = *row;
                let fault = at(line.row, "登录名", "directory-fault-login-twice")
                    .with("login", &line.login)
                    .with("first", first);
                self.plan.fault(fault);
            }
            None => self.plan.accounts.push((line.login.clone(), staff, line.name.clone(), line.row)),
        }
    }
}

fn circle(from: Id, above: &HashMap<Id, Option<Id>>) -> bool {
    let mut here = above.get(&from).copied().flatten();
    for _ in 0..64 {
        match here {
            None => return false,
            Some(id) if id == from => return true,
            Some(id) => here = above.get(&id).copied().flatten(),
        }
    }
    true
}
