//! Whole conversions: from the bytes of a model to those of another.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::calibrate::{MinMax, Samples, Statistic, calibrate};
use crate::export::to_tflite;
use crate::graph::Graph;
use crate::{Failure, import, passes, quantize};

/// How the numbers of a model are stored and computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Precision<'p> {
    /// As the source has them.
    Keep,
    /// All in int8, calibrated with the samples in this file or folder.
    Int8(&'p Path, quantize::Options),
}

/// What a conversion did.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Bytes of the source.
    pub source_bytes: usize,
    /// Bytes of the result.
    pub bytes: usize,
    /// Calibration samples.
    pub samples: usize,
    /// How often each operator is in the result.
    pub operators: BTreeMap<String, usize>,
}

/// A converted model.
#[derive(Clone, Debug)]
pub struct Converted {
    /// The `.tflite` file.
    pub bytes: Vec<u8>,
    /// What was done.
    pub report: Report,
}

/// Converts the model in `source`, which is called `name` in messages.
///
/// # Errors
/// Where the source cannot be read, the calibration samples do not fit, or an operator cannot be
/// quantized.
pub fn convert(name: &str, source: &[u8], precision: Precision<'_>) -> Result<Converted, Failure> {
    let mut graph = import::import(name, source)?;
    let mut samples = 0;
    if let Precision::Int8(path, options) = precision {
        passes::run(&mut graph, &passes::float_passes(), &mut |_, _| {})?;
        let source = Samples::open(path, &graph)?;
        let make = || Box::new(MinMax::default()) as Box<dyn Statistic>;
        let calibration = calibrate(&graph, &source, &make)?;
        samples = calibration.samples;
        quantize::int8(&mut graph, &calibration.ranges, &options)?;
    }
    let bytes = to_tflite(&graph)?;
    let report = Report { source_bytes: source.len(), bytes: bytes.len(), samples, operators: count(&graph) };
    Ok(Converted { bytes, report })
}

fn count(graph: &Graph) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (_, node) in graph.nodes() {
        *counts.entry(node.op.name().to_owned()).or_insert(0) += 1;
    }
    counts
}
