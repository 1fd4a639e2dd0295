//! Which rows of its tensors a part of a graph needs to compute some rows of its result.
//!
//! ```text
//! rows wanted of the result -> rows needed of every tensor (backwards)
//! rows taken of the source -> rows that every operator then writes (forwards)
//! ```
//!
//! A strip runs the operators as they are, padding too, on fewer rows. Where the strip's border is not the image's,
//! rows near it come out wrong, because padding stood for rows that the image has there. No wanted row is one of them: all
//! rows that these need are in the strip, and the padding beyond the image is the image's own.

use std::collections::BTreeMap;
use std::ops::Range;

use sedge_schema::op::{Op, Window};

use super::live::{distinct, is_element_wise};
use crate::graph::{Graph, Node, TensorId};

/// Operators next to each other in the execution order, which compute an image from an image.
#[derive(Clone, Debug)]
pub(super) struct Region<'g> {
    /// The operators.
    pub(super) nodes: Vec<&'g Node>,
    /// The image that they read.
    pub(super) source: TensorId,
    /// The image that the last one writes, the only one that is read behind them.
    pub(super) result: TensorId,
}

/// What is done for a strip.
#[derive(Clone, Debug)]
pub(super) enum Action<'g> {
    /// Keeps these rows, counted from the first that it has, of what the strip has of a tensor.
    Cut(TensorId, Range<usize>),
    /// Runs an operator, which writes so many rows.
    Run(&'g Node, usize),
}

/// A strip: the rows of the source that it takes, and what is done with them.
#[derive(Clone, Debug)]
pub(super) struct Strip<'g> {
    pub(super) rows: Range<usize>,
    pub(super) actions: Vec<Action<'g>>,
}

/// What an operator does with rows.
enum Kind {
    /// A window slides over them.
    Window,
    /// Each comes from the row of its own number.
    Same,
}

fn kind(graph: &Graph, node: &Node) -> Option<Kind> {
    let output = graph.tensor(*node.outputs.first()?);
    let image = node.input(0).map(|t| graph.tensor(t))?;
    let computed = node.reads().filter(|&t| !graph.tensor(t).is_constant());
    match node.op.known()? {
        Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::MaxPool2d(_) | Op::AveragePool2d(_) => {
            // Constant images and computed weights are for others.
            let alone = computed.eq(node.input(0)) && image.shape.rank() == 4;
            alone.then_some(Kind::Window)
        }
        // Borders of columns and channels.
        Op::Pad(_) if output.shape.rank() == 4 => {
            let borders = graph.tensor(node.input(1)?).ints()?;
            (borders.get(2..4)? == [0, 0]).then_some(Kind::Same)
        }
        op if is_element_wise(op) => {
            let fits = node.reads().map(|t| graph.tensor(t)).all(|t| {
                let rows = t.shape.expand_to(4).map_or(0, |shape| shape.dim(1));
                if t.is_constant() { rows == 1 } else { t.shape == output.shape }
            });
            (fits && output.shape.rank() == 4).then_some(Kind::Same)
        }
        _ => None,
    }
}

/// The rows of a node's window over an image of `height` rows.
fn window(graph: &Graph, node: &Node, height: usize) -> Option<Window> {
    let image = graph.tensor(node.input(0)?).shape.with(1, u32::try_from(height).ok()?)?;
    let weights = node.input(1).map(|t| graph.tensor(t).shape);
    let (rows, _) = match node.op.known()? {
        Op::Conv2d(op) => op.windows(&image, &weights?),
        Op::DepthwiseConv2d(op) => op.windows(&image, &weights?),
        Op::MaxPool2d(op) => op.windows(&image),
        Op::AveragePool2d(op) => op.windows(&image),
        _ => return None,
    }
    .ok()?;
    (rows.output != 0).then_some(rows)
}

/// The cells of an image of `height` rows from the first to the last one that position `o` covers; `None` where it
/// covers none.
fn covered(window: &Window, o: usize, height: usize) -> Option<Range<usize>> {
    let inside = window.inside(o, height);
    let cell = |k: usize| (o * window.stride + k * window.dilation).checked_sub(window.before);
    (!inside.is_empty()).then_some(())?;
    Some(cell(inside.start)?..cell(inside.end - 1)? + 1)
}

impl<'g> Region<'g> {
    /// The operators `nodes`, where they are such a region.
    pub(super) fn of(graph: &'g Graph, nodes: &[&'g Node], uses: &[usize]) -> Option<Self> {
        let result = *nodes.last()?.outputs.first()?;
        let written: Vec<TensorId> = nodes.iter().flat_map(|n| n.outputs.iter().copied()).collect();
        let read = || nodes.iter().flat_map(|n| distinct(n));
        let mut outside = read().filter(|t| !graph.tensor(*t).is_constant() && !written.contains(t));
        let source = outside.next()?;
        let closed = written.iter().all(|&t| {
            let inside = read().filter(|&r| r == t).count();
            let all = uses.get(t.index()).copied().unwrap_or(0);
            if t == result { inside == 0 && all != 0 } else { inside == all }
        });
        // Rows are counted when strips are made, so there must be as many whatever the model is given.
        let is_image = |t: TensorId| {
            let tensor = graph.tensor(t);
            tensor.shape.rank() == 4 && tensor.shape_signature.get(1) != Some(&-1)
        };
        let fits = outside.all(|t| t == source)
            && closed
            && [source, result].into_iter().all(is_image)
            && nodes.iter().all(|n| kind(graph, n).is_some() && n.outputs.len() == 1);
        fits.then(|| Self { nodes: nodes.to_vec(), source, result })
    }

    /// Rows of the result.
    pub(super) fn height(&self, graph: &Graph) -> usize {
        graph.tensor(self.result).shape.dim(1)
    }

    /// How the rows `wanted` of the result are computed; `None` where they cannot be by themselves.
    pub(super) fn strip(&self, graph: &Graph, wanted: Range<usize>) -> Option<Strip<'g>> {
        let height = graph.tensor(self.source).shape.dim(1);
        let needed = self.needed(graph, wanted)?;
        let least = needed.get(&self.source)?;
        // Strides count from the strip's first row, and padding depends on how many rows there are: rows more help.
        let reach = 2 * self.stride(graph);
        let mut tried: Vec<(usize, usize)> =
            (0..=reach).flat_map(|above| (0..=reach).map(move |below| (above, below))).collect();
        tried.sort_by_key(|&(above, below)| (above + below, above));
        tried.into_iter().find_map(|(above, below)| {
            let rows = least.start.checked_sub(above)?..least.end + below;
            let actions = (rows.end <= height).then(|| self.run(graph, &rows, &needed))??;
            Some(Strip { rows, actions })
        })
    }

    /// Rows of the source between two rows of the result.
    fn stride(&self, graph: &Graph) -> usize {
        let stride = |node: &&Node| window(graph, node, usize::from(u16::MAX)).map_or(1, |w| w.stride);
        self.nodes.iter().map(stride).product::<usize>().min(64)
    }

    /// The rows of each tensor that the rows `wanted` of the result need.
    fn needed(&self, graph: &Graph, wanted: Range<usize>) -> Option<BTreeMap<TensorId, Range<usize>>> {
        let mut needed = BTreeMap::from([(self.result, wanted)]);
        for node in self.nodes.iter().rev() {
            let rows = needed.get(node.outputs.first()?)?.clone();
            let image = graph.tensor(node.input(0)?).shape.dim(1);
            let of_inputs = match kind(graph, node)? {
                Kind::Same => rows,
                Kind::Window => {
                    let window = window(graph, node, image)?;
                    let mut cells = rows.map(|o| covered(&window, o, image));
                    let first = cells.next()??;
                    cells.try_fold(first, |all, next| Some(hull(&all, &next?)))?
                }
            };
            for tensor in node.reads().filter(|&t| !graph.tensor(t).is_constant()) {
                let all = needed.get(&tensor).map_or(of_inputs.clone(), |other| hull(other, &of_inputs));
                needed.insert(tensor, all);
            }
        }
        Some(needed)
    }

    /// What is done with the rows `taken` of the source, where that gives the rows that are needed.
    fn run(
        &self,
        graph: &Graph,
        taken: &Range<usize>,
        needed: &BTreeMap<TensorId, Range<usize>>,
    ) -> Option<Vec<Action<'g>>> {
        // The rows that the strip has of each tensor.
        let mut parts = BTreeMap::from([(self.source, taken.clone())]);
        let mut actions = Vec::new();
        for &node in &self.nodes {
            let output = *node.outputs.first()?;
            let wanted = needed.get(&output)?;
            let rows = match kind(graph, node)? {
                Kind::Window => slide(graph, node, parts.get(&node.input(0)?)?)?,
                Kind::Same => {
                    let read = || distinct(node).filter(|&t| !graph.tensor(t).is_constant());
                    let first = parts.get(&read().next()?)?.clone();
                    let differ = read().any(|t| parts.get(&t) != Some(&first));
                    if differ {
                        // Images that do not have the same rows are cut to those that are wanted.
                        for tensor in read() {
                            cut(&mut parts, tensor, wanted, &mut actions)?;
                        }
                    }
                    if differ { wanted.clone() } else { first }
                }
            };
            let has_all = rows.start <= wanted.start && wanted.end <= rows.end;
            actions.push(Action::Run(node, has_all.then_some(rows.len())?));
            parts.insert(output, rows);
        }
        cut(&mut parts, self.result, needed.get(&self.result)?, &mut actions)?;
        Some(actions)
    }
}

/// Keeps the rows `wanted` of what the strip has of a tensor. Other readers of it see fewer rows too, so
/// these must not need more.
fn cut<'g>(
    parts: &mut BTreeMap<TensorId, Range<usize>>,
    tensor: TensorId,
    wanted: &Range<usize>,
    actions: &mut Vec<Action<'g>>,
) -> Option<()> {
    let rows = parts.get_mut(&tensor)?;
    if rows != wanted {
        let start = wanted.start.checked_sub(rows.start)?;
        (wanted.end <= rows.end).then_some(())?;
        actions.push(Action::Cut(tensor, start..start + wanted.len()));
        *rows = wanted.clone();
    }
    Some(())
}

/// The rows that a window writes which slides over these rows of an image as if they were the whole.
fn slide(graph: &Graph, node: &Node, part: &Range<usize>) -> Option<Range<usize>> {
    let image = graph.tensor(node.input(0)?).shape.dim(1);
    let (whole, here) = (window(graph, node, image)?, window(graph, node, part.len())?);
    // Its position 0 must be a position of the whole.
    let first = (part.start + whole.before).checked_sub(here.before)?;
    let start = first.is_multiple_of(whole.stride).then_some(first / whole.stride)?;
    Some(start..start + here.output)
}

fn hull(a: &Range<usize>, b: &Range<usize>) -> Range<usize> {
    a.start.min(b.start)..a.end.max(b.end)
}
