//! BITCAST: the same bytes as elements of another type.
//!
//! Elements that are cut into smaller ones make a last dimension of as many; elements that are joined
//! to one have a last dimension of as many, which vanishes.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// BITCAST: the same bytes as elements of another type.
    Bitcast = Bitcast, options (124, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &Bitcast, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let input = node.input(0)?;
    let bytes = |slot| match node.tensor_type(slot)?.bits() / 8 {
        0 => Err(Refusal::Type(slot)),
        bytes => Ok(bytes),
    };
    let (from, to) = (bytes(Slot::Input(0))?, bytes(Slot::Output(0))?);
    let dims = input.dims().iter().copied();
    match (from / to, to / from) {
        (1, _) => Ok(input),
        (parts @ 2.., _) => fits(Shape::from_dims(dims.chain([parts as u32]))),
        (_, parts) if input.rank() != 0 && input.last() == parts => {
            fits(Shape::from_dims(dims.take(input.rank() - 1)))
        }
        _ => Err(Refusal::Shape(Slot::Input(0))),
    }
}
