//! Sums of two tensors.

use core::arch::asm;

use crate::small::Addends;

/// The outputs for `count` elements; `out` may be one of the operands.
///
/// # Safety
/// The operands and `out` must have so many elements.
pub(crate) unsafe fn add(addends: &Addends, [a, b]: [*const i8; 2], count: usize, out: *mut i8) {
    if count == 0 {
        return;
    }
    let Addends { offsets: [first, second], q: [q, r], output_q, .. } = *addends;
    // SAFETY: the caller says that the elements are there. The loop is predicated: it reads and writes no more; what it writes it has
    // read before. Loads that widen and stores that narrow take the first registers only.
    unsafe {
        asm!(
            // 24 to 40: shifts to the right, and limits; 20: the zero point.
            "ldr r3, [{addends}, #24]",
            "mvn r3, r3",
            "vdup.32 q3, r3",
            "ldr r3, [{addends}, #28]",
            "mvn r3, r3",
            "vdup.32 q4, r3",
            "ldr r3, [{addends}, #32]",
            "mvn r3, r3",
            "vdup.32 q5, r3",
            "ldr r3, [{addends}, #36]",
            "vdup.32 q6, r3",
            "ldr r3, [{addends}, #40]",
            "vdup.32 q7, r3",
            "mov r3, {n}",
            "dlstp.32 lr, r3",
            "ldr r3, [{addends}, #20]",
            "2:",
            "vldrb.s32 q0, [r0], #4",
            "vadd.i32 q0, q0, {first}",
            "vshl.i32 q0, q0, #20",
            scaled!("q0", "{q}", "q3", "q2"),
            "vldrb.s32 q1, [r1], #4",
            "vadd.i32 q1, q1, {second}",
            "vshl.i32 q1, q1, #20",
            scaled!("q1", "{r}", "q4", "q2"),
            "vadd.i32 q0, q0, q1",
            scaled!("q0", "{output_q}", "q5", "q2"),
            "vadd.i32 q0, q0, r3",
            "vmin.s32 q0, q0, q6",
            "vmax.s32 q0, q0, q7",
            "vstrb.32 q0, [r2], #4",
            "letp lr, 2b",
            addends = in(reg) addends,
            inout("r0") a => _,
            inout("r1") b => _,
            inout("r2") out => _,
            out("r3") _,
            n = in(reg) count,
            first = in(reg) first,
            second = in(reg) second,
            q = in(reg) q,
            r = in(reg) r,
            output_q = in(reg) output_q,
            out("lr") _, out("q0") _, out("q1") _, out("q2") _, out("q3") _,
            out("q4") _, out("q5") _, out("q6") _, out("q7") _,
            options(nostack)
        );
    }
}
