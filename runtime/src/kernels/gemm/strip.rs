//! Convolutions as products of matrices: rows of the image are staged once, with the cells outside
//! beside them, and each window reads its runs from there.
//!
//! The strip holds as many rows as a window reaches over, in turn: a row of the padded image lies in
//! slot `row % reach`. A row of outputs needs `stride` new rows at most, so each row of the image is
//! staged once, and nothing is copied for each window.

use core::ops::Range;

use bytemuck::Pod;
use sedge_schema::Refusal;
use sedge_schema::op::Window;
use sedge_simd::Simd;

use super::product::Product as _;
use super::tile::{Arithmetic, Element, Matrix, Value};
use crate::kernels::filter::Sizes;

/// Sizes of a strip, in elements.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels) struct Strip {
    /// A row: the image's with the cells outside that windows cover.
    row: usize,
    /// Rows.
    reach: usize,
    /// Runs of a window, and of a row of it.
    runs: usize,
    row_runs: usize,
    /// Elements of a run.
    run: usize,
}

impl Strip {
    /// For filters that see all channels: a run is a row of the window where its cells lie together.
    pub(in crate::kernels) fn of(z: &Sizes) -> Self {
        if z.columns.dilation == 1 {
            Self::new(z, 1, z.columns.kernel * z.channels)
        } else {
            Self::of_cells(z)
        }
    }

    /// With a run for each cell of the window.
    pub(in crate::kernels) fn of_cells(z: &Sizes) -> Self {
        Self::new(z, z.columns.kernel, z.channels)
    }

    /// For rows that are woven: a run for each row of the window.
    pub(in crate::kernels) fn of_rows(z: &Sizes) -> Self {
        Self::new(z, 1, z.channels)
    }

    /// Elements of a row.
    pub(super) fn row(&self) -> usize {
        self.row
    }

    fn new(z: &Sizes, row_runs: usize, run: usize) -> Self {
        let covered = |window: &Window| {
            window.output.saturating_sub(1) * window.stride + (window.kernel - 1) * window.dilation + 1
        };
        let columns = covered(&z.columns).max(z.columns.before + z.width);
        Self {
            row: columns.saturating_mul(z.channels),
            reach: (z.rows.kernel - 1) * z.rows.dilation + 1,
            runs: z.rows.kernel * row_runs,
            row_runs,
            run,
        }
    }

    /// Runs of a window, and the elements of each.
    pub(in crate::kernels) fn runs(&self) -> (usize, usize) {
        (self.runs, self.run)
    }

    /// Whether the strip is not much larger than the image: windows can reach far beyond it.
    pub(in crate::kernels) fn is_worthwhile(&self, z: &Sizes) -> bool {
        let image = z.height.saturating_mul(z.width).saturating_mul(z.channels);
        self.row.saturating_mul(self.reach) / 8 <= image.saturating_add(1 << 12)
    }

    /// Elements of the rows and `behind` them.
    fn elements(&self, behind: usize) -> Option<usize> {
        self.row.checked_mul(self.reach)?.checked_add(behind)
    }

    /// Bytes of scratch memory, for staged elements of `element` bytes, where groups or vectors read up to
    /// `behind` elements after the last row.
    ///
    /// # Errors
    /// Where that is more than an arena can hold.
    pub(in crate::kernels) fn scratch(&self, behind: usize, element: usize) -> Result<usize, Refusal> {
        let starts = self.runs.checked_mul(size_of::<u32>());
        let bytes = self.elements(behind).and_then(|n| n.checked_mul(element)?.checked_add(starts?));
        bytes.filter(|&bytes| u32::try_from(bytes).is_ok()).ok_or(Refusal::TooLarge)
    }
}

/// What is computed of the windows of one row of outputs.
pub(in crate::kernels) trait Windows {
    /// An activation as tensors have it.
    type Value: Pod + Sync;
    /// An output as tensors have it.
    type Output: Pod + Send;
    /// A staged activation.
    type Element<S: Simd>: Pod;

    /// The activation that lies outside an image.
    fn outside(&self) -> Self::Value;

    /// Stages activations, as many as both slices have.
    fn stage<S: Simd>(simd: S, from: &[Self::Value], to: &mut [Self::Element<S>]);

    /// Bytes of scratch memory that each row of outputs needs, a multiple of 4, where a row of the strip has
    /// `row` elements.
    fn scratch<S: Simd>(&self, _row: usize) -> usize {
        0
    }

    /// Computes a row of outputs. The first window's runs start at `starts` in `staged`, each next
    /// window's `step` elements later.
    fn row<S: Simd>(
        &self,
        simd: S,
        staged: &[Self::Element<S>],
        starts: &[u32],
        step: usize,
        scratch: &mut [u8],
        out: &mut [Self::Output],
    );
}

impl<A: Arithmetic> Windows for Matrix<'_, A> {
    type Value = Value<A>;
    type Output = A::Output;
    type Element<S: Simd> = Element<A, S>;

    #[inline(always)]
    fn outside(&self) -> Value<A> {
        self.arithmetic.outside()
    }

    #[inline(always)]
    fn stage<S: Simd>(simd: S, from: &[Value<A>], to: &mut [Element<A, S>]) {
        A::Product::stage(simd, from, to);
    }

    #[inline(always)]
    fn row<S: Simd>(
        &self,
        simd: S,
        staged: &[Element<A, S>],
        starts: &[u32],
        step: usize,
        _scratch: &mut [u8],
        out: &mut [A::Output],
    ) {
        self.tiles(simd, staged, starts, step, out);
    }
}

impl Strip {
    /// Computes `rows` of a convolution's outputs, counted through all images, which `out` holds. `scratch` is as [`Strip::scratch`] asks.
    #[inline(always)]
    pub(in crate::kernels) fn run<W: Windows, S: Simd>(
        &self,
        simd: S,
        z: &Sizes,
        windows: &W,
        x: &[W::Value],
        rows: Range<usize>,
        scratch: &mut [u8],
        out: &mut [W::Output],
    ) {
        let Some((starts, rest)) = scratch.split_at_mut_checked(self.runs * size_of::<u32>()) else {
            return;
        };
        let Some((own, staged)) = rest.split_at_mut_checked(windows.scratch::<S>(self.row)) else { return };
        let whole = staged.len() - staged.len() % size_of::<W::Element<S>>();
        let staged = staged.get_mut(..whole).unwrap_or_default();
        let (Ok(starts), Ok(staged)) =
            (bytemuck::try_cast_slice_mut::<u8, u32>(starts), bytemuck::try_cast_slice_mut(staged))
        else {
            return;
        };
        let length = z.columns.output * z.filters;
        if length == 0 {
            return;
        }
        let mut next = 0;
        for (row, out) in rows.zip(out.chunks_exact_mut(length)) {
            let (image, y) = (row / z.rows.output, row % z.rows.output);
            if y == 0 {
                next = 0;
            }
            let first = y * z.rows.stride;
            next = next.max(first);
            while next < first + self.reach {
                let at = next % self.reach * self.row;
                if let Some(to) = staged.get_mut(at..at + self.row) {
                    stage_row(simd, z, windows, x, (image, next), to);
                }
                next += 1;
            }
            for (i, starts) in starts.chunks_exact_mut(self.row_runs.max(1)).enumerate() {
                let slot = (first + i * z.rows.dilation) % self.reach;
                for (j, start) in starts.iter_mut().enumerate() {
                    *start = (slot * self.row + j * z.columns.dilation * z.channels) as u32;
                }
            }
            windows.row(simd, staged, starts, z.columns.stride * z.channels, own, out);
        }
    }
}

/// Stages one row of an image with padding; `row` counts from the first padding row.
#[inline(always)]
fn stage_row<W: Windows, S: Simd>(
    simd: S,
    z: &Sizes,
    windows: &W,
    x: &[W::Value],
    (image, row): (usize, usize),
    to: &mut [W::Element<S>],
) {
    let mut outside = [bytemuck::Zeroable::zeroed()];
    W::stage(simd, &[windows.outside()], &mut outside);
    let [outside] = outside;
    let inside = row.checked_sub(z.rows.before).filter(|&row| row < z.height);
    let Some(row) = inside else { return to.fill(outside) };
    let (before, to) = to.split_at_mut(to.len().min(z.columns.before * z.channels));
    let (to, after) = to.split_at_mut(to.len().min(z.width * z.channels));
    before.fill(outside);
    after.fill(outside);
    let start = (image * z.height + row) * z.width * z.channels;
    W::stage(simd, x.get(start..start + to.len()).unwrap_or_default(), to);
}
