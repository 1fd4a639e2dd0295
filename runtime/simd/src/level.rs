//! Which level a session's kernels run on.

#[cfg(target_arch = "aarch64")]
use crate::aarch64::{Neon, NeonDot};
use crate::isa::Kernel;
use crate::scalar::Scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use crate::wasm32::Simd128;
#[cfg(target_arch = "x86_64")]
use crate::x86::{Avx2, Avx512Vnni, AvxVnni};

/// Declares the levels, the slowest first; all but the scalar one belong to an architecture.
macro_rules! levels {
    ($($(#[doc = $doc:literal])* ($cfg:meta) $variant:ident($type:ty) = $name:literal;)*) => {
        /// A level that this processor has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Level {
            /// No vector instructions beyond what the target has anyway.
            Scalar(Scalar),
            $(
                $(#[doc = $doc])*
                #[cfg($cfg)]
                $variant($type),
            )*
        }

        impl Level {
            /// The names of all levels of this architecture, the slowest first.
            pub const NAMES: &'static [&'static str] =
                &["scalar", $(#[cfg($cfg)] $name,)*];

            /// The best level that this processor has.
            pub fn detect() -> Self {
                #[allow(unused_mut, reason = "not every architecture has more levels")]
                let mut best = Self::Scalar(Scalar);
                $(
                    #[cfg($cfg)]
                    if let Some(level) = <$type>::detect() {
                        best = Self::$variant(level);
                    }
                )*
                best
            }

            /// The level with this name; `None` where there is none or this processor lacks it.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    "scalar" => Some(Self::Scalar(Scalar)),
                    $(
                        #[cfg($cfg)]
                        $name => <$type>::detect().map(Self::$variant),
                    )*
                    _ => None,
                }
            }

            /// The level's name, such as `avx2`.
            pub fn name(self) -> &'static str {
                match self {
                    Self::Scalar(_) => "scalar",
                    $(
                        #[cfg($cfg)]
                        Self::$variant(_) => $name,
                    )*
                }
            }

            /// Runs `kernel` with this level's vectors.
            #[inline]
            pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
                match self {
                    Self::Scalar(simd) => kernel.run(simd),
                    $(
                        #[cfg($cfg)]
                        Self::$variant(simd) => simd.run(kernel),
                    )*
                }
            }
        }
    };
}

levels! {
    /// 256-bit vectors of x86: AVX2 and FMA.
    (target_arch = "x86_64") Avx2(Avx2) = "avx2";
    /// AVX2, and products of four int8 at once: AVX-VNNI.
    (target_arch = "x86_64") AvxVnni(AvxVnni) = "avx-vnni";
    /// 512-bit vectors of x86, and products of four int8 at once: AVX-512 F, BW, VL and VNNI.
    (target_arch = "x86_64") Avx512Vnni(Avx512Vnni) = "avx512-vnni";
    /// 128-bit vectors of Arm: Neon.
    (target_arch = "aarch64") Neon(Neon) = "neon";
    /// Neon, and products of four int8 at once.
    (target_arch = "aarch64") NeonDot(NeonDot) = "neon-dot";
    /// 128-bit vectors of WebAssembly.
    (all(target_arch = "wasm32", target_feature = "simd128")) Simd128(Simd128) = "simd128";
}

impl Level {
    /// The level that every processor has.
    pub const SCALAR: Self = Self::Scalar(Scalar);

    /// All levels that this processor has, the slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::NAMES.iter().filter_map(|name| Self::from_name(name))
    }
}

impl core::fmt::Display for Level {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}
