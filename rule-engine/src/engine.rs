//! The sandbox: one engine a process, every limit set, nothing reachable from a script.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicIteratorPackage, BasicMapPackage, BasicStringPackage, LogicPackage,
    MoreStringPackage, Package,
};
use rhai::{Dynamic, EvalAltResult};

use crate::helpers;

/// A monotonic counter of microseconds, handed in because this crate has no clock.
pub type Micros = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Bounds of one run of a rule. The count of operations is what a rule really meets: it is the
/// same on every machine. The time is a last defence and therefore wide, so that a busy machine
/// does not make an orphan of an item that the dry run placed.
#[derive(Clone)]
pub struct Limits {
    /// Steps of the interpreter.
    pub operations: u64,
    /// Nested calls.
    pub call_depth: usize,
    /// Nesting of expressions and blocks, in the text.
    pub expression_depth: usize,
    /// Bytes in a text.
    pub string_size: usize,
    /// Elements in a list, those of lists inside it included.
    pub array_size: usize,
    /// Entries in a map.
    pub map_size: usize,
    /// Variables at a time.
    pub variables: usize,
    /// Functions in one rule.
    pub functions: usize,
    /// Bytes of Rhai text.
    pub source_size: usize,
    /// Microseconds of one run; counts only with a `clock`.
    pub time_micros: u64,
    /// The counter; `None`: no deadline.
    pub clock: Option<Micros>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            operations: 20_000,
            call_depth: 16,
            expression_depth: 32,
            string_size: 8_192,
            array_size: 500,
            map_size: 200,
            variables: 64,
            functions: 16,
            source_size: 65_536,
            time_micros: 2_000_000,
            clock: None,
        }
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits")
            .field("operations", &self.operations)
            .field("time_micros", &self.time_micros)
            .field("has_clock", &self.clock.is_some())
            .finish_non_exhaustive()
    }
}

thread_local! {
    // A rule runs from start to end on one thread; the engine, which calls back with nothing but
    // the count of operations, is shared by all threads.
    static DEADLINE: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// How often the counter is read: every so many operations.
const LOOK_EVERY: u64 = 64;

/// Compiles and runs rules. Build one a process; cloning shares it.
#[derive(Clone)]
pub struct Engine {
    pub(crate) rhai: Arc<rhai::Engine>,
    pub(crate) limits: Arc<Limits>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Engine {
    /// Costs a fraction of a millisecond.
    pub fn new(limits: Limits) -> Self {
        let mut rhai = rhai::Engine::new_raw();
        // Left out on purpose: time (`timestamp`), language core (`sleep`, `exit`), function
        // pointers, blobs, and floating-point functions, whose last digit differs by machine.
        ArithmeticPackage::new().register_into_engine(&mut rhai);
        LogicPackage::new().register_into_engine(&mut rhai);
        BasicStringPackage::new().register_into_engine(&mut rhai);
        MoreStringPackage::new().register_into_engine(&mut rhai);
        BasicIteratorPackage::new().register_into_engine(&mut rhai);
        BasicArrayPackage::new().register_into_engine(&mut rhai);
        BasicMapPackage::new().register_into_engine(&mut rhai);
        for word in ["eval", "import", "export", "print", "debug", "Fn", "call", "curry"] {
            rhai.disable_symbol(word);
        }
        rhai.on_print(|_| {});
        rhai.on_debug(|_, _, _| {});
        rhai.set_max_operations(limits.operations)
            .set_max_call_levels(limits.call_depth)
            .set_max_expr_depths(limits.expression_depth, limits.expression_depth)
            .set_max_string_size(limits.string_size)
            .set_max_array_size(limits.array_size)
            .set_max_map_size(limits.map_size)
            .set_max_variables(limits.variables)
            .set_max_functions(limits.functions)
            .set_max_modules(0)
            .set_max_strings_interned(256)
            .set_strict_variables(true)
            .set_allow_anonymous_fn(false)
            .set_allow_shadowing(false);
        // The one way to keep a helper's name from becoming a variable; pinned rhai version.
        #[expect(deprecated, reason = "not deprecated, marked volatile by its authors")]
        rhai.on_def_var(|_, info, _| Ok(!helpers::CALLED.contains(&info.name())));
        helpers::register(&mut rhai);
        if let Some(clock) = limits.clock.clone() {
            rhai.on_progress(move |operations| {
                (operations % LOOK_EVERY == 0 && clock() > DEADLINE.get()).then_some(Dynamic::UNIT)
            });
        }
        Self { rhai: Arc::new(rhai), limits: Arc::new(limits) }
    }

    /// Runs `work` under the deadline of this engine.
    pub(crate) fn timed<T>(
        &self,
        work: impl FnOnce(&rhai::Engine) -> Result<T, Box<EvalAltResult>>,
    ) -> Result<T, Box<EvalAltResult>> {
        let Some(clock) = &self.limits.clock else {
            return work(&self.rhai);
        };
        DEADLINE.set(clock().saturating_add(self.limits.time_micros));
        let result = work(&self.rhai);
        DEADLINE.set(u64::MAX);
        result
    }
}
