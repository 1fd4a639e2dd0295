//! Operators of the graph.

use sedge_schema::generated::{BuiltinOptions2T, BuiltinOptionsT};
use sedge_schema::op::{self, Op};
use sedge_schema::{BuiltinOperator, Refusal, Shape, Slot, TensorType};

use super::{Graph, Tensor, TensorId};

/// An operator's number in its graph. It stays the same while others come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

/// An operator without rules: kept as it came, and written back so.
#[derive(Clone, Debug, PartialEq)]
pub struct RawOp {
    /// What it is.
    pub code: BuiltinOperator,
    /// The name of a custom operator.
    pub custom_code: String,
    /// The version of its definition.
    pub version: i32,
    /// Its options.
    pub options: BuiltinOptionsT,
    /// Its options, for newer operators.
    pub options_2: BuiltinOptions2T,
    /// A custom operator's options.
    pub custom_options: Vec<u8>,
    /// For each input whether the operator changes it.
    pub mutating_variable_inputs: Vec<bool>,
    /// Tensors that it needs while it runs.
    pub intermediates: Vec<Option<TensorId>>,
}

/// What a node does.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "nearly all operators have rules")]
pub enum Operation {
    /// An operator with rules.
    Known(Op),
    /// An operator without.
    Raw(Box<RawOp>),
}

impl Operation {
    /// The operator's code.
    pub fn code(&self) -> BuiltinOperator {
        match self {
            Self::Known(op) => op.code(),
            Self::Raw(raw) => raw.code,
        }
    }

    /// The operator's name: the custom one's own, otherwise that of the schema.
    pub fn name(&self) -> &str {
        match self {
            Self::Raw(raw) if raw.code == BuiltinOperator::Custom => &raw.custom_code,
            other => other.code().name(),
        }
    }

    /// The operator, where it has rules.
    pub fn known(&self) -> Option<&Op> {
        match self {
            Self::Known(op) => Some(op),
            Self::Raw(_) => None,
        }
    }
}

impl<O: Into<Op>> From<O> for Operation {
    fn from(op: O) -> Self {
        Self::Known(op.into())
    }
}

/// An operator with the tensors that it reads and writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The name in the source, for messages; TFLite's format has none.
    pub name: String,
    /// What it does.
    pub op: Operation,
    /// What it reads; `None` for an optional input that is left out.
    pub inputs: Vec<Option<TensorId>>,
    /// What it writes.
    pub outputs: Vec<TensorId>,
}

impl Node {
    /// Input `i`, where it is there.
    pub fn input(&self, i: usize) -> Option<TensorId> {
        self.inputs.get(i).copied().flatten()
    }

    /// The inputs that are there.
    pub fn reads(&self) -> impl Iterator<Item = TensorId> + '_ {
        self.inputs.iter().copied().flatten()
    }
}

/// A node in its graph, as the operators' rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'g> {
    pub(super) graph: &'g Graph,
    pub(super) node: &'g Node,
}

impl<'g> Surroundings<'g> {
    fn tensor(&self, slot: Slot) -> Result<&'g Tensor, Refusal> {
        let id = match slot {
            Slot::Input(i) => self.node.input(i.into()),
            Slot::Output(i) => self.node.outputs.get(usize::from(i)).copied(),
        };
        id.and_then(|id| self.graph.get(id)).ok_or(Refusal::Absent(slot))
    }
}

impl op::Node for Surroundings<'_> {
    fn inputs(&self) -> usize {
        self.node.inputs.len()
    }

    fn outputs(&self) -> usize {
        self.node.outputs.len()
    }

    fn has(&self, slot: Slot) -> bool {
        self.tensor(slot).is_ok()
    }

    fn shape(&self, slot: Slot) -> Result<Shape, Refusal> {
        self.tensor(slot).map(|t| t.shape)
    }

    fn tensor_type(&self, slot: Slot) -> Result<TensorType, Refusal> {
        self.tensor(slot).map(|t| t.tensor_type)
    }

    fn values(&self, input: usize) -> Result<&[u8], Refusal> {
        let slot = Slot::Input(input as u8);
        let data = self.tensor(slot)?.data.as_ref();
        data.map(|data| data.as_ref()).ok_or(Refusal::Pending(slot))
    }
}
