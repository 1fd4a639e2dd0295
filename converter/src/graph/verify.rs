//! What every graph must hold to.

use sedge_schema::{Refusal, Shape};

use super::{Graph, Node, Operation, Tensor, TensorId};

/// Where a graph does not hold together: a defect of the model, or of the pass that ran last.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum VerifyError {
    /// A tensor is named that does not exist.
    #[error("an index points outside the graph's tensors")]
    Index,
    /// A tensor is read before it is written.
    #[error("{node} reads '{tensor}' before any operator has written it")]
    Order {
        /// The operator that reads it.
        node: String,
        /// The tensor.
        tensor: String,
    },
    /// A tensor is written twice, or is an input or a constant and written.
    #[error("{node} writes '{tensor}', which has a value already")]
    WrittenTwice {
        /// The second operator that writes it.
        node: String,
        /// The tensor.
        tensor: String,
    },
    /// An output is never written.
    #[error("the output '{0}' is never written")]
    Output(String),
    /// A constant has not as many bytes as shape and type need.
    #[error("the constant '{0}' does not have the size of its shape")]
    ConstantSize(String),
    /// Scales and zero points do not fit each other or the shape.
    #[error("scales or zero points do not fit the tensor '{0}'")]
    Quantization(String),
    /// An operator's rule refuses its inputs.
    #[error("{node}: {refusal}")]
    Refused {
        /// The operator.
        node: String,
        /// Why.
        refusal: Refusal,
    },
    /// An output does not have the shape that follows from the inputs.
    #[error("{node} gives '{tensor}' the shape {expected}, but it has {found}")]
    Shape {
        /// The operator.
        node: String,
        /// The output.
        tensor: String,
        /// The shape that follows from the inputs.
        expected: Shape,
        /// The shape that it has.
        found: Shape,
    },
}

impl VerifyError {
    pub(super) fn refused(graph: &Graph, node: &Node, refusal: Refusal) -> Self {
        Self::Refused { node: graph.describe(node), refusal }
    }
}

impl Graph {
    /// A node for people: its operator and what it writes.
    pub fn describe(&self, node: &Node) -> String {
        let output = node.outputs.first().and_then(|&t| self.get(t));
        match output {
            Some(t) => format!("{} '{}'", node.op.name(), t.name),
            None => node.op.name().to_owned(),
        }
    }

    /// Checks that all ids are this graph's, that each tensor is written once and before it is
    /// read, and that constants, quantization and shapes fit.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self) -> Result<(), VerifyError> {
        self.verify_tensors()?;
        let get = |id: TensorId| self.get(id).ok_or(VerifyError::Index);
        let mut known = vec![false; self.tensors.len()];
        for (id, tensor) in self.tensors() {
            known[id.index()] = tensor.is_constant() || tensor.is_variable;
        }
        for &input in &self.inputs {
            get(input)?;
            known[input.index()] = true;
        }
        for (_, node) in self.nodes() {
            for id in node.reads() {
                let tensor = get(id)?;
                if !known[id.index()] {
                    return Err(VerifyError::Order {
                        node: self.describe(node),
                        tensor: tensor.name.clone(),
                    });
                }
            }
            for &id in &node.outputs {
                let tensor = get(id)?;
                if std::mem::replace(&mut known[id.index()], true) {
                    let tensor = tensor.name.clone();
                    return Err(VerifyError::WrittenTwice { node: self.describe(node), tensor });
                }
            }
            self.verify_shapes(node)?;
        }
        let named = self.signatures.iter().flat_map(|s| s.inputs.iter().chain(&s.outputs)).map(|(_, id)| id);
        for &id in self.outputs.iter().chain(named) {
            let tensor = get(id)?;
            if !known[id.index()] {
                return Err(VerifyError::Output(tensor.name.clone()));
            }
        }
        Ok(())
    }

    fn verify_tensors(&self) -> Result<(), VerifyError> {
        for (_, tensor) in self.tensors() {
            if let Some(data) = &tensor.data {
                let needed = tensor.tensor_type.bytes(tensor.shape.elements());
                if tensor.tensor_type.bits() != 0 && needed != Some(data.len()) {
                    return Err(VerifyError::ConstantSize(tensor.name.clone()));
                }
            }
            if let Some(q) = &tensor.quantization {
                let count = q.scales.len();
                let fits = q.zero_points.len() == count
                    && (count == 1 || count == tensor.shape.dim(q.axis))
                    && q.scales.iter().all(|s| s.is_finite() && *s >= 0.0);
                if !fits {
                    return Err(VerifyError::Quantization(tensor.name.clone()));
                }
            }
        }
        Ok(())
    }

    fn verify_shapes(&self, node: &Node) -> Result<(), VerifyError> {
        let Operation::Known(op) = node.op else { return Ok(()) };
        for (i, &output) in node.outputs.iter().enumerate() {
            match op.infer(&self.surroundings(node), i) {
                Ok(expected) => {
                    let Tensor { name, shape, .. } = self.tensor(output);
                    if *shape != expected {
                        let (node, tensor, found) = (self.describe(node), name.clone(), *shape);
                        return Err(VerifyError::Shape { node, tensor, expected, found });
                    }
                }
                Err(Refusal::Pending(_)) => {}
                Err(refusal) => return Err(VerifyError::refused(self, node, refusal)),
            }
        }
        Ok(())
    }
}
