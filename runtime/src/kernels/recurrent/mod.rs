//! Recurrent layers: step after step over the vectors of a sequence, with a state that stays.
//!
//! A [`Route`] says where a layer's vectors lie and where its outputs go. Layers in floats multiply
//! [`Matrix`] with [`Operand`]; where the weights are int8, each vector is quantized as it comes.

pub(super) mod basic;
mod integer;
pub(super) mod lstm;
mod operand;
mod real;
pub(super) mod rnn;

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Activation, Sequence, Tanh};
use sedge_schema::{Refusal, Slot};
use sedge_simd::Level;

use super::filter::FloatRange;
use super::filter::hybrid::Mode;
use super::shared::sigmoid::Sigmoid as _;
use crate::node::{Invoke, Prepare};

use operand::{Matrix, Operand, accumulate};

/// Where the vectors of a sequence lie, and in which order a layer goes through them.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Route {
    batch: u32,
    steps: u32,
    time_major: u32,
    backwards: u32,
    /// Elements from one of the output's vectors to the next, and where the layer's part starts.
    stride: u32,
    offset: u32,
}

impl Route {
    /// The route of a layer alone, whose output vectors have `depth` elements.
    pub(super) fn new(sequence: Sequence, time_major: bool, depth: usize) -> Self {
        Self {
            batch: sequence.batch as u32,
            steps: sequence.steps as u32,
            time_major: u32::from(time_major),
            backwards: 0,
            stride: depth as u32,
            offset: 0,
        }
    }

    /// The routes of two layers, the second one backwards; their outputs side by side or apart.
    pub(super) fn both_ways(
        sequences: [Sequence; 2],
        time_major: bool,
        depths: [usize; 2],
        merge: bool,
    ) -> [Self; 2] {
        let [forward, backward] = sequences;
        let mut routes =
            [Self::new(forward, time_major, depths[0]), Self::new(backward, time_major, depths[1])];
        let [forward, backward] = &mut routes;
        backward.backwards = 1;
        if merge {
            backward.offset = forward.stride;
            forward.stride = forward.stride.saturating_add(backward.stride);
            backward.stride = forward.stride;
        }
        routes
    }

    /// The vectors of one of the sequences in the layer's order, as numbers among all vectors.
    fn vectors(&self, sequence: usize) -> impl Iterator<Item = usize> + use<> {
        let Self { batch, steps, time_major, backwards, .. } = *self;
        let (batch, steps) = (batch as usize, steps as usize);
        (0..steps).map(move |step| {
            let step = if backwards != 0 { steps - 1 - step } else { step };
            if time_major != 0 { step * batch + sequence } else { sequence * steps + step }
        })
    }

    /// Where the layer's output for vector `vector` goes.
    fn place<'o, T>(&self, out: &'o mut [T], vector: usize, depth: usize) -> Result<&'o mut [T], Refusal> {
        let start = vector * self.stride as usize + self.offset as usize;
        out.get_mut(start..start + depth).ok_or(Refusal::Internal)
    }
}

/// Vector `number` of those that lie one after the other.
fn vector<T>(vectors: &[T], number: usize, depth: usize) -> Result<&[T], Refusal> {
    vectors.get(number * depth..(number + 1) * depth).ok_or(Refusal::Internal)
}

fn vector_mut<T>(vectors: &mut [T], number: usize, depth: usize) -> Result<&mut [T], Refusal> {
    vectors.get_mut(number * depth..(number + 1) * depth).ok_or(Refusal::Internal)
}

/// What is applied to results in floats.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Function {
    tanh: u32,
    range: FloatRange,
}

impl Function {
    fn of(activation: Activation) -> Result<Self, Refusal> {
        let tanh = activation == Activation::Tanh;
        let range = FloatRange::of(if tanh { Activation::None } else { activation })?;
        Ok(Self { tanh: u32::from(tanh), range })
    }

    fn apply(&self, level: Level, values: &mut [f32]) {
        if self.tanh != 0 {
            Tanh::floats(level, values);
        } else {
            values.iter_mut().for_each(|x| *x = self.range.clamp(*x));
        }
    }
}

/// Clamps values to `-clip..=clip` where that bound is positive.
fn clip(values: &mut [f32], clip: f32) {
    if clip > 0.0 {
        values.iter_mut().for_each(|x| *x = x.max(-clip).min(clip));
    }
}

/// How float vectors meet int8 weights; 0 where the weights are floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(transparent)]
struct Hybrid(u32);

impl Hybrid {
    const NONE: Self = Self(0);

    fn new(asymmetric: bool) -> Self {
        Self(if asymmetric { 2 } else { 1 })
    }

    fn mode(self) -> Option<Mode> {
        match self.0 {
            0 => None,
            1 => Some(Mode::Symmetric),
            _ => Some(Mode::Asymmetric),
        }
    }
}

/// Checks that input `slot` is a variable.
fn variable(node: &Prepare<'_>, slot: u8) -> Result<(), Refusal> {
    let slot = Slot::Input(slot);
    if node.is_variable(slot) { Ok(()) } else { Err(Refusal::Value(slot)) }
}

/// The scale of int8 weights, whose zero point must be 0.
fn weight_scale(node: &Prepare<'_>, slot: u8) -> Result<f32, Refusal> {
    let affine = node.affine(Slot::Input(slot))?;
    if affine.zero_point == 0 { Ok(affine.scale) } else { Err(Refusal::Quantization(Slot::Input(slot))) }
}

/// Runs two layers: `f` gets the number of the layer and its output. Both have one output where the
/// operator has one.
pub(super) fn both_ways(
    node: &mut Invoke<'_>,
    mut f: impl FnMut(&mut Invoke<'_>, usize, &mut [f32]) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let first = node.output(0)?;
    f(node, 0, first)?;
    if node.outputs() == 1 {
        return f(node, 1, first);
    }
    let second = node.output(1)?;
    f(node, 1, second)
}
