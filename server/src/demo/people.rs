//! Doors and residents of two communities: made up, and marked so.

use std::collections::HashSet;

use serde_json::json;

use super::city::COMMUNITIES;
use super::random::{Random, name};
use crate::app::App;
use crate::entities::{PersonRow, Source, SourceKind, import_persons};
use crate::error::AppError;
use crate::geography::PlaceRef;
use crate::geography::premises::{self, Pattern, Premises};
use crate::platform::clock::DAY;
use crate::platform::events::Actor;
use crate::platform::ids::Id;

const SEED: u64 = 140_213;
/// Compounds of each of the two communities.
const COMPOUNDS: [[&str; 2]; 2] = [["御馨花都东区", "御馨花都西区"], ["桥北小区", "桥北家园"]];

/// Makes doors and residents of both communities.
pub async fn build(app: &App) -> Result<(), AppError> {
    let geography = app.geography();
    let mut random = Random::new(SEED);
    let mut number = 0;
    let mut taken = HashSet::new();
    for (code, compounds) in COMMUNITIES.into_iter().zip(COMPOUNDS) {
        let community =
            geography.by_code(code).ok_or_else(|| AppError::Internal(format!("place {code} is missing")))?;
        let mut plan = Vec::new();
        for compound in compounds {
            let pattern = Pattern {
                compound: compound.to_owned(),
                buildings: (1, 5),
                units: Some((1, 5)),
                floors: (1, 10),
                doors: 2,
            };
            plan.extend(pattern.plan().map_err(AppError::Invalid)?);
        }
        premises::make(app, community, plan, true, Actor::default()).await?;
        let doors: Vec<Premises> = premises::of_community(&mut app.read(), community, &app.clock.today_text())
            .await?
            .into_iter()
            .filter(|premises| premises.kind == "door")
            .collect();
        residents(app, community, &doors, &mut random, &mut number, &mut taken).await?;
    }
    Ok(())
}

struct Resident {
    name: String,
    woman: bool,
    id_no: String,
    mobile: String,
    door: Id,
    address: String,
    alone: bool,
}

async fn residents(
    app: &App,
    community: PlaceRef<'_>,
    doors: &[Premises],
    random: &mut Random,
    number: &mut u64,
    taken: &mut HashSet<String>,
) -> Result<(), AppError> {
    let year = i64::from(app.clock.today().year());
    let mut people = Vec::new();
    for (at, door) in doors.iter().enumerate() {
        let single = at % 2 == 0;
        let alone = single && random.percent(30);
        for member in 0..if single { 1 } else { 2 } {
            let woman = if single { random.percent(60) } else { member == 0 };
            let age = if alone { 65 + random.below(28) } else { 22 + random.below(60) } as i64;
            *number += 1;
            let id_no = loop {
                let birth = format!("{}{:02}{:02}", year - age, 1 + random.below(12), 1 + random.below(28));
                let fresh = citizen_number("140202", &birth, random.below(450) * 2 + 50 + u64::from(!woman));
                if taken.insert(fresh.clone()) {
                    break fresh;
                }
            };
            people.push(Resident {
                name: name(random, woman, age >= 60),
                woman,
                id_no,
                mobile: format!("1990353{number:04}"),
                door: door.id,
                address: format!("{}{}", community.full_name.to_string().replace('/', ""), door.path.replace('/', "")),
                alone,
            });
        }
    }
    let now = app.now();
    let registry = source(SourceKind::Registry, "人口基础信息（演示数据）");
    let rows = people.iter().map(|person| row(person, community.id)).collect();
    import_persons(app, rows, &registry, &Actor::default(), now - 200 * DAY).await?;
    let visit = source(SourceKind::Worker, "独居老人走访（演示数据）");
    let visits = people
        .iter()
        .filter(|person| person.alone)
        .map(|person| previous_visit(person, community.id, random))
        .collect();
    import_persons(app, visits, &visit, &Actor::default(), now - 90 * DAY).await?;
    Ok(())
}

fn source(kind: SourceKind, title: &str) -> Source {
    Source {
        kind,
        id: None,
        submission: None,
        form_version: None,
        batch: Some("demo".to_owned()),
        title: title.to_owned(),
    }
}

fn row(person: &Resident, community: Id) -> PersonRow {
    let values = json!({
        "name": person.name,
        "id_no": person.id_no,
        "mobile": person.mobile,
        "sex": if person.woman { "2" } else { "1" },
        "residence_addr": person.address,
    });
    PersonRow { values: object(values), community: Some(community), premises: Some(person.door), made_up: true }
}

/// What a worker wrote down three months ago.
fn previous_visit(person: &Resident, community: Id, random: &mut Random) -> PersonRow {
    let woman = random.percent(50);
    let contact = name(random, woman, false);
    let needs = ["", "", "需要助餐", "希望有人陪同就医", "家里灯坏了，需要维修", "想参加社区活动"];
    let values = json!({
        "id_no": person.id_no,
        "live_alone": true,
        "emergency_name": contact,
        "emergency_phone": format!("1990354{:04}", random.below(10_000)),
        "help_need": random.pick(&needs),
    });
    PersonRow { values: object(values), community: Some(community), premises: Some(person.door), made_up: true }
}

fn object(value: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    match value {
        serde_json::Value::Object(map) => map,
        _ => serde_json::Map::new(),
    }
}

/// A citizen number by GB 11643-1999: six digits of the division, birth date `YYYYMMDD`, sequence (odd
/// for men), check character (ISO 7064 MOD 11-2).
pub fn citizen_number(division: &str, birth: &str, sequence: u64) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let body = format!("{division}{birth}{sequence:03}");
    let sum: u32 = body.chars().zip(WEIGHTS).map(|(digit, weight)| digit.to_digit(10).unwrap_or(0) * weight).sum();
    let check = b"10X98765432"[(sum % 11) as usize];
    format!("{body}{}", char::from(check))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_character_is_that_of_the_standard() {
        // The example of GB 11643-1999, annex A.
        assert_eq!(citizen_number("110105", "19491231", 2), "11010519491231002X");
        assert_eq!(citizen_number("440524", "18800101", 1), "440524188001010014");
    }
}
