//! Offsets for blocks of memory, so that no two that live at the same time overlap.

use bytemuck::{Pod, Zeroable};

use crate::arena::align_up;
use crate::slices;

/// Bytes that live for some time and lie somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Block {
    /// How many bytes.
    pub bytes: u32,
    /// The first operator during which the block lives.
    pub first: u32,
    /// The last operator during which the block lives.
    pub last: u32,
    /// Where it lies.
    pub offset: u32,
    /// What it holds, as its owner counts.
    pub owner: u32,
    /// The best offset found so far, while several arrangements are tried.
    best: u32,
    /// One more than the index of the next block in the order of offsets; 0 for none.
    next: u32,
}

impl Block {
    /// A block that lies nowhere yet.
    pub fn new(owner: u32, bytes: u32, first: u32, last: u32) -> Self {
        Self { bytes, first, last, owner, ..Self::default() }
    }

    fn lives_with(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Where it ends, aligned.
    fn end(&self) -> usize {
        align_up((self.offset as usize).saturating_add(self.bytes as usize))
    }
}

/// The orders in which blocks are given their places, the greedy ones that do well in practice.
#[derive(Clone, Copy)]
enum Order {
    /// Large ones first (Pisarchyk and Lee, "Efficient memory management for deep neural net
    /// inference", 2020: greedy by size).
    Size,
    /// Long-lived ones first.
    Duration,
    /// In the order of time.
    Time,
    /// Large area of bytes times duration first.
    Area,
}

/// Gives every block an offset; returns the bytes that all of them take.
///
/// Several greedy orders are tried and the best is kept; one that reaches [`lower_bound`] ends the
/// search. Offsets are multiples of [`ALIGNMENT`](crate::arena::ALIGNMENT). The order of `blocks`
/// changes.
pub fn arrange(blocks: &mut [Block]) -> usize {
    let bound = lower_bound(blocks);
    let mut best = usize::MAX;
    for order in [Order::Size, Order::Duration, Order::Area, Order::Time] {
        slices::sort_by_key(blocks, |b| {
            let duration = u64::from(b.last - b.first);
            let bytes = u64::from(b.bytes);
            let key = match order {
                Order::Size => u64::MAX - bytes,
                Order::Duration => u64::MAX - duration,
                Order::Area => u64::MAX - bytes * (duration + 1),
                Order::Time => b.first.into(),
            };
            (key, u64::MAX - bytes, b.first, b.owner)
        });
        let size = first_fit(blocks);
        if size < best {
            best = size;
            blocks.iter_mut().for_each(|b| b.best = b.offset);
        }
        if best <= bound {
            break;
        }
    }
    blocks.iter_mut().for_each(|b| b.offset = b.best);
    if blocks.is_empty() { 0 } else { best }
}

/// Gives each block in turn the lowest offset where it fits among those before it.
fn first_fit(blocks: &mut [Block]) -> usize {
    // Those that have a place form a list in the order of their offsets.
    let mut head = 0u32;
    let mut size = 0;
    for i in 0..blocks.len() {
        let Some((placed, [block, ..])) = blocks.split_at_mut_checked(i) else { break };
        let mut offset = 0usize;
        let mut at = head;
        let mut before = 0u32;
        while let Some(other) = at.checked_sub(1).and_then(|k| placed.get(k as usize)) {
            if other.lives_with(block) {
                if offset.saturating_add(block.bytes as usize) <= other.offset as usize {
                    break;
                }
                offset = offset.max(other.end());
            }
            at = other.next;
        }
        block.offset = u32::try_from(offset).unwrap_or(u32::MAX);
        size = size.max(block.end());
        // Into the list, before the first that lies higher.
        at = head;
        while let Some(other) = at.checked_sub(1).and_then(|k| placed.get(k as usize)) {
            if other.offset > block.offset {
                break;
            }
            before = at;
            at = other.next;
        }
        block.next = at;
        let this = i as u32 + 1;
        match before.checked_sub(1).and_then(|k| placed.get_mut(k as usize)) {
            Some(previous) => previous.next = this,
            None => head = this,
        }
    }
    size
}

/// The most bytes that live at the same time: no arrangement takes fewer.
pub fn lower_bound(blocks: &[Block]) -> usize {
    let live_at = |t: u32| -> usize {
        blocks.iter().filter(|b| b.first <= t && t <= b.last).map(|b| align_up(b.bytes as usize)).sum()
    };
    blocks.iter().map(|b| live_at(b.first)).max().unwrap_or(0)
}

/// Whether no two blocks that live at the same time overlap, and all end within `size`.
pub fn is_disjoint(blocks: &[Block], size: usize) -> bool {
    blocks.iter().enumerate().all(|(i, a)| {
        let (start, end) = (u64::from(a.offset), u64::from(a.offset) + u64::from(a.bytes));
        end <= size as u64
            && blocks.iter().skip(i + 1).filter(|b| a.lives_with(b)).all(|b| {
                let (other, other_end) = (u64::from(b.offset), u64::from(b.offset) + u64::from(b.bytes));
                end <= other || other_end <= start
            })
    })
}

#[cfg(test)]
mod tests {
    use super::{Block, arrange, is_disjoint, lower_bound};

    #[test]
    fn a_chain_uses_two_places() {
        let mut blocks = [Block::new(0, 64, 0, 0), Block::new(1, 100, 0, 1), Block::new(2, 64, 1, 2)];
        assert_eq!(lower_bound(&blocks), 64 + 112);
        assert_eq!(arrange(&mut blocks), 64 + 112);
        assert!(is_disjoint(&blocks, 176));
    }

    #[test]
    fn empty_blocks_and_no_blocks() {
        assert_eq!(arrange(&mut []), 0);
        let mut blocks = [Block::new(0, 0, 0, 3), Block::new(1, 0, 0, 3)];
        assert_eq!(arrange(&mut blocks), 0);
        assert!(is_disjoint(&blocks, 0));
    }

    #[test]
    fn the_proof_refuses_an_overlap() {
        let mut blocks = [Block::new(0, 16, 0, 1), Block::new(1, 16, 1, 2)];
        blocks[1].offset = 15;
        assert!(!is_disjoint(&blocks, 64));
        blocks[1].offset = 16;
        assert!(is_disjoint(&blocks, 64));
        assert!(!is_disjoint(&blocks, 31));
    }
}
