//! ADD, SUB and MUL: what they have in common.
//!
//! float32: `activation(a op b)`; int32 and int64: the same, wrapping. Quantized (int8, uint8, int16):
//! `clamp(zero_out + a op b)` with the operator's own arithmetic on the values without zero points,
//! clamped to the activation's quantized interval.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Activation;
use sedge_schema::{Refusal, TensorType};
use sedge_simd::small::Addends;
use sedge_simd::{Level, Simd};

use super::binary::{Broadcast, Operand, Rows, RowsInPlace, SECOND, common_type, no_scales};
use super::{INPUT, Integer, OUTPUT, clamp_float};
use crate::arena::{Prepared, Span};
use crate::fixed::{Multiplier, quantized_range};
use crate::node::{Affine, Invoke, Prepare};

/// An arithmetic operator.
pub(crate) trait Arithmetic {
    /// Its arithmetic on quantized values, prepared.
    type Quantized: Quantized;

    fn float(a: f32, b: f32) -> f32;
    fn int32(a: i32, b: i32) -> i32;
    fn int64(a: i64, b: i64) -> i64;

    /// Whether it is a sum.
    const IS_SUM: bool = false;

    /// [`Arithmetic::int32`] on vectors.
    fn lanes<S: Simd>(simd: S, a: S::I32, b: S::I32) -> S::I32;
}

/// Arithmetic on quantized values without their zero points.
pub(crate) trait Quantized: Pod {
    fn prepare(kind: TensorType, scales: [f32; 2], output: f32) -> Self;

    /// The operator `A` on two elements, made ready for many.
    fn elements<A: Arithmetic>(&self) -> impl Fn(i32, i32) -> i32;

    /// What the small functions for sums need, where they can have the operator `A` in int8.
    fn addends<A: Arithmetic>(&self, _range: Range) -> Option<Addends> {
        None
    }

    /// The operator `A` on two vectors each.
    fn lanes<A: Arithmetic, S: Simd>(&self, simd: S, a: [S::I32; 2], b: [S::I32; 2]) -> [S::I32; 2];
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    plan: Broadcast,
    /// The element type's code.
    kind: i32,
    /// The activation's interval.
    low: f32,
    high: f32,
    /// A [`Range`] and the operator's arithmetic, for quantized values.
    range: Span,
    quantized: Span,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Range {
    zeros: [i32; 2],
    output_zero: i32,
    min: i32,
    max: i32,
}

pub(crate) fn prepare<A: Arithmetic>(node: &mut Prepare<'_>, activation: Activation) -> Result<(), Refusal> {
    let kind = common_type(node)?;
    let refused = Refusal::Parameter("fused_activation_function");
    let (low, high) = activation.range().ok_or(refused)?;
    let (mut range, mut quantized) = (Span::default(), Span::default());
    match kind {
        TensorType::Float32 => {}
        TensorType::Int32 | TensorType::Int64 => no_scales(node)?,
        TensorType::Int8 | TensorType::UInt8 | TensorType::Int16 => {
            let (a, b): (Affine, Affine) = (node.affine(INPUT)?, node.affine(SECOND)?);
            let output = node.affine(OUTPUT)?;
            let (least, most) = kind.integer_range().ok_or(Refusal::Type(INPUT))?;
            let (min, max) = quantized_range((low, high), output.scale, output.zero_point, least, most);
            let zeros = [a.zero_point, b.zero_point];
            range = node.list::<Range>(1)?;
            let values = Range { zeros, output_zero: output.zero_point, min, max };
            node.list_mut::<Range>(range).fill(values);
            quantized = node.list::<A::Quantized>(1)?;
            let values = A::Quantized::prepare(kind, [a.scale, b.scale], output.scale);
            node.list_mut::<A::Quantized>(quantized).fill(values);
        }
        _ => return Err(Refusal::Type(INPUT)),
    }
    let plan = Broadcast::prepare(node)?;
    node.set_data(Data { plan, kind: kind.code().into(), low, high, range, quantized })
}

pub(crate) fn invoke<A: Arithmetic>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let &Data { plan, kind, low, high, .. } = node.data::<Data>()?;
    match TensorType::from_code(kind as i8) {
        // Arrays in place of vectors would be slower than one element at a time.
        Some(TensorType::Int8) if matches!(node.level(), Level::Scalar(_)) => invoke_int8::<A>(node),
        Some(TensorType::Int8) => run_lanes::<A>(node),
        Some(TensorType::UInt8) => run::<A, u8>(node),
        Some(TensorType::Int16) => run::<A, i16>(node),
        Some(TensorType::Int32) => invoke_int32::<A>(node),
        Some(TensorType::Int64) => {
            let (low, high) = (low as i64, high as i64);
            plan.run::<i64>(node, |a, b| A::int64(a, b).max(low).min(high))
        }
        _ => plan.run::<f32>(node, |a, b| clamp_float(A::float(a, b), low, high)),
    }
}

/// As [`invoke`], for int8 and no vectors.
pub(crate) fn invoke_int8<A: Arithmetic>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    match small::<A>(node)? {
        Some((plan, rows)) => plan.run_rows(node, rows),
        None => run::<A, i8>(node),
    }
}

/// As [`invoke`], for int8 and the small functions; an internal error where they cannot have it.
pub(crate) fn invoke_small<A: Arithmetic>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let (plan, rows) = small::<A>(node)?.ok_or(Refusal::Internal)?;
    plan.run_rows(node, rows)
}

/// The operator by the small functions, where they can have it.
fn small<A: Arithmetic>(node: &Invoke<'_>) -> Result<Option<(Broadcast, AddedUp)>, Refusal> {
    let data = node.data::<Data>()?;
    let lists = (node.list::<Range>(data.range), node.list::<A::Quantized>(data.quantized));
    Ok(addends::<A>(lists).map(|addends| (data.plan, AddedUp(addends))))
}

/// Whether an int8 operator is one that [`invoke_small`] can have.
pub(crate) fn is_small<A: Arithmetic>(prepared: &Prepared<'_>, data: Span) -> bool {
    let data = prepared.get::<Data>(data).first();
    let lists =
        data.map(|data| (prepared.get::<Range>(data.range), prepared.get::<A::Quantized>(data.quantized)));
    lists.and_then(addends::<A>).is_some()
}

/// What the small functions need, of what was prepared.
fn addends<A: Arithmetic>((range, quantized): (&[Range], &[A::Quantized])) -> Option<Addends> {
    quantized.first()?.addends::<A>(*range.first()?)
}

/// Sums by the small functions.
struct AddedUp(Addends);

impl Rows<i8> for AddedUp {
    #[inline(always)]
    fn apart<S: Simd>(&self, _simd: S, a: Operand<'_, i8>, b: Operand<'_, i8>, out: &mut [i8]) {
        let addends = &self.0;
        match (a, b) {
            (Operand::Run(a), Operand::Run(b)) => addends.sums(a, b, out),
            (Operand::Run(a), Operand::One(b)) => {
                out.iter_mut().zip(a).for_each(|(out, &a)| *out = addends.sum(a, b));
            }
            (Operand::One(a), Operand::Run(b)) => {
                out.iter_mut().zip(b).for_each(|(out, &b)| *out = addends.sum(a, b));
            }
            (Operand::One(a), Operand::One(b)) => out.fill(addends.sum(a, b)),
        }
    }
}

impl RowsInPlace<i8> for AddedUp {
    #[inline(always)]
    fn over<S: Simd>(&self, _simd: S, out: &mut [i8], other: &[i8], is_second: bool) {
        self.0.sums_over(out, other, is_second);
    }
}

/// As [`invoke`], for int32.
pub(crate) fn invoke_int32<A: Arithmetic>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let &Data { plan, low, high, .. } = node.data::<Data>()?;
    // Infinite ends become the type's own.
    let (low, high) = (low as i32, high as i32);
    plan.run::<i32>(node, |a, b| A::int32(a, b).max(low).min(high))
}

fn run<A: Arithmetic, T: Integer>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let &range = node.list::<Range>(data.range).first().ok_or(Refusal::Internal)?;
    let &quantized = node.list::<A::Quantized>(data.quantized).first().ok_or(Refusal::Internal)?;
    let apply = quantized.elements::<A>();
    data.plan.run::<T>(node, |a, b| {
        let ([a_zero, b_zero], a, b): (_, i32, i32) = (range.zeros, a.into(), b.into());
        let y = apply(a.wrapping_sub(a_zero), b.wrapping_sub(b_zero));
        T::narrow(y.wrapping_add(range.output_zero).max(range.min).min(range.max))
    })
}

/// As [`run`], for int8 and levels that have vectors.
fn run_lanes<A: Arithmetic>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let &range = node.list::<Range>(data.range).first().ok_or(Refusal::Internal)?;
    let &quantized = node.list::<A::Quantized>(data.quantized).first().ok_or(Refusal::Internal)?;
    data.plan.run_rows::<i8>(node, Lanes::<A> { range, quantized })
}

struct Lanes<A: Arithmetic> {
    range: Range,
    quantized: A::Quantized,
}

// Only `for` and functions marked so: a closure would be compiled without the level's instructions.
impl<A: Arithmetic> Lanes<A> {
    /// Writes the results of two vectors each.
    #[inline(always)]
    fn write<S: Simd>(&self, simd: S, a: [S::I32; 2], b: [S::I32; 2], out: &mut [i8]) {
        let Range { zeros: [a_zero, b_zero], output_zero, min, max } = self.range;
        let (a_zero, b_zero) = (simd.splat_i32(a_zero), simd.splat_i32(b_zero));
        let a = [simd.sub_i32(a[0], a_zero), simd.sub_i32(a[1], a_zero)];
        let b = [simd.sub_i32(b[0], b_zero), simd.sub_i32(b[1], b_zero)];
        let y = self.quantized.lanes::<A, S>(simd, a, b);
        simd.store_clamped::<2, false>(y, output_zero, (min, max), out);
    }

    /// As [`Lanes::write`], for what is left of a run: less than two vectors, perhaps nothing.
    #[inline(always)]
    fn last<S: Simd>(&self, simd: S, a: [S::I32; 2], b: [S::I32; 2], out: &mut [i8]) {
        if !out.is_empty() {
            self.write(simd, a, b, out);
        }
    }
}

/// Two vectors of the elements that `from` starts with; zeros where it has fewer.
#[inline(always)]
fn two<S: Simd>(simd: S, from: &[i8]) -> [S::I32; 2] {
    [simd.load_i8(from), simd.load_i8(from.get(S::LANES..).unwrap_or_default())]
}

impl<A: Arithmetic> Rows<i8> for Lanes<A> {
    // Whole vectors first: a loop over some that may be cut off is not unrolled.
    #[inline(always)]
    fn apart<S: Simd>(&self, simd: S, a: Operand<'_, i8>, b: Operand<'_, i8>, out: &mut [i8]) {
        let step = 2 * S::LANES;
        let whole = out.len() - out.len() % step;
        let (wholes, last) = out.split_at_mut(whole);
        let outs = wholes.chunks_exact_mut(step);
        match (a, b) {
            (Operand::Run(a), Operand::Run(b)) => {
                for ((out, a), b) in outs.zip(a.chunks_exact(step)).zip(b.chunks_exact(step)) {
                    self.write(simd, two(simd, a), two(simd, b), out);
                }
                self.last(simd, rest(simd, a, whole), rest(simd, b, whole), last);
            }
            (Operand::Run(a), Operand::One(b)) => {
                let b = [simd.splat_i32(b.into()); 2];
                for (out, a) in outs.zip(a.chunks_exact(step)) {
                    self.write(simd, two(simd, a), b, out);
                }
                self.last(simd, rest(simd, a, whole), b, last);
            }
            (Operand::One(a), Operand::Run(b)) => {
                let a = [simd.splat_i32(a.into()); 2];
                for (out, b) in outs.zip(b.chunks_exact(step)) {
                    self.write(simd, a, two(simd, b), out);
                }
                self.last(simd, a, rest(simd, b, whole), last);
            }
            (Operand::One(a), Operand::One(b)) => {
                let (a, b) = ([simd.splat_i32(a.into()); 2], [simd.splat_i32(b.into()); 2]);
                for out in outs {
                    self.write(simd, a, b, out);
                }
                self.last(simd, a, b, last);
            }
        }
    }
}

impl<A: Arithmetic> RowsInPlace<i8> for Lanes<A> {
    #[inline(always)]
    fn over<S: Simd>(&self, simd: S, out: &mut [i8], other: &[i8], is_second: bool) {
        let step = 2 * S::LANES;
        let whole = out.len() - out.len() % step;
        let (wholes, last) = out.split_at_mut(whole);
        for (out, other) in wholes.chunks_exact_mut(step).zip(other.chunks_exact(step)) {
            let (mut a, mut b) = (two(simd, out), two(simd, other));
            if is_second {
                (a, b) = (b, a);
            }
            self.write(simd, a, b, out);
        }
        let (mut a, mut b) = (two(simd, last), rest(simd, other, whole));
        if is_second {
            (a, b) = (b, a);
        }
        self.last(simd, a, b, last);
    }
}

/// Two vectors of the elements from `at` on.
#[inline(always)]
fn rest<S: Simd>(simd: S, from: &[i8], at: usize) -> [S::I32; 2] {
    two(simd, from.get(at..).unwrap_or_default())
}

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
