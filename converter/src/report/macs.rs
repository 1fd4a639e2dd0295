//! How many multiply-accumulates an operator takes.
//!
//! Counted are the products of operators that sum products: convolutions, matrix products and
//! recurrent cells, without regard to padding (a window over the border counts whole, as papers count).
//! Element-wise operators, pooling and data movement count as 0.

use sedge_runtime::{BuiltinOperator as Code, Shape};

/// The multiply-accumulates of one run of an operator, with `input` telling the shapes of its inputs, and `adjoint` whether
/// BATCH_MATMUL transposes the first.
pub fn count(
    code: Code,
    input: impl Fn(usize) -> Option<Shape>,
    output: Option<Shape>,
    adjoint: bool,
) -> u64 {
    let elements = |s: Option<Shape>| s.map_or(0, |s| s.elements() as u64);
    // Dimensions of an operand that is not there count as 0, so that nothing is made up.
    let dim = |s: Option<Shape>, axis: usize| s.map_or(0, |s| s.dim(axis) as u64);
    let (first, second) = (input(0), input(1));
    match code {
        // Filters are [out, height, width, in of the group].
        Code::Conv2d => elements(output).saturating_mul(dim(second, 1) * dim(second, 2) * dim(second, 3)),
        // Filters are [1, height, width, out].
        Code::DepthwiseConv2d => elements(output).saturating_mul(dim(second, 1) * dim(second, 2)),
        Code::FullyConnected => elements(output).saturating_mul(dim(second, 1)),
        // Every element of the image is multiplied with the whole filter [out, height, width, in].
        Code::TransposeConv => {
            elements(input(2)).saturating_mul(dim(second, 0) * dim(second, 1) * dim(second, 2))
        }
        // Filters are [depth, height, width, in, out].
        Code::Conv3d => {
            elements(output).saturating_mul(dim(second, 0) * dim(second, 1) * dim(second, 2) * dim(second, 3))
        }
        // Filters are [depth, height, width, out, in].
        Code::Conv3dTranspose => elements(input(2))
            .saturating_mul(dim(second, 0) * dim(second, 1) * dim(second, 2) * dim(second, 3)),
        Code::BatchMatmul => {
            let rank = first.map_or(0, |s| s.rank());
            let inner = rank.checked_sub(if adjoint { 2 } else { 1 });
            elements(output).saturating_mul(inner.map_or(0, |axis| dim(first, axis)))
        }
        // Batch times the weights of features [rank * units, in] and of time [rank * units, memory].
        Code::Svdf => dim(first, 0).saturating_mul(elements(second) + elements(input(2))),
        // Steps and batch times the weights: input and recurrent ones.
        Code::Rnn | Code::UnidirectionalSequenceRnn => {
            steps(first).saturating_mul(elements(second) + elements(input(2)))
        }
        // Inputs 1 to 8 are the gates' weights, 16 the projection's.
        Code::Lstm | Code::UnidirectionalSequenceLstm => {
            let weights: u64 = (1..=8).chain([16]).map(|i| elements(input(i))).sum();
            steps(first).saturating_mul(weights)
        }
        _ => 0,
    }
}

/// Steps times batch: all of a sequence's dimensions but the last.
fn steps(sequence: Option<Shape>) -> u64 {
    sequence.map_or(0, |s| s.elements_in(0..s.rank().saturating_sub(1)) as u64)
}
