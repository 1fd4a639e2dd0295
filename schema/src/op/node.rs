//! What an operator's rules see of its surroundings.

use crate::error::{Refusal, Slot};
use crate::{MAX_RANK, Shape, TensorType};

/// The surroundings of one operator: the tensors it reads and writes.
pub trait Node {
    /// The number of inputs, those left out at the end not counted.
    fn inputs(&self) -> usize;

    /// The number of outputs.
    fn outputs(&self) -> usize;

    /// Whether the tensor is there: an optional input may be left out.
    fn has(&self, slot: Slot) -> bool;

    /// The shape of the tensor.
    ///
    /// # Errors
    /// [`Refusal::Absent`] where it is left out.
    fn shape(&self, slot: Slot) -> Result<Shape, Refusal>;

    /// The element type of the tensor.
    ///
    /// # Errors
    /// [`Refusal::Absent`] where it is left out.
    fn tensor_type(&self, slot: Slot) -> Result<TensorType, Refusal>;

    /// The elements of an input that shapes depend on, as the file has them: little-endian, at any
    /// alignment.
    ///
    /// # Errors
    /// [`Refusal::Pending`] where they are only known when the model runs.
    fn values(&self, input: usize) -> Result<&[u8], Refusal>;

    /// Element `element` of an integer input that shapes depend on, such as axes.
    ///
    /// # Errors
    /// [`Refusal::Pending`] where it is only known when the model runs; [`Refusal::Type`] for
    /// types other than int16, int32 and int64.
    fn int(&self, input: usize, element: usize) -> Result<i64, Refusal> {
        let slot = Slot::Input(input as u8);
        let bytes = self.values(input)?;
        match self.tensor_type(slot)? {
            TensorType::Int16 => bytes.as_chunks().0.get(element).map(|&b| i16::from_le_bytes(b).into()),
            TensorType::Int32 => bytes.as_chunks().0.get(element).map(|&b| i32::from_le_bytes(b).into()),
            TensorType::Int64 => bytes.as_chunks().0.get(element).map(|&b| i64::from_le_bytes(b)),
            _ => return Err(Refusal::Type(slot)),
        }
        .ok_or(Refusal::Value(slot))
    }

    /// Element `element` of a float32 input that shapes depend on.
    ///
    /// # Errors
    /// As [`Node::int`], for types other than float32.
    fn real(&self, input: usize, element: usize) -> Result<f32, Refusal> {
        let slot = Slot::Input(input as u8);
        if self.tensor_type(slot)? != TensorType::Float32 {
            return Err(Refusal::Type(slot));
        }
        let value = self.values(input)?.as_chunks().0.get(element).map(|&b| f32::from_le_bytes(b));
        value.ok_or(Refusal::Value(slot))
    }
}

/// Questions that many rules ask.
pub trait NodeExt: Node {
    /// The shape of input `i`.
    ///
    /// # Errors
    /// [`Refusal::Absent`] where it is left out.
    fn input(&self, i: usize) -> Result<Shape, Refusal> {
        Node::shape(self, Slot::Input(i as u8))
    }

    /// The shape of input `i`, which must have `rank` dimensions.
    ///
    /// # Errors
    /// [`Refusal::Shape`] where it has not.
    fn input_of_rank(&self, i: usize, rank: usize) -> Result<Shape, Refusal> {
        let shape = self.input(i)?;
        if shape.rank() == rank { Ok(shape) } else { Err(Refusal::Shape(Slot::Input(i as u8))) }
    }

    /// Element `k` of input `i`, an axis of a tensor of shape `of`, negative ones from the end.
    ///
    /// # Errors
    /// [`Refusal::Value`] where there is no such axis.
    fn axis(&self, i: usize, k: usize, of: &Shape) -> Result<usize, Refusal> {
        of.axis(self.int(i, k)?).ok_or(Refusal::Value(Slot::Input(i as u8)))
    }
}

impl<N: Node + ?Sized> NodeExt for N {}

/// Turns `None`, where a shape became too large, into a refusal.
pub(super) fn fits(shape: Option<Shape>) -> Result<Shape, Refusal> {
    shape.ok_or(Refusal::TooLarge)
}

/// The shape whose dimensions input `i` (int32 or int64) lists.
pub(super) fn listed_shape(node: &dyn Node, i: usize) -> Result<Shape, Refusal> {
    let slot = Slot::Input(i as u8);
    let mut dims = [0u32; MAX_RANK];
    let dims = dims.get_mut(..node.input(i)?.elements()).ok_or(Refusal::Shape(slot))?;
    for (k, dim) in dims.iter_mut().enumerate() {
        *dim = u32::try_from(node.int(i, k)?).map_err(|_| Refusal::Value(slot))?;
    }
    fits(Shape::new(dims))
}

/// The shape that inputs 0 and 1 broadcast to.
pub(super) fn broadcast(node: &dyn Node) -> Result<Shape, Refusal> {
    node.input(0)?.broadcast(&node.input(1)?).ok_or(Refusal::Shape(Slot::Input(1)))
}
