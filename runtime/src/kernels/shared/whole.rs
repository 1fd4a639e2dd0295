//! Divisions of whole numbers that round towards minus infinity, and bits.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{Refusal, TensorType};

use super::INPUT;
use super::binary::{Broadcast, SECOND, common_type, no_scales};
use crate::element::Element;
use crate::node::{Invoke, Prepare};

/// A type of whole numbers.
pub(crate) trait Whole: Element + PartialEq {
    /// 0.
    const ZERO: Self;

    /// `floor(self / divisor)`, wrapping; 0 for the divisor 0.
    fn floor_div(self, divisor: Self) -> Self;

    /// `self - divisor * floor(self / divisor)`; 0 for the divisor 0.
    fn floor_mod(self, divisor: Self) -> Self;

    /// `self ^ other`.
    fn xor(self, other: Self) -> Self;

    /// `self >> count`, the count clamped to `0..bits`.
    fn shift_right(self, count: Self) -> Self;
}

macro_rules! whole {
    ($($t:ty),*) => {$(
        impl Whole for $t {
            const ZERO: Self = 0;

            #[inline(always)]
            #[allow(unused_comparisons, reason = "some of the types have no sign")]
            fn floor_div(self, divisor: Self) -> Self {
                if divisor == 0 {
                    return 0;
                }
                let down = self.wrapping_rem(divisor) != 0 && (self < 0) != (divisor < 0);
                self.wrapping_div(divisor).wrapping_sub(<$t>::from(down))
            }

            #[inline(always)]
            #[allow(unused_comparisons, reason = "some of the types have no sign")]
            fn floor_mod(self, divisor: Self) -> Self {
                if divisor == 0 {
                    return 0;
                }
                let rest = self.wrapping_rem(divisor);
                if rest != 0 && (rest < 0) != (divisor < 0) { rest.wrapping_add(divisor) } else { rest }
            }

            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                self ^ other
            }

            #[inline(always)]
            #[allow(unused_comparisons, reason = "some of the types have no sign")]
            fn shift_right(self, count: Self) -> Self {
                let most = <$t>::BITS - 1;
                let count = if count < 0 { 0 } else { u32::try_from(count).unwrap_or(most).min(most) };
                self.wrapping_shr(count)
            }
        }
    )*};
}
whole!(i8, u8, i16, u16, i32, u32, i64);

/// An element-wise operator of two tensors, by its plan.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Data {
    pub(crate) plan: Broadcast,
    /// The element type's code.
    kind: i32,
}

impl Data {
    pub(crate) fn kind(&self) -> Option<TensorType> {
        TensorType::from_code(self.kind as i8)
    }
}

/// Prepares an operator on numbers as they are, of one of these types.
pub(crate) fn prepare(node: &mut Prepare<'_>, allowed: &[TensorType]) -> Result<(), Refusal> {
    let kind = common_type(node)?;
    node.type_in(INPUT, allowed)?;
    if kind != TensorType::Float32 {
        no_scales(node)?;
    }
    let plan = Broadcast::prepare(node)?;
    node.set_data(Data { plan, kind: kind.code().into() })
}

/// Prepares an operator on bits.
pub(crate) fn prepare_bits(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Int8, Int16, Int32, UInt8, UInt16, UInt32};
    prepare(node, &[Int8, UInt8, Int16, UInt16, Int32, UInt32])
}

/// Runs an operator on bits: a method of [`Whole`].
macro_rules! bits {
    ($node:ident, $method:ident) => {{
        use sedge_schema::TensorType as T;
        let data = *$node.data::<whole::Data>()?;
        match data.kind() {
            Some(T::Int8) => data.plan.run($node, <i8 as Whole>::$method),
            Some(T::UInt8) => data.plan.run($node, <u8 as Whole>::$method),
            Some(T::Int16) => data.plan.run($node, <i16 as Whole>::$method),
            Some(T::UInt16) => data.plan.run($node, <u16 as Whole>::$method),
            Some(T::Int32) => data.plan.run($node, <i32 as Whole>::$method),
            _ => data.plan.run($node, <u32 as Whole>::$method),
        }
    }};
}
pub(crate) use bits;

/// Runs `f`, which divides by the second operand.
///
/// # Errors
/// Where a divisor is 0.
pub(crate) fn divide<T: Whole>(
    plan: &Broadcast,
    node: &mut Invoke<'_>,
    f: impl Fn(T, T) -> T,
) -> Result<(), Refusal> {
    if node.input::<T>(1)?.contains(&T::ZERO) {
        return Err(Refusal::Value(SECOND));
    }
    plan.run(node, f)
}

#[cfg(test)]
mod tests {
    use super::Whole as _;

    #[test]
    fn quotients_round_down() {
        assert_eq!((7i32.floor_div(2), (-7i32).floor_div(2), 7i32.floor_div(-2)), (3, -4, -4));
        assert_eq!((7i32.floor_mod(3), (-7i32).floor_mod(3), 7i32.floor_mod(-3)), (1, 2, -2));
        assert_eq!((i8::MIN.floor_div(-1), i8::MIN.floor_mod(-1), 5i8.floor_div(0)), (i8::MIN, 0, 0));
        assert_eq!((i64::MIN.floor_mod(i64::MAX), 200u8.floor_div(7)), (i64::MAX - 1, 28));
    }

    #[test]
    fn shifts_keep_the_sign() {
        assert_eq!(((-5i8).shift_right(1), (-5i8).shift_right(100), 5i8.shift_right(-3)), (-3, -1, 5));
        assert_eq!((u32::MAX.shift_right(31), u16::MAX.shift_right(40)), (1, 1));
    }
}
