//! Operators whose result is known when the session is made: they run once, then.
//!
//! Exporters work shapes out inside the graph: SHAPE of a tensor, a part of it, PACK with other sizes, and
//! that is where RESHAPE finds its target. Where the shapes are known, so are all these numbers, and what
//! depends on them is prepared with everything else.

use core::cell::Cell;

use sedge_schema::BuiltinOperator as Code;
use sedge_schema::TensorType;

use crate::arena::{Arena, Home, Place};
use crate::node::{Graph, Memory, OpRecord, Scope, Setting};

/// The most bytes of a result: shapes have few dimensions.
const MOST_BYTES: usize = 64;

/// The value of an operator's output.
pub(super) struct Folded {
    tensor: u32,
    words: [u64; MOST_BYTES / 8],
    bytes: u32,
}

impl Folded {
    /// The output of operator `index`, which `record` is prepared for; `None` where it depends on values that
    /// only a run tells, or is no small list of integers.
    pub(super) fn of(
        graph: &Graph<'_>,
        setting: &Setting,
        arena: &mut Arena<'_>,
        index: u32,
        record: OpRecord,
    ) -> Option<Self> {
        let operator = graph.view.operators().get(index as usize)?;
        let place = |arena: &Arena<'_>, t: i32| {
            arena.get::<Place>(graph.tables.places).get(usize::try_from(t).ok()?).copied()
        };
        // What these read of their inputs is the shape.
        let is_known =
            |&t: &i32| place(arena, t).is_none_or(|p| matches!(p.home(), Home::File(_) | Home::Prepared(_)));
        let has_all = match graph.model.code(&operator).builtin() {
            Code::Shape | Code::Rank => true,
            code => is_arithmetic(code) && operator.inputs().iter().all(|t| is_known(&t)),
        };
        let [tensor] = [operator.outputs().get(0).filter(|_| operator.outputs().len() == 1)?];
        let written = place(arena, tensor)?;
        let tensor = u32::try_from(tensor).ok()?;
        let is_integer = matches!(graph.tensor(tensor)?.tensor_type(), TensorType::Int32 | TensorType::Int64);
        let bytes = written.bytes as usize;
        if !has_all || !is_integer || bytes > MOST_BYTES || bytes == 0 || !record.scratch.is_empty() {
            return None;
        }

        let before = arena.marks();
        let memory = arena.temporary::<u64>(bytes.div_ceil(size_of::<u64>())).ok()?;
        *arena.get_mut::<OpRecord>(graph.tables.records).get_mut(index as usize)? = record;
        let places = |arena: &mut Arena<'_>, to: Place| {
            arena.get_mut::<Place>(graph.tables.places).get_mut(tensor as usize).map(|p| *p = to)
        };
        places(arena, Place::new(Home::Activations(memory.range().start), written.bytes));
        let turns = Cell::new(0);
        let (low, prepared) = arena.reborrow().halves();
        let Setting { resolver, level, .. } = *setting;
        let run = Scope { graph, resolver }.run(level, prepared, &turns);
        let result = run.step(index, Memory::new(low, &mut []));
        let mut words = [0; MOST_BYTES / 8];
        words.iter_mut().zip(arena.get::<u64>(memory)).for_each(|(to, &word)| *to = word);
        arena.forget_temporary(before);
        places(arena, written);
        result.is_ok().then_some(Self { tensor, words, bytes: written.bytes })
    }

    /// Makes it a constant of the session.
    ///
    /// # Errors
    /// Where the arena is too small.
    pub(super) fn keep(
        &self,
        graph: &Graph<'_>,
        arena: &mut Arena<'_>,
    ) -> Result<OpRecord, crate::arena::TooSmall> {
        let span = arena.prepare::<u64>((self.bytes as usize).div_ceil(size_of::<u64>()))?;
        arena.get_mut::<u64>(span).iter_mut().zip(self.words).for_each(|(to, word)| *to = word);
        let place = Place::new(Home::Prepared(span.range().start), self.bytes);
        let places = arena.get_mut::<Place>(graph.tables.places);
        places.get_mut(self.tensor as usize).into_iter().for_each(|p| *p = place);
        Ok(OpRecord { kernel: OpRecord::DONE, ..OpRecord::default() })
    }
}

/// Whether an operator works shapes out where it works on small lists of integers.
fn is_arithmetic(code: Code) -> bool {
    matches!(
        code,
        Code::StridedSlice
            | Code::Slice
            | Code::Gather
            | Code::Pack
            | Code::Concatenation
            | Code::Add
            | Code::Sub
            | Code::Mul
            | Code::FloorDiv
            | Code::Minimum
            | Code::Maximum
            | Code::ReduceProd
            | Code::Cast
            | Code::Reshape
            | Code::Squeeze
            | Code::ExpandDims
    )
}
