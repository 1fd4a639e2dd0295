//! Depthwise convolutions.

use super::{Block, Repeated, both};
use crate::small::{Filters, Taps};

/// The job of [`depthwise`].
#[repr(C)]
struct Depthwise {
    block: Block,
    /// 44, 48: the first cell's elements and weights.
    x: *const i8,
    weights: *const i8,
    /// 52, 56: cells.
    rows: usize,
    columns: usize,
    /// 60, 64: bytes from the end of a row of cells to the next one; of three cells, from their start.
    x_row: usize,
    weights_row: usize,
    /// 68, 72: bytes from a cell to the next.
    x_column: usize,
    weights_column: usize,
    /// 76: what is added to each element.
    both: u32,
}

/// The outputs of `blocks` times four channels from `first` on at a position.
///
/// # Safety
/// The filters' constants, the elements of all cells, of which there is one at least, and places for the outputs must be
/// there for these channels.
pub(crate) unsafe fn depthwise(
    filters: &Filters<'_>,
    x: *const i8,
    taps: &Taps,
    (first, blocks): (usize, usize),
    out: *mut i8,
) {
    let repeated = Repeated::of(filters);
    // SAFETY: the caller says that the constants are there.
    let block = unsafe { Block::of(filters, &repeated, 4, (first, blocks), out) };
    let Taps { rows, columns, image: [x_row, x_column], weights: [weights_row, weights_column] } = *taps;
    // In a loop over columns the pointers have moved when a row ends.
    let moved = if columns == 3 { 0 } else { columns };
    let mut job = Depthwise {
        block,
        // SAFETY: the caller says that the first cell has this channel.
        x: unsafe { x.add(first) },
        // SAFETY: as above.
        weights: unsafe { filters.weights.as_ptr().add(first) },
        rows,
        columns,
        x_row: x_row.wrapping_sub(moved.wrapping_mul(x_column)),
        weights_row: weights_row.wrapping_sub(moved.wrapping_mul(weights_column)),
        x_column,
        weights_column,
        both: both(filters.offset),
    };
    // SAFETY: the job's pointers are those of what the caller says there is.
    unsafe { run_depthwise(&mut job) }
}

/// Four products of a cell, whose elements are in `r8`, weights in `r9`. Uses `r10`, `r11`.
macro_rules! four_channels {
    () => {
        "sxtab16 r10, r2, r8
        sxtab16 r8, r2, r8, ror #8
        sxtb16 r11, r9
        sxtb16 r9, r9, ror #8
        smlabb r4, r10, r11, r4
        smlabb r5, r8, r9, r5
        smlatt r6, r10, r11, r6
        smlatt r7, r8, r9, r7"
    };
}

#[inline(never)]
unsafe fn run_depthwise(job: *mut Depthwise) {
    run!(
        job,
        "7:",
        "ldr r12, [sp]",
        load_bias!(),
        "ldrd r0, r1, [r12, #44]",
        "add r2, r0, #4",
        "add r3, r1, #4",
        "strd r2, r3, [r12, #44]",
        "ldr r2, [r12, #76]",
        "ldrd r3, r8, [r12, #52]",
        "ldrd r12, lr, [r12, #68]",
        "cmp r8, #3",
        "beq 4f",
        // Rows of any number of cells.
        "str r3, [sp, #4]",
        "2:",
        "ldr r3, [sp]",
        "ldr r3, [r3, #56]",
        "3:",
        "ldr r8, [r0]",
        "ldr r9, [r1]",
        "add r0, r0, r12",
        "add r1, r1, lr",
        four_channels!(),
        "subs r3, r3, #1",
        "bne 3b",
        "ldr r3, [sp]",
        "ldrd r8, r9, [r3, #60]",
        "add r0, r0, r8",
        "add r1, r1, r9",
        "ldr r3, [sp, #4]",
        "subs r3, r3, #1",
        "str r3, [sp, #4]",
        "bne 2b",
        "b 5f",
        // Rows of three cells.
        "4:",
        "ldr r8, [r0]",
        "ldr r9, [r1]",
        four_channels!(),
        "ldr r8, [r0, r12]",
        "ldr r9, [r1, lr]",
        four_channels!(),
        "ldr r8, [r0, r12, lsl #1]",
        "ldr r9, [r1, lr, lsl #1]",
        four_channels!(),
        "ldr r8, [sp]",
        "ldrd r8, r9, [r8, #60]",
        "add r0, r0, r8",
        "add r1, r1, r9",
        "subs r3, r3, #1",
        "bne 4b",
        "5:",
        "ldr r12, [sp]",
        finish_four!(),
        "bne 7b",
    );
}
