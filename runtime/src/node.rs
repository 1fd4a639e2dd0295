//! What a kernel sees of its surroundings: [`Prepare`] when a session is made, [`Invoke`] when it
//! runs.

mod invoke;
mod lasting;
mod prepare;

pub use invoke::{Binary, Invoke, Unary};
pub use prepare::{Affine, Prepare};

pub(crate) use invoke::{Memory, Run, Scope, State};
pub(crate) use lasting::{Lasting, first_byte, place_variables};
pub(crate) use prepare::{Graph, OpRecord, Setting, ShapeRecord, Tables, out_of_memory};
