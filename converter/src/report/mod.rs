//! What is shown of models: counts, tables, drawings.

pub mod html;
pub mod macs;
pub mod memory;
pub mod plan;
mod progress;
pub mod summary;
mod svg;
pub mod table;

pub use progress::progress;
