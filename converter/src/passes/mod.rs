//! Passes: small changes of the graph, one file each, the graph verified after every one.

mod eliminate_dead;
mod equalize_layers;
mod float_weights;
mod fold_constants;
mod fold_scale;
mod fuse_activation;
mod fuse_dilation;
mod fuse_pad;
mod recognize;
mod share_common;
mod simplify;
mod take_quantization;

pub use eliminate_dead::EliminateDead;
pub use equalize_layers::EqualizeLayers;
pub use float_weights::FloatWeights;
pub use fold_constants::FoldConstants;
pub(crate) use fold_constants::{dequantized, fold_node};
pub use fold_scale::FoldScale;
pub use fuse_activation::FuseActivation;
pub use fuse_dilation::FuseDilation;
pub use fuse_pad::FusePad;
pub use recognize::Recognize;
pub(crate) use recognize::recognize;
pub use share_common::ShareCommon;
pub use simplify::Simplify;
pub use take_quantization::TakeQuantization;

use crate::Failure;
use crate::graph::Graph;

/// A change of the graph that keeps what the model computes.
pub trait Pass {
    /// The name, for messages and dumps.
    fn name(&self) -> &'static str;

    /// Changes the graph; tells how many places it changed.
    ///
    /// # Errors
    /// Where the model cannot be converted.
    fn run(&self, graph: &mut Graph) -> Result<usize, Failure>;
}

/// The passes that every float model goes through before it is calibrated, in their order.
pub fn float_passes() -> Vec<Box<dyn Pass>> {
    vec![
        Box::new(Recognize),
        Box::new(FuseDilation),
        // Biases and activations lie between an operator and its QUANTIZE.
        Box::new(FoldScale),
        Box::new(FuseActivation),
        Box::new(TakeQuantization),
        Box::new(FloatWeights),
        Box::new(FoldConstants),
        Box::new(Simplify),
        Box::new(ShareCommon),
        Box::new(FoldScale),
        Box::new(FusePad),
        Box::new(FuseActivation),
        Box::new(EliminateDead),
    ]
}

/// Runs `passes` in their order, and verifies the graph after each. `seen` is shown the graph with
/// the name of the pass that made it.
///
/// # Errors
/// Where a pass fails, or leaves a graph that does not hold together.
pub fn run(
    graph: &mut Graph,
    passes: &[Box<dyn Pass>],
    seen: &mut dyn FnMut(&'static str, &Graph),
) -> Result<(), Failure> {
    for pass in passes {
        let changes = pass.run(graph)?;
        graph.verify().map_err(|e| {
            Failure::new(format!("the pass '{}' left a graph that does not hold together", pass.name()))
                .cause(e)
                .help("this is a defect of Sedge; please report it with the model")
        })?;
        tracing::debug!(pass = pass.name(), changes, "pass done");
        seen(pass.name(), graph);
    }
    Ok(())
}
