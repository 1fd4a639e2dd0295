//! The instructions of Cortex-M4, M7 and M33 that work on both halves of a word (DSP extension of Armv7E-M and
//! Armv8-M). Stable Rust has no intrinsics for them.

use core::arch::asm;

/// Functions of one instruction, which writes `result`.
macro_rules! instructions {
    ($($(#[doc = $doc:literal])* $name:ident($($in:ident: $type:ty),*) -> $result:ty = $text:literal;)*) => {$(
        $(#[doc = $doc])*
        #[inline(always)]
        pub(crate) fn $name($($in: $type),*) -> $result {
            let result: $result;
            // SAFETY: the instruction is there (`sedge_dsp`). It reads and writes registers, and at most the flag of
            // saturation, which is not said to be kept.
            unsafe {
                asm!($text, result = lateout(reg) result, $($in = in(reg) $in,)* options(pure, nomem, nostack));
            }
            result
        }
    )*};
}

instructions! {
    /// Bytes 0 and 2 of `x`, with their signs, each plus the half of `to` in its place.
    extend_even(to: u32, x: u32) -> u32 = "sxtab16 {result}, {to}, {x}";
    /// Bytes 1 and 3 of `x`, with their signs, each plus the half of `to` in its place.
    extend_odd(to: u32, x: u32) -> u32 = "sxtab16 {result}, {to}, {x}, ror #8";
    /// Bytes 0 and 2 of `x`, with their signs, each in a half.
    even(x: u32) -> u32 = "sxtb16 {result}, {x}";
    /// Bytes 1 and 3 of `x`, with their signs, each in a half.
    odd(x: u32) -> u32 = "sxtb16 {result}, {x}, ror #8";
    /// `sum + a.low * b.low + a.high * b.high`, wrapping.
    add_both(sum: i32, a: u32, b: u32) -> i32 = "smlad {result}, {a}, {b}, {sum}";
    /// `sum + a.low * b.low`, wrapping.
    add_low(sum: i32, a: u32, b: u32) -> i32 = "smlabb {result}, {a}, {b}, {sum}";
    /// `sum + a.high * b.high`, wrapping.
    add_high(sum: i32, a: u32, b: u32) -> i32 = "smlatt {result}, {a}, {b}, {sum}";
}

/// `sums` of the products of two rows `x`, in the order of [`widen`](crate::small::widen), with two rows `w`: of `x[0]` with
/// `w[0]` and `w[1]`, then of `x[1]`. In one piece, because the compiler runs out of registers where it is left to it.
///
/// # Safety
/// `4 * words` elements of each row must be there.
#[inline(always)]
pub(crate) unsafe fn two_by_two(
    x: [*const i16; 2],
    w: [*const i8; 2],
    words: usize,
    sums: [i32; 4],
) -> [i32; 4] {
    let [mut a, mut b, mut c, mut d] = sums;
    if words == 0 {
        return sums;
    }
    // SAFETY: the instructions are there (`sedge_dsp`). Each round reads four elements of each row, which the caller says
    // there are; the loads need no alignment. Nothing is written but registers and flags.
    unsafe {
        asm!(
            "2:",
            "ldr {s}, [{w0}]",
            "sxtb16 {s}, {s}",
            "ldr {t}, [{w1}]",
            "sxtb16 {t}, {t}",
            "ldr {u}, [{x0}], #4",
            "smlad {a}, {u}, {s}, {a}",
            "smlad {b}, {u}, {t}, {b}",
            "ldr {u}, [{x1}], #4",
            "smlad {c}, {u}, {s}, {c}",
            "smlad {d}, {u}, {t}, {d}",
            "ldr {s}, [{w0}], #4",
            "sxtb16 {s}, {s}, ror #8",
            "ldr {t}, [{w1}], #4",
            "sxtb16 {t}, {t}, ror #8",
            "ldr {u}, [{x0}], #4",
            "smlad {a}, {u}, {s}, {a}",
            "smlad {b}, {u}, {t}, {b}",
            "ldr {u}, [{x1}], #4",
            "smlad {c}, {u}, {s}, {c}",
            "smlad {d}, {u}, {t}, {d}",
            "subs {n}, {n}, #1",
            "bne 2b",
            a = inout(reg) a, b = inout(reg) b, c = inout(reg) c, d = inout(reg) d,
            x0 = inout(reg) x[0] => _, x1 = inout(reg) x[1] => _,
            w0 = inout(reg) w[0] => _, w1 = inout(reg) w[1] => _,
            n = inout(reg) words => _,
            s = out(reg) _, t = out(reg) _, u = out(reg) _,
            options(pure, readonly, nostack)
        );
    }
    [a, b, c, d]
}
