//! What several kernels have in common.

pub(crate) mod arg;
pub(crate) mod arithmetic;
pub(crate) mod binary;
pub(crate) mod blocks;
pub(crate) mod call;
pub(crate) mod clamp;
pub(crate) mod compare;
pub(crate) mod complex;
pub(crate) mod dot;
pub(crate) mod exponential;
pub(crate) mod extreme;
pub(crate) mod fft;
pub(crate) mod half;
pub(crate) mod indices;
mod integer;
pub(crate) mod pointwise;
pub(crate) mod pool;
pub(crate) mod reduce;
pub(crate) mod region;
pub(crate) mod resize;
pub(crate) mod rows;
pub(crate) mod segment;
pub(crate) mod select;
pub(crate) mod sigmoid;
pub(crate) mod sum;
pub(crate) mod suppression;
pub(crate) mod variable;
pub(crate) mod volume;
pub(crate) mod whole;

use sedge_schema::op::Node as _;
use sedge_schema::{Refusal, Slot, TensorType};

use crate::element::Element;
use crate::node::{Invoke, Prepare, Unary};
use crate::slices;

pub(crate) use integer::Integer;

/// The slots that most operators have.
pub(crate) const INPUT: Slot = Slot::Input(0);
pub(crate) const OUTPUT: Slot = Slot::Output(0);

/// The element type of all of input 0 and output 0.
///
/// # Errors
/// Where the two differ.
pub(crate) fn same_type(node: &Prepare<'_>) -> Result<TensorType, Refusal> {
    let found = node.tensor_type(INPUT)?;
    if node.tensor_type(OUTPUT)? == found { Ok(found) } else { Err(Refusal::Type(OUTPUT)) }
}

/// The bytes of one element of a type whose elements are whole bytes.
pub(crate) fn element_bytes(kind: TensorType, slot: Slot) -> Result<usize, Refusal> {
    match kind.bits() / 8 {
        0 => Err(Refusal::Type(slot)),
        bytes => Ok(bytes),
    }
}

/// Whether two tensors have the same scale and zero point, or both none.
pub(crate) fn same_quantization(node: &Prepare<'_>, a: Slot, b: Slot) -> Result<bool, Refusal> {
    let of = |slot| -> Result<(f32, i32), Refusal> {
        Ok(node.quantization(slot)?.map_or((0.0, 0), |q| (q.scale_at(0), q.zero_point_at(0))))
    };
    Ok(of(a)? == of(b)?)
}

/// Prepares an operator whose output has the bytes of its input.
pub(crate) fn prepare_view(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    same_type(node)?;
    node.part(0);
    Ok(())
}

/// Runs an operator whose output has the bytes of its input, and a place of its own.
pub(crate) fn copy(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let to = node.output::<u8>(0)?;
    copy_slice(node.input(0)?, to)
}

/// Copies `from` to `to`, which must be as long.
pub(crate) fn copy_slice<T: Copy>(from: &[T], to: &mut [T]) -> Result<(), Refusal> {
    if from.len() != to.len() {
        return Err(Refusal::Internal);
    }
    slices::copy(from, to);
    Ok(())
}

/// Output 0, a place of its own or input 0's, with input 0's values in it.
pub(crate) fn in_place<'s, T: Element>(node: &mut Invoke<'s>) -> Result<&'s mut [T], Refusal> {
    match node.unary::<T, T>(0, 0)? {
        Unary::InPlace(values) => Ok(values),
        Unary::Apart(from, to) => {
            copy_slice(from, to)?;
            Ok(to)
        }
    }
}

/// Whether output 0 has about this scale, and this zero point: those that an operator fixes.
pub(crate) fn check_fixed(node: &Prepare<'_>, (scale, zero_point): (f32, i32)) -> Result<(), Refusal> {
    let found = node.affine(OUTPUT)?;
    let near = libm::fabsf(found.scale - scale) <= 1e-3 * scale;
    if near && found.zero_point == zero_point { Ok(()) } else { Err(Refusal::Quantization(OUTPUT)) }
}

/// Computes each element of output 0 from the one of input 0, in place where the plan has it so.
#[inline]
pub(crate) fn map<T: Element>(node: &mut Invoke<'_>, f: impl Fn(T) -> T) -> Result<(), Refusal> {
    match node.unary::<T, T>(0, 0)? {
        Unary::InPlace(values) => values.iter_mut().for_each(|x| *x = f(*x)),
        Unary::Apart(from, to) => to.iter_mut().zip(from).for_each(|(y, &x)| *y = f(x)),
    }
    Ok(())
}

/// `x` clamped to `low..=high`; not-a-number stays.
#[inline(always)]
pub(crate) fn clamp_float(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}
