//! The order in which nodes run, and what each is called in the inputs of others.
//!
//! An input of a node in the graph is `node` or `node:output`; in a function `argument` or `node:name:output`; `^node`
//! is one that only must run before.

use std::collections::{HashMap, HashSet};

use super::call::{Value, function};
use super::proto::{FunctionDef, NodeDef};
use crate::Failure;

/// What an input speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'n> {
    pub(super) node: &'n str,
    /// The output's name, in functions.
    port: &'n str,
    number: usize,
    /// Whether only the order counts, not the value.
    pub(super) is_control: bool,
}

impl<'n> Place<'n> {
    pub(super) fn of(input: &'n str) -> Self {
        if let Some(node) = input.strip_prefix('^') {
            return Self { node, port: "", number: 0, is_control: true };
        }
        let mut parts = input.split(':');
        let node = parts.next().unwrap_or_default();
        let (second, third) = (parts.next(), parts.next());
        let (port, number) = match (second, third) {
            (Some(port), Some(number)) => (port, number.parse().unwrap_or(usize::MAX)),
            (Some(number), None) => ("", number.parse().unwrap_or(usize::MAX)),
            _ => ("", 0),
        };
        Self { node, port, number, is_control: false }
    }

    /// Which of the outputs of a node of this operator it is.
    pub(super) fn output(&self, op: &str) -> usize {
        let first = match (op, self.port) {
            (_, "batch_mean" | "indices" | "idx" | "selected_scores" | "valid_outputs") => 1,
            ("TensorListPopBack", "tensor") => 1,
            (_, "batch_variance") => 2,
            _ => 0,
        };
        self.number.saturating_add(first)
    }
}

/// The nodes of the graph or of a function.
#[derive(Clone)]
pub(super) struct Nodes<'m> {
    by_name: HashMap<&'m str, &'m NodeDef>,
}

impl<'m> Nodes<'m> {
    pub(super) fn new(nodes: &'m [NodeDef]) -> Self {
        Self { by_name: nodes.iter().map(|node| (node.name.as_str(), node)).collect() }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'m NodeDef> {
        self.by_name.get(name).copied()
    }

    /// The nodes that these places need, each behind those that it reads. What is among `given` is known already.
    ///
    /// # Errors
    /// Where a place is none, or nodes wait for each other.
    pub(super) fn order<'w>(
        &self,
        wanted: impl IntoIterator<Item = &'w str>,
        given: impl Fn(&str) -> bool,
    ) -> Result<Vec<&'m NodeDef>, Failure> {
        let find = |input: &str| {
            let place = Place::of(input);
            match self.get(place.node) {
                _ if given(place.node) => Ok(None),
                Some(node) => Ok(Some(node)),
                None => Err(Failure::new(format!("'{input}' is asked for, which is not there"))
                    .help("make sure that the model's folder was copied whole")),
            }
        };
        let mut order = Vec::new();
        let (mut done, mut open): (HashSet<&str>, HashSet<&str>) = Default::default();
        for input in wanted {
            // A node with the number of the input that is looked at next.
            let mut stack: Vec<(&'m NodeDef, usize)> = find(input)?.map(|n| (n, 0)).into_iter().collect();
            while let Some((node, next)) = stack.pop() {
                if next == 0 && done.contains(node.name.as_str()) {
                    continue;
                }
                if next == 0 && !open.insert(&node.name) {
                    return Err(Failure::new(format!("'{}' waits for itself", node.name)).help(
                        "loops of TensorFlow 1 are not supported; export the model with TensorFlow 2",
                    ));
                }
                match node.input.get(next) {
                    None => {
                        done.insert(&node.name);
                        order.push(node);
                    }
                    Some(input) => {
                        stack.push((node, next + 1));
                        stack
                            .extend(find(input)?.filter(|n| !done.contains(n.name.as_str())).map(|n| (n, 0)));
                    }
                }
            }
        }
        Ok(order)
    }
}

/// The places that a function's outputs come from, in their order, then those that run for what they change.
pub(super) fn results(function: &FunctionDef) -> Result<(Vec<&str>, Vec<&str>), Failure> {
    let signature = function.signature.as_ref().map(|s| s.output_arg.as_slice()).unwrap_or_default();
    let of = |arg: &str| {
        let from = function.ret.get(arg).map(String::as_str);
        from.ok_or_else(|| Failure::new(format!("nothing gives the output '{arg}' of a function")))
    };
    let outputs = signature.iter().map(|arg| of(&arg.name)).collect::<Result<Vec<_>, _>>()?;
    let mut effects: Vec<&str> = function.control_ret.values().map(String::as_str).collect();
    effects.sort_unstable();
    Ok((outputs, effects))
}

/// The names of a function's arguments.
pub(super) fn arguments(function: &FunctionDef) -> Vec<&str> {
    let signature = function.signature.as_ref().map(|s| s.input_arg.as_slice()).unwrap_or_default();
    signature.iter().map(|arg| arg.name.as_str()).collect()
}

/// The functions that a node calls.
pub(super) fn callees(node: &NodeDef) -> impl Iterator<Item = &str> {
    ["f", "cond", "body", "then_branch", "else_branch"].into_iter().filter_map(|attr| function(node, attr))
}

/// What is known in a run of the graph or of a function.
#[derive(Default)]
pub(super) struct Frame<'m> {
    /// By argument, or by node.
    values: HashMap<&'m str, (&'m str, Vec<Value>)>,
}

impl<'m> Frame<'m> {
    pub(super) fn set_argument(&mut self, name: &'m str, value: Value) {
        self.values.insert(name, ("", vec![value]));
    }

    pub(super) fn set(&mut self, node: &'m NodeDef, values: Vec<Value>) {
        self.values.insert(&node.name, (&node.op, values));
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The value of an input; `None` where it was not made.
    pub(super) fn get(&self, input: &str) -> Option<Value> {
        let place = Place::of(input);
        let (op, values) = self.values.get(place.node)?;
        values.get(place.output(op)).cloned()
    }
}
