//! `cargo xtask bench`: times models in Sedge, and beside its peers.
//!
//! The peers are Python packages. `tests/benches/peers.py` runs them and Sedge in turn; it is run with the
//! machine's own Python where that has the packages, else with one in `target/peers` that gets them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::toolchain::{cargo, check};
use crate::{root, target};

/// Time models on one thread, pinned to one core; with --peers beside LiteRT, ONNX Runtime and tract.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Beside the peers, in turn; needs Python 3. The packages that it lacks go into `target/peers`.
    #[arg(long)]
    peers: bool,
    /// .tflite and .onnx files, or folders with them (those of tests/data where there is none).
    #[arg(long, value_name = "PATH", num_args = 1..)]
    models: Vec<PathBuf>,
    /// Print one JSON document instead of tables.
    #[arg(long)]
    json: bool,
}

/// The trained models that come with the project.
const OWN_MODELS: [&str; 3] = ["tests/data/digits", "tests/data/keywords", "tests/data/sine"];

pub(crate) fn run(args: &Args) -> Result<()> {
    let folders = OWN_MODELS.map(|folder| root().join(folder));
    let models = models(if args.models.is_empty() { &folders } else { &args.models })?;
    let mut build = Command::new(cargo());
    build.current_dir(root()).args(["build", "--quiet", "--release", "--locked", "--bin", "sedge"]);
    check(&mut build)?;
    let sedge = target().join("release/sedge");

    if args.peers {
        let mut command = Command::new(python()?);
        command.arg(root().join("tests/benches/peers.py")).arg("--sedge").arg(&sedge);
        return check(command.args(args.json.then_some("--json")).args(&models));
    }
    let lite: Vec<&PathBuf> = models.iter().filter(|path| has_extension(path, "tflite")).collect();
    ensure!(!lite.is_empty(), "only --peers times .onnx files: it converts them");
    let mut documents = Vec::new();
    for path in lite {
        let mut command = Command::new(&sedge);
        command.arg("bench").arg(path);
        if !args.json {
            check(&mut command)?;
            continue;
        }
        let output = command.arg("--json").stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "{command:?}: {}", output.status);
        documents.push(serde_json::from_slice::<serde_json::Value>(&output.stdout)?);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&documents)?);
    }
    Ok(())
}

/// The model files among `paths` and in the folders among them, in the order of their names.
fn models(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_file() {
            found.push(path.clone());
            continue;
        }
        let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut inside = Vec::new();
        for entry in entries {
            inside.push(entry?.path());
        }
        inside.retain(|path| has_extension(path, "tflite") || has_extension(path, "onnx"));
        inside.sort();
        found.extend(inside);
    }
    ensure!(!found.is_empty(), "no .tflite or .onnx file there");
    Ok(found)
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension() == Some(OsStr::new(extension))
}

/// A Python that has the peers' packages.
fn python() -> Result<PathBuf> {
    let has_all = |python: &Path| {
        let imports = ["-c", "import ai_edge_litert, onnxruntime, tract, numpy"];
        let done = Command::new(python).args(imports).stdout(Stdio::null()).stderr(Stdio::null()).status();
        done.is_ok_and(|status| status.success())
    };
    let own = target().join("peers/bin/python");
    if let Some(python) = [PathBuf::from("python3"), own.clone()].into_iter().find(|python| has_all(python)) {
        return Ok(python);
    }
    eprintln!("installing the peers into {}", target().join("peers").display());
    check(Command::new("python3").args(["-m", "venv"]).arg(target().join("peers")))?;
    let requirements = root().join("tests/benches/requirements.txt");
    check(Command::new(&own).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(requirements))?;
    Ok(own)
}
