//! The memory plan of a session over time.

use std::collections::BTreeMap;

use sedge_runtime::arena::align_up;
use sedge_runtime::{Memory, Session};

/// Bytes that live from one operator to another at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The tensors that it holds, or whose scratch memory it is.
    pub names: Vec<String>,
    /// Whether it is an operator's scratch memory.
    pub scratch: bool,
    /// Where it lies.
    pub offset: usize,
    /// How many bytes.
    pub bytes: usize,
    /// The first operator during which it lives.
    pub first: usize,
    /// The last operator during which it lives.
    pub last: usize,
}

/// All pieces of a session's activations.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The operators' names in the order in which they run.
    pub operators: Vec<&'static str>,
    /// The pieces, the lowest first.
    pub pieces: Vec<Piece>,
    /// How much memory the session uses.
    pub memory: Memory,
    /// Whether shapes of some operators depend on values, so that they have no place before a run.
    pub partial: bool,
}

impl Plan {
    /// The plan of a session.
    pub fn of(session: &Session<'_>) -> Self {
        let (graph, model) = (session.graph(), session.model());
        let operators: Vec<_> = graph.operators().iter().collect();
        let end = operators.len().saturating_sub(1);
        let mut pieces = Vec::new();
        let mut partial = false;
        for (tensor, (first, last)) in lifetimes(session) {
            let Some((offset, bytes)) = session.activation(tensor) else {
                partial |= session.bytes_of(tensor).is_empty() && session.shape_of(tensor).elements() != 0;
                continue;
            };
            let name = graph.tensors().get(tensor as usize).map_or("", |t| t.name().as_str());
            let names = vec![if name.is_empty() { format!("tensor {tensor}") } else { name.to_owned() }];
            pieces.push(Piece { names, scratch: false, offset, bytes, first, last: last.min(end) });
        }
        for (i, operator) in operators.iter().enumerate() {
            if let Some((offset, bytes)) = session.scratch_of(i as u32) {
                let name = format!("scratch of {} {i}", model.code(operator).builtin());
                pieces.push(Piece { names: vec![name], scratch: true, offset, bytes, first: i, last: i });
            }
        }
        let names = operators.iter().map(|o| model.code(o).builtin().name()).collect();
        Self { operators: names, pieces: merged(pieces), memory: session.memory(), partial }
    }

    /// The pieces that live during an operator.
    pub fn alive(&self, operator: usize) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().filter(move |p| (p.first..=p.last).contains(&operator))
    }

    /// The bytes that live during an operator.
    pub fn live(&self, operator: usize) -> usize {
        self.alive(operator).map(|p| align_up(p.bytes)).sum()
    }

    /// The first operator during which the most bytes live, and how many.
    pub fn peak(&self) -> Option<(usize, usize)> {
        self.most((0..self.operators.len()).map(|i| (i, self.live(i))))
    }

    /// As [`Plan::peak`], of the operators during which fewer bytes live than that: what the peak would be without them.
    pub fn next_peak(&self) -> Option<(usize, usize)> {
        let (_, peak) = self.peak()?;
        self.most((0..self.operators.len()).map(|i| (i, self.live(i))).filter(|&(_, bytes)| bytes < peak))
    }

    fn most(&self, live: impl Iterator<Item = (usize, usize)>) -> Option<(usize, usize)> {
        live.reduce(|best, next| if next.1 > best.1 { next } else { best })
    }
}

/// For each tensor that is computed or given: the operators from which and to which it lives.
fn lifetimes(session: &Session<'_>) -> BTreeMap<u32, (usize, usize)> {
    let graph = session.graph();
    let end = graph.operators().len();
    let mut lives = BTreeMap::new();
    let tensor = |t: i32| u32::try_from(t).ok();
    for t in graph.inputs().iter().filter_map(tensor) {
        lives.insert(t, (0, 0));
    }
    for (t, view) in (0u32..).zip(graph.tensors().iter()) {
        if view.is_variable() {
            lives.insert(t, (0, end));
        }
    }
    for (i, operator) in graph.operators().iter().enumerate() {
        for t in operator.outputs().iter().filter_map(tensor) {
            lives.entry(t).or_insert((i, i));
        }
        for t in operator.inputs().iter().filter_map(tensor) {
            if let Some(life) = lives.get_mut(&t) {
                life.1 = life.1.max(i);
            }
        }
    }
    for t in graph.outputs().iter().filter_map(tensor) {
        if let Some(life) = lives.get_mut(&t) {
            life.1 = end;
        }
    }
    lives
}

/// Pieces that share bytes (an operator works in place, or its output is a part of its input) become one.
fn merged(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.retain(|p| p.bytes != 0);
    pieces.sort_by_key(|p| (p.offset, p.first, p.last));
    let mut out: Vec<Piece> = Vec::new();
    for mut piece in pieces {
        while let Some(other) = out.iter().position(|p| p.shares_with(&piece)) {
            piece = out.remove(other).with(piece);
        }
        out.push(piece);
    }
    out.sort_by_key(|p| (p.offset, p.first));
    out
}

impl Piece {
    fn end(&self) -> usize {
        self.offset + self.bytes
    }

    fn shares_with(&self, other: &Self) -> bool {
        let bytes = self.offset < other.end() && other.offset < self.end();
        bytes && self.first <= other.last && other.first <= self.last
    }

    fn with(mut self, other: Self) -> Self {
        let end = self.end().max(other.end());
        self.offset = self.offset.min(other.offset);
        self.bytes = end - self.offset;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.names.extend(other.names);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, merged};

    #[test]
    fn tensors_that_share_bytes_are_one_piece() {
        let piece = |name: &str, offset, first, last| Piece {
            names: vec![name.to_owned()],
            scratch: false,
            offset,
            bytes: 16,
            first,
            last,
        };
        let pieces =
            merged(vec![piece("b", 0, 1, 2), piece("a", 0, 0, 1), piece("c", 0, 3, 4), piece("d", 16, 0, 4)]);
        let names: Vec<_> = pieces.iter().map(|p| p.names.join("=")).collect();
        assert_eq!(names, ["a=b", "c", "d"]);
        assert_eq!((pieces[0].first, pieces[0].last), (0, 2));
        // A part is in the piece of what it is a part of, and what shares its bytes is as well.
        let whole = Piece { bytes: 64, ..piece("whole", 0, 0, 1) };
        let pieces =
            merged(vec![whole, piece("part", 16, 1, 2), piece("over", 16, 2, 3), piece("x", 0, 4, 4)]);
        let names: Vec<_> = pieces.iter().map(|p| p.names.join("=")).collect();
        assert_eq!(names, ["whole=part=over", "x"]);
        assert_eq!((pieces[0].offset, pieces[0].bytes, pieces[0].last), (0, 64, 3));
    }
}
