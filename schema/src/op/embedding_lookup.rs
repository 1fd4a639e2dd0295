//! EMBEDDING_LOOKUP: rows of a table.
//!
//! Input 0 (int32) lists the rows, input 1 is the table, rows outermost. A table of quantized rows may give
//! real ones.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// EMBEDDING_LOOKUP: rows of a table.
    EmbeddingLookup = EmbeddingLookup, options (0, 0), inputs (2, 2),
    quantization QuantizationRule::AllSame;
}

fn shape(_op: &EmbeddingLookup, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let (list, table) = (node.input_of_rank(0, 1)?, node.input(1)?);
    if table.rank() == 0 {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    fits(table.with(0, list.dim(0) as u32))
}
