//! `sedge eval`: the accuracy of a classifier on labelled samples.

use std::path::{Path, PathBuf};

use sedge_runtime::TensorType;
use serde::Serialize;

use super::pictures::Pictures;
use crate::Failure;
use crate::calibrate::{SampleSpec, Samples};
use crate::data::{Array, Npz};
use crate::evaluate::classify;
use crate::exec::ModelFile;
use crate::report::table::{table, text};

/// Measure a classifier's accuracy on labelled samples
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sedge eval int8.tflite --data heldout.npz
  sedge eval float.tflite --data photos/ --labels labels.csv --mean 0.5 --std 0.5 --confusion
  sedge eval int8.tflite --data heldout.npz --top 3 --json

An .npz file holds the samples (float32, the first dimension counting them; named as the model's input or 'x')
and the labels 'y' (integers from 0), unless --labels is given. Samples for quantized inputs are quantized with the
input's scale.")]
pub(super) struct Args {
    /// The model, a .tflite file
    model: PathBuf,
    /// Samples: an .npz file, or a folder of .npz, .npy, .png, .jpg, .bmp and .wav files
    #[arg(short, long, value_name = "PATH")]
    data: PathBuf,
    /// Labels: one number in each line, in the order of the samples (files by their names); or lines 'file,label'
    #[arg(short, long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Count a sample as right too where its label is among the N largest outputs
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,
    /// Show for each label which classes its samples were taken for
    #[arg(long)]
    confusion: bool,
    #[command(flatten)]
    pictures: Pictures,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The name of the array of labels.
const LABELS: &str = "y";

/// The most classes of a confusion matrix that is shown as a table.
const MAX_CLASSES: usize = 40;

#[derive(Serialize)]
struct Evaluated {
    model: String,
    correct: usize,
    samples: usize,
    top1_percent: f64,
    /// N, and the share of samples whose label is among the N largest outputs.
    top: usize,
    top_percent: f64,
    /// For each label how many of its samples were taken for each class.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    confusion: Vec<Vec<u64>>,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let file = ModelFile::read(&args.model)?;
    let spec = SampleSpec { scaling: args.pictures.scaling(), ..spec(&file)? };
    let mut samples = Samples::open(&args.data, &spec)?;
    let labels = match &args.labels {
        Some(path) => listed(path)?,
        None => inside(&args.data)?,
    };
    if samples.len() != labels.len() {
        return Err(Failure::new(format!("there are {} samples and {} labels", samples.len(), labels.len()))
            .help("give each sample a label, in the order of the samples"));
    }
    let found = classify(&file, &mut samples, args.top.max(1))?;
    let within = |most: usize| {
        let pairs = found.iter().zip(&labels);
        pairs.filter(|(classes, label)| classes.iter().take(most).any(|&c| c as i64 == **label)).count()
    };
    let percent = |count: usize| 100.0 * count as f64 / labels.len().max(1) as f64;
    let result = Evaluated {
        model: file.name().to_owned(),
        correct: within(1),
        samples: labels.len(),
        top1_percent: percent(within(1)),
        top: args.top,
        top_percent: percent(within(args.top)),
        confusion: if args.confusion { confusion(&found, &labels)? } else { Vec::new() },
    };
    if args.json {
        return super::print_json(&result);
    }
    let Evaluated { model, correct, samples, top1_percent, top, top_percent, confusion } = result;
    let mut out =
        format!("{model}: {top1_percent:.1} % ({correct} of {samples}), top {top}: {top_percent:.1} %\n");
    if !confusion.is_empty() {
        out += &format!("\n{}", shown(&confusion));
    }
    super::print(&out)
}

/// What samples are for, by the model's inputs.
fn spec(file: &ModelFile) -> Result<SampleSpec, Failure> {
    let model = file.model()?;
    let input = |t: u32| {
        let tensor = model.main().tensors().get(t as usize)?;
        Some((tensor.name().as_str().to_owned(), tensor.shape()))
    };
    let inputs =
        model.main().inputs().iter().filter_map(|t| u32::try_from(t).ok()).filter_map(input).collect();
    Ok(SampleSpec { inputs, ..SampleSpec::default() })
}

/// The labels beside the samples in an `.npz` file.
fn inside(path: &Path) -> Result<Vec<i64>, Failure> {
    if path.is_dir() {
        return Err(Failure::usage("samples in a folder need labels").help("give them with --labels FILE"));
    }
    integers(&Npz::open(path)?.array(LABELS)?).ok_or_else(|| {
        Failure::new(format!("the labels '{LABELS}' of '{}' are no integers", path.display()))
            .help("save them with .astype('int64')")
    })
}

/// The labels in a file of lines: the number that a line ends in. Lines that name files are put into their order.
fn listed(path: &Path) -> Result<Vec<i64>, Failure> {
    let name = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|e| Failure::new(format!("cannot read '{name}': {e}")))?;
    let mut lines = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (file, label) = line.rsplit_once(',').unwrap_or(("", line));
        match label.trim().parse::<i64>() {
            Ok(label) => lines.push((file.trim().to_owned(), label)),
            // The first line may tell what the columns are.
            Err(_) if i == 0 => {}
            Err(_) => {
                return Err(Failure::new(format!("line {} of '{name}' ends in no number: {line}", i + 1))
                    .help("give lines 'file,label' or one label in each line"));
            }
        }
    }
    lines.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(lines.into_iter().map(|(_, label)| label).collect())
}

/// For each label how many of its samples were taken for each class.
fn confusion(found: &[Vec<usize>], labels: &[i64]) -> Result<Vec<Vec<u64>>, Failure> {
    let highest = labels.iter().copied().max().unwrap_or(0).max(0) as usize;
    let classes = found.iter().filter_map(|f| f.first()).copied().max().unwrap_or(0).max(highest) + 1;
    if classes > 4096 {
        return Err(Failure::new(format!("{classes} classes are too many for a confusion matrix")));
    }
    let mut matrix = vec![vec![0; classes]; classes];
    for (found, &label) in found.iter().zip(labels) {
        let row = usize::try_from(label).ok().and_then(|label| matrix.get_mut(label));
        if let (Some(row), Some(&class)) = (row, found.first())
            && let Some(cell) = row.get_mut(class)
        {
            *cell += 1;
        }
    }
    Ok(matrix)
}

fn shown(matrix: &[Vec<u64>]) -> String {
    if matrix.len() > MAX_CLASSES {
        return format!("{} classes are too many for a table; --json gives them", matrix.len());
    }
    let names: Vec<String> = (0..matrix.len()).map(|class| format!(">{class}")).collect();
    let columns: Vec<&str> = std::iter::once(">label").chain(names.iter().map(String::as_str)).collect();
    let mut lines = table(&columns);
    for (label, row) in matrix.iter().enumerate() {
        let cells = row.iter().map(|&n| if n == 0 { ".".to_owned() } else { n.to_string() });
        lines.add_row(std::iter::once(label.to_string()).chain(cells));
    }
    text(&lines)
}

/// The elements of an integer array.
pub(super) fn integers(array: &Array) -> Option<Vec<i64>> {
    let bytes = array.bytes();
    Some(match array.tensor_type() {
        TensorType::Int64 => bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect(),
        TensorType::Int32 => bytes.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b).into()).collect(),
        TensorType::UInt8 => bytes.iter().map(|&b| b.into()).collect(),
        TensorType::Int8 => bytes.iter().map(|&b| (b as i8).into()).collect(),
        _ => return None,
    })
}
