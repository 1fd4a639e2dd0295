//! What is shown of models: counts, tables, drawings.

pub mod macs;
pub mod memory;
pub mod plan;
pub mod summary;
mod svg;
pub mod table;
