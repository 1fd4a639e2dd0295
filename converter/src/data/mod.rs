//! Arrays outside models: `.npy` and `.npz` files, pictures and raw bytes, and how they become the
//! bytes of tensors and come back.

mod array;
mod input;
mod npy;
mod npz;
mod picture;
mod quantized;
mod sound;

pub use array::Array;
pub use input::{InputSpec, Preparation, Prepared, Source, load};
pub use npy::{parse as parse_npy, to_bytes as npy_bytes};
pub use npz::Npz;
pub(crate) use picture::sample as picture_sample;
pub use picture::{Resizing, Scaling};
pub(crate) use quantized::real_values;
pub use quantized::{dequantize, pack, quantize, widen};
pub(crate) use sound::windows as sound_windows;
