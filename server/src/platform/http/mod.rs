//! HTTP that every room shares: redirects with a message, committed assets, security headers.
//!
//! Owns nothing in the database. Who asks is found by `crate::front`, which puts the layers together;
//! here is only what knows no room.

pub mod assets;
pub mod headers;
mod toast;

pub use crate::front::app_router;
pub use toast::{Flash, local_path, redirect, redirect_with_toast, redirect_with_undo};
