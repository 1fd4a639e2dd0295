//! What levels have in common: parts of their [`Simd`](super::Simd).

/// The parts of [`Simd`] that a level has from the level that it builds on, its field 0: all but the
/// products of groups and of pairs.
#[allow(unused_macros, reason = "not every architecture has levels that build on another")]
macro_rules! inherit {
    ($base:ty) => {
        type I32 = <$base as Simd>::I32;
        type F32 = <$base as Simd>::F32;
        type Pairs = <$base as Simd>::Pairs;

        #[inline(always)]
        fn splat_i32(self, x: i32) -> Self::I32 {
            self.0.splat_i32(x)
        }

        #[inline(always)]
        fn load_i32(self, from: &[i32]) -> Self::I32 {
            self.0.load_i32(from)
        }

        #[inline(always)]
        fn store_i32(self, x: Self::I32, to: &mut [i32]) {
            self.0.store_i32(x, to)
        }

        #[inline(always)]
        fn load_i8(self, from: &[i8]) -> Self::I32 {
            self.0.load_i8(from)
        }

        #[inline(always)]
        fn store_i8(self, x: Self::I32, to: &mut [i8]) {
            self.0.store_i8(x, to)
        }

        #[inline(always)]
        fn store_i16(self, x: Self::I32, to: &mut [i16]) {
            self.0.store_i16(x, to)
        }

        #[inline(always)]
        fn store_clamped<const N: usize, const UNSIGNED: bool>(
            self,
            x: [Self::I32; N],
            zero: i32,
            limits: (i32, i32),
            to: &mut [i8],
        ) {
            self.0.store_clamped::<N, UNSIGNED>(x, zero, limits, to)
        }

        #[inline(always)]
        fn store_clamped_pair<const N: usize, const UNSIGNED: bool>(
            self,
            x: [[Self::I32; N]; 2],
            zero: i32,
            limits: (i32, i32),
            to: [&mut [i8]; 2],
        ) {
            self.0.store_clamped_pair::<N, UNSIGNED>(x, zero, limits, to)
        }

        #[inline(always)]
        fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
            self.0.add_i32(a, b)
        }

        #[inline(always)]
        fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
            self.0.sub_i32(a, b)
        }

        #[inline(always)]
        fn mul_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
            self.0.mul_i32(a, b)
        }

        #[inline(always)]
        fn min_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
            self.0.min_i32(a, b)
        }

        #[inline(always)]
        fn max_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
            self.0.max_i32(a, b)
        }

        #[inline(always)]
        fn shift_left(self, a: Self::I32, count: Self::I32) -> Self::I32 {
            self.0.shift_left(a, count)
        }

        #[inline(always)]
        fn doubling_high_mul(self, a: Self::I32, b: Self::I32) -> Self::I32 {
            self.0.doubling_high_mul(a, b)
        }

        #[inline(always)]
        fn rounding_shift_right(self, a: Self::I32, count: Self::I32) -> Self::I32 {
            self.0.rounding_shift_right(a, count)
        }

        #[inline(always)]
        fn requantize(self, sum: Self::I32, q: Self::I32, right: Self::I32, half: Self::I32) -> Self::I32 {
            self.0.requantize(sum, q, right, half)
        }

        #[inline(always)]
        fn requantize_wide(
            self,
            sum: Self::I32,
            q: Self::I32,
            right: Self::I32,
            half: Self::I32,
        ) -> Self::I32 {
            self.0.requantize_wide(sum, q, right, half)
        }

        #[inline(always)]
        fn requantize_near(self, sum: Self::I32, factor: Self::F32, away: Self::F32) -> Self::I32 {
            self.0.requantize_near(sum, factor, away)
        }

        #[inline(always)]
        fn replace(self, x: Self::I32, equal: (Self::I32, Self::I32), by: Self::I32) -> Self::I32 {
            self.0.replace(x, equal, by)
        }

        #[inline(always)]
        fn widen_pairs(self, from: &[i8]) -> Self::Pairs {
            self.0.widen_pairs(from)
        }

        #[inline(always)]
        fn load_pairs(self, from: &[i16]) -> Self::Pairs {
            self.0.load_pairs(from)
        }

        #[inline(always)]
        fn splat_pair(self, pair: [i16; 2]) -> Self::Pairs {
            self.0.splat_pair(pair)
        }

        #[inline(always)]
        fn to_f32(self, x: Self::I32) -> Self::F32 {
            self.0.to_f32(x)
        }

        #[inline(always)]
        fn round_f32(self, x: Self::F32) -> Self::I32 {
            self.0.round_f32(x)
        }

        #[inline(always)]
        fn nearest_f32(self, x: Self::F32) -> Self::I32 {
            self.0.nearest_f32(x)
        }

        #[inline(always)]
        fn f32_of_bits(self, x: Self::I32) -> Self::F32 {
            self.0.f32_of_bits(x)
        }

        #[inline(always)]
        fn splat_f32(self, x: f32) -> Self::F32 {
            self.0.splat_f32(x)
        }

        #[inline(always)]
        fn load_f32(self, from: &[f32]) -> Self::F32 {
            self.0.load_f32(from)
        }

        #[inline(always)]
        fn store_f32(self, x: Self::F32, to: &mut [f32]) {
            self.0.store_f32(x, to)
        }

        #[inline(always)]
        fn mul_add_f32(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
            self.0.mul_add_f32(a, b, c)
        }

        #[inline(always)]
        fn div_f32(self, a: Self::F32, b: Self::F32) -> Self::F32 {
            self.0.div_f32(a, b)
        }

        #[inline(always)]
        fn min_f32(self, a: Self::F32, b: Self::F32) -> Self::F32 {
            self.0.min_f32(a, b)
        }

        #[inline(always)]
        fn max_f32(self, a: Self::F32, b: Self::F32) -> Self::F32 {
            self.0.max_f32(a, b)
        }
    };
}

#[allow(unused_imports, reason = "not every architecture has levels that build on another")]
pub(crate) use inherit;

/// Of a level without vectors of half as many lanes.
macro_rules! no_half {
    () => {
        type Half = Self;

        #[inline(always)]
        fn half(self) -> Self {
            self
        }
    };
}

pub(crate) use no_half;

/// The groups of a level that multiplies pairs of 16-bit numbers: activations are staged widened.
macro_rules! groups_of_pairs {
    () => {
        const GROUP: usize = 2;
        const OFFSET: i32 = 0;
        type Element = i16;
        type Group = [i16; 2];
        type Groups = Self::Pairs;

        #[inline(always)]
        fn stage(self, from: &[i8], to: &mut [i16]) {
            for (to, &x) in to.iter_mut().zip(from) {
                *to = x.into();
            }
        }

        #[inline(always)]
        fn group(from: &[i16], at: usize) -> Option<[i16; 2]> {
            from.get(at..at + 2)?.first_chunk().copied()
        }

        #[inline(always)]
        fn splat_group(self, group: [i16; 2]) -> Self::Groups {
            self.splat_pair(group)
        }

        #[inline(always)]
        fn load_groups(self, from: &[i8]) -> Self::Groups {
            self.widen_pairs(from)
        }

        #[inline(always)]
        fn weave(self, [a, b, ..]: [&[i8]; MAX_GROUP], to: &mut [i16]) {
            $crate::isa::weave_pairs(a, b, to);
        }

        #[inline(always)]
        fn load_woven(self, from: &[i16]) -> Self::Groups {
            self.load_pairs(from)
        }

        #[inline(always)]
        fn dot(self, sum: Self::I32, activations: Self::Groups, weights: Self::Groups) -> Self::I32 {
            self.dot_pairs(sum, activations, weights)
        }
    };
}

pub(crate) use groups_of_pairs;
