//! MATRIX_DIAG: `out[..., i, i] = in[..., i]`, 0 elsewhere; any type of whole bytes. Source: LiteRT's
//! `matrix_diag.cc`, whose zeros are bits, whatever the zero point.

use sedge_schema::Refusal;
use sedge_schema::op::{MatrixDiag, NodeExt as _};

use super::shared::region::{self, Region, Steps};
use super::shared::{INPUT, element_bytes, same_type};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: MatrixDiag, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let unit = element_bytes(same_type(node)?, INPUT)?;
    let input = node.input(0)?;
    let rows = input.elements_in(0..input.rank().saturating_sub(1));
    let (size, step) = (input.last(), unit as i64);
    let line = size as i64 * step;
    let mut steps = Steps::default();
    steps.push(rows, line, line * size as i64)?;
    steps.push(size, step, line + step)?;
    let region = Region::new(node, steps, unit, (0, 0))?;
    node.set_data(region)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let region = *node.data::<Region>()?;
    region::invoke_inside(node, &region, &[0])
}
