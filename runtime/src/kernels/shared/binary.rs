//! Element-wise operators of two tensors, with broadcasting.
//!
//! The output is walked in runs: stretches along which each operand either goes on element by element
//! or repeats one element. Neighbouring dimensions in which the operands behave alike are one, so
//! equal shapes, and a tensor with a single number, are one run.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Node as _;
use sedge_schema::{MAX_RANK, Refusal, Slot, TensorType};
use sedge_simd::{Kernel, Simd};

use super::{INPUT, OUTPUT};
use crate::arena::Span;
use crate::element::Element;
use crate::node::{Binary, Invoke, Prepare};
use crate::slices;

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
    /// the operator may work in place, with [`Broadcast::run`] and [`Broadcast::run_rows`].
    pub(crate) fn prepare(node: &mut Prepare<'_>) -> Result<Self, Refusal> {
        let plan = Self::apart(node)?;
        if plan.is_flat() && !node.overwrite(0, 0) {
            node.overwrite(1, 0);
        }
        Ok(plan)
    }

    /// As [`Broadcast::prepare`] for an operator that does not work in place.
    pub(crate) fn apart(node: &mut Prepare<'_>) -> Result<Self, Refusal> {
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
        Ok(Self { run, moves, loops })
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
        self.run_rows(node, Elements(f))
    }

    /// Computes `f` of the elements of inputs 0 and 1 that belong together, into an output of another
    /// type, or apart from them. The plan must come from [`Broadcast::apart`].
    #[inline]
    pub(crate) fn run_to<T: Element, O: Element>(
        &self,
        node: &mut Invoke<'_>,
        f: impl Fn(T, T) -> O,
    ) -> Result<(), Refusal> {
        let loops = node.list::<Loop>(self.loops);
        let out = node.output::<O>(0)?;
        let (a, b) = (node.input::<T>(0)?, node.input::<T>(1)?);
        let walk = Walk { plan: self, loops, a, b, out, rows: Elements(f) };
        node.level().run(walk).ok_or(Refusal::Internal)
    }

    /// As [`Broadcast::run`], with a computation on runs.
    #[inline]
    pub(crate) fn run_rows<T: Element>(
        &self,
        node: &mut Invoke<'_>,
        rows: impl RowsInPlace<T>,
    ) -> Result<(), Refusal> {
        let loops = node.list::<Loop>(self.loops);
        let level = node.level();
        let done = match node.binary::<T>()? {
            Binary::Apart(a, b, out) => level.run(Walk { plan: self, loops, a, b, out, rows }),
            Binary::OverFirst(out, other) => level.run(Over { out, other, is_second: false, rows }),
            Binary::OverSecond(out, other) => level.run(Over { out, other, is_second: true, rows }),
        };
        done.ok_or(Refusal::Internal)
    }
}

/// An operand along a run.
#[derive(Clone, Copy)]
pub(crate) enum Operand<'w, T> {
    /// It goes on: as many elements as the run has.
    Run(&'w [T]),
    /// It repeats this element.
    One(T),
}

impl<'w, T: Copy> Operand<'w, T> {
    /// The operand along a run that starts where `from` does.
    #[inline(always)]
    fn new(from: &'w [T], run: usize, moves: bool) -> Option<Self> {
        match moves {
            true => Some(Self::Run(from.get(..run)?)),
            false => Some(Self::One(*from.first()?)),
        }
    }
}

/// A computation on runs. Mark its functions `#[inline(always)]`.
pub(crate) trait Rows<T, O = T> {
    /// Computes a run of the output. At most one operand repeats an element.
    fn apart<S: Simd>(&self, simd: S, a: Operand<'_, T>, b: Operand<'_, T>, out: &mut [O]);
}

/// A computation on runs that can work in place. Mark its functions `#[inline(always)]`.
pub(crate) trait RowsInPlace<T>: Rows<T> {
    /// Computes a run of the output over the first operand or, where `is_second`, over the second.
    fn over<S: Simd>(&self, simd: S, out: &mut [T], other: &[T], is_second: bool);
}

/// A function of two elements.
struct Elements<F>(F);

impl<T: Element, O: Element, F: Fn(T, T) -> O> Rows<T, O> for Elements<F> {
    #[inline(always)]
    fn apart<S: Simd>(&self, _simd: S, a: Operand<'_, T>, b: Operand<'_, T>, out: &mut [O]) {
        let f = &self.0;
        match (a, b) {
            (Operand::Run(a), Operand::Run(b)) => {
                for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                    *out = f(a, b);
                }
            }
            (Operand::Run(a), Operand::One(b)) => {
                for (out, &a) in out.iter_mut().zip(a) {
                    *out = f(a, b);
                }
            }
            (Operand::One(a), Operand::Run(b)) => {
                for (out, &b) in out.iter_mut().zip(b) {
                    *out = f(a, b);
                }
            }
            (Operand::One(a), Operand::One(b)) => out.fill(f(a, b)),
        }
    }
}

impl<T: Element, F: Fn(T, T) -> T> RowsInPlace<T> for Elements<F> {
    #[inline(always)]
    fn over<S: Simd>(&self, _simd: S, out: &mut [T], other: &[T], is_second: bool) {
        let f = &self.0;
        for (out, &other) in out.iter_mut().zip(other) {
            *out = if is_second { f(other, *out) } else { f(*out, other) };
        }
    }
}

/// Works in place.
struct Over<'w, T, R> {
    out: &'w mut [T],
    other: &'w [T],
    is_second: bool,
    rows: R,
}

impl<T: Element, R: RowsInPlace<T>> Kernel for Over<'_, T, R> {
    type Output = Option<()>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Option<()> {
        self.rows.over(simd, self.out, self.other, self.is_second);
        Some(())
    }
}

/// Short runs along which both operands move, one of them over the same elements each time: copies of these side
/// by side make long runs of them.
#[derive(Clone, Copy)]
struct Repeats {
    /// Runs.
    count: usize,
    /// Whether it is the second operand's elements that come again.
    second: bool,
}

/// Elements of copies side by side.
const COPIES: usize = 128;

impl Repeats {
    /// Takes the innermost loop where it is of that kind.
    #[inline(always)]
    fn split<'w>(plan: &Broadcast, loops: &'w [Loop]) -> (Option<Self>, &'w [Loop]) {
        let is_short = plan.moves == BOTH_MOVE && plan.run as usize <= COPIES / 4;
        match loops.split_first() {
            Some((&Loop { count, steps: [a, b] }, outer)) if is_short && (a == 0 || b == 0) => {
                (Some(Self { count: count as usize, second: b == 0 }), outer)
            }
            _ => (None, loops),
        }
    }
}

struct Walk<'w, T, O, R> {
    plan: &'w Broadcast,
    loops: &'w [Loop],
    a: &'w [T],
    b: &'w [T],
    out: &'w mut [O],
    rows: R,
}

impl<T: Element, O: Element, R: Rows<T, O>> Kernel for Walk<'_, T, O, R> {
    type Output = Option<()>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Option<()> {
        let Self { plan, loops, a, b, out, rows } = self;
        let run = plan.run as usize;
        let mut counters = [0u32; MAX_RANK];
        let mut at = [0usize; 2];
        let (a_moves, b_moves) = (plan.moves & FIRST_MOVES != 0, plan.moves & SECOND_MOVES != 0);
        let (repeats, loops) = Repeats::split(plan, loops);
        let together = repeats.map_or(run, |repeats| run * repeats.count);
        let mut copies = [T::zeroed(); COPIES];
        // An empty output has no runs.
        for out in out.chunks_exact_mut(together.max(1)) {
            let (a, b) = (a.get(at[0]..)?, b.get(at[1]..)?);
            match repeats {
                None => {
                    rows.apart(simd, Operand::new(a, run, a_moves)?, Operand::new(b, run, b_moves)?, out);
                }
                Some(Repeats { second, .. }) => {
                    let (moving, still) = if second { (a, b) } else { (b, a) };
                    let whole = COPIES.checked_div(run)? * run;
                    for copy in copies.chunks_exact_mut(run.max(1)) {
                        slices::copy(still.get(..run)?, copy);
                    }
                    for (out, moving) in out.chunks_mut(whole.max(1)).zip(moving.chunks(whole.max(1))) {
                        let (moving, still) = (Operand::Run(moving), Operand::Run(copies.get(..out.len())?));
                        let (a, b) = if second { (moving, still) } else { (still, moving) };
                        rows.apart(simd, a, b, out);
                    }
                }
            }
            for (around, counter) in loops.iter().zip(&mut counters) {
                let (a, b) = (around.steps[0] as usize, around.steps[1] as usize);
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
