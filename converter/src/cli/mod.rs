//! The command line: one file for each subcommand.

mod bench;
mod compare;
mod compile;
mod convert;
mod demo;
mod engine;
mod eval;
mod frontend;
mod inputs;
mod inspect;
mod peak;
mod pictures;
mod run;
mod source;
mod verify;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};

use crate::Failure;

/// Converts, quantizes, inspects, runs and measures models in TFLite's format.
#[derive(Debug, Parser)]
#[command(name = "sedge", version, propagate_version = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 the model, an input or the machine is at fault, 2 the command is."
)]
pub struct Cli {
    /// Tell more of what happens: -v for steps, -vv for details
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Convert(convert::Args),
    Compile(compile::Args),
    Frontend(frontend::Args),
    Run(run::Args),
    Inspect(inspect::Args),
    Bench(bench::Args),
    Verify(verify::Args),
    Eval(eval::Args),
    Compare(compare::Args),
    Demo(demo::Args),
}

impl Cli {
    /// Does what the arguments ask for.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(self) -> Result<(), Failure> {
        trace(self.verbose);
        match self.command {
            Command::Convert(args) => convert::run(args),
            Command::Compile(args) => compile::run(args),
            Command::Frontend(args) => frontend::run(args),
            Command::Eval(args) => eval::run(args),
            Command::Compare(args) => compare::run(args),
            Command::Demo(args) => demo::run(args),
            Command::Run(args) => run::run(args),
            Command::Inspect(args) => inspect::run(args),
            Command::Bench(args) => bench::run(args),
            Command::Verify(args) => verify::run(args),
        }
    }
}

/// Prints the failure, if there is one; tells the exit code.
///
/// People at a terminal get it drawn, with its causes and advice below it; logs get one line.
pub fn finish(result: Result<(), Failure>) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    let code = if failure.is_usage() { 2 } else { 1 };
    if std::io::stderr().is_terminal() {
        eprintln!("{:?}", miette::Report::new(failure));
    } else {
        eprintln!("error: {}", failure.line());
    }
    ExitCode::from(code)
}

/// Sets up what `tracing` prints, on the error output.
fn trace(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("SEDGE_LOG");
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    // It is set up already where a program calls the command twice.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .with_target(false)
        .try_init();
}

/// Prints a value as JSON.
fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value);
    let text = text.map_err(|e| Failure::new("cannot write the result as JSON").cause(e))?;
    print(&text)
}

/// Prints to the standard output; a reader that went away is no failure.
fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    match writeln!(std::io::stdout().lock(), "{}", text.trim_end()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to the standard output: {e}")))
        }
        _ => Ok(()),
    }
}

/// Writes a file whole or not at all: into a temporary one beside it, which then gets its name.
fn write_file(path: &std::path::Path, bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write as _;
    let bad = |e: std::io::Error| Failure::new(format!("cannot write '{}': {e}", path.display()));
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(bad)?;
    file.write_all(bytes).map_err(bad)?;
    readable(&file).map_err(bad)?;
    file.persist(path).map_err(|e| bad(e.error))?;
    Ok(())
}

/// Gives a temporary file, which only its owner may read, the permissions of an ordinary one.
fn readable(file: &tempfile::NamedTempFile) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    let _ = file;
    Ok(())
}

/// A number of bytes, of 1024 bytes with a k, or of 1024 times as many with an M.
fn bytes(text: &str) -> Result<usize, String> {
    let in_units = |letters, unit| Some((text.strip_suffix(letters)?, unit));
    let (number, unit) =
        in_units(['k', 'K'], 1 << 10).or_else(|| in_units(['m', 'M'], 1 << 20)).unwrap_or((text, 1));
    let bytes = number.parse().ok().and_then(|n: usize| n.checked_mul(unit)).filter(|&bytes| bytes != 0);
    bytes.ok_or_else(|| "give a number of bytes, such as 49152, 48k or 2M".to_owned())
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_have_units() {
        for (text, size) in
            [("49152", 49152), ("48k", 49152), ("48K", 49152), ("2M", 2 << 20), ("1m", 1 << 20)]
        {
            assert_eq!(bytes(text), Ok(size));
        }
        for text in ["", "k", "0", "0k", "1.5k", "-1", "4kB", "99999999999999999999M"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
