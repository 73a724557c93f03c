//! Rules that drive work.
