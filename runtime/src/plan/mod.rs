//! The memory plan: when each tensor lives, where it lies, and the proof that it holds.
//!
//! ```text
//! operators' inputs and outputs -> lifetimes -> blocks -> offsets -> proof
//! ```
//!
//! Time counts operators. A tensor lives from the operator that writes it to the last one that
//! reads it, both included; inputs live from the start, outputs to the end. Tensors that share
//! their bytes (a reshape's input and output, an element-wise operator that works in place) are one
//! block, which lives as long as any of them. An operator's scratch memory is a block that lives
//! during that operator.

mod lifetime;
mod place;

pub(crate) use lifetime::{Lifetime, lifetimes};
pub use place::{Block, arrange, is_disjoint, lower_bound};
