//! The recount: totals computed again from the items alone and compared with what boards show.

use std::collections::{BTreeMap, HashMap};

use super::store::{ALL_DAY_TOTALS, ALL_NODE_TOTALS, ITEMS_ALL_SHARDS, UNFOLDED_ALL_SHARDS};
use super::{Axis, BUILT_IN, Contribution, fold, nodes_above};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::Exec;
use crate::platform::ids::Id;

const PAGE: i64 = 2000;

/// A total that is not what the items say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// which folding
    pub axis: Axis,
    /// place or organization
    pub node: Id,
    /// which measure
    pub measure: String,
    /// the civil date, for a day total
    pub day: Option<String>,
    /// what a board shows: folded and unfolded together
    pub shown: i64,
    /// what the items say
    pub counted: i64,
}

type Key = (Axis, Id, String, Option<String>);

/// Recounts one task. An empty list means that boards show exactly what the items say.
///
/// The built-in measures come from the items' own columns (state, place, holder), not from what was
/// stored as their contribution; the task's measures come from the contribution.
pub async fn recount(app: &App, task: Id) -> Result<Vec<Difference>, AppError> {
    let house = app.clone();
    let (shown, counted) = app
        .db
        .snapshot(move |tx| {
            Box::pin(async move {
                let (geography, directory) = (house.geography(), house.directory());
                let mut shown: HashMap<Key, i64> = HashMap::new();
                let nodes: Vec<(String, Id, String, i64)> = tx.all(ALL_NODE_TOTALS, args![task]).await?;
                for (axis, node, measure, total) in nodes {
                    if let Some(axis) = Axis::from_key(&axis) {
                        *shown.entry((axis, node, measure, None)).or_default() += total;
                    }
                }
                let days: Vec<(Id, String, String, i64)> = tx.all(ALL_DAY_TOTALS, args![task]).await?;
                for (node, measure, day, total) in days {
                    let axis = if directory.organization(node).is_some() { Axis::Organization } else { Axis::Place };
                    *shown.entry((axis, node, measure, Some(day))).or_default() += total;
                }
                for axis in Axis::ALL {
                    let unfolded: Vec<(Id, String, String, i64)> =
                        tx.all(UNFOLDED_ALL_SHARDS, args![task, axis.key()]).await?;
                    for (leaf, measure, day, amount) in unfolded {
                        let above = nodes_above(&geography, &directory, axis, leaf);
                        count(&mut shown, axis, &above, &measure, &day, amount);
                    }
                }
                let mut counted: HashMap<Key, i64> = HashMap::new();
                let mut chains: BTreeMap<(Axis, Id), Vec<Id>> = BTreeMap::new();
                let mut after = (-1_i64, Id::nil());
                loop {
                    type Row = (i64, Id, Id, Id, String, String, Option<Id>);
                    let page: Vec<Row> = tx.all(ITEMS_ALL_SHARDS, args![task, after.0, after.1, PAGE]).await?;
                    let Some(last) = page.last() else { break };
                    after = (last.0, last.1);
                    for (_, _, place, holder, state, contribution, found_under) in &page {
                        let stored = Contribution::parse(contribution)?;
                        let mut amounts: Vec<(&str, i64, &str)> = Vec::new();
                        if found_under.is_none() {
                            amounts.extend([("assigned", 1, ""), (state.as_str(), 1, "")]);
                        }
                        for (measure, amount) in &stored.amounts {
                            if !BUILT_IN.contains(&measure.as_str()) {
                                amounts.push((measure, amount.amount, ""));
                            }
                        }
                        for (axis, leaf) in [(Axis::Place, *place), (Axis::Organization, *holder)] {
                            let above = chains
                                .entry((axis, leaf))
                                .or_insert_with(|| nodes_above(&geography, &directory, axis, leaf));
                            for (measure, amount, _) in &amounts {
                                let day = stored.amounts.get(*measure).map_or("", |counted| counted.day.as_str());
                                count(&mut counted, axis, above, measure, day, *amount);
                            }
                        }
                    }
                }
                Ok((shown, counted))
            })
        })
        .await?;
    Ok(compare(&shown, &counted))
}

fn count(into: &mut HashMap<Key, i64>, axis: Axis, above: &[Id], measure: &str, day: &str, amount: i64) {
    for node in above {
        *into.entry((axis, *node, measure.to_owned(), None)).or_default() += amount;
        if fold::DAILY.contains(&measure) {
            *into.entry((axis, *node, measure.to_owned(), Some(day.to_owned()))).or_default() += amount;
        }
    }
}

fn compare(shown: &HashMap<Key, i64>, counted: &HashMap<Key, i64>) -> Vec<Difference> {
    let value = |map: &HashMap<Key, i64>, key: &Key| map.get(key).copied().unwrap_or(0);
    let mut differences: Vec<Difference> = shown
        .keys()
        .chain(counted.keys().filter(|key| !shown.contains_key(*key)))
        .filter(|key| value(shown, key) != value(counted, key))
        .map(|key| Difference {
            axis: key.0,
            node: key.1,
            measure: key.2.clone(),
            day: key.3.clone(),
            shown: value(shown, key),
            counted: value(counted, key),
        })
        .collect();
    differences.sort();
    differences
}
