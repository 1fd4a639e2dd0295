//! Small models of several subgraphs, written by hand.

use sedge_schema::generated::{
    BufferT, BuiltinOperator, BuiltinOptions2T, BuiltinOptionsT, ModelT, OperatorCodeT, OperatorT,
    SignatureDefT, SubGraphT, TensorMapT, TensorT, TensorType,
};
use sedge_schema::write::to_bytes;

use crate::samples;

/// A model that is being written.
#[derive(Default)]
pub struct Models {
    codes: Vec<OperatorCodeT>,
    buffers: Vec<BufferT>,
    graphs: Vec<SubGraphT>,
    signatures: Vec<SignatureDefT>,
}

/// A subgraph that is being written.
#[derive(Default)]
pub struct Graph {
    tensors: Vec<TensorT>,
    operators: Vec<OperatorT>,
}

impl Graph {
    /// Gives the operator that was added last options of the second union.
    pub fn options_2(&mut self, options: BuiltinOptions2T) {
        if let Some(operator) = self.operators.last_mut() {
            operator.builtin_options_2 = options;
        }
    }
}

impl Models {
    /// Nothing yet but the empty buffer.
    pub fn new() -> Self {
        Self { buffers: vec![BufferT::default()], ..Self::default() }
    }

    /// Adds a tensor to `graph`.
    pub fn tensor(&mut self, graph: &mut Graph, kind: TensorType, shape: &[i32]) -> i32 {
        graph.tensors.push(table!(TensorT { shape: Some(shape.to_vec()), type_: kind, has_rank: true }));
        graph.tensors.len() as i32 - 1
    }

    /// Adds an int32 constant to `graph`.
    pub fn constant(&mut self, graph: &mut Graph, shape: &[i32], values: &[i32]) -> i32 {
        let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.buffers.push(table!(BufferT { data: Some(data) }));
        let t = self.tensor(graph, TensorType::INT32, shape);
        graph.tensors[t as usize].buffer = self.buffers.len() as u32 - 1;
        t
    }

    /// Adds an operator to `graph`.
    pub fn operator(
        &mut self,
        graph: &mut Graph,
        code: BuiltinOperator,
        inputs: &[i32],
        outputs: &[i32],
        options: BuiltinOptionsT,
    ) {
        let found = self.codes.iter().position(|c| c.builtin_code == code);
        let index = found.unwrap_or_else(|| {
            self.codes.push(samples::code(code));
            self.codes.len() - 1
        });
        let operator = samples::operator(index as u32, inputs, outputs);
        graph.operators.push(table!(OperatorT { builtin_options: options, ..operator }));
    }

    /// Adds `graph` with these inputs and outputs.
    pub fn graph(&mut self, graph: Graph, inputs: &[i32], outputs: &[i32]) {
        self.graphs.push(table!(SubGraphT {
            tensors: Some(graph.tensors),
            operators: Some(graph.operators),
            inputs: Some(inputs.to_vec()),
            outputs: Some(outputs.to_vec()),
        }));
    }

    /// Names the inputs and outputs of a subgraph.
    pub fn signature(&mut self, key: &str, graph: u32, inputs: &[(&str, u32)], outputs: &[(&str, u32)]) {
        let map = |names: &[(&str, u32)]| {
            let entry =
                |&(name, t): &(&str, u32)| table!(TensorMapT { name: Some(name.into()), tensor_index: t });
            Some(names.iter().map(entry).collect())
        };
        self.signatures.push(table!(SignatureDefT {
            inputs: map(inputs),
            outputs: map(outputs),
            signature_key: Some(key.into()),
            subgraph_index: graph,
        }));
    }

    /// The model's file.
    pub fn finish(self) -> Vec<u8> {
        to_bytes(&table!(ModelT {
            version: 3,
            operator_codes: Some(self.codes),
            subgraphs: Some(self.graphs),
            buffers: Some(self.buffers),
            signature_defs: Some(self.signatures),
        }))
    }
}
