//! The level that every processor has: arrays, which the compiler may vectorise.

use crate::isa::{MAX_GROUP, NEARLY_HALF, Part, Simd, groups_of_pairs, no_half};

/// Lanes of an array; a compiler makes one 128-bit vector of them where there is one.
const LANES: usize = 4;

/// The level that every processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar;

fn load<T: Copy + Default, U: From<T> + Copy + Default>(from: &[T]) -> [U; LANES] {
    let mut out = [U::default(); LANES];
    out.iter_mut().zip(from).for_each(|(to, &x)| *to = x.into());
    out
}

#[inline(always)]
fn zip<T: Copy>(a: [T; LANES], b: [T; LANES], f: impl Fn(T, T) -> T) -> [T; LANES] {
    let mut out = a;
    out.iter_mut().zip(b).for_each(|(x, y)| *x = f(*x, y));
    out
}

impl Simd for Scalar {
    const LANES: usize = LANES;
    const ROWS: usize = 2;
    type I32 = [i32; LANES];
    type F32 = [f32; LANES];
    type Pairs = [[i16; 2]; LANES];

    no_half!();
    groups_of_pairs!();

    #[inline(never)]
    fn apart<P: Part<Self>>(self, part: P) -> P::Output {
        part.run(self)
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> Self::I32 {
        [x; LANES]
    }

    #[inline(always)]
    fn load_i32(self, from: &[i32]) -> Self::I32 {
        load(from)
    }

    #[inline(always)]
    fn store_i32(self, x: Self::I32, to: &mut [i32]) {
        to.iter_mut().zip(x).for_each(|(to, x)| *to = x);
    }

    #[inline(always)]
    fn load_i8(self, from: &[i8]) -> Self::I32 {
        load(from)
    }

    #[inline(always)]
    fn store_i8(self, x: Self::I32, to: &mut [i8]) {
        to.iter_mut().zip(x).for_each(|(to, x)| *to = x as i8);
    }

    #[inline(always)]
    fn store_i16(self, x: Self::I32, to: &mut [i16]) {
        to.iter_mut().zip(x).for_each(|(to, x)| *to = x as i16);
    }

    #[inline(always)]
    fn store_clamped<const N: usize, const UNSIGNED: bool>(
        self,
        x: [Self::I32; N],
        zero: i32,
        (min, max): (i32, i32),
        to: &mut [i8],
    ) {
        for (x, to) in x.as_flattened().iter().zip(to) {
            *to = x.wrapping_add(zero).max(min).min(max) as i8 ^ if UNSIGNED { i8::MIN } else { 0 };
        }
    }

    #[inline(always)]
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        zip(a, b, i32::wrapping_add)
    }

    #[inline(always)]
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        zip(a, b, i32::wrapping_sub)
    }

    #[inline(always)]
    fn mul_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        zip(a, b, i32::wrapping_mul)
    }

    #[inline(always)]
    fn min_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        zip(a, b, Ord::min)
    }

    #[inline(always)]
    fn max_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        zip(a, b, Ord::max)
    }

    #[inline(always)]
    fn shift_left(self, a: Self::I32, count: Self::I32) -> Self::I32 {
        zip(a, count, |a, n| a.wrapping_shl(n as u32))
    }

    #[inline(always)]
    fn doubling_high_mul(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        zip(a, b, |a, b| ((i64::from(a) * i64::from(b) + (1 << 30)) >> 31) as i32)
    }

    #[inline(always)]
    fn rounding_shift_right(self, a: Self::I32, count: Self::I32) -> Self::I32 {
        zip(a, count, |a, n| {
            let mask = (1u32.wrapping_shl(n as u32) - 1) as i32;
            let threshold = (mask >> 1) + i32::from(a < 0);
            a.wrapping_shr(n as u32) + i32::from(a & mask > threshold)
        })
    }

    #[inline(always)]
    fn requantize_wide(self, sum: Self::I32, q: Self::I32, right: Self::I32, half: Self::I32) -> Self::I32 {
        let mut out = [0; LANES];
        for (i, to) in out.iter_mut().enumerate() {
            *to = requantize_wide(sum[i], q[i], right[i], half[i]);
        }
        out
    }

    #[inline(always)]
    fn requantize_near(self, sum: Self::I32, factor: Self::F32, away: Self::F32) -> Self::I32 {
        let mut signed = away;
        signed.iter_mut().zip(sum).filter(|(_, sum)| *sum < 0).for_each(|(away, _)| *away = -*away);
        self.nearest_f32(self.mul_add_f32(self.to_f32(sum), factor, signed))
    }

    #[inline(always)]
    fn replace(self, x: Self::I32, (a, b): (Self::I32, Self::I32), by: Self::I32) -> Self::I32 {
        let mut out = x;
        for (i, to) in out.iter_mut().enumerate().filter(|(i, _)| a[*i] == b[*i]) {
            *to = by[i];
        }
        out
    }

    #[inline(always)]
    fn load_pairs(self, from: &[i16]) -> Self::Pairs {
        let mut out = [[0; 2]; LANES];
        out.iter_mut().zip(from.as_chunks().0).for_each(|(to, &pair)| *to = pair);
        out
    }

    #[inline(always)]
    fn widen_pairs(self, from: &[i8]) -> Self::Pairs {
        let mut out = [[0; 2]; LANES];
        out.as_flattened_mut().iter_mut().zip(from).for_each(|(to, &x)| *to = x.into());
        out
    }

    #[inline(always)]
    fn splat_pair(self, pair: [i16; 2]) -> Self::Pairs {
        [pair; LANES]
    }

    #[inline(always)]
    fn dot_pairs(self, sum: Self::I32, a: Self::Pairs, b: Self::Pairs) -> Self::I32 {
        let mut out = sum;
        out.iter_mut().zip(a).zip(b).for_each(|((sum, a), b)| {
            let [x, y] = [0, 1].map(|i| i32::from(a[i]) * i32::from(b[i]));
            *sum = sum.wrapping_add(x.wrapping_add(y));
        });
        out
    }

    #[inline(always)]
    fn to_f32(self, x: Self::I32) -> Self::F32 {
        x.map(|x| x as f32)
    }

    #[inline(always)]
    fn round_f32(self, x: Self::F32) -> Self::I32 {
        x.map(|x| (x + NEARLY_HALF.copysign(x)) as i32)
    }

    #[inline(always)]
    fn nearest_f32(self, x: Self::F32) -> Self::I32 {
        // Floats from 2^23 to 2^24 are the integers: their sum with the number is rounded to one. Large ones are.
        const WHOLE: f32 = 1.5 * (1 << 23) as f32;
        x.map(|x| match x.abs() < (1 << 22) as f32 {
            true => (x + WHOLE).to_bits().wrapping_sub(WHOLE.to_bits()) as i32,
            false => x as i32,
        })
    }

    #[inline(always)]
    fn f32_of_bits(self, x: Self::I32) -> Self::F32 {
        x.map(|x| f32::from_bits(x as u32))
    }

    #[inline(always)]
    fn splat_f32(self, x: f32) -> Self::F32 {
        [x; LANES]
    }

    #[inline(always)]
    fn load_f32(self, from: &[f32]) -> Self::F32 {
        load(from)
    }

    #[inline(always)]
    fn store_f32(self, x: Self::F32, to: &mut [f32]) {
        to.iter_mut().zip(x).for_each(|(to, x)| *to = x);
    }

    #[inline(always)]
    fn mul_add_f32(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        zip(zip(a, b, |a, b| a * b), c, |ab, c| ab + c)
    }

    #[inline(always)]
    fn div_f32(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a / b)
    }

    #[inline(always)]
    fn min_f32(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| if b < a { b } else { a })
    }

    #[inline(always)]
    fn max_f32(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| if b > a { b } else { a })
    }
}

/// [`Simd::requantize_wide`] of one lane.
#[inline(always)]
pub(crate) fn requantize_wide(sum: i32, q: i32, right: i32, half: i32) -> i32 {
    (i64::from(sum) * i64::from(q) + i64::from(half as u32)).wrapping_shr(right as u32) as i32
}
