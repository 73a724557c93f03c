//! The rule engine as its callers meet it. One binary, so that the interpreter links once.

mod common;
mod dispatching;
mod hooks;
mod limits;
