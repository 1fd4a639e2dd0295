//! Shapes that depend on values: one session, invoked with inputs that give larger and smaller results.

use sedge_runtime::{Error, Level, Model, Session, kernels};
use sedge_schema::generated::{BuiltinOperator, BuiltinOptionsT, SubGraphT, TensorType, UniqueOptionsT};
use sedge_schema::write::to_bytes;
use sedge_tests::run::arena;
use sedge_tests::samples::{self, code, operator, tensor};
use sedge_tests::table;

const ROWS: usize = 4;
const COLUMNS: usize = 5;

/// `places = WHERE(x)`, `found = GATHER_ND(x, places)`, `(different, ids) = UNIQUE(found)`.
fn model() -> Vec<u8> {
    let mut unique = operator(2, &[2], &[3, 4]);
    unique.builtin_options =
        BuiltinOptionsT::UniqueOptions(Box::new(table!(UniqueOptionsT { idx_out_type: TensorType::INT64 })));
    // Dimensions that are not known are 1 in a file.
    let graph = table!(SubGraphT {
        tensors: Some(vec![
            tensor(TensorType::INT8, &[ROWS as i32, COLUMNS as i32]),
            tensor(TensorType::INT64, &[1, 2]),
            tensor(TensorType::INT8, &[1]),
            tensor(TensorType::INT8, &[1]),
            tensor(TensorType::INT64, &[1]),
        ]),
        inputs: Some(vec![0]),
        outputs: Some(vec![1, 3, 4]),
        operators: Some(vec![operator(0, &[0], &[1]), operator(1, &[0, 1], &[2]), unique]),
    });
    let codes = [BuiltinOperator::WHERE, BuiltinOperator::GATHER_ND, BuiltinOperator::UNIQUE].map(code);
    to_bytes(&samples::model(codes.to_vec(), graph, vec![]))
}

/// What the model gives, worked out the simple way.
fn expected(x: &[i8]) -> (Vec<i64>, Vec<i8>, Vec<i64>) {
    let mut places = Vec::new();
    let (mut different, mut ids) = (Vec::new(), Vec::new());
    for (i, &value) in x.iter().enumerate().filter(|(_, value)| **value != 0) {
        places.extend([(i / COLUMNS) as i64, (i % COLUMNS) as i64]);
        let id = different.iter().position(|&known| known == value).unwrap_or(different.len());
        if id == different.len() {
            different.push(value);
        }
        ids.push(id as i64);
    }
    (places, different, ids)
}

#[test]
fn results_grow_and_shrink() {
    let file = model();
    let model = Model::check(&file).expect("a model");
    for level in Level::available() {
        let options = sedge_runtime::Options { level, ..Default::default() };
        let mut arena = arena(64 << 10);
        let mut session =
            Session::with_options(model, kernels::ALL, &mut arena, &options).expect("a session");
        // How many values there are, and how many are not 0: none, few, all, one of them only.
        for (kinds, every) in [(3, 4), (1, 100), (20, 1), (5, 2), (1, 1), (127, 3)] {
            let of = |i: usize| if i % every == every - 1 { (i * 7 % kinds) as i8 + 1 } else { 0 };
            let x: Vec<i8> = (0..ROWS * COLUMNS).map(of).collect();
            session.set_input(0, &x).expect("an input");
            session.invoke().unwrap_or_else(|e| panic!("{level} {x:?}: {e}"));
            let (places, different, ids) = expected(&x);
            assert_eq!(session.output::<i64>(0).expect("places"), places, "{level}");
            assert_eq!(session.output_shape(0).expect("a shape").dims(), [ids.len() as u32, 2]);
            assert_eq!(session.output::<i8>(1).expect("values"), different, "{level}");
            assert_eq!(session.output::<i64>(2).expect("ids"), ids, "{level}");
        }
    }
}

#[test]
fn too_little_memory_is_told_when_it_is_known() {
    let file = model();
    let model = Model::check(&file).expect("a model");
    let mut memory = arena(64 << 10);
    let needed = Session::new(model, kernels::ALL, &mut memory).expect("a session").memory().arena;
    let mut memory = arena(needed);
    let start = memory.as_ptr().align_offset(16);
    let mut session = Session::new(model, kernels::ALL, &mut memory[start..][..needed]).expect("a session");
    session.set_input(0, &[1i8; ROWS * COLUMNS]).expect("an input");
    assert!(matches!(session.invoke(), Err(Error::ArenaTooSmall { found, .. }) if found as usize == needed));
}
