//! What an import of places would do: nothing is written here, so the dry run is this and no more.

use std::collections::{HashMap, HashSet};

use super::names::{display_name, kind_of};
use super::place::Place;
use super::place_file::PlaceLine;
use super::provinces::province_of;
use super::tree::Geography;
use crate::error::Fault;
use crate::platform::ids::{Id, derived_id, shard_by_hash};
use crate::platform::pinyin::spell;

/// Faults kept for people to read; the rest is only counted.
const SHOWN_FAULTS: usize = 200;
/// Codes of level 2 that stand for no city: what is under them belongs to the municipality.
const PSEUDO_CITIES: [&str; 5] = ["1101", "1201", "3101", "5001", "5002"];
/// Codes of level 2 that only collect what the province governs directly.
const DIRECT_COUNTIES: [&str; 4] = ["4190", "4290", "4690", "6590"];

/// The outcome of planning.
#[derive(Debug, Default)]
pub struct Plan {
    /// places to make, parents before children
    pub places: Vec<Place>,
    /// places that exist under another name: new names, present version
    pub renamed: Vec<Place>,
    /// places that are as the file says
    pub unchanged: usize,
    /// lines merged into the place above (市辖区 of a municipality)
    pub merged: usize,
    /// new places by level, index 1 to 5
    pub by_level: [usize; 6],
    /// the first faults, by line
    pub faults: Vec<Fault>,
    /// how many faults there are
    pub fault_count: usize,
}

impl Plan {
    fn fault(&mut self, fault: Fault) {
        self.fault_count += 1;
        if self.faults.len() < SHOWN_FAULTS {
            self.faults.push(fault);
        }
    }
}

/// Plans an import over the places that exist. `now` and `today` date the new places.
pub fn plan(lines: &[PlaceLine], geography: &Geography, now: i64, today: &str) -> Plan {
    let mut plan = Plan::default();
    if lines.is_empty() {
        plan.fault(Fault::new("file", "geography-fault-empty"));
        return plan;
    }
    let Some((kept, alias)) = unique(lines, &mut plan) else { return plan };
    let by_code: HashMap<&str, &PlaceLine> = kept.iter().map(|line| (line.code.as_str(), *line)).collect();
    let mut parents: HashMap<&str, Option<String>> = HashMap::with_capacity(kept.len());
    for line in &kept {
        match parent_code(line, &by_code, &alias, geography) {
            Ok(parent) => {
                parents.insert(&line.code, parent);
            }
            Err(fault) => plan.fault(fault),
        }
    }
    cycles(&kept, &by_code, &parents, &mut plan);
    if plan.fault_count > 0 {
        return plan;
    }
    Builder { geography, now, today, made: HashMap::new(), names: HashMap::new() }.build(&kept, &parents, &mut plan);
    plan
}

type Kept<'l> = (Vec<&'l PlaceLine>, HashMap<String, String>);

/// Lines with codes of their own, parents first; merged lines become aliases of what is above.
fn unique<'l>(lines: &'l [PlaceLine], plan: &mut Plan) -> Option<Kept<'l>> {
    let mut first: HashMap<&str, u32> = HashMap::with_capacity(lines.len());
    let (mut kept, mut alias) = (Vec::with_capacity(lines.len()), HashMap::new());
    for line in lines {
        if let Some(&earlier) = first.get(line.code.as_str()) {
            let fault = Fault::new(format!("row {}", line.line), "geography-fault-duplicate");
            plan.fault(fault.with("line", line.line).with("code", &line.code).with("first", earlier));
            continue;
        }
        first.insert(&line.code, line.line);
        if line.level == 2 && is_code_under(&line.code, &PSEUDO_CITIES) {
            alias.insert(line.code.clone(), format!("{}0000000000", &line.code[..2]));
            plan.merged += 1;
        } else {
            kept.push(line);
        }
    }
    kept.sort_by_key(|line| line.level);
    (plan.fault_count == 0).then_some((kept, alias))
}

fn is_code_under(code: &str, prefixes: &[&str]) -> bool {
    code.len() == 12 && prefixes.iter().any(|prefix| code.starts_with(prefix) && code[4..].bytes().all(|b| b == b'0'))
}

/// The code of the place above: what the file says, else what the digits say.
fn parent_code(
    line: &PlaceLine,
    by_code: &HashMap<&str, &PlaceLine>,
    alias: &HashMap<String, String>,
    geography: &Geography,
) -> Result<Option<String>, Fault> {
    let fault =
        |key: &str| Fault::new(format!("row {}", line.line), key).with("line", line.line).with("code", &line.code);
    let known = |code: &str| by_code.contains_key(code) || geography.by_code(code).is_some();
    let real = |code: &str| alias.get(code).cloned().unwrap_or_else(|| code.to_owned());
    let said = match &line.parent {
        Some(parent) => Some(real(parent)),
        None if line.level == 1 => None,
        None => {
            let digits = [0, 0, 2, 4, 6, 9][line.level.clamp(0, 5) as usize];
            let head = line.code.get(..digits).ok_or_else(|| fault("geography-fault-no-parent"))?;
            let pseudo = line.level == 3 && PSEUDO_CITIES.contains(&head);
            Some(real(&format!("{:0<12}", if pseudo { &head[..2] } else { head })))
        }
    };
    match said {
        None => Ok(None),
        Some(parent) if parent == line.code => Err(fault("geography-fault-cycle").with("path", line.line)),
        Some(parent) if known(&parent) => Ok(Some(parent)),
        Some(parent) if line.level == 2 || parent.ends_with("0000000000") => match province_of(&parent) {
            Some((province, _)) if province == parent => Ok(Some(parent)),
            _ => Err(fault("geography-fault-parent").with("parent", parent)),
        },
        Some(parent) => Err(fault("geography-fault-parent").with("parent", parent)),
    }
}

/// Refuses places that lie under themselves, and places that do not lie below their parent's level.
fn cycles(
    kept: &[&PlaceLine],
    by_code: &HashMap<&str, &PlaceLine>,
    parents: &HashMap<&str, Option<String>>,
    plan: &mut Plan,
) {
    let mut safe: HashSet<&str> = HashSet::with_capacity(kept.len());
    let mut told: HashSet<&str> = HashSet::new();
    for line in kept {
        let (mut path, mut on_path): (Vec<&PlaceLine>, HashSet<&str>) = Default::default();
        let mut next = Some(*line);
        while let Some(here) = next {
            if safe.contains(here.code.as_str()) || told.contains(here.code.as_str()) {
                break;
            }
            if !on_path.insert(&here.code) {
                let from = path.iter().position(|p| p.code == here.code).unwrap_or(0);
                let text: Vec<String> = path[from..].iter().chain([&here]).map(|p| p.line.to_string()).collect();
                let fault = Fault::new(format!("row {}", here.line), "geography-fault-cycle");
                plan.fault(fault.with("line", here.line).with("code", &here.code).with("path", text.join(" → ")));
                told.extend(path.iter().map(|p| p.code.as_str()));
                break;
            }
            path.push(here);
            next =
                parents.get(here.code.as_str()).and_then(Option::as_deref).and_then(|code| by_code.get(code)).copied();
        }
        safe.extend(path.iter().map(|p| p.code.as_str()).filter(|code| !told.contains(code)));
    }
    for line in kept.iter().filter(|line| !told.contains(line.code.as_str())) {
        let above = parents.get(line.code.as_str()).and_then(Option::as_deref).and_then(|code| by_code.get(code));
        if let Some(above) = above.filter(|above| above.level >= line.level) {
            let fault = Fault::new(format!("row {}", line.line), "geography-fault-order");
            plan.fault(fault.with("line", line.line).with("code", &line.code).with("above", above.line));
        }
    }
}

struct Builder<'a> {
    geography: &'a Geography,
    now: i64,
    today: &'a str,
    /// id, level and kind of what is above, by code
    made: HashMap<String, (Id, i64)>,
    /// official name by code, to see a county that only repeats its city
    names: HashMap<String, (String, String)>,
}

impl Builder<'_> {
    fn build(mut self, kept: &[&PlaceLine], parents: &HashMap<&str, Option<String>>, plan: &mut Plan) {
        for line in kept {
            let parent = parents.get(line.code.as_str()).cloned().flatten();
            if let Some(code) = parent.as_deref().filter(|code| !self.knows(code))
                && let Some((code, name)) = province_of(code)
            {
                let root = PlaceLine { line: line.line, code, level: 1, name: name.to_owned(), parent: None };
                self.place(&root, None, plan);
            }
            self.place(line, parent.as_deref(), plan);
        }
    }

    fn knows(&self, code: &str) -> bool {
        self.made.contains_key(code) || self.geography.by_code(code).is_some()
    }

    fn place(&mut self, line: &PlaceLine, parent: Option<&str>, plan: &mut Plan) {
        let fault =
            |key: &str| Fault::new(format!("row {}", line.line), key).with("line", line.line).with("code", &line.code);
        let (name, kind) = (display_name(&line.name), self.kind(line, parent));
        let hidden = Place::is_hidden_kind(&kind);
        let (above_id, above_level, above_path, above_is_root) = match parent {
            None => (None, 0, String::new(), false),
            Some(code) => self.above(code),
        };
        if above_level >= line.level {
            return plan.fault(fault("geography-fault-order").with("above", parent.unwrap_or_default()));
        }
        let full_name = match (parent.is_none(), hidden, above_is_root || above_path.is_empty()) {
            (true, _, _) => name.clone(),
            (false, true, _) => above_path.clone(),
            (false, false, true) => name.clone(),
            (false, false, false) => format!("{above_path}/{name}"),
        };
        self.names.insert(
            line.code.clone(),
            (line.name.clone(), if parent.is_none() { String::new() } else { full_name.clone() }),
        );
        if let Some(known) = self.geography.by_code(&line.code) {
            self.made.insert(line.code.clone(), (known.id, known.level));
            if known.parent != above_id && parent.is_some() {
                return plan.fault(fault("geography-fault-moved").with("name", known.name));
            }
            if known.official_name == line.name {
                plan.unchanged += 1;
            } else {
                let (pinyin, initials) = spell(&name);
                let official_name = line.name.clone();
                plan.renamed.push(Place { name, official_name, full_name, pinyin, initials, ..known.to_place() });
            }
            return;
        }
        if parent.is_none()
            && (self.geography.root().is_some() || plan.places.iter().any(|place| place.parent.is_none()))
        {
            return plan.fault(fault("geography-fault-second-root").with("name", &line.name));
        }
        let shard = shard_by_hash(line.code.as_bytes());
        let id = derived_id(shard, self.now, &[b"place", line.code.as_bytes()]);
        let (pinyin, initials) = spell(&name);
        self.made.insert(line.code.clone(), (id, line.level));
        plan.by_level[line.level as usize] += 1;
        plan.places.push(Place {
            id,
            parent: above_id,
            level: line.level,
            in_list: in_list(line, &kind),
            kind,
            name,
            official_name: line.name.clone(),
            full_name,
            pinyin,
            initials,
            code: Some(line.code.clone()),
            shard,
            sort: i64::from(line.line),
            valid_from: self.today.to_owned(),
            valid_to: None,
            version: 1,
        });
    }

    /// Id, level and path of the place above, and whether it is the root.
    fn above(&self, code: &str) -> (Option<Id>, i64, String, bool) {
        if let (Some(&(id, level)), Some((_, path))) = (self.made.get(code), self.names.get(code)) {
            return (Some(id), level, path.clone(), path.is_empty());
        }
        match self.geography.by_code(code) {
            Some(place) => (Some(place.id), place.level, place.full_name.to_string(), place.parent.is_none()),
            None => (None, 0, String::new(), false),
        }
    }

    fn kind(&self, line: &PlaceLine, parent: Option<&str>) -> String {
        if line.level == 2 && is_code_under(&line.code, &DIRECT_COUNTIES) {
            return "hidden_city".to_owned();
        }
        let above = parent.and_then(|code| {
            self.names
                .get(code)
                .map(|(name, _)| name.as_str())
                .or_else(|| self.geography.by_code(code).map(|p| p.official_name))
        });
        if line.level == 3 && above == Some(line.name.as_str()) {
            return "repeated".to_owned();
        }
        let zone_code = line.level == 3 && line.code.get(4..5).is_some_and(|digit| digit == "7");
        if zone_code { "economic_zone".to_owned() } else { kind_of(line.level, &line.name).to_owned() }
    }
}

/// Whether the code stands in the administrative list: economic zones (county digits 71 and up), units
/// like a township (400 to 599) and collecting nodes are the statistics bureau's own.
fn in_list(line: &PlaceLine, kind: &str) -> bool {
    let township_like =
        line.level == 4 && line.code.get(6..9).and_then(|d| d.parse::<u32>().ok()).is_some_and(|n| n >= 400);
    !(kind == "economic_zone" || Place::is_hidden_kind(kind) || township_like)
}
