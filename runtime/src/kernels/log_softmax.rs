//! LOG_SOFTMAX: `x - log(sum of exp(x))` along the last dimension; each row less its largest element.
//! float32; int8 and uint8: exponentials of Q5 numbers, summed as Q12, and the fixed-point logarithm of
//! their sum. Source: tflite's `reference/log_softmax.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{LogSoftmax, NodeExt as _};
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, Integer, check_fixed, in_place, same_type};
use super::softmax::{ARGUMENT_BITS, SUM_BITS};
use crate::element::Element;
use crate::fixed::{Multiplier, Wide, exp_of_negative, input_radius, log_of_sum, rounding_shift_right};
use crate::node::{Invoke, Prepare};

/// Integer bits of results, which reach from -16 to 0.
const OUTPUT_BITS: u32 = 4;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    /// Elements of a row.
    depth: u32,
    /// Scales differences from the largest element to Q5, and back.
    argument: Multiplier,
    back: Multiplier,
    /// Differences below this one count as an exponential of 0.
    least: i32,
}

pub(super) fn prepare(_op: LogSoftmax, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    let depth = node.input(0)?.last() as u32;
    let mut data = Data { kind: kind.code().into(), depth, ..Data::zeroed() };
    match kind {
        TensorType::Float32 => {}
        TensorType::Int8 | TensorType::UInt8 => {
            let (_, highest) = kind.integer_range().ok_or(Refusal::Type(INPUT))?;
            check_fixed(node, (16.0 / 256.0, highest))?;
            let one = f64::from(1 << (31 - ARGUMENT_BITS));
            let real = (f64::from(node.affine(INPUT)?.scale) * one).min(f64::from(i32::MAX));
            data.argument = Multiplier::from_real(real);
            data.least = -input_radius(real, ARGUMENT_BITS);
            let inverse = libm::ldexp(1.0, 31 - data.argument.shift) / f64::from(data.argument.q);
            data.back = Multiplier::from_real(inverse);
        }
        _ => return Err(Refusal::Type(INPUT)),
    }
    node.overwrite(0, 0);
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Int8) => rows::<i8>(node, data, quantized),
        Some(TensorType::UInt8) => rows::<u8>(node, data, quantized),
        _ => rows::<f32>(node, data, float),
    }
}

fn rows<T: Element>(node: &mut Invoke<'_>, data: &Data, f: impl Fn(&Data, &mut [T])) -> Result<(), Refusal> {
    in_place::<T>(node)?.chunks_exact_mut((data.depth.max(1) as usize).max(1)).for_each(|row| f(data, row));
    Ok(())
}

fn float(_data: &Data, row: &mut [f32]) {
    let largest = row.iter().copied().fold(f32::MIN, f32::max);
    let sum = row.iter().fold(0.0, |sum: f32, &x| sum + libm::expf(x - largest));
    let log = libm::logf(sum);
    row.iter_mut().for_each(|x| *x = *x - largest - log);
}

fn quantized<T: Integer + Ord>(data: &Data, row: &mut [T]) {
    let Some(largest) = row.iter().copied().max() else { return };
    let difference = |x: T| x.into() - largest.into();
    let sum = row.iter().map(|&x| difference(x)).filter(|&d| d >= data.least).fold(0i32, |sum, d| {
        let exp = exp_of_negative::<Wide>(data.argument.apply(d), ARGUMENT_BITS);
        sum.wrapping_add(rounding_shift_right(exp, SUM_BITS))
    });
    let log = log_of_sum(sum);
    // The least difference whose argument less the logarithm still is a Q5.
    let least = (data.least - 1).max(data.back.apply(i32::MIN.wrapping_add(log)));
    for x in row {
        let d = difference(*x);
        *x = if d > least {
            let result = data.argument.apply(d).wrapping_sub(log);
            let result = rounding_shift_right(result, 31 - ARGUMENT_BITS - OUTPUT_BITS);
            T::saturate(result.saturating_add(T::HIGHEST))
        } else {
            T::narrow(T::LOWEST)
        };
    }
}
