//! Which tensor of the bundle each variable has. The model says so itself: it holds the graph that restores it, in
//! which a RestoreV2 node reads tensors by their keys, and nodes assign them to variables.

use std::collections::HashMap;

use super::bundle::Bundle;
use super::frame::{Nodes, Place, arguments};
use super::proto::{FunctionDef, GraphDef, NodeDef};
use super::tensor::Constant;
use crate::Failure;

/// The variables, read when they are asked for.
pub(super) struct Variables {
    bundle: Option<Bundle>,
    /// Keys of the bundle, by the nodes that make the variables.
    keys: HashMap<String, String>,
}

impl Variables {
    pub(super) fn new(
        graph: &GraphDef,
        functions: &HashMap<&str, &FunctionDef>,
        bundle: Option<Bundle>,
    ) -> Self {
        let mut keys = assigned(&graph.node);
        for node in &graph.node {
            let called = super::call::function(node, "f").and_then(|name| functions.get(name));
            let Some(function) = called.filter(|f| f.node.iter().any(|n| n.op == "RestoreV2")) else {
                continue;
            };
            let restored = assigned(&function.node);
            for (argument, input) in arguments(function).into_iter().zip(&node.input) {
                if let Some(key) = restored.get(argument) {
                    keys.insert(Place::of(input).node.to_owned(), key.clone());
                }
            }
        }
        Self { bundle, keys }
    }

    /// The value of the variable that the node of this name makes.
    pub(super) fn get(&self, handle: &str) -> Result<Constant, Failure> {
        let bundle = self.bundle.as_ref().ok_or_else(|| {
            Failure::new("the model has no variables: there is no variables/variables.index beside it")
                .help("convert the folder that the model was saved to, with all that is in it")
        })?;
        let key = self
            .keys
            .get(handle)
            .ok_or_else(|| Failure::new(format!("nothing in the model restores the variable '{handle}'")))?;
        bundle.get(key)
    }
}

/// The keys of what nodes assign from a RestoreV2 node, by what they assign it to.
fn assigned(nodes: &[NodeDef]) -> HashMap<String, String> {
    let by_name = Nodes::new(nodes);
    let mut found = HashMap::new();
    for node in nodes {
        let (true, [handle, value, ..]) =
            (matches!(node.op.as_str(), "Assign" | "AssignVariableOp"), node.input.as_slice())
        else {
            continue;
        };
        let mut place = Place::of(value);
        let mut source = by_name.get(place.node);
        // Each identity leads on; there are no more of them than nodes.
        for _ in 0..nodes.len() {
            let Some(identity) = source.filter(|s| s.op == "Identity") else { break };
            let Some(input) = identity.input.first() else { break };
            place = Place::of(input);
            source = by_name.get(place.node);
        }
        let Some(restore) = source.filter(|s| s.op == "RestoreV2") else { continue };
        let names = restore.input.get(1).and_then(|input| by_name.get(Place::of(input).node));
        let names = names.and_then(|n| n.attr.get("value")).and_then(|a| a.tensor.as_ref());
        let key = names.and_then(|t| t.string_val.get(place.output(&restore.op)));
        if let Some(key) = key.and_then(|k| String::from_utf8(k.clone()).ok()) {
            found.insert(Place::of(handle).node.to_owned(), key);
        }
    }
    found
}
