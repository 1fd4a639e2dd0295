//! NOT_EQUAL: `out = a != b`, with broadcasting. Quantized values are compared on a common scale.

use sedge_schema::Refusal;
use sedge_schema::op::NotEqual;

use super::shared::compare::{self, Comparison};
use crate::node::{Invoke, Prepare};

impl Comparison for NotEqual {
    #[inline(always)]
    fn holds<T: PartialOrd>(a: T, b: T) -> bool {
        a != b
    }
}

pub(super) fn prepare(_op: NotEqual, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    compare::prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    compare::invoke::<NotEqual>(node)
}
