//! Writes the operators of a front end into a graph.

use sedge_schema::op::{Add, Cast, Div, Maximum, Minimum, Mul};
use sedge_schema::{BuiltinOperator, Shape, TensorType};

use super::{FEATURE_STEP, FEATURE_ZERO};
use crate::graph::{Graph, Node, Operation, Quantization, RawOp, Signature, Tensor, TensorId};

/// A custom operator's options, which are written in the order of their names.
pub(super) type Map<'b> = flexbuffers::MapBuilder<'b>;

/// Adds operators to a graph.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) graph: Graph,
}

impl Writer {
    /// An input of int16 samples.
    pub(super) fn input(&mut self, name: &str, dims: &[usize]) -> TensorId {
        let id = self.computed(name, TensorType::Int16, dims);
        self.graph.inputs.push(id);
        id
    }

    fn computed(&mut self, name: &str, kind: TensorType, dims: &[usize]) -> TensorId {
        let shape = Shape::from_dims(dims.iter().map(|&d| d as u32)).unwrap_or_default();
        let tensor = Tensor { has_rank: dims.is_empty(), ..Tensor::computed(name, kind, shape) };
        self.graph.add_tensor(tensor)
    }

    /// A list of int16 numbers.
    pub(super) fn shorts(&mut self, name: &str, values: &[i16]) -> TensorId {
        let shape = Shape::from_dims([values.len() as u32]).unwrap_or_default();
        let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.graph.add_tensor(Tensor::constant(name, TensorType::Int16, shape, data))
    }

    /// An int32 number.
    fn number(&mut self, name: &str, value: i32) -> TensorId {
        let data = value.to_le_bytes().to_vec();
        let tensor = Tensor::constant(name, TensorType::Int32, Shape::default(), data);
        self.graph.add_tensor(Tensor { has_rank: true, ..tensor })
    }

    /// A custom operator with these outputs: names, types, dimensions.
    pub(super) fn signal(
        &mut self,
        name: &str,
        inputs: &[TensorId],
        outputs: &[(&str, TensorType, &[usize])],
        options: impl FnOnce(&mut Map<'_>),
    ) -> Vec<TensorId> {
        let mut builder = flexbuffers::Builder::default();
        let mut map = builder.start_map();
        options(&mut map);
        map.end_map();
        let raw = RawOp {
            code: BuiltinOperator::Custom,
            custom_code: name.to_owned(),
            version: 1,
            options: Default::default(),
            options_2: Default::default(),
            custom_options: builder.take_buffer(),
            mutating_variable_inputs: Vec::new(),
            intermediates: Vec::new(),
        };
        let outputs: Vec<TensorId> =
            outputs.iter().map(|&(name, kind, dims)| self.computed(name, kind, dims)).collect();
        self.push(name, Operation::Raw(Box::new(raw)), inputs, outputs.clone());
        outputs
    }

    /// An operator of the format with one output, a list.
    pub(super) fn known(
        &mut self,
        op: impl Into<Operation>,
        inputs: &[TensorId],
        output: &str,
        kind: TensorType,
        elements: usize,
    ) -> TensorId {
        let id = self.computed(output, kind, &[elements]);
        self.push(output, op.into(), inputs, vec![id]);
        id
    }

    fn push(&mut self, name: &str, op: Operation, inputs: &[TensorId], outputs: Vec<TensorId>) {
        let inputs = inputs.iter().copied().map(Some).collect();
        self.graph.push(Node { name: name.to_owned(), op, inputs, outputs });
    }

    /// `clamp((x * 256 + 333) / 666 - 128, -128, 127)`: 666 is 25.6 * 26, rounded.
    pub(super) fn int8(&mut self, logs: TensorId) -> TensorId {
        let channels = self.graph.tensor(logs).shape.elements();
        const INT32: TensorType = TensorType::Int32;
        let [levels, half, span] =
            [("levels", 256), ("half", 333), ("span", 666)].map(|(n, v)| self.number(n, v));
        let [zero, top] = [("zero", FEATURE_ZERO), ("top", 127)].map(|(n, v)| self.number(n, v));
        let wide = self.known(Cast::default(), &[logs], "wide", INT32, channels);
        let scaled = self.known(Mul::default(), &[wide, levels], "times_levels", INT32, channels);
        let raised = self.known(Add::default(), &[scaled, half], "raised", INT32, channels);
        let steps = self.known(Div::default(), &[raised, span], "steps", INT32, channels);
        let moved = self.known(Add::default(), &[steps, zero], "moved", INT32, channels);
        let below = self.known(Minimum::default(), &[moved, top], "below_top", INT32, channels);
        let clamped = self.known(Maximum::default(), &[below, zero], "clamped", INT32, channels);
        let out = self.known(Cast::default(), &[clamped], "features", TensorType::Int8, channels);
        self.graph.tensor_mut(out).quantization = Some(Quantization::per_tensor(FEATURE_STEP, FEATURE_ZERO));
        out
    }

    /// The graph, whose output is `features`.
    pub(super) fn finish(mut self, features: TensorId, description: String) -> Graph {
        let graph = &mut self.graph;
        graph.tensor_mut(features).name = "features".to_owned();
        graph.outputs = vec![features];
        graph.name = "main".to_owned();
        graph.description = description;
        let name = |id: TensorId| (graph.tensor(id).name.clone(), id);
        let (inputs, outputs) = (graph.inputs.iter().map(|&id| name(id)).collect(), vec![name(features)]);
        graph.signatures = vec![Signature { key: "serving_default".to_owned(), inputs, outputs }];
        self.graph
    }
}
