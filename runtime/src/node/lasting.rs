//! What lasts from one invocation to the next and is not one operator's alone.

use bytemuck::{Pod, Zeroable};

use sedge_schema::TensorType;

use super::Graph;
use crate::arena::{Arena, Home, Marks, Place, Span, TooSmall};
use crate::error::Error;

/// A resource variable, a variable tensor of a called subgraph, or the fact that a subgraph has run.
/// The records stand in the prepared data and make a chain, the youngest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Lasting {
    /// The offset of the next record; 0 for none.
    pub(crate) next: u32,
    /// What it is: one of the constants below.
    pub(crate) kind: u32,
    /// The subgraph that it is of.
    pub(crate) subgraph: u32,
    /// The tensor's index, or that of the operator that names the resource.
    pub(crate) index: u32,
    /// For a resource the subgraph and the tensor whose type and shape its value has.
    pub(crate) like: [u32; 2],
    /// Where it lies in the state.
    pub(crate) state: Span,
    /// What its bytes hold at first.
    pub(crate) fill: u32,
}

impl Lasting {
    /// A resource that VAR_HANDLE operators name.
    pub(crate) const RESOURCE: u32 = 1;
    /// What [`Lasting::like`] holds before the resource has a type and a shape.
    pub(crate) const UNKNOWN: [u32; 2] = [u32::MAX; 2];
    /// A variable tensor of a subgraph that another one calls.
    pub(crate) const TENSOR: u32 = 2;
    /// Whether a subgraph has run that is to run once.
    pub(crate) const ONCE: u32 = 3;

    fn span(at: u32) -> Span {
        Span { offset: at, bytes: size_of::<Self>() as u32 }
    }

    /// The record at this offset, as `list` finds it.
    pub(crate) fn at<'l>(at: u32, list: impl FnOnce(Span) -> &'l [Self]) -> Option<Self> {
        (at != 0).then(|| list(Self::span(at)).first().copied()).flatten()
    }

    /// The offset and the record of the first that `is` says yes to.
    pub(crate) fn find(arena: &Arena<'_>, is: impl Fn(&Self) -> bool) -> Option<(u32, Self)> {
        let mut at = arena.shared();
        while let Some(record) = Self::at(at, |span| arena.get(span)) {
            if is(&record) {
                return Some((at, record));
            }
            at = record.next;
        }
        None
    }

    /// Adds a record; returns its offset.
    pub(crate) fn add(self, arena: &mut Arena<'_>) -> Result<u32, TooSmall> {
        let span = arena.prepare::<Self>(1)?;
        let record = Self { next: arena.shared(), ..self };
        arena.get_mut::<Self>(span).fill(record);
        arena.set_shared(span.offset);
        Ok(span.offset)
    }

    /// Gives back all of `arena` that was taken since it was used as `marks` tells, state among it.
    pub(crate) fn restore(arena: &mut Arena<'_>, marks: Marks) {
        arena.restore(marks);
        let mut at = arena.shared();
        while let Some(record) = Self::at(at, |span| arena.get(span)) {
            if record.state.range().end > marks.state().len() {
                Self { state: Span::default(), like: Self::UNKNOWN, ..record }.put(arena, at);
            }
            at = record.next;
        }
    }

    /// Changes the record at offset `at` to this one.
    pub(crate) fn put(self, arena: &mut Arena<'_>, at: u32) {
        arena.get_mut::<Self>(Self::span(at)).fill(self);
    }
}

/// Places the variable tensors of a graph in the state: they outlast what else uses its activations'
/// memory.
pub(crate) fn place_variables(graph: &Graph<'_>, arena: &mut Arena<'_>) -> Result<(), Error> {
    for (t, tensor) in (0u32..).zip(graph.view.tensors().iter()).filter(|(_, t)| t.is_variable()) {
        let places = arena.get::<Place>(graph.tables.places);
        let Some(place) = places.get(t as usize).copied().filter(|p| p.is_planned()) else { continue };
        let is_same = |l: &Lasting| (l.kind, l.subgraph, l.index) == (Lasting::TENSOR, graph.number, t);
        let state = match Lasting::find(arena, is_same) {
            Some((_, lasting)) => lasting.state,
            None => {
                let state = arena.state(place.bytes).ok_or(Error::Tensor { tensor: t })?;
                let fill = first_byte(&tensor);
                let (kind, subgraph) = (Lasting::TENSOR, graph.number);
                let lasting = Lasting { kind, subgraph, index: t, state, fill, ..Lasting::default() };
                let found = arena.len();
                lasting.add(arena).map_err(|e| Error::too_small(e, found))?;
                state
            }
        };
        let to = Place::new(Home::State(state.range().start), place.bytes);
        *arena.get_mut::<Place>(graph.tables.places).get_mut(t as usize).ok_or(Error::Plan)? = to;
    }
    Ok(())
}

/// What each byte of a variable holds before anything is assigned: for int8 the zero point, as in the references,
/// and 0 for all other types, uint8 included.
pub(crate) fn first_byte(tensor: &sedge_schema::Tensor<'_>) -> u32 {
    match tensor.tensor_type() {
        TensorType::Int8 => tensor.quantization().map_or(0, |q| q.zero_point_at(0)) as u32,
        _ => 0,
    }
}
