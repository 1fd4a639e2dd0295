//! CONV_2D: packed weights and the matrix core where weights may be packed, directly otherwise.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_schema::op::{Conv2d, NodeExt as _};
use sedge_simd::{Kernel, Simd};

use super::filter::hybrid::{Hybrid, Mode};
use super::filter::{Arithmetic, FloatRange, Geometry, Product, Requantize, Sizes, run};
use super::gemm::{float, int8};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    arithmetic: u32,
    /// Whether `int8` or `float` holds packed weights.
    packed: u32,
    geometry: Geometry,
    rule: Requantize,
    range: FloatRange,
    hybrid: Hybrid,
    int8: int8::Packed,
    float: float::Packed,
}

pub(super) fn prepare(op: Conv2d, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let (image, weights) = (node.input(0)?, node.input(1)?);
    let (filters, depth) = (weights.dim(0), weights.dim(3));
    let geometry = Geometry::new(&image, op.windows(&image, &weights)?, depth, filters);
    let sizes = geometry.sizes();
    let arithmetic = Arithmetic::of(node)?;
    let mut data = Data { arithmetic: arithmetic.code(), geometry, ..Data::zeroed() };
    let packs = node.packs_weights() && depth == image.dim(3);
    if arithmetic == Arithmetic::Hybrid {
        let mode = Mode::of_convolution(node)?;
        data.hybrid = Hybrid::prepare(node, (0, filters), op.activation, mode, image.dim(0))?;
    } else if arithmetic == Arithmetic::Float {
        data.range = FloatRange::of(op.activation)?;
        if packs && let Some(packed) = float::pack(node, data.range, filters, sizes.taps())? {
            (data.packed, data.float) = (1, packed);
            if !sizes.is_pointwise() {
                node.scratch(packed.scratch())?;
            }
        }
    } else {
        data.rule = Requantize::prepare(node, 0, filters, op.activation, Product::Double)?;
        if packs
            && arithmetic == Arithmetic::Int8
            && data.rule.widened.is_empty()
            && let Some(packed) = int8::pack(node, data.rule, filters, sizes.taps())?
        {
            (data.packed, data.int8) = (1, packed);
            node.scratch(packed.scratch())?;
        }
    }
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let sizes = data.geometry.sizes();
    let arithmetic = Arithmetic::from_code(data.arithmetic)?;
    match (arithmetic, data.packed) {
        (Arithmetic::Float, 1) => {
            let (out, scratch) = (node.output(0)?, node.scratch()?);
            let matrix = data.float.load(node);
            node.level().run(Float { sizes, matrix, x: node.input(0)?, scratch, out });
            Ok(())
        }
        (Arithmetic::Float, _) => run::float(node, run::Shape::Full(sizes), data.range),
        (Arithmetic::Hybrid, _) => data.hybrid.run(node, run::Shape::Full(Sizes { batch: 1, ..sizes }), sizes.batch),
        (_, 1) => {
            let (out, scratch) = (node.output(0)?, node.scratch()?);
            let matrix = data.int8.load(node);
            let zero = data.rule.input_zero;
            node.level().run(Int8 { sizes, matrix, x: node.input(0)?, zero, scratch, out });
            Ok(())
        }
        _ => {
            let outputs = data.rule.outputs(node);
            run::quantized(node, arithmetic, run::Shape::Full(sizes), outputs)
        }
    }
}

/// Image, row and column of position `p`.
fn position(z: &Sizes, p: usize) -> (usize, usize, usize) {
    let (image, p) = (p / z.positions(), p % z.positions());
    (image, p / z.columns.output, p % z.columns.output)
}

struct Int8<'k> {
    sizes: Sizes,
    matrix: int8::Matrix<'k>,
    x: &'k [i8],
    zero: i32,
    scratch: &'k mut [[i16; 2]],
    out: &'k mut [i8],
}

impl Kernel for Int8<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { sizes: z, matrix, x, zero, scratch, out } = self;
        // The last of an odd number of elements has a partner whose weights are 0.
        scratch.as_flattened_mut().fill(0);
        if z.is_pointwise() {
            matrix.multiply(simd, scratch, out, |p, row| {
                let x = x.get(p * z.channels..(p + 1) * z.channels).unwrap_or_default();
                row.iter_mut().zip(x).for_each(|(to, &x)| *to = x.into());
            });
        } else {
            let taps = z.taps();
            matrix.multiply(simd, scratch, out, |p, row| {
                let patch = row.get_mut(..taps).unwrap_or_default();
                z.gather(x, position(&z, p), zero as i16, patch);
            });
        }
    }
}

struct Float<'k> {
    sizes: Sizes,
    matrix: float::Matrix<'k>,
    x: &'k [f32],
    scratch: &'k mut [f32],
    out: &'k mut [f32],
}

impl Kernel for Float<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { sizes: z, matrix, x, scratch, out } = self;
        if z.is_pointwise() {
            matrix.multiply(simd, x, out);
        } else {
            matrix.multiply_gathered(simd, scratch, out, |p, patch| z.gather(x, position(&z, p), 0f32, patch));
        }
    }
}
