//! The model, one of its graphs, and what a session keeps of it: the records of its operators and tensors.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{MAX_RANK, Model, Operator, Shape, Subgraph, Tensor};

use crate::arena::{Arena, Span};

/// The lists of a session in its prepared data.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Tables {
    /// A [`Place`](crate::arena::Place) for each tensor.
    pub(crate) places: Span,
    /// An [`OpRecord`] for each operator.
    pub(crate) records: Span,
    /// A [`ShapeRecord`] for each tensor, where shapes differ from those in the file.
    pub(crate) shapes: Span,
}

/// What is prepared of an operator.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct OpRecord {
    /// The kernel's own data.
    pub(crate) data: Span,
    /// The scratch memory among the activations.
    pub(crate) scratch: Span,
    /// The index of the kernel in the resolver.
    pub(crate) kernel: u32,
}

impl OpRecord {
    /// Stands for no kernel: the operator's output is known, there is nothing to run.
    pub(crate) const DONE: u32 = u32::MAX;
}

/// A shape that differs from the one in the file.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct ShapeRecord {
    rank: u32,
    dims: [u32; MAX_RANK],
}

impl From<Shape> for ShapeRecord {
    fn from(shape: Shape) -> Self {
        let mut dims = [1; MAX_RANK];
        dims.iter_mut().zip(shape.dims()).for_each(|(to, &dim)| *to = dim);
        Self { rank: shape.rank() as u32, dims }
    }
}

impl From<ShapeRecord> for Shape {
    fn from(record: ShapeRecord) -> Self {
        let dims = record.dims.get(..record.rank as usize).unwrap_or_default();
        Shape::new(dims).unwrap_or_default()
    }
}

/// The affine quantization of a whole tensor: `real = scale * (quantized - zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// The real value of one step.
    pub scale: f32,
    /// The quantized value of real 0.
    pub zero_point: i32,
}

/// The model, one of its graphs, and the session's lists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Graph<'m> {
    pub(crate) model: Model<'m>,
    pub(crate) view: Subgraph<'m>,
    /// The view's operators, which every step of an invocation looks at.
    pub(crate) operators: sedge_schema::Tables<'m, Operator<'m>>,
    /// The graph's number.
    pub(crate) number: u32,
    pub(crate) tables: Tables,
}

impl<'m> Graph<'m> {
    pub(crate) fn new(model: Model<'m>, view: Subgraph<'m>, number: u32, tables: Tables) -> Self {
        Self { model, view, operators: view.operators(), number, tables }
    }

    pub(crate) fn tensor(&self, index: u32) -> Option<Tensor<'m>> {
        self.view.tensors().get(index as usize)
    }

    /// Whether a tensor holds a value before the first operator runs: an input or a variable.
    pub(crate) fn starts_alive(&self, index: u32) -> bool {
        self.view.inputs().iter().any(|t| t == index as i32)
            || self.tensor(index).is_some_and(|t| t.is_variable())
    }

    /// The shape of a tensor as this session has it.
    pub(crate) fn shape(&self, arena: &Arena<'_>, index: u32) -> Shape {
        match arena.get::<ShapeRecord>(self.tables.shapes).get(index as usize) {
            Some(&record) => record.into(),
            None => self.tensor(index).map(|t| t.shape()).unwrap_or_default(),
        }
    }
}
