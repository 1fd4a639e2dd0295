//! WHILE: the loop's variables lie in the operator's outputs; they are copied into whichever subgraph
//! runs, and the body's outputs back. So a body may give its inputs back in another order.
//!
//! Where the body gives a variable another shape, the loop runs while the operator is prepared, once its inputs
//! are known ([`growing`]).

mod growing;

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{NodeExt as _, While};
use sedge_schema::{Refusal, Slot, TensorType};

use super::shared::call::{self, Callee};
use super::shared::copy_slice;
use crate::arena::Home;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    cond: Callee,
    body: Callee,
}

pub(super) fn prepare(op: While, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let cond = call::plan(node, op.cond_subgraph, 0)?;
    ensure_condition(node, &cond, op)?;
    let body = call::plan(node, op.body_subgraph, 0)?;
    let outputs = node.operator.outputs().len();
    if call::outputs(node, &body) != outputs {
        return Err(Refusal::Subgraph(op.body_subgraph as u32));
    }
    for i in 0..outputs {
        let (_, shape, place) = call::output(node, &body, i)?;
        let given = node.index_of(Slot::Input(i as u8)).map(|t| node.place(t)).unwrap_or_default();
        if place.handle() != given.handle() {
            return Err(Refusal::Shape(Slot::Output(i as u8)));
        }
        if shape != node.input(i)? {
            return growing::prepare(op, node, i);
        }
        call::set_output(node, &body, i)?;
    }
    node.scratch(cond.bytes.max(body.bytes) as usize)?;
    node.set_data(Data { cond, body })
}

/// Checks that the condition gives one bool.
fn ensure_condition(node: &Prepare<'_>, cond: &Callee, op: While) -> Result<(), Refusal> {
    let yes_or_no = call::outputs(node, cond) == 1 && {
        let (kind, shape, _) = call::output(node, cond, 0)?;
        kind == TensorType::Bool && shape.elements() == 1
    };
    if yes_or_no { Ok(()) } else { Err(Refusal::Subgraph(op.cond_subgraph as u32)) }
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { cond, body } = *node.data::<Data>()?;
    let memory = node.scratch::<u8>()?;
    for i in 0..node.outputs() {
        start(node, i)?;
    }
    loop {
        call::copy_in(node, &cond, memory, |node, i| node.output_place(i))?;
        call::run(node, &cond, memory)?;
        if call::result(node.run, &node.state, &cond, memory, 0)?.first() == Some(&0) {
            return Ok(());
        }
        let turns = node.run.turns;
        turns.set(turns.get().checked_sub(1).ok_or(Refusal::LoopLimit)?);
        call::copy_in(node, &body, memory, |node, i| node.output_place(i))?;
        call::run(node, &body, memory)?;
        call::copy_out(node, &body, memory)?;
    }
}

/// Copies input `i` to output `i`.
fn start(node: &mut Invoke<'_>, i: usize) -> Result<(), Refusal> {
    let (from, to) = (node.input_place(i)?, node.output_place(i)?);
    let Home::Activations(at) = to.home() else { return Ok(()) };
    let bytes = to.bytes as usize;
    match from.home() {
        Home::Activations(from) => node.activations.copy(from, at, bytes).ok_or(Refusal::Internal),
        home => {
            let from = match home {
                Home::State(from) => node.state.get(from, bytes),
                _ => node.run.constant(from),
            };
            let to = node.activations.get_mut(at, bytes).ok_or(Refusal::Internal)?;
            copy_slice(from.ok_or(Refusal::Internal)?, to)
        }
    }
}
