//! The shared matrix core: rows of activations times packed weights, with the outputs' rule fused
//! into the end of each tile.
//!
//! ```text
//! rows of a matrix --stage--> a tile's rows --.
//! rows of an image --stage--> strip, padded ---+-- tile --> sums --requantize or clamp--> outputs
//! weights --pack (once)--> panels of two vectors of columns --^
//! ```
//!
//! A column is a filter or a unit. Packed weights are panels of `2 * LANES` columns; within a panel
//! the order is that of the depth, in the level's groups, so a tile reads them from one end to the
//! other. The last panel is filled up with zeros.
//!
//! The depth is cut into runs of activations that lie together: one for a product of matrices, one for
//! each row of a window (each cell, where it is dilated) for a convolution. Each run is filled up to
//! whole groups, with zeros for weights; what activations lie there does not matter.

pub(super) mod depthwise;
pub(super) mod float;
pub(super) mod int8;
mod strip;
mod tile;

use sedge_schema::op::Node as _;
use sedge_simd::{Kernel, Simd};

use super::filter::BIAS;
use crate::node::Prepare;

pub(super) use strip::{Strip, Windows};
pub(super) use tile::Matrix;

/// What the layout of prepared data takes from the level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// 32-bit lanes of a vector.
    pub(super) lanes: usize,
    /// Elements of the depth that int8 products take at once.
    pub(super) group: usize,
    /// What staged activations have on top of their int8 values.
    pub(super) offset: i32,
    /// Bytes of a staged int8 activation.
    pub(super) element: usize,
    /// Rows of a tile.
    pub(super) rows: usize,
}

impl Layout {
    /// That of the session's level.
    pub(super) fn of(node: &Prepare<'_>) -> Self {
        struct Ask;
        impl Kernel for Ask {
            type Output = Layout;

            #[inline(always)]
            fn run<S: Simd>(self, _simd: S) -> Layout {
                Layout {
                    lanes: S::LANES,
                    group: S::GROUP,
                    offset: S::OFFSET,
                    element: size_of::<S::Element>(),
                    rows: S::ROWS,
                }
            }
        }
        node.level().run(Ask)
    }

    /// Columns of a panel.
    pub(super) fn panel(&self) -> usize {
        2 * self.lanes
    }
}

/// The weights in input 1; `None` where they or the bias are computed, so that nothing can be packed.
fn constant_weights<'s>(node: &Prepare<'s>) -> Option<&'s [u8]> {
    if node.has(BIAS) && node.constant(2).is_none() {
        return None;
    }
    node.constant(1)
}

/// Copies as many elements as both slices have.
#[inline(always)]
fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    let length = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..length), to.get_mut(..length)) {
        to.copy_from_slice(from);
    }
}

/// Packs weights `[columns, runs * run]` into panels; `out` holds zeros, and has room for all of them.
fn pack<T: Copy, const N: usize>(
    weights: &[[u8; N]],
    (runs, run): (usize, usize),
    (panel, group): (usize, usize),
    value: impl Fn([u8; N]) -> T,
    out: &mut [T],
) {
    let depth = runs * run;
    if depth == 0 {
        return;
    }
    let padded = run.next_multiple_of(group);
    for (f, row) in weights.chunks_exact(depth).enumerate() {
        let start = (f / panel) * panel * runs * padded + (f % panel) * group;
        for (r, run) in row.chunks_exact(run).enumerate() {
            for (k, &w) in run.iter().enumerate() {
                let at = r * padded + k;
                if let Some(to) = out.get_mut(start + at / group * group * panel + at % group) {
                    *to = value(w);
                }
            }
        }
    }
}
