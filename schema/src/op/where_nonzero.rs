//! WHERE: the indices of all elements that are not 0.
//!
//! The output (int64) has a row for each of them, in the tensor's order: its index in each dimension.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::error::{Refusal, Slot};
use crate::{Shape, TensorType};

operator! {
    /// WHERE: the indices of all elements that are not 0.
    Where = Where, options (85, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
}

impl Where {
    /// Whether an element, given by its bytes, is not 0. Floats are 0 with either sign.
    pub fn is_nonzero(kind: TensorType, cell: &[u8]) -> bool {
        let Some((&last, rest)) = cell.split_last() else { return false };
        let last = if kind == TensorType::Float32 { last << 1 } else { last };
        last != 0 || rest.iter().any(|&byte| byte != 0)
    }
}

fn shape(_op: &Where, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let (input, kind) = (node.input(0)?, node.tensor_type(Slot::Input(0))?);
    if input.rank() == 0 {
        return Err(Refusal::Shape(Slot::Input(0)));
    }
    let bytes = kind.bits() / 8;
    if bytes == 0 {
        return Err(Refusal::Type(Slot::Input(0)));
    }
    let cells = node.values(0)?.chunks_exact(bytes);
    let count = cells.filter(|cell| Where::is_nonzero(kind, cell)).count();
    fits(Shape::new(&[count as u32, input.rank() as u32]))
}
