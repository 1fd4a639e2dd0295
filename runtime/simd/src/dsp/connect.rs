//! Fully connected layers.

use super::{Block, Repeated, both};
use crate::small::Filters;

/// The job of [`connect`].
#[repr(C)]
struct Connect {
    block: Block,
    /// 44: the row.
    x: *const i8,
    /// 48, 52: fours of elements, and those left.
    fours: usize,
    rest: usize,
    /// 56: what is added to each element.
    both: u32,
    /// 60: the first unit's weights.
    weights: *const i8,
    /// 64, 68: elements of a row, and of three.
    depth: usize,
    three: usize,
}

/// The outputs of `blocks` times four units from `first` on, for the row `x`.
///
/// # Safety
/// The filters' constants, weights and places for the outputs must be there for these units.
pub(crate) unsafe fn connect(filters: &Filters<'_>, x: &[i8], (first, blocks): (usize, usize), out: *mut i8) {
    let repeated = Repeated::of(filters);
    // SAFETY: the caller says that the constants are there.
    let block = unsafe { Block::of(filters, &repeated, 4, (first, blocks), out) };
    let depth = x.len();
    let mut job = Connect {
        block,
        x: x.as_ptr(),
        fours: depth / 4,
        rest: depth % 4,
        both: both(filters.offset),
        // SAFETY: the caller says that the unit has weights.
        weights: unsafe { filters.weights.as_ptr().add(first * depth) },
        depth,
        three: 3 * depth,
    };
    // SAFETY: the job's pointers are those of what the caller says there is.
    unsafe { run_connect(&mut job) }
}

/// Products of four elements, in `r10` and `r11`, with the weights in `r8`, to a sum. Uses `r9`.
macro_rules! four_elements {
    ($sum:literal) => {
        concat!(
            "sxtb16 r9, r8\n",
            "sxtb16 r8, r8, ror #8\n",
            "smlad ",
            $sum,
            ", r10, r9, ",
            $sum,
            "\n",
            "smlad ",
            $sum,
            ", r11, r8, ",
            $sum,
            "\n",
        )
    };
}

/// Four elements of four units: the weights of the first from `r1` on, the others' `lr` bytes from one to the next.
macro_rules! four_units {
    () => {
        concat!(
            "ldr r8, [r0], #4
            sxtab16 r10, r2, r8
            sxtab16 r11, r2, r8, ror #8
            ldr r8, [r1, lr]\n",
            four_elements!("r5"),
            "ldr r8, [r1, lr, lsl #1]\n",
            four_elements!("r6"),
            "ldr r8, [r1, r12]\n",
            four_elements!("r7"),
            "ldr r8, [r1], #4\n",
            four_elements!("r4"),
        )
    };
}

#[inline(never)]
unsafe fn run_connect(job: *mut Connect) {
    run!(
        job,
        "ldr r1, [r0, #60]",
        // Four units; r1 is where the weights of the first start.
        "7:",
        "ldr r12, [sp]",
        load_bias!(),
        "ldrd r0, r3, [r12, #44]",
        "ldr r2, [r12, #56]",
        "ldrd lr, r12, [r12, #64]",
        // Fours of elements: one first where their number is odd.
        "lsrs r3, r3, #1",
        "bcc 2f",
        four_units!(),
        "2:",
        "cmp r3, #0",
        "beq 4f",
        "3:",
        four_units!(),
        four_units!(),
        "subs r3, r3, #1",
        "bne 3b",
        // The elements left.
        "4:",
        "ldr r3, [sp]",
        "ldr r3, [r3, #52]",
        "cbz r3, 6f",
        "5:",
        "ldrsb r8, [r0], #1",
        "add r8, r8, r2",
        "ldrsb r9, [r1, lr]",
        "smlabb r5, r8, r9, r5",
        "ldrsb r9, [r1, lr, lsl #1]",
        "smlabb r6, r8, r9, r6",
        "ldrsb r9, [r1, r12]",
        "smlabb r7, r8, r9, r7",
        "ldrsb r9, [r1], #1",
        "smlabb r4, r8, r9, r4",
        "subs r3, r3, #1",
        "bne 5b",
        // The weights of the next four.
        "6:",
        "add r3, r1, r12",
        "ldr r12, [sp]",
        "str r3, [r12, #60]",
        finish_four!(),
        "ldr r1, [r12, #60]",
        "bne 7b",
    );
}
