//! Boards: how far a task has come, place by place or unit by unit.

use serde::Serialize;

use crate::viz::Trend;

/// A crumb, filter chip or link.
#[derive(Debug, Clone, Serialize)]
pub struct Link {
    /// Shown text.
    pub label: String,
    /// Where it leads; empty for the present one.
    pub href: String,
    /// Whether it is the present one.
    pub current: bool,
}

/// One row of the list of boards.
#[derive(Debug, Clone, Serialize)]
pub struct BoardRow {
    /// Title of the task.
    pub title: String,
    /// Its board.
    pub href: String,
    /// Where the numbers are from, how many.
    pub note: String,
    /// Share done.
    pub percent: i64,
    /// 已结束, when it is.
    pub state: Option<String>,
}

/// The list of boards.
#[derive(Debug, Clone, Serialize)]
pub struct BoardList {
    /// Newest first.
    pub boards: Vec<BoardRow>,
    /// Link to the next page.
    pub next: Option<String>,
}

/// One big number.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// What it is.
    pub label: String,
    /// The number as shown.
    pub value: String,
    /// The line under it.
    pub second: String,
    /// Empty, `warn` or `danger`.
    pub kind: &'static str,
    /// Unit behind it.
    pub unit: String,
    /// The items behind it, where rows may be seen; else empty.
    pub href: String,
}

/// One place or unit below.
#[derive(Debug, Clone, Serialize)]
pub struct Tile {
    /// Its name.
    pub name: String,
    /// Share done.
    pub percent: i64,
    /// Its own board.
    pub href: String,
    /// Whether something waits there for somebody.
    pub stuck: bool,
    /// Done of due, in words, for the table.
    pub count: String,
    /// Whether there is anything to do there at all.
    pub empty: bool,
}

/// One stage of the work.
#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// How many items are there.
    pub count: i64,
    /// Of how many.
    pub total: i64,
    /// What should be known about it.
    pub second: String,
    /// Whether items wait there too long.
    pub stuck: bool,
    /// The items, where rows may be seen; else empty.
    pub href: String,
}

/// One place or unit that needs help, and why.
#[derive(Debug, Clone, Serialize)]
pub struct Help {
    /// Its name.
    pub name: String,
    /// Share done.
    pub percent: i64,
    /// Reasons, joined.
    pub text: String,
    /// Its board; empty for the present one.
    pub board: String,
    /// Its items, where rows may be seen; else empty.
    pub items: String,
}

/// What changes by itself.
#[derive(Debug, Clone, Serialize)]
pub struct BoardBody {
    /// `09:41:20`.
    pub as_of: String,
    /// Share done at this node.
    pub percent: i64,
    /// Headline numbers; the first four are due, done, soon late and late.
    pub figures: Vec<Figure>,
    /// Heading of the tiles: 各街道完成.
    pub tiles_title: String,
    /// Places or units below, in the order of the tree.
    pub tiles: Vec<Tile>,
    /// Said where there is nothing below.
    pub leaf_note: Option<String>,
    /// The items of a leaf, where rows may be seen.
    pub leaf_items: Option<String>,
    /// Course over the days.
    pub trend: Option<Trend>,
    /// Where the work is.
    pub stages: Vec<Stage>,
    /// Who needs help, in the order of the tree.
    pub help: Vec<Help>,
    /// Further places in need that are not listed.
    pub more_help: i64,
}

/// A board.
#[derive(Debug, Clone, Serialize)]
pub struct BoardPage {
    /// Title of the task.
    pub title: String,
    /// From the root to the present node.
    pub crumbs: Vec<Link>,
    /// By place, by unit.
    pub axes: Vec<Link>,
    /// Topic of the live stream: the task.
    pub topic: String,
    /// Address of the fragment.
    pub src: String,
    /// What changes by itself.
    pub board: BoardBody,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viz::TrendPoint;
    use crate::{Lang, PageFrame, Renderer};

    fn body(full: bool) -> BoardBody {
        let one = |on: bool| if on { "/x".to_owned() } else { String::new() };
        let trend =
            [TrendPoint { label: "11-23".into(), percent: 1.0 }, TrendPoint { label: "11-24".into(), percent: 5.0 }];
        BoardBody {
            as_of: "09:41:20".into(),
            percent: 4,
            figures: vec![Figure {
                label: "a".into(),
                value: "1".into(),
                second: String::new(),
                kind: "danger",
                unit: String::new(),
                href: one(full),
            }],
            tiles_title: "t".into(),
            tiles: if full {
                vec![Tile {
                    name: "x".into(),
                    percent: 4,
                    href: "/y".into(),
                    stuck: true,
                    count: "1/2".into(),
                    empty: false,
                }]
            } else {
                vec![]
            },
            leaf_note: (!full).then(|| "leaf".into()),
            leaf_items: full.then(|| "/i".into()),
            trend: if full { Trend::new(&trend, None, "d") } else { None },
            stages: vec![Stage {
                name: "s".into(),
                count: 1,
                total: 2,
                second: String::new(),
                stuck: full,
                href: one(full),
            }],
            help: if full {
                vec![Help { name: "h".into(), percent: 3, text: "r".into(), board: "/b".into(), items: "/i".into() }]
            } else {
                vec![]
            },
            more_help: i64::from(full),
        }
    }

    #[test]
    fn renders_full_and_bare_in_both_languages() {
        let renderer = Renderer::new();
        let frame = PageFrame::new("t", "i");
        for lang in Lang::ALL {
            for full in [true, false] {
                let link = Link { label: "大同市".into(), href: "/z".into(), current: !full };
                let page = BoardPage {
                    title: "走访".into(),
                    crumbs: vec![link.clone()],
                    axes: vec![link],
                    topic: "1".into(),
                    src: "/boards/1/fragment".into(),
                    board: body(full),
                };
                let html = renderer.render("boards/show.html", lang, &frame, &page).expect("renders");
                assert!(html.contains("data-live=\"1\""));
                let part = renderer.render("boards/fragment.html", lang, &frame, &page).expect("renders");
                assert!(!part.contains("<html") && part.contains("09:41:20"));
                let row = BoardRow {
                    title: "t".into(),
                    href: "/".into(),
                    note: "n".into(),
                    percent: 3,
                    state: full.then(|| "e".into()),
                };
                let boards = if full { vec![row] } else { vec![] };
                renderer
                    .render("boards/list.html", lang, &frame, BoardList { boards, next: full.then(|| "?n".into()) })
                    .expect("renders");
            }
        }
    }
}
