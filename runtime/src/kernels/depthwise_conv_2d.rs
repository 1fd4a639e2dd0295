//! DEPTHWISE_CONV_2D: blocks of channels where weights may be packed, directly otherwise.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_schema::op::{DepthwiseConv2d, NodeExt as _};
use sedge_simd::{Kernel, Simd};

use super::filter::hybrid::{Hybrid, Mode};
use super::filter::{Arithmetic, FloatRange, Geometry, Product, Requantize, Sizes, run};
use super::gemm::depthwise;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    arithmetic: u32,
    /// Whether the blocked way is taken.
    blocks: u32,
    geometry: Geometry,
    rule: Requantize,
    range: FloatRange,
    hybrid: Hybrid,
    packed: depthwise::Packed,
}

pub(super) fn prepare(op: DepthwiseConv2d, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let (image, weights) = (node.input(0)?, node.input(1)?);
    let filters = weights.dim(3);
    let geometry = Geometry::new(&image, op.windows(&image, &weights)?, image.dim(3), filters);
    let sizes = geometry.sizes();
    let arithmetic = Arithmetic::of(node)?;
    let mut data = Data { arithmetic: arithmetic.code(), geometry, ..Data::zeroed() };
    if arithmetic == Arithmetic::Hybrid {
        let mode = Mode::of_convolution(node)?;
        data.hybrid = Hybrid::prepare(node, (3, filters), op.activation, mode, image.dim(0))?;
    } else if arithmetic == Arithmetic::Float {
        data.range = FloatRange::of(op.activation)?;
        data.blocks = depthwise::fits(&sizes).into();
    } else {
        data.rule = Requantize::prepare(node, 3, filters, op.activation, Product::Double)?;
        if node.packs_weights()
            && arithmetic == Arithmetic::Int8
            && data.rule.widened.is_empty()
            && let Some(packed) = depthwise::pack(node, data.rule, &sizes)?
        {
            (data.blocks, data.packed) = (1, packed);
            node.scratch(sizes.channels)?;
        }
    }
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let sizes = data.geometry.sizes();
    let arithmetic = Arithmetic::from_code(data.arithmetic)?;
    match (arithmetic, data.blocks) {
        (Arithmetic::Float, 1) => {
            let out = node.output(0)?;
            let bias = node.optional_input(2)?.unwrap_or_default();
            let tensors = (node.input(0)?, node.input(1)?, bias);
            node.level().run(Float { sizes, range: data.range, tensors, out });
            Ok(())
        }
        (Arithmetic::Float, _) => run::float(node, run::Shape::Depthwise(sizes), data.range),
        (Arithmetic::Hybrid, _) => data.hybrid.run(node, run::Shape::Depthwise(Sizes { batch: 1, ..sizes }), sizes.batch),
        (_, 1) => {
            let (out, outside) = (node.output(0)?, node.scratch()?);
            let weights = data.packed.load(node);
            node.level().run(Int8 { sizes, weights, x: node.input(0)?, outside, out });
            Ok(())
        }
        _ => {
            let outputs = data.rule.outputs(node);
            run::quantized(node, arithmetic, run::Shape::Depthwise(sizes), outputs)
        }
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
