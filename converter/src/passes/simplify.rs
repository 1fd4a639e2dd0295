//! Takes out operators that only give the same elements another shape or order, where they change nothing or
//! one does what two do; and products with 1 and sums with 0.

use sedge_schema::TensorType;
use sedge_schema::op::{Activation, Op, Reshape};

use super::Pass;
use crate::Failure;
use crate::graph::{Graph, Links, Node, NodeId, Tensor, TensorId};

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
            let dims: Vec<i32> = shape.dims().iter().map(|&d| d as i32).collect();
            let name = format!("{}/shape", graph.tensor(output).name);
            let list = graph.add_tensor(Tensor::list(name, &dims));
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
            let name = format!("{}/order", graph.tensor(*node.outputs.first()?).name);
            let list = graph.add_tensor(Tensor::list(name, &both));
            graph.node_mut(id).inputs = vec![Some(source), Some(list)];
        }
        _ => return None,
    }
    Some(())
}

fn order(graph: &Graph, list: TensorId) -> Option<Vec<i32>> {
    let list = graph.tensor(list);
    let numbers = list.ints().filter(|_| list.tensor_type == TensorType::Int32)?;
    numbers.into_iter().map(|i| i32::try_from(i).ok()).collect()
}

/// Takes an operator out that changes nothing.
fn skip(graph: &mut Graph, id: NodeId) -> Option<()> {
    let node = graph.node(id);
    let (first, output) = (node.input(0)?, *node.outputs.first()?);
    let input = match node.op.known()? {
        op if keeps_elements(op) => Some(first),
        Op::Transpose(_) => order(graph, node.input(1)?)?.is_sorted().then_some(first),
        Op::Cast(_) => Some(first),
        Op::Mul(op) if op.activation == Activation::None => other_than(graph, node, 1.0),
        Op::Add(op) if op.activation == Activation::None => other_than(graph, node, 0.0),
        Op::Div(op) if op.activation == Activation::None => {
            other_than(graph, node, 1.0).filter(|&t| t == first)
        }
        Op::Sub(op) if op.activation == Activation::None => {
            other_than(graph, node, 0.0).filter(|&t| t == first)
        }
        _ => None,
    };
    let input = input?;
    let (from, to) = (graph.tensor(input), graph.tensor(output));
    let is_same =
        (from.shape, from.tensor_type, &from.quantization) == (to.shape, to.tensor_type, &to.quantization);
    // An output keeps its name, and an input or a constant cannot be one.
    if !is_same || graph.outputs.contains(&output) {
        return None;
    }
    graph.replace_uses(output, input);
    graph.remove(id);
    Some(())
}

/// The input of an operator of two that is beside a constant of this number only.
fn other_than(graph: &Graph, node: &Node, number: f32) -> Option<TensorId> {
    let is_all = |tensor: TensorId| {
        graph.tensor(tensor).floats().is_some_and(|values| values.iter().all(|&v| v == number))
    };
    match (node.input(0)?, node.input(1)?) {
        (a, b) if is_all(b) => Some(a),
        (a, b) if is_all(a) => Some(b),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sedge_schema::Shape;
    use sedge_schema::op::{Add, Div, Mul, Relu, Sub, Transpose};

    use super::*;

    /// `x` and a constant through `op`, then RELU; how many operators are left.
    fn left(op: impl Into<crate::graph::Operation>, constant: &[f32], is_first: bool) -> usize {
        let mut graph = Graph::default();
        let row = Shape::new(&[1, 2]).unwrap();
        let [x, y, z] = [0; 3].map(|_| graph.add_tensor(Tensor::computed("t", TensorType::Float32, row)));
        let shape = Shape::new(&[constant.len() as u32]).unwrap();
        let c = Tensor::constant("c", TensorType::Float32, shape, crate::graph::float_bytes(constant));
        let c = graph.add_tensor(c);
        let inputs = if is_first { vec![Some(c), Some(x)] } else { vec![Some(x), Some(c)] };
        graph.push(Node { name: String::new(), op: op.into(), inputs, outputs: vec![y] });
        graph.push(Node { name: String::new(), op: Relu {}.into(), inputs: vec![Some(y)], outputs: vec![z] });
        (graph.inputs, graph.outputs) = (vec![x], vec![z]);
        Simplify.run(&mut graph).unwrap();
        graph.verify().unwrap();
        graph.nodes().len()
    }

    #[test]
    fn products_with_1_and_sums_with_0_go() {
        assert_eq!([left(Mul::default(), &[1.0], true), left(Mul::default(), &[1.0; 2], false)], [1, 1]);
        assert_eq!([left(Add::default(), &[0.0], true), left(Sub::default(), &[0.0], false)], [1, 1]);
        assert_eq!([left(Sub::default(), &[0.0], true), left(Div::default(), &[1.0], true)], [2, 2]);
        assert_eq!([left(Mul::default(), &[1.0, 2.0], true), left(Add::default(), &[1.0], false)], [2, 2]);
        let relu = Mul { activation: Activation::Relu };
        assert_eq!(left(relu, &[1.0], false), 2);
    }

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
