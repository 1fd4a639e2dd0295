//! Fully connected layers: all units for a row.

use super::Filters;

/// The outputs of all units for the row `x`, as many as `out` has; the filters' weights have a row of as many elements for
/// each. Nothing is written where not all is there.
pub fn connect(filters: &Filters<'_>, x: &[i8], out: &mut [i8]) {
    let (units, depth) = (out.len(), x.len());
    let inside = units.checked_mul(depth).is_some_and(|n| n <= filters.weights.len());
    if !inside || !filters.has(units) {
        return;
    }
    #[cfg(sedge_mve)]
    if depth > 0 {
        // SAFETY: the units' constants and weights and the outputs are there.
        unsafe { crate::mve::connect(filters, x, units, out.as_mut_ptr()) };
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
    let row = |f: usize| filters.weights.get(f * depth..).and_then(|w| w.get(..depth)).unwrap_or_default();
    for (block, out) in out.chunks_mut(2).enumerate() {
        let f = block * 2;
        // The last of an odd number goes with itself.
        let g = (f + 1).min(units - 1);
        let mut sums = [filters.start(f), filters.start(g)];
        products(filters.offset, x, [row(f), row(g)], &mut sums);
        out.iter_mut().zip(sums).enumerate().for_each(|(k, (out, sum))| *out = filters.finish(f + k, sum));
    }
}

/// Adds the products of a row with the weights of two units, over as many elements as all have.
#[inline(always)]
fn products(offset: i32, x: &[i8], w: [&[i8]; 2], sums: &mut [i32; 2]) {
    #[cfg(sedge_m0)]
    {
        let length = x.len().min(w[0].len()).min(w[1].len());
        // SAFETY: each has so many.
        unsafe { crate::m0::one_by_two(offset, x.as_ptr(), w.map(<[i8]>::as_ptr), length, sums) };
    }
    #[cfg(not(sedge_m0))]
    for ((&x, &v), &w) in x.iter().zip(w[0]).zip(w[1]) {
        let x = i32::from(x) + offset;
        sums[0] = sums[0].wrapping_add(x.wrapping_mul(v.into()));
        sums[1] = sums[1].wrapping_add(x.wrapping_mul(w.into()));
    }
}
