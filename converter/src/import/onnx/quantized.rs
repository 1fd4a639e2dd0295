//! Models that are quantized already: QuantizeLinear and DequantizeLinear become QUANTIZE and DEQUANTIZE with the
//! model's own scales, and operators on integers (QLinearConv and others) are written out as such around the
//! operator on real numbers. The pass `take-quantization` then makes integer operators of them.
//!
//! Unsigned integers become signed ones: value and zero point less 128.

use std::collections::HashMap;

use sedge_schema::TensorType;
use sedge_schema::op::{Dequantize, Quantize};

use super::call::Call;
use super::proto::{AttributeProto, GraphProto, NodeProto, TensorProto};
use super::value::Value;
use super::{Handler, Importer, tensor};
use crate::Failure;
use crate::graph::{Quantization, Tensor, TensorId};
use crate::passes::dequantized;

pub(super) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "DequantizeLinear" => dequantize,
        "QuantizeLinear" => quantize,
        _ => return None,
    })
}

/// A constant of integers behind a DEQUANTIZE: its integers without scales, and the scales, whose axis is the
/// logical one.
#[derive(Clone, Debug)]
pub(super) struct Integers {
    pub(super) raw: TensorId,
    pub(super) quantization: Quantization,
}

/// Scales and zero points in inputs 1 and 2, for integers of this type; what is unsigned is made signed.
fn scales(
    importer: &mut Importer<'_>,
    call: &Call<'_>,
    kind: TensorType,
    rank: usize,
) -> Result<Quantization, Failure> {
    let scales = importer.known_floats(call, 1)?;
    let mut zero_points = match call.has(2) {
        true => importer.known_ints(call, 2)?,
        false => vec![0; scales.len()],
    };
    if zero_points.len() != scales.len() || scales.iter().any(|s| !s.is_finite() || *s <= 0.0) {
        return call.refuse("scales and zero points do not fit each other");
    }
    if kind == TensorType::UInt8 {
        zero_points.iter_mut().for_each(|z| *z -= 128);
    }
    let axis = call.int("axis", 1);
    let axis = if axis < 0 { axis + rank as i64 } else { axis } as usize;
    if call.int("block_size", 0) != 0 {
        return call.refuse("scales for blocks are not supported");
    }
    Ok(Quantization { axis: if scales.len() == 1 { 0 } else { axis }, scales, zero_points })
}

/// Unsigned bytes as signed ones that stand for the same numbers.
fn signed(kind: TensorType, data: &[u8]) -> (TensorType, Vec<u8>) {
    match kind {
        TensorType::UInt8 => (TensorType::Int8, data.iter().map(|b| b ^ 0x80).collect()),
        kind => (kind, data.to_vec()),
    }
}

fn dequantize(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let source = importer.builder.graph.tensor(value.tensor);
    if let (Some(data), None) = (source.data.clone(), &source.quantization) {
        let (kind, shape) = (source.tensor_type, source.shape);
        let name = source.name.clone();
        let quantization = scales(importer, call, kind, shape.rank())?;
        let count = quantization.scales.len();
        if count != 1 && shape.dim(quantization.axis) != count {
            return call.refuse(format!("{count} scales do not fit the shape {shape}"));
        }
        let (kind, data) = signed(kind, &data);
        let raw = importer.builder.graph.add_tensor(Tensor::constant(name, kind, shape, data));
        let result = match kind {
            // A bias, whose scale follows from those of its operator.
            TensorType::Int32 => {
                let integers =
                    Tensor { quantization: Some(quantization), ..importer.builder.graph.tensor(raw).clone() };
                let Some(real) = dequantized(&integers) else { return call.refuse("its scales do not fit") };
                Value { tensor: importer.builder.graph.add_tensor(real), ..value }
            }
            _ => importer.dequantized(call.name(), raw, value.axes, quantization)?,
        };
        return importer.set(call, 0, result);
    }
    let kind = importer.kind(&value);
    if !matches!(kind, TensorType::Int8 | TensorType::UInt8 | TensorType::Int16) {
        return call.refuse("activations must have 8 or 16 bits");
    }
    if importer.builder.graph.tensor(value.tensor).quantization.is_none() {
        // An input of the model that holds integers.
        let mut given = scales(importer, call, kind, value.axes.len())?;
        if kind == TensorType::UInt8 {
            given.zero_points.iter_mut().for_each(|z| *z += 128);
        }
        importer.builder.graph.tensor_mut(value.tensor).quantization = Some(given);
    }
    let tensor = importer.builder.emit(call.name(), Dequantize {}, &[value.tensor], TensorType::Float32)?;
    importer.set(call, 0, Value { tensor, ..value })
}

fn quantize(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let kind = match importer.optional(call, 2)? {
        Some(zero) => importer.kind(&zero),
        None => TensorType::UInt8,
    };
    let quantization = scales(importer, call, kind, value.axes.len())?;
    if quantization.scales.len() != 1 {
        return call.refuse("activations with several scales are not supported");
    }
    let kind = signed(kind, &[]).0;
    if !matches!(kind, TensorType::Int8 | TensorType::Int16) {
        return call.refuse("activations must have 8 or 16 bits");
    }
    let tensor = importer.builder.emit(call.name(), Quantize {}, &[value.tensor], kind)?;
    importer.builder.graph.tensor_mut(tensor).quantization = Some(quantization);
    importer.set(call, 0, Value { tensor, ..value })
}

impl Importer<'_> {
    /// Real numbers that the constant `raw` stands for. The DEQUANTIZE stays, with the integers before it.
    pub(super) fn dequantized(
        &mut self,
        name: &str,
        raw: TensorId,
        axes: Vec<usize>,
        quantization: Quantization,
    ) -> Result<Value, Failure> {
        let mut stored = quantization.clone();
        stored.axis = axes.get(quantization.axis).copied().unwrap_or(0);
        let integers = Tensor { quantization: Some(stored), ..self.builder.graph.tensor(raw).clone() };
        let integers = self.builder.graph.add_tensor(integers);
        let tensor = self.builder.emit_kept(name, Dequantize {}, integers, TensorType::Float32);
        self.integers.insert(tensor, Integers { raw, quantization });
        Ok(Value { tensor, axes })
    }
}

/// The nodes of a graph, those on integers written out; and constants that these need.
pub(super) fn written_out(graph: &GraphProto) -> (Vec<NodeProto>, Vec<TensorProto>) {
    let constants = graph.initializer.iter().map(|t| (t.name.as_str(), t)).collect();
    let mut writer = Writer { constants, nodes: Vec::new(), more: Vec::new() };
    for node in &graph.node {
        if writer.write(node).is_none() {
            writer.nodes.push(node.clone());
        }
    }
    (writer.nodes, writer.more)
}

struct Writer<'g> {
    constants: HashMap<&'g str, &'g TensorProto>,
    nodes: Vec<NodeProto>,
    more: Vec<TensorProto>,
}

impl Writer<'_> {
    /// Writes a node on integers out; `None` where it is none.
    fn write(&mut self, node: &NodeProto) -> Option<()> {
        let real = match node.op_type.as_str() {
            "QLinearConv" => "Conv",
            "QLinearMatMul" => "MatMul",
            "QLinearAdd" => "Add",
            "QLinearMul" => "Mul",
            "QLinearSigmoid" => "Sigmoid",
            "QLinearLeakyRelu" => "LeakyRelu",
            "QLinearSoftmax" => "Softmax",
            "QLinearAveragePool" => "AveragePool",
            "QLinearGlobalAveragePool" => "GlobalAveragePool",
            "QLinearConcat" => "Concat",
            "QGemm" => "Gemm",
            _ => return None,
        };
        // Images with their channels last are another operator.
        if node.attribute.iter().any(|a| a.name == "channels_last" && a.i == Some(1)) {
            return None;
        }
        let input = |i: usize| node.input.get(i).map_or("", String::as_str);
        let output = node.output.first()?;
        // Operands as (value, scale, zero point, axis of scales), and where the output's scale stands.
        let (operands, out) = match real {
            "Conv" => (vec![(0, 1, 2, 1), (3, 4, 5, 0)], 6),
            "MatMul" | "Add" | "Mul" => (vec![(0, 1, 2, 1), (3, 4, 5, 1)], 6),
            "Gemm" => (vec![(0, 1, 2, 1), (3, 4, 5, 0)], 7),
            "Concat" => {
                ((0..(node.input.len() - 2) / 3).map(|k| (3 * k + 2, 3 * k + 3, 3 * k + 4, 1)).collect(), 0)
            }
            _ => (vec![(0, 1, 2, 1)], 3),
        };
        let mut inputs = Vec::new();
        for (k, &(value, scale, zero, axis)) in operands.iter().enumerate() {
            let name = format!("{output}/operand {k}");
            self.dequantize([input(value), input(scale), input(zero)], axis, &name);
            inputs.push(name);
        }
        let bias = if real == "Gemm" { 6 } else { 8 };
        if matches!(real, "Conv" | "Gemm") && !input(bias).is_empty() {
            let scale = format!("{output}/bias scale");
            let product = self.product(input(1), input(4), &scale)?;
            self.more.push(product);
            let name = format!("{output}/bias");
            self.dequantize([input(bias), &scale, ""], 0, &name);
            inputs.push(name);
        }
        let real_output = format!("{output}/real");
        self.nodes.push(NodeProto {
            input: inputs,
            output: vec![real_output.clone()],
            op_type: real.to_owned(),
            domain: String::new(),
            ..node.clone()
        });
        let (scale, zero) = (input(out), input(out + 1));
        // QGemm gives real numbers where it has no output scale.
        let (op, inputs) = match scale.is_empty() {
            true => ("Identity", vec![real_output]),
            false => ("QuantizeLinear", vec![real_output, scale.to_owned(), zero.to_owned()]),
        };
        self.nodes.push(self::node(op, inputs, output, None));
        Some(())
    }

    fn dequantize(&mut self, inputs: [&str; 3], axis: i64, output: &str) {
        let inputs = inputs.map(str::to_owned).to_vec();
        self.nodes.push(node("DequantizeLinear", inputs, output, Some(axis)));
    }

    /// The scale of products: one scale times one, or times each of another constant's.
    fn product(&self, first: &str, second: &str, name: &str) -> Option<TensorProto> {
        let floats = |name: &str| {
            let constant = tensor::constant(self.constants.get(name)?, None).ok()?;
            Some(constant.bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect::<Vec<_>>())
        };
        let (first, second) = (floats(first)?, floats(second)?);
        let first = *first.first()?;
        Some(TensorProto {
            dims: if second.len() == 1 { Vec::new() } else { vec![second.len() as i64] },
            data_type: 1,
            float_data: second.iter().map(|s| first * s).collect(),
            name: name.to_owned(),
            ..TensorProto::default()
        })
    }
}

fn node(op: &str, input: Vec<String>, output: &str, axis: Option<i64>) -> NodeProto {
    let axis = axis.map(|i| AttributeProto { name: "axis".to_owned(), i: Some(i), ..Default::default() });
    NodeProto {
        input,
        output: vec![output.to_owned()],
        op_type: op.to_owned(),
        attribute: axis.into_iter().collect(),
        ..NodeProto::default()
    }
}
