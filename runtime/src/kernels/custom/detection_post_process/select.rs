//! Choosing boxes: the best one after another, without those that overlap one chosen before.

use super::Data;
use super::boxes::overlap;
use crate::slices;

/// A place in the order of decreasing scores; equal ones in the order of their indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(u64);

impl Rank {
    pub(super) fn new(score: f32, index: u32) -> Self {
        // Bits that order as the numbers do; the two zeros are equal.
        let bits = (score + 0.0).to_bits();
        let ordered = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
        Self(u64::from(!ordered) << 32 | u64::from(index))
    }

    pub(super) fn index(self) -> u32 {
        self.0 as u32
    }
}

/// The memory for choosing among boxes.
pub(super) struct Candidates<'c> {
    boxes: &'c [[f32; 4]],
    /// The bits of the boxes' scores.
    scores: &'c mut [u32],
    order: &'c mut [u32],
    /// Whether a box, by its place in the order, overlaps one that was chosen.
    gone: &'c mut [u32],
    chosen: &'c mut [u32],
    score_threshold: f32,
    overlap_threshold: f32,
}

impl<'c> Candidates<'c> {
    pub(super) fn of(data: &Data, boxes: &'c [[f32; 4]], memory: &'c mut [u32]) -> Option<Self> {
        let n = boxes.len();
        let (scores, memory) = memory.split_at_mut_checked(n)?;
        let (order, memory) = memory.split_at_mut_checked(n)?;
        let (gone, chosen) = memory.split_at_mut_checked(n)?;
        let (score_threshold, overlap_threshold) = (data.score_threshold, data.overlap_threshold);
        Some(Self { boxes, scores, order, gone, chosen, score_threshold, overlap_threshold })
    }

    /// The boxes that are chosen for these scores, the best first.
    pub(super) fn choose(&mut self, score: impl Fn(usize) -> f32) -> Option<&[u32]> {
        let mut count = 0;
        for (i, slot) in self.scores.iter_mut().enumerate() {
            let score = score(i);
            *slot = score.to_bits();
            if score >= self.score_threshold {
                *self.order.get_mut(count)? = i as u32;
                count += 1;
            }
        }
        let order = self.order.get_mut(..count)?;
        let scores = &*self.scores;
        let rank = |i: u32| Rank::new(f32::from_bits(scores.get(i as usize).copied().unwrap_or(0)), i);
        slices::sort_by_key(order, |&i| rank(i));
        self.gone.fill(0);
        let mut taken = 0;
        for place in 0..count {
            let Some(slot) = self.chosen.get_mut(taken) else { break };
            if *self.gone.get(place)? != 0 {
                continue;
            }
            let this = *order.get(place)?;
            *slot = this;
            taken += 1;
            let this = self.boxes.get(this as usize)?;
            let others = order.iter().zip(self.gone.iter_mut()).skip(place + 1);
            for (&other, gone) in others.filter(|(_, gone)| **gone == 0) {
                *gone = (overlap(this, self.boxes.get(other as usize)?) > self.overlap_threshold).into();
            }
        }
        self.chosen.get(..taken)
    }
}

/// The best detections of several classes.
pub(super) struct Kept<'k> {
    /// The bits of the score, the box and the class of each.
    all: &'k mut [[u32; 3]],
    count: usize,
    most: usize,
}

impl<'k> Kept<'k> {
    pub(super) fn of(data: &Data, memory: &'k mut [u32]) -> Option<Self> {
        let all = memory.get_mut(..3 * data.kept())?.as_chunks_mut().0;
        Some(Self { all, count: 0, most: data.most as usize })
    }

    /// Adds the detections of a class, best first, and keeps the best of all.
    pub(super) fn add(&mut self, detections: impl Iterator<Item = (f32, u32, u32)>) {
        for ((score, anchor, class), to) in detections.zip(self.all.iter_mut().skip(self.count)) {
            *to = [score.to_bits(), anchor, class];
            self.count += 1;
        }
        // Classes come in order, and so do the boxes of equal score in a class: equal scores keep the
        // order of class and place.
        let (scored, most) = (self.all.get_mut(..self.count).unwrap_or_default(), self.most);
        insertion_sort(scored);
        self.count = self.count.min(most);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (f32, u32, u32)> + '_ {
        self.all.iter().take(self.count).map(|&[score, anchor, class]| (f32::from_bits(score), anchor, class))
    }
}

/// Sorts by decreasing score; equal ones keep their order. Two sorted runs are sorted in one pass over the
/// second for each element that moves.
fn insertion_sort(all: &mut [[u32; 3]]) {
    let rank = |&[score, ..]: &[u32; 3]| Rank::new(f32::from_bits(score), 0);
    for end in 1..all.len() {
        let Some((sorted, [last, ..])) = all.split_at_mut_checked(end) else { return };
        let at = sorted.partition_point(|other| rank(other) <= rank(last));
        if let Some(moved) = all.get_mut(at..=end) {
            moved.rotate_right(1);
        }
    }
}
