//! LSTM layers. A layer with float activations runs in [`real`](super::real), one with integers in
//! [`integer`](super::integer).

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Activation, LstmSlots, Node as _, Sequence};
use sedge_schema::{Refusal, Slot, TensorType};

use super::{Function, Hybrid, Matrix, Route, integer, real, variable, weight_scale};
use crate::arena::Span;
use crate::kernels::shared::OUTPUT;
use crate::node::{Invoke, Prepare};

/// The parameters that all LSTM operators have.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Options {
    pub(in crate::kernels) activation: Activation,
    pub(in crate::kernels) cell_clip: f32,
    pub(in crate::kernels) projection_clip: f32,
    pub(in crate::kernels) asymmetric: bool,
    pub(in crate::kernels) time_major: bool,
}

/// The numbers of a layer's inputs; those that are left out have [`Slots::ABSENT`] or are absent in the
/// operator.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Slots {
    pub(super) input: u32,
    pub(super) input_weights: u32,
    pub(super) recurrent_weights: u32,
    pub(super) peepholes: u32,
    pub(super) biases: u32,
    pub(super) projection: u32,
    pub(super) output_state: u32,
    pub(super) cell_state: u32,
    pub(super) normalization: u32,
    pub(super) auxiliary_input: u32,
    pub(super) auxiliary_weights: u32,
}

impl Slots {
    const ABSENT: u32 = u32::MAX - 4;
}

/// What a layer needs while it runs.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Layer {
    pub(super) route: Route,
    pub(super) depth: u32,
    pub(super) cells: u32,
    pub(super) outputs: u32,
    /// Elements of a vector of the second input; 0 where there is none.
    pub(super) auxiliary: u32,
    pub(super) slots: Slots,
    /// Whether the input gate is one minus the forget gate.
    pub(super) coupled: u32,
    pub(super) arithmetic: u32,
    pub(super) hybrid: Hybrid,
    /// A scale for each matrix of int8 weights of a layer with float activations, by [`Scales`].
    pub(super) scales: Span,
    /// An [`integer::Rule`].
    pub(super) rule: Span,
    pub(super) function: Function,
    pub(super) cell_clip: f32,
    pub(super) projection_clip: f32,
}

const REAL: u32 = 0;
const INT8: u32 = 1;
const INT16: u32 = 2;

/// The scales of int8 weights that meet floats.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Scales {
    pub(super) input: [f32; 4],
    pub(super) recurrent: [f32; 4],
    pub(super) auxiliary: [f32; 4],
    pub(super) peepholes: [f32; 3],
    pub(super) projection: f32,
}

/// Prepares one layer with float activations, whose inputs have the sizes `sequence`.
pub(in crate::kernels) fn prepare_real(
    node: &mut Prepare<'_>,
    slots: LstmSlots,
    sequence: Sequence,
    options: Options,
    route: Route,
) -> Result<Layer, Refusal> {
    use TensorType::{Float32, Int8};
    let mut layer = layer(node, slots, sequence, options, route)?;
    let has = |node: &Prepare<'_>, i: u8| node.has(Slot::Input(i));
    let float = |node: &Prepare<'_>, i: u8| -> Result<(), Refusal> {
        if has(node, i) { node.type_in(Slot::Input(i), &[Float32]).map(|_| ()) } else { Ok(()) }
    };
    node.type_in(OUTPUT, &[Float32])?;
    for i in [slots.input, slots.output_state, slots.cell_state, slots.projection + 1] {
        float(node, i)?;
    }
    let auxiliary = slots.auxiliary.filter(|_| layer.auxiliary != 0);
    if let Some(auxiliary) = auxiliary {
        float(node, auxiliary.input)?;
    }
    let kind = node.type_in(Slot::Input(slots.input_weights + 3), &[Float32, Int8])?;
    let mut scales = Scales::zeroed();
    let weights = |node: &Prepare<'_>, i: u8| -> Result<f32, Refusal> {
        if !has(node, i) {
            return Ok(0.0);
        }
        node.type_in(Slot::Input(i), &[kind])?;
        if kind == Int8 { weight_scale(node, i) } else { Ok(0.0) }
    };
    for (k, gate) in (0u8..4).enumerate() {
        float(node, slots.biases + gate)?;
        if let Some(first) = slots.normalization {
            float(node, first + gate)?;
        }
        let Scales { input, recurrent, auxiliary: second, peepholes, .. } = &mut scales;
        let auxiliary = auxiliary.map(|a| a.weights + gate);
        let peephole = (gate < 3).then_some(slots.peepholes + gate);
        for (scale, i) in [
            (input.get_mut(k), Some(slots.input_weights + gate)),
            (recurrent.get_mut(k), Some(slots.recurrent_weights + gate)),
            (second.get_mut(k), auxiliary),
            (peepholes.get_mut(k), peephole),
        ] {
            if let (Some(scale), Some(i)) = (scale, i) {
                *scale = weights(node, i)?;
            }
        }
    }
    scales.projection = weights(node, slots.projection)?;
    if kind == Int8 {
        layer.hybrid = Hybrid::new(options.asymmetric);
        layer.scales = node.store(scales)?;
    }
    Ok(layer)
}

/// Prepares one layer; float or integer activations.
pub(in crate::kernels) fn prepare(
    node: &mut Prepare<'_>,
    slots: LstmSlots,
    sequence: Sequence,
    options: Options,
    route: Route,
) -> Result<Layer, Refusal> {
    let input = Slot::Input(slots.input);
    let arithmetic = match node.type_in(input, &[TensorType::Float32, TensorType::Int8, TensorType::Int16])? {
        TensorType::Int8 => INT8,
        TensorType::Int16 => INT16,
        _ => return prepare_real(node, slots, sequence, options, route),
    };
    let mut layer = layer(node, slots, sequence, options, route)?;
    layer.arithmetic = arithmetic;
    layer.rule = integer::prepare(node, slots, options)?;
    Ok(layer)
}

fn layer(
    node: &Prepare<'_>,
    slots: LstmSlots,
    sequence: Sequence,
    options: Options,
    route: Route,
) -> Result<Layer, Refusal> {
    let sizes = slots.sizes(node, sequence, options.time_major)?;
    variable(node, slots.output_state)?;
    variable(node, slots.cell_state)?;
    let has = |first: &u8| node.has(Slot::Input(first + 1));
    let auxiliary = slots.auxiliary.filter(|a| has(&a.weights));
    Ok(Layer {
        route,
        depth: sequence.depth as u32,
        cells: sizes.cells as u32,
        outputs: sizes.outputs as u32,
        auxiliary: sizes.auxiliary as u32,
        slots: Slots {
            input: slots.input.into(),
            input_weights: slots.input_weights.into(),
            recurrent_weights: slots.recurrent_weights.into(),
            peepholes: slots.peepholes.into(),
            biases: slots.biases.into(),
            projection: slots.projection.into(),
            output_state: slots.output_state.into(),
            cell_state: slots.cell_state.into(),
            normalization: slots.normalization.filter(has).map_or(Slots::ABSENT, u32::from),
            auxiliary_input: auxiliary.map_or(Slots::ABSENT, |a| a.input.into()),
            auxiliary_weights: auxiliary.map_or(Slots::ABSENT, |a| a.weights.into()),
        },
        coupled: u32::from(slots.couples_gates(node)),
        arithmetic: REAL,
        hybrid: Hybrid::NONE,
        scales: Span::default(),
        rule: Span::default(),
        function: Function::of(options.activation)?,
        cell_clip: options.cell_clip,
        projection_clip: options.projection_clip,
    })
}

impl Layer {
    /// Bytes of scratch memory.
    pub(in crate::kernels) fn scratch(&self) -> usize {
        let cells = self.cells as usize;
        match self.arithmetic {
            // Four gates, and where vectors are quantized the longest of them.
            REAL => {
                let longest = self.depth.max(self.outputs).max(self.auxiliary).max(self.cells) as usize;
                let longest = if self.hybrid == Hybrid::NONE { 0 } else { longest };
                4 * 4 * cells + (2 * longest).next_multiple_of(4)
            }
            // Four gates, and the vector that is projected.
            _ => 4 * 2 * cells + cells.next_multiple_of(2),
        }
    }

    /// Runs a layer with float activations.
    pub(in crate::kernels) fn run_real(
        &self,
        node: &mut Invoke<'_>,
        out: &mut [f32],
        scratch: &mut [f32],
    ) -> Result<(), Refusal> {
        real::run(self, node, out, scratch)
    }

    /// Runs the layer alone in its operator.
    pub(in crate::kernels) fn run(&self, node: &mut Invoke<'_>) -> Result<(), Refusal> {
        match self.arithmetic {
            INT8 => integer::run::<i8>(self, node),
            INT16 => integer::run::<i16>(self, node),
            _ => {
                let (out, scratch) = (node.output(0)?, node.scratch()?);
                self.run_real(node, out, scratch)
            }
        }
    }

    /// Four matrices of weights, from input `first` on.
    pub(super) fn matrices<'n>(
        &self,
        node: &'n Invoke<'_>,
        first: u32,
        scales: Option<[f32; 4]>,
    ) -> Result<[Matrix<'n>; 4], Refusal> {
        let of = |gate: u32| {
            Matrix::of(node, first + gate, scales.map(|s| s.get(gate as usize).copied().unwrap_or(0.0)))
        };
        Ok([of(0)?, of(1)?, of(2)?, of(3)?])
    }
}

/// An input's elements for each gate, from input `first` on; empty ones where they are left out.
pub(super) fn vectors<'n, T: crate::element::Element>(
    node: &'n Invoke<'_>,
    first: u32,
) -> Result<[&'n [T]; 4], Refusal> {
    let of = |gate: u32| Ok(node.optional_input::<T>((first + gate) as usize)?.unwrap_or(&[]));
    Ok([of(0)?, of(1)?, of(2)?, of(3)?])
}
