//! SignalWindow: `out[r, i] = clamp((in[r, i] * weights[i]) >> shift)`, int16. Input 0 is `[..., n * size]`,
//! input 1 the weights `[size]`. Option: `shift`.

use sedge_schema::op::NodeExt as _;
use sedge_schema::{Refusal, Slot, TensorType::Int16};

use super::{rows, shift, types};
use crate::node::{Invoke, Prepare};

pub(in super::super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    types(node, &[Int16, Int16], &[Int16])?;
    let shift = shift(&node.options()?, "shift")?;
    let (shape, size) = rows(node)?;
    let weights = node.input_of_rank(1, 1)?.elements();
    if weights == 0 || size % weights != 0 {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    node.set_shape(0, shape)?;
    node.set_data(shift)
}

pub(in super::super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let shift = *node.data::<u32>()?;
    let to = node.output::<i16>(0)?;
    let (from, weights) = (node.input::<i16>(0)?, node.input::<i16>(1)?);
    for (y, (&x, &w)) in to.iter_mut().zip(from.iter().zip(weights.iter().cycle())) {
        let raw = (i32::from(x) * i32::from(w)) >> shift;
        *y = raw.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    }
    Ok(())
}
