//! The library behind the `sedge` command.
//!
//! Data goes one way through each subcommand: files are read ([`data`], [`exec::ModelFile`]), the
//! interpreter runs them ([`exec`]), and what it found is shown ([`report`]). [`cli`] only reads
//! arguments and puts these together.
//!
//! A conversion goes one way as well:
//!
//! ```text
//! file --import--> Graph --passes--> Graph --calibrate--> ranges --quantize--> Graph --export--> file
//! ```

#![forbid(unsafe_code)]

pub mod calibrate;
pub mod cli;
pub mod convert;
pub mod data;
pub mod evaluate;
pub mod exec;
pub mod export;
mod failure;
pub mod graph;
pub mod import;
pub mod passes;
pub mod quantize;
pub mod report;

pub use failure::Failure;
