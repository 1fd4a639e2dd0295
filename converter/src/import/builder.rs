//! What importers, and whatever else writes a graph, share: they add constants and operators, and the operators' rules give the shapes. What depends
//! on constants only is computed at once.

use sedge_schema::op::{Op, QuantizationRule, Reshape, Transpose};
use sedge_schema::{Refusal, Shape, TensorType};

use crate::Failure;
use crate::graph::{Graph, Node, Operation, Quantization, Tensor, TensorId, float_bytes};
use crate::passes::{fold_node, recognize};

/// The most elements of a tensor: 1 GiB of float32. Files that ask for more mean harm.
const MAX_ELEMENTS: usize = 1 << 28;

/// The most elements of a constant that is worked out from shapes.
const MAX_DERIVED: usize = 1 << 24;

/// A graph that an importer is writing, operator by operator in execution order.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    /// What has been written so far.
    pub(crate) graph: Graph,
    /// Tensors that hold the error function of others, `(erf(x), x)`.
    pub(crate) errors: Vec<(TensorId, TensorId)>,
}

impl Builder {
    /// Adds a float32 constant.
    pub(crate) fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) -> Result<TensorId, Failure> {
        self.constant(name, TensorType::Float32, dims, float_bytes(values).to_vec())
    }

    /// Adds an int32 constant of one dimension, such as a list of axes.
    pub(crate) fn ints(&mut self, name: &str, values: &[i32]) -> Result<TensorId, Failure> {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, TensorType::Int32, &[values.len()], bytes)
    }

    /// Adds an int32 constant without dimensions, such as one axis.
    pub(crate) fn int(&mut self, name: &str, value: i32) -> Result<TensorId, Failure> {
        let id = self.constant(name, TensorType::Int32, &[], value.to_le_bytes().to_vec())?;
        self.graph.tensor_mut(id).has_rank = true;
        Ok(id)
    }

    /// Adds a real number: a float32 constant without dimensions.
    pub(crate) fn scalar(&mut self, name: &str, number: f32) -> Result<TensorId, Failure> {
        let id = self.floats(name, &[], &[number])?;
        self.graph.tensor_mut(id).has_rank = true;
        Ok(id)
    }

    /// A tensor's element type.
    pub(crate) fn kind(&self, tensor: TensorId) -> TensorType {
        self.graph.tensor(tensor).tensor_type
    }

    /// A tensor's dimensions.
    pub(crate) fn dims(&self, tensor: TensorId) -> Vec<usize> {
        self.graph.tensor(tensor).shape.dims().iter().map(|&d| d as usize).collect()
    }

    /// Adds a constant of any type; `bytes` are little-endian, in row-major order.
    pub(crate) fn constant(
        &mut self,
        name: &str,
        tensor_type: TensorType,
        dims: &[usize],
        bytes: Vec<u8>,
    ) -> Result<TensorId, Failure> {
        let shape = shape(name, dims)?;
        if tensor_type.bytes(shape.elements()) != Some(bytes.len()) {
            let count = bytes.len();
            return Err(Failure::new(format!("the constant '{name}' of shape {shape} has {count} bytes"))
                .help("make sure that the file was copied whole"));
        }
        Ok(self.graph.add_tensor(Tensor::constant(name, tensor_type, shape, bytes)))
    }

    /// Adds an operator with one output of `tensor_type`, named as the node.
    pub(crate) fn emit(
        &mut self,
        name: &str,
        op: impl Into<Operation>,
        inputs: &[TensorId],
        tensor_type: TensorType,
    ) -> Result<TensorId, Failure> {
        let inputs: Vec<_> = inputs.iter().copied().map(Some).collect();
        let outputs = self.emit_all(name, op, &inputs, &[(name, tensor_type)])?;
        outputs.first().copied().ok_or_else(|| Failure::new(format!("'{name}' has no output")))
    }

    /// Adds an operator with any number of outputs, of these names and types; `None` among the inputs
    /// leaves an optional one out. The operator's rule gives the outputs' shapes.
    ///
    /// # Errors
    /// Where the rule refuses the inputs, or a shape depends on values that only a run computes.
    pub(crate) fn emit_all(
        &mut self,
        name: &str,
        op: impl Into<Operation>,
        inputs: &[Option<TensorId>],
        outputs: &[(&str, TensorType)],
    ) -> Result<Vec<TensorId>, Failure> {
        let scalar = Shape::new(&[]).unwrap_or_default();
        let ids: Vec<TensorId> = outputs
            .iter()
            .map(|&(name, tensor_type)| self.graph.add_tensor(Tensor::computed(name, tensor_type, scalar)))
            .collect();
        let node =
            Node { name: name.to_owned(), op: op.into(), inputs: inputs.to_vec(), outputs: ids.clone() };
        if let Operation::Known(op) = &node.op {
            let scale = self.scale_kept(op, &node);
            for (i, &id) in ids.iter().enumerate() {
                let shape = op.infer(&self.graph.surroundings(&node), i);
                let shape = shape.map_err(|refusal| self.refused(&node, refusal))?;
                if shape.elements() > MAX_ELEMENTS {
                    return Err(Failure::new(format!(
                        "'{}' gives the shape {shape}, which is too large",
                        node.name
                    )));
                }
                let tensor = self.graph.tensor_mut(id);
                tensor.shape = shape;
                tensor.quantization =
                    scale.clone().filter(|(kind, _)| *kind == tensor.tensor_type).map(|s| s.1);
            }
        }
        let id = self.graph.push(node);
        fold_node(&mut self.graph, id);
        Ok(ids)
    }

    /// Type and scale of the quantized values that an operator hands on as they are.
    fn scale_kept(&self, op: &Op, node: &Node) -> Option<(TensorType, Quantization)> {
        let keeps = matches!(op.quantization(), QuantizationRule::SameAsInput | QuantizationRule::AllSame);
        let of = |id| {
            let tensor = self.graph.tensor(id);
            tensor.quantization.clone().map(|q| (tensor.tensor_type, q))
        };
        node.reads().filter(|_| keeps).find_map(of)
    }

    /// Adds an operator of one input that keeps the shape, and leaves it there though its input is a constant.
    pub(crate) fn emit_kept(
        &mut self,
        name: &str,
        op: impl Into<Operation>,
        input: TensorId,
        tensor_type: TensorType,
    ) -> TensorId {
        let shape = self.graph.tensor(input).shape;
        let output = self.graph.add_tensor(Tensor::computed(name, tensor_type, shape));
        let (name, inputs) = (name.to_owned(), vec![Some(input)]);
        self.graph.push(Node { name, op: op.into(), inputs, outputs: vec![output] });
        output
    }

    /// The tensor with other dimensions; itself where they are the same.
    pub(crate) fn reshape(
        &mut self,
        name: &str,
        tensor: TensorId,
        dims: &[usize],
    ) -> Result<TensorId, Failure> {
        if self.dims(tensor) == dims {
            return Ok(tensor);
        }
        let list: Vec<i32> = dims.iter().map(|&d| i32::try_from(d).unwrap_or(i32::MAX)).collect();
        let list = self.ints(&format!("{name}/shape"), &list)?;
        self.emit(name, Reshape::default(), &[tensor, list], self.kind(tensor))
    }

    /// The tensor with dimension `order[i]` in place `i`; itself where that is its order.
    pub(crate) fn transpose(
        &mut self,
        name: &str,
        tensor: TensorId,
        order: &[usize],
    ) -> Result<TensorId, Failure> {
        if order.iter().enumerate().all(|(i, &axis)| i == axis) {
            return Ok(tensor);
        }
        let list: Vec<i32> = order.iter().map(|&axis| axis as i32).collect();
        let list = self.ints(&format!("{name}/order"), &list)?;
        self.emit(name, Transpose {}, &[tensor, list], self.kind(tensor))
    }

    /// Adds an operator that hands `tensor` on under another name. It stays where that is a constant: what a
    /// model gives out must be written by an operator.
    pub(crate) fn copy(&mut self, name: &str, tensor: TensorId) -> Result<TensorId, Failure> {
        let Tensor { tensor_type, shape, .. } = *self.graph.tensor(tensor);
        let dims: Vec<i32> = shape.dims().iter().map(|&d| d as i32).collect();
        let dims = self.ints(&format!("{name}/shape"), &dims)?;
        let copy = self.graph.add_tensor(Tensor::computed(name, tensor_type, shape));
        let inputs = vec![Some(tensor), Some(dims)];
        let op = Reshape::default().into();
        self.graph.push(Node { name: name.to_owned(), op, inputs, outputs: vec![copy] });
        Ok(copy)
    }

    /// Makes a tensor an output of the model, by this name.
    pub(crate) fn give_out(&mut self, name: &str, tensor: TensorId) -> Result<(), Failure> {
        let graph = &self.graph;
        let is_free = !graph.inputs.contains(&tensor)
            && !graph.outputs.contains(&tensor)
            && !graph.tensor(tensor).is_constant();
        let tensor = if is_free { tensor } else { self.copy(name, tensor)? };
        self.graph.tensor_mut(tensor).name = name.to_owned();
        self.graph.outputs.push(tensor);
        Ok(())
    }

    /// The graph, without what nothing reads.
    pub(crate) fn finish(self, model: &str) -> Result<Graph, Failure> {
        let mut graph = self.graph;
        recognize(&mut graph, &self.errors);
        graph.remove_dead();
        graph.verify().map_err(|e| {
            Failure::new(format!("the graph of '{model}' does not hold together"))
                .cause(e)
                .help("this is a defect of Sedge; please report it with the model")
        })?;
        Ok(graph)
    }

    /// What a rule said of a node, in the words of the source.
    fn refused(&self, node: &Node, refusal: Refusal) -> Failure {
        let operator = node.op.name();
        let shapes: Vec<String> =
            node.reads().filter_map(|t| self.graph.get(t)).map(|t| t.shape.to_string()).collect();
        let failure = Failure::new(format!(
            "'{}' cannot become {operator} with inputs of the shapes {}: {refusal}",
            node.name,
            shapes.join(", ")
        ));
        match refusal {
            Refusal::Pending(_) => failure.help("a shape depends on values that only a run computes"),
            _ => failure,
        }
    }
}

/// A shape of these dimensions.
///
/// # Errors
/// Where there are more dimensions or elements than the format takes.
pub(crate) fn shape(name: &str, dims: &[usize]) -> Result<Shape, Failure> {
    let small: Option<Vec<u32>> = dims.iter().map(|&d| u32::try_from(d).ok()).collect();
    small.and_then(|dims| Shape::new(&dims)).filter(|shape| shape.elements() <= MAX_ELEMENTS).ok_or_else(
        || Failure::new(format!("the shape {dims:?} of '{name}' has too many dimensions or elements")),
    )
}

/// Makes sure that a constant of so many elements, which an importer works out from shapes, is not larger than any model
/// needs.
pub(crate) fn ensure_few(elements: usize) -> Result<(), Failure> {
    match elements {
        0..=MAX_DERIVED => Ok(()),
        _ => {
            Err(Failure::new(format!("it needs a constant of {elements} elements, more than {MAX_DERIVED}")))
        }
    }
}
