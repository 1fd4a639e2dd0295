//! Depthwise convolutions with one filter for each channel: all channels at a position of the window.

use super::Filters;

/// The cells of the window that lie inside of the image: how many, and elements from one to the next.
#[derive(Clone, Copy, Debug)]
pub struct Taps {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Elements of the image from a row of cells to the next, and from a cell to the next.
    pub image: [usize; 2],
    /// Elements of the weights likewise.
    pub weights: [usize; 2],
}

impl Taps {
    /// Elements from the first cell's first channel to the last cell's channel `channels - 1`.
    fn span(&self, [row, column]: [usize; 2], channels: usize) -> Option<usize> {
        let last = (self.rows.checked_sub(1)?).checked_mul(row)?;
        last.checked_add(self.columns.checked_sub(1)?.checked_mul(column)?)?.checked_add(channels)
    }
}

/// The outputs of `channels` channels at each position that `out` has room for, `step` elements of the image after the one before:
/// `x` and the filters' weights start at the first cell of the first window; nothing is written where not all is there.
pub fn depthwise(
    filters: &Filters<'_>,
    x: &[i8],
    taps: &Taps,
    (channels, step): (usize, usize),
    out: &mut [i8],
) {
    let positions = out.len().checked_div(channels).unwrap_or(0);
    let (image, weights) = (taps.span(taps.image, channels), taps.span(taps.weights, channels));
    let last = positions.saturating_sub(1).checked_mul(step);
    let inside = image
        .is_none_or(|n| last.and_then(|last| last.checked_add(n)).is_some_and(|n| n <= x.len()))
        && weights.is_none_or(|n| n <= filters.weights.len());
    if !inside || positions == 0 || !filters.has(channels) {
        return;
    }
    // Without cells there are biases only.
    let taps = if image.is_some() && weights.is_some() { *taps } else { Taps { rows: 0, ..*taps } };
    #[cfg(sedge_mve)]
    if taps.rows > 0 {
        // SAFETY: the filters' constants, and the elements of all cells and the outputs at all positions are there for all channels.
        unsafe {
            crate::mve::depthwise(filters, x.as_ptr(), &taps, (channels, step, positions), out.as_mut_ptr())
        };
        return;
    }
    for (position, out) in out.chunks_exact_mut(channels.max(1)).enumerate() {
        at_position(filters, x.get(position * step..).unwrap_or_default(), &taps, out);
    }
}

/// The outputs of all channels at a position, for which all is there.
fn at_position(filters: &Filters<'_>, x: &[i8], taps: &Taps, out: &mut [i8]) {
    #[cfg(sedge_dsp)]
    let channels = out.len();
    #[cfg(sedge_dsp)]
    if channels >= 4 && taps.rows > 0 {
        // The last block of four may begin inside of the one before.
        for (first, blocks) in [(0, channels / 4), (channels - 4, usize::from(!channels.is_multiple_of(4)))] {
            if blocks > 0 {
                // SAFETY: the filters' constants, the elements of all cells and the outputs are there for channels up to
                // `first + 4 * blocks`, which is not beyond `channels`.
                unsafe {
                    crate::dsp::depthwise(filters, x.as_ptr(), taps, (first, blocks), out.as_mut_ptr())
                };
            }
        }
        return;
    }
    for (block, out) in out.chunks_mut(BLOCK).enumerate() {
        let c = block * BLOCK;
        let mut sums = [0; BLOCK];
        for (k, sum) in sums.iter_mut().take(out.len()).enumerate() {
            *sum = filters.start(c + k);
        }
        add(filters, x, taps, c, sums.get_mut(..out.len()).unwrap_or_default());
        out.iter_mut().zip(sums).enumerate().for_each(|(k, (out, sum))| *out = filters.finish(c + k, sum));
    }
}

/// Channels whose sums are worked out at a time.
const BLOCK: usize = 8;

/// Adds the products of all cells to the sums of the channels from `c` on, whose elements are all there.
#[cfg(sedge_m0)]
fn add(filters: &Filters<'_>, x: &[i8], taps: &Taps, c: usize, sums: &mut [i32]) {
    if taps.rows == 0 {
        return;
    }
    let (Some(x), Some(w)) = (x.get(c..), filters.weights.get(c..)) else { return };
    // SAFETY: `depthwise` has seen that the elements of all cells are there up to its last channel, which is not before these.
    unsafe { crate::m0::cells(filters.offset, x.as_ptr(), w.as_ptr(), taps, sums) };
}

/// Adds the products of all cells to the sums of the channels from `c` on, whose elements are all there.
#[cfg(not(sedge_m0))]
fn add(filters: &Filters<'_>, x: &[i8], taps: &Taps, c: usize, sums: &mut [i32]) {
    for i in 0..taps.rows {
        for j in 0..taps.columns {
            let cell = |[row, column]: [usize; 2]| i * row + j * column + c;
            let x = x.get(cell(taps.image)..).unwrap_or_default();
            let w = filters.weights.get(cell(taps.weights)..).unwrap_or_default();
            for ((sum, &x), &w) in sums.iter_mut().zip(x).zip(w) {
                *sum = sum.wrapping_add((i32::from(x) + filters.offset).wrapping_mul(w.into()));
            }
        }
    }
}
