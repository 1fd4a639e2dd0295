//! A dense array of numbers.

use sedge_runtime::TensorType;

/// A dense array in C order, its elements little-endian.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    tensor_type: TensorType,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Array {
    /// An array; `None` where `bytes` are not as many as shape and type need.
    pub fn new(tensor_type: TensorType, shape: Vec<usize>, bytes: Vec<u8>) -> Option<Self> {
        let needed = tensor_type.bytes(checked_elements(&shape)?)?;
        (needed == bytes.len()).then_some(Self { tensor_type, shape, bytes })
    }

    /// An array of float32.
    pub fn from_f32(shape: Vec<usize>, values: &[f32]) -> Option<Self> {
        Self::new(TensorType::Float32, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// The element type.
    pub fn tensor_type(&self) -> TensorType {
        self.tensor_type
    }

    /// The dimensions, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// The elements' bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The elements of a float32 array; `None` for other types.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        let float = self.tensor_type == TensorType::Float32;
        float.then(|| self.bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect())
    }

    /// The part `index` along the first dimension, that dimension becoming 1: one sample of a set.
    pub fn sample(&self, index: usize) -> Option<Self> {
        let (&count, rest) = self.shape.split_first()?;
        let bytes = self.bytes.len().checked_div(count)?;
        let part = self.bytes.get(index.checked_mul(bytes)?..)?.get(..bytes)?;
        (index < count).then(|| Self {
            tensor_type: self.tensor_type,
            shape: std::iter::once(1).chain(rest.iter().copied()).collect(),
            bytes: part.to_vec(),
        })
    }
}

/// The product of the dimensions; `None` where it overflows.
pub(super) fn checked_elements(shape: &[usize]) -> Option<usize> {
    // Zeros last, so that an overflow is seen whatever the order.
    let product = shape.iter().filter(|&&d| d != 0).try_fold(1usize, |p, &d| p.checked_mul(d))?;
    Some(if shape.contains(&0) { 0 } else { product })
}
