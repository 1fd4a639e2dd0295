//! How much memory a model takes to run.

use sedge_runtime::{Level, Memory, Weights};
use serde::Serialize;

/// The memory of a session, and how it was made.
#[derive(Clone, Debug, Serialize)]
pub struct MemoryReport {
    /// The vector level.
    pub backend: &'static str,
    /// Where kernels read weights from.
    pub weights: &'static str,
    /// Bytes that the arena must have, exactly, if it starts at a multiple of 16.
    pub arena_bytes: usize,
    /// Bytes of activations.
    pub activation_bytes: usize,
    /// Bytes of prepared data.
    pub prepared_bytes: usize,
    /// The most bytes of activations that live at the same time: no plan takes fewer.
    pub lower_bound_bytes: usize,
}

impl MemoryReport {
    /// The report of a session made this way.
    pub fn new(level: Level, weights: Weights, memory: Memory) -> Self {
        Self {
            backend: level.name(),
            weights: match weights {
                Weights::InPlace => "in-place",
                Weights::Packed => "packed",
            },
            arena_bytes: memory.arena,
            activation_bytes: memory.activations,
            prepared_bytes: memory.prepared,
            lower_bound_bytes: memory.lower_bound,
        }
    }
}
