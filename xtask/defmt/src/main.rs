//! `defmt-lines ELF`: reads what that firmware logs from stdin and writes it to stdout in lines of text,
//! each with its level and a tab before it. What was printed rather than logged has no level.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use defmt_decoder::{DecodeError, Table};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let path = std::env::args_os().nth(1).context("which firmware? defmt-lines ELF")?;
    let elf = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let table = Table::parse(&elf).context("no log messages")?.context("no log messages")?;
    let mut decoder = table.new_stream_decoder();
    let mut buffer = [0; 4096];
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    loop {
        let read = input.read(&mut buffer).context("cannot read stdin")?;
        if read == 0 {
            return Ok(());
        }
        decoder.received(&buffer[..read]);
        loop {
            match decoder.decode() {
                Ok(frame) => {
                    let level = frame.level().map_or("", |level| level.as_str());
                    for line in frame.display_message().to_string().lines() {
                        writeln!(output, "{level}\t{line}").context("cannot write stdout")?;
                    }
                }
                Err(DecodeError::UnexpectedEof) => break,
                Err(DecodeError::Malformed) if table.encoding().can_recover() => {
                    writeln!(output, "error\t(malformed)").context("cannot write stdout")?;
                }
                Err(DecodeError::Malformed) => bail!("malformed"),
            }
        }
        output.flush().context("cannot write stdout")?;
    }
}
