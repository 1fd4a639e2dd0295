//! Shapes: a fixed-capacity list of dimensions, outermost first.

use core::fmt;

/// The largest number of dimensions that a tensor may have.
pub const MAX_RANK: usize = 8;

/// The dimensions of a tensor, outermost first; a scalar has none.
///
/// Every shape has at most [`MAX_RANK`] dimensions and `i32::MAX` elements ([`Shape::new`] refuses
/// others), so indices and partial products fit 32 bits. A dimension may be 0: the tensor is then
/// empty.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    rank: u8,
    dims: [u32; MAX_RANK],
}

impl Shape {
    /// The shape of a scalar.
    pub const SCALAR: Self = Self { rank: 0, dims: [1; MAX_RANK] };

    /// The most elements that a shape may have.
    const MAX_ELEMENTS: u64 = i32::MAX as u64;

    /// The shape with these dimensions, or `None` where there are more than [`MAX_RANK`] or their
    /// product is too large.
    ///
    /// Dimensions of 0 count as 1 in that product, so partial products and strides fit as well.
    pub const fn new(dims: &[u32]) -> Option<Self> {
        if dims.len() > MAX_RANK {
            return None;
        }
        let mut out = Self { rank: dims.len() as u8, dims: [1; MAX_RANK] };
        let mut product = 1u64;
        let mut i = 0;
        while i < dims.len() {
            out.dims[i] = dims[i];
            product *= if dims[i] == 0 { 1 } else { dims[i] as u64 };
            if product > Self::MAX_ELEMENTS {
                return None;
            }
            i += 1;
        }
        Some(out)
    }

    /// The shape with the dimensions that the iterator yields; see [`Shape::new`].
    pub fn from_dims(dims: impl IntoIterator<Item = u32>) -> Option<Self> {
        let mut out = [1u32; MAX_RANK];
        let mut rank = 0;
        for dim in dims {
            *out.get_mut(rank)? = dim;
            rank += 1;
        }
        Self::new(out.get(..rank)?)
    }

    /// The shape of signed dimensions, as they stand in a file; `None` where one is negative.
    pub fn from_signed(dims: impl IntoIterator<Item = i32>) -> Option<Self> {
        let mut out = [1u32; MAX_RANK];
        let mut rank = 0;
        for dim in dims {
            *out.get_mut(rank)? = u32::try_from(dim).ok()?;
            rank += 1;
        }
        Self::new(out.get(..rank)?)
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.rank.into()
    }

    /// The dimensions, outermost first.
    pub fn dims(&self) -> &[u32] {
        self.dims.get(..self.rank()).unwrap_or_default()
    }

    /// Dimension `axis`; 1 beyond the rank, as broadcasting reads it.
    pub fn dim(&self, axis: usize) -> usize {
        self.dims.get(axis).map_or(1, |&d| d as usize)
    }

    /// The innermost dimension; 1 for a scalar.
    pub fn last(&self) -> usize {
        self.dims().last().map_or(1, |&d| d as usize)
    }

    /// The number of elements, the product of the dimensions.
    pub fn elements(&self) -> usize {
        self.dims().iter().map(|&d| d as usize).product()
    }

    /// The number of elements in the dimensions `range`; an empty range has one.
    pub fn elements_in(&self, range: core::ops::Range<usize>) -> usize {
        range.map(|axis| self.dim(axis)).product()
    }

    /// The same shape with dimension `axis` replaced; `None` where that axis does not exist or the
    /// product becomes too large.
    pub fn with(&self, axis: usize, dim: u32) -> Option<Self> {
        let mut dims = self.dims;
        *dims.get_mut(..self.rank())?.get_mut(axis)? = dim;
        Self::new(dims.get(..self.rank())?)
    }

    /// The shape padded with leading dimensions of 1 to `rank` dimensions; unchanged where it has
    /// as many already, `None` where `rank` is too large.
    pub fn expand_to(&self, rank: usize) -> Option<Self> {
        let lead = rank.saturating_sub(self.rank());
        Self::from_dims(core::iter::repeat_n(1, lead).chain(self.dims().iter().copied()))
    }

    /// `axis` counted from the end where negative; `None` where it is out of range.
    pub fn axis(&self, axis: i64) -> Option<usize> {
        let rank = self.rank as i64;
        let axis = if axis < 0 { axis + rank } else { axis };
        (0..rank).contains(&axis).then_some(axis as usize)
    }

    /// The shape that `self` and `other` broadcast to, aligned at the innermost dimension, each
    /// pair of dimensions equal or one of them 1 (NumPy's rule); `None` where they do not fit.
    pub fn broadcast(&self, other: &Self) -> Option<Self> {
        let rank = self.rank().max(other.rank());
        let (a, b) = (self.expand_to(rank)?, other.expand_to(rank)?);
        let mut dims = [1u32; MAX_RANK];
        for ((out, &x), &y) in dims.iter_mut().zip(a.dims()).zip(b.dims()) {
            *out = match (x, y) {
                _ if x == y => x,
                (1, _) => y,
                (_, 1) => x,
                _ => return None,
            };
        }
        Self::new(dims.get(..rank)?)
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self::SCALAR
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, dim) in self.dims().iter().enumerate() {
            write!(f, "{}{dim}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Shape {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", self.dims());
    }
}

#[cfg(test)]
mod tests {
    use super::Shape;

    #[test]
    fn products_are_bounded() {
        assert!(Shape::new(&[65536, 65536]).is_none());
        assert!(Shape::new(&[0, u32::MAX]).is_none());
        assert_eq!(Shape::new(&[0, 5]).unwrap().elements(), 0);
        assert!(Shape::new(&[1; 9]).is_none());
    }

    #[test]
    fn broadcasting_follows_numpy() {
        let shape = |d: &[u32]| Shape::new(d).unwrap();
        assert_eq!(shape(&[2, 1, 4]).broadcast(&shape(&[3, 1])), Some(shape(&[2, 3, 4])));
        assert_eq!(shape(&[0]).broadcast(&shape(&[1])), Some(shape(&[0])));
        assert_eq!(shape(&[2]).broadcast(&shape(&[3])), None);
    }
}
