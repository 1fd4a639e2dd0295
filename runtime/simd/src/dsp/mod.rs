//! The sums of [`small`](crate::small) by the instructions of Cortex-M4, M7 and M33 that work on both halves of a word (DSP
//! extension of Armv7E-M and Armv8-M): two products each.
//!
//! Stable Rust has no intrinsics for them, and the compiler runs out of registers where it is left with such loops; so each
//! function is written whole. It finds what it needs in a job in memory, in which it also counts.
//!
//! In all of them `r4` to `r7` are four sums, `[sp]` holds the job, and `r12` the job's address between loops.

use crate::small::Filters;

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
#[rustfmt::skip]
macro_rules! output {
    ($sum:literal, $q:literal, $right:literal, $half:literal) => {
        concat!(
            "lsl ", $sum, ", ", $sum, ", #1\n",
            "smmulr ", $sum, ", ", $sum, ", ", $q, "\n",
            "add ", $half, ", ", $half, ", ", $sum, ", lsl #1\n",
            "add ", $half, ", ", $half, ", ", $sum, ", asr #31\n",
            "asr ", $half, ", ", $half, ", ", $right, "\n",
            "ssat ", $sum, ", #8, ", $half, ", asr #1\n",
        )
    };
}

/// Four outputs, the lowest bytes of `r4` to `r7`, to one word in `r4`, between the least and the largest. Uses `r0` to `r2`.
#[rustfmt::skip]
macro_rules! pack {
    ($first:literal, $second:literal, $third:literal, $fourth:literal) => {
        concat!(
            "bfi ", $first, ", ", $second, ", #8, #8\n",
            "bfi ", $third, ", ", $fourth, ", #8, #8\n",
            "pkhbt r4, ", $first, ", ", $third, ", lsl #16\n",
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

/// Runs these instructions on a job, whose address is in `r0` and at `[sp]`; the word at `[sp, #4]` is free.
macro_rules! run {
    ($job:ident, $($line:tt)*) => {
        // SAFETY: all that is read and written lies where the job's pointers say, which the caller vouches for. Registers
        // that are no operands, and the stack, are as before at the end.
        unsafe {
            core::arch::asm!(
                "push {{r0, r1, r4, r5, r6, r7, r8, r9, r10, r11}}",
                $($line)*
                "pop {{r0, r1, r4, r5, r6, r7, r8, r9, r10, r11}}",
                inout("r0") $job => _,
                out("r1") _,
                out("r2") _,
                out("r3") _,
                out("r12") _,
                out("lr") _,
            );
        }
    };
}

// The modules use the macros above.
mod connect;
mod convolve;
mod depthwise;

pub(crate) use connect::connect;
pub(crate) use convolve::{convolve, widen};
pub(crate) use depthwise::depthwise;
