//! SignalEnergy: `out[i] = real[i]^2 + imaginary[i]^2`, int16 to uint32, for `start_index <= i <
//! end_index`; 0 elsewhere. Input 0 is `[2 * n]`, real and imaginary parts in turn.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::NodeExt as _;
use sedge_schema::{Refusal, Shape, Slot, TensorType};

use super::{count, types};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    start: u32,
    end: u32,
}

pub(in super::super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    types(node, &[TensorType::Int16], &[TensorType::UInt32])?;
    let options = node.options()?;
    let (start, end) = (count(&options, "start_index", 0)?, count(&options, "end_index", 0)?);
    let elements = node.input_of_rank(0, 1)?.elements();
    if elements % 2 != 0 {
        return Err(Refusal::Shape(Slot::Input(0)));
    }
    if end as usize > elements / 2 {
        return Err(Refusal::Parameter("end_index"));
    }
    node.set_shape(0, Shape::new(&[elements as u32 / 2]).ok_or(Refusal::TooLarge)?)?;
    node.set_data(Data { start, end })
}

pub(in super::super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { start, end } = *node.data::<Data>()?;
    let to = node.output::<u32>(0)?;
    let pairs = node.input::<i16>(0)?.as_chunks::<2>().0;
    for (i, (to, &[re, im])) in (0u32..).zip(to.iter_mut().zip(pairs)) {
        let [re, im] = [re, im].map(i32::from);
        *to = if (start..end).contains(&i) { (re * re) as u32 + (im * im) as u32 } else { 0 };
    }
    Ok(())
}
