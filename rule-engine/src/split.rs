//! `split(task, subject) -> group`.

use rhai::Dynamic;

use crate::compile::{Compiled, Hook};
use crate::error::{ErrorKind, RuleError};
use crate::host::{Nobody, RecordHost};
use crate::input::Record;

/// Longest name of a group, in characters.
const LONGEST: usize = 64;

/// The group of the task a subject falls into: a trimmed text of 1 to 64 characters. `Err` with
/// kind [`ErrorKind::Result`] also when the rule says `none(…)`: a subject without a group is
/// listed, never dropped.
pub fn split(rule: &Compiled, task: &Record, subject: &Record) -> Result<String, RuleError> {
    let args = vec![RecordHost::dynamic(task), RecordHost::dynamic(subject)];
    let answer = rule.call(Hook::Split, args)?;
    if let Some(nobody) = answer.clone().try_cast::<Nobody>() {
        return Err(rule.fault(ErrorKind::Result, "no-group").arg("reason", nobody.0));
    }
    let group = text_of(&answer)
        .ok_or_else(|| rule.fault(ErrorKind::Result, "group-not-text").arg("got", answer.type_name()))?;
    let group = group.trim();
    if group.is_empty() || group.chars().count() > LONGEST || group.chars().any(char::is_control) {
        return Err(rule.fault(ErrorKind::Result, "group-bad").arg("limit", LONGEST));
    }
    Ok(group.to_owned())
}

/// A code list may hold numbers, so a whole number is a group name too.
fn text_of(answer: &Dynamic) -> Option<String> {
    match answer.as_int() {
        Ok(number) => Some(number.to_string()),
        Err(_) => answer.clone().into_string().ok(),
    }
}
