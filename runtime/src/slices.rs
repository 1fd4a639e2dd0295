//! What slices have functions for that can panic: the same without. That nothing of Sedge can panic on a device is shown
//! when firmware is linked, so these need not be proved one by one.

use core::cell::Cell;

use crate::heap::Heap;

/// Copies as many elements as both have.
#[inline(always)]
pub(crate) fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Copies the `count` elements from `from` on to `to`, the places of which may be among them; `None` where not all of them
/// are there.
pub(crate) fn copy_within<T: Copy>(list: &mut [T], from: usize, count: usize, to: usize) -> Option<()> {
    let distance = from.abs_diff(to);
    let list = list.get_mut(from.min(to)..from.max(to).checked_add(count)?)?;
    if distance >= count {
        let (low, high) = list.split_at_mut_checked(distance)?;
        match from < to {
            true => copy(low, high.get_mut(..count)?),
            false => copy(high, low.get_mut(..count)?),
        }
        return Some(());
    }
    // Each is read before its place is written.
    let cells = Cell::from_mut(list).as_slice_of_cells();
    let moved = cells.iter().zip(cells.get(distance..)?);
    match from < to {
        true => moved.rev().for_each(|(from, to)| to.set(from.get())),
        false => moved.for_each(|(to, from)| to.set(from.get())),
    }
    Some(())
}

/// Swaps two elements; nothing where they are not two, or not there.
#[inline(always)]
pub(crate) fn swap<T>(list: &mut [T], a: usize, b: usize) {
    if let Ok([a, b]) = list.get_disjoint_mut([a, b]) {
        core::mem::swap(a, b);
    }
}

/// The list in pieces of `n` elements; what is left over is left out. `n` is not 0.
pub(crate) fn rows<T>(list: &[T], n: usize) -> impl Iterator<Item = &[T]> {
    let mut rest = list;
    core::iter::from_fn(move || {
        let (row, after) = rest.split_at_checked(n.max(1))?;
        rest = after;
        Some(row)
    })
}

/// As [`rows`], to change them.
pub(crate) fn rows_mut<T>(list: &mut [T], n: usize) -> impl Iterator<Item = &mut [T]> {
    let mut rest = list;
    core::iter::from_fn(move || {
        let (row, after) = core::mem::take(&mut rest).split_at_mut_checked(n.max(1))?;
        rest = after;
        Some(row)
    })
}

/// Sorts by a key that no two elements have in common.
pub(crate) fn sort_by_key<T, K: Ord>(list: &mut [T], key: impl Fn(&T) -> K) {
    let len = list.len();
    let mut sorted = Keyed { list, key };
    // All places are there.
    let _ = sorted.build(len).and_then(|()| sorted.sort(len));
}

struct Keyed<'l, T, F> {
    list: &'l mut [T],
    key: F,
}

impl<T, K: Ord, F: Fn(&T) -> K> Heap for Keyed<'_, T, F> {
    fn precedes(&self, a: usize, b: usize) -> Option<bool> {
        Some((self.key)(self.list.get(a)?) < (self.key)(self.list.get(b)?))
    }

    fn swap(&mut self, a: usize, b: usize) {
        swap(self.list, a, b);
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::{copy_within, sort_by_key, swap};

    #[test]
    fn elements_are_copied_as_slices_do_it() {
        let start: Vec<u8> = (0..9).collect();
        for from in 0..=9 {
            for to in 0..=9 {
                for count in 0..=9 {
                    let (mut mine, mut theirs) = (start.clone(), start.clone());
                    if from.max(to) + count <= 9 {
                        assert_eq!(copy_within(&mut mine, from, count, to), Some(()));
                        theirs.copy_within(from..from + count, to);
                    } else {
                        assert_eq!(copy_within(&mut mine, from, count, to), None);
                    }
                    assert_eq!(mine, theirs, "{from} {count} {to}");
                }
            }
        }
    }

    #[test]
    fn lists_are_sorted() {
        for len in 0..50 {
            let mut list: Vec<u32> = (0..len).map(|i| i * 29 % 53).collect();
            sort_by_key(&mut list, |&x| u32::MAX - x);
            assert!(list.is_sorted_by(|a, b| a > b));
        }
        let mut two = [1, 2];
        swap(&mut two, 0, 1);
        swap(&mut two, 1, 2);
        assert_eq!(two, [2, 1]);
    }
}
