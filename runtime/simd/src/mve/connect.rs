//! Fully connected layers.

use core::arch::asm;
use core::mem::MaybeUninit;

use super::{BLOCK, finish};
use crate::small::Filters;

/// The outputs of `units` units for the row `x`.
///
/// # Safety
/// The units' constants, a row of weights of as many elements as `x` has for each, which are not 0, and places for the outputs
/// must be there.
pub(crate) unsafe fn connect(filters: &Filters<'_>, x: &[i8], units: usize, out: *mut i8) {
    let mut sums = [const { MaybeUninit::<i32>::uninit() }; BLOCK];
    let length = x.len();
    for first in (0..units).step_by(BLOCK) {
        let block = (units - first).min(BLOCK);
        for (pair, sums) in sums.as_chunks_mut::<2>().0.iter_mut().enumerate().take(block.div_ceil(2)) {
            let f = first + 2 * pair;
            // The last of an odd number goes with itself.
            let g = (f + 1).min(units - 1);
            let row = |f: usize| filters.weights.as_ptr().wrapping_add(f * length);
            // SAFETY: the caller says that the row and the weights of both units are there.
            let [a, b] = unsafe { one_by_two(filters.offset, x.as_ptr(), [row(f), row(g)], length) };
            *sums = [MaybeUninit::new(a), MaybeUninit::new(b)];
        }
        // SAFETY: the caller says that the constants and the places are there; the sums of the block have been written.
        unsafe { finish(filters, sums.as_ptr().cast(), (first, block), out) };
    }
}

/// The sums `(x + offset) * v` and `(x + offset) * w` over `length` elements.
///
/// # Safety
/// The row and the weights must have so many elements.
#[inline(always)]
unsafe fn one_by_two(offset: i32, x: *const i8, w: [*const i8; 2], length: usize) -> [i32; 2] {
    let (a, b, v, w_sum): (i32, i32, i32, i32);
    // SAFETY: the caller says that the elements are there. The loop is predicated: it reads no more.
    unsafe {
        asm!(
            "dlstp.8 lr, r11",
            "2:",
            "vldrb.u8 q0, [r1], #16",
            "vldrb.u8 q1, [r3], #16",
            "vmladava.s8 r0, q0, q1",
            "vaddva.s8 r4, q1",
            "vldrb.u8 q1, [r5], #16",
            "vmladava.s8 r2, q0, q1",
            "vaddva.s8 r8, q1",
            "letp lr, 2b",
            inout("r1") x => _,
            inout("r3") w[0] => _,
            inout("r5") w[1] => _,
            in("r11") length,
            inout("r0") 0 => a,
            inout("r2") 0 => b,
            inout("r4") 0 => v,
            inout("r8") 0 => w_sum,
            out("lr") _, out("q0") _, out("q1") _,
            options(nostack, readonly)
        );
    }
    [a.wrapping_add(offset.wrapping_mul(v)), b.wrapping_add(offset.wrapping_mul(w_sum))]
}
