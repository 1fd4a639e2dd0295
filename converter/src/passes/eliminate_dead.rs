//! Removes operators whose results nobody reads, and tensors that nobody uses.

use super::Pass;
use crate::Failure;
use crate::graph::Graph;

/// Removes operators whose results nobody reads, and tensors that nobody uses.
#[derive(Clone, Copy, Debug)]
pub struct EliminateDead;

impl Pass for EliminateDead {
    fn name(&self) -> &'static str {
        "eliminate-dead"
    }

    fn run(&self, graph: &mut Graph) -> Result<usize, Failure> {
        Ok(graph.remove_dead())
    }
}
