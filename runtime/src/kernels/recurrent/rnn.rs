//! Plain recurrent layers: `h <- activation(W x + R h + b)`. Source: LiteRT's `kernel_utils.cc`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Activation, Node as _, RnnSlots, Sequence};
use sedge_schema::{Refusal, Slot, TensorType};

use super::{
    Function, Hybrid, Matrix, Operand, Route, accumulate, variable, vector, vector_mut, weight_scale,
};
use crate::kernels::shared::{OUTPUT, copy_slice};
use crate::node::{Invoke, Prepare};

/// What a layer needs while it runs.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Layer {
    route: Route,
    depth: u32,
    units: u32,
    auxiliary: u32,
    // Numbers of inputs.
    input: u32,
    bias: u32,
    state: u32,
    auxiliary_input: u32,
    /// Those of the weights of input, state and second input, and their scales.
    weights: [u32; 3],
    scales: [f32; 3],
    hybrid: Hybrid,
    function: Function,
}

/// Prepares one layer, whose inputs have the sizes `sequence`.
pub(in crate::kernels) fn prepare(
    node: &mut Prepare<'_>,
    slots: RnnSlots,
    (sequence, route): (Sequence, Route),
    time_major: bool,
    (activation, asymmetric): (Activation, bool),
) -> Result<Layer, Refusal> {
    use TensorType::{Float32, Int8};
    let sizes = slots.sizes(node, sequence, time_major)?;
    let auxiliary = slots.auxiliary.filter(|a| node.has(Slot::Input(a.weights)));
    variable(node, slots.state)?;
    for slot in [Some(slots.input), Some(slots.bias), Some(slots.state), auxiliary.map(|a| a.input)] {
        slot.map_or(Ok(Float32), |slot| node.type_in(Slot::Input(slot), &[Float32]))?;
    }
    node.type_in(OUTPUT, &[Float32])?;
    let weights = [Some(slots.input_weights), Some(slots.recurrent_weights), auxiliary.map(|a| a.weights)];
    let kind = node.type_in(Slot::Input(slots.input_weights), &[Float32, Int8])?;
    let mut scales = [0.0; 3];
    for (slot, scale) in weights.iter().zip(&mut scales) {
        let Some(slot) = *slot else { continue };
        node.type_in(Slot::Input(slot), &[kind])?;
        if kind == Int8 {
            *scale = weight_scale(node, slot)?;
        }
    }
    Ok(Layer {
        route,
        depth: sequence.depth as u32,
        units: sizes.units as u32,
        auxiliary: sizes.auxiliary as u32,
        input: slots.input.into(),
        bias: slots.bias.into(),
        state: slots.state.into(),
        auxiliary_input: auxiliary.map_or(0, |a| a.input.into()),
        weights: weights.map(|slot| slot.map_or(u32::MAX, u32::from)),
        scales,
        hybrid: if kind == Int8 { Hybrid::new(asymmetric) } else { Hybrid::NONE },
        function: Function::of(activation)?,
    })
}

impl Layer {
    /// Bytes of scratch memory: one quantized vector.
    pub(in crate::kernels) fn scratch(&self) -> usize {
        if self.hybrid == Hybrid::NONE { 0 } else { self.depth.max(self.units).max(self.auxiliary) as usize }
    }

    /// Runs the layer.
    pub(in crate::kernels) fn run(
        &self,
        node: &mut Invoke<'_>,
        out: &mut [f32],
        scratch: &mut [i8],
    ) -> Result<(), Refusal> {
        let state = node.variable::<f32>(self.state as usize)?;
        if out.is_empty() {
            return Ok(());
        }
        let level = node.level();
        let mode = self.hybrid.mode();
        let mut matrices = [Matrix::Float(&[]); 3];
        for ((matrix, &slot), &scale) in matrices.iter_mut().zip(&self.weights).zip(&self.scales) {
            *matrix = Matrix::of(node, slot, mode.map(|_| scale))?;
        }
        let [input_weights, recurrent_weights, auxiliary_weights] = matrices;
        let input = node.input::<f32>(self.input as usize)?;
        let bias = node.input::<f32>(self.bias as usize)?;
        let (depth, units, auxiliary) = (self.depth as usize, self.units as usize, self.auxiliary as usize);
        let second = if auxiliary == 0 { &[] } else { node.input::<f32>(self.auxiliary_input as usize)? };
        for sequence in 0..self.route.batch as usize {
            let state = vector_mut(state, sequence, units)?;
            for at in self.route.vectors(sequence) {
                let to = self.route.place(out, at, units)?;
                copy_slice(bias, to)?;
                let x = Operand::new(level, vector(input, at, depth)?, scratch, mode);
                accumulate(level, input_weights, &x, to);
                if auxiliary != 0 {
                    let x = Operand::new(level, vector(second, at, auxiliary)?, scratch, mode);
                    accumulate(level, auxiliary_weights, &x, to);
                }
                let h = Operand::new(level, state, scratch, mode);
                accumulate(level, recurrent_weights, &h, to);
                self.function.apply(level, to);
                copy_slice(to, state)?;
            }
        }
        Ok(())
    }
}

/// Prepares an operator with one layer.
pub(in crate::kernels) fn prepare_single(
    node: &mut Prepare<'_>,
    slots: RnnSlots,
    sequence: Sequence,
    time_major: bool,
    function: (Activation, bool),
) -> Result<(), Refusal> {
    let units = slots.sizes(node, sequence, time_major)?.units;
    let route = Route::new(sequence, time_major, units);
    let layer = prepare(node, slots, (sequence, route), time_major, function)?;
    node.scratch(layer.scratch())?;
    node.set_data(layer)
}

/// Runs an operator with one layer.
pub(in crate::kernels) fn invoke_single(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let layer = *node.data::<Layer>()?;
    let (out, scratch) = (node.output(0)?, node.scratch()?);
    layer.run(node, out, scratch)
}
