//! `cargo xtask test`: every check of the project, the one command before a change is handed in.

mod tally;

use std::env;
use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::toolchain::{self, Cross, EMULATORS, GUESTS, Guest, TARGETS, cargo, is_on_path};
use crate::{cmsis, codegen, firmware, operators, root, target};
use tally::Tally;

/// Run every check: formatting, lints, generated code, tests, firmware.
///
/// Installs what it needs where it can. What it still lacks is named and skipped; with CI=true a lack
/// is a failure. The last line is `N passed, M failed, K skipped`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Install nothing.
    #[arg(long)]
    no_install: bool,
}

/// The workspaces beside the root's.
const OTHER_WORKSPACES: [&str; 3] = ["firmware-examples", "xtask/flatc", "xtask/defmt"];

pub(crate) fn run(args: &Args) -> Result<()> {
    let ci = env::var("CI").is_ok_and(|value| value == "true");
    if !args.no_install {
        toolchain::install(ci && !codegen::is_ready());
    }
    let mut tally = Tally::new(ci);

    formatting(&mut tally);
    tally.check(
        "clippy",
        cargo_in("").args(["clippy", "--workspace", "--all-targets", "--locked"]).args(STRICT),
    );
    tally.check(
        "clippy of the firmware's logic",
        firmware_cargo("clippy").args(["--package", "app", "--all-targets"]).args(STRICT),
    );
    generated_code(&mut tally, ci);
    tally.tests(
        "tests",
        cargo_in("")
            .args(["test", "--workspace", "--locked", "--no-fail-fast"])
            .args(["--features", FEATURES]),
    );
    for guest in &GUESTS {
        kernels_of(guest, &mut tally);
    }
    table_of_operators(&mut tally);
    tally.tests("tests of the firmware's logic", firmware_cargo("test").args(["--package", "app"]));
    let cmsis = with_cmsis(&mut tally);
    firmware_runs(&mut tally, cmsis);
    licences(&mut tally);

    ensure_passed(&tally)
}

const STRICT: [&str; 3] = ["--", "-D", "warnings"];

/// What no member turns on by itself and every test may use.
const FEATURES: &str = "sedge-schema/write,sedge-runtime/std";

fn ensure_passed(tally: &Tally) -> Result<()> {
    let failed = tally.summary();
    // The summary is the last line, so no message follows it.
    if failed > 0 {
        std::process::exit(1);
    }
    Ok(())
}

/// Cargo, as a check runs it, in this folder of the repository.
fn cargo_in(folder: &str) -> Command {
    let mut command = Command::new(cargo());
    command.current_dir(root().join(folder));
    command
}

fn firmware_cargo(subcommand: &str) -> Command {
    let mut command = cargo_in("firmware-examples");
    command.args([subcommand, "--locked", "--target-dir"]).arg(target().join("firmware"));
    command
}

/// Folders whose modules a macro declares, so that `cargo fmt` does not find them.
const LISTED_MODULES: [&str; 2] = ["schema/src/op", "runtime/src/kernels"];

fn formatting(tally: &mut Tally) {
    tally.check("rustfmt", cargo_in("").args(["fmt", "--all", "--check"]));
    for folder in LISTED_MODULES {
        tally.result(&format!("rustfmt in {folder}"), formatted(folder));
    }
    for folder in OTHER_WORKSPACES {
        tally.check(&format!("rustfmt in {folder}"), cargo_in(folder).args(["fmt", "--all", "--check"]));
    }
}

/// Fails where a file of this folder is not as `rustfmt` would have it.
fn formatted(folder: &str) -> Result<()> {
    let mut command = Command::new("rustfmt");
    command.current_dir(root()).args(["--edition", "2024", "--check"]);
    for entry in fs::read_dir(root().join(folder))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            command.arg(path);
        }
    }
    let status = command.status()?;
    ensure!(status.success(), "{folder} is not formatted: run `rustfmt --edition 2024 {folder}/*.rs`");
    Ok(())
}

/// The kernels' tests on another processor's vectors.
fn kernels_of(guest: &Guest, tally: &mut Tally) {
    let name = format!("kernels on {}", guest.target);
    if let Some(lack) = guest.lack() {
        return tally.lack(&format!("{name}: {lack}"));
    }
    let mut command = cargo_in("");
    command.args(["test", "--locked", "--no-fail-fast", "--features", "sedge-simd/std"]);
    command.args(["--package", "sedge-simd", "--package", "sedge-tests"]);
    command.args(["--test", "levels", "--test", "naive", "--test", "conformance"]);
    guest.configure(&mut command);
    tally.tests(&name, &mut command);
}

/// Building flatc takes minutes: not on a developer's machine unless it is there already.
fn generated_code(tally: &mut Tally, ci: bool) {
    if ci || codegen::is_ready() {
        tally.result("generated code", codegen::check());
    } else {
        tally.skip("generated code: flatc is not built yet; `cargo xtask codegen --check` does");
    }
}

fn table_of_operators(tally: &mut Tally) {
    match operators::check() {
        Some(result) => tally.result("table of operators", result),
        None => tally.skip("table of operators: the conformance suite is not at hand"),
    }
}

/// The tests of what is built of CMSIS-DSP, and whether that can be built here.
fn with_cmsis(tally: &mut Tally) -> bool {
    let lack = cmsis::lack().map_or_else(|| cmsis::sources().map_err(|error| format!("{error:#}")), Err);
    match lack {
        Err(lack) => {
            tally.lack(&format!("CMSIS-DSP: {lack}"));
            false
        }
        Ok(sources) => {
            let mut clippy = firmware_cargo("clippy");
            clippy.args([
                "--package",
                "sedge-cmsis",
                "--package",
                "app",
                "--features",
                "app/cmsis",
                "--all-targets",
            ]);
            tally.check("clippy with CMSIS-DSP", clippy.args(STRICT).env("CMSIS_DSP", &sources));
            let mut tests = firmware_cargo("test");
            tests.args(["--package", "sedge-cmsis"]);
            tally.tests("tests of CMSIS-DSP", tests.env("CMSIS_DSP", &sources));
            true
        }
    }
}

fn firmware_runs(tally: &mut Tally, cmsis: bool) {
    let mut lacks: Vec<String> = TARGETS
        .into_iter()
        .filter_map(|target| Cross::find(target).err())
        .map(|error| format!("{error:#}"))
        .collect();
    lacks.extend(EMULATORS.iter().filter(|e| !is_on_path(e)).map(|e| format!("no {e} on PATH")));
    if let Some(lack) = lacks.first() {
        return tally.lack(&format!("firmware: {lack}"));
    }
    for (core, result) in firmware::without_panics() {
        tally.result(&format!("no panic on {core}"), result);
    }
    tally.begin("firmware");
    match firmware::reports(&firmware::Args { cmsis, ..Default::default() }) {
        Err(error) => tally.result("firmware", Err(error)),
        Ok(reports) => {
            for report in reports {
                let name = format!("{} on {}", report.program, report.board);
                let result = (|| {
                    ensure!(report.failures.is_empty(), "{}", report.failures.join("; "));
                    Ok(())
                })();
                tally.result(&name, result);
            }
        }
    }
}

fn licences(tally: &mut Tally) {
    if !root().join("deny.toml").exists() {
        return;
    }
    if is_on_path("cargo-deny") {
        tally.check("licences and advisories", cargo_in("").args(["deny", "check"]));
    } else {
        tally.skip("licences and advisories: cargo-deny is not installed");
    }
}
