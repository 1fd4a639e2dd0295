//! Everything that `sedge inspect` tells about a model's file.

use std::collections::{BTreeMap, BTreeSet};

use sedge_runtime::schema::{Operator, Tensor};
use sedge_runtime::{BuiltinOperator, Model, Shape};
use serde::Serialize;

use super::macs;
use super::table::{number, table, text};

/// A model as its file has it.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// What the file is called.
    pub model: String,
    /// Bytes of the file.
    pub file_bytes: usize,
    /// What the author says of it.
    pub description: String,
    /// The number of subgraphs.
    pub subgraphs: usize,
    /// The one that runs.
    pub entry: u32,
    /// Names of metadata, and their bytes.
    pub metadata: BTreeMap<String, usize>,
    /// Named entry points.
    pub signatures: Vec<Signature>,
    /// The inputs.
    pub inputs: Vec<TensorSummary>,
    /// The outputs.
    pub outputs: Vec<TensorSummary>,
    /// The operators in the order in which they run.
    pub operators: Vec<OperatorSummary>,
    /// How often each operator occurs.
    pub histogram: BTreeMap<String, usize>,
    /// Numbers in constant tensors.
    pub parameters: u64,
    /// Bytes of constant tensors, shared ones counted once.
    pub weight_bytes: u64,
    /// Multiply-accumulates of one run.
    pub macs: u64,
    /// All tensors, where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensors: Option<Vec<TensorSummary>>,
}

/// A named entry point.
#[derive(Clone, Debug, Serialize)]
pub struct Signature {
    /// Its name.
    pub key: String,
    /// The tensors of its inputs by name.
    pub inputs: BTreeMap<String, u32>,
    /// The tensors of its outputs by name.
    pub outputs: BTreeMap<String, u32>,
}

/// A tensor.
#[derive(Clone, Debug, Serialize)]
pub struct TensorSummary {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its element type.
    #[serde(rename = "type")]
    pub tensor_type: &'static str,
    /// Its dimensions.
    pub shape: Vec<u32>,
    /// The dimensions with -1 for those that may change, where there are such.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signature: Vec<i32>,
    /// What it is in the graph: input, output, constant, variable or activation.
    pub kind: &'static str,
    /// Bytes of its elements.
    pub bytes: usize,
    /// Its quantization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantization: Option<QuantizationSummary>,
}

/// Affine quantization: real = scale * (q - zero point).
#[derive(Clone, Debug, Serialize)]
pub struct QuantizationSummary {
    /// The scales: one, or one for each index of the axis.
    pub scale: Vec<f32>,
    /// The zero points.
    pub zero_point: Vec<i64>,
    /// The dimension that several scales count.
    pub axis: i32,
}

/// An operator.
#[derive(Clone, Debug, Serialize)]
pub struct OperatorSummary {
    /// Its index in execution order.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its definition's version.
    pub version: i32,
    /// The tensors that it reads; -1 for one that is left out.
    pub inputs: Vec<i32>,
    /// The tensors that it writes.
    pub outputs: Vec<i32>,
    /// The types and shapes that it reads, constants left out, and those that it writes.
    pub shapes: String,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bytes of its constants.
    pub weight_bytes: u64,
}

impl Summary {
    /// The summary of a model called `name`. `shape` tells the shapes of tensors: the file's, or those
    /// of a session.
    pub fn of(name: &str, model: &Model<'_>, shape: impl Fn(u32) -> Shape) -> Self {
        let graph = model.main();
        let tensor = |t: i32| usize::try_from(t).ok().and_then(|t| graph.tensors().get(t));
        let operators: Vec<_> =
            graph.operators().iter().enumerate().map(|(i, o)| operator(model, i, &o, &shape)).collect();
        let mut histogram = BTreeMap::new();
        operators.iter().for_each(|o| *histogram.entry(o.name.clone()).or_insert(0) += 1);
        let mut seen = BTreeSet::new();
        let constants = graph.tensors().iter().filter(|t| !model.constant(t).is_empty());
        let own: Vec<_> = constants.filter(|t| seen.insert(t.buffer())).collect();
        let named = |tensors: sedge_runtime::schema::Tables<'_, sedge_runtime::schema::TensorMap<'_>>| {
            tensors.iter().map(|t| (t.name().as_str().to_owned(), t.tensor_index())).collect()
        };
        let list = |tensors: sedge_runtime::schema::Vector<'_, i32>| {
            let all = tensors.iter().filter_map(|t| Some((t as u32, tensor(t)?)));
            all.map(|(i, t)| tensor_summary(model, i, &t)).collect()
        };
        Self {
            model: name.to_owned(),
            file_bytes: model.file().len(),
            description: model.description().to_owned(),
            subgraphs: model.subgraphs().len(),
            entry: model.entry(),
            metadata: model
                .metadata()
                .iter()
                .map(|m| (m.name().as_str().to_owned(), model.buffer(m.buffer()).len()))
                .collect(),
            signatures: model
                .signatures()
                .iter()
                .map(|s| Signature {
                    key: s.signature_key().as_str().to_owned(),
                    inputs: named(s.inputs()),
                    outputs: named(s.outputs()),
                })
                .collect(),
            inputs: list(graph.inputs()),
            outputs: list(graph.outputs()),
            histogram,
            parameters: own.iter().map(|t| t.shape().elements() as u64).sum(),
            weight_bytes: own.iter().map(|t| model.constant(t).len() as u64).sum(),
            macs: operators.iter().map(|o| o.macs).sum(),
            operators,
            tensors: None,
        }
    }

    /// With all tensors of the model, the same that the summary is of.
    pub fn with_tensors(mut self, model: &Model<'_>) -> Self {
        let tensors = (0u32..).zip(model.main().tensors().iter());
        self.tensors = Some(tensors.map(|(i, t)| tensor_summary(model, i, &t)).collect());
        self
    }

    /// The summary for people.
    pub fn text(&self) -> String {
        let mut out = format!("{}: {} bytes\n", self.model, number(self.file_bytes as u64));
        if !self.description.is_empty() {
            out += &format!("description: {}\n", self.description);
        }
        if self.subgraphs > 1 {
            out += &format!("subgraphs: {}, of which number {} is shown\n", self.subgraphs, self.entry);
        }
        for (name, bytes) in &self.metadata {
            out += &format!("metadata: {name}, {} bytes\n", number(*bytes as u64));
        }
        for signature in &self.signatures {
            let list = |map: &BTreeMap<String, u32>| {
                map.iter().map(|(name, t)| format!("{name} (tensor {t})")).collect::<Vec<_>>().join(", ")
            };
            out += &format!(
                "signature {}: {} -> {}\n",
                signature.key,
                list(&signature.inputs),
                list(&signature.outputs)
            );
        }
        out += &format!(
            "parameters: {} in {} bytes\nmultiply-accumulates: {}\n",
            number(self.parameters),
            number(self.weight_bytes),
            number(self.macs)
        );
        out += &format!("\nInputs\n{}", tensor_table(&self.inputs));
        out += &format!("\nOutputs\n{}", tensor_table(&self.outputs));
        let mut operators = table(&[">#", "operator", "reads -> writes", ">MACs", ">weight bytes"]);
        for o in &self.operators {
            operators.add_row([
                o.index.to_string(),
                o.name.clone(),
                o.shapes.clone(),
                number(o.macs),
                number(o.weight_bytes),
            ]);
        }
        out += &format!("\nOperators\n{}", text(&operators));
        let mut histogram = table(&["operator", ">count"]);
        for (name, count) in &self.histogram {
            histogram.add_row([name.clone(), count.to_string()]);
        }
        out += &format!("\nOperators by name\n{}", text(&histogram));
        if let Some(tensors) = &self.tensors {
            out += &format!("\nTensors\n{}", tensor_table(tensors));
        }
        out
    }
}

fn tensor_table(tensors: &[TensorSummary]) -> String {
    let mut out = table(&[">#", "type", "shape", "kind", ">bytes", "quantization", "name"]);
    for t in tensors {
        let shape =
            if t.signature.is_empty() { format!("{:?}", t.shape) } else { format!("{:?}", t.signature) };
        let quantization = t.quantization.as_ref().map_or(String::new(), QuantizationSummary::text);
        out.add_row([
            t.index.to_string(),
            t.tensor_type.to_owned(),
            shape,
            t.kind.to_owned(),
            number(t.bytes as u64),
            quantization,
            t.name.clone(),
        ]);
    }
    text(&out)
}

impl QuantizationSummary {
    fn text(&self) -> String {
        match *self.scale.as_slice() {
            [scale] => format!("scale {scale}, zero point {}", self.zero_point.first().unwrap_or(&0)),
            ref scales => {
                let low = scales.iter().copied().fold(f32::INFINITY, f32::min);
                let high = scales.iter().copied().fold(0.0, f32::max);
                format!("{} scales along dimension {}, {low} to {high}", scales.len(), self.axis)
            }
        }
    }
}

fn tensor_summary(model: &Model<'_>, index: u32, tensor: &Tensor<'_>) -> TensorSummary {
    let graph = model.main();
    let among = |mut tensors: Box<dyn Iterator<Item = i32> + '_>| tensors.any(|t| t == index as i32);
    let kind = if among(Box::new(graph.inputs().iter())) {
        "input"
    } else if !model.constant(tensor).is_empty() {
        "constant"
    } else if tensor.is_variable() {
        "variable"
    } else if among(Box::new(graph.outputs().iter())) {
        "output"
    } else {
        "activation"
    };
    TensorSummary {
        index,
        name: tensor.name().as_str().to_owned(),
        tensor_type: tensor.tensor_type().name(),
        shape: tensor.shape().dims().to_vec(),
        signature: tensor.shape_signature().iter().collect(),
        kind,
        bytes: tensor.bytes(),
        quantization: tensor.quantization().map(|q| QuantizationSummary {
            scale: q.scale().iter().collect(),
            zero_point: q.zero_point().iter().collect(),
            axis: q.quantized_dimension(),
        }),
    }
}

fn operator(
    model: &Model<'_>,
    index: usize,
    operator: &Operator<'_>,
    shape: &impl Fn(u32) -> Shape,
) -> OperatorSummary {
    let graph = model.main();
    let code = model.code(operator);
    let tensor = |t: i32| Some((t as u32, graph.tensors().get(usize::try_from(t).ok()?)?));
    let show = |tensors: sedge_runtime::schema::Vector<'_, i32>, constants: bool| {
        let all = tensors.iter().filter_map(tensor);
        let shown = all.filter(|(_, t)| constants || model.constant(t).is_empty());
        let each = shown.map(|(i, t)| format!("{} {}", t.tensor_type(), shape(i)));
        each.collect::<Vec<_>>().join(", ")
    };
    let constants = operator.inputs().iter().filter_map(tensor).map(|(_, t)| model.constant(&t).len() as u64);
    let name = match code.builtin() {
        BuiltinOperator::Custom => format!("CUSTOM {}", code.name()),
        builtin => builtin.name().to_owned(),
    };
    let of = |t: Option<i32>| t.and_then(|t| u32::try_from(t).ok()).map(shape);
    let adjoint = code.builtin() == BuiltinOperator::BatchMatmul
        && operator.options().is_some_and(|options| options.get_or(0, false));
    OperatorSummary {
        index,
        name,
        version: code.version(),
        inputs: operator.inputs().iter().collect(),
        outputs: operator.outputs().iter().collect(),
        shapes: format!("{} -> {}", show(operator.inputs(), false), show(operator.outputs(), true)),
        macs: macs::count(
            code.builtin(),
            |i| of(operator.inputs().get(i)),
            of(operator.outputs().get(0)),
            adjoint,
        ),
        weight_bytes: constants.sum(),
    }
}
