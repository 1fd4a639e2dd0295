//! Element-wise operators of two tensors, with broadcasting.
//!
//! The output is walked in runs: stretches along which each operand either goes on element by element
//! or repeats one element. Neighbouring dimensions in which the operands behave alike are one, so
//! equal shapes, and a tensor with a single number, are one run.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Node as _;
use sedge_schema::{MAX_RANK, Refusal, Slot, TensorType};
use sedge_simd::{Kernel, Level, Simd};

use super::{INPUT, OUTPUT};
use crate::arena::Span;
use crate::element::Element;
use crate::node::{Binary, Invoke, Prepare};

/// The slot of the second operand.
pub(crate) const SECOND: Slot = Slot::Input(1);

/// How the operands go along the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Broadcast {
    /// Elements of a run.
    run: u32,
    /// 1 where the first operand goes on along a run, plus 2 where the second does.
    moves: u32,
    /// The loops around runs, [`Loop`]s, the innermost first.
    loops: Span,
}

/// A loop around runs: how often, and how far the operands go each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
struct Loop {
    count: u32,
    steps: [u32; 2],
}

const FIRST_MOVES: u32 = 1;
const SECOND_MOVES: u32 = 2;
const BOTH_MOVE: u32 = FIRST_MOVES | SECOND_MOVES;

impl Broadcast {
    /// Works out the walk for inputs 0 and 1, which broadcast to output 0. Where the shapes are equal,
    /// the operator may work in place.
    pub(crate) fn prepare(node: &mut Prepare<'_>) -> Result<Self, Refusal> {
        let shapes = [node.shape(INPUT)?, node.shape(SECOND)?];
        let out = node.shape(OUTPUT)?;
        let expand = |i: usize| shapes.get(i).and_then(|s| s.expand_to(out.rank())).unwrap_or_default();
        let (first, second) = (expand(0), expand(1));
        let mut runs = [(Loop::default(), 0); MAX_RANK];
        let mut used = 0;
        let mut strides = [1u32; 2];
        let dims = first.dims().iter().zip(second.dims()).zip(out.dims()).rev();
        for ((&a, &b), &dim) in dims.filter(|&(_, &dim)| dim != 1) {
            let moves = u32::from(a != 1) | u32::from(b != 1) << 1;
            let step = |moving: u32, stride: u32| if moves & moving != 0 { stride } else { 0 };
            let steps = [step(FIRST_MOVES, strides[0]), step(SECOND_MOVES, strides[1])];
            let joins = used > 0 && runs.get(used - 1).is_some_and(|&(_, before)| before == moves);
            used += usize::from(!joins);
            if let Some((run, moving)) = runs.get_mut(used - 1) {
                *run =
                    if joins { Loop { count: run.count * dim, ..*run } } else { Loop { count: dim, steps } };
                *moving = moves;
            }
            strides = [strides[0] * a, strides[1] * b];
        }
        let mut runs = runs.iter().take(used);
        let (run, moves) = runs.next().map_or((1, BOTH_MOVE), |&(run, moves)| (run.count, moves));
        let loops = node.list::<Loop>(used.saturating_sub(1))?;
        node.list_mut::<Loop>(loops).iter_mut().zip(runs).for_each(|(to, (from, _))| *to = *from);
        let plan = Self { run, moves, loops };
        if plan.is_flat() && !node.overwrite(0, 0) {
            node.overwrite(1, 0);
        }
        Ok(plan)
    }

    /// Whether both operands have the output's shape.
    fn is_flat(&self) -> bool {
        self.moves == BOTH_MOVE && self.loops.is_empty()
    }

    /// Computes `f` of the elements of inputs 0 and 1 that belong together.
    #[inline]
    pub(crate) fn run<T: Element>(
        &self,
        node: &mut Invoke<'_>,
        f: impl Fn(T, T) -> T,
    ) -> Result<(), Refusal> {
        let loops = node.list::<Loop>(self.loops);
        let level = node.level();
        match node.binary::<T>()? {
            Binary::Apart(a, b, out) => walk(level, Walk { plan: self, loops, a, b, out, f }),
            Binary::OverFirst(out, b) => walk(level, Over { out, other: b, f }),
            Binary::OverSecond(out, a) => walk(level, Over { out, other: a, f: |b, a| f(a, b) }),
        }
    }
}

#[inline]
fn walk<K: Kernel<Output = Option<()>>>(level: Level, kernel: K) -> Result<(), Refusal> {
    level.run(kernel).ok_or(Refusal::Internal)
}

/// Writes `f(out, other)` over `out`.
struct Over<'w, T, F> {
    out: &'w mut [T],
    other: &'w [T],
    f: F,
}

impl<T: Element, F: Fn(T, T) -> T> Kernel for Over<'_, T, F> {
    type Output = Option<()>;

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> Option<()> {
        self.out.iter_mut().zip(self.other).for_each(|(out, &other)| *out = (self.f)(*out, other));
        Some(())
    }
}

struct Walk<'w, T, F> {
    plan: &'w Broadcast,
    loops: &'w [Loop],
    a: &'w [T],
    b: &'w [T],
    out: &'w mut [T],
    f: F,
}

impl<T: Element, F: Fn(T, T) -> T> Kernel for Walk<'_, T, F> {
    type Output = Option<()>;

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> Option<()> {
        let Self { plan, loops, a, b, out, f } = self;
        let run = plan.run as usize;
        let mut counters = [0u32; MAX_RANK];
        let mut at = [0usize; 2];
        // An empty output has no runs.
        for out in out.chunks_exact_mut(run.max(1)) {
            let (a, b) = (a.get(at[0]..)?, b.get(at[1]..)?);
            match plan.moves {
                BOTH_MOVE => {
                    let pairs = a.get(..run)?.iter().zip(b.get(..run)?);
                    out.iter_mut().zip(pairs).for_each(|(out, (&a, &b))| *out = f(a, b));
                }
                FIRST_MOVES => {
                    let &b = b.first()?;
                    out.iter_mut().zip(a.get(..run)?).for_each(|(out, &a)| *out = f(a, b));
                }
                _ => {
                    let &a = a.first()?;
                    out.iter_mut().zip(b.get(..run)?).for_each(|(out, &b)| *out = f(a, b));
                }
            }
            for (around, counter) in loops.iter().zip(&mut counters) {
                let [a, b] = around.steps.map(|step| step as usize);
                (at[0], at[1]) = (at[0] + a, at[1] + b);
                *counter += 1;
                if *counter < around.count {
                    break;
                }
                *counter = 0;
                let count = around.count as usize;
                (at[0], at[1]) = (at[0] - a * count, at[1] - b * count);
            }
        }
        Some(())
    }
}

/// The element type of inputs 0 and 1 and output 0.
///
/// # Errors
/// Where they differ.
pub(crate) fn common_type(node: &Prepare<'_>) -> Result<TensorType, Refusal> {
    let found = node.tensor_type(INPUT)?;
    let other = [SECOND, OUTPUT].into_iter().find(|&slot| node.tensor_type(slot) != Ok(found));
    other.map_or(Ok(found), |slot| Err(Refusal::Type(slot)))
}

/// Refuses inputs and outputs that have scales: what they hold would be read as plain integers.
pub(crate) fn no_scales(node: &Prepare<'_>) -> Result<(), Refusal> {
    for slot in [INPUT, SECOND, OUTPUT] {
        if node.quantization(slot)?.is_some_and(|q| !q.scale().is_empty()) {
            return Err(Refusal::Quantization(slot));
        }
    }
    Ok(())
}
