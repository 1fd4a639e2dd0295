//! The library behind the `sedge` command.
//!
//! Data goes one way through each subcommand: files are read ([`data`], [`exec::ModelFile`]), the
//! interpreter runs them ([`exec`]), and what it found is shown ([`report`]). [`cli`] only reads
//! arguments and puts these together.

#![forbid(unsafe_code)]

pub mod cli;
pub mod data;
pub mod exec;
mod failure;
pub mod report;

pub use failure::Failure;
