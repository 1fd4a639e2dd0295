//! Levels of 64-bit Arm processors.

mod neon;
mod neon_dot;

pub use neon::Neon;
pub use neon_dot::NeonDot;
