//! The inner loops of [`small`](crate::small) for Cortex-M0 and M0+. The compiler has half of the registers and keeps sums on
//! the stack; these keep them in the upper half, which can be added to.

use core::arch::asm;

use crate::small::Taps;

/// Keeps the registers from `r4` to `r11` on the stack.
macro_rules! save {
    () => {
        "push {{r4, r5, r6, r7}}
        mov r4, r8
        mov r5, r9
        mov r6, r10
        mov r7, r11
        push {{r4, r5, r6, r7}}"
    };
}

/// Takes them from there.
macro_rules! restore {
    () => {
        "pop {{r4, r5, r6, r7}}
        mov r8, r4
        mov r9, r5
        mov r10, r6
        mov r11, r7
        pop {{r4, r5, r6, r7}}"
    };
}

/// `sums` of the products of two positions, whose elements lie beside each other in the halves of `x`, with the weights of
/// two filters: both of the first position, then of the second.
///
/// # Safety
/// `length` words of `x`, and as many elements of each filter, must be there.
#[inline(never)]
pub(crate) unsafe fn two_by_two(x: *const u32, w: [*const i8; 2], length: usize, sums: &mut [i32; 4]) {
    if length == 0 {
        return;
    }
    // SAFETY: each round reads a word of `x` and an element of each filter, which the caller says there are. All registers
    // that are no operands are as before at the end.
    unsafe {
        asm!(
            "mov r12, r4",
            save!(),
            "push {{r3}}",
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
            restore!(),
            inout("r0") x => _,
            inout("r1") w[0] => _,
            inout("r2") w[1] => _,
            inout("r3") sums.as_mut_ptr() => _,
            in("r4") length,
            out("r12") _,
        );
    }
}

/// The sums of `channels` channels beside each other over all cells of a window, of which there is one at least.
///
/// # Safety
/// The elements of all cells and the weights must be there for these channels, and as many `sums`, which hold what they start
/// from.
pub(crate) unsafe fn cells(offset: i32, x: *const i8, w: *const i8, taps: &Taps, sums: &mut [i32]) {
    /// What the loops below need: the offsets are told in their comments.
    #[repr(C)]
    struct Job {
        /// 0, 4: the first cell's elements and weights.
        x: *const i8,
        w: *const i8,
        /// 8, 12: from the end of a row of cells to the next one.
        x_row: usize,
        w_row: usize,
        /// 16, 20: where the sums are, and how many are left.
        sums: *mut i32,
        count: usize,
        /// 24, 28, 32: cells of a row, elements and weights from a cell to the next.
        columns: usize,
        x_column: usize,
        w_column: usize,
        /// 36, 40: rows, and what is added to each element.
        rows: usize,
        offset: i32,
    }
    let Taps { rows, columns, image: [x_row, x_column], weights: [w_row, w_column] } = *taps;
    let mut job = Job {
        x,
        w,
        x_row: x_row.wrapping_sub(columns.wrapping_mul(x_column)),
        w_row: w_row.wrapping_sub(columns.wrapping_mul(w_column)),
        sums: sums.as_mut_ptr(),
        count: sums.len(),
        columns,
        x_column,
        w_column,
        rows,
        offset,
    };
    if sums.is_empty() {
        return;
    }
    // SAFETY: all that is read and written lies where the caller says. All registers that are no operands are as before at
    // the end.
    unsafe {
        asm!(
            save!(),
            "mov r7, r0",
            "ldr r0, [r7, #24]",
            "mov r12, r0",
            "ldr r0, [r7, #28]",
            "mov r8, r0",
            "ldr r0, [r7, #32]",
            "mov r9, r0",
            "ldr r0, [r7, #40]",
            "mov r10, r0",
            "movs r6, #0",
            // A channel: r3 is its sum.
            "7:",
            "ldr r0, [r7, #0]",
            "adds r2, r0, #1",
            "str r2, [r7, #0]",
            "ldr r1, [r7, #4]",
            "adds r2, r1, #1",
            "str r2, [r7, #4]",
            "ldr r2, [r7, #16]",
            "ldr r3, [r2]",
            "ldr r2, [r7, #36]",
            "mov r11, r2",
            // A row of cells.
            "2:",
            "mov r2, r12",
            "3:",
            "ldrsb r4, [r0, r6]",
            "ldrsb r5, [r1, r6]",
            "add r4, r4, r10",
            "muls r4, r5, r4",
            "adds r3, r3, r4",
            "add r0, r0, r8",
            "add r1, r1, r9",
            "subs r2, r2, #1",
            "bne 3b",
            "ldr r4, [r7, #8]",
            "adds r0, r0, r4",
            "ldr r4, [r7, #12]",
            "adds r1, r1, r4",
            "mov r2, r11",
            "subs r2, r2, #1",
            "mov r11, r2",
            "bne 2b",
            "ldr r2, [r7, #16]",
            "stm r2!, {{r3}}",
            "str r2, [r7, #16]",
            "ldr r2, [r7, #20]",
            "subs r2, r2, #1",
            "str r2, [r7, #20]",
            "bne 7b",
            restore!(),
            inout("r0") &mut job => _,
            out("r1") _,
            out("r2") _,
            out("r3") _,
            out("r12") _,
        );
    }
}

/// The sums of the products of a row, each element plus `offset`, with the weights of two units.
///
/// # Safety
/// `length` elements of each must be there.
#[inline(never)]
pub(crate) unsafe fn one_by_two(
    offset: i32,
    x: *const i8,
    w: [*const i8; 2],
    length: usize,
    sums: &mut [i32; 2],
) {
    if length == 0 {
        return;
    }
    // SAFETY: each round reads an element of each row, which the caller says there are; r3 counts up to their ends.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "ldm r5!, {{r6, r7}}",
            "mov lr, r6",
            "mov r12, r7",
            "2:",
            "ldrsb r6, [r0, r3]",
            "ldrsb r7, [r1, r3]",
            "adds r6, r6, r4",
            "muls r7, r6, r7",
            "add lr, lr, r7",
            "ldrsb r7, [r2, r3]",
            "muls r7, r6, r7",
            "add r12, r12, r7",
            "adds r3, r3, #1",
            "bne 2b",
            "mov r6, lr",
            "mov r7, r12",
            "subs r5, r5, #8",
            "stm r5!, {{r6, r7}}",
            "pop {{r6, r7}}",
            in("r0") x.wrapping_add(length),
            in("r1") w[0].wrapping_add(length),
            in("r2") w[1].wrapping_add(length),
            inout("r3") (length as i32).wrapping_neg() => _,
            in("r4") offset,
            inout("r5") sums.as_mut_ptr() => _,
            out("r12") _,
            out("lr") _,
        );
    }
}
