//! SignalPCAN: per-channel amplitude normalization, an automatic gain control: `out[i] = shrink(in[i] *
//! gain(noise[i]))` with `shrink(x) = x^2 / 4` below 2 and `x - 1` from there on. uint32; input 1 is the
//! noise of each channel, input 2 (int16) the gain as parabolas, three numbers for each power of two.
//! Option: `snr_shift`.

use sedge_schema::op::NodeExt as _;
use sedge_schema::{Refusal, Slot, TensorType};

use super::{math, types};
use crate::kernels::custom::count;
use crate::node::{Invoke, Prepare};

/// Fractional bits of the ratio of signal to noise, and of the output.
const RATIO_BITS: u32 = 12;
const OUTPUT_BITS: u32 = 6;

pub(in super::super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    types(node, &[TensorType::UInt32, TensorType::UInt32, TensorType::Int16], &[TensorType::UInt32])?;
    let shift = count(&node.options()?, "snr_shift", 0)?;
    if shift >= 64 {
        return Err(Refusal::Parameter("snr_shift"));
    }
    let shape = node.input_of_rank(0, 1)?;
    if node.input(1)? != shape {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    node.set_shape(0, shape)?;
    node.set_data(shift)
}

/// The gain for a channel with noise `x`.
fn gain(x: u32, table: &[i16]) -> Option<i16> {
    if x <= 2 {
        return table.get(x as usize).copied();
    }
    let interval = math::bits(x);
    let &[c, b, a] = table.get(4 * interval as usize - 6..)?.first_chunk()?;
    let fraction = if interval < 11 { x << (11 - interval) } else { x >> (interval - 11) } & 0x3ff;
    let fraction = fraction as i32;
    let slope = ((i32::from(a) * fraction) >> 5).wrapping_add(i32::from(b) << 5);
    let rise = slope.wrapping_mul(fraction).wrapping_add(1 << 14) >> 15;
    Some(rise.wrapping_add(c.into()) as i16)
}

fn shrink(x: u32) -> u32 {
    if x < 2 << RATIO_BITS {
        (x * x) >> (2 + 2 * RATIO_BITS - OUTPUT_BITS)
    } else {
        (x >> (RATIO_BITS - OUTPUT_BITS)) - (1 << OUTPUT_BITS)
    }
}

pub(in super::super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let shift = *node.data::<u32>()?;
    let to = node.output::<u32>(0)?;
    let table = node.input::<i16>(2)?;
    let channels = node.input::<u32>(0)?.iter().zip(node.input::<u32>(1)?);
    for (y, (&x, &noise)) in to.iter_mut().zip(channels) {
        let gain = gain(noise, table).ok_or(Refusal::Shape(Slot::Input(2)))?;
        let ratio = u64::from(x).wrapping_mul((i32::from(gain) as u32).into()) >> shift;
        *y = shrink(ratio as u32);
    }
    Ok(())
}
