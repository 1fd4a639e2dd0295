//! Models that were planned and prepared when the program was compiled.
//!
//! ```text
//! host:    .tflite --Session::new--> prepared data, places, kernels --Session::image--> Image --> Rust source
//! device:  Program (in flash) --invoke--> outputs
//! ```
//!
//! The macro `include_model!` of the crate `sedge-macros`, and `sedge compile`, make a [`Session`](crate::Session) on the
//! host and write down what it holds: a [`Program`], whose parts are all constants. The device neither reads the model's
//! file nor plans; its arena holds activations and state only, in one region of memory or in a fast and a slow one. Kernels, and the bits that they give, are those of a
//! session.
//!
//! What is here is for the code that these write. It may be wrong only where somebody changed that by hand; then running
//! it is an error, or gives wrong numbers.

use core::cell::Cell;

use sedge_schema::{BuiltinOperator, Refusal, Vector};
use sedge_simd::Level;

use crate::arena::{Aligned, Place, Prepared, Span};
use crate::element::Element;
use crate::error::Error;
use crate::node::{Affine, Invoke, Memory, OpRecord, Run};

#[cfg(feature = "std")]
pub use crate::session::image::{Image, Operator, Tensor};

/// A model whose session was made on the host.
#[derive(Debug)]
pub struct Program {
    /// The operators that run, in order.
    pub operations: &'static [Operation],
    /// Where the tensors lie that the operators name.
    pub places: &'static [Place],
    /// What was prepared, and constants.
    pub data: &'static Aligned<[u8]>,
    /// The position of the first byte of `data`, as operations and places count.
    pub base: u32,
    /// Where the state starts, behind the activations.
    pub state: u32,
    /// What parts of the arena hold before the first invocation, where that is not 0.
    pub fills: &'static [Fill],
}

/// An operator of a [`Program`].
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its number in the model, from which errors know it.
    pub number: u32,
    /// What it is.
    pub code: BuiltinOperator,
    /// Runs it.
    pub kernel: fn(&mut Invoke<'_>) -> Result<(), Refusal>,
    /// Its inputs, by their numbers among the program's places; -1 where there is none.
    pub inputs: &'static [i32],
    /// Its outputs.
    pub outputs: &'static [i32],
    /// Where its prepared data lies.
    pub data: Span,
    /// Where its scratch memory lies in the arena.
    pub scratch: Span,
}

/// Bytes of the arena that are all the same at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Where they lie.
    pub span: Span,
    /// What each of them holds.
    pub byte: u8,
}

/// What a program takes or gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Port {
    /// The tensor's name in the model.
    pub name: &'static str,
    /// Its shape.
    pub shape: &'static [u32],
    /// What its numbers mean, where it is quantized: `real = scale * (number - zero_point)`.
    pub quantization: Option<Affine>,
}

impl Program {
    /// The kernels of these operators have no vectors: as on a processor that has none.
    const LEVEL: Level = Level::SCALAR;

    /// The regions of a program whose activations lie in one: these, and the state behind them.
    pub fn regions<'m>(&self, memory: &'m mut [u8]) -> [&'m mut [u8]; 2] {
        memory.split_at_mut_checked(self.state as usize).unwrap_or_default().into()
    }

    /// Makes the state what it is before the first invocation.
    pub fn reset(&self, [fast, slow]: [&mut [u8]; 2]) {
        let fast_bytes = fast.len();
        slow.get_mut((self.state as usize).saturating_sub(fast_bytes)..).unwrap_or_default().fill(0);
        for fill in self.fills {
            let range = fill.span.range();
            let bytes = match range.start.checked_sub(fast_bytes) {
                None => fast.get_mut(range),
                Some(start) => slow.get_mut(start..start + fill.span.bytes as usize),
            };
            bytes.unwrap_or_default().fill(fill.byte);
        }
    }

    /// Runs all operators in two regions of memory, which start at multiples of [`ALIGNMENT`](crate::arena::ALIGNMENT):
    /// positions count the bytes of the first, and go on in the second, whose end is the state.
    ///
    /// # Errors
    /// Where an operator cannot compute its result for these inputs.
    pub fn invoke(&self, [fast, slow]: [&mut [u8]; 2]) -> Result<(), Error> {
        (0..self.operations.len()).try_for_each(|number| self.step(number, [fast, slow]))
    }

    /// Runs one of the operations.
    ///
    /// # Errors
    /// As [`Program::invoke`].
    pub fn step(&self, operation: usize, [fast, slow]: [&mut [u8]; 2]) -> Result<(), Error> {
        let operation = self.operations.get(operation).ok_or(Error::Plan)?;
        let Operation { number, code, kernel, inputs, outputs, data, scratch } = *operation;
        let activations = (self.state as usize).checked_sub(fast.len()).ok_or(Error::Plan)?;
        let (high, state) = slow.split_at_mut_checked(activations).ok_or(Error::Plan)?;
        let turns = Cell::new(0);
        let prepared = Prepared::new(&self.data.0, self.base as usize);
        let run = Run { scope: None, file: &[], level: Self::LEVEL, prepared, turns: &turns };
        let record = OpRecord { data, scratch, kernel: 0 };
        let tensors = [inputs, outputs].map(|list| Vector::of(bytemuck::cast_slice(list)));
        let high = (fast.len(), high);
        let mut node = Invoke::new(&run, tensors.into(), record, Memory { low: fast, high, state });
        node.places = self.places;
        kernel(&mut node).map_err(|refusal| Error::Operator { operator: number, code, refusal })
    }
}

/// The `N` elements of the tensor at byte `at` of `memory`.
///
/// # Panics
/// Where they do not lie inside, or are not aligned. The compiler sees that they are, and leaves this out, where the
/// memory is an [`Aligned`] array and `at` a constant.
#[inline(always)]
pub fn elements<T: Element, const N: usize>(memory: &[u8], at: usize) -> &[T; N] {
    let bytes = memory.get(at..at + N * size_of::<T>());
    let elements = bytes.and_then(|bytes| bytemuck::try_cast_slice(bytes).ok());
    elements.and_then(|elements| elements.try_into().ok()).expect(INSIDE)
}

/// As [`elements`], to change them.
///
/// # Panics
/// As [`elements`].
#[inline(always)]
pub fn elements_mut<T: Element, const N: usize>(memory: &mut [u8], at: usize) -> &mut [T; N] {
    let bytes = memory.get_mut(at..at + N * size_of::<T>());
    let elements = bytes.and_then(|bytes| bytemuck::try_cast_slice_mut(bytes).ok());
    elements.and_then(|elements| elements.try_into().ok()).expect(INSIDE)
}

/// What [`elements`] takes for granted.
const INSIDE: &str = "a tensor lies inside of its program's arena";
