//! What can be wrong with a model file, and where.

use core::fmt;

use crate::{BuiltinOperator, Shape};

/// Where in a model something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Place {
    /// The file as a whole, or its root table.
    File,
    /// An entry of the model's operator codes.
    OperatorCode(u32),
    /// A buffer of the model.
    Buffer(u32),
    /// An entry of the model's metadata.
    Metadata(u32),
    /// A signature of the model.
    Signature(u32),
    /// A subgraph as a whole.
    Subgraph(u32),
    /// A tensor.
    Tensor {
        /// The subgraph that holds it.
        subgraph: u32,
        /// Its index there.
        index: u32,
    },
    /// An operator.
    Operator {
        /// The subgraph that holds it.
        subgraph: u32,
        /// Its index there, in execution order.
        index: u32,
    },
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Fault {
    /// The file does not carry the identifier `TFL3`.
    Identifier,
    /// The schema version is not 3.
    Version(u32),
    /// Something reaches beyond the end of the file, at this byte.
    Truncated(u32),
    /// The tables refer to each other's bytes so often that reading them would take far longer
    /// than the file is long.
    Overlapping,
    /// A field that must be there is missing.
    Missing,
    /// An index points outside its list.
    Index(i64),
    /// A number stands for no member of its enumeration.
    Enum(i32),
    /// The operator code is not in the schema.
    UnknownOperator(u32),
    /// The options' table is not the one that belongs to the operator.
    Options(BuiltinOperator),
    /// A dimension is negative, there are too many, or their product is too large.
    Shape,
    /// A constant's bytes are not as many as its shape and type need.
    ConstantSize {
        /// Bytes that the shape and type need.
        needed: u32,
        /// Bytes that the buffer has.
        found: u32,
    },
    /// Scales or zero points do not fit the tensor: their number, a value that is not finite or
    /// negative, or a zero point outside the element type.
    Quantization,
    /// A buffer outside the tables does not lie within the file.
    BufferRange,
    /// A list among an operator's options has this many numbers: more than Sedge keeps.
    ListLength(u32),
}

/// A model file was refused: what is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    /// Where it stands.
    pub place: Place,
    /// What is wrong there.
    pub fault: Fault,
}

impl Error {
    pub(crate) fn new(place: Place, fault: Fault) -> Self {
        Self { place, fault }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::File => f.write_str("file"),
            Self::OperatorCode(i) => write!(f, "operator code {i}"),
            Self::Buffer(i) => write!(f, "buffer {i}"),
            Self::Metadata(i) => write!(f, "metadata {i}"),
            Self::Signature(i) => write!(f, "signature {i}"),
            Self::Subgraph(i) => write!(f, "subgraph {i}"),
            Self::Tensor { subgraph, index } => write!(f, "tensor {index} of subgraph {subgraph}"),
            Self::Operator { subgraph, index } => write!(f, "operator {index} of subgraph {subgraph}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Identifier => f.write_str("not a .tflite model (the identifier TFL3 is missing)"),
            Self::Version(v) => write!(f, "schema version {v}, only 3 is known"),
            Self::Truncated(at) => write!(f, "reaches beyond the end of the file (at byte {at})"),
            Self::Overlapping => f.write_str("tables share bytes without end"),
            Self::Missing => f.write_str("a required field is missing"),
            Self::Index(i) => write!(f, "index {i} is out of range"),
            Self::Enum(v) => write!(f, "{v} is no known value of its enumeration"),
            Self::UnknownOperator(code) => write!(f, "operator code {code} is not in the schema"),
            Self::Options(op) => write!(f, "the options are not those of {op}"),
            Self::Shape => {
                write!(
                    f,
                    "a dimension is negative, there are more than {}, or too many elements",
                    crate::MAX_RANK
                )
            }
            Self::ConstantSize { needed, found } => {
                write!(f, "constant of {found} bytes, shape needs {needed}")
            }
            Self::Quantization => f.write_str("scales or zero points do not fit the tensor"),
            Self::BufferRange => f.write_str("data outside the tables does not lie within the file"),
            Self::ListLength(length) => {
                write!(f, "a list of {length} numbers is longer than an operator may have")
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.fault)
    }
}

impl core::error::Error for Error {}

/// A tensor as one operator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Slot {
    /// Input `n` of the operator.
    Input(u8),
    /// Output `n` of the operator.
    Output(u8),
}

/// Why an operator cannot run as a model asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Refusal {
    /// The operator does not take this many inputs.
    Inputs(u32),
    /// The operator does not give this many outputs.
    Outputs(u32),
    /// An operand that may not be left out is left out.
    Absent(Slot),
    /// The element type is not supported here.
    Type(Slot),
    /// The tensor has a shape that does not fit the operator or its other operands.
    Shape(Slot),
    /// The shape that follows from the operator's rule.
    Computed(Slot, Shape),
    /// Scales or zero points that the operator's rule does not allow here.
    Quantization(Slot),
    /// The operand holds values that the operator does not allow, such as an axis out of range.
    Value(Slot),
    /// The operand must be a constant.
    NotConstant(Slot),
    /// The operand is stored sparsely, and the operator reads dense ones only.
    Sparse(Slot),
    /// The operand's values are needed to go on, and they are only known when the model runs.
    Pending(Slot),
    /// The named parameter has a value that is not supported.
    Parameter(&'static str),
    /// The result would have more elements than a tensor can have.
    TooLarge,
    /// The memory that the operator asked for is not there: `needed` bytes in all.
    OutOfMemory {
        /// Bytes that the arena must have at least.
        needed: u32,
    },
    /// The subgraph that the operator calls is not there, or its inputs and outputs are not the
    /// operator's, or its operators do not stand in an order in which they can run.
    Subgraph(u32),
    /// Subgraphs call one another more deeply than the interpreter follows; perhaps one calls itself.
    Depth,
    /// Loops take more turns than the caller allows.
    LoopLimit,
    /// The operator keeps something from one invocation to the next, but comes after an operator whose
    /// output shape only a run tells.
    State,
    /// The operator waits for more invocations before those behind it run: a stream of which not every step gives a
    /// result.
    Waits,
    /// The interpreter gave the operator views that do not fit together; a defect of Sedge.
    Internal,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Input(i) => write!(f, "input {i}"),
            Self::Output(i) => write!(f, "output {i}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Inputs(n) => write!(f, "does not take {n} inputs"),
            Self::Outputs(n) => write!(f, "does not give {n} outputs"),
            Self::Absent(slot) => write!(f, "{slot} is missing"),
            Self::Type(slot) => write!(f, "the element type of {slot} is not supported"),
            Self::Shape(slot) => write!(f, "the shape of {slot} does not fit"),
            Self::Computed(slot, shape) => write!(f, "{slot} must have shape {shape}"),
            Self::Quantization(slot) => write!(f, "the quantization of {slot} is not supported"),
            Self::Value(slot) => write!(f, "the values of {slot} are out of range"),
            Self::NotConstant(slot) => write!(f, "{slot} must be a constant"),
            Self::Sparse(slot) => write!(f, "{slot} is stored sparsely, which only DENSIFY reads"),
            Self::Pending(slot) => write!(f, "the values of {slot} are only known when the model runs"),
            Self::Parameter(name) => write!(f, "the value of '{name}' is not supported"),
            Self::TooLarge => f.write_str("the result is too large"),
            Self::OutOfMemory { needed } => write!(f, "the arena needs {needed} bytes or more"),
            Self::Subgraph(i) => write!(f, "subgraph {i} is not there or does not fit the call"),
            Self::Depth => f.write_str("subgraphs call one another too deeply"),
            Self::LoopLimit => f.write_str("loops take more turns than allowed"),
            Self::State => f.write_str("an operator with state comes after shapes that only a run tells"),
            Self::Waits => f.write_str("waits for more invocations before the operators behind it run"),
            Self::Internal => f.write_str("internal error: views do not fit together"),
        }
    }
}

impl core::error::Error for Refusal {}
