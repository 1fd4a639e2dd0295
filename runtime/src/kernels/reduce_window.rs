//! REDUCE_WINDOW: `out[p] = f(... f(f(start, in[p * stride]), in[p * stride + dilation]) ...)` in each
//! dimension, over the elements that the window shows in their order; float32, bool and integers, which wrap
//! around. Source: LiteRT's `stablehlo_reduce_window.cc`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Node as _, NodeExt as _, ReduceWindow, Slide, WindowFunction};
use sedge_schema::{MAX_RANK, Refusal, Slot, TensorType};

use super::shared::region::{Places, Step, Steps};
use super::shared::{INPUT, OUTPUT, same_type};
use crate::arena::Span;
use crate::element::Element;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// [`Step`]s from one position of the window to the next, and inside it.
    positions: Span,
    window: Span,
    /// The elements' type code, and the function's.
    kind: i32,
    function: i32,
}

pub(super) fn prepare(op: ReduceWindow, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Bool, Float32, Int8, Int16, Int32, Int64, UInt8};
    let kind = same_type(node)?;
    node.type_in(INPUT, &[Float32, Int8, UInt8, Int16, Int32, Int64, Bool])?;
    node.type_in(Slot::Input(1), &[kind])?;
    for numbers in 2..5 {
        node.type_in(Slot::Input(numbers), &[Int64])?;
    }
    if op.reduce_function == WindowFunction::Unsupported {
        return Err(Refusal::Parameter("reduce_function"));
    }
    let (input, output) = (node.input(0)?, node.shape(OUTPUT)?);
    let (mut positions, mut window) = (Steps::default(), Steps::default());
    if output.elements() != 0 {
        for (axis, &count) in output.dims().iter().enumerate() {
            let slide = Slide::of(node, axis)?;
            let step = |by: u32| input.elements_in(axis + 1..MAX_RANK) as i64 * i64::from(by);
            positions.push(count as usize, step(slide.stride), 0)?;
            window.push(slide.size as usize, step(slide.dilation), 0)?;
        }
    }
    let (positions, window) = (positions.keep(node)?, window.keep(node)?);
    node.set_data(Data { positions, window, kind: kind.code().into(), function: op.reduce_function as i32 })
}

/// Runs the function on elements of a type, given its sum and its product.
macro_rules! run {
    ($node:ident, $data:ident, $t:ty, $add:expr, $mul:expr) => {{
        let f: fn($t, $t) -> $t = match WindowFunction::from_code($data.function) {
            Some(WindowFunction::Add) => $add,
            Some(WindowFunction::Mul) => $mul,
            Some(WindowFunction::Minimum) => |a, b| if a <= b { a } else { b },
            Some(WindowFunction::Maximum) => |a, b| if a >= b { a } else { b },
            Some(WindowFunction::All) => |a, b| (a != <$t>::zeroed() && b != <$t>::zeroed()).into(),
            _ => |a, b| (a != <$t>::zeroed() || b != <$t>::zeroed()).into(),
        };
        reduce::<$t>($node, $data, f)
    }};
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Float32) => run!(node, data, f32, |a, b| a + b, |a, b| a * b),
        Some(TensorType::Int8) => run!(node, data, i8, i8::wrapping_add, i8::wrapping_mul),
        Some(TensorType::Int16) => run!(node, data, i16, i16::wrapping_add, i16::wrapping_mul),
        Some(TensorType::Int32) => run!(node, data, i32, i32::wrapping_add, i32::wrapping_mul),
        Some(TensorType::Int64) => run!(node, data, i64, i64::wrapping_add, i64::wrapping_mul),
        _ => run!(node, data, u8, u8::wrapping_add, u8::wrapping_mul),
    }
}

fn reduce<T: Element>(node: &mut Invoke<'_>, data: &Data, f: fn(T, T) -> T) -> Result<(), Refusal> {
    let (positions, window) = (node.list::<Step>(data.positions), node.list::<Step>(data.window));
    let to = node.output::<T>(0)?;
    let from = node.input::<T>(0)?;
    let &start = node.input::<T>(1)?.first().ok_or(Refusal::Internal)?;
    for (to, (first, _)) in to.iter_mut().zip(Places::new(positions, 0, 0)) {
        let mut places = Places::new(window, first as u32, 0);
        let all = places.try_fold(start, |so_far, (at, _)| Some(f(so_far, *from.get(at as usize)?)));
        *to = all.ok_or(Refusal::Internal)?;
    }
    Ok(())
}
