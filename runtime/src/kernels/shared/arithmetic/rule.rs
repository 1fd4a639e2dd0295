//! The quantized arithmetic of ADD, SUB and MUL, as tflite's reference kernels have it.

use bytemuck::{Pod, Zeroable};
use sedge_schema::TensorType;
use sedge_simd::Simd;
use sedge_simd::small::Addends;

use super::lanes::OnLanes;
use super::nearest::{Products, Sums};
use super::{Arithmetic, Quantized, Range};
use crate::fixed::Multiplier;

/// [`Multiplier::apply`] on two vectors of numbers that are less than `2^30` from 0, as differences of int8 are, their
/// products, and such differences shifted left by 20. Without a loop, so that what is asked is asked once for both.
#[inline(always)]
fn apply_lanes<S: Simd>(simd: S, multiplier: Multiplier, [x, y]: [S::I32; 2]) -> [S::I32; 2] {
    let Multiplier { q, shift } = multiplier;
    let factor = simd.splat_i32(q);
    if shift < 0 {
        let (right, half) = (simd.splat_i32(-shift), simd.splat_i32(1 << (-shift - 1)));
        return [simd.requantize(x, factor, right, half), simd.requantize(y, factor, right, half)];
    }
    let [x, y] = shifted(simd, [x, y], shift);
    [simd.doubling_high_mul(x, factor), simd.doubling_high_mul(y, factor)]
}

#[inline(always)]
fn shifted<S: Simd>(simd: S, [x, y]: [S::I32; 2], left: i32) -> [S::I32; 2] {
    let left = simd.splat_i32(left);
    [simd.shift_left(x, left), simd.shift_left(y, left)]
}

/// The arithmetic of the operator `A`, by the rule.
#[derive(Clone, Copy)]
pub(super) struct Rule<A: Arithmetic>(pub(super) A::Quantized);

impl<A: Arithmetic> OnLanes for Rule<A> {
    #[inline(always)]
    fn apply<S: Simd>(&self, simd: S, a: [S::I32; 2], b: [S::I32; 2]) -> [S::I32; 2] {
        self.0.lanes::<A, S>(simd, a, b)
    }
}

/// Sums and differences: both operands are shifted left by 20 bits (int16: 15), scaled to twice the
/// larger of their scales, added or subtracted, and scaled to the output.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Sum {
    shift: u32,
    inputs: [Multiplier; 2],
    output: Multiplier,
}

impl Quantized for Sum {
    type Nearest = Sums;

    fn prepare(kind: TensorType, [a, b]: [f32; 2], output: f32) -> Self {
        let shift = if kind == TensorType::Int16 { 15 } else { 20 };
        let common = 2.0 * f64::from(a.max(b));
        let input = |scale: f32| Multiplier::from_real(f64::from(scale) / common);
        let output = common / (f64::from(1 << shift) * f64::from(output));
        Self { shift, inputs: [input(a), input(b)], output: Multiplier::from_real(output) }
    }

    #[inline(always)]
    fn elements<A: Arithmetic>(&self) -> impl Fn(i32, i32) -> i32 {
        let (shift, [first, second], output) =
            (self.shift, self.inputs.map(Multiplier::scaler), self.output.scaler());
        move |a, b| {
            let (a, b) = (first.apply(a.wrapping_shl(shift)), second.apply(b.wrapping_shl(shift)));
            output.apply(A::int32(a, b))
        }
    }

    fn addends<A: Arithmetic>(&self, range: Range) -> Option<Addends> {
        let [a, b] = self.inputs;
        let factors = [a, b, self.output];
        // Shifts to the left have no place there.
        let is_small =
            A::IS_SUM && self.shift == 20 && factors.iter().all(|m| m.q >= 0 && (-30..=0).contains(&m.shift));
        is_small.then(|| Addends {
            offsets: range.zeros.map(i32::wrapping_neg),
            q: [a.q, b.q],
            output_q: self.output.q,
            zero: range.output_zero,
            right: factors.map(|m| -m.shift),
            limits: [range.max, range.min],
        })
    }

    #[inline(always)]
    fn lanes<A: Arithmetic, S: Simd>(&self, simd: S, a: [S::I32; 2], b: [S::I32; 2]) -> [S::I32; 2] {
        let [first, second] = self.inputs;
        let (a, b) = (self.scale_lanes(simd, first, a), self.scale_lanes(simd, second, b));
        apply_lanes(simd, self.output, [A::lanes(simd, a[0], b[0]), A::lanes(simd, a[1], b[1])])
    }
}

impl Sum {
    /// An operand on the common scale, on vectors.
    #[inline(always)]
    fn scale_lanes<S: Simd>(&self, simd: S, factor: Multiplier, x: [S::I32; 2]) -> [S::I32; 2] {
        let shift = self.shift as i32;
        match factor {
            HALF => shifted(simd, x, shift - 1),
            _ => apply_lanes(simd, factor, shifted(simd, x, shift)),
        }
    }
}

/// What the operand with the larger scale is multiplied by: a shift that is one less does it.
const HALF: Multiplier = Multiplier { q: 1 << 30, shift: 0 };

/// Products: `d = scale_a * scale_b / scale_out`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Product {
    output: Multiplier,
}

impl Quantized for Product {
    type Nearest = Products;

    fn prepare(_kind: TensorType, [a, b]: [f32; 2], output: f32) -> Self {
        let real = f64::from(a) * f64::from(b) / f64::from(output);
        Self { output: Multiplier::from_real(real) }
    }

    #[inline(always)]
    fn elements<A: Arithmetic>(&self) -> impl Fn(i32, i32) -> i32 {
        let output = self.output.scaler();
        move |a, b| output.apply(A::int32(a, b))
    }

    #[inline(always)]
    fn lanes<A: Arithmetic, S: Simd>(&self, simd: S, a: [S::I32; 2], b: [S::I32; 2]) -> [S::I32; 2] {
        apply_lanes(simd, self.output, [A::lanes(simd, a[0], b[0]), A::lanes(simd, a[1], b[1])])
    }
}
