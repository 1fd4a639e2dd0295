//! ADD, SUB and MUL of int8 by vectors: two vectors of results at a time.

use sedge_simd::Simd;

use super::super::binary::{Operand, Rows, RowsInPlace};
use super::Range;

/// Arithmetic on two vectors each of int8 values without their zero points. Mark it `#[inline(always)]`.
pub(crate) trait OnLanes {
    fn apply<S: Simd>(&self, simd: S, a: [S::I32; 2], b: [S::I32; 2]) -> [S::I32; 2];
}

/// An operator on runs of int8.
#[derive(Clone, Copy)]
pub(super) struct Lanes<T> {
    pub(super) range: Range,
    pub(super) arithmetic: T,
}

// Only `for` and functions marked so: a closure would be compiled without the level's instructions.
impl<T: OnLanes> Lanes<T> {
    /// Writes the results of two vectors each.
    #[inline(always)]
    fn write<S: Simd>(&self, simd: S, a: [S::I32; 2], b: [S::I32; 2], out: &mut [i8]) {
        let Range { zeros: [a_zero, b_zero], output_zero, min, max } = self.range;
        let (a_zero, b_zero) = (simd.splat_i32(a_zero), simd.splat_i32(b_zero));
        let a = [simd.sub_i32(a[0], a_zero), simd.sub_i32(a[1], a_zero)];
        let b = [simd.sub_i32(b[0], b_zero), simd.sub_i32(b[1], b_zero)];
        let y = self.arithmetic.apply(simd, a, b);
        simd.store_clamped::<2, false>(y, output_zero, (min, max), out);
    }

    /// As [`Lanes::write`], for what is left of a run: less than two vectors, perhaps nothing.
    #[inline(always)]
    fn last<S: Simd>(&self, simd: S, a: [S::I32; 2], b: [S::I32; 2], out: &mut [i8]) {
        if !out.is_empty() {
            self.write(simd, a, b, out);
        }
    }
}

/// Two vectors of the elements that `from` starts with; zeros where it has fewer.
#[inline(always)]
fn two<S: Simd>(simd: S, from: &[i8]) -> [S::I32; 2] {
    [simd.load_i8(from), simd.load_i8(from.get(S::LANES..).unwrap_or_default())]
}

impl<T: OnLanes> Rows<i8> for Lanes<T> {
    // Whole vectors first: a loop over some that may be cut off is not unrolled.
    #[inline(always)]
    fn apart<S: Simd>(&self, simd: S, a: Operand<'_, i8>, b: Operand<'_, i8>, out: &mut [i8]) {
        let step = 2 * S::LANES;
        let whole = out.len() - out.len() % step;
        let (wholes, last) = out.split_at_mut(whole);
        let outs = wholes.chunks_exact_mut(step);
        match (a, b) {
            (Operand::Run(a), Operand::Run(b)) => {
                for ((out, a), b) in outs.zip(a.chunks_exact(step)).zip(b.chunks_exact(step)) {
                    self.write(simd, two(simd, a), two(simd, b), out);
                }
                self.last(simd, rest(simd, a, whole), rest(simd, b, whole), last);
            }
            (Operand::Run(a), Operand::One(b)) => {
                let b = [simd.splat_i32(b.into()); 2];
                for (out, a) in outs.zip(a.chunks_exact(step)) {
                    self.write(simd, two(simd, a), b, out);
                }
                self.last(simd, rest(simd, a, whole), b, last);
            }
            (Operand::One(a), Operand::Run(b)) => {
                let a = [simd.splat_i32(a.into()); 2];
                for (out, b) in outs.zip(b.chunks_exact(step)) {
                    self.write(simd, a, two(simd, b), out);
                }
                self.last(simd, a, rest(simd, b, whole), last);
            }
            (Operand::One(a), Operand::One(b)) => {
                let (a, b) = ([simd.splat_i32(a.into()); 2], [simd.splat_i32(b.into()); 2]);
                for out in outs {
                    self.write(simd, a, b, out);
                }
                self.last(simd, a, b, last);
            }
        }
    }
}

impl<T: OnLanes> RowsInPlace<i8> for Lanes<T> {
    #[inline(always)]
    fn over<S: Simd>(&self, simd: S, out: &mut [i8], other: &[i8], is_second: bool) {
        let step = 2 * S::LANES;
        let whole = out.len() - out.len() % step;
        let (wholes, last) = out.split_at_mut(whole);
        for (out, other) in wholes.chunks_exact_mut(step).zip(other.chunks_exact(step)) {
            let (mut a, mut b) = (two(simd, out), two(simd, other));
            if is_second {
                (a, b) = (b, a);
            }
            self.write(simd, a, b, out);
        }
        let (mut a, mut b) = (two(simd, last), rest(simd, other, whole));
        if is_second {
            (a, b) = (b, a);
        }
        self.last(simd, a, b, last);
    }
}

/// Two vectors of the elements from `at` on.
#[inline(always)]
fn rest<S: Simd>(simd: S, from: &[i8], at: usize) -> [S::I32; 2] {
    two(simd, from.get(at..).unwrap_or_default())
}
