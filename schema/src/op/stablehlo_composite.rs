//! STABLEHLO_COMPOSITE: an operator that is not in the format, by its name, and the subgraph that does the same.
//!
//! Exporters write it for what some runtimes have a kernel for, such as attention. The subgraph takes the operator's inputs
//! and gives its outputs.

use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// STABLEHLO_COMPOSITE: an operator that is not in the format, and the subgraph that does the same.
    StablehloComposite = StablehloComposite, options (0, 21), inputs (0, 255), outputs (0, 255),
    quantization QuantizationRule::Integers;
    /// The subgraph.
    1 decomposition_subgraph: i32 = 0;
}

/// What the file says; the subgraph gives its own shapes.
fn shape(_op: &StablehloComposite, node: &dyn Node, output: usize) -> Result<Shape, Refusal> {
    node.shape(Slot::Output(output as u8))
}
