//! Loops whose variables change their shapes from turn to turn.
//!
//! Each turn needs a plan of its own, and what comes after the loop needs the shapes that it ends with. So the
//! operator waits until its inputs are known, as all do whose outputs' shapes depend on values, and the whole loop
//! runs while it is prepared:
//!
//! ```text
//! temporary memory:  variables | the subgraph's activations | the variables' next values
//! prepared data:     lists and data of the subgraph, until it has run
//! ```
//!
//! The last values are constants of the invocation, from which the rest of the graph is prepared.

use sedge_schema::op::{Node as _, NodeExt as _, While};
use sedge_schema::{Refusal, Slot};

use crate::arena::{Home, Place, Span};
use crate::kernels::shared::call::{self, Callee};
use crate::node::{Invoke, Lasting, OpRecord, Prepare, Run, Scope, out_of_memory};
use crate::slices;

/// Runs the loop, which gives variable `variable` another shape.
///
/// # Errors
/// [`Refusal::Pending`] where the inputs are not known yet; inside of a subgraph that is called they never are.
pub(super) fn prepare(op: While, node: &mut Prepare<'_>, variable: usize) -> Result<(), Refusal> {
    if node.depth != 0 {
        return Err(Refusal::Shape(Slot::Output(variable as u8)));
    }
    if !node.running {
        // Also where all inputs are constants: the subgraphs may read variables.
        return Err(Refusal::Pending(Slot::Input(variable as u8)));
    }
    let before = node.arena.marks();
    start(node)?;
    loop {
        let turn = node.arena.marks();
        let cond = call::plan_operands(node, op.cond_subgraph, node.operator.outputs(), 0)?;
        super::ensure_condition(node, &cond, op)?;
        let goes_on = run(node, &cond, |run, node, memory| {
            Ok(call::result(run, &node.state, &cond, memory, 0)?.first() != Some(&0))
        })?;
        Lasting::restore(&mut node.arena, turn);
        if !goes_on {
            break;
        }
        node.turns = node.turns.checked_sub(1).ok_or(Refusal::LoopLimit)?;
        let body = call::plan_operands(node, op.body_subgraph, node.operator.outputs(), 0)?;
        run(node, &body, |_, _, _| Ok(()))?;
        take_over(node, &body, before.temporary_start(), turn)?;
    }
    keep(node)?;
    node.arena.forget_temporary(before);
    node.record = OpRecord { kernel: OpRecord::DONE, ..OpRecord::default() };
    Ok(())
}

fn output(node: &Prepare<'_>, i: usize) -> Result<u32, Refusal> {
    let slot = Slot::Output(i as u8);
    node.index_of(slot).ok_or(Refusal::Absent(slot))
}

/// Copies the inputs to temporary memory; the outputs stand for the variables from here on.
fn start(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    for i in 0..node.outputs() {
        let shape = node.input(i)?;
        let kind = node.tensor_type(Slot::Input(i as u8))?;
        node.type_in(Slot::Output(i as u8), &[kind])?;
        let tensor = output(node, i)?;
        let given = node.index_of(Slot::Input(i as u8)).map(|t| node.place(t)).unwrap_or_default();
        node.set_shape(i, shape)?;
        if given.handle().is_some() {
            node.set_place(tensor, given);
            continue;
        }
        let bytes = node.values(i)?.len();
        let to = room(node, bytes)?;
        // The values are asked for again, because the memory was taken meanwhile.
        match (node.constant(i), given.home()) {
            (Some(constant), _) => {
                slices::copy(constant, node.arena.get_mut::<u8>(to));
            }
            (None, Home::Activations(from) | Home::Prepared(from)) => {
                node.arena.copy(from, to.range().start, bytes).ok_or(Refusal::Internal)?;
            }
            (None, _) => {}
        }
        node.set_place(tensor, Place::new(Home::Activations(to.range().start), bytes as u32));
    }
    Ok(())
}

/// Temporary memory for so many bytes.
fn room(node: &mut Prepare<'_>, bytes: usize) -> Result<Span, Refusal> {
    let span = node.arena.temporary::<u64>(bytes.div_ceil(size_of::<u64>())).map_err(out_of_memory)?;
    Ok(Span { bytes: u32::try_from(bytes).map_err(|_| Refusal::TooLarge)?, ..span })
}

/// Runs a subgraph on the variables, in temporary memory that becomes the operator's scratch memory.
fn run<T>(
    node: &mut Prepare<'_>,
    callee: &Callee,
    read: impl FnOnce(&Run<'_>, &Invoke<'_>, &[u8]) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    node.record.scratch = room(node, callee.bytes as usize)?;
    let turns = core::cell::Cell::new(node.turns);
    let scope = Scope { graph: &node.graph, resolver: node.setting.resolver };
    let (memory, prepared) = node.arena.reborrow().split();
    let run = scope.run(node.setting.level, prepared, &turns);
    let tensors = (node.operator.inputs(), node.operator.outputs());
    let mut invoke = Invoke::new(&run, tensors, node.record, memory);
    let memory = invoke.scratch::<u8>()?;
    let result = call::copy_in(&invoke, callee, memory, |invoke, i| invoke.output_place(i))
        .and_then(|()| call::run(&mut invoke, callee, memory))
        .and_then(|()| read(&run, &invoke, memory));
    let inner = invoke.inner;
    node.turns = turns.get();
    node.inner = node.inner.or(inner);
    result
}

/// Makes the outputs of the body, which ran last, the variables' values: they are put one after the other from `at` on,
/// and all else that was taken since the turn began is given back.
fn take_over(
    node: &mut Prepare<'_>,
    body: &Callee,
    at: usize,
    turn: crate::arena::Marks,
) -> Result<(), Refusal> {
    let memory = node.record.scratch.range().start;
    // Values may lie in the body's memory in any order, so they are brought behind it first.
    let mut next = None;
    for i in 0..node.outputs() {
        let (kind, shape, place) = call::output(node, body, i)?;
        node.type_in(Slot::Output(i as u8), &[kind])?;
        let tensor = output(node, i)?;
        let known = node.place(tensor);
        if place.handle().is_some() || known.handle().is_some() {
            if place.handle() != known.handle() {
                return Err(Refusal::Shape(Slot::Output(i as u8)));
            }
            continue;
        }
        node.set_shape(i, shape)?;
        let bytes = node.place(tensor).bytes as usize;
        let to = room(node, bytes)?.range().start;
        next = next.or(Some(to));
        match place.home() {
            Home::Activations(from) => node.arena.copy(memory.saturating_add(from), to, bytes),
            Home::Prepared(from) => node.arena.copy(from, to, bytes),
            Home::State(from) => {
                node.arena.copy(node.arena.marks().state().start.saturating_add(from), to, bytes)
            }
            Home::File(from) => {
                let file = node.graph.model.file();
                let from = from.checked_add(bytes).and_then(|end| file.get(from..end));
                let to = Span { offset: to as u32, bytes: bytes as u32 };
                from.map(|from| slices::copy(from, node.arena.get_mut::<u8>(to)))
            }
            _ => (bytes == 0).then_some(()),
        }
        .ok_or(Refusal::Internal)?;
        node.set_place(tensor, Place::new(Home::Activations(to), bytes as u32));
    }
    let end = node.arena.marks().temporary_start();
    Lasting::restore(&mut node.arena, turn);
    let Some(from) = next else { return Ok(()) };
    let bytes = end.saturating_sub(from);
    node.arena.move_temporary(from, at, bytes).ok_or(Refusal::Internal)?;
    for i in 0..node.outputs() {
        let tensor = output(node, i)?;
        let place = node.place(tensor);
        if let Home::Activations(old) = place.home() {
            let new = old.saturating_sub(from).saturating_add(at);
            node.set_place(tensor, Place::new(Home::Activations(new), place.bytes));
        }
    }
    Ok(())
}

/// Keeps the variables' last values as prepared data.
fn keep(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    for i in 0..node.outputs() {
        let tensor = output(node, i)?;
        let place = node.place(tensor);
        let Home::Activations(from) = place.home() else { continue };
        let words = (place.bytes as usize).div_ceil(size_of::<u64>());
        let to = node.list::<u64>(words)?.range().start;
        node.arena.copy(from, to, place.bytes as usize).ok_or(Refusal::Internal)?;
        node.set_place(tensor, Place::new(Home::Prepared(to), place.bytes));
    }
    Ok(())
}
