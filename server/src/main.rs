//! The `hutong` program.

use std::process::ExitCode;

/// A request allocates some thousand small values on one thread and frees them on another: the system's
/// allocator spent a sixth of a submission on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::cli::run()
}
