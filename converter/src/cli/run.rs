//! `sedge run`: one invocation, from files to files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::engine::Engine;
use super::inputs::Inputs;
use crate::Failure;
use crate::data::{Array, dequantize, npy_bytes, widen};
use sedge_runtime::Session;

use crate::exec::{ModelFile, with_session};

/// Run a model once on data from files
///
/// Writes output_0.npy, output_1.npy, ... as NumPy reads them. Types that NumPy lacks are written wider:
/// int4 as int8, bfloat16 as float32. If an input's data has another size than the model's input but as
/// many dimensions, the model is run with that size.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sedge run digits.tflite --input digit.npy --output-dir out
  sedge run digits.tflite --input digit.png --output-dir out --dequantize-outputs
  sedge run mobilenet.tflite --input cat.jpg --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --output-dir out
  sedge run codec.tflite --signature encode --input frames.npz --output-dir out
  sedge run two.tflite --input a.npy --input b.npy --output-dir out --backend scalar")]
pub(super) struct Args {
    /// The model, a .tflite file
    model: PathBuf,
    #[command(flatten)]
    inputs: Inputs,
    /// Folder for the outputs, made if missing
    #[arg(short, long, value_name = "DIR")]
    output_dir: PathBuf,
    /// Run this named entry point (`sedge inspect` lists them), not the main graph
    #[arg(long, value_name = "NAME")]
    signature: Option<String>,
    /// Write quantized outputs as float32: scale * (q - zero point)
    #[arg(long)]
    dequantize_outputs: bool,
    #[command(flatten)]
    engine: Engine,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let file = ModelFile::read(&args.model)?;
    let model = file.model_for(args.signature.as_deref())?;
    let feed = args.inputs.load(&model)?;
    let options = args.engine.options(feed.shapes());
    tracing::info!(level = %options.level, weights = ?options.weights, "running");
    let run = |session: &mut Session<'_>| {
        feed.set(session)?;
        session.invoke()?;
        tracing::info!(memory = ?session.memory(), "done");
        let output = |i: usize| {
            Ok(widen(session.output_type(i)?, &session.output_shape(i)?, session.output_bytes(i)?))
        };
        (0..session.outputs()).map(output).collect::<Result<Vec<_>, _>>()
    };
    let outputs = args.engine.on_threads(|| with_session(model, &options, run))?;
    let graph = model.main();
    let signature = args.signature.as_deref().and_then(|name| model.signature(name));
    let mut arrays = Vec::new();
    let mut lines = String::new();
    for (i, (array, tensor)) in outputs.into_iter().zip(graph.outputs().iter()).enumerate() {
        let index = u32::try_from(tensor).ok();
        let tensor = index.and_then(|t| graph.tensors().get(t as usize));
        let unfit = || Failure::new(format!("output {i} has a type that .npy files do not have"));
        let array = array.ok_or_else(unfit)?;
        let quantization = tensor.and_then(|t| t.quantization());
        let array = match quantization.filter(|_| args.dequantize_outputs) {
            Some(q) => dequantize(&array, Some(q)).unwrap_or(array),
            None => array,
        };
        let path = args.output_dir.join(format!("output_{i}.npy"));
        let mut named = signature.iter().flat_map(|s| s.outputs().iter());
        let name = match (named.find(|output| Some(output.tensor_index()) == index), tensor) {
            (Some(output), _) => output.name().as_str(),
            (None, tensor) => tensor.map_or("", |t| t.name().as_str()),
        };
        lines += &format!("{}: {} {:?} '{name}'\n", path.display(), array.tensor_type(), array.shape());
        arrays.push((path, array));
    }
    write_all(&args.output_dir, &arrays)?;
    super::print(&lines)
}

/// Writes all arrays, or none: each into a temporary file that gets its name when all are complete.
fn write_all(dir: &Path, arrays: &[(PathBuf, Array)]) -> Result<(), Failure> {
    let bad = |e: std::io::Error| {
        Failure::new(format!("cannot write the outputs to '{}': {e}", dir.display()))
            .help("choose a folder that can be written with --output-dir")
    };
    fs::create_dir_all(dir).map_err(bad)?;
    let mut files = Vec::new();
    for (path, array) in arrays {
        let mut file = NamedTempFile::new_in(dir).map_err(bad)?;
        file.write_all(&npy_bytes(array)).map_err(bad)?;
        super::readable(&file).map_err(bad)?;
        files.push((path, file));
    }
    for (path, file) in files {
        file.persist(path).map_err(|e| bad(e.error))?;
    }
    Ok(())
}
