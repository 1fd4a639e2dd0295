//! The geometry of a window over images, worked out once.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Shape;
use sedge_schema::op::Window;

/// A window over the rows or the columns of an image; see [`Window`].
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Axis {
    kernel: u32,
    stride: u32,
    dilation: u32,
    before: u32,
    output: u32,
    /// Cells of the image.
    pub(in crate::kernels) input: u32,
}

impl Axis {
    pub(in crate::kernels) fn new(window: Window, input: usize) -> Self {
        let [kernel, stride, dilation, before, output, input] =
            [window.kernel, window.stride, window.dilation, window.before, window.output, input]
                .map(|v| v as u32);
        Self { kernel, stride, dilation, before, output, input }
    }

    /// Whether there is one cell, which the one window sees.
    fn is_trivial(&self) -> bool {
        [self.kernel, self.before, self.output, self.input] == [1, 0, 1, 1]
    }

    /// Whether the one window sees each cell once, in order.
    fn is_whole(&self) -> bool {
        self.kernel == self.input && [self.dilation, self.before, self.output] == [1, 0, 1]
    }

    pub(in crate::kernels) fn window(&self) -> Window {
        let [kernel, stride, dilation, before, output] =
            [self.kernel, self.stride, self.dilation, self.before, self.output].map(|v| v as usize);
        Window { kernel, stride, dilation, before, output }
    }
}

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Geometry {
    rows: Axis,
    columns: Axis,
    batch: u32,
    /// Channels of the image.
    channels: u32,
    /// Channels that one filter sees: fewer than the image has where filters are grouped.
    depth: u32,
    /// Channels of the output.
    filters: u32,
}

/// The geometry unpacked for one run.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels) struct Sizes {
    pub(in crate::kernels) rows: Window,
    pub(in crate::kernels) columns: Window,
    pub(in crate::kernels) batch: usize,
    pub(in crate::kernels) height: usize,
    pub(in crate::kernels) width: usize,
    pub(in crate::kernels) channels: usize,
    pub(in crate::kernels) depth: usize,
    pub(in crate::kernels) filters: usize,
}

impl Geometry {
    /// Images of one column are taken for images of one row: their pixels lie in the same order, and a row of outputs is computed
    /// at once.
    pub(in crate::kernels) fn new(
        image: &Shape,
        (rows, columns): (Window, Window),
        depth: usize,
        filters: usize,
    ) -> Self {
        let (rows, columns) = (Axis::new(rows, image.dim(1)), Axis::new(columns, image.dim(2)));
        let (rows, columns) = if columns.is_trivial() { (columns, rows) } else { (rows, columns) };
        Self {
            rows,
            columns,
            batch: image.dim(0) as u32,
            channels: image.dim(3) as u32,
            depth: depth as u32,
            filters: filters as u32,
        }
    }

    /// The same for filters that see all channels; where their one window is the whole image, it is a single pixel.
    pub(in crate::kernels) fn full(self) -> Self {
        let Self { rows, columns, batch, channels, .. } = self;
        let pixels = rows.input.checked_mul(columns.input).and_then(|n| n.checked_mul(channels));
        match pixels.filter(|_| rows.is_whole() && columns.is_whole() && self.depth == channels) {
            Some(depth) => {
                let one = Axis { kernel: 1, stride: 1, dilation: 1, before: 0, output: 1, input: 1 };
                Self { rows: one, columns: one, batch, channels: depth, depth, filters: self.filters }
            }
            None => self,
        }
    }

    pub(in crate::kernels) fn sizes(&self) -> Sizes {
        Sizes {
            rows: self.rows.window(),
            columns: self.columns.window(),
            batch: self.batch as usize,
            height: self.rows.input as usize,
            width: self.columns.input as usize,
            channels: self.channels as usize,
            depth: self.depth as usize,
            filters: self.filters as usize,
        }
    }
}

impl Sizes {
    /// Whether every position covers exactly one input pixel, in order: a matrix product.
    pub(in crate::kernels) fn is_pointwise(&self) -> bool {
        [&self.rows, &self.columns].iter().all(|w| w.kernel == 1 && w.stride == 1 && w.before == 0)
            && self.depth == self.channels
            && (self.rows.output, self.columns.output) == (self.height, self.width)
    }

    /// Rows that outputs are computed in, each after the one before: pixels of a matrix product, else rows of images.
    pub(in crate::kernels) fn output_rows(&self) -> usize {
        self.batch * self.rows.output * if self.is_pointwise() { self.columns.output } else { 1 }
    }

    /// Products of all outputs.
    pub(in crate::kernels) fn products(&self) -> usize {
        let outputs = [self.batch, self.rows.output, self.columns.output, self.filters];
        let each = [self.rows.kernel, self.columns.kernel, self.depth];
        outputs.into_iter().chain(each).fold(1, usize::saturating_mul)
    }

    /// The pixel of the image under cell `(i, j)` of the window at position `(y, x)`, which must lie
    /// inside: its index among the pixels of all images.
    #[inline]
    pub(in crate::kernels) fn pixel(
        &self,
        image: usize,
        (y, i): (usize, usize),
        (x, j): (usize, usize),
    ) -> usize {
        let row = y * self.rows.stride + i * self.rows.dilation - self.rows.before;
        let column = x * self.columns.stride + j * self.columns.dilation - self.columns.before;
        (image * self.height + row) * self.width + column
    }
}
