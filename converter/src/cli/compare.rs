//! `sedge compare`: where a quantized model loses accuracy.

use std::path::PathBuf;

use serde::Serialize;

use super::pictures::Pictures;
use super::source::{Opened, Reading};
use crate::Failure;
use crate::calibrate::{SampleSpec, Samples};
use crate::compare::{Layer, compare};
use crate::convert::float_graph;
use crate::exec::ModelFile;
use crate::export::to_tflite;
use crate::report::table::{table, text};

/// Compare a quantized model with its float source, layer by layer
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sedge compare float.tflite int8.tflite --data heldout.npz
  sedge compare model.onnx int8.tflite --data samples/ --json

Each line is a tensor that both models compute: its signal to quantization noise ratio (higher is better; a fall from
one line to the next tells where accuracy goes), its range in the float model, and how much of it is at the ends of the
integers' range, values of 0 left out. Samples are as for `sedge convert --calibration`.")]
pub(super) struct Args {
    /// The float model: .tflite, .onnx, .keras, .h5, or the folder of a SavedModel
    float: PathBuf,
    /// The quantized model, a .tflite file
    quantized: PathBuf,
    /// Samples: an .npz file, or a folder of .npz, .npy, .png, .jpg, .bmp and .wav files
    #[arg(short, long, value_name = "PATH")]
    data: PathBuf,
    #[command(flatten)]
    pictures: Pictures,
    #[command(flatten)]
    reading: Reading,
    /// How many of the worst layers are named
    #[arg(long, value_name = "N", default_value_t = 3)]
    worst: usize,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Compared<'c> {
    float: &'c str,
    quantized: &'c str,
    samples: usize,
    layers: &'c [Layer],
    worst: Vec<&'c str>,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let opened = Opened::read(&args.float)?;
    let source = opened.source();
    let graph = float_graph(&source, &args.reading.options(), &mut |_, _| {})?;
    let float = ModelFile::from_bytes(source.name, &to_tflite(&graph)?)?;
    let quantized = ModelFile::read(&args.quantized)?;
    let spec = SampleSpec { scaling: args.pictures.scaling(), ..SampleSpec::of(&graph) };
    let mut samples = Samples::open(&args.data, &spec)?;
    let layers = compare(&float, &quantized, &mut samples, usize::MAX)?;
    let mut order: Vec<&Layer> = layers.iter().filter(|layer| layer.sqnr_db.is_some()).collect();
    order.sort_by(|a, b| a.sqnr_db.partial_cmp(&b.sqnr_db).unwrap_or(std::cmp::Ordering::Equal));
    let worst: Vec<&str> = order.iter().take(args.worst).map(|layer| layer.tensor.as_str()).collect();
    if args.json {
        let (float, quantized) = (source.name, quantized.name());
        return super::print_json(&Compared {
            float,
            quantized,
            samples: samples.len(),
            layers: &layers,
            worst,
        });
    }
    let mut lines = table(&[">#", "operator", "tensor", ">SQNR dB", ">min", ">max", ">saturated %"]);
    for layer in &layers {
        lines.add_row([
            layer.operator.to_string(),
            layer.kind.clone(),
            short(&layer.tensor),
            layer.sqnr_db.map_or("equal".to_owned(), |db| format!("{db:.1}")),
            format!("{:.4}", layer.range[0]),
            format!("{:.4}", layer.range[1]),
            format!("{:.2}", layer.saturated_percent),
        ]);
    }
    let advice = match worst.as_slice() {
        [] => "nothing differs".to_owned(),
        worst => format!(
            "worst: {}\nto leave an operator in float32: sedge convert --keep-float '{}'",
            worst.iter().map(|name| short(name)).collect::<Vec<_>>().join(", "),
            worst.first().map(|name| first_part(name)).unwrap_or_default()
        ),
    };
    super::print(&format!("{} samples\n\n{}\n{advice}", samples.len(), text(&lines)))
}

/// TensorFlow's converter joins the names of all that it fused; the first part is enough.
fn first_part(name: &str) -> &str {
    name.split(';').next().unwrap_or(name)
}

/// The most characters of a name in the table.
const MAX_NAME: usize = 60;

/// The end of the first part of a name: what tells layers apart.
pub(super) fn short(name: &str) -> String {
    let name = first_part(name);
    let count = name.chars().count();
    match count > MAX_NAME {
        true => format!("...{}", name.chars().skip(count - MAX_NAME + 3).collect::<String>()),
        false => name.to_owned(),
    }
}
