//! When each tensor of a graph lives.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{Model, Subgraph};

use crate::error::Error;

/// When a tensor lives, and with whom it shares its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Lifetime {
    /// The operator that writes it, 0 for an input; [`Lifetime::NEVER`] where nothing does.
    pub(crate) first: u32,
    /// The last operator that reads it; the number of operators for an output.
    pub(crate) last: u32,
    /// The tensor whose block holds it: itself, or the one that it shares its bytes with. The
    /// block's tensor keeps the last use of all that share it.
    pub(crate) block: u32,
}

impl Lifetime {
    /// Stands for no operator.
    pub(crate) const NEVER: u32 = u32::MAX;

    pub(crate) fn is_used(&self) -> bool {
        self.first != Self::NEVER
    }
}

/// Works out the lifetimes of all tensors of `graph`.
///
/// # Errors
/// [`Error::Order`] where a tensor is read before it is written, or written twice.
pub(crate) fn lifetimes(model: &Model<'_>, graph: &Subgraph<'_>, out: &mut [Lifetime]) -> Result<(), Error> {
    let end = graph.operators().len() as u32;
    for (i, lifetime) in (0..).zip(out.iter_mut()) {
        *lifetime = Lifetime { first: Lifetime::NEVER, last: 0, block: i };
    }
    let constant = |t: i32| graph.tensors().get(t as usize).is_some_and(|t| !model.constant(&t).is_empty());
    for t in graph.inputs().iter() {
        if let Some(lifetime) = out.get_mut(t as usize).filter(|_| !constant(t)) {
            lifetime.first = 0;
        }
    }
    // Variables hold their values from one invocation to the next.
    for (tensor, lifetime) in graph.tensors().iter().zip(out.iter_mut()) {
        if tensor.is_variable() {
            (lifetime.first, lifetime.last) = (0, end);
        }
    }
    for (i, operator) in (0..).zip(graph.operators().iter()) {
        for t in operator.inputs().iter().filter(|&t| t >= 0) {
            let lifetime = out.get_mut(t as usize).ok_or(Error::Plan)?;
            if lifetime.is_used() {
                lifetime.last = lifetime.last.max(i);
            } else if !constant(t) {
                let empty = graph.tensors().get(t as usize).is_some_and(|t| t.shape().elements() == 0);
                if !empty {
                    return Err(Error::Order { tensor: t as u32 });
                }
            }
        }
        for t in operator.outputs().iter().filter(|&t| t >= 0) {
            let lifetime = out.get_mut(t as usize).ok_or(Error::Plan)?;
            if lifetime.is_used() || constant(t) {
                return Err(Error::Order { tensor: t as u32 });
            }
            (lifetime.first, lifetime.last) = (i, i);
        }
    }
    for t in graph.outputs().iter() {
        let lifetime = out.get_mut(t as usize).ok_or(Error::Plan)?;
        if lifetime.is_used() {
            lifetime.last = end;
        } else if !constant(t) {
            return Err(Error::Order { tensor: t as u32 });
        }
    }
    Ok(())
}
