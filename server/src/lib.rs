//! Hutong (互通): the server. `ARCHITECTURE.md` is the map of this crate.

pub mod access;
pub mod administration;
pub mod app;
pub mod applications;
pub mod cli;
pub mod demo;
pub mod directory;
pub mod doctor;
pub mod entities;
pub mod knowledge;
pub mod ledgers;
pub mod error;
pub mod exchange;
pub mod front;
pub mod forms;
pub mod geography;
pub mod health;
pub mod jobs;
pub mod measures;
pub mod openapi;
pub mod platform;
pub mod routes;
pub mod start;
pub mod statements;
pub mod tasks;
pub mod topics;
