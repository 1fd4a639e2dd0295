//! DEPTHWISE_CONV_2D: blocks of channels where weights may be packed, directly otherwise.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_schema::op::{DepthwiseConv2d, NodeExt as _};
use sedge_simd::{Kernel, Simd};

use super::filter::hybrid::{Hybrid, Mode};
use super::filter::{Arithmetic, FloatRange, Geometry, Inputs, Product, Requantize, Sizes, Way, run};
use super::gemm::depthwise;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    way: Way,
    geometry: Geometry,
}

pub(super) fn prepare(op: DepthwiseConv2d, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let (image, weights) = (node.input(0)?, node.input(1)?);
    let filters = weights.dim(3);
    let geometry = Geometry::new(&image, op.windows(&image, &weights)?, image.dim(3), filters);
    let sizes = geometry.sizes();
    let arithmetic = Arithmetic::of(node)?;
    let way = match arithmetic {
        Arithmetic::Hybrid => {
            let mode = Mode::of_convolution(node)?;
            let hybrid = Hybrid::prepare(node, (3, filters), op.activation, mode, (0, image.dim(0)))?;
            Way::direct(node, arithmetic, hybrid)?
        }
        Arithmetic::Float => {
            let range = FloatRange::of(op.activation)?;
            // The blocked way reads weights as they lie.
            match depthwise::fits(&sizes) {
                true => Way::packed(node, arithmetic, range)?,
                false => Way::direct(node, arithmetic, range)?,
            }
        }
        _ => {
            let rule = Requantize::prepare(node, (0, 3), filters, op.activation, Product::Double)?;
            let packs = node.packs_weights() && arithmetic == Arithmetic::Int8 && rule.widened.is_empty();
            match if packs { depthwise::pack(node, rule, &sizes)? } else { None } {
                Some(packed) => {
                    node.scratch(sizes.channels)?;
                    Way::packed(node, arithmetic, packed)?
                }
                None => Way::direct(node, arithmetic, rule)?,
            }
        }
    };
    node.set_data(Data { way, geometry })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { way, geometry } = *node.data()?;
    let sizes = geometry.sizes();
    match way.of()? {
        (Arithmetic::Float, true) => {
            let range = *node.load(way.data)?;
            let out = node.output(0)?;
            let bias = node.optional_input(2)?.unwrap_or_default();
            let tensors = (node.input(0)?, node.input(1)?, bias);
            node.level().run(Float { sizes, range, tensors, out });
            Ok(())
        }
        (_, true) => {
            let (out, outside) = (node.output(0)?, node.scratch()?);
            let weights = node.load::<depthwise::Packed>(way.data)?.load(node);
            node.level().run(Int8 { sizes, weights, x: node.input(0)?, outside, out });
            Ok(())
        }
        (Arithmetic::Hybrid, false) => {
            let image = run::Shape::Depthwise(Sizes { batch: 1, ..sizes });
            node.load::<Hybrid>(way.data)?.run(node, image, Inputs::USUAL, sizes.batch)
        }
        (arithmetic, false) => run::direct(node, arithmetic, run::Shape::Depthwise(sizes), Inputs::USUAL, way.data),
    }
}

struct Int8<'k> {
    sizes: Sizes,
    weights: depthwise::Int8<'k>,
    x: &'k [i8],
    outside: &'k mut [i8],
    out: &'k mut [i8],
}

impl Kernel for Int8<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.weights.run(simd, &self.sizes, self.x, self.outside, self.out);
    }
}

struct Float<'k> {
    sizes: Sizes,
    range: FloatRange,
    tensors: (&'k [f32], &'k [f32], &'k [f32]),
    out: &'k mut [f32],
}

impl Kernel for Float<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        depthwise::float(simd, &self.sizes, self.range, self.tensors, self.out);
    }
}
