//! Convolutions, and the order in which they take elements.

use core::arch::asm;

use super::{Block, Repeated, both};
use crate::small::Filters;

/// Widens `words` times four elements of `x`, each plus `offset`: elements 0 and 2 to a word of `to`, 1 and 3 to the next
/// but one; the next four go four words further.
///
/// # Safety
/// The elements and the words must be there.
#[inline]
pub(crate) unsafe fn widen(offset: i32, x: *const i8, words: usize, to: *mut u32) {
    if words == 0 {
        return;
    }
    // SAFETY: the caller says that all that is read and written is there. The loads need no alignment.
    unsafe {
        asm!(
            "2:",
            "ldr {t}, [{x}], #4",
            "sxtab16 {u}, {both}, {t}",
            "sxtab16 {t}, {both}, {t}, ror #8",
            "str {t}, [{to}, #8]",
            "str {u}, [{to}], #16",
            "subs {n}, {n}, #1",
            "bne 2b",
            both = in(reg) both(offset),
            x = inout(reg) x => _,
            to = inout(reg) to => _,
            n = inout(reg) words => _,
            t = out(reg) _,
            u = out(reg) _,
            options(nostack)
        );
    }
}

/// The job of [`convolve`].
#[repr(C)]
struct Convolve {
    block: Block,
    /// 44: bytes from the outputs of the first position to those of the second.
    second: usize,
    /// 48: the two positions' elements.
    x: *const u32,
    /// 52, 56: fours of elements, and those left.
    fours: usize,
    rest: usize,
    /// 60: the elements of a filter.
    length: usize,
    /// 64: the next filter's weights.
    weights: *const i8,
}

/// The outputs of `pairs` times two filters at two positions, whose elements lie in `x` as
/// [`small::widen`](crate::small::widen) puts them.
///
/// # Safety
/// The filters' constants and `length` weights each must be there, as many words of `x`, and places for the outputs at
/// `out` and `second` behind it.
pub(crate) unsafe fn convolve(
    filters: &Filters<'_>,
    x: &[u32],
    (length, pairs): (usize, usize),
    out: *mut i8,
    second: usize,
) {
    if pairs == 0 {
        return;
    }
    let repeated = Repeated::of(filters);
    // SAFETY: the caller says that the constants are there.
    let block = unsafe { Block::of(filters, &repeated, 2, (0, pairs), out) };
    let (fours, rest, weights) = (length / 4, length % 4, filters.weights.as_ptr());
    let mut job = Convolve { block, second, x: x.as_ptr(), fours, rest, length, weights };
    // SAFETY: the job's pointers are those of what the caller says there is.
    unsafe { run_convolve(&mut job) }
}

/// Four elements of two positions and two filters: elements from `r0` on, weights from `r1` and `r2` on.
macro_rules! four_by_four {
    () => {
        "ldr r8, [r1], #4
        ldr r9, [r2], #4
        ldrd r10, r11, [r0], #8
        sxtb16 r12, r8
        sxtb16 lr, r9
        smlad r4, r10, r12, r4
        smlad r5, r10, lr, r5
        smlad r6, r11, r12, r6
        smlad r7, r11, lr, r7
        ldrd r10, r11, [r0], #8
        sxtb16 r12, r8, ror #8
        sxtb16 lr, r9, ror #8
        smlad r4, r10, r12, r4
        smlad r5, r10, lr, r5
        smlad r6, r11, r12, r6
        smlad r7, r11, lr, r7"
    };
}

// r4, r5: the sums of both filters at the first position, r6, r7: at the second.
#[inline(never)]
unsafe fn run_convolve(job: *mut Convolve) {
    run!(
        job,
        "ldr r2, [r0, #64]",
        // A pair of filters; r2 is where the weights of the first start.
        "7:",
        "ldr r12, [sp]",
        "ldrd r8, r9, [r12, #0]",
        "ldrd r4, r5, [r8]",
        "add r8, r8, r9",
        "str r8, [r12, #0]",
        "mov r6, r4",
        "mov r7, r5",
        "ldrd r0, r3, [r12, #48]",
        "ldr r9, [r12, #60]",
        "mov r1, r2",
        "add r2, r2, r9",
        // Fours of elements: one first where their number is odd.
        "lsrs r3, r3, #1",
        "bcc 2f",
        four_by_four!(),
        "2:",
        "cmp r3, #0",
        "beq 4f",
        "3:",
        four_by_four!(),
        four_by_four!(),
        "subs r3, r3, #1",
        "bne 3b",
        // The elements left: those of both positions lie side by side.
        "4:",
        "ldr r12, [sp]",
        "ldr r3, [r12, #56]",
        "cbz r3, 6f",
        "5:",
        "ldrsb r8, [r1], #1",
        "ldrsb r9, [r2], #1",
        "ldr r10, [r0], #4",
        "smlabb r4, r10, r8, r4",
        "smlabb r5, r10, r9, r5",
        "smlatb r6, r10, r8, r6",
        "smlatb r7, r10, r9, r7",
        "subs r3, r3, #1",
        "bne 5b",
        // Outputs; r2 is where the next pair's weights start. r8, r9: halves; r10, r11: shifts to the right.
        "6:",
        "ldrd r8, r9, [r12, #8]",
        "ldrd r0, r1, [r8]",
        "ldrsb r10, [r9]",
        "ldrsb r11, [r9, #1]",
        "ldrd r3, lr, [r12, #16]",
        "add r8, r8, r3",
        "add r9, r9, lr",
        "strd r8, r9, [r12, #8]",
        "mov lr, r2",
        "ldr r3, [r12, #24]",
        "rsb r10, r10, #0",
        "rsb r11, r11, #0",
        "lsl r8, r3, r10",
        "mov r9, r8",
        output!("r4", "r0", "r10", "r8"),
        output!("r6", "r0", "r10", "r9"),
        "lsl r8, r3, r11",
        "mov r9, r8",
        output!("r5", "r1", "r11", "r8"),
        output!("r7", "r1", "r11", "r9"),
        pack!("r4", "r5", "r6", "r7"),
        "mov r2, lr",
        "ldrd r8, r9, [r12, #36]",
        "ldr r10, [r12, #44]",
        "lsr r11, r4, #16",
        "strh r11, [r8, r10]",
        "strh r4, [r8], #2",
        "subs r9, r9, #1",
        "strd r8, r9, [r12, #36]",
        "bne 7b",
    );
}
