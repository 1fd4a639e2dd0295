//! Writes a model as Rust source that Sedge's runtime runs without reading its file.
//!
//! ```text
//! .tflite --Model::check--> Session, planned and prepared --Session::image--> Image --> source
//! ```
//!
//! `include_model!` of the crate `sedge-macros` puts that source where it stands; `sedge compile` writes it to a file.
//! What it holds is told by [`sedge_runtime::compiled`]: a struct `Model` with the model's inputs and outputs as arrays, and
//! `ARENA_SIZE`, the bytes of memory that it runs in.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let file = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/sine/sine_int8_tf.tflite"))?;
//! let compiled = sedge_compile::compile(&file, "sine_int8_tf.tflite", None)?;
//! assert!(compiled.source.contains("pub fn input(&mut self) -> &mut [i8; 1]"));
//! assert_eq!(compiled.arena, 32);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod op_set;
mod regions;
mod source;

pub use op_set::op_set;
pub use regions::Regions;

use sedge_runtime::compiled::Image;
use sedge_runtime::{
    BuiltinOperator, Error as RunError, Level, Model, Options, Session, TensorType, Weights, kernels,
};

/// A model as Rust source.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The source: items, to stand in a module of their own.
    pub source: String,
    /// Bytes of the arena, of both regions where there are two.
    pub arena: usize,
    /// The regions of memory, where there are two.
    pub regions: Option<Regions>,
    /// Bytes of flash that prepared data and constants take, weights among them.
    pub data: usize,
    /// The operators that run.
    pub operators: usize,
}

/// Why a model cannot be compiled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// It does not load.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It calls subgraphs.
    #[error(
        "operator {operator} ({code}) calls subgraphs, which a compiled model cannot; make a `Session` of it on the device"
    )]
    Calls {
        /// The operator's number.
        operator: usize,
        /// What it is.
        code: BuiltinOperator,
    },
    /// It has shapes that depend on values.
    #[error(
        "shapes depend on values that only a run computes, or an output is a constant; make a `Session` of the model on the device"
    )]
    Dynamic,
    /// An input or output has elements that no Rust type stands for.
    #[error("tensor `{name}` has elements of type {kind}, which a compiled model cannot take or give")]
    Type {
        /// The tensor.
        name: String,
        /// Its type.
        kind: TensorType,
    },
}

/// The most memory that is tried for a model's arena while it is planned.
const MOST_ARENA: usize = 1 << 30;

/// Compiles the model in `file`; the source's comments call it `name`. With `fast`, the tensors with the most traffic lie in a
/// region of so many bytes, and the others in another one.
///
/// # Errors
/// As [`compile_model`], and where the file is no model.
pub fn compile(file: &[u8], name: &str, fast: Option<usize>) -> Result<Compiled, Error> {
    // Constants are read where they lie, as they will be on the device, so the file must be aligned as there.
    let mut aligned = vec![0u128; file.len().div_ceil(size_of::<u128>())];
    let bytes = bytes_of(&mut aligned);
    bytes[..file.len()].copy_from_slice(file);
    compile_model(Model::check(&bytes[..file.len()]).map_err(RunError::from)?, name, fast)
}

/// Compiles a model, whose file starts at a multiple of 16 bytes; for another entry point than the first see
/// [`Model::for_signature`].
///
/// # Errors
/// As [`image`].
pub fn compile_model(model: Model<'_>, name: &str, fast: Option<usize>) -> Result<Compiled, Error> {
    let mut image = image(model)?;
    let regions = fast.map(|fast| regions::split(&mut image, &model, fast)).transpose()?;
    let source = source::write(&image, name, regions);
    let (arena, data, operators) = (image.arena, image.data.len(), image.operators.len());
    Ok(Compiled { source, arena, regions, data, operators })
}

/// What a model takes where it is compiled, without the source.
///
/// # Errors
/// Where it has an operator that Sedge has no kernel for, or is one of those that only a session runs.
pub fn image(model: Model<'_>) -> Result<Image, Error> {
    for (operator, view) in model.main().operators().iter().enumerate() {
        let code = model.code(&view).builtin();
        if matches!(code, BuiltinOperator::If | BuiltinOperator::While | BuiltinOperator::StablehloComposite)
        {
            return Err(Error::Calls { operator, code });
        }
    }
    let options = Options { weights: Weights::InPlace, level: Level::SCALAR, ..Options::default() };
    let mut size: usize = 64 * 1024;
    loop {
        let mut memory = vec![0u128; size.div_ceil(size_of::<u128>())];
        match Session::with_options(model, kernels::ALL, bytes_of(&mut memory), &options) {
            Err(RunError::ArenaTooSmall { needed, .. }) if size < MOST_ARENA => {
                size = (2 * size).max(needed as usize)
            }
            Err(error) => return Err(error.into()),
            // Once more in memory of exactly that size: the positions do not depend on the size that was tried.
            Ok(session) if session.memory().arena < size => size = session.memory().arena,
            Ok(mut session) => return checked(session.image()?.ok_or(Error::Dynamic)?),
        }
    }
}

/// Refuses inputs and outputs that no Rust type stands for.
fn checked(image: Image) -> Result<Image, Error> {
    let mut ports = image.inputs.iter().chain(&image.outputs);
    match ports.find(|tensor| source::element(tensor.kind).is_none()) {
        Some(tensor) => Err(Error::Type { name: tensor.name.clone(), kind: tensor.kind }),
        None => Ok(image),
    }
}

fn bytes_of(words: &mut [u128]) -> &mut [u8] {
    bytemuck::cast_slice_mut(words)
}
