//! Sedge.
