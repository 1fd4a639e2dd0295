//! LSTM layers that the suite of single operators has none of: the basic kernel, and 16-bit activations;
//! and what they refuse. Expected numbers are LiteRT's (basic kernel) and TensorFlow Lite Micro's.

use bytemuck::{NoUninit, cast_slice};
use sedge_runtime::{Error, Refusal, Slot};
use sedge_schema::generated::{
    ActivationFunctionType, BuiltinOperator, BuiltinOptionsT, DimensionMetadataT, LSTMKernelType,
    LSTMOptionsT, ModelT, SparsityParametersT, SubGraphT, TensorT, TensorType,
    UnidirectionalSequenceLSTMOptionsT,
};
use sedge_schema::write::to_bytes;
use sedge_tests::arrays::Array;
use sedge_tests::run::{arena, run, ways};
use sedge_tests::samples::{self, code, constant, operator, quantized, tensor};
use sedge_tests::table;

/// A model of one operator, put together tensor by tensor.
struct Builder {
    tensors: Vec<TensorT>,
    /// The constants; buffer 0 is empty.
    buffers: Vec<Vec<u8>>,
    inputs: Vec<i32>,
}

impl Builder {
    fn new() -> Self {
        Self { tensors: Vec::new(), buffers: Vec::new(), inputs: Vec::new() }
    }

    /// Adds a tensor, and returns its number.
    fn add(&mut self, type_: TensorType, shape: &[i32], q: Option<(f32, i64)>) -> i32 {
        let tensor = tensor(type_, shape);
        self.tensors.push(match q {
            Some((scale, zero)) => quantized(tensor, &[scale], &[zero], 0),
            None => tensor,
        });
        self.tensors.len() as i32 - 1
    }

    /// Adds an input of the operator.
    fn input(&mut self, type_: TensorType, shape: &[i32], q: Option<(f32, i64)>) {
        let tensor = self.add(type_, shape, q);
        self.inputs.push(tensor);
    }

    fn variable(&mut self, type_: TensorType, shape: &[i32], q: Option<(f32, i64)>) {
        self.input(type_, shape, q);
        self.tensors.last_mut().unwrap().is_variable = true;
    }

    fn constant<T: NoUninit>(&mut self, type_: TensorType, shape: &[i32], q: Option<(f32, i64)>, data: &[T]) {
        self.input(type_, shape, q);
        let last = self.tensors.pop().unwrap();
        self.buffers.push(cast_slice(data).to_vec());
        self.tensors.push(constant(last, self.buffers.len() as u32));
    }

    /// Leaves inputs out.
    fn skip(&mut self, count: usize) {
        self.inputs.extend(std::iter::repeat_n(-1, count));
    }

    fn model(self, op: BuiltinOperator, options: BuiltinOptionsT, outputs: &[i32]) -> ModelT {
        let mut node = operator(0, &self.inputs, outputs);
        node.builtin_options = options;
        let graph = table!(SubGraphT {
            tensors: Some(self.tensors),
            inputs: Some(vec![0]),
            outputs: Some(outputs.to_vec()),
            operators: Some(vec![node]),
        });
        samples::model(vec![code(op)], graph, self.buffers)
    }
}

fn array<T: NoUninit>(shape: &[u32], data: &[T]) -> Array {
    let bytes = cast_slice(data).to_vec();
    Array { shape: shape.to_vec(), is_float: false, is_signed: true, size: size_of::<T>(), bytes }
}

fn basic_options() -> BuiltinOptionsT {
    BuiltinOptionsT::LSTMOptions(Box::new(table!(LSTMOptionsT {
        fused_activation_function: ActivationFunctionType::TANH,
        kernel_type: LSTMKernelType::BASIC,
    })))
}

/// Output, cells, what is multiplied, sums.
type Step = ([u8; 2], [i16; 2], [u8; 4], [i16; 8]);

/// A batch of one, two elements in, two cells, which stay between invocations.
fn basic_uint8() -> ModelT {
    let q = Some((1.0 / 128.0, 128));
    let mut b = Builder::new();
    b.input(TensorType::UINT8, &[1, 2], q);
    b.variable(TensorType::UINT8, &[1, 2], q);
    let weights: Vec<u8> = (0..32).map(|i| (37 * i + 11) as u8).collect();
    b.constant(TensorType::UINT8, &[8, 4], Some((0.02, 120)), &weights);
    let bias: Vec<i32> = (0..8).map(|i| 500 * i - 1700).collect();
    b.constant(TensorType::INT32, &[8], Some((0.02 / 128.0, 0)), &bias);
    b.variable(TensorType::INT16, &[1, 2], Some((1.0 / 2048.0, 0)));
    let outputs = [
        b.add(TensorType::UINT8, &[1, 2], q),
        b.add(TensorType::INT16, &[1, 2], Some((1.0 / 2048.0, 0))),
        b.add(TensorType::UINT8, &[1, 4], q),
        b.add(TensorType::INT16, &[1, 8], Some((1.0 / 4096.0, 0))),
    ];
    b.model(BuiltinOperator::LSTM, basic_options(), &outputs)
}

#[test]
fn the_basic_kernel_in_uint8() {
    let file = to_bytes(&basic_uint8());
    let steps: Vec<Vec<Array>> =
        [[250u8, 3], [90, 200], [130, 128]].iter().map(|x| vec![array(&[1, 2], x)]).collect();
    let expected: [Step; 3] = [
        ([128, 142], [-830, 518], [250, 3, 0, 0], [-1135, -4376, -7126, 10605, -13116, 25094, -19107, -884]),
        ([106, 152], [-488, 729], [90, 200, 128, 142], [-1737, 836, 132, 2705, 2001, -7223, 3869, 872]),
        ([118, 145], [-258, 472], [130, 128, 106, 152], [-704, -3937, 38, 410, 781, 1152, 1523, 1567]),
    ];
    for way in ways() {
        let found = run(&file, way, &mut arena(1 << 16), &steps).expect("a run");
        for (found, (state, cells, joined, sums)) in found.iter().zip(&expected) {
            assert_eq!(found[0].bytes, state, "{way:?}");
            assert_eq!(found[1].bytes, cast_slice::<i16, u8>(cells), "{way:?}");
            assert_eq!(found[2].bytes, joined, "{way:?}");
            assert_eq!(found[3].bytes, cast_slice::<i16, u8>(sums), "{way:?}");
        }
    }
}

#[test]
fn the_basic_kernel_in_floats() {
    let (depth, cells, batch) = (3usize, 2usize, 2usize);
    let noise = |i: usize| ((i * 7919 + 13) % 201) as f32 / 100.0 - 1.0;
    let weights: Vec<f32> = (0..4 * cells * (depth + cells)).map(noise).collect();
    let bias: Vec<f32> = (0..4 * cells).map(|i| noise(i + 500)).collect();
    let mut b = Builder::new();
    let shape = |depth: usize| [batch as i32, depth as i32];
    b.input(TensorType::FLOAT32, &shape(depth), None);
    b.variable(TensorType::FLOAT32, &shape(cells), None);
    b.constant(TensorType::FLOAT32, &[4 * cells as i32, (depth + cells) as i32], None, &weights);
    b.constant(TensorType::FLOAT32, &[4 * cells as i32], None, &bias);
    b.variable(TensorType::FLOAT32, &shape(cells), None);
    let outputs =
        [cells, cells, depth + cells, 4 * cells].map(|depth| b.add(TensorType::FLOAT32, &shape(depth), None));
    let file = to_bytes(&b.model(BuiltinOperator::LSTM, basic_options(), &outputs));
    let inputs: Vec<Vec<f32>> =
        (0..3).map(|step| (0..batch * depth).map(|i| noise(1000 * step + i)).collect()).collect();
    let steps: Vec<Vec<Array>> =
        inputs.iter().map(|x| vec![array(&[batch as u32, depth as u32], x)]).collect();

    // The definition, in doubles.
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let mut state = vec![0f64; batch * cells];
    let mut cell = vec![0f64; batch * cells];
    let expected: Vec<Vec<f64>> = inputs
        .iter()
        .map(|x| {
            let before = state.clone();
            for k in 0..batch * cells {
                let (at, unit) = (k / cells, k % cells);
                let joined: Vec<f64> = x[at * depth..][..depth]
                    .iter()
                    .map(|&x| f64::from(x))
                    .chain(before[at * cells..][..cells].iter().copied())
                    .collect();
                let sum = |gate: usize| -> f64 {
                    let row = &weights[(gate * cells + unit) * (depth + cells)..];
                    let products = joined.iter().zip(row).map(|(x, &w)| x * f64::from(w));
                    products.sum::<f64>() + f64::from(bias[gate * cells + unit])
                };
                cell[k] = sigmoid(sum(0)) * sum(1).tanh() + sigmoid(sum(2)) * cell[k];
                state[k] = sigmoid(sum(3)) * cell[k].tanh();
            }
            state.clone()
        })
        .collect();
    for way in ways() {
        let found = run(&file, way, &mut arena(1 << 16), &steps).expect("a run");
        for (found, expected) in found.iter().zip(&expected) {
            let bytes = found[0].bytes.as_chunks().0;
            let values: Vec<f32> = bytes.iter().map(|b| f32::from_le_bytes(*b)).collect();
            assert_eq!(values.len(), expected.len());
            for (x, y) in values.iter().zip(expected) {
                // A few roundings of single precision.
                assert!((f64::from(*x) - y).abs() < 1e-6, "{x} is not {y} on {way:?}");
            }
        }
    }
}

/// A sequence of three vectors of three elements, two cells.
fn sixteen_bits(diagonal: bool) -> ModelT {
    let (cells, depth, steps) = (2i32, 3i32, 3i32);
    let mut b = Builder::new();
    b.input(TensorType::INT16, &[1, steps, depth], Some((1.0 / 8192.0, 0)));
    let weights = |gate: i32, factor: i32, offset: i32, count: i32| -> Vec<i8> {
        (0..count).map(|i| ((factor * (i + 10 * gate) + offset) % 255 - 127) as i8).collect()
    };
    for gate in 0..4 {
        let data = weights(gate, 53, 7, cells * depth);
        b.constant(TensorType::INT8, &[cells, depth], Some((0.01, 0)), &data);
    }
    for gate in 0..4 {
        let data = weights(gate, 91, 3, cells * cells);
        b.constant(TensorType::INT8, &[cells, cells], Some((0.008, 0)), &data);
    }
    b.skip(3);
    for gate in 0..4 {
        let data: Vec<i64> = (0..i64::from(cells)).map(|i| 9000 * (i - gate)).collect();
        b.constant(TensorType::INT64, &[cells], Some((0.01 / 8192.0, 0)), &data);
    }
    b.skip(2);
    b.variable(TensorType::INT16, &[1, cells], Some((1.0 / 32768.0, 0)));
    b.variable(TensorType::INT16, &[1, cells], Some((1.0 / 2048.0, 0)));
    b.skip(4);
    let output = b.add(TensorType::INT16, &[1, steps, cells], Some((1.0 / 32768.0, 0)));
    let options = BuiltinOptionsT::UnidirectionalSequenceLSTMOptions(Box::new(table!(
        UnidirectionalSequenceLSTMOptionsT {
            fused_activation_function: ActivationFunctionType::TANH,
            diagonal_recurrent_tensors: diagonal,
        }
    )));
    b.model(BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_LSTM, options, &[output])
}

#[test]
fn sixteen_bit_activations() {
    let file = to_bytes(&sixteen_bits(false));
    let input = |step: i32| -> Vec<i16> {
        (0..9).map(|i| ((7919 * (i + 100 * step)) % 40000 - 20000) as i16).collect()
    };
    let steps: Vec<Vec<Array>> = (0..2).map(|step| vec![array(&[1, 3, 3], &input(step))]).collect();
    let expected: [[i16; 6]; 2] =
        [[19149, 375, 5496, -811, 18864, -1104], [256, -5707, 7795, -1506, -407, 12240]];
    for way in ways() {
        let found = run(&file, way, &mut arena(1 << 16), &steps).expect("a run");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found[0].bytes, cast_slice::<i16, u8>(expected), "{way:?}");
        }
    }
}

/// Why an operator of the model refuses it.
fn refusal(model: &ModelT) -> Refusal {
    let way = ways().next().unwrap();
    match run(&to_bytes(model), way, &mut arena(1 << 16), &[]) {
        Err(Error::Operator { refusal, .. }) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_refused_is_named() {
    assert_eq!(refusal(&sixteen_bits(true)), Refusal::Parameter("diagonal_recurrent_tensors"));

    let change = |f: fn(&mut Vec<TensorT>)| {
        let mut model = sixteen_bits(false);
        f(model.subgraphs.as_mut().unwrap()[0].tensors.as_mut().unwrap());
        refusal(&model)
    };
    // Sparse weights: all dimensions dense, in an order of their own.
    let sparse = change(|tensors| {
        tensors[2].sparsity = Some(Box::new(table!(SparsityParametersT {
            traversal_order: Some(vec![1, 0]),
            dim_metadata: Some(vec![DimensionMetadataT::default(), DimensionMetadataT::default()]),
        })));
    });
    assert_eq!(sparse, Refusal::Sparse(Slot::Input(2)));
    // Cells whose scale is no power of two.
    let scale = change(|tensors| {
        tensors[14].quantization.as_mut().unwrap().scale = Some(vec![1.0 / 3000.0]);
    });
    assert_eq!(scale, Refusal::Quantization(Slot::Input(19)));
}
