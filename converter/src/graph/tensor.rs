//! Tensors of the graph.

use std::sync::Arc;

use sedge_schema::{Shape, TensorType};

/// A tensor's index in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorId(pub(super) u32);

impl TensorId {
    /// The index, which is also the tensor's index in the file that the graph is written to.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Affine quantization, `real = scale * (quantized - zero_point)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantization {
    /// One scale, or one per index of `axis`.
    pub scales: Vec<f32>,
    /// As many zero points as scales.
    pub zero_points: Vec<i64>,
    /// The dimension that per-channel scales count.
    pub axis: usize,
}

impl Quantization {
    /// One scale and zero point for the whole tensor.
    pub fn per_tensor(scale: f32, zero_point: i32) -> Self {
        Self { scales: vec![scale], zero_points: vec![zero_point.into()], axis: 0 }
    }

    /// Scales for each index of `axis`, all zero points 0.
    pub fn symmetric(scales: Vec<f32>, axis: usize) -> Self {
        let zero_points = vec![0; scales.len()];
        Self { scales, zero_points, axis }
    }

    /// The scale of channel `channel`; the only one where there is one.
    pub fn scale_at(&self, channel: usize) -> f32 {
        self.scales.get(if self.scales.len() == 1 { 0 } else { channel }).copied().unwrap_or(0.0)
    }

    /// The zero point of channel `channel`; the only one where there is one.
    pub fn zero_point_at(&self, channel: usize) -> i64 {
        self.zero_points.get(if self.zero_points.len() == 1 { 0 } else { channel }).copied().unwrap_or(0)
    }
}

/// A tensor: computed, given by the caller, or constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The name, for people.
    pub name: String,
    /// The shape.
    pub shape: Shape,
    /// The shape with -1 for each dimension that may change; empty where none may.
    pub shape_signature: Vec<i32>,
    /// The element type.
    pub tensor_type: TensorType,
    /// The bytes of a constant, little-endian.
    pub data: Option<Arc<[u8]>>,
    /// How integers stand for real numbers.
    pub quantization: Option<Quantization>,
    /// Whether the tensor keeps its value from one invocation to the next.
    pub is_variable: bool,
    /// Whether an empty shape means a scalar and not an unknown rank.
    pub has_rank: bool,
}

impl Tensor {
    /// A tensor that an operator computes or the caller gives.
    pub fn computed(name: impl Into<String>, tensor_type: TensorType, shape: Shape) -> Self {
        Self {
            name: name.into(),
            shape,
            shape_signature: Vec::new(),
            tensor_type,
            data: None,
            quantization: None,
            is_variable: false,
            has_rank: false,
        }
    }

    /// A constant.
    pub fn constant(
        name: impl Into<String>,
        tensor_type: TensorType,
        shape: Shape,
        data: impl Into<Arc<[u8]>>,
    ) -> Self {
        Self { data: Some(data.into()), ..Self::computed(name, tensor_type, shape) }
    }

    /// A list of int32 numbers, such as axes.
    pub fn list(name: impl Into<String>, values: &[i32]) -> Self {
        let shape = Shape::from_dims([values.len() as u32]).unwrap_or_default();
        let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self::constant(name, TensorType::Int32, shape, data)
    }

    /// Whether the value is known before the model runs.
    pub fn is_constant(&self) -> bool {
        self.data.is_some()
    }

    /// The values of a float32 constant; `None` for other tensors.
    pub fn floats(&self) -> Option<Vec<f32>> {
        let data = self.data.as_ref().filter(|_| self.tensor_type == TensorType::Float32)?;
        Some(data.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect())
    }

    /// The values of an int32 or int64 constant; `None` for other tensors.
    pub fn ints(&self) -> Option<Vec<i64>> {
        let data = self.data.as_ref()?;
        match self.tensor_type {
            TensorType::Int32 => {
                Some(data.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b).into()).collect())
            }
            TensorType::Int64 => Some(data.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect()),
            _ => None,
        }
    }

    /// For each element the channel that its scale counts, in order.
    pub fn channels(&self, axis: usize) -> impl Iterator<Item = usize> + use<> {
        let inner = self.shape.elements_in(axis + 1..self.shape.rank().max(axis + 1)).max(1);
        let count = self.shape.dim(axis).max(1);
        (0..self.shape.elements()).map(move |i| i / inner % count)
    }
}

/// The bytes of float32 values.
pub fn float_bytes(values: &[f32]) -> Arc<[u8]> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}
