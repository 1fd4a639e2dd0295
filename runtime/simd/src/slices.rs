//! Slices to arrays and back, and arrays to vectors: what loads and stores of all levels are made of.

/// The first `N` elements; missing ones are 0.
#[inline(always)]
pub(crate) fn first<T: Copy + Default, const N: usize>(from: &[T]) -> [T; N] {
    match from.first_chunk::<N>() {
        Some(chunk) => *chunk,
        None => {
            let mut out = [T::default(); N];
            out.iter_mut().zip(from).for_each(|(to, &x)| *to = x);
            out
        }
    }
}

/// Writes as many elements as there is room for.
#[inline(always)]
pub(crate) fn write<T: Copy, const N: usize>(x: [T; N], to: &mut [T]) {
    match to.first_chunk_mut::<N>() {
        Some(chunk) => *chunk = x,
        None => to.iter_mut().zip(x).for_each(|(to, x)| *to = x),
    }
}

/// The same bits as another type of the same size, both plain numbers or vectors of them.
macro_rules! bits {
    ($from:ty => $to:ty, $x:expr) => {{
        let x: $from = $x;
        // SAFETY: both types are plain numbers or vectors of them, of the same size, and every
        // pattern of bits is a value of either.
        unsafe { core::mem::transmute::<$from, $to>(x) }
    }};
}

pub(crate) use bits;
