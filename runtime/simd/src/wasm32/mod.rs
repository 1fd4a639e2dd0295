//! Levels of WebAssembly: a module that uses vectors runs only where the engine has them, so the
//! compiler's target decides.

mod simd128;

pub use simd128::Simd128;
