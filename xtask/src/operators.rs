//! `cargo xtask operators`: writes docs/operators.md, or checks it, from a run of the conformance suite.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::root;
use crate::toolchain::cargo;

const PAGE: &str = "docs/operators.md";

/// Write docs/operators.md: which cases of the conformance suite pass, by operator and element type.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The suite, packed or a folder; without it, the one beside the repository, where the tests look.
    suite: Option<PathBuf>,
    /// Write nothing; fail if the page is not what a run gives.
    #[arg(long)]
    check: bool,
}

/// What [`page`] exits with where no suite is at hand.
const NO_SUITE: i32 = 3;

pub(crate) fn run(args: &Args) -> Result<()> {
    let page = page(args)?.context("no conformance suite is at hand: give its path")?;
    if args.check {
        compare(&page)?;
        println!("{PAGE} is up to date");
    } else if compare(&page).is_ok() {
        println!("{PAGE} was up to date");
    } else {
        let path = root().join(PAGE);
        fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{PAGE} written");
    }
    Ok(())
}

/// Whether the page is what the suite beside the repository gives; `None` where that is not at hand.
pub(crate) fn check() -> Option<Result<()>> {
    let made = page(&Args { suite: None, check: true }).transpose()?;
    Some(made.and_then(|page| compare(&page)))
}

fn compare(page: &[u8]) -> Result<()> {
    let same = fs::read(root().join(PAGE)).is_ok_and(|old| old == page);
    ensure!(same, "{PAGE} is not what the suite gives: run `cargo xtask operators`");
    Ok(())
}

/// The page that a run of the suite gives; `None` where there is no suite.
fn page(args: &Args) -> Result<Option<Vec<u8>>> {
    let mut command = Command::new(cargo());
    command.current_dir(root()).args(["run", "--quiet", "--locked", "--package", "sedge-tests"]);
    command.args(["--bin", "operators", "--"]).stderr(Stdio::inherit());
    if let Some(suite) = &args.suite {
        command.arg(suite.canonicalize().with_context(|| format!("no suite in {}", suite.display()))?);
    }
    let output = command.output().context("cannot run cargo")?;
    match output.status.code() {
        Some(0) => Ok(Some(output.stdout)),
        Some(NO_SUITE) => Ok(None),
        _ => bail!("the suite did not run"),
    }
}
