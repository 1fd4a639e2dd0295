//! LOCAL_RESPONSE_NORMALIZATION: `x[c] / (bias + alpha * sum of x[i]^2)^beta` over the channels `i` from
//! `c - radius` to `c + radius` that there are. float32.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{LocalResponseNormalization, NodeExt as _};
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, same_type};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    channels: u32,
    radius: u32,
    bias: f32,
    alpha: f32,
    beta: f32,
}

pub(super) fn prepare(op: LocalResponseNormalization, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    same_type(node)?;
    node.type_in(INPUT, &[TensorType::Float32])?;
    let LocalResponseNormalization { radius, bias, alpha, beta } = op;
    let radius = u32::try_from(radius).map_err(|_| Refusal::Parameter("radius"))?;
    let channels = node.input(0)?.last() as u32;
    node.set_data(Data { channels, radius, bias, alpha, beta })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let &Data { channels, radius, bias, alpha, beta } = node.data::<Data>()?;
    let (channels, radius) = ((channels as usize).max(1), radius as usize);
    let to = node.output::<f32>(0)?;
    let from = node.input::<f32>(0)?;
    for (to, from) in to.chunks_exact_mut(channels.max(1)).zip(from.chunks_exact(channels.max(1))) {
        for (channel, (y, &x)) in to.iter_mut().zip(from).enumerate() {
            let around = channel.saturating_sub(radius)..channel.saturating_add(radius).min(channels - 1) + 1;
            let around = from.get(around).unwrap_or_default();
            let squares = around.iter().fold(0.0, |sum: f32, &x| sum + x * x);
            *y = x * libm::powf(bias + alpha * squares, -beta);
        }
    }
    Ok(())
}
