//! Levels of x86-64 processors.

mod avx2;
mod avx512;
mod avx512_half;
mod avx_vnni;

pub use avx_vnni::AvxVnni;
pub use avx2::Avx2;
pub use avx512::Avx512Vnni;
pub use avx512_half::Avx512VnniHalf;

/// Stages activations for instructions that want one factor unsigned: 128 more than their values.
#[inline(always)]
fn stage_unsigned(from: &[i8], to: &mut [u8]) {
    for (to, &x) in to.iter_mut().zip(from) {
        *to = x as u8 ^ 0x80;
    }
}
