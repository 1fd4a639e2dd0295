//! `cargo xtask firmware`: builds the firmware examples for all boards, runs them in QEMU and
//! compares what they print with the `.out` beside them. `cargo xtask size` only measures them.

mod bench;
mod emulator;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use sedge_runtime::Model;
use serde::Serialize;

use crate::elf::{Footprint, plain};
use crate::toolchain::{Cross, cargo};
use crate::{cmsis, root, target};

/// Build the firmware examples for all boards, run them in QEMU and check what they print.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Args {
    /// Print the table as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write what the programs print on the first board that runs them into their `.out` files.
    #[arg(long)]
    pub(crate) update: bool,
    /// Count the instructions of one inference of each model instead: the small trained one that comes with the project,
    /// its audio front end, and those in --models.
    #[arg(long)]
    pub(crate) bench: bool,
    /// With --bench, the folders with the .tflite files of MLPerf Tiny and of the streaming models okay_nabu and vad.
    #[arg(long, value_name = "DIR", num_args = 1.., requires = "bench")]
    pub(crate) models: Vec<PathBuf>,
    /// With --bench, tell the instructions of each operator as well.
    #[arg(long, requires = "bench")]
    pub(crate) profile: bool,
    /// Also build and run what uses CMSIS-DSP; see `cargo xtask cmsis`.
    #[arg(long)]
    pub(crate) cmsis: bool,
    /// Only boards whose name contains this.
    #[arg(long)]
    pub(crate) board: Option<String>,
}

/// Measure the firmware examples: flash and RAM.
#[derive(clap::Args)]
pub(crate) struct SizeArgs {
    /// Print the table as JSON.
    #[arg(long)]
    json: bool,
}

/// A board of QEMU's.
struct Board {
    /// Its file of firmware-examples/boards/memory.
    name: &'static str,
    core: &'static str,
    target: &'static str,
    rustflags: &'static str,
    qemu: &'static [&'static str],
    programs: &'static [&'static str],
    /// For the boards that models are measured on, the nanoseconds from one tick of the timer to the next.
    tick: Option<f64>,
    /// Whether the programs of [`CMSIS`] run here: on a core with DSP instructions, one with vectors and one with neither.
    cmsis: bool,
}

impl Board {
    /// What decides which of the runtime's functions its core gets.
    fn kind(&self) -> (&str, Option<&str>) {
        (self.target, self.rustflags.split_once("--cfg").map(|(_, name)| name))
    }
}

/// What differs between cores of one family is the network, and the functions for its layers.
const SOME: &[&str] = &["keyword-spotting", "person-detection", "layers"];
const ALL: &[&str] =
    &["hello-sine", "gesture", "vibration", "keyword-spotting", "person-detection", "layers"];

/// What can be built with CMSIS-DSP; printed is the same.
const CMSIS: &[&str] = &["keyword-spotting"];

const BOARDS: [Board; 7] = [
    Board {
        name: "mps2-an386",
        core: "Cortex-M4F",
        target: "thumbv7em-none-eabihf",
        rustflags: "",
        qemu: &["qemu-system-arm", "-M", "mps2-an386"],
        programs: ALL,
        tick: Some(40.0),
        cmsis: true,
    },
    Board {
        name: "microbit",
        core: "Cortex-M0",
        target: "thumbv6m-none-eabi",
        rustflags: "",
        qemu: &["qemu-system-arm", "-M", "microbit"],
        programs: &["hello-sine", "gesture", "vibration"],
        tick: None,
        cmsis: false,
    },
    Board {
        name: "mps2-an385",
        core: "Cortex-M0 code",
        target: "thumbv6m-none-eabi",
        rustflags: "",
        qemu: &["qemu-system-arm", "-M", "mps2-an385"],
        programs: SOME,
        tick: Some(40.0),
        cmsis: true,
    },
    Board {
        name: "mps2-an500",
        core: "Cortex-M7",
        target: "thumbv7em-none-eabihf",
        rustflags: "-Ctarget-cpu=cortex-m7",
        qemu: &["qemu-system-arm", "-M", "mps2-an500"],
        programs: SOME,
        tick: Some(40.0),
        cmsis: false,
    },
    Board {
        name: "mps2-an505",
        core: "Cortex-M33",
        target: "thumbv8m.main-none-eabihf",
        rustflags: "-Ctarget-cpu=cortex-m33 --cfg sedge_dsp",
        qemu: &["qemu-system-arm", "-M", "mps2-an505"],
        programs: SOME,
        tick: Some(50.0),
        cmsis: false,
    },
    Board {
        name: "mps3-an547",
        core: "Cortex-M55",
        target: "thumbv8m.main-none-eabihf",
        rustflags: "-Ctarget-cpu=cortex-m55 --cfg sedge_mve",
        qemu: &["qemu-system-arm", "-M", "mps3-an547"],
        programs: SOME,
        tick: Some(31.25),
        cmsis: true,
    },
    Board {
        name: "riscv-virt",
        core: "RV32IMC",
        target: "riscv32imc-unknown-none-elf",
        rustflags: "",
        qemu: &["qemu-system-riscv32", "-M", "virt", "-bios", "none", "-cpu", "rv32,a=off,f=off,d=off"],
        programs: ALL,
        tick: Some(1.0),
        cmsis: false,
    },
];

/// What a program has besides itself: its models, and the inputs it plays.
struct Data {
    /// Bytes of both in flash.
    bytes: u64,
    /// The models' operators, by their [`plain`] names.
    operators: BTreeSet<String>,
}

impl Data {
    fn of(program: &str, with_cmsis: bool) -> Result<Self> {
        let read = |file: &str| fs::read(root().join(file)).with_context(|| file.to_owned());
        // Models in folders of tests/data, and whether they are compiled in.
        let (models, inputs): (&[_], _) = match program {
            "layers" => return Ok(Self { bytes: 0, operators: BTreeSet::new() }),
            "hello-sine" => (&[("sine/sine_int8_tf", true)], "sine.bin"),
            "vibration" => (&[("vibration/vibration_int8_tf", true)], "vibration.bin"),
            "gesture" => (&[("gesture/gesture_int8_tf", true)], "gesture.bin"),
            "person-detection" => (&[("person/person_int8_tf", false)], "person.bin"),
            _ if with_cmsis => {
                (&[("keywords/frontend", false), ("keywords/keywords_int8_tf", false)], "keywords.bin")
            }
            _ => (&[("keywords/frontend", true), ("keywords/keywords_int8_tf", false)], "keywords.bin"),
        };
        let mut bytes = read(&format!("firmware-examples/fixtures/{inputs}"))?.len();
        let mut operators = BTreeSet::new();
        for (model, is_compiled) in models {
            let file = read(&format!("tests/data/{model}.tflite"))?;
            bytes +=
                if *is_compiled { sedge_compile::compile(&file, program, None)?.data } else { file.len() };
            let model = Model::check(&file)?;
            operators.extend(model.main().operators().iter().map(|op| plain(model.code(&op).name())));
        }
        Ok(Self { bytes: bytes as u64, operators })
    }
}

/// What came of one program on one board.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) program: String,
    pub(crate) board: &'static str,
    core: &'static str,
    /// Bytes of flash, all in all.
    flash: u64,
    /// Bytes of flash without the model and the inputs that the program plays.
    flash_code: u64,
    /// Operators whose kernels are linked; all of them are the model's.
    kernels: usize,
    /// Bytes of variables, the arena among them.
    ram: u64,
    /// Bytes of the arena that the session uses.
    arena: Option<u64>,
    /// What is wrong; empty where all is right.
    pub(crate) failures: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.bench {
        return bench::run(args);
    }
    let reports = reports(args)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&reports)?);
    } else {
        print!("{}", table::markdown(&reports));
    }
    let failed = reports.iter().filter(|report| !report.failures.is_empty()).count();
    ensure!(failed == 0, "{failed} of {} firmware runs failed", reports.len());
    Ok(())
}

pub(crate) fn size(args: &SizeArgs) -> Result<()> {
    let mut reports = Vec::new();
    for board in &BOARDS {
        let built = build(board, None)?;
        for program in board.programs {
            reports.push(measure(board, program, &built, false)?);
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&reports)?);
    } else {
        print!("{}", table::markdown(&reports));
    }
    Ok(())
}

/// Builds, measures and runs all programs on all boards. An error means that this could not be tried;
/// what a program did wrong is in its report.
pub(crate) fn reports(args: &Args) -> Result<Vec<Report>> {
    let decoder = emulator::decoder()?;
    let sources = args.cmsis.then(cmsis::sources).transpose()?;
    let mut reports = Vec::new();
    for board in &BOARDS {
        if args.board.as_ref().is_some_and(|part| !board.name.contains(part.as_str())) {
            continue;
        }
        let with_cmsis = sources.as_deref().filter(|_| board.cmsis).map(|sources| (CMSIS, Some(sources)));
        for (programs, sources) in [(board.programs, None)].into_iter().chain(with_cmsis) {
            // The programs of one build have the names of the other's.
            let built = build(board, sources)?;
            for &program in programs {
                let mut report = measure(board, program, &built, sources.is_some())?;
                let run = emulator::run(board.qemu, &built.join(program), &decoder)?;
                report.arena = run.arena;
                report.failures.extend(run.failure.clone());
                let first = !reports.iter().any(|other: &Report| other.program == program);
                let update = args.update && first && sources.is_none();
                check_output(program, &run, update, sources.is_some(), &mut report.failures)?;
                for failure in &report.failures {
                    eprintln!("{} on {}: {failure}", report.program, board.name);
                }
                reports.push(report);
            }
        }
    }
    ensure!(!reports.is_empty(), "no such board");
    Ok(reports)
}

/// Links, for one core of each kind, programs that only link where nothing of Sedge can panic; what came of it on each.
pub(crate) fn without_panics() -> impl Iterator<Item = (&'static str, Result<()>)> {
    let is_first =
        |&(i, board): &(usize, &Board)| BOARDS[..i].iter().all(|other| other.kind() != board.kind());
    BOARDS.iter().enumerate().filter(is_first).map(|(_, board)| (board.core, cannot_panic(board)))
}

fn cannot_panic(board: &Board) -> Result<()> {
    let cross = Cross::find(board.target)?;
    let mut command = cross.cargo("build", &root().join("firmware-examples"), board.rustflags);
    command.args(["--quiet", "--release", "--package", "no-panic", "--bins", "--target-dir"]);
    command.arg(target().join("firmware"));
    let status = command.status().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    ensure!(status.success(), "where the linker found no `sedge_can_panic`, something can panic");
    Ok(())
}

/// Builds the programs of a board, or those of [`CMSIS`] with its sources, and returns the folder they are in.
fn build(board: &Board, sources: Option<&Path>) -> Result<PathBuf> {
    let cross = Cross::find(board.target)?;
    let target_dir = target().join("firmware");
    let mut command = cross.cargo("build", &root().join("firmware-examples"), board.rustflags);
    command.args(["--quiet", "--release", "--package", "boards"]);
    let programs = if sources.is_some() { CMSIS } else { board.programs };
    command.args(programs.iter().flat_map(|program| ["--bin", program]));
    if let Some(sources) = sources {
        cmsis::configure(&mut command, sources);
    }
    command.arg("--target-dir").arg(&target_dir);
    command.env("BOARD", board.name).env("DEFMT_LOG", "info");
    let status = command.status().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    if !status.success() {
        bail!("the firmware for {} does not build ({status})", board.name);
    }
    Ok(target_dir.join(cross.target()).join("release"))
}

fn measure(board: &Board, program: &str, built: &Path, with_cmsis: bool) -> Result<Report> {
    let footprint = Footprint::read(&built.join(program))?;
    let data = Data::of(program, with_cmsis)?;
    let mut failures = Vec::new();
    // What a program does not name must not cost it anything.
    for kernel in footprint.kernels.difference(&data.operators) {
        failures.push(format!("links {kernel}, which its model does not have"));
    }
    if let Some(symbol) = footprint.allocator.first() {
        failures.push(format!("links a memory allocator: {symbol}"));
    }
    Ok(Report {
        program: if with_cmsis { format!("{program}, CMSIS-DSP") } else { program.to_owned() },
        board: board.name,
        core: board.core,
        flash: footprint.flash,
        flash_code: footprint.flash - data.bytes,
        kernels: footprint.kernels.len(),
        ram: footprint.ram,
        arena: None,
        failures,
    })
}

/// Compares what a program printed with its `.out`, or writes that. With CMSIS-DSP the decisions count, not the scores before them.
fn check_output(
    program: &str,
    run: &emulator::Run,
    update: bool,
    with_cmsis: bool,
    failures: &mut Vec<String>,
) -> Result<()> {
    let path = root().join("firmware-examples/boards/src/bin").join(format!("{program}.out"));
    if update && run.failure.is_none() {
        let printed: String = run.printed.iter().map(|line| format!("{line}\n")).collect();
        fs::write(&path, &printed).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let expected = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let counts = |line: &str| match line.split_once("] ") {
        Some((_, decision)) if with_cmsis => decision.to_owned(),
        _ => line.to_owned(),
    };
    let found: Vec<_> = run.printed.iter().map(|line| counts(line)).collect();
    let wanted: Vec<_> = expected.lines().map(counts).collect();
    if found == wanted {
        return Ok(());
    }
    let first = found.iter().zip(&wanted).take_while(|(found, line)| found == line).count();
    failures.push(format!(
        "line {} of the output is {:?}, should be {:?}",
        first + 1,
        found.get(first),
        wanted.get(first)
    ));
    Ok(())
}

/// The cargo command that builds a tool of the project's own, in release mode.
fn tool(manifest: &str, target_dir: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(cargo());
    command.args(["build", "--quiet", "--release", "--locked", "--target-dir"]).arg(target_dir);
    command.arg("--manifest-path").arg(root().join(manifest));
    command
}
