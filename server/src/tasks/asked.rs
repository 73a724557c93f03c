//! What a dispatch rule asks of a person: read from its text, so that nothing else is read of a million of them.

use std::collections::{HashMap, HashSet};

use form_runtime::{Class, Model};
use rule_engine::Attributes;
use serde_json::Value;

use super::model::TaskRow;
use crate::app::App;
use crate::entities::Wanted;
use crate::platform::database::StoreError;
use crate::platform::ids::Id;

/// Computed from the birthday.
const AGE: &str = "age";

/// The attributes of a person that a rule may ask for.
pub(super) struct Asked {
    wanted: Wanted,
    age: bool,
}

impl Asked {
    /// Those that its text names; where it may compute a name (`subject[x]`), all.
    pub(super) fn by(rule: &str) -> Self {
        let words: HashSet<&str> = rule.split(|sign: char| !sign.is_alphanumeric() && sign != '_').collect();
        let all = computes_a_name(rule);
        let model = Model::shipped();
        let keys = model.attributes_of(Class::Person).map(|attribute| attribute.key.as_str());
        let wanted = keys.filter(|key| all || words.contains(key)).map(str::to_owned).collect();
        Self { wanted, age: all || words.contains(AGE) }
    }

    /// Current records of the rows' persons, as attributes for the rule: no secret is among them, and nothing is
    /// read where the rule asks for nothing.
    pub(super) async fn subjects(&self, app: &App, rows: &[TaskRow]) -> Result<HashMap<Id, Attributes>, StoreError> {
        if self.wanted.keys().next().is_none() && !self.age {
            return Ok(HashMap::new());
        }
        let persons = rows.iter().filter_map(|row| Some((row.subject_shard?, row.subject_id?))).collect();
        let today = app.clock.today();
        let told = self.wanted.of(&app.db, persons).await?;
        let attributes = told.into_iter().map(|(id, mut told)| {
            let born = told.birth_date.as_deref().and_then(|text| text.parse::<jiff::civil::Date>().ok());
            if let Some(born) = born.filter(|_| self.age) {
                let before = (today.month(), today.day()) < (born.month(), born.day());
                told.values.insert(AGE.into(), Value::from(today.year() - born.year() - i16::from(before)));
            }
            (id, told.values)
        });
        Ok(attributes.collect())
    }
}

/// Whether something is looked up by other than a name or a number that stands there. Says so too often rather than not.
fn computes_a_name(rule: &str) -> bool {
    let mut rest = rule;
    while let Some(at) = rest.find('[') {
        let (before, inside) = (rest[..at].trim_end(), &rest[at + 1..]);
        // Behind a value it looks up, behind anything else it is a list.
        let looks_up = before.ends_with(|sign: char| sign.is_alphanumeric() || "_)]}?\"`'".contains(sign));
        let keyword = ["in", "return"].iter().any(|word| {
            before
                .strip_suffix(word)
                .is_some_and(|left| !left.ends_with(|sign: char| sign.is_alphanumeric() || sign == '_'))
        });
        if looks_up && !keyword && !stands_there(inside.trim_start()) {
            return true;
        }
        rest = inside;
    }
    false
}

/// Whether it is one plain text or number, and the end of the brackets.
fn stands_there(inside: &str) -> bool {
    let left = match inside.strip_prefix('"') {
        Some(text) => match text.split_once('"') {
            Some((name, left)) if !name.contains('\\') => left,
            _ => return false,
        },
        None => inside.trim_start_matches(|sign: char| sign.is_ascii_digit()),
    };
    left.trim_start().starts_with(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_there_to_be_read_is_computed() {
        let plain = [
            r#"if subject["age"] >= 80 { 1 }"#,
            r#"subject [ "diet" ] == () || item["a b"]["c"] == 1"#,
            r#"if subject.sex in ["1", "2"] { return [1, 2]; }"#,
            "let list = [subject.age, [3]]; list[0]",
            r#"["独居", "孤寡"].contains(subject?["x"])"#,
        ];
        for rule in plain {
            assert!(!computes_a_name(rule), "{rule}");
        }
        let computed = [
            "subject[key]",
            r#"subject["a" + b]"#,
            "subject[`a${b}`]",
            r#"subject["\x61ge"]"#,
            "subject?[key]",
            "if within[key] { }",
            "(subject)[key]",
            "subject[[\"a\"][0]]",
        ];
        for rule in computed {
            assert!(computes_a_name(rule), "{rule}");
        }
    }

    #[test]
    fn a_rule_is_told_what_it_names() {
        let keys = |rule: &str| Asked::by(rule).wanted.keys().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(keys(r#"subject["live_alone"] && subject.age > 80"#), ["live_alone"]);
        assert!(Asked::by("subject.age").age && !Asked::by("subject.aged").age);
        assert!(keys("subject[item.x]").len() > 40 && Asked::by("subject[item.x]").age);
        assert!(keys("to(chain)").is_empty());
    }
}
