//! The quantized sums of ADD_N and CUMSUM, whose terms have one scale. Source: tflite's `add_n.h` and
//! `cumsum.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{Refusal, TensorType};

use super::{INPUT, Integer as _, OUTPUT};
use crate::fixed::Multiplier;
use crate::node::Prepare;

/// Bits that terms are shifted left by, one of which the scaling by 1/2 takes back.
const SHIFT: u32 = 20;

/// Sums of int8 values.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Quantized {
    input_zero: i32,
    output_zero: i32,
    output: Multiplier,
}

impl Quantized {
    /// Sums for input 0 and output 0, of nothing where these are not int8 but int32, int64 or float32.
    pub(crate) fn new(node: &Prepare<'_>, kind: TensorType) -> Result<Self, Refusal> {
        match kind {
            TensorType::Float32 => return Ok(Self::zeroed()),
            TensorType::Int32 | TensorType::Int64 => {
                let has_scale = node.quantization(INPUT)?.is_some_and(|q| !q.scale().is_empty());
                return if has_scale { Err(Refusal::Quantization(INPUT)) } else { Ok(Self::zeroed()) };
            }
            TensorType::Int8 => {}
            _ => return Err(Refusal::Type(INPUT)),
        }
        let (input, output) = (node.affine(INPUT)?, node.affine(OUTPUT)?);
        let real = 2.0 * f64::from(input.scale) / (f64::from(1 << SHIFT) * f64::from(output.scale));
        Ok(Self {
            input_zero: input.zero_point,
            output_zero: output.zero_point,
            output: Multiplier::from_real(real),
        })
    }

    /// What sums start with: the term of the value 0.
    #[inline]
    pub(crate) fn start(&self) -> i32 {
        self.add(0, 0)
    }

    #[inline]
    pub(crate) fn add(&self, sum: i32, x: i8) -> i32 {
        sum.wrapping_add(i32::from(x).wrapping_sub(self.input_zero).wrapping_shl(SHIFT - 1))
    }

    #[inline]
    pub(crate) fn finish(&self, sum: i32) -> i8 {
        i8::saturate(self.output.apply(sum).saturating_add(self.output_zero))
    }
}
