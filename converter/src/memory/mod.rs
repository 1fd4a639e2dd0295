//! Less memory for the same bits: operators in the order that needs least, images computed strip by strip.
//!
//! ```text
//! graph -> order -> arena small enough? -> strips around the operator that needs most -> ... -> graph
//! ```
//!
//! What is tried is ordered by an estimate ([`live`]); what is kept is measured: a session is planned as on a microcontroller.

mod live;
mod order;
mod rows;
mod strips;

use serde::Serialize;

use crate::Failure;
use crate::exec::{ExecOptions, ModelFile, with_session};
use crate::export::to_tflite;
use crate::graph::{Graph, Operation};

use live::Live;
use strips::Candidate;

/// How often operators are brought into strips, at most.
const ROUNDS: usize = 4;

/// How many ways to do so are measured in a round, at most.
const MEASURED: usize = 12;

/// What became of a model's memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fitted {
    /// Bytes of the arena of an interpreter on a microcontroller, with the operators in their own order.
    pub before: usize,
    /// The same with the model as it is now.
    pub after: usize,
    /// Whether the operators run in another order than the source's.
    pub reordered: bool,
    /// Operators that run strip by strip.
    pub strips: Vec<Strips>,
}

/// Operators that run strip by strip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Strips {
    /// The first operator, by its position before.
    pub first: usize,
    /// The last one.
    pub last: usize,
    /// How many strips.
    pub count: usize,
    /// Multiply-accumulates that strips have in common, and do more than once.
    pub extra_macs: u64,
}

/// Brings operators into the order that needs least and, where there is a `limit` and that is not enough, into strips, until
/// the model runs in an arena of `limit` bytes.
///
/// A graph with operators that the runtime does not know stays as it is.
///
/// # Errors
/// Where the limit cannot be kept.
pub fn fit(graph: &mut Graph, limit: Option<usize>) -> Result<Option<Fitted>, Failure> {
    if graph.nodes().any(|(_, node)| matches!(node.op, Operation::Raw(_))) {
        return match limit {
            None => Ok(None),
            Some(_) => Err(Failure::new("the model has operators without rules, so its arena is not known")
                .help("leave --max-arena out")),
        };
    }
    let before = arena(graph)?;
    let mut fitted = Fitted { before, after: before, reordered: false, strips: Vec::new() };
    fitted.reordered = reorder(graph, &mut fitted.after)?;
    let Some(limit) = limit else { return Ok(Some(fitted)) };
    for _ in 0..ROUNDS {
        if fitted.after <= limit {
            return Ok(Some(fitted));
        }
        let Some((best, arena)) = smaller(graph, limit, fitted.after)? else { break };
        let Candidate { graph: made, operators: [first, last], strips: count, extra_macs, .. } = best;
        fitted.strips.push(Strips { first, last, count, extra_macs });
        (*graph, fitted.after) = (made, arena);
    }
    if fitted.after <= limit {
        return Ok(Some(fitted));
    }
    let after = fitted.after;
    Err(Failure::new(format!("the model needs an arena of {after} bytes at least, more than the {limit} of --max-arena"))
        .help("`sedge inspect` tells what lives at the peak; smaller inputs, or layers that get smaller earlier, take less"))
}

/// Takes the best order, where it makes the arena smaller.
fn reorder(graph: &mut Graph, arena_bytes: &mut usize) -> Result<bool, Failure> {
    let Some(order) = order::best(graph) else { return Ok(false) };
    let own = graph.node_ids();
    graph.set_order(order);
    graph.verify().map_err(|e| Failure::new("the operators' new order does not hold together").cause(e))?;
    let with = arena(graph)?;
    if with >= *arena_bytes {
        graph.set_order(own);
        return Ok(false);
    }
    *arena_bytes = with;
    Ok(true)
}

/// The graph with some operators in strips: the one with the least work of those that fit, or else the smallest
/// arena; `None` where none is smaller than `now`.
fn smaller(graph: &Graph, limit: usize, now: usize) -> Result<Option<(Candidate, usize)>, Failure> {
    let over_time = Live::of(graph).over_time();
    let estimate = over_time.iter().copied().max().unwrap_or(0);
    let Some(peak) = over_time.iter().position(|&bytes| bytes == estimate) else { return Ok(None) };
    // Scratch memory and prepared data are about what they were.
    let target = limit.saturating_sub(now.saturating_sub(estimate));
    let mut candidates = strips::candidates(graph, peak);
    candidates.retain(|c| c.bytes < estimate);
    candidates.sort_by_key(|c| match c.bytes <= target {
        true => (0, c.extra_macs, c.strips, c.bytes),
        false => (c.bytes, c.extra_macs, c.strips, 0),
    });
    let mut best: Option<(Candidate, usize)> = None;
    for candidate in candidates.into_iter().take(MEASURED) {
        candidate
            .graph
            .verify()
            .map_err(|e| Failure::new("a graph in strips does not hold together").cause(e))?;
        let bytes = arena(&candidate.graph)?;
        if best.as_ref().map_or(now, |&(_, least)| least) > bytes {
            best = Some((candidate, bytes));
        }
        if bytes <= limit {
            break;
        }
    }
    Ok(best)
}

/// Bytes of the arena that the graph needs on a microcontroller.
fn arena(graph: &Graph) -> Result<usize, Failure> {
    let file = ModelFile::from_bytes("the converted model", &to_tflite(graph)?)?;
    let small = ExecOptions::microcontroller();
    with_session(file.model()?, &small, |session| Ok(session.memory().arena)).map_err(|e| {
        Failure::new(format!("the converted model would not run: {}", e.line()))
            .help("keep that operator in float32: --keep-float with the name of what it writes")
    })
}
