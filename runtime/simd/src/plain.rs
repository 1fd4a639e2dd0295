//! The inner loops of [`small`](crate::small) for processors without DSP instructions: through pointers, because bounds that
//! were checked before need no check for each element.

/// `sums` of the products of two positions, whose elements lie beside each other in the halves of `x`, with the weights of
/// two filters: both of the first position, then of the second.
///
/// # Safety
/// `length` words of `x`, and as many elements of each filter, must be there.
#[cfg(not(sedge_m0))]
#[inline(always)]
pub(crate) unsafe fn two_by_two(x: *const u32, w: [*const i8; 2], length: usize, sums: &mut [i32; 4]) {
    let [mut a, mut b, mut c, mut d] = *sums;
    for k in 0..length {
        // SAFETY: the caller says that there are so many.
        let (x, v, w) = unsafe { (*x.add(k), i32::from(*w[0].add(k)), i32::from(*w[1].add(k))) };
        let (x, y) = (i32::from(x as i16), x as i32 >> 16);
        a = a.wrapping_add(x.wrapping_mul(v));
        b = b.wrapping_add(x.wrapping_mul(w));
        c = c.wrapping_add(y.wrapping_mul(v));
        d = d.wrapping_add(y.wrapping_mul(w));
    }
    *sums = [a, b, c, d];
}

/// As the function of this name for other processors. The compiler has half of Cortex-M0's registers and keeps sums on the
/// stack; this keeps them in the upper half, which can be added to.
///
/// # Safety
/// `length` words of `x`, and as many elements of each filter, must be there.
#[cfg(sedge_m0)]
#[inline(never)]
pub(crate) unsafe fn two_by_two(x: *const u32, w: [*const i8; 2], length: usize, sums: &mut [i32; 4]) {
    if length == 0 {
        return;
    }
    // SAFETY: each round reads a word of `x` and an element of each filter, which the caller says there are. All registers
    // that are no operands are as before at the end.
    unsafe {
        core::arch::asm!(
            "mov r12, r4",
            "push {{r4, r5, r6, r7}}",
            "mov r4, r8",
            "mov r5, r9",
            "mov r6, r10",
            "mov r7, r11",
            "push {{r3, r4, r5, r6, r7}}",
            "ldm r3!, {{r4, r5, r6, r7}}",
            "mov r8, r4",
            "mov r9, r5",
            "mov r10, r6",
            "mov r11, r7",
            // Counts up to 0, where the filters' rows end.
            "mov r3, r12",
            "adds r1, r1, r3",
            "adds r2, r2, r3",
            "rsbs r3, r3, #0",
            "2:",
            "ldm r0!, {{r4}}",
            "ldrsb r6, [r1, r3]",
            "ldrsb r7, [r2, r3]",
            "sxth r5, r4",
            "asrs r4, r4, #16",
            "mov r12, r5",
            "muls r5, r6, r5",
            "add r8, r8, r5",
            "mov r5, r12",
            "muls r5, r7, r5",
            "add r9, r9, r5",
            "muls r6, r4, r6",
            "add r10, r10, r6",
            "muls r7, r4, r7",
            "add r11, r11, r7",
            "adds r3, r3, #1",
            "bne 2b",
            "pop {{r3}}",
            "mov r4, r8",
            "mov r5, r9",
            "mov r6, r10",
            "mov r7, r11",
            "stm r3!, {{r4, r5, r6, r7}}",
            "pop {{r4, r5, r6, r7}}",
            "mov r8, r4",
            "mov r9, r5",
            "mov r10, r6",
            "mov r11, r7",
            "pop {{r4, r5, r6, r7}}",
            inout("r0") x => _,
            inout("r1") w[0] => _,
            inout("r2") w[1] => _,
            inout("r3") sums.as_mut_ptr() => _,
            in("r4") length,
            out("r12") _,
        );
    }
}
