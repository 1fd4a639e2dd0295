//! Lookups in tables of elements smaller than a byte, beside values worked out by hand.

use sedge_runtime::TensorType as Kind;
use sedge_schema::generated::{BuiltinOperator, SubGraphT, TensorT, TensorType};
use sedge_schema::write::to_bytes;
use sedge_tests::arrays::Array;
use sedge_tests::run::{Output, arena, run, ways};
use sedge_tests::samples::{self, code, constant, operator, quantized, tensor};
use sedge_tests::table;

/// A model of one operator. Tensors: 0 indices (int32), 1 table, 2 output.
fn model(
    op: BuiltinOperator,
    inputs: [i32; 2],
    count: i32,
    table: (TensorT, &[u8]),
    output: TensorT,
) -> Vec<u8> {
    let graph = table!(SubGraphT {
        tensors: Some(vec![tensor(TensorType::INT32, &[count]), constant(table.0, 1), output]),
        inputs: Some(vec![0]),
        outputs: Some(vec![2]),
        operators: Some(vec![operator(0, &inputs, &[2])]),
    });
    to_bytes(&samples::model(vec![code(op)], graph, vec![table.1.to_vec()]))
}

/// What comes out for these indices, the same in every way that a session can be made.
fn look_up(file: &[u8], indices: &[i32]) -> Output {
    let bytes = indices.iter().flat_map(|i| i.to_le_bytes()).collect();
    let shape = vec![indices.len() as u32];
    let steps = [vec![Array { shape, is_float: false, is_signed: true, size: 4, bytes }]];
    let all: Vec<Output> = ways()
        .map(|way| run(file, way, &mut arena(1 << 16), &steps).expect("a result").remove(0).remove(0))
        .collect();
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
    all[0].clone()
}

/// Rows of two-bit numbers, the lowest bits first: 0 1 -2 -1, 1 1 1 1, -1 0 0 -2.
const TWO_BITS: [u8; 3] = [0b11_10_01_00, 0b01_01_01_01, 0b10_00_00_11];

#[test]
fn int2_tables_become_real() {
    let table = quantized(tensor(TensorType::INT2, &[3, 4]), &[0.5, 2.0, 0.25], &[0, 0, 0], 0);
    let output = tensor(TensorType::FLOAT32, &[2, 4]);
    let file = model(BuiltinOperator::EMBEDDING_LOOKUP, [0, 1], 2, (table, &TWO_BITS), output);
    let found = look_up(&file, &[2, 0]);
    let want = [-0.25f32, 0.0, 0.0, -0.5, 0.0, 0.5, -1.0, -0.5];
    assert_eq!((found.kind, found.shape.dims()), (Kind::Float32, &[2, 4][..]));
    assert_eq!(found.bytes, want.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>());
}

#[test]
fn rows_may_start_inside_a_byte() {
    // Rows of three: 1 2 3, -1 -2 -8.
    let table = quantized(tensor(TensorType::INT4, &[2, 3]), &[1.0], &[0], 0);
    let output = tensor(TensorType::FLOAT16, &[1, 3]);
    let file = model(BuiltinOperator::EMBEDDING_LOOKUP, [0, 1], 1, (table, &[0x21, 0xf3, 0x8e]), output);
    // -1, -2 and -8 in half precision.
    let want = [0xbc00u16, 0xc000, 0xc800].iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>();
    assert_eq!(look_up(&file, &[1]).bytes, want);
}

#[test]
fn uint8_tables_hold_int8() {
    let table = quantized(tensor(TensorType::UINT8, &[1, 2]), &[0.5], &[0], 0);
    let output = tensor(TensorType::FLOAT32, &[1, 2]);
    let file = model(BuiltinOperator::EMBEDDING_LOOKUP, [0, 1], 1, (table, &[0xff, 4]), output);
    let want = [-0.5f32, 2.0].iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>();
    assert_eq!(look_up(&file, &[0]).bytes, want);
}

#[test]
fn int4_rows_are_gathered() {
    let (table, output) = (tensor(TensorType::INT4, &[3, 2]), tensor(TensorType::INT4, &[4, 2]));
    let file = model(BuiltinOperator::GATHER, [1, 0], 4, (table, &[0x12, 0x34, 0x56]), output);
    assert_eq!(look_up(&file, &[2, 0, 0, 1]).bytes, [0x56, 0x12, 0x12, 0x34]);
}
