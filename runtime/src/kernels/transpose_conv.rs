//! TRANSPOSE_CONV: each output's products, gathered directly from the weights. Source: tflite-micro's
//! reference `transpose_conv.h`, which scatters them; LiteRT's `transpose_conv.cc` for float32 with int8
//! weights.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_schema::op::{Node as _, NodeExt as _, TransposeConv};

use super::filter::hybrid::{Hybrid, Mode, Parts};
use super::filter::{Arithmetic, FloatRange, Geometry, Inputs, Product, Requantize, Sizes, Way, run};
use super::shared::OUTPUT;
use crate::node::{Invoke, Prepare};

const INPUTS: Inputs = Inputs::TRANSPOSED;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    way: Way,
    geometry: Geometry,
}

pub(super) fn prepare(op: TransposeConv, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let (weights, image, output) = (node.input(1)?, node.input(INPUTS.image)?, node.shape(OUTPUT)?);
    let (filters, depth) = (weights.dim(0), weights.dim(3));
    let geometry = Geometry::new(&output, op.windows(&output, &weights, &image)?, depth, filters);
    let arithmetic = Arithmetic::with_inputs(node, INPUTS)?;
    let way = match arithmetic {
        Arithmetic::Hybrid => {
            let hybrid = Hybrid::prepare(node, (0, filters), op.activation, Mode::Asymmetric)?;
            Hybrid::scratch(node, Parts { image: INPUTS.image, count: image.dim(0) }, 0)?;
            Way::direct(node, arithmetic, hybrid)?
        }
        Arithmetic::Float => Way::direct(node, arithmetic, FloatRange::of(op.activation)?)?,
        _ => {
            let axis = (INPUTS.image, 0);
            let rule = Requantize::prepare(node, axis, filters, op.activation, Product::Double)?;
            Way::direct(node, arithmetic, rule)?
        }
    };
    node.set_data(Data { way, geometry })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { way, geometry } = *node.data()?;
    let sizes = geometry.sizes();
    match way.of()?.0 {
        Arithmetic::Hybrid => {
            let image = run::Shape::Transposed(Sizes { batch: 1, ..sizes });
            node.load::<Hybrid>(way.data)?.direct(node, image, INPUTS, sizes.batch)
        }
        arithmetic => run::direct(node, arithmetic, run::Shape::Transposed(sizes), INPUTS, way.data),
    }
}
