//! The graph into files: one file or folder for each format.

mod tflite;
mod versions;

pub use tflite::to_tflite;
pub use versions::op_version;
