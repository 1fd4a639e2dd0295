//! Convolutions: all filters at two positions of the window.

use super::Filters;

/// Whether the rows of [`widen`] are bytes, so that pieces of any length go there at no cost; otherwise those that start and end at
/// whole words cost least.
pub const IN_BYTES: bool = cfg!(sedge_mve);

/// Positions that run side by side.
pub const POSITIONS: usize = 2;

/// Where element `k` of position `p` lies in rows of `length` elements, in halves of words.
///
/// For the DSP instructions, which take elements 0 and 2, then 1 and 3 of each four; those that are left, and all for
/// other processors, lie beside those of the other position. With Helium the rows are bytes, one after the other, and this is
/// of no use.
#[inline(always)]
#[cfg_attr(sedge_mve, allow(dead_code))]
const fn place(k: usize, p: usize, length: usize) -> usize {
    if cfg!(sedge_dsp) && k < length / 4 * 4 {
        return k / 4 * 8 + k % 2 * 4 + p * 2 + k / 2 % 2;
    }
    2 * k + p
}

/// Puts `x[k] + offset` at element `start + k` of position `p` of rows of `length` elements, two to a word of `to`;
/// nothing where these have no place. `offset` must fit 16 bits together with any int8.
#[inline]
#[cfg_attr(sedge_mve, allow(unused_variables))]
pub fn widen(offset: i32, x: &[i8], (start, length): (usize, usize), p: usize, to: &mut [u32]) {
    if start.checked_add(x.len()).is_none_or(|end| end > length) || to.len() < length || p >= POSITIONS {
        return;
    }
    #[cfg(sedge_mve)]
    {
        crate::mve::copy(x, crate::mve::row(to, length, p).get_mut(start..).unwrap_or_default());
    }
    #[cfg(sedge_dsp)]
    let (x, start) = match start.is_multiple_of(4) {
        // The rows' rest has another order.
        true => {
            let words = x.len().min(length / 4 * 4 - start.min(length / 4 * 4)) / 4;
            // SAFETY: `words` words lie in `x`; of `to`, four from `start` on for each, of which two are written, lie in
            // the first `length`.
            unsafe { crate::dsp::widen(offset, x.as_ptr(), words, to.as_mut_ptr().wrapping_add(start + p)) };
            (x.get(words * 4..).unwrap_or_default(), start + words * 4)
        }
        false => (x, start),
    };
    #[cfg(not(sedge_mve))]
    for (k, &x) in (start..).zip(x) {
        let at = place(k, p, length);
        let (half, shift) = ((i32::from(x) + offset) as u16, at % 2 * 16);
        if let Some(word) = to.get_mut(at / 2) {
            *word = *word & !(0xffff << shift) | u32::from(half) << shift;
        }
    }
}

/// Pieces of an image that lie equally far from each other, and so do their places in a row.
#[derive(Clone, Copy, Debug)]
pub struct Pieces {
    /// How many.
    pub count: usize,
    /// The elements of each.
    pub length: usize,
    /// Elements from the start of one to that of the next in the image.
    pub step: usize,
    /// The same in the row.
    pub row_step: usize,
}

impl Pieces {
    /// Elements from the start of the first to the end of the last.
    fn span(&self, step: usize) -> Option<usize> {
        self.count.checked_sub(1)?.checked_mul(step)?.checked_add(self.length)
    }
}

/// As [`widen`] for pieces, of which the first is at the start of `x`.
#[inline]
pub fn widen_pieces(offset: i32, x: &[i8], pieces: &Pieces, place: (usize, usize), p: usize, to: &mut [u32]) {
    #[cfg(sedge_mve)]
    {
        let _ = offset;
        let (start, length) = place;
        let row = crate::mve::row(to, length, p).get_mut(start..).unwrap_or_default();
        let fits = |span: Option<usize>, len: usize| span.is_some_and(|span| span <= len);
        if fits(pieces.span(pieces.step), x.len()) && fits(pieces.span(pieces.row_step), row.len()) {
            // SAFETY: both spans, from the first piece to the last, lie inside.
            unsafe { crate::mve::copy_pieces(x.as_ptr(), row.as_mut_ptr(), pieces) };
        }
    }
    #[cfg(not(sedge_mve))]
    {
        let (mut start, length) = place;
        if pieces.span(pieces.step).is_none_or(|span| span > x.len()) {
            return;
        }
        for i in 0..pieces.count {
            let piece = x.get(i * pieces.step..).and_then(|x| x.get(..pieces.length)).unwrap_or_default();
            widen(offset, piece, (start, length), p, to);
            start += pieces.row_step;
        }
    }
}

/// Makes all elements of position `p`, to which `offset` was added, 0, in rows of as many elements as `to` has words.
#[cfg_attr(not(sedge_mve), allow(unused_variables))]
pub fn clear(offset: i32, p: usize, to: &mut [u32]) {
    let length = to.len();
    #[cfg(sedge_mve)]
    {
        crate::mve::row(to, length, p).fill(offset.wrapping_neg() as i8);
        return;
    }
    #[cfg_attr(sedge_mve, allow(unreachable_code))]
    let (fours, rest) = to.split_at_mut(if cfg!(sedge_dsp) { length / 4 * 4 } else { 0 });
    fours.iter_mut().skip(p).step_by(2).for_each(|word| *word = 0);
    rest.iter_mut().for_each(|word| *word &= !(0xffff << (p % 2 * 16)));
}

/// The element at `at`, a half of a word.
#[cfg(sedge_dsp)]
#[inline(always)]
fn half(x: &[u32], at: usize) -> i32 {
    let word = x.get(at / 2).copied().unwrap_or(0);
    (word >> (at % 2 * 16)) as i16 as i32
}

/// The outputs of all filters for each row of `x`, which are as long as `wide`; that is room for two of them.
pub fn pointwise(filters: &Filters<'_>, x: &[i8], wide: &mut [u32], out: &mut [i8]) {
    let length = wide.len();
    let count = filters.weights.len().checked_div(length).unwrap_or(0);
    if count == 0 || !filters.has(count) {
        return;
    }
    let (two_rows, two_outputs) = ((POSITIONS * length).max(1), (POSITIONS * count).max(1));
    for (rows, out) in x.chunks(two_rows).zip(out.chunks_mut(two_outputs)) {
        // The last row of an odd number goes with itself, into the same place.
        let is_pair = rows.len() == two_rows && out.len() == two_outputs;
        #[cfg(sedge_mve)]
        if is_pair {
            // SAFETY: the filters' constants and weights, both rows, and places for two outputs of each filter are there.
            unsafe { crate::mve::convolve(filters, rows.as_ptr(), (length, count), out.as_mut_ptr(), count) };
            continue;
        }
        for p in 0..POSITIONS {
            let row = rows.get(if is_pair { p * length } else { 0 }..).and_then(|rows| rows.get(..length));
            widen(filters.offset, row.unwrap_or_default(), (0, length), p, wide);
        }
        convolve(filters, wide, length, out, if is_pair { count } else { 0 });
    }
}

/// The outputs of all filters at two positions: `out[f]` at the first, `out[second + f]` at the second; both may be one.
/// `x` holds the rows of [`widen`], of `length` elements; nothing is written where not all is there.
pub fn convolve(filters: &Filters<'_>, x: &[u32], length: usize, out: &mut [i8], second: usize) {
    let count = filters.weights.len().checked_div(length).unwrap_or(0);
    let fits = second.checked_add(count).is_some_and(|end| end <= out.len());
    if !fits || x.len() < length || !filters.has(count) {
        return;
    }
    #[cfg(sedge_mve)]
    if length > 0 {
        // SAFETY: the filters' constants and weights are there, `x` has `length` words, which are more than two rows of as many
        // bytes, and `out` places for two outputs of each filter.
        unsafe {
            crate::mve::convolve(filters, x.as_ptr().cast(), (length, count), out.as_mut_ptr(), second)
        };
        return;
    }
    #[cfg(sedge_dsp)]
    let done = {
        // SAFETY: the filters' constants and weights are there, `x` has `length` words, and `out` places for two outputs of
        // each filter.
        unsafe { crate::dsp::convolve(filters, x, (length, count / 2), out.as_mut_ptr(), second) };
        count / 2 * 2
    };
    #[cfg(not(sedge_dsp))]
    let done = 0;
    let mut rest = filters.weights.get(done * length..).unwrap_or_default().chunks_exact(length.max(1));
    let mut f = done;
    while let Some(first) = rest.next() {
        // The last of an odd number goes with itself.
        #[cfg_attr(sedge_dsp, allow(unused_variables))]
        let (other, g) = rest.next().map_or((first, f), |row| (row, f + 1));
        let mut sums = [filters.start(f), filters.start(g), filters.start(f), filters.start(g)];
        #[cfg(sedge_dsp)]
        for (k, &w) in first.iter().enumerate() {
            for (p, sum) in sums.iter_mut().step_by(2).enumerate() {
                *sum = sum.wrapping_add(half(x, place(k, p, length)).wrapping_mul(w.into()));
            }
        }
        // SAFETY: `x` has `length` words, and both rows have as many elements.
        #[cfg(sedge_m0)]
        unsafe {
            crate::m0::two_by_two(x.as_ptr(), [first.as_ptr(), other.as_ptr()], length, &mut sums);
        }
        #[cfg(not(any(sedge_dsp, sedge_m0)))]
        for ((&x, &v), &w) in x.iter().zip(first).zip(other) {
            let (x, y, v, w) = (i32::from(x as i16), x as i32 >> 16, i32::from(v), i32::from(w));
            sums[0] = sums[0].wrapping_add(x.wrapping_mul(v));
            sums[1] = sums[1].wrapping_add(x.wrapping_mul(w));
            sums[2] = sums[2].wrapping_add(y.wrapping_mul(v));
            sums[3] = sums[3].wrapping_add(y.wrapping_mul(w));
        }
        let mut put = |at: usize, f: usize, sum: i32| {
            if let Some(out) = out.get_mut(at) {
                *out = filters.finish(f, sum);
            }
        };
        put(f, f, sums[0]);
        put(second + f, f, sums[2]);
        if g != f {
            put(g, g, sums[1]);
            put(second + g, g, sums[3]);
        }
        f = g + 1;
    }
}
