//! Control flow. A branch whose condition is known is the branch; of others both are computed, and the outputs chosen.
//! A loop whose number of rounds is known is written out, round after round.

use sedge_schema::TensorType;
use sedge_schema::op::{Pack, SelectV2};

use super::call::Call;
use super::proto::{AttributeProto, GraphProto};
use super::value::{Value, plain};
use super::{Handler, Importer};
use crate::Failure;

/// The most rounds of a loop that are written out.
const MAX_ROUNDS: i64 = 1024;

/// The most rounds and branches that a model may become.
const MAX_GRAPHS: usize = 10_000;

pub(super) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "If" => branch,
        "Loop" => repeat,
        "Scan" => scan,
        _ => return None,
    })
}

/// The graphs that a node holds.
pub(super) fn graphs(attributes: &[AttributeProto]) -> impl Iterator<Item = &GraphProto> {
    attributes.iter().filter_map(|a| a.g.as_ref())
}

impl Importer<'_> {
    /// Reads a graph that a node holds, with these values for its inputs; gives its outputs. What lies outside of it
    /// keeps its names; what it writes is called `scope/name`.
    fn inner(&mut self, graph: &GraphProto, inputs: &[Value], scope: &str) -> Result<Vec<Value>, Failure> {
        self.inner_graphs += 1;
        if self.inner_graphs > MAX_GRAPHS {
            return Err(Failure::new(format!("its loops have more than {MAX_GRAPHS} rounds together")));
        }
        let outside = self.values.clone();
        let result = self.inside(graph, inputs, scope);
        // Constants that were asked for first inside stay known.
        let names: Vec<String> = self.values.keys().filter(|n| !outside.contains_key(*n)).cloned().collect();
        let shadowed = |name: &String| {
            graph.initializer.iter().any(|t| t.name == *name)
                || graph.input.iter().any(|i| i.name == *name)
                || graph.node.iter().any(|n| n.output.contains(name))
                || name.starts_with(scope)
        };
        let found: Vec<(String, Value)> =
            names.into_iter().filter(|n| !shadowed(n)).filter_map(|n| self.values.remove_entry(&n)).collect();
        self.values = outside;
        self.values.extend(found);
        result
    }

    fn inside(&mut self, graph: &GraphProto, inputs: &[Value], scope: &str) -> Result<Vec<Value>, Failure> {
        for proto in &graph.initializer {
            let value = self.constant(&format!("{scope}/{}", proto.name), proto)?;
            self.values.insert(proto.name.clone(), value);
        }
        for (info, value) in graph.input.iter().zip(inputs) {
            self.values.insert(info.name.clone(), value.clone());
        }
        for node in &graph.node {
            let mut renamed = node.clone();
            for name in renamed.output.iter_mut().filter(|name| !name.is_empty()) {
                *name = format!("{scope}/{name}");
            }
            let call = Call::new(&renamed, self.opset);
            let read =
                super::handler(&node.op_type).ok_or_else(|| Failure::new(format!("{call} is not known")))?;
            if let Some(missing) = node.input.iter().find(|name| !name.is_empty() && !self.has(name)) {
                return Err(Failure::new(format!(
                    "{call}: reads '{missing}', which nothing before it writes"
                )));
            }
            read(self, &call).map_err(|failure| Failure::new(format!("{call}: {}", failure.line())))?;
            for (name, inside) in node.output.iter().zip(&renamed.output) {
                if let Some(value) = self.values.get(inside).cloned() {
                    self.values.insert(name.clone(), value);
                }
            }
        }
        graph.output.iter().map(|info| self.value(&info.name)).collect()
    }

    /// A known condition.
    fn known_condition(&mut self, value: &Value) -> Result<Option<bool>, Failure> {
        Ok(self.ints_of(value)?.and_then(|v| v.first().map(|&v| v != 0)))
    }

    /// Joins values along a new dimension.
    fn stacked(&mut self, name: &str, values: &[Value], axis: usize) -> Result<Value, Failure> {
        let Some(first) = values.first() else {
            return Err(Failure::new("a loop without rounds gives nothing to join"));
        };
        let (kind, rank) = (self.kind(first), first.axes.len());
        let tensors = values.iter().map(|v| self.plain(v).map(Some)).collect::<Result<Vec<_>, _>>()?;
        let op = Pack { axis: axis as i32, values_count: tensors.len() as i32 };
        let made = self.builder.emit_all(name, op, &tensors, &[(name, kind)])?;
        let tensor = made.first().copied().ok_or_else(|| Failure::new("nothing was joined"))?;
        Ok(Value { tensor, axes: plain(rank + 1) })
    }
}

fn body<'c>(call: &Call<'c>, name: &str) -> Result<&'c GraphProto, Failure> {
    let attribute = call.node.attribute.iter().find(|a| a.name == name).and_then(|a| a.g.as_ref());
    attribute.ok_or_else(|| Failure::new(format!("it has no graph '{name}'")))
}

fn branch(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let condition = importer.input(call, 0)?;
    let (then, otherwise) = (body(call, "then_branch")?, body(call, "else_branch")?);
    let (then_scope, else_scope) = (call.part("then"), call.part("else"));
    let outputs = match importer.known_condition(&condition)? {
        Some(true) => importer.inner(then, &[], &then_scope)?,
        Some(false) => importer.inner(otherwise, &[], &else_scope)?,
        None => {
            let (a, b) =
                (importer.inner(then, &[], &then_scope)?, importer.inner(otherwise, &[], &else_scope)?);
            let mut chosen = Vec::new();
            for (k, (a, b)) in a.iter().zip(&b).enumerate() {
                if importer.dims(a) != importer.dims(b) || importer.kind(a) != importer.kind(b) {
                    return call.refuse("its branches give other shapes, and the condition is computed");
                }
                let condition = importer.reshape(&call.part("condition"), &condition, &[])?;
                let (tensors, axes) = importer.aligned(&[&condition, a, b])?;
                let (kind, name) = (importer.kind(a), call.part(&format!("choice {k}")));
                chosen
                    .push(Value { tensor: importer.builder.emit(&name, SelectV2 {}, &tensors, kind)?, axes });
            }
            chosen
        }
    };
    outputs.into_iter().enumerate().try_for_each(|(k, value)| importer.set(call, k, value))
}

fn repeat(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let graph = body(call, "body")?;
    let limit = if call.has(0) { importer.known_ints(call, 0)?.first().copied() } else { None };
    let condition = match importer.optional(call, 1)? {
        Some(value) => value,
        None => importer.flag(&call.part("start"))?,
    };
    let mut carried = (2..call.inputs()).map(|i| importer.input(call, i)).collect::<Result<Vec<_>, _>>()?;
    let mut goes_on = importer.known_condition(&condition)?;
    let mut collected: Vec<Vec<Value>> = Vec::new();
    let mut condition = condition;
    for round in 0.. {
        match goes_on {
            Some(false) => break,
            _ if limit.is_some_and(|limit| round >= limit) => break,
            Some(true) if round < MAX_ROUNDS => {}
            Some(true) => return call.refuse(format!("it has more than {MAX_ROUNDS} rounds")),
            None => return call.refuse("when it ends depends on what it computes"),
        }
        let number = importer.builder.constant(
            &call.part(&format!("round {round}/number")),
            TensorType::Int64,
            &[],
            round.to_le_bytes().to_vec(),
        )?;
        importer.builder.graph.tensor_mut(number).has_rank = true;
        let number = Value { tensor: number, axes: Vec::new() };
        let inputs: Vec<Value> =
            [number, condition.clone()].into_iter().chain(carried.iter().cloned()).collect();
        let outputs = importer.inner(graph, &inputs, &call.part(&format!("round {round}")))?;
        let Some((next, values)) = outputs.split_first() else {
            return call.refuse("its body gives nothing");
        };
        let Some((kept, more)) = values.split_at_checked(carried.len()) else {
            return call.refuse("its body gives too few values");
        };
        goes_on = importer.known_condition(next)?;
        condition = next.clone();
        carried = kept.to_vec();
        collected.resize(more.len(), Vec::new());
        collected.iter_mut().zip(more).for_each(|(list, value)| list.push(value.clone()));
    }
    let count = carried.len();
    for (k, value) in carried.into_iter().enumerate() {
        importer.set(call, k, value)?;
    }
    for (k, list) in collected.iter().enumerate() {
        let value = importer.stacked(&call.part(&format!("joined {k}")), list, 0)?;
        importer.set(call, count + k, value)?;
    }
    Ok(())
}

fn scan(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    if call.opset < 9 {
        return call.refuse("Scan of opset 8 is not supported; export the model with a newer opset");
    }
    let graph = body(call, "body")?;
    let scanned = usize::try_from(call.int("num_scan_inputs", 0)).unwrap_or(0);
    let Some(states) = call.inputs().checked_sub(scanned) else {
        return call.refuse("it has too few inputs");
    };
    let of = |name: &str, k: usize| call.ints(name).and_then(|list| list.get(k)).copied().unwrap_or(0);
    let mut carried = (0..states).map(|i| importer.input(call, i)).collect::<Result<Vec<_>, _>>()?;
    let mut sources = Vec::new();
    for k in 0..scanned {
        let value = importer.input(call, states + k)?;
        let axis = importer.axis(&value, of("scan_input_axes", k))?;
        sources.push((value, axis, of("scan_input_directions", k) != 0));
    }
    let length = sources.first().and_then(|(value, axis, _)| importer.dims(value).get(*axis).copied());
    let length = length.unwrap_or(0) as i64;
    if !(1..=MAX_ROUNDS).contains(&length) {
        return call.refuse(format!("{length} rounds are not between 1 and {MAX_ROUNDS}"));
    }
    let mut collected: Vec<Vec<Value>> = Vec::new();
    for round in 0..length {
        let scope = call.part(&format!("round {round}"));
        let mut inputs = carried.clone();
        for (k, (value, axis, is_reversed)) in sources.iter().enumerate() {
            let at = if *is_reversed { length - 1 - round } else { round };
            let mut dims = importer.dims(value);
            if dims.get(*axis).copied() != Some(length as usize) {
                return call.refuse("its inputs have different lengths");
            }
            let part = importer.cut(&format!("{scope}/cut {k}"), value, &[(*axis, at, at + 1, 1)])?;
            dims.remove(*axis);
            inputs.push(importer.reshape(&format!("{scope}/input {k}"), &part, &dims)?);
        }
        let outputs = importer.inner(graph, &inputs, &scope)?;
        let Some((kept, more)) = outputs.split_at_checked(states) else {
            return call.refuse("its body gives too few values");
        };
        carried = kept.to_vec();
        collected.resize(more.len(), Vec::new());
        collected.iter_mut().zip(more).for_each(|(list, value)| list.push(value.clone()));
    }
    for (k, value) in carried.into_iter().enumerate() {
        importer.set(call, k, value)?;
    }
    for (k, list) in collected.iter_mut().enumerate() {
        if of("scan_output_directions", k) != 0 {
            list.reverse();
        }
        let rank = list.first().map_or(0, |v| v.axes.len()) as i64 + 1;
        let axis = of("scan_output_axes", k);
        let axis = if axis < 0 { axis + rank } else { axis };
        if !(0..rank).contains(&axis) {
            return call.refuse(format!("axis {axis} is none of {rank} dimensions"));
        }
        let value = importer.stacked(&call.part(&format!("joined {k}")), list, axis as usize)?;
        importer.set(call, states + k, value)?;
    }
    Ok(())
}

impl Importer<'_> {
    /// A condition that holds.
    fn flag(&mut self, name: &str) -> Result<Value, Failure> {
        let tensor = self.builder.constant(name, TensorType::Bool, &[], vec![1])?;
        self.builder.graph.tensor_mut(tensor).has_rank = true;
        Ok(Value { tensor, axes: Vec::new() })
    }
}
