//! The instructions of Cortex-M4, M7 and M33 that work on both halves of a word (DSP extension of Armv7E-M and
//! Armv8-M). Stable Rust has no intrinsics for them.

use core::arch::asm;

/// Bytes 0 and 2 of `x`, with their signs, each plus the half of `to` in its place.
#[inline(always)]
pub(crate) fn extend_even(to: u32, x: u32) -> u32 {
    let result: u32;
    // SAFETY: the instruction is there (`sedge_dsp`); it reads and writes registers only, and no flags.
    unsafe {
        asm!("sxtab16 {}, {}, {}", lateout(reg) result, in(reg) to, in(reg) x,
            options(pure, nomem, nostack, preserves_flags));
    }
    result
}

/// Bytes 1 and 3 of `x`, with their signs, each plus the half of `to` in its place.
#[inline(always)]
pub(crate) fn extend_odd(to: u32, x: u32) -> u32 {
    let result: u32;
    // SAFETY: as in `extend_even`.
    unsafe {
        asm!("sxtab16 {}, {}, {}, ror #8", lateout(reg) result, in(reg) to, in(reg) x,
            options(pure, nomem, nostack, preserves_flags));
    }
    result
}

/// Bytes 0 and 2 of `x`, with their signs, each in a half.
#[inline(always)]
pub(crate) fn even(x: u32) -> u32 {
    let result: u32;
    // SAFETY: as in `extend_even`.
    unsafe {
        asm!("sxtb16 {}, {}", lateout(reg) result, in(reg) x, options(pure, nomem, nostack, preserves_flags));
    }
    result
}

/// Bytes 1 and 3 of `x`, with their signs, each in a half.
#[inline(always)]
pub(crate) fn odd(x: u32) -> u32 {
    let result: u32;
    // SAFETY: as in `extend_even`.
    unsafe {
        asm!("sxtb16 {}, {}, ror #8", lateout(reg) result, in(reg) x, options(pure, nomem, nostack, preserves_flags));
    }
    result
}

/// `sum + a.low * b.low + a.high * b.high`, wrapping.
#[inline(always)]
pub(crate) fn add_both(sum: i32, a: u32, b: u32) -> i32 {
    let result: i32;
    // SAFETY: the instruction is there (`sedge_dsp`); it reads and writes registers, and the flag of saturation, which
    // is not said to be kept.
    unsafe {
        asm!("smlad {0}, {1}, {2}, {0}", inlateout(reg) sum => result, in(reg) a, in(reg) b,
            options(pure, nomem, nostack));
    }
    result
}

/// `sum + a.low * b.low`, wrapping.
#[inline(always)]
pub(crate) fn add_low(sum: i32, a: u32, b: u32) -> i32 {
    let result: i32;
    // SAFETY: as in `add_both`.
    unsafe {
        asm!("smlabb {0}, {1}, {2}, {0}", inlateout(reg) sum => result, in(reg) a, in(reg) b,
            options(pure, nomem, nostack));
    }
    result
}

/// `sum + a.high * b.high`, wrapping.
#[inline(always)]
pub(crate) fn add_high(sum: i32, a: u32, b: u32) -> i32 {
    let result: i32;
    // SAFETY: as in `add_both`.
    unsafe {
        asm!("smlatt {0}, {1}, {2}, {0}", inlateout(reg) sum => result, in(reg) a, in(reg) b,
            options(pure, nomem, nostack));
    }
    result
}
