//! Running models on this machine: the owner of a model's bytes and of an arena that grows.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZero;
use std::path::Path;

use sedge_runtime::schema::op::{CallOnce, If, Operator as _, StablehloComposite, While};
use sedge_runtime::{
    BuiltinOperator, Error, Level, Model, Options, Resolver, Session, Shape, TensorType, Weights, kernels,
};

use crate::Failure;

/// Where model bytes and arenas start: a multiple of a cache line.
const ALIGNMENT: usize = 64;

/// Zeroed bytes that start at a multiple of 64. Pages that are never touched take no memory.
#[derive(Debug)]
pub struct AlignedBytes {
    bytes: Vec<u8>,
    start: usize,
    len: usize,
}

impl AlignedBytes {
    /// `len` bytes, all zero; `None` where there is no room for them.
    pub fn zeroed(len: usize) -> Option<Self> {
        let with_slack = len.checked_add(ALIGNMENT)?;
        // A zeroed vector can only be had from the allocator's own zeroed pages by `vec!`, which
        // cannot report a failure: ask first.
        Vec::<u8>::new().try_reserve_exact(with_slack).ok()?;
        let bytes = vec![0u8; with_slack];
        let start = bytes.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Some(Self { bytes, start, len })
    }

    /// The bytes.
    pub fn get(&self) -> &[u8] {
        self.bytes.get(self.start..self.start + self.len).unwrap_or_default()
    }

    /// The bytes, to change them.
    pub fn get_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..self.start + self.len).unwrap_or_default()
    }
}

/// A model file in memory, aligned so that kernels can read its constants in place.
#[derive(Debug)]
pub struct ModelFile {
    name: String,
    bytes: AlignedBytes,
}

impl ModelFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let file = fs::read(path).map_err(|e| {
            Failure::new(format!("cannot read the model '{name}': {e}")).help("check the path of the model")
        })?;
        Self::from_bytes(name, &file)
    }

    /// Copies bytes that are called `name` in messages.
    ///
    /// # Errors
    /// Where there is no memory for them.
    pub fn from_bytes(name: impl Into<String>, file: &[u8]) -> Result<Self, Failure> {
        let mut bytes = AlignedBytes::zeroed(file.len())
            .ok_or_else(|| Failure::new("not enough memory for the model"))?;
        bytes.get_mut().copy_from_slice(file);
        Ok(Self { name: name.into(), bytes })
    }

    /// What the file is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get()
    }

    /// The checked model.
    ///
    /// # Errors
    /// What is wrong with the file, and where.
    pub fn model(&self) -> Result<Model<'_>, Failure> {
        Model::check(self.bytes()).map_err(|e| {
            Failure::new(format!("'{}' is not a valid model: {e}", self.name))
                .help("a model is a .tflite file (schema version 3); make sure that it was copied whole")
        })
    }
}

impl ModelFile {
    /// The checked model, with the graph of the signature of this name as its main one where there is a
    /// name.
    ///
    /// # Errors
    /// As [`ModelFile::model`], and where there is no such signature.
    pub fn model_for(&self, signature: Option<&str>) -> Result<Model<'_>, Failure> {
        let model = self.model()?;
        let Some(name) = signature else { return Ok(model) };
        model.for_signature(name).ok_or_else(|| {
            let names: Vec<_> = model.signatures().iter().map(|s| s.signature_key().as_str()).collect();
            let known = match names.is_empty() {
                true => "the model has no signatures; leave --signature out".to_owned(),
                false => format!("the model has {}", names.join(", ")),
            };
            Failure::new(format!("'{}' has no signature '{name}'", self.name)).help(known)
        })
    }
}

/// How a model is run on this machine.
#[derive(Clone, Debug)]
pub struct ExecOptions {
    /// The vector level of the kernels.
    pub level: Level,
    /// Where kernels read weights from.
    pub weights: Weights,
    /// The kernels.
    pub resolver: Resolver,
    /// For each input the shape that it shall have instead of the file's.
    pub input_shapes: Vec<Option<Shape>>,
    /// The most threads that share an operator, in the current pool of rayon.
    pub threads: NonZero<u16>,
}

impl Default for ExecOptions {
    fn default() -> Self {
        Self {
            level: Level::detect(),
            weights: Weights::default(),
            resolver: kernels::ALL,
            input_shapes: Vec::new(),
            threads: NonZero::<u16>::MIN,
        }
    }
}

impl ExecOptions {
    /// As a model runs on a microcontroller: no vectors, weights where they lie.
    pub fn microcontroller() -> Self {
        let level = Level::from_name("scalar").unwrap_or_else(Level::detect);
        Self { level, weights: Weights::InPlace, ..Self::default() }
    }

    fn session<'s>(&self, model: Model<'s>, arena: &'s mut [u8]) -> Result<Session<'s>, Error> {
        let Self { level, weights, resolver, ref input_shapes, threads } = *self;
        Session::with_options(
            model,
            resolver,
            arena,
            &Options { level, weights, input_shapes, threads, ..Options::default() },
        )
    }
}

/// The arenas that are tried, one after the other. Only the parts that a session uses cost memory.
const ARENAS: [usize; 3] = [256 << 20, 1 << 30, (4 << 30) - 4096];

/// Makes a session for `model` and calls `body` with it, in an arena that is large enough.
///
/// Models whose shapes depend on values may find the arena too small only when they are invoked:
/// `body` is then called again with a session in a larger one, so it must set the inputs itself.
///
/// # Errors
/// Where operators have no kernels (all of them are named), and where the session or `body` fails.
pub fn with_session<R>(
    model: Model<'_>,
    options: &ExecOptions,
    mut body: impl FnMut(&mut Session<'_>) -> Result<R, Error>,
) -> Result<R, Failure> {
    check_operators(&model, options.resolver)?;
    let mut sizes = ARENAS.into_iter().peekable();
    while let Some(size) = sizes.next() {
        let mut arena = AlignedBytes::zeroed(size)
            .ok_or_else(|| Failure::new(format!("not enough memory for an arena of {} MiB", size >> 20)))?;
        let result = options.session(model, arena.get_mut()).and_then(|mut session| body(&mut session));
        match result {
            Err(Error::ArenaTooSmall { needed, .. }) if sizes.peek().is_some() => {
                tracing::debug!(size, needed, "the arena is too small, trying a larger one");
            }
            result => return result.map_err(|e| explain(&model, e)),
        }
    }
    Err(Failure::new("the model needs more memory than an arena can have (4 GiB)"))
}

/// As [`with_session`], in an arena of exactly `bytes`, without a second try.
///
/// # Errors
/// As [`with_session`], and where the arena is too small.
pub fn with_session_in<R>(
    model: Model<'_>,
    options: &ExecOptions,
    bytes: usize,
    body: impl FnOnce(&mut Session<'_>) -> Result<R, Error>,
) -> Result<R, Failure> {
    check_operators(&model, options.resolver)?;
    let mut arena = AlignedBytes::zeroed(bytes)
        .ok_or_else(|| Failure::new(format!("not enough memory for an arena of {bytes} bytes")))?;
    let result = options.session(model, arena.get_mut()).and_then(|mut session| body(&mut session));
    result.map_err(|e| explain(&model, e))
}

/// The names of the operators that the model's main graph uses and `resolver` lacks, each once. Those of
/// subgraphs that it calls count where there are such.
pub fn missing_operators(model: &Model<'_>, resolver: Resolver) -> Vec<String> {
    let key = |code: &sedge_runtime::schema::OperatorCode<'_>| (code.number(), code.name().to_owned());
    let missing: BTreeSet<_> = resolver.missing(model).map(|code| key(&code)).collect();
    let calls = |code: BuiltinOperator| {
        [If::CODE, While::CODE, CallOnce::CODE, StablehloComposite::CODE].contains(&code)
    };
    let main = model.main();
    if main.operators().iter().any(|o| calls(model.code(&o).builtin())) {
        return missing.into_iter().map(|(_, name)| name).collect();
    }
    let used: BTreeSet<_> = main.operators().iter().map(|o| key(&model.code(&o))).collect();
    missing.intersection(&used).map(|(_, name)| name.clone()).collect()
}

/// Makes sure that every operator has a kernel.
///
/// # Errors
/// Where some have none: all of them are named.
pub fn check_operators(model: &Model<'_>, resolver: Resolver) -> Result<(), Failure> {
    let missing = missing_operators(model, resolver);
    if missing.is_empty() {
        return Ok(());
    }
    let plural = if missing.len() == 1 { "an operator" } else { "operators" };
    Err(Failure::new(format!("the model uses {plural} without a kernel: {}", missing.join(", ")))
        .help("`sedge inspect` shows where they are used; convert the model without them"))
}

/// An error of the interpreter, with the names and shapes of the tensors that it speaks of.
pub fn explain(model: &Model<'_>, error: Error) -> Failure {
    let graph = model.main();
    let failure = Failure::new(error);
    match error {
        Error::Operator { operator, .. } | Error::MissingKernel { operator, .. } => {
            let Some(operator) = graph.operators().get(operator as usize) else { return failure };
            let list = |tensors: sedge_runtime::schema::Vector<'_, i32>| {
                let names: Vec<_> = tensors.iter().map(|t| describe(model, t)).collect();
                names.join(", ")
            };
            failure.help(format!(
                "the operator reads {} and writes {}",
                list(operator.inputs()),
                list(operator.outputs())
            ))
        }
        Error::Order { tensor } | Error::Tensor { tensor } => {
            failure.help(format!("the tensor is {}", describe(model, tensor as i32)))
        }
        Error::ArenaTooSmall { .. } => {
            failure.help("smaller inputs take less memory; `sedge inspect` shows what takes how much")
        }
        Error::InputShape(_) => failure.help("`sedge inspect` shows the shapes that the model takes"),
        Error::Plan => failure.help("this is a defect of Sedge; please report it with the model"),
        _ => failure,
    }
}

/// A tensor of the main graph for people: `int8 [1, 8] 'name'`.
pub fn describe(model: &Model<'_>, tensor: i32) -> String {
    let view = usize::try_from(tensor).ok().and_then(|t| model.main().tensors().get(t));
    match view {
        None => "nothing".to_owned(),
        Some(t) => format!("{} {} '{}'", t.tensor_type(), t.shape(), shortened(t.name().as_str())),
    }
}

/// Converters join the names of all operators that they fuse: the first characters do.
fn shortened(name: &str) -> String {
    const ENOUGH: usize = 48;
    match name.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{}...", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}

/// Pseudo-random bytes, the same for the same seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence with this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in [-1, 1).
    fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// Fills the bytes of a tensor of this type: real numbers in [-1, 1), 8- and 16-bit integers over
    /// all their values, booleans, and zeros for wider integers, which stand for indices and sizes.
    pub fn fill(&mut self, tensor_type: TensorType, bytes: &mut [u8]) {
        use TensorType as T;
        match tensor_type {
            T::Float32 | T::Complex64 => {
                bytes
                    .chunks_exact_mut(4)
                    .for_each(|b| b.copy_from_slice(&(self.unit() as f32).to_le_bytes()));
            }
            T::Float64 | T::Complex128 => {
                bytes.chunks_exact_mut(8).for_each(|b| b.copy_from_slice(&self.unit().to_le_bytes()));
            }
            T::Float16 => bytes
                .chunks_exact_mut(2)
                .for_each(|b| b.copy_from_slice(&half::f16::from_f64(self.unit()).to_le_bytes())),
            T::BFloat16 => bytes
                .chunks_exact_mut(2)
                .for_each(|b| b.copy_from_slice(&half::bf16::from_f64(self.unit()).to_le_bytes())),
            T::Bool => bytes.iter_mut().for_each(|b| *b = (self.next_u64() >> 63) as u8),
            T::Int8 | T::UInt8 | T::Int16 | T::UInt16 | T::Int4 | T::UInt4 | T::Int2 => {
                bytes.iter_mut().for_each(|b| *b = (self.next_u64() >> 56) as u8);
            }
            // All float8 bit patterns below 0x3f are finite and at most 1 and a half.
            T::Float8E4M3Fn | T::Float8E5M2 => {
                bytes.iter_mut().for_each(|b| *b = (self.next_u64() >> 58) as u8);
            }
            T::Int32 | T::UInt32 | T::Int64 | T::UInt64 => bytes.fill(0),
            T::String | T::Resource | T::Variant => bytes.fill(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AlignedBytes, Random};

    #[test]
    fn bytes_are_aligned_and_zero() {
        for len in [0, 1, 1000] {
            let bytes = AlignedBytes::zeroed(len).unwrap();
            assert_eq!(bytes.get().len(), len);
            assert_eq!(bytes.get().as_ptr() as usize % 64, 0);
            assert!(bytes.get().iter().all(|&b| b == 0));
        }
        assert!(AlignedBytes::zeroed(usize::MAX).is_none());
    }

    #[test]
    fn random_numbers_are_those_of_splitmix() {
        assert_eq!(Random::new(0).next_u64(), 0xe220_a839_7b1d_cdaf);
    }
}
