//! The report of a conversion: one page that needs nothing else, or the same for machines.

use std::fmt::Write as _;

use serde::Serialize;

use super::plan::Plan;
use super::summary::Summary;
use super::svg::escape;
use super::table::number;
use crate::Failure;
use crate::calibrate::Samples;
use crate::compare::{Layer, compare};
use crate::exec::{ExecOptions, ModelFile, with_session};
use crate::import::Source;

/// What a conversion made.
#[derive(Serialize)]
pub struct Report {
    /// What the source is called, and its bytes.
    pub source: String,
    /// The source's bytes.
    pub source_bytes: usize,
    /// The form of the result.
    pub form: String,
    /// Samples that were compared.
    pub samples: usize,
    /// The result.
    pub model: Summary,
    /// Bytes of the arena on a microcontroller, weights in flash.
    pub arena_bytes: usize,
    /// Bytes that live during each operator.
    pub live_bytes: Vec<usize>,
    /// Tensor by tensor how far the result is from the float model; empty where it has no samples.
    pub layers: Vec<Layer>,
    #[serde(skip)]
    plan: String,
}

/// The most samples that a report compares.
const MAX_SAMPLES: usize = 32;

impl Report {
    /// Looks at what was made: `float` is the source's graph as a file, `samples` those that calibrated it.
    ///
    /// # Errors
    /// Where one of the models cannot be run.
    pub fn new(
        source: &Source<'_>,
        form: &str,
        float: &ModelFile,
        result: &ModelFile,
        samples: Option<&mut Samples>,
    ) -> Result<Self, Failure> {
        let count = samples.as_ref().map_or(0, |s| s.len().min(MAX_SAMPLES));
        let layers = match samples {
            Some(samples) => compare(float, result, samples, MAX_SAMPLES)?,
            None => Vec::new(),
        };
        let small = ExecOptions::microcontroller();
        let (plan, arena_bytes) =
            with_session(result.model()?, &small, |session| Ok((Plan::of(session), session.memory().arena)))?;
        let model = with_session(result.model()?, &small, |session| {
            Ok(Summary::of(result.name(), session.model(), |t| session.shape_of(t)))
        })?;
        Ok(Self {
            source: source.name.to_owned(),
            source_bytes: source.bytes.len(),
            form: form.to_owned(),
            samples: count,
            model,
            arena_bytes,
            live_bytes: (0..plan.operators.len()).map(|i| plan.live(i)).collect(),
            layers,
            plan: plan.svg("Activations over time, on a microcontroller"),
        })
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// Where a number has no form in JSON.
    pub fn json(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self)
            .map_err(|e| Failure::new("cannot write the report as JSON").cause(e))
    }

    /// The report as one page.
    pub fn html(&self) -> String {
        let mut out = String::new();
        let title = format!("{} as {}", escape(&self.source), escape(&self.form));
        let _ = write!(
            out,
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style><h1>{title}</h1>"
        );
        let share = 100.0 * self.model.file_bytes as f64 / self.source_bytes.max(1) as f64;
        let figures = [
            (
                "file",
                format!(
                    "{} bytes, {share:.0} % of the source's {}",
                    number(self.model.file_bytes as u64),
                    number(self.source_bytes as u64)
                ),
            ),
            ("arena on a microcontroller", format!("{} bytes", number(self.arena_bytes as u64))),
            ("multiply-accumulates", number(self.model.macs)),
            ("operators", self.model.operators.len().to_string()),
        ];
        out += "<dl>";
        for (name, value) in figures {
            let _ = write!(out, "<div><dt>{name}</dt><dd>{value}</dd></div>");
        }
        out += "</dl>";
        self.noise(&mut out);
        let _ = write!(out, "<h2>Memory</h2><figure>{}</figure>", self.plan);
        self.operators(&mut out);
        out
    }

    fn noise(&self, out: &mut String) {
        if self.layers.is_empty() {
            return;
        }
        let _ = write!(
            out,
            "<h2>Layers</h2><p>On {} of the samples that calibrated it. The bar is the signal to quantization noise ratio \
             in decibels: longer is better, and a fall from one line to the next tells where accuracy goes. The histogram \
             shows the float model's values on a logarithmic scale; shaded is the range that the integers reach.</p>\
             <table><thead><tr><th>#<th>operator<th>tensor<th>noise ratio<th>values<th>range<th>saturated</tr></thead><tbody>",
            self.samples
        );
        let most = self.layers.iter().filter_map(|l| l.sqnr_db).fold(1.0, f64::max);
        let worst = self.layers.iter().filter_map(|l| l.sqnr_db).fold(f64::INFINITY, f64::min);
        for layer in &self.layers {
            let (text, width) = match layer.sqnr_db {
                Some(db) => (format!("{db:.1} dB"), 100.0 * (db / most).clamp(0.0, 1.0)),
                None => ("equal".to_owned(), 100.0),
            };
            let class = if layer.sqnr_db == Some(worst) { " class=\"worst\"" } else { "" };
            let _ = write!(
                out,
                "<tr{class}><td>{}<td>{}<td class=\"name\">{}<td><span class=\"bar\" style=\"width:{width:.0}px\"></span>{text}<td>{}<td>{:.3} to {:.3}<td>{:.2} %</tr>",
                layer.operator,
                escape(&layer.kind),
                escape(layer.tensor.split(';').next().unwrap_or_default()),
                histogram(layer),
                layer.range[0],
                layer.range[1],
                layer.saturated_percent
            );
        }
        *out += "</tbody></table>";
    }

    fn operators(&self, out: &mut String) {
        *out += "<h2>Operators</h2><table><thead><tr><th>#<th>operator<th>reads and writes<th>multiply-accumulates<th>weight bytes</tr></thead><tbody>";
        let most = |of: fn(&super::summary::OperatorSummary) -> u64| {
            self.model.operators.iter().map(of).max().unwrap_or(0).max(1)
        };
        let (macs, bytes) = (most(|o| o.macs), most(|o| o.weight_bytes));
        for operator in &self.model.operators {
            let bar = |n: u64, most: u64| {
                format!(
                    "<span class=\"bar\" style=\"width:{:.0}px\"></span>{}",
                    100.0 * n as f64 / most as f64,
                    number(n)
                )
            };
            let _ = write!(
                out,
                "<tr><td>{}<td>{}<td class=\"name\">{}<td>{}<td>{}</tr>",
                operator.index,
                escape(&operator.name),
                escape(&operator.shapes),
                bar(operator.macs, macs),
                bar(operator.weight_bytes, bytes)
            );
        }
        *out += "</tbody></table>";
    }
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c1c1e;--soft:#6b7280;--line:#e5e7eb;--bar:#2a6f97;--bad:#c1121f;--ground:#fff}\
@media(prefers-color-scheme:dark){:root{--ink:#e5e7eb;--soft:#9ca3af;--line:#374151;--bar:#61a5c2;--bad:#ff6b6b;--ground:#111418}}\
body{font:14px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground);max-width:76rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}p{max-width:46rem;color:var(--soft)}\
dl{display:flex;flex-wrap:wrap;gap:.5rem 2.5rem}dt{color:var(--soft)}dd{margin:0;font-weight:600}\
table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
th{text-align:left;color:var(--soft);font-weight:500}td,th{padding:.15rem 1rem .15rem 0;border-bottom:1px solid var(--line);white-space:nowrap}\
.name{max-width:26rem;overflow:hidden;text-overflow:ellipsis}\
.bar{display:inline-block;height:.7em;background:var(--bar);margin-right:.5em;border-radius:2px;min-width:1px}\
.worst .bar{background:var(--bad)}figure{margin:0;overflow-x:auto;background:#fff;border-radius:6px}\
.values{fill:var(--bar)}.chosen{fill:var(--soft);opacity:.25}";

/// Height and width of a histogram in pixels.
const HEIGHT: f64 = 24.0;
const WIDTH: f64 = 144.0;

/// A small histogram; the shaded part is the range that the integers reach.
fn histogram(layer: &Layer) -> String {
    let most = layer.histogram.iter().copied().max().unwrap_or(0).max(1);
    let step = WIDTH / layer.histogram.len().max(1) as f64;
    let mut out = format!("<svg width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\">");
    let [low, high] = layer.range.map(f64::from);
    if let Some(chosen) = layer.chosen {
        let place =
            |x: f32| (WIDTH * (f64::from(x) - low) / (high - low).max(f64::MIN_POSITIVE)).clamp(0.0, WIDTH);
        let (from, to) = (place(chosen[0]), place(chosen[1]));
        let _ = write!(
            out,
            "<rect class=\"chosen\" x=\"{from:.1}\" width=\"{:.1}\" height=\"{HEIGHT}\"/>",
            to - from
        );
    }
    for (i, &count) in layer.histogram.iter().enumerate().filter(|(_, n)| **n != 0) {
        let height = HEIGHT * (1.0 + count as f64).ln() / (1.0 + most as f64).ln();
        let (x, y) = (i as f64 * step, HEIGHT - height);
        let _ = write!(
            out,
            "<rect class=\"values\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{step:.1}\" height=\"{height:.1}\"/>"
        );
    }
    out + "</svg>"
}
