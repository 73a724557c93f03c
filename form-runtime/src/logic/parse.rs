//! From JSON to a typed expression.

use rust_decimal::Decimal;
use serde_json::Value;

use super::{Expr, Operator, Types, Val, value::Type};
use crate::Fault;
use crate::definition::MAX_DEPTH;
use crate::fault::token;

/// Most nodes of one expression.
const MAX_NODES: usize = 500;

impl Expr {
    /// Parses and types an expression; `at` is its pointer in the document.
    ///
    /// # Errors
    /// The first fault: an unknown operator or field, a wrong number or type
    /// of arguments, too deep, too large.
    pub fn parse(value: &Value, types: &Types, at: &str) -> Result<(Self, Type), Fault> {
        Parser { types, nodes: 0 }.node(value, at, MAX_DEPTH)
    }

    /// Parses an expression that must be of one type.
    ///
    /// # Errors
    /// As [`Expr::parse`], or the result has another type.
    pub fn parse_as(value: &Value, types: &Types, at: &str, wanted: Type) -> Result<Self, Fault> {
        let (expr, found) = Self::parse(value, types, at)?;
        if found == wanted || found == Type::Null {
            return Ok(expr);
        }
        Err(Fault::new(
            at,
            format!("这里要的是 {}，写的却是 {}", wanted.name(), found.name()),
            format!("a {} is wanted here, this is a {}", wanted.name(), found.name()),
        ))
    }
}

struct Parser<'a> {
    types: &'a Types,
    nodes: usize,
}

impl Parser<'_> {
    fn node(&mut self, value: &Value, at: &str, left: usize) -> Result<(Expr, Type), Fault> {
        self.nodes += 1;
        if left == 0 || self.nodes > MAX_NODES {
            return Err(Fault::new(
                at,
                format!("表达式太深或太长（最多 {MAX_DEPTH} 层、{MAX_NODES} 项），请简化"),
                format!("too deep or long an expression (at most {MAX_DEPTH} levels, {MAX_NODES} parts); simplify"),
            ));
        }
        let literal = |val, kind| Ok((Expr::Literal(val), kind));
        match value {
            Value::Null => literal(Val::Null, Type::Null),
            Value::Bool(yes) => literal(Val::Bool(*yes), Type::Boolean),
            Value::String(text) => literal(Val::Text(text.clone()), Type::Text),
            Value::Number(number) => {
                let written = number.to_string();
                let read = written.parse().or_else(|_| Decimal::from_scientific(&written));
                literal(Val::Number(read.map_err(|_| number_fault(at))?), Type::Number)
            }
            Value::Array(items) => {
                let texts = items.iter().map(|i| i.as_str().map(str::to_owned)).collect();
                let texts: Option<Vec<String>> = texts;
                let list = texts.ok_or_else(|| Fault::new(at, "列表里只能写文字", "a list may hold only texts"))?;
                literal(Val::List(list), Type::List)
            }
            Value::Object(map) => {
                let mut entries = map.iter();
                let (Some((name, args)), None) = (entries.next(), entries.next()) else {
                    return Err(Fault::new(
                        at,
                        "一个表达式只写一个运算，例如 {\"==\": [{\"var\": \"alone\"}, true]}",
                        "an expression has one operator, as in {\"==\": [{\"var\": \"alone\"}, true]}",
                    ));
                };
                let at = format!("{at}/{}", token(name));
                if name == "var" { self.var(args, &at) } else { self.call(name, args, &at, left) }
            }
        }
    }

    fn var(&self, args: &Value, at: &str) -> Result<(Expr, Type), Fault> {
        let key = match args {
            Value::Array(items) if items.len() == 1 => items[0].as_str(),
            other => other.as_str(),
        };
        let kind = key.and_then(|key| self.types.get_key_value(key));
        let (key, kind) = kind.ok_or_else(|| {
            let key = key.unwrap_or("");
            Fault::new(at, format!("没有名为“{key}”的字段"), format!("there is no field `{key}`"))
        })?;
        Ok((Expr::Var(key.clone()), Type::from(*kind)))
    }

    fn call(&mut self, name: &str, args: &Value, at: &str, left: usize) -> Result<(Expr, Type), Fault> {
        let operator = Operator::find(name).ok_or_else(|| {
            Fault::new(
                at,
                format!("没有“{name}”这个运算，请用文档中列出的运算"),
                format!("there is no operator `{name}`; use one of the documented ones"),
            )
        })?;
        // JsonLogic lets a single argument stand without brackets.
        let single = std::slice::from_ref(args);
        let written = args.as_array().map_or(single, Vec::as_slice);
        // A single literal list is the list itself: {"count": [["a", "b"]]} needs both brackets.
        if !(operator.min..=operator.max).contains(&written.len()) {
            return Err(Fault::new(
                at,
                format!("“{name}”要 {} 到 {} 个参数，现在是 {} 个", operator.min, operator.max, written.len()),
                format!("`{name}` takes {} to {} arguments, not {}", operator.min, operator.max, written.len()),
            ));
        }
        let mut exprs = Vec::with_capacity(written.len());
        let mut types = Vec::with_capacity(written.len());
        for (index, arg) in written.iter().enumerate() {
            let (expr, kind) = self.node(arg, &format!("{at}/{index}"), left - 1)?;
            exprs.push(expr);
            types.push(kind);
        }
        let result = operator.result(&types).ok_or_else(|| {
            let found = types.iter().map(|t| t.name()).collect::<Vec<_>>().join(", ");
            Fault::new(
                at,
                format!("“{name}”不能用在这些类型上：{found}"),
                format!("`{name}` does not take these types: {found}"),
            )
        })?;
        if name == "date" {
            return date_literal(&exprs[0], at);
        }
        Ok((Expr::Call(operator, exprs), result))
    }
}

fn date_literal(arg: &Expr, at: &str) -> Result<(Expr, Type), Fault> {
    let day = match arg {
        Expr::Literal(Val::Text(text)) => text.parse().ok(),
        _ => None,
    };
    let day = day.ok_or_else(|| {
        Fault::new(at, "日期要写成 {\"date\": \"2024-03-05\"}", "a date is written {\"date\": \"2024-03-05\"}")
    })?;
    Ok((Expr::Literal(Val::Date(day)), Type::Date))
}

fn number_fault(at: &str) -> Fault {
    Fault::new(at, "这个数太大或太精细", "this number is too large or too fine")
}
