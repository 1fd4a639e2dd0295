//! Convolutions.

use core::arch::asm;
use core::mem::MaybeUninit;

use super::{BLOCK, Sums, finish_both};
use crate::small::Filters;

/// The outputs of `count` filters at two positions, whose rows of `length` bytes lie one after the other from `x` on: those of the
/// second go `second` places behind those of the first.
///
/// # Safety
/// The filters' constants, `length` weights each, both rows and places for the outputs must be there; `length` must not be 0.
pub(crate) unsafe fn convolve(
    filters: &Filters<'_>,
    x: *const i8,
    (length, count): (usize, usize),
    out: *mut i8,
    second: usize,
) {
    let mut sums = MaybeUninit::<Sums>::uninit();
    for first in (0..count).step_by(BLOCK) {
        let block = (count - first).min(BLOCK);
        let w = filters.weights.as_ptr().wrapping_add(first * length);
        let (pairs, sums) = (block / 2, sums.as_mut_ptr());
        if pairs > 0 {
            // SAFETY: the caller says that the rows and the weights are there.
            unsafe { add_up(x, w, (length, length, pairs), sums) };
        }
        if block > 2 * pairs {
            let (w, sums) = (w.wrapping_add(2 * pairs * length), sums.wrapping_byte_add(8 * pairs));
            // SAFETY: as above. The last of an odd number goes with itself; there is room for its sums behind it.
            unsafe { add_up(x, w, (length, 0, 1), sums) };
        }
        // SAFETY: the caller says that the constants and the places are there; the sums of all filters of the block were written.
        unsafe { finish_both(filters, sums, (first, block), out, second) };
    }
}

/// Writes the sums of `pairs` times two filters, which are not 0, of `length` weights each, which follow each other from `w` on, at both
/// positions. In a pair the second filter's weights lie `other` bytes behind the first's.
///
/// # Safety
/// The weights, both rows of `length` elements, one after the other from `x` on, and room for the sums must be there.
#[inline(always)]
unsafe fn add_up(x: *const i8, w: *const i8, (length, other, pairs): (usize, usize, usize), sums: *mut Sums) {
    // SAFETY: the caller says that the elements are there. The inner loop is predicated: it reads no more. Each turn of the outer one
    // writes two of each sums, 128 bytes apart. Registers that are no operands, and the stack, are as before at the end.
    unsafe {
        asm!(
            "push {{r1, r3, r5, r6, r7}}",
            "mov r6, r0",
            "mov r7, r2",
            "2:",
            "ldrd r1, r3, [sp]",
            "ldr r5, [sp, #8]",
            "add r9, r5, r3",
            "add r3, r1, r11",
            "add r0, r9, r11",
            "str r0, [sp, #8]",
            "mov r0, #0",
            "mov r2, #0",
            "mov r4, #0",
            "mov r8, #0",
            "mov r10, #0",
            "mov r12, #0",
            "dlstp.8 lr, r11",
            "3:",
            "vldrb.u8 q0, [r1], #16",
            "vldrb.u8 q1, [r5], #16",
            "vmladava.s8 r0, q0, q1",
            "vldrb.u8 q2, [r3], #16",
            "vmladava.s8 r2, q2, q1",
            "vaddva.s8 r4, q1",
            "vldrb.u8 q1, [r9], #16",
            "vmladava.s8 r8, q0, q1",
            "vmladava.s8 r10, q2, q1",
            "vaddva.s8 r12, q1",
            "letp lr, 3b",
            "strd r2, r10, [r6, #128]",
            "strd r4, r12, [r6, #256]",
            "strd r0, r8, [r6], #8",
            "subs r7, r7, #1",
            "bne 2b",
            "pop {{r1, r3, r5, r6, r7}}",
            inout("r0") sums => _,
            inout("r1") x => _,
            inout("r2") pairs => _,
            inout("r3") other => _,
            out("r4") _,
            inout("r5") w => _,
            out("r8") _, out("r9") _, out("r10") _,
            in("r11") length,
            out("r12") _, out("lr") _, out("q0") _, out("q1") _, out("q2") _,
        );
    }
}
