//! ASSIGN_VARIABLE: `variable = in`, any type of fixed size. All values of a variable have one shape.

use sedge_schema::op::{AssignVariable, NodeExt as _};
use sedge_schema::{Refusal, Slot};

use super::shared::{copy_slice, variable};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};

const VALUE: Slot = Slot::Input(1);

pub(super) fn prepare(_op: AssignVariable, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let variable = variable::find(node, VALUE)?;
    if node.input(1)? != variable.shape {
        return Err(Refusal::Shape(VALUE));
    }
    node.set_data(variable.state)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let span = *node.data::<Span>()?;
    let to = node.state::<u8>(span)?;
    copy_slice(node.input(1)?, to)
}
