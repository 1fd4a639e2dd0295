//! The basic LSTM kernel: all gates' weights in one matrix, over the input and the last output side by
//! side; the gates' order is input, cell, forget, output. float32, or uint8 with int16 cells. Source:
//! LiteRT's `optimized_ops.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Logistic, Node as _, NodeExt as _, Sequence, Tanh};
use sedge_schema::{Refusal, Slot, TensorType};

use super::{vector, vector_mut};
use crate::element::Element;
use crate::fixed::{self, Multiplier, Narrow, Width as _, rounding_shift_right};
use crate::kernels::shared::dot::Rows;
use crate::kernels::shared::sigmoid::Sigmoid as _;
use crate::kernels::shared::{Integer as _, copy_slice};
use crate::node::{Invoke, Prepare};
use crate::slices;

/// The inputs.
const STATE: usize = 1;
const WEIGHTS: usize = 2;
const BIAS: usize = 3;
const CELLS: usize = 4;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    batch: u32,
    depth: u32,
    cells: u32,
    integer: u32,
    /// Whether the last output and the cells are variables.
    keeps: [u32; 2],
    // Integers.
    weights_zero: i32,
    factor: Multiplier,
}

/// The zero point of activations, whose scale is 1/128.
const ZERO: i32 = 128;
/// Bits of the cells and of the gates' sums before the point.
const CELL_BITS: u32 = 4;
const SUM_BITS: u32 = 3;

pub(in crate::kernels) fn prepare(node: &mut Prepare<'_>, sequence: Sequence) -> Result<(), Refusal> {
    use TensorType::{Float32, Int16, Int32, UInt8};
    let input = |i: usize| Slot::Input(i as u8);
    let kind = node.type_in(input(0), &[Float32, UInt8])?;
    let (bias, cells) = if kind == Float32 { (Float32, Float32) } else { (Int32, Int16) };
    let types = [
        (input(STATE), kind),
        (input(WEIGHTS), kind),
        (input(BIAS), bias),
        (input(CELLS), cells),
        (Slot::Output(0), kind),
        (Slot::Output(1), cells),
        (Slot::Output(2), kind),
        (Slot::Output(3), cells),
    ];
    for (slot, kind) in types {
        // Outputs that nobody reads may be left out.
        if matches!(slot, Slot::Input(_)) || node.has(slot) {
            node.type_in(slot, &[kind])?;
        }
    }
    if !node.has(Slot::Output(0)) || !node.has(Slot::Output(1)) {
        return Err(Refusal::Outputs(node.outputs() as u32));
    }
    let mut data = Data {
        batch: sequence.batch as u32,
        depth: sequence.depth as u32,
        cells: node.input(STATE)?.dim(1) as u32,
        integer: u32::from(kind == UInt8),
        keeps: [STATE, CELLS].map(|i| u32::from(node.is_variable(input(i)))),
        ..Data::zeroed()
    };
    if kind == UInt8 {
        data.weights_zero = node.affine(input(WEIGHTS))?.zero_point;
        if u8::try_from(data.weights_zero).is_err() {
            return Err(Refusal::Quantization(input(WEIGHTS)));
        }
        let cells = node.affine(Slot::Output(1))?;
        if cells.scale != 1.0 / f32::from(1u16 << (15 - CELL_BITS)) {
            return Err(Refusal::Quantization(Slot::Output(1)));
        }
        // To steps of 2^-12.
        data.factor = Multiplier::from_real(f64::from(4096.0 * node.affine(input(BIAS))?.scale));
    }
    let total = data.depth as usize + data.cells as usize;
    let element = if kind == Float32 { 4 } else { 2 };
    // The vector of both and the sums, where no outputs show them.
    node.scratch(element * (total + 4 * data.cells as usize))?;
    node.set_data(data)
}

pub(in crate::kernels) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<Data>()?;
    if data.integer != 0 { integer(node, &data) } else { real(node, &data) }
}

/// Takes output `i`; nothing where it is left out.
fn shown<'s, T: Element>(node: &mut Invoke<'s>, i: usize) -> Result<&'s mut [T], Refusal> {
    match node.output::<T>(i) {
        Err(Refusal::Absent(_)) => Ok(&mut []),
        output => output,
    }
}

/// The outputs, taken before the inputs are read.
struct Outputs<'s, A, C> {
    state: &'s mut [A],
    cells: &'s mut [C],
    joined: &'s mut [A],
    sums: &'s mut [C],
}

impl<'s, A: Element, C: Element> Outputs<'s, A, C> {
    fn take(node: &mut Invoke<'s>) -> Result<Self, Refusal> {
        Ok(Self {
            state: node.output(0)?,
            cells: node.output(1)?,
            joined: shown(node, 2)?,
            sums: shown(node, 3)?,
        })
    }

    /// Shows the joined vector and the gates' sums of one of the batch.
    fn show(&mut self, at: usize, joined: &[A], sums: &[C]) {
        slices::copy(joined, self.joined.get_mut(at * joined.len()..).unwrap_or_default());
        slices::copy(sums, self.sums.get_mut(at * sums.len()..).unwrap_or_default());
    }

    /// Keeps the results for the next invocation where the inputs are variables.
    fn keep(self, node: &mut Invoke<'_>, keeps: [u32; 2]) -> Result<(), Refusal> {
        if keeps[0] != 0 {
            copy_slice(self.state, node.variable::<A>(STATE)?)?;
        }
        if keeps[1] != 0 {
            copy_slice(self.cells, node.variable::<C>(CELLS)?)?;
        }
        Ok(())
    }
}

fn real(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    let mut to = Outputs::<f32, f32>::take(node)?;
    let scratch = node.scratch::<f32>()?;
    if to.state.is_empty() {
        return Ok(());
    }
    let level = node.level();
    let (depth, cells) = (data.depth as usize, data.cells as usize);
    let (input, state) = (node.input::<f32>(0)?, node.input::<f32>(STATE)?);
    let (weights, bias) = (node.input::<f32>(WEIGHTS)?, node.input::<f32>(BIAS)?);
    let before = node.input::<f32>(CELLS)?;
    let (joined, sums) = scratch.split_at_mut_checked(depth + cells).ok_or(Refusal::Internal)?;
    for at in 0..data.batch as usize {
        let (first, second) = joined.split_at_mut_checked(depth).ok_or(Refusal::Internal)?;
        copy_slice(vector(input, at, depth)?, first)?;
        copy_slice(vector(state, at, cells)?, second)?;
        copy_slice(bias, sums)?;
        let f = |u: usize, sum: f32| sums.get_mut(u).map_or((), |to| *to += sum);
        level.run(Rows { x: &*joined, zero: 0, rows: weights, f });
        to.show(at, joined, sums);
        let mut gates = sums.chunks_exact_mut(cells.max(1));
        let gates: [&mut [f32]; 4] = core::array::from_fn(|_| gates.next().unwrap_or_default());
        let [added, fresh, kept, shown] = gates;
        for gate in [&mut *added, &mut *kept, &mut *shown] {
            Logistic::floats(level, gate);
        }
        Tanh::floats(level, fresh);
        let (c, h) = (vector_mut(to.cells, at, cells)?, vector_mut(to.state, at, cells)?);
        let gates = added.iter().zip(&*fresh).zip(&*kept);
        for ((c, &old), ((i, g), f)) in c.iter_mut().zip(vector(before, at, cells)?).zip(gates) {
            *c = i * g + f * old;
        }
        copy_slice(c, h)?;
        Tanh::floats(level, h);
        h.iter_mut().zip(&*shown).for_each(|(h, o)| *h *= o);
    }
    to.keep(node, data.keeps)
}

fn integer(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    let mut to = Outputs::<u8, i16>::take(node)?;
    let scratch = node.scratch::<i16>()?;
    if to.state.is_empty() {
        return Ok(());
    }
    let (depth, cells) = (data.depth as usize, data.cells as usize);
    let (input, state) = (node.input::<u8>(0)?, node.input::<u8>(STATE)?);
    let (weights, bias) = (node.input::<u8>(WEIGHTS)?, node.input::<i32>(BIAS)?);
    let before = node.input::<i16>(CELLS)?;
    let (joined, sums) = scratch.split_at_mut_checked(depth + cells).ok_or(Refusal::Internal)?;
    let joined: &mut [u8] = bytemuck::cast_slice_mut(joined);
    let joined = joined.get_mut(..depth + cells).ok_or(Refusal::Internal)?;
    for at in 0..data.batch as usize {
        let (first, second) = joined.split_at_mut_checked(depth).ok_or(Refusal::Internal)?;
        copy_slice(vector(input, at, depth)?, first)?;
        copy_slice(vector(state, at, cells)?, second)?;
        let rows = weights.chunks_exact(joined.len().max(1));
        for ((to, row), &bias) in sums.iter_mut().zip(rows).zip(bias) {
            let sum = joined.iter().zip(row).fold(bias, |sum, (&x, &w)| {
                sum.wrapping_add((i32::from(x) - ZERO) * (i32::from(w) - data.weights_zero))
            });
            *to = i16::saturate(data.factor.apply(sum));
        }
        to.show(at, joined, sums);
        for (k, &c) in vector(before, at, cells)?.iter().enumerate() {
            let gate = |gate: usize| i32::from(sums.get(gate * cells + k).copied().unwrap_or(0));
            let logistic = |x: i32| fixed::logistic::<Narrow>(x, SUM_BITS);
            let added = Narrow::mul(logistic(gate(0)), fixed::tanh::<Narrow>(gate(1), SUM_BITS));
            let kept = Narrow::mul(logistic(gate(2)), c.into());
            let c = Narrow::saturate(i64::from(rounding_shift_right(added, CELL_BITS)) + i64::from(kept));
            // With one bit less before the point for the function's sake.
            let short = Narrow::saturate(i64::from(c) << (CELL_BITS - SUM_BITS));
            let h = Narrow::mul(logistic(gate(3)), fixed::tanh::<Narrow>(short, SUM_BITS));
            let place = at * cells + k;
            if let (Some(to_c), Some(to_h)) = (to.cells.get_mut(place), to.state.get_mut(place)) {
                *to_c = c as i16;
                *to_h = (rounding_shift_right(h, 8).clamp(-128, 127) + ZERO) as u8;
            }
        }
    }
    to.keep(node, data.keeps)
}
