//! Real numbers of complex ones: REAL, IMAG and COMPLEX_ABS. complex64 to float32, complex128 to
//! float64.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{Refusal, TensorType};

use super::{INPUT, OUTPUT};
use crate::element::Element;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// Whether numbers have 64 bits.
    wide: u32,
}

pub(crate) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let wide =
        node.type_in(INPUT, &[TensorType::Complex64, TensorType::Complex128])? == TensorType::Complex128;
    node.type_in(OUTPUT, &[if wide { TensorType::Float64 } else { TensorType::Float32 }])?;
    node.set_data(Data { wide: wide.into() })
}

/// Runs a function of real and imaginary part, given for either width.
pub(crate) fn invoke(
    node: &mut Invoke<'_>,
    f: impl Fn(f32, f32) -> f32,
    wide: impl Fn(f64, f64) -> f64,
) -> Result<(), Refusal> {
    if node.data::<Data>()?.wide != 0 { parts(node, wide) } else { parts(node, f) }
}

fn parts<T: Element>(node: &mut Invoke<'_>, f: impl Fn(T, T) -> T) -> Result<(), Refusal> {
    let to = node.output::<T>(0)?;
    let from = node.input::<T>(0)?.as_chunks::<2>().0;
    to.iter_mut().zip(from).for_each(|(y, &[real, imaginary])| *y = f(real, imaginary));
    Ok(())
}
