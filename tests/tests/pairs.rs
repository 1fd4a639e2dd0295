//! ADD, SUB and MUL of int8 for every pair of values, on every level, with weights in place and packed, against their rule.

use proptest::prelude::*;
use sedge_schema::generated::{
    AddOptionsT, BuiltinOperator, BuiltinOptionsT, MulOptionsT, SubGraphT, SubOptionsT, TensorType,
};
use sedge_schema::write::to_bytes;
use sedge_tests::arrays::Array;
use sedge_tests::naive::rescale;
use sedge_tests::run::{arena, run, ways};
use sedge_tests::samples::{self, code, operator, quantized, tensor};
use sedge_tests::table;

/// Scales and zero points of both inputs and of the output.
type Affine = [(f32, i8); 3];

const CODES: [BuiltinOperator; 3] = [BuiltinOperator::ADD, BuiltinOperator::SUB, BuiltinOperator::MUL];

/// The result for values `a` and `b`: both on twice the larger scale, 20 bits to the left, for sums.
fn rule(code: BuiltinOperator, [first, second, output]: Affine, a: i8, b: i8) -> i8 {
    let [a, b] = [(a, first.1), (b, second.1)].map(|(x, zero)| i32::from(x) - i32::from(zero));
    let [first, second, scale] = [first, second, output].map(|(scale, _)| f64::from(scale));
    let scaled = match code {
        BuiltinOperator::MUL => rescale(a * b, first * second / scale),
        _ => {
            let common = 2.0 * first.max(second);
            let [a, b] = [(a, first), (b, second)].map(|(x, s)| rescale(x << 20, s / common) as i32);
            let sum = if code == BuiltinOperator::SUB { a - b } else { a + b };
            rescale(sum, common / (f64::from(1 << 20) * scale))
        }
    };
    (scaled + i64::from(output.1)).clamp(-128, 127) as i8
}

/// All values of the first operand with all of the second: both written out, or each repeated along a dimension.
fn model(code_of: BuiltinOperator, affine: Affine, written_out: bool) -> (Vec<u8>, Vec<Array>) {
    let all = || i8::MIN..=i8::MAX;
    let (a, b): (Vec<i8>, Vec<i8>) = match written_out {
        true => all().flat_map(|a| all().map(move |b| (a, b))).unzip(),
        false => (all().collect(), all().collect()),
    };
    let shapes: [&[i32]; 3] = match written_out {
        true => [&[256, 256]; 3],
        false => [&[256, 1], &[1, 256], &[256, 256]],
    };
    let tensors = shapes.iter().zip(affine).map(|(shape, (scale, zero))| {
        quantized(tensor(TensorType::INT8, shape), &[scale], &[zero.into()], 0)
    });
    let mut node = operator(0, &[0, 1], &[2]);
    node.builtin_options = match code_of {
        BuiltinOperator::ADD => BuiltinOptionsT::AddOptions(Box::new(table!(AddOptionsT {}))),
        BuiltinOperator::SUB => BuiltinOptionsT::SubOptions(Box::new(table!(SubOptionsT {}))),
        _ => BuiltinOptionsT::MulOptions(Box::new(table!(MulOptionsT {}))),
    };
    let graph = table!(SubGraphT {
        tensors: Some(tensors.collect()),
        inputs: Some(vec![0, 1]),
        outputs: Some(vec![2]),
        operators: Some(vec![node]),
    });
    let file = to_bytes(&samples::model(vec![code(code_of)], graph, vec![]));
    let array = |shape: &[i32], values: Vec<i8>| {
        let shape = shape.iter().map(|&d| d as u32).collect();
        let bytes = values.into_iter().map(|x| x as u8).collect();
        Array { shape, is_float: false, is_signed: true, size: 1, bytes }
    };
    (file, vec![array(shapes[0], a), array(shapes[1], b)])
}

fn agrees(code: BuiltinOperator, affine: Affine, written_out: bool) {
    let (file, inputs) = model(code, affine, written_out);
    let values = || i8::MIN..=i8::MAX;
    let want: Vec<u8> =
        values().flat_map(|a| values().map(move |b| rule(code, affine, a, b) as u8)).collect();
    let steps = [inputs];
    for way in ways() {
        let got = run(&file, way, &mut arena(1 << 20), &steps).unwrap_or_else(|e| panic!("{way:?}: {e}"));
        let differ = got[0][0].bytes.iter().zip(&want).filter(|(a, b)| a != b).count();
        assert!(differ == 0, "{way:?} {code:?} {affine:?}: {differ} results differ");
    }
}

/// Scales whose results are halves often, and those of real models.
#[test]
fn scales_that_make_halves() {
    let scales: [[f32; 3]; 8] = [
        [0.5, 0.5, 1.0],
        [0.75, 0.25, 1.0],
        [1.0 / 32768.0, 1.0 / 128.0, 1.0 / 32768.0],
        [1.0 / 256.0, 1.0 / 256.0, 1.0 / 128.0],
        [0.007_812_5, 0.003_906_25, 0.003_906_25],
        [0.1, 0.1, 0.1],
        [0.023_528_2, 0.041_117_3, 0.047_058_8],
        [2.0, 0.001, 3.0],
    ];
    for [a, b, output] in scales {
        for code in CODES {
            for zeros in [[0, 0, 0], [-128, -128, -128], [-1, 4, 127]] {
                agrees(code, [(a, zeros[0]), (b, zeros[1]), (output, zeros[2])], true);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_scales(
        which in 0..3usize,
        scales in prop::array::uniform3(1e-4f32..0.5),
        zeros: [i8; 3],
        relation in 0..4usize,
        written_out: bool,
    ) {
        let [a, b, output] = scales;
        // What a model's tensors have often has to do with each other.
        let [a, b, output] = match relation {
            0 => [a, a, output],
            1 => [a, b, a + b],
            2 => [a, b, a.max(b) * 0.5],
            _ => [a, b, output],
        };
        agrees(CODES[which], [(a, zeros[0]), (b, zeros[1]), (output, zeros[2])], written_out);
    }
}
