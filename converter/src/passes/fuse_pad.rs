//! Puts a border of zeros into the convolution behind it, where that has a name for the same border.

use sedge_schema::op::{Op, Padding};
use sedge_schema::{Shape, TensorType};

use super::Pass;
use crate::Failure;
use crate::graph::{Graph, Links, NodeId, Operation, Tensor};

/// Puts PAD into CONV_2D and DEPTHWISE_CONV_2D, whose padding VALID becomes SAME.
#[derive(Clone, Copy, Debug)]
pub struct FusePad;

impl Pass for FusePad {
    fn name(&self) -> &'static str {
        "fuse-pad"
    }

    fn run(&self, graph: &mut Graph) -> Result<usize, Failure> {
        let links = Links::of(graph);
        let mut changes = 0;
        for id in graph.node_ids() {
            changes += usize::from(fuse(graph, &links, id).is_some());
        }
        Ok(changes)
    }
}

/// Rows or columns: the kernel's size, stride and dilation.
type Side = (usize, i32, i32);

fn fuse(graph: &mut Graph, links: &Links, id: NodeId) -> Option<()> {
    let node = graph.node(id);
    let (padded, weights) = (node.input(0)?, graph.tensor(node.input(1)?).shape);
    let sides: [Side; 2] = match node.op.known()? {
        Op::Conv2d(op) if op.padding == Padding::Valid => {
            [(weights.dim(1), op.stride_h, op.dilation_h), (weights.dim(2), op.stride_w, op.dilation_w)]
        }
        Op::DepthwiseConv2d(op) if op.padding == Padding::Valid => {
            [(weights.dim(1), op.stride_h, op.dilation_h), (weights.dim(2), op.stride_w, op.dilation_w)]
        }
        _ => return None,
    };
    let pad = graph.node(links.producer(padded)?);
    if !matches!(pad.op.known()?, Op::Pad(_)) || graph.tensor(padded).tensor_type != TensorType::Float32 {
        return None;
    }
    let source = pad.input(0)?;
    let borders = borders(graph.tensor(pad.input(1)?))?;
    let from = graph.tensor(source).shape;
    let outer = [borders.first()?, borders.get(3)?];
    let inner = [borders.get(1)?, borders.get(2)?];
    let fits =
        |axis: usize, border: &[i64; 2], side: &Side| is_same(&from, axis, *border, *side).unwrap_or(false);
    if borders.len() != 4
        || outer.iter().any(|b| **b != [0, 0])
        || !(1..3).zip(inner.iter().zip(&sides)).all(|(axis, (border, side))| fits(axis, border, side))
    {
        return None;
    }
    let node = graph.node_mut(id);
    *node.inputs.first_mut()? = Some(source);
    match &mut node.op {
        Operation::Known(Op::Conv2d(op)) => op.padding = Padding::Same,
        Operation::Known(Op::DepthwiseConv2d(op)) => op.padding = Padding::Same,
        _ => {}
    }
    Some(())
}

/// The borders that a constant lists, before and after for each dimension.
fn borders(list: &Tensor) -> Option<Vec<[i64; 2]>> {
    Some(list.ints()?.as_chunks().0.to_vec())
}

/// Whether [`Padding::Same`] gives as many positions with this border, and the same one before the first.
fn is_same(
    from: &Shape,
    axis: usize,
    [before, after]: [i64; 2],
    (kernel, stride, dilation): Side,
) -> Option<bool> {
    let size = from.dim(axis) as i64;
    let (stride, span) = (i64::from(stride), (kernel as i64 - 1).checked_mul(dilation.into())? + 1);
    let room = size.checked_add(before)?.checked_add(after)?.checked_sub(span)?;
    let output = room.checked_div(stride)? + 1;
    let natural = (size + stride - 1) / stride;
    let total = ((natural - 1) * stride + span - size).max(0);
    Some(natural == output && total / 2 == before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_borders_that_the_operator_would_add_are_its_own() {
        let image = Shape::new(&[1, 8, 9, 3]).unwrap();
        let same = |axis, border, kernel, stride| is_same(&image, axis, border, (kernel, stride, 1)).unwrap();
        assert!(same(1, [1, 1], 3, 1));
        // 8 rows by steps of 2: TensorFlow's border lies behind them, PyTorch's on both sides.
        assert!(same(1, [0, 1], 3, 2));
        assert!(!same(1, [1, 1], 3, 2));
        // 9 columns by steps of 2 have a border on both sides either way.
        assert!(same(2, [1, 1], 3, 2));
        assert!(!same(1, [2, 2], 3, 1));
    }
}
