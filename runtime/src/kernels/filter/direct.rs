//! Convolutions straight from the weights as they lie in the file, one output after the other.
//!
//! The way for microcontrollers, for weights that are computed, and for rare types. Generic over
//! the arithmetic: `start` gives a filter's first sum, `step` adds a product, `finish` makes an
//! output of the sum.

use super::geometry::Sizes;

/// The three parts of an arithmetic.
pub(in crate::kernels) struct Rule<A, B, C> {
    /// The sum that filter `f` starts with.
    pub(in crate::kernels) start: A,
    /// The sum with one more product.
    pub(in crate::kernels) step: B,
    /// The output of filter `f`.
    pub(in crate::kernels) finish: C,
}

impl<A, B, C> Rule<A, B, C> {
    #[inline(always)]
    fn dot<X: Copy, W: Copy, S>(&self, sum: S, x: &[X], w: &[W]) -> S
    where
        B: Fn(S, X, W) -> S,
    {
        x.iter().zip(w).fold(sum, |sum, (&x, &w)| (self.step)(sum, x, w))
    }

    /// CONV_2D: image `[batch, height, width, channels]`, weights `[filters, rows, columns, depth]`.
    #[inline]
    pub(in crate::kernels) fn convolve<X: Copy, W: Copy, S, Y>(
        &self,
        z: &Sizes,
        x: &[X],
        w: &[W],
        out: &mut [Y],
    ) where
        A: Fn(usize) -> S,
        B: Fn(S, X, W) -> S,
        C: Fn(usize, S) -> Y,
    {
        let groups = z.channels / z.depth.max(1);
        let filters_per_group = (z.filters / groups.max(1)).max(1);
        let mut outputs = out.iter_mut();
        for (image, y, column) in positions(z) {
            let rows = z.rows.inside(y, z.height);
            let columns = z.columns.inside(column, z.width);
            // Pixels of a row that the window covers lie side by side where it is not dilated.
            let together = z.columns.dilation == 1 && groups == 1;
            for (f, out) in outputs.by_ref().take(z.filters).enumerate() {
                let channel = (f / filters_per_group) * z.depth;
                let mut sum = (self.start)(f);
                for i in rows.clone() {
                    let weights = |j: usize| ((f * z.rows.kernel + i) * z.columns.kernel + j) * z.depth;
                    let pixel = |j: usize| z.pixel(image, (y, i), (column, j)) * z.channels + channel;
                    if columns.is_empty() {
                        continue;
                    } else if together {
                        let length = columns.len() * z.depth;
                        sum = self.dot(
                            sum,
                            part(x, pixel(columns.start), length),
                            part(w, weights(columns.start), length),
                        );
                    } else {
                        for j in columns.clone() {
                            sum = self.dot(sum, part(x, pixel(j), z.depth), part(w, weights(j), z.depth));
                        }
                    }
                }
                *out = (self.finish)(f, sum);
            }
        }
    }

    /// DEPTHWISE_CONV_2D: image `[batch, height, width, channels]`, weights `[1, rows, columns,
    /// filters]`.
    #[inline]
    pub(in crate::kernels) fn depthwise<X: Copy, W: Copy, S, Y>(
        &self,
        z: &Sizes,
        x: &[X],
        w: &[W],
        out: &mut [Y],
    ) where
        A: Fn(usize) -> S,
        B: Fn(S, X, W) -> S,
        C: Fn(usize, S) -> Y,
    {
        let multiplier = z.filters / z.channels.max(1);
        let mut outputs = out.iter_mut();
        for (image, y, column) in positions(z) {
            let rows = z.rows.inside(y, z.height);
            let columns = z.columns.inside(column, z.width);
            for (f, out) in outputs.by_ref().take(z.filters).enumerate() {
                let channel = f / multiplier.max(1);
                let mut sum = (self.start)(f);
                for i in rows.clone() {
                    for j in columns.clone() {
                        let x = x.get(z.pixel(image, (y, i), (column, j)) * z.channels + channel);
                        let w = w.get((i * z.columns.kernel + j) * z.filters + f);
                        if let (Some(&x), Some(&w)) = (x, w) {
                            sum = (self.step)(sum, x, w);
                        }
                    }
                }
                *out = (self.finish)(f, sum);
            }
        }
    }

    /// TRANSPOSE_CONV: image `[batch, rows, columns, depth]`, each of whose pixels is a position of the
    /// windows over the output `[batch, height, width, filters]`; weights `[filters, rows, columns, depth]`.
    #[inline]
    pub(in crate::kernels) fn transpose<X: Copy, W: Copy, S, Y>(
        &self,
        z: &Sizes,
        x: &[X],
        w: &[W],
        out: &mut [Y],
    ) where
        A: Fn(usize) -> S,
        B: Fn(S, X, W) -> S,
        C: Fn(usize, S) -> Y,
    {
        if out.is_empty() {
            return;
        }
        let mut outputs = out.iter_mut();
        for image in 0..z.batch {
            for y in 0..z.height {
                for column in 0..z.width {
                    for (f, out) in outputs.by_ref().take(z.filters).enumerate() {
                        let mut sum = (self.start)(f);
                        for (i, row) in z.rows.covering(y) {
                            for (j, column) in z.columns.covering(column) {
                                let pixel = (image * z.rows.output + row) * z.columns.output + column;
                                let tap = (f * z.rows.kernel + i) * z.columns.kernel + j;
                                let x = part(x, pixel * z.depth, z.depth);
                                sum = self.dot(sum, x, part(w, tap * z.depth, z.depth));
                            }
                        }
                        *out = (self.finish)(f, sum);
                    }
                }
            }
        }
    }

    /// FULLY_CONNECTED: rows of `depth` elements, weights `[units, depth]`.
    #[inline]
    pub(in crate::kernels) fn connect<X: Copy, W: Copy, S, Y>(
        &self,
        depth: usize,
        x: &[X],
        w: &[W],
        out: &mut [Y],
    ) where
        A: Fn(usize) -> S,
        B: Fn(S, X, W) -> S,
        C: Fn(usize, S) -> Y,
    {
        let depth = depth.max(1);
        let units = w.len() / depth;
        if units == 0 {
            return;
        }
        for (x, out) in x.chunks_exact(depth.max(1)).zip(out.chunks_exact_mut(units.max(1))) {
            for ((f, out), w) in out.iter_mut().enumerate().zip(w.chunks_exact(depth.max(1))) {
                *out = (self.finish)(f, self.dot((self.start)(f), x, w));
            }
        }
    }
}

/// All positions of the window: image, row, column.
fn positions(z: &Sizes) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
    let Sizes { batch, rows, columns, .. } = *z;
    (0..batch)
        .flat_map(move |b| (0..rows.output).flat_map(move |y| (0..columns.output).map(move |x| (b, y, x))))
}

fn part<T>(list: &[T], start: usize, length: usize) -> &[T] {
    list.get(start..start + length).unwrap_or_default()
}
