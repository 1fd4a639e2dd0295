//! LOGISTIC and TANH: what they have in common. Source: tflite's `integer_ops/logistic.h`, `tanh.h`.
//!
//! int8, uint8: the value, scaled to 4 integer bits, goes through the fixed-point function; what is
//! further from zero than fits them gives the end of the type's range. Where weights may be packed,
//! all 256 results are tabulated once. int16: straight lines between the points of one table of the
//! logistic function, since `tanh(x) = 2 * logistic(2x) - 1`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{Refusal, TensorType};
use sedge_simd::Level;

use super::{INPUT, Integer, OUTPUT, in_place, map, same_type};
use crate::arena::Span;
use crate::fixed::{Multiplier, input_radius};
use crate::node::{Affine, Invoke, Prepare};

/// Integer bits of the fixed-point functions' arguments.
pub(crate) const INTEGER_BITS: u32 = 4;

/// LOGISTIC or TANH.
pub(crate) trait Sigmoid {
    /// Real values of the interval that the results lie in.
    const RANGE: (f32, f32);

    /// int16: the largest shift to the left at which a scale that is a power of two needs no
    /// multiplier, but is scaled by 3 alone.
    const MOST_SHIFT: i32;

    /// The function of all elements.
    fn floats(level: Level, values: &mut [f32]);

    /// The function as a Q0, of a number with [`INTEGER_BITS`].
    fn fixed(x: i32) -> i32;

    /// int16: the function of `x / (3 * 4096)` in steps of 2^-15, with [`logistic_table`].
    fn interpolated(x: i32) -> i16;
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    input_zero: i32,
    /// int8, uint8: scales to 4 integer bits. int16: `q` is a plain factor, `shift` goes to the right.
    input: Multiplier,
    /// Distances from here on give the end of the range.
    radius: i32,
    /// The results of all 256 values, or nothing.
    table: Span,
}

pub(crate) fn prepare<S: Sigmoid>(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    let mut data = Data { kind: kind.code().into(), ..Data::zeroed() };
    match kind {
        TensorType::Float32 => {}
        TensorType::Int8 | TensorType::UInt8 => {
            let input = node.affine(INPUT)?;
            check_output::<S>(node, kind, 1.0 / 256.0)?;
            let real = f64::from(input.scale) * f64::from(1 << (31 - INTEGER_BITS));
            data.input_zero = input.zero_point;
            data.input = Multiplier::from_real(real);
            data.radius = input_radius(real, INTEGER_BITS);
            if node.packs_weights() {
                data.table = node.list::<u8>(256)?;
                for (value, result) in (0u8..=255).zip(node.list_mut::<u8>(data.table)) {
                    *result = match kind {
                        TensorType::Int8 => quantized::<S, i8>(&data, value as i8) as u8,
                        _ => quantized::<S, u8>(&data, value),
                    };
                }
            }
        }
        TensorType::Int16 => {
            let input = node.affine(INPUT)?;
            check_output::<S>(node, kind, 1.0 / 65536.0)?;
            if input.zero_point != 0 {
                return Err(Refusal::Quantization(INPUT));
            }
            data.input = factor_of(input.scale, S::MOST_SHIFT);
        }
        _ => return Err(Refusal::Type(INPUT)),
    }
    node.overwrite(0, 0);
    node.set_data(data)
}

/// The output's scale and zero point are fixed: they make all of the type of the function's range.
fn check_output<S: Sigmoid>(node: &Prepare<'_>, kind: TensorType, of_unit: f32) -> Result<(), Refusal> {
    let (low, high) = S::RANGE;
    let Affine { scale, zero_point } = node.affine(OUTPUT)?;
    let (least, _) = kind.integer_range().ok_or(Refusal::Type(OUTPUT))?;
    // 16-bit results are symmetric.
    let (fixed, zero) = match kind {
        TensorType::Int16 => (2.0 * of_unit, 0),
        _ => ((high - low) * of_unit, if low < 0.0 { least + 128 } else { least }),
    };
    let near = libm::fabsf(scale - fixed) <= 1e-3 * fixed;
    if near && zero_point == zero { Ok(()) } else { Err(Refusal::Quantization(OUTPUT)) }
}

/// The factor `q / 2^shift` that scales 16-bit values to steps of 1 / (3 * 4096).
fn factor_of(scale: f32, most_shift: i32) -> Multiplier {
    // How tflite tells powers of two.
    let log2 = libm::logf(scale) * (1.0 / libm::logf(2.0));
    let rounded = libm::roundf(log2);
    let shift = 12 + rounded as i32;
    if libm::fabsf(log2 - rounded) < 1e-3 && (0..=most_shift).contains(&shift) {
        return Multiplier { q: 3 << shift, shift: 0 };
    }
    let mut factor = f64::from(scale) * 4096.0 * 3.0;
    let mut shift = 0;
    while factor <= 32767.0 / 2.0 && shift <= 30 {
        factor *= 2.0;
        shift += 1;
    }
    Multiplier { q: (factor as i32).min(32767), shift }
}

pub(crate) fn invoke<S: Sigmoid>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let kind = TensorType::from_code(node.data::<Data>()?.kind as i8);
    run::<S>(node, kind)
}

/// As [`invoke`], for int8.
pub(crate) fn invoke_int8<S: Sigmoid>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    run::<S>(node, Some(TensorType::Int8))
}

#[inline(always)]
fn run<S: Sigmoid>(node: &mut Invoke<'_>, kind: Option<TensorType>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let tabulated = <&[u8; 256]>::try_from(node.list::<u8>(data.table)).ok();
    match (kind, tabulated) {
        (Some(TensorType::Int8), Some(table)) => map::<i8>(node, |x| look_up(table, x as u8) as i8),
        (Some(TensorType::UInt8), Some(table)) => map::<u8>(node, |x| look_up(table, x)),
        (Some(TensorType::Int8), None) => map::<i8>(node, |x| quantized::<S, i8>(data, x)),
        (Some(TensorType::UInt8), None) => map::<u8>(node, |x| quantized::<S, u8>(data, x)),
        (Some(TensorType::Int16), _) => {
            let Multiplier { q, shift } = data.input;
            // Half of one at shift 0 is none.
            let half = (1 << shift) >> 1;
            map::<i16>(node, |x| S::interpolated((i32::from(x) * q).wrapping_add(half) >> shift))
        }
        _ => {
            let values = in_place::<f32>(node)?;
            S::floats(node.level(), values);
            Ok(())
        }
    }
}

#[inline]
fn look_up(table: &[u8; 256], x: u8) -> u8 {
    table.get(usize::from(x)).copied().unwrap_or_default()
}

fn quantized<S: Sigmoid, T: Integer>(data: &Data, x: T) -> T {
    let x: i32 = x.into() - data.input_zero;
    if x <= -data.radius {
        return T::narrow(T::LOWEST);
    }
    if x >= data.radius {
        return T::narrow(T::HIGHEST);
    }
    let (low, high) = S::RANGE;
    // A step is 1/256 of the range, 2^-8 of 1 or 2^-7 of 2.
    let bits = if high - low > 1.0 { 7 } else { 8 };
    let zero = if low < 0.0 { T::LOWEST + 128 } else { T::LOWEST };
    let result = S::fixed(data.input.apply(x));
    T::saturate(crate::fixed::rounding_shift_right(result, 31 - bits) + zero)
}

/// `logistic(i / 24)` in steps of 2^-16, a straight line between each two points: the point and the
/// way to the next one, for `i` up to 254.
#[inline]
pub(crate) fn logistic_table(i: u32) -> Option<(i32, i32)> {
    let &[from, to] = LOGISTIC.get(i as usize..)?.first_chunk::<2>()?;
    Some((from.into(), i32::from(to) - i32::from(from)))
}

/// The points as tflite has them; about a third are one more than the nearest number.
#[rustfmt::skip]
static LOGISTIC: [u16; 256] = [
    32768, 33451, 34133, 34813, 35493, 36169, 36843, 37513, 38180, 38841, 39498, 40149, 40794, 41432, 42064,
    42688, 43304, 43912, 44511, 45102, 45683, 46255, 46817, 47369, 47911, 48443, 48964, 49475, 49975, 50464,
    50942, 51409, 51865, 52311, 52745, 53169, 53581, 53983, 54374, 54755, 55125, 55485, 55834, 56174, 56503,
    56823, 57133, 57433, 57724, 58007, 58280, 58544, 58800, 59048, 59288, 59519, 59743, 59959, 60168, 60370,
    60565, 60753, 60935, 61110, 61279, 61441, 61599, 61750, 61896, 62036, 62172, 62302, 62428, 62549, 62666,
    62778, 62886, 62990, 63090, 63186, 63279, 63368, 63454, 63536, 63615, 63691, 63765, 63835, 63903, 63968,
    64030, 64090, 64148, 64204, 64257, 64308, 64357, 64405, 64450, 64494, 64536, 64576, 64614, 64652, 64687,
    64721, 64754, 64786, 64816, 64845, 64873, 64900, 64926, 64950, 64974, 64997, 65019, 65039, 65060, 65079,
    65097, 65115, 65132, 65149, 65164, 65179, 65194, 65208, 65221, 65234, 65246, 65258, 65269, 65280, 65291,
    65301, 65310, 65319, 65328, 65337, 65345, 65352, 65360, 65367, 65374, 65381, 65387, 65393, 65399, 65404,
    65410, 65415, 65420, 65425, 65429, 65433, 65438, 65442, 65445, 65449, 65453, 65456, 65459, 65462, 65465,
    65468, 65471, 65474, 65476, 65479, 65481, 65483, 65485, 65488, 65489, 65491, 65493, 65495, 65497, 65498,
    65500, 65501, 65503, 65504, 65505, 65507, 65508, 65509, 65510, 65511, 65512, 65513, 65514, 65515, 65516,
    65517, 65517, 65518, 65519, 65520, 65520, 65521, 65522, 65522, 65523, 65523, 65524, 65524, 65525, 65525,
    65526, 65526, 65526, 65527, 65527, 65528, 65528, 65528, 65529, 65529, 65529, 65529, 65530, 65530, 65530,
    65530, 65531, 65531, 65531, 65531, 65531, 65532, 65532, 65532, 65532, 65532, 65532, 65533, 65533, 65533,
    65533, 65533, 65533, 65533, 65533, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534,
    65535,
];

#[cfg(test)]
mod tests {
    use super::{LOGISTIC, factor_of, logistic_table};
    use crate::fixed::Multiplier;

    #[test]
    fn the_table_is_of_the_logistic_function() {
        for (i, &point) in LOGISTIC.iter().enumerate() {
            let real = 65536.0 / (1.0 + (-(i as f64) / 24.0).exp());
            assert!((f64::from(point) - real).abs() < 1.2, "point {i}");
        }
        assert_eq!(logistic_table(0), Some((32768, 683)));
        assert_eq!(logistic_table(255), None);
    }

    #[test]
    fn factors_of_known_scales() {
        // 1/4096 is a power of two with shift 0, 1/2048 one with shift 1, which LOGISTIC does not take.
        assert_eq!(factor_of(1.0 / 4096.0, 0), Multiplier { q: 3, shift: 0 });
        assert_eq!(factor_of(1.0 / 2048.0, 1), Multiplier { q: 6, shift: 0 });
        // 6 is doubled 12 times before it passes half of 32767.
        assert_eq!(factor_of(1.0 / 2048.0, 0), Multiplier { q: 6 << 12, shift: 12 });
    }
}
