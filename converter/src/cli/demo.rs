//! `sedge demo`: the main job on bundled material: convert, run, compare.

use std::path::PathBuf;
use std::time::Instant;

use sedge_runtime::Level;
use serde::Serialize;

use crate::Failure;
use crate::calibrate::{Calibration, Samples};
use crate::convert::{convert, float_graph};
use crate::data::Npz;
use crate::evaluate::top1;
use crate::exec::{ExecOptions, ModelFile, with_session};
use crate::export::to_tflite;
use crate::import::Source;
use crate::quantize::Options;
use crate::report::html::Report;
use crate::report::table::{number, table, text};

/// Convert a bundled float model to int8, and show both on held-out samples
///
/// The model reads handwritten digits. It is converted with the bundled calibration samples; then it, the
/// float model and TensorFlow's own int8 file classify 500 samples that none of them was made with.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sedge demo
  sedge demo --json
  sedge demo --output digits_int8.tflite")]
pub(super) struct Args {
    /// Keep the converted model in this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the report of the conversion into this file
    #[arg(long, value_name = "FILE", default_value = "sedge-demo.html")]
    report: PathBuf,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

const FLOAT: &[u8] = include_bytes!("../../../tests/data/digits/digits_float.tflite");
const TENSORFLOW: &[u8] = include_bytes!("../../../tests/data/digits/digits_int8_tf.tflite");
const CALIBRATION: &[u8] = include_bytes!("../../../tests/data/digits/calibration.npz");
const HELD_OUT: &[u8] = include_bytes!("../../../tests/data/digits/heldout.npz");

/// Invocations that are timed.
const RUNS: usize = 200;

#[derive(Serialize)]
struct Row {
    model: &'static str,
    accuracy_percent: f64,
    size_bytes: usize,
    arena_bytes: usize,
    median_us: f64,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let read = |name: &str, file: &[u8], array: &str| Npz::of(name, file)?.array(array);
    let mut calibration = Samples::of(vec![read("calibration samples", CALIBRATION, "x")?])?;
    let mut held_out = Samples::of(vec![read("held-out samples", HELD_OUT, "x")?])?;
    let labels = super::eval::integers(&read("held-out samples", HELD_OUT, "y")?)
        .ok_or_else(|| Failure::new("the bundled labels are no integers"))?;

    let start = Instant::now();
    let graph = float_graph(&Source::new("the bundled model", FLOAT), &Default::default(), &mut |_, _| {})?;
    let float = to_tflite(&graph)?;
    let int8 =
        convert(graph, Some(&mut calibration), &Calibration::default(), &Options::default(), None)?.file;
    let seconds = start.elapsed().as_secs_f64();
    if let Some(path) = &args.output {
        super::write_file(path, &int8)?;
    }
    let result = ModelFile::from_bytes("digits as int8", &int8)?;
    let float = ModelFile::from_bytes("digits", &float)?;
    let report = Report::new(&Source::new("digits", FLOAT), "int8", &float, &result, Some(&mut calibration))?;
    super::write_file(&args.report, report.html().as_bytes())?;
    let models = [("float32", FLOAT), ("int8, Sedge", &int8), ("int8, TensorFlow", TENSORFLOW)];
    let rows: Vec<Row> = models
        .into_iter()
        .map(|(name, file)| row(name, file, &mut held_out, &labels))
        .collect::<Result<_, _>>()?;
    if args.json {
        return super::print_json(&rows);
    }
    let mut out = table(&["model", "accuracy", "size", "arena", "latency"]);
    for row in &rows {
        out.add_row([
            row.model.to_owned(),
            format!("{:.1} %", row.accuracy_percent),
            format!("{} B", number(row.size_bytes as u64)),
            format!("{} B", number(row.arena_bytes as u64)),
            format!("{:.1} us", row.median_us),
        ]);
    }
    let (samples, tested) = (calibration.len(), labels.len());
    let level = Level::detect();
    super::print(&format!(
        "Converted a digit classifier to int8 in {seconds:.2} s, calibrated on {samples} samples.\n\n{}\n\n\
         Accuracy on {tested} held-out samples. Arena: what a microcontroller needs, weights in flash.\n\
         Latency: median of {RUNS} invocations on this machine, one thread, level {level}.\n\n\
         What became of each layer: {}",
        text(&out),
        args.report.display()
    ))
}

fn row(model: &'static str, file: &[u8], samples: &mut Samples, labels: &[i64]) -> Result<Row, Failure> {
    let file = ModelFile::from_bytes(model, file)?;
    let accuracy_percent = top1(&file, samples, labels)?.percent();
    let small = ExecOptions::microcontroller();
    let arena_bytes = with_session(file.model()?, &small, |session| Ok(session.memory().arena))?;
    let median_us = with_session(file.model()?, &ExecOptions::default(), |session| {
        let mut times = Vec::new();
        for _ in 0..RUNS {
            session.input_bytes_mut(0)?.fill(0);
            let start = Instant::now();
            session.invoke()?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        times.sort_by(f64::total_cmp);
        Ok(times.get(RUNS / 2).copied().unwrap_or(0.0))
    })?;
    Ok(Row { model, accuracy_percent, size_bytes: file.bytes().len(), arena_bytes, median_us })
}
