//! RFFT2D: the Fourier transform of the two last dimensions of a real tensor.
//!
//! Input 1 holds the lengths of both dimensions (two int32, powers of two), to which they are cut or
//! filled up with zeros. Since the transform of real numbers mirrors itself, the last dimension of the
//! output, which is complex, is half its length and one more.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// RFFT2D: the Fourier transform of the two last dimensions of a real tensor.
    Rfft2d = Rfft2d, options (105, 0), inputs (2, 2),
    quantization QuantizationRule::Integers;
}

impl Rfft2d {
    /// The lengths of both dimensions that are transformed.
    ///
    /// # Errors
    /// Where they are no powers of two, or not known yet.
    pub fn lengths(node: &dyn Node) -> Result<[u32; 2], Refusal> {
        if node.input(1)?.dims() != [2] {
            return Err(Refusal::Shape(Slot::Input(1)));
        }
        let length = |k| {
            let length = u32::try_from(node.int(1, k)?).ok().filter(|n| n.is_power_of_two());
            length.ok_or(Refusal::Value(Slot::Input(1)))
        };
        Ok([length(0)?, length(1)?])
    }
}

fn shape(_op: &Rfft2d, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let input = node.input(0)?;
    let outer = input.rank().checked_sub(2).ok_or(Refusal::Shape(Slot::Input(0)))?;
    let [rows, columns] = Rfft2d::lengths(node)?;
    let transformed = input.with(outer, rows).and_then(|shape| shape.with(outer + 1, columns / 2 + 1));
    fits(transformed)
}
