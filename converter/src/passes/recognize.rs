//! Finds activations that the format has an operator for among the products and sums that they are written out as.
//!
//! A product is taken as its factors, whatever the order and the brackets: `factor * a * b * ...`; a sum in the same way
//! as `offset + term`. So one rule finds all ways in which exporters write a function.
//!
//! ```text
//! GELU        0.5 * x * (1 + erf(x / sqrt(2))), 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
//! HARD_SWISH  1/6 * x * relu6(x + 3), x * clip(x / 6 + 0.5, 0, 1)
//! ```
//!
//! Sources: Hendrycks and Gimpel, Gaussian Error Linear Units, 2016; Howard et al., Searching for MobileNetV3, 2019.

use sedge_schema::TensorType;
use sedge_schema::op::{Activation, Gelu, HardSwish, Op};

use super::Pass;
use crate::Failure;
use crate::graph::{Graph, Links, NodeId, Operation, TensorId};

/// Makes GELU and HARD_SWISH of what they are written out as.
#[derive(Clone, Copy, Debug)]
pub struct Recognize;

impl Pass for Recognize {
    fn name(&self) -> &'static str {
        "recognize"
    }

    fn run(&self, graph: &mut Graph) -> Result<usize, Failure> {
        Ok(recognize(graph, &[]))
    }
}

/// Makes one operator of each function that is found. `errors` are tensors that hold the error function of others,
/// `(erf(x), x)`: it has no operator either. Tells how many were found; what they were made of stays for who reads it.
pub(crate) fn recognize(graph: &mut Graph, errors: &[(TensorId, TensorId)]) -> usize {
    let links = Links::of(graph);
    let mut found = 0;
    for id in graph.node_ids() {
        let find = Find { graph, links: &links, errors };
        if let Some((op, x)) = find.function(id) {
            let node = graph.node_mut(id);
            (node.op, node.inputs) = (op, vec![Some(x)]);
            found += 1;
        }
    }
    found
}

/// The most operators that a product or a sum is taken apart through.
const MAX_DEPTH: usize = 6;

/// Constants may be this much off, relative to their size: they were rounded, and some exporters keep few digits.
const TOLERANCE: f64 = 1e-3;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= TOLERANCE * b.abs()
}

/// `factor * tensors[0] * tensors[1] * ...`
struct Product {
    factor: f64,
    tensors: Vec<TensorId>,
}

struct Find<'g> {
    graph: &'g Graph,
    links: &'g Links,
    errors: &'g [(TensorId, TensorId)],
}

impl Find<'_> {
    fn op(&self, tensor: TensorId) -> Option<(&Op, [Option<TensorId>; 2])> {
        let node = self.graph.node(self.links.producer(tensor)?);
        Some((node.op.known()?, [node.input(0), node.input(1)]))
    }

    /// A constant that is one number for all elements.
    fn number(&self, tensor: TensorId) -> Option<f64> {
        let values = self.graph.tensor(tensor).floats()?;
        let (&first, rest) = values.split_first()?;
        rest.iter().all(|&v| v == first).then_some(first.into())
    }

    /// What a tensor is the error function of.
    fn argument(&self, error: TensorId) -> Option<TensorId> {
        self.errors.iter().find(|(e, _)| *e == error).map(|&(_, argument)| argument)
    }

    /// What is multiplied to give a tensor; itself where that is no product.
    fn product(&self, tensor: TensorId, depth: usize) -> Product {
        let single = || Product { factor: 1.0, tensors: vec![tensor] };
        let Some(depth) = depth.checked_sub(1).filter(|_| self.argument(tensor).is_none()) else {
            return single();
        };
        let (a, b) = match self.op(tensor) {
            Some((Op::Neg(_), [Some(x), _])) => {
                let inner = self.product(x, depth);
                return Product { factor: -inner.factor, ..inner };
            }
            Some((Op::Mul(op), [Some(a), Some(b)])) if op.activation == Activation::None => (a, b),
            Some((Op::Div(op), [Some(a), Some(b)])) if op.activation == Activation::None => {
                let Some(divisor) = self.number(b) else { return single() };
                let inner = self.product(a, depth);
                return Product { factor: inner.factor / divisor, ..inner };
            }
            Some((Op::Square(_), [Some(x), _])) => (x, x),
            Some((Op::Pow(_), [Some(x), Some(power)])) if self.number(power) == Some(3.0) => {
                return Product { factor: 1.0, tensors: vec![x; 3] };
            }
            _ => return single(),
        };
        let mut all = Product { factor: 1.0, tensors: Vec::new() };
        for part in [a, b] {
            match self.number(part) {
                Some(number) => all.factor *= number,
                None => {
                    let inner = self.product(part, depth);
                    all.factor *= inner.factor;
                    all.tensors.extend(inner.tensors);
                }
            }
        }
        all
    }

    /// `offset + term` that a tensor is, with the activation behind it.
    fn sum(&self, tensor: TensorId) -> Option<(f64, Product, Activation)> {
        let (a, b, activation, sign) = match self.op(tensor)? {
            (Op::Add(op), [Some(a), Some(b)]) => (a, b, op.activation, 1.0),
            (Op::Sub(op), [Some(a), Some(b)]) => (a, b, op.activation, -1.0),
            _ => return None,
        };
        let (offset, term, factor) = match (self.number(a), self.number(b)) {
            (Some(offset), None) => (offset, b, sign),
            (None, Some(offset)) => (sign * offset, a, 1.0),
            _ => return None,
        };
        let term = self.product(term, MAX_DEPTH);
        Some((offset, Product { factor: factor * term.factor, ..term }, activation))
    }

    /// The function of one tensor that a node's output is.
    fn function(&self, id: NodeId) -> Option<(Operation, TensorId)> {
        let node = self.graph.node(id);
        let &[output] = node.outputs.as_slice() else { return None };
        if !matches!(node.op.known()?, Op::Mul(_) | Op::Div(_))
            || self.graph.tensor(output).tensor_type != TensorType::Float32
        {
            return None;
        }
        let whole = self.product(output, MAX_DEPTH);
        let &[a, b] = whole.tensors.as_slice() else { return None };
        [(a, b), (b, a)].into_iter().find_map(|(x, gate)| {
            let same = self.graph.tensor(x).shape == self.graph.tensor(output).shape;
            let op = self.gate(whole.factor, x, gate).filter(|_| same)?;
            Some((op, x))
        })
    }

    /// The function that `factor * x * gate` is.
    fn gate(&self, factor: f64, x: TensorId, gate: TensorId) -> Option<Operation> {
        if self.is_hard(factor, x, gate) {
            return Some(HardSwish {}.into());
        }
        let (offset, term, activation) = self.sum(gate)?;
        let &[inner] = term.tensors.as_slice() else { return None };
        // 0.5 * (1 + f) may have been written as 0.5 + 0.5 * f.
        if activation != Activation::None || !near(factor * offset, 0.5) || !near(term.factor.abs(), offset) {
            return None;
        }
        let sign = term.factor.signum();
        if let Some(argument) = self.argument(inner) {
            let argument = self.product(argument, MAX_DEPTH);
            let fits = near(sign * argument.factor, std::f64::consts::FRAC_1_SQRT_2);
            return (fits && argument.tensors == [x]).then(|| Gelu { approximate: false }.into());
        }
        let (Op::Tanh(_), [Some(argument), _]) = self.op(inner)? else { return None };
        self.is_cubic(sign, argument, x).then(|| Gelu { approximate: true }.into())
    }

    /// Whether `sign * argument` is `sqrt(2 / pi) * (x + 0.044715 * x^3)`.
    fn is_cubic(&self, sign: f64, argument: TensorId, x: TensorId) -> bool {
        const CUBE: f64 = 0.044_715;
        let outer = self.product(argument, MAX_DEPTH);
        let fits = near(sign * outer.factor, (2.0 / std::f64::consts::PI).sqrt());
        match *outer.tensors.as_slice() {
            // x * (1 + c * x^2)
            [a, b] if a == x || b == x => {
                let other = if a == x { b } else { a };
                let sum = self.sum(other);
                fits && sum.is_some_and(|(offset, term, activation)| {
                    near(offset, 1.0)
                        && near(term.factor, CUBE)
                        && term.tensors == [x, x]
                        && activation == Activation::None
                })
            }
            [sum] => {
                let Some((Op::Add(op), [Some(a), Some(b)])) = self.op(sum) else { return false };
                let cube = if a == x { b } else { a };
                let cube = self.product(cube, MAX_DEPTH);
                let has_line = a == x || b == x;
                fits && has_line
                    && near(cube.factor, CUBE)
                    && cube.tensors == [x; 3]
                    && op.activation == Activation::None
            }
            _ => false,
        }
    }

    /// Whether `factor * gate` is `relu6(x + 3) / 6`.
    fn is_hard(&self, factor: f64, x: TensorId, gate: TensorId) -> bool {
        let line = |tensor: TensorId, offset: f64, slope: f64| {
            self.sum(tensor)
                .filter(|(o, term, _)| near(*o, offset) && near(term.factor, slope) && term.tensors == [x])
                .map(|(_, _, activation)| activation)
        };
        match self.op(gate) {
            Some((Op::Relu6(_), [Some(inner), _])) => {
                near(factor, 1.0 / 6.0) && line(inner, 3.0, 1.0) == Some(Activation::None)
            }
            Some((Op::Relu0To1(_), [Some(inner), _])) => {
                near(factor, 1.0) && line(inner, 0.5, 1.0 / 6.0) == Some(Activation::None)
            }
            _ => near(factor, 1.0 / 6.0) && line(gate, 3.0, 1.0) == Some(Activation::Relu6),
        }
    }
}
