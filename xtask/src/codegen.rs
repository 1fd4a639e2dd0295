//! `cargo xtask codegen`: writes schema/src/generated.rs, or checks it, from schema/model.fbs.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{root, target};

/// The one release of flatc whose output goes with the `flatbuffers` crate in Cargo.toml.
const FLATC_VERSION: &str = "25.12.19";

const SCHEMA: &str = "schema/model.fbs";
const GENERATED: &str = "schema/src/generated.rs";

/// Write schema/src/generated.rs from schema/model.fbs.
///
/// Takes flatc from PATH if it is the right release. Otherwise it builds flatc first, which needs cmake and a C++
/// compiler, and some minutes the first time.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail if the file is not what flatc makes of the schema.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let out = target().join("codegen");
    fs::create_dir_all(&out).with_context(|| format!("cannot create {}", out.display()))?;

    // A file left from an earlier run must not pass for this run's.
    let made = out.join("model_generated.rs");
    if made.exists() {
        fs::remove_file(&made).with_context(|| format!("cannot remove {}", made.display()))?;
    }
    flatc(&out)?;
    let new = fs::read(&made).with_context(|| format!("flatc left no {}", made.display()))?;

    let committed = root().join(GENERATED);
    let same = fs::read(&committed).is_ok_and(|old| old == new);
    if args.check {
        ensure!(same, "{GENERATED} is not what flatc makes of {SCHEMA}: run `cargo xtask codegen`");
        println!("{GENERATED} is up to date");
    } else if same {
        println!("{GENERATED} was up to date");
    } else {
        fs::write(&committed, new).with_context(|| format!("cannot write {}", committed.display()))?;
        println!("{GENERATED} written");
    }
    Ok(())
}

/// Fails if the file is not what flatc makes of the schema.
pub(crate) fn check() -> Result<()> {
    run(&Args { check: true })
}

/// Whether the generated code can be checked without building flatc first.
pub(crate) fn is_ready() -> bool {
    is_on_path() || target().join("flatc/release/sedge-flatc").exists()
}

/// Runs flatc over the schema, with `out` for its output.
fn flatc(out: &Path) -> Result<()> {
    let mut command = if is_on_path() {
        Command::new("flatc")
    } else {
        eprintln!(
            "no flatc {FLATC_VERSION} on PATH; running the one in xtask/flatc (minutes the first time)"
        );
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command.args(["run", "--quiet", "--release", "--locked", "--target-dir"]);
        command.arg(target().join("flatc"));
        command.arg("--manifest-path").arg(root().join("xtask/flatc/Cargo.toml")).arg("--");
        command
    };
    command.args(["--rust", "--gen-object-api", "-o"]).arg(out).arg(root().join(SCHEMA));
    let status = command.status().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    if !status.success() {
        bail!("flatc failed ({status})");
    }
    Ok(())
}

/// Whether the flatc on PATH is the release we need.
fn is_on_path() -> bool {
    let Ok(output) = Command::new("flatc").arg("--version").output() else { return false };
    output.status.success()
        && String::from_utf8_lossy(&output.stdout).split_whitespace().any(|word| word == FLATC_VERSION)
}
