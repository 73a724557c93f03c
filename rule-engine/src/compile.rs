//! From a rule to something that runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rhai::{AST, CallFnOptions, Dynamic, FnAccess, Scope};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::{ErrorKind, RuleError};
use crate::rule::Rule;
use crate::{generate, helpers, validate};

/// Where in the work a rule is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// Which group of the task a subject falls into.
    Split,
    /// Who holds an item.
    Dispatch,
    /// What an item contributes to the totals.
    Measure,
    /// What is shown from totals.
    Present,
}

impl Hook {
    /// The function a rule's text must define.
    pub fn function(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::Dispatch => "dispatch",
            Self::Measure => "measure",
            Self::Present => "present",
        }
    }

    /// Its parameters.
    pub fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Split => &["task", "subject"],
            Self::Dispatch => &["item", "subject", "chain", "candidates", "load"],
            Self::Measure => &["item", "answers"],
            Self::Present => &["totals"],
        }
    }

    /// The line that begins the function, as generated and as an expert would write it.
    pub fn signature(self) -> String {
        format!("fn {}({})", self.function(), self.parameters().join(", "))
    }
}

/// A rule ready to run: shared by cloning, usable from any thread.
#[derive(Debug, Clone)]
pub struct Compiled(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Engine,
    ast: AST,
    hook: Hook,
    text: String,
    start: (u32, u32),
    /// As the rule names them.
    parameters: Vec<String>,
}

impl Engine {
    /// Checks a rule's tree, generates its Rhai and compiles it. Compile once per version of a
    /// rule and keep the result. Only functions count: a statement outside them never runs, and
    /// a name it defines is unknown inside them.
    pub fn compile(&self, rule: &Rule, hook: Hook) -> Result<Compiled, RuleError> {
        validate::check(&rule.source, hook)?;
        let text = generate::generate(&rule.source);
        if text.len() > self.limits.source_size {
            return Err(RuleError::new(ErrorKind::Limit, "source-too-long").arg("limit", self.limits.source_size));
        }
        let ast = parse(&self.rhai, &text)?;
        let (start, parameters) = check_functions(&ast, &text, hook)?;
        Ok(Compiled(Arc::new(Inner { engine: self.clone(), ast, hook, text, start, parameters })))
    }
}

fn parse(engine: &rhai::Engine, text: &str) -> Result<AST, RuleError> {
    // The text comes from outside; should the parser itself break, the process must not.
    match catch_unwind(AssertUnwindSafe(|| engine.compile(text))) {
        Ok(parsed) => parsed.map_err(|error| RuleError::from_parse(&error)),
        Err(_) => Err(RuleError::new(ErrorKind::Syntax, "interpreter-broke")),
    }
}

/// Where the hook's function begins, and its parameters.
fn check_functions(ast: &AST, text: &str, hook: Hook) -> Result<((u32, u32), Vec<String>), RuleError> {
    let fault = |key: &str, name: &str| {
        RuleError::new(ErrorKind::Syntax, key)
            .arg("name", name)
            .arg("signature", hook.signature())
            .at(position_of(text, name).unwrap_or((1, 1)))
    };
    let mut found = None;
    for function in ast.iter_functions() {
        if helpers::is_helper(function.name) {
            return Err(fault("helper-function", function.name));
        }
        if let Some(parameter) = function.params.iter().find(|p| helpers::CALLED.contains(p)) {
            return Err(fault("helper-name", function.name).arg("name", parameter));
        }
        if function.name == hook.function() {
            if function.params.len() != hook.parameters().len() || function.access != FnAccess::Public {
                return Err(fault("wrong-signature", function.name));
            }
            found = Some(function.params.iter().map(ToString::to_string).collect());
        }
    }
    let parameters = found.ok_or_else(|| fault("no-function", hook.function()))?;
    Ok((position_of(text, hook.function()).unwrap_or((1, 1)), parameters))
}

/// Where `fn name` stands; comments are not told apart, which costs an error only a better line.
fn position_of(text: &str, name: &str) -> Option<(u32, u32)> {
    text.lines().enumerate().find_map(|(line, content)| {
        content.match_indices("fn ").find_map(|(at, _)| {
            let rest = content[at + 3..].trim_start();
            let after = rest.strip_prefix(name)?.trim_start();
            let column = content[..at].chars().count() as u32 + 1;
            after.starts_with('(').then_some((line as u32 + 1, column))
        })
    })
}

impl Compiled {
    /// The hook it was compiled for.
    pub fn hook(&self) -> Hook {
        self.0.hook
    }

    /// The Rhai text, to be shown read-only beside a typed tree.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// A fault of the rule as a whole: placed where its function begins.
    pub(crate) fn fault(&self, kind: ErrorKind, key: &str) -> RuleError {
        RuleError::new(kind, key).at(self.0.start)
    }

    /// Runs the rule; a fault names its line even where the interpreter forgot it.
    pub(crate) fn call(&self, hook: Hook, args: Vec<Dynamic>) -> Result<Dynamic, RuleError> {
        self.run(hook, args.clone()).map_err(|error| self.locate(error, args))
    }

    pub(crate) fn run(&self, hook: Hook, args: Vec<Dynamic>) -> Result<Dynamic, RuleError> {
        let inner = &*self.0;
        if inner.hook != hook {
            return Err(self
                .fault(ErrorKind::Definition, "wrong-hook")
                .arg("name", inner.hook.function())
                .arg("hook", hook.function()));
        }
        self.guarded(|rhai| {
            let options = CallFnOptions::new().eval_ast(false);
            let function = hook.function();
            rhai.call_fn_with_options(options, &mut Scope::new(), &inner.ast, function, args)
        })
    }

    /// The interpreter reports a limit met inside a function at the place of the call, and the
    /// hook's own call has none. Rules being deterministic, the function's body run outside a
    /// function meets the same limit and tells where.
    pub(crate) fn locate(&self, error: RuleError, args: Vec<Dynamic>) -> RuleError {
        let inner = &*self.0;
        let lost = error.kind == ErrorKind::Limit && (error.line, error.column) == inner.start;
        // A deadline is the one limit that need not be met at the same place again.
        if !lost || error.message_key == "too-slow" {
            return error;
        }
        let Some(body) = self.bare_body() else {
            return error;
        };
        let mut scope = inner.scope();
        for (name, arg) in inner.parameters.iter().zip(args) {
            scope.set_value(name.as_str(), arg);
        }
        let again = self.guarded(|rhai| rhai.eval_ast_with_scope(&mut scope, &body));
        match again {
            Err(found) if found.message_key == error.message_key => found,
            _ => error,
        }
    }

    /// The text with the hook's `fn name(…)` blanked out, so that every position stays.
    fn bare_body(&self) -> Option<AST> {
        let inner = &*self.0;
        let begin = byte_of(&inner.text, inner.start)?;
        let end = begin + inner.text[begin..].find(')')? + 1;
        let head: String = inner.text[begin..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
        let text = format!("{}{head}{}", &inner.text[..begin], &inner.text[end..]);
        let scope = inner.scope();
        let parsed = catch_unwind(AssertUnwindSafe(|| inner.engine.rhai.compile_with_scope(&scope, text)));
        parsed.ok()?.ok()
    }

    fn guarded(
        &self,
        work: impl FnOnce(&rhai::Engine) -> Result<Dynamic, Box<rhai::EvalAltResult>>,
    ) -> Result<Dynamic, RuleError> {
        let inner = &*self.0;
        match catch_unwind(AssertUnwindSafe(|| inner.engine.timed(work))) {
            Ok(result) => result.map_err(|error| RuleError::from_run(&error, inner.start)),
            Err(_) => Err(self.fault(ErrorKind::Runtime, "interpreter-broke")),
        }
    }
}

impl Inner {
    /// The parameters as variables, without values yet.
    fn scope(&self) -> Scope<'_> {
        let mut scope = Scope::new();
        for name in &self.parameters {
            scope.push_dynamic(name.as_str(), Dynamic::UNIT);
        }
        scope
    }
}

/// The byte at which a line and column (in characters) stand.
fn byte_of(text: &str, (line, column): (u32, u32)) -> Option<usize> {
    let lines = text.split_inclusive('\n').take(line as usize - 1);
    let before: usize = lines.map(str::len).sum();
    let (within, _) = text[before..].char_indices().nth(column as usize - 1)?;
    Some(before + within)
}
