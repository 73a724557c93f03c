//! The closed list of operators: name, number of arguments, types.

use super::value::Type;

/// An operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// As written.
    pub name: &'static str,
    /// Fewest arguments.
    pub min: usize,
    /// Most arguments.
    pub max: usize,
    signature: Signature,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signature {
    /// No argument.
    Nothing(Type),
    /// Every argument of one type.
    All(Type, Type),
    /// Two of the same type, any.
    Same,
    /// Two of the same ordered type.
    Ordered,
    /// One of any type.
    Any,
    /// Any number of the same type, which is the result.
    First,
    /// A boolean and two of the same type.
    If,
    /// Numbers or dates.
    Extreme,
    /// A value and literal or listed values.
    In,
    /// Two lists.
    Lists,
    /// First and second argument.
    Pair(Type, Type, Type),
    /// Any text, number or date.
    Cat,
}

const MANY: usize = 50;

/// Every operator.
pub const OPERATORS: &[Operator] = {
    use Signature::{All, Any, Cat, Extreme, First, If, In, Lists, Nothing, Ordered, Pair, Same};
    use Type::{Boolean, Date, List, Number, Text};
    const fn op(name: &'static str, min: usize, max: usize, signature: Signature) -> Operator {
        Operator { name, min, max, signature }
    }
    &[
        op("today", 0, 0, Nothing(Date)),
        op("date", 1, 1, All(Text, Date)),
        op("==", 2, 2, Same),
        op("!=", 2, 2, Same),
        op("<", 2, 2, Ordered),
        op("<=", 2, 2, Ordered),
        op(">", 2, 2, Ordered),
        op(">=", 2, 2, Ordered),
        op("and", 1, MANY, All(Boolean, Boolean)),
        op("or", 1, MANY, All(Boolean, Boolean)),
        op("!", 1, 1, All(Boolean, Boolean)),
        op("if", 3, 3, If),
        op("empty", 1, 1, Any),
        op("filled", 1, 1, Any),
        op("coalesce", 1, MANY, First),
        op("+", 1, MANY, All(Number, Number)),
        op("-", 1, 2, All(Number, Number)),
        op("*", 2, MANY, All(Number, Number)),
        op("/", 2, 2, All(Number, Number)),
        op("round", 2, 2, All(Number, Number)),
        op("floor", 1, 1, All(Number, Number)),
        op("abs", 1, 1, All(Number, Number)),
        op("min", 1, MANY, Extreme),
        op("max", 1, MANY, Extreme),
        op("cat", 1, MANY, Cat),
        op("length", 1, 1, All(Text, Number)),
        op("contains", 2, 2, All(Text, Boolean)),
        op("starts_with", 2, 2, All(Text, Boolean)),
        op("in", 2, 2, In),
        op("any_in", 2, 2, Lists),
        op("all_in", 2, 2, Lists),
        op("count", 1, 1, All(List, Number)),
        op("add_days", 2, 2, Pair(Date, Number, Date)),
        op("add_months", 2, 2, Pair(Date, Number, Date)),
        op("days_between", 2, 2, All(Date, Number)),
        op("months_between", 2, 2, All(Date, Number)),
        op("years_between", 2, 2, All(Date, Number)),
        op("year", 1, 1, All(Date, Number)),
    ]
};

impl Operator {
    /// The operator of a name.
    pub fn find(name: &str) -> Option<Self> {
        OPERATORS.iter().find(|o| o.name == name).copied()
    }

    /// The type of the result, or `None` when these arguments do not fit.
    pub(super) fn result(self, args: &[Type]) -> Option<Type> {
        let fits = |arg: Type, wanted: Type| arg == wanted || arg == Type::Null;
        let same = || {
            let known = args.iter().copied().find(|t| *t != Type::Null).unwrap_or(Type::Null);
            args.iter().all(|t| fits(*t, known)).then_some(known)
        };
        match self.signature {
            Signature::Nothing(result) => Some(result),
            Signature::All(wanted, result) => args.iter().all(|t| fits(*t, wanted)).then_some(result),
            Signature::Same => same().map(|_| Type::Boolean),
            Signature::Ordered | Signature::Extreme => {
                let known = same()?;
                let ordered = matches!(known, Type::Number | Type::Date | Type::Null);
                let result = if self.signature == Signature::Ordered { Type::Boolean } else { known };
                ordered.then_some(result)
            }
            Signature::Any => Some(Type::Boolean),
            Signature::First => same(),
            Signature::If => {
                let branch = Self { signature: Signature::First, ..self };
                if fits(args[0], Type::Boolean) { branch.result(&args[1..]) } else { None }
            }
            Signature::In => (fits(args[0], Type::Text) && fits(args[1], Type::List)).then_some(Type::Boolean),
            Signature::Lists => args.iter().all(|t| fits(*t, Type::List)).then_some(Type::Boolean),
            Signature::Pair(first, second, result) => (fits(args[0], first) && fits(args[1], second)).then_some(result),
            Signature::Cat => {
                let printable = |t: &Type| matches!(t, Type::Text | Type::Number | Type::Date | Type::Null);
                args.iter().all(printable).then_some(Type::Text)
            }
        }
    }
}
