//! Takes out operators that only give the same elements another shape or order, where they change nothing or
//! one does what two do; and products with 1 and sums with 0.

use sedge_schema::TensorType;
use sedge_schema::op::{Activation, Op, Reshape};

use super::Pass;
use crate::Failure;
use crate::graph::{Graph, Links, NodeId, Tensor, TensorId};

/// Takes out RESHAPE to the same shape, TRANSPOSE to the same order, CAST to the same type, products with 1 and sums with 0; makes one of two
/// such operators in a row.
#[derive(Clone, Copy, Debug)]
pub struct Simplify;

impl Pass for Simplify {
    fn name(&self) -> &'static str {
        "simplify"
    }

    fn run(&self, graph: &mut Graph) -> Result<usize, Failure> {
        let mut changes = 0;
        for id in graph.node_ids() {
            let links = Links::of(graph);
            changes += usize::from(join(graph, &links, id).is_some());
            changes += usize::from(skip(graph, id).is_some());
        }
        Ok(changes)
    }
}

/// Whether an operator's output holds the elements of its input 0 in their order.
fn keeps_elements(op: &Op) -> bool {
    matches!(op, Op::Reshape(_) | Op::Squeeze(_) | Op::ExpandDims(_))
}

/// Reads what an operator before this one reads, where both together do what this one can do alone.
fn join(graph: &mut Graph, links: &Links, id: NodeId) -> Option<()> {
    let node = graph.node(id);
    let before = graph.node(links.producer(node.input(0)?)?);
    let source = before.input(0)?;
    match (before.op.known()?, node.op.known()?) {
        (first, second) if keeps_elements(first) && keeps_elements(second) => {
            let output = *node.outputs.first()?;
            let shape = graph.tensor(output).shape;
            let dims: Vec<u8> = shape.dims().iter().flat_map(|&d| (d as i32).to_le_bytes()).collect();
            let list = sedge_schema::Shape::new(&[shape.rank() as u32])?;
            let name = format!("{}/shape", graph.tensor(output).name);
            let list = graph.add_tensor(Tensor::constant(name, TensorType::Int32, list, dims));
            let node = graph.node_mut(id);
            node.op = Reshape::default().into();
            node.inputs = vec![Some(source), Some(list)];
        }
        (Op::Transpose(_), Op::Transpose(_)) => {
            let (first, second) = (order(graph, before.input(1)?)?, order(graph, node.input(1)?)?);
            let both: Vec<i32> = second
                .iter()
                .map(|&i| first.get(usize::try_from(i).ok()?).copied())
                .collect::<Option<_>>()?;
            let bytes: Vec<u8> = both.iter().flat_map(|i| i.to_le_bytes()).collect();
            let list = sedge_schema::Shape::new(&[u32::try_from(both.len()).ok()?])?;
            let name = format!("{}/order", graph.tensor(*node.outputs.first()?).name);
            let list = graph.add_tensor(Tensor::constant(name, TensorType::Int32, list, bytes));
            graph.node_mut(id).inputs = vec![Some(source), Some(list)];
        }
        _ => return None,
    }
    Some(())
}

fn order(graph: &Graph, list: TensorId) -> Option<Vec<i32>> {
    let list = graph.tensor(list);
    let data = list.data.as_deref().filter(|_| list.tensor_type == TensorType::Int32)?;
    Some(data.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b)).collect())
}

/// Whether a tensor is a constant of this number only.
fn is_all(graph: &Graph, tensor: TensorId, number: f32) -> bool {
    graph.tensor(tensor).floats().is_some_and(|values| values.iter().all(|&v| v == number))
}

/// Takes an operator out that changes nothing.
fn skip(graph: &mut Graph, id: NodeId) -> Option<()> {
    let node = graph.node(id);
    let (input, output) = (node.input(0)?, *node.outputs.first()?);
    let (from, to) = (graph.tensor(input), graph.tensor(output));
    let changes_nothing = match node.op.known()? {
        op if keeps_elements(op) => from.shape == to.shape,
        Op::Transpose(_) => order(graph, node.input(1)?)?.is_sorted(),
        Op::Cast(_) => from.tensor_type == to.tensor_type,
        Op::Mul(op) => op.activation == Activation::None && is_all(graph, node.input(1)?, 1.0),
        Op::Div(op) => op.activation == Activation::None && is_all(graph, node.input(1)?, 1.0),
        Op::Add(op) => op.activation == Activation::None && is_all(graph, node.input(1)?, 0.0),
        Op::Sub(op) => op.activation == Activation::None && is_all(graph, node.input(1)?, 0.0),
        _ => false,
    };
    // An output keeps its name, and an input or a constant cannot be one.
    // Broadcasting makes an input larger.
    let is_larger = !keeps_elements(node.op.known()?) && from.shape != to.shape;
    if !changes_nothing
        || is_larger
        || graph.outputs.contains(&output)
        || from.quantization != to.quantization
    {
        return None;
    }
    graph.replace_uses(output, input);
    graph.remove(id);
    Some(())
}

#[cfg(test)]
mod tests {
    use sedge_schema::Shape;
    use sedge_schema::op::{Relu, Transpose};

    use super::*;
    use crate::graph::Node;

    #[test]
    fn two_transpositions_that_undo_each_other_go() {
        let mut graph = Graph::default();
        let shapes: [&[u32]; 5] = [&[1, 3, 4, 5], &[1, 4, 5, 3], &[1, 3, 4, 5], &[1, 3, 4, 5], &[1, 60]];
        let t: Vec<_> = shapes
            .iter()
            .map(|s| graph.add_tensor(Tensor::computed("t", TensorType::Float32, Shape::new(s).unwrap())))
            .collect();
        for (k, order) in [[0, 2, 3, 1], [0, 3, 1, 2]].into_iter().enumerate() {
            let bytes: Vec<u8> = order.iter().flat_map(|i: &i32| i.to_le_bytes()).collect();
            let list = Tensor::constant("order", TensorType::Int32, Shape::new(&[4]).unwrap(), bytes);
            let inputs = vec![Some(t[k]), Some(graph.add_tensor(list))];
            graph.push(Node {
                name: String::new(),
                op: Transpose {}.into(),
                inputs,
                outputs: vec![t[k + 1]],
            });
        }
        let inputs = vec![Some(t[2])];
        graph.push(Node { name: String::new(), op: Relu {}.into(), inputs, outputs: vec![t[3]] });
        (graph.inputs, graph.outputs) = (vec![t[0]], vec![t[3]]);
        Simplify.run(&mut graph).unwrap();
        graph.remove_dead();
        graph.verify().unwrap();
        assert_eq!(graph.nodes().map(|(_, n)| n.op.name().to_owned()).collect::<Vec<_>>(), ["RELU"]);
    }
}
