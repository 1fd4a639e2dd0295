//! The configuration of a model: its layers, and which of them reads which.

use serde_json::Value;

use crate::Failure;

/// One output of one call of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reference {
    pub(super) layer: String,
    pub(super) call: usize,
    pub(super) output: usize,
}

/// A layer.
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) class: String,
    pub(super) config: Value,
    /// For each call what it reads.
    pub(super) calls: Vec<Vec<Reference>>,
    /// The calls as they are written.
    pub(super) nodes: Value,
    /// The layer that holds the weights: itself, or the one around it; before it the models that it lies in.
    pub(super) owner: Vec<String>,
    /// How a part of the weights' paths begins, where the owner has those of several layers.
    pub(super) part: String,
}

/// A model's layers, inputs and outputs.
pub(super) struct Model {
    pub(super) name: String,
    pub(super) layers: Vec<Layer>,
    pub(super) inputs: Vec<Reference>,
    pub(super) outputs: Vec<Reference>,
}

fn damaged(what: &str) -> Failure {
    Failure::new(format!("the configuration has {what}")).help("make sure that the file was copied whole")
}

impl Model {
    /// Reads the configuration; models inside of the model are taken apart.
    pub(super) fn of(name: &str, config: &Value) -> Result<Self, Failure> {
        Self::read(name, config)?.flattened(0)
    }

    /// Reads the configuration as it is.
    pub(super) fn read(name: &str, config: &Value) -> Result<Self, Failure> {
        let class = config["class_name"].as_str().unwrap_or_default();
        let inner = &config["config"];
        let list = inner["layers"].as_array().or_else(|| inner.as_array());
        let list = list.ok_or_else(|| damaged("no list of layers"))?;
        let mut layers = Vec::new();
        for entry in list {
            let class = entry["class_name"].as_str().ok_or_else(|| damaged("a layer without a class"))?;
            let layer = entry["name"].as_str().or_else(|| entry["config"]["name"].as_str());
            let layer = layer.ok_or_else(|| damaged("a layer without a name"))?;
            let mut found = Layer {
                name: layer.to_owned(),
                class: class.to_owned(),
                config: entry["config"].clone(),
                calls: calls(&entry["inbound_nodes"]),
                nodes: entry["inbound_nodes"].clone(),
                owner: vec![layer.to_owned()],
                part: String::new(),
            };
            // A function of TensorFlow is a layer of its own kind.
            if class == "TFOpLambda" {
                let function = found.config["function"].as_str().unwrap_or_default();
                found.class = format!("TFOpLambda {function}");
            }
            layers.push(found);
        }
        let title = inner["name"].as_str().unwrap_or(name).to_owned();
        match class {
            "Sequential" => Self::sequential(title, layers),
            "Functional" | "Model" => {
                let ends = |key: &str| references(&inner[key]).filter(|list| !list.is_empty());
                let inputs = ends("input_layers").ok_or_else(|| damaged("no inputs"))?;
                let outputs = ends("output_layers").ok_or_else(|| damaged("no outputs"))?;
                Ok(Self { name: title, layers, inputs, outputs })
            }
            other => Err(Failure::new(format!("'{name}' is a model of the class '{other}'"))
                .help("Sequential and functional models can be converted; export others as ONNX")),
        }
    }

    /// Each layer reads the one before it. The input may only stand in the first layer's configuration.
    fn sequential(name: String, mut layers: Vec<Layer>) -> Result<Self, Failure> {
        if layers.first().is_some_and(|first| first.class != "InputLayer") {
            let first = layers.first().map(|l| (l.config.clone(), l.name.clone()));
            let Some((config, first)) = first else { return Err(damaged("no layers")) };
            let input = Layer {
                name: format!("{first}_input"),
                class: "InputLayer".to_owned(),
                config,
                calls: Vec::new(),
                nodes: Value::Null,
                owner: Vec::new(),
                part: String::new(),
            };
            layers.insert(0, input);
        }
        let names: Vec<String> = layers.iter().map(|l| l.name.clone()).collect();
        let at = |layer: &String| Reference { layer: layer.clone(), call: 0, output: 0 };
        for (layer, before) in layers.iter_mut().skip(1).zip(&names) {
            layer.calls = vec![vec![at(before)]];
        }
        let (Some(first), Some(last)) = (names.first(), names.last()) else {
            return Err(damaged("no layers"));
        };
        Ok(Self { name, layers, inputs: vec![at(first)], outputs: vec![at(last)] })
    }
}

/// `["name", call, output, ...]`.
fn reference(value: &Value) -> Option<Reference> {
    let number = |i: usize| value.get(i).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    Some(Reference { layer: value.get(0)?.as_str()?.to_owned(), call: number(1)?, output: number(2)? })
}

/// One reference, or a list of them.
fn references(value: &Value) -> Option<Vec<Reference>> {
    match reference(value) {
        Some(one) => Some(vec![one]),
        None => value.as_array()?.iter().map(reference).collect(),
    }
}

/// What each call of a layer reads, as Keras 2 (lists) or Keras 3 (objects with `keras_history`) write it.
fn calls(nodes: &Value) -> Vec<Vec<Reference>> {
    let all = nodes.as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(references_in).collect()
}

/// What a call of a layer is given: what another layer gives, or a number.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Tensor(Reference),
    Number(f32),
}

/// The operands in a node, in their order; those in keyword arguments too. In Keras 2 a number in the first place is a
/// reference to `_CONSTANT_VALUE`.
fn operands(value: &Value, found: &mut Vec<Operand>, depth: usize) {
    if depth > 16 {
        return;
    }
    let one = match (reference(value), value.get(0).and_then(Value::as_str)) {
        (Some(one), _) => Some(Operand::Tensor(one)),
        (None, Some("_CONSTANT_VALUE")) => {
            value.get(2).and_then(Value::as_f64).map(|n| Operand::Number(n as f32))
        }
        _ => value.as_f64().map(|n| Operand::Number(n as f32)),
    };
    if let Some(one) = one {
        found.push(one);
        if let Some(Value::Object(keywords)) = value.get(3) {
            in_order(keywords).for_each(|v| operands(v, found, depth + 1));
        }
        return;
    }
    match value {
        Value::Array(list) => list.iter().for_each(|v| operands(v, found, depth + 1)),
        Value::Object(fields) => match fields.get("config").and_then(|c| c.get("keras_history")) {
            Some(history) => operands(history, found, depth + 1),
            None => in_order(fields).for_each(|v| operands(v, found, depth + 1)),
        },
        _ => {}
    }
}

/// The references in a node.
fn references_in(node: &Value) -> Vec<Reference> {
    let mut found = Vec::new();
    operands(node, &mut found, 0);
    let tensor = |operand| match operand {
        Operand::Tensor(reference) => Some(reference),
        Operand::Number(_) => None,
    };
    found.into_iter().filter_map(tensor).collect()
}

/// Sizes of rows and columns, those of one dimension as of an image of one row.
pub(super) fn pair(sizes: &[usize]) -> [i32; 2] {
    match *sizes {
        [one] => [1, one as i32],
        [rows, columns] => [rows as i32, columns as i32],
        _ => [1, 1],
    }
}

/// The values of fields: arguments without a name come first, then those of attention in their order. Masks are none of
/// them ([`Layer::is_masked`]).
fn in_order(fields: &serde_json::Map<String, Value>) -> impl Iterator<Item = &Value> {
    const FIRST: [&str; 5] = ["args", "kwargs", "query", "value", "key"];
    let others = fields.iter().filter(|(key, _)| !is_mask(key) && !FIRST.contains(&key.as_str()));
    FIRST.iter().filter_map(|key| fields.get(*key)).chain(others.map(|(_, v)| v))
}

fn is_mask(keyword: &str) -> bool {
    keyword == "mask" || keyword.ends_with("_mask")
}

impl Layer {
    /// Whether a call of the layer is given a mask that is computed.
    pub(super) fn is_masked(&self) -> bool {
        fn holds(value: &Value) -> bool {
            match value {
                Value::Array(list) => list.iter().any(holds),
                Value::Object(fields) => {
                    fields.iter().any(|(key, v)| (is_mask(key) && !references_in(v).is_empty()) || holds(v))
                }
                _ => false,
            }
        }
        holds(&self.nodes)
    }

    /// Real numbers: a list, or one; `otherwise` where there are none.
    pub(super) fn numbers(&self, key: &str, otherwise: f32) -> Result<Vec<f32>, Failure> {
        let value = &self.config[key];
        let number = |v: &Value| v.as_f64().map(|n| n as f32);
        let found = match value {
            Value::Null => Some(vec![otherwise]),
            Value::Array(list) => list.iter().map(number).collect(),
            one => number(one).map(|n| vec![n]),
        };
        found.ok_or_else(|| Failure::new(format!("its {key} is neither a number nor a list of numbers")))
    }

    /// The layer inside of this one that the configuration holds as `key`; its weights are those of this one's whose
    /// paths have a part that begins with `part`.
    pub(super) fn inner(&self, key: &str, part: &str) -> Result<Self, Failure> {
        let entry = &self.config[key];
        let class =
            entry["class_name"].as_str().ok_or_else(|| damaged(&format!("no layer '{key}' inside")))?;
        let name = match part {
            "" => self.name.clone(),
            part => format!("{}/{part}", self.name),
        };
        let config = entry["config"].clone();
        Ok(Self { name, class: class.to_owned(), config, ..self.within(part) })
    }

    /// The same layer, of whose weights only a part counts.
    pub(super) fn within(&self, part: &str) -> Self {
        Self {
            name: self.name.clone(),
            class: self.class.clone(),
            config: self.config.clone(),
            calls: Vec::new(),
            nodes: Value::Null,
            owner: self.owner.clone(),
            part: part.to_owned(),
        }
    }

    /// What the layer, a function, is applied to in its first call.
    pub(super) fn operands(&self) -> Vec<Operand> {
        let mut found = Vec::new();
        operands(&self.nodes[0], &mut found, 0);
        found
    }

    /// Whether a call of the layer says `keyword=True`.
    pub(super) fn asks(&self, keyword: &str) -> bool {
        fn holds(value: &Value, keyword: &str) -> bool {
            match value {
                Value::Array(list) => list.iter().any(|v| holds(v, keyword)),
                Value::Object(fields) => {
                    fields.get(keyword).is_some_and(|v| *v == Value::Bool(true))
                        || fields.values().any(|v| holds(v, keyword))
                }
                _ => false,
            }
        }
        holds(&self.nodes, keyword)
    }

    /// A text of the configuration; `otherwise` where it is not given.
    pub(super) fn text<'l>(&'l self, key: &str, otherwise: &'l str) -> &'l str {
        let value = &self.config[key];
        // What is an object has its name inside: an element type, an activation.
        value
            .as_str()
            .or_else(|| value["config"]["name"].as_str())
            .or_else(|| value["class_name"].as_str())
            .unwrap_or(otherwise)
    }

    /// A truth value.
    pub(super) fn flag(&self, key: &str, otherwise: bool) -> bool {
        self.config[key].as_bool().unwrap_or(otherwise)
    }

    /// A real number.
    pub(super) fn number(&self, key: &str, otherwise: f32) -> f32 {
        self.config[key].as_f64().map_or(otherwise, |n| n as f32)
    }

    /// A size that has no default.
    pub(super) fn size(&self, key: &str) -> Result<usize, Failure> {
        let size = self.config[key].as_u64().and_then(|n| usize::try_from(n).ok()).filter(|&n| n < 1 << 24);
        size.ok_or_else(|| damaged(&format!("no size '{key}'")))
    }

    /// Sizes: a list, or one number for all `count`.
    pub(super) fn sizes(&self, key: &str, count: usize) -> Result<Vec<usize>, Failure> {
        let value = &self.config[key];
        let number = |v: &Value| v.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|&n| n < 1 << 24);
        let sizes = match (value, number(value)) {
            (_, Some(one)) => Some(vec![one; count]),
            (Value::Array(list), _) => list.iter().map(number).collect(),
            _ => None,
        };
        sizes.filter(|s| s.len() == count).ok_or_else(|| damaged(&format!("no {count} sizes '{key}'")))
    }

    /// The same where the sizes may be left out, and are 1 then.
    pub(super) fn sizes_or_ones(&self, key: &str, count: usize) -> Result<Vec<usize>, Failure> {
        if self.config[key].is_null() { Ok(vec![1; count]) } else { self.sizes(key, count) }
    }

    /// Pairs of sizes: `[[a, b], [c, d]]`, `[a, c]` or one number.
    pub(super) fn pairs(&self, key: &str, count: usize) -> Result<Vec<[usize; 2]>, Failure> {
        let number = |v: &Value| v.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|&n| n < 1 << 24);
        let pair = |v: &Value| match (number(v), v.get(0).and_then(number), v.get(1).and_then(number)) {
            (Some(both), ..) => Some([both, both]),
            (None, Some(a), Some(b)) => Some([a, b]),
            _ => None,
        };
        let value = &self.config[key];
        let pairs = match value {
            Value::Array(list) if list.len() == count => list.iter().map(pair).collect(),
            // One dimension may have its pair without a list around it.
            _ => pair(value).map(|pair| vec![pair; count]),
        };
        pairs.ok_or_else(|| damaged(&format!("no borders '{key}'")))
    }

    /// The shape of an input layer, a batch that is left open being 1.
    pub(super) fn input_shape(&self) -> Result<Vec<usize>, Failure> {
        let shape = ["batch_shape", "batch_input_shape"].iter().find_map(|key| self.config[*key].as_array());
        let shape = shape.ok_or_else(|| {
            Failure::new(format!("the input '{}' has no shape", self.name)).help("give it with --input-shape")
        })?;
        let size = |(i, d): (usize, &Value)| match d.as_u64() {
            Some(size) => usize::try_from(size).ok(),
            None if i == 0 => Some(1),
            None => None,
        };
        shape.iter().enumerate().map(size).collect::<Option<_>>().ok_or_else(|| {
            Failure::new(format!("the input '{}' leaves a dimension open", self.name))
                .help(format!("fix its shape with --input-shape, such as {}=1,96,96,3", self.name))
        })
    }
}
