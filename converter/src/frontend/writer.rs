//! Writes the operators of a front end into a graph.

use sedge_schema::op::{Add, Cast, Div, Maximum, Minimum, Mul};
use sedge_schema::{BuiltinOperator, Shape, TensorType};

use super::{FEATURE_STEP, FEATURE_ZERO};
use crate::Failure;
use crate::graph::{Graph, Node, Operation, Quantization, RawOp, Signature, Tensor, TensorId};
use crate::import::builder::Builder;

/// A custom operator's options, which are written in the order of their names.
pub(super) type Map<'b> = flexbuffers::MapBuilder<'b>;

/// Adds to a graph the operators that have no rules; the others come from the builder.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) builder: Builder,
}

impl Writer {
    /// An input of int16 samples.
    pub(super) fn input(&mut self, name: &str, dims: &[usize]) -> TensorId {
        let id = self.computed(name, TensorType::Int16, dims);
        self.builder.graph.inputs.push(id);
        id
    }

    fn computed(&mut self, name: &str, kind: TensorType, dims: &[usize]) -> TensorId {
        let shape = Shape::from_dims(dims.iter().map(|&d| d as u32)).unwrap_or_default();
        let tensor = Tensor { has_rank: dims.is_empty(), ..Tensor::computed(name, kind, shape) };
        self.builder.graph.add_tensor(tensor)
    }

    /// A list of int16 numbers.
    pub(super) fn shorts(&mut self, name: &str, values: &[i16]) -> Result<TensorId, Failure> {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.builder.constant(name, TensorType::Int16, &[values.len()], bytes)
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
        self.builder.graph.push(Node {
            name: name.to_owned(),
            op: Operation::Raw(Box::new(raw)),
            inputs: inputs.iter().copied().map(Some).collect(),
            outputs: outputs.clone(),
        });
        outputs
    }

    /// `clamp((x * 256 + 333) / 666 - 128, -128, 127)`: 666 is 25.6 * 26, rounded.
    pub(super) fn int8(&mut self, logs: TensorId) -> Result<TensorId, Failure> {
        const INT32: TensorType = TensorType::Int32;
        let out = &mut self.builder;
        let (levels, half, span) = (out.int("levels", 256)?, out.int("half", 333)?, out.int("span", 666)?);
        let (zero, top) = (out.int("zero", FEATURE_ZERO)?, out.int("top", 127)?);
        let wide = out.emit("wide", Cast::default(), &[logs], INT32)?;
        let scaled = out.emit("times_levels", Mul::default(), &[wide, levels], INT32)?;
        let raised = out.emit("raised", Add::default(), &[scaled, half], INT32)?;
        let steps = out.emit("steps", Div::default(), &[raised, span], INT32)?;
        let moved = out.emit("moved", Add::default(), &[steps, zero], INT32)?;
        let below = out.emit("below_top", Minimum::default(), &[moved, top], INT32)?;
        let clamped = out.emit("clamped", Maximum::default(), &[below, zero], INT32)?;
        let features = out.emit("features", Cast::default(), &[clamped], TensorType::Int8)?;
        let quantization = Quantization::per_tensor(FEATURE_STEP, FEATURE_ZERO);
        out.graph.tensor_mut(features).quantization = Some(quantization);
        Ok(features)
    }

    /// The graph, whose output is `features`.
    pub(super) fn finish(mut self, features: TensorId, description: String) -> Graph {
        let graph = &mut self.builder.graph;
        graph.tensor_mut(features).name = "features".to_owned();
        graph.outputs = vec![features];
        graph.name = "main".to_owned();
        graph.description = description;
        let name = |id: TensorId| (graph.tensor(id).name.clone(), id);
        let (inputs, outputs) = (graph.inputs.iter().map(|&id| name(id)).collect(), vec![name(features)]);
        graph.signatures = vec![Signature { key: "serving_default".to_owned(), inputs, outputs }];
        self.builder.graph
    }
}
