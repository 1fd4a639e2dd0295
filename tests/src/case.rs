//! Running a model on arrays, in every way that a session can be made.

use sedge_runtime::{Error, Level, Model, Options, Refusal, Session, Weights, kernels};

use crate::arrays::Array;

/// What came of running a model.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// All outputs are right.
    Right,
    /// An operator's kernel does not take these element types.
    Refused,
    /// There is no kernel for an operator, or the model's types are unknown to the runtime.
    Missing,
    /// Something else, in words.
    Wrong(String),
}

/// How near an output must be: `absolute + relative * |expected|`.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// The part that does not depend on the value.
    pub absolute: f64,
    /// The part that does.
    pub relative: f64,
}

/// Bytes of memory that holds any of the small models.
pub const ARENA: usize = 64 << 20;

/// Runs `model` on `inputs` on every level of this processor, with weights in place and packed, and
/// compares what comes out with `outputs`.
pub fn check(
    model: &[u8],
    inputs: &[Array],
    outputs: &[Array],
    tolerances: &[Tolerance],
    arena: &mut [u8],
) -> Outcome {
    let model = match Model::check(model) {
        Ok(model) => model,
        Err(error) => return Outcome::Wrong(format!("{error}")),
    };
    for level in Level::available() {
        for weights in [Weights::InPlace, Weights::Packed] {
            let options = Options { level, weights, ..Options::default() };
            let found = match run(model, inputs, outputs.len(), &options, arena) {
                Ok(found) => found,
                Err(Error::MissingKernel { .. }) => return Outcome::Missing,
                Err(Error::Operator { refusal: Refusal::Type(_), .. }) => return Outcome::Refused,
                Err(error) => return Outcome::Wrong(format!("{level} {weights:?}: {error}")),
            };
            for (i, (want, (shape, bytes))) in outputs.iter().zip(found).enumerate() {
                let how = format!("{level} {weights:?}: output {i}");
                if want.shape != shape {
                    return Outcome::Wrong(format!("{how} has shape {shape:?}, not {:?}", want.shape));
                }
                let Tolerance { absolute, relative } =
                    tolerances.get(i).or(tolerances.last()).copied().expect("a tolerance");
                let found = want.with_bytes(&bytes);
                if let Some((count, example)) = want.differences(&found, absolute, relative) {
                    return Outcome::Wrong(format!("{how}: {count} differ: {example}"));
                }
            }
        }
    }
    Outcome::Right
}

type Found = Vec<(Vec<u32>, Vec<u8>)>;

fn run(
    model: Model<'_>,
    inputs: &[Array],
    outputs: usize,
    options: &Options<'_>,
    arena: &mut [u8],
) -> Result<Found, Error> {
    let mut session = Session::with_options(model, kernels::ALL, arena, options)?;
    for (i, input) in inputs.iter().enumerate() {
        let to = session.input_bytes_mut(i)?;
        let (expected, found) = (to.len() as u32, input.bytes.len() as u32);
        if expected != found {
            return Err(Error::Length { expected, found });
        }
        to.copy_from_slice(&input.bytes);
    }
    session.invoke()?;
    let output = |i| Ok((session.output_shape(i)?.dims().to_vec(), session.output_bytes(i)?.to_vec()));
    (0..outputs).map(output).collect()
}
