//! Rhai from a typed tree. The text is shown to people and snapshotted, so it is stable: the same
//! tree gives the same bytes in every release that does not say otherwise.

use std::fmt::Write;

use crate::compile::Hook;
use crate::rule::{
    Action, Amount, Comparison, Condition, DecisionTable, IndicatorRule, Literal, MeasureRule, Ready, RuleSource,
    Sentence, Source, Whom,
};

/// The Rhai of a source; an expert's text as it is.
pub fn generate(source: &RuleSource) -> String {
    match source {
        RuleSource::Expert { rhai } => rhai.clone(),
        RuleSource::Sentence(sentence) => from_sentence(sentence),
        RuleSource::Table(table) => from_table(table),
        RuleSource::Ready(ready) => from_ready(ready),
    }
}

fn function(hook: Hook, body: &str) -> String {
    format!("{} {{\n{body}}}\n", hook.signature())
}

fn from_sentence(sentence: &Sentence) -> String {
    let mut body = String::new();
    match &sentence.when {
        None => body.push_str(&act(&sentence.then, 1)),
        Some(condition) => {
            body.push_str(&guarded(std::slice::from_ref(condition), &sentence.then));
            body.push_str(&otherwise(sentence.otherwise.as_ref()));
        }
    }
    function(Hook::Dispatch, &body)
}

fn from_table(table: &DecisionTable) -> String {
    let mut body = String::new();
    for row in &table.rows {
        body.push_str(&guarded(&row.when, &row.then));
    }
    body.push_str(&otherwise(table.otherwise.as_ref()));
    function(Hook::Dispatch, &body)
}

fn from_ready(ready: &Ready) -> String {
    match ready {
        Ready::Governing { level, working_days } => {
            dispatch(&Action { level: *level, whom: Whom::Organization, working_days: *working_days })
        }
        Ready::LeastLoad { level, tag, working_days } => {
            let whom = tag.as_ref().map_or(Whom::LeastLoad, |tag| Whom::Tag { tag: tag.clone() });
            dispatch(&Action { level: *level, whom, working_days: *working_days })
        }
        Ready::Tag { level, tag, working_days } => {
            dispatch(&Action { level: *level, whom: Whom::Tag { tag: tag.clone() }, working_days: *working_days })
        }
        Ready::GroupBy { of, field, otherwise } => {
            let field = read(*of, field);
            let missing = match otherwise {
                Some(group) => text(group),
                None => "none(\"group-missing\")".to_owned(),
            };
            let body = format!("    if blank({field}) {{\n        return {missing};\n    }}\n    {field}\n");
            function(Hook::Split, &body)
        }
        Ready::Measures { measures } => {
            let mut body = "    let result = #{};\n".to_owned();
            let mut named: Vec<&str> = vec![];
            for line in measures {
                if !named.contains(&line.measure.as_str()) {
                    named.push(&line.measure);
                    let _ = writeln!(body, "    result[{}] = 0;", text(&line.measure));
                }
            }
            for line in measures {
                body.push_str(&measure_line(line));
            }
            body.push_str("    result\n");
            function(Hook::Measure, &body)
        }
        Ready::Indicators { indicators } => {
            let mut body = "    let result = #{};\n".to_owned();
            for line in indicators {
                body.push_str(&indicator_line(line));
            }
            body.push_str("    result\n");
            function(Hook::Present, &body)
        }
    }
}

fn dispatch(action: &Action) -> String {
    function(Hook::Dispatch, &act(action, 1))
}

fn measure_line(line: &MeasureRule) -> String {
    let target = format!("result[{}]", text(&line.measure));
    let (add, present) = match &line.amount {
        Amount::Fixed(amount) => (amount.to_string(), None),
        Amount::Field { of, field, scale } => {
            let field = read(*of, field);
            (format!("scaled({field}, {scale})"), Some(format!("!blank({field})")))
        }
    };
    let mut tests: Vec<String> = line.when.iter().map(condition).collect();
    tests.extend(present);
    if tests.is_empty() {
        return format!("    {target} += {add};\n");
    }
    format!("    if {} {{\n        {target} += {add};\n    }}\n", tests.join(" && "))
}

fn indicator_line(line: &IndicatorRule) -> String {
    let total = format!("totals[{}]", text(&line.total));
    let value = match &line.share_of {
        None => total,
        Some(whole) => format!("percent({total}, totals[{}])", text(whole)),
    };
    format!("    result[{}] = {value};\n", text(&line.indicator))
}

fn guarded(conditions: &[Condition], then: &Action) -> String {
    let tests: Vec<String> = conditions.iter().map(condition).collect();
    let body = act(then, 2);
    if tests.is_empty() {
        return act(then, 1);
    }
    format!("    if {} {{\n{body}    }}\n", tests.join(" && "))
}

fn otherwise(action: Option<&Action>) -> String {
    action.map_or_else(|| "    none(\"no-condition-met\")\n".to_owned(), |action| act(action, 1))
}

/// Finds whom, says why if there is nobody, and returns; so rows may follow one another.
fn act(action: &Action, indent: usize) -> String {
    let level = action.level.key();
    let (find, reason) = match &action.whom {
        Whom::Organization => (format!("candidates.governing(\"{level}\")"), format!("no-organization:{level}")),
        Whom::Tag { tag } => (
            format!("least_load(candidates.serving(\"{level}\").with_tag({}), load)", text(tag)),
            format!("nobody-with-tag:{level}:{tag}"),
        ),
        Whom::LeastLoad => (format!("least_load(candidates.serving(\"{level}\"), load)"), format!("no-staff:{level}")),
    };
    let give = match action.working_days {
        Some(days) => format!("to(who, {days})"),
        None => "to(who)".to_owned(),
    };
    let pad = "    ".repeat(indent);
    format!(
        "{pad}let who = {find};\n{pad}if who == () {{\n{pad}    return none({});\n{pad}}}\n{pad}return {give};\n",
        text(&reason)
    )
}

fn condition(condition: &Condition) -> String {
    let field = read(condition.of, &condition.field);
    let value = condition.value.as_ref().map(literal).unwrap_or_default();
    match condition.is {
        Comparison::Equal => format!("{field} == {value}"),
        Comparison::NotEqual => format!("{field} != {value}"),
        Comparison::Greater => format!("{field} > {value}"),
        Comparison::AtLeast => format!("{field} >= {value}"),
        Comparison::Less => format!("{field} < {value}"),
        Comparison::AtMost => format!("{field} <= {value}"),
        Comparison::Contains => format!("includes({field}, {value})"),
        Comparison::Empty => format!("blank({field})"),
        Comparison::Filled => format!("!blank({field})"),
    }
}

fn read(of: Source, field: &str) -> String {
    format!("{}[{}]", of.key(), text(field))
}

fn literal(value: &Literal) -> String {
    match value {
        Literal::Flag(flag) => flag.to_string(),
        Literal::Number(number) => number.to_string(),
        Literal::Text(content) => text(content),
    }
}

/// A Rhai text literal: nothing inside can end it or be read as code.
fn text(content: &str) -> String {
    let mut out = String::with_capacity(content.len() + 2);
    out.push('"');
    for c in content.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
