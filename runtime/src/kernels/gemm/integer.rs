//! Integer products: groups of staged activations with groups of packed weights, 32-bit sums, and the
//! double rounding of the one rule.

mod columns;
mod near;

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;

use super::product::Integers;
use super::tile::{Arithmetic, Matrix, block};
use super::{Layout, constant_weights, depthwise, pack as pack_panels};
use crate::arena::Span;
use crate::kernels::filter::Requantize;
use crate::node::{Invoke, Prepare};
use columns::{Columns, Lists};

/// Packed weights of a matrix.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Weights {
    list: Span,
    columns: u32,
    run: u32,
    /// Whether it is laid out for the level's half.
    half: u32,
}

impl Weights {
    /// Packs weights with this zero point; `at` says where in `bytes` element `k` of column `f` is.
    pub(super) fn pack<P: Integers>(
        node: &mut Prepare<'_>,
        bytes: &[u8],
        zero: i32,
        (columns, at): (usize, impl Fn(usize, usize) -> usize),
        (runs, run): (usize, usize),
    ) -> Result<Self, Refusal> {
        let layout = Layout::for_columns::<P>(node, columns);
        let padded = columns.next_multiple_of(layout.lanes);
        let list = node.list_of_vectors::<P::Weight>(padded * runs * run.next_multiple_of(layout.group))?;
        let sizes = (layout.lanes, layout.group);
        let weight = |f: usize, k: usize| bytes.get(at(f, k)).map(|&w| P::weight(w, zero));
        pack_panels(columns, (runs, run), sizes, weight, node.list_mut(list));
        Ok(Self { list, columns: columns as u32, run: run as u32, half: layout.half.into() })
    }

    /// Bytes of scratch memory for the rows of a block.
    pub(super) fn scratch<P: Integers>(&self, node: &Prepare<'_>) -> usize {
        let layout = Layout::for_columns::<P>(node, self.columns as usize);
        let length = (self.run as usize).next_multiple_of(layout.group);
        block(length, layout.rows) * length * layout.element
    }

    pub(super) fn load<'s, A: Arithmetic>(&self, node: &Invoke<'s>, arithmetic: A) -> Matrix<'s, A> {
        Matrix {
            weights: node.list(self.list),
            count: self.columns as usize,
            run: self.run as usize,
            half: self.half != 0,
            arithmetic,
        }
    }
}

/// Packed weights of a matrix, and what turns their sums into outputs.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Packed {
    weights: Weights,
    lists: Lists,
    rule: Requantize,
}

/// How weights lie in a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernels) enum Order {
    /// One column after the other.
    Columns,
    /// The first elements of all columns, then the second ones.
    Elements,
}

/// Packs constant weights of `columns` columns with `runs * run` elements; `None` where they or the bias are
/// computed, or sums are too large.
pub(in crate::kernels) fn pack<P: Integers>(
    node: &mut Prepare<'_>,
    rule: Requantize,
    (columns, order): (usize, Order),
    (runs, run): (usize, usize),
) -> Result<Option<Packed>, Refusal> {
    let Some(bytes) = constant_weights(node) else { return Ok(None) };
    let layout = Layout::for_columns::<P>(node, columns);
    let depth = runs * run;
    let at = move |f: usize, k: usize| match order {
        Order::Columns => f * depth + k,
        Order::Elements => k * columns + f,
    };
    let column = |f: usize| (0..depth).filter_map(move |k| bytes.get(at(f, k)).copied());
    let padded = columns.next_multiple_of(layout.lanes);
    let lists = Lists::prepare::<P, _>(node, &rule, (columns, padded), layout, column)?;
    let Some(lists) = lists else { return Ok(None) };
    let weights = Weights::pack::<P>(node, bytes, rule.weights_zero, (columns, at), (runs, run))?;
    Ok(Some(Packed { weights, lists, rule }))
}

impl Packed {
    /// Bytes of scratch memory for the rows of a block.
    pub(in crate::kernels) fn scratch<P: Integers>(&self, node: &Prepare<'_>) -> usize {
        self.weights.scratch::<P>(node)
    }

    pub(in crate::kernels) fn load<'s, P: Integers>(&self, node: &Invoke<'s>) -> Matrix<'s, Columns<'s, P>> {
        self.weights.load(node, self.lists.load(node, &self.rule))
    }
}

/// Packed weights of channels of their own, and what turns their sums into outputs.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Channels {
    weights: depthwise::Weights,
    lists: Lists,
    rule: Requantize,
}

impl Channels {
    /// Packs constant weights `[rows, columns, channels]`; `None` where they or the bias are computed, or sums are
    /// too large.
    pub(in crate::kernels) fn pack<P: Integers>(
        node: &mut Prepare<'_>,
        rule: Requantize,
        shape: &depthwise::Shape,
    ) -> Result<Option<Self>, Refusal> {
        let Some(bytes) = constant_weights(node) else { return Ok(None) };
        let layout = Layout::of::<P>(node);
        let channels = shape.channels();
        let column = |c: usize| bytes.iter().skip(c).step_by(channels).copied();
        let columns = (channels, shape.padded(&layout));
        let lists = Lists::prepare::<P, _>(node, &rule, columns, layout, column)?;
        let Some(lists) = lists else { return Ok(None) };
        let weights = depthwise::Weights::pack::<P>(node, bytes, rule.weights_zero, shape)?;
        Ok(Some(Self { weights, lists, rule }))
    }

    pub(in crate::kernels) fn load<'s, P: Integers>(
        &self,
        node: &Invoke<'s>,
    ) -> depthwise::Channels<'s, Columns<'s, P>> {
        self.weights.load(node, self.lists.load(node, &self.rule))
    }
}
