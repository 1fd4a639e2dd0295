//! A whole conversion: from the bytes of a source to those of a `.tflite`.

use crate::Failure;
use crate::calibrate::{Samples, calibrate};
use crate::export::to_tflite;
use crate::graph::Graph;
use crate::import::{self, Source};
use crate::passes::{float_passes, run};
use crate::quantize::{self, Options};

/// Reads a source and brings it into the form that is calibrated or written. `seen` is shown the graph as it was
/// read (`import`), and after each pass, with that pass's name.
///
/// # Errors
/// Where the source cannot be converted.
pub fn float_graph(
    source: &Source<'_>,
    options: &import::Options,
    seen: &mut dyn FnMut(&'static str, &Graph),
) -> Result<Graph, Failure> {
    let mut graph = import::import(source, options)?;
    seen("import", &graph);
    run(&mut graph, &float_passes(), seen)?;
    Ok(graph)
}

/// The names of a graph's inputs, under which samples are looked for.
pub fn input_names(graph: &Graph) -> Vec<String> {
    graph.inputs.iter().map(|&t| graph.tensor(t).name.clone()).collect()
}

/// Turns a float graph into an int8 `.tflite`.
///
/// # Errors
/// Where calibration, quantization or writing fails.
pub fn to_int8(mut graph: Graph, samples: &mut Samples, options: &Options) -> Result<Vec<u8>, Failure> {
    // Before the work of calibration, which needs float kernels for all of them too.
    quantize::check(&graph)?;
    let ranges = calibrate(&graph, samples)?;
    quantize::quantize(&mut graph, &ranges, options)?;
    to_tflite(&graph)
}
