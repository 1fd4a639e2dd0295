//! The vector levels of Sedge's kernels: the only home of intrinsics, and of `unsafe`.
//!
//! A kernel is written once, over the trait [`Simd`], and runs on any [`Level`]:
//!
//! ```
//! use sedge_simd::{Kernel, Level, Simd};
//!
//! struct Sum<'a>(&'a [i32]);
//!
//! impl Kernel for Sum<'_> {
//!     type Output = i32;
//!
//!     #[inline(always)]
//!     fn run<S: Simd>(self, simd: S) -> i32 {
//!         let lanes = self.0.chunks(S::LANES).fold(simd.splat_i32(0), |sum, c| simd.add_i32(sum, simd.load_i32(c)));
//!         let mut out = [0; 16];
//!         simd.store_i32(lanes, &mut out);
//!         out.iter().sum()
//!     }
//! }
//! assert_eq!(Level::detect().run(Sum(&[1, 2, 3, 4, 5])), 15);
//! ```
//!
//! A value of a level's type proves that the processor has the level: it is only made by asking the
//! processor (feature `std`) or the compiler's target. That proof is what makes calling intrinsics
//! sound; loads and stores are bounds-checked. `run` and every function that it calls per element
//! must be `#[inline(always)]`, so that they are compiled with the level's instructions.

#![no_std]

#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(sedge_dsp)]
mod dsp;
mod isa;
mod level;
#[cfg(sedge_m0)]
mod m0;
#[cfg(sedge_mve)]
mod mve;
mod scalar;
#[cfg(any(
    target_arch = "aarch64",
    target_arch = "x86_64",
    all(target_arch = "wasm32", target_feature = "simd128")
))]
mod slices;
pub mod small;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm32;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
pub use aarch64::{Neon, NeonDot};
pub use isa::{Kernel, MAX_GROUP, Part, Simd, weave_pairs};
pub use level::Level;
pub use scalar::Scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use wasm32::Simd128;
#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512Vnni, Avx512VnniHalf, AvxVnni};
