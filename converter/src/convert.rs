//! A whole conversion: from the bytes of a source to those of a `.tflite`.

use crate::Failure;
use crate::calibrate::{Calibration, Range, Ranges, Samples, calibrate};
use crate::export::to_tflite;
use crate::graph::{Graph, TensorId};
use crate::import::{self, Source};
use crate::memory::{self, Fitted};
use crate::mixed::{self, Mixed};
use crate::passes::{EqualizeLayers, float_passes, run};
use crate::quantize::{self, Options, Scheme};

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

/// A written model.
#[derive(Clone, Debug)]
pub struct Converted {
    /// The bytes of the `.tflite`.
    pub file: Vec<u8>,
    /// Which operators were left in float32 for accuracy, where that was asked for.
    pub mixed: Option<Mixed>,
    /// What became of its memory; nothing where it has operators that the runtime does not know.
    pub memory: Option<Fitted>,
}

/// Brings a float graph into the form that is asked for, and writes it. `samples` are needed where the form has
/// integers for activations, and the source does not have them already: such a source keeps its own scales. The
/// result runs in the order that needs least memory, and in an arena of `max_arena` bytes where that is given ([`memory::fit`]).
///
/// # Errors
/// Where calibration, quantization or writing fails, or the result would not run, or not in that arena.
pub fn convert(
    mut graph: Graph,
    samples: Option<&mut Samples>,
    calibration: &Calibration,
    options: &Options,
    max_arena: Option<usize>,
) -> Result<Converted, Failure> {
    let mixed = bring_into_form(&mut graph, samples, calibration, options)?;
    let memory = memory::fit(&mut graph, max_arena)?;
    Ok(Converted { file: to_tflite(&graph)?, mixed, memory })
}

/// Quantizes a graph, or whatever its form asks for.
fn bring_into_form(
    graph: &mut Graph,
    samples: Option<&mut Samples>,
    calibration: &Calibration,
    options: &Options,
) -> Result<Option<Mixed>, Failure> {
    if options.min_sqnr.is_some() && !options.scheme.needs_samples() {
        let scheme = options.scheme.name();
        return Err(Failure::usage(format!("{scheme} has no operators in integers to choose among"))
            .help("leave --min-sqnr out, or choose --quantize int8, int16x8 or int4"));
    }
    if quantize::is_quantized(graph) && samples.is_none() && options.scheme != Scheme::None {
        quantize::keep(graph, options)?;
        return Ok(None);
    }
    let input_ranges = input_ranges(graph, options)?;
    // Before the work of calibration, which needs float kernels for all of them too.
    quantize::check(graph, options)?;
    if options.equalize {
        if !options.scheme.needs_samples() {
            let scheme = options.scheme.name();
            return Err(Failure::usage(format!("{scheme} has nothing that equalization would help"))
                .help("leave --equalize out, or choose --quantize int8, int16x8 or int4"));
        }
        run(graph, &[Box::new(EqualizeLayers)], &mut |_, _| {})?;
    }
    let mut options = options.clone();
    let mut mixed = None;
    let ranges = match samples {
        _ if !options.scheme.needs_samples() => Ranges::default(),
        Some(samples) => {
            let mut ranges = calibrate(graph, samples, calibration)?;
            for &(input, range) in &input_ranges {
                ranges.set(input, range);
            }
            if let Some(target) = options.min_sqnr {
                let chosen = mixed::choose(graph, &ranges, samples, calibration, &options, target)?;
                options.kept = chosen.nodes(graph, &options.kept);
                mixed = Some(chosen);
            }
            ranges
        }
        None => {
            let scheme = options.scheme.name();
            return Err(Failure::usage(format!(
                "{scheme} needs samples to learn which values activations take"
            ))
            .help("give samples with --calibration, or choose --quantize dynamic, float16 or none"));
        }
    };
    quantize::quantize(graph, &ranges, &options)?;
    Ok(mixed)
}

/// The inputs whose ranges are given.
fn input_ranges(graph: &Graph, options: &Options) -> Result<Vec<(TensorId, Range)>, Failure> {
    let names: Vec<&str> = graph.inputs.iter().map(|&id| graph.tensor(id).name.as_str()).collect();
    if !options.input_ranges.is_empty() && !options.scheme.needs_samples() {
        let scheme = options.scheme.name();
        return Err(Failure::usage(format!("{scheme} keeps inputs as they are, whatever their range"))
            .help("leave --input-range out, or choose --quantize int8, int16x8 or int4"));
    }
    let found = options.input_ranges.iter().map(|(name, range)| {
        let position = match name {
            Some(name) => names.iter().position(|n| n == name),
            None => (names.len() == 1).then_some(0),
        };
        let input = position.and_then(|i| graph.inputs.get(i)).copied();
        input.map(|id| (id, *range)).ok_or_else(|| {
            let what = name.as_ref().map_or("there is more than one input".to_owned(), |name| {
                format!("there is no input '{name}'")
            });
            Failure::usage(what)
                .help(format!("give --input-range NAME=MIN,MAX, with a name of: {}", names.join(", ")))
        })
    });
    found.collect()
}
