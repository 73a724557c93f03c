//! What a new task counts until somebody says otherwise: visits, every yes, every need that was named.

use form_runtime::controls::Kind;
use rule_engine::{Aggregation, Amount, Comparison, Condition, Literal, MeasureRule, Ready, Rule, RuleSource, Source};
use web::LangMap;

use crate::forms::Published;
use crate::measures::{Measure, Measures};

/// Measures derived from the form: `visited` for each answer, one for each yes-or-no question and one
/// for each question where any of several may be ticked.
pub fn usual(form: &Published) -> Measures {
    let mut declared = vec![Measure {
        key: "visited".into(),
        title: both("已走访", "Visited"),
        unit: both("件", "items"),
        aggregation: Aggregation::Count,
        scale: 0,
    }];
    let mut lines = vec![MeasureRule { measure: "visited".into(), when: vec![], amount: Amount::Fixed(1) }];
    for field in form.compiled.fields().iter().filter(|field| !field.secret && field.key().len() <= 40) {
        let when = match field.control.kind() {
            Kind::Boolean => (Comparison::Equal, Some(Literal::Flag(true))),
            Kind::List => (Comparison::Filled, None),
            _ => continue,
        };
        let measure = Measure {
            key: field.key().to_owned(),
            title: both(field.label().get(form_runtime::Lang::ZhCn), field.label().get(form_runtime::Lang::En)),
            unit: both("人", "people"),
            aggregation: Aggregation::Count,
            scale: 0,
        };
        let condition = Condition { of: Source::Answers, field: field.key().to_owned(), is: when.0, value: when.1 };
        lines.push(MeasureRule { measure: measure.key.clone(), when: vec![condition], amount: Amount::Fixed(1) });
        declared.push(measure);
    }
    let measures =
        Measures { declared, rule: Some(Rule { source: RuleSource::Ready(Ready::Measures { measures: lines }) }) };
    let unusable: Vec<String> = measures.unusable_keys().into_iter().map(str::to_owned).collect();
    without(measures, &unusable)
}

/// A field named like a built-in measure is not counted a second time.
fn without(mut measures: Measures, keys: &[String]) -> Measures {
    measures.declared.retain(|measure| !keys.contains(&measure.key));
    if let Some(Rule { source: RuleSource::Ready(Ready::Measures { measures: lines }) }) = &mut measures.rule {
        lines.retain(|line| !keys.contains(&line.measure));
    }
    measures
}

fn both(zh: &str, en: &str) -> LangMap {
    [("zh-CN".to_owned(), zh.to_owned()), ("en".to_owned(), en.to_owned())].into_iter().collect()
}
