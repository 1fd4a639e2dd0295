//! The model file format: TFLite's wire format, schema version 3.
//!
//! `schema/model.fbs` describes it. With the feature `write` the crate has, on hosts with `std`, the code that
//! writes models: the module `generated`, made from that file, and the module `write`.
#![cfg_attr(not(feature = "write"), no_std)]
#![deny(unsafe_code)]

#[cfg(feature = "write")]
pub mod write;

/// Every enum and table of the schema, as flatc writes them; `cargo xtask codegen` makes the file anew.
#[cfg(feature = "write")]
pub mod generated {
    pub use crate::flatc::sedge::schema::*;
}

// flatc's code is kept as it comes, so that a check for changes depends on no other tool.
#[cfg(feature = "write")]
#[path = "generated.rs"]
#[rustfmt::skip]
#[allow(warnings, unsafe_code, missing_docs, unreachable_pub, rust_2018_idioms, clippy::all, clippy::pedantic)]
#[allow(clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]
mod flatc;
