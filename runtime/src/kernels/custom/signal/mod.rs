//! The audio operators of tflite-micro, a front end that turns sound into features: window, spectrum,
//! filter bank, noise suppression, gain control, logarithm; and streams of frames. All are integer
//! arithmetic with the bits of tflite-micro's `signal` library, except spectra of floats.

pub(super) mod delay;
pub(super) mod energy;
mod fft;
pub(super) mod fft_auto_scale;
pub(super) mod filter_bank;
pub(super) mod filter_bank_log;
pub(super) mod filter_bank_square_root;
pub(super) mod framer;
pub(super) mod irfft;
mod math;
pub(super) mod overlap_add;
pub(super) mod pcan;
pub(super) mod rfft;
pub(super) mod spectral_subtraction;
pub(super) mod stacker;
pub(super) mod window;

use sedge_schema::op::Node as _;
use sedge_schema::{Refusal, Shape, Slot, TensorType};

use super::{count, int};
use crate::kernels::shared::{INPUT, OUTPUT};
use crate::node::Prepare;

/// Checks the types of all inputs and outputs.
fn types(node: &Prepare<'_>, inputs: &[TensorType], outputs: &[TensorType]) -> Result<(), Refusal> {
    node.arity(inputs.len(), outputs.len())?;
    let inputs = (0..).zip(inputs).map(|(i, &kind)| (Slot::Input(i), kind));
    let outputs = (0..).zip(outputs).map(|(i, &kind)| (Slot::Output(i), kind));
    inputs.chain(outputs).try_for_each(|(slot, kind)| node.type_in(slot, &[kind]).map(drop))
}

/// Rows and the elements of each: the innermost dimension of input 0, which must have some.
fn rows(node: &Prepare<'_>) -> Result<(Shape, usize), Refusal> {
    let shape = node.shape(INPUT)?;
    match shape.dims().last() {
        Some(&last) if last != 0 => Ok((shape, last as usize)),
        _ => Err(Refusal::Shape(INPUT)),
    }
}

/// `shape` with other dimensions instead of its last `cut` ones.
fn ending(shape: &Shape, cut: usize, dims: &[usize]) -> Result<Shape, Refusal> {
    let kept = shape.rank().checked_sub(cut).ok_or(Refusal::Shape(INPUT))?;
    let kept = shape.dims().iter().take(kept).copied();
    Shape::from_dims(kept.chain(dims.iter().map(|&d| d as u32))).ok_or(Refusal::TooLarge)
}

/// The one element of a type that output 0 and input 0 have and the option `T` names.
fn sample_type(node: &Prepare<'_>, allowed: &[TensorType]) -> Result<TensorType, Refusal> {
    node.arity(1, 1)?;
    let kind = node.type_in(INPUT, allowed)?;
    node.type_in(OUTPUT, &[kind])?;
    match node.options()?.get("T") {
        Some(_) if int(&node.options()?, "T")? != i32::from(kind.code()) => Err(Refusal::Parameter("T")),
        _ => Ok(kind),
    }
}

/// What one of a number of shifts does: refused where it would shift everything out.
fn shift(options: &sedge_schema::flex::Map<'_>, name: &'static str) -> Result<u32, Refusal> {
    count(options, name, 0).and_then(|n| if n < 32 { Ok(n) } else { Err(Refusal::Parameter(name)) })
}
