//! LSTM layers in integers: int8 or int16 activations, int8 weights, int16 gates and cells.
//!
//! A gate's sum is the input's product with its weights, rescaled to steps of 2^-12, and the last output's,
//! rescaled apart, both clamped to 16 bits. Gates are steps of 2^-15; cells have a power of two as scale.
//!
//! tflite-micro defines the bits of plain layers (all four gates, no peepholes, no projection, no
//! normalization): its logistic function and hyperbolic tangent are interpolated, and products of gates
//! round twice. Only LiteRT runs the others; there both functions are fixed-point functions of 16 bits, and
//! products round once. Sources: tflite-micro's `lstm_eval.cc`, LiteRT's `lstm_eval.cc` and
//! `portable_tensor_utils.cc`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Activation, Logistic, LstmSlots, Node as _, Tanh};
use sedge_schema::{Refusal, Slot, TensorType};
use sedge_simd::Level;

use super::lstm::{Layer, Options, vectors};
use super::{vector, vector_mut, weight_scale};
use crate::arena::Span;
use crate::fixed::{self, Multiplier, Narrow, inverse_root, rounding_shift_right};
use crate::kernels::shared::dot::Rows;
use crate::kernels::shared::sigmoid::Sigmoid;
use crate::kernels::shared::{Integer, OUTPUT, copy_slice};
use crate::node::{Affine, Invoke, Prepare};

/// The factors of a gate.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Gate {
    input: Multiplier,
    recurrent: Multiplier,
    peephole: Multiplier,
    normalization: Multiplier,
    /// The variance that stands for one below 1.
    least_variance: i32,
}

/// How products of gates are rescaled.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Rescale {
    /// Rounds twice; where `q` is 0, the product is divided by `2^shift` and rounded once.
    multiplier: Multiplier,
}

impl Rescale {
    fn apply(&self, a: i16, b: i16) -> i32 {
        let product = i32::from(a) * i32::from(b);
        match self.multiplier {
            Multiplier { q: 0, shift } => rounding_shift_right(product, shift as u32 & 31),
            multiplier => multiplier.apply(product),
        }
    }

    /// As [`Rescale::apply`], to the cells' type.
    fn cell(&self, a: i16, b: i16) -> i16 {
        match self.multiplier.q {
            // Keeps the low bits.
            0 => self.apply(a, b) as i16,
            _ => i16::saturate(self.apply(a, b)),
        }
    }
}

/// What a layer in integers needs.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Rule {
    gates: [Gate; 4],
    /// Whether tflite-micro has the layer.
    plain: u32,
    input_zero: i32,
    output_zero: i32,
    /// Bits of the cells before the point: their scale is `2^(cell_bits - 15)`.
    cell_bits: i32,
    cell_clip: i32,
    projection_clip: i32,
    /// Forget gate times cell, and input gate times cell gate.
    keep: Rescale,
    add: Rescale,
    /// Output gate times the function of the cell: the output, or what is projected.
    hidden: Multiplier,
    hidden_zero: i32,
    projection: Multiplier,
}

/// Steps of gates before and after their functions.
const SUM_STEP: f32 = 1.0 / 4096.0;
const GATE_STEP: f32 = 1.0 / 32768.0;

pub(super) fn prepare(node: &mut Prepare<'_>, slots: LstmSlots, options: Options) -> Result<Span, Refusal> {
    use TensorType::{Int8, Int16, Int32, Int64};
    let slot = |i: u8| Slot::Input(i);
    let has = |node: &Prepare<'_>, i: u8| node.has(slot(i));
    let kind = node.tensor_type(slot(slots.input))?;
    let bias = if kind == Int8 { Int32 } else { Int64 };
    let coupled = slots.couples_gates(node);
    let peepholes = has(node, slots.peepholes + 2);
    let normalization = slots.normalization.filter(|first| has(node, first + 1));
    let projects = has(node, slots.projection);
    let plain = !(coupled || peepholes || projects || normalization.is_some());
    // Nobody runs the other layers with 16-bit activations.
    if kind == Int16 && !plain {
        return Err(Refusal::Type(slot(slots.input)));
    }
    if options.activation != Activation::Tanh {
        return Err(Refusal::Parameter("activation"));
    }
    node.type_in(OUTPUT, &[kind])?;
    node.type_in(slot(slots.output_state), &[kind])?;
    node.type_in(slot(slots.cell_state), &[Int16])?;
    let input = activation(node, slot(slots.input))?;
    let state = activation(node, slot(slots.output_state))?;
    let cell = node.affine(slot(slots.cell_state))?;
    if cell.zero_point != 0 {
        return Err(Refusal::Quantization(slot(slots.cell_state)));
    }
    // As tflite tells powers of two.
    let log2 = libm::logf(cell.scale) * (1.0 / libm::logf(2.0));
    let power = libm::roundf(log2);
    let cell_bits = 15 + power as i32;
    if libm::fabsf(log2 - power) >= 1e-3 || !(0..=6).contains(&cell_bits) {
        return Err(Refusal::Quantization(slot(slots.cell_state)));
    }
    let mut gates = [Gate::zeroed(); 4];
    for (k, (gate, to)) in (0u8..4).zip(&mut gates).enumerate().skip(usize::from(coupled)) {
        node.type_in(slot(slots.biases + gate), &[bias])?;
        for first in [slots.input_weights, slots.recurrent_weights] {
            node.type_in(slot(first + gate), &[Int8])?;
        }
        let step = match normalization {
            Some(first) => {
                node.type_in(slot(first + gate), &[Int16])?;
                let scale = weight_scale(node, first + gate)?;
                to.normalization = Multiplier::from_real(scale.into());
                to.least_variance = ((10000.0 * scale) as i32).max(1);
                node.intermediate(k)?.scale
            }
            None => SUM_STEP,
        };
        let factor = |scale: f32, other: f32| Multiplier::from_real((scale * other / step).into());
        to.input = factor(weight_scale(node, slots.input_weights + gate)?, input.scale);
        to.recurrent = factor(weight_scale(node, slots.recurrent_weights + gate)?, state.scale);
        // The cell gate has no peephole.
        let peephole = match gate {
            0 | 1 => Some(slots.peepholes + gate),
            3 => Some(slots.peepholes + 2),
            _ => None,
        };
        if let Some(peephole) = peephole.filter(|_| peepholes) {
            node.type_in(slot(peephole), &[Int16])?;
            to.peephole = factor(libm::exp2f(power), weight_scale(node, peephole)?);
        }
    }
    let (low, high) = (f32::from(i16::MIN), f32::from(i16::MAX));
    let clip = |clip: f32, scale: f32, low: f32, high: f32| {
        if clip > 0.0 { (clip / scale).max(low).min(high) as i32 } else { 0 }
    };
    let mut rule = Rule {
        gates,
        plain: u32::from(plain),
        input_zero: input.zero_point,
        output_zero: state.zero_point,
        cell_bits,
        cell_clip: clip(options.cell_clip, cell.scale, low, high),
        ..Rule::zeroed()
    };
    if plain {
        let product =
            |a: f32, b: f32, to: f32| Multiplier::from_real(f64::from(a) * f64::from(b) / f64::from(to));
        rule.keep.multiplier = product(GATE_STEP, cell.scale, cell.scale);
        rule.add.multiplier = product(GATE_STEP, GATE_STEP, cell.scale);
        rule.hidden = product(GATE_STEP, GATE_STEP, state.scale);
        rule.hidden_zero = state.zero_point;
        return node.store(rule);
    }
    rule.keep.multiplier = Multiplier { q: 0, shift: 15 };
    rule.add.multiplier = Multiplier { q: 0, shift: 15 + cell_bits };
    let hidden = node.intermediate(4)?;
    if i8::try_from(hidden.zero_point).is_err() {
        return Err(Refusal::Parameter("intermediates"));
    }
    rule.hidden = Multiplier::from_real((GATE_STEP / hidden.scale * GATE_STEP).into());
    rule.hidden_zero = hidden.zero_point;
    if projects {
        node.type_in(slot(slots.projection), &[Int8])?;
        if has(node, slots.projection + 1) {
            node.type_in(slot(slots.projection + 1), &[Int32])?;
        }
        let scale = weight_scale(node, slots.projection)?;
        rule.projection = Multiplier::from_real((scale * hidden.scale / state.scale).into());
        let output = node.affine(OUTPUT)?;
        rule.projection_clip = clip(options.projection_clip, output.scale, -128.0, 127.0);
    }
    node.store(rule)
}

/// Scale and zero point of an activation, the zero point within its type (16-bit ones are symmetric).
fn activation(node: &Prepare<'_>, slot: Slot) -> Result<Affine, Refusal> {
    let affine = node.affine(slot)?;
    let fits = match node.tensor_type(slot)? {
        TensorType::Int8 => i8::try_from(affine.zero_point).is_ok(),
        _ => affine.zero_point == 0,
    };
    if fits { Ok(affine) } else { Err(Refusal::Quantization(slot)) }
}

/// The element type of a layer's activations.
pub(super) trait Activations: Integer {
    /// That of biases.
    type Bias: crate::element::Element;

    /// `factor * (bias[u] + sum over k of (x[k] - zero) * rows[u][k])` for each row `u`, of `x` and `zero`.
    fn products(
        level: Level,
        x: (&[Self], i32),
        rows: &[i8],
        bias: &[Self::Bias],
        factor: Multiplier,
        f: impl FnMut(usize, i32),
    );
}

impl Activations for i8 {
    type Bias = i32;

    fn products(
        level: Level,
        (x, zero): (&[i8], i32),
        rows: &[i8],
        bias: &[i32],
        factor: Multiplier,
        mut f: impl FnMut(usize, i32),
    ) {
        let bias = |u: usize| bias.get(u).copied().unwrap_or(0);
        level.run(Rows {
            x,
            zero: zero as i16,
            rows,
            f: |u, sum: i32| f(u, factor.apply(sum.wrapping_add(bias(u)))),
        });
    }
}

impl Activations for i16 {
    type Bias = i64;

    fn products(
        _level: Level,
        (x, _zero): (&[i16], i32),
        rows: &[i8],
        bias: &[i64],
        factor: Multiplier,
        mut f: impl FnMut(usize, i32),
    ) {
        for (u, row) in rows.chunks_exact(x.len().max(1)).enumerate() {
            let bias = bias.get(u).copied().unwrap_or(0);
            let sum = x
                .iter()
                .zip(row)
                .fold(bias, |sum, (&x, &w)| sum.wrapping_add((i32::from(x) * i32::from(w)).into()));
            f(u, factor.apply_i64(sum));
        }
    }
}

impl Rule {
    fn logistic(&self, values: &mut [i16]) {
        for x in values {
            let wide = i32::from(*x);
            *x = match self.plain {
                0 => fixed::logistic::<Narrow>(wide, 3) as i16,
                _ => Logistic::interpolated(3 * wide),
            };
        }
    }

    /// The hyperbolic tangent of a number with `bits` before the point.
    fn tanh(&self, x: i16, bits: i32) -> i16 {
        let wide = i32::from(x);
        match self.plain {
            0 => fixed::tanh::<Narrow>(wide, bits as u32) as i16,
            // Steps of 1 / (3 * 4096), halves up.
            _ if bits >= 3 => Tanh::interpolated((3 * wide) << (bits - 3)),
            _ => {
                let shift = 3 - bits;
                Tanh::interpolated((3 * wide + (1 << (shift - 1))) >> shift)
            }
        }
    }

    /// Adds the last output's share of a gate's sum, which is `value`.
    fn add_recurrent(&self, sum: &mut i16, value: i32) {
        let value = if self.plain != 0 { i16::saturate(value).into() } else { value };
        *sum = i16::saturate(value.wrapping_add((*sum).into()));
    }
}

impl Gate {
    /// Adds the cells' share of the gate's sums.
    fn add_peephole(&self, weights: &[i16], cells: &[i16], sums: &mut [i16]) {
        for ((sum, &w), &c) in sums.iter_mut().zip(weights).zip(cells) {
            let share = self.peephole.apply(i32::from(w) * i32::from(c));
            *sum = i16::saturate(share.wrapping_add((*sum).into()));
        }
    }

    /// Normalizes the gate's sums.
    fn normalize(&self, sums: &mut [i16], coefficients: &[i16], bias: &[i32]) {
        let count = sums.len().max(1) as i64;
        let squared = |x: i16| i64::from(x) * i64::from(x);
        let sum: i64 = sums.iter().map(|&x| i64::from(x)).sum();
        let squares: i64 = sums.iter().map(|&x| squared(x)).sum();
        // Ten more bits, so that the normalized values are fine enough.
        let mean = (sum * 1024 / count) as i32;
        let variance =
            squares.wrapping_mul((1 << 20) / count).wrapping_sub(i64::from(mean) * i64::from(mean));
        let variance = (variance / (1 << 20)) as i32;
        let deviation = inverse_root(if variance < 1 { self.least_variance } else { variance });
        let factor = Multiplier { shift: self.normalization.shift + 12, ..self.normalization };
        for ((x, &c), &b) in sums.iter_mut().zip(coefficients).zip(bias) {
            let scaled = deviation.apply(1024 * i32::from(*x) - mean);
            let value = scaled.wrapping_mul(c.into()).wrapping_add(b);
            let rounded = (i64::from(value) + if value > 0 { 512 } else { -512 }) / 1024;
            *x = i16::saturate(factor.apply(rounded as i32));
        }
    }
}

/// What a gate has of a list for all four.
fn of<'l, T>(lists: &[&'l [T]; 4], gate: usize) -> &'l [T] {
    lists.get(gate).copied().unwrap_or_default()
}

pub(super) fn run<A: Activations>(layer: &Layer, node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let slots = layer.slots;
    let (out, scratch) = (node.output::<A>(0)?, node.scratch::<i16>()?);
    let states = node.variable::<A>(slots.output_state as usize)?;
    let cells_of = node.variable::<i16>(slots.cell_state as usize)?;
    if out.is_empty() {
        return Ok(());
    }
    let rule = *node.load::<Rule>(layer.rule)?;
    let level = node.level();
    let node = &*node;
    let input = node.input::<A>(slots.input as usize)?;
    let input_weights = vectors::<i8>(node, slots.input_weights)?;
    let recurrent_weights = vectors::<i8>(node, slots.recurrent_weights)?;
    let biases = vectors::<A::Bias>(node, slots.biases)?;
    let peephole = |k: usize| -> Result<&[i16], Refusal> {
        Ok(node.optional_input(slots.peepholes as usize + k)?.unwrap_or(&[]))
    };
    let peepholes = [peephole(0)?, peephole(1)?, &[], peephole(2)?];
    let coefficients = vectors::<i16>(node, slots.normalization)?;
    let normalizes = !coefficients.iter().all(|c| c.is_empty());
    // Biases of normalized gates come after that.
    let late = if normalizes { vectors::<i32>(node, slots.biases)? } else { [&[][..]; 4] };
    let early = if normalizes { [&[][..]; 4] } else { biases };
    let projection = node.optional_input::<i8>(slots.projection as usize)?;
    let projection_bias = node.optional_input::<i32>(slots.projection as usize + 1)?.unwrap_or(&[]);

    let (depth, cells, outputs) = (layer.depth as usize, layer.cells as usize, layer.outputs as usize);
    let (gates, rest) = scratch.split_at_mut_checked(4 * cells).ok_or(Refusal::Internal)?;
    let hidden: &mut [i8] = bytemuck::cast_slice_mut(rest);
    let hidden = hidden.get_mut(..cells).ok_or(Refusal::Internal)?;
    let (input_gate, gates) = gates.split_at_mut_checked(cells).ok_or(Refusal::Internal)?;
    let (forget_gate, gates) = gates.split_at_mut_checked(cells).ok_or(Refusal::Internal)?;
    let (cell_gate, output_gate) = gates.split_at_mut_checked(cells).ok_or(Refusal::Internal)?;

    for sequence in 0..layer.route.batch as usize {
        let state = vector_mut(states, sequence, outputs)?;
        let cell = vector_mut(cells_of, sequence, cells)?;
        for at in layer.route.vectors(sequence) {
            let x = vector(input, at, depth)?;
            let sums = [&mut *input_gate, &mut *forget_gate, &mut *cell_gate, &mut *output_gate];
            let gates = sums.into_iter().zip(rule.gates).enumerate();
            for (gate, (sums, factors)) in gates.skip(layer.coupled as usize) {
                sums.fill(0);
                let mut set = |u: usize, value: i32| {
                    if let Some(sum) = sums.get_mut(u) {
                        *sum = i16::saturate(value);
                    }
                };
                A::products(
                    level,
                    (x, rule.input_zero),
                    of(&input_weights, gate),
                    of(&early, gate),
                    factors.input,
                    &mut set,
                );
                let add = |u: usize, value: i32| {
                    if let Some(sum) = sums.get_mut(u) {
                        rule.add_recurrent(sum, value);
                    }
                };
                let last = (&*state, rule.output_zero);
                A::products(level, last, of(&recurrent_weights, gate), &[], factors.recurrent, add);
                // The output gate's peephole sees the new cells.
                if gate != 3 {
                    factors.add_peephole(of(&peepholes, gate), cell, sums);
                }
                if normalizes && gate != 3 {
                    factors.normalize(sums, of(&coefficients, gate), of(&late, gate));
                }
            }
            rule.logistic(forget_gate);
            if layer.coupled == 0 {
                rule.logistic(input_gate);
            } else {
                input_gate.iter_mut().zip(&*forget_gate).for_each(|(i, f)| *i = i16::MAX.wrapping_sub(*f));
            }
            cell_gate.iter_mut().for_each(|g| *g = rule.tanh(*g, 3));
            let gates = forget_gate.iter().zip(input_gate.iter()).zip(cell_gate.iter());
            for (c, ((&f, &i), &g)) in cell.iter_mut().zip(gates) {
                let sum = i32::from(rule.keep.cell(f, *c)) + i32::from(rule.add.cell(i, g));
                *c = i16::saturate(sum);
                if rule.cell_clip > 0 {
                    *c = i32::from(*c).min(rule.cell_clip).max(-rule.cell_clip) as i16;
                }
            }
            rule.gates[3].add_peephole(peepholes[3], cell, output_gate);
            if normalizes {
                rule.gates[3].normalize(output_gate, coefficients[3], late[3]);
            }
            rule.logistic(output_gate);
            let results = output_gate
                .iter()
                .zip(cell.iter())
                .map(|(&o, &c)| rule.hidden.apply(i32::from(o) * i32::from(rule.tanh(c, rule.cell_bits))));
            match projection {
                None => state
                    .iter_mut()
                    .zip(results)
                    .for_each(|(y, x)| *y = A::saturate(x.saturating_add(rule.hidden_zero))),
                Some(weights) => {
                    // The zero point is taken off where it should be added; the product takes that back.
                    let zero = rule.hidden_zero;
                    hidden
                        .iter_mut()
                        .zip(results)
                        .for_each(|(y, x)| *y = i8::saturate(x.saturating_sub(zero)));
                    let clip = rule.projection_clip;
                    state.fill(A::narrow(0));
                    let set = |u: usize, value: i32| {
                        if let Some(y) = state.get_mut(u) {
                            let value = i32::from(i8::saturate(value.saturating_add(rule.output_zero)));
                            let value = if clip > 0 { value.min(clip).max(-clip) } else { value };
                            *y = A::saturate(value);
                        }
                    };
                    i8::products(level, (hidden, -zero), weights, projection_bias, rule.projection, set);
                }
            }
            copy_slice(state, layer.route.place(out, at, outputs)?)?;
        }
    }
    Ok(())
}
