//! Chores of the project: `cargo xtask --help`.

mod bench;
mod cmsis;
mod codegen;
mod elf;
mod firmware;
mod operators;
mod test;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    Bench(bench::Args),
    Cmsis(cmsis::Args),
    Codegen(codegen::Args),
    Firmware(firmware::Args),
    Operators(operators::Args),
    Size(firmware::SizeArgs),
    Test(test::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().chore {
        Chore::Bench(args) => bench::run(&args),
        Chore::Cmsis(args) => cmsis::run(&args),
        Chore::Codegen(args) => codegen::run(&args),
        Chore::Firmware(args) => firmware::run(&args),
        Chore::Operators(args) => operators::run(&args),
        Chore::Size(args) => firmware::size(&args),
        Chore::Test(args) => test::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository's root")
}

/// Where cargo puts what it builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}
