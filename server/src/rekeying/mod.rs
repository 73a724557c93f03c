//! Rotation of keys: what was encrypted by an older version is encrypted again by the present one, slice by
//! slice, while everybody works; then the older version is taken out.
//!
//! Owns no table. It stands beside the rooms and knows by name which of their columns hold ciphertext
//! ([`places::PLACES`]); a test looks through every column of every table for what was forgotten. A row
//! says itself by which version it is encrypted, so the work can be begun again at any moment: what is
//! done is passed over.
//!
//! An index (HMAC) has the same version as the ciphertext beside it and is made anew with it. Until that is
//! done a search asks for both ([`Keys::indexes`](crate::platform::secrets::Keys::indexes)), and a citizen
//! number is claimed under both.
//!
//! The usual next thing is a column with ciphertext: one line in `places.rs`; a new context: one in
//! `tokens.rs`.

pub mod places;
pub mod rotate;
mod run;
mod tokens;

pub use rotate::{JOB, job};
pub use run::{Pass, pass, samples};
