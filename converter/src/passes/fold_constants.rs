//! Computes what does not depend on the model's inputs: operators whose inputs are all constants.
//!
//! DEQUANTIZE is computed here; it stands behind weights that are stored as float16 or int8. Other
//! operators run on the runtime's own kernels.

use half::f16;
use sedge_runtime::Model;
use sedge_schema::TensorType;
use sedge_schema::op::Op;

use super::Pass;
use crate::Failure;
use crate::exec::{ExecOptions, ModelFile, with_session};
use crate::export::to_tflite;
use crate::graph::{Graph, Node, NodeId, Operation, Tensor, TensorId, float_bytes};

/// The most bytes that one folded constant may have beyond those that it is made of.
const MAX_GROWTH: usize = 1 << 20;

/// Computes what does not depend on the model's inputs.
#[derive(Clone, Copy, Debug)]
pub struct FoldConstants;

impl Pass for FoldConstants {
    fn name(&self) -> &'static str {
        "fold-constants"
    }

    fn run(&self, graph: &mut Graph) -> Result<usize, Failure> {
        let mut changes = 0;
        for id in graph.node_ids() {
            changes += usize::from(fold_node(graph, id));
        }
        Ok(changes)
    }
}

/// Computes one node if it reads constants only: its outputs become constants, and it goes. Tells whether.
pub(crate) fn fold_node(graph: &mut Graph, id: NodeId) -> bool {
    let Some(values) = fold(graph, id) else { return false };
    let outputs = graph.node(id).outputs.clone();
    for (output, data) in outputs.into_iter().zip(values) {
        graph.tensor_mut(output).data = Some(data.into());
    }
    graph.remove(id);
    true
}

/// The bytes of all outputs of a node that reads constants only.
fn fold(graph: &Graph, id: NodeId) -> Option<Vec<Vec<u8>>> {
    let node = graph.node(id);
    let Operation::Known(op) = &node.op else { return None };
    let constant = |t| graph.tensor(t).is_constant();
    if node.inputs.is_empty() || !node.reads().all(constant) {
        return None;
    }
    // What the caller reads must be written by an operator.
    if node.outputs.iter().any(|t| graph.outputs.contains(t)) {
        return None;
    }
    if let Op::Dequantize(_) = op {
        let values = dequantized(graph.tensor(node.input(0)?))?;
        return Some(vec![values.data?.to_vec()]);
    }
    let bytes = |t| graph.tensor(t).tensor_type.bytes(graph.tensor(t).shape.elements()).unwrap_or(usize::MAX);
    let read: usize = node.reads().map(bytes).fold(0, usize::saturating_add);
    let written = node.outputs.iter().copied().map(bytes).fold(0, usize::saturating_add);
    (written <= read.saturating_add(MAX_GROWTH)).then(|| run_alone(graph, id))?
}

/// Runs one node on the runtime's kernels; `None` where these cannot.
fn run_alone(graph: &Graph, id: NodeId) -> Option<Vec<Vec<u8>>> {
    let node = graph.node(id);
    let mut alone = Graph::default();
    let mut copy = |t: TensorId| alone.add_tensor(graph.tensor(t).clone());
    let inputs = node.inputs.iter().map(|t| t.map(&mut copy)).collect();
    let outputs: Vec<TensorId> = node.outputs.iter().copied().map(&mut copy).collect();
    alone.outputs.clone_from(&outputs);
    alone.push(Node { inputs, outputs, ..node.clone() });
    let file = ModelFile::from_bytes("constants", &to_tflite(&alone).ok()?).ok()?;
    let model = Model::check(file.bytes()).ok()?;
    let result = with_session(model, &ExecOptions::default(), |session| {
        session.invoke()?;
        (0..session.outputs()).map(|i| Ok(session.output_bytes(i)?.to_vec())).collect()
    });
    result.inspect_err(|e| tracing::debug!("a constant operator is kept: {e}")).ok()
}

/// The real values of a constant as a tensor of float32; `None` where it is no constant or has no
/// real values.
pub(crate) fn dequantized(tensor: &Tensor) -> Option<Tensor> {
    let data = tensor.data.as_ref()?;
    let integers = || -> Option<Vec<i64>> {
        Some(match tensor.tensor_type {
            TensorType::Int8 => data.iter().map(|&b| i64::from(b as i8)).collect(),
            TensorType::Int4 => {
                let both = data.iter().flat_map(|&b| [(b << 4) as i8 >> 4, b as i8 >> 4]);
                both.map(i64::from).take(tensor.shape.elements()).collect()
            }
            TensorType::UInt8 => data.iter().map(|&b| i64::from(b)).collect(),
            TensorType::Int16 => data.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b).into()).collect(),
            TensorType::Int32 => data.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b).into()).collect(),
            _ => return None,
        })
    };
    let values: Vec<f32> = match tensor.tensor_type {
        TensorType::Float32 => tensor.floats()?,
        TensorType::Float16 => data.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f32()).collect(),
        _ => {
            let q = tensor.quantization.as_ref()?;
            let real = |(v, c): (i64, usize)| q.scale_at(c) * (v - q.zero_point_at(c)) as f32;
            integers()?.into_iter().zip(tensor.channels(q.axis)).map(real).collect()
        }
    };
    let floats = Tensor { quantization: None, tensor_type: TensorType::Float32, ..tensor.clone() };
    Some(Tensor { data: Some(float_bytes(&values)), ..floats })
}
