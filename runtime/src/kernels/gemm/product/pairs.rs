//! Integers that are multiplied as pairs of 16 bits: uint8 with uint8, int16 with int8.

use core::marker::PhantomData;

use bytemuck::Pod;
use sedge_simd::{MAX_GROUP, Simd, weave_pairs};

use super::{Integers, Product};

/// Pairs of 16 bits, of activations `V`.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels) struct Pairs<V>(PhantomData<V>);

/// uint8 with uint8, both with zero points: differences from these have nine bits.
pub(in crate::kernels) type UInt8 = Pairs<u8>;

/// int16 with int8, whose sums the rule has in 64 bits. Those of weights that are packed fit 32.
pub(in crate::kernels) type Int16 = Pairs<i16>;

/// What a uint8 is more than the int8 that stands for it where both have zero points.
const TO_SIGNED: i32 = 128;

impl<V: Pod + Sync + Send + Into<i16>> Product for Pairs<V> {
    type Value = V;
    type Weight = i16;
    type Element<S: Simd> = i16;
    type Group<S: Simd> = [i16; 2];
    type Vector<S: Simd> = S::Pairs;
    type Sums<S: Simd> = S::I32;

    #[inline(always)]
    fn group<S: Simd>() -> usize {
        2
    }

    #[inline(always)]
    fn stage<S: Simd>(_simd: S, from: &[V], to: &mut [i16]) {
        for (to, &x) in to.iter_mut().zip(from) {
            *to = x.into();
        }
    }

    #[inline(always)]
    fn activations<S: Simd>(from: &[i16], at: usize) -> Option<[i16; 2]> {
        from.get(at..at + 2)?.first_chunk().copied()
    }

    #[inline(always)]
    fn zero<S: Simd>(simd: S) -> S::I32 {
        simd.splat_i32(0)
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[i16]) -> S::Pairs {
        simd.load_pairs(from)
    }

    #[inline(always)]
    fn step<S: Simd>(simd: S, sums: S::I32, activations: [i16; 2], weights: S::Pairs) -> S::I32 {
        simd.dot_pairs(sums, simd.splat_pair(activations), weights)
    }

    #[inline(always)]
    fn join<S: Simd>(simd: S, a: S::I32, b: S::I32) -> S::I32 {
        simd.add_i32(a, b)
    }
}

/// What is the same for all activations.
macro_rules! pairs {
    ($value:ty) => {
        #[inline(always)]
        fn sums<S: Simd>(sums: S::I32) -> S::I32 {
            sums
        }

        #[inline(always)]
        fn bias<S: Simd>(bias: S::I32) -> S::I32 {
            bias
        }

        #[inline(always)]
        fn weave<S: Simd>(_simd: S, [a, b, ..]: [&[$value]; MAX_GROUP], to: &mut [i16]) {
            weave_pairs(a, b, to);
        }

        #[inline(always)]
        fn step_woven<S: Simd>(simd: S, sums: S::I32, from: &[i16], weights: S::Pairs) -> S::I32 {
            simd.dot_pairs(sums, simd.load_pairs(from), weights)
        }
    };
}

impl Integers for UInt8 {
    #[inline(always)]
    fn value(x: i32) -> u8 {
        x as u8
    }

    #[inline(always)]
    fn weight(byte: u8, zero: i32) -> i16 {
        i16::from(byte) - zero as i16
    }

    pairs!(u8);

    #[inline(always)]
    fn store<S: Simd, const N: usize>(
        simd: S,
        x: [S::I32; N],
        zero: i32,
        (min, max): (i32, i32),
        to: &mut [u8],
    ) {
        let limits = (min - TO_SIGNED, max - TO_SIGNED);
        simd.store_clamped::<N, true>(x, zero - TO_SIGNED, limits, bytemuck::cast_slice_mut(to));
    }

    #[inline(always)]
    fn store_pair<S: Simd, const N: usize>(
        simd: S,
        x: [[S::I32; N]; 2],
        zero: i32,
        (min, max): (i32, i32),
        to: [&mut [u8]; 2],
    ) {
        let limits = (min - TO_SIGNED, max - TO_SIGNED);
        simd.store_clamped_pair::<N, true>(x, zero - TO_SIGNED, limits, to.map(bytemuck::cast_slice_mut));
    }
}

impl Integers for Int16 {
    const WIDE: bool = true;

    const FARTHEST: i64 = 1 << 15;

    #[inline(always)]
    fn value(x: i32) -> i16 {
        x as i16
    }

    #[inline(always)]
    fn weight(byte: u8, _zero: i32) -> i16 {
        (byte as i8).into()
    }

    pairs!(i16);

    #[inline(always)]
    fn store<S: Simd, const N: usize>(
        simd: S,
        x: [S::I32; N],
        zero: i32,
        (min, max): (i32, i32),
        to: &mut [i16],
    ) {
        let [zero, min, max] = [simd.splat_i32(zero), simd.splat_i32(min), simd.splat_i32(max)];
        for (x, to) in x.into_iter().zip(to.chunks_mut(S::LANES)) {
            simd.store_i16(simd.min_i32(simd.max_i32(simd.add_i32(x, zero), min), max), to);
        }
    }

    #[inline(always)]
    fn store_pair<S: Simd, const N: usize>(
        simd: S,
        [a, b]: [[S::I32; N]; 2],
        zero: i32,
        limits: (i32, i32),
        [to, next]: [&mut [i16]; 2],
    ) {
        Self::store(simd, a, zero, limits, to);
        Self::store(simd, b, zero, limits, next);
    }
}
