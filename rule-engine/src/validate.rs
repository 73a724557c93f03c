//! Whether a typed tree is whole and fits its hook, before any Rhai is made of it.

use crate::compile::Hook;
use crate::dispatch::MAX_DAYS;
use crate::error::{ErrorKind, RuleError};
use crate::rule::{Action, Amount, Comparison, Condition, Literal, Ready, RuleSource, Source, Whom};

/// Rows of a table, lines of measures or indicators.
const MAX_ROWS: usize = 50;
/// Conditions of one row.
const MAX_CONDITIONS: usize = 8;
/// Characters of a key, tag or name.
const MAX_NAME: usize = 64;
/// Characters of a value compared with.
const MAX_VALUE: usize = 200;

fn fault(key: &str) -> RuleError {
    RuleError::new(ErrorKind::Definition, key)
}

/// Checks a source against the hook it is to serve.
pub(crate) fn check(source: &RuleSource, hook: Hook) -> Result<(), RuleError> {
    match source {
        RuleSource::Expert { .. } => Ok(()),
        RuleSource::Sentence(sentence) => {
            serves(Hook::Dispatch, hook)?;
            if sentence.when.is_none() && sentence.otherwise.is_some() {
                return Err(fault("else-without-if"));
            }
            if let Some(when) = &sentence.when {
                condition(when, hook, "when")?;
            }
            action(&sentence.then, "then")?;
            sentence.otherwise.as_ref().map_or(Ok(()), |other| action(other, "otherwise"))
        }
        RuleSource::Table(table) => {
            serves(Hook::Dispatch, hook)?;
            rows(table.rows.len())?;
            for (index, row) in table.rows.iter().enumerate() {
                let place = format!("rows[{}]", index + 1);
                if row.when.is_empty() {
                    return Err(fault("row-without-condition").arg("field", &place));
                }
                conditions(&row.when, hook, &place)?;
                action(&row.then, &place)?;
            }
            table.otherwise.as_ref().map_or(Ok(()), |other| action(other, "otherwise"))
        }
        RuleSource::Ready(ready) => check_ready(ready, hook),
    }
}

fn check_ready(ready: &Ready, hook: Hook) -> Result<(), RuleError> {
    match ready {
        Ready::Governing { working_days, .. } => {
            serves(Hook::Dispatch, hook)?;
            days(*working_days, "working_days")
        }
        Ready::LeastLoad { tag, working_days, .. } => {
            serves(Hook::Dispatch, hook)?;
            tag.as_ref().map_or(Ok(()), |tag| name(tag, "tag"))?;
            days(*working_days, "working_days")
        }
        Ready::Tag { tag, working_days, .. } => {
            serves(Hook::Dispatch, hook)?;
            name(tag, "tag")?;
            days(*working_days, "working_days")
        }
        Ready::GroupBy { of, field, otherwise } => {
            serves(Hook::Split, hook)?;
            readable(*of, hook, "of")?;
            name(field, "field")?;
            otherwise.as_ref().map_or(Ok(()), |group| name(group, "otherwise"))
        }
        Ready::Measures { measures } => {
            serves(Hook::Measure, hook)?;
            rows(measures.len())?;
            for (index, line) in measures.iter().enumerate() {
                let place = format!("measures[{}]", index + 1);
                name(&line.measure, &place)?;
                conditions(&line.when, hook, &place)?;
                if let Amount::Field { of, field, scale } = &line.amount {
                    readable(*of, hook, &place)?;
                    name(field, &place)?;
                    if *scale > 6 {
                        return Err(fault("scale-too-large").arg("field", &place));
                    }
                }
            }
            Ok(())
        }
        Ready::Indicators { indicators } => {
            serves(Hook::Present, hook)?;
            rows(indicators.len())?;
            for (index, line) in indicators.iter().enumerate() {
                let place = format!("indicators[{}]", index + 1);
                name(&line.indicator, &place)?;
                name(&line.total, &place)?;
                line.share_of.as_ref().map_or(Ok(()), |whole| name(whole, &place))?;
            }
            Ok(())
        }
    }
}

fn serves(own: Hook, asked: Hook) -> Result<(), RuleError> {
    if own == asked {
        return Ok(());
    }
    Err(fault("wrong-hook").arg("name", own.function()).arg("hook", asked.function()))
}

fn rows(count: usize) -> Result<(), RuleError> {
    match count {
        0 => Err(fault("no-rows")),
        1..=MAX_ROWS => Ok(()),
        _ => Err(fault("too-many-rows").arg("limit", MAX_ROWS)),
    }
}

fn conditions(list: &[Condition], hook: Hook, place: &str) -> Result<(), RuleError> {
    if list.len() > MAX_CONDITIONS {
        return Err(fault("too-many-conditions").arg("field", place).arg("limit", MAX_CONDITIONS));
    }
    list.iter().try_for_each(|one| condition(one, hook, place))
}

fn condition(one: &Condition, hook: Hook, place: &str) -> Result<(), RuleError> {
    readable(one.of, hook, place)?;
    name(&one.field, place)?;
    match (&one.value, one.is.takes_value()) {
        (None, true) => Err(fault("value-missing").arg("field", place)),
        (Some(_), false) => Err(fault("value-not-wanted").arg("field", place)),
        (Some(Literal::Text(text)), true) if text.chars().count() > MAX_VALUE => {
            Err(fault("value-too-long").arg("field", place).arg("limit", MAX_VALUE))
        }
        (Some(Literal::Flag(_)), true) if !matches!(one.is, Comparison::Equal | Comparison::NotEqual) => {
            Err(fault("flag-not-ordered").arg("field", place))
        }
        _ => Ok(()),
    }
}

fn readable(of: Source, hook: Hook, place: &str) -> Result<(), RuleError> {
    if hook.parameters().contains(&of.key()) {
        return Ok(());
    }
    Err(fault("source-not-here").arg("field", place).arg("name", of.key()).arg("hook", hook.function()))
}

fn action(action: &Action, place: &str) -> Result<(), RuleError> {
    if let Whom::Tag { tag } = &action.whom {
        name(tag, place)?;
    }
    days(action.working_days, place)
}

fn days(days: Option<u32>, place: &str) -> Result<(), RuleError> {
    if days.is_none_or(|days| (1..=MAX_DAYS).contains(&days)) {
        return Ok(());
    }
    Err(fault("days-out-of-range").arg("field", place).arg("got", days.unwrap_or_default()).arg("limit", MAX_DAYS))
}

fn name(text: &str, place: &str) -> Result<(), RuleError> {
    let length = text.chars().count();
    if length == 0 || length > MAX_NAME || text.trim() != text || text.chars().any(char::is_control) {
        return Err(fault("bad-name").arg("field", place).arg("name", text).arg("limit", MAX_NAME));
    }
    Ok(())
}
