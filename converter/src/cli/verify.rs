//! `sedge verify`: whether a model runs, and the same everywhere.

use std::path::PathBuf;

use sedge_runtime::arena::ALIGNMENT;
use sedge_runtime::{Error, Level, Model, Session, TensorType, Weights};
use serde::Serialize;

use super::bench::random_inputs;
use super::engine::weights_name;
use super::inputs::{Feed, Inputs};
use crate::Failure;
use crate::data::widen;
use crate::exec::{ExecOptions, ModelFile, check_operators, with_session, with_session_in};
use crate::report::memory::MemoryReport;
use crate::report::table::{number, table, text};

/// Check that a model is valid and runs the same everywhere
///
/// The file is checked whole, every operator must have a kernel, and a session is made and run on every
/// vector level of this processor, with packed weights and weights in place. Integer outputs must have
/// the same bits on all of them and when run again; float outputs may differ by rounding. Each session
/// must run in an arena of exactly the size that it tells, and must refuse a smaller one. Without --input
/// the inputs are random numbers, the same every time.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sedge verify digits.tflite
  sedge verify digits.tflite --input digit.npy --json")]
pub(super) struct Args {
    /// The model, a .tflite file
    model: PathBuf,
    #[command(flatten)]
    inputs: Inputs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    model: String,
    ok: bool,
    operators: usize,
    random_inputs: bool,
    sessions: Vec<Checked>,
    /// The largest difference between float outputs of two sessions.
    float_difference: f32,
}

/// A session that was made and run.
#[derive(Serialize)]
struct Checked {
    #[serde(flatten)]
    memory: MemoryReport,
    /// How its outputs compare with those of the first session.
    outputs: &'static str,
}

/// An output's type and bytes.
type Output = (TensorType, Vec<u8>);

/// The largest difference that rounding may make between float outputs of two levels, relative to the
/// largest value of the output.
const ROUNDING: f32 = 1e-3;

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let file = ModelFile::read(&args.model)?;
    let result = verify(&file, &args);
    match result {
        Ok(report) if args.json => super::print_json(&report),
        Ok(report) => super::print(&human(&report)),
        Err(failure) => {
            if args.json {
                let reason = failure.to_string();
                super::print_json(
                    &serde_json::json!({ "model": file.name(), "ok": false, "reason": reason }),
                )?;
            }
            Err(failure)
        }
    }
}

fn verify(file: &ModelFile, args: &Args) -> Result<Report, Failure> {
    let model = file.model()?;
    check_operators(&model, ExecOptions::default().resolver)?;
    let feed = args.inputs.load_or_random(&model)?;
    let mut sessions = Vec::new();
    let mut first: Option<Vec<Output>> = None;
    let mut float_difference = 0f32;
    for level in Level::available() {
        for weights in [Weights::InPlace, Weights::Packed] {
            let options =
                ExecOptions { level, weights, input_shapes: feed.shapes(), ..ExecOptions::default() };
            let place = format!("backend {level}, weights {}", weights_name(weights));
            let at =
                |f: Failure| Failure::new(format!("{place}: {f}")).help(f.advice().unwrap_or("no advice"));
            let (memory, outputs) = run_once(&model, &options, &feed)
                .map_err(|f| at(if feed.is_random() { random_inputs(f) } else { f }))?;
            exact(&model, &options, &feed, memory.arena_bytes, &outputs).map_err(at)?;
            let compared = match &first {
                None => Ok("reference"),
                Some(first) => compare(first, &outputs, &mut float_difference),
            };
            let compared = compared.map_err(|reason| {
                Failure::new(format!("{place}: {reason}, compared with the first session"))
                    .help("this is a defect of Sedge; please report it with the model")
            })?;
            first.get_or_insert(outputs);
            sessions.push(Checked { memory, outputs: compared });
        }
    }
    let operators = model.main().operators().len();
    let random_inputs = feed.is_random();
    Ok(Report {
        model: file.name().to_owned(),
        ok: true,
        operators,
        random_inputs,
        sessions,
        float_difference,
    })
}

fn outputs_of(session: &mut Session<'_>, feed: &Feed) -> Result<Vec<Output>, Error> {
    session.reset();
    feed.set(session)?;
    session.invoke()?;
    (0..session.outputs()).map(|i| Ok((session.output_type(i)?, session.output_bytes(i)?.to_vec()))).collect()
}

/// Makes a session and runs it twice, which must give the same.
fn run_once(
    model: &Model<'_>,
    options: &ExecOptions,
    feed: &Feed,
) -> Result<(MemoryReport, Vec<Output>), Failure> {
    let (memory, once, again) = with_session(*model, options, |session| {
        let once = outputs_of(session, feed)?;
        let again = outputs_of(session, feed)?;
        Ok((session.memory(), once, again))
    })?;
    if once != again {
        return Err(Failure::new("a second run gives other outputs")
            .help("this is a defect of Sedge; please report it with the model"));
    }
    Ok((MemoryReport::new(options.level, options.weights, memory), once))
}

/// Checks that the session runs in an arena of `bytes`, and is refused a smaller one.
fn exact(
    model: &Model<'_>,
    options: &ExecOptions,
    feed: &Feed,
    bytes: usize,
    expected: &[Output],
) -> Result<(), Failure> {
    let wrong =
        |what: String| Failure::new(what).help("this is a defect of Sedge; please report it with the model");
    let outputs = with_session_in(*model, options, bytes, |session| outputs_of(session, feed))
        .map_err(|f| wrong(format!("an arena of {bytes} bytes, which should do, is refused: {f}")))?;
    if outputs != expected {
        return Err(wrong(format!("an arena of exactly {bytes} bytes gives other outputs")));
    }
    let less = bytes.saturating_sub(ALIGNMENT);
    match with_session_in(*model, options, less, |session| outputs_of(session, feed)) {
        Ok(_) if less < bytes => Err(wrong(format!("an arena of {bytes} bytes is told, {less} do as well"))),
        _ => Ok(()),
    }
}

/// How outputs compare with those of the first session; fails where they differ too much.
fn compare(first: &[Output], outputs: &[Output], worst: &mut f32) -> Result<&'static str, String> {
    let mut verdict = "same bits";
    for (i, ((kind, a), (_, b))) in first.iter().zip(outputs).enumerate() {
        if a == b {
            continue;
        }
        let (Some(a), Some(b)) = (floats(*kind, a), floats(*kind, b)) else {
            let at = a.iter().zip(b).position(|(a, b)| a != b).unwrap_or(0) / (kind.bits() / 8).max(1);
            return Err(format!("output {i} ({kind}) differs from element {at} on"));
        };
        let largest = a.iter().fold(0f32, |m, v| m.max(v.abs())).max(f32::MIN_POSITIVE);
        for (at, (a, b)) in a.iter().zip(&b).enumerate() {
            let difference = (a - b).abs();
            let same = a == b || (a.is_nan() && b.is_nan());
            if !same && (difference.is_nan() || difference > ROUNDING * largest) {
                return Err(format!(
                    "output {i} ({kind}), element {at}: {a} and {b} differ by more than rounding"
                ));
            }
            *worst = if same { *worst } else { worst.max(difference) };
        }
        verdict = "same but for rounding";
    }
    Ok(verdict)
}

/// The values of a float output.
fn floats(kind: TensorType, bytes: &[u8]) -> Option<Vec<f32>> {
    match kind {
        TensorType::Float32 | TensorType::Complex64 => {
            Some(bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect())
        }
        TensorType::Float64 => {
            Some(bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32).collect())
        }
        TensorType::Float16 => {
            Some(bytes.as_chunks().0.iter().map(|&b| half::f16::from_le_bytes(b).to_f32()).collect())
        }
        TensorType::BFloat16 => {
            let shape = sedge_runtime::Shape::new(&[(bytes.len() / 2) as u32])?;
            widen(kind, &shape, bytes)?.to_f32()
        }
        _ => None,
    }
}

fn human(report: &Report) -> String {
    let mut rows = table(&["backend", "weights", ">arena bytes", "outputs"]);
    for Checked { memory, outputs } in &report.sessions {
        let arena = number(memory.arena_bytes as u64);
        rows.add_row([memory.backend, memory.weights, &arena, outputs]);
    }
    let inputs = if report.random_inputs { "random inputs" } else { "the given inputs" };
    let difference = match report.float_difference {
        0.0 => String::new(),
        d => format!("largest difference between float outputs: {d:e}\n"),
    };
    format!(
        "{}: valid, {} operators, all with kernels\nrun twice on {inputs}, and in an arena of exactly its size:\n{}{difference}",
        report.model,
        report.operators,
        text(&rows)
    )
}
