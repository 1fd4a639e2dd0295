//! `sedge inspect`: what is in a model, and what memory it takes.

use std::path::PathBuf;

use sedge_runtime::{Model, Weights};
use serde::Serialize;

use crate::Failure;
use crate::exec::{ExecOptions, ModelFile, check_operators, with_session};
use crate::report::memory::MemoryReport;
use crate::report::plan::Plan;
use crate::report::summary::Summary;
use crate::report::table::{number, table, text};

/// Show what is in a model: operators, tensors, parameters, work and memory
///
/// Multiply-accumulates are counted for convolutions, matrix products and recurrent cells. The arena
/// sizes are exact: a session runs in that many bytes and not in fewer.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sedge inspect digits.tflite
  sedge inspect digits.tflite --tensors
  sedge inspect digits.tflite --plan-svg plan.svg
  sedge inspect digits.tflite --json | jq .memory.microcontroller.arena_bytes")]
pub(super) struct Args {
    /// The model, a .tflite file
    model: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Draw where each tensor lies over time, for a microcontroller
    #[arg(long, value_name = "FILE")]
    plan_svg: Option<PathBuf>,
    /// Show the graph of this named entry point, not the main one
    #[arg(long, value_name = "NAME")]
    signature: Option<String>,
    /// Show all tensors with their quantization
    #[arg(long)]
    tensors: bool,
}

/// The memory that a model takes, or why that is not known.
#[derive(Serialize)]
struct Report<'r> {
    #[serde(flatten)]
    summary: &'r Summary,
    memory: Option<Memories>,
    /// Why the memory is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct Memories {
    microcontroller: MemoryReport,
    host: MemoryReport,
    /// What it takes where it is compiled into firmware; nothing where it cannot be.
    compiled: Option<Compiled>,
    /// What an interpreter in firmware must name in `op_set!`.
    op_set: String,
    peak: Option<Peak>,
}

#[derive(Serialize)]
struct Compiled {
    arena_bytes: usize,
    /// Weights and prepared data, in flash.
    data_bytes: usize,
}

/// The operator during which the most activations live, on a microcontroller.
#[derive(Serialize)]
struct Peak {
    #[serde(flatten)]
    at: Load,
    /// What lives then, the largest first.
    alive: Vec<Alive>,
    /// What would be the peak without it, and those with as many bytes.
    next: Option<Load>,
}

/// An operator, and the bytes that live while it runs.
#[derive(Serialize)]
struct Load {
    operator: usize,
    name: &'static str,
    bytes: usize,
}

/// Bytes that live from one operator to another.
#[derive(Serialize)]
struct Alive {
    /// The tensors that they hold, one after the other.
    tensors: Vec<String>,
    bytes: usize,
    first: usize,
    last: usize,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let file = ModelFile::read(&args.model)?;
    let model = file.model_for(args.signature.as_deref())?;
    let shapes = |t: u32| model.main().tensors().get(t as usize).map(|t| t.shape()).unwrap_or_default();
    let mut summary = Summary::of(file.name(), &model, shapes);
    if args.tensors {
        summary = summary.with_tensors(&model);
    }
    let (memory, plan, problem) = match memory(&model) {
        Ok((memory, plan)) => (Some(memory), Some(plan), None),
        Err(failure) => (None, None, Some(failure)),
    };
    let problem_text = problem.as_ref().map(ToString::to_string);
    if args.json {
        super::print_json(&Report { summary: &summary, memory, problem: problem_text })?;
    } else {
        let mut out = summary.text();
        match (memory, problem_text) {
            (Some(memory), _) => out += &memory_text(&memory, plan.as_ref().is_some_and(|p| p.partial)),
            (None, problem) => out += &format!("\nMemory\nnot known: {}\n", problem.unwrap_or_default()),
        }
        super::print(&out)?;
    }
    match (&args.plan_svg, plan, problem) {
        (Some(path), Some(plan), _) => {
            let name = args.model.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            super::write_file(path, plan.svg(&format!("{name}: memory plan")).as_bytes())
        }
        (Some(path), None, Some(problem)) => {
            Err(Failure::new(format!("no plan is drawn to '{}'", path.display())).cause(problem))
        }
        _ => Ok(()),
    }
}

/// The memory of a session on a microcontroller and on this machine, and the former's plan.
fn memory(model: &Model<'_>) -> Result<(Memories, Plan), Failure> {
    let exec = ExecOptions::default();
    check_operators(model, exec.resolver)?;
    let small = ExecOptions::microcontroller();
    let fast = ExecOptions { weights: Weights::Packed, ..exec };
    let (micro, plan) = with_session(*model, &small, |session| Ok((session.memory(), Plan::of(session))))?;
    let host = with_session(*model, &fast, |session| Ok(session.memory()))?;
    let load = |(operator, bytes): (usize, usize)| Load {
        operator,
        name: plan.operators.get(operator).copied().unwrap_or_default(),
        bytes,
    };
    let peak = plan.peak().map(|peak| {
        let alive = plan.alive(peak.0).map(|piece| Alive {
            tensors: piece.names.clone(),
            bytes: piece.bytes,
            first: piece.first,
            last: piece.last,
        });
        let mut alive: Vec<Alive> = alive.collect();
        alive.sort_by_key(|piece| std::cmp::Reverse(piece.bytes));
        Peak { at: load(peak), alive, next: plan.next_peak().map(load) }
    });
    let image = sedge_compile::image(*model).ok();
    let memories = Memories {
        microcontroller: MemoryReport::new(small.level, small.weights, micro),
        host: MemoryReport::new(fast.level, fast.weights, host),
        op_set: sedge_compile::op_set(*model, image.as_ref()),
        compiled: image.map(|c| Compiled { arena_bytes: c.arena, data_bytes: c.data.len() }),
        peak,
    };
    Ok((memories, plan))
}

fn memory_text(memory: &Memories, partial: bool) -> String {
    let mut rows =
        table(&["", "backend", "weights", ">arena", ">activations", ">lower bound", ">prepared data"]);
    for (name, m) in [("microcontroller", &memory.microcontroller), ("this machine", &memory.host)] {
        let bytes = [m.arena_bytes, m.activation_bytes, m.lower_bound_bytes, m.prepared_bytes];
        let cells = [name, m.backend, m.weights].map(str::to_owned);
        rows.add_row(cells.into_iter().chain(bytes.map(|b| number(b as u64))));
    }
    let mut out = format!("\nMemory in bytes\n{}", text(&rows));
    if let Some(Compiled { arena_bytes, data_bytes }) = memory.compiled {
        let (arena, data) = (number(arena_bytes as u64), number(data_bytes as u64));
        out += &format!("compiled into firmware (sedge compile): an arena of {arena}, and {data} in flash\n");
    }
    out += &format!("interpreter in firmware: op_set![{}]\n", memory.op_set);
    if let Some(Peak { at: Load { operator, name, bytes }, alive, next }) = &memory.peak {
        out += &format!("peak: {} bytes live during operator {operator}, {name}:\n", number(*bytes as u64));
        for Alive { tensors, bytes, first, last } in alive {
            let from = if first == last { format!("{first}") } else { format!("{first} to {last}") };
            out +=
                &format!("  {:>10}  {} (operator {from})\n", number(*bytes as u64), tensors.join(", then "));
        }
        if let Some(Load { operator, name, bytes }) = next {
            out += &format!(
                "with less there, operator {operator}, {name}, would set it: {} bytes; \
                 `sedge convert --max-arena` makes less\n",
                number(*bytes as u64)
            );
        }
    }
    if partial {
        out += "some shapes depend on values: running the model takes more\n";
    }
    out
}
