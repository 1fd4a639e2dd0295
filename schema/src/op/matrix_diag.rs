//! MATRIX_DIAG: square matrices of zeros with the input's rows on their diagonals. Zeros are those of the
//! element type, whatever the zero point.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// MATRIX_DIAG: square matrices of zeros with the input's rows on their diagonals.
    MatrixDiag = MatrixDiag, options (88, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &MatrixDiag, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let input = node.input(0)?;
    let &last = input.dims().last().ok_or(Refusal::Shape(Slot::Input(0)))?;
    fits(Shape::from_dims(input.dims().iter().copied().chain([last])))
}
