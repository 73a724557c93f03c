//! From an expression and answers to a value.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{Expr, Val, apply::apply};

/// Why an expression has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvalError {
    /// A number or date went out of range.
    Overflow,
    /// Division by zero.
    DivisionByZero,
    /// An argument of a type that parsing would have refused.
    Type,
}

/// What an expression sees.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Answers by field key; absent is null.
    pub values: BTreeMap<String, Val>,
    /// Today in the installation's zone.
    pub today: Date,
}

impl Expr {
    /// The value.
    ///
    /// # Errors
    /// Overflow or a division by zero.
    pub fn eval(&self, scope: &Scope) -> Result<Val, EvalError> {
        match self {
            Self::Literal(val) => Ok(val.clone()),
            Self::Var(key) => Ok(scope.values.get(key).cloned().unwrap_or(Val::Null)),
            Self::Call(operator, args) => match operator.name {
                "if" => {
                    let branch = if args[0].holds(scope)? { &args[1] } else { &args[2] };
                    branch.eval(scope)
                }
                name => {
                    let args: Result<Vec<Val>, EvalError> = args.iter().map(|arg| arg.eval(scope)).collect();
                    apply(name, &args?, scope.today)
                }
            },
        }
    }

    /// Is it true? Null and false are not.
    ///
    /// # Errors
    /// As [`Expr::eval`].
    pub fn holds(&self, scope: &Scope) -> Result<bool, EvalError> {
        Ok(self.eval(scope)? == Val::Bool(true))
    }
}
