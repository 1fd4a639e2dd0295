//! The sums of [`small`](crate::small) by the vectors of Cortex-M55 and M85 (Helium, the M-profile Vector Extension): sixteen products
//! of int8 in an instruction, and outputs made four at a time.
//!
//! Stable Rust has no intrinsics for them. Inputs stay bytes: of `sum((x + offset) * w) = sum(x * w) + offset * sum(w)` the loops
//! form both sums, and [`finish`] puts them together. Loops are predicated, so that no number of elements is special. What predicates
//! say, and how many lanes a loop has left, is nothing that the compiler keeps across assembly: both live inside of a loop only.

use core::arch::asm;
use core::mem::MaybeUninit;

use crate::small::{Filters, Pieces};

/// Filters whose sums are worked out before outputs are made of them.
const BLOCK: usize = 32;

/// Sums of a block of filters: of products at two positions, and of weights; 128 bytes each.
#[repr(C)]
struct Sums {
    products: [[i32; BLOCK]; 2],
    weights: [i32; BLOCK],
}

/// What sums start from where there are no biases.
static ZEROS: [i32; BLOCK] = [0; BLOCK];

/// Multipliers and shifts of a block of filters, where the layer has one for all.
type Repeated = (MaybeUninit<[i32; BLOCK]>, MaybeUninit<[i8; BLOCK]>);

/// The biases, multipliers and shifts of the filters from `first` on, of which there must be one at least; what all filters have in
/// common is repeated in `repeated`.
#[inline(always)]
fn constants(
    filters: &Filters<'_>,
    first: usize,
    repeated: &mut Repeated,
) -> (*const i32, *const i32, *const i8) {
    let bias =
        if filters.bias.is_empty() { ZEROS.as_ptr() } else { filters.bias.as_ptr().wrapping_add(first) };
    let q = match filters.q {
        &[q] => repeated.0.write([q; BLOCK]).as_ptr(),
        all => all.as_ptr().wrapping_add(first),
    };
    let shift = match filters.shift {
        &[shift] => repeated.1.write([shift; BLOCK]).as_ptr(),
        all => all.as_ptr().wrapping_add(first),
    };
    (bias, q, shift)
}

/// Scales sums in a vector by a multiplier, a vector or a register, and by bits to the left, of which `shift` holds one less each. Uses
/// `spare`.
///
/// The product is doubled, so that the half has a place, and negative ones get one less.
#[rustfmt::skip]
macro_rules! scaled {
    ($x:literal, $q:literal, $shift:literal, $spare:literal) => {
        concat!(
            "vqrdmulh.s32 ", $x, ", ", $x, ", ", $q, "\n",
            "vshr.s32 ", $spare, ", ", $x, ", #31\n",
            "vshl.i32 ", $x, ", ", $x, ", #1\n",
            "vadd.i32 ", $x, ", ", $x, ", ", $spare, "\n",
            "vrshl.s32 ", $x, ", ", $x, ", ", $shift
        )
    };
}

/// Makes four outputs of sums in a vector, and writes them: `q1` is added to the sums, `q2` holds multipliers, `q3` shifts less one,
/// `q6` and `q7` the largest and the least output. Uses `q5`.
#[rustfmt::skip]
macro_rules! output {
    ($sums:literal, $to:literal) => {
        concat!(
            "vadd.i32 ", $sums, ", ", $sums, ", q1\n",
            scaled!($sums, "q2", "q3", "q5"), "\n",
            "vadd.i32 ", $sums, ", ", $sums, ", {zero}\n",
            "vmin.s32 ", $sums, ", ", $sums, ", q6\n",
            "vmax.s32 ", $sums, ", ", $sums, ", q7\n",
            "vstrb.32 ", $sums, ", [", $to, "], #4"
        )
    };
}

// The modules use the macros above.
mod add;
mod connect;
mod convolve;
mod depthwise;

pub(crate) use add::add;
pub(crate) use connect::connect;
pub(crate) use convolve::convolve;
pub(crate) use depthwise::depthwise;

/// Makes outputs of the sums of `count` filters from `first` on, scaled as [`Filters`] tells. Biases are added to the sums.
///
/// # Safety
/// `first + count` filters must have their constants, `products` `count` sums, `out` places for `first + count` outputs; `count` must be
/// from 1 to [`BLOCK`].
#[inline]
unsafe fn finish(filters: &Filters<'_>, products: *const i32, (first, count): (usize, usize), out: *mut i8) {
    let mut repeated = (MaybeUninit::uninit(), MaybeUninit::uninit());
    let (bias, q, shift) = constants(filters, first, &mut repeated);
    let [min, max] = filters.range.map(i32::from);
    // SAFETY: the caller says that constants, sums and places are there. The loop is predicated: it reads and writes no more than
    // `count` elements of each. Loads that widen and stores that narrow take the first registers only.
    unsafe {
        asm!(
            "vdup.32 q6, {max}",
            "vdup.32 q7, {min}",
            "mov {max}, #-1",
            "dlstp.32 lr, {n}",
            "2:",
            "vldrw.u32 q0, [{products}], #16",
            "vldrw.u32 q1, [{bias}], #16",
            "vldrw.u32 q2, [{q}], #16",
            "vldrb.s32 q3, [r1], #4",
            "vadd.i32 q3, q3, {max}",
            output!("q0", "r0"),
            "letp lr, 2b",
            max = inout(reg) max => _,
            min = in(reg) min,
            products = inout(reg) products => _,
            bias = inout(reg) bias => _,
            q = inout(reg) q => _,
            inout("r0") out.wrapping_add(first) => _,
            inout("r1") shift => _,
            zero = in(reg) i32::from(filters.zero),
            n = in(reg) count,
            out("lr") _, out("q0") _, out("q1") _, out("q2") _, out("q3") _, out("q5") _, out("q6") _, out("q7") _,
            options(nostack)
        );
    }
}

/// As [`finish`] for two positions, of `products + offset * weights`: the outputs of the second go `second` places behind those of the
/// first.
///
/// # Safety
/// As [`finish`], for both positions; `sums` must be those of as many filters.
#[inline]
unsafe fn finish_both(
    filters: &Filters<'_>,
    sums: *const Sums,
    (first, count): (usize, usize),
    out: *mut i8,
    second: usize,
) {
    let mut repeated = (MaybeUninit::uninit(), MaybeUninit::uninit());
    let (bias, q, shift) = constants(filters, first, &mut repeated);
    let [min, max] = filters.range.map(i32::from);
    let out = out.wrapping_add(first);
    // SAFETY: as in `finish`.
    unsafe {
        asm!(
            "vdup.32 q6, {max}",
            "vdup.32 q7, {min}",
            "mov {max}, #-1",
            "dlstp.32 lr, {n}",
            "2:",
            "vldrw.u32 q1, [{sums}, #256]",
            "vmul.i32 q1, q1, {offset}",
            "vldrw.u32 q2, [{bias}], #16",
            "vadd.i32 q1, q1, q2",
            "vldrw.u32 q2, [{q}], #16",
            "vldrb.s32 q3, [r1], #4",
            "vadd.i32 q3, q3, {max}",
            "vldrw.u32 q4, [{sums}, #128]",
            "vldrw.u32 q0, [{sums}], #16",
            output!("q0", "r0"),
            output!("q4", "r2"),
            "letp lr, 2b",
            max = inout(reg) max => _,
            min = in(reg) min,
            sums = inout(reg) sums => _,
            bias = inout(reg) bias => _,
            q = inout(reg) q => _,
            inout("r0") out => _,
            inout("r1") shift => _,
            inout("r2") out.wrapping_add(second) => _,
            offset = in(reg) filters.offset,
            zero = in(reg) i32::from(filters.zero),
            n = in(reg) count,
            out("lr") _, out("q0") _, out("q1") _, out("q2") _, out("q3") _,
            out("q4") _, out("q5") _, out("q6") _, out("q7") _,
            options(nostack)
        );
    }
}

/// Copies `from` to the start of `to`, as many bytes as both have.
#[inline(always)]
pub(crate) fn copy(from: &[i8], to: &mut [i8]) {
    let count = from.len().min(to.len());
    if count == 0 {
        return;
    }
    // SAFETY: both have `count` bytes. The loop is predicated: it reads and writes no more.
    unsafe {
        asm!(
            "dlstp.8 lr, {n}",
            "2:",
            "vldrb.u8 q0, [{from}], #16",
            "vstrb.8 q0, [{to}], #16",
            "letp lr, 2b",
            n = in(reg) count,
            from = inout(reg) from.as_ptr() => _,
            to = inout(reg) to.as_mut_ptr() => _,
            out("lr") _, out("q0") _,
            options(nostack)
        );
    }
}

/// Copies pieces of an image into a row.
///
/// # Safety
/// All pieces must lie in the image and in the row.
#[inline(always)]
pub(crate) unsafe fn copy_pieces(from: *const i8, to: *mut i8, pieces: &Pieces) {
    if pieces.count == 0 || pieces.length == 0 {
        return;
    }
    // SAFETY: the caller says that the pieces are there. The inner loop is predicated: it reads and writes no more than one.
    unsafe {
        asm!(
            "2:",
            "mov {x}, {from}",
            "mov {y}, {to}",
            "dlstp.8 lr, {n}",
            "3:",
            "vldrb.u8 q0, [{x}], #16",
            "vstrb.8 q0, [{y}], #16",
            "letp lr, 3b",
            "add {from}, {from}, {step}",
            "add {to}, {to}, {row_step}",
            "subs {count}, {count}, #1",
            "bne 2b",
            x = out(reg) _,
            y = out(reg) _,
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            n = in(reg) pieces.length,
            step = in(reg) pieces.step,
            row_step = in(reg) pieces.row_step,
            count = inout(reg) pieces.count => _,
            out("lr") _, out("q0") _,
            options(nostack)
        );
    }
}

/// The `length` bytes of row `p` that lie in words.
#[inline(always)]
pub(crate) fn row(to: &mut [u32], length: usize, p: usize) -> &mut [i8] {
    // SAFETY: bytes have no alignment, and as many lie in the words.
    let bytes = unsafe { core::slice::from_raw_parts_mut(to.as_mut_ptr().cast::<i8>(), size_of_val(to)) };
    bytes.get_mut(p * length..(p + 1) * length).unwrap_or_default()
}
