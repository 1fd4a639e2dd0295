//! READ_VARIABLE: `out = variable`, any type of fixed size. A variable that nothing was assigned to holds
//! zeros (8-bit types: the zero point), as in tflite-micro. An output of fixed shape that is smaller than
//! the variable has its first elements, as in LiteRT.

use sedge_schema::op::{Node as _, ReadVariable};
use sedge_schema::{Refusal, Slot};

use super::shared::{OUTPUT, copy_slice, variable};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: ReadVariable, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let variable = variable::find(node, OUTPUT)?;
    let (declared, kept) = (node.shape(OUTPUT)?, variable.shape);
    if node.is_dynamic(OUTPUT)? || (declared.rank() == 0 && kept.elements() != 1) {
        node.set_shape(0, kept)?;
    } else if declared.elements() > kept.elements() {
        return Err(Refusal::Shape(Slot::Output(0)));
    }
    node.set_data(variable.state)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let span = *node.data::<Span>()?;
    let from = node.state::<u8>(span)?;
    let to = node.output::<u8>(0)?;
    copy_slice(from.get(..to.len()).ok_or(Refusal::Internal)?, to)
}
