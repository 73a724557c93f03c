//! What each operator does.

use jiff::civil::Date;
use jiff::{Span, ToSpan, Unit};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use super::{EvalError, Val};

type Outcome = Result<Val, EvalError>;

/// Longest text that `cat` makes, in bytes.
const MAX_TEXT: usize = 20_000;

pub(super) fn apply(name: &str, args: &[Val], today: Date) -> Outcome {
    match name {
        "today" => return Ok(Val::Date(today)),
        "==" => return Ok(Val::Bool(args[0] == args[1])),
        "!=" => return Ok(Val::Bool(args[0] != args[1])),
        "and" => return Ok(three_valued(args, false)),
        "or" => return Ok(three_valued(args, true)),
        "empty" => return Ok(Val::Bool(args[0].is_empty())),
        "filled" => return Ok(Val::Bool(!args[0].is_empty())),
        "coalesce" => {
            return Ok(args.iter().find(|a| **a != Val::Null).cloned().unwrap_or(Val::Null));
        }
        "cat" => return cat(args),
        _ => {}
    }
    // Everything else knows nothing about what is missing.
    if args.contains(&Val::Null) {
        return Ok(Val::Null);
    }
    match (name, args) {
        ("!", [Val::Bool(yes)]) => Ok(Val::Bool(!yes)),
        ("<" | "<=" | ">" | ">=", [a, b]) => {
            let order = compare(a, b)?;
            Ok(Val::Bool(match name {
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                _ => order.is_ge(),
            }))
        }
        ("min" | "max", [first, rest @ ..]) => rest.iter().try_fold(first.clone(), |best, next| {
            let order = compare(next, &best)?;
            let better = if name == "min" { order.is_lt() } else { order.is_gt() };
            Ok(if better { next.clone() } else { best })
        }),
        ("length", [Val::Text(text)]) => Ok(number(text.chars().count())),
        ("contains", [Val::Text(text), Val::Text(part)]) => Ok(Val::Bool(text.contains(part.as_str()))),
        ("starts_with", [Val::Text(text), Val::Text(part)]) => Ok(Val::Bool(text.starts_with(part.as_str()))),
        ("in", [Val::Text(one), Val::List(all)]) => Ok(Val::Bool(all.contains(one))),
        ("any_in", [Val::List(some), Val::List(all)]) => Ok(Val::Bool(some.iter().any(|s| all.contains(s)))),
        ("all_in", [Val::List(some), Val::List(all)]) => Ok(Val::Bool(some.iter().all(|s| all.contains(s)))),
        ("count", [Val::List(items)]) => Ok(number(items.len())),
        ("year", [Val::Date(day)]) => Ok(Val::Number(day.year().into())),
        ("add_days" | "add_months", [Val::Date(day), Val::Number(by)]) => add(name, *day, *by),
        ("days_between" | "months_between" | "years_between", [Val::Date(from), Val::Date(to)]) => {
            between(name, *from, *to)
        }
        _ => arithmetic(name, args),
    }
}

/// `and` stops at false, `or` at true; else one null makes it null.
fn three_valued(args: &[Val], decisive: bool) -> Val {
    if args.contains(&Val::Bool(decisive)) {
        Val::Bool(decisive)
    } else if args.contains(&Val::Null) {
        Val::Null
    } else {
        Val::Bool(!decisive)
    }
}

fn compare(a: &Val, b: &Val) -> Result<std::cmp::Ordering, EvalError> {
    match (a, b) {
        (Val::Number(a), Val::Number(b)) => Ok(a.cmp(b)),
        (Val::Date(a), Val::Date(b)) => Ok(a.cmp(b)),
        _ => Err(EvalError::Type),
    }
}

/// Missing parts are left out.
fn cat(args: &[Val]) -> Outcome {
    let mut text = String::new();
    for arg in args {
        match arg {
            Val::Text(part) => text.push_str(part),
            Val::Number(n) => text.push_str(&n.normalize().to_string()),
            Val::Date(day) => text.push_str(&day.to_string()),
            Val::Null => {}
            _ => return Err(EvalError::Type),
        }
        if text.len() > MAX_TEXT {
            return Err(EvalError::Overflow);
        }
    }
    Ok(Val::Text(text))
}

fn number(n: usize) -> Val {
    Val::Number(Decimal::from(n))
}

fn arithmetic(name: &str, args: &[Val]) -> Outcome {
    let numbers: Result<Vec<Decimal>, EvalError> =
        args.iter().map(|arg| if let Val::Number(n) = arg { Ok(*n) } else { Err(EvalError::Type) }).collect();
    let numbers = numbers?;
    let fold = |start: Decimal, f: fn(Decimal, Decimal) -> Option<Decimal>| {
        numbers.iter().try_fold(start, |sum, n| f(sum, *n)).ok_or(EvalError::Overflow)
    };
    let result = match (name, &numbers[..]) {
        ("+", _) => fold(Decimal::ZERO, Decimal::checked_add)?,
        ("*", _) => fold(Decimal::ONE, Decimal::checked_mul)?,
        ("-", [a]) => -*a,
        ("-", [a, b]) => a.checked_sub(*b).ok_or(EvalError::Overflow)?,
        ("/", [_, b]) if b.is_zero() => return Err(EvalError::DivisionByZero),
        ("/", [a, b]) => a.checked_div(*b).ok_or(EvalError::Overflow)?,
        ("floor", [a]) => a.floor(),
        ("abs", [a]) => a.abs(),
        ("round", [a, places]) => {
            let places = places.to_u32().filter(|p| *p <= 20).ok_or(EvalError::Overflow)?;
            // Half away from zero, as people round money.
            a.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
        }
        _ => return Err(EvalError::Type),
    };
    Ok(Val::Number(result.normalize()))
}

fn add(name: &str, day: Date, by: Decimal) -> Outcome {
    let by = by.to_i32().filter(|_| by.fract().is_zero()).ok_or(EvalError::Overflow)?;
    if by.abs() > 100_000 {
        return Err(EvalError::Overflow);
    }
    let span: Span = if name == "add_days" { by.days() } else { by.months() };
    day.checked_add(span).map(Val::Date).map_err(|_| EvalError::Overflow)
}

/// Whole units from the first date to the second; negative when it is earlier.
fn between(name: &str, from: Date, to: Date) -> Outcome {
    let unit = match name {
        "days_between" => Unit::Day,
        "months_between" => Unit::Month,
        _ => Unit::Year,
    };
    let span = from.until((unit, to)).map_err(|_| EvalError::Overflow)?;
    let whole: i64 = match unit {
        Unit::Day => span.get_days().into(),
        Unit::Month => span.get_months().into(),
        _ => span.get_years().into(),
    };
    Ok(Val::Number(whole.into()))
}
