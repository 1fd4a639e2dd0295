//! REVERSE_SEQUENCE: the first elements of each sequence of a batch from the last to the first.
//!
//! Input 1 (int32 or int64) holds how many elements of each sequence of the batch are reversed. Sedge runs it
//! in int8 as well, but LiteRT does not, so nothing is converted to that.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// REVERSE_SEQUENCE: the first elements of each sequence of a batch from the last to the first.
    ReverseSequence = ReverseSequence, options (87, 0), inputs (2, 2),
    quantization QuantizationRule::Integers;
    /// The dimension of a sequence.
    0 seq_dim: i32 = 0;
    /// The dimension of the batch, another one.
    1 batch_dim: i32 = 0;
}

impl ReverseSequence {
    /// The dimensions of a sequence and of the batch.
    ///
    /// # Errors
    /// Where there are no such dimensions, or they are the same.
    pub fn axes(&self, input: &Shape) -> Result<(usize, usize), Refusal> {
        let axis = |axis: i32| usize::try_from(axis).ok().filter(|&axis| axis < input.rank());
        let sequence = axis(self.seq_dim).ok_or(Refusal::Parameter("seq_dim"))?;
        let batch = axis(self.batch_dim).filter(|&batch| batch != sequence);
        Ok((sequence, batch.ok_or(Refusal::Parameter("batch_dim"))?))
    }
}

fn shape(op: &ReverseSequence, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let input = node.input(0)?;
    let (_, batch) = op.axes(&input)?;
    if node.input_of_rank(1, 1)?.dim(0) != input.dim(batch) {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    Ok(input)
}
