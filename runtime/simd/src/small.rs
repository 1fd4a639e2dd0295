//! Sums of int8 products for processors without vectors, where weights are read as they lie in flash: several sums at
//! once, so that what is loaded is used more than once.
//!
//! On Cortex-M4 and M7, and on an M33 that is built for (`--cfg sedge_dsp`), two products are one instruction; other
//! processors get plain ones. Sums wrap.

use core::ops::Range;

#[cfg(sedge_dsp)]
use crate::dsp::{add_both, add_high, add_low, even, extend_even, extend_odd, odd, two_by_two};

/// `sums[p][f] += sum over k of (x[p][k] + offset) * w[f][k]`, over as many `k` as all rows have. `offset` must fit an
/// int16 together with any int8.
#[inline(always)]
pub fn dots<const P: usize, const F: usize>(
    offset: i32,
    x: [&[i8]; P],
    w: [&[i8]; F],
    sums: &mut [[i32; F]; P],
) {
    let length = x.iter().chain(&w).map(|row| row.len()).min().unwrap_or(0);
    let mut acc = *sums;
    #[cfg(sedge_dsp)]
    let done = {
        let both = both(offset);
        let (mut xp, mut wp) = (x.map(<[i8]>::as_ptr), w.map(<[i8]>::as_ptr));
        for _ in 0..length / 4 {
            let (mut xe, mut xo) = ([0; P], [0; P]);
            for p in 0..P {
                // SAFETY: `length / 4` words of each row are read in all, which lie inside: `length` is at most the
                // row's. Loads need no alignment.
                let word = unsafe { next(&mut xp[p]) };
                (xe[p], xo[p]) = (extend_even(both, word), extend_odd(both, word));
            }
            for f in 0..F {
                // SAFETY: as above.
                let word = unsafe { next(&mut wp[f]) };
                let (a, b) = (even(word), odd(word));
                for p in 0..P {
                    acc[p][f] = add_both(add_both(acc[p][f], xe[p], a), xo[p], b);
                }
            }
        }
        length / 4 * 4
    };
    #[cfg(not(sedge_dsp))]
    let done = 0;
    // SAFETY: `length` is at most the length of each row.
    unsafe { add_rest(offset, x, w, done..length, &mut acc) };
    *sums = acc;
}

/// `to[k] = x[k] + offset`, in the order in which [`products`] reads it. `offset` must fit an int16 together with any
/// int8; `to` must be as long as `x`.
#[inline(always)]
pub fn widen(offset: i32, x: &[i8], to: &mut [i16]) {
    #[cfg(sedge_dsp)]
    let (x, to) = {
        let both = both(offset);
        let (words, rest) = x.as_chunks::<4>();
        let (fours, last) = to.as_chunks_mut::<4>();
        for (x, to) in words.iter().zip(&mut *fours) {
            let x = x.map(|x| x as u8);
            let x = u32::from_le_bytes(x);
            let (even, odd) = (extend_even(both, x), extend_odd(both, x));
            *to = [even as i16, (even >> 16) as i16, odd as i16, (odd >> 16) as i16];
        }
        (rest, last)
    };
    for (x, to) in x.iter().zip(to) {
        *to = (i32::from(*x) + offset) as i16;
    }
}

/// `sums[p][f] += sum over k of x[p][k] * w[f][k]`, over as many `k` as all rows have, for rows of [`widen`].
#[inline(always)]
pub fn products<const P: usize>(x: [&[i16]; P], w: [&[i8]; 2], sums: &mut [[i32; 2]; P]) {
    let length = x.iter().map(|row| row.len()).chain(w.iter().map(|row| row.len())).min().unwrap_or(0);
    let mut acc = *sums;
    #[cfg(sedge_dsp)]
    let done = {
        for p in (0..P).step_by(2) {
            // Two rows each time; the last of an odd number goes with itself.
            let q = (p + 1).min(P - 1);
            let (rows, four) =
                ([x[p], x[q]].map(<[i16]>::as_ptr), [acc[p][0], acc[p][1], acc[q][0], acc[q][1]]);
            // SAFETY: `length / 4` words of each row of `w` are read, and twice as many of each row of `x`, which lie
            // inside: `length` is at most the row's.
            let [a, b, c, d] = unsafe { two_by_two(rows, w.map(<[i8]>::as_ptr), length / 4, four) };
            (acc[q], acc[p]) = ([c, d], [a, b]);
        }
        length / 4 * 4
    };
    #[cfg(not(sedge_dsp))]
    let done = 0;
    // SAFETY: `length` is at most the length of each row.
    unsafe { add_rest(0, x, w, done..length, &mut acc) };
    *sums = acc;
}

/// The sums of [`dots`], one product after the other, over these `k`.
///
/// # Safety
/// They must be below the length of each row.
#[inline(always)]
unsafe fn add_rest<X: Copy + Into<i32>, const P: usize, const F: usize>(
    offset: i32,
    x: [&[X]; P],
    w: [&[i8]; F],
    places: Range<usize>,
    sums: &mut [[i32; F]; P],
) {
    for k in places {
        // SAFETY: the caller says that `k` is below the length of each row.
        let x = x.map(|row| unsafe { *row.get_unchecked(k) });
        // SAFETY: as above.
        let w = w.map(|row| unsafe { *row.get_unchecked(k) });
        for p in 0..P {
            for f in 0..F {
                sums[p][f] = sums[p][f].wrapping_add((x[p].into() + offset).wrapping_mul(w[f].into()));
            }
        }
    }
}

/// Rows of four elements, some elements apart.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'r> {
    /// The elements from the first row on.
    pub from: &'r [i8],
    /// Elements from a row to the next.
    pub step: usize,
}

/// `sums[c] += sum over t < count of (x[t][c] + offset) * w[t][c]` for the four elements `c` of each row; nothing
/// where not all rows are there in full.
#[inline(always)]
pub fn lanes(offset: i32, x: Strided<'_>, w: Strided<'_>, count: usize, sums: &mut [i32; 4]) {
    let fits = |s: &Strided<'_>| {
        let last = count.checked_sub(1).and_then(|n| n.checked_mul(s.step)).and_then(|n| n.checked_add(4));
        last.is_some_and(|end| end <= s.from.len())
    };
    if !fits(&x) || !fits(&w) {
        return;
    }
    let mut acc = *sums;
    #[cfg(sedge_dsp)]
    {
        let both = both(offset);
        for t in 0..count {
            // SAFETY: all rows lie inside in full.
            let x = unsafe { word(x.from.as_ptr().add(t * x.step)) };
            // SAFETY: as above.
            let w = unsafe { word(w.from.as_ptr().add(t * w.step)) };
            let (xe, xo) = (extend_even(both, x), extend_odd(both, x));
            let (we, wo) = (even(w), odd(w));
            acc[0] = add_low(acc[0], xe, we);
            acc[1] = add_low(acc[1], xo, wo);
            acc[2] = add_high(acc[2], xe, we);
            acc[3] = add_high(acc[3], xo, wo);
        }
    }
    #[cfg(not(sedge_dsp))]
    for t in 0..count {
        let (x, w) = (&x.from[t * x.step..][..4], &w.from[t * w.step..][..4]);
        for c in 0..4 {
            acc[c] = acc[c].wrapping_add((i32::from(x[c]) + offset).wrapping_mul(i32::from(w[c])));
        }
    }
    *sums = acc;
}

/// A number in both halves of a word.
#[cfg(sedge_dsp)]
fn both(x: i32) -> u32 {
    let half = x as u32 & 0xffff;
    half << 16 | half
}

/// Four elements as a word, the first lowest.
///
/// # Safety
/// They must lie inside of what `at` points into.
#[cfg(sedge_dsp)]
#[inline(always)]
unsafe fn word(at: *const i8) -> u32 {
    // SAFETY: the caller says that the elements are there; this load needs no alignment.
    u32::from_le(unsafe { at.cast::<u32>().read_unaligned() })
}

/// Four elements as a word; moves `at` behind them.
///
/// # Safety
/// They must lie inside of what `at` points into.
#[cfg(sedge_dsp)]
#[inline(always)]
unsafe fn next(at: &mut *const i8) -> u32 {
    // SAFETY: the caller says that the elements are there; behind them is at most the end.
    unsafe {
        let word = word(*at);
        *at = at.add(4);
        word
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn numbers(n: usize, seed: usize) -> Vec<i8> {
        (0..n).map(|i| if i % 7 == seed % 7 { -128 } else { (i * 37 + seed * 11) as i8 }).collect()
    }

    #[test]
    fn all_sums_are_those_of_their_rows() {
        for length in 0..14 {
            let rows: Vec<Vec<i8>> = (0..4).map(|i| numbers(length + i, i)).collect();
            let mut sums = [[1, -2], [i32::MAX, 4]];
            dots(100, [&rows[0], &rows[1]], [&rows[2], &rows[3]], &mut sums);
            let naive = |start: i32, x: &[i8], w: &[i8]| {
                x.iter()
                    .zip(w)
                    .take(length)
                    .fold(start, |s, (&x, &w)| s.wrapping_add((i32::from(x) + 100) * i32::from(w)))
            };
            let of = |start, x: usize, w: usize| naive(start, &rows[x], &rows[w]);
            assert_eq!(sums, [[of(1, 0, 2), of(-2, 0, 3)], [of(i32::MAX, 1, 2), of(4, 1, 3)]], "{length}");
        }
    }

    #[test]
    fn products_are_those_of_widened_rows() {
        for length in 0..14 {
            let rows: Vec<Vec<i8>> = (0..4).map(|i| numbers(length, i)).collect();
            let wide = [0, 1].map(|i| {
                let mut wide = std::vec![0; length];
                widen(-100, &rows[i], &mut wide);
                wide
            });
            let (mut sums, mut other) = ([[1, -2], [3, 4]], [[1, -2], [3, 4]]);
            products([&wide[0], &wide[1]], [&rows[2], &rows[3]], &mut sums);
            dots(-100, [&rows[0], &rows[1]], [&rows[2], &rows[3]], &mut other);
            assert_eq!(sums, other, "{length}");
        }
    }

    #[test]
    fn lanes_keep_to_whole_rows() {
        let (x, w) = (numbers(40, 1), numbers(23, 2));
        let mut sums = [5; 4];
        // Rows of w begin at 0, 6, 12 and 18; x has four and a half.
        lanes(-7, Strided { from: &x, step: 9 }, Strided { from: &w, step: 6 }, 5, &mut sums);
        assert_eq!(sums, [5; 4]);
        lanes(-7, Strided { from: &x, step: 9 }, Strided { from: &w, step: 6 }, 4, &mut sums);
        for (c, &sum) in sums.iter().enumerate() {
            let naive: i32 = (0..4).map(|t| (i32::from(x[t * 9 + c]) - 7) * i32::from(w[t * 6 + c])).sum();
            assert_eq!(sum, 5 + naive);
        }
    }
}
