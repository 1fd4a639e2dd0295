//! Integer element types of quantized tensors.

use crate::element::Element;

/// An integer type of up to 32 bits that holds quantized values.
pub(crate) trait Integer: Element + Into<i32> + PartialOrd {
    /// The smallest value.
    const LOWEST: i32;
    /// The largest value.
    const HIGHEST: i32;

    /// The low bits of `x`, which fits.
    fn narrow(x: i32) -> Self;

    /// The value of this type nearest to `x`.
    #[inline(always)]
    fn saturate(x: i32) -> Self {
        Self::narrow(x.max(Self::LOWEST).min(Self::HIGHEST))
    }
}

macro_rules! integers {
    ($($t:ty),*) => {$(
        impl Integer for $t {
            const LOWEST: i32 = <$t>::MIN as i32;
            const HIGHEST: i32 = <$t>::MAX as i32;

            #[inline(always)]
            fn narrow(x: i32) -> Self {
                x as $t
            }
        }
    )*};
}
integers!(i8, u8, i16, i32);
