//! Copies between regions of two tensors: what TRANSPOSE, SLICE, PAD, TILE and their like do.
//!
//! A copy is a nest of loops around runs of bytes that lie together on both sides. It is worked out
//! once, with loops over one index dropped and loops that continue each other made one, so most
//! copies end as one or two loops.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{MAX_RANK, Refusal};

use crate::arena::Span;
use crate::node::{Invoke, Prepare};
use crate::slices;

/// One loop: how often, and how many bytes (or elements) each side goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Step {
    pub(crate) count: u32,
    pub(crate) from: i32,
    pub(crate) to: i32,
}

/// The most loops: TILE and blocks of an image have two for a dimension.
const MOST_STEPS: usize = 2 * MAX_RANK;

/// Loops, outermost first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Steps {
    len: usize,
    steps: [Step; MOST_STEPS],
}

impl Steps {
    pub(crate) fn as_slice(&self) -> &[Step] {
        self.steps.get(..self.len).unwrap_or_default()
    }

    /// Adds a loop inside all others.
    pub(crate) fn push(&mut self, count: usize, from: i64, to: i64) -> Result<(), Refusal> {
        if count == 1 {
            return Ok(());
        }
        let narrow = |v: i64| i32::try_from(v).map_err(|_| Refusal::TooLarge);
        let count = u32::try_from(count).map_err(|_| Refusal::TooLarge)?;
        let step = Step { count, from: narrow(from)?, to: narrow(to)? };
        let outer = self.len.checked_sub(1).and_then(|last| self.steps.get_mut(last));
        if let Some(outer) = outer {
            let spans = |stride: i32, inner: i64| i64::from(stride) == inner * i64::from(count);
            if spans(outer.from, from) && spans(outer.to, to) {
                let count = outer.count.checked_mul(count).ok_or(Refusal::TooLarge)?;
                *outer = Step { count, ..step };
                return Ok(());
            }
        }
        *self.steps.get_mut(self.len).ok_or(Refusal::Internal)? = step;
        self.len += 1;
        Ok(())
    }

    /// Takes the innermost loop away where it goes on by these bytes; 1 where it does not.
    pub(crate) fn pop_run(&mut self, from: i64, to: i64) -> usize {
        match self.as_slice().last().copied() {
            Some(step) if i64::from(step.from) == from && i64::from(step.to) == to => {
                self.len -= 1;
                step.count as usize
            }
            _ => 1,
        }
    }

    /// Keeps the loops for [`Invoke::list`].
    pub(crate) fn keep(&self, node: &mut Prepare<'_>) -> Result<Span, Refusal> {
        let span = node.list::<Step>(self.len)?;
        slices::copy(self.as_slice(), node.list_mut(span));
        Ok(span)
    }
}

/// Where each round of nested loops is, from both starts on.
pub(crate) struct Places<'s> {
    steps: &'s [Step],
    index: [u32; MOST_STEPS],
    next: Option<(isize, isize)>,
}

impl<'s> Places<'s> {
    pub(crate) fn new(steps: &'s [Step], from: u32, to: u32) -> Self {
        let empty = steps.iter().any(|step| step.count == 0);
        Self { steps, index: [0; MOST_STEPS], next: (!empty).then_some((from as isize, to as isize)) }
    }
}

impl Iterator for Places<'_> {
    type Item = (isize, isize);

    #[inline]
    fn next(&mut self) -> Option<(isize, isize)> {
        let here = self.next?;
        let (mut from, mut to) = here;
        self.next = None;
        for (index, step) in self.index.iter_mut().zip(self.steps).rev() {
            *index += 1;
            from += step.from as isize;
            to += step.to as isize;
            if *index < step.count {
                self.next = Some((from, to));
                break;
            }
            from -= step.count as isize * step.from as isize;
            to -= step.count as isize * step.to as isize;
            *index = 0;
        }
        Some(here)
    }
}

/// A copy of a region of one tensor into a region of another.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Region {
    /// Bytes that lie together; 0 where there is nothing to copy.
    unit: u32,
    /// The first byte on either side.
    from: u32,
    to: u32,
    steps: Span,
}

impl Region {
    /// The copy of `steps` over runs of `unit` bytes from the given first bytes on.
    pub(crate) fn new(
        node: &mut Prepare<'_>,
        mut steps: Steps,
        unit: usize,
        first: (u64, u64),
    ) -> Result<Self, Refusal> {
        let region = Self::of(&mut steps, unit, first)?;
        if region.unit == 0 {
            return Ok(region);
        }
        Ok(Self { steps: steps.keep(node)?, ..region })
    }

    /// As [`Region::new`], without keeping the loops: what is left of `steps` goes to [`Region::run`].
    pub(crate) fn of(steps: &mut Steps, unit: usize, (from, to): (u64, u64)) -> Result<Self, Refusal> {
        if steps.as_slice().iter().any(|step| step.count == 0) {
            return Ok(Self::default());
        }
        let run = steps.pop_run(unit as i64, unit as i64);
        let unit = run.checked_mul(unit).ok_or(Refusal::TooLarge)?;
        let narrow = |v: u64| u32::try_from(v).map_err(|_| Refusal::TooLarge);
        Ok(Self { unit: narrow(unit as u64)?, from: narrow(from)?, to: narrow(to)?, ..Self::default() })
    }

    /// The same copy to another first byte.
    pub(crate) fn to(self, to: u32) -> Self {
        Self { to, ..self }
    }

    /// The loops that [`Region::new`] kept.
    pub(crate) fn kept_steps<'s>(&self, node: &Invoke<'s>) -> &'s [Step] {
        node.list(self.steps)
    }

    /// Prepares an operator whose output 0 is this region of input 0 from its first byte to its last.
    pub(crate) fn prepare(self, node: &mut Prepare<'_>) -> Result<(), Refusal> {
        if self.steps.is_empty() && self.unit != 0 {
            node.part(self.from as usize);
        }
        node.set_data(self)
    }

    /// Copies the region.
    pub(crate) fn run(&self, steps: &[Step], from: &[u8], to: &mut [u8]) -> Result<(), Refusal> {
        let (inner, outer) = match steps.split_last() {
            Some((&inner, outer)) => (inner, outer),
            None => (Step { count: 1, from: 0, to: 0 }, steps),
        };
        let unit = self.unit as usize;
        let mut places = Places::new(outer, self.from, self.to);
        match unit {
            0 => Some(()),
            1 => places.try_for_each(|at| copy_cells::<1>(from, to, at, inner)),
            2 => places.try_for_each(|at| copy_cells::<2>(from, to, at, inner)),
            4 => places.try_for_each(|at| copy_cells::<4>(from, to, at, inner)),
            8 => places.try_for_each(|at| copy_cells::<8>(from, to, at, inner)),
            _ => places.try_for_each(|(mut f, mut t)| {
                for _ in 0..inner.count {
                    let source = from.get(f as usize..)?.get(..unit)?;
                    slices::copy(source, to.get_mut(t as usize..)?.get_mut(..unit)?);
                    f += inner.from as isize;
                    t += inner.to as isize;
                }
                Some(())
            }),
        }
        .ok_or(Refusal::Internal)
    }
}

/// One innermost loop over cells of `N` bytes.
#[inline]
fn copy_cells<const N: usize>(
    from: &[u8],
    to: &mut [u8],
    (mut f, mut t): (isize, isize),
    step: Step,
) -> Option<()> {
    if step.to as usize == N {
        let row = to.get_mut(t as usize..)?.get_mut(..N.checked_mul(step.count as usize)?)?;
        for cell in row.as_chunks_mut::<N>().0 {
            *cell = *from.get(f as usize..)?.first_chunk()?;
            f += step.from as isize;
        }
        return Some(());
    }
    for _ in 0..step.count {
        *to.get_mut(t as usize..)?.first_chunk_mut::<N>()? = *from.get(f as usize..)?.first_chunk()?;
        f += step.from as isize;
        t += step.to as isize;
    }
    Some(())
}

/// Runs an operator that [`Region::prepare`] prepared.
pub(crate) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let region = *node.data::<Region>()?;
    let steps = node.list::<Step>(region.steps);
    let to = node.output::<u8>(0)?;
    region.run(steps, node.input(0)?, to)
}

/// Runs an operator whose output 0 is `value` everywhere but in a region, which is input 0.
pub(crate) fn invoke_inside(node: &mut Invoke<'_>, region: &Region, value: &[u8]) -> Result<(), Refusal> {
    let steps = node.list::<Step>(region.steps);
    let to = node.output::<u8>(0)?;
    fill(to, value);
    region.run(steps, node.input(0)?, to)
}

/// As [`invoke_inside`] with the value that input `input` holds.
pub(crate) fn invoke_inside_input(
    node: &mut Invoke<'_>,
    region: &Region,
    input: usize,
) -> Result<(), Refusal> {
    let mut value = [0; 16];
    let found = node.input::<u8>(input)?;
    let value = value.get_mut(..found.len()).ok_or(Refusal::Internal)?;
    slices::copy(found, value);
    invoke_inside(node, region, value)
}

/// Repeats `value` all over `to`.
pub(crate) fn fill(to: &mut [u8], value: &[u8]) {
    fn cells<const N: usize>(to: &mut [u8], value: &[u8]) {
        if let Some(&value) = value.first_chunk::<N>() {
            to.as_chunks_mut::<N>().0.fill(value);
        }
    }
    match value.len() {
        0 => {}
        1 => cells::<1>(to, value),
        2 => cells::<2>(to, value),
        4 => cells::<4>(to, value),
        8 => cells::<8>(to, value),
        n => to.chunks_exact_mut(n.max(1)).for_each(|cell| slices::copy(value, cell)),
    }
}

#[cfg(test)]
mod tests;
