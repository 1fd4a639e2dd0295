//! Depthwise convolutions.

use core::arch::asm;
use core::mem::MaybeUninit;

use super::{BLOCK, finish};
use crate::small::{Filters, Taps};

/// The outputs of `channels` channels at `positions` positions, `step` elements of the image after one another.
///
/// # Safety
/// The filters' constants, and the elements and weights of all cells, of which there is one at least, and places for the outputs at
/// all positions must be there.
pub(crate) unsafe fn depthwise(
    filters: &Filters<'_>,
    x: *const i8,
    taps: &Taps,
    (channels, step, positions): (usize, usize, usize),
    out: *mut i8,
) {
    let Taps { rows, columns, image: [image_row, image_column], weights: [weights_row, weights_column] } =
        *taps;
    let cells = Cells {
        rows,
        columns,
        image_row: image_row.wrapping_sub(columns.wrapping_mul(image_column)),
        weights_row: weights_row.wrapping_sub(columns.wrapping_mul(weights_column)),
        image_column,
        weights_column,
        offset: filters.offset,
    };
    let mut sums = MaybeUninit::<[i32; BLOCK]>::uninit();
    let sums = sums.as_mut_ptr().cast::<i32>();
    for first in (0..channels).step_by(BLOCK) {
        let block = (channels - first).min(BLOCK);
        let (blocks, rest) = (block / 8, block % 8);
        let w = filters.weights.as_ptr().wrapping_add(first);
        for position in 0..positions {
            let (x, out) = (x.wrapping_add(first + position * step), out.wrapping_add(position * channels));
            if blocks > 0 {
                // SAFETY: the caller says that the channels are there; there is room for `BLOCK` sums.
                unsafe { blocks_of_channels(&cells, x, w, blocks, sums) };
            }
            if rest > 0 {
                let (x, w, sums) =
                    (x.wrapping_add(8 * blocks), w.wrapping_add(8 * blocks), sums.wrapping_add(8 * blocks));
                // SAFETY: as above.
                unsafe { last_channels(&cells, x, w, rest, sums) };
            }
            // SAFETY: the caller says that the constants and the places are there; the sums of the block have been written.
            unsafe { finish(filters, sums, (first, block), out) };
        }
    }
}

/// The cells of a depthwise convolution's window, as the loops over them read them.
#[repr(C)]
struct Cells {
    /// 0, 4
    rows: usize,
    columns: usize,
    /// 8, 12: bytes of the image and of the weights from the end of a row of cells to the next one.
    image_row: usize,
    weights_row: usize,
    /// 16, 20: bytes from a cell to the next.
    image_column: usize,
    weights_column: usize,
    /// 24
    offset: i32,
}

/// Adds the products of eight channels in a cell, whose elements are in `q0` and weights in `q1`, to the sums in `q3`, of channels 0, 2,
/// 4 and 6, and `q4`, and goes on to the next cell. Uses `q2`.
macro_rules! products {
    () => {
        "add r0, r0, {image}
        add r1, r1, {weights}
        vadd.i16 q0, q0, {offset}
        vmullb.s16 q2, q0, q1
        vadd.i32 q3, q3, q2
        vmullt.s16 q2, q0, q1
        vadd.i32 q4, q4, q2"
    };
}

/// The sums of `blocks` times eight channels, which are not 0, over all cells.
///
/// # Safety
/// The elements and weights of all cells, of which there is one at least, must be there for these channels, and room for their sums.
#[inline(always)]
unsafe fn blocks_of_channels(cells: &Cells, x: *const i8, w: *const i8, blocks: usize, sums: *mut i32) {
    // SAFETY: the caller says that the elements and the room are there. The stack is as before at the end.
    unsafe {
        asm!(
            "push {{r0, r1}}",
            "2:",
            "ldrd r0, r1, [sp]",
            "add r2, r0, #8",
            "add r3, r1, #8",
            "strd r2, r3, [sp]",
            "ldr r2, [{cells}]",
            "vmov.i32 q3, #0",
            "vmov.i32 q4, #0",
            "3:",
            "ldr lr, [{cells}, #4]",
            "dls lr, lr",
            "4:",
            "vldrb.s16 q0, [r0]",
            "vldrb.s16 q1, [r1]",
            products!(),
            "le lr, 4b",
            "ldrd r3, lr, [{cells}, #8]",
            "add r0, r0, r3",
            "add r1, r1, lr",
            "subs r2, r2, #1",
            "bne 3b",
            "vst20.32 {{q3, q4}}, [{sums}]",
            "vst21.32 {{q3, q4}}, [{sums}]!",
            "subs {blocks}, {blocks}, #1",
            "bne 2b",
            "add sp, sp, #8",
            cells = in(reg) cells,
            inout("r0") x => _,
            inout("r1") w => _,
            out("r2") _,
            out("r3") _,
            blocks = inout(reg) blocks => _,
            image = in(reg) cells.image_column,
            weights = in(reg) cells.weights_column,
            offset = in(reg) cells.offset,
            sums = inout(reg) sums => _,
            out("lr") _, out("q0") _, out("q1") _, out("q2") _, out("q3") _, out("q4") _,
        );
    }
}

/// The sums of the last channels, fewer than eight, over all cells.
///
/// # Safety
/// The elements and weights of all cells, of which there is one at least, must be there for `channels` channels, and room for eight
/// sums; what lies behind the channels is not read, and their sums are of no use.
#[inline(always)]
unsafe fn last_channels(cells: &Cells, x: *const i8, w: *const i8, channels: usize, sums: *mut i32) {
    // SAFETY: the caller says that the elements are there; `vctp` leaves out the channels that are not. Eight sums have room.
    unsafe {
        asm!(
            "vmov.i32 q3, #0",
            "vmov.i32 q4, #0",
            "vctp.16 {rows}",
            "ldr {rows}, [{cells}]",
            "2:",
            "ldr lr, [{cells}, #4]",
            "dls lr, lr",
            "3:",
            "vpstt",
            "vldrbt.s16 q0, [r0]",
            "vldrbt.s16 q1, [r1]",
            products!(),
            "le lr, 3b",
            "ldr lr, [{cells}, #8]",
            "add r0, r0, lr",
            "ldr lr, [{cells}, #12]",
            "add r1, r1, lr",
            "subs {rows}, {rows}, #1",
            "bne 2b",
            "vst20.32 {{q3, q4}}, [{sums}]",
            "vst21.32 {{q3, q4}}, [{sums}]",
            cells = in(reg) cells,
            inout("r0") x => _,
            inout("r1") w => _,
            rows = inout(reg) channels => _,
            image = in(reg) cells.image_column,
            weights = in(reg) cells.weights_column,
            offset = in(reg) cells.offset,
            sums = in(reg) sums,
            out("lr") _, out("q0") _, out("q1") _, out("q2") _, out("q3") _, out("q4") _,
            options(nostack)
        );
    }
}
