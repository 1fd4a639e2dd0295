//! What a kernel sees of its surroundings: [`Prepare`] when a session is made, [`Invoke`] when it
//! runs.

mod invoke;
mod prepare;

pub use invoke::{Binary, Invoke, Unary};
pub use prepare::{Affine, Prepare};

pub(crate) use invoke::Pieces;
pub(crate) use prepare::{Graph, OpRecord, ShapeRecord, Tables};
