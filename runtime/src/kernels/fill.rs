//! FILL: `out[...] = value`, any type of whole bytes.

use sedge_schema::op::{Fill, Node as _};
use sedge_schema::{Refusal, Slot};

use super::shared::{OUTPUT, element_bytes, region};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Fill, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let value = Slot::Input(1);
    let kind = node.tensor_type(value)?;
    element_bytes(kind, value)?;
    if node.tensor_type(OUTPUT)? != kind {
        return Err(Refusal::Type(OUTPUT));
    }
    Ok(())
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let to = node.output::<u8>(0)?;
    region::fill(to, node.input(1)?);
    Ok(())
}
