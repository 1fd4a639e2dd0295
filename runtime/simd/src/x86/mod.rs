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
    let mut whole = to.chunks_exact_mut(128);
    for ((((to, a), b), c), d) in (&mut whole).zip(a.0).zip(b.0).zip(c.0).zip(d.0) {
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
