//! `cargo xtask firmware --bench`: instructions, arena and flash of one inference of each model on each board.
//!
//! QEMU lets each instruction take a nanosecond of the board's time (`-icount shift=0`), so the board's timer counts
//! instructions. On silicon the same program counts cycles.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sedge_runtime::{Model, Session, kernels};
use serde::Serialize;

use super::{Args, BOARDS, Board, emulator, table};
use crate::elf::Footprint;
use crate::toolchain::Cross;
use crate::{cmsis, root, target};

/// The small trained model that comes with the project, and its audio front end, which takes 20 ms of sound.
const OWN: [(&str, &str); 2] = [
    ("keywords", "tests/data/keywords/keywords_int8_tf.tflite"),
    (FRONT_END, "tests/data/keywords/frontend.tflite"),
];

const FRONT_END: &str = "front end";

/// Other people's models, by the names that they have in tables, and their files: those of MLPerf Tiny, and two that listen without end.
const OTHERS: [(&str, &str); 7] = [
    ("kws", "kws_ref_model.tflite"),
    ("vww", "vww_96_int8.tflite"),
    ("resnet8", "resnet8_int8.tflite"),
    ("ad01", "ad01_int8.tflite"),
    ("str_ww", "str_ww_ref_model.tflite"),
    ("okay_nabu", "okay_nabu_stream.tflite"),
    ("vad", "vad_stream.tflite"),
];

/// One model on one board.
#[derive(Debug, Serialize)]
struct Measured {
    model: &'static str,
    board: &'static str,
    core: &'static str,
    form: &'static str,
    /// Of one inference.
    instructions: u64,
    /// Of making the session: what the device does once.
    session_instructions: u64,
    arena_bytes: u64,
    /// Code and constants without the model and what was prepared of it; what prints the result is among them.
    flash_bytes: u64,
    /// Whether the outputs are those of this machine; not asked of CMSIS-DSP's rounding.
    equal: Option<bool>,
    /// What each operator takes, where that was counted.
    operators: Vec<Operator>,
}

/// How a model is in the program: its name in tables, and the program that runs it so.
struct Form {
    name: &'static str,
    program: &'static str,
}

/// The model is read on the device.
const INTERPRETER: Form = Form { name: "interpreter", program: "bench" };
const COMPILED: Form = Form { name: "compiled", program: "bench-compiled" };
/// As [`INTERPRETER`], of the front end only.
const WITH_CMSIS: Form = Form { name: "CMSIS-DSP", program: "bench" };

/// An operator of a model, counted alone.
#[derive(Debug, Serialize)]
struct Operator {
    name: String,
    instructions: u64,
}

/// The models to measure, and where they lie; a line for each of the others that is not there.
fn models(folders: &[PathBuf]) -> Vec<(&'static str, PathBuf)> {
    let mut all: Vec<_> = OWN.iter().map(|&(name, file)| (name, root().join(file))).collect();
    if folders.is_empty() {
        eprintln!("skipped: other people's models; name their folders with --models");
        return all;
    }
    for (model, file) in OTHERS {
        match folders.iter().find_map(|folder| folder.join(file).canonicalize().ok()) {
            Some(path) => all.push((model, path)),
            None => eprintln!("skipped: no {file} in the folders of --models"),
        }
    }
    all
}

pub(super) fn run(args: &Args) -> Result<()> {
    let decoder = emulator::decoder()?;
    let sources = args.cmsis.then(cmsis::sources).transpose()?;
    let mut all = Vec::new();
    for (model, path) in models(&args.models) {
        let expected = on_host(&path)?;
        for board in &BOARDS {
            let Some(tick) = board.tick else { continue };
            if args.board.as_ref().is_some_and(|part| !board.name.contains(part.as_str())) {
                continue;
            }
            let with_cmsis = sources.as_deref().filter(|_| model == FRONT_END);
            let builds = [(None, &[INTERPRETER, COMPILED][..])];
            for (sources, forms) in builds.into_iter().chain(with_cmsis.map(|s| (Some(s), &[WITH_CMSIS][..])))
            {
                let built = build(board, &path, forms, sources)?;
                for form in forms {
                    all.push(measure((model, &path), board, tick, form, (&built, &decoder), expected)?);
                }
            }
        }
    }
    ensure!(!all.is_empty(), "no such board");
    if args.json {
        println!("{}", serde_json::to_string_pretty(&all)?);
    } else {
        print!("{}", table::bench(&all.iter().map(row).collect::<Vec<_>>()));
        for measured in all.iter().filter(|m| args.profile && !m.operators.is_empty()) {
            println!("\n{} on {}:\n", measured.model, measured.core);
            print!(
                "{}",
                table::profile(measured.operators.iter().map(|o| (o.name.as_str(), o.instructions)))
            );
        }
    }
    let wrong = all.iter().filter(|m| m.equal == Some(false)).count();
    ensure!(wrong == 0, "{wrong} of {} results are not those of this machine", all.len());
    Ok(())
}

/// Runs a program that was built, and reads what it prints.
fn measure(
    (model, path): (&'static str, &Path),
    board: &Board,
    tick: f64,
    form: &Form,
    (built, decoder): (&Path, &Path),
    expected: u32,
) -> Result<Measured> {
    let elf = built.join(form.program);
    let qemu: Vec<&str> = board.qemu.iter().copied().chain(["-icount", "shift=0"]).collect();
    let run = emulator::run(&qemu, &elf, decoder)?;
    ensure!(run.failure.is_none(), "{model} on {}: {}", board.name, run.failure.unwrap_or_default());
    let line = run.printed.first().context("the program printed nothing")?;
    let number = |name: &str| -> Result<u64> {
        let mut words = line.split(' ');
        let found = words.by_ref().any(|word| word == name).then(|| words.next()).flatten();
        found.and_then(|n| n.parse().ok()).with_context(|| format!("no {name} in '{line}'"))
    };
    let steps = run.printed.iter().filter_map(|line| line.strip_prefix("step ")?.parse::<f64>().ok());
    let counted = |name: &str| -> Result<u64> {
        let ticks = number(name)?;
        ensure!(ticks != u64::from(u32::MAX), "{model} on {}: too long to count", board.name);
        Ok((ticks as f64 * tick) as u64)
    };
    let file = std::fs::read(path)?;
    let data = match form.program == COMPILED.program {
        true => sedge_compile::compile(&file, model, None)?.data,
        false => file.len(),
    };
    Ok(Measured {
        model,
        board: board.name,
        core: board.core,
        form: form.name,
        instructions: counted("ran")?,
        session_instructions: counted("made")?,
        arena_bytes: number("arena")?,
        flash_bytes: Footprint::read(&elf)?.flash - data as u64,
        equal: (form.name != WITH_CMSIS.name).then_some(number("sum")? == u64::from(expected)),
        operators: names(&file)?
            .into_iter()
            .zip(steps)
            .map(|(name, ticks)| Operator { name, instructions: (ticks * tick) as u64 })
            .collect(),
    })
}

fn row(measured: &Measured) -> [String; 7] {
    [
        measured.model.to_owned(),
        measured.core.to_owned(),
        measured.form.to_owned(),
        format!("{:.3}", measured.instructions as f64 / 1e6),
        format!("{:.3}", measured.session_instructions as f64 / 1e6),
        measured.arena_bytes.to_string(),
        measured.flash_bytes.to_string(),
    ]
}

/// Builds the programs of these forms with this model and returns the folder they are in.
fn build(board: &Board, model: &Path, forms: &[Form], sources: Option<&Path>) -> Result<PathBuf> {
    let cross = Cross::find(board.target)?;
    let target_dir = target().join("firmware");
    let mut command = cross.cargo("build", &root().join("firmware-examples"), board.rustflags);
    command.args(["--quiet", "--release", "--package", "boards", "--features", "bench"]);
    if let Some(sources) = sources {
        cmsis::configure(&mut command, sources);
    }
    command.args(forms.iter().flat_map(|form| ["--bin", form.program]));
    command.arg("--target-dir").arg(&target_dir);
    command.env("BOARD", board.name).env("BENCH_MODEL", model).env("DEFMT_LOG", "info");
    let status = command.status().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    ensure!(status.success(), "the firmware for {} does not build ({status})", board.name);
    Ok(target_dir.join(cross.target()).join("release"))
}

/// The names of a model's operators.
fn names(file: &[u8]) -> Result<Vec<String>> {
    let model = Model::check(file).map_err(|e| anyhow::anyhow!("{e}"))?;
    Ok(model.main().operators().iter().map(|o| model.code(&o).name().to_owned()).collect())
}

/// The checksum of the outputs on this machine, of the same inputs (see `boards/src/measure.rs`).
fn on_host(path: &Path) -> Result<u32> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let failed = |e: sedge_runtime::Error| anyhow::anyhow!("{}: {e}", path.display());
    let model = Model::check(&bytes).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
    let mut arena = vec![0; 1 << 22];
    let mut session = Session::new(model, kernels::ALL, &mut arena).map_err(failed)?;
    let mut state = 1u32;
    for i in 0..session.inputs() {
        for byte in session.input_bytes_mut(i).map_err(failed)? {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
    }
    session.invoke().map_err(failed)?;
    let mut sum = 0x811c_9dc5u32;
    for o in 0..session.outputs() {
        let bytes = session.output_bytes(o).map_err(failed)?;
        sum = bytes.iter().fold(sum, |sum, &byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    }
    Ok(sum)
}
