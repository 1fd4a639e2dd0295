//! SOFTMAX: `exp(beta * x) / sum of exp(beta * x)` along the last dimension; each row less its largest
//! element. Source: tflite's `reference/softmax.h`.
//!
//! int8, uint8 (to their own type or int16): exponentials of Q5 numbers, summed as Q12. int16:
//! exponentials and the reciprocal of their sum by tables.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Node as _, NodeExt as _, Softmax};
use sedge_schema::{Refusal, TensorType};

use super::shared::exponential::SoftmaxRow;
use super::shared::{INPUT, Integer, OUTPUT, check_fixed, in_place};
use crate::arena::Span;
use crate::element::Element;
use crate::fixed::{
    Interpolated, Multiplier, Wide, doubling_high_mul, exp_of_negative, input_radius, reciprocal,
    rounding_shift_right,
};
use crate::node::{Affine, Invoke, Prepare, Unary};
use crate::slices;

/// Integer bits of the exponentials' arguments, and of their sum.
pub(super) const ARGUMENT_BITS: u32 = 5;
pub(super) const SUM_BITS: u32 = 12;
/// int16: the scale of results from -1 to 1.
const UNIT: f32 = 2.0 / 65535.0;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element types' codes.
    input: i32,
    output: i32,
    /// Elements of a row.
    depth: u32,
    beta: f32,
    /// Scales differences from the largest element to Q5, or to the range of the table.
    argument: Multiplier,
    /// Differences below this one count as an exponential of 0.
    least: i32,
    /// int16: points of `exp(x)` for `x` from -10 to 0, and of `1 / (1 + x)` for `x` from 0 to 1. 8-bit: the exponentials of
    /// all differences, from 0 down, or nothing.
    exp: Span,
    reciprocal: Span,
}

pub(super) fn prepare(op: Softmax, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let (input, output) = (node.tensor_type(INPUT)?, node.tensor_type(OUTPUT)?);
    let depth = node.input(0)?.last() as u32;
    let kinds = (input.code().into(), output.code().into());
    let mut data = Data { input: kinds.0, output: kinds.1, depth, beta: op.beta, ..Data::zeroed() };
    let beta = f64::from(op.beta);
    match (input, output) {
        (TensorType::Float32, TensorType::Float32) => {}
        (TensorType::Int8, TensorType::Int8 | TensorType::Int16) | (TensorType::UInt8, TensorType::UInt8) => {
            let fixed = match output {
                TensorType::Int8 => (1.0 / 256.0, -128),
                TensorType::UInt8 => (1.0 / 256.0, 0),
                _ => (1.0 / 65536.0, -32768),
            };
            check_fixed(node, fixed)?;
            let one = f64::from(1 << (31 - ARGUMENT_BITS));
            let real = (beta * f64::from(node.affine(INPUT)?.scale) * one).min(f64::from(i32::MAX));
            data.argument = Multiplier::from_real(real);
            data.least = -input_radius(real, ARGUMENT_BITS);
            if node.packs_weights() {
                data.exp = node.list::<i32>(256)?;
                for (below, exp) in (0..).zip(node.list_mut::<i32>(data.exp)) {
                    *exp = exponential(&data, -below);
                }
            }
        }
        (TensorType::Int16, TensorType::Int16) => {
            let Affine { scale, zero_point } = node.affine(INPUT)?;
            if zero_point != 0 {
                return Err(Refusal::Quantization(INPUT));
            }
            check_fixed(node, (1.0 / 32768.0, 0))?;
            data.argument = Multiplier::from_real(f64::from(scale) * beta / (10.0 / 65535.0));
            data.exp = node.list::<i16>(Interpolated::POINTS)?;
            Interpolated::fill(node.list_mut(data.exp), (10.0 / 65535.0, 32767), UNIT, libm::expf);
            data.reciprocal = node.list::<i16>(Interpolated::POINTS)?;
            let reciprocal = |x| 1.0 / (1.0 + x);
            Interpolated::fill(node.list_mut(data.reciprocal), (1.0 / 65535.0, -32768), UNIT, reciprocal);
        }
        (TensorType::Float32 | TensorType::Int8 | TensorType::UInt8 | TensorType::Int16, _) => {
            return Err(Refusal::Type(OUTPUT));
        }
        _ => return Err(Refusal::Type(INPUT)),
    }
    if input == output {
        node.overwrite(0, 0);
    }
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let kinds = (TensorType::from_code(data.input as i8), TensorType::from_code(data.output as i8));
    match kinds {
        (Some(TensorType::Int8), Some(TensorType::Int8)) => {
            let exps = Exponentials::load(node, data);
            same::<i8>(node, data.depth, |row| quantized(&exps, row))
        }
        (Some(TensorType::UInt8), _) => {
            let exps = Exponentials::load(node, data);
            same::<u8>(node, data.depth, |row| quantized(&exps, row))
        }
        (Some(TensorType::Int8), _) => match (Exponentials::load(node, data), node.unary::<i8, i16>(0, 0)?) {
            (exps, Unary::Apart(from, to)) => {
                let depth = data.depth.max(1) as usize;
                let rows = slices::rows(from, depth).zip(slices::rows_mut(to, depth));
                rows.for_each(|(from, to)| {
                    let largest = from.iter().copied().max().unwrap_or_default();
                    let (sum, argument) = (exps.sum(from, largest), |x: i8| difference(x, largest));
                    let scale = Scale::of::<i16>(sum);
                    to.iter_mut().zip(from).for_each(|(y, &x)| *y = scale.apply(exps.of(argument(x))));
                });
                Ok(())
            }
            (_, Unary::InPlace(_)) => Err(Refusal::Internal),
        },
        (Some(TensorType::Int16), _) => {
            let (exp, reciprocal) = (node.list::<i16>(data.exp), node.list::<i16>(data.reciprocal));
            let tables = (Interpolated(exp), Interpolated(reciprocal));
            same::<i16>(node, data.depth, |row| wide(data, row, &tables))
        }
        _ => {
            let (level, beta) = (node.level(), data.beta);
            same::<f32>(node, data.depth, |row| level.run(SoftmaxRow { row, beta }))
        }
    }
}

/// As [`invoke`], where all is int8.
pub(super) fn invoke_int8(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let exps = Exponentials::load(node, data);
    same::<i8>(node, data.depth, |row| quantized(&exps, row))
}

/// Runs `f` on each row of the output, which holds the input's values.
fn same<T: Element>(node: &mut Invoke<'_>, depth: u32, f: impl Fn(&mut [T])) -> Result<(), Refusal> {
    let values = in_place::<T>(node)?;
    values.chunks_exact_mut((depth.max(1) as usize).max(1)).for_each(f);
    Ok(())
}

fn quantized<T: Integer + Ord>(exps: &Exponentials<'_>, row: &mut [T]) {
    let Some(largest) = row.iter().copied().max() else { return };
    let scale = Scale::of::<T>(exps.sum(row, largest));
    row.iter_mut().for_each(|x| *x = scale.apply(exps.of(difference(*x, largest))));
}

#[inline]
fn difference<T: Integer>(x: T, largest: T) -> i32 {
    x.into() - largest.into()
}

/// `exp` of a difference as a Q0; 0 where it is next to nothing.
#[inline]
fn exponential(data: &Data, difference: i32) -> i32 {
    if difference < data.least {
        return 0;
    }
    exp_of_negative::<Wide>(data.argument.apply(difference), ARGUMENT_BITS)
}

/// The exponentials of differences between 8-bit numbers.
struct Exponentials<'s> {
    data: &'s Data,
    /// Those of all differences, from 0 down, or nothing.
    table: &'s [i32],
}

impl<'s> Exponentials<'s> {
    fn load(node: &Invoke<'s>, data: &'s Data) -> Self {
        Self { data, table: node.list(data.exp) }
    }

    #[inline]
    fn of(&self, difference: i32) -> i32 {
        let known = self.table.get(difference.unsigned_abs() as usize).copied();
        known.unwrap_or_else(|| exponential(self.data, difference))
    }

    fn sum<T: Integer>(&self, row: &[T], largest: T) -> i32 {
        let terms = row.iter().map(|&x| self.of(difference(x, largest)));
        terms.fold(0i32, |sum, term| sum.wrapping_add(rounding_shift_right(term, SUM_BITS)))
    }
}

/// What makes outputs of exponentials: `exp * factor / 2^shift`.
struct Scale {
    factor: i32,
    shift: u32,
}

impl Scale {
    /// For outputs that stand for 0 at the smallest value of `T`, and for 1 just past the largest.
    fn of<T: Integer>(sum: i32) -> Self {
        let (factor, over_unit) = reciprocal(sum, SUM_BITS as i32);
        let shift = over_unit + 31 - 8 * size_of::<T>() as i32;
        Self { factor, shift: shift.clamp(0, 31) as u32 }
    }

    fn apply<T: Integer>(&self, exp: i32) -> T {
        let result = rounding_shift_right(doubling_high_mul(self.factor, exp), self.shift);
        T::saturate(result.saturating_add(T::LOWEST))
    }
}

fn wide(data: &Data, row: &mut [i16], (exp, reciprocal): &(Interpolated<'_>, Interpolated<'_>)) {
    let saturate = |x: i32| x.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    let Some(largest) = row.iter().copied().max() else { return };
    // Exponentials in steps of 2^-15, and their sum.
    let mut sum = 0i32;
    for x in row.iter_mut() {
        let argument = data.argument.apply(i32::from(*x) - i32::from(largest));
        *x = exp.at(saturate(argument.saturating_add(32767)));
        sum = sum.wrapping_add((*x).into());
    }
    // The sum is 2^(16 - headroom) * (1 + y); `y` in steps of 2^-16, and less by a half.
    let headroom = sum.leading_zeros().clamp(1, 30);
    let y = ((i64::from(sum) << (headroom - 1)) + (1 << 13)) >> 14;
    let factor = i64::from(reciprocal.at(saturate((y - (1 << 15) - (1 << 16)) as i32)));
    let shift = 31 - headroom;
    for x in row.iter_mut() {
        let result = (i64::from(*x) * factor + (1i64 << (shift - 1))) >> shift;
        *x = result.clamp(0, 32767) as i16;
    }
}
