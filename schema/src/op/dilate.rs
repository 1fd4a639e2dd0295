//! DILATE: a tensor spread out, with one value between its elements.
//!
//! Input 1 (int32) holds a factor of at least 1 for each dimension, input 2 (one element) the value:
//! `out[i * factor_0, j * factor_1, ...] = in[i, j, ...]`.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// DILATE: a tensor spread out, with one value between its elements.
    Dilate = Dilate, options (0, 18), inputs (3, 3),
    quantization QuantizationRule::AllSame;
}

impl Dilate {
    /// The distance in the output between neighbours along dimension `axis`.
    ///
    /// # Errors
    /// Where it is less than 1, or not known yet.
    pub fn factor(node: &dyn Node, axis: usize) -> Result<u32, Refusal> {
        let factor = u32::try_from(node.int(1, axis)?).ok().filter(|&factor| factor != 0);
        factor.ok_or(Refusal::Value(Slot::Input(1)))
    }
}

fn shape(_op: &Dilate, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let mut out = node.input(0)?;
    if node.input(1)?.elements() != out.rank() {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    if node.input(2)?.elements() != 1 {
        return Err(Refusal::Shape(Slot::Input(2)));
    }
    for axis in 0..out.rank() {
        let factor = Dilate::factor(node, axis)?;
        let Some(gaps) = out.dim(axis).checked_sub(1) else { continue };
        let dim = (gaps as u32).checked_mul(factor).and_then(|n| n.checked_add(1));
        out = fits(out.with(axis, dim.ok_or(Refusal::TooLarge)?))?;
    }
    Ok(out)
}
