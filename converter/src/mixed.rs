//! Mixed precision: the operators that stay in float32 so that the outputs are as exact as is asked for.
//!
//! ```text
//! each operator in float32, the others in integers -> how exact the outputs are -> operators in order of what they gain
//! the first so many of them together               -> the fewest that reach the target -> those that it needs
//! ```
//!
//! What is exact is the outputs' signal to quantization noise ratio on calibration samples, `10 log10(sum x^2 / sum (x -
//! y)^2)`, the least of all outputs. No labels are needed, and small losses show that accuracy on few samples hides.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use sedge_runtime::Session;
use sedge_runtime::schema::op::QuantizationRule;

use crate::Failure;
use crate::calibrate::{Calibration, Ranges, Samples};
use crate::data::real_values;
use crate::evaluate::put;
use crate::exec::{ExecOptions, ModelFile, with_session};
use crate::export::to_tflite;
use crate::graph::{Graph, Links, Node, NodeId, TensorId};
use crate::quantize::{self, Options};
use crate::report::progress;

/// The most samples that outputs are compared on.
const MAX_SAMPLES: usize = 32;

/// An operator that was left in float32.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Kept {
    /// What it is, such as `CONV_2D`.
    pub operator: String,
    /// The tensor that it writes.
    pub tensor: String,
    /// The outputs' ratio, in dB, where this operator alone is in float32.
    pub alone_db: f64,
    #[serde(skip)]
    pub(crate) node: NodeId,
}

/// What was chosen, and how exact the outputs are with and without.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Mixed {
    /// The operators that stay in float32, those that gain most first.
    pub kept: Vec<Kept>,
    /// The outputs' ratio, in dB, with all in integers.
    pub before_db: f64,
    /// That with these operators in float32.
    pub after_db: f64,
}

impl Mixed {
    /// All operators that stay in float32, with `others` that were to do so already.
    pub(crate) fn nodes(&self, graph: &Graph, others: &[NodeId]) -> Vec<NodeId> {
        let own: Vec<NodeId> = self.kept.iter().map(|kept| kept.node).collect();
        with_movers(graph, &[others, &own].concat())
    }
}

/// Chooses operators to keep in float32 until the outputs' ratio is `target` dB.
///
/// # Errors
/// Where the target is out of reach, or a model cannot be run on the samples.
pub(crate) fn choose(
    graph: &Graph,
    ranges: &Ranges,
    samples: &mut Samples,
    calibration: &Calibration,
    options: &Options,
    target: f64,
) -> Result<Mixed, Failure> {
    let count = samples.len().min(MAX_SAMPLES);
    let samples = (0..count).map(|i| samples.get(i)).collect::<Result<Vec<_>, _>>()?;
    let float = outputs(&to_tflite(graph)?, &samples)?;
    let ratio = |ranges: &Ranges, kept: &[NodeId]| -> Result<f64, Failure> {
        let mut quantized = graph.clone();
        let options =
            Options { kept: with_movers(graph, &[&options.kept, kept].concat()), ..options.clone() };
        quantize::quantize(&mut quantized, ranges, &options)?;
        Ok(least_ratio(&float, &outputs(&to_tflite(&quantized)?, &samples)?))
    };
    let before_db = ratio(ranges, &[])?;
    if before_db >= target {
        return Ok(Mixed { kept: Vec::new(), before_db, after_db: before_db });
    }
    let candidates: Vec<NodeId> =
        graph.nodes().filter(|(_, node)| computes(node)).map(|(id, _)| id).collect();
    // The order needs no careful rounding.
    let rough = ranges.without_moments();
    let alone = weighed(&candidates, calibration, |id| ratio(&rough, &[id]))?;
    let mut kept: Vec<Kept> = candidates
        .iter()
        .zip(alone)
        .map(|(&node, alone_db)| {
            let written = graph.node(node).outputs.first().map(|&t| graph.tensor(t).name.clone());
            let operator = graph.node(node).op.name().to_owned();
            Kept { operator, tensor: written.unwrap_or_default(), alone_db, node }
        })
        .collect();
    kept.sort_by(|a, b| b.alone_db.total_cmp(&a.alone_db));
    let first = |many: usize| -> Vec<NodeId> { kept.iter().take(many).map(|k| k.node).collect() };
    let most = ratio(ranges, &first(kept.len()))?;
    if most < target {
        return Err(Failure::usage(format!(
            "{target} dB are out of reach: with all operators in float32 the outputs have {most:.1} dB"
        ))
        .help("ask for less, or leave the outputs real: --output-type float32"));
    }
    // The fewest that reach it, as far as more operators in float32 are never worse.
    let (mut few, mut enough, mut after_db) = (0, kept.len(), most);
    while few + 1 < enough {
        let middle = few.midpoint(enough);
        let found = ratio(ranges, &first(middle))?;
        if found >= target {
            (enough, after_db) = (middle, found);
        } else {
            few = middle;
        }
    }
    kept.truncate(enough);
    // Some of them may do without, beside the others.
    for i in (0..kept.len()).rev() {
        let others: Vec<NodeId> =
            kept.iter().enumerate().filter(|&(j, _)| j != i).map(|(_, k)| k.node).collect();
        let found = ratio(ranges, &others)?;
        if found >= target {
            kept.remove(i);
            after_db = found;
        }
    }
    Ok(Mixed { kept, before_db, after_db })
}

/// Whether an operator computes new values, and does not only move or compare what there is.
fn computes(node: &Node) -> bool {
    let rule = node.op.known().map(|op| op.quantization());
    matches!(
        rule,
        Some(
            QuantizationRule::Weights { .. } | QuantizationRule::Calibrated | QuantizationRule::Fixed { .. }
        )
    )
}

/// These operators, and those that only move what they hand on to each other.
fn with_movers(graph: &Graph, kept: &[NodeId]) -> Vec<NodeId> {
    let links = Links::of(graph);
    let mut all: HashSet<NodeId> = kept.iter().copied().collect();
    // In the order of execution: what reads real values could give them.
    for (id, node) in graph.nodes().filter(|(_, node)| moves(node)) {
        let mut computed = node.reads().filter(|&t| !graph.tensor(t).is_constant()).peekable();
        if computed.peek().is_some() && computed.all(|t| links.producer(t).is_some_and(|p| all.contains(&p)))
        {
            all.insert(id);
        }
    }
    // Backwards: nobody asks for them where only integers follow.
    let movers: Vec<NodeId> = graph.nodes().filter(|(_, node)| moves(node)).map(|(id, _)| id).collect();
    for id in movers.into_iter().rev().filter(|id| !kept.contains(id)) {
        let asks = |t: &TensorId| {
            graph.outputs.contains(t) || links.consumers(*t).iter().any(|reader| all.contains(reader))
        };
        if !graph.node(id).outputs.iter().any(asks) {
            all.remove(&id);
        }
    }
    graph.nodes().map(|(id, _)| id).filter(|id| all.contains(id)).collect()
}

/// Whether an operator hands on values that there are.
fn moves(node: &Node) -> bool {
    let rule = node.op.known().map(|op| op.quantization());
    matches!(rule, Some(QuantizationRule::SameAsInput | QuantizationRule::AllSame))
}

/// `weigh` of all of these operators, on several cores.
fn weighed(
    nodes: &[NodeId],
    calibration: &Calibration,
    weigh: impl Fn(NodeId) -> Result<f64, Failure> + Sync,
) -> Result<Vec<f64>, Failure> {
    let threads = calibration.workers(nodes.len());
    let bar = progress("weighing operators", nodes.len() as u64);
    let next = AtomicUsize::new(0);
    let run = || {
        let mut found = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(&node) = nodes.get(i) else { return Ok::<_, Failure>(found) };
            found.push((i, weigh(node)?));
            bar.inc(1);
        }
    };
    let parts: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        running.into_iter().map(|thread| thread.join()).collect()
    });
    bar.finish_and_clear();
    let mut all = Vec::new();
    for part in parts {
        all.extend(part.map_err(|_| Failure::new("weighing operators stopped: a thread failed"))??);
    }
    all.sort_by_key(|&(i, _)| i);
    Ok(all.into_iter().map(|(_, ratio)| ratio).collect())
}

/// The real values of all outputs, for each sample.
fn outputs(file: &[u8], samples: &[Vec<Vec<f32>>]) -> Result<Vec<Vec<Vec<f32>>>, Failure> {
    let file = ModelFile::from_bytes("the model", file)?;
    with_session(file.model()?, &ExecOptions::default(), |session| {
        let mut all = Vec::new();
        for sample in samples {
            for (i, values) in sample.iter().enumerate() {
                put(session, i, values)?;
            }
            session.invoke()?;
            all.push((0..session.outputs()).map(|o| real(session, o)).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(all)
    })
}

/// An output's real values; none where it holds integers that stand for nothing else.
fn real(session: &Session<'_>, o: usize) -> Result<Vec<f32>, sedge_runtime::Error> {
    let (kind, shape) = (session.output_type(o)?, session.output_shape(o)?);
    let bytes = session.output_bytes(o)?;
    let tensor = session.graph().outputs().get(o).and_then(|t| usize::try_from(t).ok());
    let scale = tensor.and_then(|t| session.graph().tensors().get(t)).and_then(|view| view.quantization());
    Ok(real_values(kind, &shape, bytes, scale).unwrap_or_default())
}

/// The least of the outputs' ratios, in dB; infinite where nothing differs.
fn least_ratio(real: &[Vec<Vec<f32>>], found: &[Vec<Vec<f32>>]) -> f64 {
    let outputs = real.first().map_or(0, Vec::len);
    let of = |o: usize| {
        let (mut signal, mut noise) = (0.0, 0.0);
        for (real, found) in real.iter().zip(found) {
            let pairs = real.get(o).into_iter().flatten().zip(found.get(o).into_iter().flatten());
            for (&x, &y) in pairs {
                signal += f64::from(x).powi(2);
                noise += (f64::from(x) - f64::from(y)).powi(2);
            }
        }
        if noise == 0.0 { f64::INFINITY } else { 10.0 * (signal / noise).log10() }
    };
    (0..outputs)
        .map(of)
        .fold(f64::INFINITY, |least, ratio| if ratio.is_nan() { f64::NEG_INFINITY } else { least.min(ratio) })
}

#[cfg(test)]
mod tests {
    use super::least_ratio;

    #[test]
    fn the_worst_output_counts() {
        let real = [vec![vec![3.0, 4.0], vec![10.0]]];
        assert_eq!(least_ratio(&real, &real), f64::INFINITY);
        // 25 / 0.25 is 20 dB, 100 / 100 is 0 dB.
        assert_eq!(least_ratio(&real, &[vec![vec![3.5, 4.0], vec![10.0]]]), 20.0);
        assert_eq!(least_ratio(&real, &[vec![vec![3.5, 4.0], vec![0.0]]]), 0.0);
        assert_eq!(least_ratio(&real, &[vec![vec![f32::NAN, 4.0], vec![0.0]]]), f64::NEG_INFINITY);
    }
}
