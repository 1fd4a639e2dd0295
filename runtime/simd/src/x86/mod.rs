//! Levels of x86-64 processors.

mod avx2;
mod avx512;
mod avx512_half;
mod avx_vnni;

pub use avx_vnni::AvxVnni;
pub use avx2::Avx2;
pub use avx512::Avx512Vnni;
pub use avx512_half::Avx512VnniHalf;

use crate::isa::MAX_GROUP;

/// The groups of a level that multiplies four unsigned with four signed numbers of 8 bits, in vectors of this type.
/// It builds on a level that proves AVX2, its field 0.
macro_rules! groups_of_four {
    ($vector:ty) => {
        const GROUP: usize = 4;
        const OFFSET: i32 = 128;
        type Element = u8;
        type Group = [u8; 4];
        type Groups = $vector;

        #[inline(always)]
        fn stage(self, from: &[i8], to: &mut [u8]) {
            $crate::x86::stage_unsigned(from, to);
        }

        #[inline(always)]
        fn group(from: &[u8], at: usize) -> Option<[u8; 4]> {
            from.get(at..at + 4)?.first_chunk().copied()
        }

        #[inline(always)]
        fn splat_group(self, group: [u8; 4]) -> $vector {
            self.splat_i32(i32::from_le_bytes(group))
        }

        #[inline(always)]
        fn load_groups(self, from: &[i8]) -> $vector {
            bits!([i8; size_of::<$vector>()] => $vector, first(from))
        }

        #[inline(always)]
        fn weave(self, rows: [&[i8]; MAX_GROUP], to: &mut [u8]) {
            $crate::x86::weave_unsigned(self.0, rows, to);
        }

        #[inline(always)]
        fn load_woven(self, from: &[u8]) -> $vector {
            bits!([u8; size_of::<$vector>()] => $vector, first(from))
        }
    };
}

use groups_of_four;

/// Stages activations for instructions that want one factor unsigned: 128 more than their values.
#[inline(always)]
fn stage_unsigned(from: &[i8], to: &mut [u8]) {
    for (to, &x) in to.iter_mut().zip(from) {
        *to = x as u8 ^ 0x80;
    }
}

/// Stages one element of each of four rows side by side, as [`stage_unsigned`] does.
#[inline(always)]
fn weave_unsigned(simd: Avx2, rows: [&[i8]; MAX_GROUP], to: &mut [u8]) {
    let [a, b, c, d] = rows;
    let length = a.len().min(b.len()).min(c.len()).min(d.len()).min(to.len() / 4);
    let (a, b, c, d) = (a.as_chunks::<32>(), b.as_chunks::<32>(), c.as_chunks::<32>(), d.as_chunks::<32>());
    for ((((to, a), b), c), d) in to.chunks_exact_mut(128).zip(a.0).zip(b.0).zip(c.0).zip(d.0) {
        simd.weave_32([a, b, c, d], to);
    }
    for at in length / 32 * 32..length {
        for (row, x) in rows.iter().enumerate() {
            if let (Some(to), Some(&x)) = (to.get_mut(4 * at + row), x.get(at)) {
                *to = x as u8 ^ 0x80;
            }
        }
    }
}
