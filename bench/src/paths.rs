//! The paths that are measured, in the order of the table.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use server::platform::ids::{Id, new_id, shard_of};

use crate::access;
use crate::city::City;
use crate::client::{Ask, Client, Fault};
use crate::house::{Cost, Engine, House, Load, own_program, wait_for};
use crate::load::Drive;
use crate::machine::family_cpu;
use crate::streams::{Held, Seen};
use crate::table::Table;

/// Connections of every rate.
const CONNECTIONS: usize = 64;

/// Items that the rates leave for what comes after them.
const KEPT: usize = 64;

/// One engine's run.
pub struct Bench<'a> {
    /// the server's program
    pub binary: &'a Path,
    /// what was built
    pub city: City,
    /// where
    pub engine: &'a Engine,
    /// part of the names of what shall be measured
    pub only: &'a str,
    /// of each measurement, instead of the city's own
    pub seconds: Option<f64>,
}

/// What is answered on a visit.
pub fn answers(at: usize) -> Value {
    json!({
        "living_alone": true,
        "contact": "王建国",
        "visited_on": server::platform::clock::Clock::system(server::start::ZONE).map_or_else(|_| String::new(), |clock| clock.today_text()),
        "needs": if at.is_multiple_of(3) { json!(["meals"]) } else { json!([]) },
        "remarks": format!("第 {at} 次走访，一切都好"),
    })
}

impl Bench<'_> {
    /// Measures everything on this engine.
    pub async fn run(mut self, table: &mut Table) -> Result<(), Fault> {
        eprintln!("{}", self.engine.name);
        let seconds = self.seconds.unwrap_or(self.city.scale.seconds);
        if self.wants("access") {
            let each = access::decision(&self.engine.place).await? / 1000.0;
            table.add("one access decision", "<= 2 us", format!("{each:.2} us"), Some(each <= 2.0));
        }
        let mut house = House::start(self.binary, self.engine).await?;
        self.at_rest(&house, table).await;
        if self.wants("submit") {
            // The raw rows are written by this process, and leave work for the background: not at rest any more.
            house.close()?;
            let raw = self.raw(table, seconds).await?;
            house = House::start(self.binary, self.engine).await?;
            self.submit(&house, table, seconds, raw).await?;
            house.tell_memory("submit");
        }
        if self.wants("read") {
            self.read(&house, table, seconds).await?;
            house.tell_memory("read");
        }
        if self.wants("dispatch") {
            self.dispatch(&house, table, seconds).await?;
            house.tell_memory("dispatch");
        }
        if self.wants("board") {
            self.board(&house, table, seconds).await?;
            house.tell_memory("board");
        }
        if self.wants("streams") {
            self.screens(&house, table).await?;
            house.tell_memory("streams");
        }
        let peak = house.memory(true) as f64 / 1e6;
        table.add("memory under all of the above", "<= 300 MB", format!("{peak:.0} MB"), Some(peak <= 300.0));
        if self.wants("streams") {
            self.hold(&house, table).await?;
        }
        house.close()?;
        if self.wants("recount") {
            self.recount(table)?;
        }
        self.entities(table);
        Ok(())
    }

    fn wants(&self, path: &str) -> bool {
        path.contains(self.only)
    }

    /// Items that nobody has filed yet, as requests; the last are kept for the screens.
    fn filings(&mut self, most: usize) -> Vec<Ask> {
        let kept = if most > KEPT { KEPT } else { 0 };
        let rest = self.city.items.split_off(most.min(self.city.items.len().saturating_sub(kept)));
        let now = std::mem::replace(&mut self.city.items, rest);
        let filing = |(at, (worker, item)): (usize, (usize, Id))| {
            let client = new_id(shard_of(item), 1_795_451_400_000_000 + at as i64 * 1000);
            let body = json!({ "client_id": client, "answers": answers(at) }).to_string();
            Ask::post(format!("/api/v1/items/{item}/submissions"), &self.city.workers[worker], body)
        };
        now.into_iter().enumerate().map(filing).collect()
    }

    /// Rate and rate per CPU second of the raw statements.
    async fn raw(&mut self, table: &mut Table, seconds: f64) -> Result<(f64, f64), Fault> {
        let before = self.engine.database.map_or(0.0, family_cpu);
        let mut command = Command::new(own_program()?);
        if let Some(url) = &self.engine.place.database_url {
            command.args(["--database-url", url]);
        }
        let output = command
            .args(["raw", "--first", "0", "--seconds", &seconds.to_string(), "--data"])
            .arg(&self.engine.place.data)
            .stderr(Stdio::inherit())
            .output()?;
        let said: Value = serde_json::from_slice(&output.stdout)?;
        let number = |key: &str| said[key].as_f64().unwrap_or(0.0);
        let database = self.engine.database.map_or(0.0, family_cpu) - before;
        let rate = number("good") / number("seconds");
        // Preparing is not part of it, but the database's share of reading what is prepared is.
        let per_cpu = number("good") / (number("cpu") + database).max(0.01);
        let used = self.city.items.len() / 4;
        self.city.items.drain(..used);
        table.add("raw statements of a submission", "", format!("{rate:.0} /s, {per_cpu:.0} /CPU-s"), None);
        Ok((rate, per_cpu))
    }

    async fn at_rest(&self, house: &House, table: &mut Table) {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let idle = house.memory(false) as f64 / 1e6;
        let start = house.start_up;
        table.add("start-up on a built city", "<= 0.5 s", format!("{start:.2} s"), Some(start <= 0.5));
        table.add("idle memory", "<= 60 MB", format!("{idle:.0} MB"), Some(idle <= 60.0));
    }

    async fn submit(&mut self, house: &House, table: &mut Table, seconds: f64, raw: (f64, f64)) -> Result<(), Fault> {
        let ceiling = house.drive(&[Ask::get("/healthz", "")], CONNECTIONS, seconds / 2.0, true).await?;
        let text = format!(
            "{:.0} /s, {:.0} /CPU-s of its own",
            ceiling.ran.rate(),
            ceiling.ran.good as f64 / ceiling.ran.client_cpu.max(0.01)
        );
        table.add("ceiling of the load generator (GET /healthz)", "", text, None);
        let plan = self.filings((seconds * 8000.0) as usize);
        let cost = house.drive(&plan, CONNECTIONS, seconds, false).await?;
        rate(table, "submit over HTTP", 3000.0, Some(100.0), &cost);
        let ratio = cost.ran.rate() / raw.0.max(1.0);
        table.add("submit against raw", ">= 0.5", format!("{ratio:.2}"), Some(ratio >= 0.5));
        Ok(())
    }

    async fn read(&self, house: &House, table: &mut Table, seconds: f64) -> Result<(), Fault> {
        let (ledger, district) = (self.city.ledger.ok_or("no ledger")?, self.city.district.ok_or("no district")?);
        let sorts = ["name", "eldest", "youngest", "updated"];
        let path =
            |at: usize| format!("/api/v1/ledgers/{ledger}/rows?place={district}&sex=1&sort={}&limit=50", sorts[at % 4]);
        let lists: Vec<Ask> = (0..4).map(|at| Ask::get(path(at), &self.city.manager)).collect();
        let cost = house.drive(&lists, CONNECTIONS, seconds, true).await?;
        rate(table, "list 50 with filter and sort", 3500.0, None, &cost);
        let records: Vec<Ask> =
            self.city.people.iter().map(|id| Ask::get(format!("/api/v1/people/{id}"), &self.city.manager)).collect();
        let cost = house.drive(&records, CONNECTIONS, seconds, true).await?;
        rate(table, "one record", 8500.0, None, &cost);
        let (filed, wide) = (self.city.filed.ok_or("no task")?, self.city.wide.ok_or("no place")?);
        let areas = [Ask::get(format!("/api/v1/boards/{filed}?node={wide}"), &self.city.manager)];
        let cost = house.drive(&areas, CONNECTIONS, seconds, true).await?;
        rate(table, "grouped count of 500 areas", 2000.0, None, &cost);
        let list = format!("/api/v1/ledgers/{ledger}/rows?sort=name&limit=50");
        let free = house.drive(&[Ask::get(&list, &self.city.manager)], 1, seconds / 2.0, true).await?;
        let bound: Vec<Ask> = self.city.workers.iter().take(64).map(|worker| Ask::get(&list, worker)).collect();
        let bound = house.drive(&bound, 1, seconds / 2.0, true).await?;
        let ratio = bound.ran.p50 as f64 / free.ran.p50.max(1) as f64;
        let text = format!("{ratio:.2} ({} us, {} us)", bound.ran.p50, free.ran.p50);
        table.add("list of 50, most restricted role against unrestricted", "<= 1.3", text, Some(ratio <= 1.3));
        Ok(())
    }

    /// The whole dispatch; people go on filing during its first part.
    async fn dispatch(&mut self, house: &House, table: &mut Table, seconds: f64) -> Result<(), Fault> {
        let big = self.city.big.ok_or("no task")?;
        let plan = self.filings((seconds * 6000.0) as usize);
        if plan.is_empty() {
            return Err("every item was filed before the dispatch: take fewer seconds".into());
        }
        let mut client = house.client().await?;
        let path = format!("/api/v1/tasks/{big}");
        let state: Value = client.json(&Ask::get(&path, &self.city.manager)).await?;
        if state["state"] != "draft" {
            return Ok(());
        }
        let began = Instant::now();
        client.json(&Ask::post(format!("{path}/dispatch"), &self.city.manager, "{}")).await?;
        let drive = Drive { address: house.address.clone(), connections: CONNECTIONS, seconds, again: false };
        let (load, cpu) = (Load::begin(&drive, &plan)?, house.cpu());
        let ran = tokio::task::spawn_blocking(move || load.end()).await??;
        let cost = Cost { cpu: house.cpu() - cpu, ran };
        let manager = self.city.manager.clone();
        let client = &mut client;
        wait_for(600.0, async || Ok(client.json(&Ask::get(&path, &manager)).await?["state"] == "running")).await?;
        let taken = began.elapsed().as_secs_f64();
        rate(table, "submit during a dispatch", 0.0, Some(300.0), &cost);
        let count = self.city.scale.persons;
        let text = format!("{taken:.1} s, {:.0} items/s", count as f64 / taken);
        let bar = if count >= 1_000_000 { Some(taken <= 60.0) } else { None };
        table.add(
            &format!("dispatch of {count} items by a Rhai rule, people filing in its first {seconds:.0} s"),
            "<= 60 s at 1,000,000",
            text,
            bar,
        );
        Ok(())
    }

    async fn board(&self, house: &House, table: &mut Table, seconds: f64) -> Result<(), Fault> {
        let big = self.city.big.ok_or("no task")?;
        let root = self.city.root.ok_or("no root")?;
        let mut client = house.client().await?;
        let mut nodes = vec![root];
        for level in 0..3 {
            let below: Value = client
                .json(&Ask::get(format!("/api/v1/places?parent={}&limit=200", nodes[level]), &self.city.manager))
                .await?;
            let ids = below["items"].as_array().into_iter().flatten();
            nodes.extend(ids.filter_map(|place| place["id"].as_str()?.parse::<Id>().ok()).take(20));
            if nodes.len() <= level + 1 {
                break;
            }
        }
        let plan: Vec<Ask> = nodes
            .iter()
            .map(|node| Ask::get(format!("/api/v1/boards/{big}?node={node}"), &self.city.manager))
            .collect();
        let during = house.drive(&plan, 1, 1.0, true).await?;
        rate(table, "board of any node while a dispatch is folded", 0.0, None, &during);
        self.folded(&mut client, &plan[0]).await?;
        let one = house.drive(&plan, 1, seconds / 2.0, true).await?;
        rate(table, "board of any node, one at a time", 0.0, Some(10.0), &one);
        let totals = [Ask::get(format!("/api/v1/boards/{big}?node={}", nodes[nodes.len() - 1]), &self.city.manager)];
        let cost = house.drive(&totals, CONNECTIONS, seconds, true).await?;
        rate(table, "totals of a node through the API", 9700.0, None, &cost);
        Ok(())
    }

    /// Waits until the folder has nothing left: a board is read anew only when something was written.
    async fn folded(&self, client: &mut Client, board: &Ask) -> Result<(), Fault> {
        let mut before = (Value::Null, Instant::now());
        wait_for(600.0, async || {
            let seen: Value = client.json(board).await?;
            if seen["as_of"] != before.0 {
                before = (seen["as_of"].clone(), Instant::now());
            }
            Ok(before.1.elapsed().as_secs_f64() > 2.0)
        })
        .await
        .map(|_| ())
    }

    async fn screens(&mut self, house: &House, table: &mut Table) -> Result<(), Fault> {
        let filed = self.city.filed.ok_or("no task")?;
        let filings = self.filings(10);
        let held = Held {
            address: house.address.clone(),
            streams: self.city.scale.boards,
            token: self.city.manager.clone(),
            events: format!("/events?topics=task:{filed}"),
            board: format!("/api/v1/boards/{filed}?node={}", self.city.root.ok_or("no root")?),
            filings,
        };
        let seen = watch(&held).await?;
        let all = seen.open == held.streams && seen.shown == held.streams;
        let text = format!(
            "p50 {} ms, p95 {} ms, worst {} ms, {} of {} {}",
            seen.p50, seen.p95, seen.worst, seen.shown, held.streams, seen.complaint
        );
        table.add("commit to screen with open boards", "p95 <= 1 s", text, Some(all && seen.p95 <= 1000));
        Ok(())
    }

    async fn hold(&mut self, house: &House, table: &mut Table) -> Result<(), Fault> {
        let filed = self.city.filed.ok_or("no task")?;
        let filings = self.filings(2);
        let held = Held {
            address: house.address.clone(),
            streams: self.city.scale.streams,
            token: self.city.manager.clone(),
            events: format!("/events?topics=task:{filed}"),
            board: String::new(),
            filings,
        };
        let before = house.memory(false);
        let seen = watch(&held).await?;
        let peak = house.memory(true) as f64 / 1e6;
        let text = format!(
            "{} open, {} heard, {peak:.0} MB at most ({:.0} before) {}",
            seen.open,
            seen.heard,
            before as f64 / 1e6,
            seen.complaint
        );
        let met = seen.heard == held.streams && peak < 1000.0;
        table.add(&format!("{} open streams", held.streams), "hold, < 1 GB", text, Some(met));
        Ok(())
    }

    fn recount(&self, table: &mut Table) -> Result<(), Fault> {
        let began = Instant::now();
        let mut command = Command::new(self.binary);
        command.args(["doctor", "--json", "--data"]).arg(&self.engine.place.data);
        if let Some(url) = &self.engine.place.database_url {
            command.args(["--database-url", url]);
        }
        let output = command.output()?;
        let taken = began.elapsed().as_secs_f64();
        let said = String::from_utf8_lossy(&output.stdout);
        let checks: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let totals = checks.iter().filter(|check| check["check"] == "totals");
        let recount = totals.filter_map(|check| check["milliseconds"].as_f64()).sum::<f64>() / 1000.0;
        let well = output.status.success();
        let found = if well { "nothing wrong" } else { "SOMETHING WRONG" };
        let text = format!("{recount:.1} s of {taken:.1} s with every event and page, {found}");
        table.add("doctor: full recount of all items", "<= 5 s at 1,000,000", text, Some(well && recount <= 5.0));
        Ok(())
    }

    fn entities(&self, table: &mut Table) {
        let (persons, city) = (self.city.scale.persons as f64, &self.city);
        let bytes = (city.people_bytes.1 - city.people_bytes.0) as f64 / persons;
        let text = format!(
            "{bytes:.0} bytes, {:.1} rows each; {:.0} /s written",
            city.people_rows as f64 / persons,
            persons / city.people_seconds.max(0.001)
        );
        table.add(&format!("entities: {persons:.0} x 50 attributes"), "printed", text, None);
    }
}

/// Adds a rate with its slowest hundredth, and what it cost.
fn rate(table: &mut Table, path: &str, bar: f64, p99: Option<f64>, cost: &Cost) {
    let ran = &cost.ran;
    let slow = ran.p99 as f64 / 1000.0;
    let mut text = format!("{:.0} /s, {:.0} /CPU-s, p99 {slow:.1} ms", ran.rate(), cost.per_cpu());
    if ran.bad > 0 {
        text.push_str(&format!(", {} refused: {}", ran.bad, ran.complaint));
    }
    let met = ran.rate() >= bar && p99.is_none_or(|bar| slow <= bar) && ran.bad == 0;
    let bar = match p99 {
        Some(p99) if bar > 0.0 => format!(">= {bar:.0} /s, p99 <= {p99:.0} ms"),
        Some(p99) => format!("p99 <= {p99:.0} ms"),
        None => format!(">= {bar:.0} /s"),
    };
    table.add(path, &bar, text, Some(met));
}

async fn watch(held: &Held) -> Result<Seen, Fault> {
    let held = held.clone();
    tokio::task::spawn_blocking(move || {
        use std::io::Write;
        let mut child =
            Command::new(own_program()?).arg("streams").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        child.stdin.take().ok_or("no input")?.write_all(serde_json::to_string(&held)?.as_bytes())?;
        let output = child.wait_with_output()?;
        Ok(serde_json::from_slice(&output.stdout)?)
    })
    .await?
}
