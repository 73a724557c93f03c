//! Conditions simple enough for the small script of the page: the value of
//! other fields among given ones. Anything else is the server's alone.

use serde::Serialize;

use crate::logic::{Expr, Val};
use crate::{CompiledForm, Lang};

/// Holds while the field has one of these values (as its inputs post them).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Field key.
    pub field: String,
    /// Posted values.
    pub equals: Vec<String>,
}

/// The conditions that together are this expression, if it is that simple.
pub fn simple_conditions(expr: &Expr) -> Option<Vec<Condition>> {
    let one = |field: &str, equals| Some(vec![Condition { field: field.into(), equals }]);
    match expr {
        Expr::Var(field) => one(field, vec!["true".into()]),
        Expr::Call(op, args) => match (op.name, &args[..]) {
            ("!", [Expr::Var(field)]) => one(field, vec!["false".into()]),
            ("==", [Expr::Var(field), Expr::Literal(val)] | [Expr::Literal(val), Expr::Var(field)]) => {
                one(field, vec![posted(val)?])
            }
            (
                "in" | "any_in",
                [Expr::Var(field), Expr::Literal(Val::List(values))]
                | [Expr::Literal(Val::List(values)), Expr::Var(field)],
            ) => one(field, values.clone()),
            ("and", args) => {
                let parts: Option<Vec<_>> = args.iter().map(simple_conditions).collect();
                Some(parts?.into_iter().flatten().collect())
            }
            _ => None,
        },
        Expr::Literal(_) => None,
    }
}

fn posted(val: &Val) -> Option<String> {
    match val {
        Val::Bool(yes) => Some(yes.to_string()),
        Val::Text(text) => Some(text.clone()),
        Val::Number(number) => Some(number.normalize().to_string()),
        Val::Date(day) => Some(day.to_string()),
        Val::Null | Val::List(_) => None,
    }
}

/// The condition in words, for a page without script.
pub(super) fn in_words(conditions: &[Condition], form: &CompiledForm, lang: Lang) -> String {
    let one = |c: &Condition| {
        let field = form.field(&c.field);
        let label = field.map_or(c.field.as_str(), |f| f.label().get(lang));
        let value = |v: &String| {
            let Some(field) = field else { return v.clone() };
            let json = match v.as_str() {
                "true" => serde_json::json!(true),
                "false" => serde_json::json!(false),
                text => serde_json::json!(text),
            };
            let choice = field.options.choices.iter().find(|c| c.value == *v);
            choice.map_or_else(|| field.control.display(&json, &field.options, lang), |c| c.label.get(lang).to_owned())
        };
        let values: Vec<String> = c.equals.iter().map(value).collect();
        match lang {
            Lang::ZhCn => format!("“{label}”为“{}”", values.join("”或“")),
            Lang::En => format!("\"{label}\" is {}", values.join(" or ")),
        }
    };
    let all: Vec<String> = conditions.iter().map(one).collect();
    match lang {
        Lang::ZhCn => format!("{}时填写", all.join("、")),
        Lang::En => format!("Only if {}", all.join(" and ")),
    }
}
