//! The shared matrix core: rows of activations times packed weights, with the outputs' rule fused
//! into the end of each tile.
//!
//! ```text
//! activations --gather/widen--> ROWS rows --tile--> sums --requantize or clamp--> outputs
//! weights --pack (once)--> panels of two vectors of columns ---^
//! ```
//!
//! A column is a filter or a unit. Packed weights are panels of `2 * LANES` columns; within a panel
//! the order is that of the depth, so a tile reads them from one end to the other. The last panel is
//! filled up with zeros.

pub(super) mod depthwise;
pub(super) mod float;
pub(super) mod int8;

use sedge_simd::{Kernel, Simd};

use crate::node::Prepare;

/// Rows of activations that one tile works on.
pub(super) const ROWS: usize = 4;

/// 32-bit lanes of the vectors that the session's kernels will use.
pub(super) fn lanes(node: &Prepare<'_>) -> usize {
    struct Lanes;
    impl Kernel for Lanes {
        type Output = usize;

        #[inline(always)]
        fn run<S: Simd>(self, _simd: S) -> usize {
            S::LANES
        }
    }
    node.level().run(Lanes)
}

/// Columns of a panel.
pub(super) fn panel(node: &Prepare<'_>) -> usize {
    2 * lanes(node)
}
