//! Running models as a user of the runtime would.

use std::num::NonZero;

use sedge_runtime::{Error, Level, Model, Options, Session, Shape, TensorType, Weights, kernels};

use crate::arrays::Array;

/// Memory for a session, at a multiple of 16.
pub fn arena(bytes: usize) -> Vec<u8> {
    vec![0; bytes + 16]
}

/// Every level of this processor, with weights in place and packed.
pub fn ways() -> impl Iterator<Item = (Level, Weights)> {
    Level::available().flat_map(|level| [(level, Weights::InPlace), (level, Weights::Packed)])
}

/// What came out of one output.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The element type.
    pub kind: TensorType,
    /// The shape.
    pub shape: Shape,
    /// The elements' bytes.
    pub bytes: Vec<u8>,
}

/// Runs the main graph of `file` once for each of `steps`, one after the other in one session.
///
/// # Errors
/// What the session refuses.
///
/// # Panics
/// Where an input array has not as many bytes as the model's input.
pub fn run(
    file: &[u8],
    way: (Level, Weights),
    arena: &mut [u8],
    steps: &[Vec<Array>],
) -> Result<Vec<Vec<Output>>, Error> {
    run_on(NonZero::<u16>::MIN, file, way, arena, steps)
}

/// As [`run`], on as many threads.
///
/// # Errors
/// As [`run`].
///
/// # Panics
/// As [`run`].
pub fn run_on(
    threads: NonZero<u16>,
    file: &[u8],
    (level, weights): (Level, Weights),
    arena: &mut [u8],
    steps: &[Vec<Array>],
) -> Result<Vec<Vec<Output>>, Error> {
    let model = Model::check(file)?;
    let options = Options { level, weights, threads, ..Options::default() };
    let mut session = Session::with_options(model, kernels::ALL, arena, &options)?;
    let mut outputs = Vec::new();
    for step in steps {
        for (i, array) in step.iter().enumerate() {
            let input = session.input_bytes_mut(i)?;
            assert_eq!(input.len(), array.bytes.len(), "bytes of input {i}");
            input.copy_from_slice(&array.bytes);
        }
        session.invoke()?;
        let output = |i| -> Result<Output, Error> {
            let (kind, shape) = (session.output_type(i)?, session.output_shape(i)?);
            Ok(Output { kind, shape, bytes: session.output_bytes(i)?.to_vec() })
        };
        outputs.push((0..session.outputs()).map(output).collect::<Result<_, _>>()?);
    }
    Ok(outputs)
}

/// The bytes that a session for `file` says it needs of `arena`.
///
/// # Errors
/// What the session refuses.
pub fn session_bytes(
    file: &[u8],
    (level, weights): (Level, Weights),
    arena: &mut [u8],
) -> Result<usize, Error> {
    let options = Options { level, weights, ..Options::default() };
    let session = Session::with_options(Model::check(file)?, kernels::ALL, arena, &options)?;
    Ok(session.memory().arena)
}
