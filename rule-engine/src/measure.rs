//! `measure(item, answers) -> declared numbers`.

use std::collections::BTreeMap;

use rhai::Map;
use serde::{Deserialize, Serialize};

use crate::compile::{Compiled, Hook};
use crate::error::{ErrorKind, RuleError};
use crate::host::RecordHost;
use crate::input::Record;

/// The largest amount of one item either way, in the smallest unit: ten million items of it still
/// fit a total. 900 thousand million; in fen, nine thousand million yuan.
pub const MAX_AMOUNT: i64 = 900_000_000_000;

/// How contributions become a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Amounts add up.
    Sum,
    /// Items are counted: 0 or 1 each.
    Count,
}

/// A measure as the task declares it. Amounts are whole numbers in the measure's smallest unit,
/// so that sums are exact; `scale` says how many decimals that is (2: yuan kept in fen).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureDeclaration {
    /// Name, as used in the rule.
    pub name: String,
    /// Sum or count.
    pub aggregation: Aggregation,
    /// Decimals shown; 0 for things that are counted.
    #[serde(default)]
    pub scale: u8,
}

/// What one item contributes: every declared measure, 0 where the rule names none.
///
/// An undeclared name, a decimal, NaN, text, an amount beyond [`MAX_AMOUNT`] or a count other than
/// 0 and 1 is an error; nothing of the item is then counted.
pub fn measure(
    rule: &Compiled,
    item: &Record,
    answers: &Record,
    declared: &[MeasureDeclaration],
) -> Result<BTreeMap<String, i64>, RuleError> {
    let args = vec![RecordHost::dynamic(item), RecordHost::dynamic(answers)];
    let answer = rule.call(Hook::Measure, args)?;
    let got = answer.type_name();
    let Some(map) = answer.try_cast::<Map>() else {
        return Err(rule.fault(ErrorKind::Result, "measures-not-map").arg("got", got));
    };
    let mut amounts: BTreeMap<String, i64> = declared.iter().map(|measure| (measure.name.clone(), 0)).collect();
    for (name, value) in map {
        let fault = |key| rule.fault(ErrorKind::Result, key).arg("name", &name);
        let Some(declaration) = declared.iter().find(|measure| measure.name == name.as_str()) else {
            return Err(fault("measure-undeclared"));
        };
        let amount = value.as_int().map_err(|got| fault("measure-not-whole").arg("got", got))?;
        if amount.checked_abs().is_none_or(|size| size > MAX_AMOUNT) {
            return Err(fault("measure-too-large").arg("limit", MAX_AMOUNT));
        }
        if declaration.aggregation == Aggregation::Count && !matches!(amount, 0 | 1) {
            return Err(fault("measure-not-count").arg("got", amount));
        }
        amounts.insert(name.to_string(), amount);
    }
    Ok(amounts)
}
