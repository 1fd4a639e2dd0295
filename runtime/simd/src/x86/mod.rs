//! Levels of x86-64 processors.

mod avx2;

pub use avx2::Avx2;
