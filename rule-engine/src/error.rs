//! What can be wrong with a rule, and where.

use std::collections::BTreeMap;

use rhai::{EvalAltResult, LexError, ParseError, ParseErrorType, Position};
use serde::{Deserialize, Serialize};

use crate::messages::{self, Lang};

/// The family of a fault, for programs; people read [`RuleError::message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The typed tree (sentence, table, ready-made) is incomplete or contradicts its hook.
    Definition,
    /// The text is not a program the sandbox accepts.
    Syntax,
    /// A limit on operations, depth, size or time was met.
    Limit,
    /// The rule stopped while running.
    Runtime,
    /// The rule ran but answered something that is no answer.
    Result,
    /// What was handed to the rule breaks a bound, for example 201 candidates.
    Input,
}

/// A fault of a rule. Line and column count from 1 and point into the Rhai text, generated or
/// typed; where a fault concerns the whole text they are those of the hook's function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message_key} at line {line}, column {column}")]
pub struct RuleError {
    /// Family of the fault.
    pub kind: ErrorKind,
    /// Line in the Rhai text, from 1.
    pub line: u32,
    /// Column in the Rhai text, in characters, from 1.
    pub column: u32,
    /// Key of the message, stable; see [`RuleError::message`].
    pub message_key: String,
    /// What the message names: a variable, a limit, a type.
    #[serde(default)]
    pub args: BTreeMap<String, String>,
}

/// Longest text of a script that an error repeats, in characters.
const QUOTED: usize = 200;

/// Shortens text that came from a script before it enters an error.
pub(crate) fn quote(text: &str) -> String {
    if text.chars().count() <= QUOTED {
        return text.to_owned();
    }
    text.chars().take(QUOTED).chain("…".chars()).collect()
}

impl RuleError {
    pub(crate) fn new(kind: ErrorKind, key: &str) -> Self {
        Self { kind, line: 1, column: 1, message_key: key.to_owned(), args: BTreeMap::new() }
    }

    pub(crate) fn arg(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.args.insert(name.to_owned(), quote(&value.to_string()));
        self
    }

    pub(crate) fn at(mut self, position: (u32, u32)) -> Self {
        (self.line, self.column) = position;
        self
    }

    /// The message for a person, with the place and what to do next.
    pub fn message(&self, lang: Lang) -> String {
        let text = messages::text(&self.message_key, &self.args, lang);
        if matches!(self.kind, ErrorKind::Definition | ErrorKind::Input) {
            return text;
        }
        match lang {
            Lang::ZhCn => format!("第 {} 行第 {} 列：{text}", self.line, self.column),
            Lang::En => format!("Line {}, column {}: {text}", self.line, self.column),
        }
    }

    pub(crate) fn from_parse(error: &ParseError) -> Self {
        use ParseErrorType as P;
        let (key, args): (&str, Vec<(&str, String)>) = match &*error.0 {
            P::UnexpectedEOF => ("unfinished", vec![]),
            P::BadInput(LexError::StringTooLong(max)) => ("text-too-long", vec![("limit", max.to_string())]),
            P::BadInput(LexError::UnterminatedString) => ("open-quote", vec![]),
            P::Reserved(word) | P::BadInput(LexError::ImproperSymbol(word, _)) => {
                ("reserved-word", vec![("name", word.clone())])
            }
            P::ForbiddenVariable(name) => ("helper-name", vec![("name", name.clone())]),
            P::VariableExists(name) | P::DuplicatedVariable(name) => ("name-taken", vec![("name", name.clone())]),
            P::VariableUndefined(name) => ("unknown-name", vec![("name", name.clone())]),
            P::FnDuplicatedDefinition(name, _) => ("function-twice", vec![("name", name.clone())]),
            P::ExprTooDeep => ("too-deep", vec![]),
            P::TooManyFunctions => ("too-many-functions", vec![]),
            P::LiteralTooLarge(_, max) => ("literal-too-large", vec![("limit", max.to_string())]),
            P::MissingToken(token, _) => ("missing-token", vec![("token", token.clone())]),
            other => ("syntax", vec![("detail", other.to_string())]),
        };
        let mut out = Self::new(ErrorKind::Syntax, key).at(place(error.1).unwrap_or((1, 1)));
        if matches!(key, "too-deep" | "too-many-functions" | "literal-too-large" | "text-too-long") {
            out.kind = ErrorKind::Limit;
        }
        for (name, value) in args {
            out = out.arg(name, value);
        }
        out
    }

    /// `fallback` is where the hook's function begins.
    pub(crate) fn from_run(error: &EvalAltResult, fallback: (u32, u32)) -> Self {
        use EvalAltResult as R;
        // The innermost position is the line to mend; outer ones are only the way there.
        if let R::ErrorInFunctionCall(_, _, inner, outer) = error {
            return Self::from_run(inner, place(*outer).unwrap_or(fallback));
        }
        let (kind, key, args): (ErrorKind, &str, Vec<(&str, String)>) = match error {
            R::ErrorTooManyOperations(_) => (ErrorKind::Limit, "too-many-operations", vec![]),
            R::ErrorTooManyVariables(_) => (ErrorKind::Limit, "too-many-variables", vec![]),
            R::ErrorStackOverflow(_) => (ErrorKind::Limit, "calls-too-deep", vec![]),
            R::ErrorDataTooLarge(..) => (ErrorKind::Limit, "value-too-large", vec![]),
            R::ErrorTerminated(..) => (ErrorKind::Limit, "too-slow", vec![]),
            R::ErrorVariableNotFound(name, _) => (ErrorKind::Runtime, "unknown-name", vec![("name", name.clone())]),
            R::ErrorVariableExists(name, _) => (ErrorKind::Runtime, "name-taken", vec![("name", name.clone())]),
            R::ErrorForbiddenVariable(name, _) => (ErrorKind::Runtime, "helper-name", vec![("name", name.clone())]),
            R::ErrorFunctionNotFound(name, _) => (ErrorKind::Runtime, "unknown-function", vec![("name", name.clone())]),
            R::ErrorPropertyNotFound(name, _) => (ErrorKind::Runtime, "unknown-property", vec![("name", name.clone())]),
            R::ErrorDotExpr(..) => (ErrorKind::Runtime, "no-such-access", vec![]),
            R::ErrorArithmetic(detail, _) => (ErrorKind::Runtime, "arithmetic", vec![("detail", detail.clone())]),
            R::ErrorRuntime(token, _) => match token.read_lock::<HelperFault>() {
                Some(fault) => (ErrorKind::Runtime, fault.key, fault.args.clone()),
                None => (ErrorKind::Runtime, "thrown", vec![("detail", token.to_string())]),
            },
            other => {
                let detail = other.to_string();
                let first = detail.split(" (line").next().unwrap_or_default().to_owned();
                (ErrorKind::Runtime, "runtime", vec![("detail", first)])
            }
        };
        let mut out = Self::new(kind, key).at(place(error.position()).unwrap_or(fallback));
        for (name, value) in args {
            out = out.arg(name, value);
        }
        out
    }
}

/// What a native helper throws; carried through the interpreter as its error token.
#[derive(Debug, Clone)]
pub(crate) struct HelperFault {
    pub key: &'static str,
    pub args: Vec<(&'static str, String)>,
}

impl HelperFault {
    /// A whole result because that is what a native helper gives back.
    pub(crate) fn raise<T>(key: &'static str, args: Vec<(&'static str, String)>) -> Result<T, Box<EvalAltResult>> {
        let token = rhai::Dynamic::from(Self { key, args });
        Err(Box::new(EvalAltResult::ErrorRuntime(token, Position::NONE)))
    }
}

fn place(position: Position) -> Option<(u32, u32)> {
    let line = position.line()?;
    Some((line as u32, position.position().unwrap_or(1) as u32))
}
