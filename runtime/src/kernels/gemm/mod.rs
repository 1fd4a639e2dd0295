//! The shared matrix core: rows of activations times packed weights, with the outputs' rule fused
//! into the end of each tile.
//!
//! ```text
//! rows of a matrix --stage--> a tile's rows --.
//! rows of an image --stage--> strip, padded ---+-- tile --> sums --requantize or clamp--> outputs
//! weights --pack (once)--> panels of two vectors of columns --^
//! ```
//!
//! A column is a filter or a unit. Packed weights are panels of `2 * LANES` columns, the last one of `LANES`
//! where no more are left; within a panel the order is that of the depth, in the level's groups, so a tile
//! reads them from one end to the other. The last panel is filled up with zeros. Matrices of very few
//! columns run on the level's half ([`Fit`]).
//!
//! The depth is cut into runs of activations that lie together: one for a product of matrices, one for
//! each row of a window (each cell, where it is dilated) for a convolution. Each run is filled up to
//! whole groups, with zeros for weights; what activations lie there does not matter.

pub(super) mod depthwise;
pub(super) mod float;
pub(super) mod hybrid;
pub(super) mod integer;
mod product;
mod strip;
mod tile;

use core::marker::PhantomData;

use sedge_schema::op::Node as _;
use sedge_simd::{Kernel, Simd};

use super::filter::BIAS;
use super::shared::half;
use crate::node::Prepare;
use product::Product;

pub(super) use product::{Int8, Int16, Integers, UInt8};
pub(super) use strip::{Strip, Windows};
pub(super) use tile::{Arithmetic, Matrix, Value};

/// What the layout of prepared data takes from the level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// 32-bit lanes of a vector.
    pub(super) lanes: usize,
    /// Elements of the depth that products take at once.
    pub(super) group: usize,
    /// What staged activations have on top of their int8 values.
    pub(super) offset: i32,
    /// Bytes of an activation.
    pub(super) value: usize,
    /// Bytes of a staged activation.
    pub(super) element: usize,
    /// Rows of a tile.
    pub(super) rows: usize,
    /// Whether this is the layout of the level's half.
    pub(super) half: bool,
    /// Whether the level is faster at [`Simd::requantize_near`] than at [`Simd::requantize`].
    pub(super) is_near: bool,
}

impl Layout {
    /// That of the session's level.
    pub(super) fn of<P: Product>(node: &Prepare<'_>) -> Self {
        Self::for_columns::<P>(node, usize::MAX)
    }

    /// That for a matrix of `columns`, which must run as [`Fit`] says.
    pub(super) fn for_columns<P: Product>(node: &Prepare<'_>, columns: usize) -> Self {
        struct Ask<P>(usize, PhantomData<P>);
        impl<P: Product> Kernel for Ask<P> {
            type Output = Layout;

            #[inline(always)]
            fn run<S: Simd>(self, simd: S) -> Layout {
                match has_half::<S>() && self.0 <= S::Half::LANES {
                    true => Layout { half: true, ..self.run(simd.half()) },
                    false => Layout {
                        lanes: S::LANES,
                        group: P::group::<S>(),
                        offset: P::offset::<S>(),
                        value: size_of::<P::Value>(),
                        element: size_of::<P::Element<S>>(),
                        rows: S::ROWS,
                        half: false,
                        is_near: S::NEAR,
                    },
                }
            }
        }
        node.level().run(Ask(columns, PhantomData::<P>))
    }

    /// Columns of a panel, but for the last.
    pub(super) fn panel(&self) -> usize {
        2 * self.lanes
    }
}

/// Whether a level has vectors of half as many lanes.
const fn has_half<S: Simd>() -> bool {
    S::Half::LANES < S::LANES
}

/// A kernel that runs on the level's half where its matrix is laid out for that.
pub(super) struct Fit<K>(pub(super) bool, pub(super) K);

impl<K: Kernel> Kernel for Fit<K> {
    type Output = K::Output;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> K::Output {
        if has_half::<S>() && self.0 { self.1.run(simd.half()) } else { self.1.run(simd) }
    }
}

/// The weights in input 1; `None` where they or the bias are computed, so that nothing can be packed.
fn constant_weights<'s>(node: &Prepare<'s>) -> Option<&'s [u8]> {
    if node.has(BIAS) && node.constant(2).is_none() {
        return None;
    }
    node.constant(1)
}

/// Constant floats: in the file as they are, or as halves that a DEQUANTIZE widens.
#[derive(Clone, Copy)]
enum Floats<'s> {
    Whole(&'s [[u8; 4]]),
    Halves(&'s [[u8; 2]]),
}

impl<'s> Floats<'s> {
    fn of(node: &Prepare<'s>, input: usize) -> Option<Self> {
        let whole = node.constant(input).map(|bytes| Self::Whole(bytes.as_chunks().0));
        whole.or_else(|| node.constant_halves(input).map(|bytes| Self::Halves(bytes.as_chunks().0)))
    }

    /// Those of the bias, none where there is no bias; `None` where it is computed.
    fn bias(node: &Prepare<'s>) -> Option<Self> {
        if node.has(BIAS) { Self::of(node, 2) } else { Some(Self::Whole(&[])) }
    }

    /// The number at index `i`; 0 behind the last.
    fn get(&self, i: usize) -> f32 {
        match self {
            Self::Whole(list) => list.get(i).map_or(0.0, |x| f32::from_le_bytes(*x)),
            Self::Halves(list) => list.get(i).map_or(0.0, |x| half::to_f32(u16::from_le_bytes(*x))),
        }
    }
}

/// Copies as many elements as both slices have.
#[inline(always)]
fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    let length = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..length), to.get_mut(..length)) {
        to.copy_from_slice(from);
    }
}

/// Packs `columns` columns of `runs * run` weights into panels; `weight` gives element `k` of column `f`. `out` holds
/// zeros, and has room for the columns, filled up to whole vectors.
fn pack<T>(
    columns: usize,
    (runs, run): (usize, usize),
    (lanes, group): (usize, usize),
    weight: impl Fn(usize, usize) -> Option<T>,
    out: &mut [T],
) {
    let padded = run.next_multiple_of(group);
    let whole = columns.next_multiple_of(lanes);
    for f in 0..columns {
        let first = f - f % (2 * lanes);
        let panel = (whole - first).min(2 * lanes);
        let start = first * runs * padded + (f - first) * group;
        for r in 0..runs {
            for k in 0..run {
                let at = r * padded + k;
                let to = out.get_mut(start + at / group * group * panel + at % group);
                if let (Some(to), Some(w)) = (to, weight(f, r * run + k)) {
                    *to = w;
                }
            }
        }
    }
}
