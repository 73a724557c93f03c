//! The measures a task declares, kept in `task.measures` as JSON.

use rule_engine::{Aggregation, MeasureDeclaration, Rule};
use serde::{Deserialize, Serialize};
use web::LangMap;

use super::BUILT_IN;
use crate::platform::database::StoreError;

/// One measure: what is counted, in which unit, how amounts become a total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// name in the rule and in totals: a lower-case letter, then `a-z 0-9 _`
    pub key: String,
    /// what people read above the number
    pub title: LangMap,
    /// 人, 户, 元
    #[serde(default)]
    pub unit: LangMap,
    /// sum or count
    pub aggregation: Aggregation,
    /// decimals of the smallest unit: 2 for yuan kept in fen
    #[serde(default)]
    pub scale: u8,
}

/// What a task counts, and the rule that says how much one item contributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measures {
    /// in the order of the board
    #[serde(default)]
    pub declared: Vec<Measure>,
    /// the rule of the hook `measure`; none where only the built-in measures are counted
    #[serde(default)]
    pub rule: Option<Rule>,
}

impl Measures {
    /// Reads the column; an empty text declares nothing.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        if text.trim().is_empty() { Ok(Self::default()) } else { Ok(serde_json::from_str(text)?) }
    }

    /// The column.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("a declaration is JSON")
    }

    /// As the rule engine checks them.
    pub fn declarations(&self) -> Vec<MeasureDeclaration> {
        self.declared
            .iter()
            .map(|measure| MeasureDeclaration {
                name: measure.key.clone(),
                aggregation: measure.aggregation,
                scale: measure.scale,
            })
            .collect()
    }

    /// Keys that cannot be used: badly formed, double, or one of the built-in names.
    pub fn unusable_keys(&self) -> Vec<&str> {
        let well_formed = |key: &str| {
            key.len() <= 40
                && key.starts_with(|c: char| c.is_ascii_lowercase())
                && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        self.declared
            .iter()
            .enumerate()
            .filter(|(at, measure)| {
                !well_formed(&measure.key)
                    || BUILT_IN.contains(&measure.key.as_str())
                    || self.declared[..*at].iter().any(|before| before.key == measure.key)
            })
            .map(|(_, measure)| measure.key.as_str())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_and_double_keys_are_refused() {
        let measure = |key: &str| Measure {
            key: key.into(),
            title: LangMap::new(),
            unit: LangMap::new(),
            aggregation: Aggregation::Count,
            scale: 0,
        };
        let declared = ["visited", "done", "visited", "独居"].map(measure).to_vec();
        let measures = Measures { declared, rule: None };
        assert_eq!(measures.unusable_keys(), ["done", "visited", "独居"]);
        assert_eq!(Measures::parse(&measures.text()).expect("reads back"), measures);
    }
}
