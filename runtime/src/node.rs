//! What a kernel sees of its surroundings: [`Prepare`] when a session is made, [`Invoke`] when it
//! runs.

mod graph;
mod invoke;
mod lasting;
mod prepare;
mod share;

pub use graph::Affine;
pub use invoke::{Binary, Invoke, Unary};
pub use prepare::Prepare;

pub(crate) use graph::{Graph, OpRecord, ShapeRecord, Tables};
pub(crate) use invoke::{Memory, Run, Scope, State};
pub(crate) use lasting::{Lasting, first_byte, place_variables};
pub(crate) use prepare::{Setting, out_of_memory};
