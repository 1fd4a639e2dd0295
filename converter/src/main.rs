//! The `sedge` command.

use std::process::ExitCode;

use clap::Parser as _;
use sedge_converter::cli::{self, Cli};

fn main() -> ExitCode {
    cli::finish(Cli::parse().run())
}
