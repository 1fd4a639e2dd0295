//! int8 convolutions and fully connected layers straight from the weights as they lie in the file: the way of
//! microcontrollers. Which elements a position of the window covers is found here; [`sedge_simd::small`] multiplies and
//! makes outputs.

use core::ops::Range;

use sedge_schema::Refusal;
use sedge_simd::small::{self, Filters, POSITIONS, Pieces, Taps, widen, widen_pieces};

use super::geometry::Sizes;
use super::requantize::Outputs;
use super::run::Shape;

/// An operator's constants.
pub(super) struct Layer<'n> {
    pub(super) weights: &'n [i8],
    pub(super) bias: Option<&'n [i32]>,
    pub(super) outputs: Outputs<'n>,
}

/// A position of the window.
#[derive(Clone, Copy, Default)]
struct Place {
    image: usize,
    y: usize,
    column: usize,
}

impl Place {
    /// The position behind it.
    fn next(self, z: &Sizes) -> Self {
        let Self { image, y, column } = self;
        match (column + 1 < z.columns.output, y + 1 < z.rows.output) {
            (true, _) => Self { column: column + 1, ..self },
            (false, true) => Self { image, y: y + 1, column: 0 },
            (false, false) => Self { image: image + 1, y: 0, column: 0 },
        }
    }
}

/// Elements that a filter sees.
fn covered(z: &Sizes) -> usize {
    z.rows.kernel * z.columns.kernel * z.depth
}

/// Whether a position's elements are laid out as bytes first, because those of a cell are no whole words.
fn needs_bytes(z: &Sizes) -> bool {
    !z.depth.is_multiple_of(size_of::<u32>()) && covered(z) != z.depth
}

/// Bytes of scratch memory that a convolution needs: two positions, widened, and one as it is where it must be laid out.
pub(in crate::kernels) fn scratch(z: &Sizes) -> Result<usize, Refusal> {
    let window = z.rows.kernel.checked_mul(z.columns.kernel).and_then(|n| n.checked_mul(z.depth));
    let words =
        window.and_then(|n| n.checked_add(if needs_bytes(z) { n.div_ceil(size_of::<u32>()) } else { 0 }));
    words.and_then(|n| n.checked_mul(size_of::<u32>())).ok_or(Refusal::TooLarge)
}

impl<'n> Layer<'n> {
    /// Runs an operator that is here, with [`scratch`] for a convolution.
    #[inline(always)]
    pub(super) fn run(
        &self,
        shape: Shape,
        x: &[i8],
        scratch: &mut [u32],
        out: &mut [i8],
    ) -> Result<(), Refusal> {
        match shape {
            Shape::Full(sizes) if sizes.is_pointwise() => self.pointwise(&sizes, x, scratch, out),
            Shape::Full(sizes) => self.convolve(&sizes, x, scratch, out),
            Shape::Depthwise(sizes) => self.depthwise(&sizes, x, out),
            Shape::Rows(depth) => self.connect(depth, x, out),
            Shape::Transposed(_) => return Err(Refusal::Internal),
        }
        Ok(())
    }

    /// The constants of these filters, without weights.
    fn filters(&self, range: Range<usize>) -> Filters<'n> {
        let bias = self.bias.and_then(|bias| bias.get(range.clone())).unwrap_or_default();
        Filters { bias, ..self.outputs.filters(range) }
    }

    /// CONV_2D: image `[batch, height, width, channels]`, weights `[filters, rows, columns, depth]`.
    #[inline(never)]
    fn convolve(&self, z: &Sizes, x: &[i8], scratch: &mut [u32], out: &mut [i8]) {
        let window = covered(z);
        let groups = z.channels.checked_div(z.depth).unwrap_or(0).max(1);
        let count = z.filters / groups;
        let Some((wide, bytes)) = scratch.split_at_mut_checked(window) else { return };
        let bytes = bytemuck::cast_slice_mut(bytes);
        let mut place = Place::default();
        for out in out.chunks_mut((POSITIONS * z.filters).max(1)) {
            let places = [place, place.next(z)];
            place = places[1].next(z);
            // A last position without another beside it is computed twice, into the same place.
            let (places, second) =
                if out.len() > z.filters { (places, z.filters) } else { ([places[0]; POSITIONS], 0) };
            for group in 0..groups {
                let filters = group * count..(group + 1) * count;
                for (p, place) in places.iter().enumerate() {
                    self.gather(z, place, group, x, p, (&mut *wide, &mut *bytes));
                }
                let weights =
                    self.weights.get(filters.start * window..filters.end * window).unwrap_or_default();
                let out = out.get_mut(filters.start..).unwrap_or_default();
                small::convolve(&Filters { weights, ..self.filters(filters) }, wide, window, out, second);
            }
            out.chunks_mut(z.filters.max(1)).for_each(|out| self.outputs.put_constant(out));
        }
    }

    /// CONV_2D whose window is one pixel, each position another: images are rows of pixels.
    #[inline(never)]
    fn pointwise(&self, z: &Sizes, x: &[i8], scratch: &mut [u32], out: &mut [i8]) {
        let Some(wide) = scratch.get_mut(..z.depth) else { return };
        let filters = Filters { weights: self.weights, ..self.filters(0..z.filters) };
        small::pointwise(&filters, x, wide, out);
        out.chunks_mut(z.filters.max(1)).for_each(|out| self.outputs.put_constant(out));
    }

    /// Widens what the window covers of a group's channels at a position, row after row, what lies outside as zeros, to row
    /// `p` of `wide`; with room for it as bytes.
    fn gather(
        &self,
        z: &Sizes,
        place: &Place,
        group: usize,
        x: &[i8],
        p: usize,
        (wide, bytes): (&mut [u32], &mut [i8]),
    ) {
        let Place { image, y, column } = *place;
        let (window, depth) = (covered(z), z.depth);
        let (offset, zero) = (-self.outputs.rule.input_zero, self.outputs.rule.input_zero as i8);
        let (rows, columns) = (z.rows.inside(y, z.height), z.columns.inside(column, z.width));
        let pixel = |i: usize, j: usize| z.pixel(image, (y, i), (column, j)) * z.channels + group * depth;
        let is_whole = rows.len() == z.rows.kernel && columns.len() == z.columns.kernel;
        if is_whole && window == depth {
            return widen(offset, part(x, pixel(0, 0), depth), (0, window), p, wide);
        }
        // Pixels of a row that the window covers lie side by side where it is not dilated.
        let together = z.columns.dilation == 1 && depth == z.channels;
        let (runs, length) = match (together, columns.is_empty()) {
            (_, true) => (0..0, 0),
            (true, _) => (columns.start..columns.start + 1, columns.len() * depth),
            (false, _) => (columns, depth),
        };
        let bytes = bytes.get_mut(..window);
        match bytes {
            Some(bytes) if needs_bytes(z) && !small::IN_BYTES => {
                if !is_whole {
                    bytes.fill(zero);
                }
                for i in rows {
                    for j in runs.clone() {
                        let to = (i * z.columns.kernel + j) * depth;
                        if let Some(to) = bytes.get_mut(to..to + length) {
                            to.iter_mut().zip(part(x, pixel(i, j), length)).for_each(|(to, &x)| *to = x);
                        }
                    }
                }
                widen(offset, bytes, (0, window), p, wide);
            }
            _ => {
                if !is_whole {
                    small::clear(offset, p, wide);
                }
                let (step, row_step) = (z.rows.dilation * z.width * z.channels, z.columns.kernel * depth);
                let pieces = Pieces { count: rows.len(), length, step, row_step };
                for j in runs.filter(|_| !rows.is_empty()) {
                    let from = x.get(pixel(rows.start, j)..).unwrap_or_default();
                    let to = (rows.start * z.columns.kernel + j) * depth;
                    widen_pieces(offset, from, &pieces, (to, window), p, wide);
                }
            }
        }
    }

    /// DEPTHWISE_CONV_2D with one filter for each channel: image `[batch, height, width, channels]`, weights `[1, rows,
    /// columns, channels]`.
    #[inline(never)]
    fn depthwise(&self, z: &Sizes, x: &[i8], out: &mut [i8]) {
        let channels = z.channels;
        let filters = self.filters(0..channels);
        let mut rest = out;
        for image in 0..z.batch {
            for y in 0..z.rows.output {
                let rows = z.rows.inside(y, z.height);
                let mut column = 0;
                while column < z.columns.output {
                    let columns = z.columns.inside(column, z.width);
                    // Positions side by side whose whole window lies inside are one piece of work.
                    let together = if columns.len() == z.columns.kernel { whole_from(z, column) } else { 1 };
                    let Some((out, after)) = rest.split_at_mut_checked(together * channels) else { return };
                    rest = after;
                    let (mut first, mut tap) = (0, 0);
                    if !rows.is_empty() && !columns.is_empty() {
                        first = z.pixel(image, (y, rows.start), (column, columns.start)) * channels;
                        tap = (rows.start * z.columns.kernel + columns.start) * channels;
                    }
                    let taps = Taps {
                        rows: rows.len(),
                        columns: columns.len(),
                        image: [z.rows.dilation * z.width * channels, z.columns.dilation * channels],
                        weights: [z.columns.kernel * channels, channels],
                    };
                    let filters = Filters { weights: self.weights.get(tap..).unwrap_or_default(), ..filters };
                    let x = x.get(first..).unwrap_or_default();
                    small::depthwise(&filters, x, &taps, (channels, z.columns.stride * channels), out);
                    out.chunks_exact_mut(channels.max(1)).for_each(|out| self.outputs.put_constant(out));
                    column += together;
                }
            }
        }
    }

    /// FULLY_CONNECTED: rows of `depth` elements, weights `[units, depth]`.
    #[inline(never)]
    fn connect(&self, depth: usize, x: &[i8], out: &mut [i8]) {
        let depth = depth.max(1);
        let units = self.weights.len() / depth;
        if units == 0 {
            return;
        }
        let filters = Filters { weights: self.weights, ..self.filters(0..units) };
        for (x, out) in x.chunks_exact(depth.max(1)).zip(out.chunks_exact_mut(units.max(1))) {
            small::connect(&filters, x, out);
            self.outputs.put_constant(out);
        }
    }
}

/// How many positions there are from `column` on, whose window's columns all lie inside, until one whose window reaches beyond the
/// image; at least 1.
fn whole_from(z: &Sizes, column: usize) -> usize {
    let window = z.columns;
    let reach = (window.kernel.saturating_sub(1)) * window.dilation;
    // The largest position whose last column is no more than the image's.
    let last =
        (z.width + window.before).saturating_sub(1 + reach).checked_div(window.stride).unwrap_or(column);
    (last + 1).min(window.output).saturating_sub(column).max(1)
}

fn part(list: &[i8], start: usize, length: usize) -> &[i8] {
    list.get(start..start + length).unwrap_or_default()
}
