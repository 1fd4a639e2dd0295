//! Passes its arguments to flatc and ends with flatc's exit code.
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let flatc = flatc_fork::flatc();
    match Command::new(flatc).args(std::env::args_os().skip(1)).status() {
        Ok(status) => {
            status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
        }
        Err(error) => {
            eprintln!("cannot run {}: {error}", flatc.display());
            ExitCode::FAILURE
        }
    }
}
