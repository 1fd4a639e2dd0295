//! What can go wrong between a checked model and its outputs.

use core::fmt;

use sedge_schema::{BuiltinOperator, Refusal, Shape, TensorType};

use crate::arena::TooSmall;

/// Why a session could not be made or run.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error {
    /// The model file is bad.
    Model(sedge_schema::Error),
    /// The resolver has no kernel for an operator.
    MissingKernel {
        /// The operator's index in execution order.
        operator: u32,
        /// What it is.
        code: BuiltinOperator,
    },
    /// An operator cannot run as the model asks for it.
    Operator {
        /// The operator's index in execution order.
        operator: u32,
        /// What it is.
        code: BuiltinOperator,
        /// Why it cannot run.
        refusal: Refusal,
    },
    /// An operator of a subgraph cannot run as another operator calls it.
    Called {
        /// The subgraph.
        subgraph: u32,
        /// The operator's index there, in execution order.
        operator: u32,
        /// What it is.
        code: BuiltinOperator,
        /// Why it cannot run.
        refusal: Refusal,
    },
    /// The arena is too small.
    ArenaTooSmall {
        /// Bytes that it must have at least to get this far.
        needed: u32,
        /// Bytes that it has, from the first multiple of 16 on.
        found: u32,
    },
    /// A tensor is read before any operator wrote it, or written twice.
    Order {
        /// The tensor's index.
        tensor: u32,
    },
    /// A tensor has a type or size that cannot be laid into an arena.
    Tensor {
        /// The tensor's index.
        tensor: u32,
    },
    /// The model has no input or output with this number.
    NoSuchTensor(u32),
    /// An input or output was asked for in another element type than it has.
    ElementType {
        /// What the model has.
        model: TensorType,
    },
    /// An input's data does not have as many elements as the model's shape.
    Length {
        /// Elements that the model's shape has.
        expected: u32,
        /// Elements that the caller gave.
        found: u32,
    },
    /// The shape asked for an input does not fit the model: another rank, or too large.
    InputShape(Shape),
    /// A model whose shapes depend on computed values shares an arena with others and is not the last of
    /// them.
    NotLast {
        /// Which of the models, counted from 0.
        model: u32,
    },
    /// The plan does not hold; a defect of Sedge.
    Plan,
}

impl Error {
    /// The error of an operator; a lack of memory is the arena's.
    pub(crate) fn of_operator(operator: u32, code: BuiltinOperator, refusal: Refusal, found: usize) -> Self {
        match refusal {
            Refusal::OutOfMemory { needed } => Self::ArenaTooSmall { needed, found: found as u32 },
            refusal => Self::Operator { operator, code, refusal },
        }
    }

    pub(crate) fn too_small(TooSmall(needed): TooSmall, found: usize) -> Self {
        Self::ArenaTooSmall { needed: u32::try_from(needed).unwrap_or(u32::MAX), found: found as u32 }
    }
}

impl From<sedge_schema::Error> for Error {
    fn from(error: sedge_schema::Error) -> Self {
        Self::Model(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Model(e) => e.fmt(f),
            Self::MissingKernel { operator, code } => {
                write!(f, "operator {operator} ({code}): the resolver has no kernel for it")
            }
            Self::Operator { operator, code, refusal } => {
                write!(f, "operator {operator} ({code}): {refusal}")
            }
            Self::Called { subgraph, operator, code, refusal } => {
                write!(f, "operator {operator} of subgraph {subgraph} ({code}): {refusal}")
            }
            Self::ArenaTooSmall { needed, found } => {
                write!(f, "the arena has {found} bytes and needs {needed} or more")
            }
            Self::Order { tensor } => {
                write!(f, "tensor {tensor} is read before it is written, or written twice")
            }
            Self::Tensor { tensor } => write!(f, "tensor {tensor} has a type or size that no arena holds"),
            Self::NoSuchTensor(i) => write!(f, "the model has no input or output {i}"),
            Self::ElementType { model } => write!(f, "the model's tensor holds {model}"),
            Self::Length { expected, found } => {
                write!(f, "{found} elements given, the model takes {expected}")
            }
            Self::InputShape(shape) => write!(f, "the model's input cannot have shape {shape}"),
            Self::NotLast { model } => {
                write!(f, "model {model} has shapes that depend on computed values; it must be the last one")
            }
            Self::Plan => f.write_str("internal error: the memory plan does not hold"),
        }
    }
}

impl core::error::Error for Error {}
