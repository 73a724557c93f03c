//! `present(totals) -> indicators`.

use std::collections::BTreeMap;

use rhai::Map;
use serde::{Deserialize, Serialize};

use crate::compile::{Compiled, Hook};
use crate::error::{ErrorKind, RuleError};
use crate::host::{RecordHost, Share};
use crate::input::{Attributes, Record};

/// Something shown on a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Indicator {
    /// A count or sum, in its measure's smallest unit.
    Number {
        /// The number.
        value: i64,
    },
    /// A share, rounded half up.
    Percent {
        /// Hundredths of a percent: 1250 is 12.50 %.
        basis_points: i64,
    },
    /// Nothing to show yet: a share of nothing.
    Empty,
}

/// The indicators shown from totals, by name.
pub fn present(rule: &Compiled, totals: &BTreeMap<String, i64>) -> Result<BTreeMap<String, Indicator>, RuleError> {
    let attributes: Attributes = totals.iter().map(|(name, total)| (name.clone(), (*total).into())).collect();
    let answer = rule.call(Hook::Present, vec![RecordHost::dynamic(&Record::new("").with(attributes))])?;
    let got = answer.type_name();
    let Some(map) = answer.try_cast::<Map>() else {
        return Err(rule.fault(ErrorKind::Result, "indicators-not-map").arg("got", got));
    };
    map.into_iter()
        .map(|(name, value)| {
            let indicator = if let Ok(value) = value.as_int() {
                Indicator::Number { value }
            } else if value.is_unit() {
                Indicator::Empty
            } else if let Some(share) = value.clone().try_cast::<Share>() {
                share.0.map_or(Indicator::Empty, |basis_points| Indicator::Percent { basis_points })
            } else {
                return Err(rule
                    .fault(ErrorKind::Result, "indicator-not-number")
                    .arg("name", &name)
                    .arg("got", value.type_name()));
            };
            Ok((name.to_string(), indicator))
        })
        .collect()
}
