//! Making a session: lists, shapes and prepared data, lifetimes, offsets, proof.
//!
//! A graph is prepared in parts. The first part ends where an operator's output shape depends on
//! values that only a run computes; the rest is prepared during `invoke`, when they are known, above
//! the memory of the first. Ordinary models have one part, and nothing is prepared in `invoke`.
//!
//! A subgraph that an operator calls is planned in the same way ([`plan_called`]), all in one part, while
//! that operator is prepared. Its activations are the scratch memory of the operator that calls it.

use sedge_schema::{Model, Refusal, Shape};

use super::fold::Folded;
use super::{Options, Session};
use crate::arena::{Arena, Home, Marks, Place, Span, TooSmall, aligned_part};
use crate::element::alignment;
use crate::error::Error;
use crate::node::{Graph, Lasting, OpRecord, Prepare, Setting, ShapeRecord, Tables};
use crate::plan::{Block, Lifetime, arrange, is_disjoint, lifetimes, lower_bound};
use crate::resolver::Resolver;

/// What is done to a graph before its operators are prepared, when inputs and variables have their sizes.
pub(super) type Start = fn(&Graph<'_>, &mut Arena<'_>) -> Result<(), Error>;

pub(super) fn build<'a>(
    model: Model<'a>,
    resolver: Resolver,
    memory: &'a mut [u8],
    options: &Options<'_>,
    start: Start,
) -> Result<Session<'a>, Error> {
    let graph = Graph::new(model, model.main(), model.entry(), Tables::default());
    let memory = aligned_part(memory);
    let marks = Marks::default();
    let setting = Setting {
        resolver,
        level: options.level,
        weights: options.weights,
        #[cfg(feature = "threads")]
        threads: options.threads,
    };
    let mut session = Session {
        graph,
        setting,
        memory,
        marks,
        loop_limit: options.loop_limit,
        turns: 0,
        next: 0,
        ready: 0,
        static_part: (0, marks),
        lower_bound: 0,
    };
    // Shapes are read from the file. Where one turns out to be another, they get a list of their own.
    let resized = options.input_shapes.iter().any(Option::is_some);
    if resized || session.prepare_first(options, false, start)? == Shapes::Others {
        session.prepare_first(options, true, start)?;
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
pub(crate) enum Shapes {
    /// In the file.
    File,
    /// Some are not those of the file.
    Others,
}

impl Session<'_> {
    /// Makes the lists and prepares the first part.
    fn prepare_first(
        &mut self,
        options: &Options<'_>,
        own_shapes: bool,
        start: Start,
    ) -> Result<Shapes, Error> {
        self.marks = Marks::default();
        self.ready = 0;
        let mut graph = self.graph;
        let mut arena = self.arena();
        make_lists(&mut graph, &mut arena, own_shapes)?;
        set_input_shapes(&graph, &mut arena, options)?;
        place_starts(&graph, &mut arena)?;
        start(&graph, &mut arena)?;
        self.graph = graph;
        self.prepare_part(0, false)
    }

    /// Prepares and places the operators from `start` on, as far as their shapes are known.
    fn prepare_part(&mut self, start: u32, running: bool) -> Result<Shapes, Error> {
        let (graph, setting) = (self.graph, self.setting);
        let base = self.marks.activations();
        let turns = self.turns;
        let mut arena = self.arena();
        let mut part = Part { start, end: start, base, running, depth: 0, turns };
        let Some(lives) = part.prepare(&graph, &setting, &mut arena)? else { return Ok(Shapes::Others) };
        let plan = part.arrange(&graph, &mut arena, lives)?;
        // Positions are written into the lists of the prepared data, so they must be known to fit.
        let found = arena.len();
        let too_small = |e| Error::too_small(e, found);
        arena.set_activations(base.saturating_add(plan.size)).map_err(too_small)?;
        if !running {
            arena.place_state().map_err(too_small)?;
        }
        part.place(&graph, &mut arena, lives, &plan)?;
        self.marks.end_temporary();
        self.lower_bound = self.lower_bound.max(base + plan.bound);
        (self.ready, self.turns) = (part.end, part.turns);
        if !running {
            self.reset();
        }
        Ok(Shapes::File)
    }
}

/// Plans `graph`, which an operator calls that lies `depth` calls deep, so that its activations start at
/// offset 0 of memory that is that operator's own; returns their bytes. `start` gives the inputs their
/// shapes and places.
///
/// # Errors
/// What is wrong with the graph; [`Error::Operator`] with [`Refusal::Pending`] where a shape depends on
/// values.
pub(crate) fn plan_called(
    graph: &mut Graph<'_>,
    setting: &Setting,
    arena: &mut Arena<'_>,
    depth: u32,
    start: &dyn Fn(&Graph<'_>, &mut Arena<'_>) -> Result<Shapes, Error>,
) -> Result<u32, Error> {
    let before = arena.marks();
    for own_shapes in [false, true] {
        make_lists(graph, arena, own_shapes)?;
        place_starts(graph, arena)?;
        if start(graph, arena)? == Shapes::File {
            let mut part = Part { start: 0, end: 0, base: 0, running: false, depth, turns: 0 };
            if let Some(lives) = part.prepare(graph, setting, arena)? {
                let plan = part.arrange(graph, arena, lives)?;
                part.place(graph, arena, lives, &plan)?;
                arena.forget_temporary(before);
                return u32::try_from(plan.size).map_err(|_| Error::Plan);
            }
        }
        // What was prepared for the shapes of the file is prepared again.
        Lasting::restore(arena, before);
    }
    Err(Error::Plan)
}

/// Takes the lists of a graph, and fills those of constants and shapes with what the file has.
fn make_lists(graph: &mut Graph<'_>, arena: &mut Arena<'_>, own_shapes: bool) -> Result<(), Error> {
    let found = arena.len();
    let too_small = |e| Error::too_small(e, found);
    let (tensors, operators) = (graph.view.tensors().len(), graph.view.operators().len());
    graph.tables = Tables {
        places: arena.prepare::<Place>(tensors).map_err(too_small)?,
        records: arena.prepare::<OpRecord>(operators).map_err(too_small)?,
        shapes: match own_shapes {
            true => arena.prepare::<ShapeRecord>(tensors).map_err(too_small)?,
            false => Span::default(),
        },
    };
    for (i, tensor) in graph.view.tensors().iter().enumerate() {
        if let Some(record) = arena.get_mut::<ShapeRecord>(graph.tables.shapes).get_mut(i) {
            *record = tensor.shape().into();
        }
    }
    place_constants(graph, arena).map_err(too_small)
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

/// Gives the inputs the shapes that the caller asks for.
fn set_input_shapes(graph: &Graph<'_>, arena: &mut Arena<'_>, options: &Options<'_>) -> Result<(), Error> {
    for (i, t) in graph.view.inputs().iter().enumerate() {
        let Some(&Some(shape)) = options.input_shapes.get(i) else { continue };
        // A tensor that the converter knew no rank of takes any shape.
        let declared = graph.tensor(t as u32).map(|t| t.shape()).unwrap_or_default();
        if declared.rank() != shape.rank() && declared.rank() != 0 {
            return Err(Error::InputShape(shape));
        }
        if let Some(record) = arena.get_mut::<ShapeRecord>(graph.tables.shapes).get_mut(t as usize) {
            *record = Shape::into(shape);
        }
    }
    Ok(())
}

/// Says how many bytes inputs and variables have, which no operator says.
fn place_starts(graph: &Graph<'_>, arena: &mut Arena<'_>) -> Result<(), Error> {
    for (i, tensor) in (0u32..).zip(graph.view.tensors().iter()) {
        let is_input = graph.view.inputs().iter().any(|t| t == i as i32);
        if is_input || tensor.is_variable() {
            place_start(graph, arena, i)?;
        }
    }
    Ok(())
}

/// Says how many bytes a tensor has that no operator writes.
pub(crate) fn place_start(graph: &Graph<'_>, arena: &mut Arena<'_>, index: u32) -> Result<(), Error> {
    let kind = graph.tensor(index).ok_or(Error::Plan)?.tensor_type();
    let elements = graph.shape(arena, index).elements();
    let bytes = kind.bytes(elements).filter(|_| kind.bits() != 0).and_then(|n| u32::try_from(n).ok());
    let bytes = bytes.ok_or(Error::Tensor { tensor: index })?;
    let place = arena.get_mut::<Place>(graph.tables.places).get_mut(index as usize).ok_or(Error::Plan)?;
    if place.is_planned() {
        *place = Place::new(Home::Nowhere, bytes);
    }
    Ok(())
}

/// The operators `start..end` of a graph, whose tensors are placed from `base` on.
struct Part {
    start: u32,
    end: u32,
    base: usize,
    /// Whether the model is being run. The part that is not is the first, which places inputs and
    /// variables as well.
    running: bool,
    /// How many calls deep the graph lies. One that is called has one part only.
    depth: u32,
    /// Turns that loops may still take.
    turns: u32,
}

/// Where the blocks of a part lie.
struct Plan {
    /// The temporary list of [`Block`]s.
    blocks: Span,
    /// Bytes that they take.
    size: usize,
    /// The least bytes possible.
    bound: usize,
}

/// Blocks of scratch memory are counted from here on, those of tensors below.
const SCRATCH: u32 = 1 << 31;

impl Part {
    /// Prepares the operators as far as shapes are known, and sets the part's end; returns the temporary
    /// list of lifetimes, or `None` where shapes need a list of their own first.
    fn prepare(
        &mut self,
        graph: &Graph<'_>,
        setting: &Setting,
        arena: &mut Arena<'_>,
    ) -> Result<Option<Span>, Error> {
        let (graph, setting, start, running) = (*graph, *setting, self.start, self.running);
        let found = arena.len();
        let lives = arena.temporary::<Lifetime>(graph.view.tensors().len());
        let lives = lives.map_err(|e| Error::too_small(e, found))?;
        lifetimes(&graph.model, &graph.view, arena.get_mut(lives))?;
        for (index, operator) in (start..).zip(graph.view.operators().iter().skip(start as usize)) {
            let code = graph.model.code(&operator);
            let number = setting.resolver.find(&code);
            let missing = Error::MissingKernel { operator: index, code: code.builtin() };
            let (number, kernel) =
                number.and_then(|n| Some((n, setting.resolver.kernel(n)?))).ok_or(missing)?;
            let before = arena.marks();
            let mut node = Prepare {
                graph,
                arena: arena.reborrow(),
                operator,
                index,
                record: OpRecord { kernel: number, ..OpRecord::default() },
                lifetimes: lives,
                start,
                running,
                setting,
                depth: self.depth,
                other_shapes: false,
                inner: None,
                turns: self.turns,
            };
            let result = kernel.prepare(&mut node);
            let Prepare { record, other_shapes, inner, .. } = node;
            self.turns = node.turns;
            match result {
                Err(Refusal::Pending(_)) if graph.tables.shapes.is_empty() => return Ok(None),
                Err(Refusal::Pending(_)) if self.depth == 0 && (!running || index > start) => {
                    Lasting::restore(arena, before);
                    break;
                }
                Err(refusal) => {
                    let error = Error::of_operator(index, code.builtin(), refusal, found);
                    return Err(inner.unwrap_or(error));
                }
                Ok(()) if other_shapes => return Ok(None),
                Ok(()) => {}
            }
            let folded = if running { None } else { Folded::of(&graph, &setting, arena, index, record) };
            let record = match folded {
                Some(folded) => {
                    // Nothing of what was prepared for it is needed any more.
                    Lasting::restore(arena, before);
                    folded.keep(&graph, arena).map_err(|e| Error::too_small(e, found))?
                }
                None => record,
            };
            if let Some(slot) = arena.get_mut::<OpRecord>(graph.tables.records).get_mut(index as usize) {
                *slot = record;
            }
            self.end = index + 1;
        }
        Ok(Some(lives))
    }

    /// Finds and proves offsets for the tensors and the scratch memory of this part.
    fn arrange(&self, graph: &Graph<'_>, arena: &mut Arena<'_>, lives: Span) -> Result<Plan, Error> {
        let tensors = graph.view.tensors().len();
        let count = (0..tensors as u32).filter_map(|t| self.tensor_block(graph, arena, lives, t)).count()
            + (self.start..self.end).filter_map(|o| self.scratch_block(graph, arena, o)).count();
        let found = arena.len();
        let list = arena.temporary::<Block>(count).map_err(|e| Error::too_small(e, found))?;
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
        if !is_disjoint(blocks, size) {
            return Err(Error::Plan);
        }
        Ok(Plan { blocks: list, size, bound: lower_bound(blocks) })
    }

    /// Writes the offsets that were found into the lists of the prepared data.
    fn place(&self, graph: &Graph<'_>, arena: &mut Arena<'_>, lives: Span, plan: &Plan) -> Result<(), Error> {
        for i in 0.. {
            let Some(&block) = arena.get::<Block>(plan.blocks).get(i) else { break };
            let at = self.base + block.offset as usize;
            if block.owner >= SCRATCH {
                let records = arena.get_mut::<OpRecord>(graph.tables.records);
                let record = records.get_mut((block.owner - SCRATCH) as usize).ok_or(Error::Plan)?;
                record.scratch.offset = at as u32;
            } else {
                set_home(graph, arena, block.owner, at)?;
            }
        }
        // Tensors that share another's bytes lie within these.
        for t in 0..graph.view.tensors().len() as u32 {
            let Some(life) = arena.get::<Lifetime>(lives).get(t as usize).copied() else { break };
            if life.block == t || !self.places(graph, t, &life) {
                continue;
            }
            let places = arena.get::<Place>(graph.tables.places);
            let skip = places.get(t as usize).map_or(0, |p| p.skip());
            if let Some(Home::Activations(at)) = places.get(life.block as usize).map(|p| p.home()) {
                set_home(graph, arena, t, at + skip)?;
            }
        }
        Ok(())
    }

    /// Whether tensor `t` is given its place in this part: it is written here or, for inputs and
    /// variables, this is the first part.
    fn places(&self, graph: &Graph<'_>, t: u32, life: &Lifetime) -> bool {
        let starts_alive = graph.starts_alive(t);
        life.is_used()
            && if starts_alive { !self.running } else { (self.start..self.end).contains(&life.first) }
    }

    fn tensor_block(&self, graph: &Graph<'_>, arena: &Arena<'_>, lives: Span, t: u32) -> Option<Block> {
        let life = arena.get::<Lifetime>(lives).get(t as usize)?;
        let place = arena.get::<Place>(graph.tables.places).get(t as usize)?;
        let owns = life.block == t && place.is_planned() && self.places(graph, t, life);
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
