//! Fully connected layers: all units for a row.

use super::{Filters, dot};

/// The outputs of all units for the row `x`, as many as `out` has; the filters' weights have a row of as many elements for
/// each. Nothing is written where not all is there.
pub fn connect(filters: &Filters<'_>, x: &[i8], out: &mut [i8]) {
    let (units, depth) = (out.len(), x.len());
    let inside = units.checked_mul(depth).is_some_and(|n| n <= filters.weights.len());
    if !inside || !filters.has(units) {
        return;
    }
    #[cfg(sedge_dsp)]
    if units >= 4 {
        // The last block of four may begin inside of the one before.
        for (first, blocks) in [(0, units / 4), (units - 4, usize::from(!units.is_multiple_of(4)))] {
            if blocks > 0 {
                // SAFETY: the filters' constants, weights and the outputs are there for units up to
                // `first + 4 * blocks`, which is not beyond `units`.
                unsafe { crate::dsp::connect(filters, x, (first, blocks), out.as_mut_ptr()) };
            }
        }
        return;
    }
    for (block, out) in out.chunks_mut(4).enumerate() {
        let f = block * 4;
        let row = |k: usize| filters.weights.get((f + k) * depth..).and_then(|w| w.get(..depth));
        let mut sums = [0, 1, 2, 3].map(|k| filters.start(f + k));
        if let (Some(a), Some(b), Some(c), Some(d)) = (row(0), row(1), row(2), row(3)) {
            for ((((&x, &a), &b), &c), &d) in x.iter().zip(a).zip(b).zip(c).zip(d) {
                let x = i32::from(x) + filters.offset;
                for (sum, w) in sums.iter_mut().zip([a, b, c, d]) {
                    *sum = sum.wrapping_add(x.wrapping_mul(w.into()));
                }
            }
        } else {
            for (k, sum) in sums.iter_mut().enumerate() {
                *sum = dot(filters.offset, *sum, x, row(k).unwrap_or_default());
            }
        }
        out.iter_mut().zip(sums).enumerate().for_each(|(k, (out, sum))| *out = filters.finish(f + k, sum));
    }
}
