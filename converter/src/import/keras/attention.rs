//! Attention, and layers that are products by Einstein's summation.

use sedge_schema::op::{Add, BatchMatmul, Mul, Softmax};

use super::config::Layer;
use super::{Handler, Importer, only};
use crate::Failure;
use crate::graph::TensorId;

pub(super) fn handler(class: &str) -> Option<Handler> {
    Some(match class {
        "Attention" => attention,
        "EinsumDense" => einsum,
        "MultiHeadAttention" => multi_head,
        _ => return None,
    })
}

/// `query`, `value` and `key`, which is `value` where it is not given; masks are refused.
fn operands(layer: &Layer, inputs: &[TensorId]) -> Result<[TensorId; 3], Failure> {
    if layer.asks("use_causal_mask") {
        return Err(Failure::new("use_causal_mask is not supported"));
    }
    match *inputs {
        [query, value] => Ok([query, value, value]),
        [query, value, key] => Ok([query, value, key]),
        _ => Err(Failure::new(format!("it has {} inputs; masks are not supported", inputs.len()))),
    }
}

impl Importer<'_> {
    /// `equation` of `x` and a layer's kernel, and its bias where it has one.
    fn multiplied(
        &mut self,
        layer: &Layer,
        name: &str,
        equation: &str,
        x: TensorId,
        has_bias: bool,
    ) -> Result<TensorId, Failure> {
        let order = ["kernel", "bias"];
        let kernel = self.constant(layer, name, "kernel", &order)?;
        let product = self.builder.einsum(&format!("{name}/product"), equation, &[x, kernel])?;
        if !has_bias {
            return Ok(product);
        }
        let bias = self.constant(layer, name, "bias", &order)?;
        self.emit(name, Add::default(), &[product, bias])
    }

    /// [`Self::multiplied`] with the weights of a part of the layer.
    fn projected(
        &mut self,
        layer: &Layer,
        part: &str,
        equation: &str,
        x: TensorId,
    ) -> Result<TensorId, Failure> {
        let name = format!("{}/{part}", layer.name);
        self.multiplied(&layer.within(part), &name, equation, x, layer.flag("use_bias", true))
    }
}

/// `softmax(q k^T / sqrt(key_dim)) v` for each head (Vaswani et al., Attention Is All You Need, 2017).
fn multi_head(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let [query, value, key] = operands(layer, inputs)?;
    if [query, value, key].iter().any(|&x| importer.dims(x).len() != 3) {
        return Err(Failure::new("only inputs of 3 dimensions are supported"));
    }
    if layer.flag("use_gate", false) || !layer.config["sliding_window"].is_null() {
        return Err(Failure::new("use_gate and sliding_window are not supported"));
    }
    let name = &layer.name;
    let split = "abc,cde->abde";
    let q = importer.projected(layer, "query", split, query)?;
    let k = importer.projected(layer, "key", split, key)?;
    let v = importer.projected(layer, "value", split, value)?;
    let scale = importer.scalar(&format!("{name}/scale"), 1.0 / (layer.size("key_dim")? as f32).sqrt())?;
    let q = importer.emit(&format!("{name}/scaled"), Mul::default(), &[q, scale])?;
    let scores = importer.builder.einsum(&format!("{name}/scores"), "aecd,abcd->acbe", &[k, q])?;
    let shares = importer.emit(&format!("{name}/shares"), Softmax { beta: 1.0 }, &[scores])?;
    let mixed = importer.builder.einsum(&format!("{name}/mixed"), "acbe,aecd->abcd", &[shares, v])?;
    // Keras calls it by one name in .keras and by another in .h5.
    let part = if importer.weight(&layer.within("output_dense"), "kernel", &["kernel"]).is_ok() {
        "output_dense"
    } else {
        "attention_output"
    };
    importer.projected(layer, part, "abcd,cde->abe", mixed)
}

/// `softmax(scale * q k^T) v`.
fn attention(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let [query, value, key] = operands(layer, inputs)?;
    if layer.text("score_mode", "dot") != "dot" {
        return Err(Failure::new("only the score_mode 'dot' is supported"));
    }
    let name = &layer.name;
    let op = BatchMatmul { adj_y: true, ..BatchMatmul::default() };
    let mut scores = importer.emit(&format!("{name}/scores"), op, &[query, key])?;
    if layer.flag("use_scale", false) {
        let scale = importer.weight(layer, "scale", &["scale"])?.1.first().copied().unwrap_or(1.0);
        let scale = importer.scalar(&format!("{name}/scale"), scale)?;
        scores = importer.emit(&format!("{name}/scaled"), Mul::default(), &[scores, scale])?;
    }
    let shares = importer.emit(&format!("{name}/shares"), Softmax { beta: 1.0 }, &[scores])?;
    importer.emit(name, BatchMatmul::default(), &[shares, value])
}

fn einsum(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let has_bias = !layer.config["bias_axes"].is_null();
    let equation = layer.text("equation", "");
    let result = importer.multiplied(layer, &layer.name, equation, only(inputs)?, has_bias)?;
    importer.activated(&format!("{}/activated", layer.name), result, layer.text("activation", "linear"))
}
