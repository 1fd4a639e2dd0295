//! The wire format of Sedge's models, which is TFLite's (schema version 3, identifier `TFL3`).
//!
//! Data goes one way through this crate:
//!
//! ```text
//! &[u8] --Model::check--> Model -> Subgraph -> Operator, Tensor -> Shape, Quantization, &[u8]
//! ```
//!
//! [`Model::check`] looks at every offset, length, index, enumeration and shape product once, in
//! time linear in the file and without recursion or allocation. What it returns are *total* views:
//! no accessor can fail, panic or read outside the file afterwards.
//!
//! Beside the reader stand the operators' rules ([`op`]): for each operator, one file with its
//! parameters and their slots, its arity, its shape rule and its quantization rule. The
//! interpreter and the converter both go by them.
//!
//! The feature `write` adds, on hosts, the code that writes models: `generated`, made from
//! `model.fbs` by `cargo xtask codegen`, and `write`.

#![no_std]
#![deny(unsafe_code)]

#[cfg(any(feature = "write", test))]
extern crate std;

mod builtin;
mod check;
mod error;
pub mod flex;
mod model;
pub mod op;
mod shape;
mod tensor_type;
mod wire;
#[cfg(feature = "write")]
pub mod write;

/// Every enumeration and table of the schema, as flatc writes them.
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

pub use builtin::BuiltinOperator;
pub use error::{Error, Fault, Place, Refusal, Slot};
pub use model::{
    BlockwiseQuantization, Buffer, CustomQuantization, DimensionMetadata, Metadata, Model,
    MultiAxisQuantization, Operator, OperatorCode, Quantization, QuantizationDetails, SignatureDef,
    SparseIndices, Sparsity, Subgraph, Tensor, TensorMap, VariantSubType,
};
pub use shape::{MAX_RANK, Shape};
pub use tensor_type::TensorType;
pub use wire::{Scalar, Table, Tables, Text, Vector};
