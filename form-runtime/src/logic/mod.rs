//! Field logic: a closed list of typed operators in JsonLogic shape.
//!
//! `{"<": [{"var": "age"}, 60]}`. Numbers are exact decimals, today comes in,
//! a missing answer is null, nothing is coerced. [`Expr::parse`] refuses what
//! it does not know and what does not fit by type, at publish; [`Expr::eval`]
//! can then only fail by overflow or a division by zero. The meaning of every
//! operator is pinned by `tests/cases/logic.json`, which a browser's evaluator
//! runs as well.
//!
//! Null: `==` and `!=` treat it as a value; order, arithmetic, dates and texts
//! give null; `and`, `or`, `!` are three-valued; a condition holds only when
//! it is true.

mod apply;
mod evaluate;
mod operator;
mod parse;
mod value;

use std::collections::BTreeMap;

pub use evaluate::{EvalError, Scope};
pub use operator::{OPERATORS, Operator};
pub use value::{Type, Val};

use crate::controls::Kind;

/// Types of the fields that an expression may name.
pub type Types = BTreeMap<String, Kind>;

/// A parsed and typed expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A constant.
    Literal(Val),
    /// The answer of a field.
    Var(String),
    /// An operator and its arguments.
    Call(Operator, Vec<Expr>),
}

impl Expr {
    /// Keys of the fields it reads.
    pub fn vars(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    fn collect<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::Literal(_) => {}
            Self::Var(key) => found.push(key),
            Self::Call(_, args) => args.iter().for_each(|arg| arg.collect(found)),
        }
    }
}
