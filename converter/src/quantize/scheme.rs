//! The forms that a model can be written in.

use sedge_schema::TensorType;

use crate::calibrate::Method;

/// The number formats of a converted model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Scheme {
    /// Everything in 8-bit integers: activations, and weights with a scale for each channel.
    #[default]
    Int8,
    /// Activations in 16-bit integers, weights in 8-bit ones: nearly as accurate as float32.
    #[value(name = "int16x8")]
    Int16x8,
    /// Activations in 8-bit integers, weights of convolutions and fully connected layers in 4-bit ones.
    Int4,
    /// Weights in 8-bit integers, activations in float32, quantized anew in each invocation.
    Dynamic,
    /// Weights in float16, all arithmetic in float32.
    Float16,
    /// All in float32.
    None,
}

impl Scheme {
    /// Whether it needs to know which values activations take.
    pub fn needs_samples(self) -> bool {
        matches!(self, Self::Int8 | Self::Int16x8 | Self::Int4)
    }

    /// The name, as the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int8 => "int8",
            Self::Int16x8 => "int16x8",
            Self::Int4 => "int8 with int4 weights",
            Self::Dynamic => "int8 weights",
            Self::Float16 => "float16 weights",
            Self::None => "float32",
        }
    }

    /// How ranges are chosen where nothing else is asked for: 16 bits have room for the largest values.
    pub fn calibration(self) -> Method {
        match self {
            Self::Int16x8 => Method::MinMax,
            _ => Method::default(),
        }
    }

    /// The type of quantized activations.
    pub(super) fn activations(self) -> TensorType {
        if self == Self::Int16x8 { TensorType::Int16 } else { TensorType::Int8 }
    }

    /// The type of quantized weights.
    pub(super) fn weights(self) -> TensorType {
        if self == Self::Int4 { TensorType::Int4 } else { TensorType::Int8 }
    }
}
