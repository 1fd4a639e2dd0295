//! `cargo xtask cmsis`: the sources of Arm's CMSIS-DSP, which `sedge-cmsis` is built from. They are fetched as the source package of
//! its Python wrapper, which holds them all, and are no part of the repository.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::target;
use crate::toolchain::{check, llvm};

/// Fetch the sources of CMSIS-DSP and print the folder they are in.
///
/// `export CMSIS_DSP=$(cargo xtask cmsis)` is then what building `sedge-cmsis` needs, beside clang and libclang.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// The package, and the SHA-256 of its file.
const PACKAGE: &str = "cmsisdsp-1.10.3";
const REQUIREMENT: &str = "cmsisdsp==1.10.3 \
    --hash=sha256:307d32298faa7c58db912851027fce35f886fec7eb1a27c4b309ce1a97f47519\n";

pub(crate) fn run(_args: &Args) -> Result<()> {
    println!("{}", sources()?.display());
    Ok(())
}

/// What compiles CMSIS-DSP, and what makes its bindings, as Debian's packages.
pub(crate) const PACKAGES: [&str; 2] = ["clang", "libclang1"];

/// What is missing here to build with CMSIS-DSP, and what would help.
pub(crate) fn lack() -> Option<String> {
    llvm("clang")
        .is_none()
        .then(|| format!("no clang on PATH; on Debian `apt-get install {}`", PACKAGES.join(" ")))
}

/// The folder of the sources: the one that `CMSIS_DSP` names, or that of the package, which is fetched once.
pub(crate) fn sources() -> Result<PathBuf> {
    if let Some(named) = env::var_os("CMSIS_DSP") {
        return Ok(named.into());
    }
    let folder = target().join("cmsis");
    let sources = folder.join(PACKAGE);
    if !is_complete(&sources) {
        fetch(&folder).context("cannot fetch CMSIS-DSP; CMSIS_DSP may name a folder with its sources")?;
        ensure!(is_complete(&sources), "{} does not hold CMSIS-DSP", sources.display());
    }
    Ok(sources)
}

/// Has cargo build the firmware's packages with CMSIS-DSP, of these sources.
pub(crate) fn configure(command: &mut Command, sources: &Path) {
    command.args(["--features", "cmsis"]).env("CMSIS_DSP", sources);
}

fn is_complete(sources: &Path) -> bool {
    sources.join("Include/arm_math.h").is_file()
}

/// Downloads the package with pip, which checks its hash, and unpacks it.
fn fetch(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, REQUIREMENT)?;
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-binary",
        "cmsisdsp",
        "--require-hashes",
    ]);
    check(pip.arg("--dest").arg(folder).arg("--requirement").arg(&requirements))?;
    check(Command::new("tar").arg("xzf").arg(folder.join(format!("{PACKAGE}.tar.gz"))).arg("-C").arg(folder))
}
