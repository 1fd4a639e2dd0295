//! MATRIX_SET_DIAG: matrices with other values on their diagonals.
//!
//! Input 0 is `[..., rows, columns]`, input 1 `[..., min(rows, columns)]`.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// MATRIX_SET_DIAG: matrices with other values on their diagonals.
    MatrixSetDiag = MatrixSetDiag, options (90, 0), inputs (2, 2),
    quantization QuantizationRule::AllSame;
}

fn shape(_op: &MatrixSetDiag, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let input = node.input(0)?;
    let (&columns, outer) = input.dims().split_last().ok_or(Refusal::Shape(Slot::Input(0)))?;
    let (&rows, outer) = outer.split_last().ok_or(Refusal::Shape(Slot::Input(0)))?;
    let diagonal = Shape::from_dims(outer.iter().copied().chain([rows.min(columns)]));
    if diagonal == Some(node.input(1)?) { Ok(input) } else { Err(Refusal::Shape(Slot::Input(1))) }
}
