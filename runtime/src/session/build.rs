//! Making a session: lists, shapes and prepared data, lifetimes, offsets, proof.
//!
//! A graph is prepared in parts. The first part ends where an operator's output shape depends on
//! values that only a run computes; the rest is prepared during `invoke`, when they are known, above
//! the memory of the first. Ordinary models have one part, and nothing is prepared in `invoke`.

use sedge_schema::{Model, Refusal, Shape};

use super::{Options, Session, operator_error};
use crate::arena::{Arena, Home, Marks, Place, Span, TooSmall, aligned_part};
use crate::element::alignment;
use crate::error::Error;
use crate::node::{Graph, OpRecord, Prepare, ShapeRecord, Tables};
use crate::plan::{Block, Lifetime, arrange, is_disjoint, lifetimes, lower_bound};
use crate::resolver::Resolver;

pub(super) fn build<'a>(
    model: Model<'a>,
    resolver: Resolver,
    memory: &'a mut [u8],
    options: &Options<'_>,
) -> Result<Session<'a>, Error> {
    let graph = Graph { model, view: model.main(), tables: Tables::default() };
    let memory = aligned_part(memory);
    let marks = Marks::default();
    let (level, weights) = (options.level, options.weights);
    let static_part = (0, marks);
    let mut session =
        Session { graph, resolver, memory, marks, level, weights, ready: 0, static_part, lower_bound: 0 };
    // Shapes are read from the file. Where one turns out to be another, they get a list of their own.
    let resized = options.input_shapes.iter().any(Option::is_some);
    if resized || session.prepare_first(options, false)? == Shapes::Others {
        session.prepare_first(options, true)?;
    }
    session.static_part = (session.ready, session.marks);
    Ok(session)
}

/// Prepares the operators that wait for computed values, as far as these are known now.
pub(super) fn prepare_rest(session: &mut Session<'_>) -> Result<(), Error> {
    let start = session.ready;
    session.prepare_part(start, true)?;
    // At least the first of them has all that it waited for.
    if session.ready == start { Err(Error::Plan) } else { Ok(()) }
}

/// Where the shapes of a part's tensors are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shapes {
    /// In the file.
    File,
    /// Some are not those of the file.
    Others,
}

impl Session<'_> {
    fn too_small(&self) -> impl Fn(TooSmall) -> Error + use<> {
        let found = self.memory.len() as u32;
        move |TooSmall(needed)| Error::ArenaTooSmall {
            needed: u32::try_from(needed).unwrap_or(u32::MAX),
            found,
        }
    }

    /// Makes the lists and prepares the first part.
    fn prepare_first(&mut self, options: &Options<'_>, own_shapes: bool) -> Result<Shapes, Error> {
        self.marks = Marks::default();
        self.ready = 0;
        let too_small = self.too_small();
        let (tensors, operators) = (self.graph.view.tensors().len(), self.graph.view.operators().len());
        let mut arena = self.arena();
        let tables = Tables {
            places: arena.prepare::<Place>(tensors).map_err(&too_small)?,
            records: arena.prepare::<OpRecord>(operators).map_err(&too_small)?,
            shapes: match own_shapes {
                true => arena.prepare::<ShapeRecord>(tensors).map_err(&too_small)?,
                false => Span::default(),
            },
        };
        self.graph.tables = tables;
        let graph = self.graph;
        let mut arena = self.arena();
        place_constants(&graph, &mut arena).map_err(&too_small)?;
        set_shapes(&graph, &mut arena, options)?;
        self.prepare_part(0, false)
    }

    /// Prepares and places the operators from `start` on, as far as their shapes are known.
    fn prepare_part(&mut self, start: u32, running: bool) -> Result<Shapes, Error> {
        let too_small = self.too_small();
        let (graph, resolver, level, weights) = (self.graph, self.resolver, self.level, self.weights);
        let found = self.memory.len();
        let tensors = graph.view.tensors().len();
        let low = self.marks.activations();
        let mut arena = self.arena();
        let lives = arena.temporary::<Lifetime>(tensors).map_err(&too_small)?;
        lifetimes(&graph.model, &graph.view, arena.get_mut(lives))?;
        let mut end = start;
        for (index, operator) in (start..).zip(graph.view.operators().iter().skip(start as usize)) {
            let code = graph.model.code(&operator);
            let kernel = resolver.find(&code);
            let missing = Error::MissingKernel { operator: index, code: code.builtin() };
            let (number, kernel) =
                kernel.and_then(|n| Some((n, resolver.kernels().get(n)?))).ok_or(missing)?;
            let before = arena.prepared();
            let mut node = Prepare {
                graph,
                arena: arena.reborrow(),
                operator,
                index,
                record: OpRecord { kernel: number as u32, ..OpRecord::default() },
                lifetimes: lives,
                start,
                running,
                level,
                weights,
                other_shapes: false,
            };
            let result = kernel.prepare(&mut node);
            let Prepare { record, other_shapes, .. } = node;
            match result {
                Err(Refusal::Pending(_)) if graph.tables.shapes.is_empty() => return Ok(Shapes::Others),
                Err(Refusal::Pending(_)) if !running || index > start => {
                    arena.release(before);
                    break;
                }
                Err(refusal) => return Err(operator_error(index, code.builtin(), refusal, found)),
                Ok(()) if other_shapes => return Ok(Shapes::Others),
                Ok(()) => {}
            }
            if let Some(slot) = arena.get_mut::<OpRecord>(graph.tables.records).get_mut(index as usize) {
                *slot = record;
            }
            end = index + 1;
        }
        let part = Part { start, end, base: low, first: !running };
        let bound = part.place(&graph, &mut arena, lives, &too_small)?;
        self.marks.end_temporary();
        self.lower_bound = self.lower_bound.max(low + bound);
        self.ready = end;
        if part.first {
            self.reset();
        }
        Ok(Shapes::File)
    }
}

/// Finds every constant in the file, and copies those that kernels could not read there.
fn place_constants(graph: &Graph<'_>, arena: &mut Arena<'_>) -> Result<(), TooSmall> {
    let file = graph.model.file();
    for (i, tensor) in graph.view.tensors().iter().enumerate() {
        let constant = graph.model.constant(&tensor);
        let Ok(bytes) = u32::try_from(constant.len()) else { return Err(TooSmall(usize::MAX)) };
        if bytes == 0 {
            continue;
        }
        let align = alignment(tensor.tensor_type());
        let home = if (constant.as_ptr() as usize).is_multiple_of(align) {
            Home::File(constant.as_ptr() as usize - file.as_ptr() as usize)
        } else {
            let words = constant.len().div_ceil(size_of::<u64>());
            let span = arena.prepare::<u64>(words)?;
            arena.get_mut::<u8>(span).iter_mut().zip(constant).for_each(|(to, &from)| *to = from);
            Home::Prepared(span.range().start)
        };
        if let Some(place) = arena.get_mut::<Place>(graph.tables.places).get_mut(i) {
            *place = Place::new(home, bytes);
        }
    }
    Ok(())
}

/// Gives inputs, variables and, where there is a list, all tensors the shapes that they start with.
fn set_shapes(graph: &Graph<'_>, arena: &mut Arena<'_>, options: &Options<'_>) -> Result<(), Error> {
    let tables = graph.tables;
    for (i, tensor) in graph.view.tensors().iter().enumerate() {
        if let Some(record) = arena.get_mut::<ShapeRecord>(tables.shapes).get_mut(i) {
            *record = tensor.shape().into();
        }
    }
    for (i, t) in graph.view.inputs().iter().enumerate() {
        let Some(&Some(shape)) = options.input_shapes.get(i) else { continue };
        // A tensor that the converter knew no rank of takes any shape.
        let declared = graph.tensor(t as u32).map(|t| t.shape()).unwrap_or_default();
        if declared.rank() != shape.rank() && declared.rank() != 0 {
            return Err(Error::InputShape(shape));
        }
        if let Some(record) = arena.get_mut::<ShapeRecord>(tables.shapes).get_mut(t as usize) {
            *record = Shape::into(shape);
        }
    }
    for (i, tensor) in (0u32..).zip(graph.view.tensors().iter()) {
        let is_input = graph.view.inputs().iter().any(|t| t == i as i32);
        if !(is_input || tensor.is_variable()) {
            continue;
        }
        let shape = graph.shape(arena, i);
        let kind = tensor.tensor_type();
        let bytes =
            kind.bytes(shape.elements()).filter(|_| kind.bits() != 0).and_then(|n| u32::try_from(n).ok());
        let bytes = bytes.ok_or(Error::Tensor { tensor: i })?;
        let place = arena.get_mut::<Place>(tables.places).get_mut(i as usize).ok_or(Error::Plan)?;
        if !place.is_constant() {
            *place = Place::new(Home::Nowhere, bytes);
        }
    }
    Ok(())
}

/// The operators `start..end`, whose tensors are placed from `base` on.
struct Part {
    start: u32,
    end: u32,
    base: usize,
    /// Whether it is the first part, which places inputs and variables as well.
    first: bool,
}

/// Blocks of scratch memory are counted from here on, those of tensors below.
const SCRATCH: u32 = 1 << 31;

impl Part {
    /// Places the tensors and the scratch memory of this part; returns the least bytes possible.
    fn place(
        &self,
        graph: &Graph<'_>,
        arena: &mut Arena<'_>,
        lives: Span,
        too_small: &impl Fn(TooSmall) -> Error,
    ) -> Result<usize, Error> {
        let tensors = graph.view.tensors().len();
        let count = (0..tensors as u32).filter_map(|t| self.tensor_block(graph, arena, lives, t)).count()
            + (self.start..self.end).filter_map(|o| self.scratch_block(graph, arena, o)).count();
        let list = arena.temporary::<Block>(count).map_err(too_small)?;
        let mut next = 0;
        for t in 0..tensors as u32 {
            if let Some(block) = self.tensor_block(graph, arena, lives, t) {
                push(arena, list, &mut next, block)?;
            }
        }
        for o in self.start..self.end {
            if let Some(block) = self.scratch_block(graph, arena, o) {
                push(arena, list, &mut next, block)?;
            }
        }
        let blocks = arena.get_mut::<Block>(list);
        let size = arrange(blocks);
        let bound = lower_bound(blocks);
        if !is_disjoint(blocks, size) {
            return Err(Error::Plan);
        }
        // Positions are written into the lists of the prepared data, so they must be known to fit.
        arena.set_activations(self.base.saturating_add(size)).map_err(too_small)?;
        for i in 0..count {
            let Some(&block) = arena.get::<Block>(list).get(i) else { break };
            let at = self.base + block.offset as usize;
            if block.owner >= SCRATCH {
                let records = arena.get_mut::<OpRecord>(graph.tables.records);
                let record = records.get_mut((block.owner - SCRATCH) as usize).ok_or(Error::Plan)?;
                record.scratch.offset = at as u32;
            } else {
                set_home(graph, arena, block.owner, at)?;
            }
        }
        // Tensors that share another's bytes lie where that one lies.
        for t in 0..tensors as u32 {
            let Some(life) = arena.get::<Lifetime>(lives).get(t as usize).copied() else { break };
            if life.block == t || !self.places(graph, t, &life) {
                continue;
            }
            let places = arena.get::<Place>(graph.tables.places);
            if let Some(Home::Activations(at)) = places.get(life.block as usize).map(|p| p.home()) {
                set_home(graph, arena, t, at)?;
            }
        }
        Ok(bound)
    }

    /// Whether tensor `t` is given its place in this part: it is written here or, for inputs and
    /// variables, this is the first part.
    fn places(&self, graph: &Graph<'_>, t: u32, life: &Lifetime) -> bool {
        let starts_alive = graph.starts_alive(t);
        life.is_used() && if starts_alive { self.first } else { (self.start..self.end).contains(&life.first) }
    }

    fn tensor_block(&self, graph: &Graph<'_>, arena: &Arena<'_>, lives: Span, t: u32) -> Option<Block> {
        let life = arena.get::<Lifetime>(lives).get(t as usize)?;
        let place = arena.get::<Place>(graph.tables.places).get(t as usize)?;
        let owns = life.block == t && !place.is_constant() && self.places(graph, t, life);
        // What later parts read lives to the end of this one; they lie above it.
        owns.then(|| Block::new(t, place.bytes, life.first, life.last))
    }

    fn scratch_block(&self, graph: &Graph<'_>, arena: &Arena<'_>, operator: u32) -> Option<Block> {
        let record = arena.get::<OpRecord>(graph.tables.records).get(operator as usize)?;
        let bytes = record.scratch.bytes;
        (bytes != 0).then(|| Block::new(SCRATCH + operator, bytes, operator, operator))
    }
}

fn push(arena: &mut Arena<'_>, list: Span, next: &mut usize, block: Block) -> Result<(), Error> {
    *arena.get_mut::<Block>(list).get_mut(*next).ok_or(Error::Plan)? = block;
    *next += 1;
    Ok(())
}

fn set_home(graph: &Graph<'_>, arena: &mut Arena<'_>, tensor: u32, at: usize) -> Result<(), Error> {
    let place = arena.get_mut::<Place>(graph.tables.places).get_mut(tensor as usize).ok_or(Error::Plan)?;
    *place = Place::new(Home::Activations(at), place.bytes);
    Ok(())
}
