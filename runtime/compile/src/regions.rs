//! Two regions of memory: a fast one of a given size (a microcontroller's own SRAM), and a slow one for what does not fit (PSRAM).
//!
//! ```text
//! Image, planned for one region -> blocks and their traffic -> blocks for the fast region, the others -> Image
//! ```
//!
//! Traffic counts the bytes that operators read and write: each tensor once when it is written and once by each operator that
//! reads it, but as often as windows of a convolution overlap. Scratch memory, which an operator fills anew for each of its positions,
//! comes first; then blocks with the most traffic for their bytes. One is fast if it fits beside those before it.
//! What operators keep from one invocation to the next lies in the slow region, behind the activations.

use std::cmp::Reverse;

use sedge_runtime::Model;
use sedge_runtime::arena::{ALIGNMENT, Place, align_up};
use sedge_runtime::compiled::Image;
use sedge_runtime::plan::{Block, arrange, is_disjoint};
use sedge_runtime::schema::op::Op;

use crate::Error;

/// The regions that a compiled model runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regions {
    /// Bytes of the fast one that are used.
    pub fast: usize,
    /// Bytes of the slow one.
    pub slow: usize,
    /// Bytes of tensors that operators read and write in an invocation: in the fast region, and in the slow one.
    pub traffic: [u64; 2],
}

/// Bytes that live from one operator to another, at one place of the plan.
#[derive(Clone, Copy, Debug)]
struct Piece {
    at: usize,
    bytes: usize,
    first: usize,
    last: usize,
    traffic: u64,
    scratch: bool,
}

impl Piece {
    /// What is tried first has the least.
    fn rank(&self) -> impl Ord + use<> {
        let density = self.traffic.saturating_mul(1 << 16) / self.bytes.max(1) as u64;
        (Reverse(self.scratch), Reverse(density), Reverse(self.bytes), self.at, self.first)
    }

    fn shares_with(&self, other: &Self) -> bool {
        share(self.at, self.bytes, other.at, other.bytes)
            && self.first <= other.last
            && other.first <= self.last
    }

    fn with(self, other: &Self) -> Self {
        let (at, end) = (self.at.min(other.at), (self.at + self.bytes).max(other.at + other.bytes));
        Self {
            at,
            bytes: align_up(end - at),
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            traffic: self.traffic + other.traffic,
            scratch: self.scratch,
        }
    }

    fn block(&self, owner: usize) -> Block {
        Block::new(owner as u32, self.bytes as u32, self.first as u32, self.last as u32)
    }
}

/// Whether two ranges of bytes have some in common.
fn share(at: usize, bytes: usize, other: usize, other_bytes: usize) -> bool {
    at < other + other_bytes && other < at + bytes
}

/// Plans an image anew for a fast region of at most `fast` bytes, whose positions come first, and a slow one.
///
/// # Errors
/// Where the plan does not hold: a defect.
pub(crate) fn split(image: &mut Image, model: &Model<'_>, fast: usize) -> Result<Regions, Error> {
    let fast = fast / ALIGNMENT * ALIGNMENT;
    let mut pieces = merged(pieces(image, model));
    pieces.sort_by_key(Piece::rank);
    // Whether each piece is fast: it is, where the fast ones before it leave room.
    let mut chosen: Vec<Block> = Vec::new();
    for (owner, piece) in pieces.iter().enumerate() {
        let mut with = chosen.clone();
        with.push(piece.block(owner));
        if arrange(&mut with) <= fast {
            chosen = with;
        }
    }
    let is_fast = |owner: usize| chosen.iter().any(|block| block.owner as usize == owner);
    let blocks = pieces.iter().enumerate().map(|(owner, piece)| (owner, piece.block(owner)));
    let mut others: Vec<Block> =
        blocks.filter(|&(owner, _)| !is_fast(owner)).map(|(_, block)| block).collect();
    let sizes = [arrange(&mut chosen), arrange(&mut others)];
    if !is_disjoint(&chosen, sizes[0]) || !is_disjoint(&others, sizes[1]) {
        return Err(Error::Run(sedge_runtime::Error::Plan));
    }
    let mut to = vec![0; pieces.len()];
    let mut traffic = [0; 2];
    for (region, (blocks, start)) in [(&chosen, 0), (&others, sizes[0])].into_iter().enumerate() {
        for block in blocks {
            to[block.owner as usize] = start + block.offset as usize;
            traffic[region] += pieces[block.owner as usize].traffic;
        }
    }
    let state = sizes[0] + sizes[1];
    // Where the bytes go that lie at `at` during operator `time`.
    let moved = |at: usize, time: usize| {
        let mut all = pieces.iter().zip(&to);
        let (piece, to) =
            all.find(|(p, _)| share(p.at, p.bytes, at, 1) && (p.first..=p.last).contains(&time))?;
        Some(to + at - piece.at)
    };
    let slow = sizes[1] + (image.arena - image.state);
    rewrite(image, state, &moved).ok_or(Error::Run(sedge_runtime::Error::Plan))?;
    Ok(Regions { fast: sizes[0], slow, traffic })
}

/// Gives all that an image holds its new positions; `None` where one is not known.
fn rewrite(image: &mut Image, state: usize, moved: &dyn Fn(usize, usize) -> Option<usize>) -> Option<()> {
    let end = image.operators.len();
    let (times, variables) = (times(image), variables(image));
    for (place, &(first, _)) in image.places.iter_mut().zip(&times) {
        if let Some([at, bytes]) = place.as_activation().filter(|[_, bytes]| *bytes != 0) {
            *place = Place::activation(moved(at as usize, first)? as u32, bytes);
        }
    }
    for (time, operator) in image.operators.iter_mut().enumerate() {
        if !operator.scratch.is_empty() {
            operator.scratch.offset = moved(operator.scratch.offset as usize, time)? as u32;
        }
    }
    for (tensors, time) in [(&mut image.inputs, 0), (&mut image.outputs, end)] {
        for tensor in tensors.iter_mut().filter(|tensor| tensor.shape.elements() != 0) {
            tensor.at = moved(tensor.at, time)?;
        }
    }
    let mut fills = Vec::new();
    for mut fill in image.fills.drain(..) {
        let at = fill.span.offset as usize;
        let variable = variables.iter().find(|&&(start, bytes)| (start..start + bytes).contains(&at));
        let to = match (variable, at.checked_sub(image.state)) {
            (Some(&(start, _)), _) => moved(start, 0)? + (at - start),
            (None, Some(of_state)) => state + of_state,
            // A variable that no operator names needs no memory here.
            (None, None) => continue,
        };
        fill.span.offset = to as u32;
        fills.push(fill);
    }
    image.fills = fills;
    (image.arena, image.state) = (state + image.arena - image.state, state);
    Some(())
}

/// From which to which operator each place is used; inputs from the first one. What no operator writes is a part of
/// something else, and used from where that was written.
fn times(image: &Image) -> Vec<(usize, usize)> {
    let activation = |i: i32| image.places.get(usize::try_from(i).ok()?)?.as_activation();
    let written = |place: Option<[u32; 2]>, before: usize| -> Option<usize> {
        let [at, bytes] = place?.map(|n| n as usize);
        let writes = |[other, others]: [u32; 2]| share(at, bytes, other as usize, others as usize);
        let operators = image.operators.get(..before)?;
        operators.iter().rposition(|o| o.outputs.iter().any(|&t| activation(t).is_some_and(writes)))
    };
    let mut times: Vec<Option<(usize, usize)>> = vec![None; image.places.len()];
    for (time, operator) in image.operators.iter().enumerate() {
        let reads = operator.inputs.iter().map(|&i| (i, false));
        for (i, writes) in reads.chain(operator.outputs.iter().map(|&i| (i, true))) {
            if let Some(life) = usize::try_from(i).ok().and_then(|i| times.get_mut(i)) {
                let first = life.map(|(first, _)| first);
                let start = || if writes { time } else { written(activation(i), time).unwrap_or(0) };
                *life = Some((first.unwrap_or_else(start), time));
            }
        }
    }
    times.into_iter().map(Option::unwrap_or_default).collect()
}

/// Where tensors lie that keep their values, and their bytes.
fn variables(image: &Image) -> Vec<(usize, usize)> {
    let starts = |at: usize| image.fills.iter().any(|fill| fill.span.offset as usize == at);
    let places = image.places.iter().filter_map(|place| place.as_activation());
    let mut found: Vec<(usize, usize)> = places
        .map(|[at, bytes]| (at as usize, bytes as usize))
        .filter(|&(at, bytes)| at < image.state && bytes != 0 && starts(at))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// What an image's plan gave a place, tensor by tensor.
fn pieces(image: &Image, model: &Model<'_>) -> Vec<Piece> {
    let end = image.operators.len();
    let variables = variables(image);
    let times = times(image);
    let mut pieces = Vec::new();
    let mut number_of = vec![None; image.places.len()];
    for (number, (place, &(first, last))) in image.places.iter().zip(&times).enumerate() {
        let Some([at, bytes]) = place.as_activation().filter(|[_, bytes]| *bytes != 0) else { continue };
        let (at, bytes) = (at as usize, bytes as usize);
        let keeps = variables.iter().any(|&(start, _)| start == at);
        let (first, last) = if keeps { (0, end) } else { (first, last) };
        number_of[number] = Some(pieces.len());
        pieces.push(Piece { at, bytes, first, last, traffic: 0, scratch: false });
    }
    for operator in &image.operators {
        let repeats = window_overlap(model, operator.number);
        let inputs = operator.inputs.iter().enumerate().map(|(i, &t)| (t, if i == 0 { repeats } else { 1 }));
        for (t, times) in inputs.chain(operator.outputs.iter().map(|&t| (t, 1))) {
            let piece = usize::try_from(t).ok().and_then(|t| number_of.get(t).copied().flatten());
            if let Some(piece) = piece.and_then(|p| pieces.get_mut(p)) {
                piece.traffic += piece.bytes as u64 * times;
            }
        }
    }
    for (time, operator) in image.operators.iter().enumerate().filter(|(_, o)| !o.scratch.is_empty()) {
        let (at, bytes) = (operator.scratch.offset as usize, operator.scratch.bytes as usize);
        pieces.push(Piece { at, bytes, first: time, last: time, traffic: 0, scratch: true });
    }
    // Inputs lie there from the start; what nobody reads lies there all the same.
    for tensor in &image.inputs {
        let bytes = tensor.kind.bytes(tensor.shape.elements()).unwrap_or(0);
        pieces.push(Piece { at: tensor.at, bytes, first: 0, last: 0, traffic: bytes as u64, scratch: false });
    }
    // Outputs stay to the end, from when they were written last.
    for tensor in &image.outputs {
        let bytes = tensor.kind.bytes(tensor.shape.elements()).unwrap_or(0);
        let first = pieces.iter().filter(|p| share(p.at, p.bytes, tensor.at, bytes)).map(|p| p.first).max();
        let first = first.unwrap_or(end);
        pieces.push(Piece { at: tensor.at, bytes, first, last: end, traffic: bytes as u64, scratch: false });
    }
    pieces.retain(|piece| piece.bytes != 0);
    pieces
}

/// As often as this an operator reads each element of its first input.
fn window_overlap(model: &Model<'_>, operator: u32) -> u64 {
    let overlap = || {
        let view = model.main().operators().get(operator as usize)?;
        let weights = model.main().tensors().get(usize::try_from(view.inputs().get(1)?).ok()?)?.shape();
        let stride = match Op::read(model.code(&view).builtin(), view.options())? {
            Op::Conv2d(op) => op.stride_h * op.stride_w,
            Op::DepthwiseConv2d(op) => op.stride_h * op.stride_w,
            _ => return None,
        };
        Some(weights.elements_in(1..3) as u64 / u64::try_from(stride).ok()?.max(1))
    };
    overlap().unwrap_or(1).max(1)
}

/// Pieces that share bytes at the same time, because an operator works in place or its output is a part of its input,
/// become one.
fn merged(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.sort_by_key(|p| (p.at, p.first, p.last));
    let mut out: Vec<Piece> = Vec::new();
    for mut piece in pieces {
        while let Some(other) = out.iter().position(|p| p.shares_with(&piece)) {
            piece = out.remove(other).with(&piece);
        }
        out.push(piece);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Piece, merged};
    use crate::{Compiled, compile};

    fn digits(fast: Option<usize>) -> Compiled {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/digits/digits_int8_tf.tflite");
        compile(&std::fs::read(path).unwrap(), "digits", fast).unwrap()
    }

    #[test]
    fn more_fast_memory_takes_more_of_the_traffic() {
        let whole = digits(None);
        assert_eq!(whole.regions, None);
        let mut before = 0;
        for fast in [0, 100, 500, 1000, whole.arena] {
            let regions = digits(Some(fast)).regions.unwrap();
            assert!(regions.fast <= fast && regions.fast.is_multiple_of(16), "{regions:?}");
            assert!(regions.traffic[0] >= before, "{regions:?}");
            before = regions.traffic[0];
            if fast == whole.arena {
                assert_eq!((regions.fast, regions.slow, regions.traffic[1]), (whole.arena, 0, 0));
            }
        }
    }

    #[test]
    fn scratch_comes_first_then_what_is_used_most_for_its_bytes() {
        let piece = |at, bytes, traffic, scratch| Piece { at, bytes, first: 0, last: 0, traffic, scratch };
        let mut pieces = [
            piece(0, 10, 20, false),
            piece(16, 10, 90, false),
            piece(32, 50, 0, true),
            piece(96, 40, 80, false),
        ];
        pieces.sort_by_key(Piece::rank);
        assert_eq!(pieces.map(|p| p.at), [32, 16, 96, 0]);
    }

    #[test]
    fn what_works_in_place_is_one_piece() {
        let piece = |first, last| Piece { at: 0, bytes: 10, first, last, traffic: 1, scratch: false };
        let found = merged(vec![piece(4, 5), piece(0, 2), piece(2, 3)]);
        let lives: Vec<_> = found.iter().map(|p| (p.first, p.last, p.traffic)).collect();
        assert_eq!(lives, [(0, 3, 2), (4, 5, 1)]);
    }
}
