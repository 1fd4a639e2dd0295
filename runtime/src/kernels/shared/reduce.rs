//! Reductions: MEAN, SUM, REDUCE_MAX and REDUCE_MIN.
//!
//! The output is worked out element by element, or block by block where the innermost dimension is
//! kept, each from the input's elements in their order: so float sums are those of the reference.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Node as _, NodeExt as _, reduced_axes};
use sedge_schema::{MAX_RANK, Refusal, Slot, TensorType};

use super::region::{Places, Step, Steps};
use super::{INPUT, same_type};
use crate::arena::Span;
use crate::element::Element;
use crate::node::{Invoke, Prepare};

/// Which elements belong together.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Data {
    /// The element type's code.
    kind: i32,
    /// Elements of the input for each of the output.
    pub(crate) count: u32,
    /// Kept elements that lie together: the innermost dimensions, 1 where these are reduced.
    inner: u32,
    /// Reduced elements that lie together; 1 where there are kept ones.
    run: u32,
    /// The [`Step`]s of kept and of reduced dimensions, in elements.
    kept: Span,
    reduced: Span,
}

impl Data {
    pub(crate) fn kind(&self) -> Option<TensorType> {
        TensorType::from_code(self.kind as i8)
    }
}

/// Works out which elements belong together.
pub(crate) fn prepare(node: &mut Prepare<'_>) -> Result<Data, Refusal> {
    let kind = same_type(node)?;
    if node.tensor_type(Slot::Input(1))? != TensorType::Int32 {
        return Err(Refusal::Type(Slot::Input(1)));
    }
    let input = node.input(0)?;
    let axes = reduced_axes(node)?;
    let (mut kept, mut reduced) = (Steps::default(), Steps::default());
    let mut count = 1;
    for (axis, (&dim, is_reduced)) in input.dims().iter().zip(axes).enumerate() {
        let stride = input.elements_in(axis + 1..MAX_RANK) as i64;
        if is_reduced {
            count *= dim;
            reduced.push(dim as usize, stride, 0)?;
        } else {
            kept.push(dim as usize, stride, 0)?;
        }
    }
    let (inner, run) = (kept.pop_run(1, 0), reduced.pop_run(1, 0));
    let (kept, reduced) = (kept.keep(node)?, reduced.keep(node)?);
    Ok(Data { kind: kind.code().into(), count, inner: inner as u32, run: run as u32, kept, reduced })
}

/// Refuses a type that the operator has no arithmetic for.
pub(crate) fn check_type(node: &Prepare<'_>, allowed: &[TensorType]) -> Result<TensorType, Refusal> {
    node.type_in(INPUT, allowed)
}

/// Kept elements that are worked out at a time.
const BLOCK: usize = 32;

/// Works out each element of the output: from `start` on, `add` for each element, `finish`.
#[inline]
pub(crate) fn invoke<T: Element, A: Copy>(
    node: &mut Invoke<'_>,
    data: &Data,
    start: A,
    add: impl Fn(A, T) -> A,
    finish: impl Fn(A) -> T,
) -> Result<(), Refusal> {
    let to = node.output::<T>(0)?;
    let (kept, reduced) = (node.list::<Step>(data.kept), node.list::<Step>(data.reduced));
    let (inner, run) = (data.inner as usize, data.run as usize);
    let from = node.input::<T>(0)?;
    if to.is_empty() || inner == 0 {
        return Ok(());
    }
    if run == 0 || reduced.iter().any(|step| step.count == 0) {
        to.fill(finish(start));
        return Ok(());
    }
    let mut outputs = to.chunks_exact_mut(inner.max(1));
    for (base, _) in Places::new(kept, 0, 0) {
        let outputs = outputs.next().ok_or(Refusal::Internal)?;
        let from = from.get(base as usize..).ok_or(Refusal::Internal)?;
        if let [output] = outputs {
            let mut sum = start;
            for (at, _) in Places::new(reduced, 0, 0) {
                let run =
                    from.get(at as usize..).and_then(|from| from.get(..run)).ok_or(Refusal::Internal)?;
                sum = run.iter().fold(sum, |sum, &x| add(sum, x));
            }
            *output = finish(sum);
            continue;
        }
        for (block, outputs) in outputs.chunks_mut(BLOCK).enumerate() {
            let mut sums = [start; BLOCK];
            for (at, _) in Places::new(reduced, 0, 0) {
                let cells = from.get(at as usize + block * BLOCK..).ok_or(Refusal::Internal)?;
                let cells = cells.get(..outputs.len()).ok_or(Refusal::Internal)?;
                sums.iter_mut().zip(cells).for_each(|(sum, &x)| *sum = add(*sum, x));
            }
            outputs.iter_mut().zip(sums).for_each(|(y, sum)| *y = finish(sum));
        }
    }
    Ok(())
}

/// The rescaling of quantized sums and means.
pub(crate) mod quantized {
    use super::{Data, Element, Invoke, Pod, Prepare, Refusal, TensorType, Zeroable};
    use crate::fixed::Multiplier;
    use crate::kernels::shared::{INPUT, OUTPUT};

    #[derive(Clone, Copy, Debug, Pod, Zeroable)]
    #[repr(C)]
    pub(crate) struct Rescale {
        multiplier: Multiplier,
        /// What all input zero points in a sum come to.
        zeros: i32,
        output_zero: i32,
        min: i32,
        max: i32,
    }

    impl Rescale {
        pub(crate) fn new(
            node: &Prepare<'_>,
            kind: TensorType,
            count: u32,
            mean: bool,
        ) -> Result<Self, Refusal> {
            let (input, output) = (node.affine(INPUT)?, node.affine(OUTPUT)?);
            let mut multiplier = Multiplier::from_real(f64::from(input.scale) / f64::from(output.scale));
            if let Some(bits) = count.checked_ilog2().filter(|_| mean) {
                // The division by the count goes into the multiplier, as far as its shift can take it.
                let bits = (bits as i32).min(31 + multiplier.shift);
                let q = (i64::from(multiplier.q) << bits) / i64::from(count);
                multiplier = Multiplier { q: q as i32, shift: multiplier.shift - bits };
            }
            let (min, max) = kind.integer_range().ok_or(Refusal::Internal)?;
            let zeros = input.zero_point.wrapping_mul(count as i32);
            Ok(Self { multiplier, zeros, output_zero: output.zero_point, min, max })
        }

        #[inline]
        fn apply(&self, sum: i32) -> i32 {
            let y = self.multiplier.apply(sum.wrapping_sub(self.zeros)).saturating_add(self.output_zero);
            y.max(self.min).min(self.max)
        }
    }

    /// Works out rescaled sums; of no elements at all, 0 as it stands.
    pub(crate) fn invoke<T: Element + Into<i32>>(
        node: &mut Invoke<'_>,
        data: &Data,
        rescale: &Rescale,
        narrow: impl Fn(i32) -> T,
    ) -> Result<(), Refusal> {
        let add = |sum: i32, x: T| sum.wrapping_add(x.into());
        super::invoke(node, data, 0, add, |sum| narrow(if data.count == 0 { 0 } else { rescale.apply(sum) }))
    }
}
