//! DEPTHWISE_CONV_2D: blocks of channels where weights may be packed, directly otherwise.

use core::ops::Range;

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_schema::op::{DepthwiseConv2d, NodeExt as _};
use sedge_simd::{Kernel, Level, Simd};

use super::conv_2d;
use super::filter::hybrid::{Hybrid, Mode, Parts};
use super::filter::{Arithmetic, FloatRange, Geometry, Inputs, Product, Requantize, Sizes, Way, run};
use super::gemm::integer::Order;
use super::gemm::{Int8, Int16, Integers, Layout, Strip, UInt8, Windows, depthwise, hybrid, integer};
use crate::element::Element;
use crate::node::{Invoke, Prepare};
use crate::threads;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    way: Way,
    /// Parts that rows of outputs are divided into.
    parts: u32,
    geometry: Geometry,
}

pub(super) fn prepare(op: DepthwiseConv2d, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let (image, weights) = (node.input(0)?, node.input(1)?);
    let filters = weights.dim(3);
    let geometry = Geometry::new(&image, op.windows(&image, &weights)?, image.dim(3), filters);
    let sizes = geometry.sizes();
    let arithmetic = Arithmetic::of(node)?;
    let parts = node.parts(rows(&sizes), sizes.products());
    let strip = Strip::of_cells(&sizes);
    // Panels are of channels, so each must have one filter.
    let fits = filters == sizes.channels && strip.is_worthwhile(&sizes);
    let way = match arithmetic {
        Arithmetic::Hybrid => {
            let mode = Mode::of_convolution(node)?;
            let hybrid = Hybrid::prepare(node, (3, filters), op.activation, mode)?;
            let images = Parts { image: 0, count: image.dim(0) };
            let layout = Layout::of::<Int8>(node);
            let shape = depthwise::Shape::of(&sizes, &layout);
            let packs = fits && hybrid.packs(node);
            match if packs { hybrid::Channels::pack(node, hybrid, &shape)? } else { None } {
                Some(packed) => {
                    let bytes = shape.scratch(&Strip::of_rows(&sizes), &layout)?;
                    Hybrid::scratch(node, images, threads::scratch(parts, bytes)?)?;
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
            match fits {
                true => {
                    let bytes = strip.scratch(Layout::of::<Int8>(node).panel(), size_of::<f32>())?;
                    node.scratch(threads::scratch(parts, bytes)?)?;
                    let packed = depthwise::pack_float(node, range, &sizes)?;
                    Way::packed(node, arithmetic, packed)?
                }
                false => Way::direct(node, arithmetic, range)?,
            }
        }
        _ => {
            let rule = Requantize::prepare(node, (0, 3), filters, op.activation, Product::Double)?;
            let packs = node.packs_weights() && rule.widened.is_empty();
            let way = match arithmetic {
                Arithmetic::Int8 if packs => integer::<Int8>(node, arithmetic, rule, &sizes, parts)?,
                Arithmetic::Int16 if packs => integer::<Int16>(node, arithmetic, rule, &sizes, parts)?,
                Arithmetic::UInt8 if packs => integer::<UInt8>(node, arithmetic, rule, &sizes, parts)?,
                _ => None,
            };
            match way {
                Some(way) => way,
                None => run::prepare(node, arithmetic, rule, &run::Shape::Depthwise(sizes), filters)?,
            }
        }
    };
    node.set_data(Data { way, parts: parts as u32, geometry })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { way, parts, geometry } = *node.data()?;
    let (sizes, parts) = (geometry.sizes(), parts as usize);
    match way.of()? {
        (Arithmetic::Float, true) => {
            let (out, scratch) = (node.output(0)?, node.scratch()?);
            let windows = node.load::<depthwise::PackedFloat>(way.data)?.load(node, sizes.channels)?;
            let strip = Strip::of_cells(&sizes);
            in_parts(node.level(), (sizes, strip), parts, &windows, node.input(0)?, scratch, out);
            Ok(())
        }
        (Arithmetic::Hybrid, true) => {
            let packed = *node.load::<hybrid::Channels>(way.data)?;
            let images = Parts { image: 0, count: sizes.batch };
            let sizes = Sizes { batch: 1, ..sizes };
            let strip = Strip::of_rows(&sizes);
            packed.hybrid().run(node, images, |node, quantized, x, scratch, out| {
                let windows = packed.load(node, quantized);
                in_parts(node.level(), (sizes, strip), parts, &windows, x, scratch, out);
                Ok(())
            })
        }
        (Arithmetic::Int16, true) => run_integer::<Int16>(node, &way, sizes, parts),
        (Arithmetic::UInt8, true) => run_integer::<UInt8>(node, &way, sizes, parts),
        (_, true) => run_integer::<Int8>(node, &way, sizes, parts),
        (Arithmetic::Hybrid, false) => {
            let image = run::Shape::Depthwise(Sizes { batch: 1, ..sizes });
            node.load::<Hybrid>(way.data)?.direct(node, image, Inputs::USUAL, sizes.batch)
        }
        (arithmetic, false) => {
            run::direct(node, arithmetic, run::Shape::Depthwise(sizes), Inputs::USUAL, way.data)
        }
    }
}

/// As [`invoke`], where [`is_small`].
pub(super) fn invoke_int8(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { way, geometry, .. } = *node.data()?;
    run::small(node, run::Shape::Depthwise(geometry.sizes()), way.data)
}

/// Whether an int8 operator with weights in place is one that [`run::small`] can have.
pub(super) fn is_small(prepared: &crate::arena::Prepared<'_>, data: crate::arena::Span) -> bool {
    prepared.get::<Data>(data).first().is_some_and(|data| run::is_small(prepared, &data.way))
}

/// Rows of outputs of all images.
fn rows(sizes: &Sizes) -> usize {
    sizes.batch * sizes.rows.output
}

/// Whether all filters see the one channel that there is: the operator is a CONV_2D.
fn is_full(sizes: &Sizes) -> bool {
    sizes.channels == 1 && sizes.filters > 1
}

/// Packs the weights of products `P`, and asks for scratch memory; `None` where they cannot be packed.
fn integer<P: Integers>(
    node: &mut Prepare<'_>,
    arithmetic: Arithmetic,
    rule: Requantize,
    sizes: &Sizes,
    parts: usize,
) -> Result<Option<Way>, Refusal> {
    let full = Strip::of(sizes);
    if is_full(sizes) && full.is_worthwhile(sizes) {
        let packed = conv_2d::integer::<P>(node, (rule, Order::Elements), sizes, &full, parts)?;
        return packed.map(|packed| Way::packed(node, arithmetic, packed)).transpose();
    }
    let strip = Strip::of_rows(sizes);
    if sizes.filters != sizes.channels || !strip.is_worthwhile(sizes) {
        return Ok(None);
    }
    let layout = Layout::of::<P>(node);
    let shape = depthwise::Shape::of(sizes, &layout);
    let Some(packed) = integer::Channels::pack::<P>(node, rule, &shape)? else { return Ok(None) };
    node.scratch(threads::scratch(parts, shape.scratch(&strip, &layout)?)?)?;
    Way::packed(node, arithmetic, packed).map(Some)
}

/// Runs the operator on what [`integer`] packed.
fn run_integer<P: Integers<Value: Element>>(
    node: &mut Invoke<'_>,
    way: &Way,
    sizes: Sizes,
    parts: usize,
) -> Result<(), Refusal> {
    if is_full(&sizes) {
        return conv_2d::run_integer::<P>(node, way, sizes, parts);
    }
    let (out, scratch) = (node.output(0)?, node.scratch()?);
    let windows = node.load::<integer::Channels>(way.data)?.load::<P>(node);
    let strip = Strip::of_rows(&sizes);
    in_parts(node.level(), (sizes, strip), parts, &windows, node.input(0)?, scratch, out);
    Ok(())
}

/// Computes the rows of outputs, in parts.
fn in_parts<W: Windows + Sync>(
    level: Level,
    (sizes, strip): (Sizes, Strip),
    parts: usize,
    windows: &W,
    x: &[W::Value],
    scratch: &mut [u8],
    out: &mut [W::Output],
) {
    threads::for_rows(parts, (0..rows(&sizes), 1), scratch, out, &|rows, scratch, out| {
        level.run(Run { sizes, strip, rows, windows, x, scratch, out });
    });
}

struct Run<'k, W: Windows> {
    sizes: Sizes,
    strip: Strip,
    rows: Range<usize>,
    windows: &'k W,
    x: &'k [W::Value],
    scratch: &'k mut [u8],
    out: &'k mut [W::Output],
}

impl<W: Windows> Kernel for Run<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { sizes, strip, rows, windows, x, scratch, out } = self;
        strip.run(simd, &sizes, windows, x, rows, scratch, out);
    }
}
