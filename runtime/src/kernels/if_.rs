//! IF: runs one of two subgraphs, and copies its outputs.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{If, NodeExt as _};
use sedge_schema::{Refusal, Slot, TensorType};

use super::shared::INPUT;
use super::shared::call::{self, Callee};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    callees: [Callee; 2],
}

pub(super) fn prepare(op: If, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    node.type_in(INPUT, &[TensorType::Bool])?;
    if node.input(0)?.elements() != 1 {
        return Err(Refusal::Shape(INPUT));
    }
    let callees = [call::plan(node, op.then_subgraph, 1)?, call::plan(node, op.else_subgraph, 1)?];
    let outputs = node.operator.outputs().len();
    for (callee, subgraph) in callees.iter().zip([op.then_subgraph, op.else_subgraph]) {
        if call::outputs(node, callee) != outputs {
            return Err(Refusal::Subgraph(subgraph as u32));
        }
    }
    let [then, other] = &callees;
    for i in 0..outputs {
        // Shapes that depend on the condition would only be known when the model runs.
        let (a, b) = (call::output(node, then, i)?, call::output(node, other, i)?);
        if (a.0, a.1) != (b.0, b.1) || a.2.handle() != b.2.handle() {
            return Err(Refusal::Shape(Slot::Output(i as u8)));
        }
        call::set_output(node, then, i)?;
    }
    node.scratch(callees.iter().map(|c| c.bytes as usize).max().unwrap_or(0))?;
    node.set_data(Data { callees })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { callees: [then, other] } = *node.data::<Data>()?;
    let callee = if node.input::<u8>(0)?.first() != Some(&0) { then } else { other };
    call::call(node, &callee, 1)
}
