//! SVDF: `state[f] <- state[f] without its oldest, and features[f] . x`, then
//! `out[u] = activation(bias[u] + sum over the filters f of unit u of times[f] . state[f])`.
//!
//! int8: the first products are rescaled to the state's scale and clamped to its type (int16 or int8),
//! the sum to the output's scale. float32 with int8 weights: each row of the input is quantized to int8
//! first, in one scale. Source: tflite-micro's reference `svdf_common.cc`, LiteRT's `svdf.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Activation, Node as _, NodeExt as _, Svdf};
use sedge_schema::{Refusal, Slot, TensorType};

use super::filter::hybrid::{Mode, quantize};
use super::shared::{INPUT, OUTPUT};
use crate::element::Element;
use crate::fixed::Multiplier;
use crate::node::{Invoke, Prepare};
use crate::slices;

const FEATURES: usize = 1;
const TIMES: usize = 2;
const BIAS: usize = 3;
const STATE: usize = 4;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    variant: u32,
    /// Elements of a row of the input, and of the state for each filter.
    features: u32,
    memory: u32,
    /// Filters, and how many make a unit.
    filters: u32,
    rank: u32,
    // Integers.
    input_zero: i32,
    state_zero: i32,
    output_zero: i32,
    to_state: Multiplier,
    to_output: Multiplier,
    // Floats.
    low: f32,
    high: f32,
    /// What a step of the weights is worth.
    features_scale: f32,
    times_scale: f32,
    /// Whether inputs are quantized with a zero point.
    asymmetric: u32,
}

/// How the operator computes; in floats throughout where none of these.
const HYBRID: u32 = 1;
const INT8: u32 = 2;
const INT8_STATE_INT8: u32 = 3;

pub(super) fn prepare(op: Svdf, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Float32, Int8, Int16, Int32};
    let slot = |i: usize| Slot::Input(i as u8);
    if !node.is_variable(slot(STATE)) {
        return Err(Refusal::Value(slot(STATE)));
    }
    let features = node.input(FEATURES)?;
    let (low, high) = op.activation.range().ok_or(Refusal::Parameter("activation"))?;
    let kind = node.type_in(INPUT, &[Float32, Int8])?;
    node.type_in(OUTPUT, &[kind])?;
    let mut data = Data {
        features: features.dim(1) as u32,
        filters: features.dim(0) as u32,
        memory: node.input(TIMES)?.dim(1) as u32,
        rank: op.rank as u32,
        low,
        high,
        asymmetric: u32::from(op.asymmetric_quantize_inputs),
        ..Data::zeroed()
    };
    let bias = if kind == Float32 { Float32 } else { Int32 };
    if node.has(slot(BIAS)) {
        node.type_in(slot(BIAS), &[bias])?;
    }
    if kind == Float32 {
        node.type_in(slot(STATE), &[Float32])?;
        let weights = node.type_in(slot(FEATURES), &[Float32, Int8])?;
        node.type_in(slot(TIMES), &[weights])?;
        if weights == Int8 {
            data.variant = HYBRID;
            data.features_scale = node.affine(slot(FEATURES))?.scale;
            data.times_scale = node.affine(slot(TIMES))?.scale;
            node.scratch(features.dim(1))?;
        }
        return node.set_data(data);
    }
    // The clamp to int8 is all there is: as RELU, where the output's zero point is the least value.
    if !matches!(op.activation, Activation::None | Activation::Relu) {
        return Err(Refusal::Parameter("activation"));
    }
    node.type_in(slot(FEATURES), &[Int8])?;
    let state_type = node.type_in(slot(STATE), &[Int16, Int8])?;
    node.type_in(slot(TIMES), &[state_type])?;
    data.variant = if state_type == Int8 { INT8_STATE_INT8 } else { INT8 };
    let (input, output, state) = (node.affine(INPUT)?, node.affine(OUTPUT)?, node.affine(slot(STATE))?);
    let (features, times) = (node.affine(slot(FEATURES))?, node.affine(slot(TIMES))?);
    for (slot, affine) in [(FEATURES, features), (TIMES, times)] {
        if affine.zero_point != 0 {
            return Err(Refusal::Quantization(Slot::Input(slot as u8)));
        }
    }
    data.to_state = Multiplier::from_real((input.scale * features.scale / state.scale).into());
    data.to_output = Multiplier::from_real((state.scale * times.scale / output.scale).into());
    data.input_zero = input.zero_point;
    data.state_zero = state.zero_point;
    data.output_zero = output.zero_point;
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<Data>()?;
    if data.filters == 0 || data.features == 0 {
        return Err(Refusal::Shape(Slot::Input(FEATURES as u8)));
    }
    match data.variant {
        INT8 => integer::<i16>(node, &data, |x, zero| {
            (x.clamp(i16::MIN.into(), i16::MAX.into()) as i16).wrapping_add(zero as i16)
        }),
        INT8_STATE_INT8 => integer::<i8>(node, &data, |x, zero| {
            (x.clamp(i8::MIN.into(), i8::MAX.into()) as i8).wrapping_add(zero as i8)
        }),
        HYBRID => hybrid(node, &data),
        _ => float(node, &data),
    }
}

/// Forgets the oldest of each filter's state, and puts `newest` of the filter at its end.
#[inline]
fn advance<S: Copy>(
    state: &mut [S],
    memory: usize,
    mut newest: impl FnMut(usize) -> Option<S>,
) -> Result<(), Refusal> {
    for (filter, state) in slices::rows_mut(state, memory).enumerate() {
        let kept = state.len().saturating_sub(1);
        slices::copy_within(state, 1, kept, 0).ok_or(Refusal::Internal)?;
        *state.last_mut().ok_or(Refusal::Internal)? = newest(filter).ok_or(Refusal::Internal)?;
    }
    Ok(())
}

/// Row `row` of a matrix with `columns` columns.
fn row<T>(matrix: &[T], columns: u32, row: usize) -> Option<&[T]> {
    let columns = columns as usize;
    matrix.get(row * columns..)?.get(..columns)
}

fn integer<S: Element + Into<i32>>(
    node: &mut Invoke<'_>,
    data: &Data,
    narrow: impl Fn(i32, i32) -> S,
) -> Result<(), Refusal> {
    let to = node.output::<i8>(0)?;
    let state = node.variable::<S>(STATE)?;
    let (input, features) = (node.input::<i8>(0)?, node.input::<i8>(FEATURES)?);
    let times = node.input::<S>(TIMES)?;
    let bias = node.optional_input::<i32>(BIAS)?;
    let (filters, memory) = (data.filters as usize, data.memory as usize);
    let units = filters / (data.rank as usize).max(1);
    let batches = slices::rows(input, data.features as usize);
    let states = slices::rows_mut(state, filters * memory);
    for ((input, state), to) in batches.zip(states).zip(slices::rows_mut(to, units)) {
        advance(state, memory, |filter| {
            let weights = row(features, data.features, filter)?.iter().zip(input);
            let sum = weights.fold(0i32, |sum, (&w, &x)| {
                sum.wrapping_add(i32::from(w).wrapping_mul(i32::from(x) - data.input_zero))
            });
            Some(narrow(data.to_state.apply(sum), data.state_zero))
        })?;
        let unit_len = data.rank as usize * memory;
        let state = slices::rows(state, unit_len).zip(slices::rows(times, unit_len));
        for (unit, (to, (state, times))) in to.iter_mut().zip(state).enumerate() {
            let start = bias.map_or(0, |bias| bias.get(unit).copied().unwrap_or(0));
            let sum = state.iter().zip(times).fold(start, |sum, (&s, &w)| {
                sum.wrapping_add(w.into().wrapping_mul(s.into() - data.state_zero))
            });
            let value = data.to_output.apply(sum).saturating_add(data.output_zero);
            *to = value.clamp(i8::MIN.into(), i8::MAX.into()) as i8;
        }
    }
    Ok(())
}

/// Applies the time filters, the bias and the activation in floats; `weight` is what a time weight is
/// worth.
#[inline]
fn finish<W: Copy>(
    data: &Data,
    (state, times): (&[f32], &[W]),
    bias: Option<&[f32]>,
    to: &mut [f32],
    weight: impl Fn(W) -> f32,
) {
    let (rank, memory) = (data.rank as usize, data.memory as usize);
    let units = slices::rows(state, rank * memory).zip(slices::rows(times, rank * memory));
    for (unit, (to, (state, times))) in to.iter_mut().zip(units).enumerate() {
        let filters = slices::rows(state, memory).zip(slices::rows(times, memory));
        let sum = filters.fold(0.0, |sum, (state, times)| {
            sum + state.iter().zip(times).fold(0.0, |sum, (&s, &w)| sum + s * weight(w))
        });
        let sum = sum + bias.and_then(|bias| bias.get(unit).copied()).unwrap_or(0.0);
        *to = sum.max(data.low).min(data.high);
    }
}

fn float(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    let to = node.output::<f32>(0)?;
    let state = node.variable::<f32>(STATE)?;
    let (input, features) = (node.input::<f32>(0)?, node.input::<f32>(FEATURES)?);
    let times = node.input::<f32>(TIMES)?;
    let bias = node.optional_input::<f32>(BIAS)?;
    let (filters, memory) = (data.filters as usize, data.memory as usize);
    let batches = slices::rows(input, data.features as usize);
    let states = slices::rows_mut(state, filters * memory);
    for ((input, state), to) in
        batches.zip(states).zip(slices::rows_mut(to, filters / (data.rank as usize).max(1)))
    {
        advance(state, memory, |filter| {
            let weights = row(features, data.features, filter)?.iter().zip(input);
            Some(weights.fold(0.0, |sum, (&w, &x)| sum + w * x))
        })?;
        finish(data, (state, times), bias, to, |w| w);
    }
    Ok(())
}

fn hybrid(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    let to = node.output::<f32>(0)?;
    let state = node.variable::<f32>(STATE)?;
    let quantized = node.scratch::<i8>()?;
    let (input, features) = (node.input::<f32>(0)?, node.input::<i8>(FEATURES)?);
    let times = node.input::<i8>(TIMES)?;
    let bias = node.optional_input::<f32>(BIAS)?;
    let (filters, memory) = (data.filters as usize, data.memory as usize);
    let batches = slices::rows(input, data.features as usize);
    let states = slices::rows_mut(state, filters * memory);
    let mode = if data.asymmetric != 0 { Mode::Asymmetric } else { Mode::Symmetric };
    for ((input, state), to) in
        batches.zip(states).zip(slices::rows_mut(to, filters / (data.rank as usize).max(1)))
    {
        let (scale, zero) = quantize(node.level(), input, mode, quantized);
        advance(state, memory, |filter| {
            let weights = row(features, data.features, filter)?.iter().zip(quantized.iter());
            let sum = weights
                .fold(0i32, |sum, (&w, &x)| sum.wrapping_add(i32::from(w).wrapping_mul(i32::from(x) - zero)));
            Some(sum as f32 * (scale * data.features_scale))
        })?;
        finish(data, (state, times), bias, to, |w| f32::from(w) * data.times_scale);
    }
    Ok(())
}
