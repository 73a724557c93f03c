//! What a ledger is made of: class, title, columns, and a condition from a closed list of comparisons.

use form_runtime::{AttributeRef, Class, Fault, Model};
use serde::{Deserialize, Serialize};
use web::LangMap;

use crate::entities::search::{Test, born_until};

/// A ledger as written in an application's `ledgers/KEY.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// class of its entities
    pub class: Class,
    /// by language
    pub title: LangMap,
    /// attributes shown, in order; `age` is computed
    pub columns: Vec<String>,
    /// all must hold; none lists everybody in scope
    #[serde(default)]
    pub condition: Vec<Condition>,
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// `live_alone`, `age`, `sex`, `id_no`, `mobile`
    pub attribute: String,
    /// what is compared
    pub op: Op,
    /// with what
    pub value: Operand,
}

/// The comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// equal
    Is,
    /// a number not below
    AtLeast,
    /// a number below
    Below,
    /// known (true) or not (false)
    Known,
}

/// What is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Operand {
    /// yes or no
    Bool(bool),
    /// years
    Number(i64),
    /// a code
    Text(String),
}

impl Condition {
    /// The comparison as SQL knows it; none if the three do not fit together.
    pub fn test(&self, today: form_runtime::Date) -> Option<Test> {
        match (self.attribute.as_str(), self.op, &self.value) {
            ("live_alone", Op::Is, Operand::Bool(value)) => Some(Test::LivesAlone(*value)),
            ("sex", Op::Is, Operand::Text(code)) => Some(Test::Sex(code.clone())),
            ("age", Op::AtLeast, Operand::Number(age)) if (0..=150).contains(age) => {
                Some(Test::BornUntil(born_until(today, *age)))
            }
            ("age", Op::Below, Operand::Number(age)) if (0..=150).contains(age) => {
                Some(Test::BornAfter(born_until(today, *age)))
            }
            ("id_no", Op::Known, Operand::Bool(value)) => Some(Test::HasNumber(*value)),
            ("mobile", Op::Known, Operand::Bool(value)) => Some(Test::HasMobile(*value)),
            _ => None,
        }
    }
}

/// Reads a definition. Faults name their pointer in the file.
pub fn parse(text: &str) -> Result<Definition, Vec<Fault>> {
    let value = form_runtime::definition::parse_bounded(text).map_err(|fault| vec![fault])?;
    let definition: Definition = serde_json::from_value(value)
        .map_err(|error| vec![Fault::new("", format!("读不懂：{error}"), format!("cannot be read: {error}"))])?;
    let faults = check(&definition, &Model::shipped());
    if faults.is_empty() { Ok(definition) } else { Err(faults) }
}

/// Everything in a definition that does not resolve.
pub fn check(definition: &Definition, model: &Model) -> Vec<Fault> {
    let mut faults = Vec::new();
    if definition.class != Class::Person {
        faults.push(Fault::new("/class", "台账现在只能列“人”（person）", "a ledger lists persons (person) for now"));
    }
    if definition.title.values().all(|title| title.trim().is_empty()) {
        faults.push(Fault::new("/title", "台账要有名称", "a ledger needs a title"));
    }
    if definition.columns.is_empty() || definition.columns.len() > 60 {
        faults.push(Fault::new("/columns", "要有 1 到 60 列", "needs 1 to 60 columns"));
    }
    for (index, column) in definition.columns.iter().enumerate() {
        let known = column == "age" || model.attribute(&AttributeRef::new(definition.class, column.clone())).is_some();
        let at = format!("/columns/{index}");
        if !known {
            faults.push(Fault::new(
                &at,
                format!("知识体系里没有属性“{column}”"),
                format!("the knowledge model has no attribute `{column}`"),
            ));
        } else if definition.columns[..index].contains(column) {
            faults.push(Fault::new(&at, format!("“{column}”重复"), format!("`{column}` is there twice")));
        }
    }
    let today = form_runtime::Date::constant(2000, 1, 1);
    for (index, condition) in definition.condition.iter().enumerate() {
        if condition.test(today).is_none() {
            faults.push(Fault::new(
                format!("/condition/{index}"),
                format!("“{}”不能这样比较；可用：live_alone is、sex is、age at_least/below、id_no known、mobile known", condition.attribute),
                format!("`{}` cannot be compared so; there are: live_alone is, sex is, age at_least/below, id_no known, mobile known", condition.attribute),
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_name_their_place() {
        let good = r#"{"class":"person","title":{"zh-CN":"独居老人"},"columns":["name","age"],
            "condition":[{"attribute":"live_alone","op":"is","value":true},{"attribute":"age","op":"at_least","value":60}]}"#;
        assert_eq!(parse(good).expect("reads").condition.len(), 2);
        let bad = r#"{"class":"person","title":{"zh-CN":"x"},"columns":["name","nothing","name"],
            "condition":[{"attribute":"live_alone","op":"at_least","value":3}]}"#;
        let pointers: Vec<String> = parse(bad).expect_err("faults").into_iter().map(|f| f.pointer).collect();
        assert_eq!(pointers, ["/columns/1", "/columns/2", "/condition/0"]);
        assert!(parse(r#"{"class":"person","sql":"1=1"}"#).is_err());
    }
}
