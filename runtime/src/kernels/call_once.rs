//! CALL_ONCE: runs a subgraph if it did not run since the session was made or reset.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_schema::op::CallOnce;

use super::shared::call::{self, Callee};
use crate::arena::Span;
use crate::node::{Invoke, Lasting, Prepare, out_of_memory};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    callee: Callee,
    /// One byte of state: whether the subgraph has run.
    done: Span,
}

pub(super) fn prepare(op: CallOnce, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let callee = call::plan(node, op.init_subgraph, 0)?;
    let subgraph = op.init_subgraph as u32;
    if call::outputs(node, &callee) != 0 {
        return Err(Refusal::Subgraph(subgraph));
    }
    let same = |l: &Lasting| (l.kind, l.subgraph) == (Lasting::ONCE, subgraph);
    let done = match Lasting::find(&node.arena, same) {
        Some((_, lasting)) => lasting.state,
        None => {
            let state = node.state(1)?;
            let lasting = Lasting { kind: Lasting::ONCE, subgraph, state, ..Lasting::default() };
            lasting.add(&mut node.arena).map_err(out_of_memory)?;
            state
        }
    };
    node.scratch(callee.bytes as usize)?;
    node.set_data(Data { callee, done })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { callee, done } = *node.data::<Data>()?;
    let done = done.range();
    if node.state.get(done.start, 1) == Some(&[0]) {
        let memory = node.scratch::<u8>()?;
        call::run(node, &callee, memory)?;
        node.state.get_mut(done.start, 1).ok_or(Refusal::Internal)?.fill(1);
    }
    Ok(())
}
