//! Products of matrices.

use sedge_schema::op::{BatchMatmul, FullyConnected};

use super::call::Call;
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::TensorId;

pub(super) fn handler(op: &str) -> Option<Handler> {
    Some(Handler::Tensors(match op {
        "BatchMatMul" | "BatchMatMulV2" | "BatchMatMulV3" | "MatMul" => product,
        "Einsum" => |i, c, x| i.builder.einsum(&c.name, c.text("equation").unwrap_or_default(), x),
        _ => return None,
    }))
}

/// A fully connected layer where the second factor is one matrix that is known, else BATCH_MATMUL.
fn product(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [a, b] = call.operands(x)?;
    let (adj_x, adj_y) = match call.op() {
        "MatMul" => (call.flag("transpose_a", false), call.flag("transpose_b", false)),
        _ => (call.flag("adj_x", false), call.flag("adj_y", false)),
    };
    let (rank, rank_b) = (importer.dims(a).len(), importer.dims(b).len());
    let is_table = importer.builder.graph.tensor(b).is_constant() && rank_b == 2 && rank >= 2 && !adj_x;
    if !is_table {
        return importer.emit(&call.name, BatchMatmul { adj_x, adj_y, ..BatchMatmul::default() }, &[a, b]);
    }
    let order = if adj_y { [0, 1] } else { [1, 0] };
    let weights = importer.builder.transpose(&call.part("weights"), b, &order)?;
    let op = FullyConnected { keep_num_dims: rank != 2, ..FullyConnected::default() };
    importer.emit(&call.name, op, &[a, weights])
}
