//! int8 convolutions and fully connected layers straight from the weights as they lie in the file: the way of
//! microcontrollers. Several sums run at once ([`sedge_simd::small`]): two positions of the window beside each other for
//! two filters, four units of a layer, four channels of a depthwise convolution.

use sedge_schema::Refusal;
use sedge_simd::small::{Strided, dots, lanes, products, widen};

use super::bias_at;
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
#[derive(Clone, Copy)]
struct Place {
    image: usize,
    y: usize,
    column: usize,
}

impl Place {
    /// Its number among the positions of all images.
    fn index(&self, z: &Sizes) -> usize {
        (self.image * z.rows.output + self.y) * z.columns.output + self.column
    }
}

/// Elements that a filter sees.
fn covered(z: &Sizes) -> usize {
    z.rows.kernel * z.columns.kernel * z.depth
}

/// Bytes of scratch memory that a convolution needs: two positions, widened, and one as it is.
pub(in crate::kernels) fn scratch(z: &Sizes) -> Result<usize, Refusal> {
    let window = z.rows.kernel.checked_mul(z.columns.kernel).and_then(|n| n.checked_mul(z.depth));
    let elements = window.and_then(|n| n.checked_mul(2)?.checked_add(n.div_ceil(2)));
    elements.and_then(|n| n.checked_mul(size_of::<i16>())).ok_or(Refusal::TooLarge)
}

impl Layer<'_> {
    /// Whether an operator is one of those that are here.
    #[inline(always)]
    pub(super) fn takes(shape: &Shape) -> bool {
        match shape {
            Shape::Full(_) | Shape::Rows(_) => true,
            Shape::Depthwise(sizes) => sizes.filters == sizes.channels,
            Shape::Transposed(_) => false,
        }
    }

    /// Runs an operator that is here, with [`scratch`] for a convolution.
    #[inline(always)]
    pub(super) fn run(
        &self,
        shape: Shape,
        x: &[i8],
        scratch: &mut [i16],
        out: &mut [i8],
    ) -> Result<(), Refusal> {
        match shape {
            Shape::Full(sizes) => self.convolve(&in_one_row(sizes), x, scratch, out),
            Shape::Depthwise(sizes) => self.depthwise(&sizes, x, out),
            Shape::Rows(depth) => self.connect(depth, x, out),
            Shape::Transposed(_) => return Err(Refusal::Internal),
        }
        Ok(())
    }

    fn offset(&self) -> i32 {
        -self.outputs.rule.input_zero
    }

    fn start(&self, f: usize) -> i32 {
        bias_at(self.bias, f)
    }

    fn finish(&self, f: usize, sum: i32) -> i8 {
        self.outputs.of(f, sum) as i8
    }

    /// CONV_2D: image `[batch, height, width, channels]`, weights `[filters, rows, columns, depth]`.
    fn convolve(&self, z: &Sizes, x: &[i8], scratch: &mut [i16], out: &mut [i8]) {
        for image in 0..z.batch {
            for y in 0..z.rows.output {
                for column in (0..z.columns.output).step_by(2) {
                    let place = Place { image, y, column };
                    match column + 1 < z.columns.output {
                        true => self.position::<2>(z, &place, x, scratch, out),
                        false => self.position::<1>(z, &place, x, scratch, out),
                    }
                }
            }
        }
    }

    /// All filters at `P` positions beside each other: what the window covers there is laid out in one row for each
    /// position, a border of zeros with it, and widened.
    #[inline(never)]
    fn position<const P: usize>(
        &self,
        z: &Sizes,
        place: &Place,
        x: &[i8],
        scratch: &mut [i16],
        out: &mut [i8],
    ) {
        let window = covered(z);
        let groups = z.channels.checked_div(z.depth).unwrap_or(0).max(1);
        let filters = z.filters / groups;
        let Some((wide, narrow)) = scratch.split_at_mut_checked(P * window) else { return };
        let at = place.index(z) * z.filters;
        let Some(out) = out.get_mut(at..at + P * z.filters) else { return };
        for group in 0..groups {
            for (p, wide) in wide.chunks_exact_mut(window.max(1)).enumerate() {
                let place = Place { column: place.column + p, ..*place };
                let x = self.gathered(z, &place, group, x, bytemuck::cast_slice_mut(narrow));
                widen(self.offset(), x, wide);
            }
            let row = |p: usize| wide.get(p * window..(p + 1) * window).unwrap_or_default();
            let rows: [&[i16]; P] = core::array::from_fn(row);
            for f in (0..filters).step_by(2) {
                let f = group * filters + f;
                // The last of an odd number goes with itself.
                let second = (f + 1).min((group + 1) * filters - 1);
                let mut sums = [[self.start(f), self.start(second)]; P];
                let weights = |f: usize| part(self.weights, f * window, window);
                products(rows, [weights(f), weights(second)], &mut sums);
                // Where both are one they give the same.
                for (k, f) in [f, second].into_iter().enumerate() {
                    let filter = self.outputs.filter(f);
                    for (p, sums) in sums.iter().enumerate() {
                        if let Some(out) = out.get_mut(p * z.filters + f) {
                            *out = filter.of(sums[k]) as i8;
                        }
                    }
                }
            }
        }
    }

    /// What the window covers of a group's channels at a position, row after row, what lies outside as zeros: in `room`,
    /// or where it lies in one piece.
    fn gathered<'x>(
        &self,
        z: &Sizes,
        place: &Place,
        group: usize,
        x: &'x [i8],
        room: &'x mut [i8],
    ) -> &'x [i8] {
        let Place { image, y, column } = *place;
        let (window, depth) = (covered(z), z.depth);
        let (rows, columns) = (z.rows.inside(y, z.height), z.columns.inside(column, z.width));
        let pixel = |i: usize, j: usize| z.pixel(image, (y, i), (column, j)) * z.channels + group * depth;
        if (z.rows.kernel, z.columns.kernel) == (1, 1) && !rows.is_empty() && !columns.is_empty() {
            return part(x, pixel(0, 0), depth);
        }
        let room = room.get_mut(..window).unwrap_or_default();
        if rows.len() != z.rows.kernel || columns.len() != z.columns.kernel {
            room.fill(self.outputs.rule.input_zero as i8);
        }
        // Pixels of a row that the window covers lie side by side where it is not dilated.
        let together = z.columns.dilation == 1 && depth == z.channels;
        let (runs, length) = match (together, columns.is_empty()) {
            (_, true) => (0..0, 0),
            (true, _) => (columns.start..columns.start + 1, columns.len() * depth),
            (false, _) => (columns, depth),
        };
        for i in rows {
            for j in runs.clone() {
                let to = (i * z.columns.kernel + j) * depth;
                if let Some(to) = room.get_mut(to..to + length) {
                    to.copy_from_slice(part(x, pixel(i, j), length));
                }
            }
        }
        room
    }

    /// DEPTHWISE_CONV_2D with one filter for each channel: image `[batch, height, width, channels]`, weights `[1, rows,
    /// columns, channels]`.
    fn depthwise(&self, z: &Sizes, x: &[i8], out: &mut [i8]) {
        for block in (0..z.channels).step_by(4) {
            // Each block of four is one of its own; the last may begin inside the one before.
            let c = block.min(z.channels.saturating_sub(4));
            let filters = [0, 1, 2, 3].map(|k| self.outputs.filter(c + k));
            let start = [0, 1, 2, 3].map(|k| self.start(c + k));
            for image in 0..z.batch {
                for y in 0..z.rows.output {
                    for column in 0..z.columns.output {
                        let place = Place { image, y, column };
                        let sums = self.channels(z, &place, c, start, x);
                        let at = place.index(z) * z.channels;
                        let out = out.get_mut(at + c..at + z.channels).unwrap_or_default();
                        for ((out, sum), filter) in out.iter_mut().zip(sums).zip(&filters) {
                            *out = filter.of(sum) as i8;
                        }
                    }
                }
            }
        }
    }

    /// The sums of four channels from `c` on at a position.
    #[inline(always)]
    fn channels(&self, z: &Sizes, place: &Place, c: usize, mut sums: [i32; 4], x: &[i8]) -> [i32; 4] {
        let Place { image, y, column } = *place;
        let columns = z.columns.inside(column, z.width);
        if columns.is_empty() {
            return sums;
        }
        for i in z.rows.inside(y, z.height) {
            let pixel = z.pixel(image, (y, i), (column, columns.start)) * z.channels + c;
            let tap = (i * z.columns.kernel + columns.start) * z.channels + c;
            let step = z.channels * z.columns.dilation;
            let x = Strided { from: x.get(pixel..).unwrap_or_default(), step };
            let w = Strided { from: self.weights.get(tap..).unwrap_or_default(), step: z.channels };
            if z.channels < 4 {
                self.few(x, w, columns.len(), z.channels, &mut sums);
            } else {
                lanes(self.offset(), x, w, columns.len(), &mut sums);
            }
        }
        sums
    }

    /// As [`lanes`], for fewer channels than four.
    fn few(&self, x: Strided<'_>, w: Strided<'_>, count: usize, channels: usize, sums: &mut [i32; 4]) {
        for t in 0..count {
            let (x, w) = (part(x.from, t * x.step, channels), part(w.from, t * w.step, channels));
            for ((sum, &x), &w) in sums.iter_mut().zip(x).zip(w) {
                *sum = sum.wrapping_add((i32::from(x) + self.offset()).wrapping_mul(w.into()));
            }
        }
    }

    /// FULLY_CONNECTED: rows of `depth` elements, weights `[units, depth]`.
    fn connect(&self, depth: usize, x: &[i8], out: &mut [i8]) {
        let depth = depth.max(1);
        let units = self.weights.len() / depth;
        if units == 0 {
            return;
        }
        for (x, out) in x.chunks_exact(depth).zip(out.chunks_exact_mut(units)) {
            for (block, out) in out.chunks_mut(4).enumerate() {
                let f = block * 4;
                // Behind the last unit there are no weights, and no places for sums.
                let weights =
                    core::array::from_fn(|k| part(self.weights, (f + k).min(units - 1) * depth, depth));
                let mut sums = [core::array::from_fn(|k| self.start(f + k))];
                dots::<1, 4>(self.offset(), [x], weights, &mut sums);
                let [sums] = sums;
                out.iter_mut()
                    .zip(sums)
                    .enumerate()
                    .for_each(|(k, (out, sum))| *out = self.finish(f + k, sum));
            }
        }
    }
}

/// The pixels of all images as one row, where each position of the window covers exactly one.
fn in_one_row(z: Sizes) -> Sizes {
    if !z.is_pointwise() {
        return z;
    }
    let (mut rows, mut columns) = (z.rows, z.columns);
    let pixels = z.batch * z.height * z.width;
    (rows.output, columns.output) = (1, pixels);
    Sizes { rows, columns, batch: 1, height: 1, width: pixels, ..z }
}

fn part(list: &[i8], start: usize, length: usize) -> &[i8] {
    list.get(start..start + length).unwrap_or_default()
}
