//! STABLEHLO_COMPOSITE: runs the subgraph that does what the operator stands for, and copies its outputs.

use sedge_schema::Refusal;
use sedge_schema::op::StablehloComposite;

use super::shared::call::{self, Callee};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: StablehloComposite, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let callee = call::plan(node, op.decomposition_subgraph, 0)?;
    let outputs = node.operator.outputs().len();
    if call::outputs(node, &callee) != outputs {
        return Err(Refusal::Subgraph(op.decomposition_subgraph as u32));
    }
    for i in 0..outputs {
        call::set_output(node, &callee, i)?;
    }
    node.scratch(callee.bytes as usize)?;
    node.set_data(callee)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let callee = *node.data::<Callee>()?;
    call::call(node, &callee, 0)
}
