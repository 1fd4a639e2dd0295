//! CONV_2D: packed weights and the matrix core where weights may be packed, directly otherwise.

use core::ops::Range;

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_schema::op::{Conv2d, NodeExt as _};
use sedge_simd::{Kernel, Level, Simd};

use super::filter::hybrid::{Hybrid, Mode, Parts};
use super::filter::{Arithmetic, FloatRange, Geometry, Inputs, Product, Requantize, Sizes, Way, run};
use super::gemm::integer::Order;
use super::gemm::{
    Arithmetic as Matrices, Fit, Int8, Int16, Integers, Layout, Matrix, Strip, UInt8, Value, float, hybrid,
    integer,
};
use crate::element::Element;
use crate::node::{Invoke, Prepare};
use crate::threads::{self, TILE};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    way: Way,
    /// Parts that rows of outputs are divided into.
    parts: u32,
    geometry: Geometry,
}

pub(super) fn prepare(op: Conv2d, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let (image, weights) = (node.input(0)?, node.input(1)?);
    let (filters, depth) = (weights.dim(0), weights.dim(3));
    let geometry = Geometry::new(&image, op.windows(&image, &weights)?, depth, filters).full();
    let sizes = geometry.sizes();
    let arithmetic = Arithmetic::of(node)?;
    let parts = node.parts(sizes.output_rows(), sizes.products());
    let strip = Strip::of(&sizes);
    // Filters of a group see only some of the channels, so their rows are no rows of a matrix.
    let packs = node.packs_weights() && sizes.depth == sizes.channels && strip.is_worthwhile(&sizes);
    let way = match arithmetic {
        Arithmetic::Hybrid => {
            let mode = Mode::of_convolution(node)?;
            let hybrid = Hybrid::prepare(node, (0, filters), op.activation, mode)?;
            let images = Parts { image: 0, count: image.dim(0) };
            let packs = packs && hybrid.packs(node);
            match if packs { hybrid::pack(node, hybrid, filters, strip.runs())? } else { None } {
                Some(packed) => {
                    let more = staged_bytes::<Int8>(node, &sizes, &strip, packed.scratch(node))?;
                    Hybrid::scratch(node, images, threads::scratch(parts, more)?)?;
                    Way::packed(node, arithmetic, packed)?
                }
                None => {
                    Hybrid::scratch(node, images, 0)?;
                    Way::direct(node, arithmetic, hybrid)?
                }
            }
        }
        Arithmetic::Float => {
            let range = FloatRange::of(op.activation)?;
            match if packs { float::pack(node, range, filters, strip.runs())? } else { None } {
                Some(packed) => {
                    if !sizes.is_pointwise() {
                        node.scratch(threads::scratch(parts, strip.scratch(1, size_of::<f32>())?)?)?;
                    }
                    Way::packed(node, arithmetic, packed)?
                }
                None => Way::direct(node, arithmetic, range)?,
            }
        }
        _ => {
            let rule = Requantize::prepare(node, (0, 0), filters, op.activation, Product::Double)?;
            let packs = packs && rule.widened.is_empty();
            let packed = match arithmetic {
                Arithmetic::Int8 if packs => {
                    integer::<Int8>(node, (rule, Order::Columns), &sizes, &strip, parts)?
                }
                Arithmetic::Int16 if packs => {
                    integer::<Int16>(node, (rule, Order::Columns), &sizes, &strip, parts)?
                }
                Arithmetic::UInt8 if packs => {
                    integer::<UInt8>(node, (rule, Order::Columns), &sizes, &strip, parts)?
                }
                _ => None,
            };
            match packed {
                Some(packed) => Way::packed(node, arithmetic, packed)?,
                None => run::prepare(node, arithmetic, rule, &run::Shape::Full(sizes), filters)?,
            }
        }
    };
    node.set_data(Data { way, parts: parts as u32, geometry })
}

/// Packs the weights of products `P`, which lie in this order, and asks for scratch memory.
pub(super) fn integer<P: Integers>(
    node: &mut Prepare<'_>,
    (rule, order): (Requantize, Order),
    sizes: &Sizes,
    strip: &Strip,
    parts: usize,
) -> Result<Option<integer::Packed>, Refusal> {
    let packed = integer::pack::<P>(node, rule, (sizes.filters, order), strip.runs())?;
    if let Some(packed) = &packed {
        let bytes = staged_bytes::<P>(node, sizes, strip, packed.scratch::<P>(node))?;
        node.scratch(threads::scratch(parts, bytes)?)?;
    }
    Ok(packed)
}

/// Bytes of staged activations, where the rows of a block have `block`.
fn staged_bytes<P: Integers>(
    node: &Prepare<'_>,
    sizes: &Sizes,
    strip: &Strip,
    block: usize,
) -> Result<usize, Refusal> {
    let layout = Layout::for_columns::<P>(node, sizes.filters);
    if sizes.is_pointwise() { Ok(block) } else { strip.scratch(layout.group, layout.element) }
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { way, parts, geometry } = *node.data()?;
    let (sizes, parts) = (geometry.sizes(), parts as usize);
    match way.of()? {
        (Arithmetic::Float, true) => {
            let (out, scratch) = (node.output(0)?, node.scratch()?);
            let matrix = node.load::<float::Packed>(way.data)?.load(node);
            let (level, x) = (node.level(), node.input(0)?);
            threads::for_rows(parts, rows(&sizes), scratch, out, &|rows, scratch, out| {
                level.run(Fit(matrix.half, Float { sizes, rows, matrix: &matrix, x, scratch, out }));
            });
            Ok(())
        }
        (Arithmetic::Int16, true) => run_integer::<Int16>(node, &way, sizes, parts),
        (Arithmetic::UInt8, true) => run_integer::<UInt8>(node, &way, sizes, parts),
        (Arithmetic::Hybrid, true) => {
            let packed = *node.load::<hybrid::Packed>(way.data)?;
            let images = Parts { image: 0, count: sizes.batch };
            let sizes = Sizes { batch: 1, ..sizes };
            packed.hybrid().run(node, images, |node, quantized, x, scratch, out| {
                staged(node.level(), sizes, parts, &packed.load(node, quantized), x, scratch, out);
                Ok(())
            })
        }
        (_, true) => run_integer::<Int8>(node, &way, sizes, parts),
        (Arithmetic::Hybrid, false) => {
            let image = run::Shape::Full(Sizes { batch: 1, ..sizes });
            node.load::<Hybrid>(way.data)?.direct(node, image, Inputs::USUAL, sizes.batch)
        }
        (arithmetic, false) => {
            run::direct(node, arithmetic, run::Shape::Full(sizes), Inputs::USUAL, way.data)
        }
    }
}

/// As [`invoke`], where [`is_small`].
pub(super) fn invoke_int8(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { way, geometry, .. } = *node.data()?;
    run::small(node, run::Shape::Full(geometry.sizes()), way.data)
}

/// Whether an int8 operator with weights in place is one that [`run::small`] can have.
pub(super) fn is_small(prepared: &crate::arena::Prepared<'_>, data: crate::arena::Span) -> bool {
    prepared.get::<Data>(data).first().is_some_and(|data| run::is_small(prepared, &data.way))
}

/// Rows of outputs of all images, and what they are divided at.
fn rows(sizes: &Sizes) -> (Range<usize>, usize) {
    (0..sizes.output_rows(), if sizes.is_pointwise() { TILE } else { 1 })
}

/// Runs the operator on what [`integer`] packed.
pub(super) fn run_integer<P: Integers<Value: Element>>(
    node: &mut Invoke<'_>,
    way: &Way,
    sizes: Sizes,
    parts: usize,
) -> Result<(), Refusal> {
    let (out, scratch) = (node.output(0)?, node.scratch()?);
    let matrix = node.load::<integer::Packed>(way.data)?.load::<P>(node);
    staged(node.level(), sizes, parts, &matrix, node.input(0)?, scratch, out);
    Ok(())
}

/// Runs the operator with activations that are staged, in parts.
fn staged<A: Matrices>(
    level: Level,
    sizes: Sizes,
    parts: usize,
    matrix: &Matrix<'_, A>,
    x: &[Value<A>],
    scratch: &mut [u8],
    out: &mut [A::Output],
) {
    threads::for_rows(parts, rows(&sizes), scratch, out, &|rows, scratch, out| {
        level.run(Fit(matrix.half, Staged { sizes, rows, matrix, x, scratch, out }));
    });
}

/// With activations that are staged.
struct Staged<'k, 'm, A: Matrices> {
    sizes: Sizes,
    rows: Range<usize>,
    matrix: &'k Matrix<'m, A>,
    x: &'k [Value<A>],
    scratch: &'k mut [u8],
    out: &'k mut [A::Output],
}

impl<A: Matrices> Kernel for Staged<'_, '_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { sizes, rows, matrix, x, scratch, out } = self;
        if sizes.is_pointwise() {
            let x = x.get(rows.start * sizes.channels..).unwrap_or_default();
            matrix.multiply(simd, x, scratch, out);
        } else {
            Strip::of(&sizes).run(simd, &sizes, matrix, x, rows, scratch, out);
        }
    }
}

struct Float<'k, 'm> {
    sizes: Sizes,
    rows: Range<usize>,
    matrix: &'k Matrix<'m, float::Columns<'m>>,
    x: &'k [f32],
    scratch: &'k mut [u8],
    out: &'k mut [f32],
}

impl Kernel for Float<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { sizes, rows, matrix, x, scratch, out } = self;
        if sizes.is_pointwise() {
            matrix.multiply_staged(simd, x.get(rows.start * sizes.channels..).unwrap_or_default(), out);
        } else {
            Strip::of(&sizes).run(simd, &sizes, matrix, x, rows, scratch, out);
        }
    }
}
