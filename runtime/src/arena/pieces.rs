//! Memory from which places are taken: what was taken once cannot be had again.

use crate::slices;

/// The memory that is left when some places were taken, in `N` pieces at most: each place taken may cut one in two.
pub(crate) struct Pieces<'s, const N: usize> {
    pieces: [(usize, &'s mut [u8]); N],
    count: usize,
}

impl<'s, const N: usize> Pieces<'s, N> {
    #[inline(always)]
    pub(crate) fn new(bytes: &'s mut [u8]) -> Self {
        Self::of(bytes, (0, &mut []))
    }

    /// The memory from offset 0 on and, where `second` is not empty, that from its offset on.
    #[inline(always)]
    pub(crate) fn of(first: &'s mut [u8], second: (usize, &'s mut [u8])) -> Self {
        let count = if second.1.is_empty() { 1 } else { 2 };
        let mut given = [(0, first), second].into_iter();
        Self { pieces: core::array::from_fn(|_| given.next().unwrap_or_default()), count }
    }

    /// The piece that holds these bytes, and where they start in it.
    fn find(&self, at: usize, bytes: usize) -> Option<(usize, usize)> {
        let used = self.pieces.get(..self.count)?;
        used.iter().enumerate().find_map(|(i, (start, piece))| {
            let skip = at.checked_sub(*start)?;
            (skip.checked_add(bytes)? <= piece.len()).then_some((i, skip))
        })
    }

    pub(crate) fn get(&self, at: usize, bytes: usize) -> Option<&[u8]> {
        let (i, skip) = self.find(at, bytes)?;
        self.pieces.get(i)?.1.get(skip..skip + bytes)
    }

    pub(crate) fn get_mut(&mut self, at: usize, bytes: usize) -> Option<&mut [u8]> {
        let (i, skip) = self.find(at, bytes)?;
        self.pieces.get_mut(i)?.1.get_mut(skip..skip + bytes)
    }

    /// Copies `bytes` bytes from one offset to another.
    pub(crate) fn copy(&mut self, from: usize, to: usize, bytes: usize) -> Option<()> {
        let ((i, from), (k, to)) = (self.find(from, bytes)?, self.find(to, bytes)?);
        if i == k {
            slices::copy_within(self.pieces.get_mut(i)?.1, from, bytes, to)?;
        } else {
            let [a, b] = self.pieces.get_disjoint_mut([i, k]).ok()?;
            slices::copy(a.1.get(from..from + bytes)?, b.1.get_mut(to..to + bytes)?);
        }
        Some(())
    }

    /// All of the memory from offset 0 on that was given first, if nothing of it was taken.
    pub(crate) fn first(&mut self) -> &mut [u8] {
        self.pieces.first_mut().map(|(_, piece)| &mut **piece).unwrap_or_default()
    }

    /// Takes these bytes; what is left of their piece stays.
    pub(crate) fn take(&mut self, at: usize, bytes: usize) -> Option<&'s mut [u8]> {
        let (i, skip) = self.find(at, bytes)?;
        let count = self.count;
        // The new piece's place is looked at first, so that nothing is lost where there is none.
        self.pieces.get(count)?;
        let whole = core::mem::take(&mut self.pieces.get_mut(i)?.1);
        let (before, rest) = whole.split_at_mut_checked(skip)?;
        let (taken, after) = rest.split_at_mut_checked(bytes)?;
        self.pieces.get_mut(i)?.1 = before;
        *self.pieces.get_mut(count)? = (at + bytes, after);
        self.count += 1;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::Pieces;

    const MOST: usize = 6;

    #[test]
    fn what_was_taken_is_gone() {
        let mut bytes = [0u8, 1, 2, 3, 4, 5, 6, 7];
        let mut pieces = Pieces::<MOST>::new(&mut bytes);
        assert_eq!(pieces.take(2, 3).unwrap(), [2, 3, 4]);
        assert_eq!(pieces.get(0, 2).unwrap(), [0, 1]);
        assert_eq!(pieces.get(5, 3).unwrap(), [5, 6, 7]);
        assert!(pieces.get(1, 2).is_none());
        assert!(pieces.get(4, 1).is_none());
        assert!(pieces.take(2, 3).is_none());
        assert!(pieces.get(5, 4).is_none());
    }

    #[test]
    fn what_lies_between_two_parts_is_not_there() {
        let (mut low, mut high) = ([1u8; 4], [2u8; 20]);
        let mut pieces = Pieces::<MOST>::of(&mut low, (8, &mut high));
        assert!(pieces.get(4, 1).is_none() && pieces.get(3, 6).is_none());
        assert_eq!(pieces.get(8, 4).unwrap(), [2; 4]);
        for taken in 0..MOST - 2 {
            assert_eq!(pieces.take(9 + 2 * taken, 1).unwrap(), [2]);
        }
        // One more piece has no room; nothing is lost.
        assert!(pieces.take(0, 1).is_none());
        assert_eq!(pieces.get(0, 4).unwrap(), [1; 4]);
    }
}
