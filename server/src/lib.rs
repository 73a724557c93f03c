//! Hutong server.
