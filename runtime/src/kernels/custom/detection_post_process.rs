//! TFLite_Detection_PostProcess: the detections of a single-shot detector (Liu et al., 2016).
//!
//! Input 0, `[1, n, 4 or more]`, holds for each of n anchors (input 2, `[n, 4]`: y, x, height, width) where
//! the box's centre lies and the logarithm of its size; input 1, `[1, n, classes]`, the classes' scores,
//! with one more class, the background, first or not. float32, int8 or uint8.
//!
//! ```text
//! centre = encoded / scale * anchor size + anchor centre;   half size = exp(encoded / scale) / 2 * anchor size
//! ```
//!
//! Of the boxes with a score of at least `nms_score_threshold`, the best are taken one after another,
//! unless one that was taken before overlaps it by more than `nms_iou_threshold` (intersection over
//! union). With `use_regular_nms` that is done for each class alone, and the best of all classes are
//! kept; otherwise once with each box's best class, and each box then gives its
//! `max_classes_per_detection` best classes.
//!
//! Outputs (float32): boxes `[1, d, 4]` (top, left, bottom, right), classes `[1, d]`, scores `[1, d]`,
//! `d = max_detections * max_classes_per_detection`, best first and zeros after the last; their number `[1]`.

mod boxes;
mod select;

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::NodeExt as _;
use sedge_schema::{Refusal, Shape, Slot, TensorType};

use super::count;
use crate::kernels::shared::INPUT;
use crate::node::{Invoke, Prepare};
use select::{Candidates, Kept};

const SCORES: Slot = Slot::Input(1);
const ANCHORS: Slot = Slot::Input(2);

/// Where values that may be quantized stand.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Source {
    kind: i32,
    scale: f32,
    zero_point: f32,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Data {
    boxes: Source,
    scores: Source,
    anchors: Source,
    /// Of y, x, height and width.
    scales: [f32; 4],
    score_threshold: f32,
    overlap_threshold: f32,
    anchors_count: u32,
    /// Numbers that encode a box.
    coordinates: u32,
    /// Classes in input 1, and those before the first that counts.
    classes: u32,
    background: u32,
    most: u32,
    most_of_box: u32,
    most_of_class: u32,
    by_class: u32,
}

fn source(node: &Prepare<'_>, slot: Slot) -> Result<Source, Refusal> {
    let kind = node.type_in(slot, &[TensorType::Float32, TensorType::Int8, TensorType::UInt8])?;
    let code = kind.code().into();
    if kind == TensorType::Float32 {
        return Ok(Source { kind: code, scale: 1.0, zero_point: 0.0 });
    }
    let affine = node.affine(slot)?;
    Ok(Source { kind: code, scale: affine.scale, zero_point: affine.zero_point as f32 })
}

pub(super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    node.arity(3, 4)?;
    let options = node.options()?;
    let float = |name: &'static str| {
        let value = options.get(name).and_then(|v| v.as_float()).map(|x| x as f32);
        value.ok_or(Refusal::Parameter(name))
    };
    let scale = |name| float(name).and_then(|x| if x != 0.0 { Ok(x) } else { Err(Refusal::Parameter(name)) });
    let (encoded, scores, anchors) =
        (node.input_of_rank(0, 3)?, node.input_of_rank(1, 3)?, node.input_of_rank(2, 2)?);
    let n = encoded.dim(1);
    if encoded.dim(0) != 1 || encoded.dim(2) < 4 {
        return Err(Refusal::Shape(INPUT));
    }
    if (scores.dim(0), scores.dim(1)) != (1, n) {
        return Err(Refusal::Shape(SCORES));
    }
    if (anchors.dim(0), anchors.dim(1)) != (n, 4) {
        return Err(Refusal::Shape(ANCHORS));
    }
    let classes = scores.dim(2) as u32;
    let counted = count(&options, "num_classes", 1)?;
    let background = classes.checked_sub(counted).filter(|&b| b <= 1).ok_or(Refusal::Shape(SCORES))?;
    let overlap_threshold = float("nms_iou_threshold")?;
    if !(overlap_threshold > 0.0 && overlap_threshold <= 1.0) {
        return Err(Refusal::Parameter("nms_iou_threshold"));
    }
    let most = count(&options, "max_detections", 0)?;
    let of_box = count(&options, "max_classes_per_detection", 1)?;
    let by_class = options.get("use_regular_nms").and_then(|v| v.as_bool()).unwrap_or(false);
    let of_class = match options.get("detections_per_class") {
        Some(_) => count(&options, "detections_per_class", 1)?,
        None => 100,
    };
    let data = Data {
        boxes: source(node, INPUT)?,
        scores: source(node, SCORES)?,
        anchors: source(node, ANCHORS)?,
        scales: [scale("y_scale")?, scale("x_scale")?, scale("h_scale")?, scale("w_scale")?],
        score_threshold: float("nms_score_threshold")?,
        overlap_threshold,
        anchors_count: n as u32,
        coordinates: encoded.dim(2) as u32,
        classes,
        background,
        most,
        most_of_box: of_box.min(counted),
        most_of_class: of_class,
        by_class: by_class.into(),
    };
    let rows = most.checked_mul(of_box).ok_or(Refusal::TooLarge)?;
    let shapes: [&[u32]; 4] = [&[1, rows, 4], &[1, rows], &[1, rows], &[1]];
    for (i, dims) in shapes.iter().enumerate() {
        node.type_in(Slot::Output(i as u8), &[TensorType::Float32])?;
        node.set_shape(i, Shape::new(dims).ok_or(Refusal::TooLarge)?)?;
    }
    let words = data.words().and_then(|words| words.checked_mul(size_of::<u32>()));
    node.scratch(words.ok_or(Refusal::TooLarge)?)?;
    node.set_data(data)
}

impl Data {
    /// The most detections of one class, or of all where classes are not taken alone.
    fn chosen(&self) -> usize {
        let most = if self.by_class != 0 { self.most_of_class } else { self.most };
        most.min(self.anchors_count) as usize
    }

    /// Detections that are kept while those of one more class are added.
    fn kept(&self) -> usize {
        if self.by_class != 0 { self.most as usize + self.chosen() } else { 0 }
    }

    /// Words of scratch memory: boxes, scores, an order, marks, choices, and what is kept.
    fn words(&self) -> Option<usize> {
        (self.anchors_count as usize).checked_mul(7)?.checked_add(self.chosen() + 3 * self.kept())
    }
}

/// An input's values, as floats.
struct Values<'v> {
    source: Source,
    bytes: &'v [u8],
}

impl<'v> Values<'v> {
    fn of(node: &'v Invoke<'_>, input: usize, source: Source) -> Result<Self, Refusal> {
        Ok(Self { source, bytes: node.input(input)? })
    }

    fn get(&self, i: usize) -> f32 {
        let Source { kind, scale, zero_point } = self.source;
        let quantized = match TensorType::from_code(kind as i8) {
            Some(TensorType::UInt8) => self.bytes.get(i).map(|&x| f32::from(x)),
            Some(TensorType::Int8) => self.bytes.get(i).map(|&x| f32::from(x as i8)),
            _ => return self.bytes.as_chunks().0.get(i).map_or(0.0, |&x| f32::from_le_bytes(x)),
        };
        (quantized.unwrap_or(0.0) - zero_point) * scale
    }
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<Data>()?;
    let to = node.output::<f32>(0)?;
    let (classes, scores, found) = (node.output::<f32>(1)?, node.output::<f32>(2)?, node.output::<f32>(3)?);
    [&mut *to, classes, scores].into_iter().for_each(|output| output.fill(0.0));
    let n = data.anchors_count as usize;
    let scratch = node.scratch::<u32>()?;
    let (boxes, rest) = scratch.split_at_mut_checked(4 * n).ok_or(Refusal::Internal)?;
    let boxes: &mut [f32] = bytemuck::try_cast_slice_mut(boxes).map_err(|_| Refusal::Internal)?;
    let boxes = boxes.as_chunks_mut::<4>().0;
    let (candidates, kept) = rest.split_at_mut_checked(3 * n + data.chosen()).ok_or(Refusal::Internal)?;
    boxes::decode(&data, &Values::of(node, 0, data.boxes)?, &Values::of(node, 2, data.anchors)?, boxes)?;
    let given = Values::of(node, 1, data.scores)?;
    let mut candidates = Candidates::of(&data, boxes, candidates).ok_or(Refusal::Internal)?;
    let mut rows = 0;
    let mut put = |anchor: usize, class: u32, score: f32| {
        let (Some(to), Some(from)) = (to.as_chunks_mut::<4>().0.get_mut(rows), boxes.get(anchor)) else {
            return;
        };
        *to = *from;
        if let (Some(to), Some(of)) = (scores.get_mut(rows), classes.get_mut(rows)) {
            (*to, *of) = (score, class as f32);
        }
        rows += 1;
    };
    let score = |anchor: usize, class: u32| {
        given.get(anchor * data.classes as usize + (class + data.background) as usize)
    };
    let counted = data.classes - data.background;
    let count = if data.by_class != 0 {
        let mut kept = Kept::of(&data, kept).ok_or(Refusal::Internal)?;
        for class in 0..counted {
            let chosen = candidates.choose(|anchor| score(anchor, class)).ok_or(Refusal::Internal)?;
            kept.add(chosen.iter().map(|&anchor| (score(anchor as usize, class), anchor, class)));
        }
        kept.iter().for_each(|(score, anchor, class)| put(anchor as usize, class, score));
        kept.iter().count()
    } else {
        let best = |anchor| (0..counted).map(|class| score(anchor, class)).fold(f32::NEG_INFINITY, f32::max);
        let chosen = candidates.choose(best).ok_or(Refusal::Internal)?;
        for &anchor in chosen {
            let anchor = anchor as usize;
            let ranked = |class: u32| select::Rank::new(score(anchor, class), class);
            let mut last = None;
            for _ in 0..data.most_of_box {
                // The best class after the one before.
                let classes = (0..counted).map(ranked).filter(|&rank| last.is_none_or(|last| rank > last));
                let Some(rank) = classes.min() else { break };
                put(anchor, rank.index(), score(anchor, rank.index()));
                last = Some(rank);
            }
        }
        chosen.len()
    };
    found.fill(count as f32);
    Ok(())
}
