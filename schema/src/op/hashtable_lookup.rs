//! HASHTABLE_LOOKUP: rows of a table, found by their keys.
//!
//! Input 0 (int32) lists what to look for, input 1 (int32) the table's keys in ascending order, input 2 holds
//! a row for each key. Output 0 has the rows, of zeros where there is no such key, output 1 (uint8) whether
//! there is.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// HASHTABLE_LOOKUP: rows of a table, found by their keys.
    HashtableLookup = HashtableLookup, options (0, 0), inputs (3, 3), outputs (2, 2),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &HashtableLookup, node: &dyn Node, output: usize) -> Result<Shape, Refusal> {
    let (list, keys, rows) = (node.input_of_rank(0, 1)?, node.input_of_rank(1, 1)?, node.input(2)?);
    if rows.rank() == 0 || rows.dim(0) != keys.dim(0) {
        return Err(Refusal::Shape(Slot::Input(2)));
    }
    match output {
        0 => fits(rows.with(0, list.dim(0) as u32)),
        _ => Ok(list),
    }
}
