//! Sums of two tensors.

use super::scaled;

/// Two operands of a sum and what becomes of it: both are shifted left by 20 bits and scaled to a common scale, their sum to the
/// output's; each scaling rounds twice, as [`Filters`](super::Filters) tells.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Addends {
    /// Added to the operands: their negative zero points.
    pub offsets: [i32; 2],
    /// Their multipliers.
    pub q: [i32; 2],
    /// The sum's multiplier.
    pub output_q: i32,
    /// The zero point of outputs.
    pub zero: i32,
    /// By how many bits products are shifted to the right: both operands', from 0 to 30, and the sum's.
    pub right: [i32; 3],
    /// The largest and the least output.
    pub limits: [i32; 2],
}

/// How far operands are shifted left.
const LEFT: u32 = 20;

impl Addends {
    /// The output for two elements.
    #[inline(always)]
    pub fn sum(&self, a: i8, b: i8) -> i8 {
        let operand = |x: i8, offset: i32, q: i32, right: i32| {
            scaled((i32::from(x) + offset) << LEFT, q, right as u32, 0)
        };
        let ([first, second], [q, r], [right, other, output_right]) = (self.offsets, self.q, self.right);
        let sum = operand(a, first, q, right).wrapping_add(operand(b, second, r, other));
        let output = scaled(sum, self.output_q, output_right as u32, 0).wrapping_add(self.zero);
        let [max, min] = self.limits;
        output.min(max).max(min) as i8
    }

    /// The outputs for as many elements as all have.
    #[inline]
    pub fn sums(&self, a: &[i8], b: &[i8], out: &mut [i8]) {
        #[cfg(sedge_mve)]
        {
            let count = a.len().min(b.len()).min(out.len());
            // SAFETY: all have `count` elements.
            unsafe { crate::mve::add(self, [a.as_ptr(), b.as_ptr()], count, out.as_mut_ptr()) };
        }
        #[cfg(not(sedge_mve))]
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = self.sum(a, b);
        }
    }

    /// The outputs over the first operand or, where `is_second`, over the second.
    #[inline]
    pub fn sums_over(&self, out: &mut [i8], other: &[i8], is_second: bool) {
        #[cfg(sedge_mve)]
        {
            let (count, to) = (out.len().min(other.len()), out.as_mut_ptr());
            let operands = if is_second { [other.as_ptr(), to] } else { [to, other.as_ptr()] };
            // SAFETY: both have `count` elements.
            unsafe { crate::mve::add(self, operands, count, to) };
        }
        #[cfg(not(sedge_mve))]
        for (out, &other) in out.iter_mut().zip(other) {
            *out = if is_second { self.sum(other, *out) } else { self.sum(*out, other) };
        }
    }
}
