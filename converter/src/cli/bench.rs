//! `sedge bench`: how long an invocation takes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use sedge_runtime::{Error, Model, Observer, Session, Step};
use serde::Serialize;

use super::engine::{Engine, weights_name};
use super::inputs::{Feed, Inputs};
use super::peak::Peak;
use crate::Failure;
use crate::exec::{ExecOptions, ModelFile, with_session, with_session_in};
use crate::report::summary::Summary;
use crate::report::table::{number, table, text};

/// Measure how long a model takes to run
///
/// Only the invocation is timed; inputs are set anew before each. Without --input they are random
/// numbers, the same every time. Without --runs the model is run 50 times or more, for a second or more,
/// but no longer than 10 seconds.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sedge bench digits.tflite
  sedge bench digits.tflite --profile
  sedge bench digits.tflite --runs 1000 --backend scalar --json")]
pub(super) struct Args {
    /// The model, a .tflite file
    model: PathBuf,
    #[command(flatten)]
    inputs: Inputs,
    /// Timed runs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// Runs before those that are timed
    #[arg(long, value_name = "N", default_value_t = 5)]
    warmup: u32,
    /// Show the time of each operator, measured in runs of their own
    #[arg(long)]
    profile: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    engine: Engine,
}

#[derive(Serialize)]
struct Report {
    model: String,
    version: &'static str,
    cpu: String,
    backend: &'static str,
    weights: &'static str,
    threads: u16,
    runs: usize,
    warmup: u32,
    median_us: f64,
    p05_us: f64,
    p95_us: f64,
    arena_bytes: usize,
    macs: u64,
    gmacs_per_s: f64,
    /// With the profile: what the processor could do at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak: Option<Peak>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operators: Option<Vec<OperatorTime>>,
}

#[derive(Serialize)]
struct OperatorTime {
    index: usize,
    name: String,
    median_us: f64,
    percent: f64,
    macs: u64,
    gmacs_per_s: f64,
}

/// What the session measured.
struct Measured {
    /// Microseconds of each timed run.
    times: Vec<f64>,
    /// For each operator its microseconds in each profiled run.
    operators: Vec<Vec<f64>>,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let file = ModelFile::read(&args.model)?;
    let model = file.model()?;
    let feed = args.inputs.load_or_random(&model)?;
    let options = args.engine.options(feed.shapes());
    let (arena_bytes, summary, measured) = args.engine.on_threads(|| {
        let (arena_bytes, summary) = learn(&file, &model, &options, &feed)?;
        let measured =
            with_session_in(model, &options, arena_bytes, |session| measure(session, &feed, &args))?;
        Ok((arena_bytes, summary, measured))
    })?;
    let times = &measured.times;
    let median_us = percentile(times, 0.5);
    let operators = args.profile.then(|| operator_times(&summary, &measured.operators));
    let report = Report {
        model: file.name().to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        cpu: cpu(),
        backend: options.level.name(),
        weights: weights_name(options.weights),
        threads: args.engine.threads().get(),
        runs: times.len(),
        warmup: args.warmup,
        median_us,
        p05_us: percentile(times, 0.05),
        p95_us: percentile(times, 0.95),
        arena_bytes,
        macs: summary.macs,
        gmacs_per_s: gmacs_per_s(summary.macs, median_us),
        peak: args.profile.then(|| Peak::of(options.level)),
        operators,
    };
    if args.json { super::print_json(&report) } else { super::print(&human(&report)) }
}

/// Runs once to learn how large the arena must be and, where shapes depend on values, what they are.
fn learn(
    file: &ModelFile,
    model: &Model<'_>,
    options: &ExecOptions,
    feed: &Feed,
) -> Result<(usize, Summary), Failure> {
    let result = with_session(*model, options, |session| {
        feed.set(session)?;
        session.invoke()?;
        Ok((session.memory().arena, Summary::of(file.name(), model, |t| session.shape_of(t))))
    });
    result.map_err(|f| if feed.is_random() { random_inputs(f) } else { f })
}

/// The failure of a run on random inputs.
pub(super) fn random_inputs(failure: Failure) -> Failure {
    let advice = failure.advice().map_or(String::new(), |a| format!("{a}\n"));
    failure.help(format!("{advice}the inputs were random; give real ones with --input if they do not suit"))
}

fn measure(session: &mut Session<'_>, feed: &Feed, args: &Args) -> Result<Measured, Error> {
    for _ in 0..args.warmup {
        feed.set(session)?;
        session.invoke()?;
    }
    let bar = args.runs.map_or_else(ProgressBar::hidden, |n| ProgressBar::new(n.into()));
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len} runs") {
        bar.set_style(style);
    }
    let mut times = Vec::new();
    let (start, mut shown) = (Instant::now(), Instant::now());
    while goes_on(args.runs, times.len(), start.elapsed()) {
        feed.set(session)?;
        let before = Instant::now();
        session.invoke()?;
        times.push(micros(before.elapsed()));
        // Drawing disturbs what is measured: rarely, and never in quick benchmarks.
        if shown.elapsed() > Duration::from_millis(500) {
            bar.set_position(times.len() as u64);
            shown = Instant::now();
        }
    }
    bar.finish_and_clear();
    let mut profiler = Profiler::new(session.graph().operators().len());
    if args.profile {
        let start = Instant::now();
        let runs = times.len().min(1000);
        while profiler.runs() < runs && (profiler.runs() == 0 || start.elapsed() < Duration::from_secs(10)) {
            feed.set(session)?;
            session.invoke_with(&mut profiler)?;
        }
    }
    Ok(Measured { times, operators: profiler.times })
}

/// Whether another run is due after `done` runs.
fn goes_on(asked: Option<u32>, done: usize, elapsed: Duration) -> bool {
    match asked {
        Some(runs) => done < runs as usize,
        None if done < 3 => true,
        None => {
            elapsed < Duration::from_secs(10)
                && done < 1_000_000
                && (done < 50 || elapsed < Duration::from_secs(1))
        }
    }
}

/// Times each operator.
struct Profiler {
    started: Instant,
    times: Vec<Vec<f64>>,
}

impl Profiler {
    fn new(operators: usize) -> Self {
        Self { started: Instant::now(), times: vec![Vec::new(); operators] }
    }

    fn runs(&self) -> usize {
        self.times.last().map_or(usize::MAX, Vec::len)
    }
}

impl Observer for Profiler {
    fn before(&mut self, _operator: u32) {
        self.started = Instant::now();
    }

    fn after(&mut self, step: &Step<'_>) {
        let time = micros(self.started.elapsed());
        if let Some(times) = self.times.get_mut(step.operator() as usize) {
            times.push(time);
        }
    }
}

fn operator_times(summary: &Summary, times: &[Vec<f64>]) -> Vec<OperatorTime> {
    let medians: Vec<f64> = times.iter().map(|t| percentile(t, 0.5)).collect();
    let total: f64 = medians.iter().sum();
    let each = summary.operators.iter().zip(medians);
    each.map(|(operator, median_us)| OperatorTime {
        index: operator.index,
        name: operator.name.clone(),
        median_us,
        percent: if total > 0.0 { 100.0 * median_us / total } else { 0.0 },
        macs: operator.macs,
        gmacs_per_s: gmacs_per_s(operator.macs, median_us),
    })
    .collect()
}

fn human(report: &Report) -> String {
    let mut rows = table(&["", ">"]);
    let mut row = |name: &str, value: String| {
        rows.add_row([name.to_owned(), value]);
    };
    row("median", format!("{:.2} µs", report.median_us));
    row("5th percentile", format!("{:.2} µs", report.p05_us));
    row("95th percentile", format!("{:.2} µs", report.p95_us));
    row("runs", number(report.runs as u64));
    row("arena", format!("{} bytes", number(report.arena_bytes as u64)));
    row("multiply-accumulates", number(report.macs));
    row("speed", format!("{:.2} GMAC/s", report.gmacs_per_s));
    if let Some(peak) = &report.peak {
        row("peak, int8 products", format!("{:.1} GMAC/s", peak.int8_gmacs_per_s));
        row("peak, float32 products", format!("{:.1} GMAC/s", peak.float32_gmacs_per_s));
    }
    let mut out = format!(
        "{}\n{}, backend {}, weights {}, {}, sedge {}\n{}",
        report.model,
        report.cpu,
        report.backend,
        report.weights,
        if report.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", report.threads) },
        report.version,
        text(&rows)
    );
    if let Some(operators) = &report.operators {
        let mut rows = table(&[">#", "operator", ">median µs", ">%", ">GMAC/s"]);
        for o in operators {
            let speed = if o.macs == 0 { String::new() } else { format!("{:.2}", o.gmacs_per_s) };
            let numbers = [format!("{:.2}", o.median_us), format!("{:.1}", o.percent), speed];
            rows.add_row([o.index.to_string(), o.name.clone()].into_iter().chain(numbers));
        }
        out += &format!("\nOperators\n{}", text(&rows));
    }
    out
}

fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1000.0
}

fn gmacs_per_s(macs: u64, micros: f64) -> f64 {
    if micros > 0.0 { macs as f64 / micros / 1000.0 } else { 0.0 }
}

/// The value that a share of `p` of the others lies below, between the nearest two.
fn percentile(values: &[f64], p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = p * sorted.len().saturating_sub(1) as f64;
    let value = |i: f64| sorted.get(i as usize).copied().unwrap_or(0.0);
    let (low, high) = (value(at.floor()), value(at.ceil()));
    low + (high - low) * at.fract()
}

/// The processor's name, as far as the system tells it.
fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    named.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_lie_between_values() {
        assert_eq!(percentile(&[3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(percentile(&[1.0, 2.0], 0.5), 1.5);
        assert_eq!(percentile(&[], 0.5), 0.0);
        assert_eq!(percentile(&[7.0], 0.95), 7.0);
    }
}
