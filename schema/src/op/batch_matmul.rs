//! BATCH_MATMUL: products of two stacks of matrices.
//!
//! Input 0 holds matrices `[..., rows, depth]` (or `[..., depth, rows]`), input 1 `[..., depth, columns]`
//! (or `[..., columns, depth]`); the dimensions before them broadcast.
//! `out[..., r, c] = sum over d of in0[..., r, d] * in1[..., d, c]`.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// BATCH_MATMUL: products of two stacks of matrices.
    BatchMatmul = BatchMatmul, options (101, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
    /// Whether the matrices of input 0 are stored column by column.
    0 adj_x: bool = false;
    /// Whether the matrices of input 1 are stored column by column.
    1 adj_y: bool = false;
    /// Whether float activations are quantized asymmetrically for int8 weights.
    2 asymmetric_quantize_inputs: bool = false;
}

/// The sizes of a product of matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Rows of the first matrix.
    pub rows: usize,
    /// Columns of the first matrix, rows of the second.
    pub depth: usize,
    /// Columns of the second matrix.
    pub columns: usize,
    /// The dimensions before the matrices that both sides broadcast to.
    pub stack: Shape,
}

impl BatchMatmul {
    /// The sizes for operands of these shapes.
    ///
    /// # Errors
    /// Where they do not fit together.
    pub fn product(&self, a: &Shape, b: &Shape) -> Result<Product, Refusal> {
        let (first, second) = (Refusal::Shape(Slot::Input(0)), Refusal::Shape(Slot::Input(1)));
        let (stack_a, [mut rows, mut depth]) = matrices(a).ok_or(first)?;
        let (stack_b, [mut inner, mut columns]) = matrices(b).ok_or(second)?;
        if self.adj_x {
            (rows, depth) = (depth, rows);
        }
        if self.adj_y {
            (inner, columns) = (columns, inner);
        }
        let stack = stack_a.broadcast(&stack_b).filter(|_| inner == depth).ok_or(second)?;
        Ok(Product { rows, depth, columns, stack })
    }
}

/// The dimensions before the last two, and these.
fn matrices(shape: &Shape) -> Option<(Shape, [usize; 2])> {
    let (stack, matrix) = shape.dims().split_last_chunk::<2>()?;
    Some((Shape::new(stack)?, matrix.map(|d| d as usize)))
}

fn shape(op: &BatchMatmul, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let product = op.product(&node.input(0)?, &node.input(1)?)?;
    let matrix = [product.rows, product.columns].map(|d| d as u32);
    fits(Shape::from_dims(product.stack.dims().iter().copied().chain(matrix)))
}
