//! Non-maximum suppression of one class: NON_MAX_SUPPRESSION_V4 and NON_MAX_SUPPRESSION_V5.
//!
//! Candidates wait in a heap, the best score on top. The next one is compared with the boxes that were
//! selected since it was last looked at, latest first: it goes where it overlaps one of them too much, is
//! selected where its score stays, and waits again where that became lower. Of equal scores the first box
//! comes first. As in LiteRT a box that was selected waits again as well, and then overlaps itself.
//!
//! Sources: LiteRT's `non_max_suppression.h`; Bodla and others, "Soft-NMS" (2017).

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::NodeExt as _;
use sedge_schema::{Refusal, Slot, TensorType};

use super::OUTPUT;
use crate::heap::Heap;
use crate::node::{Invoke, Prepare};
use crate::slices;

/// Where the operators differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Scores stay as they are.
    Hard,
    /// Scores become lower; input 5 says how much, output 1 has them.
    Soft,
}

const IOU_THRESHOLD: usize = 3;
const SCORE_THRESHOLD: usize = 4;
const SIGMA: usize = 5;

/// A box that may be selected.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Candidate {
    score: f32,
    index: u32,
    /// Selected boxes that it was compared with.
    compared: u32,
}

/// The candidates that wait: the first `len`.
struct Queue<'s> {
    list: &'s mut [Candidate],
    len: usize,
}

impl Heap for Queue<'_> {
    fn precedes(&self, a: usize, b: usize) -> Option<bool> {
        let (a, b) = (self.list.get(a)?, self.list.get(b)?);
        Some(a.score < b.score || (a.score == b.score && a.index > b.index))
    }

    fn swap(&mut self, a: usize, b: usize) {
        slices::swap(self.list, a, b);
    }
}

impl Queue<'_> {
    fn push(&mut self, candidate: Candidate) -> Option<()> {
        *self.list.get_mut(self.len)? = candidate;
        self.len += 1;
        self.rise(self.len - 1)
    }

    /// Takes the best one.
    fn pop(&mut self) -> Option<Candidate> {
        let last = self.len.checked_sub(1)?;
        self.swap(0, last);
        self.len = last;
        self.sink(0, last)?;
        self.list.get(last).copied()
    }
}

pub(crate) fn prepare(node: &mut Prepare<'_>, kind: Kind) -> Result<(), Refusal> {
    let sigma = (kind == Kind::Soft).then_some(SIGMA);
    for input in [0, 1, IOU_THRESHOLD, SCORE_THRESHOLD].into_iter().chain(sigma) {
        node.type_in(Slot::Input(input as u8), &[TensorType::Float32])?;
    }
    node.type_in(Slot::Input(2), &[TensorType::Int32])?;
    node.type_in(OUTPUT, &[TensorType::Int32])?;
    if kind == Kind::Soft {
        node.type_in(Slot::Output(1), &[TensorType::Float32])?;
    }
    node.type_in(Slot::Output(1 + u8::from(kind == Kind::Soft)), &[TensorType::Int32])?;
    node.scratch(node.input(1)?.elements() * size_of::<Candidate>())
}

pub(crate) fn invoke(node: &mut Invoke<'_>, kind: Kind) -> Result<(), Refusal> {
    let soft = kind == Kind::Soft;
    let selected = node.output::<i32>(0)?;
    let selected_scores = if soft { node.output::<f32>(1)? } else { &mut [] };
    let count = node.output::<i32>(1 + usize::from(soft))?;
    let mut queue = Queue { list: node.scratch()?, len: 0 };
    let real = |input: usize| node.input::<f32>(input)?.first().copied().ok_or(Refusal::Internal);
    let (limit, threshold) = (real(IOU_THRESHOLD)?, real(SCORE_THRESHOLD)?);
    let sigma = if soft { real(SIGMA)? } else { 0.0 };
    if sigma < 0.0 {
        return Err(Refusal::Value(Slot::Input(SIGMA as u8)));
    }
    let boxes = node.input::<f32>(0)?.as_chunks::<4>().0;
    for (index, &score) in (0..).zip(node.input::<f32>(1)?) {
        if score > threshold {
            queue.push(Candidate { score, index, compared: 0 }).ok_or(Refusal::Internal)?;
        }
    }
    let most = queue.len.min(selected.len());
    let mut found = 0;
    while found < most {
        let Some(mut next) = queue.pop() else { break };
        let score = next.score;
        let this = boxes.get(next.index as usize).ok_or(Refusal::Internal)?;
        let mut suppressed = false;
        for &other in selected.get(next.compared as usize..found).unwrap_or_default().iter().rev() {
            let overlap = overlap(this, boxes.get(other as usize).ok_or(Refusal::Internal)?);
            suppressed = overlap >= limit;
            if suppressed {
                break;
            }
            if sigma > 0.0 {
                next.score *= libm::expf(-0.5 / sigma * overlap * overlap);
            }
            if next.score <= threshold {
                break;
            }
        }
        next.compared = found as u32;
        if suppressed {
            continue;
        }
        if next.score == score {
            *selected.get_mut(found).ok_or(Refusal::Internal)? = next.index as i32;
            selected_scores.iter_mut().skip(found).take(1).for_each(|to| *to = score);
            found += 1;
        }
        if next.score > threshold {
            queue.push(next).ok_or(Refusal::Internal)?;
        }
    }
    selected.iter_mut().skip(found).for_each(|to| *to = 0);
    selected_scores.iter_mut().skip(found).for_each(|to| *to = 0.0);
    count.fill(found as i32);
    Ok(())
}

/// The area that two boxes have in common over the area of both; 0 where one has none. Any two opposite
/// corners give a box.
fn overlap(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let least = |x: f32, y: f32| if y < x { y } else { x };
    let most = |x: f32, y: f32| if x < y { y } else { x };
    let span = |[y1, x1, y2, x2]: &[f32; 4]| {
        let (top, left) = (least(*y1, *y2), least(*x1, *x2));
        let (bottom, right) = (most(*y1, *y2), most(*x1, *x2));
        ([top, left, bottom, right], (bottom - top) * (right - left))
    };
    let ([top_a, left_a, bottom_a, right_a], area_a) = span(a);
    let ([top_b, left_b, bottom_b, right_b], area_b) = span(b);
    if area_a <= 0.0 || area_b <= 0.0 {
        return 0.0;
    }
    let height = most(least(bottom_a, bottom_b) - most(top_a, top_b), 0.0);
    let width = most(least(right_a, right_b) - most(left_a, left_b), 0.0);
    let common = height * width;
    common / (area_a + area_b - common)
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn overlaps_by_hand() {
        let unit = [0.0, 0.0, 1.0, 1.0];
        assert_eq!(overlap(&unit, &unit), 1.0);
        // Half of one, in a union of one and a half.
        assert_eq!(overlap(&unit, &[0.5, 0.0, 1.5, 1.0]), 1.0 / 3.0);
        // The other two corners.
        assert_eq!(overlap(&unit, &[1.5, 1.0, 0.5, 0.0]), 1.0 / 3.0);
        assert_eq!(overlap(&unit, &[2.0, 2.0, 3.0, 3.0]), 0.0);
        assert_eq!(overlap(&unit, &[0.5, 0.5, 0.5, 0.9]), 0.0);
    }
}
