//! Files as the inputs of a model.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use sedge_runtime::schema::Quantization;
use sedge_runtime::{Model, Shape, TensorType};

use super::quantized::outside;
use super::{Array, Npz, Scaling, npy, pack, picture, quantize};
use crate::Failure;

/// What a model takes as one of its inputs.
#[derive(Clone, Debug)]
pub struct InputSpec<'m> {
    /// Which input.
    pub index: usize,
    /// The tensor's name, and those that signatures give it.
    pub names: Vec<&'m str>,
    /// The element type.
    pub tensor_type: TensorType,
    /// The shape in the file.
    pub shape: Shape,
    /// The shape with -1 for dimensions that may change; empty where the file has none.
    pub signature: Vec<i32>,
    /// The quantization.
    pub quantization: Option<Quantization<'m>>,
    /// Whether the file says nothing about the shape.
    any_shape: bool,
}

impl<'m> InputSpec<'m> {
    /// The inputs of the model's main graph.
    pub fn of(model: &Model<'m>) -> Vec<Self> {
        let graph = model.main();
        let spec = |(index, t): (usize, i32)| {
            let tensor = graph.tensors().get(usize::try_from(t).ok()?)?;
            let signatures = model.signatures().iter().filter(|s| s.subgraph_index() == model.entry());
            let named = signatures.flat_map(|s| s.inputs().iter()).filter(|i| i.tensor_index() as i32 == t);
            Some(Self {
                index,
                names: std::iter::once(tensor.name())
                    .chain(named.map(|i| i.name()))
                    .map(|n| n.as_str())
                    .collect(),
                tensor_type: tensor.tensor_type(),
                shape: tensor.shape(),
                signature: tensor.shape_signature().iter().collect(),
                quantization: tensor.quantization(),
                any_shape: tensor.shape().rank() == 0 && !tensor.has_rank(),
            })
        };
        graph.inputs().iter().enumerate().filter_map(spec).collect()
    }

    fn name(&self) -> &str {
        self.names.first().copied().unwrap_or_default()
    }
}

impl fmt::Display for InputSpec<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input {} ('{}', {} {})", self.index, self.name(), self.tensor_type, self.shape)
    }
}

/// What may be done to data on its way into a model.
#[derive(Clone, Debug, Default)]
pub struct Preparation {
    /// Whether float32 is quantized for a quantized input.
    pub quantize: bool,
    /// How pictures become real numbers.
    pub scaling: Scaling,
}

/// The bytes of an input, ready to be copied into it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The shape that the input must have.
    pub shape: Shape,
    /// Whether that is not the one in the model's file.
    pub resized: bool,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Data for one input, before it is known for which.
#[derive(Clone, Debug)]
pub enum Source {
    /// An array, and what it is called.
    Array(String, Array),
    /// A picture.
    Picture(PathBuf),
    /// A file with nothing but the bytes of the tensor.
    Raw(PathBuf),
}

/// The sources that a file holds: several for a `.npz`, for which names in `specs` come first.
fn open(path: &Path, specs: &[InputSpec<'_>]) -> Result<Vec<Source>, Failure> {
    let name = path.display().to_string();
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    Ok(match extension.as_str() {
        "npy" => {
            let array = npy::parse(&read(path)?).map_err(|e| {
                Failure::new(format!("cannot use '{name}': {e}")).help("write it again with numpy.save")
            })?;
            vec![Source::Array(name, array)]
        }
        "npz" => {
            let mut npz = Npz::open(path)?;
            let names: Vec<String> = npz.names().map(str::to_owned).collect();
            let find = |spec: &InputSpec<'_>| names.iter().find(|n| spec.names.contains(&n.as_str()));
            let by_name: Option<Vec<_>> = specs.iter().map(find).collect();
            let chosen = by_name.unwrap_or_else(|| names.iter().collect());
            let source = |n: &String| Ok(Source::Array(format!("{name}:{n}"), npz.array(n)?));
            chosen.into_iter().map(source).collect::<Result<_, Failure>>()?
        }
        "png" | "jpg" | "jpeg" | "bmp" => vec![Source::Picture(path.to_owned())],
        "bin" | "raw" => vec![Source::Raw(path.to_owned())],
        _ => {
            return Err(Failure::usage(format!(
                "'{name}' has an extension that stands for no kind of input"
            ))
            .help("inputs are .npy, .npz, .png, .jpg, .bmp, or .bin and .raw for plain bytes"));
        }
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|e| Failure::new(format!("cannot read the input '{}': {e}", path.display())))
}

impl Source {
    /// The bytes of the source for the input `spec`.
    ///
    /// # Errors
    /// Where type, shape or size do not fit.
    pub fn prepare(&self, spec: &InputSpec<'_>, preparation: &Preparation) -> Result<Prepared, Failure> {
        match self {
            Self::Array(name, array) => prepare_array(name, array, spec, preparation.quantize),
            Self::Picture(path) => {
                let array = picture::read(path, spec, &preparation.scaling)?;
                // Pictures hold no values of the model's type, so there is nothing to mistake.
                prepare_array(&path.display().to_string(), &array, spec, true)
            }
            Self::Raw(path) => {
                let (bytes, name) = (read(path)?, path.display());
                let needed = spec.tensor_type.bytes(spec.shape.elements()).unwrap_or(0);
                if bytes.len() != needed {
                    let found = bytes.len();
                    return Err(Failure::new(format!("'{name}' has {found} bytes, {spec} takes {needed}"))
                        .help("raw files hold the tensor's elements and nothing else; .npy files carry their shape"));
                }
                Ok(Prepared { shape: spec.shape, resized: false, bytes })
            }
        }
    }
}

fn prepare_array(
    name: &str,
    array: &Array,
    spec: &InputSpec<'_>,
    may_quantize: bool,
) -> Result<Prepared, Failure> {
    let (found, wanted) = (array.tensor_type(), spec.tensor_type);
    let shape = shape_for(name, array, spec)?;
    let bytes = if found == outside(wanted) {
        pack(array, wanted)
    } else if found == TensorType::Float32 && (may_quantize || wanted == TensorType::BFloat16) {
        let quantized = array.to_f32().and_then(|values| quantize(&values, wanted, spec.quantization));
        let quantized = quantized.and_then(|array| pack(&array, wanted));
        return quantized.map(|bytes| Prepared { shape, resized: shape != spec.shape, bytes }).ok_or_else(
            || {
                Failure::new(format!("'{name}' holds float32 and cannot be quantized for {spec}"))
                    .help("the input has no single scale; give data of its own type")
            },
        );
    } else {
        let failure = Failure::new(format!("'{name}' holds {found}, but {spec} takes {wanted}"));
        let offer = found == TensorType::Float32 && spec.quantization.is_some();
        return Err(if offer {
            failure.help("add --quantize-inputs to quantize float32 with the input's scale and zero point")
        } else {
            failure.help(format!("convert the array to {} first", outside(wanted)))
        });
    };
    let bytes = bytes.ok_or_else(|| Failure::new(format!("inputs of type {wanted} cannot be given")))?;
    Ok(Prepared { shape, resized: shape != spec.shape, bytes })
}

/// The shape that the input gets for an array: the array's own, if the model can take it.
fn shape_for(name: &str, array: &Array, spec: &InputSpec<'_>) -> Result<Shape, Failure> {
    let found = format!("{:?}", array.shape());
    let bad = |help: String| {
        Failure::new(format!("'{name}' has shape {found}, which {spec} cannot take")).help(help)
    };
    let dims = array.shape().iter().map(|&d| u32::try_from(d).ok());
    let shape: Option<Vec<u32>> = dims.collect();
    let Some(shape) = shape.and_then(|dims| Shape::new(&dims)) else {
        return Err(bad("it is larger than a tensor can be".to_owned()));
    };
    if shape.rank() == spec.shape.rank() || spec.any_shape {
        return Ok(shape);
    }
    Err(bad(if shape.elements() == spec.shape.elements() {
        format!("reshape the array to {}", spec.shape)
    } else {
        format!("the model takes {} dimensions", spec.shape.rank())
    }))
}

/// Reads the files for all inputs of a model, in their order.
///
/// # Errors
/// Where there are too few or too many, or one does not fit.
pub fn load(
    paths: &[PathBuf],
    specs: &[InputSpec<'_>],
    preparation: &Preparation,
) -> Result<Vec<Prepared>, Failure> {
    let mut sources = Vec::new();
    for path in paths {
        sources.extend(open(path, specs)?);
    }
    if sources.len() != specs.len() {
        let list: Vec<_> = specs.iter().map(ToString::to_string).collect();
        let s = if specs.len() == 1 { "" } else { "s" };
        return Err(Failure::new(format!(
            "{} given, the model takes {} input{s}",
            match sources.len() {
                0 => "no inputs are".to_owned(),
                1 => "1 input is".to_owned(),
                n => format!("{n} inputs are"),
            },
            specs.len()
        ))
        .help(format!("give one --input for each, in this order: {}", list.join(", "))));
    }
    sources.iter().zip(specs).map(|(source, spec)| source.prepare(spec, preparation)).collect()
}
