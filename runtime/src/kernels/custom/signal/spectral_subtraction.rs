//! SignalFilterBankSpectralSubtraction: takes away from each channel the noise that it had in the past, a
//! running mean. uint32; with `s = in[i] << smoothing_bits` and `q = spectral_subtraction_bits`:
//!
//! ```text
//! noise[i] = (s * smoothing + noise[i] * one_minus_smoothing) >> q
//! out[i] = max((s - min(noise[i], s)) >> smoothing_bits, (in[i] * min_signal_remaining) >> q)
//! ```
//!
//! Odd channels have the two `alternate` factors. With `clamping`, noise is `s` at most from then on.
//! Output 1 is the noise, which is kept from one invocation to the next.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::NodeExt as _;
use sedge_schema::{Refusal, TensorType::UInt32};

use super::{int, shift, types};
use crate::arena::Span;
use crate::kernels::shared::copy_slice;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// For even and odd channels the factors of the signal and of the noise so far.
    factors: [[u32; 2]; 2],
    remaining: u32,
    smoothing_bits: u32,
    bits: u32,
    clamping: u32,
    noise: Span,
}

pub(in super::super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    types(node, &[UInt32], &[UInt32, UInt32])?;
    let options = node.options()?;
    let factor = |name| int(&options, name).map(|x| x as u32);
    let factors = [
        [factor("smoothing")?, factor("one_minus_smoothing")?],
        [factor("alternate_smoothing")?, factor("alternate_one_minus_smoothing")?],
    ];
    let shape = node.input_of_rank(0, 1)?;
    if factor("num_channels")? as usize != shape.elements() {
        return Err(Refusal::Parameter("num_channels"));
    }
    let clamping = options.get("clamping").and_then(|v| v.as_bool()).ok_or(Refusal::Parameter("clamping"))?;
    let data = Data {
        factors,
        remaining: factor("min_signal_remaining")?,
        smoothing_bits: shift(&options, "smoothing_bits")?,
        bits: shift(&options, "spectral_subtraction_bits")?,
        clamping: clamping.into(),
        noise: node.state(size_of::<u32>() * shape.elements())?,
    };
    node.set_shape(0, shape)?;
    node.set_shape(1, shape)?;
    node.set_data(data)
}

pub(in super::super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<Data>()?;
    let (to, noises) = (node.output::<u32>(0)?, node.output::<u32>(1)?);
    let state = node.state::<u32>(data.noise)?;
    let [even, odd] = data.factors;
    let channels = to.iter_mut().zip(node.input::<u32>(0)?).zip(state.iter_mut());
    for (i, ((y, &x), noise)) in channels.enumerate() {
        let [of_signal, of_noise] = if i % 2 == 0 { even } else { odd }.map(u64::from);
        let signal = x << data.smoothing_bits;
        let sum =
            u64::from(signal).wrapping_mul(of_signal).wrapping_add(u64::from(*noise).wrapping_mul(of_noise));
        *noise = (sum >> data.bits) as u32;
        let estimate = (*noise).min(signal);
        if data.clamping != 0 {
            *noise = estimate;
        }
        let floor = ((u64::from(x) * u64::from(data.remaining)) >> data.bits) as u32;
        *y = ((signal - estimate) >> data.smoothing_bits).max(floor);
    }
    copy_slice(state, noises)
}
