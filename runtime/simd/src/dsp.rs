//! The sums of [`small`](crate::small) by the instructions of Cortex-M4, M7 and M33 that work on both halves of a word (DSP
//! extension of Armv7E-M and Armv8-M): two products each.
//!
//! Stable Rust has no intrinsics for them, and the compiler runs out of registers where it is left with such loops; so each
//! function is written whole. It finds what it needs in a job in memory, in which it also counts.
//!
//! In all of them `r4` to `r7` are four sums, `[sp]` holds the job, and `r12` the job's address between loops.

use core::arch::asm;

use crate::small::{Filters, Taps};

/// What all jobs start with: the constants of the filters of the next block, and where its outputs go.
#[repr(C)]
struct Block {
    /// 0, 4: what sums start from; bytes to the next block.
    bias: *const i32,
    bias_step: usize,
    /// 8, 12: multipliers and shifts.
    q: *const i32,
    shift: *const i8,
    /// 16, 20: bytes to the next block.
    q_step: usize,
    shift_step: usize,
    /// 24: twice the zero point and one, which is a half.
    half: i32,
    /// 28, 32: the least and the largest output, four times each.
    min: u32,
    max: u32,
    /// 36: where the outputs go.
    out: *mut i8,
    /// 40: blocks that are left.
    blocks: usize,
}

/// Constants for four filters, where the layer has one for all.
struct Repeated {
    bias: [i32; 4],
    q: [i32; 4],
    shift: [i8; 4],
}

impl Repeated {
    fn of(filters: &Filters<'_>) -> Self {
        let q = filters.q.first().copied().unwrap_or(0);
        let shift = filters.shift.first().copied().unwrap_or(0);
        Self { bias: [0; 4], q: [q; 4], shift: [shift; 4] }
    }
}

impl Block {
    /// Blocks of `size` filters from filter `first` on; the constants of `repeated` must outlive them.
    ///
    /// # Safety
    /// The filters' constants must be there for `first` and those behind it.
    unsafe fn of(
        filters: &Filters<'_>,
        repeated: &Repeated,
        size: usize,
        (first, blocks): (usize, usize),
        out: *mut i8,
    ) -> Self {
        let [min, max] = filters.range.map(|x| u32::from(x as u8) * 0x0101_0101);
        let (mut bias, mut bias_step) = (repeated.bias.as_ptr(), 0);
        if !filters.bias.is_empty() {
            // SAFETY: the caller says that there is one for `first`.
            (bias, bias_step) = (unsafe { filters.bias.as_ptr().add(first) }, size * size_of::<i32>());
        }
        let (mut q, mut q_step) = (repeated.q.as_ptr(), 0);
        if filters.q.len() > 1 {
            // SAFETY: as above.
            (q, q_step) = (unsafe { filters.q.as_ptr().add(first) }, size * size_of::<i32>());
        }
        let (mut shift, mut shift_step) = (repeated.shift.as_ptr(), 0);
        if filters.shift.len() > 1 {
            // SAFETY: as above.
            (shift, shift_step) = (unsafe { filters.shift.as_ptr().add(first) }, size);
        }
        let half = 2 * i32::from(filters.zero) + 1;
        // SAFETY: the caller says that there is a place for `first`.
        let out = unsafe { out.add(first) };
        Self { bias, bias_step, q, shift, q_step, shift_step, half, min, max, out, blocks }
    }
}

/// A number in both halves of a word.
fn both(x: i32) -> u32 {
    let half = x as u32 & 0xffff;
    half << 16 | half
}

/// Loads what four sums start from, and moves on to the next block. Uses `r8`, `r9`.
macro_rules! load_bias {
    () => {
        "ldrd r8, r9, [r12, #0]
        ldm r8, {{r4, r5, r6, r7}}
        add r8, r8, r9
        str r8, [r12, #0]"
    };
}

/// Sum to output: `$sum` times `$q`, shifted right by `$right`; `$half` is the half of it with the zero point, and is lost.
/// Saturated to 8 bits, with the sign.
macro_rules! output {
    ($sum:literal, $q:literal, $right:literal, $half:literal) => {
        concat!(
            "lsl ",
            $sum,
            ", ",
            $sum,
            ", #1\n",
            "smmulr ",
            $sum,
            ", ",
            $sum,
            ", ",
            $q,
            "\n",
            "add ",
            $half,
            ", ",
            $half,
            ", ",
            $sum,
            ", lsl #1\n",
            "add ",
            $half,
            ", ",
            $half,
            ", ",
            $sum,
            ", asr #31\n",
            "asr ",
            $half,
            ", ",
            $half,
            ", ",
            $right,
            "\n",
            "ssat ",
            $sum,
            ", #8, ",
            $half,
            ", asr #1\n",
        )
    };
}

/// Four outputs, the lowest bytes of `r4` to `r7`, to one word in `r4`, between the least and the largest. Uses `r0` to `r2`.
macro_rules! pack {
    ($first:literal, $second:literal, $third:literal, $fourth:literal) => {
        concat!(
            "bfi ",
            $first,
            ", ",
            $second,
            ", #8, #8\n",
            "bfi ",
            $third,
            ", ",
            $fourth,
            ", #8, #8\n",
            "pkhbt r4, ",
            $first,
            ", ",
            $third,
            ", lsl #16\n",
            "ldrd r0, r1, [r12, #28]\n",
            "ssub8 r2, r4, r0\n",
            "sel r4, r4, r0\n",
            "ssub8 r2, r1, r4\n",
            "sel r4, r4, r1\n",
        )
    };
}

/// The outputs of four filters from their sums, stored; the flags tell whether blocks are left.
macro_rules! finish_four {
    () => {
        concat!(
            "ldrd r8, r9, [r12, #8]
            ldm r8, {{r0, r1, r2, r3}}
            ldr r10, [r9]
            ldrd r11, lr, [r12, #16]
            add r8, r8, r11
            add r9, r9, lr
            strd r8, r9, [r12, #8]
            mov r8, #0
            usub8 r9, r8, r10
            ldr r11, [r12, #24]
            uxtb r10, r9
            lsl lr, r11, r10\n",
            output!("r4", "r0", "r10", "lr"),
            "uxtb r10, r9, ror #8
            lsl lr, r11, r10\n",
            output!("r5", "r1", "r10", "lr"),
            "uxtb r10, r9, ror #16
            lsl lr, r11, r10\n",
            output!("r6", "r2", "r10", "lr"),
            "uxtb r10, r9, ror #24
            lsl lr, r11, r10\n",
            output!("r7", "r3", "r10", "lr"),
            pack!("r4", "r5", "r6", "r7"),
            "ldrd r8, r9, [r12, #36]
            str r4, [r8], #4
            subs r9, r9, #1
            strd r8, r9, [r12, #36]\n",
        )
    };
}

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
    // SAFETY: all that is read and written lies where the job's pointers say, which the caller vouches for. Registers that
    // are no operands, and the stack, are as before at the end.
    unsafe {
        asm!(
            "push {{r0, r4, r5, r6, r7, r8, r9, r10, r11}}",
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
            "pop {{r0, r4, r5, r6, r7, r8, r9, r10, r11}}",
            inout("r0") job => _,
            out("r1") _,
            out("r2") _,
            out("r3") _,
            out("r12") _,
            out("lr") _,
        );
    }
}

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
    // SAFETY: all that is read and written lies where the job's pointers say, which the caller vouches for. Registers that
    // are no operands, and the stack, are as before at the end.
    unsafe {
        asm!(
            // The second word counts rows.
            "push {{r0, r1, r4, r5, r6, r7, r8, r9, r10, r11}}",
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
            "pop {{r0, r1, r4, r5, r6, r7, r8, r9, r10, r11}}",
            inout("r0") job => _,
            out("r1") _,
            out("r2") _,
            out("r3") _,
            out("r12") _,
            out("lr") _,
        );
    }
}

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
    // SAFETY: all that is read and written lies where the job's pointers say, which the caller vouches for. Registers that
    // are no operands, and the stack, are as before at the end.
    unsafe {
        asm!(
            "push {{r0, r4, r5, r6, r7, r8, r9, r10, r11}}",
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
            "pop {{r0, r4, r5, r6, r7, r8, r9, r10, r11}}",
            inout("r0") job => _,
            out("r1") _,
            out("r2") _,
            out("r3") _,
            out("r12") _,
            out("lr") _,
        );
    }
}
