//! A board as a page shows it: everything in words of the reader's language.

use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;
use web::pages::boards::{BoardBody, BoardPage, Figure, Help, Link, Stage, Tile};
use web::viz::{Forecast, Trend, TrendPoint};
use web::{TextArg, group_thousands};

use super::summary::{self, TaskSummary};
use super::{Axis, Board, Node, OpenWork, board};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::platform::ids::Id;

/// How many places in need are listed; the rest are found one level below.
const HELP: usize = 20;
/// How many days a trend shows.
const DAYS: i64 = 30;

struct Maker<'a> {
    app: &'a App,
    viewer: &'a Viewer,
    task: &'a TaskSummary,
    axis: Axis,
    node: Id,
    board: Arc<Board>,
    /// everything on the page is as of this instant
    as_of: i64,
}

/// Builds the page of a node. The caller has checked that the viewer may see it.
pub async fn page(app: &App, viewer: &Viewer, task: &TaskSummary, axis: Axis, node: Id) -> Result<BoardPage, AppError> {
    // A board that is kept holds now: nothing was written since.
    let now = app.now();
    let board = board(app, task.id, axis, node).await?;
    let maker = Maker { app, viewer, task, axis, node, board, as_of: now };
    let address = maker.address(axis, node);
    Ok(BoardPage {
        title: viewer.lang.pick(&task.title()).to_owned(),
        crumbs: maker.crumbs(),
        axes: maker.axes(),
        topic: task.id.to_string(),
        src: address.replacen(&format!("/boards/{}", task.id), &format!("/boards/{}/fragment", task.id), 1),
        board: maker.body()?,
    })
}

impl Maker<'_> {
    fn say(&self, key: &str, args: &[(&str, TextArg<'_>)]) -> String {
        self.viewer.text(key, args)
    }

    fn address(&self, axis: Axis, node: Id) -> String {
        format!("/boards/{}?axis={}&node={node}", self.task.id, axis.key())
    }

    fn name(&self, axis: Axis, node: Id) -> String {
        let found = match axis {
            Axis::Place => self.app.geography().get(node).map(|place| place.name.to_owned()),
            Axis::Organization => self.app.directory().organization(node).map(|unit| unit.short_name.clone()),
        };
        found.unwrap_or_default()
    }

    /// From the highest node of the task that the viewer may see down to here; those above are names only.
    fn crumbs(&self) -> Vec<Link> {
        let mut chain: Vec<Id> = match self.axis {
            Axis::Place => self.app.geography().chain(self.node).map(|place| place.id).collect(),
            Axis::Organization => self.app.directory().chain(self.node).map(|unit| unit.id).collect(),
        };
        let top = match self.axis {
            Axis::Place => Some(self.task.root_place),
            Axis::Organization => summary::governing_top(self.app, self.task),
        };
        if let Some(at) = chain.iter().position(|id| Some(*id) == top) {
            chain.truncate(at + 1);
        }
        chain.reverse();
        let link = |id: &Id| {
            let current = *id == self.node;
            let open = !current && summary::may_see(self.app, self.viewer, self.task, self.axis, *id);
            let href = if open { self.address(self.axis, *id) } else { String::new() };
            Link { label: self.name(self.axis, *id), href, current }
        };
        let boards = Link { label: self.say("boards-title", &[]), href: "/boards".into(), current: false };
        std::iter::once(boards).chain(chain.iter().map(link)).collect()
    }

    /// The same place by its governing unit, and the other way round, where that may be seen.
    fn axes(&self) -> Vec<Link> {
        let (geography, directory) = (self.app.geography(), self.app.directory());
        Axis::ALL
            .into_iter()
            .filter_map(|axis| {
                let node = match (self.axis, axis) {
                    (a, b) if a == b => Some(self.node),
                    (Axis::Place, _) => directory.governing(self.node).map(|unit| unit.id),
                    _ => directory
                        .organization(self.node)
                        .and_then(|unit| unit.place)
                        .filter(|p| geography.get(*p).is_some()),
                };
                let node = node
                    .filter(|node| summary::may_see(self.app, self.viewer, self.task, axis, *node))
                    .or_else(|| summary::entry(self.app, self.viewer, self.task, Some(axis)).map(|entry| entry.1))?;
                let label = self.say(&format!("boards-axis-{}", axis.key()), &[]);
                Some(Link { label, href: self.address(axis, node), current: axis == self.axis })
            })
            .collect()
    }

    /// The items behind a number, where the viewer may see rows; otherwise empty.
    fn items(&self, node: Id, state: &str) -> String {
        let (place, unit) = match self.axis {
            Axis::Place => (Some(node), None),
            Axis::Organization => (self.app.directory().organization(node).and_then(|unit| unit.place), Some(node)),
        };
        if !self.viewer.may(self.app, Permission::ItemRead, place, unit) {
            return String::new();
        }
        let state = if state.is_empty() { String::new() } else { format!("&state={state}") };
        format!("/tasks/{}/items?axis={}&node={node}{state}", self.task.id, self.axis.key())
    }

    fn body(&self) -> Result<BoardBody, AppError> {
        let children: Vec<&Node> = self.board.children.iter().collect();
        let leaf = children.is_empty();
        let level = match self.axis {
            Axis::Place => {
                children.first().and_then(|child| self.app.geography().get(child.id).map(|place| place.level))
            }
            Axis::Organization => None,
        };
        let tiles_title = match (leaf, self.axis, level) {
            (true, ..) => "boards-leaf".to_owned(),
            (_, Axis::Organization, _) => "boards-tiles-org".to_owned(),
            (_, _, Some(level @ 3..=5)) => format!("boards-tiles-{level}"),
            _ => "boards-tiles".to_owned(),
        };
        let mut help: Vec<Help> = children.iter().filter_map(|child| self.help(child)).collect();
        if leaf {
            help.extend(self.help(&self.board.here));
        }
        let more_help = help.len().saturating_sub(HELP) as i64;
        help.truncate(HELP);
        let here = &self.board.here;
        let counts = [("due", here.due().into()), ("done", here.ended().into())];
        let leaf_items = self.items(self.node, "");
        Ok(BoardBody {
            as_of: self.app.clock.zoned(self.as_of).strftime("%H:%M:%S").to_string(),
            percent: here.percent(),
            figures: self.figures()?,
            tiles_title: self.say(&tiles_title, &[]),
            tiles: self.tiles(),
            leaf_note: leaf.then(|| self.say("boards-leaf-note", &counts)),
            leaf_items: (leaf && !leaf_items.is_empty()).then_some(leaf_items),
            trend: self.trend(),
            stages: self.stages(),
            help,
            more_help,
        })
    }

    fn figures(&self) -> Result<Vec<Figure>, AppError> {
        let (here, work) = (&self.board.here, self.board.here.work.at(self.as_of));
        let today = self.app.clock.today_text();
        let ended_today: i64 = self
            .board
            .days
            .get(&today)
            .map_or(0, |day| ["done", "waived"].iter().filter_map(|measure| day.get(*measure)).sum());
        let number = |n: i64| group_thousands(&n.to_string());
        let figure = |label: String, value: String, second: String, kind, href| Figure {
            label,
            value,
            second,
            kind,
            unit: String::new(),
            href,
        };
        let (assigned, void, waived) = (here.total("assigned"), here.total("void"), here.total("waived"));
        let due_second = if void == 0 {
            String::new()
        } else {
            self.say("boards-due-second", &[("assigned", assigned.into()), ("void", void.into())])
        };
        let done_key = if waived == 0 { "boards-done-second" } else { "boards-waived-too" };
        let done_args = [("percent", here.percent().into()), ("waived", waived.into()), ("today", ended_today.into())];
        let late_second = match work.first_due.filter(|_| work.late > 0) {
            Some(due) => self.say("boards-late-second", &[("day", self.app.clock.date_of(due).to_string().into())]),
            None => self.say("boards-late-none", &[]),
        };
        let warn = |n: i64, kind: &'static str| if n > 0 { kind } else { "" };
        let mut figures = vec![
            figure(self.say("boards-due", &[]), number(here.due()), due_second, "", self.items(self.node, "")),
            figure(
                self.say("boards-done", &[]),
                number(here.ended()),
                self.say(done_key, &done_args),
                "",
                self.items(self.node, "done"),
            ),
            figure(
                self.say("boards-soon", &[]),
                number(work.soon),
                self.say("boards-soon-second", &[]),
                warn(work.soon, "warn"),
                String::new(),
            ),
            figure(
                self.say("boards-late", &[]),
                number(work.late),
                late_second,
                warn(work.late, "danger"),
                self.items(self.node, "late"),
            ),
        ];
        for measure in self.task.measures()?.declared {
            let value = scaled(here.total(&measure.key), measure.scale);
            let title = self.viewer.lang.pick(&measure.title).to_owned();
            let mut one = figure(title, value, self.say("boards-declared-second", &[]), "", String::new());
            self.viewer.lang.pick(&measure.unit).clone_into(&mut one.unit);
            figures.push(one);
        }
        Ok(figures)
    }

    fn tiles(&self) -> Vec<Tile> {
        let tile = |node: &Node, name: String, href: String| Tile {
            name,
            percent: node.percent(),
            href,
            stuck: matches!(node.work.at(self.as_of), work if work.late + work.waiting > 0),
            count: self.say("boards-count", &[("done", node.ended().into()), ("due", node.due().into())]),
            empty: node.due() == 0,
        };
        let mut tiles: Vec<Tile> = self
            .board
            .children
            .iter()
            // A unit that the task does not concern is no tile of nought per cent.
            .filter(|child| child.total("assigned") != 0)
            .map(|child| tile(child, self.name(self.axis, child.id), self.address(self.axis, child.id)))
            .collect();
        let own = Node { totals: self.board.own.clone(), ..Node::default() };
        if own.total("assigned") > 0 && !tiles.is_empty() {
            tiles.push(tile(&own, self.say("boards-own", &[]), self.items(self.node, "")));
        }
        tiles
    }

    fn help(&self, node: &Node) -> Option<Help> {
        let work = Some(node.work.at(self.as_of)).filter(OpenWork::stuck)?;
        let reasons = [
            ("boards-reason-late", work.late),
            ("boards-reason-unclaimed", work.unclaimed),
            ("boards-reason-waiting", work.waiting),
            ("boards-reason-correcting", work.correcting),
        ];
        let texts: Vec<String> =
            reasons.into_iter().filter(|(_, n)| *n > 0).map(|(key, n)| self.say(key, &[("n", n.into())])).collect();
        let here = node.id == self.node;
        Some(Help {
            name: self.name(self.axis, node.id),
            percent: node.percent(),
            text: texts.join(&self.say("boards-reason-join", &[])),
            board: if here { String::new() } else { self.address(self.axis, node.id) },
            items: self.items(node.id, "open"),
        })
    }

    fn stages(&self) -> Vec<Stage> {
        let (here, work) = (&self.board.here, self.board.here.work.at(self.as_of));
        let reason = |key: &str, n: i64| if n > 0 { self.say(key, &[("n", n.into())]) } else { String::new() };
        let stage = |state: &str, second: String| Stage {
            name: self.say(&format!("boards-stage-{state}"), &[]),
            count: here.total(state),
            total: here.total("assigned").max(1),
            stuck: !second.is_empty(),
            second,
            href: self.items(self.node, state),
        };
        let mut stages = vec![
            stage("open", reason("boards-reason-unclaimed", work.unclaimed)),
            stage("review", reason("boards-reason-waiting", if here.total("review") > 0 { work.waiting } else { 0 })),
            stage("correction", reason("boards-reason-correcting", work.correcting)),
            stage(
                "void_proposed",
                reason("boards-reason-waiting", if here.total("review") > 0 { 0 } else { work.waiting }),
            ),
            stage("done", String::new()),
        ];
        let rare = ["waived", "void"].into_iter().filter(|state| here.total(state) > 0);
        stages.extend(rare.map(|state| stage(state, String::new())));
        stages
    }

    /// Share done at the end of each day, and where the pace of the last week leads.
    fn trend(&self) -> Option<Trend> {
        let today = self.app.clock.today();
        let first: Date = self.board.days.keys().next()?.parse().ok()?;
        let from = first.max(today.checked_sub(DAYS.days()).ok()?);
        let (mut due, mut ended) = (0, 0);
        let mut points: Vec<(Date, i64)> = Vec::new();
        let mut day = first.min(today);
        while day <= today {
            if let Some(added) = self.board.days.get(&day.to_string()) {
                let sum = |names: &[&str]| names.iter().filter_map(|name| added.get(*name)).sum::<i64>();
                due += sum(&["assigned"]) - sum(&["void"]);
                ended += sum(&["done", "waived"]);
            }
            if day >= from {
                points.push((day, ended * 10_000 / due.max(1)));
            }
            day = day.tomorrow().ok()?;
        }
        // One day is a point, not a course; the page says so.
        let (last_day, last) = *points.last().filter(|_| points.len() > 1)?;
        let label = |day: Date| day.strftime("%m-%d").to_string();
        let forecast = self.forecast(&points, last_day, last);
        let drawn: Vec<TrendPoint> = points
            .iter()
            .map(|(day, share)| TrendPoint {
                label: if *day == today { self.say("boards-trend-today", &[]) } else { label(*day) },
                percent: *share as f64 / 100.0,
            })
            .collect();
        let description = self.say(
            "boards-trend-description",
            &[
                ("from", points[0].0.to_string().into()),
                ("to", last_day.to_string().into()),
                ("first", (points[0].1 / 100).into()),
                ("last", (last / 100).into()),
            ],
        );
        Trend::new(&drawn, forecast.as_ref(), &description)
    }

    fn forecast(&self, points: &[(Date, i64)], last_day: Date, last: i64) -> Option<Forecast> {
        let week_ago = points.len().saturating_sub(8);
        let steps = (points.len() - 1 - week_ago) as i64;
        let pace = (last - points[week_ago].1).checked_div(steps)?;
        if pace <= 0 || last >= 10_000 {
            return None;
        }
        let needed = (10_000 - last + pace - 1) / pace;
        let label = |day: Date| day.strftime("%m-%d").to_string();
        let said = |day: Date| day.to_string();
        let deadline = self.task.deadline_at.map(|at| self.app.clock.date_of(at));
        let left = deadline
            .and_then(|deadline| Some(i64::from(last_day.until(deadline).ok()?.get_days())))
            .filter(|left| *left > 0);
        match (left, deadline) {
            (Some(left), Some(deadline)) if needed > left => {
                let percent = last + pace * left;
                Some(Forecast {
                    steps: left as usize,
                    percent: percent as f64 / 100.0,
                    label: self.say("boards-trend-deadline", &[("day", label(deadline).into())]),
                    note: self.say("boards-trend-slow", &[("percent", (percent / 100).into())]),
                })
            }
            _ if needed <= 365 => {
                let end = last_day.checked_add(needed.days()).ok()?;
                Some(Forecast {
                    steps: needed as usize,
                    percent: 100.0,
                    label: self.say("boards-trend-end", &[("day", label(end).into())]),
                    note: self.say("boards-trend-note", &[("day", said(end).into())]),
                })
            }
            _ => None,
        }
    }
}

/// A total in its smallest unit, with its decimals and thousands.
fn scaled(total: i64, scale: u8) -> String {
    if scale == 0 {
        return group_thousands(&total.to_string());
    }
    let one = 10_i64.pow(u32::from(scale.min(6)));
    let sign = if total < 0 { "-" } else { "" };
    let (whole, rest) = (total.unsigned_abs() / one.unsigned_abs(), total.unsigned_abs() % one.unsigned_abs());
    format!("{sign}{}.{rest:0width$}", group_thousands(&whole.to_string()), width = usize::from(scale.min(6)))
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn smallest_units_become_decimals() {
        assert_eq!([scaled(1_234_567, 2), scaled(-5, 2), scaled(1200, 0)], ["12,345.67", "-0.05", "1,200"]);
    }
}
