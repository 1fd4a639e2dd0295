//! Convolutions and fully connected layers of random shapes against their definition, on every level, with
//! weights in place and packed: int8 and int16x8 bit for bit, float32 within what the order of the sum can change.

use proptest::prelude::*;
use sedge_schema::generated::{
    ActivationFunctionType, BuiltinOperator, BuiltinOptionsT, Conv2DOptionsT, DepthwiseConv2DOptionsT,
    FullyConnectedOptionsT, Padding, SubGraphT, TensorT, TensorType,
};
use sedge_schema::write::to_bytes;
use sedge_tests::arrays::Array;
use sedge_tests::choices::Choices;
use sedge_tests::naive::{Axis, Convolution, Kind, rescale, rescale_wide};
use sedge_tests::run::{arena, run, ways};
use sedge_tests::samples::{self, code, constant, operator, quantized, tensor};
use sedge_tests::table;

/// The activation that an operator applies, and the real range that it clamps to.
const ACTIVATIONS: [(ActivationFunctionType, f64, f64); 4] = [
    (ActivationFunctionType::NONE, f64::NEG_INFINITY, f64::INFINITY),
    (ActivationFunctionType::RELU, 0.0, f64::INFINITY),
    (ActivationFunctionType::RELU6, 0.0, 6.0),
    (ActivationFunctionType::RELU_N1_TO_1, -1.0, 1.0),
];

/// An operator with its weights: what of it does not depend on the element type.
struct Layer {
    code: BuiltinOperator,
    options: BuiltinOptionsT,
    /// What it computes; fully connected layers are convolutions of images of one pixel.
    definition: Convolution,
    shapes: [Vec<i32>; 3],
    /// The dimension of the weights that counts filters.
    axis: i32,
    range: (f64, f64),
}

fn axis(c: &mut Choices<'_>, same: bool) -> Axis {
    let (kernel, stride, dilation) = (1 + c.below(4), 1 + c.below(3), c.one_of(&[1, 1, 2]));
    // A window that is not padded fits into the image.
    let least = if same { 1 } else { (kernel - 1) * dilation + 1 };
    Axis { input: least + c.below(7), kernel, stride, dilation, same }
}

fn ints(dims: &[usize]) -> Vec<i32> {
    dims.iter().map(|&d| d as i32).collect()
}

fn convolution(c: &mut Choices<'_>) -> Layer {
    let (activation, low, high) = c.one_of(&ACTIVATIONS);
    let same = c.flag();
    let mut axes = [axis(c, same), axis(c, same)];
    let batch = 1 + c.below(2);
    let depthwise = c.flag();
    let padding = if same { Padding::SAME } else { Padding::VALID };
    if c.below(3) == 0 && !depthwise {
        // The pointwise way.
        for axis in &mut axes {
            *axis = Axis { kernel: 1, stride: 1, dilation: 1, ..*axis };
        }
    }
    let groups = if depthwise { 1 } else { c.one_of(&[1, 1, 1, 2, 3]) };
    let most = c.one_of(&[5, 40]);
    let channels = groups * (1 + c.below(most));
    let filters = if depthwise { channels * (1 + c.below(3)) } else { groups * (1 + c.below(36)) };
    let kind = if depthwise { Kind::Depthwise } else { Kind::Full { groups } };
    let definition = Convolution { axes, batch, channels, filters, kind };
    let [rows, columns] = axes;
    let weights = match depthwise {
        true => [1, rows.kernel, columns.kernel, filters],
        false => [filters, rows.kernel, columns.kernel, channels / groups],
    };
    let (stride_h, stride_w) = (rows.stride as i32, columns.stride as i32);
    let (dilation_h_factor, dilation_w_factor) = (rows.dilation as i32, columns.dilation as i32);
    let fused_activation_function = activation;
    let options = match depthwise {
        true => BuiltinOptionsT::DepthwiseConv2DOptions(Box::new(table!(DepthwiseConv2DOptionsT {
            padding,
            stride_h,
            stride_w,
            dilation_h_factor,
            dilation_w_factor,
            depth_multiplier: (filters / channels) as i32,
            fused_activation_function,
        }))),
        false => BuiltinOptionsT::Conv2DOptions(Box::new(table!(Conv2DOptionsT {
            padding,
            stride_h,
            stride_w,
            dilation_h_factor,
            dilation_w_factor,
            fused_activation_function,
        }))),
    };
    Layer {
        code: if depthwise { BuiltinOperator::DEPTHWISE_CONV_2D } else { BuiltinOperator::CONV_2D },
        options,
        definition,
        shapes: [
            ints(&[batch, rows.input, columns.input, channels]),
            ints(&weights),
            ints(&[batch, rows.outputs(), columns.outputs(), filters]),
        ],
        axis: if depthwise { 3 } else { 0 },
        range: (low, high),
    }
}

fn fully_connected(c: &mut Choices<'_>) -> Layer {
    let (activation, low, high) = c.one_of(&ACTIVATIONS);
    let pixel = Axis { input: 1, kernel: 1, stride: 1, dilation: 1, same: false };
    let (batch, channels, filters) = (1 + c.below(6), 1 + c.below(100), 1 + c.below(50));
    let kind = Kind::Full { groups: 1 };
    Layer {
        code: BuiltinOperator::FULLY_CONNECTED,
        options: BuiltinOptionsT::FullyConnectedOptions(Box::new(table!(FullyConnectedOptionsT {
            fused_activation_function: activation,
        }))),
        definition: Convolution { axes: [pixel; 2], batch, channels, filters, kind },
        shapes: [ints(&[batch, channels]), ints(&[filters, channels]), ints(&[batch, filters])],
        axis: 0,
        range: (low, high),
    }
}

/// A model of `layer` alone. Tensors: input, weights, bias, output.
fn model(layer: &Layer, tensors: [TensorT; 4], weights: Vec<u8>, bias: Vec<u8>) -> Vec<u8> {
    let [input, filters, offsets, output] = tensors;
    let mut node = operator(0, &[0, 1, 2], &[3]);
    node.builtin_options = layer.options.clone();
    let graph = table!(SubGraphT {
        tensors: Some(vec![input, constant(filters, 1), constant(offsets, 2), output]),
        inputs: Some(vec![0]),
        outputs: Some(vec![3]),
        operators: Some(vec![node]),
    });
    to_bytes(&samples::model(vec![code(layer.code)], graph, vec![weights, bias]))
}

fn elements(shape: &[i32]) -> usize {
    shape.iter().map(|&d| d as usize).product()
}

fn array(shape: &[i32], is_float: bool, bytes: Vec<u8>) -> Array {
    let size = bytes.len().checked_div(elements(shape)).unwrap_or(1);
    let shape: Vec<u32> = shape.iter().map(|&d| d as u32).collect();
    Array { shape, is_float, is_signed: true, size, bytes }
}

/// Any int8, the extremes more often than chance has them.
fn int8(c: &mut Choices<'_>, least: i8) -> i8 {
    match c.below(8) {
        0 => least,
        1 => 127,
        _ => (c.byte() as i8).max(least),
    }
}

fn int8_agrees(layer: &Layer, c: &mut Choices<'_>) {
    let [input, weights, output] = &layer.shapes;
    let filters = layer.definition.filters;
    let scale = |c: &mut Choices<'_>| (1.0 + f32::from(c.byte())) / 4096.0;
    let per_channel = c.flag();
    let count = if per_channel { filters } else { 1 };
    let (in_scale, out_scale) = (scale(c), scale(c) * 8.0);
    // Some filters are as training leaves them that has given up on them: hardly a scale, and a bias to make up for it. Some
    // have outputs that are larger than their sums.
    let dead: Vec<bool> = (0..count).map(|_| c.below(6) == 0).collect();
    let of_filter = |c: &mut Choices<'_>, dead: bool| match dead {
        true => scale(c) * 2f32.powi(-10 - c.below(20) as i32),
        false => scale(c) * if c.below(9) == 0 { 4096.0 } else { 1.0 },
    };
    let scales: Vec<f32> = dead.iter().map(|&dead| of_filter(c, dead)).collect();
    let (in_zero, out_zero) = (int8(c, -128), int8(c, -128));
    let x: Vec<i8> = (0..elements(input)).map(|_| int8(c, -128)).collect();
    let w: Vec<i8> = (0..elements(weights)).map(|_| int8(c, -127)).collect();
    let step = |f: usize| if dead[if per_channel { f } else { 0 }] { 1 << 23 } else { 1001 };
    let bias: Vec<i32> = (0..filters).map(|f| i32::from(c.byte() as i8) * step(f)).collect();
    let zeros = vec![0; count];
    let bias_scales: Vec<f32> = scales.iter().map(|s| s * in_scale).collect();
    let tensors = [
        quantized(tensor(TensorType::INT8, input), &[in_scale], &[in_zero.into()], 0),
        quantized(tensor(TensorType::INT8, weights), &scales, &zeros, layer.axis),
        quantized(tensor(TensorType::INT32, &[filters as i32]), &bias_scales, &zeros, 0),
        quantized(tensor(TensorType::INT8, output), &[out_scale], &[out_zero.into()], 0),
    ];
    let bytes = |v: &[i8]| v.iter().map(|&x| x as u8).collect::<Vec<u8>>();
    let bias_bytes = bias.iter().flat_map(|b| b.to_le_bytes()).collect();
    let file = model(layer, tensors, bytes(&w), bias_bytes);

    let quantize = |real: f64| (real / f64::from(out_scale)).round() + f64::from(out_zero);
    let low = quantize(layer.range.0).max(-128.0) as i64;
    let high = quantize(layer.range.1).min(127.0) as i64;
    let zero = f64::from(in_zero);
    let sums = layer.definition.sums(&x, &w, |x, w| (f64::from(x) - zero) * f64::from(w));
    let connected = layer.code == BuiltinOperator::FULLY_CONNECTED;
    let want: Vec<u8> = sums
        .into_iter()
        .map(|(f, sum)| {
            let weight_scale = scales[if per_channel { f } else { 0 }];
            // The reference's fully connected layer with one scale multiplies the two in float first.
            let product = match connected && count == 1 {
                true => f64::from(in_scale * weight_scale),
                false => f64::from(in_scale) * f64::from(weight_scale),
            };
            let scaled = rescale(sum as i32 + bias[f], product / f64::from(out_scale));
            (scaled + i64::from(out_zero)).max(low).min(high) as i8 as u8
        })
        .collect();

    let steps = [vec![array(input, false, bytes(&x))]];
    for way in ways() {
        let got = run(&file, way, &mut arena(1 << 20), &steps).unwrap_or_else(|e| panic!("{way:?}: {e}"));
        assert_eq!(got[0][0].bytes, want, "{way:?} {:?}", layer.definition);
    }
}

/// Images of int16, weights of int8, biases and sums of 64 bits; some too large for the 32 bits of vectors.
fn int16_agrees(layer: &Layer, c: &mut Choices<'_>) {
    let [input, weights, output] = &layer.shapes;
    let filters = layer.definition.filters;
    let scale = |c: &mut Choices<'_>| (1.0 + f32::from(c.byte())) / 65536.0;
    let (in_scale, out_scale) = (scale(c), scale(c) * 8.0);
    // Some have outputs that are larger than their sums.
    let of_filter = |c: &mut Choices<'_>| scale(c) * if c.below(9) == 0 { 65536.0 } else { 1.0 };
    let scales: Vec<f32> = (0..filters).map(|_| of_filter(c)).collect();
    let short = |c: &mut Choices<'_>| match c.below(8) {
        0 => i16::MIN,
        1 => i16::MAX,
        _ => i16::from_le_bytes([c.byte(), c.byte()]),
    };
    let x: Vec<i16> = (0..elements(input)).map(|_| short(c)).collect();
    let w: Vec<i8> = (0..elements(weights)).map(|_| int8(c, -127)).collect();
    let far = c.one_of(&[1i64, 1 << 10, 1 << 30]);
    let bias: Vec<i64> = (0..filters).map(|_| i64::from(c.byte() as i8) * 1001 * far).collect();
    let zeros = vec![0; filters];
    let bias_scales: Vec<f32> = scales.iter().map(|s| s * in_scale).collect();
    let tensors = [
        quantized(tensor(TensorType::INT16, input), &[in_scale], &[0], 0),
        quantized(tensor(TensorType::INT8, weights), &scales, &zeros, layer.axis),
        quantized(tensor(TensorType::INT64, &[filters as i32]), &bias_scales, &zeros, 0),
        quantized(tensor(TensorType::INT16, output), &[out_scale], &[0], 0),
    ];
    let bytes = |v: &[i16]| v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let bias_bytes = bias.iter().flat_map(|b| b.to_le_bytes()).collect();
    let file = model(layer, tensors, w.iter().map(|&w| w as u8).collect(), bias_bytes);

    let quantize = |real: f64| (real / f64::from(out_scale)).round();
    let low = quantize(layer.range.0).max(-32768.0) as i64;
    let high = quantize(layer.range.1).min(32767.0) as i64;
    let sums = layer.definition.sums(&x, &w, |x, w| f64::from(x) * f64::from(w));
    let connected = layer.code == BuiltinOperator::FULLY_CONNECTED;
    let want = sums.into_iter().flat_map(|(f, sum)| {
        let product = match connected && filters == 1 {
            true => f64::from(in_scale * scales[f]),
            false => f64::from(in_scale) * f64::from(scales[f]),
        };
        let scaled = rescale_wide(sum as i64 + bias[f], product / f64::from(out_scale));
        // As 32 bits, whatever is in the others.
        i64::from(scaled as i32).max(low).min(high).to_le_bytes().into_iter().take(2)
    });
    let want: Vec<u8> = want.collect();

    let steps = [vec![array(input, false, bytes(&x))]];
    for way in ways() {
        let got = run(&file, way, &mut arena(1 << 20), &steps).unwrap_or_else(|e| panic!("{way:?}: {e}"));
        assert_eq!(got[0][0].bytes, want, "{way:?} {:?}", layer.definition);
    }
}

fn float_agrees(layer: &Layer, c: &mut Choices<'_>) {
    let [input, weights, output] = &layer.shapes;
    let filters = layer.definition.filters;
    let value = |c: &mut Choices<'_>| f32::from(c.byte() as i8) / 16.0 + f32::from(c.byte()) / 5000.0;
    let mut values = |count: usize| (0..count).map(|_| value(c)).collect::<Vec<f32>>();
    let (x, w, bias) = (values(elements(input)), values(elements(weights)), values(filters));
    let kind = TensorType::FLOAT32;
    let shapes = [input, weights, &vec![filters as i32], output];
    let bytes = |v: &[f32]| v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let file = model(layer, shapes.map(|shape| tensor(kind, shape)), bytes(&w), bytes(&bias));

    let sums = layer.definition.sums(&x, &w, |x, w| f64::from(x) * f64::from(w));
    // What rounding after each product can do: one part in 2^24 of the magnitudes, for each product.
    let sizes = layer.definition.sums(&x, &w, |x, w| f64::from(x * w).abs());
    let taps = elements(weights) as f64;
    let steps = [vec![array(input, true, bytes(&x))]];
    for way in ways() {
        let got = run(&file, way, &mut arena(4 << 20), &steps).unwrap_or_else(|e| panic!("{way:?}: {e}"));
        let got = array(output, true, got[0][0].bytes.clone()).numbers();
        assert_eq!(got.len(), sums.len(), "{way:?}");
        for (got, (&(f, sum), &(_, size))) in got.into_iter().zip(sums.iter().zip(&sizes)) {
            let want = (sum + f64::from(bias[f])).max(layer.range.0).min(layer.range.1);
            let near = (size + 16.0) * (taps + 2.0) * 2f64.powi(-24);
            assert!((got - want).abs() <= near, "{way:?}: {got}, not {want}: {:?}", layer.definition);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_follow_their_definition(shape in prop::collection::vec(any::<u8>(), 24), seed: u64) {
        let layer = convolution(&mut Choices::new(&shape));
        let data = noise(seed);
        int8_agrees(&layer, &mut Choices::new(&data));
        int16_agrees(&layer, &mut Choices::new(&data));
        float_agrees(&layer, &mut Choices::new(&data));
    }

    #[test]
    fn fully_connected_layers_follow_their_definition(shape in prop::collection::vec(any::<u8>(), 8), seed: u64) {
        let layer = fully_connected(&mut Choices::new(&shape));
        let data = noise(seed);
        int8_agrees(&layer, &mut Choices::new(&data));
        int16_agrees(&layer, &mut Choices::new(&data));
        float_agrees(&layer, &mut Choices::new(&data));
    }
}

/// Enough bytes for the values of any of the layers (xorshift, so that they need no shrinking).
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..16_384).flat_map(|_| word()).collect()
}
