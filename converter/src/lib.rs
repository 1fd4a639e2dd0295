//! The library behind the `sedge` command.
//!
//! Data goes one way through a conversion, and nothing flows back:
//!
//! ```text
//! source file -> import -> graph -> passes -> calibrate -> quantize -> export -> .tflite
//! ```
//!
//! Calibration runs the float model on the interpreter's own kernels ([`exec`]), the very ones that
//! will run the result. The other subcommands read files ([`data`], [`exec::ModelFile`]), run them, and
//! show what they found ([`report`]). [`cli`] only reads arguments and puts these together.

#![forbid(unsafe_code)]

pub mod calibrate;
pub mod cli;
pub mod compare;
pub mod convert;
pub mod data;
pub mod evaluate;
pub mod exec;
pub mod export;
mod failure;
pub mod frontend;
pub mod graph;
pub mod import;
pub mod memory;
pub mod mixed;
pub mod passes;
pub mod quantize;
pub mod report;

pub use failure::Failure;
