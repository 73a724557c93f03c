//! What the database says, against the journal and against itself: read by statements of the tests' own.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use server::args;
use server::platform::database::{Db, Exec};
use server::platform::ids::Id;

use super::client::Client;
use super::journal::{Journal, Known};
use super::program::run;
use super::site::Site;
use super::stage::City;

/// A stored submission.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Row {
    pub client_id: Id,
    pub id: Id,
    pub door_kind: String,
    pub door_id: Id,
    pub answers: String,
    pub slip_code: String,
}

pub async fn stored(db: &Db) -> Vec<Row> {
    const ROWS: &str = "SELECT client_id, id, door_kind, door_id, answers, slip_code FROM submission";
    db.clone().all(ROWS, vec![]).await.expect("submissions")
}

async fn ids(db: &Db, sql: &'static str) -> Vec<Id> {
    let rows: Vec<(Id,)> = db.clone().all(sql, vec![]).await.expect("ids");
    rows.into_iter().map(|row| row.0).collect()
}

/// Everything that is wrong. `since` is how many of the acknowledged ones may be missing: none of them.
pub async fn faults(db: &Db, journal: &Journal) -> Vec<String> {
    let rows = stored(db).await;
    let mut wrong = against_journal(&rows, &journal.read());
    wrong.extend(halves(db, &rows).await);
    wrong.extend(conservation(db).await);
    wrong
}

/// What is on its way to another shard arrives within twenty seconds.
pub async fn on_their_way(db: &Db) -> Option<String> {
    const LEFT: &str = "SELECT count(*) FROM outbox WHERE kind = 'observation'";
    let mut left = (0,);
    for _ in 0..100 {
        left = db.clone().one::<(i64,)>(LEFT, args![]).await.expect("outbox");
        if left.0 == 0 {
            return None;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    Some(format!("{} messages are still on their way", left.0))
}

/// Acknowledged exactly once with the same payload; refused not at all; without an answer at most once.
pub fn against_journal(rows: &[Row], journal: &BTreeMap<String, Known>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut by_client: HashMap<String, Vec<&Row>> = HashMap::new();
    for row in rows {
        by_client.entry(row.client_id.to_string()).or_default().push(row);
        if !journal.contains_key(&row.client_id.to_string()) {
            wrong.push(format!("nobody sent {}", row.client_id));
        }
    }
    for (client, known) in journal {
        let found = by_client.get(client).map(Vec::as_slice).unwrap_or_default();
        match (known.acknowledged.first(), found) {
            (Some(_), []) => wrong.push(format!("LOST: {client} was acknowledged and is not there")),
            (None, [_, ..]) if known.refused => {
                wrong.push(format!("{client} was refused with {}, is there", known.status))
            }
            (_, [_, _, ..]) => wrong.push(format!("{client} is there {} times", found.len())),
            (_, [row]) => wrong.extend(other_payload(row, known)),
            (None, []) => {}
        }
    }
    wrong
}

fn other_payload(row: &Row, known: &Known) -> Option<String> {
    let stored: Value = serde_json::from_str(&row.answers).unwrap_or_default();
    for (key, sent) in known.sent.body["answers"].as_object().expect("answers") {
        // Sealed, or what was known before.
        if !["id_no", "name"].contains(&key.as_str()) && stored[key] != *sent {
            return Some(format!("{}: {key} is {}, sent was {sent}", row.client_id, stored[key]));
        }
    }
    if known.sent.door != row.door_kind {
        return Some(format!("{} stands at the door {}", row.client_id, row.door_kind));
    }
    let item = known.sent.path.split('/').nth(4).unwrap_or_default();
    if known.sent.door == "item" && item != row.door_id.to_string() {
        return Some(format!("{} is at {}, sent to {item}", row.client_id, row.door_id));
    }
    for answer in &known.acknowledged {
        let told = (answer["slip"].as_str(), answer["submission"].as_str());
        let id = row.id.to_string();
        if told.0 != Some(&row.slip_code) || told.1.is_some_and(|told| told != id) {
            return Some(format!("{} was acknowledged as {answer}, is {id} {}", row.client_id, row.slip_code));
        }
    }
    None
}

/// A submission is there with its event, its observation and its case, and none of these without it.
pub async fn halves(db: &Db, rows: &[Row]) -> Vec<String> {
    const EVENTS: &str = "SELECT kind, payload FROM event WHERE kind IN ('item.submitted', 'case.submitted')";
    const OBSERVED: &str = "SELECT submission_id FROM observation WHERE submission_id IS NOT NULL";
    const CASES: &str = "SELECT submission_id FROM service_case";
    const STEPS: &str = "SELECT c.submission_id FROM service_case c JOIN case_step s ON s.shard = c.shard AND s.case_id = c.id AND s.kind = 'submitted'";
    const DONE: &str = "SELECT count(*) FROM item i WHERE i.state = 'done' AND NOT EXISTS \
         (SELECT 1 FROM submission s WHERE s.shard = i.shard AND s.id = i.submission_id AND s.door_id = i.id)";
    const MOVES: &str = "SELECT count(*) FROM item i WHERE i.moves <> \
         (SELECT count(*) FROM movement m WHERE m.shard = i.shard AND m.item_id = i.id)";
    let events: Vec<(String, String)> = db.clone().all(EVENTS, vec![]).await.expect("events");
    let told = |kind: &str| -> Vec<Id> {
        let payloads = events.iter().filter(|event| event.0 == kind).map(|event| &event.1);
        let id = |text: &String| serde_json::from_str::<Value>(text).ok()?["submission"].as_str()?.parse().ok();
        payloads.filter_map(id).collect()
    };
    let of = |item: bool| -> Vec<Id> {
        rows.iter().filter(|row| (row.door_kind == "item") == item).map(|row| row.id).collect()
    };
    let mut wrong = Vec::new();
    let mut same = |what: &str, mut there: Vec<Id>, mut wanted: Vec<Id>| {
        there.sort_unstable();
        wanted.sort_unstable();
        if there != wanted {
            let odd = there.iter().filter(|id| wanted.binary_search(id).is_err()).count();
            let lost = wanted.iter().filter(|id| there.binary_search(id).is_err()).count();
            wrong.push(format!(
                "HALF: {what}: {} for {} submissions, {odd} without, {lost} missing",
                there.len(),
                wanted.len()
            ));
        }
    };
    same("events of visits", told("item.submitted"), of(true));
    same("events of cases", told("case.submitted"), of(false));
    same("cases", ids(db, CASES).await, of(false));
    same("first steps", ids(db, STEPS).await, of(false));
    let observed = ids(db, OBSERVED).await;
    // What a case says of somebody of another shard is on its way.
    let visits = of(true);
    let visited: std::collections::HashSet<Id> = visits.iter().copied().collect();
    same("observations", observed.into_iter().filter(|id| visited.contains(id)).collect(), visits);
    for (what, sql) in [("items done without a submission", DONE), ("items whose movements are not counted", MOVES)] {
        let (count,): (i64,) = db.clone().one(sql, vec![]).await.expect("counts");
        if count > 0 {
            wrong.push(format!("HALF: {count} {what}"));
        }
    }
    wrong
}

/// At every unit: received = held and ended + passed down, and passed down = what the units below received.
pub async fn conservation(db: &Db) -> Vec<String> {
    const PARTS: &str = "SELECT a.id, a.received, a.passed_down, \
         (SELECT cast(coalesce(sum(c.received), 0) as bigint) FROM assignment c WHERE c.task_id = a.task_id AND c.parent_id = a.id), \
         (SELECT count(*) FROM item i JOIN task t ON t.id = i.task_id WHERE i.task_id = a.task_id AND i.assignment_id = a.id \
          AND i.release <= t.published_release) \
         FROM assignment a JOIN task t ON t.id = a.task_id WHERE a.release <= t.published_release";
    let parts: Vec<(Id, i64, i64, i64, i64)> = db.clone().all(PARTS, vec![]).await.expect("parts");
    let odd = parts.iter().filter(|(_, received, passed, below, here)| *received != here + passed || passed != below);
    odd.map(|part| format!("CONSERVATION: received, passed, below, here: {part:?}")).collect()
}

/// Every board, at every place and organization, against the items counted by the tables of ancestors.
pub async fn boards(db: &Db, city: &City, address: &str, task: Id) -> Vec<String> {
    const BY_PLACE: &str = "SELECT a.ancestor_id, i.state, count(*) FROM item i JOIN place_ancestor a ON a.place_id = i.place_id \
         WHERE i.task_id = $1 GROUP BY a.ancestor_id, i.state";
    const BY_HOLDER: &str = "SELECT a.ancestor_id, i.state, count(*) FROM item i \
         JOIN organization_ancestor a ON a.organization_id = i.holder_organization WHERE i.task_id = $1 GROUP BY a.ancestor_id, i.state";
    let mut client = Client::to(address);
    let mut wrong = Vec::new();
    for (axis, sql, nodes) in [("place", BY_PLACE, &city.places), ("org", BY_HOLDER, &city.units)] {
        let rows: Vec<(Id, String, i64)> = db.clone().all(sql, args![task]).await.expect("counted");
        for node in nodes {
            let path = format!("/api/v1/boards/{task}?axis={axis}&node={node}");
            let board = client.get(&path, &city.manager).await.expect("a board");
            assert_eq!(board.status, 200, "{}", board.text());
            let totals = board.json()["here"]["totals"].clone();
            let mut counted: BTreeMap<&str, i64> = BTreeMap::from([("assigned", 0)]);
            for (_, state, n) in rows.iter().filter(|row| row.0 == *node) {
                *counted.entry("assigned").or_default() += n;
                *counted.entry(state).or_default() += n;
            }
            for (measure, n) in counted {
                let shown = totals[measure].as_i64().unwrap_or(0);
                if shown != n {
                    wrong.push(format!("BOARD: {axis} {node} {measure}: shown {shown}, are {n}"));
                }
            }
        }
    }
    wrong
}

/// What the program's own self-check and the verification of the sealed events find.
pub fn own_checks(site: &Site) -> Vec<String> {
    let mut wrong = Vec::new();
    for command in [&["doctor"][..], &["audit", "verify"]] {
        let output = run(command, &site.options());
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout);
            let said: Vec<&str> = said.lines().filter(|line| !line.contains("\"fault\":null")).collect();
            wrong.push(format!(
                "{}: {} {}",
                command.join(" "),
                said.join(" "),
                String::from_utf8_lossy(&output.stderr)
            ));
        }
    }
    wrong
}
