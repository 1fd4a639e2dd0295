//! A node as its operator's function sees it: names and attributes.

use std::fmt;

use super::proto::{AttributeProto, NodeProto, TensorProto};
use crate::Failure;

/// A node of the model.
pub(super) struct Call<'m> {
    pub(super) node: &'m NodeProto,
    /// The version of the operators that the model uses.
    pub(super) opset: i64,
}

impl<'m> Call<'m> {
    pub(super) fn new(node: &'m NodeProto, opset: i64) -> Self {
        Self { node, opset }
    }

    /// The operator's name.
    pub(super) fn op(&self) -> &'m str {
        &self.node.op_type
    }

    /// What the first output is called: the name of what the operator becomes.
    pub(super) fn name(&self) -> &'m str {
        self.node.output.first().map_or(self.node.name.as_str(), String::as_str)
    }

    /// A name for something on the way to the result.
    pub(super) fn part(&self, what: &str) -> String {
        format!("{}/{what}", self.name())
    }

    /// The number of inputs, with those left out in the middle.
    pub(super) fn inputs(&self) -> usize {
        self.node.input.len()
    }

    /// Whether input `i` is there.
    pub(super) fn has(&self, i: usize) -> bool {
        self.node.input.get(i).is_some_and(|name| !name.is_empty())
    }

    fn attribute(&self, name: &str) -> Option<&'m AttributeProto> {
        self.node.attribute.iter().find(|a| a.name == name)
    }

    /// An integer attribute, or what it is by default.
    pub(super) fn int(&self, name: &str, otherwise: i64) -> i64 {
        self.attribute(name).and_then(|a| a.i).unwrap_or(otherwise)
    }

    /// An integer attribute that has no default.
    pub(super) fn int_given(&self, name: &str) -> Option<i64> {
        self.attribute(name).and_then(|a| a.i)
    }

    /// A real attribute, or what it is by default.
    pub(super) fn float(&self, name: &str, otherwise: f32) -> f32 {
        self.attribute(name).and_then(|a| a.f).unwrap_or(otherwise)
    }

    /// A real attribute that has no default.
    pub(super) fn float_given(&self, name: &str) -> Option<f32> {
        self.attribute(name).and_then(|a| a.f)
    }

    /// An attribute that lists integers; `None` where it is not given.
    pub(super) fn ints(&self, name: &str) -> Option<&'m [i64]> {
        self.attribute(name).map(|a| a.ints.as_slice())
    }

    /// An attribute that lists real numbers; `None` where it is not given.
    pub(super) fn floats(&self, name: &str) -> Option<&'m [f32]> {
        self.attribute(name).map(|a| a.floats.as_slice())
    }

    /// A text attribute, or what it is by default.
    pub(super) fn text(&self, name: &str, otherwise: &'m str) -> &'m str {
        let bytes = self.attribute(name).and_then(|a| a.s.as_deref());
        bytes.and_then(|b| std::str::from_utf8(b).ok()).unwrap_or(otherwise)
    }

    /// An attribute that is a constant.
    pub(super) fn tensor(&self, name: &str) -> Option<&'m TensorProto> {
        self.attribute(name).and_then(|a| a.t.as_ref())
    }

    /// The failure of a node that asks for something Sedge cannot do.
    pub(super) fn refuse<T>(&self, what: impl fmt::Display) -> Result<T, Failure> {
        Err(Failure::new(what))
    }
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&describe(self.node))
    }
}

/// A node for people: its operator, its name, and its attributes.
pub(super) fn describe(node: &NodeProto) -> String {
    let name = if node.name.is_empty() { node.output.first() } else { Some(&node.name) };
    let mut line = match node.domain.as_str() {
        "" | "ai.onnx" => node.op_type.clone(),
        domain => format!("{domain}.{}", node.op_type),
    };
    if let Some(name) = name {
        line += &format!(" '{name}'");
    }
    let attributes: Vec<String> = node.attribute.iter().filter_map(shown).collect();
    if !attributes.is_empty() {
        line += &format!(" ({})", attributes.join(", "));
    }
    line
}

/// The most numbers of a list that a message shows.
const MAX_SHOWN: usize = 8;

fn shown(attribute: &AttributeProto) -> Option<String> {
    let list = |numbers: Vec<String>| {
        let more = if numbers.len() > MAX_SHOWN { ", ..." } else { "" };
        format!("[{}{more}]", numbers.iter().take(MAX_SHOWN).cloned().collect::<Vec<_>>().join(", "))
    };
    let value = match attribute {
        AttributeProto { i: Some(i), .. } => i.to_string(),
        AttributeProto { f: Some(f), .. } => f.to_string(),
        AttributeProto { s: Some(s), .. } => String::from_utf8_lossy(s).into_owned(),
        a if !a.ints.is_empty() => list(a.ints.iter().map(i64::to_string).collect()),
        a if !a.floats.is_empty() => list(a.floats.iter().map(f32::to_string).collect()),
        _ => return None,
    };
    Some(format!("{} {value}", attribute.name))
}
