//! Convolutions and fully connected layers as their definition has them, one product after the other, in the
//! plainest words: what the runtime's kernels are compared with. Nothing here is shared with the runtime.
//!
//! int8: `out = clamp(zero_out + M(bias[f] + sum((x - zero_in) * w)))` with `M` the multiplication by
//! `s_in * s_w[f] / s_out` as a 31-bit fraction and a power of two, rounded twice (TensorFlow Lite's
//! quantization specification; tflite-micro's reference kernels).

/// A window over one axis of an image.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Cells of the image.
    pub input: usize,
    /// Cells of the window.
    pub kernel: usize,
    /// Steps between two positions.
    pub stride: usize,
    /// Steps between two cells of the window.
    pub dilation: usize,
    /// Whether the image is padded so that every `stride`-th cell has an output.
    pub same: bool,
}

impl Axis {
    /// Cells that the window spans.
    fn span(&self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    /// Positions of the window; 0 where it does not fit.
    pub fn outputs(&self) -> usize {
        match self.same {
            true => self.input.div_ceil(self.stride),
            false => (self.input + self.stride).saturating_sub(self.span()) / self.stride,
        }
    }

    /// The cell of the image under cell `k` of the window at `position`; `None` outside of it.
    fn cell(&self, position: usize, k: usize) -> Option<usize> {
        let before = match self.same {
            true => ((self.outputs() - 1) * self.stride + self.span()).saturating_sub(self.input) / 2,
            false => 0,
        };
        let at = (position * self.stride + k * self.dilation).checked_sub(before)?;
        (at < self.input).then_some(at)
    }
}

/// Which filter weight meets which channel.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Weights `[filters, rows, columns, channels / groups]`.
    Full {
        /// Groups of channels; a filter sees one of them.
        groups: usize,
    },
    /// Weights `[1, rows, columns, filters]`, `filters` a multiple of the channels.
    Depthwise,
}

/// A convolution of images `[batch, rows, columns, channels]`.
#[derive(Clone, Copy, Debug)]
pub struct Convolution {
    /// The window's rows and columns.
    pub axes: [Axis; 2],
    /// Images.
    pub batch: usize,
    /// Channels of the image.
    pub channels: usize,
    /// Channels of the output.
    pub filters: usize,
    /// Which weights meet which channels.
    pub kind: Kind,
}

impl Convolution {
    /// The sum of `product(x, w)` for every output `[batch, rows, columns, filters]`, with the filter.
    pub fn sums<X: Copy, W: Copy>(
        &self,
        x: &[X],
        w: &[W],
        product: impl Fn(X, W) -> f64,
    ) -> Vec<(usize, f64)> {
        let [rows, columns] = self.axes;
        let mut sums = Vec::new();
        for b in 0..self.batch {
            for y in 0..rows.outputs() {
                for c in 0..columns.outputs() {
                    for f in 0..self.filters {
                        let mut sum = 0.0;
                        for i in 0..rows.kernel {
                            for j in 0..columns.kernel {
                                let (Some(row), Some(column)) = (rows.cell(y, i), columns.cell(c, j)) else {
                                    continue;
                                };
                                let pixel = (b * rows.input + row) * columns.input + column;
                                let tap = i * columns.kernel + j;
                                match self.kind {
                                    Kind::Full { groups } => {
                                        let depth = self.channels / groups;
                                        let group = f / (self.filters / groups);
                                        for d in 0..depth {
                                            let at = (f * rows.kernel * columns.kernel + tap) * depth + d;
                                            let channel = group * depth + d;
                                            sum += product(x[pixel * self.channels + channel], w[at]);
                                        }
                                    }
                                    Kind::Depthwise => {
                                        let channel = f / (self.filters / self.channels);
                                        let at = tap * self.filters + f;
                                        sum += product(x[pixel * self.channels + channel], w[at]);
                                    }
                                }
                            }
                        }
                        sums.push((f, sum));
                    }
                }
            }
        }
        sums
    }
}

/// `round(a)`, halves away from zero, of the real factor as a fraction of 31 bits and a power of two.
fn multiplier(factor: f64) -> (i64, i32) {
    if factor == 0.0 {
        return (0, 0);
    }
    let mut shift = 0;
    let mut fraction = factor;
    while fraction >= 1.0 {
        fraction /= 2.0;
        shift += 1;
    }
    while fraction < 0.5 {
        fraction *= 2.0;
        shift -= 1;
    }
    let q = (fraction * 2f64.powi(31)).round() as i64;
    let (q, shift) = if q == 1 << 31 { (q / 2, shift + 1) } else { (q, shift) };
    if shift < -31 { (0, 0) } else { (q, shift) }
}

/// `sum * factor`, rounded as the reference kernels do.
pub fn rescale(sum: i32, factor: f64) -> i64 {
    let (q, shift) = multiplier(factor);
    let left = i64::from(sum.wrapping_shl(shift.max(0) as u32));
    let high = (left * q + (1 << 30)) >> 31;
    let exponent = (-shift).max(0);
    // Halves away from zero.
    let (magnitude, half) = (high.abs(), if exponent == 0 { 0 } else { 1i64 << (exponent - 1) });
    let rounded = (magnitude + half) >> exponent;
    if high < 0 { -rounded } else { rounded }
}

/// As [`rescale`] for sums of 64 bits, as layers of int16 with int8 weights have them: the multiplier has 16 bits, and
/// halves are rounded up.
pub fn rescale_wide(sum: i64, factor: f64) -> i64 {
    let (q, shift) = multiplier(factor);
    let reduced = ((q + 0x8000) / 0x1_0000).min(0x7fff);
    let places = 15 - shift;
    ((i128::from(sum) * i128::from(reduced) + (1 << (places - 1))) >> places) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_values() {
        // 100 * 0.375 = 37.5, away from zero.
        assert_eq!((rescale(100, 0.375), rescale(-100, 0.375)), (38, -38));
        assert_eq!(rescale(7, 4.0), 28);
        assert_eq!(rescale(1 << 30, 2f64.powi(-40)), 0);
        // 100 * 0.375 = 37.5, up; 3/8 are 0x6000 / 2^16.
        assert_eq!((rescale_wide(100, 0.375), rescale_wide(-100, 0.375)), (38, -37));
        let axis = Axis { input: 5, kernel: 3, stride: 2, dilation: 1, same: true };
        assert_eq!((axis.outputs(), axis.cell(0, 0), axis.cell(2, 1)), (3, None, Some(4)));
        assert_eq!(Axis { same: false, ..axis }.outputs(), 2);
        assert_eq!(Axis { same: false, kernel: 7, stride: 1, ..axis }.outputs(), 0);
    }
}
