//! REDUCE_ANY: whether any of the reduced elements holds; of none, false. bool.

use sedge_schema::op::ReduceAny;
use sedge_schema::{Refusal, TensorType};

use super::shared::reduce;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: ReduceAny, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    reduce::check_type(node, &[TensorType::Bool])?;
    let data = reduce::prepare(node)?;
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<reduce::Data>()?;
    reduce::invoke(node, data, 0u8, |holds, x: u8| holds | u8::from(x != 0), |holds| holds)
}
