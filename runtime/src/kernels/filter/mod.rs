//! What convolutions and fully connected layers have in common: their geometry, and how sums of
//! products become outputs.

mod constant;
mod direct;
mod geometry;
pub(super) mod hybrid;
pub(super) mod int8;
mod requantize;
pub(super) mod run;

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Activation, Node as _, NodeExt as _};
use sedge_schema::{Refusal, Slot, TensorType};

use super::shared::OUTPUT;
use crate::arena::Span;
use crate::node::Prepare;
use crate::session::Weights;

pub(super) use direct::Rule;
pub(super) use geometry::{Axis, Geometry, Sizes};
pub(super) use requantize::{Product, Requantize};

/// The slot of the weights.
pub(super) const WEIGHTS: Slot = Slot::Input(1);

/// Where an operator has its image, and where its bias; the weights are always input 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inputs {
    pub(super) image: usize,
    pub(super) bias: usize,
}

impl Inputs {
    /// The inputs of most operators.
    pub(super) const USUAL: Self = Self { image: 0, bias: 2 };
    /// The inputs of an operator whose input 0 is its output's shape.
    pub(super) const TRANSPOSED: Self = Self { image: 2, bias: 3 };
}
/// The slot of the bias.
pub(super) const BIAS: Slot = Slot::Input(2);

/// Which arithmetic an operator uses: activations and weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Arithmetic {
    /// float32 with float32.
    Float,
    /// int8 with int8, 32-bit sums.
    Int8,
    /// uint8 with uint8, both with zero points, 32-bit sums.
    UInt8,
    /// int16 with int8, 64-bit bias and sums.
    Int16,
    /// int16 with int8, 32-bit bias, 64-bit sums.
    Int16Bias32,
    /// float32 with int8, quantized on the way.
    Hybrid,
}

impl Arithmetic {
    /// The arithmetic for the types of input, weights, bias and output.
    pub(super) fn of(node: &Prepare<'_>) -> Result<Self, Refusal> {
        Self::with_inputs(node, Inputs::USUAL)
    }

    /// As [`Arithmetic::of`], for these inputs.
    pub(super) fn with_inputs(node: &Prepare<'_>, inputs: Inputs) -> Result<Self, Refusal> {
        let [image, bias_slot] = [inputs.image, inputs.bias].map(|i| Slot::Input(i as u8));
        use TensorType::{Float32, Int4, Int8, Int16, Int32, Int64, UInt8};
        let input = node.tensor_type(image)?;
        let found = node.tensor_type(WEIGHTS)?;
        // int4 weights are widened, and are int8 ones from there on.
        let wide = if found == Int4 { Int8 } else { found };
        let narrow_bias = node.has(bias_slot) && node.tensor_type(bias_slot)? == Int32;
        let (arithmetic, weights, bias) = match input {
            Float32 if wide == Int8 => (Self::Hybrid, Int8, Float32),
            Float32 => (Self::Float, Float32, Float32),
            Int8 => (Self::Int8, Int8, Int32),
            UInt8 => (Self::UInt8, UInt8, Int32),
            Int16 if narrow_bias => (Self::Int16Bias32, Int8, Int32),
            Int16 => (Self::Int16, Int8, Int64),
            _ => return Err(Refusal::Type(image)),
        };
        if wide != weights {
            return Err(Refusal::Type(WEIGHTS));
        }
        node.type_in(OUTPUT, &[input])?;
        if node.has(bias_slot) {
            node.type_in(bias_slot, &[bias])?;
        }
        Ok(arithmetic)
    }

    /// The arithmetic of a code.
    fn from_code(code: u32) -> Result<Self, Refusal> {
        let all = [Self::Float, Self::Int8, Self::UInt8, Self::Int16, Self::Int16Bias32, Self::Hybrid];
        all.get(code as usize).copied().ok_or(Refusal::Internal)
    }
}

/// How an operator runs, and the data that this way needs.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Way {
    arithmetic: u32,
    packed: u32,
    /// A value that [`Prepare::store`] kept.
    pub(super) data: Span,
}

impl Way {
    /// With packed weights, or by vectors.
    pub(super) fn packed<T: Pod>(
        node: &mut Prepare<'_>,
        arithmetic: Arithmetic,
        data: T,
    ) -> Result<Self, Refusal> {
        Ok(Self { arithmetic: arithmetic as u32, packed: 1, data: node.store(data)? })
    }

    /// Straight from the weights.
    pub(super) fn direct<T: Pod>(
        node: &mut Prepare<'_>,
        arithmetic: Arithmetic,
        data: T,
    ) -> Result<Self, Refusal> {
        Ok(Self { arithmetic: arithmetic as u32, packed: 0, data: node.store(data)? })
    }

    /// The arithmetic, and whether weights are packed.
    pub(super) fn of(&self) -> Result<(Arithmetic, bool), Refusal> {
        Ok((Arithmetic::from_code(self.arithmetic)?, Weights::CAN_PACK && self.packed != 0))
    }
}

/// The interval that float results are clamped to.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct FloatRange {
    pub(super) low: f32,
    pub(super) high: f32,
}

impl FloatRange {
    /// No bounds.
    pub(super) const ALL: Self = Self { low: f32::NEG_INFINITY, high: f32::INFINITY };

    pub(super) fn of(activation: Activation) -> Result<Self, Refusal> {
        let (low, high) = activation.range().ok_or(Refusal::Parameter("fused_activation_function"))?;
        Ok(Self { low, high })
    }

    #[inline]
    pub(super) fn clamp(&self, x: f32) -> f32 {
        x.max(self.low).min(self.high)
    }
}

/// The bias of filter `f`; 0 where there is none.
#[inline]
pub(super) fn bias_at<T: Copy + Default>(bias: Option<&[T]>, f: usize) -> T {
    bias.and_then(|b| b.get(f)).copied().unwrap_or_default()
}

/// Widens constant int4 weights to one byte each; an empty list for other weights.
///
/// # Errors
/// Where int4 weights are not constant, or the arena is too small.
fn widen(node: &mut Prepare<'_>) -> Result<Span, Refusal> {
    if node.tensor_type(WEIGHTS)? != TensorType::Int4 {
        return Ok(Span::default());
    }
    let packed = node.constant(1).ok_or(Refusal::NotConstant(WEIGHTS))?;
    let widened = node.list::<i8>(node.input(1)?.elements())?;
    // The first of two elements is in the low half of a byte; shifting back keeps the sign.
    let halves = packed.iter().flat_map(|&byte| [byte << 4, byte & 0xf0]);
    node.list_mut::<i8>(widened).iter_mut().zip(halves).for_each(|(to, half)| *to = half as i8 >> 4);
    Ok(widened)
}
