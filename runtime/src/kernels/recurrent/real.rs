//! LSTM layers in floats, weights being floats or int8. Source: LiteRT's `lstm_eval.cc`.

use sedge_schema::Refusal;
use sedge_schema::op::Logistic;

use super::lstm::{Layer, Scales, vectors};
use super::{Matrix, Operand, accumulate, clip, vector, vector_mut};
use crate::kernels::shared::copy_slice;
use crate::kernels::shared::sigmoid::Sigmoid as _;
use crate::node::Invoke;

/// The gates' numbers.
const INPUT: usize = 0;
const FORGET: usize = 1;
const CELL: usize = 2;
const OUTPUT: usize = 3;

pub(super) fn run(
    layer: &Layer,
    node: &mut Invoke<'_>,
    out: &mut [f32],
    scratch: &mut [f32],
) -> Result<(), Refusal> {
    let slots = layer.slots;
    let outputs_of = node.variable::<f32>(slots.output_state as usize)?;
    let cells_of = node.variable::<f32>(slots.cell_state as usize)?;
    if out.is_empty() {
        return Ok(());
    }
    let level = node.level();
    let mode = layer.hybrid.mode();
    let scales = match mode {
        Some(_) => Some(*node.load::<Scales>(layer.scales)?),
        None => None,
    };
    let node = &*node;
    let input = node.input::<f32>(slots.input as usize)?;
    let second = node.optional_input::<f32>(slots.auxiliary_input as usize)?;
    let input_weights = layer.matrices(node, slots.input_weights, scales.map(|s| s.input))?;
    let recurrent_weights = layer.matrices(node, slots.recurrent_weights, scales.map(|s| s.recurrent))?;
    let second_weights = layer.matrices(node, slots.auxiliary_weights, scales.map(|s| s.auxiliary))?;
    let peephole = |k: usize| -> Result<Matrix<'_>, Refusal> {
        let scale = scales.map(|s| s.peepholes.get(k).copied().unwrap_or(0.0));
        Matrix::of(node, slots.peepholes + k as u32, scale)
    };
    // The cell gate has none.
    let peepholes = [peephole(0)?, peephole(1)?, Matrix::Float(&[]), peephole(2)?];
    let biases = vectors::<f32>(node, slots.biases)?;
    let coefficients = vectors::<f32>(node, slots.normalization)?;
    let projection = Matrix::of(node, slots.projection, scales.map(|s| s.projection))?;
    let projects = node.has_input(slots.projection as usize);
    let projection_bias = node.optional_input::<f32>(slots.projection as usize + 1)?;
    let normalizes = !coefficients.iter().all(|c| c.is_empty());

    let (depth, cells) = (layer.depth as usize, layer.cells as usize);
    let (outputs, auxiliary) = (layer.outputs as usize, layer.auxiliary as usize);
    let (gates, rest) = scratch.split_at_mut_checked(4 * cells).ok_or(Refusal::Internal)?;
    let quantized: &mut [i8] = bytemuck::cast_slice_mut(rest);
    let half = quantized.len() / 2;
    let (first_memory, second_memory) = quantized.split_at_mut_checked(half).ok_or(Refusal::Internal)?;
    let (input_gate, gates) = gates.split_at_mut_checked(cells).ok_or(Refusal::Internal)?;
    let (forget_gate, gates) = gates.split_at_mut_checked(cells).ok_or(Refusal::Internal)?;
    let (cell_gate, output_gate) = gates.split_at_mut_checked(cells).ok_or(Refusal::Internal)?;

    /// Peephole, normalization and bias of a gate.
    macro_rules! close {
        ($gate:expr, $sums:expr, $cells:expr) => {
            peepholes[$gate].add_diagonal($cells, $sums);
            if normalizes {
                normalize($sums, coefficients[$gate], biases[$gate]);
            }
        };
    }
    for sequence in 0..layer.route.batch as usize {
        let state = vector_mut(outputs_of, sequence, outputs)?;
        let cell = vector_mut(cells_of, sequence, cells)?;
        for at in layer.route.vectors(sequence) {
            {
                let mut sums = [&mut *input_gate, &mut *forget_gate, &mut *cell_gate, &mut *output_gate];
                let active = || (layer.coupled as usize)..4;
                for gate in active() {
                    let (Some(sums), Some(bias)) = (sums.get_mut(gate), biases.get(gate)) else { continue };
                    // Where sums are normalized the bias comes after that.
                    if normalizes { sums.fill(0.0) } else { copy_slice(bias, sums)? }
                }
                let mut add = |matrices: &[Matrix<'_>; 4], x: &Operand<'_>| {
                    for (matrix, sums) in matrices.iter().zip(&mut sums).skip(layer.coupled as usize) {
                        accumulate(level, *matrix, x, sums);
                    }
                };
                add(&input_weights, &Operand::new(level, vector(input, at, depth)?, first_memory, mode));
                if let Some(second) = second {
                    let x = Operand::new(level, vector(second, at, auxiliary)?, first_memory, mode);
                    add(&second_weights, &x);
                }
                add(&recurrent_weights, &Operand::new(level, state, second_memory, mode));
            }
            close!(FORGET, forget_gate, cell);
            Logistic::floats(level, forget_gate);
            if layer.coupled == 0 {
                close!(INPUT, input_gate, cell);
                Logistic::floats(level, input_gate);
            } else {
                input_gate.iter_mut().zip(forget_gate.iter()).for_each(|(i, f)| *i = 1.0 - f);
            }
            close!(CELL, cell_gate, cell);
            layer.function.apply(level, cell_gate);
            let kept = cell.iter_mut().zip(forget_gate.iter());
            for ((c, f), (i, g)) in kept.zip(input_gate.iter().zip(cell_gate.iter())) {
                *c = *c * f + i * g;
            }
            clip(cell, layer.cell_clip);
            close!(OUTPUT, output_gate, cell);
            Logistic::floats(level, output_gate);

            let result = &mut *cell_gate;
            copy_slice(cell, result)?;
            layer.function.apply(level, result);
            result.iter_mut().zip(output_gate.iter()).for_each(|(y, o)| *y *= o);
            if projects {
                match projection_bias {
                    Some(bias) => copy_slice(bias, state)?,
                    None => state.fill(0.0),
                }
                accumulate(level, projection, &Operand::new(level, result, first_memory, mode), state);
                clip(state, layer.projection_clip);
            } else {
                copy_slice(result, state)?;
            }
            copy_slice(state, layer.route.place(out, at, outputs)?)?;
        }
    }
    Ok(())
}

/// `coefficients * (x - mean) / deviation + bias`.
fn normalize(values: &mut [f32], coefficients: &[f32], bias: &[f32]) {
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / count;
    let inverse = 1.0 / libm::sqrtf(variance + 1e-8);
    for ((x, c), b) in values.iter_mut().zip(coefficients).zip(bias) {
        *x = (*x - mean) * inverse * c + b;
    }
}
