//! Binary heaps: the children of element `i` are elements `2i + 1` and `2i + 2`, and neither of them comes
//! after it. So the last element of all is on top, in place 0.

/// Elements in places from 0 on that can be compared and swapped. Methods return `None` where a place is
/// named that there is not.
pub(crate) trait Heap {
    /// Whether element `a` comes before element `b`.
    fn precedes(&self, a: usize, b: usize) -> Option<bool>;

    /// Swaps two elements.
    fn swap(&mut self, a: usize, b: usize);

    /// Moves element `at` down to its place among the first `len`.
    fn sink(&mut self, mut at: usize, len: usize) -> Option<()> {
        loop {
            let child = 2 * at + 1;
            if child >= len {
                return Some(());
            }
            let right = child + 1;
            let child = if right < len && self.precedes(child, right)? { right } else { child };
            if !self.precedes(at, child)? {
                return Some(());
            }
            self.swap(at, child);
            at = child;
        }
    }

    /// Moves element `at` up to its place.
    fn rise(&mut self, mut at: usize) -> Option<()> {
        while let Some(parent) = at.checked_sub(1).map(|before| before / 2) {
            if !self.precedes(parent, at)? {
                break;
            }
            self.swap(parent, at);
            at = parent;
        }
        Some(())
    }

    /// Makes the first `len` elements a heap.
    fn build(&mut self, len: usize) -> Option<()> {
        (0..len / 2).rev().try_for_each(|at| self.sink(at, len))
    }

    /// Sorts a heap of `len` elements.
    fn sort(&mut self, len: usize) -> Option<()> {
        (1..len).rev().try_for_each(|last| {
            self.swap(0, last);
            self.sink(0, last)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Heap;
    use std::vec::Vec;

    impl Heap for [u32] {
        fn precedes(&self, a: usize, b: usize) -> Option<bool> {
            Some(self.get(a)? < self.get(b)?)
        }

        fn swap(&mut self, a: usize, b: usize) {
            crate::slices::swap(self, a, b);
        }
    }

    #[test]
    fn heaps_sort() {
        for len in 0..40u32 {
            let scattered = || (0..len).map(|i| i * 17 % 23);
            let mut sorted: Vec<u32> = scattered().collect();
            sorted.sort_unstable();
            let mut built: Vec<u32> = scattered().collect();
            assert_eq!(built.build(len as usize), Some(()));
            assert_eq!(built.first(), sorted.last());
            assert_eq!(Heap::sort(&mut built[..], len as usize), Some(()));
            assert_eq!(built, sorted);
            let mut grown: Vec<u32> = Vec::new();
            for x in scattered() {
                grown.push(x);
                let last = grown.len() - 1;
                assert_eq!(grown.rise(last), Some(()));
            }
            assert_eq!(Heap::sort(&mut grown[..], len as usize), Some(()));
            assert_eq!(grown, sorted);
        }
    }

    #[test]
    fn places_that_are_not_there_are_refused() {
        assert_eq!([1u32, 2][..].build(4), None);
        assert_eq!([1u32, 2][..].rise(3), None);
    }
}
