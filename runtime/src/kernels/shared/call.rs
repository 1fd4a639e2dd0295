//! Calling subgraphs.
//!
//! While the calling operator is prepared, each subgraph that it may run is planned for the operands'
//! shapes, with lists and prepared data of its own; its activations are the operator's scratch memory.
//! While it runs, its operands are copied to the subgraph's inputs, and the subgraph's outputs to its own.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{Refusal, Shape, Slot, Subgraph, TensorType, Vector};

use crate::arena::{Arena, Home, Place};
use crate::error::Error;
use crate::node::place_variables;
use crate::node::{Graph, Invoke, Memory, Prepare, Run, Scope, ShapeRecord, State, Tables};
use crate::session::build::{Shapes, place_start, plan_called};

/// Calls may be nested this deeply. Models are not; a subgraph that calls itself would be, without end.
const MOST_DEPTH: u32 = 8;

/// A subgraph that was planned for one operator that calls it.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Callee {
    subgraph: u32,
    tables: Tables,
    /// Bytes of scratch memory that its activations take.
    pub(crate) bytes: u32,
}

/// Plans subgraph `number`; its inputs are the operator's from input `first` on.
pub(crate) fn plan(node: &mut Prepare<'_>, number: i32, first: usize) -> Result<Callee, Refusal> {
    let operands = node.operator.inputs();
    plan_operands(node, number, operands, first)
}

/// Plans subgraph `number`; its inputs are these tensors from number `first` on.
pub(crate) fn plan_operands(
    node: &mut Prepare<'_>,
    number: i32,
    operands: Vector<'_, i32>,
    first: usize,
) -> Result<Callee, Refusal> {
    let number = number as u32;
    let refused = Refusal::Subgraph(number);
    let depth = node.depth + 1;
    if depth > MOST_DEPTH {
        return Err(Refusal::Depth);
    }
    let view = node.graph.model.subgraphs().get(number as usize).ok_or(refused)?;
    if view.inputs().len() + first != operands.len() {
        return Err(refused);
    }
    let caller = node.graph;
    for ((i, operand), t) in operands.iter().enumerate().skip(first).zip(view.inputs().iter()) {
        let slot = Slot::Input(i as u8);
        let kind = view.tensors().get(t as usize).ok_or(refused)?.tensor_type();
        let operand =
            u32::try_from(operand).ok().and_then(|t| caller.tensor(t)).ok_or(Refusal::Absent(slot))?;
        if operand.tensor_type() != kind {
            return Err(Refusal::Type(slot));
        }
    }
    let mut graph = Graph::new(caller.model, view, number, Tables::default());
    let start = |graph: &Graph<'_>, arena: &mut Arena<'_>| {
        place_variables(graph, arena)?;
        for (t, operand) in graph.view.inputs().iter().zip(operands.iter().skip(first)) {
            if start_input(&caller, operand as u32, graph, t as u32, arena)? == Shapes::Others {
                return Ok(Shapes::Others);
            }
        }
        Ok(Shapes::File)
    };
    let setting = node.setting;
    match plan_called(&mut graph, &setting, &mut node.arena, depth, &start) {
        Ok(bytes) => Ok(Callee { subgraph: number, tables: graph.tables, bytes }),
        Err(error) => {
            let (refusal, inner) = called(error, number);
            node.inner = inner;
            Err(refusal)
        }
    }
}

/// Gives input `t` of a subgraph the shape of the caller's tensor `operand` or, where that is the handle
/// of a variable, the handle.
fn start_input(
    caller: &Graph<'_>,
    operand: u32,
    graph: &Graph<'_>,
    t: u32,
    arena: &mut Arena<'_>,
) -> Result<Shapes, Error> {
    let shape = caller.shape(arena, operand);
    let from = arena.get::<Place>(caller.tables.places).get(operand as usize).copied().unwrap_or_default();
    if let Home::Handle(_) = from.home() {
        *arena.get_mut::<Place>(graph.tables.places).get_mut(t as usize).ok_or(Error::Plan)? = from;
        return Ok(Shapes::File);
    }
    if graph.shape(arena, t) != shape {
        match arena.get_mut::<ShapeRecord>(graph.tables.shapes).get_mut(t as usize) {
            Some(record) => *record = shape.into(),
            None => return Ok(Shapes::Others),
        }
    }
    place_start(graph, arena, t)?;
    // A constant or a variable cannot be an input as well.
    let place = arena.get::<Place>(graph.tables.places).get(t as usize).copied().unwrap_or_default();
    if place.is_planned() { Ok(Shapes::File) } else { Err(Error::Order { tensor: t }) }
}

/// The refusal of an operator whose subgraph cannot run, and the error that tells where.
fn called(error: Error, subgraph: u32) -> (Refusal, Option<Error>) {
    match error {
        Error::Operator { operator, code, refusal } => {
            // Only what is called from outside can wait for values.
            let waits = matches!(refusal, Refusal::Pending(_));
            let outer = if waits { Refusal::Subgraph(subgraph) } else { refusal };
            (outer, Some(Error::Called { subgraph, operator, code, refusal }))
        }
        Error::Called { refusal: Refusal::Pending(_), .. } | Error::MissingKernel { .. } => {
            (Refusal::Subgraph(subgraph), Some(error))
        }
        Error::Called { refusal, .. } => (refusal, Some(error)),
        Error::ArenaTooSmall { needed, .. } => (Refusal::OutOfMemory { needed }, None),
        _ => (Refusal::Subgraph(subgraph), None),
    }
}

/// The shape and the place of output `i` of a subgraph that was planned.
pub(crate) fn output(
    node: &Prepare<'_>,
    callee: &Callee,
    i: usize,
) -> Result<(TensorType, Shape, Place), Refusal> {
    let refused = Refusal::Subgraph(callee.subgraph);
    let view = node.graph.model.subgraphs().get(callee.subgraph as usize).ok_or(refused)?;
    let graph = Graph::new(node.graph.model, view, callee.subgraph, callee.tables);
    let t = view.outputs().get(i).ok_or(refused)? as u32;
    let places = node.arena.get::<Place>(callee.tables.places);
    let place = places.get(t as usize).copied().unwrap_or_default();
    let kind = graph.tensor(t).ok_or(refused)?.tensor_type();
    Ok((kind, graph.shape(&node.arena, t), place))
}

/// The number of outputs of a subgraph.
pub(crate) fn outputs(node: &Prepare<'_>, callee: &Callee) -> usize {
    node.graph.model.subgraphs().get(callee.subgraph as usize).map_or(0, |g| g.outputs().len())
}

/// Gives the operator's output `i` what the subgraph's output `i` has: shape and, for the handle of a
/// variable, the handle.
pub(crate) fn set_output(node: &mut Prepare<'_>, callee: &Callee, i: usize) -> Result<(), Refusal> {
    let slot = Slot::Output(i as u8);
    let (kind, shape, place) = output(node, callee, i)?;
    node.type_in(slot, &[kind])?;
    node.set_shape(i, shape)?;
    if let (Home::Handle(_), Some(t)) = (place.home(), node.index_of(slot)) {
        node.set_place(t, place);
    }
    Ok(())
}

/// The subgraph.
fn view<'s>(run: &Run<'s>, callee: &Callee) -> Result<Subgraph<'s>, Refusal> {
    let model = run.scope.ok_or(Refusal::Internal)?.graph.model;
    model.subgraphs().get(callee.subgraph as usize).ok_or(Refusal::Internal)
}

/// Runs the subgraph on the operator's inputs from number `first` on; its outputs become the operator's.
pub(crate) fn call(node: &mut Invoke<'_>, callee: &Callee, first: usize) -> Result<(), Refusal> {
    let memory = node.scratch::<u8>()?;
    copy_in(node, callee, memory, |node, i| node.input_place(first + i))?;
    run(node, callee, memory)?;
    copy_out(node, callee, memory)
}

/// Copies to the subgraph's inputs what lies at the places of the calling operator that `from` tells.
pub(crate) fn copy_in<'s>(
    node: &Invoke<'s>,
    callee: &Callee,
    memory: &mut [u8],
    from: impl Fn(&Invoke<'s>, usize) -> Result<Place, Refusal>,
) -> Result<(), Refusal> {
    let places = node.run.prepared.get::<Place>(callee.tables.places);
    for (i, t) in view(node.run, callee)?.inputs().iter().enumerate() {
        let place = places.get(t as usize).copied().ok_or(Refusal::Internal)?;
        let Home::Activations(at) = place.home() else { continue };
        let to = memory.get_mut(at..).and_then(|m| m.get_mut(..place.bytes as usize));
        super::copy_slice(node.bytes_at(from(node, i)?)?, to.ok_or(Refusal::Internal)?)?;
    }
    Ok(())
}

/// Runs the subgraph in `memory`, the scratch memory of the calling operator.
pub(crate) fn run(node: &mut Invoke<'_>, callee: &Callee, memory: &mut [u8]) -> Result<(), Refusal> {
    let outer = node.run.scope.ok_or(Refusal::Internal)?;
    let view = view(node.run, callee)?;
    let graph = &Graph::new(outer.graph.model, view, callee.subgraph, callee.tables);
    let run = Run { scope: Some(Scope { graph, ..outer }), ..*node.run };
    for operator in 0..graph.operators.len() as u32 {
        if let Err(error) = run.step(operator, Memory::new(memory, node.state.first())) {
            let (refusal, inner) = called(error, callee.subgraph);
            node.inner = inner;
            return Err(refusal);
        }
    }
    Ok(())
}

/// The bytes of output `i` of the subgraph that ran in `memory`.
pub(crate) fn result<'m>(
    run: &Run<'m>,
    state: &'m State<'_>,
    callee: &Callee,
    memory: &'m [u8],
    i: usize,
) -> Result<&'m [u8], Refusal> {
    let t = view(run, callee)?.outputs().get(i).ok_or(Refusal::Internal)?;
    let places = run.prepared.get::<Place>(callee.tables.places);
    let place = places.get(t as usize).copied().ok_or(Refusal::Internal)?;
    match place.home() {
        Home::Activations(at) => memory.get(at..).and_then(|m| m.get(..place.bytes as usize)),
        Home::State(at) => state.get(at, place.bytes as usize),
        _ => run.constant(place),
    }
    .ok_or(Refusal::Internal)
}

/// Copies the subgraph's outputs to those of the calling operator.
pub(crate) fn copy_out(node: &mut Invoke<'_>, callee: &Callee, memory: &[u8]) -> Result<(), Refusal> {
    for i in 0..node.outputs() {
        let place = node.output_place(i)?;
        let Home::Activations(at) = place.home() else { continue };
        let to = node.activations.get_mut(at, place.bytes as usize).ok_or(Refusal::Internal)?;
        super::copy_slice(result(node.run, &node.state, callee, memory, i)?, to)?;
    }
    Ok(())
}
