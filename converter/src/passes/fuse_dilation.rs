//! Puts the cells that a convolution leaves out into the convolution. TensorFlow writes a dilated convolution as one
//! without gaps on an image that SPACE_TO_BATCH_ND has split into those of every second (third, ...) cell, whose results
//! BATCH_TO_SPACE_ND joins again.
//!
//! ```text
//! x -> SPACE_TO_BATCH_ND [-> RESHAPE] -> CONV_2D [-> RESHAPE] -> BATCH_TO_SPACE_ND -> y
//! x [-> RESHAPE] -> CONV_2D with dilation [-> RESHAPE] -> y
//! ```
//!
//! The RESHAPEs are there over lines, which convolutions take as images of one row or one column.

use sedge_schema::op::{Op, Pad, Padding, Reshape};
use sedge_schema::{Shape, TensorType};

use super::Pass;
use crate::Failure;
use crate::graph::{Graph, Links, Node, NodeId, Operation, Tensor, TensorId};

/// Puts SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND into the CONV_2D or DEPTHWISE_CONV_2D between them.
#[derive(Clone, Copy, Debug)]
pub struct FuseDilation;

impl Pass for FuseDilation {
    fn name(&self) -> &'static str {
        "fuse-dilation"
    }

    fn run(&self, graph: &mut Graph) -> Result<usize, Failure> {
        let mut changes = 0;
        for id in graph.node_ids() {
            let links = Links::of(graph);
            changes += usize::from(fuse(graph, &links, id).is_some());
        }
        Ok(changes)
    }
}

/// The only operator that reads a tensor which is not given out.
fn only_reader(graph: &Graph, links: &Links, tensor: TensorId) -> Option<NodeId> {
    match links.consumers(tensor) {
        &[reader] if !graph.outputs.contains(&tensor) => Some(reader),
        _ => None,
    }
}

/// The operator behind a RESHAPE, or behind nothing.
fn behind(graph: &Graph, links: &Links, tensor: TensorId) -> Option<(NodeId, TensorId)> {
    let next = only_reader(graph, links, tensor)?;
    let node = graph.node(next);
    match node.op.known()? {
        Op::Reshape(_) | Op::ExpandDims(_) | Op::Squeeze(_) => {
            let &reshaped = node.outputs.first()?;
            Some((only_reader(graph, links, reshaped)?, reshaped))
        }
        _ => Some((next, tensor)),
    }
}

fn fuse(graph: &mut Graph, links: &Links, split: NodeId) -> Option<()> {
    let node = graph.node(split);
    let Op::SpaceToBatchNd(_) = node.op.known()? else { return None };
    let (source, &cells) = (node.input(0)?, node.outputs.first()?);
    let numbers = |node: &Node, i: usize| graph.tensor(node.input(i)?).ints();
    let (blocks, borders) = (numbers(node, 1)?, numbers(node, 2)?);
    let (layer, image) = behind(graph, links, cells)?;
    let &result = graph.node(layer).outputs.first()?;
    let (join, joined) = behind(graph, links, result)?;
    let last = graph.node(join);
    let Op::BatchToSpaceNd(_) = last.op.known()? else { return None };
    let &output = last.outputs.first()?;
    if last.input(0) != Some(joined)
        || graph.node(layer).input(0) != Some(image)
        || numbers(last, 1)? != blocks
    {
        return None;
    }
    let crops = numbers(last, 2)?;
    // Which of the image's two dimensions each block is of.
    let [rows, columns] = match (blocks.as_slice(), graph.tensor(cells).shape.rank()) {
        (&[rows, columns], 4) => [rows, columns],
        (&[length], 3) => match graph.tensor(image).shape.dims() {
            [_, 1, _, _] => [1, length],
            [_, _, 1, _] => [length, 1],
            _ => return None,
        },
        _ => return None,
    };
    let border = |i: usize| -> Option<[i64; 2]> {
        let (pad, crop) = (borders.get(2 * i..2 * i + 2)?, crops.get(2 * i..2 * i + 2)?);
        let (&[before, after], &[cut_before, cut_after]) = (pad, crop) else { return None };
        (cut_before == 0 && cut_after <= after).then_some([before, after - cut_after])
    };
    let own = match blocks.len() {
        2 => [border(0)?, border(1)?],
        _ if columns > 1 || rows == 1 => [[0, 0], border(0)?],
        _ => [border(0)?, [0, 0]],
    };
    let (dilation, kernel) = ([rows, columns].map(|d| d as i32), graph.node(layer).input(1)?);
    let kernel = graph.tensor(kernel).shape;
    let mut op = *graph.node(layer).op.known()?;
    let (padding, strides, dilations) = match &mut op {
        Op::Conv2d(op) => {
            (&mut op.padding, [op.stride_h, op.stride_w], [&mut op.dilation_h, &mut op.dilation_w])
        }
        Op::DepthwiseConv2d(op) => {
            (&mut op.padding, [op.stride_h, op.stride_w], [&mut op.dilation_h, &mut op.dilation_w])
        }
        _ => return None,
    };
    if *padding != Padding::Valid || strides != [1, 1] || dilations.iter().any(|d| **d != 1) {
        return None;
    }
    for (to, from) in dilations.into_iter().zip(dilation) {
        *to = from;
    }
    let same = |i: usize| {
        let total = (kernel.dim(1 + i) as i64 - 1) * [rows, columns][i];
        [total / 2, total - total / 2]
    };
    let is_padded = own != [[0, 0]; 2];
    let is_same = own == [same(0), same(1)];
    if is_same && is_padded {
        *padding = Padding::Same;
    }
    // What the operators read and write: the whole image, not its parts.
    let whole = |shape: Shape, like: TensorId, graph: &Graph| -> Option<Shape> {
        let (from, image) = (shape, graph.tensor(like).shape);
        match (from.rank(), image.dims()) {
            (4, _) => Some(from),
            (_, [_, 1, _, _]) => {
                Shape::new(&[from.dims().first().copied()?, 1, from.dim(1) as u32, from.dim(2) as u32])
            }
            _ => Shape::new(&[from.dims().first().copied()?, from.dim(1) as u32, 1, from.dim(2) as u32]),
        }
    };
    let (in_shape, out_shape) =
        (whole(graph.tensor(source).shape, image, graph)?, whole(graph.tensor(output).shape, result, graph)?);
    let name = graph.tensor(output).name.clone();
    let mut input = reshaped(graph, layer, source, in_shape, &format!("{name}/image"))?;
    if is_padded && !is_same {
        let list: Vec<u8> = [[0, 0], own[0], own[1], [0, 0]]
            .as_flattened()
            .iter()
            .flat_map(|&n| (n as i32).to_le_bytes())
            .collect();
        let list = Tensor::constant(format!("{name}/borders"), TensorType::Int32, Shape::new(&[4, 2])?, list);
        let grown =
            |axis: usize| u32::try_from(in_shape.dim(axis) as i64 + own[axis - 1][0] + own[axis - 1][1]).ok();
        let shape = in_shape.with(1, grown(1)?)?.with(2, grown(2)?)?;
        let padded =
            Tensor { data: None, shape, name: format!("{name}/padded"), ..graph.tensor(input).clone() };
        let (list, padded) = (graph.add_tensor(list), graph.add_tensor(padded));
        let inputs = vec![Some(input), Some(list)];
        graph.insert_before(
            layer,
            Node { name: String::new(), op: Pad {}.into(), inputs, outputs: vec![padded] },
        );
        input = padded;
    }
    graph.node_mut(layer).op = Operation::Known(op);
    *graph.node_mut(layer).inputs.first_mut()? = Some(input);
    graph.remove(join);
    if out_shape == graph.tensor(output).shape {
        graph.node_mut(layer).outputs = vec![output];
        return Some(());
    }
    let made =
        Tensor { shape: out_shape, name: format!("{name}/image made"), ..graph.tensor(output).clone() };
    let made = graph.add_tensor(made);
    graph.node_mut(layer).outputs = vec![made];
    let list = shape_list(graph, graph.tensor(output).shape, &name);
    let inputs = vec![Some(made), Some(list)];
    let op = Reshape::default().into();
    graph.insert_after(layer, Node { name: String::new(), op, inputs, outputs: vec![output] });
    Some(())
}

/// The tensor in another shape, by a RESHAPE where it has another.
fn reshaped(
    graph: &mut Graph,
    before: NodeId,
    tensor: TensorId,
    shape: Shape,
    name: &str,
) -> Option<TensorId> {
    if graph.tensor(tensor).shape == shape {
        return Some(tensor);
    }
    let made = Tensor { shape, data: None, name: name.to_owned(), ..graph.tensor(tensor).clone() };
    let made = graph.add_tensor(made);
    let list = shape_list(graph, shape, name);
    let inputs = vec![Some(tensor), Some(list)];
    let op = Reshape::default().into();
    graph.insert_before(before, Node { name: String::new(), op, inputs, outputs: vec![made] });
    Some(made)
}

fn shape_list(graph: &mut Graph, shape: Shape, name: &str) -> TensorId {
    let dims: Vec<i32> = shape.dims().iter().map(|&d| d as i32).collect();
    graph.add_tensor(Tensor::list(format!("{name}/shape"), &dims))
}
